"""From the rows of a freshness run or a replay to its figures, for ``summary.json`` and the report."""

from collections import Counter
from collections.abc import Iterable, Sequence
from statistics import median
from typing import Any, get_args

from evals.cases import Kind
from evals.estimates import quantile
from evals.freshness.conflict import conflict
from evals.freshness.figures import largest, ratio
from evals.freshness.measures import Measured
from evals.freshness.rows import FreshnessRow, WriteRow
from evals.freshness.swap import SWAP, matrix
from evals.freshness.verdict import Verdict
from evals.rows import Estimate, Outcome

_ONE_BY_ONE = ("single", "replay")


def summarise(rows: Sequence[FreshnessRow | WriteRow], weights: str = "parametric") -> dict[str, Any]:
    """``{"arms": {arm: {measure: estimate}}, "counts": {"scored", "declined", "errored", "total"}, "freshness"}``.

    The arms' figures are of edits made one by one, or of the commits replayed; ``freshness.modes`` has all modes'.
    ``weights`` is the arm whose knowledge of before makes a conflict. Estimates are in their ``shape``.
    """
    answers = [row for row in rows if isinstance(row, FreshnessRow)]
    writes = [row for row in rows if isinstance(row, WriteRow)]
    modes = [mode for mode in dict.fromkeys(row.mode for row in rows) if mode != SWAP]
    main = next((mode for mode in _ONE_BY_ONE if mode in modes), modes[0] if modes else "")
    measured = {mode: _measured(answers, mode) for mode in modes}
    chosen = measured.get(main, {})
    of_main = [row for row in answers if row.mode == main]
    stages = _stages([row for row in writes if row.mode == main])
    return {
        "arms": {arm: _shapes(it.estimates()) for arm, it in chosen.items()},
        "counts": _counts(answers),
        "freshness": {
            "mode": main,
            "timeline": {
                arm: {"visible_ms": it.visible_ms(), "stale_gone_ms": it.stale_gone_ms()} for arm, it in chosen.items()
            },
            "stages_ms": {arm: {**stages, **_median("answer", it.answer_ms())} for arm, it in chosen.items()},
            "verdicts": {arm: _verdicts(row for row in of_main if row.arm == arm) for arm in chosen},
            "modes": {mode: {arm: _reached(it) for arm, it in arms.items()} for mode, arms in measured.items()},
            "writes": {mode: _writes([row for row in writes if row.mode == mode]) for mode in modes},
            "swap": matrix(answers),
            "conflict": conflict(of_main, weights),
        },
    }


def _measured(answers: Sequence[FreshnessRow], mode: str) -> dict[str, Measured]:
    rows = [row for row in answers if row.mode == mode]
    return {arm: Measured(row for row in rows if row.arm == arm) for arm in dict.fromkeys(row.arm for row in rows)}


def _reached(measured: Measured) -> dict[str, Any]:
    """An arm's figures in one mode, with how many edits reached T_visible and T_stale_gone and how many did not."""
    visible, gone = len(measured.visible_ms()), len(measured.stale_gone_ms())
    return {
        **_shapes(measured.estimates()),
        "visible": {"reached": visible, "not_reached": measured.not_visible()},
        "stale_gone": {"reached": gone, "not_reached": measured.never_gone()},
    }


def _counts(answers: Sequence[FreshnessRow]) -> dict[str, int]:
    """What became of every question, in all modes."""
    counts = Counter("errored" if row.error else "declined" if row.answer is None else "scored" for row in answers)
    return {**{outcome: counts[outcome] for outcome in get_args(Outcome)}, "total": counts.total()}


def _verdicts(rows: Iterable[FreshnessRow]) -> dict[str, dict[str, int]]:
    """``{kind: {verdict: n}}`` of the targets after the edit; ``mixed`` of them tell what is new and what is old."""
    found: dict[str, Counter[str]] = {kind: Counter() for kind in get_args(Kind)}
    for row in rows:
        if (row.role, row.phase) == ("target", "after"):
            found[row.kind].update([row.verdict, *(["mixed"] if row.mixed else [])])
    return {kind: {name: n[name] for name in (*get_args(Verdict), "mixed")} for kind, n in found.items() if n}


def _stages(writes: Sequence[WriteRow]) -> dict[str, float]:
    """The median length of each stage of the writes that change words, in the order in which they come."""
    told = [row.timings_ms for row in writes if row.phase == "after" and row.kind != "format"]
    names = dict.fromkeys(stage for timings in told for stage in timings if stage not in {"total", "meanwhile"})
    return {stage: median(timings.get(stage, 0.0) for timings in told) for stage in names}


def _median(name: str, values: Sequence[float]) -> dict[str, float]:
    return {name: median(values)} if values else {}


def _writes(writes: Sequence[WriteRow]) -> dict[str, Any]:
    """What the writes of a mode cost: of those that change words, of those of form alone, and of taking them back."""
    edits = [row for row in writes if row.phase == "after" and row.failed is None]
    words = [row for row in edits if row.kind != "format"]
    form = [row for row in edits if row.kind == "format"]
    lengths = [row.timings_ms["total"] for row in edits]
    meanwhile = [row.timings_ms["meanwhile"] for row in edits if "meanwhile" in row.timings_ms]
    estimates: dict[str, Estimate | None] = {
        "encoded_per_changed_byte": ratio([(row.encoded, row.changed_bytes) for row in words])
    }
    if lengths:
        quantiles = {f"write_ms_{name}": quantile(lengths, q) for name, q in (("p50", 0.5), ("p95", 0.95))}
        estimates |= {**quantiles, "write_ms_max": largest(lengths)}
    if meanwhile:
        estimates["others_answer_ms_p50"] = quantile(meanwhile, 0.5)
    return {
        "writes": len(edits),
        "failed": sum(row.failed is not None for row in writes),
        "documents": sum(row.added + row.changed + row.deleted for row in edits),
        "encoded": sum(row.encoded for row in words),
        "changed_bytes": sum(row.changed_bytes for row in words),
        "format_writes": len(form),
        "format_encoded": sum(row.encoded for row in form),
        "format_changed_bytes": sum(row.changed_bytes for row in form),
        "others_unanswered": sum(row.unanswered for row in edits),
        **_shapes({name: it for name, it in estimates.items() if it is not None}),
    }


def _shapes(estimates: dict[str, Estimate]) -> dict[str, Any]:
    return {name: estimate.shape() for name, estimate in estimates.items()}
