"""Answers that have several parts: the items of a list, or the findings of several passages, each cited by itself."""

import re
from collections.abc import Sequence
from dataclasses import replace

from kstore.answering.reading import Reading
from kstore.reading.view import view
from kstore.text.markdown import units
from kstore.types import Citation

_COUNT = r"(?:two|three|four|five|six|seven|eight|nine|ten|several|both)"
_COUNTED = re.compile(
    rf"\b(?:which|what|who|name|list|give|tell) (?:(?:are|were) )?(?:the |all |both )*{_COUNT}\b", re.IGNORECASE
)
_LISTED = re.compile(
    r"\b(?:which|what) (?:(?:kinds|types|sorts|parts|steps|stages|phases|ways|reasons|variants)\b|are the\b)"
    r"|(?:^|[.?!:] )(?:list|enumerate) ",
    re.IGNORECASE,
)
_ITEM = re.compile(r"(?P<bullet>[-*+])[ \t]+|\d{1,9}(?P<number>[.)])[ \t]+")
_LIST = re.compile(r",|;|\band\b|\bor\b|&")
_MOST = 12  # parts

Span = tuple[int, int]


def counts(question: str) -> bool:
    """Whether the question (in English) says how many things it wants: which two, name the three."""
    return _COUNTED.search(question) is not None


def asks_for_several(question: str) -> bool:
    """Whether the question (in English) may want more than one thing: so many, or what kinds, what are the, list."""
    return counts(question) or _LISTED.search(question) is not None


def items_around(text: str, start: int, end: int) -> list[Span]:
    """The items, without their marks, of the list of a passage that ``text[start:end]`` stands in; none where it stands
    in no list, or in a list of one."""
    run: list[Span] = []
    kind, here = "", False
    for unit in units(text):
        mark = _ITEM.match(text, unit.start, unit.end)
        own = next(filter(None, mark.groups())) if mark else ""
        if not own or own != kind:
            if here:
                break
            run, kind = [], own
        if mark:
            run.append((mark.end(), unit.end))
            here = here or unit.start <= start < unit.end
    return run if here and len(run) > 1 else []


def is_list(words: str) -> bool:
    """Whether an answer names several things already."""
    return _LIST.search(words) is not None


def in_parts(reading: Reading, citations: Sequence[Citation]) -> Reading:
    """The reading with a part for each of the citations, in their order, on lines of their own."""
    text = ""
    cited = []
    for citation in citations[:_MOST]:
        part = view(citation.text).plain
        text += ("\n" if text else "") + part
        cited.append(replace(citation, claim=(len(text) - len(part), len(text))))
    return replace(reading, text=text, citations=tuple(cited))
