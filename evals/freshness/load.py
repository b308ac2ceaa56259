"""Others who ask all the while: threads that put one far question after another to the arms."""

import itertools
import threading
import time
from collections.abc import Sequence
from typing import Self

from evals.arms.protocol import Arm


class Load:
    """A context in which ``threads`` askers never rest; each has begun before it is entered.

    ``answered`` and ``unanswered`` count what came back, ``mean_ms`` is how long an answer took.
    """

    def __init__(self, arms: Sequence[Arm], questions: Sequence[str], threads: int) -> None:
        self.answered = 0
        self.unanswered = 0
        self._spent = 0.0
        self._counting = threading.Lock()
        self._stop = threading.Event()
        self._begun = threading.Barrier(threads + 1)
        self._threads = [
            threading.Thread(target=self._ask, args=(arms, questions, number, threads), name=f"load-{number}")
            for number in range(threads)
        ]

    @property
    def mean_ms(self) -> float | None:
        """None where nothing was answered."""
        return self._spent / self.answered if self.answered else None

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        self._begun.wait()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join()

    def _ask(self, arms: Sequence[Arm], questions: Sequence[str], first: int, step: int) -> None:
        self._begun.wait()
        pairs = itertools.cycle([(arm, question) for question in questions for arm in arms])
        for arm, question in itertools.islice(pairs, first, None, step):
            if self._stop.is_set():
                return
            started = time.perf_counter()
            try:
                arm.answer(question)
            except Exception:  # noqa: BLE001 - counted; what is measured is another question
                with self._counting:
                    self.unanswered += 1
                continue
            with self._counting:
                self.answered += 1
                self._spent += (time.perf_counter() - started) * 1e3
