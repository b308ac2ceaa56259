r"""The decision: at what rate of change, query volume and latency objective weights, vectors or both win.

All that is measured comes from runs: how often a memory is right, how long an answer takes, what it costs in processor
time, how long a change takes until it is answered. What is computed from that is a small model, told here in full.

Documents have ``F`` facts, of which ``r`` a day change, each as likely as any other; ``q`` questions a day ask about
facts evenly; the machine has ``C`` processor seconds a day. So each fact changes with rate ``λ = r / F``.

*Freshness.* A memory that takes in changes every ``I`` days, each taking ``T`` days to be answered, knows a fact as it
is now with probability ``e^{-λT} (1 - e^{-λI}) / (λI)``: no change within the age of its knowledge, which is between
``T`` and ``T + I`` (Cho and Garcia-Molina 2003, TODS 28(4), section 4, for Poisson changes and even refreshes). An
answer from stale knowledge counts as wrong. Vectors take in each change as it comes: ``I = 0``.

*Weights* are trained from scratch every ``H`` = 30 days, which is not counted as a cost and so favours them. In between
they are *taught*, or *left alone*, which makes ``T = 0`` and ``I = H`` and counts while half of what they say is fresh.
A training takes ``T``, in what questions leave of the machine, and begins as soon as a change waits and none is under
way. One is then under way for the share ``b = x / (x + e^{-x})`` of the time, where ``x = rT``, as an idle ``1 / r``
follows where nothing came meanwhile; half of it is left in the mean when a change comes, so that ``I = bT``. Where more
than the ``B`` changes that were measured together come in ``T``, the weights fall behind and cannot do it. Of what they
are taught a share ``L`` is answered, of all else a share ``K`` of what was right stays right. Since the training from
scratch a share ``c = 1 - (1 - e^{-λH}) / (λH)`` of the facts has been taught, in the mean: they are right in
``cL + (1 - c)KA``.

*Both*: what has not changed since the weights were trained from scratch is asked of the weights, which are left alone,
the rest of the vectors; to know which, every question is searched first. This is computed from the figures of the two
and was not measured; that the search always finds what has changed favours it.

*The winner* is, among the memories whose p99 meets the objective and whose work fits the machine, the most accurate; of
those that cannot be told apart from it, the one that costs least. What is told apart is their difference: weights and
vectors were asked the same questions, so that the interval of the paired difference counts, and what two memories have
in common takes no part in it. Yet no difference counts that is less than the run could show between weights and
vectors: what is computed is not finer than what it is computed from.
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from kstore.errors import InputError

BOTH = "both"
CHANGES = (0.1, 1.0, 10.0, 100.0, 1_000.0, 10_000.0)
QUESTIONS = (100.0, 1_000.0, 10_000.0, 100_000.0, 1_000_000.0)
DAY = 86_400.0  # seconds
FROM_SCRATCH = 30.0  # days between two trainings from scratch


Parts = tuple[float, float, float]


@dataclass(frozen=True, slots=True)
class Profile:
    """What was measured of one memory.

    ``accuracy`` when fresh, known to plus or minus ``margin``; ``p99_ms`` and processor ``cpu_ms`` of an answer;
    ``change_ms`` from a change, or from the beginning of a training that teaches a ``batch`` of them, to its answer,
    which occupies so many ``processors``. ``learned``, known to plus or minus ``learned_margin``: how much of what is
    taught is answered (None: as much as of all else); ``kept``: how much of all else that was right stays so.
    """

    name: str
    accuracy: float
    margin: float
    p99_ms: float
    cpu_ms: float
    change_ms: float
    batch: int = 1
    processors: int = 1
    learned: float | None = None
    learned_margin: float = 0.0
    kept: float = 1.0


@dataclass(frozen=True, slots=True)
class Setting:
    """Where the memories are to work: a rate of change, a volume, an objective, the size of what is known and of the
    machine. ``search_ms``: of one search, by which both memories together tell what has changed."""

    changes: float
    questions: float
    objective_ms: float
    facts: int
    cores: int
    search_ms: float


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a memory comes to in a setting: accuracy over the day, and processor seconds a day.

    ``parts``: how much of the accuracy of the weights, of that of the vectors and of what is learned is in it.
    """

    name: str
    accuracy: float
    cost: float
    parts: Parts


