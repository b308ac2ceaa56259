"""The explicit memory whole: documents in, passages found, every answer from one immutable snapshot."""

import contextlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path

from kstore.controls import Method, Refinements, check_text
from kstore.encoding.encoder import Encoder
from kstore.errors import InputError
from kstore.filters import EVERYTHING, Filter
from kstore.types import Evidence, Passage, Progress, Stopwatch, no_progress, text_digest
from kstore.vectors.commit import Edit, Overtaken, Plan, Receipt, commit
from kstore.vectors.encoders import StoreEncoders
from kstore.vectors.kinds import Rule, always_flat
from kstore.vectors.preparation import Preparation
from kstore.vectors.rerank import Reranker, TokenMatcher
from kstore.vectors.search import Searcher
from kstore.vectors.snapshots import Snapshot, Snapshots
from kstore.vectors.store import Store


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
        describe: Callable[[str], Sequence[tuple[str, str]]] = lambda text: (),
        kind_of: Rule = always_flat,
    ) -> None:
        """``load_encoder(None)`` is the default encoder; ``encoder_name`` the one the user wants, None: the store's.
        Hybrid searches are reranked where there is a ``matcher``. ``describe`` gives a document's metadata; how that
        and passages are read has the name ``splitter``. ``kind_of`` chooses the kind of index."""
        self.store = Store(home / "store.sqlite")
        self._split = split
        self._splitter = splitter
        self._describe = describe
        self._encoders = StoreEncoders(self.store, load_encoder, encoder_name)
        self.snapshots = Snapshots(self.store, self._encoders.of, home / "index", kind_of)
        self._reranker = Reranker(self.store, matcher) if matcher else None
        self._preparation = Preparation(self.store, self._reranker, progress)
        self._searcher = Searcher(self.store, self.snapshots, self._reranker)

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
        refinements: Refinements = Refinements(),  # noqa: B008 - immutable
        where: Filter = EVERYTHING,
    ) -> Evidence:
        """The ``k`` best passages at ``as_of`` (None: now) of those that the filter lets be found. ``watch`` receives
        the stages' times."""
        if as_of is not None:
            self.store.check_revision(as_of)
        return self._searcher.search(query, k, method, as_of, watch or Stopwatch(), refinements, where)

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
                self._edit(name, text, name not in unchanged, (sources or {}).get(name, source))
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
            edits = [self._edit(name, text) for name, text in self.store.texts(head.revision).items()]
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

    def _edit(self, name: str, text: str, changed: bool = True, source: str = "") -> Edit:
        """The document as it is to be; where it has not ``changed``, nothing of it is read."""
        if not changed:
            return Edit(name, text, None, source)
        return Edit(name, text, self._split(text), source, self._describe(text))

    def _commit(self, plan: Plan) -> Receipt:
        with self.store.database.writing() as connection:
            return commit(connection, plan)


def _check(documents: Mapping[str, str], deletes: Sequence[str]) -> None:
    """Raise InputError for a change that cannot be carried out, or a text that would not come back as it was."""
    for name, text in documents.items():
        check_text(text, repr(name))
        if name in deletes:
            raise InputError(f"{name!r} cannot be put and deleted in one change")
