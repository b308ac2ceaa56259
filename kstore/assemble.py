"""The house as it is built: settings in, a KStore out. Only here are concrete classes chosen.

                    ┌───────► ParametricArm ─► Generator (weights) ───────────┐
    question ─► KStore.ask ─► AdaptiveArm (one or the other) ─────────────────┼─► Answer(as_of, citations, timings)
                    └───────► RetrievalArm ──► VectorMemory ─► PassageReader ─┘
                                                   │
    document ─► KStore.put ─► split ─► encode ─────┴─► Store (SQLite: the truth) ─► DenseIndex, BM25 (derived)

Each wing is imported where it is chosen, so a process loads only what it uses, and one memory works without the other.
"""

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import cache, cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from kstore.encoding.encoder import Encoder
from kstore.errors import UnavailableError
from kstore.service import KStore
from kstore.settings import PACKAGED_ENCODER, SHIPPED_GENERATOR, Settings, load_settings
from kstore.text.markdown import SPLITTER, split
from kstore.text.metadata import metadata
from kstore.text.sources import read_source
from kstore.types import Arm, Progress, no_progress

if TYPE_CHECKING:
    from kstore.encoding.tokens import TokenEncoder
    from kstore.vectors.memory import VectorMemory
    from kstore.weights.generator import Generator

GUIDE = Path(__file__).resolve().parent.parent / "corpora" / "guide"

_STARTED = "started"  # the fact that a store has been given its first documents, or been told to start without


def open_kstore(settings: Settings | None = None, *, empty: bool = False, progress: Progress = no_progress) -> KStore:
    """The store of ``settings`` (None: of the environment). A new one is filled with the guide unless ``empty``.

    Opening is cheap: the store, the encoder and the models are each loaded when something first needs them, and may
    then raise UnavailableError.
    """
    chosen = settings or load_settings()
    encoders = _Encoders(chosen, progress)

    def open_memory() -> "VectorMemory":
        try:
            from kstore.vectors.kinds import rule
            from kstore.vectors.memory import VectorMemory
        except ModuleNotFoundError as error:
            raise UnavailableError(f"the explicit memory is not installed: {error}") from error
        memory = VectorMemory(
            chosen.home,
            encoders.named,
            split,
            SPLITTER,
            chosen.encoder,
            progress,
            encoders.tokens,
            metadata,
            rule(chosen.index, chosen.index_memory),
        )
        _start(memory, empty, chosen.max_document_bytes)
        return memory

    @cache
    def generator() -> "Generator":  # one for both arms, which are made one at a time
        return _generator(chosen, encoders.named)

    def parametric(kstore: KStore) -> Arm:
        from kstore.answering.parametric import ParametricArm

        return ParametricArm(generator(), kstore.revision_of)

    def retrieval(kstore: KStore) -> Arm:
        from kstore.answering.grounded import GroundedReader
        from kstore.answering.reader import Reader
        from kstore.answering.retrieval import RetrievalArm
        from kstore.reading.reader import CrossEncoder

        if not _recalls_only(chosen) and generator().instructable:
            encoders.tokens.model.load()
            return RetrievalArm(kstore.memory, GroundedReader(generator()))
        cross_encoder = CrossEncoder(chosen.threads)
        with ThreadPoolExecutor() as pool:  # most of a start is spent here; side by side it takes two thirds
            list(pool.map(lambda model: model.load(), (encoders.tokens.model, cross_encoder.model)))
        return RetrievalArm(kstore.memory, Reader(cross_encoder))

    def adaptive(kstore: KStore) -> Arm:
        memory = kstore.memory  # first: without it there is nothing to choose between
        from kstore.answering.adaptive import AdaptiveArm

        return AdaptiveArm(kstore.arm("parametric"), kstore.arm("retrieval"), memory)

    arms = {"parametric": parametric, "retrieval": retrieval, "adaptive": adaptive}
    return KStore(open_memory, arms, chosen.max_document_bytes)


def weights_folder(settings: Settings) -> Path:
    """Where the weights of the settings lie, if they are not a hub's."""
    from kstore.weights.shipped import FOLDER

    return FOLDER if settings.generator == SHIPPED_GENERATOR else Path(settings.generator).expanduser()


class _Encoders:
    """Loads each encoder once for both memories, which often share one."""

    def __init__(self, settings: Settings, progress: Progress) -> None:
        self._settings = settings
        self._progress = progress
        self._loaded: dict[str, Encoder] = {}
        self._loading = threading.Lock()

    @cached_property
    def tokens(self) -> "TokenEncoder":
        """The shipped token encoder."""
        from kstore.encoding.tokens import TokenEncoder

        return TokenEncoder(self._settings.threads)

    def named(self, name: str | None) -> Encoder:
        """The encoder called ``name``; None: the packaged one."""
        from kstore.encoding.prepare import load_encoder

        wanted = name or PACKAGED_ENCODER
        with self._loading:
            if wanted not in self._loaded:
                self._loaded[wanted] = load_encoder(
                    wanted, self._settings.cache, self._settings.threads, lambda what: self._progress(what, 0, 0)
                )
            return self._loaded[wanted]


def _recalls_only(settings: Settings) -> bool:
    """Whether the generator is of kstore's own kind, which reads nothing: the shipped one, or one that ``kstore train``
    made."""
    from kstore.weights.generator import TrainingRecord
    from kstore.weights.shipped import KIND

    record = TrainingRecord.read(weights_folder(settings))
    return settings.generator == SHIPPED_GENERATOR or (record is not None and record.kind == KIND)


def _generator(settings: Settings, encoder: Callable[[str | None], Encoder]) -> "Generator":
    """The generator that the settings name: of kstore's own kind, hosted, or any model of the Hugging Face kind that
    writes or fills in words."""
    if _recalls_only(settings):
        from kstore.weights.shipped import SentencePromptedGenerator

        return SentencePromptedGenerator(weights_folder(settings), encoder(None))
    from kstore.weights.hosted import HostedGenerator, is_hosted

    if is_hosted(settings.generator):
        return HostedGenerator(settings.generator, settings.generator_url)
    from kstore.weights.huggingface.loading import open_model

    return open_model(settings.generator, settings.threads)


def _start(memory: "VectorMemory", empty: bool, max_document_bytes: int) -> None:
    """Give a new store its first documents."""
    if memory.store.fact(_STARTED) is None:
        if not empty and memory.store.head().revision == 0:
            guide = read_source(str(GUIDE), max_document_bytes)
            memory.apply(guide.documents, "filled with the guide", source=guide.source)
        memory.store.settle(_STARTED, "empty" if empty else "guide")
