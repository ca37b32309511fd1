"""Makes flights.csv from the npm package that carries the records; refuses any other bytes.

Usage: python prepare.py [--package DIR]
Without --package it asks npm for the pinned version (npm must be on PATH).
"""

import argparse
import csv
import hashlib
import io
import json
import pathlib
import subprocess
import tarfile
import tempfile
from datetime import datetime

PACKAGE = "vega-datasets@3.2.1"
SOURCE = "data/flights-20k.json"
SOURCE_SHA256 = "52f0ddd892d4569284b845e17323abc9afb7d303ec8f63251634a20327a610bb"
COLUMNS = ["date", "distance", "hour", "weekday", "origin", "destination", "delay"]
TARGET = pathlib.Path(__file__).parent / "flights.csv"


def fetch() -> bytes:
    """The source table out of the package's archive, which npm checks against its integrity."""
    with tempfile.TemporaryDirectory() as folder:
        packed = subprocess.run(
            ["npm", "pack", "--silent", PACKAGE],
            cwd=folder, check=True, capture_output=True, text=True,
        )
        archive = pathlib.Path(folder) / packed.stdout.split()[-1]
        with tarfile.open(archive) as members:
            member = members.extractfile(f"package/{SOURCE}")
            if member is None:
                raise SystemExit(f"{PACKAGE} holds no {SOURCE}")
            return member.read()


def to_csv(source: bytes) -> bytes:
    """One line per record, ordered by date; equal dates keep the order of the source."""
    rows = [
        (datetime.strptime(record["date"], "%Y/%m/%d %H:%M"), record)
        for record in json.loads(source)
    ]
    rows.sort(key=lambda row: row[0])
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(COLUMNS)
    for date, record in rows:
        writer.writerow([
            date.isoformat(timespec="minutes"), record["distance"], date.hour, date.weekday(),
            record["origin"], record["destination"], record["delay"],
        ])
    return text.getvalue().encode()


def main() -> None:
    parser = argparse.ArgumentParser(description="Make flights.csv")
    parser.add_argument("--package", type=pathlib.Path, help="an unpacked vega-datasets folder")
    package = parser.parse_args().package
    source = fetch() if package is None else (package / SOURCE).read_bytes()
    digest = hashlib.sha256(source).hexdigest()
    if digest != SOURCE_SHA256:
        raise SystemExit(f"{SOURCE}: expected SHA-256 {SOURCE_SHA256}, got {digest}")
    made = to_csv(source)
    TARGET.write_bytes(made)
    print(f"{TARGET.name}: {len(made)} bytes, SHA-256 {hashlib.sha256(made).hexdigest()}")


if __name__ == "__main__":
    main()
