"""The dense index says what plain numpy says, whatever its segments, and never changes."""

import numpy as np
import pytest

from kstore.encoding.encoder import Vectors
from kstore.vectors import index as index_module
from kstore.vectors.index import Alive, DenseIndex
from kstore.vectors.store import Ids

DIMENSION = 24


def unit_vectors(count: int, seed: int) -> Vectors:
    vectors = np.random.default_rng(seed).standard_normal((count, DIMENSION)).astype(np.float32)
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


def in_segments(ids: Ids, vectors: Vectors, sizes: list[int]) -> DenseIndex:
    """An index over all of the vectors, grown by ``sizes`` at a time."""
    assert sum(sizes) == ids.size
    index = DenseIndex(DIMENSION)
    for end, size in zip(np.cumsum(sizes), sizes, strict=True):
        index = index.extended(ids[end - size : end], vectors[end - size : end])
    return index


def everything(ids: Ids) -> Alive:
    return Alive.of(ids, int(ids[-1]) + 1)


def by_numpy(ids: Ids, vectors: Vectors, query: Vectors, k: int, living: Ids) -> tuple[Ids, Vectors]:
    standing = np.isin(ids, living)
    ids, cosines = ids[standing], vectors[standing] @ query
    best = np.lexsort((ids, -cosines))[:k]
    return ids[best], cosines[best]


@pytest.mark.parametrize("sizes", [[1], [7], [600], [400, 150, 40, 9, 1], [1] * 37], ids=str)
@pytest.mark.parametrize("dead", [0.0, 0.3, 0.95, 1.0])
@pytest.mark.parametrize("k", [1, 10, 150, 1000])
def test_it_finds_what_numpy_finds(sizes: list[int], dead: float, k: int) -> None:
    random = np.random.default_rng(k)
    count = sum(sizes)
    ids = np.sort(random.choice(np.arange(1, 3 * count + 1), count, replace=False))  # as ids are where texts died out
    vectors = unit_vectors(count, seed=count)
    index = in_segments(ids, vectors, sizes)
    living = ids[random.random(count) >= dead]
    alive = Alive.of(living, int(ids[-1]) + 1)
    for query in unit_vectors(5, seed=k):
        found, cosines = index.search(query, k, alive)
        expected, expected_cosines = by_numpy(ids, vectors, query, k, living)
        assert found.tolist() == expected.tolist()
        np.testing.assert_allclose(cosines, expected_cosines, atol=1e-6)


def test_the_nearest_neighbour_of_a_vector_is_itself_at_one() -> None:
    ids, vectors = np.arange(1, 301), unit_vectors(300, seed=1)
    index = in_segments(ids, vectors, [200, 90, 10])
    for text, vector in zip(ids, vectors, strict=True):
        found, cosines = index.search(vector, 1, everything(ids))
        assert found.tolist() == [text]
        assert cosines[0] == pytest.approx(1, abs=1e-6)


@pytest.mark.parametrize("sizes", [[2000], [1500, 450, 40, 10]], ids=str)
@pytest.mark.parametrize("k", [1, 3, 50, 150, 1000, 1999])
@pytest.mark.parametrize("dead", [0.0, 0.3])
def test_ties_go_to_the_lower_id(sizes: list[int], k: int, dead: float) -> None:
    """Many texts of one vector, some further away: which of them are found must not depend on the segments."""
    ids = np.arange(1, 2001)
    axes = np.eye(DIMENSION, dtype=np.float32)  # exact in any order of summing, so that ties are ties
    vectors = axes[np.where(ids % 3 == 0, 1, 0)]
    query = (0.8 * axes[0] + 0.6 * axes[1]).astype(np.float32)
    living = ids[np.random.default_rng(k).random(ids.size) >= dead]
    found, _ = in_segments(ids, vectors, sizes).search(query, k, Alive.of(living, 2001))
    expected, _ = by_numpy(ids, vectors, query, k, living)
    assert found.tolist() == expected.tolist()


def test_an_empty_index_finds_nothing() -> None:
    index = DenseIndex(DIMENSION)
    ids, cosines = index.search(unit_vectors(1, seed=2)[0], 5, Alive.of(np.array([], dtype=np.int64), 1))
    assert (ids.size, cosines.size, index.count, index.last_id) == (0, 0, 0, 0)
    assert index.extended(np.array([], dtype=np.int64), np.empty((0, DIMENSION), np.float32)) is index
    assert index.compacted() is index


