"""The cross-encoder: which of two passages answers, where, and that what is asked around it changes nothing."""

from pathlib import Path

import numpy as np
import pytest

from kstore.errors import ModelError
from kstore.reading.reader import CrossEncoder, Passage, in_order

OIL = Passage(("The lamp",), "The lamp of **Kell Point** burns rapeseed oil, which Bosun brings on Mondays.")
DOG = Passage(("The dog",), "Bosun the dog weighs 31 kilograms and sleeps in the ice house.")


def test_the_passage_that_answers_is_the_more_relevant_one(cross_encoder: CrossEncoder) -> None:
    for question, best in (("What does the lamp burn?", 0), ("How heavy is the dog?", 1)):
        found = cross_encoder.read(question, in_order([OIL, DOG])[0:2])
        assert [it.passage for it in found] == [0, 1]
        assert found[best].relevance > found[1 - best].relevance
        assert found[best].answerable > found[1 - best].answerable


def test_the_answer_is_a_span_of_the_passage_as_it_stands(cross_encoder: CrossEncoder) -> None:
    crane = Passage(("The harbour",), "1. The crane lifts **12 tonnes**, and [the winch](winch.md) much less.")
    found = cross_encoder.read("How much can the crane lift?", in_order([crane])[0:1])[0]
    assert found.plain == "12 tonnes"
    assert crane.text[found.start : found.end] == "12 tonnes"
    assert found.certainty <= 0


def test_passages_read_together_are_judged_as_alone(cross_encoder: CrossEncoder) -> None:
    question = "What does the lamp burn?"
    together = cross_encoder.read(question, in_order([OIL, DOG])[0:2])
    alone = [cross_encoder.read(question, in_order([passage])[0:1])[0] for passage in (OIL, DOG)]
    for one, other in zip(together, alone, strict=True):
        assert (one.start, one.end) == (other.start, other.end)
        assert np.allclose([one.relevance, one.answerable], [other.relevance, other.answerable], atol=1e-3)


def test_no_more_is_read_than_was_asked_for(cross_encoder: CrossEncoder) -> None:
    found = cross_encoder.read("What does the lamp burn?", in_order([OIL, DOG])[1:2])
    assert [it.passage for it in found] == [1]
    assert cross_encoder.read("What does the lamp burn?", in_order([OIL, DOG])[2:9]) == []
    assert cross_encoder.read("What does the lamp burn?", in_order([Passage((), " \n")])[0:3]) == []


def test_a_question_of_any_length_is_read(cross_encoder: CrossEncoder) -> None:
    assert cross_encoder.read("lamp " * 500, in_order([OIL])[0:1])[0].passage == 0


def test_a_model_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"gone\.safetensors"):
        CrossEncoder(file=tmp_path / "gone.safetensors").read("What?", in_order([OIL])[:1])
    (tmp_path / "bad.safetensors").write_bytes(b"no model")
    with pytest.raises(ModelError, match=r"bad\.safetensors"):
        CrossEncoder(file=tmp_path / "bad.safetensors").read("What?", in_order([OIL])[:1])
