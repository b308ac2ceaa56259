"""Filtered searches: what all searches together would give, less what the filter leaves out, at any selectivity."""

import fnmatch
import random
import sqlite3
from pathlib import Path

import pytest

from kstore.controls import Method, Refinements
from kstore.filters import EVERYTHING, Filter
from kstore.text.markdown import SPLITTER, split
from kstore.text.metadata import metadata
from kstore.types import Hit
from kstore.vectors.memory import VectorMemory
from tests.vectors.hash_encoder import HashEncoder

WORDS = "lamp oil bell boat rope gull harbour keeper tide fog".split()
SHARED = "# Shared\n\nThe lamp and the bell of the harbour.\n"  # stands in several documents
FILTERS = {
    "one document": Filter(documents=("b/7.md",)),
    "a folder": Filter(documents=("a/*",)),
    "two patterns": Filter(documents=("a/1*.md", "b/2?.md")),
    "a heading": Filter(headings=("part 3",)),
    "a heading of all": Filter(headings=("SHARED",)),
    "a value": Filter.of(metadata={"lang": ["de"]}),
    "a rare value": Filter.of(metadata={"number": ["17"]}),
    "two keys": Filter.of(metadata={"lang": ["de", "en"], "even": ["true"]}),
    "all parts": Filter.of(["a/*"], ["Part 1", "Part 2"], {"lang": ["en"]}),
    "everything by pattern": Filter(documents=("*",)),
    "nothing": Filter(documents=("c/*",)),
    "a key that nobody has": Filter.of(metadata={"colour": ["red"]}),
}
METHODS: tuple[Method, ...] = ("dense", "lexical", "hybrid")
PLAIN = Refinements(glossary=False, feedback=False, rerank=False)


def page(number: int, chance: random.Random) -> str:
    front = f"---\nlang: {('en', 'de')[number % 2]}\neven: {str(number % 2 == 0).lower()}\nnumber: {number}\n---\n"
    parts = "".join(f"## Part {part}\n\n{' '.join(chance.choices(WORDS, k=8))}\n\n" for part in range(4))
    return f"{front}# Page {number}\n\n{parts}{SHARED if number % 5 == 0 else ''}"


@pytest.fixture(scope="module")
def memory(tmp_path_factory: pytest.TempPathFactory) -> VectorMemory:
    """Sixty pages, some changed and deleted since revision 1, in many segments."""
    chance = random.Random(7)
    opened = opened_at(tmp_path_factory.mktemp("filtered"))
    pages = {f"{'ab'[number % 2]}/{number}.md": page(number, chance) for number in range(60)}
    for number, (name, text) in enumerate(pages.items()):
        opened.apply({name: text}, f"page {number}")
    opened.apply({"b/7.md": page(8, chance)}, "of another language")
    opened.apply({}, "deleted", deletes=["a/10.md"])
    return opened


def opened_at(home: Path) -> VectorMemory:
    return VectorMemory(home, lambda name: HashEncoder(), split, SPLITTER, describe=metadata)


def passes(where: Filter, hit: Hit, text: str) -> bool:
    said = metadata(text)
    return (
        (not where.documents or any(fnmatch.fnmatchcase(hit.document, it) for it in where.documents))
        and (not where.headings or {it.casefold() for it in hit.headings} & {it.casefold() for it in where.headings})
        and all(any((key, value) in said for value in values) for key, values in where.metadata)
    ) not in (False, set())


