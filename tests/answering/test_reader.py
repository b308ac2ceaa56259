"""The reader: of the passages found, the sentences that answer, quoted as they stand.

What it prefers is tuned by measurement; here is what must hold however it is tuned.
"""

from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kstore.answering.reader import Reader
from kstore.encoding.encoder import Encoder
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
    ("question", "quote"),
    [
        ("When does the mail boat leave?", "The mail boat leaves the harbour at 7:40 every morning."),
        ("How much can the crane lift?", "The crane lifts **12 tonnes**."),  # as it stands, but for the marker
        ("Who painted the crane?", "It was painted red in 1963 by Ola Brandt."),
        ("Which material is the hook made of?", "hook | forged steel |"),
    ],
)
def test_the_best_quote_is_the_sentence_that_answers(question: str, quote: str, encoder: Encoder) -> None:
    citations = Reader(lambda: encoder).read(question, hits(HARBOUR))
    assert citations[0].text == quote
    assert HARBOUR[citations[0].start : citations[0].end] == quote
    line = HARBOUR.splitlines()[citations[0].line_start - 1]
    assert quote in line
    assert (citations[0].document, citations[0].revision) == ("harbour.md", 4)


def test_no_more_than_two_sentences_best_first(encoder: Encoder) -> None:
    same = "\n\n".join(f"The lamp of pier {number} burns rapeseed oil." for number in range(20))
    citations = Reader(lambda: encoder).read("What does the lamp burn?", hits(same))
    assert 1 <= len(citations) <= 2
    assert [citation.score for citation in citations] == sorted((c.score for c in citations), reverse=True)
    assert len({(citation.start, citation.end) for citation in citations}) == len(citations)


def test_headings_help_a_sentence_that_does_not_name_its_subject(encoder: Encoder) -> None:
    text = "# The winch\n\nIt weighs 80 kilograms.\n\n# The anchor\n\nIt weighs 300 kilograms.\n"
    for subject, weight in (("winch", "80"), ("anchor", "300")):
        # Both passages score alike, so that only the words can decide.
        found = [replace(hit, score=1.0) for hit in hits(text)]
        citations = Reader(lambda: encoder).read(f"What is the weight of the {subject}?", found)
        assert citations[0].text == f"It weighs {weight} kilograms."


def test_without_passages_no_encoder_is_loaded() -> None:
    def unavailable() -> Encoder:
        raise AssertionError("there is nothing to encode")

    assert Reader(unavailable).read("When?", []) == []


def test_the_same_question_gets_the_same_quotes(encoder: Encoder) -> None:
    reader = Reader(lambda: encoder)
    first = reader.read("Who painted the crane?", hits(HARBOUR))
    assert reader.read("Who painted the crane?", hits(HARBOUR)) == first
    assert Reader(lambda: encoder).read("Who painted the crane?", hits(HARBOUR)) == first


@pytest.mark.parametrize("file", sorted(TINY.iterdir()), ids=lambda file: file.name)
@pytest.mark.parametrize("ending", ["\n", "\r\n", "\r"], ids=ascii)
def test_whatever_is_asked_the_quotes_are_spans(file: Path, ending: str, encoder: Encoder) -> None:
    text = file.read_bytes().decode().replace("\n", ending)
    for question in ("What is it?", "How much, how long and how many?", "Which part is made of which material?"):
        citations = Reader(lambda: encoder).read(question, hits(text, file.name))
        assert citations
        for citation in citations:
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
def test_odd_markdown_is_quoted_exactly_or_not_at_all(text: str, encoder: Encoder) -> None:
    for citation in Reader(lambda: encoder).read("What is the crane?", hits(text)):
        assert citation.text
        assert text[citation.start : citation.end] == citation.text


def test_a_sentence_that_only_points_elsewhere_is_no_answer(encoder: Encoder) -> None:
    text = "# The lamp\n\nIt burns rapeseed oil. See [The lamp](lamp.md#the-lamp).\n"
    citations = Reader(lambda: encoder).read("What is the lamp?", hits(text))
    assert [citation.text for citation in citations] == ["It burns rapeseed oil."]
