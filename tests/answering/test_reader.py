"""The reader: of the passages found, the words that answer and the sentences around them, quoted as they stand.

What it prefers is tuned by measurement; here is what must hold however it is tuned.
"""

import math
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kstore.answering.reader import Reader
from kstore.reading.reader import CrossEncoder
from kstore.text.markdown import split
from kstore.types import Hit
from tests.conftest import TINY

HARBOUR = """\
# The harbour

Boats come and go all day. The mail boat leaves the harbour at 7:40 every morning. Nobody minds the noise.

## The crane

1. The crane lifts **12 tonnes**.
2. It was painted red in 1963 by Ola Brandt.

> A storm bent it once.

| part | material |
|---|---|
| hook | forged steel |
| cabin | larch wood |
"""


def hits(text: str, document: str = "harbour.md") -> list[Hit]:
    """All passages of a text as a search would give them, the first one scoring best."""
    return [
        Hit(
            document,
            passage.headings,
            passage.start,
            passage.end,
            passage.line_start,
            passage.line_end,
            text[passage.start : passage.end],
            score=1 / (rank + 1),
            revision=4,
        )
        for rank, passage in enumerate(split(text))
    ]


@pytest.mark.parametrize(
    ("question", "answer", "quote"),
    [
        ("When does the mail boat leave?", "7:40", "The mail boat leaves the harbour at 7:40 every morning."),
        ("How much can the crane lift?", "12 tonnes", "The crane lifts **12 tonnes**."),  # without the list's marker
        ("Who painted the crane?", "Ola Brandt", "It was painted red in 1963 by Ola Brandt."),
    ],
)
def test_the_answer_is_short_and_its_sentence_is_cited(
    question: str, answer: str, quote: str, cross_encoder: CrossEncoder
) -> None:
    reading = Reader(cross_encoder).read(question, hits(HARBOUR))
    assert reading is not None
    assert answer in reading.text
    assert len(reading.text) < len(quote)
    first = reading.citations[0]
    assert first.text == quote
    assert HARBOUR[first.start : first.end] == quote
    assert quote in HARBOUR.splitlines()[first.line_start - 1]
    assert (first.document, first.revision) == ("harbour.md", 4)
    assert not reading.declines


def test_what_nothing_answers_is_declined_and_hardly_believed(cross_encoder: CrossEncoder) -> None:
    reader = Reader(cross_encoder)
    asked = reader.read("How much can the crane lift?", hits(HARBOUR))
    astray = reader.read("How do I change a bicycle tyre?", hits(HARBOUR))
    assert asked is not None
    assert astray is not None
    assert astray.declines
    assert 0 <= astray.confidence < asked.confidence <= 1


def test_headings_help_a_sentence_that_does_not_name_its_subject(cross_encoder: CrossEncoder) -> None:
    text = "# The winch\n\nIt weighs 80 kilograms.\n\n# The anchor\n\nIt weighs 300 kilograms.\n"
    for subject, weight in (("winch", "80"), ("anchor", "300")):
        reading = Reader(cross_encoder).read(f"What is the weight of the {subject}?", hits(text))
        assert reading is not None
        assert reading.text == f"{weight} kilograms"


def test_an_answer_found_in_two_passages_is_cited_from_both(cross_encoder: CrossEncoder) -> None:
    thorough = replace(cross_encoder.tuning, sure=(math.inf, 0.0))  # so that it reads on
    text = "# The lamp\n\nThe lamp burns rapeseed oil.\n\n# The log\n\nIn the log: the lamp burns rapeseed oil.\n"
    reading = Reader(cross_encoder, thorough).read("What does the lamp burn?", hits(text))
    assert reading is not None
    assert {citation.headings for citation in reading.citations} == {("The lamp",), ("The log",)}
    assert all("rapeseed oil" in citation.text for citation in reading.citations)


def test_a_long_passage_is_read_where_its_focus_is(cross_encoder: CrossEncoder) -> None:
    filler = "Boats come and go, and nobody counts them. " * 60
    text = f"{filler}The bell weighs 300 kilograms. {filler}"
    hit = Hit("bell.md", (), 0, len(text), 1, 1, text, score=1.0, revision=1)
    found = [Reader(cross_encoder).read("What does the bell weigh?", [replace(hit, focus=at)]) for at in (0.5, 0.0)]
    assert [reading is not None and reading.text == "300 kilograms" for reading in found] == [True, False]


def test_without_passages_nothing_is_loaded(tmp_path: Path) -> None:
    assert Reader(CrossEncoder(file=tmp_path / "no such file")).read("When?", []) is None


def test_the_same_question_gets_the_same_answer(cross_encoder: CrossEncoder) -> None:
    reader = Reader(cross_encoder)
    first = reader.read("Who painted the crane?", hits(HARBOUR))
    reader.read("Of longer questions, the shapes come between: what is the hook made of?", hits(HARBOUR))
    assert reader.read("Who painted the crane?", hits(HARBOUR)) == first


@pytest.mark.parametrize("file", sorted(TINY.iterdir()), ids=lambda file: file.name)
@pytest.mark.parametrize("ending", ["\n", "\r\n", "\r"], ids=ascii)
def test_whatever_is_asked_the_quotes_are_spans(file: Path, ending: str, cross_encoder: CrossEncoder) -> None:
    text = file.read_bytes().decode().replace("\n", ending)
    for question in ("What is it?", "How much, how long and how many?", "Which part is made of which material?"):
        reading = Reader(cross_encoder).read(question, hits(text, file.name))
        assert reading is not None
        for citation in reading.citations:
            assert all(word in citation.text for word in reading.text.split())
            assert text[citation.start : citation.end] == citation.text
            assert citation.text == citation.text.strip()
            lines = text.split(ending)[citation.line_start - 1 : citation.line_end]
            assert citation.text in ending.join(lines)
            assert citation.text not in ending.join(lines[1:])


# Markdown at its most awkward: markers without text, tables without rows, fences that never close.
SCRAPS = st.lists(
    st.sampled_from(
        ["- ", "1. ", "> ", "| ", "|---|", "\n", "\n\n", "\r\n", "# ", "```", "$$", "**", "A crane. ", "é🜁", "  ", "12"]
    ),
    max_size=14,
).map("".join)


@settings(deadline=None, derandomize=True, database=None, max_examples=60)
@given(text=SCRAPS)
def test_odd_markdown_is_quoted_exactly_or_not_at_all(text: str, cross_encoder: CrossEncoder) -> None:
    reading = Reader(cross_encoder).read("What is the crane?", hits(text))
    for citation in reading.citations if reading else ():
        assert citation.text
        assert text[citation.start : citation.end] == citation.text
