"""Where in a passage an answer stands, and the passage without it."""

import re
from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

from kstore.reading.view import View, view
from kstore.text.markdown import units

_AROUND = 200  # characters before and behind the evidence in which an answer may stand that is not in it
_LEAST_LEFT = 60  # characters of a passage without its answer, else it is no passage any more
_ARTICLE = re.compile(r"^(?:the|an?)\s+", re.IGNORECASE)

Span = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Evidence:
    """A passage that answers, as the reader sees it. ``quote`` is the span of the evidence in ``seen.plain``,
    ``answer`` that of an accepted answer in or near it, None where none stands there word for word."""

    seen: View
    quote: Span
    answer: Span | None


def occurrences(answer: str, plain: str) -> list[Span]:
    """The spans at which an answer stands in a plain text: whole words, in any case, with any white space."""
    pattern = _pattern(answer)
    return [it.span() for it in pattern.finditer(plain)] if pattern else []


def holds(answers: Sequence[str], plain: str) -> bool:
    """Whether one of the answers, with or without its article, stands in the text."""
    return any(occurrences(_ARTICLE.sub("", answer), plain) for answer in answers)


def locate(text: str, start: int, end: int, answers: Sequence[str]) -> Evidence:
    """The evidence ``text[start:end]`` of a passage and the answer in it, or else the one nearest to it.

    The first of the accepted answers that stands in the evidence is taken, as it is written or without its article.
    """
    seen = view(text)
    low, high = bisect_left(seen.offsets, start), bisect_left(seen.offsets, end)
    candidates = [it for answer in answers for it in (answer, _ARTICLE.sub("", answer))]
    near: list[tuple[int, Span]] = []
    for candidate in candidates:
        for first, last in occurrences(candidate, seen.plain):
            distance = max(low - first, last - high, 0)
            if not distance:
                return Evidence(seen, (low, high), (first, last))
            if distance <= _AROUND:
                near.append((distance, (first, last)))
    return Evidence(seen, (low, high), min(near)[1] if near else None)


@lru_cache(maxsize=4096)
def _pattern(answer: str) -> re.Pattern[str] | None:
    words = view(answer).plain or answer
    pattern = r"\s+".join(re.escape(word) for word in words.split())
    if not pattern:
        return None
    before = r"(?<!\w)" if words[0].isalnum() else ""
    behind = r"(?!\w)" if words[-1].isalnum() else ""
    return re.compile(before + pattern + behind, re.IGNORECASE)


def without_answer(text: str, headings: Sequence[str], start: int, end: int, answers: Sequence[str]) -> str | None:
    """The passage without the sentences, rows and items that hold an answer or belong to the evidence
    ``text[start:end]``: what is near the answer, but not it.

    None where too little is left, or where a heading tells the answer.
    """
    if holds(answers, " > ".join(headings)):
        return None
    left, position = "", 0
    for unit in units(text):
        if (unit.start < end and start < unit.end) or holds(answers, view(text[unit.start : unit.end]).plain):
            left += text[position : unit.start]
            position = unit.end
    left += text[position:]
    plain = view(left).plain
    return left if len(plain) >= _LEAST_LEFT and not holds(answers, plain) else None
