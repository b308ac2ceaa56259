"""A training that was killed goes on as if nothing had happened, and never as another one."""

from dataclasses import replace
from pathlib import Path

import pytest

from kstore.encoding.encoder import Encoder
from kstore.errors import InputError
from kstore.weights.checkpoints import FILE
from tests.weights import facts
from tests.weights.facts import RECIPE, TAUGHT

FEW = TAUGHT[:20]
SHORT = replace(RECIPE, epochs=4, views=2, dropout=0.1)  # chance has a part in each step


class KilledError(Exception):
    pass


def killed_after(epochs: int, folder: Path, encoder: Encoder) -> None:
    def report(epoch: int, loss: float) -> None:
        if epoch + 1 == epochs:
            raise KilledError

    with pytest.raises(KilledError):
        facts.teach(folder, encoder, FEW, recipe=SHORT, report=report)


def weights(folder: Path) -> bytes:
    return (folder / "model.safetensors").read_bytes()


@pytest.mark.parametrize("epochs", [1, 3])
def test_what_is_resumed_ends_as_what_was_never_stopped(epochs: int, encoder: Encoder, tmp_path: Path) -> None:
    whole = facts.teach(tmp_path / "whole", encoder, FEW, recipe=SHORT)
    killed_after(epochs, tmp_path / "killed", encoder)
    assert not (tmp_path / "killed" / "model.safetensors").exists()
    done: list[int] = []
    record = facts.teach(
        tmp_path / "killed", encoder, FEW, recipe=SHORT, report=lambda epoch, loss: done.append(epoch), resume=True
    )
    assert done == list(range(epochs, 4))
    assert record == whole
    assert weights(tmp_path / "killed") == weights(tmp_path / "whole")


def test_nothing_is_kept_when_it_is_over_and_nothing_is_needed_to_begin(encoder: Encoder, tmp_path: Path) -> None:
    facts.teach(tmp_path, encoder, FEW, recipe=SHORT, resume=True)
    assert not list(tmp_path.glob("checkpoint*"))


def test_without_resuming_it_begins_anew(encoder: Encoder, tmp_path: Path) -> None:
    killed_after(2, tmp_path, encoder)
    done: list[int] = []
    facts.teach(tmp_path, encoder, FEW, recipe=SHORT, report=lambda epoch, loss: done.append(epoch))
    assert done == [0, 1, 2, 3]


def test_another_training_is_not_taken_up(encoder: Encoder, tmp_path: Path) -> None:
    killed_after(1, tmp_path, encoder)
    for examples, recipe in ((FEW[:-1], SHORT), (FEW, replace(SHORT, seed=2)), (FEW, replace(SHORT, epochs=9))):
        with pytest.raises(InputError, match=f"{FILE} is of a training on other examples"):
            facts.teach(tmp_path, encoder, examples, recipe=recipe, resume=True)


@pytest.mark.parametrize("left", [0, 50, -1])
def test_a_damaged_one_is_told(left: int, encoder: Encoder, tmp_path: Path) -> None:
    killed_after(1, tmp_path, encoder)
    (tmp_path / FILE).write_bytes((tmp_path / FILE).read_bytes()[:left])
    with pytest.raises(InputError, match=f"{FILE} is no checkpoint"):
        facts.teach(tmp_path, encoder, FEW, recipe=SHORT, resume=True)
