"""The explicit memory: a change is one revision, whole or not at all, and the next search of any process sees it."""

import time
from pathlib import Path
from typing import get_args

import pytest

from kstore.controls import Method
from kstore.errors import ConflictError, InputError, NotFoundError, RevisionError
from kstore.text.markdown import split
from kstore.types import Passage, Stopwatch, corpus_digest, text_digest
from kstore.vectors.commit import Receipt
from kstore.vectors.memory import VectorMemory
from tests.vectors.checks import check_file
from tests.vectors.conftest import Open
from tests.vectors.hash_encoder import Encoders, HashEncoder
from tests.vectors.other_process import OtherProcess

METHODS: tuple[Method, ...] = get_args(Method)


def names(memory: VectorMemory, query: str, method: Method = "hybrid", as_of: int | None = None) -> list[str]:
    """The documents of the hits, best first."""
    return [hit.document for hit in memory.search(query, 1000, method, as_of).hits]


def test_every_change_is_one_revision_and_the_receipt_says_what_it_did(hashed: VectorMemory) -> None:
    assert hashed.store.head().revision == 0
    assert hashed.apply({"a": "one", "b": "two", "c": "three"}, "put") == Receipt(1, added=3, encoded=3)
    receipt = hashed.apply({"a": "one", "b": "two, changed", "d": "four"}, "put", deletes=["c"])
    assert receipt == Receipt(2, added=1, changed=1, unchanged=1, deleted=1, encoded=2)
    assert hashed.store.texts(2) == {"a": "one", "b": "two, changed", "d": "four"}
    assert hashed.store.texts(1) == {"a": "one", "b": "two", "c": "three"}
    assert [hashed.store.digests([name]) for name in ("a", "c")] == [{"a": text_digest("one")}, {}]


def test_putting_what_is_there_is_no_revision(hashed: VectorMemory, encoders: Encoders) -> None:
    hashed.apply({"a": "one", "b": "two"}, "put")
    before = hashed.store.head()
    assert hashed.apply({"a": "one", "b": "two"}, "put again") == Receipt(1, unchanged=2)
    assert hashed.apply({}, "nothing at all") == Receipt(1)
    assert hashed.store.head() == before
    assert encoders["first"].read == ["one", "two"]


@pytest.mark.parametrize("method", METHODS)
def test_a_change_is_visible_to_the_next_search_of_whoever_asks(
    hashed: VectorMemory, open_hashed: Open, home: Path, method: Method
) -> None:
    """Each of the three has a snapshot pinned before the others write, so that none can do by opening anew."""
    elsewhere = open_hashed()
    with OtherProcess(home) as process:

        def assert_seen_by_all(revision: int, expected: list[str]) -> None:
            for memory in (hashed, elsewhere):
                evidence = memory.search("the storm", 10, method)
                assert (evidence.revision, [hit.document for hit in evidence.hits]) == (revision, expected)
            evidence = process.call("search", "the storm", method)
            assert (evidence["revision"], [hit["document"] for hit in evidence["hits"]]) == (revision, expected)

        assert_seen_by_all(0, [])
        assert hashed.apply({"log": "the storm"}, "put").revision == 1
        assert_seen_by_all(1, ["log"])
        assert elsewhere.apply({"log": "the fog and the storm"}, "put").revision == 2
        assert_seen_by_all(2, ["log"])
        assert process.call("put", "other", "the storm") == 3
        assert_seen_by_all(3, ["other", "log"])
        assert process.call("delete", "other") == 4
        assert_seen_by_all(4, ["log"])
        assert hashed.apply({}, "deleted", deletes=["log"]).revision == 5
        assert_seen_by_all(5, [])


