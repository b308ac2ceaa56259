"""Definitions are first sentences that say what their heading is."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kstore.text.definitions import Definition, definitions
from tests.conftest import GUIDE, TINY
from tests.text.documents import nasty_documents


def found(text: str) -> list[tuple[str, str]]:
    return [(each.term, each.sentence) for each in definitions({"a.md": text})]


class TestDefinitions:
    def test_the_tiny_corpus(self) -> None:
        documents = {path.name: path.read_text(encoding="utf-8") for path in TINY.iterdir()}
        assert list(definitions(documents)) == [
            Definition("animals.md", "The cat", "The cat is called Saffron."),
            Definition("animals.md", "The gull", "The gull is called Admiral."),
            Definition("animals.md", "The dog", "The dog is called Bosun."),
            Definition(
                "lighthouse.md",
                "The lighthouse of Kell Point",
                "The lighthouse of Kell Point was built in 1871 by Ida Marrow, and it is 42 metres tall.",
            ),
        ]

    def test_the_glossary_defines_its_terms(self) -> None:
        glossary = (GUIDE / "glossary.md").read_text(encoding="utf-8")
        terms = [term for term, _ in found(glossary)]
        entries = [line.removeprefix("### ") for line in glossary.splitlines() if line.startswith("### ")]
        assert len(terms) > 0.9 * len(entries)
        assert len(terms) == len(set(terms))
        assert set(terms) <= set(entries)

    @pytest.mark.parametrize(
        ("text", "expected"),
        [
            ("# Softmax\n\nSoftmax is a function. More.\n", [("Softmax", "Softmax is a function.")]),
            ("# `top_k`\n\n**top_k** (an integer) is *how many*.\n", [("top_k", "top_k (an integer) is how many.")]),
            ("# Index\n\nAn index is a view.\n", [("Index", "An index is a view.")]),
            ("# Gulls\n\nThe gulls of the harbour are loud.\n", [("Gulls", "The gulls of the harbour are loud.")]),
            ("# Embedding\n\nEmbeddings are vectors.\n", [("Embedding", "Embeddings are vectors.")]),
            ("# C++\n\nC++ is a language.\n", [("C++", "C++ is a language.")]),
            ("# HNSW (graph)\n\nHNSW (graph) is an index.\n", [("HNSW (graph)", "HNSW (graph) is an index.")]),
            ("# Terms\n\n## A.B\n\nA.B is a name.\n", [("A.B", "A.B is a name.")]),
            ("# Terms\n\n## A.B\n\nAXB is a name.\n", []),
            ("# Softmax\n\nHere softmax is used.\n", []),
            ("# Softmax\n\nSoftmax gives shares. It is smooth.\n", []),
            ("# Softmax\n\nUsed a lot.\n\nSoftmax is a function.\n", []),
            ("# Tides\n\n## Ebb\n\nTides are regular.\n", []),
            ("# Softmax\n", []),
            ("Softmax is a function.\n", []),
            ("", []),
        ],
    )
    def test_what_counts(self, text: str, expected: list[tuple[str, str]]) -> None:
        assert found(text) == expected

    def test_a_sentence_of_more_than_sixty_words_explains_rather_than_defines(self) -> None:
        sentence = "Softmax is " + "very " * 57 + "smooth."
        assert found(f"# Softmax\n\n{sentence}\n") == [("Softmax", sentence)]
        assert found(f"# Softmax\n\n{sentence.replace('smooth', 'very smooth')}\n") == []

    def test_a_long_section_defines_its_heading_once(self) -> None:
        # It has several passages, of which a later one may begin like the first; a term has one definition to train on.
        filler = "x" * 1190
        assert found(f"# Tide\n\nTide is water.\n\n{filler}\n\nTide is also a word.\n") == [("Tide", "Tide is water.")]

    def test_documents_come_by_name_and_sections_in_their_order(self) -> None:
        text = "# B\n\nB is b.\n\n# A\n\nA is a.\n"
        assert [(each.document, each.term) for each in definitions({"z.md": text, "a.md": text})] == [
            ("a.md", "B"),
            ("a.md", "A"),
            ("z.md", "B"),
            ("z.md", "A"),
        ]

    @settings(deadline=None, max_examples=200)
    @given(st.lists(nasty_documents(), max_size=2))
    def test_no_document_is_too_odd_to_look_at(self, texts: list[str]) -> None:
        for each in definitions({f"{number}.md": text for number, text in enumerate(texts)}):
            assert each.sentence.lower().removeprefix("the ").removeprefix("an ").removeprefix("a ")
            assert each.term.lower() in each.sentence.lower()
