"""Two ways to put questions to an arm. Closed: so many clients, each asking as soon as it is answered. Open: questions
come when they come, whether or not those before are answered.

A closed loop asks a slow service less often, so that what it measures says little of a crowd. In the open loop arrivals
are Poisson, and a latency is counted from the time at which its question was due: else a service that stalls would hide
all those who could not even ask meanwhile (*coordinated omission*; Schroeder et al. 2006, "Open versus closed").
"""

import itertools
import threading
import time
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait

import numpy as np

from evals.arms.protocol import Arm
from evals.latency.rows import LatencyRow
from kstore.errors import KStoreError
from kstore.types import Answer

WORKERS = 64  # that put questions in the open loop; more would only wait


def closed_loop(arm: Arm, questions: Sequence[str], clients: int, seconds: float, alone: bool) -> list[LatencyRow]:
    """Ask for so long, each client once at least; ``alone``: the arm answers in this process, so that the time of its
    processors can be told where there is one client."""
    asking = _Asking(arm, f"closed-{clients}")
    numbers = itertools.count()
    rows: list[list[LatencyRow]] = [[] for _ in range(clients)]

    def client(own: list[LatencyRow]) -> None:
        while not own or asking.now() < seconds * 1e3:
            number = next(numbers)
            own.append(asking.ask(number, questions[number % len(questions)], None, alone and clients == 1))

    threads = [threading.Thread(target=client, args=(own,), name=f"client-{it}") for it, own in enumerate(rows)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return sorted(itertools.chain(*rows), key=lambda row: row.number)


def open_loop(
    arm: Arm, questions: Sequence[str], rate: float, seconds: float, seed: int, patience: float = 10.0
) -> list[LatencyRow]:
    """Put questions at ``rate`` a second for so long. What is not being answered ``patience`` seconds after the last
    one was due is waited for no longer, and counts with the time that it has waited."""
    due = arrivals(rate, seconds, seed)
    asking = _Asking(arm, f"open-{rate:g}")
    futures: list[Future[LatencyRow]] = []
    with ThreadPoolExecutor(WORKERS, thread_name_prefix="arrival") as pool:
        for number, at in enumerate(due):
            time.sleep(max(at - asking.now(), 0.0) / 1e3)
            futures.append(pool.submit(asking.ask, number, questions[number % len(questions)], at, False))
        wait(futures, timeout=max(due[-1] / 1e3 + patience - asking.now() / 1e3, 0.0) if due else 0.0)
        given_up = [future.cancel() for future in futures]
        now = asking.now()
    return [
        asking.unanswered(number, questions[number % len(questions)], due[number], now)
        if cancelled
        else future.result()
        for number, (future, cancelled) in enumerate(zip(futures, given_up, strict=True))
    ]


def arrivals(rate: float, seconds: float, seed: int) -> list[float]:
    """When questions are due, in milliseconds: a Poisson process of ``rate`` a second."""
    chance = np.random.default_rng(seed)
    gaps = chance.exponential(1e3 / rate, size=int(2 * rate * seconds) + 50)
    return [float(at) for at in np.cumsum(gaps) if at < seconds * 1e3]


class _Asking:
    """Puts questions to an arm and tells when, since it was made."""

    def __init__(self, arm: Arm, mode: str) -> None:
        self._arm = arm
        self._mode = mode
        self._began = time.perf_counter()

    def now(self) -> float:
        return (time.perf_counter() - self._began) * 1e3

    def ask(self, number: int, question: str, due: float | None, tell_cpu: bool) -> LatencyRow:
        """The row of one question; ``due`` None: now."""
        cpu, started = time.process_time(), self.now()
        answer: Answer | None = None
        error: str | None = None
        try:
            answer = self._arm.answer(question)
        except KStoreError as problem:
            error = problem.code
        except Exception:  # noqa: BLE001 - whatever an arm does wrong is its outcome
            error = "crashed"
        ended, spent = self.now(), (time.process_time() - cpu) * 1e3
        return LatencyRow(
            arm=self._arm.name,
            mode=self._mode,
            number=number,
            question=question,
            outcome="errored" if answer is None else "declined" if answer.text is None else "scored",
            error=error,
            due=started if due is None else due,
            started=started,
            ended=ended,
            timings_ms=dict(answer.timings) if answer else {},
            tokens=answer.tokens if answer else None,
            cpu_ms=spent if tell_cpu else None,
        )

    def unanswered(self, number: int, question: str, due: float, now: float) -> LatencyRow:
        """The row of a question that nobody was free to put while it was waited for."""
        return LatencyRow(
            arm=self._arm.name,
            mode=self._mode,
            number=number,
            question=question,
            outcome="errored",
            error="timeout",
            due=due,
            started=now,
            ended=now,
        )
