"""One unit of work: edits are written to the store, every arm is asked before and after, the edits are taken back."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field

from evals.arms.protocol import Arm
from evals.cases import Edit, Kind, Question
from evals.freshness.bench import Bench, Said
from evals.freshness.changes import changed_bytes
from evals.freshness.inquiries import Inquiry, about, around, kind_of
from evals.freshness.load import Load
from evals.freshness.probe import Patience, probe
from evals.freshness.rows import FreshnessRow, Phase, State, WriteRow
from evals.metrics import normalise

LOAD_THREADS = 2


@dataclass(frozen=True, slots=True)
class Unit:
    """Edits that are written in ``steps``, one revision each, asked about, and taken back together.

    ``thorough``: every phrasing is asked, with neighbours and ``controls`` (by the edit's id), and the target once more
    when all is as it was; else each target is asked in one phrasing, the first that the arm could answer before.
    ``loaded``: questions for others to ask meanwhile.
    """

    mode: str
    name: str
    steps: tuple[tuple[Edit, ...], ...]
    patience: Patience
    thorough: bool
    controls: Mapping[str, Sequence[Question]] = field(default_factory=dict)
    loaded: tuple[str, ...] = ()

    @property
    def edits(self) -> list[Edit]:
        return [edit for step in self.steps for edit in step]

    def states(self, documents: Mapping[str, str]) -> Iterator[dict[str, str]]:
        """The documents after each step."""
        current = dict(documents)
        for step in self.steps:
            for edit in step:
                current = edit.applied(current)
            yield current


class Before:
    """What the arms say of the documents unedited: each question is put to each arm once for all units."""

    def __init__(self, rows: Sequence[FreshnessRow] = ()) -> None:
        """``rows``: of a run that is taken up again."""
        self._said = {(row.arm, row.question): _said(row) for row in rows if row.phase == "before"}

    def said(self, bench: Bench, arm: Arm, question: str) -> Said:
        if (arm.name, question) not in self._said:
            self._said[arm.name, question] = bench.ask(arm, question, {bench.digest: "before"})
        return self._said[arm.name, question]


def perform(bench: Bench, unit: Unit, before: Before, turn: int) -> list[FreshnessRow | WriteRow]:
    """The rows of the unit, the last one closing it. ``turn`` tells which arm is asked first."""
    trial = _Trial(bench, unit, bench.in_turn(turn))
    rows = trial.ask_before(before)
    others: AbstractContextManager[Load | None] = nullcontext()
    if unit.loaded:
        others = Load(bench.arms, unit.loaded, LOAD_THREADS)
    try:
        with others as load:
            told = [row for step in unit.steps for row in trial.write_and_ask(step)]
    finally:
        closing = trial.take_back()
    rows += [_under(load, row) if load and isinstance(row, WriteRow) else row for row in told]
    return [*rows, *(trial.ask_again() if unit.thorough else ()), closing]


def rewrite(bench: Bench, unit: Unit) -> None:
    """Write the unit's edits and take them back without a question: the store is then as the unit leaves it."""
    trial = _Trial(bench, unit, ())
    for step in unit.steps:
        trial.write(step)
    trial.take_back()


class _Trial:
    """A unit under way: the documents as they were and as they are, and what was said before."""

    def __init__(self, bench: Bench, unit: Unit, arms: Sequence[Arm]) -> None:
        self._bench, self._unit, self._arms = bench, unit, arms
        self._original, self._digest = bench.documents(), bench.digest
        self._current = self._original
        self._written_ms = 0.0
        self._kinds = {edit.id: kind_of(edit, self._original) for edit in unit.edits}
        self._earlier: dict[tuple[str, Inquiry], FreshnessRow] = {}

    def ask_before(self, before: Before) -> list[FreshnessRow | WriteRow]:
        for edit in self._unit.edits:
            for arm in self._arms:
                for inquiry in (*self._targets(edit), *self._beside(edit)):
                    said = before.said(self._bench, arm, inquiry.question)
                    row = inquiry.row(self._unit.mode, self._unit.name, "before", arm.name, said)
                    self._earlier[arm.name, inquiry] = row
        return list(self._earlier.values())

    def write(self, step: Sequence[Edit]) -> WriteRow:
        """Write the edits of a step in one revision."""
        state = self._current
        for edit in step:
            state = edit.applied(state)
        kind = self._kinds[step[0].id] if len(step) == 1 else None
        return self._put(state, "after", step, kind)

    def write_and_ask(self, step: Sequence[Edit]) -> Iterator[FreshnessRow | WriteRow]:
        written = self.write(step)
        self._written_ms += written.timings_ms["total"]
        yield written
        states: dict[str, State] = {self._digest: "before", self._bench.digest: "after"}
        for edit in step:
            for arm in self._arms:
                yield from self._ask_target(edit, arm, states)
                yield from self._ask_beside(edit, arm, states)

    def take_back(self) -> WriteRow:
        """Write the documents as they were; AssertionError where the corpus is then another."""
        row = self._put(self._original, "reverted", self._unit.edits, closes=True)
        if self._bench.digest != self._digest:
            raise AssertionError(f"{self._unit.name}: the corpus is not what it was before the edit")
        return row

    def ask_again(self) -> Iterator[FreshnessRow]:
        """The targets once more, in their first phrasing, the edits being taken back."""
        for edit in self._unit.edits:
            for arm in self._arms:
                inquiry = self._targets(edit)[0]
                said = self._bench.ask(arm, inquiry.question, {self._digest: "before"})
                yield inquiry.row(self._unit.mode, self._unit.name, "reverted", arm.name, said)

    def _targets(self, edit: Edit) -> list[Inquiry]:
        return about(edit, self._kinds[edit.id])

    def _beside(self, edit: Edit) -> list[Inquiry]:
        controls = self._unit.controls.get(edit.id, ())
        return around(edit, self._kinds[edit.id], controls) if self._unit.thorough else []

    def _ask_target(self, edit: Edit, arm: Arm, states: Mapping[str, State]) -> list[FreshnessRow]:
        """What the arm could tell before is asked first: how soon it tells the new shows best there."""
        order = sorted(self._targets(edit), key=lambda it: self._earlier[arm.name, it].verdict != "old")
        asked = order if self._unit.thorough else order[:1]
        place = self._unit.mode, self._unit.name
        return probe(self._bench, arm, asked, states, self._written_ms, self._unit.patience, place)

    def _ask_beside(self, edit: Edit, arm: Arm, states: Mapping[str, State]) -> Iterator[FreshnessRow]:
        for inquiry in self._beside(edit):
            said = self._bench.ask(arm, inquiry.question, states)
            same = _same(self._earlier[arm.name, inquiry], said)
            yield inquiry.row(self._unit.mode, self._unit.name, "after", arm.name, said, unchanged=same)

    def _put(
        self,
        state: Mapping[str, str],
        phase: Phase,
        edits: Sequence[Edit],
        kind: Kind | None = None,
        closes: bool = False,
    ) -> WriteRow:
        change = {name: text for name, text in state.items() if self._current[name] != text}
        size = changed_bytes({name: self._current[name] for name in change}, change)
        written = self._bench.write(change, f"{self._unit.name} ({phase})")
        self._current = dict(state)
        names = tuple(edit.id for edit in edits)
        return written.row(self._unit.mode, self._unit.name, phase, names, size, kind, closes)


def _said(row: FreshnessRow) -> Said:
    """What was said, from its row."""
    return Said(row.answer, row.reason, row.error, row.as_of, row.citations, row.timings_ms["wall"])


def _same(before: FreshnessRow, said: Said) -> bool:
    """Whether the answer is the one given before, its form aside."""
    if before.error or said.error or before.answer is None or said.text is None:
        return (before.error, before.answer) == (said.error, said.text)
    return normalise(before.answer) == normalise(said.text)


def _under(load: Load, row: WriteRow) -> WriteRow:
    """The row of a write during which others were asking."""
    timings = row.timings_ms if load.mean_ms is None else {**row.timings_ms, "meanwhile": load.mean_ms}
    return row.model_copy(update={"timings_ms": timings, "unanswered": load.unanswered})
