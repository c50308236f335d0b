"""Means with their spread, and ratios of pairs with a bound."""

import dataclasses
import math
import statistics

# Student's t, two-sided 95%, by degrees of freedom from 1 (NIST/SEMATECH e-Handbook of Statistical
# Methods, 1.3.6.7.2); from 30 on the last one is a little too wide.
T_95 = (12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228, 2.201, 2.179, 2.160,
        2.145, 2.131, 2.120, 2.110, 2.101, 2.093, 2.086, 2.080, 2.074, 2.069, 2.064, 2.060, 2.056,
        2.052, 2.048, 2.045, 2.042)

LEAST_PAIRS = 4  # for an interval: of 2 or 3 it says nothing, and looks as if it did


@dataclasses.dataclass(frozen=True)
class Summary:
    mean: float
    stdev: float | None  # of the sample; none of one value
    median: float
    least: float
    most: float


def summarize(values):
    values = list(values)
    return Summary(statistics.fmean(values), statistics.stdev(values) if len(values) > 1 else None,
                   statistics.median(values), min(values), max(values))


@dataclasses.dataclass(frozen=True)
class Ratio:
    """Of pairs of runs: each run of one contender over the run of the other in the same round."""

    pairs: int
    median: float
    least: float
    most: float
    low: float | None  # 95% confidence interval of the geometric mean; none of too few pairs
    high: float | None


def ratio_of_pairs(values, base):
    """Ratios are compared by their logarithms, in which twice and half are equally far from 1."""
    ratios = [value / other for value, other in zip(values, base, strict=True)]
    return Ratio(len(ratios), statistics.median(ratios), min(ratios), max(ratios),
                 *interval(ratios))


def interval(values):
    """A 95% confidence interval of the geometric mean of positive values; nones of too few."""
    if len(values) < LEAST_PAIRS:
        return None, None
    logs = [math.log(value) for value in values]
    t = T_95[min(len(logs) - 1, len(T_95)) - 1]
    reach = t * statistics.stdev(logs) / math.sqrt(len(logs))
    center = statistics.fmean(logs)
    return math.exp(center - reach), math.exp(center + reach)