@pytest.mark.parametrize("as_of", [None, 30, 60])
@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("name", FILTERS)
def test_a_filtered_search_is_the_whole_search_without_the_rest(
    memory: VectorMemory, name: str, method: Method, as_of: int | None
) -> None:
    where = FILTERS[name]
    revision = as_of or memory.store.head().revision
    texts = memory.store.texts(revision)
    for query in ("lamp oil", "the bell of the harbour", "fog"):
        everything = memory.search(query, 1000, method, as_of, refinements=PLAIN).hits
        wanted = [hit for hit in everything if passes(where, hit, texts[hit.document])]
        found = memory.search(query, 1000, method, as_of, refinements=PLAIN, where=where).hits
        if method == "hybrid":  # whose scores are shares of the best that was found
            assert {(it.document, it.start) for it in found} == {(it.document, it.start) for it in wanted}
        else:
            assert found == tuple(wanted)
        first = memory.search(query, 3, method, as_of, refinements=PLAIN, where=where).hits
        assert first == found[:3]


def test_a_passage_that_stands_twice_is_shown_only_where_the_filter_lets_it(memory: VectorMemory) -> None:
    hits = memory.search("the lamp and the bell of the harbour", 10, where=Filter(documents=("b/15.md",))).hits
    assert {hit.document for hit in hits} == {"b/15.md"}
    assert "Shared" in hits[0].headings


def test_metadata_is_that_of_the_revision(memory: VectorMemory) -> None:
    german = Filter.of(["b/7.md"], metadata={"lang": ["de"]})
    assert memory.search("lamp", 10, as_of=60, where=german).hits
    assert not memory.search("lamp", 10, where=german).hits
    assert memory.store.metadata("b/7.md", 60) == [("lang", "de"), ("even", "false"), ("number", "7")]
    assert memory.store.metadata("b/7.md", 61) == [("lang", "en"), ("even", "true"), ("number", "8")]


def test_a_change_of_metadata_alone_is_found_at_once_and_encodes_nothing(hashed_and_described: VectorMemory) -> None:
    opened = hashed_and_described
    opened.apply({"n.md": "---\nlang: en\n---\n# N\n\nThe lamp.\n"}, "put")
    receipt = opened.apply({"n.md": "---\nlang: de\n---\n# N\n\nThe lamp.\n"}, "translated")
    assert (receipt.changed, receipt.encoded) == (1, 0)
    assert opened.search("lamp", 1, where=Filter.of(metadata={"lang": ["de"]})).hits
    assert not opened.search("lamp", 1, where=Filter.of(metadata={"lang": ["en"]})).hits
    opened.apply({}, "deleted", deletes=["n.md"])
    assert not opened.search("lamp", 1, where=Filter.of(metadata={"lang": ["de"]})).hits


@pytest.fixture
def hashed_and_described(tmp_path: Path) -> VectorMemory:
    return opened_at(tmp_path)


def test_a_store_made_before_learns_its_metadata(tmp_path: Path) -> None:
    old = VectorMemory(tmp_path, lambda name: HashEncoder(), split, "markdown-2")
    old.apply({"n.md": "---\nlang: en\n---\n# N\n\nThe lamp.\n"}, "put")
    old.close()
    with sqlite3.connect(tmp_path / "store.sqlite") as connection:
        connection.execute("DROP TABLE metadata")
        connection.execute("DROP TABLE abbreviations")
        connection.execute("PRAGMA user_version = 2")
    connection.close()
    opened = opened_at(tmp_path)
    opened.adopt()
    assert opened.search("lamp", 1, where=Filter.of(metadata={"lang": ["en"]})).hits
    assert opened.search("lamp", 1, where=EVERYTHING).hits
    opened.close()


def test_odd_values_are_values(hashed_and_described: VectorMemory) -> None:
    opened = hashed_and_described
    opened.apply({"it's [a] %.md": '---\nwho: "O\'Hara; DROP TABLE metadata"\n---\n# Straße\n\nThe lamp.\n'}, "put")
    for where in (
        Filter.of(metadata={"who": ["O'Hara; DROP TABLE metadata"]}),
        Filter(documents=("it's [[]a] %.md",)),
        Filter(headings=("STRASSE",)),
    ):
        assert opened.search("lamp", 1, where=where).hits, where
    assert not opened.search("lamp", 1, where=Filter.of(metadata={"who' OR 1": ["1"]})).hits
