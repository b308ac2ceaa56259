"""Markdown to passages: sections at headings, then whole blocks, with exact character spans.

A passage is a run of neighbouring *atoms* of one section. An atom is a block (paragraph, list, table, code, formula)
or, where a block is longer than the limit, one of its parts: a list item, a table row, a sentence, a few words. Code
blocks, table rows, list items, quoted paragraphs and formulas are never cut, so a passage exceeds the limit only where
one of these does. Sizes are measured on the plain text, so that a change of formatting moves no boundary.
"""

import re
from bisect import bisect_right
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import groupby, pairwise

from markdown_it import MarkdownIt
from markdown_it.token import Token
from markdown_it.tree import SyntaxTreeNode
from mdit_py_plugins.dollarmath import dollarmath_plugin
from mdit_py_plugins.front_matter import front_matter_plugin

from kstore.text.sentences import Span, bounded_spans, sentence_spans, word_spans
from kstore.types import Passage

SPLITTER = "markdown-3"  # changes whenever the same document would give other passages or other metadata
LIMIT = 1200  # characters of plain text; about the 256 word pieces that the packaged encoder reads

_LINE_END = re.compile(r"\r\n?|\n")
_TAG = re.compile(r"<!--.*?(?:-->|$)|</?[A-Za-z][^<>]{0,2000}>", re.DOTALL)
_ROW = re.compile(r"\s*\|.*\|\s*$")
_CELL_END = re.compile(r"(?<!\\)\|")
_BREAK = re.compile(r"<br\b", re.IGNORECASE)
_MAX_INLINE = 20_000  # longer paragraphs are taken as they are: inline parsing is not linear in the worst case


@dataclass(frozen=True, slots=True)
class Atom:
    """A piece of a document that is never cut: its span and its plain text."""

    start: int
    end: int
    plain: str


def split(text: str, limit: int = LIMIT) -> list[Passage]:
    """The passages of a Markdown (or any other) text, in order and disjoint.

    Front matter, headings and comments belong to no passage; a heading with nothing under it is one itself, so that
    no word of a document is out of reach. Works on any string.
    """
    lines = _Lines(text)
    passages: list[Passage] = []
    for headings, atoms in _sections(lines, limit):
        for run in _pack(atoms, limit):
            start, end = run[0].start, run[-1].end
            plain = " ".join(atom.plain for atom in run)
            passages.append(Passage(start, end, lines.number(start), lines.number(end - 1), headings, plain))
    return passages


def units(text: str) -> list[Atom]:
    """The smallest quotable parts of a passage's text: sentences, list items, table rows, code blocks, formulas.

    A passage that was cut from the middle of a block may read as markup alone; it is one part then.
    """
    lines = _Lines(text)
    parts = [atom for _, atoms in _sections(lines, limit=0) for atom in atoms]
    plain = _fold(text)
    return parts or ([Atom(0, len(text), plain)] if plain else [])


class _Lines:
    """A text with the offsets of its lines, counted as Markdown does: CRLF, CR and LF each end one.

    A byte-order mark belongs to the text but hides its first line's markup, so the parser reads from behind it.
    """

    def __init__(self, text: str) -> None:
        self.text = text
        self.skipped = 1 if text.startswith("\ufeff") else 0
        self.starts = [self.skipped, *(match.end() for match in _LINE_END.finditer(text))]

    def number(self, offset: int) -> int:
        """1-based line of the character at ``offset``."""
        return bisect_right(self.starts, offset)

    def span(self, first: int, last: int) -> tuple[int, int]:
        """Span of lines ``first`` to ``last`` (0-based, half-open) without blank lines and space around."""
        start = self.starts[first]
        end = self.starts[last] if last < len(self.starts) else len(self.text)
        block = self.text[start:end]
        body = block.lstrip("\r\n")
        return start + len(block) - len(body), start + len(block.rstrip())


