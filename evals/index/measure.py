"""One index of one kind over so many vectors: built once, then searched with growing effort, one query at a time."""

import statistics
import time
from collections.abc import Iterator

import faiss
import numpy as np
from pydantic import BaseModel, ConfigDict

from kstore.encoding.encoder import Vectors
from kstore.vectors.index import Segment
from kstore.vectors.kinds import FLAT, Kind

K = 10
_NODES = (16, 32, 64, 128, 256, 512)  # that a graph is searched at
_LISTS = (1, 2, 4, 8, 16, 32, 64, 128)  # that are searched of all


class IndexRow(BaseModel):
    """``kind`` with the effort of this row; ``vectors`` of them in it. Times are of single queries on one thread, in
    milliseconds, exact comparison of the candidates included; ``bytes`` are those of the serialised index."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    kind: str
    vectors: int
    effort: int | None
    recall_at_10: float
    ms_p50: float
    ms_p95: float
    bytes: int
    build_s: float


def measured(kind: Kind, vectors: Vectors, queries: Vectors) -> Iterator[IndexRow]:
    """A row for each effort; for exact search one."""
    faiss.omp_set_num_threads(1)
    ids = np.arange(1, len(vectors) + 1)
    truth = exact(vectors, queries)
    began = time.perf_counter()
    index = kind.build(ids, vectors)
    build_s = time.perf_counter() - began
    size = len(Segment(index, ids, kind).serialised())
    for effort, tried in _tried(kind):
        times, hits = [], 0
        for query, nearest in zip(queries, truth, strict=True):
            began = time.perf_counter()
            found = _search(tried, index, vectors, query)
            times.append((time.perf_counter() - began) * 1e3)
            hits += len(set(found.tolist()) & set(nearest.tolist()))
        yield IndexRow(
            kind=kind.name,
            vectors=len(vectors),
            effort=effort,
            recall_at_10=hits / truth.size,
            ms_p50=statistics.median(times),
            ms_p95=float(np.quantile(times, 0.95)),
            bytes=size,
            build_s=build_s,
        )


def exact(vectors: Vectors, queries: Vectors) -> np.ndarray:
    """The ids, from 1, of the ten nearest of each query, of shape (queries, 10)."""
    _, ids = FLAT.build(np.arange(1, len(vectors) + 1), vectors).search(queries, K)
    found: np.ndarray = ids
    return found


def _tried(kind: Kind) -> Iterator[tuple[int | None, Kind]]:
    if kind.exact:
        yield None, kind
        return
    for effort in _NODES if kind.name == "hnsw" else _LISTS:
        yield effort, kind.at_effort(effort)


def _search(kind: Kind, index: faiss.Index, vectors: Vectors, query: Vectors) -> np.ndarray:
    """The ten best; where the codes are coarse, of more candidates those with the greatest exact cosine."""
    _, found = index.search(query[None, :], K * kind.candidates, params=kind.searching(None, 1.0))
    ids: np.ndarray = found[0][found[0] > 0]
    if kind.candidates > 1:
        ids = ids[np.argsort(-(vectors[ids - 1] @ query))]
    return ids[:K]
