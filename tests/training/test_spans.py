"""Where answers stand, and passages without them."""

import pytest

from kstore.reading.view import view
from kstore.text.markdown import split
from kstore.text.sources import read_source
from kstore.training.questions import read_questions
from kstore.training.spans import holds, locate, occurrences, without_answer
from tests.conftest import GUIDE

QUESTIONS = GUIDE.parent.parent / "evals" / "questions"


@pytest.mark.parametrize(
    ("answer", "plain", "expected"),
    [
        ("oil", "Oil and oily oil.", [(0, 3), (13, 16)]),
        ("12 tonnes", "lifts 12\ntonnes", [(6, 15)]),
        ("**12** tonnes", "lifts 12 tonnes", [(6, 15)]),
        ("-1", "from -1 to -12", [(5, 7)]),
        ("C++", "in C++11", [(3, 6)]),
        ("7", "17 or 71", []),
        ("", "nothing", []),
    ],
)
def test_an_answer_stands_there_as_whole_words(answer: str, plain: str, expected: list[tuple[int, int]]) -> None:
    assert occurrences(answer, plain) == expected


def test_the_answer_is_looked_for_in_the_evidence_first() -> None:
    text = "Oil is dear. The **lamp** burns the oil of rapeseed. Oil again."
    start = text.index("The **")
    found = locate(text, start, text.index(" Oil again"), ["an oil"])
    assert found.answer is not None
    assert found.seen.plain[slice(*found.quote)] == "The lamp burns the oil of rapeseed."
    assert found.answer[0] == found.seen.plain.index("oil of")
    assert locate(text, start, start + 14, ["dear"]).answer == (7, 11)  # before the evidence, but near
    assert locate(text + " x" * 300 + " gold", start, start + 14, ["gold"]).answer is None


def test_sentences_and_rows_that_hold_the_answer_are_taken_out() -> None:
    text = (
        "The lamp is old, and it stands where it has always stood. It burns rapeseed oil. Of Rapeseed Oil there is"
        " enough.\n\n- one is oil\n- two is rapeseed oil\n\n| fuel | of |\n|---|---|\n| rapeseed oil | lamp |\n"
        "| wood | oven |\n"
    )
    start = text.index("It burns")
    left = without_answer(text, ("The lamp",), start, start + 24, ["the rapeseed oil"])
    assert left is not None
    assert "stood." in left
    assert "| wood | oven |" in left
    assert "rapeseed" not in left.lower()


def test_too_little_left_or_a_heading_that_tells_is_no_passage() -> None:
    assert without_answer("It burns oil. So what?", (), 0, 13, ["oil"]) is None
    text = "It burns oil. " + "Nobody minds the noise that it makes. " * 3
    assert without_answer(text, ("The lamp",), 0, 13, ["oil"])
    assert without_answer(text, ("On oil",), 0, 13, ["oil"]) is None


def test_of_the_guides_evidence_nothing_is_left_that_answers() -> None:
    documents = read_source(str(GUIDE), 10**7).documents
    passages = {name: split(text) for name, text in documents.items()}
    made = 0
    for question in read_questions([QUESTIONS / "dev.jsonl"], documents).questions[:60]:
        for place in question.places:
            passage = max(passages[place.document], key=lambda it: min(it.end, place.end) - max(it.start, place.start))
            text = documents[place.document][passage.start : passage.end]
            start, end = place.start - passage.start, place.end - passage.start
            left = without_answer(text, passage.headings, start, end, question.answers)
            made += left is not None
            assert left is None or not holds(question.answers, view(left).plain)
    assert made >= 30
