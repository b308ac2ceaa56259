"""The promise that citations stand on: what a hit or a citation quotes is what its document says at its offsets."""

from collections.abc import Mapping
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from evals.casefiles import load
from evals.cases import Question
from kstore.reading.view import view
from kstore.service import KStore
from kstore.text.markdown import SPLITTER, split
from kstore.types import Citation, Hit, count_lines
from kstore.vectors.memory import VectorMemory
from tests.conftest import GUIDE, TINY
from tests.text.documents import nasty_documents
from tests.vectors.hash_encoder import HashEncoder

QUESTIONS = Path(__file__).parent.parent / "evals" / "questions" / "test.jsonl"


def assert_exact(found: Hit | Citation, texts: Mapping[str, str], revision: int) -> None:
    text = texts[found.document]
    assert found.text
    assert text[found.start : found.end] == found.text
    assert found.revision == revision
    assert found.line_start == 1 + count_lines(text[: found.start])
    assert found.line_end == 1 + count_lines(text[: found.end - 1])


def texts_of(folder: Path) -> dict[str, str]:
    """The documents as they lie on disk, line ends and all."""
    return {file.name: file.read_bytes().decode() for file in folder.glob("*.md")}


def test_hits_and_citations_of_the_guide_are_exact(guide: KStore) -> None:
    texts = texts_of(GUIDE)
    for question in load(Question, [QUESTIONS])[::8]:
        for hit in guide.search(question.phrasings[0], k=20).hits:
            assert_exact(hit, texts, revision=1)
        (answer,) = guide.ask(question.phrasings[1], "retrieval").answers
        assert (answer.text is None) == (answer.citations == ())
        if answer.text:
            assert answer.text in view(answer.citations[0].text).plain
        for citation in answer.citations:
            assert_exact(citation, texts, revision=1)


def test_hits_and_citations_of_the_tiny_corpus_are_exact(tiny: KStore) -> None:
    texts = texts_of(TINY)
    for word in sorted({word for text in texts.values() for word in text.split() if word.isalpha()}):
        for hit in tiny.search(word, k=20).hits:
            assert_exact(hit, texts, revision=1)
    for question in ("Who built it?", "How long does oat bread bake?", "What is the work of one turn?"):
        for citation in tiny.ask(question, "retrieval").answers[0].citations:
            assert_exact(citation, texts, revision=1)


def test_hits_of_any_document_are_exact_now_and_one_change_ago(tmp_path: Path) -> None:
    memory = VectorMemory(tmp_path, lambda name: HashEncoder(), split, SPLITTER)
    was = {"text": ""}

    @given(text=nasty_documents(), question=st.sampled_from(("bold item", "a b x", "code")))
    @settings(max_examples=500, deadline=None)
    def change_and_search(text: str, question: str) -> None:
        before = memory.store.head().revision
        revision = memory.apply({"any.md": text}, "put").revision
        for hit in memory.search(question, 50).hits:
            assert_exact(hit, {"any.md": text}, revision)
        if before and revision > before:
            for hit in memory.search(question, 50, as_of=before).hits:
                assert_exact(hit, {"any.md": was["text"]}, before)
        was["text"] = text

    try:
        change_and_search()
    finally:
        memory.close()
