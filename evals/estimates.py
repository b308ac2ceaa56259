"""Figures with 95 % intervals that know that phrasings of one fact are not independent of each other."""

from collections.abc import Callable, Hashable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy import stats

from evals.rows import Estimate

LEVEL = 0.95

Floats = npt.NDArray[np.float64]
Statistic = Callable[[npt.NDArray[np.intp]], float | None]


def mean(values: Sequence[float], clusters: Sequence[Hashable], bounded: bool = True) -> Estimate:
    """The mean of ``values``, one a row, with an interval clustered by ``clusters``, the fact of each row.

    The variance is that between clusters (Miller 2024, arXiv:2411.00640, equation 4, times C/(C-1) for few clusters).
    With ``bounded``, values lie in [0, 1] and the interval is Wilson's (1927) at the effective sample size, that of
    independent yes-or-no answers with the same variance (Korn and Graubard 1998), with Student's t at C-1 degrees of
    freedom: it stays within [0, 1] and has a width also where all values agree, as the clusters are then what counts.
    Otherwise it is Student's t interval. One cluster alone tells nothing of the variance: the interval is [0, 1], and
    for values without bounds the range of the values. ValueError without values.
    """
    sample = np.asarray(values, dtype=float)
    if not sample.size:
        raise ValueError("no values to take the mean of")
    value = float(sample.mean())
    sums, count = cluster_sums(sample - value, clusters)
    if count == 1:
        ends = (0.0, 1.0) if bounded else (float(sample.min()), float(sample.max()))
        return Estimate(value, *ends, sample.size, 1)
    error = standard_error(sums, sample.size)
    t = float(stats.t.ppf((1 + LEVEL) / 2, count - 1))
    if bounded:
        effective = value * (1 - value) / error**2 if error > 0 and 0 < value < 1 else float(count)
        low, high = _wilson(value, effective, t)
    else:
        low, high = value - t * error, value + t * error
    return Estimate(value, min(low, value), max(high, value), sample.size, count)


def quantile(values: Sequence[float], q: float) -> Estimate:
    """The ``q`` quantile of independent values, with the interval between two order statistics that covers it whatever
    the distribution (David and Nagaraja 2003, section 7.1). Where the sample is too small for a bound, the extreme
    value stands for it, and the interval then covers less. ValueError without values."""
    if not len(values):
        raise ValueError("no values to take a quantile of")
    ordered = np.sort(np.asarray(values, dtype=float))
    n = len(ordered)
    value = float(np.quantile(ordered, q, method="inverted_cdf"))
    tail = (1 - LEVEL) / 2
    first, last = int(stats.binom.ppf(tail, n, q)), int(stats.binom.ppf(1 - tail, n, q)) + 1
    low, high = float(ordered[max(first - 1, 0)]), float(ordered[min(last, n) - 1])
    return Estimate(value, min(low, value), max(high, value), n, n)


def bootstrap(
    statistic: Statistic, clusters: Sequence[Hashable], *, seed: int, resamples: int = 1000
) -> Estimate | None:
    """Any function of rows, given by their numbers, with the percentile interval of a bootstrap that draws whole
    clusters (Davison and Hinkley 1997, section 3.8).

    ``statistic`` gives None where it is not defined. None where it is not for the rows as they are, or for more than
    half of the resamples; a few such resamples are passed over.
    """
    members = cluster_members(clusters)
    value = statistic(np.arange(len(clusters)))
    if value is None:
        return None
    chance = np.random.default_rng(seed)
    drawn = (chance.integers(len(members), size=len(members)) for _ in range(resamples))
    found = [statistic(np.concatenate([members[it] for it in chosen])) for chosen in drawn]
    defined = [it for it in found if it is not None]
    if 2 * len(defined) < resamples:
        return None
    low, high = (float(it) for it in np.quantile(defined, ((1 - LEVEL) / 2, (1 + LEVEL) / 2)))
    return Estimate(value, min(low, value), max(high, value), len(clusters), len(members))


def cluster_sums(values: Floats, clusters: Sequence[Hashable]) -> tuple[Floats, int]:
    """The sum of the values of each cluster, in the order in which clusters first appear, and how many there are."""
    if len(values) != len(clusters):
        raise ValueError(f"{len(values)} values and {len(clusters)} clusters")
    number = {cluster: position for position, cluster in enumerate(dict.fromkeys(clusters))}
    rows = np.fromiter((number[cluster] for cluster in clusters), dtype=np.intp, count=len(clusters))
    return np.bincount(rows, weights=values, minlength=len(number)).astype(np.float64), len(number)


def cluster_members(clusters: Sequence[Hashable]) -> list[npt.NDArray[np.intp]]:
    """The numbers of the rows of each cluster."""
    members: dict[Hashable, list[int]] = {}
    for row, cluster in enumerate(clusters):
        members.setdefault(cluster, []).append(row)
    return [np.asarray(rows, dtype=np.intp) for rows in members.values()]


def standard_error(sums: Any, rows: int) -> float:
    """Of a mean over ``rows``, from the sum of the deviations of each cluster; two clusters at least."""
    return float(np.sqrt(np.square(sums).sum() * len(sums) / (len(sums) - 1)) / rows)


def _wilson(value: float, n: float, t: float) -> tuple[float, float]:
    middle = (value + t**2 / (2 * n)) / (1 + t**2 / n)
    half = t / (1 + t**2 / n) * float(np.sqrt(value * (1 - value) / n + t**2 / (4 * n**2)))
    return max(middle - half, 0.0), min(middle + half, 1.0)
