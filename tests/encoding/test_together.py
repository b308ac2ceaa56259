"""Requests of several threads in one batch: each gets its own results, nobody waits for ever."""

import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from kstore.encoding.encoder import Encoder
from kstore.encoding.together import Together
from kstore.reading.reader import CrossEncoder

WAIT = 30.0  # seconds after which a test has failed


class Gate:
    """Doubles numbers; the first batch waits until it is let through."""

    def __init__(self) -> None:
        self.batches: list[list[int]] = []
        self.entered, self.open = threading.Event(), threading.Event()

    def compute(self, rows: Sequence[int]) -> list[int]:
        self.batches.append(list(rows))
        self.entered.set()
        assert self.open.wait(WAIT)
        if -1 in rows:
            raise ValueError("minus one")
        return [2 * row for row in rows]


def queued(together: Together[int, int], gate: Gate, requests: Sequence[Sequence[int]]) -> list[list[int]]:
    """The results of requests that come one by one while a first one, [0], is computed."""
    with ThreadPoolExecutor(len(requests) + 1) as pool:
        first = pool.submit(together, [0], gate.compute)
        assert gate.entered.wait(WAIT)
        later = []
        for number, rows in enumerate(requests, start=1):
            later.append(pool.submit(together, rows, gate.compute))
            while len(together._waiting) < number:
                pass
        gate.open.set()
        assert first.result(WAIT) == [0]
        return [it.result(WAIT) for it in later]


def test_what_comes_meanwhile_goes_together() -> None:
    together, gate = Together[int, int](lambda row: 10), Gate()
    assert queued(together, gate, [[1, 2], [3], [4, 5]]) == [[2, 4], [6], [8, 10]]
    assert gate.batches == [[0], [1, 2, 3, 4, 5]]


def test_a_caller_alone_begins_at_once() -> None:
    together, gate = Together[int, int](lambda row: 10), Gate()
    gate.open.set()
    assert [together([number], gate.compute) for number in range(3)] == [[0], [2], [4]]
    assert gate.batches == [[0], [1], [2]]


def test_rows_of_another_length_wait_for_their_like() -> None:
    together, gate = Together[int, int](lambda row: 10 if row < 50 else 200), Gate()
    assert queued(together, gate, [[1], [60], [2], [70]]) == [[2], [120], [4], [140]]
    assert gate.batches == [[0], [1, 2], [60, 70]]


def test_a_batch_does_not_grow_without_end() -> None:
    together, gate = Together[int, int](lambda row: 1000), Gate()
    queued(together, gate, [[number] for number in range(1, 8)])
    assert gate.batches == [[0], [1, 2, 3, 4], [5, 6, 7]]


def test_a_request_that_is_too_large_goes_alone() -> None:
    together, gate = Together[int, int](lambda row: 3000), Gate()
    assert queued(together, gate, [[1, 2, 3]]) == [[2, 4, 6]]


def test_a_failure_reaches_those_whom_it_concerns_and_no_one_else() -> None:
    together, gate = Together[int, int](lambda row: 10), Gate()
    gate.open.set()
    with pytest.raises(ValueError, match="minus one"):
        together([-1], gate.compute)
    assert together([4], gate.compute) == [8]


def test_questions_asked_at_once_get_the_vectors_they_get_alone(encoder: Encoder) -> None:
    questions = [f"How high is the tide of bay {number}{' at noon' * (number % 5)}?" for number in range(24)]
    alone = [encoder.encode_questions([question])[0] for question in questions]
    with ThreadPoolExecutor(8) as pool:
        together = list(pool.map(lambda question: encoder.encode_questions([question])[0], questions))
    assert float(np.min(np.sum(np.array(alone) * np.array(together), axis=1))) > 0.99999


def test_readings_at_once_are_those_of_one_after_the_other(cross_encoder: CrossEncoder) -> None:
    rows = [[101, *range(2000, 2000 + length), 102] for length in (12, 40, 41, 90, 13, 88)]
    alone = [cross_encoder.model.run([row])[0][0][0] for row in rows]
    with ThreadPoolExecutor(len(rows)) as pool:
        together = [it[0][0][0] for it in pool.map(lambda row: cross_encoder.model.run([row]), rows)]
    assert np.allclose(alone, together, atol=0.15)  # of logits; products may be of three digits
