"""What belongs to one set of the reader's weights beside the weights: thresholds and weights fitted on dev questions.

They stand under ``tuning`` in the training record, the JSON file beside the weights.
"""

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from kstore.errors import ModelError


@dataclass(frozen=True, slots=True)
class Tuning:
    """``calibrated_on`` names the questions that the rest was fitted on.

    ``least_answerable`` is the logit below which a question is better declined: nine in ten answerable dev questions
    reach it. ``confidence`` turns (answerable, certainty, 1) into the logit of being right, a token F1 of at least a
    half. ``least_confidence`` is that of a short answer; below, the sentence around it is the answer. ``search_weight``
    and ``certainty_weight`` are those of the search's score, where it is a reranked one, and of the span's
    log-probability beside the relevance. ``sure`` are the answerable logit and the certainty that make further reading
    needless: reading is most of an answer's time.
    """

    calibrated_on: str
    least_answerable: float
    confidence: tuple[float, float, float]
    least_confidence: float
    search_weight: float
    certainty_weight: float
    sure: tuple[float, float]

    @classmethod
    def read(cls, weights: Path) -> "Tuning":
        """The tuning of these weights; ModelError where the record beside them is missing or damaged."""
        file = record_file(weights)
        try:
            found: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))["tuning"]
            answerable, certainty, constant = map(float, found["confidence"])
            sure_answerable, sure_certainty = map(float, found["sure"])
            numbers = ("least_answerable", "least_confidence", "search_weight", "certainty_weight")
            return cls(
                calibrated_on=str(found["calibrated_on"]),
                confidence=(answerable, certainty, constant),
                sure=(sure_answerable, sure_certainty),
                **{name: float(found[name]) for name in numbers},
            )
        except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
            raise ModelError(f"{file} does not tell how the reader is tuned: {error!r}") from error

    def shape(self) -> dict[str, Any]:
        """As it stands in the record."""
        return asdict(self)


def record_file(weights: Path) -> Path:
    """The training record of the weights in this file."""
    return weights.with_suffix(".json")
