"""Scores of a text, at the corners where the official SQuAD 2.0 script is easily got wrong."""

import pytest

from evals.metrics import contains, exact_match, exact_match_strict, f1, key_point_recall, normalise


@pytest.mark.parametrize(
    ("text", "bare"),
    [
        ("The  Cat's hat!", "cats hat"),
        ("An answer, the answer, a answer", "answer answer answer"),
        ("theatre another", "theatre another"),  # articles are whole words
        ("state-of-the-art", "stateoftheart"),  # punctuation goes before articles
        ("3.14", "314"),
        ("É “quoted”", "é “quoted”"),  # ASCII punctuation alone
        ("a", ""),
        ("the\u00a0vector\tstore\n", "vector store"),
    ],
)
def test_normalisation(text: str, bare: str) -> None:
    assert normalise(text) == bare


def test_articles_do_not_count() -> None:
    assert exact_match("FAISS index", ["the FAISS index"]) == 1.0
    assert f1("an index", ["the index"]) == 1.0


def test_f1_counts_words_as_often_as_they_stand() -> None:
    assert f1("two two cats", ["two cats"]) == pytest.approx(0.8)  # two of three, and two of two
    assert f1("ha ha ha", ["ha ha"]) == pytest.approx(0.8)
    assert f1("no no", ["no"]) == pytest.approx(2 / 3)


def test_the_best_gold_counts() -> None:
    assert exact_match("rank", ["LoRA", "rank"]) == 1.0
    assert f1("low rank", ["high", "low rank adaptation", "rank"]) == pytest.approx(0.8)


def test_declining_is_right_where_there_is_no_answer_and_nowhere_else() -> None:
    for score in (exact_match, f1):
        assert score(None, None) == 1.0
        assert score("something", None) == 0.0
        assert score(None, ["something"]) == 0.0
        assert score("", None) == 1.0  # the official script's way to decline
        assert score("the", None) == 1.0  # nothing is left of it, and the official script compares what is left


def test_whole_words_are_contained() -> None:
    assert contains("It was published in 2021.", ["2021"]) == 1.0
    assert contains("It was published in 20211.", ["2021"]) == 0.0
    assert contains(None, ["2021"]) == 0.0
    assert (contains(None, None), contains("x", None)) == (1.0, 0.0)


@pytest.mark.parametrize(
    ("answer", "gold", "same"),
    [
        ("-0.5", "0.5", 0.0),
        ("1.5", "15", 0.0),
        ("x + y", "x - y", 0.0),
        ("O(n^2)", "O(n2)", 0.0),
        ("The hat.", "hat", 1.0),
        ("“1.5”", "1.5", 0.0),
        ("1.5.", "1.5", 1.0),
        ("LoRA,  rank 8", "lora rank 8", 1.0),
    ],
)
def test_strict_matches_keep_the_sense(answer: str, gold: str, same: float) -> None:
    assert exact_match_strict(answer, [gold]) == same


def test_key_points_are_made_whole() -> None:
    points = ["normalised vectors", "an exact search"]
    assert key_point_recall("The vectors are normalised, and the search is exact.", points) == 1.0
    assert key_point_recall("The vectors are long.", points) == 0.0
    assert key_point_recall(None, points) == 0.0
    with pytest.raises(ValueError, match="no key points"):
        key_point_recall("x", [])
