"""Markdown made up for the tests: nasty documents, and documents of which the tests know every block and every word."""

import random
from collections.abc import Iterator
from dataclasses import dataclass, field

from hypothesis import strategies as st

# Nasty documents: lines that begin, continue or break something, in any order, with any line ends ------------------

_LINES = (
    *("", " ", "\t", "---", "***", "===", "- - -", "...", "\\", "\ufeff", "\u2028", "\x0b", "\x0c", "\x85", "\u00a0"),
    *("# Title", "## Two ##", "###### Six", "#", "##  ", "#hash", "  # In", "    # Code", "# `a` *b*", "# <!-- x -->"),
    *("```", "```python", "~~~~", "````", "  ```", "> ```", "- ```", "    four = 4", "\ttab = 1", "`` ` ``"),
    *("| a | b |", "|---|:-:|", "--|--", "a | b", "| \\| | `x|y` |", "|", "| lone |", "||||"),
    *("- item", "* star", "+ plus", "1. one", "12) two", "  - nested", "      deep", "-", "1."),
    *("> quote", ">> deeper", "> - item", ">", "> # head", "> $$", "lazy", "- # head", "- > quote"),
    *("$$", "$$ x = 1 $$", "$$ x (1)", "$$ x $$ (eq)", "$x$ costs $5", "$", "\\$5 and $6", "$$ $$", "$a"),
    *("<!-- hidden -->", "<!--", "-->", "<div>", "</div>", "a <b>c</b><br>d", "<script>", "<a href='x y'>", "<?x"),
    *("[a]: http://b.c 'd'", "[a]", "[x](y", "[x](<y z>)", '![i](j "k")', "[[[", "]]]", "<http://x.y>", "&amp; &#0;"),
    *("**bold", "_it_ ***x**", "* * * *", "~~s~~", "title: x"),
    *("End. Next. E.g. this", "終。始！", 'Why?! "So." (Yes.)'),
)
_characters = st.characters(exclude_categories=["Cs"], exclude_characters="\0")
_line = st.one_of(st.sampled_from(_LINES), st.sampled_from(_LINES), st.text(_characters, max_size=20))
_line_end = st.sampled_from(("\n", "\n", "\n\n", "\r\n", "\r\n\r\n", "\r", ""))
_start = st.sampled_from(("", "", "", "\ufeff", "---\n", "\ufeff---\r\ntitle: x\r\n---\r\n"))


@st.composite
def nasty_documents(draw: st.DrawFn) -> str:
    """Any string is a document; these are full of halves of Markdown."""
    return draw(_start) + "".join(line + end for line, end in draw(st.lists(st.tuples(_line, _line_end), max_size=25)))


# Well-formed documents, written in any of the ways that mean the same -----------------------------------------------

Words = tuple[str, ...]

# ``{}`` becomes a number that occurs once in the document, so that a test can ask where each word has gone.
_WORDS = (
    *("w{}", "w{}", "w{}", "w{},", "(w{})", "größe{}", "w{}:", "snake_w{}", "W{}", "“w{}”", "it's{}", "漢字w{}", "é{}"),
    *("`w{}`", "`a. B{}`", "``a`b. C{}``", "$x_{{{}}}$", "$a. B^{{{}}}$", "<b>w{}</b>"),
    *("[w{}](https://e.org/a_b?c=d)", "![w{}](i.png)", "[see W{}](x.md)"),
    *("e.g.", "Dr.", "et", "al.", "J.", "I"),
)
_ENDS = ("w{}.", "w{}!", "“w{}.”", "(w{}.)", "`w{}`.", "w{}…", "$y_{{{}}}$.", "漢字w{}。漢字")
words = st.lists(st.sampled_from(_WORDS), min_size=1, max_size=7).map(tuple)
_sentence = st.tuples(words, st.sampled_from(_ENDS)).map(lambda pair: (*pair[0], pair[1]))
_sentences = st.lists(_sentence, min_size=1, max_size=4).map(lambda found: (sum(found, ()),))
_cells = st.tuples(words, words)


@dataclass(frozen=True)
class Block:
    """A block by its ``kind`` and parts: one run of words for prose, an item each for a list, two cells a table row."""

    kind: str
    parts: tuple[Words, ...]


@dataclass(frozen=True)
class Section:
    level: int
    title: Words
    blocks: tuple[Block, ...]


_block = st.one_of(
    st.builds(Block, st.sampled_from(("paragraph", "paragraph", "quote")), _sentences),
    st.builds(
        Block, st.sampled_from(("bullets", "numbers", "nested")), st.lists(words, min_size=1, max_size=5).map(tuple)
    ),
    st.builds(Block, st.just("table"), st.lists(_cells, min_size=1, max_size=4).map(lambda rows: sum(rows, ()))),
    st.builds(Block, st.sampled_from(("code", "formula", "html")), st.just((("a. B{}", "c{}"), ("D{}",)))),
    st.builds(Block, st.sampled_from(("comment", "rule")), st.just((("hidden{}",),))),
)
blocks = st.lists(_block, max_size=3).map(tuple)
sections = st.lists(st.builds(Section, st.integers(1, 6), words, blocks), min_size=1, max_size=4).map(tuple)


@dataclass(frozen=True)
class Style:
    """The choices that formatting leaves open: none of them changes a word."""

    seed: int  # of where emphasis and trailing spaces go
    emphasis: bool
    trailing: bool
    width: int
    bullet: str
    delimiter: str
    fence: str
    setext: bool
    closed: bool  # ATX headings and table rows with a mark at their end too
    blank: int
    line_end: str
    mark: str


