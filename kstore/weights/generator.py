"""What a generator is: it continues a conversation token by token and says how sure it was of each."""

import json
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, Protocol

from kstore.controls import Sampling
from kstore.errors import ModelError

RECORD = "kstore.json"  # beside a model's weights: what they were trained on


@dataclass(frozen=True, slots=True)
class Message:
    """One turn of a conversation."""

    role: Literal["system", "user", "assistant"]
    content: str


@dataclass(frozen=True, slots=True)
class Token:
    """One step of writing.

    ``id`` is its number in the vocabulary, None where a server does not tell. ``text`` is what the token adds to the
    answer, '' while a character or a possible stop is incomplete. ``probability`` is the model's own, before
    temperature and cuts; None where a server does not tell, and for text that was held back from earlier tokens and
    turned out to be no stop.
    """

    id: int | None
    text: str
    probability: float | None


def count_drawn(written: Sequence[Token]) -> int | None:
    """How many tokens were drawn; None where a server does not tell."""
    return sum(token.probability is not None for token in written) or (None if written else 0)


def mean_log_probability(written: Sequence[Token]) -> float | None:
    """Of the tokens that were drawn, which confidence is made from; None where none was, or a server does not tell."""
    logs = [math.log(max(token.probability, 1e-30)) for token in written if token.probability is not None]
    return sum(logs) / len(logs) if logs else None


@dataclass(frozen=True, slots=True)
class Calibration:
    """Turns the mean log-probability of an answer's tokens into a probability of being right (Platt 1999).

    ``split`` names the questions that ``slope`` and ``intercept`` were fitted on.
    """

    split: str
    slope: float
    intercept: float


@dataclass(frozen=True, slots=True)
class TrainingRecord:
    """What a set of weights knows of its origin: the corpus by digest and date; and how its confidence is calibrated.

    Revisions are local to a store, so none is recorded: a store finds its own by the digest. ``kind`` names how the
    weights are to be run where it is not the Hugging Face way.
    """

    corpus_digest: str
    corpus_date: str
    calibration: Calibration | None = None
    kind: str = ""

    @classmethod
    def read(cls, folder: Path) -> "TrainingRecord | None":
        """The record beside the weights in ``folder``; None where there is none; ModelError where it is damaged."""
        file = folder / RECORD
        if not file.is_file():
            return None
        try:
            found: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
            calibration = found.get("calibration")
            if calibration is not None:
                slope, intercept = float(calibration["slope"]), float(calibration["intercept"])
                calibration = Calibration(str(calibration["split"]), slope, intercept)
            kind = str(found.get("kind", ""))
            return cls(str(found["corpus_digest"]), str(found["corpus_date"]), calibration, kind)
        except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
            raise ModelError(f"{file} is not a training record: {error}") from error


class Generator(Protocol):
    """Anything that writes from its weights.

    ``instructable`` says whether it follows instructions; one that does not is given the bare question.
    """

    @property
    def name(self) -> str: ...

    @property
    def record(self) -> TrainingRecord | None: ...

    @property
    def instructable(self) -> bool: ...

    def stream(self, messages: Sequence[Message], sampling: Sampling) -> Iterator[Token]: ...
