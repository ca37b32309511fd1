"""Answers of SciPy to the samples on standard input, for the differential test beside it."""

import json
import sys
import warnings

import numpy as np
from scipy import stats
from scipy.spatial import distance

warnings.simplefilter("ignore")


def answer(call):
    """The statistic and p-value, or None where SciPy refuses the sample."""
    try:
        result = call()
        return [float(result.statistic), float(result.pvalue)]
    except ValueError:
        return None


def solve(x, y, table):
    """Every test that the differential test compares, by its name there."""
    answers = {}
    for side in ("two-sided", "less", "greater"):
        for method in ("exact", "asymp"):
            answers[f"ks {side} {method}"] = answer(
                lambda: stats.ks_2samp(x, y, alternative=side, method=method)
            )
        answers[f"mann-whitney {side}"] = answer(
            lambda: stats.mannwhitneyu(x, y, alternative=side)
        )
        answers[f"fisher {side}"] = answer(
            lambda: stats.fisher_exact([table[0][:2], table[1][:2]], alternative=side)
        )
    for variant in ("midrank", "right", "continuous"):
        answers[f"anderson {variant}"] = answer(
            lambda: stats.anderson_ksamp([x, y], variant=variant)
        )
    answers["cramer-von-mises"] = answer(lambda: stats.cramervonmises_2samp(x, y))
    answers["student"] = answer(lambda: stats.ttest_ind(x, y))
    answers["chi-squared"] = answer(lambda: stats.chi2_contingency(table))
    for name, yates in (("g-test", False), ("g-test yates", True)):
        answers[name] = answer(
            lambda: stats.chi2_contingency(table, correction=yates, lambda_="log-likelihood")
        )
    # One more of each category: a share of 0 is a question of convention.
    first, second = ((np.array(side) + 1) / (sum(side) + len(side)) for side in table)
    answers["jensen-shannon"] = [float(distance.jensenshannon(first, second)), 0.0]
    answers["kullback-leibler"] = [float(stats.entropy(first, second)), 0.0]
    answers["wasserstein"] = [stats.wasserstein_distance(x, y), 0.0]
    answers["energy"] = [stats.energy_distance(x, y), 0.0]
    return answers


json.dump([solve(*case) for case in json.load(sys.stdin)], sys.stdout)
