"""Kinds of index: chosen by hand or by a rule, checked when built, refused when they miss too much, and then searched
with the same results as the exact one, whatever has died and whatever a filter leaves."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from kstore.encoding.encoder import Vectors
from kstore.errors import InputError
from kstore.filters import Filter
from kstore.text.markdown import SPLITTER, split
from kstore.vectors import kinds
from kstore.vectors.index import Alive, DenseIndex, Segment
from kstore.vectors.kinds import FLAT, Kind, always_flat, checked, rule
from kstore.vectors.memory import VectorMemory
from tests.vectors.hash_encoder import HashEncoder

WRITTEN = [
    "hnsw",
    "hnsw,M=16,ef_search=64",
    "ivf-flat",
    "ivf-flat,nlist=20,nprobe=8",
    "ivf-sq8",
    "ivf-pq,m=16,nlist=20",
]
DIMENSION = 64


def clustered(count: int, seed: int = 0) -> Vectors:
    chance = np.random.default_rng(seed)
    vectors = chance.standard_normal((40, DIMENSION))[chance.integers(40, size=count)]
    vectors = vectors + 0.6 * chance.standard_normal((count, DIMENSION))
    return (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)


class TestSettings:
    @pytest.mark.parametrize("written", WRITTEN)
    def test_a_kind_is_written_as_it_is_read(self, written: str) -> None:
        kind = Kind.read(written)
        assert Kind.read(str(kind)) == kind
        assert str(kind).startswith(written.split(",")[0])

    @pytest.mark.parametrize(
        ("written", "why"),
        [
            ("annoy", r"^unknown kind of index 'annoy': choose one of auto, flat, hnsw, ivf-flat, ivf-sq8, ivf-pq$"),
            ("hnsw,nlist=3", r"^hnsw has no parameter 'nlist': it has M, ef_construction, ef_search$"),
            ("flat,M=3", r"^flat has no parameter 'M': it has none$"),
            ("hnsw,M=0", r"^M of hnsw must be a whole number from 1 to 1000000, not '0'$"),
            ("hnsw,M", r"^M of hnsw must be a whole number"),
            ("", r"^unknown kind of index ''"),
        ],
    )
    def test_what_is_no_kind_says_why(self, written: str, why: str) -> None:
        with pytest.raises(InputError, match=why):
            rule(written)

    def test_the_rule_takes_what_fits(self) -> None:
        auto = rule("auto")
        assert auto(100_000, 384) == FLAT
        assert auto(100_001, 384).name == "ivf-flat"
        small = rule("auto", memory=1_000_000 * 500)
        assert [small(count, 384).name for count in (100_000, 1_000_000, 5_000_000)] == ["flat", "ivf-sq8", "ivf-pq"]
        assert rule("auto", memory=1)(1_000, 384).name == "ivf-pq"

    def test_a_kind_chosen_by_hand_is_taken_at_any_size_that_can_be_trained_on(self) -> None:
        by_hand = rule("hnsw,M=8")
        assert by_hand(10**6, 384) == by_hand(1_000, 384) == Kind.read("hnsw,M=8")
        assert by_hand(999, 384) == FLAT

    def test_a_kind_serves_where_it_is_built_alike_and_looks_as_far(self) -> None:
        kind = Kind.read("ivf-flat,nlist=20,nprobe=8")
        assert kind.harder().serves_as(kind)
        assert not kind.serves_as(kind.harder())
        assert not Kind.read("ivf-flat,nlist=30,nprobe=8").serves_as(kind)
        assert not FLAT.serves_as(kind)


class TestBuilding:
    @pytest.mark.parametrize("written", WRITTEN)
    def test_the_recall_that_is_told_is_what_a_search_has(self, written: str) -> None:
        ids, vectors = np.arange(1, 3001), clustered(3000)
        found = checked(Kind.read(written), ids, vectors, 0.9)
        assert found is not None
        kind, index, recall = found
        assert 0.9 <= recall <= 1
        queries = clustered(50, seed=3)
        truth = np.argsort(-(queries @ vectors.T), axis=1)[:, :10] + 1
        _, seen = index.search(queries, 10 * kind.candidates, params=kind.searching(None, 1.0))
        share = np.mean([len(set(a) & set(b)) / 10 for a, b in zip(seen.tolist(), truth.tolist(), strict=True)])
        assert share > 0.75

    def test_effort_is_raised_until_enough_is_found(self) -> None:
        lazy = Kind.read("ivf-flat,nlist=60,nprobe=1")
        found = checked(lazy, np.arange(1, 3001), clustered(3000), 0.95)
        assert found is not None
        assert found[0]["nprobe"] > 1
        assert found[0].serves_as(lazy)

    def test_a_build_that_misses_too_much_is_refused(self) -> None:
        chance = np.random.default_rng(5).standard_normal((3000, DIMENSION)).astype(np.float32)
        noise = chance / np.linalg.norm(chance, axis=1, keepdims=True)  # without any structure
        assert checked(Kind.read("ivf-pq,m=2,nlist=70,nprobe=1"), np.arange(1, 3001), noise) is None

    def test_components_that_cannot_be_cut_are_told(self) -> None:
        with pytest.raises(InputError, match=r"^m=48 of ivf-pq does not divide the 64 components of a vector$"):
            Kind.read("ivf-pq").build(np.arange(1, 3001), clustered(3000))


@pytest.mark.parametrize("written", WRITTEN)
@pytest.mark.parametrize("standing", [1.0, 0.5, 0.05])
def test_a_segment_finds_the_living_and_only_them(written: str, standing: float) -> None:
    ids, vectors = np.arange(1, 4001) * 2, clustered(4000)
    segment = Segment.of_kind(Kind.read(written), ids, vectors)
    assert segment is not None
    living = ids[np.random.default_rng(2).random(4000) < standing]
    alive = Alive.of(living, 8001)
    index = DenseIndex(DIMENSION, (segment,)).extended(np.array([8001]), clustered(1, seed=9))
    shares = []
    for query in clustered(20, seed=4):
        found, _ = index.search(query, 10 * index.candidates, alive)
        cosines = vectors[(living // 2) - 1] @ query
        truth = living[np.argsort(-cosines)[:10]]
        assert set(found.tolist()) <= set(living.tolist())
        shares.append(len(set(found.tolist()) & set(truth.tolist())) / 10)
    assert np.mean(shares) > 0.8


Open = Callable[..., VectorMemory]


@pytest.fixture
def open_kind(tmp_path: Path) -> Open:
    def opened(written: str) -> VectorMemory:
        return VectorMemory(tmp_path, lambda name: HashEncoder(), split, SPLITTER, kind_of=rule(written))

    return opened


def pages(count: int) -> dict[str, str]:
    chance = np.random.default_rng(0)
    words = "lamp oil bell boat rope gull harbour keeper tide fog mast sail".split()
    return {
        f"{page}.md": "".join(
            f"# Part {page} {number}\n\n{' '.join(chance.choice(words, 6))} {page} {number}\n\n" for number in range(20)
        )
        for page in range(count // 20)
    }


def settled(memory: VectorMemory) -> list[str]:
    """The kinds of the segments once what goes on in the background is done."""
    memory.snapshot()
    if memory.snapshots._compaction is not None:
        memory.snapshots._compaction.join()
    return [str(it["kind"]).split(",")[0] for it in memory.snapshots.described()]


@pytest.mark.parametrize("written", ["hnsw", "ivf-sq8,nlist=10", "ivf-pq,m=32,nlist=4"])
def test_a_memory_of_each_kind_finds_what_the_exact_one_finds(open_kind: Open, written: str) -> None:
    memory = open_kind(written)
    memory.apply(pages(1200), "put")
    assert settled(memory) == [written.split(",")[0]]
    memory.apply({"0.md": "# New\n\nThe astrolabe of the harbour.\n"}, "edited")
    memory.apply({}, "deleted", deletes=["1.md"])
    assert memory.search("astrolabe", 1, "dense").hits[0].document == "0.md"
    where = Filter(documents=("2.md",))
    exact = VectorMemory(memory.store.database.path.parent, lambda name: HashEncoder(), split, SPLITTER)
    try:
        shares = []
        for query in ("lamp oil bell", "fog mast 7", "keeper tide sail boat"):
            for as_of in (None, 1):
                found = {(it.document, it.start): it.similarity for it in memory.search(query, 10, "dense", as_of).hits}
                truth = {(it.document, it.start): it.similarity for it in exact.search(query, 10, "dense", as_of).hits}
                shares.append(len(found.keys() & truth.keys()) / 10)
                assert all(found[it] == pytest.approx(truth[it], abs=1e-5) for it in found.keys() & truth.keys())
                assert as_of or "1.md" not in {name for name, _ in found}
            filtered = memory.search(query, 30, "dense", where=where).hits
            whole = exact.search(query, 30, "dense", where=where).hits
            assert [(it.document, it.start) for it in filtered] == [(it.document, it.start) for it in whole]
        assert np.mean(shares) >= 0.9
    finally:
        exact.snapshots.close()
        memory.close()


def test_the_index_is_kept_and_made_anew_where_another_kind_is_wanted(open_kind: Open) -> None:
    memory = open_kind("hnsw")
    memory.apply(pages(1200), "put")
    assert settled(memory) == ["hnsw"]
    memory.close()
    again = open_kind("hnsw")
    (told,) = again.snapshots.described()
    assert (str(told["kind"]).split(",")[0], told["vectors"]) == ("hnsw", 1200)
    assert 0.95 <= told["recall"] <= 1
    assert not again.snapshots.pinned, "told without loading anything"
    again.snapshot()
    assert again.snapshots._compaction is None, "what was kept is used"
    assert settled(again) == ["hnsw"]
    again.close()
    other = open_kind("flat")
    assert settled(other) == ["flat"]
    other.close()


def test_a_refused_kind_is_not_tried_again_and_the_search_stays_exact(
    open_kind: Open, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    tried = []

    def refusing(kind: Kind, *_: object) -> None:
        tried.append(kind)

    monkeypatch.setattr("kstore.vectors.index.checked", refusing)
    memory = open_kind("hnsw")
    memory.apply(pages(1200), "put")
    assert settled(memory) == ["flat"]
    memory.apply({"0.md": "# New\n\nThe astrolabe of the harbour.\n"}, "edited")
    settled(memory)
    assert len(tried) == 1
    assert "would miss too many neighbours" in caplog.text
    assert memory.search("astrolabe", 1, "dense").hits[0].document == "0.md"
    memory.close()


def test_a_memory_is_flat_where_nothing_is_said() -> None:
    assert always_flat(10**9, 384) == kinds.FLAT
