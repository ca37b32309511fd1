"""Writes the Parquet files beside it, with pandas 3.0, PyArrow and Polars."""

from pathlib import Path

import pandas as pd
import polars as pl

here = Path(__file__).parent
frame = pd.DataFrame(
    {
        "i": [1, 2, 3, None],
        "n": pd.array([1, 2, 3, 4], dtype="int32"),
        "f": [0.1, 2.5, float("nan"), 4],
        "f32": pd.array([0.1, 0.2, 0.3, 5], dtype="float32"),
        "s": ["a", None, "c", "a"],
        "b": [True, False, True, True],
        "d": pd.to_datetime(
            ["2024-01-01", "2024-01-02 03:04:05", None, "2024-02-01"], format="ISO8601"
        ),
        "c": pd.Categorical(["x", "y", "x", "x"]),
    },
    index=["r1", "r2", "r3", "r4"],
)
frame.to_parquet(here / "pandas-snappy.parquet", compression="snappy")
frame.to_parquet(here / "pandas-two-groups.parquet", row_group_size=2)
lists = pl.Series("l", [[1], [2, 3], [], [4]])
pl.from_pandas(frame.reset_index(drop=True)).with_columns(lists).write_parquet(
    here / "polars-zstd.parquet"
)
