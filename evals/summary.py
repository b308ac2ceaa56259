"""From the rows of a run to its figures: ``summary.json``. No model is needed, so it can be made again at any time."""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import combinations
from typing import Any, get_args

import numpy as np
import numpy.typing as npt

from evals.calibration import aurc, auroc, brier, ece, reliability, risk_coverage
from evals.cases import Question
from evals.contrasts import holm, paired
from evals.estimates import bootstrap, mean, quantile
from evals.rows import Estimate, Outcome, Row
from evals.scoring import METRICS, Scorer, consistency
from evals.slices import Slices

SUMMARY = "summary.json"
CONTRASTED = ("exact_match", "f1", "contains", "recall@5", "citation_recall")
SLICED = ("exact_match", "f1", "contains", "recall@5")
_HEADLINE = ("exact_match", "f1", "contains", "recall@5", "latency_ms_p50")
_LEVEL = 0.05
_QUANTILES = (("latency_ms_p50", 0.5), ("latency_ms_p95", 0.95), ("latency_ms_p99", 0.99))
_POINTS = 101  # of a latency distribution in the report

Summary = dict[str, Any]


def summarise(
    rows: Sequence[Row],
    cases: Mapping[str, Question],
    documents: Mapping[str, str],
    abilities: Mapping[str, Mapping[str, bool]],
    seed: int,
) -> tuple[Summary, list[Row]]:
    """The summary of a run, and its rows with their scores computed anew.

    ``abilities`` says of each arm whether it ``ranks`` and whether it ``cites``; its order is that of the arms.
    """
    scorer = Scorer(cases, documents)
    by_arm = {
        arm: scorer.score([row for row in rows if row.arm == arm], cites=can["cites"], ranks=can["ranks"])
        for arm, can in abilities.items()
    }
    summary = {
        "arms": {arm: _shapes(_figures(own, seed)) for arm, own in by_arm.items()},
        "contrasts": _contrasts(by_arm, seed),
        "counts": _counts(rows),
        "counts_by_arm": {arm: _counts(own) for arm, own in by_arm.items()},
        "errors": {arm: errors for arm, own in by_arm.items() if (errors := _errors(own))},
        "slices": _sliced(by_arm, cases, documents),
        "curves": _curves(by_arm),
    }
    return summary, [row for own in by_arm.values() for row in own]


def headline(summary: Summary) -> str:
    """The main figures as lines for a terminal, each with half of its interval's width; then what failed, and how."""
    width = max(map(len, summary["arms"]))
    lines = [f"{'':{width}}" + "".join(f"{name:>18}" for name in _HEADLINE)]
    for arm, figures in summary["arms"].items():
        cells = [_cell(figures.get(name)) for name in _HEADLINE]
        lines.append(f"{arm:{width}}" + "".join(f"{cell:>18}" for cell in cells))
    for arm, errors in summary["errors"].items():
        kinds = ", ".join(f"{kind} {times}" for kind, times in errors.items())
        lines.append(f"{arm} failed in {sum(errors.values())} of {summary['counts_by_arm'][arm]['total']}: {kinds}")
    return "\n".join(lines)


def _cell(figure: Mapping[str, Any] | None) -> str:
    if figure is None:
        return "-"
    low, high = figure["ci"]
    digits = 3 if abs(figure["value"]) < 10 else 0
    return f"{figure['value']:.{digits}f} ± {(high - low) / 2:.{digits}f}"


def _figures(rows: Sequence[Row], seed: int) -> dict[str, Estimate]:
    """Every metric that the rows of one arm define."""
    scores = _by_metric(rows)
    found = {name: mean(values, facts, METRICS[name].bounded) for name, (values, facts) in scores.items()}
    if agreement := consistency(rows):
        found["consistency"] = mean([value for _, value in agreement], [fact for fact, _ in agreement])
    found |= _calibrated(rows, seed)
    answered = [row for row in rows if "total" in row.timings_ms]
    if answered:
        totals = [row.timings_ms["total"] for row in answered]
        found |= {name: quantile(totals, q) for name, q in _QUANTILES}
        facts = [row.cluster for row in answered]
        if worth := _worth(answered, facts, seed):
            found["right_per_second"] = worth
        found["cpu_ms"] = mean([row.timings_ms["cpu"] for row in answered], facts, bounded=False)
    begun = [row.timings_ms["first_token"] for row in answered if "first_token" in row.timings_ms]
    if begun:
        found["first_token_ms_p50"] = quantile(begun, 0.5)
    written = [row for row in rows if row.tokens is not None]
    if written:
        found["tokens"] = mean(
            [float(row.tokens or 0) for row in written], [row.cluster for row in written], bounded=False
        )
    return {name: found[name] for name in METRICS if name in found}


def _worth(rows: Sequence[Row], facts: Sequence[str], seed: int) -> Estimate | None:
    """Accuracy for time: all that is right over all the seconds spent, which an arm that is now quick and now slow has
    no median for."""
    right = np.array([row.scores["exact_match"] for row in rows])
    seconds = np.array([row.timings_ms["total"] / 1e3 for row in rows])

    def statistic(chosen: npt.NDArray[np.intp]) -> float | None:
        spent = float(seconds[chosen].sum())
        return float(right[chosen].sum()) / spent if spent else None

    return bootstrap(statistic, facts, seed=seed)


def _by_metric(rows: Iterable[Row]) -> dict[str, tuple[list[float], list[str]]]:
    scores: dict[str, tuple[list[float], list[str]]] = defaultdict(lambda: ([], []))
    for row in rows:
        for name, score in row.scores.items():
            values, facts = scores[name]
            values.append(score)
            facts.append(row.cluster)
    return scores


