"""How figures are said, in the page and in the summary alike. What is missing or not finite is *not defined*."""

import math
import re
from collections.abc import Mapping
from typing import Any

NOT_DEFINED = "not defined"
ALPHA = 0.05

_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")


def finite(value: object) -> float | None:
    """``value`` as a number, None where it is none: absent, NaN (which JSON readers let in) or an infinity."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return float(value) if math.isfinite(value) else None


def number(value: object, signed: bool = False) -> str:
    """Three digits after the point for what is small, fewer the larger it is; a true minus sign.

    >>> number(0.71249), number(-0.25, signed=True), number(48.26), number(12345.6), number(3), number(None)
    ('0.712', '−0.250', '48.3', '12,346', '3', 'not defined')
    """
    known = finite(value)
    if known is None:
        return NOT_DEFINED
    if isinstance(value, int):
        text = f"{value:+,}" if signed else f"{value:,}"
    else:
        digits = 3 if abs(known) < 10 else 1 if abs(known) < 1000 else 0
        text = f"{round(known, digits) + 0.0:{'+' if signed else ''},.{digits}f}"
    return text.replace("-", "−")


def duration(ms: float) -> str:
    """Milliseconds in the unit that a person would say.

    >>> duration(0), duration(0.25), duration(12.34), duration(2500), duration(300000)
    ('0 ms', '0.25 ms', '12 ms', '2.5 s', '5 min')
    """
    for size, unit in ((60_000.0, "min"), (1_000.0, "s")):
        if ms >= size:
            return f"{ms / size:.2g} {unit}" if ms < 10 * size else f"{ms / size:.0f} {unit}"
    return f"{ms:.0f} ms" if ms >= 10 else f"{ms:.2g} ms"


def estimated(estimate: object) -> bool:
    """Whether ``estimate`` is a figure with an interval that can be shown."""
    return (
        isinstance(estimate, Mapping) and finite(estimate.get("value")) is not None and interval(estimate) is not None
    )


def interval(estimate: Mapping[str, Any]) -> tuple[float, float] | None:
    """The estimate's 95 % interval, None where an end is missing."""
    ends = estimate.get("ci") or ()
    known = [end for end in map(finite, ends) if end is not None]
    return (known[0], known[1]) if len(known) == 2 else None


def between(estimate: Mapping[str, Any], signed: bool = False) -> str:
    """``[low, high]``, empty where there is no interval."""
    ends = interval(estimate)
    return f"[{number(ends[0], signed)}, {number(ends[1], signed)}]" if ends else ""


def probability(p: object) -> str:
    """A p-value; never 0, which no test can show.

    >>> probability(0.0312), probability(0.0), probability(None)
    ('0.031', '<\xa00.001', 'not defined')
    """
    known = finite(p)
    if known is None:
        return NOT_DEFINED
    return "<\N{NO-BREAK SPACE}0.001" if known < 0.001 else f"{known:.3f}"


def winner(contrast: Mapping[str, Any]) -> str | None:
    """The arm that a contrast shows to be better, None where it shows none.

    None unless all agree: the summary names one of the two arms, the interval of the difference leaves out zero, and
    the p-value stays at or below .05 after Holm's correction for all the contrasts of the run.
    """
    named = contrast.get("winner")
    ends = interval(contrast.get("difference") or {})
    p = finite(contrast.get("p_holm"))
    if named not in {contrast["a"], contrast["b"]} or ends is None or p is None:
        return None
    return str(named) if not ends[0] <= 0 <= ends[1] and p <= ALPHA else None


def verdict(contrast: Mapping[str, Any]) -> str:
    """What may be said after one contrast: who is better, or how small a difference would have been seen."""
    better = winner(contrast)
    if better is not None:
        return f"{better} is better"
    mde = finite(contrast.get("mde"))
    seen = f"; the smallest that this run could have shown is {number(mde)}" if mde is not None else ""
    return f"no difference shown{seen}"


def claim(contrast: Mapping[str, Any]) -> str:
    """One contrast as a sentence that carries its own evidence."""
    better = winner(contrast)
    metric, a, b = contrast["metric"], contrast["a"], contrast["b"]
    if better is None:
        return f"{metric}, {a} against {b}: {verdict(contrast)}."
    low, high = sorted(map(abs, interval(contrast["difference"]) or ()))
    size = f"{number(abs(contrast['difference']['value']))} [{number(low)}, {number(high)}]"
    other = b if better == a else a
    return f"{metric}: {better} is better than {other} by {size}, p after Holm {probability(contrast['p_holm'])}."


def printable(text: str, limit: int) -> str:
    """Text from a document or a model, on one line and no longer than ``limit``; control characters made visible."""
    line = " ".join(_CONTROL.sub("\N{REPLACEMENT CHARACTER}", text).split())
    return line if len(line) <= limit else line[: limit - 1].rstrip() + "…"


def in_order(value: str) -> tuple[int, float, str]:
    """A key that sorts names as people count: none before 1 before 2 to 4 before 20, easy before hard."""
    known = {"none": 0, "easy": 0, "medium": 1, "hard": 2}
    if value in known:
        return 0, known[value], value
    digits = re.match(r"\d+", value)
    return (0, float(digits[0]), value) if digits else (1, 0.0, value)
