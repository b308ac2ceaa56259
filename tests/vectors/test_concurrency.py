"""Readers and writers at once: every answer is of one revision, and no write is lost."""

import contextlib
import threading
from concurrent.futures import ThreadPoolExecutor
from itertools import cycle, islice
from pathlib import Path

import pytest

from kstore.errors import ConflictError
from kstore.types import Evidence
from kstore.vectors import snapshots as snapshots_module
from kstore.vectors.memory import VectorMemory
from tests.vectors.checks import check_evidence, check_file
from tests.vectors.conftest import Open
from tests.vectors.other_process import OtherProcess

WRITES = 900  # about half a minute on two cores: they do some 30 to 60 a second, with eight readers
READERS = 8


def generation(number: int) -> dict[str, str]:
    """Two documents that are only ever replaced together, and say of which generation they are."""
    return {
        "left.md": f"# The log\n\nThe left page of generation {number}.\n",
        "right.md": f"# The log\n\nThe right page of generation {number}.\n\n## More\n\nGeneration {number} again.\n",
    }


def test_readers_see_whole_revisions_while_one_writer_changes_the_corpus(
    hashed: VectorMemory, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The index is saved now and then, and compacted in the background whenever there are three segments."""
    monkeypatch.setattr(snapshots_module, "_MANY_SEGMENTS", 2)
    states = [{}, *(generation(number) for number in range(1, WRITES + 1))]
    hashed.apply(states[1], "generation 1")
    visible = 1  # the latest revision that a write has returned
    finished = threading.Event()
    together = threading.Barrier(READERS + 1)

    def check(evidence: Evidence, least: int) -> None:
        assert least <= evidence.revision <= len(states) - 1
        assert {hit.document for hit in evidence.hits} == {"left.md", "right.md"}
        assert len(evidence.hits) == 3  # one passage on the left, two on the right
        check_evidence(evidence, states)  # every hit is of the text that this very revision had

    def read(number: int) -> int:
        together.wait()
        searches = 0
        methods = islice(cycle(("dense", "lexical", "hybrid")), number, None)
        while not finished.is_set() or searches == 0:
            least = visible
            check(hashed.search("log page generation again", 10, next(methods)), least)
            past = 1 + (searches * 7 + number) % least
            check(hashed.search("log page generation again", 10, next(methods), past), past)
            searches += 1
        return searches

    def write() -> None:
        nonlocal visible
        together.wait()
        try:
            for number in range(2, WRITES + 1):
                visible = hashed.apply(states[number], f"generation {number}").revision
                if number % 25 == 0:
                    hashed.snapshots.save()
        finally:
            finished.set()

    with ThreadPoolExecutor(READERS + 1) as pool:
        writer = pool.submit(write)
        readers = [pool.submit(read, number) for number in range(READERS)]
        writer.result()
        assert all(reader.result() > 0 for reader in readers)
    assert visible == WRITES
    check_file(home / "store.sqlite", states)


def test_two_processes_writing_at_once_lose_nothing(home: Path, open_hashed: Open) -> None:
    mine = {f"mine/{number}.md": f"the tide table, page {number % 7}" for number in range(60)}
    theirs = {f"theirs/{number}.md": f"the tide table, page {number % 5}" for number in range(60)}
    with OtherProcess(home) as one, OtherProcess(home) as two:
        one.call("ready")
        two.call("ready")
        one.start("put_all", mine)
        two.start("put_all", theirs)
        revisions_of_one = [one.acknowledged() for _ in mine]
        revisions_of_two = [two.acknowledged() for _ in theirs]
    assert sorted(revisions_of_one + revisions_of_two) == list(range(1, 121))

    born = dict(zip(revisions_of_one, mine.items(), strict=True)) | dict(
        zip(revisions_of_two, theirs.items(), strict=True)
    )
    states: list[dict[str, str]] = [{}]
    for revision in range(1, 121):
        name, text = born[revision]
        states.append(states[-1] | {name: text})
    check_file(home / "store.sqlite", states)
    evidence = open_hashed().search("tide table page", 1000)
    assert {hit.document for hit in evidence.hits} == mine.keys() | theirs.keys()


def test_two_writers_of_one_document_take_turns(open_hashed: Open, home: Path) -> None:
    """Each of two memories raises a counter by read, compare and set; a lost update would leave it short."""
    open_hashed().apply({"counter.md": "count 0"}, "begun")

    def count(memory: VectorMemory) -> None:
        raised = 0
        while raised < 20:
            before = memory.store.document("counter.md", memory.store.head().revision)
            text = f"count {int(before.text.removeprefix('count ')) + 1}"
            with contextlib.suppress(ConflictError):  # the other was faster: read again
                memory.apply({"counter.md": text}, "raised", expected={"counter.md": before.digest})
                raised += 1

    memories = [open_hashed(), open_hashed()]
    with ThreadPoolExecutor(len(memories)) as pool:
        list(pool.map(count, memories))
    states = [{}, *({"counter.md": f"count {number}"} for number in range(41))]
    check_file(home / "store.sqlite", states)


def test_threads_that_open_one_new_store_at_once_agree_on_it(open_hashed: Open, home: Path) -> None:
    openings = 8
    together = threading.Barrier(openings)

    def open_and_put(number: int) -> str | None:
        together.wait()
        memory = open_hashed()
        memory.apply({f"{number}.md": f"page {number}"}, "put")
        return memory.store.token_at(0)

    with ThreadPoolExecutor(openings) as pool:
        tokens = set(pool.map(open_and_put, range(openings)))
    assert len(tokens) == 1, "the store was begun more than once"
    assert {listed.name for listed in open_hashed().store.documents(openings)} == {f"{n}.md" for n in range(openings)}
