"""Questions made into lessons: token ids of questions and passages, which answers, which only seems to, and where.

Lessons are kept in a file, so that the part of training that wants an accelerator needs neither the corpus nor the
search, and neither OpenVINO nor FAISS.
"""

import gzip
import json
import random
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from kstore.errors import InputError

FILE = "lessons.json.gz"
Tokens = list[int]


@dataclass(frozen=True, slots=True)
class Text:
    """A passage in token ids: ``whole`` as the token encoder reads it; ``heading`` and ``body`` as the reader does."""

    whole: Tokens
    heading: Tokens
    body: Tokens


@dataclass(frozen=True, slots=True)
class Positive:
    """A text that answers. ``answer`` is the span of body tokens, half-open, None where no accepted answer stands in it
    word for word; ``holds`` are the beginnings of the stretches that show it (or most of the evidence), ``lacks`` those
    that touch neither the evidence nor any accepted answer."""

    text: int
    answer: tuple[int, int] | None
    holds: list[int]
    lacks: list[int]


@dataclass(frozen=True, slots=True)
class Lesson:
    """One phrasing of a question; the numbers are those of texts.

    ``positives`` answer (none: nothing does). ``mined`` are what a search finds beside them, best first. ``near`` are
    what seems to answer and does not: texts whose answer was taken out, neighbours, what stands around an unanswerable
    question. ``spared`` hold an accepted answer and are not evidence: whether they answer is not known, so they are no
    lesson at all, beside the positives themselves.
    """

    question: Tokens
    positives: list[Positive]
    mined: list[int]
    near: list[int]
    spared: list[int] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Lessons:
    """``texts`` and what is asked about them. ``record`` says what they were made from."""

    texts: list[Text]
    lessons: list[Lesson]
    record: dict[str, Any] = field(default_factory=dict)

    def write(self, folder: Path) -> None:
        """Keep them in ``folder``."""
        state = {
            "record": self.record,
            "texts": [[it.whole, it.heading, it.body] for it in self.texts],
            "lessons": [asdict(it) for it in self.lessons],
        }
        # No time in the header: the same lessons are the same bytes.
        (folder / FILE).write_bytes(gzip.compress(json.dumps(state).encode(), mtime=0))

    @classmethod
    def read(cls, folder: Path) -> "Lessons":
        """Those kept in ``folder``; InputError where there are none."""
        try:
            state = json.loads(gzip.decompress((folder / FILE).read_bytes()))
            return cls([Text(*it) for it in state["texts"]], [_lesson(it) for it in state["lessons"]], state["record"])
        except (OSError, EOFError, ValueError, KeyError, TypeError) as error:
            raise InputError(f"{folder / FILE} holds no lessons: {error}") from error

    def vocabulary(self) -> set[int]:
        """Every token id that occurs."""
        told = {token for it in self.texts for row in (it.whole, it.heading, it.body) for token in row}
        return told | {token for it in self.lessons for token in it.question}

    def statistics(self) -> dict[str, Any]:
        """How much there is to learn: counts, and of what each lesson has, how many on average."""
        answerable = [it for it in self.lessons if it.positives]
        counts = Counter(
            "answered in words" if any(it.answer for it in lesson.positives) else "answered otherwise"
            for lesson in answerable
        )

        def mean(lessons: Sequence[Lesson], name: str) -> float:
            return round(sum(len(getattr(it, name)) for it in lessons) / max(len(lessons), 1), 2)

        unanswerable = [it for it in self.lessons if not it.positives]
        return {
            "texts": len(self.texts),
            "lessons": len(self.lessons),
            **counts,
            "unanswerable": len(unanswerable),
            "per answerable": {name: mean(answerable, name) for name in ("positives", "mined", "near", "spared")},
            "per unanswerable": {name: mean(unanswerable, name) for name in ("mined", "near")},
            "without negatives": sum(not (it.mined or it.near) for it in self.lessons),
        }


def _lesson(state: dict[str, Any]) -> Lesson:
    positives = [
        Positive(it["text"], tuple(it["answer"]) if it["answer"] else None, it["holds"], it["lacks"])
        for it in state.pop("positives")
    ]
    return Lesson(positives=positives, **state)


def some(chance: random.Random, numbers: Sequence[int], count: int) -> list[int]:
    """At most ``count`` of the numbers, each once, in random order."""
    return chance.sample(list(numbers), min(count, len(numbers)))
