"""Whether a confidence means what it says, and what declining below some confidence would gain."""

from typing import Any

import numpy as np
import numpy.typing as npt
from scipy import stats

BINS = 10


def ece(confidences: npt.ArrayLike, right: npt.ArrayLike) -> float:
    """Expected calibration error over ten bins of equal width (Guo et al. 2017, arXiv:1706.04599, equation 3).

    >>> ece([0.9, 0.9], [1.0, 0.0])
    0.4
    """
    told, true = np.asarray(confidences, dtype=float), np.asarray(right, dtype=float)
    bins = _bins(told)
    sums = [np.bincount(bins, weights=values, minlength=BINS) for values in (told, true)]
    return float(np.abs(sums[0] - sums[1]).sum() / len(told))


def brier(confidences: npt.ArrayLike, right: npt.ArrayLike) -> float:
    """Mean squared difference between confidence and correctness (Brier 1950).

    >>> brier([1.0, 0.5], [1.0, 0.0])
    0.125
    """
    return float(np.square(np.asarray(confidences, dtype=float) - np.asarray(right, dtype=float)).mean())


def auroc(confidences: npt.ArrayLike, right: npt.ArrayLike) -> float | None:
    """The probability that a right answer is the more confident of a right and a wrong one, ties counted half (Mann and
    Whitney 1947); None where all are right or all wrong.

    >>> auroc([0.9, 0.4, 0.5], [1.0, 0.0, 0.0]), auroc([0.9], [1.0])
    (1.0, None)
    """
    true = np.asarray(right, dtype=float) > 0.5
    positives, negatives = int(true.sum()), int((~true).sum())
    if not positives or not negatives:
        return None
    ranks = stats.rankdata(np.asarray(confidences, dtype=float))
    return float((ranks[true].sum() - positives * (positives + 1) / 2) / (positives * negatives))


def aurc(confidences: npt.ArrayLike, right: npt.ArrayLike) -> float:
    """Area under the risk-coverage curve: the mean share of wrong answers over all coverages, those of equal confidence
    taken in together (Geifman and El-Yaniv 2017, arXiv:1705.08500).

    >>> aurc([0.9, 0.1], [1.0, 0.0])
    0.25
    """
    told = np.asarray(confidences, dtype=float)
    order = np.argsort(-told, kind="stable")
    wrong = 1 - np.asarray(right, dtype=float)[order]
    sizes = np.unique(-told[order], return_counts=True)[1]
    evened = np.repeat(np.add.reduceat(wrong, np.cumsum(sizes) - sizes) / sizes, sizes)
    return float((np.cumsum(evened) / np.arange(1, len(told) + 1)).mean())


def reliability(confidences: npt.ArrayLike, right: npt.ArrayLike) -> list[dict[str, Any]]:
    """``{"confidence", "accuracy", "n"}`` of each of ten bins of equal width that has answers."""
    told, true = np.asarray(confidences, dtype=float), np.asarray(right, dtype=float)
    bins = _bins(told)
    return [
        {
            "confidence": float(told[bins == number].mean()),
            "accuracy": float(true[bins == number].mean()),
            "n": int((bins == number).sum()),
        }
        for number in range(BINS)
        if (bins == number).any()
    ]


def risk_coverage(confidences: npt.ArrayLike, right: npt.ArrayLike, points: int = 101) -> list[dict[str, float]]:
    """``{"coverage", "risk"}``: the share of wrong answers among the most confident share; at most so many points."""
    told = np.asarray(confidences, dtype=float)
    order = np.argsort(-told, kind="stable")
    wrong = np.cumsum(1 - np.asarray(right, dtype=float)[order])
    ends = np.flatnonzero(np.append(np.diff(told[order]) != 0, True)) + 1  # answers of equal confidence come together
    chosen = ends[np.unique(np.linspace(0, len(ends) - 1, min(points, len(ends))).round().astype(int))]
    return [{"coverage": float(end / len(told)), "risk": float(wrong[end - 1] / end)} for end in chosen]


def _bins(confidences: npt.NDArray[np.float64]) -> npt.NDArray[np.intp]:
    return np.asarray(np.minimum(confidences * BINS, BINS - 1), dtype=np.intp)
