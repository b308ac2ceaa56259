"""How sure a model may be of itself: its dev answers judged, and its confidence fitted to that."""

import json
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch

from kstore.controls import Sampling
from kstore.weights.examples import Example
from kstore.weights.generator import RECORD, Calibration, Generator, Message, mean_log_probability

_NOTHING_DRAWN = -30.0  # the mean log-probability of an answer without tokens

Ask = Callable[[str, bool], Sequence[Message]]  # the conversation that asks a question, of an instructable model or not


def write_record(folder: Path, record: dict[str, Any]) -> None:
    """Keep beside the weights in ``folder`` what they were trained on."""
    (folder / RECORD).write_text(json.dumps(record, indent=2) + "\n", encoding="utf-8")


def calibrated(
    folder: Path, generator: Generator, ask: Ask, dev: Sequence[Example], record: dict[str, Any]
) -> dict[str, Any]:
    """Ask the written model the dev questions, note how it does, and fit its confidence to that (Platt scaling)."""
    if not dev:
        return record
    sureness, right = [], []
    for example in dev:
        tokens = list(generator.stream(ask(example.prompt, generator.instructable), Sampling()))
        mean = mean_log_probability(tokens)
        sureness.append(_NOTHING_DRAWN if mean is None else mean)
        right.append(matches("".join(token.text for token in tokens), example.answers))
    slope, intercept = _platt(torch.tensor(sureness), torch.tensor(right, dtype=torch.float32))
    scored = {
        **record,
        "dev": {"questions": len(dev), "exact_match": sum(right) / len(right)},
        "calibration": asdict(Calibration(f"dev ({len(dev)} questions)", slope, intercept)),
    }
    write_record(folder, scored)
    return scored


def matches(answer: str, accepted: Sequence[str]) -> bool:
    """Whether the answer is one of those accepted, but for case, spaces, articles and punctuation."""

    def bare(text: str) -> str:
        words = [word for word in text.lower().split() if word not in {"a", "an", "the"}]
        return "".join(letter for letter in "".join(words) if letter.isalnum())

    return bare(answer) in {bare(gold) for gold in accepted}


def _platt(sureness: torch.Tensor, right: torch.Tensor) -> tuple[float, float]:
    """Slope and intercept of the logistic regression of ``right`` on ``sureness``, lightly regularised."""
    parameters = torch.zeros(2, dtype=torch.float32, requires_grad=True)
    optimiser = torch.optim.LBFGS([parameters], max_iter=200)

    def closure() -> torch.Tensor:
        optimiser.zero_grad()
        logits = parameters[0] * sureness + parameters[1]
        loss = torch.nn.functional.binary_cross_entropy_with_logits(logits, right) + 1e-3 * parameters.square().mean()
        loss.backward()
        return loss

    optimiser.step(closure)
    fitted = parameters.detach()
    return float(fitted[0]), float(fitted[1])
