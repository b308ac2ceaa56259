"""Sentence boundaries in running Markdown text, never inside code, formulas or links."""

import re

Span = tuple[int, int]

# Kept whole wherever text is cut: code spans, formulas, links and images, addresses in angle brackets, tags, comments.
# Line ends count as spaces in all of them, so that rewrapping a paragraph moves no cut.
_WHOLE = re.compile(
    r"(?<!`)(?P<tick>`+)(?!`).{1,400}?(?<!`)(?P=tick)(?!`)"
    r"|\$\$(?:[^$\\]|\\.){1,4000}\$\$"
    r"|(?<!\\)\$(?!\s)(?:[^$\\]|\\.){1,1000}(?<!\s)\$(?!\d)"
    r"|!?\[(?:[^\[\]]|\[[^\[\]]{0,200}\]){0,400}\]\([^()\s]{0,400}(?:\s{1,9}(?:\"[^\"]{0,200}\"|'[^']{0,200}'))?\)"
    r"|<[a-z]+:[^>\s]{1,400}>"
    r"|</?[A-Za-z][^<>]{0,400}>|<!--.{0,400}?-->",
    re.DOTALL,
)
_END = re.compile(
    r"(?<![.!?…])(?P<stop>[.!?…]+)[\"'”’)\]*_]*\s+(?=[\"'“‘(\[*_`$]*[A-Z0-9À-ÖØ-Þ\\`$])"  # Latin: a stop, a capital
    r"|[。！？]+[」』”]*(?:[*_]+(?=\s))?\s*"  # Chinese and Japanese: the stop alone
)
_SPACE = re.compile(r"\s+")
_ABBREVIATION = re.compile(
    r"(?:(?<![^\W_])(?:e\.g|i\.e|cf|vs|et\s+al|resp|approx|Fig|Eq|Sec|No|Dr|Mr|Mrs|Prof|St)|(?<![^\s(*_])[A-Z])$"
)


def whole_spans(text: str) -> list[Span]:
    """Spans of ``text`` that no cut may enter: code, formulas, links, in order and disjoint."""
    return [match.span() for match in _WHOLE.finditer(text)]


def sentence_spans(text: str) -> list[Span]:
    """Spans of the sentences of ``text``, without the white space between them; together they hold every other
    character."""
    cuts = [
        match.end()
        for match in _END.finditer(text)
        if match["stop"] != "." or not _ABBREVIATION.search(text, max(0, match.start() - 12), match.start())
    ]
    return _between(text, _outside(cuts, whole_spans(text)))


def word_spans(text: str) -> list[Span]:
    """Spans of the smallest pieces that ``text`` may be cut into: words, where what stays whole is one word. Each
    sentence begins with a new one."""
    cuts = {match.end() for match in _SPACE.finditer(text)} | {low for low, _ in sentence_spans(text)}
    return _between(text, _outside(sorted(cuts), whole_spans(text)))


def bounded_spans(word: str, limit: int) -> list[Span]:
    """Cut a long word into pieces of at most ``limit`` characters, outside code, formulas and links; a longer one of
    these stays whole."""
    cuts: list[int] = []
    start = 0
    for low, high in (*whole_spans(word), (len(word), len(word))):
        while low - start > limit:
            start += limit
            cuts.append(start)
        if start < low and high - start > limit:
            start = low
            cuts.append(start)
        if high - start > limit:
            start = high
            cuts.append(start)
    return _between(word, cuts)


def _outside(cuts: list[int], whole: list[Span]) -> list[int]:
    """The cuts that lie in none of the ``whole`` spans; both ascending."""
    kept, index = [], 0
    for cut in cuts:
        while index < len(whole) and whole[index][1] <= cut:
            index += 1
        if index == len(whole) or cut <= whole[index][0]:
            kept.append(cut)
    return kept


def _between(text: str, cuts: list[int]) -> list[Span]:
    """The trimmed, non-empty spans between the cuts."""
    spans = []
    for low, high in zip([0, *cuts], [*cuts, len(text)], strict=True):
        piece = text[low:high]
        left = low + len(piece) - len(piece.lstrip())
        right = low + len(piece.rstrip())
        if left < right:
            spans.append((left, right))
    return spans
