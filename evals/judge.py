"""A language model as judge of two arms: optional, never part of a run's figures, and judged itself.

Judges prefer what they read first, and what is long (Zheng et al. 2023, arXiv:2306.05685). So each pair of answers is
shown in both orders, and only a preference that survives the swap counts; the rest is a tie. How often the two orders
agree, and how well the judge agrees with the accepted answers beyond chance (Cohen's kappa, 1960), stands beside.
"""

import random
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from evals.cases import Question
from evals.estimates import mean
from evals.metrics import contains
from evals.rows import Row
from kstore.errors import InputError, ModelError
from kstore.types import Progress, no_progress

Preference = Literal["a", "b", "tie"]
Complete = Callable[[str], str]  # a prompt in, what the model says out

_NO_ANSWER = "(no answer was given)"
_VERDICT = re.compile(r"\b(1|2|tie)\b", re.IGNORECASE)
_PROMPT = """Two assistants answered the same question. Say which answer is better: correct, and to the point.

Question: {question}
Accepted: {accepted}

Answer 1: {first}

Answer 2: {second}

Reply with 1, 2 or tie, and nothing else."""


@dataclass(frozen=True, slots=True)
class Judged:
    """What the judge preferred in each order, ``forward`` with a's answer first."""

    case: str
    fact: str
    forward: Preference
    backward: Preference
    by_gold: Preference

    @property
    def preference(self) -> Preference:
        return self.forward if self.forward == self.backward else "tie"


def judge(
    rows: Sequence[Row],
    cases: Mapping[str, Question],
    arms: tuple[str, str],
    complete: Complete,
    sample: int = 100,
    seed: int = 0,
    progress: Progress = no_progress,
) -> list[Judged]:
    """Put a random sample of the paired answers of two arms to the judge, each pair twice.

    InputError where the rows hold no pair; ModelError where the judge says neither 1, 2 nor tie.
    """
    pairs = list(_pairs(rows, arms))
    if not pairs:
        raise InputError(f"the run has no answers of both {arms[0]!r} and {arms[1]!r}")
    chosen = random.Random(seed).sample(pairs, min(sample, len(pairs)))
    judged = []
    for number, (a, b) in enumerate(chosen):
        progress("judging", number, len(chosen))
        case = cases[a.case]
        judged.append(
            Judged(
                a.case,
                a.cluster,
                _ask(complete, case, a, b, ("a", "b")),
                _ask(complete, case, b, a, ("b", "a")),
                _by_gold(case, a, b),
            )
        )
    progress("judging", len(chosen), len(chosen))
    return judged


def agreement(judged: Sequence[Judged]) -> dict[str, Any]:
    """``{"a_preferred", "b_preferred", "tied"}`` after the swap, each an estimate; ``order_agreement``, the share of
    pairs judged alike in both orders; ``kappa`` with the accepted answers, None where chance alone explains all."""
    facts = [it.fact for it in judged]
    shares = {
        name: mean([float(it.preference == preference) for it in judged], facts).shape()
        for name, preference in (("a_preferred", "a"), ("b_preferred", "b"), ("tied", "tie"))
    }
    alike = mean([float(it.forward == it.backward) for it in judged], facts).shape()
    return {**shares, "order_agreement": alike, "kappa": _kappa(judged), "pairs": len(judged)}


def _pairs(rows: Sequence[Row], arms: tuple[str, str]) -> Iterator[tuple[Row, Row]]:
    said = {row.key: row for row in rows}
    for row in rows:
        other = said.get((row.case, row.phrasing, arms[1]))
        if row.arm == arms[0] and other is not None:
            yield row, other


def _ask(
    complete: Complete, case: Question, first: Row, second: Row, names: tuple[Preference, Preference]
) -> Preference:
    prompt = _PROMPT.format(
        question=first.question,
        accepted=" / ".join(case.answers) if case.answers else "none; the documents do not answer it",
        first=first.answer or _NO_ANSWER,
        second=second.answer or _NO_ANSWER,
    )
    said = complete(prompt)
    found = _VERDICT.search(said)
    if found is None:
        raise ModelError(f"the judge says neither 1, 2 nor tie: {said[:80]!r}")
    return {"1": names[0], "2": names[1]}.get(found[1].lower(), "tie")


def _by_gold(case: Question, a: Row, b: Row) -> Preference:
    one, other = (0.0 if row.error else contains(row.answer, case.answers) for row in (a, b))
    return "tie" if one == other else "a" if one > other else "b"


def _kappa(judged: Sequence[Judged]) -> float | None:
    total = len(judged)
    seen = sum(it.preference == it.by_gold for it in judged) / total
    by_chance = sum(
        sum(it.preference == kind for it in judged) * sum(it.by_gold == kind for it in judged)
        for kind in ("a", "b", "tie")
    ) / (total * total)
    return None if by_chance == 1 else (seen - by_chance) / (1 - by_chance)