@dataclass(frozen=True, slots=True)
class Doubt:
    """How well is known what accuracies are made of, as plus or minus: that of the weights, that of the vectors, and
    what is learned. ``difference``: of the first two, paired by question; None where that was not measured."""

    weights: float
    vectors: float
    learned: float = 0.0
    difference: float | None = None

    def of(self, parts: Parts) -> float:
        """Of a sum with these parts, plus or minus. What is learned is measured on questions of its own."""
        weights, vectors, learned = (part * it for part, it in zip(parts, self._margins, strict=True))
        return math.sqrt(max(weights**2 + vectors**2 + learned**2 + 2 * weights * vectors * self._correlation, 0.0))

    def between(self, one: Parts, other: Parts) -> float:
        """How far apart two such sums must be to be told apart: never less than weights and vectors themselves."""
        apart = (one[0] - other[0], one[1] - other[1], one[2] - other[2])
        return max(self.of(apart), self.of((1.0, -1.0, 0.0)))

    @property
    def _margins(self) -> Parts:
        return self.weights, self.vectors, self.learned

    @property
    def _correlation(self) -> float:
        """Of the two accuracies, from the variance of their difference."""
        product = 2 * self.weights * self.vectors
        if self.difference is None or not product:
            return 0.0
        return max(-1.0, min((self.weights**2 + self.vectors**2 - self.difference**2) / product, 1.0))


def freshness(rate: float, interval: float, delay: float) -> float:
    """The probability that a fact that changes ``rate`` times a day is known as it is by a memory that takes in changes
    every ``interval`` days, each time after ``delay`` days.

    >>> freshness(0.0, 1.0, 1.0), round(freshness(1.0, 1.0, 0.0), 3), round(freshness(1.0, 0.0, 1.0), 3)
    (1.0, 0.632, 0.368)
    """
    expected = rate * interval
    return math.exp(-rate * delay) * (-math.expm1(-expected) / expected if expected > 1e-12 else 1.0)


def weigh(weights: Profile, vectors: Profile, at: Setting) -> list[Outcome]:
    """What each memory and both together come to, those left out that miss the objective or do not fit the machine. The
    weights come first left alone, then taught."""
    rate, machine = at.changes / at.facts, at.cores * DAY
    found = [
        _left_alone(weights, at, rate),
        _taught(weights, at, rate),
        _indexed(vectors, at, rate),
        _mixed(weights, vectors, at, rate),
    ]
    return [it for it in found if it is not None and it.cost <= machine]


def decide(
    weights: Profile,
    vectors: Profile,
    *,
    objective_ms: float,
    facts: int,
    cores: int,
    search_ms: float,
    difference: float | None = None,
) -> dict[str, Any]:
    """``{"crossover": {"changes_per_day", "questions_per_day", "winner"}, "sentences", "profiles", "difference",
    "setting"}``: ``winner[i][j]`` at ``changes_per_day[i]`` and ``questions_per_day[j]``, None where no memory can do
    it. ``difference``: of the two accuracies, plus or minus, paired by question; None where it was not measured."""
    if facts < 1:
        raise InputError("a decision is about one fact at least")

    def at(changes: float, questions: float) -> Setting:
        return Setting(changes, questions, objective_ms, facts, cores, search_ms)

    doubt = Doubt(weights.margin, vectors.margin, weights.learned_margin, difference)
    winners = [
        [winner(weigh(weights, vectors, at(changes, asked)), doubt) for asked in QUESTIONS] for changes in CHANGES
    ]
    return {
        "crossover": {"changes_per_day": list(CHANGES), "questions_per_day": list(QUESTIONS), "winner": winners},
        "sentences": _sentences(weights, vectors, doubt, winners, objective_ms, facts),
        "profiles": [{it: getattr(one, it) for it in Profile.__slots__} for one in (weights, vectors)],
        "difference": difference,
        "setting": {"objective_ms": objective_ms, "facts": facts, "cores": cores, "search_ms": search_ms},
    }


