"""What reading is, whoever reads: passages in, an answer in words with its citations out."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from kstore.controls import Sampling
from kstore.types import Citation, Hit


@dataclass(frozen=True, slots=True)
class Reading:
    """An answer found in passages, and the quotations that show it, best first.

    ``declines``: the question is better declined, since the passages do not answer it. ``confidence`` is a calibrated
    probability that the answer is right, None where the reader has not been calibrated. ``tokens`` counts what a
    generator wrote, None where none did.
    """

    text: str
    citations: tuple[Citation, ...]
    declines: bool = False
    confidence: float | None = None
    tokens: int | None = None


class PassageReader(Protocol):
    """Anything that finds an answer in passages.

    ``calibrated_on`` names the questions that its confidence was fitted on, None where it has none.
    """

    @property
    def name(self) -> str: ...

    @property
    def calibrated_on(self) -> str | None: ...

    def read(self, question: str, hits: Sequence[Hit], sampling: Sampling = ...) -> Reading | None:
        """The answer that the hits, best first, give; None where they hold no words. A reader that writes draws its
        words by ``sampling``."""
        ...
