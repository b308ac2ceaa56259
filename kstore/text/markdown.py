"""Markdown to passages: sections at headings, then whole blocks, with exact character spans.

A passage is a run of neighbouring *atoms* of one section. An atom is a block (paragraph, list, table, code, formula)
or, where a block is longer than the limit, one of its parts: a list item, a table row, a sentence. Code blocks, table
rows, list items and formulas are never cut, so a passage exceeds the limit only where one of these does. Sizes are
measured on the plain text, so that a change of formatting moves no boundary.
"""

import re
from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass

from markdown_it import MarkdownIt
from markdown_it.token import Token
from markdown_it.tree import SyntaxTreeNode
from mdit_py_plugins.dollarmath import dollarmath_plugin
from mdit_py_plugins.front_matter import front_matter_plugin

from kstore.text.sentences import bounded_spans, sentence_spans
from kstore.types import Passage

SPLITTER = "markdown-1"  # changes whenever the same document would give other passages
LIMIT = 1200  # characters of plain text; about the 256 word pieces that the packaged encoder reads

_LINE_END = re.compile(r"\r\n?|\n")
_TAG = re.compile(r"<!--.*?(?:-->|$)|</?[A-Za-z][^<>]{0,2000}>", re.DOTALL)
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
    for headings, nodes in _sections(lines):
        atoms = [atom for node in nodes for atom in _atoms(node, lines, limit)]
        for run in _pack([atom for atom in atoms if atom.plain], limit):
            start, end = run[0].start, run[-1].end
            plain = " ".join(atom.plain for atom in run)
            passages.append(Passage(start, end, lines.number(start), lines.number(end - 1), headings, plain))
    return passages


def units(text: str) -> list[Atom]:
    """The smallest quotable parts of a passage's text: sentences, list items, table rows, code blocks, formulas."""
    lines = _Lines(text)
    nodes = (node for _, section in _sections(lines) for node in section)
    return [atom for node in nodes for atom in _atoms(node, lines, limit=0) if atom.plain]


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
    parser = MarkdownIt("commonmark").enable("table").use(front_matter_plugin)
    parser.use(dollarmath_plugin, allow_space=False, allow_digits=False, double_inline=True)
    parser.core.ruler.disable(["inline", "text_join"])  # inline text is parsed piece by piece, in _plain_inline
    return parser


_PARSER = _parser()


def _sections(lines: _Lines) -> Iterator[tuple[tuple[str, ...], list[SyntaxTreeNode]]]:
    """(heading path, blocks) of each stretch between two headings, in order."""
    path: list[tuple[int, str]] = []
    blocks: list[SyntaxTreeNode] = []
    heading: SyntaxTreeNode | None = None

    def finished(next_level: int) -> Iterator[tuple[tuple[str, ...], list[SyntaxTreeNode]]]:
        titles = tuple(title for _, title in path if title)
        if blocks:
            yield titles, blocks
        elif heading is not None and next_level <= path[-1][0]:
            yield titles[:-1], [heading]

    for node in SyntaxTreeNode(_PARSER.parse(lines.text[lines.skipped :])).children:
        if node.type != "heading":
            blocks.append(node)
            continue
        level = int(node.tag[1:])
        yield from finished(level)
        while path and path[-1][0] >= level:
            path.pop()
        path.append((level, _plain(node)))
        blocks, heading = [], node
    yield from finished(0)


def _atoms(node: SyntaxTreeNode, lines: _Lines, limit: int) -> Iterator[Atom]:
    """The block as one atom, or its parts where it is longer than ``limit`` and may be cut."""
    if node.map is None or node.type == "front_matter":
        return
    start, end = lines.span(*node.map)
    plain = _plain(node)
    if len(plain) <= limit or node.type not in _CUTTABLE:
        yield Atom(start, end, plain)
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
    for low, high in sentence_spans(text[start:end]):
        sentence = text[start + low : start + high]
        pieces = [(0, len(sentence))] if limit == 0 else bounded_spans(sentence, limit)
        for left, right in pieces:
            yield Atom(start + low + left, start + low + right, _plain_inline(sentence[left:right]))


def _pack(atoms: list[Atom], limit: int) -> Iterator[list[Atom]]:
    """Runs of neighbouring atoms whose plain text stays within ``limit``; a longer atom is a run of its own."""
    run: list[Atom] = []
    size = 0
    for atom in atoms:
        if run and size + 1 + len(atom.plain) > limit:
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
    tokens: list[Token] = []
    _PARSER.inline.parse(source, _PARSER, {}, tokens)
    return _fold("".join(_inline_words(token) for token in tokens))


def _inline_words(token: Token) -> str:
    if token.type in {"softbreak", "hardbreak"}:
        return " "
    if token.type == "html_inline":
        return ""
    if token.type == "image":
        return "".join(_inline_words(child) for child in token.children or [])
    return token.content


def _fold(text: str) -> str:
    return " ".join(text.split())