def _confident(rows: Iterable[Row]) -> tuple[list[float], list[float], list[str]]:
    """Confidence, whether right, and fact of each answer that came with a confidence."""
    told = [row for row in rows if row.confidence is not None and row.answer is not None]
    return (
        [float(row.confidence or 0) for row in told],
        [row.scores["exact_match"] for row in told],
        [row.cluster for row in told],
    )


def _calibrated(rows: Sequence[Row], seed: int) -> dict[str, Estimate]:
    confidences, right, facts = _confident(rows)
    if not confidences:
        return {}

    told, true = np.asarray(confidences), np.asarray(right)

    def of(measure: Callable[[npt.NDArray[np.float64], npt.NDArray[np.float64]], float | None]) -> Estimate | None:
        def statistic(chosen: npt.NDArray[np.intp]) -> float | None:
            return measure(told[chosen], true[chosen])

        return bootstrap(statistic, facts, seed=seed)

    measured = {"ece": of(ece), "brier": of(brier), "auroc": of(auroc), "aurc": of(aurc)}
    return {name: estimate for name, estimate in measured.items() if estimate is not None}


def _contrasts(by_arm: Mapping[str, Sequence[Row]], seed: int) -> list[dict[str, Any]]:
    """Every two arms on every contrasted metric that both define, paired by phrasing; p values corrected together."""
    asked = {arm: {(row.case, row.phrasing): row for row in rows} for arm, rows in by_arm.items()}
    found = []
    for metric in CONTRASTED:
        for one, other in combinations(asked, 2):
            pairs = [(row, asked[other][key]) for key, row in asked[one].items() if key in asked[other]]
            both = [(a, b) for a, b in pairs if metric in a.scores and metric in b.scores]
            if both:
                scores = [a.scores[metric] for a, _ in both], [b.scores[metric] for _, b in both]
                found.append((metric, one, other, paired(*scores, [a.cluster for a, _ in both], seed=seed)))
    adjusted = holm([contrast.p for *_, contrast in found])
    return [
        {
            "metric": metric,
            "a": one,
            "b": other,
            "difference": contrast.difference.shape(),
            "p": contrast.p,
            "p_holm": p,
            "mde": contrast.mde,
            "winner": _winner(one, other, contrast.difference, p),
        }
        for (metric, one, other, contrast), p in zip(found, adjusted, strict=True)
    ]


def _winner(one: str, other: str, difference: Estimate, p: float) -> str | None:
    """The better arm, and only where the interval excludes zero and the corrected p value agrees."""
    if p > _LEVEL or difference.low <= 0 <= difference.high:
        return None
    return one if difference.value > 0 else other


def _counts(rows: Sequence[Row]) -> dict[str, int]:
    counts = Counter(row.outcome for row in rows)
    told: dict[str, int] = {outcome: counts[outcome] for outcome in get_args(Outcome)}
    if sum(told.values()) != len(rows):
        raise AssertionError(f"outcomes {told} of {len(rows)} rows")
    return {**told, "total": len(rows)}


def _errors(rows: Iterable[Row]) -> dict[str, int]:
    return dict(Counter(row.error for row in rows if row.error is not None).most_common())


def _sliced(
    by_arm: Mapping[str, Sequence[Row]], cases: Mapping[str, Question], documents: Mapping[str, str]
) -> dict[str, dict[str, dict[str, dict[str, Any]]]]:
    """``{dimension: {slice: {arm: {metric: estimate}}}}``."""
    slices = Slices(cases, documents)
    cut: dict[str, dict[str, dict[str, list[Row]]]] = defaultdict(lambda: defaultdict(lambda: defaultdict(list)))
    for arm, rows in by_arm.items():
        for row in rows:
            for dimension, value in slices.of(row).items():
                cut[dimension][value][arm].append(row)
    return {
        dimension: {
            value: {arm: _slice_figures(rows) for arm, rows in arms.items()} for value, arms in sorted(values.items())
        }
        for dimension, values in cut.items()
        if len(values) > 1
    }


def _slice_figures(rows: Sequence[Row]) -> dict[str, Any]:
    scores = _by_metric(rows)
    return _shapes({name: mean(*scores[name], METRICS[name].bounded) for name in SLICED if name in scores})


def _curves(by_arm: Mapping[str, Sequence[Row]]) -> dict[str, dict[str, Any]]:
    reliable, risky, latency = {}, {}, {}
    for arm, rows in by_arm.items():
        told = [row for row in rows if row.confidence is not None and row.answer is not None]
        if told:
            confidences, right = [row.confidence or 0.0 for row in told], [row.scores["exact_match"] for row in told]
            reliable[arm] = reliability(confidences, right)
            risky[arm] = risk_coverage(confidences, right)
        answered = [row.timings_ms for row in rows if "total" in row.timings_ms]
        if answered:
            latency[arm] = {"total": distribution([it["total"] for it in answered]), "stages": stages(answered)}
    return {"reliability": reliable, "risk_coverage": risky, "latency_ms": latency}


def distribution(values: Sequence[float]) -> list[list[float]]:
    ordered = sorted(values)
    shares = [number / (_POINTS - 1) for number in range(_POINTS)]
    return [[share, ordered[round(share * (len(ordered) - 1))]] for share in shares]


def stages(timings: Sequence[Mapping[str, float]]) -> dict[str, float]:
    """The median of each stage over all answers; 0 counts for an answer that had no such stage."""
    names = dict.fromkeys(name for it in timings for name in it if name not in {"total", "wall", "cpu"})
    return {name: sorted(it.get(name, 0.0) for it in timings)[len(timings) // 2] for name in names}


def _shapes(estimates: Mapping[str, Estimate]) -> dict[str, Any]:
    return {name: estimate.shape() for name, estimate in estimates.items()}