def winner(outcomes: Iterable[Outcome], doubt: Doubt) -> str | None:
    """The most accurate; of those that cannot be told apart from it, the one that costs least; None without any."""
    ranked = sorted(outcomes, key=lambda it: -it.accuracy)
    if not ranked:
        return None
    best = ranked[0]
    alike = [it for it in ranked if best.accuracy - it.accuracy <= doubt.between(best.parts, it.parts)]
    return min(alike, key=lambda it: it.cost).name


def _indexed(vectors: Profile, at: Setting, rate: float) -> Outcome | None:
    if vectors.p99_ms > at.objective_ms:
        return None
    fresh = freshness(rate, 0.0, vectors.change_ms / 1e3 / DAY)
    cost = (at.questions * vectors.cpu_ms + at.changes * vectors.change_ms) / 1e3
    return Outcome(vectors.name, vectors.accuracy * fresh, cost, (0.0, fresh, 0.0))


def _left_alone(weights: Profile, at: Setting, rate: float) -> Outcome | None:
    fresh = freshness(rate, FROM_SCRATCH, 0.0)
    if weights.p99_ms > at.objective_ms or fresh < 0.5:
        return None
    return Outcome(weights.name, weights.accuracy * fresh, at.questions * weights.cpu_ms / 1e3, (fresh, 0.0, 0.0))


def _taught(weights: Profile, at: Setting, rate: float) -> Outcome | None:
    answers = at.questions * weights.cpu_ms / 1e3
    left = min(at.cores * DAY - answers, weights.processors * DAY)  # processor seconds a day for training
    if weights.p99_ms > at.objective_ms or left <= 0 or rate == 0:
        return None
    length = weights.processors * weights.change_ms / 1e3 / left  # days
    together = at.changes * length
    if together > weights.batch:
        return None
    busy = together / (together + math.exp(-together))
    fresh = freshness(rate, busy * length, length)
    changed = 1 - freshness(rate, FROM_SCRATCH, 0.0)
    kept = (1 - changed) * weights.kept
    parts = (kept * fresh, 0.0, changed * fresh)
    learned = weights.learned
    if learned is None:
        learned, parts = weights.accuracy, ((kept + changed) * fresh, 0.0, 0.0)
    accuracy = changed * learned + kept * weights.accuracy
    return Outcome(weights.name, accuracy * fresh, answers + busy * left, parts)


def _mixed(weights: Profile, vectors: Profile, at: Setting, rate: float) -> Outcome | None:
    if at.search_ms + max(weights.p99_ms, vectors.p99_ms) > at.objective_ms:
        return None
    fresh = freshness(rate, 0.0, vectors.change_ms / 1e3 / DAY)
    same = freshness(rate, FROM_SCRATCH, 0.0)
    accuracy = same * weights.accuracy + (1 - same) * vectors.accuracy * fresh
    an_answer = at.search_ms + same * weights.cpu_ms + (1 - same) * vectors.cpu_ms
    cost = (at.questions * an_answer + at.changes * vectors.change_ms) / 1e3
    return Outcome(BOTH, accuracy, cost, (same, (1 - same) * fresh, 0.0))


def _sentences(
    weights: Profile,
    vectors: Profile,
    doubt: Doubt,
    winners: Sequence[Sequence[str | None]],
    objective_ms: float,
    facts: int,
) -> list[str]:
    gap = weights.accuracy - vectors.accuracy
    apart = abs(gap) > doubt.of((1.0, -1.0, 0.0))
    better, worse = (weights, vectors) if gap > 0 else (vectors, weights)
    first = (
        f"While nothing changes, {better.name} is right in {better.accuracy:.0%} of the questions and {worse.name} in "
        f"{worse.accuracy:.0%}" + ("." if apart else ", which this run does not tell apart: what costs less wins.")
    )
    usual = QUESTIONS.index(1_000.0)
    by_changes = _along([row[usual] for row in winners], CHANGES, "changes")
    both = " (both: the weights for what has not changed, the vectors for the rest; computed, not measured)"
    second = (
        f"A change is answered from the vectors after {_said(vectors.change_ms)}, {weights.batch} together from the "
        f"weights after {_said(weights.change_ms)} of training: with {facts:,} facts and 1,000 questions a day "
        f"{by_changes}{both if any(BOTH in row for row in winners) else ''}."
    )
    fast = [it for it in (weights, vectors) if it.p99_ms <= objective_ms]
    third = (
        f"An answer takes {_said(weights.p99_ms)} (p99) and {_said(weights.cpu_ms)} of processor time from the "
        f"weights, {_said(vectors.p99_ms)} and {_said(vectors.cpu_ms)} from the vectors: an objective of "
        f"{_said(objective_ms)} is met by {_meeting(fast)}, and with one change a day "
        f"{_along(winners[CHANGES.index(1.0)], QUESTIONS, 'questions')}."
    )
    return [first, second, third]


