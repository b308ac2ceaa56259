"""Sentence boundaries in running Markdown text, never inside code, formulas or links."""

import re

Span = tuple[int, int]

# Kept whole wherever text is cut: code spans, formulas, links and images, angle-bracket addresses.
_WHOLE = re.compile(
    r"(?P<tick>`+)(?!`)[^`]{0,400}?(?P=tick)(?!`)"
    r"|\$\$[^$]{1,4000}\$\$"
    r"|\$(?!\s)[^$\n]{1,1000}(?<!\s)\$(?!\d)"
    r"|!?\[[^\]\n]{0,400}\]\([^()\s]{0,400}(?:\s\"[^\"\n]{0,200}\")?\)"
    r"|<[a-z]+:[^>\s]{1,400}>"
)
_END = re.compile(
    r"[.!?…]+[\"'”’)\]*_]*\s+(?=[\"'“‘(\[*_`$]*[A-Z0-9À-ÖØ-Þ\\`$])"  # Latin scripts: a stop, space, a capital
    r"|[。！？]+[」』”]*\s*"  # Chinese and Japanese: the stop alone
)
_ABBREVIATION = re.compile(
    r"(?:\b(?:e\.g|i\.e|cf|vs|et al|resp|approx|Fig|Eq|Sec|No|Dr|Mr|Mrs|Prof|St)|(?:^|\s)[A-Z])\.\s+$"
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
        if not _ABBREVIATION.search(text[max(0, match.end() - 12) : match.end()])
    ]
    return _between(text, _outside(cuts, whole_spans(text)))


def bounded_spans(text: str, limit: int) -> list[Span]:
    """Cut ``text`` into pieces of at most ``limit`` characters: at white space where there is some, anywhere
    outside code, formulas and links where there is none. A longer formula stays whole."""
    pieces: list[Span] = []
    whole = whole_spans(text)
    start, next_whole = 0, 0
    while len(text) - start > limit:
        target = start + limit
        while next_whole < len(whole) and whole[next_whole][1] <= start:
            next_whole += 1
        cut = _last_space(text, start, target)
        for low, high in whole[next_whole:]:
            if low >= cut:
                break
            if cut < high:
                cut = low if low > start else high
        pieces.append((start, cut))
        start = cut
    pieces.append((start, len(text)))
    return [span for low, high in pieces for span in _between(text[low:high], [], low)]


def _last_space(text: str, start: int, target: int) -> int:
    for position in range(target, start + (target - start) // 2, -1):
        if text[position].isspace():
            return position
    return target


def _outside(cuts: list[int], whole: list[Span]) -> list[int]:
    """The cuts that lie in none of the ``whole`` spans; both ascending."""
    kept, index = [], 0
    for cut in cuts:
        while index < len(whole) and whole[index][1] <= cut:
            index += 1
        if index == len(whole) or cut <= whole[index][0]:
            kept.append(cut)
    return kept


def _between(text: str, cuts: list[int], offset: int = 0) -> list[Span]:
    """The trimmed, non-empty spans between the cuts, moved by ``offset``."""
    spans = []
    for low, high in zip([0, *cuts], [*cuts, len(text)], strict=True):
        piece = text[low:high]
        left = low + len(piece) - len(piece.lstrip())
        right = low + len(piece.rstrip())
        if left < right:
            spans.append((left + offset, right + offset))
    return spans
