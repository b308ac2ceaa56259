"""The numbers of the chapter on recurrent networks, computed again from the inputs of its examples."""

from itertools import pairwise

import numpy as np
import torch

from tests.guide.chapters import says, section

CHAPTER = "rnn_intro.md"


def sigmoid(z: float) -> float:
    return float(1 / (1 + np.exp(-z)))


def test_window_weights_of_a_feed_forward_network() -> None:
    assert f"100 \\cdot 1000 = {100 * 1000}" in section(CHAPTER, "Why sequences need memory")


def test_bigram_counts_and_sizes_of_context_tables() -> None:
    words = "the cat sat on the mat the cat ran".split()
    followers = [second for first, second in pairwise(words) if first == "the"]
    cat, ran, distinct = followers.count("cat"), followers.count("ran"), len(set(words))
    heading = "N-gram models and their limit"
    assert says(CHAPTER, heading, cat / len(followers), 3)
    assert says(CHAPTER, heading, (cat + 1) / (len(followers) + distinct), 3)
    assert (ran + 1) / (len(followers) + distinct) == 1 / 9
    assert says(CHAPTER, heading, (ran + 1) / (len(followers) + distinct), 3)
    assert says(CHAPTER, heading, 50_000**2, 0)
    assert says(CHAPTER, heading, 50_000**3, 0)


def test_recurrent_network_forwards_in_both_orders() -> None:
    heading = "A recurrent network by hand"
    w_x, w_h, bias = np.array([1, 0.5]), np.array([[0.5, -0.3], [0.2, 0.4]]), np.array([0, 0.1])
    w_y = np.array([2, -1])
    h = np.zeros(2)
    for x in (1, 0, -1):
        sums = w_x * x + w_h @ h + bias
        h = np.tanh(sums)
        for number in (*sums, *h, w_y @ h):
            assert says(CHAPTER, heading, number, 4)
    h = np.zeros(2)
    for x in (-1, 0, 1):
        h = np.tanh(w_x * x + w_h @ h + bias)
    for number in (*h, w_y @ h):
        assert says(CHAPTER, heading, number, 4)
    assert says(CHAPTER, "The product of Jacobians", np.linalg.norm(w_h, 2), 3)


def test_parameter_counts_of_the_cells() -> None:
    heading = "Parameter count of a recurrent cell"
    d, width = 256, 512
    for gates in (1, 3, 4):
        assert says(CHAPTER, heading, gates * width * (d + width + 1), 0)
    in_torch = sum(p.numel() for p in torch.nn.LSTM(d, width).parameters())
    assert in_torch - 4 * width * (d + width + 1) == 4 * width
    assert says(CHAPTER, heading, in_torch, 0)
    assert says(CHAPTER, "Stacked recurrent networks", 4 * width * (d + width + 1), 0)
    assert says(CHAPTER, "Stacked recurrent networks", 4 * width * (width + width + 1), 0)


def test_back_propagation_through_time() -> None:
    heading = "Back-propagation through time by hand"
    w, u, rate, inputs = 0.8, 0.5, 0.5, (1, 0, 1)

    def states(w: float, u: float) -> list[float]:
        h = [0.0]
        for x in inputs:
            h.append(float(np.tanh(w * h[-1] + u * x)))
        return h

    h = states(w, u)
    delta = {3: h[3] * (1 - h[3] ** 2)}
    for t in (2, 1):
        delta[t] = w * delta[t + 1] * (1 - h[t] ** 2)
    for t in (2, 3):
        for number in (h[t], 1 - h[t] ** 2, delta[t], delta[t] * h[t - 1]):
            assert says(CHAPTER, heading, number, 4)
    for number in (h[1], 1 - h[1] ** 2, delta[1], delta[1] * h[0], h[3] ** 2 / 2):
        assert says(CHAPTER, heading, number, 4)
    grad_w = sum(delta[t] * h[t - 1] for t in delta)
    grad_u = sum(delta[t] * inputs[t - 1] for t in delta)
    assert says(CHAPTER, heading, grad_w, 4)
    assert says(CHAPTER, heading, grad_u, 4)
    new_w, new_u = w - rate * grad_w, u - rate * grad_u
    for number in (new_w, new_u, states(new_w, new_u)[3] ** 2 / 2):
        assert says(CHAPTER, heading, number, 4)
    truncated = "Truncated back-propagation through time"
    assert says(CHAPTER, truncated, delta[3] * inputs[2], 4)
    assert says(CHAPTER, truncated, grad_u, 4)


