"""The abbreviations that a text explains, as "low-rank adaptation (LoRA)" and "LoRA (low-rank adaptation)" do.

Found as by Schwartz and Hearst (2003), "A simple algorithm for identifying abbreviation definitions".
"""

import json
import re
from collections.abc import Iterator

_BRACKETS = re.compile(r"\(([^()\n]{2,80})\)")
_SHORT = re.compile(r"[A-Za-z0-9][A-Za-z0-9&/.-]{1,9}")  # characters of an abbreviation
_CAPITALS = 2  # that it has at least: "None" and "Python" are words
LONGEST = 8  # words of what it stands for
_SENTENCE_END = re.compile(r"[.;:!?|]\s")


def explained(text: str) -> Iterator[tuple[str, str]]:
    """The pairs (abbreviation, what it stands for) that a text explains, as they are written there."""
    for brackets in _BRACKETS.finditer(text):
        inside = re.split(r"[;,]", brackets.group(1))[0].strip()
        before = _SENTENCE_END.split(text[: brackets.start()][-200:])[-1].split()
        if not before:
            continue
        if _abbreviates(inside):
            words = before[-min(len(inside) + 5, 2 * len(inside)) :]
            long = _stands_for(inside, " ".join(words))
            if long:
                yield inside, long
        elif _abbreviates(before[-1]) and _stands_for(before[-1], inside) == inside:
            yield before[-1], inside


def _abbreviates(word: str) -> bool:
    return bool(_SHORT.fullmatch(word)) and sum(letter.isupper() for letter in word) >= _CAPITALS


def _stands_for(short: str, words: str) -> str | None:
    """The shortest end of ``words`` that holds the characters of ``short`` in order, the first one at the beginning of
    a word; None where there is none (Schwartz and Hearst 2003, figure 1)."""
    at = len(words)
    for number in range(len(short) - 1, -1, -1):
        character = short[number].lower()
        if not character.isalnum():
            continue
        at = words.lower().rfind(character, 0, at)
        while number == 0 and at > 0 and words[at - 1].isalnum():
            at = words.lower().rfind(character, 0, at)
        if at < 0:
            return None
    long = words[words.rfind(" ", 0, at + 1) + 1 :]
    return long if len(short) < len(long) and len(long.split()) <= LONGEST else None


def folded(words: str) -> str:
    """The form in which words are compared: lower case, without punctuation, each without the s of a plural."""
    return " ".join(
        word[:-1] if len(word) > 3 and word.endswith("s") and not word.endswith("ss") else word
        for word in re.findall(r"\w+", words.lower())
    )


def explained_json(headings: str, plain: str) -> str:
    """What a passage explains, as the SQL function ``explained`` gives it: ``[[short, long], ...]``, folded."""
    texts = [*json.loads(headings), plain]
    pairs = {(folded(short), folded(long)) for text in texts for short, long in explained(text)}
    return json.dumps(sorted(pairs))
