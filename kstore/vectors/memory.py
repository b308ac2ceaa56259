"""The explicit memory whole: documents in, passages found, every answer from one immutable snapshot."""

import contextlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path

from kstore.controls import Method, check_text
from kstore.encoding.encoder import Encoder
from kstore.encoding.tokens import Matches
from kstore.errors import InputError
from kstore.types import Evidence, Hit, Passage, Progress, Stopwatch, no_progress, text_digest
from kstore.vectors.commit import Edit, Overtaken, Plan, Receipt, commit
from kstore.vectors.encoders import StoreEncoders
from kstore.vectors.fusion import convex_fusion
from kstore.vectors.lexical import search_lexical
from kstore.vectors.preparation import Preparation
from kstore.vectors.rerank import Reranker, TokenMatcher
from kstore.vectors.snapshots import Snapshot, Snapshots
from kstore.vectors.store import Store

_DEPTH = 50  # candidates that each search contributes to the fusion


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
        self._split = split
        self._splitter = splitter
        self._encoders = StoreEncoders(self.store, load_encoder, encoder_name)
        self.snapshots = Snapshots(self.store, self._encoders.of, home / "index")
        self._reranker = Reranker(self.store, matcher) if matcher else None
        self._preparation = Preparation(self.store, self._reranker, progress)

    def close(self) -> None:
        """Keep the index for the next process, then let go of the store."""
        self.snapshots.close()
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
        alive = snapshot.alive if revision == snapshot.revision else self.snapshots.alive(revision)
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

    def snapshot(self) -> Snapshot:
        """The snapshot of the latest committed revision, of this process or another."""
        return self.snapshots.latest()

    def encoder(self) -> Encoder:
        """The encoder of this store: the wanted one where it is named, else the one its vectors were made with."""
        return self._encoders.present()

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
            encoder = self._encoders.of(head) if any(edit.passages for edit in edits) else None
            vectors = self._preparation.vectors(encoder, edits) if encoder else {}
            token_vectors = self._preparation.token_vectors(edits)
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
                if self.snapshots.pinned:
                    self.snapshots.latest(watch)
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
            if head.splitter == self._splitter and self._encoders.wanted is None:
                return
            encoder = self.encoder()
            if (head.encoder, head.splitter) == (encoder.fingerprint, self._splitter):
                return
            self._preparation.encode_kept_texts(encoder)
            edits = [Edit(name, text, self._split(text)) for name, text in self.store.texts(head.revision).items()]
            plan = Plan(
                edits=edits,
                note=f"adopted encoder {encoder.name}, splitter {self._splitter}",
                encoder=encoder.fingerprint,
                encoder_name=encoder.name,
                splitter=self._splitter,
                vectors=self._preparation.vectors(encoder, edits),
                adopting=True,
                base=head.revision,
            )
            with contextlib.suppress(Overtaken):
                self._commit(plan)
                return

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

    def _commit(self, plan: Plan) -> Receipt:
        with self.store.database.writing() as connection:
            return commit(connection, plan)


def _check(documents: Mapping[str, str], deletes: Sequence[str]) -> None:
    """Raise InputError for a change that cannot be carried out, or a text that would not come back as it was."""
    for name, text in documents.items():
        check_text(text, repr(name))
        if name in deletes:
            raise InputError(f"{name!r} cannot be put and deleted in one change")
