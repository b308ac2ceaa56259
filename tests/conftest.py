"""What the tests share: the packaged encoder, prepared once a run, and stores made with it. Nothing here is a fake."""

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from kstore.assemble import open_kstore
from kstore.encoding.encoder import Encoder
from kstore.encoding.prepare import load_encoder
from kstore.reading.reader import CrossEncoder
from kstore.service import KStore
from kstore.settings import PACKAGED_ENCODER, Settings
from kstore.text.markdown import SPLITTER, split
from kstore.vectors.memory import VectorMemory

TINY = Path(__file__).parent.parent / "corpora" / "tiny"
GUIDE = Path(__file__).parent.parent / "corpora" / "guide"


@pytest.fixture(scope="session")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of prepared encoders of this run's own, shared by its worker processes."""
    base = tmp_path_factory.getbasetemp()
    return (base.parent if base.name.startswith("popen-") else base) / "kstore-cache"


@pytest.fixture(scope="session")
def encoder(cache: Path) -> Encoder:
    """The packaged encoder, as users run it."""
    return load_encoder(PACKAGED_ENCODER, cache)


@pytest.fixture(scope="session")
def cross_encoder() -> CrossEncoder:
    """The shipped reader."""
    return CrossEncoder()


@pytest.fixture(autouse=True)
def environment(cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No test touches the user's store, and none reaches for a model hub."""
    monkeypatch.setenv("KSTORE_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("KSTORE_CACHE", str(cache))
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    for name in os.environ:
        if name.startswith("KSTORE_") and name not in ("KSTORE_HOME", "KSTORE_CACHE"):
            monkeypatch.delenv(name)
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)


@pytest.fixture
def open_memory(encoder: Encoder, tmp_path: Path) -> Iterator[Callable[[], VectorMemory]]:
    """Opens this test's store; each call is another opening of the same folder, as another process would make it."""
    opened: list[VectorMemory] = []

    def open_one() -> VectorMemory:
        opened.append(VectorMemory(tmp_path / "home", lambda name: encoder, split, SPLITTER))
        return opened[-1]

    yield open_one
    for memory in opened:
        memory.close()


@pytest.fixture
def memory(open_memory: Callable[[], VectorMemory]) -> VectorMemory:
    """An empty store."""
    return open_memory()


@pytest.fixture
def tiny(encoder: Encoder, cache: Path, tmp_path: Path) -> Iterator[KStore]:
    """A whole kstore over the tiny corpus, at revision 1."""
    with open_kstore(Settings(home=tmp_path / "home", cache=cache), empty=True) as store:
        store.ingest([str(TINY)])
        yield store


@pytest.fixture(scope="session")
def guide(encoder: Encoder, cache: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[KStore]:
    """A whole kstore over the guide as a new user gets it. Shared: tests must not change it."""
    with open_kstore(Settings(home=tmp_path_factory.mktemp("guide"), cache=cache)) as store:
        yield store
