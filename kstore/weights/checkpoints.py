"""Where a training stands after an epoch, kept so that one that was killed goes on as if nothing had happened."""

import json
import random
from pathlib import Path
from typing import Any

import torch
from safetensors import safe_open
from safetensors.torch import save_file

from kstore.errors import InputError

FILE = "checkpoint.safetensors"
_MODEL, _OPTIMISER, _CHANCE, _STATE = "model.", "optimiser.", "torch", "state"


class Checkpoints:
    """Those of one training, in the folder of the model that is to be: one file, tensors with the rest as metadata.

    ``identity`` says what is trained on what, and how; a checkpoint of another training is not taken up.
    """

    def __init__(self, folder: Path, identity: str) -> None:
        self._file = folder / FILE
        self._identity = identity

    def write(
        self,
        epochs: int,
        model: torch.nn.Module,
        optimiser: torch.optim.Optimizer,
        schedule: torch.optim.lr_scheduler.LRScheduler,
        shuffle: random.Random,
    ) -> None:
        """Keep all that the next epoch depends on, after so many; what was kept before is replaced whole."""
        kept = optimiser.state_dict()
        tensors = {f"{_MODEL}{name}": tensor.contiguous().clone() for name, tensor in model.state_dict().items()}
        for number, values in kept["state"].items():
            tensors |= {f"{_OPTIMISER}{number}.{name}": tensor.contiguous() for name, tensor in values.items()}
        tensors[_CHANCE] = torch.get_rng_state()
        state = {
            "identity": self._identity,
            "epochs": epochs,
            "groups": kept["param_groups"],
            "schedule": schedule.state_dict(),
            "shuffle": shuffle.getstate(),
        }
        self._file.parent.mkdir(parents=True, exist_ok=True)
        unfinished = self._file.with_suffix(".part")
        save_file(tensors, unfinished, metadata={_STATE: json.dumps(state)})
        unfinished.replace(self._file)

    def read(
        self,
        model: torch.nn.Module,
        optimiser: torch.optim.Optimizer,
        schedule: torch.optim.lr_scheduler.LRScheduler,
        shuffle: random.Random,
    ) -> int:
        """Put everything as it was kept; after how many epochs that was, 0 where nothing is kept.

        InputError where the checkpoint is damaged, or another training's.
        """
        if not self._file.exists():
            return 0
        try:
            with safe_open(self._file, framework="pt") as opened:
                state: dict[str, Any] = json.loads(opened.metadata()[_STATE])
                tensors = {name: opened.get_tensor(name) for name in opened.keys()}  # noqa: SIM118 - no mapping
        except Exception as error:  # of safetensors, json and whatever the metadata lack
            raise InputError(f"{self._file} is no checkpoint: {error}; delete it to start anew") from error
        if state["identity"] != self._identity:
            raise InputError(f"{self._file} is of a training on other examples or another way; delete it to start anew")
        model.load_state_dict(_under(tensors, _MODEL))
        moments: dict[int, dict[str, torch.Tensor]] = {}
        for name, tensor in _under(tensors, _OPTIMISER).items():
            number, _, part = name.partition(".")
            moments.setdefault(int(number), {})[part] = tensor
        optimiser.load_state_dict({"state": moments, "param_groups": state["groups"]})
        schedule.load_state_dict(state["schedule"])
        version, numbers, gauss = state["shuffle"]
        shuffle.setstate((version, tuple(numbers), gauss))
        torch.set_rng_state(tensors[_CHANCE])
        return int(state["epochs"])

    def forget(self) -> None:
        """Delete what is kept: the training is over."""
        self._file.unlink(missing_ok=True)


def _under(tensors: dict[str, torch.Tensor], prefix: str) -> dict[str, torch.Tensor]:
    return {name.removeprefix(prefix): tensor for name, tensor in tensors.items() if name.startswith(prefix)}
