"""What the reader reads of a passage: its words without Markdown's marks, each character traced to where it stands."""

import re
from dataclasses import dataclass

_VERBATIM = re.compile(  # what is between these marks is read as it stands
    r"(?P<mark>(?m:^[ \t]*(?P<fence>```+|~~~+))[^\n]*\n|(?<!`)(?P<code>`+)(?!`)|(?P<formula>\$\$?))"
    r"(?P<inside>.+?)(?P<end>(?(fence)(?m:^[ \t]*(?P=fence))|(?(code)(?P=code)(?!`)|(?P=formula))))",
    re.DOTALL,
)
_MARKS = re.compile(
    r"""
      (?m: ^[ \t]*(?:[-*+]|\d{1,9}[.)])[ \t]+ )      # of a list item
    | (?m: ^[ \t]*(?:\#{1,6}|>)[ \t]* )              # of a heading or a quotation
    | (?m: ^[ \t]*\|?[ \t]*:?-{2,}[-:| \t]*$ )       # the rule below the head of a table
    | !?\[(?=[^\]\n]*\]\([^)\s]*\)) | \]\([^)\s]*\)  # a link's brackets and target
    | \*\*|__ | \*(?=\S)|(?<=\S)\* | \|              # emphasis and cells
    | ```+[^\n]* | ~~~+[^\n]*                        # half of a block of code that was cut
    """,
    re.VERBOSE,
)
_SPACE = re.compile(r"\s+")


@dataclass(frozen=True, slots=True)
class View:
    """``plain`` is what is left of a source; ``plain[i]`` stands at ``source[offsets[i]]``."""

    plain: str
    offsets: tuple[int, ...]

    def span(self, start: int, end: int) -> tuple[int, int]:
        """The span of the source from the first character of ``plain[start:end]`` to its last."""
        return self.offsets[start], self.offsets[end - 1] + 1


def view(source: str) -> View:
    """The words of a Markdown passage. White space and cells' borders become one space, there where they begin."""
    kept = [piece for low, high in _kept(source) for piece in _folded(source, low, high)]
    characters: list[str] = []
    offsets: list[int] = []
    for offset, character in kept:
        if character != " " or (characters and characters[-1] != " "):
            characters.append(character)
            offsets.append(offset)
    plain = "".join(characters).rstrip()
    return View(plain, tuple(offsets[: len(plain)]))


def _kept(source: str) -> list[tuple[int, int]]:
    """The stretches of the source that are words, in order; an empty one parts two words."""
    spans: list[tuple[int, int]] = []
    position = 0
    for verbatim in _VERBATIM.finditer(source):
        spans += _unmarked(source, position, verbatim.start())
        if "\n" in verbatim["mark"]:
            spans.append((verbatim.start(), verbatim.start()))
        spans.append(verbatim.span("inside"))
        position = verbatim.end()
    return spans + _unmarked(source, position, len(source))


def _unmarked(source: str, low: int, high: int) -> list[tuple[int, int]]:
    spans: list[tuple[int, int]] = []
    for mark in _MARKS.finditer(source, low, high):
        spans.append((low, mark.start()))
        if "|" in mark.group():
            spans.append((mark.start(), mark.start()))
        low = mark.end()
    return [*spans, (low, high)]


def _folded(source: str, low: int, high: int) -> list[tuple[int, str]]:
    """(offset, character) of a stretch, each run of white space as one space."""
    if low == high:
        return [(low, " ")] if low < len(source) and source[low] in "|`~" else []
    found: list[tuple[int, str]] = []
    for space in _SPACE.finditer(source, low, high):
        found += zip(range(low, space.start()), source[low : space.start()], strict=True)
        found.append((space.start(), " "))
        low = space.end()
    return found + list(zip(range(low, high), source[low:high], strict=True))
