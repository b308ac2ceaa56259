"""A store at the beginning of its edits with the arms that answer from it, and how to come by several alike.

A store keeps every vector that it has made, so an edit written for the second time is encoded no more. Modes that are
to pay for encoding what they write therefore each want a store of their own.
"""

import shutil
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path

from evals.arms.protocol import Arm
from evals.cases import Kind
from evals.freshness.rows import Phase, State, WriteRow
from evals.rows import Place
from kstore.assemble import open_kstore
from kstore.errors import KStoreError
from kstore.service import KStore
from kstore.settings import Settings
from kstore.types import Progress, Stopwatch, no_progress
from kstore.vectors.commit import Receipt

_WARM_UP = "freshness-warm-up.md"


@dataclass(frozen=True, slots=True)
class Said:
    """What an arm said: an answer, ``text`` None where it declined or failed with an ``error``; ``wall_ms`` of the
    caller's time."""

    text: str | None
    reason: str | None
    error: str | None
    as_of: State | None
    citations: tuple[Place, ...]
    wall_ms: float


@dataclass(frozen=True, slots=True)
class Written:
    """A write that is done: its receipt and its time from call to return, in milliseconds, with its stages."""

    receipt: Receipt
    timings: dict[str, float]

    def row(
        self,
        mode: str,
        unit: str,
        phase: Phase,
        edits: tuple[str, ...],
        changed_bytes: int,
        kind: Kind | None = None,
        closes: bool = False,
    ) -> WriteRow:
        """The row that tells of it."""
        return WriteRow(
            mode=mode,
            unit=unit,
            phase=phase,
            edits=edits,
            kind=kind,
            added=self.receipt.added,
            changed=self.receipt.changed,
            deleted=self.receipt.deleted,
            encoded=self.receipt.encoded,
            changed_bytes=changed_bytes,
            closes=closes,
            timings_ms=self.timings,
        )


class Bench:
    """A store, the arms over it, and the two things done with them: writing and asking."""

    def __init__(self, store: KStore, arms: Sequence[Arm]) -> None:
        self.store = store
        self.arms = tuple(arms)

    @property
    def digest(self) -> str:
        """Of the corpus as it is now."""
        return self.store.memory.store.head().digest

    def in_turn(self, number: int) -> tuple[Arm, ...]:
        """The arms, beginning with another one each time, so that what disturbs the machine disturbs them alike."""
        first = number % max(len(self.arms), 1)
        return (*self.arms[first:], *self.arms[:first])

    def documents(self) -> dict[str, str]:
        """``{name: text}`` as of now."""
        store = self.store.memory.store
        return store.texts(store.head().revision)

    def warm_up(self, question: str) -> None:
        """Ask and write once, so that no row pays for the loading of a model."""
        for arm in self.arms:
            self.ask(arm, question, {})
        self.store.memory.snapshot()
        self.store.put(_WARM_UP, f"# Warm-up\n\n{question}\n")
        self.store.delete(_WARM_UP)

    def write(self, documents: Mapping[str, str], note: str) -> Written:
        """Put the documents in one revision."""
        watch = Stopwatch()
        if len(documents) == 1:
            ((name, text),) = documents.items()
            receipt = self.store.put(name, text, watch=watch)
        else:
            receipt = self.store.memory.apply(documents, note, watch=watch)
        watch.lap("publish")
        return Written(receipt, watch.timings())

    def ask(self, arm: Arm, question: str, states: Mapping[str, State]) -> Said:
        """What the arm says; whatever it does wrong is what it said, not the end of the run. ``states`` gives the names
        of the corpus's states by their digests."""
        started = time.perf_counter()
        try:
            answer = arm.answer(question)
        except KStoreError as problem:
            return Said(None, str(problem), problem.code, None, (), _since(started))
        except Exception as problem:  # noqa: BLE001 - an arm may be anybody's
            return Said(None, f"{type(problem).__name__}: {problem}", "crashed", None, (), _since(started))
        wall = _since(started)
        places = tuple(Place(document=it.document, start=it.start, end=it.end) for it in answer.citations)
        as_of = None if answer.as_of is None else states.get(self._digest_at(answer.as_of), "other")
        return Said(answer.text, answer.declined, None, as_of, places, wall)

    def _digest_at(self, revision: int) -> str:
        events = self.store.history()
        return next((event.digest or "" for event in reversed(events) if event.revision == revision), "")


OpenBench = Callable[[], AbstractContextManager[Bench]]


@contextmanager
def benches(
    documents: Mapping[str, str],
    settings: Settings,
    make_arms: Callable[[KStore], Sequence[Arm]],
    progress: Progress = no_progress,
) -> Iterator[OpenBench]:
    """A way to open benches that all begin with the same documents, each with a store of its own, for as long as the
    context lasts. The documents are encoded once."""
    with tempfile.TemporaryDirectory(prefix="kstore-freshness-") as folder:
        filled = Path(folder, "filled")
        with open_kstore(settings.model_copy(update={"home": filled}), empty=True, progress=progress) as store:
            store.memory.apply(documents, "filled")
            store.memory.snapshot()

        @contextmanager
        def open_bench() -> Iterator[Bench]:
            home = Path(tempfile.mkdtemp(dir=folder))
            shutil.copytree(filled, home, dirs_exist_ok=True)
            with open_kstore(settings.model_copy(update={"home": home}), empty=True) as store:
                yield Bench(store, make_arms(store))

        yield open_bench


def _since(started: float) -> float:
    return (time.perf_counter() - started) * 1e3
