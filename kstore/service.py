"""KStore: both memories behind one door. Whatever an edge offers is a method here."""

import threading
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

from kstore.controls import Controls, Method, Refinements, check_k, check_method, check_question, check_text
from kstore.errors import InputError, UnavailableError
from kstore.filters import EVERYTHING, Filter
from kstore.text.sources import check_name, check_size, read_file, read_source
from kstore.types import Arm, Document, Evidence, Reply, Stopwatch

if TYPE_CHECKING:  # the weights answer also where the vectors wing is not there to be imported
    from kstore.vectors.commit import Receipt
    from kstore.vectors.memory import VectorMemory
    from kstore.vectors.store import Event, Listed

BOTH = "both"
MEMORIES = ("parametric", "retrieval")  # which are both


class KStore:
    """A store and the arms that answer: some from it, some from weights. Made by ``assemble.open_kstore``.

    Safe to share between threads. The memory and the arms are opened when first needed, so that nothing loads what it
    does not use. Close it after use, or use it as a context manager.
    """

    def __init__(
        self,
        open_memory: Callable[[], "VectorMemory"],
        make_arms: Mapping[str, Callable[["KStore"], Arm]],
        max_document_bytes: int,
    ) -> None:
        self._open_memory = open_memory
        self._make_arms = make_arms
        self.max_document_bytes = max_document_bytes
        self._memory: VectorMemory | None = None
        self._arms: dict[str, Arm] = {}
        self._opening = threading.RLock()

    def __enter__(self) -> "KStore":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Keep the index for the next process, let go of the files and of the models. Nothing can be asked then."""
        with self._opening:
            if self._memory is not None:
                self._memory.close()
            self._memory, self._arms = None, {}
            self._open_memory, self._make_arms = _closed, dict.fromkeys(self._make_arms, _closed)

    @property
    def memory(self) -> "VectorMemory":
        """The explicit memory; UnavailableError where it cannot be opened."""
        with self._opening:
            if self._memory is None:
                self._memory = self._open_memory()
            return self._memory

    @property
    def arm_names(self) -> tuple[str, ...]:
        return tuple(self._make_arms)

    def arm(self, name: str) -> Arm:
        """The arm called ``name``, ready to answer."""
        if name not in self._make_arms:
            raise InputError(f"unknown arm {name!r}: choose one of {', '.join((*self.arm_names, BOTH))}")
        with self._opening:
            if name not in self._arms:
                self._arms[name] = self._make_arms[name](self)
            return self._arms[name]

    def revision(self) -> int | None:
        """The latest revision; None where the explicit memory cannot be had, which weights do not mind."""
        try:
            return self.memory.store.head().revision
        except UnavailableError:
            return None

    def revision_of(self, digest: str) -> int | None:
        """The revision at which this store had the corpus of that digest; None where it never had, or is not there."""
        try:
            return self.memory.store.revision_of(digest)
        except UnavailableError:
            return None

    def ready(self) -> int:
        """Load every arm and pin the latest snapshot; its revision. Whatever is missing raises UnavailableError."""
        for name in self.arm_names:
            self.arm(name)
        self.memory.adopt()
        return self.memory.snapshot().revision

    # Questions -------------------------------------------------------------------------------------------------

    def ask(self, question: str, arm: str = BOTH, controls: Controls = Controls()) -> Reply:  # noqa: B008
        """The question's answers: of one arm, or of each, one after the other so that neither slows the other."""
        check_question(question)
        if controls.as_of is not None:
            self.memory.store.check_revision(controls.as_of)
        arms = [self.arm(name) for name in (MEMORIES if arm == BOTH else (arm,))]
        if arm != "parametric":
            self.memory.adopt()  # the encoder that is wanted, where the store has another
        revision = self.revision()
        answers = [each.answer(question, controls) for each in arms]
        return Reply(question, revision, tuple(answer.aged(revision) for answer in answers))

    def search(
        self,
        query: str,
        k: int = 10,
        method: Method = "hybrid",
        as_of: int | None = None,
        refinements: Refinements = Refinements(),  # noqa: B008 - immutable
        where: Filter = EVERYTHING,
    ) -> Evidence:
        """The ``k`` best passages at ``as_of`` (None: now) of those that the filter lets be found."""
        check_question(query)
        check_k(k)
        if check_method(method) != "lexical":
            self.memory.adopt()
        return self.memory.search(query, k, method, as_of, refinements=refinements, where=where)

    # Documents -------------------------------------------------------------------------------------------------

    def put(
        self,
        name: str,
        text: str,
        expected: Mapping[str, str | None] | None = None,
        watch: Stopwatch | None = None,
    ) -> "Receipt":
        """Add or change one document; the receipt's revision is that at which the change is visible.

        ``watch`` receives the stages' times, as in ``VectorMemory.apply``.
        """
        documents = {check_name(name): check_text(text, name)}
        check_size(len(text.encode()), name, self.max_document_bytes)
        return self.memory.apply(documents, f"put {name}", expected=expected, watch=watch)

    def put_file(self, name: str, file: Path) -> "Receipt":
        """Add or change one document from a file."""
        return self.put(name, read_file(file, self.max_document_bytes))

    def delete(self, name: str, expected: Mapping[str, str | None] | None = None) -> "Receipt":
        """Delete one document; it stays in the past. NotFoundError where there is none of that name."""
        return self.memory.apply({}, f"deleted {name}", deletes=[name], expected=expected)

    def ingest(self, sources: Sequence[str], prune: bool = False, watch: Stopwatch | None = None) -> "Receipt":
        """Take in files, folders and git repositories in one revision; see ``text.sources``.

        With ``prune``, the documents that came from the source before and are no longer in it are deleted; this wants
        one source at a time. InputError where two sources hold documents of the same name. ``watch`` receives the
        stages' times: ``read`` the sources, then those of ``VectorMemory.apply``.
        """
        watch = watch or Stopwatch()
        if prune and len(sources) != 1:
            raise InputError("--prune takes exactly one source")
        collections = [read_source(source, self.max_document_bytes) for source in sources]
        documents: dict[str, str] = {}
        origins: dict[str, str] = {}
        for collection in collections:
            for name in collection.documents:
                if name in documents:
                    raise InputError(f"two sources hold a document called {name!r}; ingest them one by one")
            documents |= collection.documents
            origins |= dict.fromkeys(collection.documents, collection.source)
        note = "ingested " + ", ".join(collection.source for collection in collections)
        pruned = collections[0].source if prune else ""
        watch.lap("read")
        return self.memory.apply(documents, note, source=pruned, sources=origins, prune=prune, watch=watch)

    def documents(self, as_of: int | None = None) -> tuple[int, "list[Listed]"]:
        """A revision (None: the latest) and its documents, by name."""
        revision = self._at(as_of)
        return revision, self.memory.store.documents(revision)

    def show(self, name: str, as_of: int | None = None) -> Document:
        """A document as it was at a revision (None: the latest)."""
        return self.memory.store.document(name, self._at(as_of))

    def history(self, name: str | None = None) -> "list[Event]":
        """What happened to a document, or (without a name) to the corpus, oldest first."""
        return self.memory.store.history(name)

    def status(self) -> dict[str, Any]:
        """The store in numbers, and what it was made with."""
        head = self.memory.store.head()
        return {
            "revision": head.revision,
            "changed_at": head.at,
            "digest": head.digest,
            **self.memory.store.counts(head.revision),
            "encoder": {"name": head.encoder_name, "fingerprint": head.encoder},
            "splitter": head.splitter,
            "index": self.memory.snapshots.described(),
            "arms": list(self.arm_names),
        }

    def _at(self, as_of: int | None) -> int:
        store = self.memory.store
        return store.head().revision if as_of is None else store.check_revision(as_of)


def _closed(*_: object) -> NoReturn:
    raise UnavailableError("the store is closed")
