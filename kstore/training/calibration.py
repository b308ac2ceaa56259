"""Dev questions asked of the written models, as the product asks: what is fitted on them, and how they did."""

import itertools
import math
import random
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from kstore.answering.reader import is_sure, judged, score, stretches_of
from kstore.encoding.encoder import Encoder
from kstore.encoding.tokens import TokenEncoder
from kstore.reading.reader import CrossEncoder, Finding
from kstore.reading.tuning import Tuning
from kstore.training.pieces import searchable
from kstore.training.questions import Material, Question
from kstore.training.scores import contains, token_f1
from kstore.types import Hit, Progress, no_progress

_PASSAGES = 5  # that a question is searched for
_DECLINED = 0.1  # of the answerable dev questions
_RIGHT = 0.5  # the token F1 of an answer that counts as right
_CHANGED = 0.02  # of the answers, by reading less
_SEARCH_WEIGHTS = (0.0, 5.0, 10.0, 15.0, 20.0, 25.0, 30.0, 40.0)
_CERTAINTY_WEIGHTS = (0.0, 0.25, 0.5, 0.75, 1.0)
_SURE = tuple(itertools.product((0.0, 1.0, 2.0, 3.0, 4.0), (-1.0, -0.5, -0.25, -0.1)))
_CONFIDENCES = (0.0, 0.05, 0.1, 0.15, 0.2)  # a short answer that is right more often than that is kept

_UNTUNED = Tuning("", -math.inf, (1.0, 1.0, 0.0), 0.0, 0.0, 0.0, (math.inf, math.inf))


@dataclass(frozen=True, slots=True)
class Heard:
    """One phrasing of a dev question, and what was found: the hits, and the findings in the ``first`` stretch and in
    the ``others``."""

    question: Question
    hits: tuple[Hit, ...]
    first: list[Finding]
    others: list[Finding]

    @property
    def answerable(self) -> bool:
        return bool(self.question.answers)

    def rank(self) -> int | None:
        """The position, from 1, of the first passage that holds some of the evidence."""
        for position, hit in enumerate(self.hits, start=1):
            for place in self.question.places:
                if hit.document == place.document and hit.start < place.end and place.start < hit.end:
                    return position
        return None

    def read(self, tuning: Tuning) -> list[Finding]:
        """The findings that are read with this tuning."""
        return self.first if any(is_sure(it, tuning) for it in self.first) else [*self.first, *self.others]

    def best(self, tuning: Tuning) -> Finding:
        """The finding that is the answer."""
        return max(self.read(tuning), key=lambda it: score(it, self.hits[it.passage], tuning))


def listen(
    material: Material,
    encoder: Encoder,
    matcher: TokenEncoder,
    reader: CrossEncoder,
    most: int | None = None,
    progress: Progress = no_progress,
) -> list[Heard]:
    """Ask each phrasing (of ``most`` some, the same each time) of the documents; what holds no words is left out."""
    asked = [(phrasing, it) for it in material.questions for phrasing in it.phrasings]
    if most is not None and len(asked) > most:
        asked = random.Random(0).sample(asked, most)
    heard: list[Heard] = []
    with searchable(material.documents, encoder, progress, matcher) as memory:
        for done, (phrasing, question) in enumerate(asked):
            if done % 50 == 0:
                progress("asking dev questions", done, len(asked))
            hits = memory.search(phrasing, _PASSAGES).hits
            stretches = stretches_of(hits)
            if stretches:
                first, others = reader.read(phrasing, stretches[:1]), reader.read(phrasing, stretches[1:])
                heard.append(Heard(question, hits, first, others))
    return heard


