"""Rankings: gold is what overlaps the evidence, each passage once, and what is not found counts."""

import math

import pytest

from evals.cases import Evidence, Question
from evals.evidence import locate
from evals.ranking import rank_scores, units_of
from evals.rows import Place

TEXT = "# Cats\n\n## Food\n\nCats eat fish. Cats drink milk.\n\n## Sleep\n\nCats sleep all day and hunt at night.\n"
DOCUMENTS = {"cats.md": TEXT}


def evidence(*quotes: str) -> Question:
    spans = tuple(Evidence(doc="cats.md", quote=quote) for quote in quotes)
    return Question(id="q", question="What?", answers=("x",), evidence=spans)


def place(words: str, document: str = "cats.md") -> Place:
    start = TEXT.index(words)
    return Place(document=document, start=start, end=start + len(words))


def test_quotations_from_one_passage_are_one_unit() -> None:
    together, apart = evidence("Cats eat fish.", "Cats drink milk."), evidence("Cats eat fish.", "Cats sleep all day")
    assert [len(unit) for unit in units_of(together, DOCUMENTS)] == [2]
    assert [len(unit) for unit in units_of(apart, DOCUMENTS)] == [1, 1]


def test_a_quotation_that_is_not_there_is_an_error() -> None:
    with pytest.raises(ValueError, match="nowhere"):
        units_of(evidence("Cats eat grass."), DOCUMENTS)


def test_scores_by_hand() -> None:
    units = units_of(evidence("Cats eat fish.", "Cats sleep all day"), DOCUMENTS)
    places = [place("Cats eat"), place("# Cats\n"), place("all day and hunt")]
    (found,) = rank_scores([(places, units)])
    ideal = 1 + 1 / math.log2(3)
    assert found == pytest.approx(
        {
            "recall@1": 0.5,
            "recall@5": 1.0,
            "recall@10": 1.0,
            "mrr@10": 1.0,
            "ndcg@10": (1 + 1 / 2) / ideal,
            "map@10": (1 + 2 / 3) / 2,
        }
    )


def test_an_overlap_of_one_character_counts_and_touching_does_not() -> None:
    case = evidence("Cats drink milk.")
    units, span = units_of(case, DOCUMENTS), locate(case.evidence[0], DOCUMENTS)
    touching = Place(document="cats.md", start=0, end=span.start)
    sharing = Place(document="cats.md", start=0, end=span.start + 1)
    elsewhere = Place(document="dogs.md", start=span.start, end=span.end)
    scores = [it["recall@1"] for it in rank_scores([([one], units) for one in (touching, sharing, elsewhere)])]
    assert scores == [0.0, 1.0, 0.0]


def test_finding_the_same_passage_again_gains_nothing() -> None:
    units = units_of(evidence("Cats eat fish.", "Cats sleep all day"), DOCUMENTS)
    (found,) = rank_scores([([place("Cats eat")] * 10, units)])
    assert found["recall@10"] == 0.5
    assert found["ndcg@10"] < 0.7


def test_what_is_below_the_first_ten_is_not_found_and_nothing_found_is_zero() -> None:
    units = units_of(evidence("Cats sleep all day"), DOCUMENTS)
    far = [place("# Cats\n")] * 10 + [place("Cats sleep")]
    late = [place("# Cats\n")] * 4 + [place("Cats sleep")]
    nothing, below, fifth = rank_scores([([], units), (far, units), (late, units)])
    assert set(nothing.values()) == set(below.values()) == {0.0}
    assert (fifth["recall@1"], fifth["recall@5"], fifth["mrr@10"]) == (0.0, 1.0, pytest.approx(0.2))
