"""Asks Weir over HTTP with nothing but Python's own library: at once, and later by id.

    python http_client.py --url http://127.0.0.1:8080 --row '[1750, 0, 0, "DTW", "LAS"]'
"""

import argparse
import json
import time
import urllib.error
import urllib.request
import uuid

WAIT_SECONDS = 30
TRIES_MAX = 5
RETRIED = {429, 503, 504}


def call(url, body=None, headers=None):
    """Status, headers and JSON of an answer, whatever the status."""
    data = None if body is None else json.dumps(body).encode()
    all_headers = {"Content-Type": "application/json", **(headers or {})}
    request = urllib.request.Request(url, data=data, headers=all_headers)
    try:
        with urllib.request.urlopen(request, timeout=WAIT_SECONDS + 10) as answer:
            return answer.status, answer.headers, json.load(answer)
    except urllib.error.HTTPError as refused:
        return refused.code, refused.headers, json.load(refused)


def post(url, body, headers=None):
    """Tries again when Weir says so; the key makes that safe."""
    key = {"Idempotency-Key": uuid.uuid4().hex, **(headers or {})}
    for attempt in range(TRIES_MAX):
        status, told, answer = call(url, body, key)
        if status not in RETRIED or attempt == TRIES_MAX - 1:
            return status, told, answer
        time.sleep(float(told.get("Retry-After", 1)))


def predict(base, model, rows):
    status, _, answer = post(f"{base}/predict?model={model}", {"data": rows})
    if status != 200:
        raise SystemExit(f"{status}: {answer['error']}")
    return answer


def predict_later(base, model, rows):
    later = {"Prefer": "respond-async"}
    status, headers, answer = post(f"{base}/predict?model={model}", {"data": rows}, later)
    if status != 202:
        raise SystemExit(f"{status}: {answer['error']}")
    while True:
        wait = {"Prefer": f"wait={WAIT_SECONDS}"}
        status, _, answer = call(base + headers["Location"], headers=wait)
        if status == 200:
            return answer
        if status != 202:
            raise SystemExit(f"{status}: {answer['error']}")


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--url", default="http://127.0.0.1:8080")
    parser.add_argument("--model", default="flights")
    parser.add_argument("--row", type=json.loads, required=True)
    words = parser.parse_args()
    print(json.dumps(predict(words.url, words.model, [words.row])))
    print(json.dumps(predict_later(words.url, words.model, [words.row])))


main()
