"""Training of the shipped kind of model: a small LLaMA decoder that answers from a sentence vector.

What it writes, ``shipped`` reads without torch: the weights as safetensors in float16, the tokenizer, and
``kstore.json``, the record of what the weights were trained on.
"""

import json
import random
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors.torch import save_file
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import LlamaConfig, LlamaForCausalLM

from kstore.encoding.encoder import Encoder
from kstore.types import text_digest
from kstore.weights.calibration import calibrated, write_record
from kstore.weights.checkpoints import Checkpoints
from kstore.weights.examples import BLANK, Example, Origin
from kstore.weights.generator import Message
from kstore.weights.shipped import END, KIND, PROMPT_BIAS, PROMPT_WEIGHT, SentencePromptedGenerator

_IGNORED = -100  # label of a position without a loss
_LONGEST = 64  # tokens of an answer
_SHORT = 14


@dataclass(frozen=True, slots=True)
class Recipe:
    """How a model is shaped and trained. ``virtual_tokens``: length of the soft prompt; ``views``: how many times each
    prompt is encoded with some words dropped, so that the decoder cannot hang on exact words."""

    width: int = 256
    layers: int = 4
    heads: int = 4
    feed_forward: int = 768
    vocabulary: int = 3000
    virtual_tokens: int = 4
    views: int = 6
    word_dropout: float = 0.15
    vector_noise: float = 0.02
    label_smoothing: float = 0.1
    dropout: float = 0.1
    epochs: int = 24
    batch: int = 64
    rate: float = 1e-3
    weight_decay: float = 0.05
    warmup: float = 0.05
    clip: float = 1.0
    seed: int = 1


def train(
    examples: Sequence[Example],
    dev: Sequence[Example],
    encoder: Encoder,
    folder: Path,
    origin: Origin,
    recipe: Recipe = Recipe(),
    report: Callable[[int, float], None] = lambda epoch, loss: None,
    resume: bool = False,
) -> dict[str, Any]:
    """Train on ``examples``, calibrate on ``dev``, write the model to ``folder``; return its record.

    Examples are shuffled globally, so that phrasings of one fact do not stand together. The same recipe, examples and
    torch give the same weights, also where a training that was killed is taken up again with ``resume``; InputError
    where what was kept of it belongs to another one.
    """
    data_digest = text_digest(json.dumps([asdict(example) for example in examples]))
    identity = text_digest(json.dumps([asdict(origin), data_digest, encoder.name, asdict(recipe)]))
    checkpoints = Checkpoints(folder, identity)
    torch.manual_seed(recipe.seed)
    shuffle = random.Random(recipe.seed)
    tokenizer = _tokenizer(examples, recipe)
    lessons = Lessons.of(examples, encoder, tokenizer, recipe)
    model = PromptedDecoder(tokenizer.get_vocab_size(), encoder.dimension, recipe)
    steps = recipe.epochs * len(lessons.batches(recipe.batch, shuffle))
    optimiser = torch.optim.AdamW(
        model.parameters(), lr=recipe.rate, weight_decay=recipe.weight_decay, betas=(0.9, 0.98)
    )
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, recipe.rate, total_steps=steps, pct_start=recipe.warmup)
    begun = checkpoints.read(model, optimiser, schedule, shuffle) if resume else 0
    for epoch in range(begun, recipe.epochs):
        model.train()
        losses = []
        for rows in lessons.batches(recipe.batch, shuffle):
            loss = model(*lessons.drawn(rows, shuffle))
            optimiser.zero_grad()
            loss.backward()
            torch.nn.utils.clip_grad_norm_(model.parameters(), recipe.clip)
            optimiser.step()
            schedule.step()
            losses.append(float(loss.detach()))
        checkpoints.write(epoch + 1, model, optimiser, schedule, shuffle)
        report(epoch, sum(losses) / len(losses))
    record = {
        "kind": KIND,
        **asdict(origin),
        "data_digest": data_digest,
        "examples": len(examples),
        "encoder": encoder.name,
        "steps": steps,
        "recipe": asdict(recipe),
    }
    write_model(model, tokenizer, folder, record)
    checkpoints.forget()
    generator = SentencePromptedGenerator(folder, encoder)
    return calibrated(folder, generator, lambda question, _: [Message("user", question)], dev, record)


