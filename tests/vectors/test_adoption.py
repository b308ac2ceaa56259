"""Another encoder or splitter: made beside the old, switched to at one revision, never mixed with it."""

from pathlib import Path

import pytest

from kstore.errors import ModelError
from kstore.text.markdown import SPLITTER, split
from kstore.types import Evidence, Passage, corpus_digest
from kstore.vectors.commit import Receipt
from kstore.vectors.memory import VectorMemory
from tests.vectors.checks import check_evidence, check_file
from tests.vectors.conftest import Open
from tests.vectors.hash_encoder import Encoders, HashEncoder

STATES: list[dict[str, str]] = [
    {},
    {"a": "# Lamp\n\nlamp oil\n\n# Gull\n\ngull mail", "b": "rope and tide"},
    {"a": "# Lamp\n\nlamp oil\n\n# Gull\n\ngull boat", "c": "rope and tide"},
]
LINES = "by lines"


def split_lines(text: str) -> list[Passage]:
    """Another splitter: each line that is not blank is a passage."""
    passages, offset = [], 0
    for number, line in enumerate(text.splitlines(keepends=True), start=1):
        if plain := " ".join(line.split()):
            passages.append(Passage(offset, offset + len(line.rstrip("\n")), number, number, (), plain))
        offset += len(line)
    return passages


def fill(memory: VectorMemory) -> None:
    memory.apply(STATES[1], "put")
    memory.apply({name: STATES[2][name] for name in STATES[2]}, "put", deletes=["b"])


def assert_scored_by(encoder: HashEncoder, evidence: Evidence) -> None:
    """Every similarity is that of this encoder's own two vectors."""
    assert evidence.hits
    question = encoder.encode_questions([evidence.query])[0]
    for hit in evidence.hits:
        passage = encoder.encode_questions(["\n".join((*hit.headings, hit.text))])[0]
        assert hit.similarity == pytest.approx(float(question @ passage), abs=1e-5)


def test_adopting_is_one_revision_of_the_same_corpus(open_hashed: Open, home: Path) -> None:
    memory = open_hashed()
    fill(memory)
    adopting = open_hashed(wanted="second")
    adopting.adopt()
    head = adopting.store.head()
    assert (head.revision, head.encoder_name, head.digest) == (3, "second", corpus_digest(STATES[2]))
    assert "second" in adopting.store.history()[-1].what
    check_file(home / "store.sqlite", [*STATES, STATES[2]])
    adopting.adopt()
    open_hashed(wanted="second").adopt()
    open_hashed().adopt()  # who wants none in particular takes the store as it is
    assert adopting.store.head() == head


@pytest.mark.parametrize("method", ["dense", "hybrid"])
def test_every_revision_is_answered_by_the_new_encoder_after_the_switch(open_hashed: Open, method: str) -> None:
    """Also the texts that died before it, and also in a memory whose snapshot was of the old."""
    encoders = Encoders()
    before = open_hashed(encoders=encoders)
    fill(before)
    assert_scored_by(encoders["first"], before.search("rope and tide", 10, method))
    adopting = open_hashed(encoders=encoders, wanted="second")
    adopting.adopt()
    for memory in (adopting, before, open_hashed(encoders=encoders)):
        for revision in (1, 2, 3, None):
            evidence = memory.search("gull mail", 10, method, revision)
            assert_scored_by(encoders["second"], evidence)
            check_evidence(evidence, [*STATES, STATES[2]])
        past = memory.search("Gull gull mail", 1, method, 1).hits[0]
        assert (past.document, past.text) == ("a", "gull mail")
        assert past.similarity == pytest.approx(1, abs=1e-5)


