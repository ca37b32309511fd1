"""Times alibi-detect and SciPy on the arrays of `bench drift`, and says what they found."""

import json
import sys
import time
import warnings

import numpy as np
from alibi_detect.cd import KSDrift, MMDDrift
from scipy import stats

warnings.simplefilter("ignore")


def timed(call, rounds):
    """Milliseconds of each round, and the answer of the last; the first round is not counted."""
    answer = call()
    millis = []
    for _ in range(rounds):
        began = time.perf_counter()
        answer = call()
        millis.append((time.perf_counter() - began) * 1000)
    return {"millis": millis, "answer": answer}


def main(path, reference_rows, window_rows, width):
    """Reads float64 rows, reference first, and prints one JSON object."""
    rows = np.fromfile(path, dtype="<f8").reshape(-1, width)
    reference = rows[:reference_rows]
    window = rows[reference_rows : reference_rows + window_rows]
    columns = [(reference[:, i], window[:, i]) for i in range(width)]

    def over_columns(test):
        return [[float(one.statistic), float(one.pvalue)] for one in map(test, columns)]

    detector = KSDrift(reference, p_val=0.05)
    mmd = MMDDrift(
        reference.astype(np.float32), backend="tensorflow", p_val=0.05, n_permutations=100
    )

    def alibi_ks():
        data = detector.predict(window)["data"]
        return [list(map(float, pair)) for pair in zip(data["distance"], data["p_val"])]

    def alibi_mmd():
        data = mmd.predict(window.astype(np.float32))["data"]
        return [[float(data["distance"]), float(data["p_val"])]]

    found = {
        "alibi-ks": timed(alibi_ks, 30),
        "scipy-ks-exact": timed(lambda: over_columns(lambda xy: stats.ks_2samp(*xy)), 30),
        "scipy-ks": timed(
            lambda: over_columns(lambda xy: stats.ks_2samp(*xy, method="asymp")), 30
        ),
        "scipy-anderson": timed(
            lambda: over_columns(lambda xy: stats.anderson_ksamp(list(xy), variant="midrank")), 30
        ),
        "alibi-mmd": timed(alibi_mmd, 3),
    }
    print(json.dumps(found))


main(sys.argv[1], *map(int, sys.argv[2:5]))