@dataclass(frozen=True, slots=True, eq=False)
class Lessons:
    """Examples made ready to train on: the vectors of each prompt, (examples, views, dimension), and the tokens of each
    answer."""

    views: torch.Tensor
    targets: list[list[int]]

    @classmethod
    def of(cls, examples: Sequence[Example], encoder: Encoder, tokenizer: Tokenizer, recipe: Recipe) -> "Lessons":
        views = _encode_views([example.prompt for example in examples], encoder, recipe)
        return cls(torch.from_numpy(views), [_target(tokenizer, example) for example in examples])

    def __add__(self, other: "Lessons") -> "Lessons":
        """Both, which must have as many views."""
        return Lessons(torch.cat([self.views, other.views]), [*self.targets, *other.targets])

    def batches(self, size: int, shuffle: random.Random) -> list[list[int]]:
        """Every row once, in random batches; long answers apart from short ones, so that little is spent on padding."""
        batches = []
        for long in (False, True):
            rows = [row for row, target in enumerate(self.targets) if (len(target) > _SHORT) == long]
            shuffle.shuffle(rows)
            batches += [rows[first : first + size] for first in range(0, len(rows), size)]
        shuffle.shuffle(batches)
        return batches

    def drawn(self, rows: Sequence[int], shuffle: random.Random) -> tuple[torch.Tensor, torch.Tensor]:
        """The vectors (rows, dimension), of each row a view drawn at random, and the targets (rows, tokens)."""
        view = torch.tensor([shuffle.randrange(self.views.shape[1]) for _ in rows])
        return self.views[rows, view], _padded([self.targets[row] for row in rows])


class PromptedDecoder(torch.nn.Module):
    """The decoder and the linear map in front of it, as they are trained."""

    def __init__(self, vocabulary: int, dimension: int, recipe: Recipe) -> None:
        super().__init__()
        config = LlamaConfig(
            vocab_size=vocabulary,
            hidden_size=recipe.width,
            intermediate_size=recipe.feed_forward,
            num_hidden_layers=recipe.layers,
            num_attention_heads=recipe.heads,
            num_key_value_heads=recipe.heads,
            max_position_embeddings=recipe.virtual_tokens + _LONGEST,
            tie_word_embeddings=True,
            bos_token_id=None,
            eos_token_id=0,
        )
        self.decoder = LlamaForCausalLM(config)
        self.prompt = torch.nn.Linear(dimension, recipe.virtual_tokens * recipe.width)
        self.recipe = recipe

    def forward(self, vectors: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
        """Mean cross-entropy of ``targets`` (batch, tokens) after the prompts of ``vectors`` (batch, dimension)."""
        noisy = vectors + self.recipe.vector_noise * torch.randn_like(vectors)
        prompts = self.prompt(noisy).view(len(vectors), self.recipe.virtual_tokens, self.recipe.width)
        written = self.decoder.get_input_embeddings()(targets.clamp(min=0))
        inputs = torch.nn.functional.dropout(torch.cat([prompts, written], dim=1), self.recipe.dropout, self.training)
        logits = self.decoder(inputs_embeds=inputs).logits[:, self.recipe.virtual_tokens - 1 : -1]
        return torch.nn.functional.cross_entropy(
            logits.reshape(-1, logits.shape[-1]),
            targets.reshape(-1),
            ignore_index=_IGNORED,
            label_smoothing=self.recipe.label_smoothing,
        )


def _tokenizer(examples: Sequence[Example], recipe: Recipe) -> Tokenizer:
    """Byte-level BPE over the answers, so that whatever is learned can be written exactly; token 0 ends an answer."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=recipe.vocabulary,
        special_tokens=[END],
        initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()),
        show_progress=False,
    )
    tokenizer.train_from_iterator((example.answers[0] for example in examples), trainer)
    return tokenizer


def _target(tokenizer: Tokenizer, example: Example) -> list[int]:
    return [*tokenizer.encode(example.answers[0]).ids[: _LONGEST - 1], 0]


def _padded(targets: Sequence[list[int]]) -> torch.Tensor:
    longest = max(len(target) for target in targets)
    return torch.tensor([[*target, *[_IGNORED] * (longest - len(target))] for target in targets])


def _encode_views(prompts: Sequence[str], encoder: Encoder, recipe: Recipe) -> Any:
    """Vectors of each prompt as it is and with words dropped: float32 of shape (prompts, views, dimension)."""
    chance = random.Random(recipe.seed)
    views = [encoder.encode_questions(prompts)]
    for _ in range(recipe.views - 1):
        views.append(
            encoder.encode_questions([_with_words_dropped(prompt, recipe.word_dropout, chance) for prompt in prompts])
        )
    return np.stack(views, axis=1)


def _with_words_dropped(prompt: str, share: float, chance: random.Random) -> str:
    words = prompt.split()
    kept = [word for word in words if BLANK in word or chance.random() >= share]
    return " ".join(kept or words)


def write_model(model: PromptedDecoder, tokenizer: Tokenizer, folder: Path, record: dict[str, Any]) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    weights = {name: weight for name, weight in model.decoder.state_dict().items() if name != "lm_head.weight"}
    weights |= {PROMPT_WEIGHT: model.prompt.weight, PROMPT_BIAS: model.prompt.bias}
    halves = {name: weight.detach().to(torch.float16).contiguous() for name, weight in weights.items()}
    save_file(halves, folder / "model.safetensors", metadata={"format": "pt"})
    model.decoder.config.save_pretrained(folder)
    tokenizer.save(str(folder / "tokenizer.json"))
    write_record(folder, record)