def test_powers_of_a_factor_over_many_steps() -> None:
    heading = "A vanishing gradient in numbers"
    for factor, digits in ((0.9, (3, 5, 7)), (0.99, (3, 3, 3)), (1.1, (3, 3, 3))):
        for steps, places in zip((10, 50, 100), digits, strict=True):
            assert says(CHAPTER, heading, factor**steps, places)
    assert says(CHAPTER, heading, int(np.ceil(np.log(0.01) / np.log(0.9))), 0)
    slope = 1 - 0.6**2
    assert says(CHAPTER, heading, slope, 2)
    assert says(CHAPTER, heading, 0.9 * slope, 3)
    assert says(CHAPTER, heading, (0.9 * slope) ** 20, 7)


def test_clipping_factor() -> None:
    assert says(CHAPTER, "Remedies for unstable gradients", 5 / 50, 1)


def test_lstm_step() -> None:
    heading = "An LSTM step by hand"
    x, h, c = 1, 0.5, 1
    sums = (0.4 * x + 0.2 * h + 1, x - 0.4 * h, 0.6 * x + 0.8 * h - 0.5, x + 0.4 * h - 0.7)
    forget, write, show = (sigmoid(z) for z in sums[:3])
    candidate = float(np.tanh(sums[3]))
    memory = forget * c + write * candidate
    for z in sums:
        assert says(CHAPTER, heading, z, 1)
    for number in (forget, write, show, candidate, write * candidate, memory, np.tanh(memory), show * np.tanh(memory)):
        assert says(CHAPTER, heading, number, 4)


def test_forget_gates_and_what_they_keep() -> None:
    heading = "Why the cell state preserves gradients"
    half = 0.5 ** (1 / 100)
    assert says(CHAPTER, heading, 0.99**100, 3)
    assert says(CHAPTER, heading, 0.9**100, 7)
    assert says(CHAPTER, heading, half, 4)
    assert says(CHAPTER, heading, np.log(half / (1 - half)), 2)
    assert says(CHAPTER, heading, sigmoid(0) ** 20, 8)
    assert says(CHAPTER, heading, sigmoid(1), 3)
    assert says(CHAPTER, heading, sigmoid(1) ** 20, 4)


def test_gru_step() -> None:
    heading = "A GRU step by hand"
    x, h = 1, 0.5
    reset, update = sigmoid(0.4 * x + 1.2 * h - 1), sigmoid(0.5 * x + h + 0.5)
    total = x + 0.8 * (reset * h) - 0.5
    candidate = float(np.tanh(total))
    assert says(CHAPTER, heading, 0.5 * x + h + 0.5, 1)
    assert says(CHAPTER, heading, total, 1)
    assert says(CHAPTER, heading, reset * h, 2)
    assert says(CHAPTER, heading, 100 * update, 0)
    parts = (update * h, (1 - update) * candidate)
    for number in (reset, update, candidate, 1 - update, *parts, sum(parts)):
        assert says(CHAPTER, heading, number, 4)


def test_probability_of_a_text_without_error() -> None:
    for tokens in (20, 50):
        assert says(CHAPTER, "Teacher forcing and exposure bias", 0.98**tokens, 3)


def test_numbers_for_each_word_of_a_fixed_vector() -> None:
    for words in (10, 50):
        assert says(CHAPTER, "The fixed-vector bottleneck", 1000 / words, 0)


def test_additive_attention() -> None:
    heading = "Attention in a translation model by hand"
    states = np.array([[1, 0], [0, 1], [0.5, -1]])
    s, w, u, v = np.array([0.5, -0.5]), np.eye(2), np.diag([-1, 1]), np.array([2, 2])
    sums = np.array([w @ s + u @ h for h in states])
    scores = np.tanh(sums) @ v
    weights = np.exp(scores) / np.exp(scores).sum()
    for number in (*scores, *np.exp(scores), np.exp(scores).sum(), *weights, *(weights @ states)):
        assert says(CHAPTER, heading, number, 3)
    for number in (sums[0, 0], sums[1, 0], sums[2, 1]):
        assert says(CHAPTER, heading, number, 1)
    assert says(CHAPTER, "Additive attention", 30 * 30, 0)


def test_operations_of_recurrence_and_attention() -> None:
    heading, n, d = "From recurrence to transformers", 50, 512
    assert says(CHAPTER, heading, n * d**2, 0)
    assert says(CHAPTER, heading, n**2 * d, 0)
    assert says(CHAPTER, heading, d / n, 2)


def test_discrete_state_space_model() -> None:
    heading, a, b = "State-space models and Mamba", -1, 1
    for step in (0.1, 2):
        assert says(CHAPTER, heading, np.exp(step * a), 3)
        assert says(CHAPTER, heading, (np.exp(step * a) - 1) / a * b, 3)


def test_memory_of_state_and_cache() -> None:
    heading = "Memory of a state-space model"
    state, token = 64 * 5120 * 16, 2 * 32 * 2560
    assert says(CHAPTER, heading, state, 0)
    assert says(CHAPTER, heading, token, 0)
    assert says(CHAPTER, heading, state / token, 0)
    assert says(CHAPTER, heading, 2048 * token / state, 0)
