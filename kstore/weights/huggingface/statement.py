"""A question turned into a statement with a gap, for models that fill in words.

Without a parser only those questions are turned round whose parts can be told by their words alone; after any other
stands the statement that its answer is the gap.
"""

import re

_BE = r"(?:is|are|was|were)"
_COPULA = re.compile(rf"(?:what|who|which) (?P<be>{_BE}) (?P<rest>.+)", re.IGNORECASE | re.DOTALL)
_THERE = re.compile(rf"how many (?P<what>.+?) (?P<be>{_BE}) there\b(?P<rest>.*)", re.IGNORECASE | re.DOTALL)
_HOW = re.compile(rf"how (?P<how>[a-z]+) (?P<be>{_BE}) (?P<rest>.+)", re.IGNORECASE | re.DOTALL)
_WHO = re.compile(r"who (?!(?:do|does|did|can|could|will|would|has|have|had)\b)(?P<rest>.+)", re.IGNORECASE | re.DOTALL)
_TELL = re.compile(r"(?:state|name|give|determine) (?P<what>the .+)", re.IGNORECASE | re.DOTALL)
_LAST_SENTENCE = re.compile(r"(?s)(?P<before>.*[.!?]\s+)?(?P<last>\S.*?)[.?!]*\s*\Z")


def as_statement(question: str, gap: str) -> str:
    """The question as a statement that holds ``gap`` where the answer belongs; what stands before it stays.

    >>> as_statement("What is the capital of France?", "[MASK]")
    'The capital of France is [MASK].'
    >>> as_statement("Who proposed AlexNet?", "[MASK]")
    '[MASK] proposed AlexNet.'
    >>> as_statement("When did BERT appear?", "[MASK]")
    'When did BERT appear? The answer is [MASK].'
    """
    found = _LAST_SENTENCE.match(question.strip())
    before, asked = (found["before"] or "", found["last"]) if found else ("", question.strip())
    return before + _turned(asked, gap)


def _turned(asked: str, gap: str) -> str:
    if it := _COPULA.fullmatch(asked):
        return f"{_capital(it['rest'])} {it['be']} {gap}."
    if it := _THERE.fullmatch(asked):
        return f"There {it['be']} {gap} {it['what']}{it['rest']}."
    if it := _HOW.fullmatch(asked):
        return f"{_capital(it['rest'])} {it['be']} {gap} {it['how']}."
    if it := _WHO.fullmatch(asked):
        return f"{gap} {it['rest']}."
    if it := _TELL.fullmatch(asked):
        return f"{_capital(it['what'])} is {gap}."
    return f"{asked}? The answer is {gap}."


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]
