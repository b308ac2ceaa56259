"""Kinds of FAISS index: their parameters, how each is built and searched, and which one fits a number of vectors.

HNSW: Malkov and Yashunin 2018. Inverted files and product quantisation: Jégou, Douze and Schmid 2011. All compare by
inner product, which for vectors of length 1 is the cosine and gives the order of the Euclidean distance.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Any

import faiss
import numpy as np

from kstore.encoding.encoder import Vectors
from kstore.errors import InputError
from kstore.vectors.store import Ids

AUTO = "auto"
_DEFAULTS: Mapping[str, Mapping[str, int]] = MappingProxyType(
    {  # of each kind its parameters; 0: chosen from the number of vectors
        "flat": {},
        "hnsw": {"M": 32, "ef_construction": 100, "ef_search": 128},
        "ivf-flat": {"nlist": 0, "nprobe": 16},
        "ivf-sq8": {"nlist": 0, "nprobe": 16},
        "ivf-pq": {"nlist": 0, "nprobe": 32, "m": 48},
    }
)
_EFFORT = {"hnsw": "ef_search", "ivf-flat": "nprobe", "ivf-sq8": "nprobe", "ivf-pq": "nprobe"}
_EXACT_UP_TO = 100_000  # vectors, which take some 20 ms to compare one by one
_LEAST = 1_000  # vectors; fewer are compared one by one whatever is wanted
_PER_CENTROID = 39  # vectors that FAISS wants for each centroid, in training
_TRAINED_ON = 64  # vectors for each centroid, at most
_CANDIDATES = {"ivf-pq": 4}  # times as many as are wanted, to be compared again by their exact vectors
_QUERIES, _K = 100, 10  # of the check
_NOISE = 0.5  # length of what is added to a vector to make a query of it
FLOOR = 0.95  # recall@10 below which a build is refused
_DOUBLINGS = 4  # of the effort until a build is refused


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of index with its parameters, as ``hnsw,M=32,ef_construction=100,ef_search=128`` is written."""

    name: str
    parameters: tuple[tuple[str, int], ...] = ()

    @classmethod
    def read(cls, written: str) -> "Kind":
        """InputError for an unknown kind or parameter."""
        name, *settings = [part.strip() for part in written.split(",")]
        if name not in _DEFAULTS:
            raise InputError(f"unknown kind of index {name!r}: choose one of {', '.join([AUTO, *_DEFAULTS])}")
        parameters = dict(_DEFAULTS[name])
        for setting in settings:
            key, _, value = setting.partition("=")
            if key not in parameters:
                raise InputError(f"{name} has no parameter {key!r}: it has {', '.join(parameters) or 'none'}")
            if not value.isdecimal() or not 1 <= int(value) <= 1_000_000:
                raise InputError(f"{key} of {name} must be a whole number from 1 to 1000000, not {value!r}")
            parameters[key] = int(value)
        return cls(name, tuple(parameters.items()))

    def __str__(self) -> str:
        return ",".join([self.name, *(f"{key}={value}" for key, value in self.parameters if value)])

    def __getitem__(self, parameter: str) -> int:
        return dict(self.parameters)[parameter]

    @property
    def exact(self) -> bool:
        return self.name == "flat"

    @property
    def candidates(self) -> int:
        """How many times as many neighbours to take as are wanted, where codes are too coarse to order them."""
        return _CANDIDATES.get(self.name, 1)

    def serves_as(self, wanted: "Kind") -> bool:
        """Whether it is built like the wanted kind and looks as far, or further."""
        if self.name != wanted.name:
            return False
        effort = _EFFORT.get(self.name)
        return all(self[key] >= value if key == effort else self[key] == value for key, value in wanted.parameters)

    def build(self, ids: Ids, vectors: Vectors) -> Any:
        """The FAISS index, trained and filled with float32 unit vectors of shape (n, dimension) under their ids."""
        count, dimension = vectors.shape
        if self.name == "flat":
            index = faiss.IndexFlatIP(dimension)
        elif self.name == "hnsw":
            index = faiss.IndexHNSWFlat(dimension, self["M"], faiss.METRIC_INNER_PRODUCT)
            index.hnsw.efConstruction = self["ef_construction"]
        else:
            index = self._inverted(faiss.IndexFlatIP(dimension), dimension, count)
            some = np.random.default_rng(0).permutation(count)[: _TRAINED_ON * index.nlist]
            index.cp.min_points_per_centroid = 1  # FAISS would otherwise write its concern to the standard output
            index.train(np.ascontiguousarray(vectors[some]))
        named = faiss.IndexIDMap2(index)
        named.add_with_ids(np.ascontiguousarray(vectors, dtype=np.float32), ids)
        return named

    def searching(self, selector: Any | None, share: float) -> Any:
        """FAISS' search parameters where ``selector`` lets a ``share`` of the vectors be found: the fewer, the further
        it has to look."""
        effort = 1.0 / max(share, 1e-6)
        if self.name == "flat":
            return None if selector is None else faiss.SearchParameters(sel=selector)
        if self.name == "hnsw":
            return faiss.SearchParametersHNSW(sel=selector, efSearch=int(min(self["ef_search"] * effort, 2**30)))
        return faiss.SearchParametersIVF(sel=selector, nprobe=int(min(self["nprobe"] * effort, 2**30)))

    def harder(self) -> "Kind":
        """The same, looking twice as far."""
        return self.at_effort(2 * self[_EFFORT[self.name]])

    def at_effort(self, effort: int) -> "Kind":
        """The same, looking so far: at ``effort`` nodes or lists."""
        parameter = _EFFORT[self.name]
        return replace(self, parameters=tuple({**dict(self.parameters), parameter: effort}.items()))

    def _inverted(self, quantizer: Any, dimension: int, count: int) -> Any:
        nlist = min(self["nlist"] or int(4 * count**0.5), max(count // _PER_CENTROID, 1))
        inner = faiss.METRIC_INNER_PRODUCT
        if self.name == "ivf-flat":
            index = faiss.IndexIVFFlat(quantizer, dimension, nlist, inner)
        elif self.name == "ivf-sq8":
            index = faiss.IndexIVFScalarQuantizer(quantizer, dimension, nlist, faiss.ScalarQuantizer.QT_8bit, inner)
        else:
            if dimension % self["m"]:
                raise InputError(f"m={self['m']} of ivf-pq does not divide the {dimension} components of a vector")
            index = faiss.IndexIVFPQ(quantizer, dimension, nlist, self["m"], 8, inner)
            index.pq.cp.min_points_per_centroid = 1
        index.own_fields = True
        quantizer.this.disown()
        return index


FLAT = Kind("flat")
Rule = Callable[[int, int], Kind]  # from the number of vectors and their dimension


def always_flat(count: int, dimension: int) -> Kind:
    """The rule of who wants exact search whatever it takes."""
    return FLAT


def rule(written: str, memory: int | None = None) -> Rule:
    """The rule that a setting tells: one kind for every size or, for ``auto``, one by the number of vectors and the
    bytes of ``memory`` that the index may take (None: any).

    ``auto`` compares up to 100,000 vectors one by one, where they fit; beyond, it takes inverted lists, of the vectors
    themselves, of 8-bit components or of product codes, the first that fits.
    """
    if written.strip() != AUTO:
        kind = Kind.read(written)
        return lambda count, dimension: kind if count >= _LEAST else FLAT

    def by_size(count: int, dimension: int) -> Kind:
        fits = [
            name
            for name, bytes_each in (("flat", 4 * dimension), ("ivf-sq8", dimension + 8), ("ivf-pq", 56))
            if memory is None or count * bytes_each <= memory
        ]
        best = fits[0] if fits else "ivf-pq"
        return Kind.read("ivf-flat" if best == "flat" and count > _EXACT_UP_TO else best)

    return by_size


def checked(kind: Kind, ids: Ids, vectors: Vectors, floor: float = FLOOR) -> tuple[Kind, Any, float] | None:
    """The index of the vectors with the effort that finds ``floor`` of their true neighbours, and the recall@10 that it
    was seen to have; None where none is enough.

    The queries are vectors of the index with noise of half their length added, so that none is its own neighbour at a
    distance of nothing.
    """
    index = kind.build(ids, vectors)
    if kind.exact:
        return kind, index, 1.0
    chance = np.random.default_rng(1)
    near = vectors[chance.integers(len(vectors), size=_QUERIES)]
    noise = chance.standard_normal(near.shape)
    queries = near + _NOISE * noise / np.linalg.norm(noise, axis=1, keepdims=True)
    queries = (queries / np.linalg.norm(queries, axis=1, keepdims=True)).astype(np.float32)
    wanted = min(_K, len(vectors))
    _, truth = FLAT.build(ids, vectors).search(queries, wanted)
    for _ in range(_DOUBLINGS + 1):
        _, found = index.search(queries, wanted * kind.candidates, params=kind.searching(None, 1.0))
        hits = sum(len(set(a) & set(b)) for a, b in zip(found.tolist(), truth.tolist(), strict=True))
        recall = hits / truth.size
        if recall >= floor:
            return kind, index, recall
        kind = kind.harder()
    return None
