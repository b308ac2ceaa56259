"""Stores with the quick encoder, opened as often as a test likes."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from kstore.text.markdown import SPLITTER, split
from kstore.vectors.memory import VectorMemory
from tests.vectors.hash_encoder import Encoders

Open = Callable[..., VectorMemory]


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """The folder of this test's store."""
    return tmp_path / "home"


@pytest.fixture
def encoders() -> Encoders:
    return Encoders()


@pytest.fixture
def open_hashed(home: Path, encoders: Encoders) -> Iterator[Open]:
    """Opens this test's store; each call is another opening, as another process would make it.

    Takes ``home``, ``encoders``, ``wanted`` (the encoder asked for), ``split`` and ``splitter``.
    """
    opened: list[VectorMemory] = []

    def open_one(**given: Any) -> VectorMemory:
        opened.append(
            VectorMemory(
                given.get("home", home),
                given.get("encoders", encoders),
                given.get("split", split),
                given.get("splitter", SPLITTER),
                given.get("wanted"),
            )
        )
        return opened[-1]

    yield open_one
    for memory in opened:
        memory.close()


@pytest.fixture
def hashed(open_hashed: Open) -> VectorMemory:
    """An empty store."""
    return open_hashed()
