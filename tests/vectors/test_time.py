"""The past can be asked, and answers what was true then."""

import pytest

from kstore.errors import NotFoundError
from kstore.types import Document, Evidence, corpus_digest, text_digest
from kstore.vectors.memory import VectorMemory
from kstore.vectors.store import Event, Listed
from tests.vectors.checks import check_evidence
from tests.vectors.conftest import Open
from tests.vectors.edits import random_changes

QUERY = "lamp oil gull"


def test_a_past_revision_answers_as_it_did_when_it_was_the_present(hashed: VectorMemory, open_hashed: Open) -> None:
    changes, states = random_changes(seed=1, count=60)
    then: list[tuple[Evidence, list[Listed]]] = []
    for change in changes:
        receipt = hashed.apply(change.puts, "changed", deletes=change.deletes)
        then.append((hashed.search(QUERY, 5, "dense"), hashed.store.documents(receipt.revision)))
    compacted = open_hashed()
    compacted.search(QUERY, 5)
    for memory in (hashed, open_hashed()):
        for revision, (evidence, listed) in enumerate(then, start=1):
            asked = memory.search(QUERY, 5, "dense", as_of=revision)
            assert asked.revision == evidence.revision == revision
            assert [hit.text for hit in asked.hits] == [hit.text for hit in evidence.hits]
            assert asked == evidence
            check_evidence(asked, states)
            assert memory.store.documents(revision) == listed
            assert memory.store.texts(revision) == states[revision]


@pytest.mark.parametrize("method", ["lexical", "hybrid"])
def test_words_find_in_the_past_what_they_found_then(hashed: VectorMemory, method: str) -> None:
    """BM25 weighs words by the texts that the store has ever held, so scores may differ, but not what is found."""
    changes, states = random_changes(seed=2, count=40)
    then = []
    for change in changes:
        hashed.apply(change.puts, "changed", deletes=change.deletes)
        then.append(hashed.search(QUERY, 1000, method))
    for revision, evidence in enumerate(then, start=1):
        asked = hashed.search(QUERY, 1000, method, as_of=revision)
        check_evidence(asked, states)
        assert {(hit.document, hit.start) for hit in asked.hits} == {(hit.document, hit.start) for hit in evidence.hits}


def test_a_document_is_alive_from_born_until_died(hashed: VectorMemory) -> None:
    hashed.apply({"a": "one"}, "put")
    hashed.apply({"b": "other"}, "put")
    hashed.apply({"a": "two"}, "put")
    hashed.apply({}, "deleted", deletes=["a"])
    hashed.apply({"a": "two"}, "put")
    one = Document("a", text_digest("one"), "one", born=1, died=3)
    two = Document("a", text_digest("two"), "two", born=3, died=4)
    again = Document("a", text_digest("two"), "two", born=5, died=None)
    assert [hashed.store.document("a", revision) for revision in (1, 2, 3, 5)] == [one, one, two, again]
    for revision in (0, 4):
        with pytest.raises(NotFoundError, match=f"revision {revision}"):
            hashed.store.document("a", revision)
    assert [listed.born for listed in hashed.store.documents(5)] == [5, 2]


def test_history_of_a_document(hashed: VectorMemory) -> None:
    hashed.apply({"a": "one"}, "put")
    hashed.apply({"a": "two", "b": "other"}, "put")
    hashed.apply({}, "deleted", deletes=["a"])
    hashed.apply({"a": "three"}, "put")
    dates = {event.revision: event.at for event in hashed.store.history()}
    assert hashed.store.history("a") == [
        Event(1, dates[1], "a", "added", text_digest("one")),
        Event(2, dates[2], "a", "changed", text_digest("two")),
        Event(3, dates[3], "a", "deleted", None),
        Event(4, dates[4], "a", "added", text_digest("three")),
    ]
    with pytest.raises(NotFoundError, match="never"):
        hashed.store.history("c")


def test_history_of_the_corpus(hashed: VectorMemory) -> None:
    hashed.apply({"a": "one"}, "first note")
    hashed.apply({"a": "one"}, "no change, no line")
    hashed.apply({}, "second note", deletes=["a"])
    empty = corpus_digest({})
    assert [(event.revision, event.name, event.what, event.digest) for event in hashed.store.history()] == [
        (0, None, "empty", empty),
        (1, None, "first note", corpus_digest({"a": "one"})),
        (2, None, "second note", empty),
    ]


def test_a_state_of_the_corpus_is_known_by_its_digest(hashed: VectorMemory) -> None:
    for state in ({"a": "one"}, {"a": "one", "b": "two"}, {"a": "changed", "b": "two"}, {"a": "one", "b": "two"}):
        hashed.apply(state, "put")
    assert hashed.store.revision_of(corpus_digest({"a": "one", "b": "two"})) == 4, "the latest that had it"
    assert hashed.store.revision_of(corpus_digest({"a": "one"})) == 1
    assert hashed.store.revision_of(corpus_digest({})) == 0
    assert hashed.store.revision_of(corpus_digest({"a": "two", "b": "one"})) is None