def test_until_the_switch_everyone_is_answered_by_the_old(open_hashed: Open) -> None:
    encoders = Encoders()
    elsewhere = open_hashed(encoders=encoders)
    fill(elsewhere)
    adopting = open_hashed(encoders=encoders, wanted="second")
    asked = 0

    def ask_meanwhile() -> None:
        nonlocal asked
        asked += 1
        for memory in (adopting, elsewhere):
            evidence = memory.search("lamp oil", 10)
            assert evidence.revision == 2
            assert_scored_by(encoders["first"], evidence)

    encoders["second"] = HashEncoder("second", before=ask_meanwhile)
    adopting.adopt()
    assert asked > 0
    assert adopting.search("lamp oil", 10).revision == 3


def test_having_searched_with_the_old_does_not_keep_from_adopting(open_hashed: Open) -> None:
    fill(open_hashed())
    adopting = open_hashed(wanted="second")
    adopting.search("lamp oil", 10)
    adopting.adopt()
    assert adopting.store.head().encoder_name == "second"


def test_each_text_is_encoded_once_and_nothing_again_on_the_way_back(open_hashed: Open) -> None:
    encoders = Encoders()
    fill(open_hashed(encoders=encoders))
    adopting = open_hashed(encoders=encoders, wanted="second")
    adopting.adopt()
    assert sorted(encoders["second"].read) == sorted(encoders["first"].read)
    adopting.apply({"d": "the only text that the first has not read"}, "put")

    read = len(encoders["first"].read)
    open_hashed(encoders=encoders, wanted="first").adopt()
    assert encoders["first"].read[read:] == ["the only text that the first has not read"]
    evidence = open_hashed(encoders=encoders).search("lamp oil", 10)
    assert evidence.revision == 5
    assert_scored_by(encoders["first"], evidence)


def test_the_first_text_that_is_put_takes_the_wanted_encoder(open_hashed: Open) -> None:
    memory = open_hashed(wanted="second")
    memory.adopt()
    assert memory.store.head().revision == 0
    memory.apply({"a": "one"}, "put")
    assert memory.store.head().encoder_name == "second"
    assert open_hashed().apply({"b": "two"}, "put").revision == 2, "no one else has to know"


def test_a_put_adopts_first_where_another_encoder_is_wanted(open_hashed: Open, home: Path) -> None:
    fill(open_hashed())
    assert open_hashed(wanted="second").apply({"d": "new"}, "put") == Receipt(4, added=1, encoded=1)
    check_file(home / "store.sqlite", [*STATES, STATES[2], {**STATES[2], "d": "new"}])


def test_a_memory_that_has_the_old_encoder_in_hand_writes_with_the_new_one(open_hashed: Open, home: Path) -> None:
    encoders = Encoders()
    memory = open_hashed(encoders=encoders)
    fill(memory)
    memory.search("lamp", 10)
    open_hashed(encoders=encoders, wanted="second").adopt()
    assert memory.apply({"d": "new"}, "put") == Receipt(4, added=1, encoded=1)
    assert encoders["second"].read[-1] == "new"
    check_file(home / "store.sqlite", [*STATES, STATES[2], {**STATES[2], "d": "new"}])


def test_what_is_written_while_adopting_is_adopted_too(open_hashed: Open, home: Path) -> None:
    encoders = Encoders()
    writer = open_hashed(encoders=encoders)
    fill(writer)
    written: list[int] = []

    def write_meanwhile() -> None:
        if not written:
            written.append(writer.apply({"d": "written meanwhile"}, "put").revision)

    encoders["second"] = HashEncoder("second", before=write_meanwhile)
    adopting = open_hashed(encoders=encoders, wanted="second")
    adopting.adopt()
    later = {**STATES[2], "d": "written meanwhile"}
    check_file(home / "store.sqlite", [*STATES, later, later])
    assert sorted(encoders["second"].read) == sorted(encoders["first"].read), "nothing was encoded twice"
    assert_scored_by(encoders["second"], adopting.search("written meanwhile", 10))


