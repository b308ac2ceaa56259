"""Conflict: the weights know one answer, and the documents now give another one. Which of them does an arm follow?"""

from collections.abc import Sequence
from typing import Any

from evals.estimates import mean
from evals.freshness.rows import FreshnessRow
from evals.freshness.verdict import Verdict

_CALLED: dict[str, tuple[Verdict, ...]] = {
    "follow": ("new",),  # the document
    "override": ("old",),  # the document by what was known
    "decline": ("declined",),
    "other": ("other", "errored"),
}


def conflict(rows: Sequence[FreshnessRow], weights: str) -> dict[str, dict[str, Any]]:
    """``{arm: {"follow", "override", "decline", "other": estimate}}`` over the phrasings to which the arm ``weights``
    gave the old answer before an edit that changes it into another one; {} where there are none."""
    changing = [row for row in rows if row.role == "target" and row.kind in {"value", "rename"}]
    known = {
        (row.edit, row.phrasing)
        for row in changing
        if row.phase == "before" and row.arm == weights and row.verdict == "old"
    }
    after = [row for row in changing if row.phase == "after" and (row.edit, row.phrasing) in known]
    found: dict[str, dict[str, Any]] = {}
    for arm in dict.fromkeys(row.arm for row in after):
        answers = [row for row in after if row.arm == arm]
        clusters = [row.edit for row in answers]
        found[arm] = {
            name: mean([float(row.verdict in verdicts) for row in answers], clusters).shape()
            for name, verdicts in _CALLED.items()
        }
    return found
