"""Further training: weights that know a corpus learn what has changed in it, without being trained anew.

This is the plain way to edit weights: more steps on what is new, each together with examples of what is to be kept
(rehearsal: Robins 1995, "Catastrophic forgetting, rehearsal and pseudorehearsal").
"""

import json
import math
import random
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import torch
from tokenizers import Tokenizer

from kstore.encoding.encoder import Encoder
from kstore.errors import ModelError
from kstore.weights.examples import Example, Origin
from kstore.weights.generator import RECORD
from kstore.weights.shipped import PROMPT_BIAS, PROMPT_WEIGHT, SentencePromptedGenerator
from kstore.weights.training import Lessons, PromptedDecoder, Recipe, write_model

_WARM_UP = 0.1  # share of a stretch of training in which the rate rises


@dataclass(frozen=True, slots=True)
class Further:
    """How training goes on. ``rehearsal``: the share of a batch, and of the loss, that goes to what is to be kept.

    ``rate`` is the highest of each stretch of training, which it reaches after a tenth of the stretch; from there it
    falls to nothing at the end, so that no stretch ends amid large steps.
    """

    rate: float = 5e-4
    batch: int = 16
    rehearsal: float = 0.5
    weight_decay: float = 0.0
    clip: float = 1.0
    seed: int = 1


class FurtherTraining:
    """Weights of the shipped kind on their way from what they know to more.

    ``seconds`` and ``steps`` count what was spent on optimisation so far: neither the making ready of examples, which
    can be done before, nor writing and measuring in between. The same folder, examples, calls and torch give the same
    weights where it is steps that bound them; so many seconds are another number of steps each time.
    """

    def __init__(self, folder: Path, encoder: Encoder, way: Further = Further()) -> None:
        """ModelError where the weights in ``folder`` do not load, or tell no recipe by which they were trained."""
        known = SentencePromptedGenerator(folder, encoder).decoder
        try:
            self._record: dict[str, Any] = json.loads((folder / RECORD).read_text(encoding="utf-8"))
            self._recipe = Recipe(**self._record["recipe"])
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise ModelError(f"{folder / RECORD} tells no recipe to train on by: {error!r}") from error
        self._tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
        self._encoder = encoder
        self._way = way
        self._shuffle = random.Random(way.seed)
        self._model = PromptedDecoder(known.vocabulary, encoder.dimension, self._recipe)
        self._load({name: torch.from_numpy(weight) for name, weight in known.weights.items()})
        self._optimiser = torch.optim.AdamW(
            self._model.parameters(), lr=way.rate, weight_decay=way.weight_decay, betas=(0.9, 0.98)
        )
        self.seconds = 0.0
        self.steps = 0

    def make_ready(self, examples: Sequence[Example], views: int | None = None) -> Lessons:
        """The examples as this model reads them, each prompt in ``views`` ways (None: as many as the recipe says)."""
        recipe = replace(self._recipe, views=views or self._recipe.views)
        return Lessons.of(examples, self._encoder, self._tokenizer, recipe)

    def learn(
        self, new: Lessons, kept: Lessons | None = None, *, seconds: float = math.inf, steps: float = math.inf
    ) -> None:
        """Train on ``new`` while rehearsing ``kept``, until so many seconds or steps are over; the step under way is
        finished. ValueError without any bound, or with nothing to learn."""
        if min(seconds, steps) <= 0:
            return
        if not (new.targets and math.isfinite(min(seconds, steps))):
            raise ValueError("training without an end" if new.targets else "there is nothing to learn")
        torch.manual_seed(self._way.seed + self.steps)
        rehearsed = round(self._way.batch * self._way.rehearsal) if kept and kept.targets else 0
        batches = self._batches(new, max(self._way.batch - rehearsed, 1))
        rehearsals = self._batches(kept, rehearsed) if kept and rehearsed else None
        first, before, started = self.steps, self.seconds, time.perf_counter()
        self._model.train()
        while (spent := max((self.steps - first) / steps, (self.seconds - before) / seconds)) < 1:
            for group in self._optimiser.param_groups:
                group["lr"] = self._way.rate * min(1.0, 0.1 + spent / _WARM_UP) * (1 - spent)
            loss = self._model(*next(batches))
            if rehearsals:
                share = self._way.rehearsal
                loss = (1 - share) * loss + share * self._model(*next(rehearsals))
            self._optimiser.zero_grad()
            loss.backward()
            torch.nn.utils.clip_grad_norm_(self._model.parameters(), self._way.clip)
            self._optimiser.step()
            self.steps += 1
            self.seconds = before + time.perf_counter() - started

    def write(self, folder: Path, origin: Origin) -> None:
        """Write the weights as they are now. ``origin``: the corpus that they have been taught. Their calibration stays
        the old one; how the old weights did on dev questions is not said of the new ones."""
        further = {**asdict(self._way), "steps": self.steps, "seconds": round(self.seconds, 3)}
        record = {name: value for name, value in self._record.items() if name != "dev"}
        write_model(self._model, self._tokenizer, folder, {**record, **asdict(origin), "further": further})

    def _load(self, weights: dict[str, torch.Tensor]) -> None:
        prompt = {"weight": weights.pop(PROMPT_WEIGHT), "bias": weights.pop(PROMPT_BIAS)}
        self._model.prompt.load_state_dict(prompt)
        head = weights.get("lm_head.weight", weights["model.embed_tokens.weight"])  # tied unless stored
        self._model.decoder.load_state_dict({**weights, "lm_head.weight": head})

    def _batches(self, lessons: Lessons, size: int) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
        """Batches without end: all rows once, then all of them once more in another order."""
        while True:
            for rows in lessons.batches(size, self._shuffle):
                yield lessons.drawn(rows, self._shuffle)