def test_an_adoption_that_breaks_off_changes_nothing_and_goes_on_where_it_was(open_hashed: Open, home: Path) -> None:
    class BrokenError(Exception):
        pass

    encoders = Encoders()
    many = {f"{number}": f"page {number}" for number in range(100)}
    memory = open_hashed(encoders=encoders)
    memory.apply(many, "put")

    def break_off_after_the_first_batch() -> None:
        if encoders["second"].read:
            raise BrokenError

    encoders["second"] = HashEncoder("second", before=break_off_after_the_first_batch)
    with pytest.raises(BrokenError):
        open_hashed(encoders=encoders, wanted="second").adopt()
    check_file(home / "store.sqlite", [{}, many])
    assert_scored_by(encoders["first"], memory.search("page 7", 10))

    read = encoders["second"].read
    encoders["second"] = HashEncoder("second")
    open_hashed(encoders=encoders, wanted="second").adopt()
    assert sorted(read + encoders["second"].read) == sorted(many.values())
    check_file(home / "store.sqlite", [{}, many, many])


def test_another_splitter_is_adopted_and_the_past_keeps_its_own_passages(open_hashed: Open) -> None:
    encoders = Encoders()
    fill(open_hashed(encoders=encoders))
    read = len(encoders["first"].read)
    adopting = open_hashed(encoders=encoders, split=split_lines, splitter=LINES)
    adopting.adopt()
    head = adopting.store.head()
    assert (head.revision, head.splitter, head.digest) == (3, LINES, corpus_digest(STATES[2]))
    assert sorted(encoders["first"].read[read:]) == ["# Gull", "# Lamp", "gull boat", "lamp oil"]

    for revision, splitter in ((1, split), (2, split), (3, split_lines)):
        state = STATES[min(revision, 2)]
        evidence = adopting.search("lamp", 100, as_of=revision)
        assert {(hit.document, hit.start, hit.end, hit.line_start) for hit in evidence.hits} == {
            (name, passage.start, passage.end, passage.line_start)
            for name, text in state.items()
            for passage in splitter(text)
        }
        assert all(state[hit.document][hit.start : hit.end] == hit.text for hit in evidence.hits)
    adopting.adopt()
    assert adopting.store.head() == head


def test_a_passage_that_both_splitters_make_stands_on(open_hashed: Open, encoders: Encoders) -> None:
    memory = open_hashed()
    memory.apply({"a": "only one line"}, "put")
    open_hashed(split=split_lines, splitter=LINES).adopt()
    assert encoders["first"].read == ["only one line"]
    assert memory.store.head().splitter == LINES
    assert [hit.text for hit in memory.search("line", 10).hits] == ["only one line"]


def test_deleting_needs_neither_encoder_nor_splitter(open_hashed: Open) -> None:
    """It must go through also where the encoder cannot be had."""
    fill(open_hashed())
    memory = open_hashed(split=split_lines, splitter=LINES, encoders=_none_at_all)
    assert memory.apply({}, "deleted", deletes=["a"]) == Receipt(3, deleted=1)
    assert memory.store.head().splitter == SPLITTER


def test_another_model_under_the_same_name_is_not_mixed_in(open_hashed: Open, home: Path) -> None:
    """Where the old one cannot be had any more, asking for the name outright moves the store to the new one."""
    fill(open_hashed())
    changed = Encoders()
    changed["first"] = HashEncoder("first")
    changed["first"].fingerprint = "another version"
    memory = open_hashed(encoders=changed)
    for attempt in (lambda: memory.search("lamp", 10), lambda: memory.apply({"d": "new"}, "put")):
        with pytest.raises(ModelError, match="another version of the encoder first"):
            attempt()
    check_file(home / "store.sqlite", STATES)
    assert [hit.document for hit in memory.search("lamp", 10, "lexical").hits] == ["a"], "words need no encoder"

    moving = open_hashed(encoders=changed, wanted="first")
    moving.adopt()
    assert moving.store.head().encoder == "another version"
    assert memory.search("lamp oil", 10).revision == 3
    check_file(home / "store.sqlite", [*STATES, STATES[2]])


def _none_at_all(name: str | None) -> HashEncoder:
    raise ModelError(f"no encoder {name}")
