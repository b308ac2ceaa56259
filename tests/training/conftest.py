"""Lessons of the toy corpus, made once for these tests, and what training begins with."""

from pathlib import Path

import pytest

from kstore.encoding.encoder import Encoder
from kstore.training.examples import make_lessons
from kstore.training.lessons import Lessons
from kstore.training.transformer import Start, read_start, write_start
from tests.training import toy


@pytest.fixture(autouse=True, scope="session")
def one_thread() -> None:
    """So small a model is trained no faster by several threads, which other tests' processes want as well."""
    import torch

    torch.set_num_threads(1)


@pytest.fixture(scope="session")
def lessons(encoder: Encoder, tmp_path_factory: pytest.TempPathFactory) -> Lessons:
    return make_lessons(toy.material(tmp_path_factory.mktemp("toy")), encoder)


@pytest.fixture(scope="session")
def school(lessons: Lessons, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder as training finds it. Shared: tests that train copy it."""
    folder = tmp_path_factory.mktemp("school")
    lessons.write(folder)
    write_start(folder, lessons.vocabulary())
    return folder


@pytest.fixture(scope="session")
def start(school: Path) -> Start:
    return read_start(school)
