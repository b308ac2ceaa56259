"""Answers with several parts: all items of a list, or what several passages say, each cited by itself."""

import pytest

from kstore.answering.lists import asks_for_several, counts, is_list, items_around
from kstore.answering.reader import Reader
from kstore.reading.reader import CrossEncoder
from tests.answering.test_reader import hits

PARTS = """\
# The lighthouse

## The keeper's duties

The keeper has these duties:

- **Winding** the clockwork.
- Trimming the wick
  every evening.
- Writing the log.

The keeper is paid by the harbour.

## The fog bell

1. Loosen the rope.
2. Strike the bell.
"""


@pytest.mark.parametrize(
    "question",
    [
        "Which two oils does the lamp burn?",
        "What are the keeper's duties?",
        "Name three animals of the harbour.",
        "What kinds of attention are there?",
        "List the parts of the lamp.",
        "Who were the two people behind the paper?",
    ],
)
def test_questions_for_several_things(question: str) -> None:
    assert asks_for_several(question)


@pytest.mark.parametrize(
    "question",
    [
        "What does the lamp burn?",
        "Which part holds the lens?",
        "Which of the two lamps is older?",
        "What does Llama 2 list first?",
        "How long is the list of ships?",
    ],
)
def test_questions_for_one_thing(question: str) -> None:
    assert not asks_for_several(question)


def test_questions_that_say_how_many() -> None:
    assert counts("Which two oils does the lamp burn?")
    assert not counts("What are the odds of rain?")


def test_the_items_of_the_list_around_a_place() -> None:
    start = PARTS.index("wick")
    items = [PARTS[low:high] for low, high in items_around(PARTS, start, start + 4)]
    assert items == ["**Winding** the clockwork.", "Trimming the wick\n  every evening.", "Writing the log."]
    start = PARTS.index("bell.")
    assert [PARTS[low:high] for low, high in items_around(PARTS, start, start + 4)] == [
        "Loosen the rope.",
        "Strike the bell.",
    ]


@pytest.mark.parametrize("word", ["paid", "has these"])
def test_outside_of_lists_there_are_no_items(word: str) -> None:
    start = PARTS.index(word)
    assert items_around(PARTS, start, start + len(word)) == []


def test_a_list_of_one_is_none() -> None:
    assert items_around("- alone", 2, 7) == []


def test_what_is_a_list_already() -> None:
    assert is_list("Minsky and Papert")
    assert is_list("flint, iron")
    assert not is_list("rapeseed oil")


def test_every_item_is_part_of_the_answer_and_cited(cross_encoder: CrossEncoder) -> None:
    reading = Reader(cross_encoder).read("What are the keeper's duties?", hits(PARTS))
    assert reading is not None
    assert reading.text.splitlines() == [
        "Winding the clockwork.",
        "Trimming the wick every evening.",
        "Writing the log.",
    ]
    assert len(reading.citations) == 3
    for citation, line in zip(reading.citations, reading.text.splitlines(), strict=True):
        assert citation.claim is not None
        assert reading.text[slice(*citation.claim)] == line
        assert PARTS[citation.start : citation.end] == citation.text
        assert " ".join(citation.text.replace("**", "").split()) == line


def test_one_thing_is_asked_for_and_one_is_answered(cross_encoder: CrossEncoder) -> None:
    reading = Reader(cross_encoder).read("Who pays the keeper?", hits(PARTS))
    assert reading is not None
    assert "harbour" in reading.text
    assert "\n" not in reading.text


def test_two_passages_answer_and_each_is_cited(cross_encoder: CrossEncoder) -> None:
    heron, tern = "The colour of the Heron is green.", "The colour of the Tern is blue."
    text = f"# Ships\n\n## The Heron\n\n{heron}\n\n## The Tern\n\n{tern}\n"
    reading = Reader(cross_encoder).read("Which two colours do the Heron and the Tern have?", hits(text))
    assert reading is not None
    assert set(reading.text.splitlines()) == {"green", "blue"}
    assert {it.headings[-1] for it in reading.citations} == {"The Heron", "The Tern"}
    assert all(text[it.start : it.end] == it.text for it in reading.citations)
