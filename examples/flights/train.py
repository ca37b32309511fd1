"""Trains the flights model on January and February, tests it on March, and writes it with its
signature in Triton layout. Nothing about the model was chosen by looking at March.

Usage: python train.py [--out DIR]
"""

import argparse
import hashlib
import json
import pathlib
import re
import textwrap

import numpy as np
import onnx
import onnxruntime
import pandas as pd
from skl2onnx import convert_sklearn
from skl2onnx.common.data_types import FloatTensorType, Int64TensorType, StringTensorType
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import GradientBoostingClassifier
from sklearn.metrics import roc_auc_score
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import OneHotEncoder

HERE = pathlib.Path(__file__).parent
SEED = 7
DELAYED_ABOVE_MINUTES = 15
VALIDATE_FROM = "2001-02-01"
TEST_FROM = "2001-03-01"
NUMBERS = ["distance", "hour", "weekday"]
STRINGS = ["origin", "destination"]
FEATURES = NUMBERS + STRINGS
# Tensors of the graph, in the order of its inputs; every one is a column [N, 1].
INPUTS = [
    ("distance", FloatTensorType([None, 1])),
    ("hour", Int64TensorType([None, 1])),
    ("weekday", Int64TensorType([None, 1])),
    ("origin", StringTensorType([None, 1])),
    ("destination", StringTensorType([None, 1])),
]
NUMPY_TYPES = {"distance": np.float32, "hour": np.int64, "weekday": np.int64}
OPSETS = {"": 17, "ai.onnx.ml": 3}
SIZE_LIMIT_BYTES = 200_000
EXPECTED_ROWS = 300
PAGE_WIDTH = 100


def pipeline() -> Pipeline:
    """An airport that was not in the training months becomes a row of zeros, not an error."""
    columns = ColumnTransformer([
        ("numbers", "passthrough", NUMBERS),
        ("airports", OneHotEncoder(handle_unknown="ignore", sparse_output=False), STRINGS),
    ])
    trees = GradientBoostingClassifier(
        n_estimators=200, max_depth=3, learning_rate=0.05, min_samples_leaf=20,
        subsample=0.7, max_features=0.3, random_state=SEED,
    )
    return Pipeline([("columns", columns), ("trees", trees)])


def fit(table: pd.DataFrame, train: pd.Series, test: pd.Series) -> tuple[Pipeline, float]:
    model = pipeline().fit(table.loc[train, FEATURES], table.loc[train, "delayed"])
    scores = model.predict_proba(table.loc[test, FEATURES])[:, 1]
    return model, float(roc_auc_score(table.loc[test, "delayed"], scores))


def feed(rows: pd.DataFrame) -> dict[str, np.ndarray]:
    """Rows as the graph's inputs: FP32, INT64 or STRING, each [N, 1]."""
    return {
        name: rows[[name]].to_numpy().astype(NUMPY_TYPES.get(name, object)) for name in FEATURES
    }


def answers(model: bytes, rows: pd.DataFrame) -> list[np.ndarray]:
    """Labels [N] and probabilities [N, 2] of the graph. One thread, because with more of them
    ONNX Runtime sums the trees in another order and the last bits differ."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
    return session.run(["label", "probabilities"], feed(rows))


def signature(seen: pd.DataFrame) -> dict:
    """Ranges, categories and dates are those of the records that the model learned from."""
    features = []
    for name in FEATURES:
        feature = {"name": name, "tensor": name, "column": 0}
        if name in STRINGS:
            kind, values = "string", {"categories": sorted(seen[name].unique().tolist())}
        else:
            kind = "number" if name == "distance" else "integer"
            values = {"range": [int(seen[name].min()), int(seen[name].max())]}
        features.append({**feature, "type": kind, "missing": "refuse", **values})
    days = seen["date"].str[:10]
    return {
        "task": "classification",
        "features": features,
        "label": "label",
        "probability": "probabilities",
        "classes": [0, 1],
        "positiveClass": 1,
        "training": {"from": days.min(), "to": days.max()},
    }


def packed(numbers: re.Match[str]) -> str:
    """An array of numbers on one line, or on lines filled to the page width."""
    indent, key, values = numbers[1], numbers[2], " ".join(numbers[3].split())
    line = f"{indent}{key}[{values}]"
    if len(line) < PAGE_WIDTH:
        return line
    deeper = indent + "  "
    filled = textwrap.fill(
        values, PAGE_WIDTH, initial_indent=deeper, subsequent_indent=deeper,
        break_long_words=False, break_on_hyphens=False,
    )
    return f"{indent}{key}[\n{filled}\n{indent}]"


def write_json(path: pathlib.Path, value: object) -> None:
    """Laid out as the project's formatter does it, so that training again changes no byte."""
    text = json.dumps(value, indent=2)
    path.write_text(re.sub(r'^( *)(".*": )\[([-+0-9.eE,\s]+)\]', packed, text, flags=re.M) + "\n")


def main() -> None:
    parser = argparse.ArgumentParser(description="Train the flights model")
    parser.add_argument("--out", type=pathlib.Path, default=HERE, help="folder to write into")
    out = parser.parse_args().out
    table = pd.read_csv(HERE / "flights.csv", keep_default_na=False)
    table["delayed"] = (table["delay"] > DELAYED_ABOVE_MINUTES).astype(int)
    train = table["date"] < TEST_FROM
    january = table["date"] < VALIDATE_FROM
    _, validation_auc = fit(table, january, train & ~january)
    model, sklearn_auc = fit(table, train, ~train)

    graph = convert_sklearn(
        model, name="flights", initial_types=INPUTS, target_opset=OPSETS,
        options={id(model): {"zipmap": False}},
    )
    onnx.checker.check_model(graph)
    content = graph.SerializeToString(deterministic=True)
    if len(content) > SIZE_LIMIT_BYTES:
        raise SystemExit(f"model.onnx: {len(content)} bytes, the limit is {SIZE_LIMIT_BYTES}")
    folder = out / "models" / "flights" / "1"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "model.onnx").write_bytes(content)
    write_json(folder / "signature.json", signature(table[train]))

    labels, probabilities = answers(content, table)
    onnx_auc = float(roc_auc_score(table.loc[~train, "delayed"], probabilities[~train, 1]))
    gap = np.abs(probabilities - model.predict_proba(table[FEATURES])).max()
    write_json(out / "expected.json", {
        "testFrom": TEST_FROM,
        "auc": round(onnx_auc, 4),
        "labels": labels[:EXPECTED_ROWS].tolist(),
        "delayed": [float(p) for p in probabilities[:EXPECTED_ROWS, 1]],
    })
    print(f"rows: {train.sum()} to train, {(~train).sum()} to test")
    print(f"share delayed: {table.delayed[train].mean():.4f}, {table.delayed[~train].mean():.4f}")
    print(f"AUC: validation (February) {validation_auc:.4f}, test (March) {sklearn_auc:.4f}")
    print(f"AUC of the ONNX graph on March: {onnx_auc:.4f}; largest difference {gap:.1e}")
    print(f"model.onnx: {len(content)} bytes, SHA-256 {hashlib.sha256(content).hexdigest()}")


if __name__ == "__main__":
    main()
