"""Requests that come at the same time, computed together: one inference of many rows takes less than many of few."""

import threading
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

Row = TypeVar("Row")
Made = TypeVar("Made")

_TOKENS = 4096  # padded, that are computed together at most
_PADDING = 1.25  # times the tokens that rows have with their own kind, which padding them to others may cost at most


@dataclass(eq=False, slots=True)
class _Request(Generic[Row, Made]):
    rows: Sequence[Row]
    length: int
    made: list[Made] | None = None
    error: BaseException | None = None

    @property
    def tokens(self) -> int:
        return len(self.rows) * self.length


class Together(Generic[Row, Made]):
    """Lets one batch of rows be computed at a time; what arrives meanwhile waits and goes together.

    Whoever comes when nothing is computed begins at once, so that a caller alone waits for nobody. First come, first
    served, except that a request which would pad the others, or itself, too much is left for the next batch. For the
    result of a row it makes no difference with which others it is computed, but for rounding.
    """

    def __init__(self, length: Callable[[Row], int]) -> None:
        """``length`` is a row's in tokens."""
        self._length = length
        self._changed = threading.Condition()
        self._waiting: deque[_Request[Row, Made]] = deque()
        self._busy = False

    def __call__(self, rows: Sequence[Row], compute: Callable[[list[Row]], list[Made]]) -> list[Made]:
        """The results of the rows, of which there is at least one; whatever ``compute`` raises, which makes a result
        for each row and is the same for all callers."""
        own: _Request[Row, Made] = _Request(rows, max(map(self._length, rows)))
        with self._changed:
            self._waiting.append(own)
        while True:
            with self._changed:
                self._changed.wait_for(lambda: own.made is not None or own.error is not None or not self._busy)
                if own.error is not None:
                    raise own.error
                if own.made is not None:
                    return own.made
                batch = self._next()
                self._busy = True
            self._run(batch, compute)

    def _next(self) -> list[_Request[Row, Made]]:
        """The request that has waited longest, and those that go well with it."""
        batch = [self._waiting.popleft()]
        for request in list(self._waiting):
            longest = max(it.length for it in (*batch, request))
            padded = longest * sum(len(it.rows) for it in (*batch, request))
            if padded <= _TOKENS and padded <= _PADDING * sum(it.tokens for it in (*batch, request)):
                batch.append(request)
                self._waiting.remove(request)
        return batch

    def _run(self, batch: Sequence[_Request[Row, Made]], compute: Callable[[list[Row]], list[Made]]) -> None:
        made: list[Made] = []
        error: BaseException | None = None
        try:
            made = compute([row for request in batch for row in request.rows])
        except BaseException as raised:  # noqa: BLE001 - each caller gets it, and nobody waits for ever
            error = raised
        with self._changed:
            position = 0
            for request in batch:
                end = position + len(request.rows)
                request.made, request.error = (None, error) if error else (made[position:end], None)
                position = end
            self._busy = False
            self._changed.notify_all()
