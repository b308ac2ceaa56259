"""Two arms, or two runs, on the same questions: paired differences, their chance, and what could have been seen."""

from collections.abc import Hashable, Sequence
from dataclasses import dataclass

import numpy as np
from scipy import stats

from evals.estimates import LEVEL, Floats, cluster_sums, standard_error
from evals.rows import Estimate

_POWER = 0.8
_ENUMERATED = 12  # clusters of which all ways to turn their signs are tried
_AT_ONCE = 1_000  # resamples held in memory together


@dataclass(frozen=True, slots=True)
class Contrast:
    """``difference`` is the mean of a - b; ``p`` of its permutation test; ``mde`` the minimum detectable effect: the
    true difference that such an experiment shows with a power of 80 %."""

    difference: Estimate
    p: float
    mde: float


@dataclass(frozen=True, slots=True)
class NonInferiority:
    """How much was lost against a baseline: ``difference`` is new minus baseline, ``low`` and ``high`` its one-sided
    95 % bounds.

    It fails where the loss is beyond chance (``high`` below 0) and a loss of more than ``margin`` cannot be ruled out
    (``low`` below -``margin``). So noise alone fails one run in twenty at most, and a real loss within the margin that
    is measured well passes.
    """

    difference: Estimate
    low: float
    high: float
    margin: float

    @property
    def passed(self) -> bool:
        return not (self.high < 0 and self.low < -self.margin)


def paired(
    a: Sequence[float], b: Sequence[float], clusters: Sequence[Hashable], *, seed: int, resamples: int = 10_000
) -> Contrast:
    """Contrast the scores of two arms on the same rows, clustered by fact.

    The interval is Student's t with the variance between clusters (Miller 2024, arXiv:2411.00640, section 4.2). The
    permutation test turns the signs of whole clusters, which are exchangeable where the arms do not differ: all ways
    are tried for up to twelve clusters that differ, else ``resamples`` random ones, and the observed one is counted
    among them (Phipson and Smyth 2010). ValueError without rows.
    """
    difference, sums, count = _difference(a, b, clusters)
    if count == 1:
        return Contrast(difference, 1.0, float(difference.high - difference.low))
    error = standard_error(sums - difference.value * _sizes(clusters), len(clusters))
    freedom = count - 1
    mde = float(stats.t.ppf((1 + LEVEL) / 2, freedom) + stats.t.ppf(_POWER, freedom)) * error
    return Contrast(difference, _turned(sums[sums != 0], seed, resamples), mde)


def non_inferiority(
    new: Sequence[float], baseline: Sequence[float], clusters: Sequence[Hashable], margin: float
) -> NonInferiority:
    """Hold a new run's scores against a baseline's on the same rows, clustered by fact. ValueError without rows."""
    difference, sums, count = _difference(new, baseline, clusters)
    if count == 1:
        return NonInferiority(difference, difference.low, difference.high, margin)
    error = standard_error(sums - difference.value * _sizes(clusters), len(clusters))
    reach = float(stats.t.ppf(LEVEL, count - 1)) * error
    return NonInferiority(difference, difference.value - reach, difference.value + reach, margin)


def holm(ps: Sequence[float]) -> list[float]:
    """The p values corrected for their number (Holm 1979), in the same order.

    >>> holm([0.01, 0.04, 0.03])
    [0.03, 0.06, 0.06]
    """
    adjusted = [0.0] * len(ps)
    largest = 0.0
    for rank, place in enumerate(sorted(range(len(ps)), key=lambda it: ps[it])):
        largest = max(largest, min(1.0, (len(ps) - rank) * ps[place]))
        adjusted[place] = largest
    return adjusted


def _difference(a: Sequence[float], b: Sequence[float], clusters: Sequence[Hashable]) -> tuple[Estimate, Floats, int]:
    """The mean difference with its t interval, the sum of the differences of each cluster, and how many these are; of
    one cluster alone, the interval is all that scores in [0, 1] allow."""
    if len(a) != len(b):
        raise ValueError(f"{len(a)} scores and {len(b)}: they are not paired")
    if not len(a):
        raise ValueError("no scores to contrast")
    differences = np.asarray(a, dtype=float) - np.asarray(b, dtype=float)
    value = float(differences.mean())
    sums, count = cluster_sums(differences, clusters)
    if count == 1:
        return Estimate(value, min(-1.0, value), max(1.0, value), len(a), 1), sums, 1
    reach = float(stats.t.ppf((1 + LEVEL) / 2, count - 1)) * standard_error(
        sums - value * _sizes(clusters), len(clusters)
    )
    return Estimate(value, value - reach, value + reach, len(a), count), sums, count


def _sizes(clusters: Sequence[Hashable]) -> Floats:
    return cluster_sums(np.ones(len(clusters)), clusters)[0]


def _turned(sums: Floats, seed: int, resamples: int) -> float:
    """The share of the ways to turn the clusters' signs that give a difference at least as large as the one seen."""
    if not sums.size:
        return 1.0
    seen = abs(float(sums.sum())) * (1 - 1e-12)  # sums of the same numbers in another order are the same
    if sums.size <= _ENUMERATED:
        ways = np.arange(2**sums.size)[:, None] >> np.arange(sums.size) & 1
        return float((np.abs((1 - 2 * ways) @ sums) >= seen).mean())
    chance = np.random.default_rng(seed)
    as_large = 1
    for first in range(0, resamples, _AT_ONCE):
        signs = chance.integers(0, 2, size=(min(_AT_ONCE, resamples - first), sums.size), dtype=np.int8) * 2 - 1
        as_large += int((np.abs(signs @ sums) >= seen).sum())
    return as_large / (resamples + 1)
