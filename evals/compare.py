"""Two runs beside each other: the same questions, paired, so that a change is told apart from noise."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from evals import manifest as manifests
from evals.contrasts import NonInferiority, holm, non_inferiority, paired
from evals.files import read_lines
from evals.manifest import RUN
from evals.rows import Row
from evals.run import ROWS
from evals.summary import CONTRASTED
from kstore.errors import InputError


@dataclass(frozen=True, slots=True)
class Pair:
    """What two runs scored on one metric with one arm, phrasing by phrasing, and the fact that each is about; ``lost``:
    how many more rows of the old one have such a score."""

    arm: str
    metric: str
    new: Sequence[float]
    old: Sequence[float]
    facts: Sequence[str]
    lost: int = 0


def compare(new: Path, old: Path, seed: int = 0) -> list[dict[str, Any]]:
    """For each arm and metric that both runs have: the paired difference, new minus old, and its corrected p value."""
    pairs = [pair for pair in _pairs(new, old, CONTRASTED) if pair.facts]
    contrasts = [paired(pair.new, pair.old, pair.facts, seed=seed) for pair in pairs]
    adjusted = holm([contrast.p for contrast in contrasts])
    return [
        {
            "arm": pair.arm,
            "metric": pair.metric,
            "difference": contrast.difference.shape(),
            "p": contrast.p,
            "p_holm": p,
            "mde": contrast.mde,
        }
        for pair, contrast, p in zip(pairs, contrasts, adjusted, strict=True)
    ]


def gate(new: Path, baseline: Path, margin: float, metrics: Sequence[str]) -> list[tuple[Pair, NonInferiority]]:
    """For each arm and metric: whether the new run may pass; see ``contrasts.non_inferiority`` for the rule.

    InputError where an arm of the baseline was not run, no arm has a metric, or the new run lacks a score that the
    baseline has: what is not measured has not passed.
    """
    arms, present = manifests.read(baseline)["arms"], manifests.read(new)["arms"]
    if absent := [arm for arm in arms if arm not in present]:
        raise InputError(f"the new run has no {absent[0]!r} to set against the baseline's")
    pairs = _pairs(new, baseline, metrics)
    if unknown := [metric for metric in metrics if metric not in {pair.metric for pair in pairs}]:
        raise InputError(f"no arm has the metric {unknown[0]!r} in both runs")
    if short := next((pair for pair in pairs if pair.lost), None):
        raise InputError(f"the new run lacks {short.metric} of {short.arm} in {short.lost} rows that the baseline has")
    return [(pair, non_inferiority(pair.new, pair.old, pair.facts, margin)) for pair in pairs]


def _pairs(new: Path, old: Path, metrics: Sequence[str]) -> list[Pair]:
    """The pairs of every arm and metric; InputError unless both runs asked the same questions, and all of them."""
    manifest, other = manifests.read(new), manifests.read(old)
    for folder, one in ((new, manifest), (old, other)):
        if one.get("kind") != RUN:
            raise InputError(f"{folder} is no run of questions, which alone can be compared")
    asked, others = ([it["sha256"] for it in one["questions"]] for one in (manifest, other))
    if asked != others:
        raise InputError(f"{new} and {old} did not ask the same questions, so that they cannot be paired")
    rows, before = _rows(new, manifest), _rows(old, other)
    pairs = []
    for arm in (arm for arm in other["arms"] if arm in manifest["arms"]):
        matched = [(rows[key], before[key]) for key in before if key[2] == arm]
        for metric in metrics:
            scored = [(one, two) for one, two in matched if metric in two.scores]
            both = [(one, two) for one, two in scored if metric in one.scores]
            if scored:
                values = [one.scores[metric] for one, _ in both], [two.scores[metric] for _, two in both]
                pairs.append(Pair(arm, metric, *values, [one.cluster for one, _ in both], len(scored) - len(both)))
    return pairs


def _rows(folder: Path, manifest: manifests.Manifest) -> dict[tuple[str, int, str], Row]:
    """The rows of a run by what they answer; InputError where some are still to come."""
    rows = {row.key: row for row in read_lines(folder / ROWS, Row)}
    if len(rows) < manifests.planned(manifest):
        raise InputError(f"{folder} is not finished: --resume takes it up")
    return rows