def _parser() -> MarkdownIt:
    parser = MarkdownIt("commonmark", {"maxNesting": 100}).enable("table").use(front_matter_plugin)
    parser.use(dollarmath_plugin, allow_space=False, allow_digits=False, double_inline=True, allow_blank_lines=False)
    parser.core.ruler.disable(["inline", "text_join"])  # inline text is parsed piece by piece, in _plain_inline
    return parser


_PARSER = _parser()


def _sections(lines: _Lines, limit: int) -> Iterator[tuple[tuple[str, ...], list[Atom]]]:
    """(heading path, atoms that have words) of each stretch between two headings, in order.

    A heading that no passage would name, since nothing below it has words, is a stretch of its own.
    """
    path: list[tuple[str, SyntaxTreeNode]] = []
    atoms: list[Atom] = []
    named = 0  # how many headings of the path have been yielded with something

    def titles() -> tuple[str, ...]:
        return tuple(title for title, _ in path if title)

    def finished(level: int) -> Iterator[tuple[tuple[str, ...], list[Atom]]]:
        nonlocal named
        if atoms:
            yield titles(), atoms
            named = len(path)
        while path and _level(path[-1][1]) >= level:
            title, heading = path.pop()
            if title and len(path) >= named:
                yield titles(), list(_atoms(heading, lines, limit))
                named = len(path)
            named = min(named, len(path))

    for node in SyntaxTreeNode(_PARSER.parse(lines.text[lines.skipped :])).children:
        if node.type == "heading":
            yield from finished(_level(node))
            path.append((_plain(node), node))
            atoms = []
        else:
            atoms += (atom for atom in _atoms(node, lines, limit) if atom.plain)
    yield from finished(0)


def _level(heading: SyntaxTreeNode) -> int:
    return int(heading.tag[1:])


def _atoms(node: SyntaxTreeNode, lines: _Lines, limit: int) -> Iterator[Atom]:
    """The block as one atom, or its parts where it is longer than ``limit`` and may be cut."""
    if node.map is None or node.type == "front_matter":
        return
    start, end = lines.span(*node.map)
    plain = _plain(node)
    if len(plain) <= limit or node.type not in _CUTTABLE:
        yield Atom(start, end, plain)
    elif node.type == "paragraph" and all(map(_ROW.match, node.children[0].content.split("\n"))):
        for number in range(*node.map):  # the rest of a table that was cut
            span = lines.span(number, number + 1)
            yield Atom(*span, _plain_inline(_CELL_END.sub(" ", lines.text[slice(*span)])))
    elif node.type == "paragraph":
        yield from _sentences(lines.text, start, end, limit)
    elif node.type == "table":
        for row in (row for part in node.children for row in part.children):
            yield from _atoms(row, lines, limit)
    else:
        for child in node.children:
            yield from _inner_atoms(child, lines, limit)


_CUTTABLE = {"paragraph", "table", "bullet_list", "ordered_list", "blockquote"}


def _inner_atoms(node: SyntaxTreeNode, lines: _Lines, limit: int) -> Iterator[Atom]:
    """Like ``_atoms`` for a block inside another; its paragraphs carry the outer block's marks and stay whole."""
    if node.type in {"paragraph", "list_item"} and node.map is not None:
        yield Atom(*lines.span(*node.map), _plain(node))
    else:
        yield from _atoms(node, lines, limit)


def _sentences(text: str, start: int, end: int, limit: int) -> Iterator[Atom]:
    """The sentences of a paragraph, of which those longer than ``limit`` (0: none) are cut between words."""
    paragraph = text[start:end]
    limit = limit or len(paragraph)
    begins = [low for low, _ in sentence_spans(paragraph)]
    words = _short_words(paragraph, limit)
    for _, sentence in groupby(words, key=lambda word: bisect_right(begins, word.start)):
        for run in _pack(sentence, limit):
            yield Atom(start + run[0].start, start + run[-1].end, " ".join(word.plain for word in run))