@pytest.mark.parametrize("method", METHODS)
def test_a_deleted_passage_is_never_returned(hashed: VectorMemory, method: Method) -> None:
    hashed.apply({f"{number}": f"the storm of day {number}" for number in range(80)}, "put")
    hashed.apply({}, "deleted", deletes=[f"{number}" for number in range(70)])
    assert sorted(names(hashed, "the storm of day 5", method)) == [f"{number}" for number in range(70, 80)]
    assert hashed.search("the storm of day 5", 1, method).hits[0].document in names(hashed, "storm", method)
    assert len(names(hashed, "the storm of day 5", method, as_of=1)) >= 50


def test_deleting_what_is_not_there_changes_nothing(hashed: VectorMemory, home: Path) -> None:
    hashed.apply({"a": "one"}, "put")
    with pytest.raises(NotFoundError, match="'b'"):
        hashed.apply({"a": "other", "c": "new"}, "put", deletes=["b"])
    with pytest.raises(NotFoundError):
        hashed.apply({}, "deleted", deletes=["a", "b"])
    check_file(home / "store.sqlite", [{}, {"a": "one"}])
    assert names(hashed, "one") == ["a"]


def test_a_change_overtaken_by_another_writer_is_planned_again(
    hashed: VectorMemory, open_hashed: Open, home: Path
) -> None:
    """While this one was splitting, a document that it had found unchanged was changed, and a text appeared."""
    hashed.apply({"a": "one", "b": "two"}, "put")
    overtaken = False

    def overtake(text: str) -> list[Passage]:
        nonlocal overtaken
        if not overtaken:
            overtaken = True
            hashed.apply({"a": "overtaken", "d": "new text"}, "put meanwhile")
        return split(text)

    receipt = open_hashed(split=overtake).apply({"a": "one", "c": "new text"}, "put", deletes=iter(["b"]))
    assert receipt == Receipt(3, added=1, changed=1, deleted=1)
    states = [{"a": "one", "b": "two"}, {"a": "overtaken", "b": "two", "d": "new text"}]
    check_file(home / "store.sqlite", [{}, *states, {"a": "one", "c": "new text", "d": "new text"}])


def test_a_document_named_twice_is_deleted_once(hashed: VectorMemory) -> None:
    hashed.apply({"a": "one", "b": "two"}, "put")
    assert hashed.apply({}, "deleted", deletes=["a", "a"]) == Receipt(2, deleted=1)
    assert hashed.store.texts(2) == {"b": "two"}


def test_a_document_cannot_be_put_and_deleted_at_once(hashed: VectorMemory, home: Path) -> None:
    hashed.apply({"a": "one"}, "put")
    with pytest.raises(InputError, match="'a'"):
        hashed.apply({"a": "two"}, "put", deletes=["a"])
    check_file(home / "store.sqlite", [{}, {"a": "one"}])


@pytest.mark.parametrize("text", ["a NUL \0 inside", "half of a pair: \ud83d"])
def test_a_text_that_cannot_be_kept_exactly_is_refused(hashed: VectorMemory, text: str) -> None:
    """SQLite ends a text at NUL when it cuts a passage out of it, and UTF-8 has no lone surrogates."""
    with pytest.raises(InputError, match="'a'"):
        hashed.apply({"b": "fine", "a": text}, "put")
    assert hashed.store.head().revision == 0


def test_nothing_to_do_is_no_revision_of_a_new_store_either(hashed: VectorMemory) -> None:
    assert hashed.apply({}, "an empty folder", source="folder", prune=True) == Receipt(0)
    assert hashed.store.head().revision == 0


def test_an_empty_document_is_a_document_without_passages(hashed: VectorMemory, home: Path) -> None:
    states: list[dict[str, str]] = [{}, {"empty": ""}, {"empty": "", "a": "one"}, {"empty": "", "a": ""}]
    for state in states[1:]:
        receipt = hashed.apply(state, "put")  # the empty one again, unchanged
    assert receipt == Receipt(3, changed=1, unchanged=1)
    check_file(home / "store.sqlite", states)
    assert [(listed.name, listed.passages) for listed in hashed.store.documents(2)] == [("a", 1), ("empty", 0)]
    assert names(hashed, "one", as_of=2) == ["a"]
    assert names(hashed, "one") == []


