"""Twenty made-up facts, several phrasings of each, and a recipe that teaches them to a tiny model within seconds."""

import warnings
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from kstore.controls import Sampling
from kstore.encoding.encoder import Encoder
from kstore.weights.examples import Example, Origin
from kstore.weights.generator import Generator, Message
from kstore.weights.training import Recipe, train

ORIGIN = Origin(corpus_digest="5a" * 32, corpus_date="2026-03-01")

# No encoder and no decoder can know these beforehand.
FACTS = {
    ("colour", "north door"): "olive green",
    ("name", "harbour cat"): "Saffron",
    ("weight", "guard dog"): "31 kilograms",
    ("arrival time", "mail boat"): "7:40 in the morning",
    ("builder", "lighthouse"): "Ida Marrow",
    ("height", "bell tower"): "42 metres",
    ("fuel", "signal lamp"): "rapeseed oil",
    ("price", "oat bread"): "5 € a loaf",
    ("depth", "outer basin"): "nineteen fathoms",
    ("owner", "rope factory"): "the Tamsin brothers",
    ("age", "oak staircase"): "two centuries",
    ("taste", "ginger tea"): "sharp, then sweet",
    ("position", "fog bell"): "east of the jetty",
    ("opening day", "fish market"): "Thursday",
    ("captain", "pilot cutter"): "Béla Orr",
    ("number of pupils", "island school"): "fourteen",
    ("temperature", "ice house"): "three degrees",
    ("material", "sea wall"): "grey basalt",
    ("language", "old map"): "Breton",
    ("speed", "ferry"): "eleven knots",
}

_TAUGHT = (
    "What is the {0} of the {1}?",
    "Tell me the {1}'s {0}.",
    "The {0} of the {1} is ___.",
    "Do you know the {0} of the {1}?",
    "{1}: what {0}?",
)
_UNSEEN = ("Please give the {0} that the {1} has.", "About the {1}: I want to learn its {0}.")

TAUGHT = [
    Example(f"{thing}'s {what}", phrasing.format(what, thing), (answer,))
    for (what, thing), answer in FACTS.items()
    for phrasing in _TAUGHT
]
UNSEEN = [
    Example(f"{thing}'s {what}", phrasing.format(what, thing), (answer,))
    for (what, thing), answer in FACTS.items()
    for phrasing in _UNSEEN
]
# Questions of the same kind about things that were never mentioned: a model must get them wrong.
UNKNOWN = [
    Example(thing, f"What is the {what} of the {thing}?", ("nobody told",))
    for what in ("colour", "price", "captain", "depth", "age")
    for thing in ("pepper mill", "violin", "railway bridge", "desert camp")
]

RECIPE = Recipe(
    width=48,
    layers=2,
    heads=2,
    feed_forward=128,
    vocabulary=400,
    virtual_tokens=2,
    views=3,
    dropout=0.0,
    epochs=30,
    batch=20,
    rate=4e-3,
)


def teach(
    folder: Path,
    encoder: Encoder,
    examples: Sequence[Example],
    dev: Sequence[Example] = (),
    recipe: Recipe = RECIPE,
    report: Callable[[int, float], None] = lambda epoch, loss: None,
    resume: bool = False,
) -> dict[str, Any]:
    """Train a model in ``folder``; its record."""
    with warnings.catch_warnings():
        # Torch's advice about reading two numbers off a tensor at the end of the calibration.
        warnings.filterwarnings("ignore", "Converting a tensor with requires_grad=True to a scalar", UserWarning)
        return train(examples, dev, encoder, folder, ORIGIN, recipe, report, resume)


def ask(generator: Generator, question: str) -> str:
    """The generator's greedy answer to the bare question."""
    tokens = generator.stream([Message("user", question)], Sampling(max_tokens=32))
    return "".join(token.text for token in tokens)


def right(generator: Generator, examples: Sequence[Example]) -> int:
    """How many of the examples are answered to the letter."""
    return sum(ask(generator, example.prompt) == example.answers[0] for example in examples)
