"""kstore answers questions from two memories, a model's weights and a vector store, side by side.

    >>> import kstore
    >>> with kstore.open_kstore() as store:      # doctest: +SKIP
    ...     reply = store.ask("What does HNSW's M set?")

Importing this package loads nothing heavy; each name is fetched from its module when it is first used.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from kstore.assemble import open_kstore
    from kstore.controls import PRESETS, Controls, Cut, Refinements, Sampling, controls_for
    from kstore.errors import (
        ConflictError,
        InputError,
        KStoreError,
        ModelError,
        NotFoundError,
        RevisionError,
        StoreError,
        TooLargeError,
        UnavailableError,
    )
    from kstore.filters import Filter
    from kstore.service import KStore
    from kstore.settings import Settings, load_settings
    from kstore.types import Answer, Arm, Citation, Document, Evidence, Hit, Passage, Reply, corpus_digest

__version__ = "0.1.0"

_HOMES = {
    "kstore.assemble": ("open_kstore",),
    "kstore.controls": ("PRESETS", "Controls", "Cut", "Refinements", "Sampling", "controls_for"),
    "kstore.errors": (
        "ConflictError",
        "InputError",
        "KStoreError",
        "ModelError",
        "NotFoundError",
        "RevisionError",
        "StoreError",
        "TooLargeError",
        "UnavailableError",
    ),
    "kstore.filters": ("Filter",),
    "kstore.service": ("KStore",),
    "kstore.settings": ("Settings", "load_settings"),
    "kstore.types": ("Answer", "Arm", "Citation", "Document", "Evidence", "Hit", "Passage", "Reply", "corpus_digest"),
}
_HOME_OF = {name: module for module, names in _HOMES.items() for name in names}

__all__ = [  # noqa: RUF022 - grouped by what one does with them
    "open_kstore", "KStore", "Settings", "load_settings",
    "Controls", "Cut", "Refinements", "Sampling", "Filter", "PRESETS", "controls_for",
    "Reply", "Answer", "Citation", "Evidence", "Hit", "Passage", "Document", "Arm", "corpus_digest",
    "KStoreError", "InputError", "RevisionError", "TooLargeError", "NotFoundError", "ConflictError",
    "UnavailableError", "ModelError", "StoreError",
    "__version__",
]  # fmt: skip


def __getattr__(name: str) -> Any:
    if name not in _HOME_OF:
        raise AttributeError(f"module 'kstore' has no attribute {name!r}")
    return getattr(import_module(_HOME_OF[name]), name)


def __dir__() -> list[str]:
    return sorted(__all__)
