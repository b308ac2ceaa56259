"""Abbreviations: what a text explains, and no more than it explains."""

import json

import pytest

from kstore.vectors.abbreviations import explained, explained_json, folded


@pytest.mark.parametrize(
    ("text", "pairs"),
    [
        ("LoRA (low-rank adaptation) is a method.", [("LoRA", "low-rank adaptation")]),
        ("It uses low-rank adaptation (LoRA; Hu et al. 2021) here.", [("LoRA", "low-rank adaptation")]),
        ("They measure the mean reciprocal rank (MRR).", [("MRR", "mean reciprocal rank")]),
        ("A rectified linear unit (ReLU) follows.", [("ReLU", "rectified linear unit")]),
        ("The Kell Point harbour office (KPHO) keeps the log.", [("KPHO", "Kell Point harbour office")]),
        ("One sentence ends. Write-ahead log (WAL) begins another.", [("WAL", "Write-ahead log")]),
        ("The first (FFN) has no words before it that fit.", []),
        ("The default (None) is used; so is the other (True).", []),
        ("She left the harbour (see the log) at noon.", []),
        ("Nothing stands before: (ABC)", []),
        ("(ABC)", []),
        ("A pair ((nested) brackets) and an open one (LSTM", []),
        ("HNSW (hierarchical navigable small world) and IVF (inverted file)",
         [("HNSW", "hierarchical navigable small world"), ("IVF", "inverted file")]),
    ],
)  # fmt: skip
def test_what_a_text_explains(text: str, pairs: list[tuple[str, str]]) -> None:
    assert list(explained(text)) == pairs


def test_the_long_form_is_the_shortest_that_holds_the_letters() -> None:
    assert list(explained("We then add attention with linear biases (ALiBi).")) == [
        ("ALiBi", "attention with linear biases")
    ]


def test_forms_are_compared_without_case_plural_and_punctuation() -> None:
    assert folded("Low-Rank Adaptations") == folded("low rank adaptation")
    assert folded("GPUs") == "gpu"
    assert folded("loss") == "loss"  # no plural
    assert folded("is") == "is"


def test_headings_explain_too_and_each_pair_is_told_once() -> None:
    headings = json.dumps(["Glossary", "Mean squared error (MSE)"])
    plain = "The mean squared error (MSE) is the mean of squares."
    assert json.loads(explained_json(headings, plain)) == [["mse", "mean squared error"]]
