"""One paired experiment: every arm is asked every phrasing of every case, in one order, in one process.

The order of the cases is drawn with the run's seed; for each phrasing all arms answer in turn, so that what disturbs
the machine disturbs them alike. Rows are only ever added, a phrasing at a time, and a run that was killed goes on
where it stopped: the finished file is the same but for its timings.
"""

import random
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from evals.arms.protocol import Arm, Ranking
from evals.cases import Question
from evals.files import Journal
from evals.rows import Place, Row
from kstore.errors import InputError, KStoreError
from kstore.types import Progress, no_progress

ROWS = "rows.jsonl"

Finish = Callable[[Question, list[Row]], list[Row]]  # gives the rows of one phrasing their scores


@dataclass(frozen=True, slots=True)
class Task:
    """A phrasing of a case, to be put to every arm."""

    case: Question
    phrasing: int

    @property
    def question(self) -> str:
        return self.case.phrasings[self.phrasing]


def plan(cases: Sequence[Question], seed: int) -> list[Task]:
    """Every phrasing of every case; cases in the order that the seed draws, phrasings in their own."""
    order = list(cases)
    random.Random(seed).shuffle(order)
    return [Task(case, phrasing) for case in order for phrasing in range(len(case.phrasings))]


def run(
    arms: Sequence[Arm],
    cases: Sequence[Question],
    folder: Path,
    seed: int,
    finish: Finish,
    progress: Progress = no_progress,
) -> list[Row]:
    """Ask what has not been asked yet, and return the rows of the whole run; they are in ``folder/rows.jsonl``.

    Each arm is asked once before, unrecorded, so that no row pays for the loading of a model.
    """
    tasks = plan(cases, seed)
    with Journal(folder / ROWS, Row) as journal:
        done = _done(journal, tasks, arms)
        if done < len(tasks):
            _warm_up(arms, tasks[done])
        for number, task in enumerate(tasks[done:], start=done):
            progress("asking", number, len(tasks))
            journal.add(finish(task.case, [ask(arm, task) for arm in arms]))
        progress("asking", len(tasks), len(tasks))
        rows = journal.lines()
    if len(rows) != len(tasks) * len(arms):
        raise AssertionError(f"{len(rows)} rows for {len(tasks)} phrasings and {len(arms)} arms")
    return rows


def ask(arm: Arm, task: Task) -> Row:
    """The arm's answer, or how it failed, as a row; an arm that ranks is asked for its ranking after the answer."""
    asked: dict[str, Any] = {
        "arm": arm.name,
        "case": task.case.id,
        "phrasing": task.phrasing,
        "question": task.question,
        "fact": task.case.cluster,
    }
    clock = _Clock()
    try:
        answer = arm.answer(task.question)
        spent = clock.spent()
        found = arm.rank(task.question) if isinstance(arm, Ranking) else ()
        return Row(
            **asked,
            outcome="declined" if answer.text is None else "scored",
            answer=answer.text,
            reason=answer.declined,
            model=answer.model,
            as_of=answer.as_of,
            confidence=answer.confidence,
            citations=answer.citations,
            hits=tuple(Place(document=hit.document, start=hit.start, end=hit.end) for hit in found),
            tokens=answer.tokens,
            timings_ms={**{stage: round(it, 3) for stage, it in answer.timings.items()}, **spent},
        )
    except Exception as problem:  # noqa: BLE001 - whatever an arm does wrong is its outcome, not the end of the run
        error = problem.code if isinstance(problem, KStoreError) else "crashed"
        reason = str(problem) if isinstance(problem, KStoreError) else f"{type(problem).__name__}: {problem}"
        return Row(**asked, outcome="errored", error=error, reason=reason, timings_ms=clock.spent())


class _Clock:
    """What passes for the caller, and what all threads of this process spend on it."""

    def __init__(self) -> None:
        self._cpu, self._wall = time.process_time(), time.perf_counter()

    def spent(self) -> dict[str, float]:
        wall, cpu = time.perf_counter() - self._wall, time.process_time() - self._cpu
        return {"wall": round(wall * 1e3, 3), "cpu": round(cpu * 1e3, 3)}


def _warm_up(arms: Sequence[Arm], task: Task) -> None:
    for arm in arms:
        ask(arm, task)


def _done(journal: Journal[Row], tasks: Sequence[Task], arms: Sequence[Arm]) -> int:
    """How many tasks are finished; what a kill left of the next one is dropped."""
    rows = journal.lines()
    expected = [(task.case.id, task.phrasing, arm.name) for task in tasks for arm in arms]
    if [row.key for row in rows] != expected[: len(rows)]:
        raise InputError("the rows that are there are not those of this run")
    done = len(rows) // len(arms)
    whole = {row.key for row in rows[: done * len(arms)]}
    if len(rows) > len(whole):
        journal.keep(lambda row: row.key in whole)
    return done
