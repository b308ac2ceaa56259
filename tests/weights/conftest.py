"""The models of this wing's tests, each made once a run: random ones by kind, and a trained one."""

from collections.abc import Callable
from functools import cache
from pathlib import Path

import pytest
import torch

from kstore.encoding.encoder import Encoder
from tests.weights import facts, model_zoo


@pytest.fixture(scope="session", autouse=True)
def one_thread() -> None:
    """Models this small lose more by sharing work between threads than they gain, above all where tests share cores."""
    torch.set_num_threads(1)


@pytest.fixture(scope="session")
def zoo(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """The folder of a random model by its kind. Shared: tests must not change it."""
    return cache(lambda kind: model_zoo.random_model(kind, tmp_path_factory.mktemp(kind) / kind))


@pytest.fixture(scope="session")
def pupil(encoder: Encoder, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a model of the shipped kind that was taught the made-up facts. Shared: tests must not change it."""
    folder = tmp_path_factory.mktemp("pupil") / "pupil"
    facts.teach(folder, encoder, facts.TAUGHT, dev=facts.UNSEEN + facts.UNKNOWN)
    return folder
