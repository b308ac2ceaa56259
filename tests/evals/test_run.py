"""The experiment: every arm, every phrasing, once; failures are outcomes; a kill loses nothing."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from evals.cases import Question
from evals.files import read_lines
from evals.rows import Row
from evals.run import ROWS, plan, run
from kstore.errors import InputError, ModelError
from kstore.types import Answer, Stopwatch

CASES = [
    Question(id=f"q{number}", question=f"What is {number}?", paraphrases=(f"Tell {number}.",), answers=(f"{number}",))
    for number in range(6)
]


class Counter:
    """Answers with the digits of the question, after a pause."""

    def __init__(self, name: str, pause: float = 0.0) -> None:
        self.name = name
        self.asked: list[str] = []
        self._pause = pause

    def answer(self, question: str) -> Answer:
        watch = Stopwatch()
        time.sleep(self._pause)
        self.asked.append(question)
        watch.lap("count")
        return Answer(self.name, "digits", "".join(filter(str.isdigit, question)), timings=watch.timings())


class Declining(Counter):
    def answer(self, question: str) -> Answer:
        return Answer(self.name, "none", None, declined="on principle", timings={"total": 0.0})


class Failing(Counter):
    def answer(self, question: str) -> Answer:
        raise ModelError("no weights") if "3" in question else ZeroDivisionError("by zero")


def unfinished(case: Question, rows: list[Row]) -> list[Row]:
    return rows


def told(rows: list[Row]) -> list[Row]:
    return [row.model_copy(update={"timings_ms": {}}) for row in rows]


def test_every_arm_is_asked_every_phrasing_once_in_the_order_of_the_seed(tmp_path: Path) -> None:
    one, other = Counter("one"), Counter("other")
    rows = run([one, other], CASES, tmp_path, 7, unfinished)
    wanted = [(task.case.id, task.phrasing, arm) for task in plan(CASES, 7) for arm in ("one", "other")]
    assert [row.key for row in rows] == wanted
    assert len(set(wanted)) == 24
    assert plan(CASES, 7) != plan(CASES, 8)
    assert one.asked[1:] == [task.question for task in plan(CASES, 7)]  # the first one warms up
    assert all(row.answer == row.case[1:] and row.timings_ms["wall"] >= row.timings_ms["total"] for row in rows)


def test_what_fails_is_an_outcome_with_its_kind_and_reason(tmp_path: Path) -> None:
    rows = run([Failing("failing"), Declining("declining")], CASES, tmp_path, 0, unfinished)
    kinds = {(row.arm, row.outcome, row.error, row.reason) for row in rows}
    assert kinds == {
        ("failing", "errored", "model_unavailable", "no weights"),
        ("failing", "errored", "crashed", "ZeroDivisionError: by zero"),
        ("declining", "declined", None, "on principle"),
    }


class Unsure(Counter):
    def answer(self, question: str) -> Answer:
        return Answer(self.name, "digits", "1", confidence=float("nan"), timings={"total": 0.0})


def test_an_answer_that_is_none_is_a_failure_and_not_the_end(tmp_path: Path) -> None:
    rows = run([Unsure("unsure"), Counter("sound")], CASES, tmp_path, 0, unfinished)
    assert {row.error for row in rows if row.arm == "unsure"} == {"crashed"}
    assert {row.outcome for row in rows if row.arm == "sound"} == {"scored"}


def test_a_run_goes_on_where_it_stopped_and_asks_nothing_again(tmp_path: Path) -> None:
    whole = run([Counter("one"), Counter("other")], CASES, tmp_path, 1, unfinished)
    lines = (tmp_path / ROWS).read_bytes().splitlines(keepends=True)
    for kept in (0, 1, 7, 23, 24):
        (tmp_path / ROWS).write_bytes(b"".join(lines[:kept]) + b'{"arm": "one", "ca')
        arm = Counter("one")
        assert told(run([arm, Counter("other")], CASES, tmp_path, 1, unfinished)) == told(whole)
        finished = kept // 2
        assert len(arm.asked) == (0 if finished == 12 else 1 + 12 - finished)


def test_rows_of_another_run_are_refused(tmp_path: Path) -> None:
    run([Counter("one")], CASES, tmp_path, 1, unfinished)
    with pytest.raises(InputError, match="not those of this run"):
        run([Counter("one")], CASES, tmp_path, 2, unfinished)


KILLED = """
from pathlib import Path
import sys
from tests.evals.test_run import CASES, Counter, unfinished
from evals.run import run
run([Counter("one", 0.05), Counter("other")], CASES, Path(sys.argv[1]), 3, unfinished)
"""


def test_a_kill_at_any_moment_loses_no_finished_answer(tmp_path: Path) -> None:
    root = Path(__file__).parent.parent.parent
    whole = run([Counter("one"), Counter("other")], CASES, tmp_path, 3, unfinished)
    folder = tmp_path / "killed"
    folder.mkdir()
    seen = 0
    for _ in range(3):
        process = subprocess.Popen([sys.executable, "-c", KILLED, str(folder)], cwd=root)
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline and process.poll() is None:
            file = folder / ROWS
            if file.exists() and file.read_bytes().count(b"\n") >= seen + 4:
                break
            time.sleep(0.01)
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
        lines = (folder / ROWS).read_bytes().count(b"\n")
        assert lines > seen
        seen = lines
    rows = run([Counter("one"), Counter("other")], CASES, folder, 3, unfinished)
    assert told(rows) == told(whole)
    assert told(read_lines(folder / ROWS, Row)) == told(whole)
