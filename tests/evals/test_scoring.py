"""Scores of rows: what is defined for a case counts whatever the arm did, and a citation has to be true."""

from typing import Any

import pytest

from evals.cases import Evidence, Question, Unanswerable
from evals.rows import Place, Row
from evals.scoring import METRICS, SIMILARITY, Scorer, as_question, consistency
from kstore.types import Citation

TEXT = "# Cats\n\n## Food\n\nCats eat fish.\n\n## Sleep\n\nCats sleep all day.\n"
QUOTE = "Cats eat fish."
EATEN = Question(
    id="eaten",
    fact="food",
    question="What do cats eat?",
    paraphrases=("Cats eat what?",),
    answers=("fish",),
    evidence=(Evidence(doc="cats.md", quote=QUOTE), Evidence(doc="cats.md", quote="Cats sleep all day.")),
)
UNKNOWN = as_question(Unanswerable(id="unknown", question="Who owns the cat?", why_unanswerable="it is not said"))
SCORER = Scorer({"eaten": EATEN, "unknown": UNKNOWN}, {"cats.md": TEXT})


def row(case: str = "eaten", answer: str | None = "fish", phrasing: int = 0, **more: Any) -> Row:
    outcome = more.pop("outcome", "declined" if answer is None else "scored")
    return Row(arm="x", case=case, phrasing=phrasing, question="?", outcome=outcome, answer=answer, fact=case, **more)


def failed(case: str = "eaten") -> Row:
    return row(case, None, outcome="errored", error="timeout")


def cited(quote: str, text: str | None = None) -> Citation:
    start = TEXT.index(quote)
    places = {"document": "cats.md", "headings": (), "line_start": 1, "line_end": 1, "score": 1.0, "revision": 1}
    return Citation(start=start, end=start + len(quote), text=text or quote, **places)


def scores(one: Row, cites: bool = False, ranks: bool = False) -> dict[str, float]:
    return SCORER.score([one], cites=cites, ranks=ranks)[0].scores


def test_every_score_has_a_meaning() -> None:
    every = scores(row(hits=(Place(document="cats.md", start=0, end=9),)), cites=True, ranks=True)
    assert set(every) <= set(METRICS)


def test_a_right_answer() -> None:
    found = scores(row())
    assert (found["exact_match"], found["f1"], found["contains"], found["crag"]) == (1.0, 1.0, 1.0, 1.0)
    assert (found["coverage"], found["declined_wrongly"]) == (1.0, 0.0)
    assert "declined_correctly" not in found


def test_a_wrong_answer_is_worse_than_none_and_a_failure_counts_as_nothing_right() -> None:
    assert [scores(one)["crag"] for one in (row(answer="mice"), row(answer=None), failed())] == [-1.0, 0.0, 0.0]
    assert scores(row(answer=None))["declined_wrongly"] == 1.0
    for name, score in scores(failed(), cites=True, ranks=True).items():
        assert score == 0.0, name


def test_a_failure_has_every_score_that_an_answer_has() -> None:
    answered = row(scores={SIMILARITY: 0.9}, citations=(cited(QUOTE),))
    assert scores(failed(), cites=True, ranks=True).keys() == scores(answered, cites=True, ranks=True).keys()
    assert scores(failed("unknown")).keys() == scores(row("unknown")).keys()


def test_to_decline_is_right_where_nothing_answers_and_to_fail_is_not() -> None:
    declined, wrong, down = (scores(one) for one in (row("unknown", None), row("unknown", "me"), failed("unknown")))
    assert [it["exact_match"] for it in (declined, wrong, down)] == [1.0, 0.0, 0.0]
    assert [it["declined_correctly"] for it in (declined, wrong, down)] == [1.0, 0.0, 0.0]
    assert [it["crag"] for it in (declined, wrong, down)] == [1.0, -1.0, 0.0]
    assert "contains" not in declined


def test_the_similarity_that_was_measured_is_kept_and_no_answer_is_like_nothing() -> None:
    assert scores(row(scores={SIMILARITY: 0.75}))[SIMILARITY] == 0.75
    assert scores(row(answer=None))[SIMILARITY] == 0.0
    assert SIMILARITY not in scores(row("unknown", "me"))


def test_scores_are_computed_anew() -> None:
    assert scores(row(answer="mice", scores={"exact_match": 1.0, "made up": 1.0}))["exact_match"] == 0.0
    assert "made up" not in scores(row(scores={"made up": 1.0}))


def test_citations_are_right_where_they_overlap_the_evidence() -> None:
    found = scores(row(citations=(cited("eat fish"), cited("# Cats"))), cites=True)
    assert (found["citation_precision"], found["citation_recall"]) == (0.5, 0.5)
    both = scores(row(citations=(cited(QUOTE), cited("Cats sleep"))), cites=True)
    assert (both["citation_precision"], both["citation_recall"]) == (1.0, 1.0)


def test_a_quotation_that_the_document_does_not_hold_proves_nothing() -> None:
    found = scores(row(citations=(cited(QUOTE, text="Cats eat mice."),)), cites=True)
    assert (found["citation_precision"], found["citation_recall"]) == (0.0, 0.0)


def test_an_answer_without_a_citation_has_none_right_and_who_declines_owes_none() -> None:
    assert scores(row(), cites=True)["citation_precision"] == 0.0
    declined = scores(row(answer=None), cites=True)
    assert declined["citation_recall"] == 0.0
    assert "citation_precision" not in declined


def test_arms_that_neither_cite_nor_rank_have_no_such_scores() -> None:
    assert not {name for name in scores(row()) if "citation" in name or "@" in name}


def test_rankings_are_scored_together_as_apart() -> None:
    place = Place(document="cats.md", start=TEXT.index(QUOTE), end=TEXT.index(QUOTE) + 4)
    rows = [row(hits=(place,)), row("unknown", None), row(answer=None), row(hits=(place,), phrasing=1)]
    together = SCORER.score(rows, cites=False, ranks=True)
    assert [one.scores for one in together] == [scores(one, ranks=True) for one in rows]
    assert [one.scores.get("recall@1") for one in together] == [0.5, None, 0.0, 0.5]


def test_consistency_is_the_share_of_pairs_that_agree() -> None:
    said = ("the fish", "Fish.", "mice", None)
    rows = [row(answer=text, phrasing=number) for number, text in enumerate(said)]
    assert consistency(rows) == [("eaten", pytest.approx(1 / 6))]
    assert consistency([row(answer=None), row(answer=None, phrasing=1)]) == [("eaten", 1.0)]
    assert consistency([failed(), failed().model_copy(update={"phrasing": 1})]) == [("eaten", 0.0)]
    assert consistency([row()]) == []
