"""What is measured of one arm in one mode: shares of its answers, and times from a write to what it changes."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from evals.cases import Kind
from evals.estimates import mean, quantile
from evals.freshness.figures import largest
from evals.freshness.rows import FreshnessRow
from evals.rows import Estimate

_TELLS_NEW: frozenset[Kind] = frozenset({"value", "rename", "insert"})  # another answer is wanted than before
_TOLD_OLD: frozenset[Kind] = frozenset({"value", "rename", "delete"})  # the answer of before is stale
_STAYS: frozenset[Kind] = frozenset({"format", "move"})


@dataclass(frozen=True, slots=True)
class Measure:
    """What a figure means, in which unit (empty: a share), and whether ``higher`` or ``lower`` is better."""

    meaning: str
    unit: str
    better: str


_VISIBLE = "from the call of the write to the first new answer, where one came"
_STALE_GONE = "from the call of the write to the last old answer (0: none came), where the last answer was not old"

MEASURES = {
    "update_success": Measure("after the edit, the answer is the new one", "", "higher"),
    "paraphrase_success": Measure("the same, of the paraphrases alone", "", "higher"),
    "update_success_of_known": Measure("the same, where the old answer was told before", "", "higher"),
    "stale_rate": Measure("after the edit, the answer is still the old one", "", "lower"),
    "stale_rate_of_known": Measure("the same, where the old answer was told before", "", "lower"),
    "deletion_compliance": Measure("what was told before and is deleted is not told any more", "", "higher"),
    "deletion_declined": Measure("the same, and no other answer is given in its place", "", "higher"),
    "unharmed": Measure("after a change of form or place, a right answer is still right", "", "higher"),
    "locality": Measure("the answer to what the edit leaves alone is the same as before", "", "higher"),
    "locality_near": Measure("the same, about what stands near by", "", "higher"),
    "locality_far": Measure("the same, about other documents", "", "higher"),
    "locality_right": Measure("a right answer to what the edit leaves alone is still right", "", "higher"),
    "reverted": Measure("the edit being taken back, the verdict is that of before", "", "higher"),
    "as_of_after": Measure("after the edit, the answer's as_of is the edited state", "", "higher"),
    **{f"t_visible_ms_{it}": Measure(f"{_VISIBLE}: {it}", "ms", "lower") for it in ("p50", "p95", "max")},
    **{f"t_stale_gone_ms_{it}": Measure(f"{_STALE_GONE}: {it}", "ms", "lower") for it in ("p50", "p95", "max")},
}


class Measured:
    """The rows of one arm in one mode, and what can be read from them."""

    def __init__(self, rows: Iterable[FreshnessRow]) -> None:
        self._rows = list(rows)
        before = [row for row in self._rows if row.phase == "before"]
        self._verdicts = {(row.edit, row.case, row.phrasing): row.verdict for row in before}

    def estimates(self) -> dict[str, Estimate]:
        """Every one of ``MEASURES`` for which there are rows."""
        found = {**self._about_targets(), **self._about_others()}
        for name, times in (("visible", self.visible_ms()), ("stale_gone", self.stale_gone_ms())):
            if times:
                found[f"t_{name}_ms_p50"] = quantile(times, 0.5)
                found[f"t_{name}_ms_p95"] = quantile(times, 0.95)
                found[f"t_{name}_ms_max"] = largest(times)
        return {name: estimate for name, estimate in found.items() if estimate is not None}

    def visible_ms(self) -> list[float]:
        """T_visible of each edit that reached it, ascending."""
        return sorted(row.timings_ms["visible"] for row in self._timed(_TELLS_NEW) if "visible" in row.timings_ms)

    def stale_gone_ms(self) -> list[float]:
        """T_stale_gone of each edit that reached it, ascending; of edits whose old answer was told before."""
        return sorted(row.timings_ms["stale_gone"] for row in self._stale() if "stale_gone" in row.timings_ms)

    def not_visible(self) -> int:
        """How many edits never had a new answer while it was waited for."""
        return sum("visible" not in row.timings_ms for row in self._timed(_TELLS_NEW))

    def never_gone(self) -> int:
        """How many edits had an old answer to the end."""
        return sum("stale_gone" not in row.timings_ms for row in self._stale())

    def answer_ms(self) -> list[float]:
        """From the end of the write to the first new answer."""
        rows = (row.timings_ms for row in self._timed(_TELLS_NEW))
        return [times["visible"] - times["written"] for times in rows if "visible" in times]

    def _about_targets(self) -> dict[str, Estimate | None]:
        new, old, same = (self._targets(kinds) for kinds in (_TELLS_NEW, _TOLD_OLD, _STAYS))
        told = [row for row in old if self._before(row) == "old"]
        gone = [row for row in told if row.kind == "delete"]
        in_all = {row.edit for row in new if row.phrasing == 0}  # where one phrasing is asked, it is the best known
        return {
            "update_success": _share(new, _is_new),
            "paraphrase_success": _share([row for row in new if row.phrasing and row.edit in in_all], _is_new),
            "update_success_of_known": _share([row for row in told if row.kind != "delete"], _is_new),
            "stale_rate": _share(old, _is_old),
            "stale_rate_of_known": _share(told, _is_old),
            "deletion_compliance": _share(gone, lambda row: row.verdict in {"new", "other"}),
            "deletion_declined": _share(gone, _is_new),
            "unharmed": _share([row for row in same if self._before(row) == "new"], _is_new),
            "as_of_after": _share(
                [row for row in self._rows if row.phase == "after" and row.as_of], lambda row: row.as_of == "after"
            ),
        }

    def _about_others(self) -> dict[str, Estimate | None]:
        beside = [row for row in self._rows if row.phase == "after" and row.role != "target"]
        right = [row for row in beside if self._before(row) == "new"]
        reverted = [row for row in self._rows if row.phase == "reverted"]
        return {
            "locality": _share(beside, _is_unchanged),
            "locality_near": _share([row for row in beside if row.role == "neighbour"], _is_unchanged),
            "locality_far": _share([row for row in beside if row.role == "control"], _is_unchanged),
            "locality_right": _share(right, _is_new),
            "reverted": _share(reverted, lambda row: row.verdict == self._before(row)),
        }

    def _targets(self, kinds: frozenset[Kind]) -> list[FreshnessRow]:
        return [row for row in self._rows if (row.role, row.phase) == ("target", "after") and row.kind in kinds]

    def _timed(self, kinds: frozenset[Kind]) -> list[FreshnessRow]:
        """The rows that carry the times of an edit."""
        return [row for row in self._targets(kinds) if "written" in row.timings_ms]

    def _stale(self) -> list[FreshnessRow]:
        told = {edit for (edit, case, _), verdict in self._verdicts.items() if edit == case and verdict == "old"}
        return [row for row in self._timed(_TOLD_OLD) if row.edit in told]

    def _before(self, row: FreshnessRow) -> str | None:
        return self._verdicts.get((row.edit, row.case, row.phrasing))


def _share(rows: Sequence[FreshnessRow], holds: Callable[[FreshnessRow], bool]) -> Estimate | None:
    return mean([float(holds(row)) for row in rows], [row.edit for row in rows]) if rows else None


def _is_new(row: FreshnessRow) -> bool:
    return row.verdict == "new"


def _is_old(row: FreshnessRow) -> bool:
    return row.verdict == "old"


def _is_unchanged(row: FreshnessRow) -> bool:
    return bool(row.unchanged)
