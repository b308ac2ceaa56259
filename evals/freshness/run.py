"""A freshness run: edits one by one, in bursts and under load, each mode on a store of its own.

Rows are only ever added, a unit at a time, and a run that was killed goes on where it stopped. The store of a mode
that is taken up has to be as it would have been, for it never forgets a text: so the finished edits are first written
and taken back once more, without a question.
"""

import random
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path

from evals.cases import Edit, Question
from evals.files import Journal
from evals.freshness.bench import Bench, OpenBench
from evals.freshness.bursts import together
from evals.freshness.edits import Before, Unit, perform, rewrite
from evals.freshness.inquiries import choose_controls, controls_from
from evals.freshness.probe import Patience
from evals.freshness.rows import FreshnessRow, Line, WriteRow
from evals.freshness.swap import SWAP, MemoriesOf, perform_swap
from kstore.errors import InputError
from kstore.types import Progress, corpus_digest, no_progress

ROWS = "rows.jsonl"
MODES = ("single", "burst-10", "burst-10-puts", "burst-100", "burst-100-puts", "load")
CONTROLS_PER_EDIT = 2
CONTROLS_IN_ALL = 24  # so few that each is asked before all edits only once
EDITS_UNDER_LOAD = 30
_BURST = re.compile(r"burst-([1-9]\d*)(-puts)?")
_IN_BURSTS = Patience(asks=2)


def run_freshness(
    open_bench: OpenBench,
    documents: Mapping[str, str],
    edits: Sequence[Edit],
    controls: Sequence[Question],
    out: Path,
    *,
    modes: Sequence[str] = MODES,
    memories_of: MemoriesOf | None = None,
    seed: int = 0,
    progress: Progress = no_progress,
) -> list[FreshnessRow | WriteRow]:
    """Do what has not been done yet of the modes, and return the rows of the whole run; they are in ``out/rows.jsonl``.

    ``open_bench`` opens, for each mode, a store that holds just ``documents``. Of ``controls`` (none: the other edits'
    questions) a few are asked far from each edit. With ``memories_of``, these memories are swapped as well. InputError
    where an edit does not fit the documents, or the rows that are there are another run's.
    """
    candidates = [*controls] or controls_from(edits)
    chosen = random.Random(seed).sample(candidates, min(CONTROLS_IN_ALL, len(candidates)))
    plans = {mode: plan(mode, edits, chosen, documents, seed) for mode in modes}
    with Journal(out / ROWS, Line) as journal:
        done = _done(journal)
        known = {(unit.mode, unit.name) for units in plans.values() for unit in units} | {(SWAP, SWAP)}
        if strangers := done - known:
            raise InputError(f"{out / ROWS} holds rows of another run: {strangers.pop()}")
        before = Before([line.root for line in journal.lines() if isinstance(line.root, FreshnessRow)])
        for mode, units in plans.items():
            if all((mode, unit.name) in done for unit in units):
                continue
            with open_bench() as bench:
                _prepare(bench, documents, edits)
                for number, unit in enumerate(units):
                    progress(mode, number, len(units))
                    if (mode, unit.name) in done:
                        rewrite(bench, unit)
                    else:
                        journal.add(Line(row) for row in perform(bench, unit, before, number))
                progress(mode, len(units), len(units))
        if memories_of and edits and (SWAP, SWAP) not in done:
            with open_bench() as bench:
                _prepare(bench, documents, edits)
                journal.add(Line(row) for row in perform_swap(bench, documents, edits, memories_of, seed))
        return [line.root for line in journal.lines()]


def plan(
    mode: str, edits: Sequence[Edit], controls: Sequence[Question], documents: Mapping[str, str], seed: int
) -> list[Unit]:
    """The units of a mode: each edit, or each burst; edits in the order that the seed draws."""
    _check(edits, documents)
    order = list(edits)
    random.Random(seed).shuffle(order)
    if mode == "single":
        far = {edit.id: choose_controls(edit, controls, CONTROLS_PER_EDIT, seed) for edit in order}
        return [Unit(mode, edit.id, ((edit,),), Patience(), thorough=True, controls=far) for edit in order]
    if mode == "load":
        asked = tuple(question.question for question in controls)
        return [
            Unit(mode, edit.id, ((edit,),), Patience(), thorough=False, loaded=asked)
            for edit in order[:EDITS_UNDER_LOAD]
        ]
    burst = _BURST.fullmatch(mode)
    if not burst:
        raise InputError(f"unknown mode {mode!r}: single, load, burst-N (one revision) or burst-N-puts (one each)")
    groups = together(edits, documents, int(burst[1]), seed)
    return [
        Unit(
            mode,
            f"burst {number}",
            tuple((edit,) for edit in group) if burst[2] else (group,),
            _IN_BURSTS,
            thorough=False,
        )
        for number, group in enumerate(groups, start=1)
    ]


def _check(edits: Sequence[Edit], documents: Mapping[str, str]) -> None:
    if repeated := [name for name, times in Counter(edit.id for edit in edits).items() if times > 1]:
        raise InputError(f"there are two edits {repeated[0]!r}")
    for edit in edits:
        try:
            edit.applied(documents)
        except ValueError as error:
            raise InputError(f"edit {edit.id}: {error}") from error


def _prepare(bench: Bench, documents: Mapping[str, str], edits: Sequence[Edit]) -> None:
    if bench.digest != corpus_digest(documents):
        raise InputError("the store does not hold the documents that the edits are about")
    bench.warm_up(edits[0].question)


def _done(journal: Journal[Line]) -> set[tuple[str, str]]:
    """The (mode, unit) that are finished; the rows of one that is not are dropped."""
    rows = [line.root for line in journal.lines()]
    done = {(row.mode, row.unit) for row in rows if isinstance(row, WriteRow) and row.closes}
    if any((row.mode, row.unit) not in done for row in rows):
        journal.keep(lambda line: (line.root.mode, line.root.unit) in done)
    return done
