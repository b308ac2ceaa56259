"""A run as its files tell it: all that a summary may hold, and the least."""

from typing import Any

from evals.cases import Question
from evals.rows import Estimate, Row
from kstore.types import Citation

ARMS = ("parametric", "retrieval", "adaptive", "oracle", "always-declines")
MEANINGS = {"f1": "words shared with the accepted answer", "recall@5": "evidence among the first five passages"}
MANIFEST = {
    "identity": "9f2c" * 16,
    "created": "2026-11-22T12:00:00+00:00",
    "kstore": "0.1.0",
    "command": "kstore eval run --corpus corpora/tiny",
    "questions": [{"file": "tiny.jsonl", "sha256": "ab" * 32, "cases": 3, "phrasings": 5}],
    "arms": {"parametric": {"meaning": "from the weights alone", "ranks": False, "cites": None}},
    "seed": 0,
}


def estimate(value: float, half: float = 0.05, n: int = 60, clusters: int = 20) -> dict[str, Any]:
    return Estimate(value, value - half, value + half, n, clusters).shape()


def contrast(value: float, **changed: Any) -> dict[str, Any]:
    """retrieval against parametric: shown to be better unless something is ``changed``."""
    return {
        "metric": "f1",
        "a": "retrieval",
        "b": "parametric",
        "difference": estimate(value),
        "p": 0.0001,
        "p_holm": 0.0004,
        "mde": 0.0625,
        "winner": "retrieval",
        **changed,
    }


def question(name: str, *answers: str, paraphrases: tuple[str, ...] = ()) -> Question:
    """A question about a fact of its own; without answers the corpus does not answer it."""
    return Question(id=name, question=f"What about {name}?", answers=answers or None, paraphrases=paraphrases)


def row(arm: str, case: str, answer: str | None, phrasing: int = 0, **more: Any) -> Row:
    outcome = "declined" if answer is None else "scored"
    return Row(
        **{
            "arm": arm,
            "case": case,
            "phrasing": phrasing,
            "question": f"What about {case}?",
            "outcome": outcome,
            "answer": answer,
            **more,
        }
    )


CITATION = Citation(
    document="sea.md",
    headings=("Tides",),
    start=5,
    end=20,
    line_start=12,
    line_end=12,
    text="The moon pulls.",
    score=0.9,
    revision=1,
)
CASES = {it.id: it for it in (question("tide", "the moon"), question("salt", "rivers"), question("depth"))}
ROWS = [
    row("parametric", "tide", "the sun", confidence=0.9),
    row("retrieval", "tide", "the moon", citations=(CITATION,)),
    row("parametric", "salt", "rivers"),
    row("retrieval", "salt", None, outcome="errored", error="timeout", reason="no answer within 30 s"),
    row("parametric", "depth", "two miles"),
    row("retrieval", "depth", None, reason="no passage is similar enough"),
]

MINIMAL: dict[str, Any] = {
    "arms": {"parametric": {"f1": estimate(0.5)}},
    "counts": {"scored": 3, "declined": 0, "errored": 0, "total": 3},
}

HEADINGS = [
    *("In short", "Results", "Contrasts", "Accuracy by slice", "Confidence", "Latency", "Freshness"),
    *("Where each wins", "Outcomes", "Worst questions", "Contested questions", "Provenance"),
]
_SLICES = {"easy": 0.7, "hard": 0.4}
FULL: dict[str, Any] = {
    "arms": {
        **{arm: {"f1": estimate(0.3 + 0.1 * place)} for place, arm in enumerate(ARMS)},
        "retrieval": {"f1": estimate(0.7), "recall@5": estimate(0.8, n=40, clusters=15)},
    },
    "contrasts": [contrast(0.3), contrast(0.02, b="adaptive", p_holm=0.4, winner=None)],
    "counts": {"scored": 3, "declined": 1, "errored": 2, "total": 6},
    "counts_by_arm": {arm: {"scored": 3, "declined": 1, "errored": 2, "total": 6} for arm in ARMS},
    "errors": {"parametric": {}, "retrieval": {"timeout": 2}},
    "slices": {"difficulty": {name: {arm: {"f1": estimate(at)} for arm in ARMS} for name, at in _SLICES.items()}},
    "curves": {
        "reliability": {
            arm: [{"confidence": it / 10, "accuracy": it / 11, "n": 6} for it in range(10)] for arm in ARMS
        },
        "risk_coverage": {"retrieval": [{"coverage": it / 500, "risk": it / 1000} for it in range(1, 501)]},
        "latency_ms": {
            "retrieval": {"total": [[it / 100, 5.0 + it] for it in range(101)], "stages": {"encode": 4.1, "pin": 0.02}},
            "parametric": {"total": [[0.0, 20.0], [0.5, 24.0], [1.0, 80.0]], "stages": {"generate": 22.0}},
        },
    },
    "freshness": {
        "mode": "single",
        "timeline": {
            "retrieval": {"visible_ms": [100.0, 200.0, 300.0], "stale_gone_ms": [0.0, 90.0]},
            "parametric": {"visible_ms": [], "stale_gone_ms": []},
        },
        "modes": {
            "single": {
                "retrieval": {"update_success": estimate(0.9), "visible": {"reached": 3, "not_reached": 1}},
                "parametric": {"update_success": estimate(0.1), "visible": {"reached": 0, "not_reached": 4}},
            }
        },
        "stages_ms": {"retrieval": {"encode": 40.0, "publish": 6.0}},
        "verdicts": {"retrieval": {"value": {"new": 8, "old": 1, "other": 0, "declined": 1, "errored": 0}}},
        "writes": {"single": {"writes": 4, "write_ms_p50": estimate(61.0)}},
        "swap": {"retrieval": {"at_a": {"truth_a": estimate(0.7), "truth_b": estimate(0.1)}}},
        "conflict": {"retrieval": {"follow": estimate(0.9), "override": estimate(0.1)}},
        "learning": [
            {"seconds": 0, "new_rate": estimate(0.1), "untouched": estimate(0.7)},
            {"seconds": 100, "new_rate": estimate(0.8), "untouched": estimate(0.4)},
        ],
        "index_ms": estimate(210.0, half=9.0),
    },
    "decision": {
        "crossover": {
            "changes_per_day": [0, 10],
            "questions_per_day": [1, 1000, 1000000],
            "winner": [["retrieval", "retrieval", "parametric"], ["retrieval", "adaptive", None]],
        },
        "sentences": ["The vectors answer better.", "The weights answer faster.", "Both cost more than either."],
    },
}