def _along(names: Sequence[str | None], values: Sequence[float], what: str) -> str:
    """Who wins, and from how many ``what`` a day on somebody else does."""
    turns = [number for number, name in enumerate(names) if number and name != names[number - 1]]
    parts = [f"{names[number] or 'none'} from {_number(values[number])} {what} a day on" for number in turns]
    return ", ".join([f"the winner is {names[0] or 'none'}" + ("" if parts else f" at any number of {what}"), *parts])


def _meeting(fast: Sequence[Profile]) -> str:
    if len(fast) == 2:
        return "either"
    return f"{fast[0].name} alone" if fast else "neither"


def _number(value: float) -> str:
    return f"{value:,.0f}" if value >= 1 else f"{value:g}"


def _said(ms: float) -> str:
    return f"{ms:.0f} ms" if ms < 1_000 else f"{ms / 1e3:.1f} s" if ms < 120_000 else f"{ms / 60_000:.0f} min"


def profile(name: str, figures: Mapping[str, Mapping[str, Any]], change_ms: float) -> Profile:
    """The profile of an arm from its figures in a run, ``summary["arms"][name]``; InputError where one is lacking.

    It is right where it holds an accepted answer, which is fair to weights and quotations alike.
    """
    if missing := [it for it in ("contains", "latency_ms_p99", "cpu_ms") if it not in figures]:
        raise InputError(f"the run has no {missing[0]} of {name}, which a decision wants")
    low, high = figures["contains"]["ci"]
    p99, cpu = (figures[it]["value"] for it in ("latency_ms_p99", "cpu_ms"))
    return Profile(name, figures["contains"]["value"], (high - low) / 2, p99, cpu, change_ms)


def with_training(
    weights: Profile, curve: Sequence[Mapping[str, Any]], sequence: Sequence[Mapping[str, Any]] = ()
) -> Profile:
    """The same with what a freshness run shows of teaching: the first point of the learning curve at which as many
    edits are learned as at the best one, as far as its interval tells. Where edits taught one after another are
    forgotten again, what is retained at the end of the sequence is what counts. InputError without a curve, or where
    nothing is learned.
    """
    told = [it for it in curve if "new_rate" in it]
    best = max(told, key=lambda it: float(it["new_rate"]["value"]), default=None)
    if best is None:
        raise InputError("the freshness run did not teach the weights: run it with --training")
    if best["new_rate"]["value"] <= 0:
        raise InputError("no edit was learned, however long the weights were trained")
    enough = next(it for it in told if it["new_rate"]["value"] >= best["new_rate"]["ci"][0])
    ends = [it for it in (enough, sequence[-1] if sequence else None) if it is not None]
    learned = min(
        (it[name] for it in ends for name in ("new_rate", "retention") if name in it), key=lambda it: float(it["value"])
    )
    start = told[0].get("untouched", {}).get("value", 0)
    kept = min([it["untouched"]["value"] / start for it in ends if start and "untouched" in it], default=1.0)
    return replace(
        weights,
        change_ms=float(enough["seconds"]) * 1e3,
        batch=int(enough["edits"]),
        learned=float(learned["value"]),
        learned_margin=(learned["ci"][1] - learned["ci"][0]) / 2,
        kept=min(float(kept), 1.0),
    )