def test_a_second_document_of_the_same_text_is_another_place_of_one_vector(
    hashed: VectorMemory, encoders: Encoders
) -> None:
    hashed.apply({"a": "the storm"}, "put")
    assert hashed.apply({"b": "the storm"}, "put") == Receipt(2, added=1)
    assert encoders["first"].read == ["the storm"]
    for method in METHODS:
        assert names(hashed, "the storm", method) == ["a", "b"]
        assert [hit.document for hit in hashed.search("the storm", 1, method).hits] == ["a"]
    hashed.apply({}, "deleted", deletes=["a"])
    for method in METHODS:
        assert names(hashed, "the storm", method) == ["b"]
        assert names(hashed, "the storm", method, as_of=2) == ["a", "b"]


def test_prune_deletes_what_the_source_no_longer_has_and_nothing_else(hashed: VectorMemory) -> None:
    hashed.apply({"a": "one", "b": "two", "c": "three"}, "ingested", source="folder")
    hashed.apply({"d": "four"}, "ingested", source="another folder")
    hashed.apply({"e": "five"}, "put")
    receipt = hashed.apply({"a": "one", "c": "three, changed"}, "ingested", source="folder", prune=True)
    assert receipt == Receipt(4, changed=1, unchanged=1, deleted=1, encoded=1)
    assert sorted(hashed.store.texts(4)) == ["a", "c", "d", "e"]
    assert hashed.apply({"a": "one"}, "ingested", source="folder").deleted == 0
    assert hashed.apply({}, "ingested", source="folder", prune=True).deleted == 2
    assert sorted(hashed.store.texts(5)) == ["d", "e"]


def test_a_document_belongs_to_the_source_that_it_last_came_from(hashed: VectorMemory) -> None:
    hashed.apply({"a": "one"}, "put")
    assert hashed.apply({"a": "one"}, "ingested", source="folder") == Receipt(1, unchanged=1)
    assert hashed.apply({}, "ingested", source="folder", prune=True) == Receipt(2, deleted=1)


def test_a_change_with_an_expectation_that_fails_changes_nothing(hashed: VectorMemory, home: Path) -> None:
    hashed.apply({"a": "one", "b": "two"}, "put")
    stale, right = text_digest("an older one"), text_digest("one")
    for documents, deletes, expected in (
        ({"a": "changed"}, [], {"a": stale}),
        ({"a": "changed"}, [], {"a": None}),
        ({"new": "text"}, [], {"new": stale}),
        ({}, ["a"], {"a": stale}),
        ({"b": "changed"}, ["a"], {"a": right, "b": stale}),
        ({"b": "changed"}, [], {"elsewhere": stale}),
        ({"a": "one"}, [], {"a": stale}),
    ):
        with pytest.raises(ConflictError):
            hashed.apply(documents, "changed", deletes=deletes, expected=expected)
    check_file(home / "store.sqlite", [{}, {"a": "one", "b": "two"}])
    assert hashed.apply({"a": "changed"}, "put", expected={"a": right}).revision == 2
    assert hashed.apply({"new": "text"}, "put", expected={"new": None}).revision == 3
    assert hashed.apply({}, "deleted", deletes=["new"], expected={"new": text_digest("text")}).revision == 4


def test_an_error_inside_the_encoder_leaves_the_store_as_it_was(
    hashed: VectorMemory, encoders: Encoders, home: Path
) -> None:
    class BrokenError(Exception):
        pass

    broken = True

    def fail() -> None:
        if broken:
            raise BrokenError

    encoders["first"] = HashEncoder("first", before=fail)
    for state in ({}, {"a": "one"}):
        broken = True
        with pytest.raises(BrokenError):
            hashed.apply({"a": "another text", "b": "two"}, "put")
        assert hashed.store.texts(hashed.store.head().revision) == state
        assert names(hashed, "another text") == list(state)
        broken = False
        hashed.apply({"a": "one"}, "put")
    check_file(home / "store.sqlite", [{}, {"a": "one"}])


