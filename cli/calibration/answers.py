"""p-values of SciPy, and of alibi-detect where there is one, for the samples of `show calibration`.

Reads from a file of float64 the reference and window of each repetition, and prints one JSON
object: per test one p-value, or alibi-detect's verdict as 0 or 1, for each repetition.
"""

import json
import sys
import warnings

import numpy as np
from scipy import stats

warnings.simplefilter("ignore")

try:
    from alibi_detect.cd import ChiSquareDrift, CVMDrift, KSDrift, MMDDrift
except ImportError:
    KSDrift = None

ALPHA = 0.05


def table(x, y):
    """Counts per category of both sides."""
    keys = np.union1d(x, y)
    return [[int((side == key).sum()) for key in keys] for side in (x, y)]


def corrected(x, y):
    """The least p of a Kolmogorov-Smirnov test per feature, times the number of features."""
    found = [stats.ks_2samp(x[:, i], y[:, i], method="asymp").pvalue for i in range(x.shape[1])]
    return min(1.0, min(found) * x.shape[1])


SCIPY = {
    "number": {
        "ks": lambda x, y: stats.ks_2samp(x[:, 0], y[:, 0]).pvalue,
        "anderson": lambda x, y: stats.anderson_ksamp([x[:, 0], y[:, 0]], variant="midrank").pvalue,
        "cvm": lambda x, y: stats.cramervonmises_2samp(x[:, 0], y[:, 0]).pvalue,
        "mann-whitney": lambda x, y: stats.mannwhitneyu(x[:, 0], y[:, 0]).pvalue,
        "student-t": lambda x, y: stats.ttest_ind(x[:, 0], y[:, 0]).pvalue,
    },
    "category": {
        "chi-squared": lambda x, y: stats.chi2_contingency(table(x[:, 0], y[:, 0])).pvalue,
        "g-test": lambda x, y: stats.chi2_contingency(
            table(x[:, 0], y[:, 0]), lambda_="log-likelihood"
        ).pvalue,
    },
    "numbers": {"bonferroni": corrected},
}


def drift(detector, y):
    """Whether a detector of alibi-detect says drift, as 0 or 1."""
    return int(np.any(detector.predict(y)["data"]["is_drift"]))


def mmd(x, y):
    """MMD with 100 permutations, on the backend that alibi-detect takes by default."""
    reference = x.astype(np.float32)
    detector = MMDDrift(reference, backend="tensorflow", p_val=ALPHA, n_permutations=100)
    return drift(detector, y.astype(np.float32))


ALIBI = {
    "number": {
        "ks": lambda x, y: drift(KSDrift(x, p_val=ALPHA), y),
        "cvm": lambda x, y: drift(CVMDrift(x, p_val=ALPHA), y),
        "mmd": mmd,
    },
    "category": {"chi-squared": lambda x, y: drift(ChiSquareDrift(x, p_val=ALPHA), y)},
    "numbers": {"bonferroni": lambda x, y: drift(KSDrift(x, p_val=ALPHA), y), "mmd": mmd},
}


def main(path, kind, reference_rows, window_rows, width, alibi_repetitions):
    """Prints the answers to the samples of one file."""
    rows = np.fromfile(path, dtype="<f8").reshape(-1, reference_rows + window_rows, width)
    pairs = [(one[:reference_rows], one[reference_rows:]) for one in rows]
    scipy = {name: [float(test(*pair)) for pair in pairs] for name, test in SCIPY[kind].items()}
    alibi = {}
    if KSDrift is not None:
        for name, test in ALIBI[kind].items():
            try:
                alibi[name] = [test(*pair) for pair in pairs[:alibi_repetitions]]
            except ImportError:
                # Without TensorFlow it has no MMD.
                continue
    print(json.dumps({"scipy": scipy, "alibi": alibi}))


main(sys.argv[1], sys.argv[2], *map(int, sys.argv[3:7]))
