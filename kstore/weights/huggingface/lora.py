"""LoRA: a model that writes from left to right is taught by small matrices beside its own (Hu et al. 2022)."""

import json
import math
import random
import warnings
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch

from kstore.errors import InputError, UnavailableError
from kstore.types import text_digest
from kstore.weights.calibration import Ask, calibrated, write_record
from kstore.weights.examples import Example, Origin
from kstore.weights.huggingface.causal import CausalGenerator
from kstore.weights.huggingface.loading import CAUSAL, Loaded, load, open_model

_IGNORED = -100  # label of a position without a loss


@dataclass(frozen=True, slots=True)
class LoraRecipe:
    """How the matrices are shaped and trained: ``rank`` of each, scaled by ``alpha``/``rank``."""

    rank: int = 16
    alpha: int = 32
    dropout: float = 0.05
    epochs: int = 3
    batch: int = 8
    rate: float = 2e-4
    warmup: float = 0.05
    weight_decay: float = 0.0
    clip: float = 1.0
    seed: int = 1


@dataclass(frozen=True, slots=True)
class _Lesson:
    """Token ids of a conversation with its answer, of which those from ``begin`` on are to be learnt."""

    ids: list[int]
    begin: int


def train_lora(
    base: str,
    examples: Sequence[Example],
    dev: Sequence[Example],
    folder: Path,
    origin: Origin,
    ask: Ask,
    recipe: LoraRecipe = LoraRecipe(),
    merged: bool = True,
    report: Callable[[int, float], None] = lambda epoch, loss: None,
) -> dict[str, Any]:
    """Teach the model ``base`` the examples, calibrate it on ``dev``, write it to ``folder``; return its record.

    ``merged``: the whole model with the matrices added to its own; otherwise the matrices alone, which want the base
    beside them. ModelError where the base cannot be had, InputError where it is none that LoRA is for.
    """
    try:
        from peft import LoraConfig, get_peft_model
    except ModuleNotFoundError as error:
        raise UnavailableError(f"LoRA needs its library: pip install 'kstore[lora]' ({error})") from error
    loaded = load(base)
    if loaded.family != CAUSAL:
        raise InputError(f"{base} is {loaded.family}: LoRA is for models that write from left to right")
    torch.manual_seed(recipe.seed)
    shape = LoraConfig(
        r=recipe.rank,
        lora_alpha=recipe.alpha,
        lora_dropout=recipe.dropout,
        target_modules="all-linear",
        task_type="CAUSAL_LM",
    )
    lessons = [_lesson(loaded, example, ask) for example in examples]
    folder.mkdir(parents=True, exist_ok=True)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # peft tells of what it puts right, and of transformers' old names
        model: Any = get_peft_model(loaded.model, shape)
        steps = _optimise(model, lessons, recipe, report)
        (model.merge_and_unload() if merged else model).save_pretrained(folder)
    loaded.tokenizer.save_pretrained(folder)
    record = {
        "method": "lora",
        "base": base,
        "merged": merged,
        **asdict(origin),
        "data_digest": text_digest(json.dumps([asdict(example) for example in examples])),
        "examples": len(examples),
        "steps": steps,
        "recipe": asdict(recipe),
    }
    write_record(folder, record)
    return calibrated(folder, open_model(str(folder)), ask, dev, record)


def _lesson(loaded: Loaded, example: Example, ask: Ask) -> _Lesson:
    """The prompt as it will be asked, then the answer as it should be written, up to the end of the text."""
    generator = CausalGenerator(loaded)
    prompt = generator.prompt(ask(example.prompt, generator.instructable))
    answer = example.answers[0] if generator.instructable else f" {example.answers[0]}"
    written = loaded.tokenizer(answer, add_special_tokens=False)["input_ids"]
    return _Lesson([*prompt, *written, loaded.end()], len(prompt))


def _optimise(model: Any, lessons: Sequence[_Lesson], recipe: LoraRecipe, report: Callable[[int, float], None]) -> int:
    """AdamW over the matrices alone, its rate rising and then falling to nothing; how many steps were made."""
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    model.to(device).train()
    learnt = [it for it in model.parameters() if it.requires_grad]
    optimiser = torch.optim.AdamW(learnt, lr=recipe.rate, weight_decay=recipe.weight_decay)
    shuffle = random.Random(recipe.seed)
    total = recipe.epochs * math.ceil(len(lessons) / recipe.batch)
    made = 0
    for epoch in range(recipe.epochs):
        order = shuffle.sample(list(lessons), len(lessons))
        losses: list[float] = []
        for first in range(0, len(order), recipe.batch):
            done = made / total
            for group in optimiser.param_groups:
                group["lr"] = recipe.rate * min(done / recipe.warmup + 1e-2, (1 - done) / (1 - recipe.warmup), 1)
            ids, mask, labels = (it.to(device) for it in _padded(order[first : first + recipe.batch]))
            loss = model(input_ids=ids, attention_mask=mask, labels=labels).loss
            optimiser.zero_grad(set_to_none=True)
            loss.backward()
            torch.nn.utils.clip_grad_norm_(learnt, recipe.clip)
            optimiser.step()
            made += 1
            losses.append(float(loss.detach()))
        report(epoch, sum(losses) / len(losses))
    model.to("cpu").eval()
    return made


def _padded(lessons: Sequence[_Lesson]) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Token ids, what is text among them, and labels: each of shape (lessons, tokens), filled up on the right."""
    longest = max(len(it.ids) for it in lessons)
    ids = torch.zeros(len(lessons), longest, dtype=torch.long)
    mask = torch.zeros_like(ids)
    labels = torch.full_like(ids, _IGNORED)
    for row, it in enumerate(lessons):
        ids[row, : len(it.ids)] = torch.tensor(it.ids)
        mask[row, : len(it.ids)] = 1
        labels[row, it.begin : len(it.ids)] = torch.tensor(it.ids[it.begin :])
    return ids, mask, labels
