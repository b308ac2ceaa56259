"""The explicit memory whole: documents in, passages found, every answer from one immutable snapshot."""

import contextlib
import logging
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from kstore.controls import Method, check_text
from kstore.encoding.encoder import Encoder, Vectors
from kstore.encoding.tokens import Matches, TokenVectors
from kstore.errors import InputError, ModelError
from kstore.types import Evidence, Hit, Passage, Progress, Stopwatch, encoder_text, no_progress, text_digest
from kstore.vectors.commit import Edit, Overtaken, Plan, Receipt, commit, keep_vectors
from kstore.vectors.fusion import convex_fusion
from kstore.vectors.index import Alive, DenseIndex
from kstore.vectors.lexical import search_lexical
from kstore.vectors.rerank import Reranker, TokenMatcher
from kstore.vectors.saved import Origin, load_index, save_index
from kstore.vectors.store import Head, Store

_DEPTH = 50  # candidates that each search contributes to the fusion
_ENCODE_AT_ONCE = 64  # passages between two reports of progress
_MANY_SEGMENTS = 12
_PREPARED_AT_ONCE = 4096  # passages; of a larger change, each gets its token vectors when it is first found

log = logging.getLogger("kstore")


@dataclass(frozen=True, slots=True)
class Snapshot:
    """All that a search needs, as of one revision; never changed, so readers take no lock."""

    revision: int
    token: str
    encoder: Encoder
    index: DenseIndex
    alive: Alive


