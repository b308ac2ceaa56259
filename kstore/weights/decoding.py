"""From logits to text: how each token is chosen, when writing ends, what may already be shown."""

from collections.abc import Callable, Collection, Iterator

import numpy as np
import numpy.typing as npt

from kstore.controls import Sampling
from kstore.weights.generator import Token

Logits = npt.NDArray[np.float32]
Probabilities = npt.NDArray[np.float64]


def softmax(logits: npt.NDArray[np.floating]) -> Probabilities:
    """Probabilities from logits of shape (vocabulary,), in float64 and with the maximum subtracted first."""
    shifted = np.exp(logits.astype(np.float64) - np.max(logits))
    probabilities: Probabilities = shifted / shifted.sum()
    return probabilities


def distribution(logits: Logits, sampling: Sampling) -> Probabilities:
    """The probabilities that a token is drawn from: temperature first, then top-k, then top-p, renormalised.

    Temperature 0 is its limit: all on the likeliest token (the first of equals). Top-p keeps the smallest set of the
    likeliest tokens whose probability reaches it (Holtzman et al. 2020).
    """
    if sampling.temperature == 0:
        greedy = np.zeros(logits.shape, dtype=np.float64)
        greedy[int(np.argmax(logits))] = 1.0
        return greedy
    below = logits.astype(np.float64) - np.max(logits)  # the likeliest at 0: no temperature makes it overflow
    with np.errstate(over="ignore"):  # minus infinity for the others is the right limit of a tiny temperature
        probabilities = softmax(below / sampling.temperature)
    order = np.argsort(-probabilities, kind="stable")
    keep = order.size if sampling.top_k is None else min(sampling.top_k, order.size)
    ranked = probabilities[order[:keep]]
    reached = np.cumsum(ranked / ranked.sum())
    keep = int(np.searchsorted(reached, min(sampling.top_p, reached[-1]))) + 1
    kept = np.zeros_like(probabilities)
    kept[order[:keep]] = probabilities[order[:keep]]
    result: Probabilities = kept / kept.sum()
    return result


def write(
    logits: Logits,
    advance: Callable[[int], Logits],
    decode: Callable[[list[int]], str],
    ends: Collection[int],
    sampling: Sampling,
) -> Iterator[Token]:
    """Draw tokens until an end token, a stop string or ``max_tokens``.

    ``logits`` are those of the first token; ``advance`` feeds a token and returns the next one's; ``decode`` turns ids
    into text. A stop string and what follows it are never shown, nor is half a character.
    """
    random = np.random.default_rng(sampling.seed)
    ids: list[int] = []
    shown = 0
    for step in range(sampling.max_tokens):
        if step:
            logits = advance(ids[-1])
        chosen = int(random.choice(logits.size, p=distribution(logits, sampling)))
        if chosen in ends:
            break
        probability = float(softmax(logits)[chosen])
        ids.append(chosen)
        text = decode(ids)
        stopped = first_stop(text, sampling.stop)
        safe = stopped if stopped is not None else safe_length(text, sampling.stop)
        yield Token(chosen, text[shown:safe], probability)
        shown = max(shown, safe)
        if stopped is not None:
            return
    rest = decode(ids)[shown:].rstrip("\ufffd") if ids else ""
    if rest:
        yield Token(ids[-1], rest, None)


def first_stop(text: str, stops: tuple[str, ...]) -> int | None:
    """Where the first of the stop strings begins; None where there is none."""
    found = [position for stop in stops if stop and (position := text.find(stop)) >= 0]
    return min(found, default=None)


def safe_length(text: str, stops: tuple[str, ...]) -> int:
    """How much of ``text`` can be shown: not half a character, not what may be the beginning of a stop."""
    end = len(text.rstrip("\ufffd"))
    for stop in stops:
        for size in range(min(len(stop) - 1, end), 0, -1):
            if text[:end].endswith(stop[:size]):
                end -= size
                break
    return end
