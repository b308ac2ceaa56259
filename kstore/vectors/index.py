"""The dense index: immutable FAISS segments, searched without a lock because nothing ever changes them.

FAISS must not be changed while it is searched: adding during a search returns wrong neighbours (Flat) or crashes
(HNSW). So an index here is a value: adding vectors gives another index that shares the old segments.
"""

from dataclasses import dataclass
from typing import Any

import faiss
import numpy as np
import numpy.typing as npt

from kstore.encoding.encoder import Vectors
from kstore.vectors.kinds import FLAT, Kind, checked
from kstore.vectors.store import Ids

METRIC = "inner product of unit vectors (cosine)"
_FOLD_WITHIN_WRITE = 16_384  # vectors; a larger merge takes longer than a write should and is left to compaction


@dataclass(frozen=True, slots=True)
class Segment:
    """A FAISS index that is never changed, with the ids it holds, ascending.

    ``recall`` is the recall@10 that its kind was seen to have when it was built. ``sha256`` is that of its serialised
    bytes, once these have been read or written.
    """

    faiss: Any
    ids: Ids
    kind: Kind = FLAT
    recall: float = 1.0
    sha256: str | None = None

    @classmethod
    def of(cls, ids: Ids, vectors: Vectors) -> "Segment":
        """A flat (exact) segment over unit vectors of shape (n, dimension)."""
        return cls(FLAT.build(ids, vectors), ids)

    @classmethod
    def of_kind(cls, kind: Kind, ids: Ids, vectors: Vectors) -> "Segment | None":
        """A segment of that kind; None where it would not find enough, see ``kinds.checked``."""
        found = checked(kind, ids, vectors)
        return None if found is None else cls(found[1], ids, found[0], found[2])

    @classmethod
    def read(cls, data: bytes, kind: Kind, recall: float, sha256: str) -> "Segment":
        """The segment serialised in ``data``; raises RuntimeError where FAISS cannot read it."""
        index = faiss.deserialize_index(np.frombuffer(data, dtype=np.uint8))
        return cls(index, faiss.vector_to_array(index.id_map).copy(), kind, recall, sha256)

    def serialised(self) -> bytes:
        data: bytes = faiss.serialize_index(self.faiss).tobytes()
        return data

    def vectors(self) -> Vectors:
        """The vectors of a flat segment, in the order of ``ids``: float32 of shape (n, dimension), not copied: they
        cannot be written to and live as long as the segment does."""
        flat = faiss.downcast_index(self.faiss.index)
        found: Vectors = faiss.rev_swig_ptr(flat.get_xb(), flat.ntotal * flat.d).reshape(flat.ntotal, flat.d)
        found.flags.writeable = False
        return found

    def cosines(self, query: Vectors, ids: Ids) -> tuple[Ids, Vectors]:
        """Of a flat segment: those of ``ids`` that it holds, and their vectors' cosines with the query."""
        rows = np.minimum(np.searchsorted(self.ids, ids), self.ids.size - 1)
        rows = rows[self.ids[rows] == ids]
        return self.ids[rows], self.vectors()[rows] @ query

    def search(self, query: Vectors, k: int, alive: "Alive") -> tuple[Ids, Vectors]:
        """The ``k`` best of the living texts in it: ids and scores. All of a tie at the end, where it is exact."""
        standing = alive.count_of(self.ids)
        if standing == 0:
            return np.empty(0, dtype=np.int64), np.empty(0, dtype=np.float32)
        selector = None if standing == self.ids.size else alive.selector()
        parameters = self.kind.searching(selector, standing / self.ids.size)
        scores, ids = self.faiss.search(query[None, :], min(k + 1, self.ids.size), params=parameters)
        real = ids[0] >= 0  # FAISS pads with -1 where the selector leaves fewer
        scores, ids = scores[0][real], ids[0][real]
        if self.kind.exact and scores.size > k and scores[k] == scores[k - 1]:  # FAISS cuts a tie anywhere
            below = float(np.nextafter(scores[k], np.float32(-np.inf)))
            _, scores, ids = self.faiss.range_search(query[None, :], below, params=parameters)
        return ids, scores


