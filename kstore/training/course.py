"""The part of training that wants an accelerator: lessons in, weights and their records out.

It needs torch, NumPy, safetensors and tokenizers alone, and no network, so that it runs on a bare machine that is given
this package and a folder of lessons: ``python -m kstore.training DIR``.
"""

import datetime
import hashlib
import json
from collections.abc import Callable, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import torch

from kstore.encoding import tokens as token_encoder
from kstore.encoding.graph import read_weights
from kstore.reading import reader as cross_encoder
from kstore.reading.tuning import record_file
from kstore.training.lessons import FILE, Lessons
from kstore.training.loop import Recipe
from kstore.training.reader import train_reader
from kstore.training.tokens import ReaderTeacher, train_tokens
from kstore.training.transformer import Start, Transformer, device_of, read_start

READER, TOKENS = "reader", "tokens"
MODELS = (READER, TOKENS)  # in this order: the reader teaches the token encoder
_SHIPPED = {READER: cross_encoder.FILE, TOKENS: token_encoder.FILE}

Report = Callable[[str, int, int, float], None]  # which model, the epoch, of how many, its mean loss


def train_models(
    folder: Path,
    models: Sequence[str] = MODELS,
    recipe: Recipe = Recipe(),  # noqa: B008 - immutable
    onward: bool = False,
    report: Report = lambda model, epoch, epochs, loss: None,
    layers: int | None = None,
) -> dict[str, Any]:
    """Train the models on the lessons in ``folder`` and write them there; their records, by name.

    ``onward`` begins with the shipped weights, not with the packaged encoder's. The token encoder learns from the
    reader as well where that is trained in the same run. ``recipe.minutes`` are for each model. Fewer ``layers`` than
    usual make a model that is quicker and knows less.
    """
    lessons, start = Lessons.read(folder), read_start(folder)
    device = device_of()
    records: dict[str, Any] = {}
    teacher = None
    for name in (it for it in MODELS if it in models):
        begun = replace(start, weights={**start.weights, **_shipped(name)}) if onward else start
        model, steps, losses = _train(name, lessons, begun, recipe, report, device, layers, teacher)
        if name == READER:
            teacher = ReaderTeacher(model)
        file = folder / f"{name}.safetensors"
        model.write(file)
        records[name] = {
            "kind": name,
            "date": datetime.datetime.now(datetime.UTC).date().isoformat(),
            "weights": hashlib.sha256(file.read_bytes()).hexdigest(),
            "data": {**lessons.record, "lessons": hashlib.sha256((folder / FILE).read_bytes()).hexdigest()},
            "began with": "the shipped weights" if onward else "the packaged encoder",
            "taught by the reader": name == TOKENS and teacher is not None,
            "recipe": asdict(recipe),
            "steps": steps,
            "losses": [round(it, 4) for it in losses],
            "on": torch.cuda.get_device_name(device) if device.type == "cuda" else "processor",
        }
        write_record(file, records[name])
    return records


def write_record(weights: Path, record: dict[str, Any]) -> None:
    """Keep the record beside the weights."""
    record_file(weights).write_text(json.dumps(record, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")


def _shipped(name: str) -> dict[str, torch.Tensor]:
    return {part: torch.from_numpy(array) for part, array in read_weights(_SHIPPED[name]).items()}


def _train(
    name: str,
    lessons: Lessons,
    start: Start,
    recipe: Recipe,
    report: Report,
    device: torch.device,
    layers: int | None,
    teacher: ReaderTeacher | None,
) -> tuple[Transformer, int, list[float]]:
    def tell(epoch: int, epochs: int, loss: float) -> None:
        report(name, epoch, epochs, loss)

    if name == READER:
        return train_reader(lessons, start, recipe, tell, device, **({"layers": layers} if layers else {}))
    return train_tokens(lessons, start, recipe, tell, device, teacher=teacher, **({"layers": layers} if layers else {}))
