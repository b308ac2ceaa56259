"""How much of a text an edit changes."""

import difflib
import re
from collections.abc import Iterator, Mapping, Sequence

_WORD = re.compile(r"\w+|[^\w\s]|\s+")
_MOST_WORDS = 5_000  # matching takes the square of it; a rewrite of more is counted as a whole


def changed_bytes(before: Mapping[str, str], after: Mapping[str, str]) -> int:
    """UTF-8 bytes removed and added between two states ``{name: text}``; a document that is not there is empty."""
    names = before.keys() | after.keys()
    return sum(_between(before.get(name, ""), after.get(name, "")) for name in names)


def _between(old: str, new: str) -> int:
    r"""Lines are matched first; of lines that replace each other, words; of words, what they begin and end with alike.

    >>> _between("one\nit weighs 31 kilograms\n", "one\nit weighs **31** kilograms\n")
    4
    >>> _between("the lamp is 42 metres tall", "the lamp is 45 metres tall")
    2
    """
    if old == new:
        return 0
    return sum(
        _between_words("".join(gone), "".join(come))
        for gone, come in _replaced(old.splitlines(keepends=True), new.splitlines(keepends=True))
    )


def _between_words(old: str, new: str) -> int:
    gone, come = _WORD.findall(old), _WORD.findall(new)
    if len(gone) + len(come) > _MOST_WORDS:
        return _trimmed(old.encode(), new.encode())
    return sum(_trimmed("".join(one).encode(), "".join(other).encode()) for one, other in _replaced(gone, come))


def _replaced(old: Sequence[str], new: Sequence[str]) -> Iterator[tuple[Sequence[str], Sequence[str]]]:
    """The stretches of the one that other stretches of the other stand for."""
    for tag, a, b, c, d in difflib.SequenceMatcher(None, old, new, autojunk=False).get_opcodes():
        if tag != "equal":
            yield old[a:b], new[c:d]


def _trimmed(old: bytes, new: bytes) -> int:
    shortest = min(len(old), len(new))
    head = next((at for at in range(shortest) if old[at] != new[at]), shortest)
    rest = shortest - head
    tail = next((at for at in range(rest) if old[-1 - at] != new[-1 - at]), rest)
    return len(old) + len(new) - 2 * (head + tail)
