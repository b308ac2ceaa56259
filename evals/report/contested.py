"""The questions that a reader should see: those that no arm gets right, and those on which two arms differ most."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import chain, zip_longest
from statistics import fmean

from evals.cases import Question
from evals.metrics import f1
from evals.report.wording import printable
from evals.rows import Row
from kstore.types import Citation

LISTED = 15

_MAIN_ARMS = ("parametric", "retrieval", "adaptive")
_QUESTION, _ANSWER, _QUOTE = 400, 500, 160  # characters shown
_GOLDS, _CITATIONS = 4, 3

Asked = tuple[str, int]  # a case and the number of a phrasing
Scores = Mapping[Asked, Mapping[str, float]]


@dataclass(frozen=True, slots=True)
class Said:
    """What one arm said: ``text`` is its answer, or the reason why there is none."""

    arm: str
    outcome: str
    text: str
    f1: float
    confidence: float | None
    citations: tuple[tuple[str, str], ...]  # document:line and the quote


@dataclass(frozen=True, slots=True)
class Listed:
    """One fact in one of its phrasings, and why it is listed. No ``golds``: the corpus does not answer it."""

    cluster: str
    question: str
    golds: tuple[str, ...]
    about: str
    said: tuple[Said, ...]


@dataclass(frozen=True, slots=True)
class Contested:
    """Two arms, on how many facts each scores higher or both the same, and the facts on which they differ most."""

    a: str
    b: str
    higher_a: int
    higher_b: int
    same: int
    listed: tuple[Listed, ...]


class Answers:
    """The rows of a run by what was asked, with the F1 of each answer; an errored one scores 0."""

    def __init__(self, rows: Iterable[Row], cases: Mapping[str, Question]) -> None:
        self._cases = cases
        self._rows: dict[Asked, dict[str, Row]] = defaultdict(dict)
        self._facts: dict[str, list[Asked]] = defaultdict(list)
        for row in rows:
            asked = row.case, row.phrasing
            if asked not in self._rows:
                self._facts[cases[row.case].cluster].append(asked)
            self._rows[asked][row.arm] = row
        self.arms = tuple(dict.fromkeys(arm for by_arm in self._rows.values() for arm in by_arm))
        scored = cache(f1)  # many answers are given to more than one phrasing and by more than one arm
        self._scores = {
            asked: {
                arm: 0.0 if row.outcome == "errored" else scored(row.answer, cases[row.case].answers)
                for arm, row in by_arm.items()
            }
            for asked, by_arm in self._rows.items()
        }

    def worst(self) -> tuple[Listed, ...]:
        """The facts with the lowest mean F1 of the main arms, over all phrasings; of equal ones first those that no
        other arm gets right either, then those of which a main arm was surest."""
        main = [arm for arm in _MAIN_ARMS if arm in self.arms] or list(self.arms[:2])

        def badness(fact: str) -> tuple[float, float, float, str]:
            return self._mean(fact, main), self._mean(fact, self.arms), -self._surest(fact, main), fact

        chosen = sorted(self._facts, key=badness)[:LISTED]
        return tuple(
            self._shown(fact, lambda asked: self._mean_of(asked, main), f"mean F1 of {', '.join(main)}: {mean:.2f}")
            for fact in chosen
            if (mean := self._mean(fact, main)) < 1
        )

    def contested(self) -> Contested | None:
        """The facts on which weights and vectors, or else the first two arms, differ most; None with one arm.

        Both sides in turn, so that the reader sees where either is ahead, however rarely.
        """
        pair = _MAIN_ARMS[:2] if set(_MAIN_ARMS[:2]) <= set(self.arms) else self.arms[:2]
        if len(pair) < 2:
            return None
        a, b = pair
        gaps = {fact: gap for fact in self._facts if (gap := self._gap(fact, a, b)) is not None}
        ahead_a = self._by_gap((fact for fact in gaps if gaps[fact] > 0), gaps, wrong=b)
        ahead_b = self._by_gap((fact for fact in gaps if gaps[fact] < 0), gaps, wrong=a)
        in_turn = [it for it in chain.from_iterable(zip_longest(ahead_a, ahead_b)) if it is not None]
        return Contested(
            a,
            b,
            len(ahead_a),
            len(ahead_b),
            len(gaps) - len(ahead_a) - len(ahead_b),
            tuple(self._disputed(fact, a, b, gaps[fact]) for fact in in_turn[:LISTED]),
        )

    def _disputed(self, fact: str, a: str, b: str, gap: float) -> Listed:
        sign = 1 if gap > 0 else -1
        ahead, behind = (a, b) if gap > 0 else (b, a)

        def agreement(asked: Asked) -> float:
            scores = self._scores[asked]
            return -sign * (scores[a] - scores[b]) if a in scores and b in scores else 2.0

        return self._shown(fact, agreement, f"{ahead} ahead of {behind} by {abs(gap):.2f} in mean F1")

    def _by_gap(self, facts: Iterable[str], gaps: Mapping[str, float], wrong: str) -> list[str]:
        """Widest gap first; of equal ones those that the corpus answers, then those where ``wrong`` was surest."""

        def place(fact: str) -> tuple[float, bool, float, str]:
            answered = any(self._cases[case].answers is not None for case, _ in self._facts[fact])
            return -abs(gaps[fact]), not answered, -self._surest(fact, [wrong]), fact

        return sorted(facts, key=place)

    def _gap(self, fact: str, a: str, b: str) -> float | None:
        both = [scores for asked in self._facts[fact] if {a, b} <= (scores := self._scores[asked]).keys()]
        return fmean(it[a] - it[b] for it in both) if both else None

    def _mean(self, fact: str, arms: Sequence[str]) -> float:
        return fmean(self._mean_of(asked, arms) for asked in self._facts[fact])

    def _mean_of(self, asked: Asked, arms: Sequence[str]) -> float:
        found = [score for arm, score in self._scores[asked].items() if arm in arms]
        return fmean(found) if found else 0.0

    def _surest(self, fact: str, arms: Sequence[str]) -> float:
        """The highest confidence in an answer that shares less than half of its words with the right one."""
        scored = [
            (row.confidence, self._scores[asked][arm])
            for asked in self._facts[fact]
            for arm, row in self._rows[asked].items()
            if arm in arms
        ]
        return max((it for it, score in scored if it is not None and score < 0.5), default=0.0)

    def _shown(self, fact: str, order: Callable[[Asked], float], about: str) -> Listed:
        """The fact in that of its phrasings which ``order`` puts first."""
        asked = min(self._facts[fact], key=lambda it: (order(it), it))
        rows, case = self._rows[asked], self._cases[asked[0]]
        said = tuple(_said(rows[arm], self._scores[asked][arm]) for arm in self.arms if arm in rows)
        golds = tuple(printable(it, _QUESTION) for it in (case.answers or ())[:_GOLDS])
        question = next(iter(rows.values())).question
        return Listed(fact, printable(question, _QUESTION), golds, about, said)


def _said(row: Row, score: float) -> Said:
    text = row.answer if row.answer is not None else ": ".join(it for it in (row.error, row.reason) if it)
    citations = tuple((_place(it), printable(it.text, _QUOTE)) for it in row.citations[:_CITATIONS])
    return Said(row.arm, row.outcome, printable(text, _ANSWER), score, row.confidence, citations)


def _place(citation: Citation) -> str:
    """``document:line``, or ``document:first-last``."""
    last = f"-{citation.line_end}" if citation.line_end != citation.line_start else ""
    return f"{citation.document}:{citation.line_start}{last}"
