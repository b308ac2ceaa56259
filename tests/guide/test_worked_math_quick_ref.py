"""The numbers of the mathematics quick reference, computed again from the inputs of its examples."""

import math

import numpy as np
import torch
from torch.nn import functional

from tests.guide.chapters import says

CHAPTER = "math_quick_ref.md"


def test_products_norms_and_a_small_matrix() -> None:
    heading = "Vectors"
    assert says(CHAPTER, heading, np.dot([1, 2], [3, 4]), 0)
    for order in (1, 2):
        assert says(CHAPTER, heading, np.linalg.norm([3, -4], order), 0)
    matrix = np.array([[2, 1], [1, 2]])
    assert np.allclose(np.linalg.eigvalsh(matrix)[::-1], np.linalg.svd(matrix).S)
    for number in (np.linalg.matrix_rank(matrix), *np.linalg.svd(matrix).S):
        assert says(CHAPTER, "Matrices and their decompositions", number, 0)


def test_numerical_derivative_and_products_of_slopes() -> None:
    heading, step = "Derivatives of a function", 0.1
    chord = ((2 + step) ** 3 - (2 - step) ** 3) / (2 * step)
    assert says(CHAPTER, heading, 3 * 2**2, 0)
    assert says(CHAPTER, heading, chord, 2)
    assert math.isclose(chord - 12, step**2)
    assert says(CHAPTER, "Gradients through layers", 1 - 0.1, 1)
    assert says(CHAPTER, "Gradients through layers", 0.9**50, 5)


def test_a_die_and_an_accuracy() -> None:
    heading, die = "Random variables", np.arange(1, 7)
    assert says(CHAPTER, heading, die.mean(), 1)
    assert says(CHAPTER, heading, die.var(), 3)
    assert says(CHAPTER, heading, 100 * die.mean(), 0)
    assert says(CHAPTER, heading, 100 * die.var(), 3)
    assert says(CHAPTER, "Estimates and their errors", math.sqrt(0.9 * 0.1 / 400), 3)


def test_activation_functions_at_one_and_minus_one() -> None:
    z = torch.tensor([1.0, -1.0])
    for function in (torch.sigmoid, torch.tanh):
        for number in function(z).tolist():
            assert says(CHAPTER, "Squashing functions", number, 3)
    for function in (functional.gelu, functional.silu):
        for number in function(z).tolist():
            assert says(CHAPTER, "Rectifiers and gated units", number, 3)
    for number in torch.softmax(torch.tensor([2.0, 1.0, 0.0]), 0).tolist():
        assert says(CHAPTER, "Squashing functions", number, 3)


def test_cross_entropy_and_its_gradient() -> None:
    heading = "Losses of predictions"
    logits = torch.tensor([2.0, 1.0, 0.0], requires_grad=True)
    loss = functional.cross_entropy(logits, torch.tensor(0))
    loss.backward()
    assert logits.grad is not None
    for number in (torch.logsumexp(logits, 0).item(), loss.item(), *logits.grad.tolist()):
        assert says(CHAPTER, heading, number, 3)
    for number in (1 - 0.1 + 0.1 / 4, 0.1 / 4):
        assert says(CHAPTER, "Softened targets, penalties and preferences", number, 3)


def test_scaled_scores_and_a_position_penalty() -> None:
    heading = "Forms of attention"
    lead = 16 / math.sqrt(64)
    assert says(CHAPTER, heading, math.sqrt(64), 0)
    assert says(CHAPTER, heading, lead, 0)
    assert says(CHAPTER, heading, 1 / (1 + math.exp(-lead)), 3)
    assert says(CHAPTER, "Position encodings", math.exp(-0.5 * 4), 3)


