"""Skimming: the sentence that says most of what was asked for, quoted exactly, in no time."""

import pytest

from kstore.answering.retrieval import RetrievalArm
from kstore.answering.skim import Skimmer
from kstore.controls import PRESETS
from kstore.service import KStore
from kstore.types import Hit
from tests.conftest import TINY

TEXT = "The harbour lies west.\n\n- The lamp burns **rapeseed** oil.\n- The bell is cast of bronze.\n\nNobody swims."


def hit(text: str, name: str = "harbour.md") -> Hit:
    return Hit(name, ("Harbour",), 100, 100 + len(text), 7, 7 + text.count("\n"), text, 1.0, 3)


@pytest.mark.parametrize(
    ("question", "sentence"),
    [
        ("Which oil does the lamp burn?", "The lamp burns rapeseed oil."),
        ("What was the bell cast of?", "The bell is cast of bronze."),
        ("Who swims there?", "Nobody swims."),
    ],
)
def test_the_sentence_that_shares_most_is_quoted_without_its_marker(question: str, sentence: str) -> None:
    found = Skimmer().read(question, [hit(TEXT)])
    assert found is not None
    assert found.text == sentence
    (citation,) = found.citations
    assert TEXT[citation.start - 100 : citation.end - 100] == citation.text
    assert citation.text.replace("**", "") == sentence
    assert (citation.revision, citation.document, citation.line_start) == (
        3,
        "harbour.md",
        7 + TEXT[: citation.start - 100].count("\n"),
    )


def test_a_rare_word_counts_more_than_two_common_ones() -> None:
    boats = " ".join(f"The old boat {did}." for did in ("sank", "came home", "sailed", "left", "was sold"))
    text = f"{boats} A whale was seen."
    found = Skimmer().read("Did the old boat see a whale?", [hit(text)])
    assert found is not None
    assert found.text == "A whale was seen."


def test_of_equal_sentences_the_first_passage_has_it() -> None:
    found = Skimmer().read("lamp", [hit("The lamp is lit.", "first.md"), hit("The lamp is lit.", "second.md")])
    assert found is not None
    assert found.citations[0].document == "first.md"


def test_without_passages_there_is_nothing() -> None:
    assert Skimmer().read("lamp", []) is None


def test_real_time_answers_without_a_reader_and_says_so(tiny: KStore) -> None:
    arm = tiny.arm("retrieval")
    assert isinstance(arm, RetrievalArm)
    answer = arm.answer("What does the lamp burn?", PRESETS["real-time"])
    assert answer.text is not None
    assert "rapeseed oil" in answer.text
    assert answer.confidence is None
    assert "no reader" in answer.model
    assert "calibrated" not in answer.knowledge
    assert "rerank" not in answer.timings
    (citation,) = answer.citations
    text = (TINY / citation.document).read_text(encoding="utf-8")
    assert text[citation.start : citation.end] == citation.text


def test_real_time_declines_what_is_far_from_every_passage(tiny: KStore) -> None:
    answer = tiny.arm("retrieval").answer("How is a TCP handshake encrypted?", PRESETS["real-time"])
    assert answer.text is None
    assert answer.declined == "no passage is similar enough to the question"