class Alive:
    """Which text ids stand in the corpus: a bit for each id, from 0 to the highest known."""

    def __init__(self, flags: npt.NDArray[np.bool_]) -> None:
        self.flags = flags
        self._bits = np.packbits(flags, bitorder="little")

    @classmethod
    def of(cls, ids: Ids, size: int) -> "Alive":
        flags = np.zeros(size, dtype=np.bool_)
        flags[ids] = True
        return cls(flags)

    def changed(self, changes: dict[int, bool]) -> "Alive":
        """With some ids set otherwise; the other snapshots' flags are not touched."""
        size = max([self.flags.size, *(text + 1 for text in changes)])
        flags = np.zeros(size, dtype=np.bool_)
        flags[: self.flags.size] = self.flags
        for text, stands in changes.items():
            flags[text] = stands
        return Alive(flags)

    def count_of(self, ids: Ids) -> int:
        """How many of the ascending ``ids`` stand."""
        known = ids[: np.searchsorted(ids, self.flags.size)]
        return int(np.count_nonzero(self.flags[known]))

    def selector(self) -> Any:
        return faiss.IDSelectorBitmap(self._bits)


class DenseIndex:
    """An immutable sequence of segments with ascending, disjoint ids."""

    def __init__(self, dimension: int, segments: tuple[Segment, ...] = ()) -> None:
        self.dimension = dimension
        self.segments = segments

    @property
    def last_id(self) -> int:
        """The highest id held, 0 where there is none; ids start at 1."""
        return int(self.segments[-1].ids[-1]) if self.segments else 0

    @property
    def count(self) -> int:
        return sum(segment.ids.size for segment in self.segments)

    def extended(self, ids: Ids, vectors: Vectors) -> "DenseIndex":
        """With more vectors, whose ids are ascending and above ``last_id``.

        Small trailing segments are folded into the new one as in the logarithmic method (Bentley and Saxe 1980), so
        that a thousand single inserts leave a handful of segments, and each vector is copied a few times in all.
        """
        if ids.size == 0:
            return self
        kept = list(self.segments)
        tail = [Segment.of(ids, vectors)]
        size = ids.size
        while kept and kept[-1].kind.exact and kept[-1].ids.size <= size <= _FOLD_WITHIN_WRITE:
            size += kept[-1].ids.size
            tail.insert(0, kept.pop())
        return DenseIndex(self.dimension, (*kept, _folded(tail)))

    def compacted(self) -> "DenseIndex":
        """With all segments, which must be flat, folded into one."""
        return DenseIndex(self.dimension, (_folded(list(self.segments)),)) if self.segments else self

    @property
    def exact(self) -> bool:
        """Whether a search finds the nearest for certain, at their true cosines."""
        return all(segment.kind.exact for segment in self.segments)

    @property
    def candidates(self) -> int:
        """How many times as many neighbours to take as are wanted, before their exact cosines are compared."""
        return max((segment.kind.candidates for segment in self.segments), default=1)

    def is_mostly(self, kind: Kind) -> bool:
        """Whether three quarters of its vectors at least are in segments of that kind."""
        return 4 * sum(it.ids.size for it in self.segments if it.kind.serves_as(kind)) >= 3 * self.count

    def cosines(self, query: Vectors, ids: Ids) -> dict[int, float]:
        """The cosine of each of the texts with the query, dead or alive, where all segments are ``exact``."""
        found: dict[int, float] = {}
        for segment in self.segments:
            held, cosines = segment.cosines(query, ids)
            found |= zip(held.tolist(), cosines.tolist(), strict=True)
        return found

    def search(self, query: Vectors, k: int, alive: Alive) -> tuple[Ids, Vectors]:
        """The ``k`` most similar of the living texts: ids and cosines, best first, ties by id.

        ``query`` has shape (dimension,) and length 1. The selector is spent only on segments that hold dead texts.
        """
        faiss.omp_set_num_threads(1)  # of this thread: one query is not divided, but all would wait for each other
        found_ids, found_scores = [], []
        for segment in self.segments:
            ids, scores = segment.search(query, k, alive)
            found_ids.append(ids)
            found_scores.append(scores)
        if not found_ids:
            return np.empty(0, dtype=np.int64), np.empty(0, dtype=np.float32)
        ids, scores = np.concatenate(found_ids), np.concatenate(found_scores)
        order = np.lexsort((ids, -scores))[:k]
        return ids[order], scores[order]


def _folded(segments: list[Segment]) -> Segment:
    if len(segments) == 1:
        return segments[0]
    return Segment.of(
        np.concatenate([segment.ids for segment in segments]),
        np.concatenate([segment.vectors() for segment in segments]),
    )