def tune(heard: Sequence[Heard], calibrated_on: str) -> Tuning:
    """What suits these answers best, one thing after the other; at least one question must have an answer."""
    asked = [it for it in heard if it.answerable]
    tuning = replace(_UNTUNED, calibrated_on=calibrated_on)
    weightings = itertools.product(_SEARCH_WEIGHTS, _CERTAINTY_WEIGHTS)
    weighted = [replace(tuning, search_weight=search, certainty_weight=sure) for search, sure in weightings]
    tuning = max(weighted, key=lambda it: _mean_f1(asked, it))
    thorough = [it.best(tuning).plain for it in asked]
    quicker = [it for sure in _SURE if _changed(asked, thorough, it := replace(tuning, sure=sure)) <= _CHANGED]
    tuning = max(quicker, key=lambda it: sum(not _reads_on(one, it) for one in asked), default=tuning)
    best = [it.best(tuning) for it in asked]
    right = [token_f1(found.plain, it.question.answers) >= _RIGHT for found, it in zip(best, asked, strict=True)]
    sureness = np.array([[it.answerable, it.certainty] for it in best])
    tuning = replace(
        tuning,
        least_answerable=round(float(np.quantile(sureness[:, 0], _DECLINED)), 3),
        confidence=logistic_regression(sureness, np.array(right)),
    )
    return max((replace(tuning, least_confidence=it) for it in _CONFIDENCES), key=lambda it: _usefulness(asked, it))


def logistic_regression(features: Any, right: Any) -> tuple[float, float, float]:
    """The weights of two features and the constant, lightly regularised, by Newton's method."""
    inputs = np.column_stack([features, np.ones(len(features))])
    weights = np.zeros(3)
    penalty = np.diag([1e-2, 1e-2, 1e-4])
    for _ in range(50):
        chances = 1 / (1 + np.exp(-np.clip(inputs @ weights, -30, 30)))
        slope = inputs.T @ (right - chances) - penalty @ weights
        curvature = (inputs * (chances * (1 - chances))[:, None]).T @ inputs + penalty
        step = np.linalg.solve(curvature, slope)
        weights += step / max(1.0, float(np.abs(step).max()))  # at most 1 at once, so that it cannot run away
    first, second, constant = (round(float(it), 4) for it in weights)
    return first, second, constant


def figures(heard: Sequence[Heard], tuning: Tuning) -> dict[str, Any]:
    """How the models do on these questions: finding, answering, declining. Shares of 1; None where there are none."""
    asked = [it for it in heard if it.answerable]
    ranks = [it.rank() for it in asked]
    readings = [judged(it.read(tuning), it.hits, tuning) for it in asked]
    both = list(zip(readings, asked, strict=True))
    return {
        "answerable": len(asked),
        "unanswerable": len(heard) - len(asked),
        "evidence first": _mean([it == 1 for it in ranks]),
        f"evidence in the first {_PASSAGES}": _mean([it is not None for it in ranks]),
        "reciprocal rank": _mean([1 / it if it else 0.0 for it in ranks]),
        "token F1": _mean([token_f1(reading.text, it.question.answers) for reading, it in both]),
        "contains": _mean([contains(reading.text, it.question.answers) for reading, it in both]),
        "answerable declined": _mean([it.declines for it in readings]),
        "unanswerable declined": _mean(
            [it.best(tuning).answerable < tuning.least_answerable for it in heard if not it.answerable]
        ),
        "read one stretch": _mean([not _reads_on(it, tuning) for it in heard]),
    }


def _mean_f1(asked: Sequence[Heard], tuning: Tuning) -> float:
    return sum(token_f1(it.best(tuning).plain, it.question.answers) for it in asked) / len(asked)


def _changed(asked: Sequence[Heard], before: Sequence[str], tuning: Tuning) -> float:
    """The share of the questions whose answer with this tuning is another than before."""
    return sum(it.best(tuning).plain != text for it, text in zip(asked, before, strict=True)) / len(asked)


def _usefulness(asked: Sequence[Heard], tuning: Tuning) -> float:
    """Short is better than long, and right than wrong: the mean of token F1 and of containing the answer."""
    texts = [(judged(it.read(tuning), it.hits, tuning).text, it.question.answers) for it in asked]
    return sum(token_f1(text, accepted) + contains(text, accepted) for text, accepted in texts) / 2 / len(asked)


def _reads_on(heard: Heard, tuning: Tuning) -> bool:
    return bool(heard.others) and not any(is_sure(it, tuning) for it in heard.first)


def _mean(values: Sequence[float]) -> float | None:
    return round(sum(values) / len(values), 4) if values else None
