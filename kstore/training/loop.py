"""Steps of optimisation, the same for both models: AdamW, a rate that rises and then falls to nothing."""

import math
import random
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import torch
from torch import nn

from kstore.training.transformer import half_precision

Report = Callable[[int, int, float], None]  # the epoch, of how many, its mean loss


@dataclass(frozen=True, slots=True)
class Recipe:
    """How a model is trained. ``texts`` is the number of passages that each question is compared with, the one that
    answers among them. ``steps``, where given, ends training earlier than ``epochs`` would. ``minutes`` ends it in good
    order when they are over, the rate falling with the time that is left."""

    epochs: int = 6
    steps: int | None = None
    minutes: float | None = None
    batch: int = 48
    texts: int = 8
    rate: float = 1e-4
    head_rate: float = 5e-4
    warmup: float = 0.08
    weight_decay: float = 0.01
    dropout: float = 0.1
    clip: float = 1.0
    seed: int = 1


def optimise(
    model: nn.Module,
    heads: Sequence[str],
    lessons: int,
    loss_of: Callable[[list[int]], torch.Tensor],
    recipe: Recipe,
    report: Report,
    extra: Sequence[nn.Parameter] = (),
) -> tuple[int, list[float]]:
    """Train ``model`` on so many lessons; how many steps were made, and each epoch's mean loss.

    ``loss_of`` takes the numbers of a batch's lessons. ``heads`` are the names of parts that begin at random and learn
    faster; ``extra`` are parameters that are trained beside the model and not kept with it.
    """
    parts: dict[bool, list[nn.Parameter]] = {True: list(extra), False: []}
    for name, parameter in model.named_parameters():
        parts[name.split(".")[0] in heads].append(parameter)
    groups = [{"params": parts[False], "lr": recipe.rate}, {"params": parts[True], "lr": recipe.head_rate}]
    optimiser = torch.optim.AdamW(groups, weight_decay=recipe.weight_decay, betas=(0.9, 0.98))
    rates = [group["lr"] for group in optimiser.param_groups]
    device = next(model.parameters()).device
    begun, made, losses = time.monotonic(), 0, []
    total = recipe.epochs * math.ceil(lessons / recipe.batch)
    total = min(total, recipe.steps or total)
    model.train()
    for epoch in range(recipe.epochs):
        sums: list[torch.Tensor] = []
        for batch in batches(lessons, recipe.batch, random.Random(f"{recipe.seed} {epoch}")):
            done = made / total
            if recipe.minutes is not None:
                done = max(done, (time.monotonic() - begun) / 60 / recipe.minutes)
            if done >= 1:
                break
            for group, rate in zip(optimiser.param_groups, rates, strict=True):
                group["lr"] = rate * min(done / recipe.warmup + 1e-2, (1 - done) / (1 - recipe.warmup), 1)
            with half_precision(device):
                loss = loss_of(batch)
            optimiser.zero_grad(set_to_none=True)
            loss.backward()
            nn.utils.clip_grad_norm_([*model.parameters(), *extra], recipe.clip)
            optimiser.step()
            sums.append(loss.detach())
            made += 1
        if not sums:
            break
        losses.append(float(torch.stack(sums).mean()))
        report(epoch + 1, recipe.epochs, losses[-1])
    model.eval()
    return made, losses


def batches(lessons: int, size: int, shuffle: random.Random) -> Iterator[list[int]]:
    """Every lesson once, in random batches."""
    order = list(range(lessons))
    shuffle.shuffle(order)
    for first in range(0, lessons, size):
        yield order[first : first + size]
