"""Which encoder a store's vectors were made with, and which one is wanted for it."""

import threading
from collections.abc import Callable

from kstore.encoding.encoder import Encoder
from kstore.errors import ModelError
from kstore.vectors.store import Head, Store


class StoreEncoders:
    """Loads, once each, the encoders that a store asks for by name."""

    def __init__(self, store: Store, load: Callable[[str | None], Encoder], wanted: str | None) -> None:
        """``load(None)`` is the default encoder; ``wanted`` the one that the user has named, None: the store's."""
        self._store = store
        self._load = load
        self.wanted = wanted
        self._loaded: dict[str | None, Encoder] = {}
        self._loading = threading.Lock()

    def present(self) -> Encoder:
        """The wanted encoder where one is named, else the one that the store's vectors were made with."""
        return self._named(self.wanted or self._store.head().encoder_name or None)

    def of(self, head: Head) -> Encoder:
        """The encoder of the vectors in force, whichever one is wanted; before the first vector, the wanted one."""
        if not head.encoder:
            return self.present()
        encoder = self._named(head.encoder_name)
        if encoder.fingerprint != head.encoder:
            raise ModelError(
                f"the store's vectors were made by another version of the encoder {head.encoder_name};"
                f" KSTORE_ENCODER={head.encoder_name} moves the store to the present one"
            )
        return encoder

    def _named(self, name: str | None) -> Encoder:
        with self._loading:
            if name not in self._loaded:
                self._loaded[name] = self._load(name)
            return self._loaded[name]