def test_extending_never_alters_the_old_index() -> None:
    ids, vectors = np.arange(1, 101), unit_vectors(100, seed=3)
    index = in_segments(ids[:60], vectors[:60], [50, 10])
    before = [(segment.serialised(), segment.ids.tolist()) for segment in index.segments]
    old_objects = index.segments
    later = index
    for position in range(60, 100):  # folds the small segment in, and the large one in the end
        later = later.extended(ids[position : position + 1], vectors[position : position + 1])
    later = later.compacted()
    assert later.count == 100
    assert index.segments is old_objects
    assert [(segment.serialised(), segment.ids.tolist()) for segment in index.segments] == before
    found, _ = index.search(vectors[80], 100, everything(ids))
    assert sorted(found) == ids[:60].tolist()


def test_the_given_arrays_may_be_changed_afterwards() -> None:
    """A segment that looked into its caller's memory would not be immutable."""
    ids, vectors = np.arange(1, 11), unit_vectors(10, seed=4)
    given = vectors.copy()
    index = DenseIndex(DIMENSION).extended(ids, given)
    given[:] = 0
    with pytest.raises(ValueError, match="read-only"):
        index.segments[0].vectors()[:] = 0
    found, _ = index.search(vectors[3], 1, everything(ids))
    assert found.tolist() == [4]


def test_cosines_are_those_of_the_texts_that_are_held() -> None:
    ids, vectors = np.arange(2, 22, 2), unit_vectors(10, seed=5)
    index = in_segments(ids, vectors, [6, 3, 1])
    query = unit_vectors(1, seed=6)[0]
    wanted = np.array([20, 2, 7, 14, 1, 99])  # neither in order nor all there
    found = index.cosines(query, wanted)
    assert found.keys() == {20, 2, 14}
    for text, cosine in found.items():
        assert cosine == pytest.approx(float(vectors[text // 2 - 1] @ query), abs=1e-6)
    assert index.cosines(query, np.array([], dtype=np.int64)) == {}
    assert DenseIndex(DIMENSION).cosines(query, wanted) == {}


def test_compaction_gives_the_same_results_from_one_segment() -> None:
    ids, vectors = np.arange(1, 501), unit_vectors(500, seed=5)
    index = in_segments(ids, vectors, [300, 120, 50, 20, 8, 2])
    compacted = index.compacted()
    assert len(index.segments) > 1
    assert len(compacted.segments) == 1
    assert (compacted.count, compacted.last_id) == (index.count, index.last_id)
    alive = Alive.of(ids[ids % 4 != 0], 501)
    for query in unit_vectors(20, seed=6):
        expected, expected_cosines = index.search(query, 30, alive)
        found, cosines = compacted.search(query, 30, alive)
        assert found.tolist() == expected.tolist()
        np.testing.assert_allclose(cosines, expected_cosines, atol=1e-6)


def test_a_thousand_single_additions_leave_a_handful_of_segments() -> None:
    ids, vectors = np.arange(1, 1001), unit_vectors(1000, seed=7)
    index = DenseIndex(DIMENSION)
    for count in range(1, 1001):
        index = index.extended(ids[count - 1 : count], vectors[count - 1 : count])
        assert len(index.segments) <= count.bit_length()
    assert index.count == 1000
    query = unit_vectors(1, seed=8)[0]
    assert index.search(query, 50, everything(ids))[0].tolist() == by_numpy(ids, vectors, query, 50, ids)[0].tolist()


def test_a_write_never_copies_a_large_segment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(index_module, "_FOLD_WITHIN_WRITE", 100)
    ids, vectors = np.arange(1, 1001), unit_vectors(1000, seed=9)
    index = DenseIndex(DIMENSION).extended(ids[:500], vectors[:500])
    large = index.segments[0]
    for end in range(600, 1001, 100):
        index = index.extended(ids[end - 100 : end], vectors[end - 100 : end])
        assert index.segments[0] is large
    grown = index.extended(np.arange(1001, 1701), unit_vectors(700, seed=10))
    assert grown.segments[: len(index.segments)] == index.segments, "a large addition stands beside, also a larger one"


def test_flags_of_an_older_snapshot_stay_what_they_were() -> None:
    ids, vectors = np.arange(1, 21), unit_vectors(20, seed=11)
    index = in_segments(ids, vectors, [16, 4])
    before = Alive.of(ids[:10], 11)
    after = before.changed({3: False, 4: True, 20: True})
    query = vectors[2]
    assert sorted(index.search(query, 20, before)[0]) == list(range(1, 11))
    assert sorted(index.search(query, 20, after)[0]) == [1, 2, *range(4, 11), 20]