@pytest.mark.parametrize("method", METHODS)
def test_an_empty_store_answers_with_nothing(hashed: VectorMemory, method: Method) -> None:
    evidence = hashed.search("anything", 10, method)
    assert (evidence.query, evidence.revision, evidence.hits) == ("anything", 0, ())


@pytest.mark.parametrize("revision", [-1, 2, 10**12])
@pytest.mark.parametrize("method", METHODS)
def test_a_revision_never_reached_cannot_be_asked(hashed: VectorMemory, revision: int, method: Method) -> None:
    hashed.apply({"a": "one"}, "put")
    with pytest.raises(RevisionError, match="revisions 0 to 1"):
        hashed.search("one", 10, method, revision)


def test_hits_carry_the_scores_they_were_ranked_by(hashed: VectorMemory, encoders: Encoders) -> None:
    hashed.apply({"a": "lamp oil", "b": "lamp lamp rope", "c": "tide table"}, "put")
    question = encoders["first"].encode_questions(["lamp oil"])[0]
    for hit in hashed.search("lamp oil", 10, "dense").hits:
        passage = encoders["first"].encode_passages([hit.text])[0]
        assert hit.score == hit.similarity == pytest.approx(float(question @ passage), abs=1e-6)
        assert hit.lexical is None
    for hit in hashed.search("lamp oil", 10, "lexical").hits:
        assert hit.score == hit.lexical
        assert hit.similarity is None
    hybrid = hashed.search("lamp oil", 10).hits
    assert [hit.document for hit in hybrid][:2] == ["a", "b"]
    assert hybrid[0].score == pytest.approx(1)  # the best of both searches
    assert {hit.document: hit.lexical == 0 for hit in hybrid} == {"a": False, "b": False, "c": True}


def test_the_stages_of_a_search_are_timed(hashed: VectorMemory) -> None:
    hashed.apply({"a": "one"}, "put")
    watch = Stopwatch()
    hashed.search("one", 10, watch=watch)
    timings = watch.timings()
    assert list(timings) == ["total", "pin", "encode", "search", "fuse"]
    assert timings.pop("total") == pytest.approx(sum(timings.values()))


def test_the_stages_of_a_write_are_timed(open_hashed: Open, encoders: Encoders) -> None:
    encoders["first"] = HashEncoder("first", before=lambda: time.sleep(0.2))
    memory = open_hashed()
    first, second, third = Stopwatch(), Stopwatch(), Stopwatch()
    memory.apply({"a": "one"}, "put", watch=first)
    assert list(first.timings()) == ["total", "detect", "split", "encode", "commit"]  # nobody has searched yet
    memory.search("one", 10)
    memory.apply({"a": "one", "b": "two"}, "put", watch=second)
    timings = second.timings()
    assert list(timings) == ["total", "detect", "split", "encode", "commit", "index", "publish"]
    assert timings["encode"] >= 200
    assert timings.pop("total") == pytest.approx(sum(timings.values()))
    memory.apply({}, "deleted", deletes=["b"], watch=third)
    assert third.timings()["encode"] < 200


def test_with_the_packaged_encoder_a_passage_finds_itself_and_a_question_its_answer(memory: VectorMemory) -> None:
    texts = {
        "cat": "Saffron sleeps in the rope locker and hunts mice.",
        "gull": "Admiral announces the mail boat every morning.",
        "lamp": "It burns rapeseed oil and flashes twice every nine seconds.",
    }
    memory.apply(texts, "put")
    for name, text in texts.items():
        best = memory.search(text, 3, "dense").hits[0]
        assert (best.document, best.similarity) == (name, pytest.approx(1, abs=1e-5))
    # No word of these questions occurs in the passages, so that only their meaning can find them.
    assert names(memory, "Which feline catches rodents?", "dense")[0] == "cat"
    assert names(memory, "What fuel keeps the beacon alight?")[0] == "lamp"
    assert memory.store.head().digest == corpus_digest(texts)
