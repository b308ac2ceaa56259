"""Snapshots: what a search reads, as of one revision, and how the next one is made of the last."""

import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from kstore.encoding.encoder import Encoder
from kstore.filters import EVERYTHING, Filter
from kstore.types import Stopwatch
from kstore.vectors.index import Alive, DenseIndex, Segment
from kstore.vectors.kinds import FLAT, Kind, Rule
from kstore.vectors.saved import Origin, described, load_index, save_index
from kstore.vectors.store import Head, Store

_MANY_SEGMENTS = 12

log = logging.getLogger("kstore")


@dataclass(frozen=True, slots=True)
class Snapshot:
    """All that a search needs, as of one revision; never changed, so readers take no lock."""

    revision: int
    token: str
    encoder: Encoder
    index: DenseIndex
    alive: Alive


class Snapshots:
    """The snapshots of one store, one after the other, and the index that is kept on disk between processes."""

    def __init__(self, store: Store, encoder_of: Callable[[Head], Encoder], folder: Path, kind_of: Rule) -> None:
        """``encoder_of`` gives the encoder of the vectors in force; ``folder`` is where the index is kept; ``kind_of``
        chooses its kind."""
        self._store = store
        self._encoder_of = encoder_of
        self._folder = folder
        self._kind_of = kind_of
        self._refused: set[Kind] = set()
        self._snapshot: Snapshot | None = None
        self._saved_index: DenseIndex | None = None
        self._refreshing = threading.Lock()
        self._compaction: threading.Thread | None = None

    def close(self) -> None:
        """Keep the index for the next process."""
        if self._compaction is not None:
            self._compaction.join()
        self.save()

    @property
    def pinned(self) -> bool:
        """Whether there has been a snapshot, which is then kept up to date by writers too."""
        return self._snapshot is not None

    def latest(self, watch: Stopwatch | None = None) -> Snapshot:
        """The snapshot of the latest committed revision, of this process or another. ``watch`` receives the time that
        catching up took, ``index``."""
        watch = watch or Stopwatch()
        head = self._store.head()
        snapshot = self._snapshot
        if snapshot is not None and snapshot.revision >= head.revision:
            return snapshot
        with self._refreshing:
            snapshot = self._snapshot
            if snapshot is None or snapshot.revision < head.revision:
                snapshot = self._caught_up(snapshot, self._store.head())
                watch.lap("index")
                self._snapshot = snapshot
                self._compact_in_background(snapshot)
        return snapshot

    def described(self) -> list[dict[str, Any]]:
        """Each segment of the index in use or, before the first search, of the one on disk: its kind, how many vectors
        it has, and the recall@10 that it had when it was built."""
        if self._snapshot is None:
            return described(self._folder)
        segments = self._snapshot.index.segments
        return [{"kind": str(it.kind), "vectors": int(it.ids.size), "recall": it.recall} for it in segments]

    def alive(self, revision: int, where: Filter = EVERYTHING) -> Alive:
        """Which texts stand at any revision and may be found."""
        ids = self._store.alive(revision, where)
        return Alive.of(ids, int(ids[-1]) + 1 if ids.size else 1)

    def save(self) -> None:
        """Write the present index to disk, where it has changed since it was read or written."""
        snapshot = self._snapshot
        if snapshot is None or snapshot.index is self._saved_index:
            return
        origin = Origin(snapshot.encoder.fingerprint, snapshot.revision, snapshot.token)
        try:
            index = save_index(snapshot.index, self._folder, origin)
        except OSError as error:
            log.warning("the index could not be saved (%s); the next process makes it again", error.strerror)
            return
        with self._refreshing:
            if self._snapshot is snapshot:
                self._snapshot = replace(snapshot, index=index)
                self._saved_index = index

    def _caught_up(self, snapshot: Snapshot | None, head: Head) -> Snapshot:
        """The snapshot at ``head``: from the last one by what has changed since, else from disk or from scratch."""
        if snapshot is None or (head.encoder and snapshot.encoder.fingerprint != head.encoder):
            encoder = self._encoder_of(head)
            index = load_index(self._folder, encoder.dimension, lambda origin: self._belongs(origin, encoder))
            self._saved_index = index
            index = index or DenseIndex(encoder.dimension)
            alive = self.alive(head.revision)
        else:
            encoder, index = snapshot.encoder, snapshot.index
            alive = snapshot.alive.changed(self._store.alive_changes(snapshot.revision, head.revision))
        ids, vectors = self._store.vectors(encoder.fingerprint, index.last_id, head.last_text, encoder.dimension)
        return Snapshot(head.revision, head.token, encoder, index.extended(ids, vectors), alive)

    def _belongs(self, origin: Origin, encoder: Encoder) -> bool:
        return origin.encoder == encoder.fingerprint and origin.token == self._store.token_at(origin.revision)

    def _compact_in_background(self, snapshot: Snapshot) -> None:
        idle = self._compaction is None or not self._compaction.is_alive()
        index = snapshot.index
        kind = self._kind(index)
        if idle and (len(index.segments) > _MANY_SEGMENTS or not index.is_mostly(kind)):
            self._compaction = threading.Thread(target=self._compact, args=(snapshot, kind), name="kstore-compaction")
            self._compaction.start()

    def _kind(self, index: DenseIndex) -> Kind:
        """The kind that the index is to be of; flat where the one that was chosen has been refused."""
        kind = self._kind_of(index.count, index.dimension)
        return FLAT if kind in self._refused else kind

    def _compact(self, seen: Snapshot, kind: Kind) -> None:
        """Fold the segments of a snapshot into one; what was added meanwhile stays behind it."""
        folded = self._folded(seen, kind)
        old = seen.index.segments
        with self._refreshing:
            now = self._snapshot
            if now is not None and now.index.segments[: len(old)] == old:
                index = DenseIndex(folded.dimension, (*folded.segments, *now.index.segments[len(old) :]))
                self._snapshot = replace(now, index=index)

    def _folded(self, seen: Snapshot, kind: Kind) -> DenseIndex:
        index = seen.index
        if kind.exact and index.exact:
            return index.compacted()
        # The vectors as they were: what a coarse kind holds of them would not do.
        ids, vectors = self._store.vectors(seen.encoder.fingerprint, 0, index.last_id, index.dimension)
        segment = Segment.of_kind(kind, ids, vectors)
        if segment is None:
            log.warning("an index of kind %s would miss too many neighbours; searching one by one instead", kind)
            self._refused.add(kind)
            segment = Segment.of(ids, vectors)
        return DenseIndex(index.dimension, (segment,))
