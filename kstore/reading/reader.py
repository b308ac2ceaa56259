"""The reader: a cross-encoder that sees question and passage together and, in one pass, judges and points.

For each stretch of a passage it says how relevant it is, whether it answers the question, and which of its words are
the answer (relevance as in Nogueira and Cho 2019, spans as in Devlin et al. 2019). It is the packaged encoder, trained
further.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from kstore.encoding.graph import TrainedModel, Weights, linear, vocabulary
from kstore.reading.tuning import Tuning
from kstore.reading.view import View, view

FILE = Path(__file__).parent / "model" / "reader.safetensors"

HEADING_TOKENS, BODY_TOKENS = 20, 96  # of a stretch; what it was trained on
_STRIDE = 48
_QUESTION_TOKENS = 64
_LONGEST_ANSWER = 24  # tokens
_MAX_CHARACTERS = 20_000


@dataclass(frozen=True, slots=True)
class Passage:
    """What is read: a passage's own text and its heading path. ``focus`` is where to look first, from 0 (its
    beginning) to 1."""

    headings: tuple[str, ...]
    text: str
    focus: float = 0.5


@dataclass(frozen=True, slots=True)
class Finding:
    """What the reader found in one passage. ``text[start:end]`` of the passage is the answer, ``plain`` its words.

    ``relevance`` and ``answerable`` are logits, comparable between passages of one question; ``certainty`` is the
    log-probability of the span within its stretch.
    """

    passage: int
    start: int
    end: int
    plain: str
    relevance: float
    answerable: float
    certainty: float


@dataclass(frozen=True, slots=True)
class Stretch:
    """A run of a passage's tokens: their ids, and for each the span of ``seen.plain`` that it stands for."""

    passage: int
    seen: View
    heading: Sequence[int]
    body: Sequence[int]
    spans: Sequence[tuple[int, int]]

    @property
    def middle(self) -> float:
        """Where in the passage it lies, from 0 to 1."""
        return (self.spans[0][0] + self.spans[-1][1]) / 2 / len(self.seen.plain)


class CrossEncoder:
    """Reads passages for a question. Threads may share it."""

    def __init__(self, threads: int = 0, file: Path = FILE) -> None:
        """Nothing is loaded before it is needed. ModelError then, where ``file`` cannot be read."""
        self.model = TrainedModel(file, _heads, threads, coarse=True)  # nothing that it computes is kept

    @cached_property
    def tuning(self) -> Tuning:
        """What was fitted for these weights; ModelError where the record beside them does not tell it."""
        return Tuning.read(self.model.file)

    def read(self, question: str, stretches: Sequence[Stretch]) -> list[Finding]:
        """The best finding of each passage that has some of the ``stretches``, in the passages' order. The time of
        reading is that of the stretches, so the caller says which."""
        if not stretches:
            return []
        asked = vocabulary().tokenizer.encode(question[:_MAX_CHARACTERS]).ids[:_QUESTION_TOKENS]
        rows, segments = zip(*(row_of(asked, it.heading, it.body) for it in stretches), strict=True)
        best: dict[int, Finding] = {}
        for it, (judgements, spans) in zip(stretches, self.model.run(rows, segments), strict=True):
            first = len(asked) + len(it.heading)
            finding = _finding(it, judgements[0], spans[first : first + len(it.body)])
            before = best.get(it.passage)
            if before is None or finding.relevance > before.relevance:
                best[it.passage] = finding
        return [best[number] for number in sorted(best)]


def _heads(operations: Any, weights: Weights, states: Any) -> list[Any]:
    return [linear(operations, states, weights, "judgement"), linear(operations, states, weights, "span")]


def _cut(number: int, passage: Passage) -> list[Stretch]:
    seen = view(passage.text[:_MAX_CHARACTERS])
    tokenizer = vocabulary().tokenizer
    body = tokenizer.encode(seen.plain, add_special_tokens=False)
    heading = heading_ids(passage.headings)
    return [
        Stretch(number, seen, heading, body.ids[low : low + BODY_TOKENS], body.offsets[low : low + BODY_TOKENS])
        for low in stretch_starts(len(body.ids))
    ]


def heading_ids(headings: Sequence[str]) -> list[int]:
    """The token ids of a heading path, of which the last 20 are read."""
    ids: list[int] = vocabulary().tokenizer.encode(" > ".join(headings), add_special_tokens=False).ids
    return ids[-HEADING_TOKENS:]


def stretch_starts(tokens: int) -> list[int]:
    """Where the stretches of a passage of so many tokens begin; none where it has no tokens."""
    last = max(tokens - BODY_TOKENS, 0)
    return [*range(0, last, _STRIDE), last] if tokens else []


def row_of(asked: Sequence[int], heading: Sequence[int], body: Sequence[int]) -> tuple[list[int], list[int]]:
    """What the model reads of one stretch: the token ids, and for each its segment, 0 for the question's."""
    row = [*asked, *heading, *body, asked[-1]]
    return row, [0] * len(asked) + [1] * (len(row) - len(asked))


def in_order(passages: Sequence[Passage]) -> list[Stretch]:
    """The stretches of all passages, to be read in this order: of each passage the one closest to its focus, then of
    each the next closest, and so on."""

    def nearest(number: int, passage: Passage) -> list[Stretch]:
        return sorted(_cut(number, passage), key=lambda stretch: abs(stretch.middle - passage.focus))

    queues = [nearest(number, it) for number, it in enumerate(passages)]
    chosen: list[Stretch] = []
    for turn in range(max(map(len, queues), default=0)):
        chosen += [queue[turn] for queue in queues if turn < len(queue)]
    return chosen


def _finding(stretch: Stretch, judgement: Any, spans: Any) -> Finding:
    """The likeliest span of at most ``_LONGEST_ANSWER`` tokens: start and end independent, end not before start."""
    starts, ends = _log_softmax(spans[:, 0]), _log_softmax(spans[:, 1])
    joint = starts[:, None] + ends[None, :]
    joint[~np.triu(np.tri(len(starts), k=_LONGEST_ANSWER - 1, dtype=bool))] = -np.inf
    first, last = divmod(int(joint.argmax()), len(starts))
    low, high = stretch.spans[first][0], stretch.spans[last][1]
    start, end = stretch.seen.span(low, high)
    return Finding(
        stretch.passage,
        start,
        end,
        stretch.seen.plain[low:high],
        float(judgement[0]),
        float(judgement[1]),
        float(joint[first, last]),
    )


def _log_softmax(logits: Any) -> Any:
    shifted = logits - logits.max()
    return shifted - np.log(np.exp(shifted).sum())
