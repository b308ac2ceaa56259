"""Snapshots: what a search reads, as of one revision, and how the next one is made of the last."""

import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from kstore.encoding.encoder import Encoder
from kstore.filters import EVERYTHING, Filter
from kstore.types import Stopwatch
from kstore.vectors.index import Alive, DenseIndex
from kstore.vectors.saved import Origin, load_index, save_index
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

    def __init__(self, store: Store, encoder_of: Callable[[Head], Encoder], folder: Path) -> None:
        """``encoder_of`` gives the encoder of the vectors in force; ``folder`` is where the index is kept."""
        self._store = store
        self._encoder_of = encoder_of
        self._folder = folder
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
        if idle and len(snapshot.index.segments) > _MANY_SEGMENTS:
            self._compaction = threading.Thread(target=self._compact, args=(snapshot,), name="kstore-compaction")
            self._compaction.start()

    def _compact(self, seen: Snapshot) -> None:
        """Fold the segments of a snapshot into one; what was added meanwhile stays behind it."""
        folded = seen.index.compacted()
        old = seen.index.segments
        with self._refreshing:
            now = self._snapshot
            if now is not None and now.index.segments[: len(old)] == old:
                index = DenseIndex(folded.dimension, (*folded.segments, *now.index.segments[len(old) :]))
                self._snapshot = replace(now, index=index)