def _short_words(paragraph: str, limit: int) -> Iterator[Atom]:
    """The words of a paragraph, a longer one in pieces of at most ``limit`` characters where it may be cut."""
    for word in _words_of(paragraph):
        if len(word.plain) <= limit:
            yield word
            continue
        source = paragraph[word.start : word.end]
        for low, high in bounded_spans(source, limit):
            if plain := _plain_inline(source[low:high]):
                yield Atom(word.start + low, word.start + high, plain)


def _words_of(paragraph: str) -> Iterator[Atom]:
    """The words of a paragraph, each with its share of the plain text of the whole.

    So emphasis that begins in one sentence and ends in another leaves no marks, and moves no boundary.
    """
    spans = word_spans(paragraph)
    first = 0
    for index in range(1, len(spans) + 1):
        if index == len(spans) or spans[index][1] - spans[first][0] > _MAX_INLINE:
            plains = _shares(paragraph, spans[first:index])
            yield from (Atom(*span, plain) for span, plain in zip(spans[first:index], plains, strict=True) if plain)
            first = index


def _shares(paragraph: str, spans: list[Span]) -> list[str]:
    """The plain text of each span, found by parsing all of them at once with a mark between neighbours."""
    if len(spans) > 1:
        source = paragraph[spans[0][0] : spans[-1][1]]
        mark = next(mark for mark in map(chr, _PRIVATE_USE) if mark not in source)
        marked = paragraph[slice(*spans[0])]
        for (_, before), (low, high) in pairwise(spans):
            space = paragraph[before:low]
            marked += f"{space}{mark}{space and ' '}{paragraph[low:high]}"
        shares = [_fold(share) for share in _inline(marked).split(mark)]
        if len(shares) == len(spans):  # not so where a mark fell into something that has no words
            return shares
    return [_plain_inline(paragraph[low:high]) for low, high in spans]


_PRIVATE_USE = range(0xF0000, 0xFFFFE)  # more characters than ``_MAX_INLINE``, so a source cannot hold them all


def _pack(atoms: Iterable[Atom], limit: int) -> Iterator[list[Atom]]:
    """Runs of neighbouring atoms whose plain text stays within ``limit``; a longer atom is a run of its own."""
    run: list[Atom] = []
    size = 0
    for atom in atoms:
        if run and size + len(atom.plain) > limit:
            yield run
            run, size = [], 0
        run.append(atom)
        size += len(atom.plain) + 1
    if run:
        yield run


def _plain(node: SyntaxTreeNode) -> str:
    """The block's words: no markup, white space folded."""
    return _fold(" ".join(_words(node)))


def _words(node: SyntaxTreeNode) -> Iterator[str]:
    if node.type == "inline":
        yield _plain_inline(node.content)
    elif node.type == "html_block":
        yield _TAG.sub(" ", node.content)
    elif node.children:
        for child in node.children:
            yield from _words(child)
    else:
        yield node.content if node.type != "hr" else ""


def _plain_inline(source: str) -> str:
    """The words of inline Markdown: emphasis, code marks and link targets removed, formulas kept as LaTeX."""
    if len(source) > _MAX_INLINE:
        return _fold(source)
    return _fold(_inline(source))


def _inline(source: str) -> str:
    tokens: list[Token] = []
    _PARSER.inline.parse(
        source + " ", _PARSER, {}, tokens
    )  # dollarmath takes the last character for one before the first
    return "".join(_inline_words(token) for token in tokens)


def _inline_words(token: Token) -> str:
    if token.type in {"softbreak", "hardbreak"}:
        return " "
    if token.type == "html_inline":
        return " " if _BREAK.match(token.content) else ""
    if token.type == "image":
        return "".join(_inline_words(child) for child in token.children or [])
    return token.content


def _fold(text: str) -> str:
    return " ".join(text.split())