class VectorMemory:
    """Documents, passages, vectors and their search, in one folder.

    Writers of all processes take turns at SQLite's lock, and only for the transaction: splitting and encoding happen
    before it. Each search first asks SQLite for the latest revision, so a change is visible to the next search in
    any process. Revision ``r`` is read through ``born <= r < died``, whatever is written meanwhile.
    """

    def __init__(
        self,
        home: Path,
        load_encoder: Callable[[str | None], Encoder],
        split: Callable[[str], list[Passage]],
        splitter: str,
        encoder_name: str | None = None,
        progress: Progress = no_progress,
        matcher: TokenMatcher | None = None,
    ) -> None:
        """``load_encoder(None)`` is the default encoder; ``encoder_name`` the one the user wants, None: the store's.
        Hybrid searches are reranked where there is a ``matcher``."""
        self.store = Store(home / "store.sqlite")
        self._index_folder = home / "index"
        self._load_encoder = load_encoder
        self._split = split
        self._splitter = splitter
        self._wanted = encoder_name
        self._progress = progress
        self._reranker = Reranker(self.store, matcher) if matcher else None
        self._encoders: dict[str | None, Encoder] = {}
        self._snapshot: Snapshot | None = None
        self._saved_index: DenseIndex | None = None
        self._refreshing = threading.Lock()
        self._loading = threading.Lock()
        self._compaction: threading.Thread | None = None

    def close(self) -> None:
        """Keep the index for the next process, then let go of the store."""
        if self._compaction is not None:
            self._compaction.join()
        self.save()
        self.store.close()

    # Reading ---------------------------------------------------------------------------------------------------

    def search(
        self,
        query: str,
        k: int,
        method: Method = "hybrid",
        as_of: int | None = None,
        watch: Stopwatch | None = None,
        rerank: bool = True,
    ) -> Evidence:
        """The ``k`` best passages at ``as_of`` (None: now). ``watch`` receives the stages' times. ``rerank``: let the
        tokens decide the order of what a hybrid search has found, where there is a matcher."""
        watch = watch or Stopwatch()
        if as_of is not None:
            self.store.check_revision(as_of)
        if method == "lexical":
            revision = self.store.head().revision if as_of is None else as_of
            lexical = dict(search_lexical(self.store, query, k, revision))
            watch.lap("search")
            return self._evidence(query, k, revision, lexical, {}, lexical)
        snapshot = self.snapshot()
        revision = snapshot.revision if as_of is None else as_of
        watch.lap("pin")
        vector = snapshot.encoder.encode_questions([query])[0]
        watch.lap("encode")
        alive = snapshot.alive if revision == snapshot.revision else self._alive(revision)
        ids, cosines = snapshot.index.search(vector, max(k, _DEPTH), alive)
        similarities = {int(text): float(cosine) for text, cosine in zip(ids, cosines, strict=True)}
        if method == "dense":
            watch.lap("search")
            return self._evidence(query, k, revision, similarities, similarities, {})
        lexical = dict(search_lexical(self.store, query, max(k, _DEPTH), revision))
        watch.lap("search")
        found_by_words = [text for text in lexical if text not in similarities]
        for text, other in self.store.vectors_of(snapshot.encoder.fingerprint, found_by_words).items():
            similarities[text] = float(vector @ other)
        lexical = {text: lexical.get(text, 0.0) for text in similarities}
        scores: Mapping[int, float] = convex_fusion(similarities, lexical)
        watch.lap("fuse")
        matches = None
        if rerank and self._reranker:
            scores, matches = self._reranker.rerank(query, scores)
            watch.lap("rerank")
        return self._evidence(query, k, revision, scores, similarities, lexical, matches)

    def snapshot(self, watch: Stopwatch | None = None) -> Snapshot:
        """The snapshot of the latest committed revision, of this process or another. ``watch`` receives the time that
        catching up took, ``index``."""
        watch = watch or Stopwatch()
        head = self.store.head()
        snapshot = self._snapshot
        if snapshot is not None and snapshot.revision >= head.revision:
            return snapshot
        with self._refreshing:
            snapshot = self._snapshot
            if snapshot is None or snapshot.revision < head.revision:
                snapshot = self._caught_up(snapshot, self.store.head())
                watch.lap("index")
                self._snapshot = snapshot
                self._compact_in_background(snapshot)
        return snapshot

    def encoder(self) -> Encoder:
        """The encoder of this store: the wanted one where it is named, else the one its vectors were made with."""
        return self._named(self._wanted or self.store.head().encoder_name or None)

    # Writing ---------------------------------------------------------------------------------------------------

    def apply(
        self,
        documents: Mapping[str, str],
        note: str,
        *,
        deletes: Iterable[str] = (),
        source: str = "",
        sources: Mapping[str, str] | None = None,
        prune: bool = False,
        expected: Mapping[str, str | None] | None = None,
        watch: Stopwatch | None = None,
    ) -> Receipt:
        """Put and delete documents in one revision, which the next search of any process sees.

        ``source`` is where the documents come from, ``sources`` where it is another for some of them. ``prune`` also
        deletes the documents of ``source`` that are not among ``documents``. ``expected`` gives the
        digests that documents must still have (None: they must not exist), or ConflictError is raised.

        ``watch`` receives the stages' times: ``detect`` what is unchanged, ``split``, ``encode`` what is new,
        ``commit`` all of it with the lexical index, ``index`` the vectors, ``publish`` the snapshot. The last two are
        left to the first search in a process that has not searched yet.
        """
        watch = watch or Stopwatch()
        deletes = tuple(deletes)
        _check(documents, deletes)
        while True:
            if documents:
                self.adopt()
            head = self.store.head()
            # While no encoder is in force, all documents are empty; the first one places also those left unchanged.
            known = self.store.digests(documents) if head.encoder else {}
            unchanged = {name for name, text in documents.items() if known.get(name) == text_digest(text)}
            watch.lap("detect")
            edits = [
                Edit(name, text, None if name in unchanged else self._split(text), (sources or {}).get(name, source))
                for name, text in documents.items()
            ]
            watch.lap("split")
            encoder = self._encoder_of(head) if any(edit.passages for edit in edits) else None
            vectors = self._encoded(encoder, edits) if encoder else {}
            token_vectors = self._token_vectors(edits)
            watch.lap("encode")
            plan = Plan(
                edits=edits,
                note=note,
                encoder=encoder.fingerprint if encoder else head.encoder,
                encoder_name=encoder.name if encoder else head.encoder_name,
                splitter=self._splitter if encoder else head.splitter,
                vectors=vectors,
                token_model=self._reranker.model if self._reranker else "",
                token_vectors=token_vectors,
                deletes=deletes,
                source=source,
                prune=prune,
                expected=expected or {},
            )
            with contextlib.suppress(Overtaken):
                receipt = self._commit(plan)
                watch.lap("commit")
                if self._snapshot is not None:
                    self.snapshot(watch)
                    watch.lap("publish")
                return receipt
            watch.lap("commit")

    def adopt(self) -> None:
        """Move the store to this process's encoder and splitter where they differ from the store's.

        The new vectors are made beside the old ones, from which every process goes on answering; then one revision
        switches. Texts no longer alive are encoded too, so that the past can still be asked. What has been encoded
        is kept at once, and not done again after an interruption.
        """
        while True:
            head = self.store.head()
            if not head.encoder:
                return
            if head.splitter == self._splitter and self._wanted is None:
                return
            encoder = self.encoder()
            if (head.encoder, head.splitter) == (encoder.fingerprint, self._splitter):
                return
            self._encode_kept_texts(encoder)
            edits = [Edit(name, text, self._split(text)) for name, text in self.store.texts(head.revision).items()]
            plan = Plan(
                edits=edits,
                note=f"adopted encoder {encoder.name}, splitter {self._splitter}",
                encoder=encoder.fingerprint,
                encoder_name=encoder.name,
                splitter=self._splitter,
                vectors=self._encoded(encoder, edits),
                adopting=True,
                base=head.revision,
            )
            with contextlib.suppress(Overtaken):
                self._commit(plan)
                return

    def save(self) -> None:
        """Write the present index to disk, where it has changed since it was read or written."""
        snapshot = self._snapshot
        if snapshot is None or snapshot.index is self._saved_index:
            return
        origin = Origin(snapshot.encoder.fingerprint, snapshot.revision, snapshot.token)
        try:
            index = save_index(snapshot.index, self._index_folder, origin)
        except OSError as error:
            log.warning("the index could not be saved (%s); the next process makes it again", error.strerror)
            return
        with self._refreshing:
            if self._snapshot is snapshot:
                self._snapshot = replace(snapshot, index=index)
                self._saved_index = index

    # Within ----------------------------------------------------------------------------------------------------

    def _evidence(
        self,
        query: str,
        k: int,
        revision: int,
        scores: Mapping[int, float],
        similarities: Mapping[int, float],
        lexical: Mapping[int, float],
        matches: Matches | None = None,
    ) -> Evidence:
        best = sorted(scores, key=lambda text: (-scores[text], text))[:k]
        rank = {text: position for position, text in enumerate(best)}
        rows = sorted(self.store.passages(best, revision), key=lambda row: rank[row.text_id])
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

    def _alive(self, revision: int) -> Alive:
        ids = self.store.alive(revision)
        return Alive.of(ids, int(ids[-1]) + 1 if ids.size else 1)

    def _caught_up(self, snapshot: Snapshot | None, head: Head) -> Snapshot:
        """The snapshot at ``head``: from the last one by what has changed since, else from disk or from scratch."""
        if snapshot is None or (head.encoder and snapshot.encoder.fingerprint != head.encoder):
            encoder = self._encoder_of(head)
            index = load_index(self._index_folder, encoder.dimension, lambda origin: self._belongs(origin, encoder))
            self._saved_index = index
            index = index or DenseIndex(encoder.dimension)
            alive = self._alive(head.revision)
        else:
            encoder, index = snapshot.encoder, snapshot.index
            alive = snapshot.alive.changed(self.store.alive_changes(snapshot.revision, head.revision))
        ids, vectors = self.store.vectors(encoder.fingerprint, index.last_id, head.last_text, encoder.dimension)
        return Snapshot(head.revision, head.token, encoder, index.extended(ids, vectors), alive)

    def _named(self, name: str | None) -> Encoder:
        with self._loading:
            if name not in self._encoders:
                self._encoders[name] = self._load_encoder(name)
            return self._encoders[name]

    def _encoder_of(self, head: Head) -> Encoder:
        """The encoder of the vectors in force, whichever one is wanted; before the first vector, the wanted one."""
        if not head.encoder:
            return self.encoder()
        encoder = self._named(head.encoder_name)
        if encoder.fingerprint != head.encoder:
            raise ModelError(
                f"the store's vectors were made by another version of the encoder {head.encoder_name};"
                f" KSTORE_ENCODER={head.encoder_name} moves the store to the present one"
            )
        return encoder

    def _belongs(self, origin: Origin, encoder: Encoder) -> bool:
        return origin.encoder == encoder.fingerprint and origin.token == self.store.token_at(origin.revision)

    def _commit(self, plan: Plan) -> Receipt:
        with self.store.database.writing() as connection:
            return commit(connection, plan)

    def _encoded(self, encoder: Encoder, edits: list[Edit]) -> dict[str, Vectors]:
        """``{key: vector}`` of the passages whose text this encoder has not encoded before."""
        passages = {passage.key: passage for edit in edits for passage in edit.passages or ()}
        unseen = self.store.without_vector(passages, encoder.fingerprint)
        texts = {key: passages[key].encoder_text for key in passages if key in unseen}
        return {key: vector for batch in self._encode(encoder, texts) for key, vector in batch.items()}

    def _token_vectors(self, edits: list[Edit]) -> dict[str, TokenVectors]:
        """``{key: token vectors}`` of the passages that have none yet; nothing without a reranker."""
        if self._reranker is None:
            return {}
        texts = self._reranker.unseen({it.key: it for edit in edits for it in edit.passages or ()})
        made: dict[str, TokenVectors] = {}
        if len(texts) > _PREPARED_AT_ONCE:
            return made
        for batch in self._batches(list(texts), "preparing passages for reranking"):
            made |= self._reranker.encode({key: texts[key] for key in batch})
        return made

    def _encode_kept_texts(self, encoder: Encoder) -> None:
        """Give every text of the store, alive or not, its vector of ``encoder``, beside the vectors in force."""
        missing = self.store.texts_without_vector(encoder.fingerprint)
        texts = {key: encoder_text(headings, plain) for key, (headings, plain) in missing.items()}
        for vectors in self._encode(encoder, texts):
            with self.store.database.writing() as connection:
                keep_vectors(connection, encoder.fingerprint, vectors)

    def _encode(self, encoder: Encoder, texts: Mapping[str, str]) -> Iterator[dict[str, Vectors]]:
        """``{key: vector}`` of the ``{key: text}``, some at a time."""
        for batch in self._batches(list(texts), "encoding passages"):
            encoded = encoder.encode_passages([texts[key] for key in batch])
            yield dict(zip(batch, np.asarray(encoded, dtype=np.float32), strict=True))

    def _batches(self, keys: list[str], what: str) -> Iterator[list[str]]:
        """The keys, some at a time, with a report of progress before each batch and after the last."""
        for first in range(0, len(keys), _ENCODE_AT_ONCE):
            self._progress(what, first, len(keys))
            yield keys[first : first + _ENCODE_AT_ONCE]
        if keys:
            self._progress(what, len(keys), len(keys))

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


def _check(documents: Mapping[str, str], deletes: Sequence[str]) -> None:
    """Raise InputError for a change that cannot be carried out, or a text that would not come back as it was."""
    for name, text in documents.items():
        check_text(text, repr(name))
        if name in deletes:
            raise InputError(f"{name!r} cannot be put and deleted in one change")
