"""The guide as its tests read it: chapters, sections, code blocks, formulas, links."""

import re
from dataclasses import dataclass

from tests.conftest import GUIDE

TEXTS = {file.name: file.read_text(encoding="utf-8") for file in sorted(GUIDE.glob("*.md"))}

_FENCED = re.compile(r"^```.*?^```$", re.DOTALL | re.MULTILINE)
_HEADING = re.compile(r"^(#+) (.+)$", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Piece:
    """A part of a chapter that is checked by itself, and the place to name when it is wrong."""

    place: str
    text: str


def prose(name: str) -> str:
    """The chapter with its code blocks blanked out, line for line."""
    return _FENCED.sub(lambda block: "\n" * block.group().count("\n"), TEXTS[name])


def headings(name: str) -> list[str]:
    return [match.group(2) for match in _HEADING.finditer(prose(name))]


def anchor(heading: str) -> str:
    """The fragment that a heading gets where Markdown is published: lower case, no punctuation, hyphens."""
    return re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")


def section(name: str, heading: str) -> str:
    """The text under a heading, as far as the next heading of the same or a higher level."""
    bare = prose(name)
    (found,) = [match for match in _HEADING.finditer(bare) if match.group(2) == heading]
    level = len(found.group(1))
    after = (match.start() for match in _HEADING.finditer(bare, found.end()) if len(match.group(1)) <= level)
    end = next(after, None)
    first, last = bare.count("\n", 0, found.start()) + 1, None if end is None else bare.count("\n", 0, end)
    return "\n".join(TEXTS[name].split("\n")[first:last])


def blocks(name: str, language: str) -> list[Piece]:
    """The fenced blocks marked with this language."""
    fenced = re.compile(rf"^```{language}\n(.*?)^```$", re.DOTALL | re.MULTILINE)
    return [Piece(_place(name, match.start()), match.group(1)) for match in fenced.finditer(TEXTS[name])]


def formulas(name: str) -> list[Piece]:
    """What stands between dollars, single or double, outside code."""
    bare = re.sub(r"`[^`\n]*`", lambda code: " " * len(code.group()), prose(name))
    found = re.finditer(r"\$\$(.+?)\$\$|\$([^$]+?)\$", bare, re.DOTALL)
    return [Piece(f"{name}:{bare.count(chr(10), 0, it.start()) + 1}", it.group(1) or it.group(2)) for it in found]


def links(name: str) -> list[tuple[str, str]]:
    """(file, fragment) of each link within the guide; the file of a link to the same chapter is that chapter."""
    bare = re.sub(r"`[^`\n]*`", "", prose(name))
    targets = re.findall(r"\]\(([^)\s]+)\)", bare)
    parts = [target.partition("#") for target in targets if not target.startswith(("http:", "https:"))]
    return [(file or name, fragment) for file, _, fragment in parts]


def says(name: str, heading: str, value: float, digits: int) -> bool:
    """Whether the section states ``value`` to that many decimals, as a number of its own.

    Thousands may have commas or not, and a minus sign may be a hyphen or the sign itself.
    """
    number = re.escape(f"{abs(value):,.{digits}f}").replace(",", ",?")
    sign = "[-\u2212]" if round(value, digits) < 0 else r"(?<![-\u2212])"
    text = section(name, heading).replace("{,}", ",")
    return re.search(rf"(?<![\d.,A-Za-z]){sign}{number}(?!\d|[.,]\d|e-?\d)", text) is not None


def _place(name: str, offset: int) -> str:
    return f"{name}:{TEXTS[name].count(chr(10), 0, offset) + 1}"