styles = st.builds(
    Style,
    seed=st.integers(0, 2**32),
    emphasis=st.booleans(),
    trailing=st.booleans(),
    width=st.sampled_from((1, 30, 80, 10_000)),
    bullet=st.sampled_from(("-", "*", "+")),
    delimiter=st.sampled_from((".", ")")),
    fence=st.sampled_from(("```", "~~~~")),
    setext=st.booleans(),
    closed=st.booleans(),
    blank=st.integers(1, 3),
    line_end=st.sampled_from(("\n", "\r\n", "\r")),
    mark=st.sampled_from(("", "\ufeff")),
)


@dataclass
class Written:
    """A document as text, and what is known about it."""

    text: str
    whole: list[str] = field(default_factory=list)  # parts that may not be cut, as they stand in the text
    shown: list[str] = field(default_factory=list)  # numbers of the words that a reader sees, in order
    headings: list[str] = field(default_factory=list)  # as they stand in the text
    hidden: list[str] = field(default_factory=list)  # numbers in comments and front matter


def write(document: tuple[Section, ...], style: Style) -> Written:
    """``document`` in Markdown, after a front matter."""
    return _Writer(style).write(document)


class _Writer:
    def __init__(self, style: Style) -> None:
        self.style = style
        self.random = random.Random(style.seed)
        self.written = Written("")
        self.numbers: Iterator[str] = iter(())

    def write(self, document: tuple[Section, ...]) -> Written:
        pieces = ["---\ntitle: hidden00000\n---"]
        self.written.hidden.append("00000")
        for number, section in enumerate(document, start=1):
            self.numbers = (f"{number:02}{word:03}" for word in range(1000))  # so an edit renumbers no other section
            self.written.headings.append(self.heading(section.level, section.title))
            pieces.append(self.written.headings[-1])
            pieces += [self.block(block) for block in section.blocks]
        text = ("\n" * (1 + self.style.blank)).join(pieces) + "\n"
        self.written.text = self.style.mark + text.replace("\n", self.style.line_end)
        for known in (self.written.whole, self.written.headings):
            known[:] = [each.rstrip().replace("\n", self.style.line_end) for each in known]
        return self.written

    def heading(self, level: int, title: Words) -> str:
        words = " ".join(self.emphasised(self.numbered(title)))
        if self.style.setext and level <= 2:
            return words + "\n" + "=-"[level - 1] * 3
        return f"{'#' * level} {words}" + (" ##" if self.style.closed else "")

    def block(self, block: Block) -> str:
        kind, parts = block.kind, block.parts
        if kind in {"comment", "rule"}:
            hidden = self.numbered(parts[0], self.written.hidden)[0]
            return f"<!-- {hidden} -->" if kind == "comment" else "***"
        if kind == "paragraph":
            return self.wrapped(parts[0])
        if kind == "quote":
            return self.kept("> " + self.wrapped(parts[0]).replace("\n", "\n> "))
        if kind == "table":
            rows = [self.row(left, right) for left, right in zip(parts[::2], parts[1::2], strict=True)]
            return "\n".join([rows[0], self.bounded("---|:-:"), *rows[1:]])
        if kind in {"code", "formula", "html"}:
            fence = self.style.fence
            first, last = {"code": (f"{fence}python", fence), "formula": ("$$", "$$"), "html": ("<div>", "</div>")}[
                kind
            ]
            return self.kept("\n".join([first, *("  " + " ".join(self.numbered(part)) for part in parts), last]))
        return self.items(kind, parts)

    def items(self, kind: str, parts: tuple[Words, ...]) -> str:
        items = []
        for number, part in enumerate(parts, start=1):
            mark = f"{number}{self.style.delimiter} " if kind == "numbers" else f"{self.style.bullet} "
            items.append(mark + self.wrapped(part).replace("\n", "\n" + " " * len(mark)))
        if kind == "nested":  # the first item holds the others
            return self.kept("\n  ".join(item.replace("\n", "\n  ") for item in items))
        gap = "\n" * self.random.choice((1, 2))
        return gap.join(self.kept(item) for item in items)

    def row(self, left: Words, right: Words) -> str:
        cells = [" ".join(self.emphasised(self.numbered(cell))) for cell in (left, right)]
        return self.kept(self.bounded(" | ".join(cells)))

    def bounded(self, row: str) -> str:
        return f"| {row} |" if self.style.closed else row

    def kept(self, whole: str) -> str:
        self.written.whole.append(whole)
        return whole

    def wrapped(self, templates: Words) -> str:
        lines = [""]
        for word in self.emphasised(self.numbered(templates)):
            if lines[-1] and len(lines[-1]) + len(word) >= self.style.width:
                lines.append("")
            lines[-1] += f" {word}" if lines[-1] else word
        return "\n".join(line + " " * (self.style.trailing and self.random.randrange(4)) for line in lines)

    def numbered(self, templates: Words, into: list[str] | None = None) -> list[str]:
        found = []
        for template in templates:
            if "{}" in template:
                (self.written.shown if into is None else into).append(number := next(self.numbers))
                template = template.replace("{{", "{").replace("}}", "}").replace("{}", number)
            found.append(template)
        return found

    def emphasised(self, words: list[str]) -> list[str]:
        """The words, some runs of them in bold or italics; also across sentences."""
        place = 0
        while self.style.emphasis and place < len(words):
            if self.random.random() < 0.3:
                last = min(len(words) - 1, place + self.random.randrange(12))
                mark = self.random.choice(("*", "**", "_", "__", "***"))
                words[place] = mark + words[place]
                words[last] += mark
                place = last
            place += 1
        return words
