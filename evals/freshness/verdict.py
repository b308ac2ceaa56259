"""Whether an answer tells what the documents say now, what they said before, or neither."""

import re
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from evals.cases import Texts

Verdict = Literal["new", "old", "other", "declined", "errored"]

_ARTICLES = frozenset({"a", "an", "the"})
# A number with its sign, thousands and decimals is one word; so is what a hyphen or an apostrophe joins.
_WORD = re.compile(r"(?P<number>(?:(?<!\w)[-−])?\d+(?:,\d{3}(?!\d))*(?:\.\d+)*)|\w+(?:[-‐’']\w+)*")
_JOINTS = re.compile(r"[-‐’'_]")


@dataclass(frozen=True, slots=True)
class _Mention:
    """``words[start:end]`` of an answer are an accepted answer of one side."""

    start: int
    end: int
    is_new: bool

    def within(self, other: "_Mention") -> bool:
        """Whether the other is longer and holds this one."""
        return other.start <= self.start and self.end <= other.end and other.end - other.start > self.end - self.start


def judge(answer: str | None, old: Texts | None, new: Texts | None) -> tuple[Verdict, bool]:
    """The verdict on an answer (None: the arm declined), and whether it tells both what is new and what is old.

    An accepted answer must stand in it as whole words, for what quotes says more than it is asked; of two, the first
    decides. A name within a longer one of the other side does not count ("Dartmouth" in "Dartmouth College"), nor does
    an old answer that is accepted still: where both sides accept the same, as after a change of form alone, what is
    right is ``new``. A side that is None wants no answer: to decline is then what that side says.
    """
    if answer is None:
        return "declined" if old is not None and new is not None else "old" if old is None else "new", False
    accepted = [_words(text) for text in new or ()]
    stale = [text for text in old or () if _words(text) not in accepted]
    words = _words(answer)
    found = [*_mentions(words, new or (), True), *_mentions(words, stale, False)]
    told = [it for it in found if not any(it.within(other) and it.is_new != other.is_new for other in found)]
    if not told:
        return "other", False
    first = min(told, key=lambda it: (it.start, -it.end))
    return "new" if first.is_new else "old", len({it.is_new for it in told}) == 2


def same_answers(old: Texts, new: Texts) -> bool:
    """Whether both sides accept the same texts."""
    return {tuple(_words(text)) for text in old} == {tuple(_words(text)) for text in new}


def _words(text: str) -> list[str]:
    """Lower case, no punctuation and no articles, as in ``normalise``; but punctuation ends a word, in code above all.

    >>> _words("The model = CharModel(len(vocabulary)) has 4,278 weights, -0.5 on average.")
    ['model', 'charmodel', 'len', 'vocabulary', 'has', '4278', 'weights', '-0.5', 'on', 'average']
    """
    words = []
    for match in _WORD.finditer(unicodedata.normalize("NFKC", text).casefold()):
        number = match["number"]
        words.append(number.replace(",", "").replace("−", "-") if number else _JOINTS.sub("", match[0]))
    return [word for word in words if word and word not in _ARTICLES]


def _mentions(words: Sequence[str], golds: Sequence[str], is_new: bool) -> Iterator[_Mention]:
    for gold in golds:
        wanted = _words(gold)
        for start in range(len(words) - len(wanted) + 1 if wanted else 0):
            if words[start : start + len(wanted)] == wanted:
                yield _Mention(start, start + len(wanted), is_new)
