"""One search of one snapshot: by meaning, by words, or both fused, refined and put in order."""

from collections.abc import Iterable, Mapping, Sequence

import numpy as np

from kstore.controls import Method, Refinements
from kstore.encoding.encoder import Vectors
from kstore.encoding.tokens import Matches
from kstore.filters import Filter
from kstore.types import Evidence, Hit, Stopwatch
from kstore.vectors.expansion import expansions, towards
from kstore.vectors.fusion import convex_fusion
from kstore.vectors.index import Alive
from kstore.vectors.lexical import search_lexical
from kstore.vectors.rerank import Reranker
from kstore.vectors.snapshots import Snapshot, Snapshots
from kstore.vectors.store import Store

_DEPTH = 50  # candidates that each search contributes to the fusion
_FEEDBACK_PASSAGES = 3
_FEW = 1_000  # texts that are compared one by one


class Searcher:
    """Searches the snapshots of a store. Threads may share it."""

    def __init__(self, store: Store, snapshots: Snapshots, reranker: Reranker | None) -> None:
        self._store = store
        self._snapshots = snapshots
        self._reranker = reranker

    def search(
        self,
        query: str,
        k: int,
        method: Method,
        as_of: int | None,
        watch: Stopwatch,
        refinements: Refinements,
        where: Filter,
    ) -> Evidence:
        """The ``k`` best passages at ``as_of``, a revision that the store has reached (None: the latest), of those that
        the filter lets be found."""
        if method == "lexical":
            revision = self._store.head().revision if as_of is None else as_of
            lexical = dict(search_lexical(self._store, query, k, revision, where))
            watch.lap("search")
            return self._evidence(query, k, revision, where, lexical, {}, lexical)
        snapshot = self._snapshots.latest()
        revision = snapshot.revision if as_of is None else as_of
        watch.lap("pin")
        vector = snapshot.encoder.encode_questions([query])[0]
        watch.lap("encode")
        now = revision == snapshot.revision and not where
        alive = snapshot.alive if now else self._snapshots.alive(revision, where)
        depth = max(k, _DEPTH)
        similarities = self._nearest(snapshot, vector, depth, alive)
        if method == "dense":
            watch.lap("search")
            return self._evidence(query, k, revision, where, similarities, similarities, {})
        also = expansions(self._store, query, revision) if refinements.glossary else []
        lexical = dict(search_lexical(self._store, " ".join([query, *also]), depth, revision, where))
        watch.lap("search")
        similarities = self._of_all(lexical, similarities, snapshot, vector)
        scores: Mapping[int, float] = convex_fusion(similarities, lexical)
        watch.lap("fuse")
        if refinements.feedback and scores:
            moved = self._moved(vector, scores, snapshot)
            nearer = self._of_all(lexical, self._nearest(snapshot, moved, depth, alive), snapshot, moved)
            scores = convex_fusion(nearer, lexical)
            similarities = self._of_all(scores, similarities, snapshot, vector)
            watch.lap("feedback")
        matches = None
        if refinements.rerank and self._reranker:
            scores, matches = self._reranker.rerank(query, scores)
            watch.lap("rerank")
        lexical = {text: lexical.get(text, 0.0) for text in scores}
        return self._evidence(query, k, revision, where, scores, similarities, lexical, matches)

    def _nearest(self, snapshot: Snapshot, vector: Vectors, depth: int, alive: Alive) -> dict[int, float]:
        """The ``depth`` texts nearest to the vector and their cosines, which are exact whatever the kind of index."""
        index = snapshot.index
        if index.exact:
            ids, cosines = index.search(vector, depth, alive)
            return dict(zip(ids.tolist(), cosines.tolist(), strict=True))
        few = np.flatnonzero(alive.flags)  # that a filter leaves, among which a coarse index would find too little
        ids = few if few.size <= _FEW else index.search(vector, depth * index.candidates, alive)[0]
        exact = self._cosines(snapshot, vector, ids.tolist())
        return {text: exact[text] for text in sorted(exact, key=lambda text: (-exact[text], text))[:depth]}

    def _of_all(
        self, found: Iterable[int], similarities: Mapping[int, float], snapshot: Snapshot, vector: Vectors
    ) -> dict[int, float]:
        """The similarities to ``vector``, with those of the texts ``found`` by other means."""
        others = [text for text in found if text not in similarities]
        return {**similarities, **self._cosines(snapshot, vector, others)}

    def _cosines(self, snapshot: Snapshot, vector: Vectors, texts: Sequence[int]) -> dict[int, float]:
        """The exact cosine of each text: from the index where that keeps whole vectors, else from the store."""
        if snapshot.index.exact:
            return snapshot.index.cosines(vector, np.array(texts, dtype=np.int64))
        vectors = self._store.vectors_of(snapshot.encoder.fingerprint, texts)
        return {text: float(vector @ other) for text, other in vectors.items()}

    def _moved(self, vector: Vectors, scores: Mapping[int, float], snapshot: Snapshot) -> Vectors:
        """The query moved towards what it found first (pseudo-relevance feedback)."""
        first = sorted(scores, key=lambda text: (-scores[text], text))[:_FEEDBACK_PASSAGES]
        vectors = self._store.vectors_of(snapshot.encoder.fingerprint, first)
        return towards(vector, [vectors[text] for text in first])

    def _evidence(
        self,
        query: str,
        k: int,
        revision: int,
        where: Filter,
        scores: Mapping[int, float],
        similarities: Mapping[int, float],
        lexical: Mapping[int, float],
        matches: Matches | None = None,
    ) -> Evidence:
        best = sorted(scores, key=lambda text: (-scores[text], text))[:k]
        rank = {text: position for position, text in enumerate(best)}
        rows = sorted(self._store.passages(best, revision, where), key=lambda row: rank[row.text_id])
        hits = tuple(
            Hit(
                row.document,
                row.headings,
                row.start,
                row.end,
                row.line_start,
                row.line_end,
                row.text,
                score=scores[row.text_id],
                revision=revision,
                similarity=similarities.get(row.text_id),
                lexical=lexical.get(row.text_id),
                match=matches.scores[row.text_id] if matches else None,
                focus=matches.focus(row.text_id) if matches else None,
            )
            for row in rows[:k]
        )
        return Evidence(query, revision, hits)
