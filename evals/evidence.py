"""Where a quotation stands: word for word in its document, once, below its heading.

Gold evidence is a quotation and no pair of offsets or passage number, so that it outlives edits around it and any
change of how documents are cut into passages.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise

from markdown_it import MarkdownIt

from evals.cases import Evidence, places


@dataclass(frozen=True, slots=True)
class Span:
    """Where a quote stands: ``document[start:end]``."""

    document: str
    start: int
    end: int


def locate(evidence: Evidence, documents: Mapping[str, str]) -> Span:
    """Where the quote stands in ``{name: text}``; ValueError unless it does so exactly once.

    With a heading, once in the text under that heading, as far as the next heading of the same or a higher level.
    """
    text = documents.get(evidence.doc)
    if text is None:
        raise ValueError(f"there is no document {evidence.doc!r}")
    first, last = _section(evidence, text)
    found = [it for it in places(evidence.quote, text) if first <= it and it + len(evidence.quote) <= last]
    if len(found) != 1:
        under = "" if evidence.heading is None else f" under {evidence.heading!r}"
        how_often = f"{len(found)} times, not once" if found else "nowhere"
        raise ValueError(f"{evidence.doc} says {evidence.quote[:60]!r}{under} {how_often}")
    return Span(evidence.doc, found[0], found[0] + len(evidence.quote))


def _section(evidence: Evidence, text: str) -> tuple[int, int]:
    """Start and end of the text under the evidence's heading, of the whole text where none is named."""
    if evidence.heading is None:
        return 0, len(text)
    headings = _headings(text)
    found = [number for number, heading in enumerate(headings) if heading.text == evidence.heading]
    if len(found) != 1:
        raise ValueError(f"{evidence.doc} has the heading {evidence.heading!r} {len(found)} times, not once")
    own = headings[found[0]]
    after = (heading.start for heading in headings[found[0] + 1 :] if heading.level <= own.level)
    return own.end, next(after, len(text))


@dataclass(frozen=True, slots=True)
class _Heading:
    level: int
    text: str
    start: int
    end: int


@lru_cache(maxsize=64)  # a file of cases asks for the same few documents again and again
def _headings(text: str) -> list[_Heading]:
    """The headings of a Markdown text, in order, with the span of their lines."""
    starts = [0]
    for line in text.split("\n"):
        starts.append(starts[-1] + len(line) + 1)
    tokens = MarkdownIt("commonmark").parse(text)
    return [
        _Heading(int(opening.tag[1:]), inline.content, starts[opening.map[0]], starts[opening.map[1]])
        for opening, inline in pairwise(tokens)
        if opening.type == "heading_open" and opening.map
    ]
