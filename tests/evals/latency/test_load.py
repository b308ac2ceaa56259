"""Load: what a queue does to latency must be seen, whoever measures."""

import threading
import time
from statistics import median

import numpy as np
import pytest

from evals.latency.capacity import keeps, search_capacity
from evals.latency.load import WORKERS, arrivals, closed_loop, open_loop
from evals.latency.rows import LatencyRow
from kstore.errors import UnavailableError
from kstore.types import Answer, Stopwatch

QUESTIONS = [f"What is {number}?" for number in range(10)]


class Counter:
    """One who serves one at a time, each in ``seconds``; the question called ``stalls`` takes half a second."""

    name = "counter"

    def __init__(self, seconds: float, stalls: int = -1, fails: int = -1) -> None:
        self._seconds = seconds
        self._stalls, self._fails = stalls, fails
        self._served = 0
        self._free = threading.Lock()

    def answer(self, question: str) -> Answer:
        with self._free:
            watch = Stopwatch()
            self._served += 1
            time.sleep(0.5 if self._served == self._stalls else self._seconds)
            watch.lap("serve")
            if self._served == self._fails:
                raise UnavailableError("gone for lunch")
        return Answer(self.name, "a person", "42", timings=watch.timings())


def waited(rows: list[LatencyRow]) -> list[float]:
    return [row.latency_ms for row in rows]


def test_arrivals_are_a_poisson_process_of_that_rate() -> None:
    due = np.array(arrivals(200.0, 50.0, seed=1))
    gaps = np.diff(due)
    assert len(due) == pytest.approx(10_000, rel=0.04)
    assert due[-1] < 50_000
    assert gaps.mean() == pytest.approx(5.0, rel=0.04)
    assert gaps.std() == pytest.approx(gaps.mean(), rel=0.05)  # as of an exponential distribution
    assert arrivals(200.0, 50.0, seed=1) == due.tolist()


@pytest.mark.parametrize("workers", [1, WORKERS])
def test_a_stall_delays_all_who_were_due_meanwhile(workers: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """In a closed loop one question in many is slow. In truth, half a second of them could not even be asked."""
    closed = closed_loop(Counter(0.002, stalls=20), QUESTIONS, clients=1, seconds=1.5, alone=True)
    assert sum(ms > 400 for ms in waited(closed)) == 1
    monkeypatch.setattr("evals.latency.load.WORKERS", workers)  # with one, the others cannot even be sent
    opened = open_loop(Counter(0.002, stalls=20), QUESTIONS, rate=100.0, seconds=1.5, seed=2)
    assert sum(ms > 100 for ms in waited(opened)) >= 20


def test_a_busy_service_has_a_queue_that_is_counted() -> None:
    """At nine tenths of what it can do, who comes at random waits for several others (M/D/1)."""
    service = 0.01
    rows = open_loop(Counter(service), QUESTIONS, rate=0.9 / service, seconds=2.0, seed=3)
    own = median(row.timings_ms["total"] for row in rows)
    assert np.mean(waited(rows)) > 2 * own
    assert all(row.started >= row.due - 1 and row.ended >= row.started for row in rows)


def test_what_is_never_answered_counts_with_the_time_that_it_waited() -> None:
    rows = open_loop(Counter(0.2), QUESTIONS, rate=400.0, seconds=0.5, seed=4, patience=0.3)
    assert len(rows) == len(arrivals(400.0, 0.5, seed=4))
    lost = [row for row in rows if row.error == "timeout"]
    assert len(lost) > 50
    assert min(waited(lost)) >= 300
    assert {row.outcome for row in lost} == {"errored"}


def test_clients_of_a_closed_loop_ask_one_after_the_other() -> None:
    rows = closed_loop(Counter(0.005), QUESTIONS, clients=3, seconds=0.3, alone=True)
    assert [row.number for row in rows] == list(range(len(rows)))
    assert all(row.due == row.started for row in rows)
    assert all(row.cpu_ms is None for row in rows)  # of three at once nobody knows who spent it
    assert all(row.cpu_ms is not None for row in closed_loop(Counter(0.0), QUESTIONS, 1, 0.0, alone=True))


def test_a_failure_is_a_row() -> None:
    rows = closed_loop(Counter(0.0, fails=2), QUESTIONS, clients=1, seconds=0.05, alone=True)
    assert (rows[1].outcome, rows[1].error, rows[1].timings_ms) == ("errored", "unavailable", {})


def row(ms: float, error: str | None = None) -> LatencyRow:
    outcome = "errored" if error else "scored"
    return LatencyRow(
        arm="a", mode="open-1", number=0, question="?", outcome=outcome, error=error, due=0.0, started=0.0, ended=ms
    )


def test_the_capacity_is_found_between_what_is_kept_and_what_is_not() -> None:
    asked = []

    def at_rate(rate: float) -> list[LatencyRow]:
        asked.append(rate)
        return [row(10.0 if rate <= 21 else 900.0)] * 100

    kept, missed = search_capacity(at_rate, objective_ms=100.0, first=2.0)
    assert kept <= 21 < (missed or 0)
    assert (missed or 0) - kept == 1.0
    assert asked[:5] == [2, 4, 8, 16, 32]
    assert search_capacity(lambda rate: [row(500.0)] * 100, 100.0, 8.0) == (0.0, 0.5)
    assert search_capacity(lambda rate: [row(1.0)] * 100, 100.0, 1024.0) == (4096.0, None)


def test_one_in_a_hundred_may_be_late_and_an_error_is_late() -> None:
    assert keeps([row(10.0)] * 199 + [row(999.0)], 100.0)
    assert not keeps([row(10.0)] * 97 + [row(999.0)] * 3, 100.0)
    assert not keeps([row(10.0)] * 97 + [row(1.0, "timeout")] * 3, 100.0)
    assert not keeps([], 100.0)