def test_normalised_vector_and_initial_spreads() -> None:
    heading, x = "Normalisation layers", torch.tensor([1.0, 2.0, 3.0, 6.0])
    normalised = functional.layer_norm(x, (4,), eps=0)
    for number in (normalised[0], normalised[1], normalised[3], *(x / x.square().mean().sqrt())):
        assert says(CHAPTER, heading, number.item(), 3)
    assert says(CHAPTER, heading, x.var(unbiased=False).item(), 1)
    heading = "Placement of normalisation and initial weights"
    assert says(CHAPTER, heading, math.sqrt(2 / (512 + 512)), 4)
    assert says(CHAPTER, heading, math.sqrt(2 / 512), 4)


def test_momentum_clipping_and_cosine_schedule() -> None:
    assert says(CHAPTER, "Update rules", 1 / (1 - 0.9), 0)
    assert says(CHAPTER, "Update rules", 2 / 4, 1)
    heading, gradient = "Clipping and schedules", np.array([6, 8])
    for number in gradient * min(1, 5 / np.linalg.norm(gradient)):
        assert says(CHAPTER, heading, number, 0)
    for share, digits in ((0.25, 5), (0.5, 4)):
        assert says(CHAPTER, heading, 0.001 / 2 * (1 + math.cos(math.pi * share)), digits)


def test_entropy_divergence_and_units_of_loss() -> None:
    heading = "Entropy and divergence"
    p, q = np.array([0.5, 0.25, 0.25]), np.array([0.25, 0.5, 0.25])
    entropy, cross = -(p * np.log2(p)).sum(), -(p * np.log2(q)).sum()
    assert says(CHAPTER, heading, entropy, 1)
    assert says(CHAPTER, heading, cross, 2)
    assert says(CHAPTER, heading, cross - entropy, 2)
    assert says(CHAPTER, "Information theory", 1 / math.log(2), 3)
    heading = "Units of loss and bounds on information"
    assert says(CHAPTER, heading, math.exp(2), 3)
    assert says(CHAPTER, heading, 2 / (4 * math.log(2)), 3)


def test_similarity_and_rank_fusion() -> None:
    assert says(CHAPTER, "Similarity of vectors", 1 / math.sqrt(384), 3)
    assert says(CHAPTER, "Similarity of vectors", math.sqrt(2 - 2 * 0.8), 3)
    assert says(CHAPTER, "Ranking and mixing", 1 / (60 + 1) + 1 / (60 + 3), 4)
    for temperature in (1, 0.5):
        assert says(CHAPTER, "Ranking and mixing", 1 / (1 + math.exp(-(2 - 1) / temperature)), 3)


def test_counts_of_parameters_operations_and_bytes() -> None:
    heading = "Parameter counts"
    assert says(CHAPTER, heading, 12 * 12 * 768**2, 0)
    added, full = 8 * (4096 + 4096), 4096 * 4096
    assert says(CHAPTER, heading, added, 0)
    assert says(CHAPTER, heading, full, 0)
    assert says(CHAPTER, heading, 100 * added / full, 2)
    heading = "Operations and memory"
    assert says(CHAPTER, heading, 6 * 1e9 * 20e9 / 1e20, 1)
    assert says(CHAPTER, heading, 2 * 32 * 8 * 128 * 2, 0)


def test_number_formats() -> None:
    heading = "Floating-point formats at a glance"
    for kind in (torch.float32, torch.bfloat16):
        assert says(CHAPTER, heading, torch.finfo(kind).max / 1e38, 2)
    for kind in (torch.float16, torch.float8_e4m3fn, torch.float8_e5m2):
        assert says(CHAPTER, heading, torch.finfo(kind).max, 0)
    assert torch.finfo(torch.bfloat16).max == (2 - 2**-7) * 2.0**127
    heading = "Rounding and quantisation"
    assert says(CHAPTER, heading, torch.finfo(torch.float32).eps / 1e-7, 2)
    assert says(CHAPTER, heading, torch.finfo(torch.float16).eps, 5)
    assert says(CHAPTER, heading, torch.finfo(torch.bfloat16).eps, 4)
    step = 2.54 / 127
    assert says(CHAPTER, heading, step, 2)
    assert says(CHAPTER, heading, round(0.333 / step), 0)
    assert says(CHAPTER, heading, round(0.333 / step) * step, 2)
