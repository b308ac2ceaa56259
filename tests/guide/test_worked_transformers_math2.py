"""The numbers of the chapter on optimisation, information and scaling, computed again from the examples' inputs."""

import itertools
import math
from collections.abc import Iterable
from statistics import NormalDist

import numpy as np
import pytest
import torch

from tests.guide.chapters import says, section

CHAPTER = "transformers_math2.md"
HOFFMANN = (406.4, 410.7, 0.34, 0.28)
BESIROGLU = (482.01, 2085.43, 0.3478, 0.3658)


def bits(probabilities: Iterable[float]) -> float:
    return -sum(p * math.log2(p) for p in probabilities)


def divergence(p: Iterable[float], q: Iterable[float]) -> float:
    return sum(a * math.log2(a / b) for a, b in zip(p, q, strict=True))


def compute_optimal(operations: float, a: float, b: float, alpha: float, beta: float) -> tuple[float, float]:
    g = (alpha * a / (beta * b)) ** (1 / (alpha + beta))
    size = g * (operations / 6) ** (beta / (alpha + beta))
    return size, operations / 6 / size


def terms(size: float, tokens: float) -> tuple[float, float]:
    a, b, alpha, beta = HOFFMANN
    return a / size**alpha, b / tokens**beta


def test_gradient_descent_on_a_quadratic_converges_below_the_limit_only() -> None:
    heading = "Gradient descent on a quadratic"
    hessian, start = np.array([1, 10]), np.array([10, 1])
    assert says(CHAPTER, heading, (hessian * start**2).sum() / 2, 0)
    factors = 1 - 0.18 * hessian
    assert says(CHAPTER, heading, factors[0], 2)
    assert says(CHAPTER, heading, factors[1], 1)
    point = start * factors**5
    assert says(CHAPTER, heading, point[0], 3)
    assert says(CHAPTER, heading, point[1], 3)
    assert says(CHAPTER, heading, (hessian * point**2).sum() / 2, 3)
    assert says(CHAPTER, heading, 1 - 0.21 * 10, 1)


@pytest.mark.parametrize("condition", [10, 100])
def test_steps_grow_with_the_condition_number(condition: int) -> None:
    factor = (condition - 1) / (condition + 1)
    assert says(CHAPTER, "The condition number", factor, 3)
    assert says(CHAPTER, "The condition number", math.ceil(math.log(100) / -math.log(factor)), 0)


def test_noise_of_stochastic_gradients_and_its_floor() -> None:
    heading = "Stochastic gradients"
    gradients = np.array([1, 2, 6, 7])
    assert says(CHAPTER, heading, gradients.mean(), 0)
    assert says(CHAPTER, heading, gradients.var(), 1)
    for batch in (1, 2, 4):
        assert says(CHAPTER, heading, gradients.std() / math.sqrt(batch), 3)
    variance = 0.0
    for _ in range(1000):
        variance = (1 - 0.1) ** 2 * variance + 0.1**2
    assert says(CHAPTER, heading, variance, 4)
    assert says(CHAPTER, heading, 0.01 / (2 - 0.01), 4)


def test_momentum_accumulates_and_takes_the_root_of_the_condition_number() -> None:
    velocity = 0.0
    for step in range(3):
        velocity = 0.9 * velocity + 1
        assert says(CHAPTER, "Momentum", velocity, step)
    root = (math.sqrt(100) - 1) / (math.sqrt(100) + 1)
    assert says(CHAPTER, "Momentum", root, 3)
    assert says(CHAPTER, "Momentum", root**2, 3)
    rate = (1 - root) ** 2  # times the smallest eigenvalue, 1; the largest is 100
    roots = np.roots([1, -(1 + root**2 - rate * 50), root**2])
    assert np.allclose(np.abs(roots), root)


def test_adam_without_bias_correction_starts_too_fast() -> None:
    gradient = 2.0
    assert says(CHAPTER, "Adam", 0.1 * gradient / math.sqrt(0.001 * gradient**2), 3)


def test_adam_takes_three_steps() -> None:
    heading = "Adam by hand"
    m = v = weight = 0.0
    for t, gradient in enumerate((2, 1, -1), start=1):
        m, v = 0.9 * m + 0.1 * gradient, 0.999 * v + 0.001 * gradient**2
        first, second = m / (1 - 0.9**t), v / (1 - 0.999**t)
        weight -= 0.1 * first / math.sqrt(second)
        for value in (m, first, second, first / math.sqrt(second)):
            assert says(CHAPTER, heading, value, 3)
        assert says(CHAPTER, heading, v, 6)
        assert says(CHAPTER, heading, weight, 4)


def test_weight_decay_halves_a_weight_in_the_stated_steps() -> None:
    assert says(CHAPTER, "Weight decay and AdamW", math.log(2) / (0.0003 * 0.1), 0)
    text = section(CHAPTER, "Weight decay and AdamW")
    for divisor in (1, 10, 0.1):  # decoupled, large gradients, small gradients
        assert f"10^{{{round(math.log10(0.001 * 0.1 / divisor))}}}" in text


def test_schedules_at_single_steps() -> None:
    heading = "Schedules as formulas"

    def cosine(step: int) -> float:
        return 0.00003 + 0.00027 / 2 * (1 + math.cos(math.pi * (step - 2000) / 8000))

    assert says(CHAPTER, heading, 0.0003 * 1000 / 2000, 5)
    assert says(CHAPTER, heading, cosine(6000), 6)
    assert says(CHAPTER, heading, cosine(8000), 7)
    for step in (4000, 16000):
        assert says(CHAPTER, heading, 512**-0.5 * min(step**-0.5, step * 4000**-1.5), 6)


def test_clipping_by_norm_keeps_the_direction() -> None:
    heading = "Clipping by norm"
    gradient = np.array([0.5, 10])
    clipped, limited = gradient / np.linalg.norm(gradient), gradient.clip(-1, 1)
    assert says(CHAPTER, heading, clipped[0], 3)
    assert says(CHAPTER, heading, clipped[1], 3)
    assert says(CHAPTER, heading, clipped @ limited / np.linalg.norm(limited), 3)
    assert says(CHAPTER, heading, math.hypot(3, 4), 0)
    assert says(CHAPTER, heading, 1 / math.hypot(3, 4), 1)


def test_entropy_of_four_outcomes() -> None:
    entropy = bits([1 / 2, 1 / 4, 1 / 8, 1 / 8])
    assert says(CHAPTER, "Entropy", entropy, 2)
    assert says(CHAPTER, "Entropy", entropy * math.log(2), 3)
    assert says(CHAPTER, "Entropy", bits([1 / 4] * 4), 0)


def test_divergences_of_two_coins() -> None:
    heading = "Cross-entropy and KL divergence"
    p, q = (0.75, 0.25), (0.5, 0.5)
    assert says(CHAPTER, heading, bits(p), 3)
    assert says(CHAPTER, heading, bits(p) + divergence(p, q), 0)
    assert says(CHAPTER, heading, divergence(p, q), 3)
    assert says(CHAPTER, heading, divergence(q, p), 3)


@pytest.mark.parametrize(("loss", "width"), [(2.0, 4.5), (2.4, 6)])
def test_perplexity_and_bits_of_two_models(loss: float, width: float) -> None:
    heading = "Perplexity and bits per byte"
    assert says(CHAPTER, heading, math.exp(loss), 3)
    assert says(CHAPTER, heading, loss / math.log(2), 3)
    assert says(CHAPTER, heading, loss / math.log(2) / width, 3)


def test_mutual_information_shrinks_along_a_chain() -> None:
    once, twice = 2 - bits([0.4, 0.1, 0.1, 0.4]), 1 - bits([0.32, 0.68])
    assert says(CHAPTER, "Mutual information", bits([0.4, 0.1, 0.1, 0.4]), 3)
    assert says(CHAPTER, "Mutual information", once, 3)
    assert says(CHAPTER, "Mutual information", math.log(64), 3)
    assert says(CHAPTER, "Mutual information", math.log2(64), 0)
    assert says(CHAPTER, "The data processing inequality", 2 * 0.2 * 0.8, 2)
    assert says(CHAPTER, "The data processing inequality", once, 3)
    assert says(CHAPTER, "The data processing inequality", twice, 3)


def test_code_lengths_of_predictions() -> None:
    heading = "Prediction is compression"
    length = -math.log2(0.5 * 0.25 * 0.8)
    assert says(CHAPTER, heading, length, 3)
    assert math.ceil(length) + 1 == 5
    assert "five bits" in section(CHAPTER, heading)
    assert says(CHAPTER, heading, 2.0 / math.log(2) / 4.5 / 8, 3)


def test_share_of_attention_in_the_cost_of_a_layer() -> None:
    heading = "Cost of a transformer layer"
    for tokens in (2048, 32768):
        quadratic, linear = 4 * tokens**2 * 4096, 24 * tokens * 4096**2
        assert says(CHAPTER, heading, quadratic / (quadratic + linear), 3)
    assert says(CHAPTER, heading, 6 * 4096, 0)


def test_memory_of_stored_scores() -> None:
    heading = "Memory of attention"
    scores, output = 32 * 8192**2 * 2, 8192 * 4096 * 2
    assert says(CHAPTER, heading, scores, 0)
    assert says(CHAPTER, heading, scores / 2**30, 0)
    assert says(CHAPTER, heading, output, 0)
    assert says(CHAPTER, heading, scores / output, 0)
    assert says(CHAPTER, heading, 32 * 8192 * 2 * 4, 0)


def test_sharp_attention_and_the_bits_of_a_copy() -> None:
    heading = "A lower bound for exact attention"
    gap = 2 * math.log(1024)
    assert says(CHAPTER, heading, gap, 3)
    assert says(CHAPTER, heading, 1 / (1 + 1023 * math.exp(-gap)), 3)
    assert says(CHAPTER, heading, 1000 * math.log2(50257), 0)


def test_pairs_and_reach_of_a_window() -> None:
    for value in (16384 * 512, 16384**2, 16384 / 512, 24 * (512 - 1) + 1):
        assert says(CHAPTER, "Sparse attention", value, 0)


def test_exponentials_of_rank_one_scores_have_full_rank() -> None:
    heading = "Low-rank attention"
    scores = np.outer([0, 1, 2], [0, 1, 2])
    assert np.linalg.matrix_rank(scores) == 1
    assert says(CHAPTER, heading, float(np.linalg.det(np.exp(scores))), 2)
    assert says(CHAPTER, heading, np.linalg.matrix_rank(np.exp(scores)), 0)
    assert says(CHAPTER, heading, 4096 / 256, 0)


def test_linear_attention_directly_and_by_its_state() -> None:
    heading = "Linear attention"
    query, keys, values = np.array([3, 1]), np.array([[1, 2], [2, 1]]), np.array([2, 6])
    weights = keys @ query
    direct, state = weights @ values / weights.sum(), query @ (values @ keys) / (query @ keys.sum(axis=0))
    assert direct == state
    assert says(CHAPTER, heading, direct, 3)
    assert all(says(CHAPTER, heading, number, 0) for number in (*weights, *(values @ keys)))
    assert says(CHAPTER, heading, 128**2 + 128, 0)
    assert says(CHAPTER, heading, (128**2 + 128) / (2 * 128), 1)


def test_online_softmax_step_by_step() -> None:
    heading = "The online softmax"
    scores, values = np.array([1.0, 3, 2]), np.array([10.0, 20, 30])
    for seen in (1, 2, 3):
        weights = np.exp(scores[:seen] - scores[:seen].max())
        assert says(CHAPTER, heading, weights.sum(), 3)
        assert says(CHAPTER, heading, weights @ values[:seen], 3)
        assert says(CHAPTER, heading, weights @ values[:seen] / weights.sum(), 3)


def test_ridge_estimates_shrink() -> None:
    x, y = np.array([1, 2]), np.array([2, 3])
    for decay in (0, 1, 5):
        assert says(CHAPTER, "Weight decay as a prior", x @ y / (x @ x + decay), 3)


def test_dropout_adds_its_variance_to_the_loss() -> None:
    heading = "Dropout as noise"
    weights, inputs = np.array([1, 2]), np.array([3, 1])
    expected = 0.0
    for mask in itertools.product((0, 1), repeat=2):
        output = (weights * inputs * mask).sum() / 0.8
        chance = 0.8 ** sum(mask) * 0.2 ** (2 - sum(mask))
        assert says(CHAPTER, heading, chance, 2)
        expected += chance * (output - 4) ** 2
    assert expected == pytest.approx((weights @ inputs - 4) ** 2 + 0.25 * ((weights * inputs) ** 2).sum())
    assert says(CHAPTER, heading, expected, 2)
    assert says(CHAPTER, heading, 0.25 * ((weights * inputs) ** 2).sum(), 2)
    assert says(CHAPTER, heading, 3 / 0.8, 2)
    assert says(CHAPTER, heading, 5 / 0.8, 2)


def test_label_smoothing_leaves_a_finite_gap_and_a_least_loss() -> None:
    heading = "Label smoothing"
    true, other = 1 - 0.1 + 0.1 / 5, 0.1 / 5
    assert says(CHAPTER, heading, true, 2)
    assert says(CHAPTER, heading, other, 2)
    assert says(CHAPTER, heading, math.log(true / other), 3)
    assert says(CHAPTER, heading, bits([true, *[other] * 4]) * math.log(2), 3)


def test_calibration_error_of_three_bins() -> None:
    heading = "Calibration error by hand"
    counts, right, confidence = np.array([40, 30, 30]), np.array([34, 24, 12]), np.array([0.95, 0.75, 0.55])
    gaps = confidence - right / counts
    assert all(says(CHAPTER, heading, gap, 2) for gap in np.abs(gaps))
    assert says(CHAPTER, heading, counts @ np.abs(gaps) / 100, 3)
    assert says(CHAPTER, heading, counts @ gaps / 100, 2)
    assert says(CHAPTER, heading, math.sqrt(2 / math.pi) * math.sqrt(0.8 * 0.2 / 100), 3)


def test_temperature_that_fits_three_right_in_four() -> None:
    heading = "Temperature scaling"

    def loss(temperature: float) -> float:
        p = 1 / (1 + math.exp(-2 / temperature))
        return -0.75 * math.log(p) - 0.25 * math.log(1 - p)

    best = min(np.linspace(1, 3, 2001), key=loss)
    assert best == pytest.approx(2 / math.log(3), abs=1e-3)
    assert says(CHAPTER, heading, 1 / (1 + math.exp(-2)), 3)
    assert says(CHAPTER, heading, math.log(3), 4)
    assert says(CHAPTER, heading, 2 / math.log(3), 3)
    assert says(CHAPTER, heading, loss(1), 3)
    assert says(CHAPTER, heading, loss(2 / math.log(3)), 3)


@pytest.mark.parametrize("floor", [0, 1.5])
def test_extrapolation_of_a_power_law_depends_on_its_floor(floor: float) -> None:
    heading = "Power laws of loss"
    ratio = (2.5 - floor) / (3.0 - floor)
    assert says(CHAPTER, heading, -math.log10(ratio), 3)
    assert says(CHAPTER, heading, floor + (3.0 - floor) * ratio**3, 3)
    assert says(CHAPTER, heading, 2**-0.076, 3)
    assert says(CHAPTER, heading, 2 ** (1 / 0.076), 0)


def test_kaplan_losses() -> None:
    heading = "The Kaplan law"
    assert says(CHAPTER, heading, (8.8e13 / 1e9) ** 0.076, 3)
    assert says(CHAPTER, heading, (8.8e13 / 1e10) ** 0.076, 3)
    assert says(CHAPTER, heading, (5.4e13 / 1e10) ** 0.095, 3)
    assert says(CHAPTER, heading, 10**0.73, 2)
    assert says(CHAPTER, heading, 10 / 10**0.73, 2)


@pytest.mark.parametrize(("size", "tokens"), [(2.8e11, 3e11), (7e10, 1.4e12)], ids=["Gopher", "Chinchilla"])
def test_chinchilla_losses(size: float, tokens: float) -> None:
    heading = "The Chinchilla law"
    assert all(says(CHAPTER, heading, term, 3) for term in terms(size, tokens))
    assert says(CHAPTER, heading, 1.69 + sum(terms(size, tokens)), 3)


@pytest.mark.parametrize("fit", [HOFFMANN, BESIROGLU], ids=["Hoffmann", "Besiroglu"])
def test_exponents_of_the_best_size_and_the_ratio_of_terms(fit: tuple[float, float, float, float]) -> None:
    a, b, alpha, beta = fit
    assert says(CHAPTER, "The compute-optimal allocation derived", beta / (alpha + beta), 3)
    size, tokens = compute_optimal(1e21, *fit)
    assert alpha * a / size**alpha == pytest.approx(beta * b / tokens**beta)


def test_training_budget_of_three_rules() -> None:
    heading = "A training budget by hand"
    rule = math.sqrt(1e21 / 120)
    assert says(CHAPTER, heading, rule / 1e9, 2)
    assert says(CHAPTER, heading, 20 * rule / 1e9, 1)
    size, tokens = compute_optimal(1e21, *BESIROGLU)
    assert says(CHAPTER, heading, size / 1e9, 2)
    assert says(CHAPTER, heading, tokens / 1e9, 2)
    assert says(CHAPTER, heading, tokens / size, 1)
    size, tokens = compute_optimal(1e21, *HOFFMANN)
    assert says(CHAPTER, heading, size / 1e9, 2)
    assert says(CHAPTER, heading, tokens / 1e9, 1)
    assert says(CHAPTER, heading, tokens / size, 1)
    assert says(CHAPTER, heading, 1.69 + sum(terms(size, tokens)), 3)
    assert says(CHAPTER, heading, 1e21 / 6 / 1e9 / 1e9, 1)
    assert says(CHAPTER, heading, 1.69 + sum(terms(1e9, 1e21 / 6 / 1e9)), 3)
    assert says(CHAPTER, heading, 1e21 / (8 * 4e14) / 86400, 2)


def test_limits_and_steps_of_floating_point_formats() -> None:
    heading = "Floating-point formats"
    for dtype in (torch.float16, torch.float8_e4m3fn, torch.float8_e5m2):
        assert says(CHAPTER, heading, torch.finfo(dtype).max, 0)
    assert says(CHAPTER, heading, torch.finfo(torch.float8_e4m3fn).smallest_normal, 6)
    assert f"{torch.finfo(torch.float16).smallest_normal * 1e5:.2f} \\cdot 10^{{-5}}" in section(CHAPTER, heading)
    for dtype in (torch.float32, torch.bfloat16):
        assert f"{torch.finfo(dtype).max / 1e38:.2f} \\cdot 10^{{38}}" in section(CHAPTER, heading)
        assert f"{torch.finfo(dtype).smallest_normal * 1e38:.2f} \\cdot 10^{{-38}}" in section(CHAPTER, heading)
    assert says(CHAPTER, heading, torch.tensor(0.1, dtype=torch.bfloat16).item(), 11)
    assert says(CHAPTER, heading, torch.tensor(0.1, dtype=torch.float16).item(), 13)


def test_small_additions_vanish_in_bfloat16() -> None:
    heading = "Machine epsilon"
    assert says(CHAPTER, heading, torch.finfo(torch.bfloat16).eps, 7)
    assert says(CHAPTER, heading, torch.finfo(torch.float16).eps, 10)
    assert says(CHAPTER, heading, torch.finfo(torch.float32).eps * 1e7, 2)
    one, large = torch.tensor([1, 256], dtype=torch.bfloat16)
    assert one + 0.003 == one
    assert large + 1 == large
    assert says(CHAPTER, heading, 0.001 / torch.finfo(torch.bfloat16).eps, 3)


def test_softmax_of_scores_that_overflow_fp16() -> None:
    heading = "A stable softmax"
    scores = torch.tensor([12.0, 11, 9])
    assert scores.half().exp()[0].isinf()
    assert says(CHAPTER, heading, math.exp(12), 0)
    shifted = (scores - scores.max()).exp()
    assert all(says(CHAPTER, heading, value.item(), 3) for value in (*shifted[1:], *(shifted / shifted.sum())))
    assert says(CHAPTER, heading, math.log(torch.finfo(torch.float16).max), 2)
    assert says(CHAPTER, heading, math.log(torch.finfo(torch.float32).max), 2)


def test_loss_scaling_rescues_a_small_gradient() -> None:
    heading = "Loss scaling"
    assert torch.tensor(1e-8).half() == 0
    assert says(CHAPTER, heading, 2**-24 * 1e8, 2)
    stored = torch.tensor(1e-8 * 1024).half().item()
    assert says(CHAPTER, heading, stored * 1e5, 3)
    assert says(CHAPTER, heading, 100 * (stored / (1e-8 * 1024) - 1), 2)
    assert says(CHAPTER, heading, torch.tensor(1e-8 * 65536).half().item() * 1e4, 2)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_running_sums_of_ones_stop(dtype: torch.dtype) -> None:
    limit = round(2 / torch.finfo(dtype).eps)
    total = torch.tensor(limit, dtype=dtype)
    assert total + 1 == total
    assert total - 1 + 1 == total
    assert says(CHAPTER, "The order of summation", limit, 0)
    assert says(CHAPTER, "The order of summation", float(np.spacing(np.float32(1e8))), 0)


def test_standard_errors_and_sample_sizes() -> None:
    heading = "Standard error of an accuracy"
    p = 320 / 400
    error = math.sqrt(p * (1 - p) / 400)
    assert says(CHAPTER, heading, error, 2)
    assert says(CHAPTER, heading, p - 1.96 * error, 3)
    assert says(CHAPTER, heading, p + 1.96 * error, 3)
    assert says(CHAPTER, heading, math.ceil(1.96**2 * p * (1 - p) / 0.01**2), 0)
    assert says(CHAPTER, heading, 10 / (10 + 1.96**2), 3)


def test_clusters_widen_the_standard_error() -> None:
    heading = "Clustered standard errors"
    outcomes = np.array([[1, 1], [1, 1], [0, 0], [1, 0]])
    mean = outcomes.mean()
    sums = (outcomes - mean).sum(axis=1)
    assert says(CHAPTER, heading, mean, 3)
    assert says(CHAPTER, heading, math.sqrt(mean * (1 - mean) / 8), 3)
    assert all(says(CHAPTER, heading, value, 2) for value in sums)
    assert says(CHAPTER, heading, (sums**2).sum(), 2)
    assert says(CHAPTER, heading, math.sqrt((sums**2).sum()) / 8, 3)
    effect = 1 + (4 - 1) * 0.5
    assert says(CHAPTER, heading, effect, 1)
    assert says(CHAPTER, heading, 400 / effect, 0)
    assert says(CHAPTER, heading, 0.02 * math.sqrt(effect), 4)


def test_pairing_sharpens_a_comparison() -> None:
    heading = "Paired comparisons"
    differences = np.repeat([0, 1, -1], [340, 40, 20])
    first, second = 340 / 400, 320 / 400
    paired = differences.std() / 20
    unpaired = math.sqrt((first * (1 - first) + second * (1 - second)) / 400)
    assert says(CHAPTER, heading, first, 2)
    assert says(CHAPTER, heading, second, 2)
    assert says(CHAPTER, heading, paired, 4)
    assert says(CHAPTER, heading, differences.mean() / paired, 2)
    assert says(CHAPTER, heading, unpaired, 4)
    assert says(CHAPTER, heading, differences.mean() / unpaired, 2)
    assert says(CHAPTER, heading, 2 * sum(math.comb(60, k) for k in range(40, 61)) / 2**60, 4)


def test_all_sign_patterns_of_five_differences() -> None:
    heading = "Permutation tests"
    differences = np.array([3, 1, 2, -1, 4])
    sums = [abs(differences @ signs) for signs in itertools.product((1, -1), repeat=5)]
    extreme = sum(total >= differences.sum() for total in sums)
    assert says(CHAPTER, heading, differences.sum(), 0)
    assert says(CHAPTER, heading, extreme, 0)
    assert says(CHAPTER, heading, extreme / 32, 4)
    assert says(CHAPTER, heading, 2 / 2**5, 4)
    assert says(CHAPTER, heading, 2 / 2**6, 5)


def test_corrections_for_many_comparisons() -> None:
    heading = "Many comparisons"
    assert says(CHAPTER, heading, 1 - 0.95**20, 3)
    assert says(CHAPTER, heading, 0.05 / 20, 4)
    values = [0.001, 0.012, 0.021, 0.04, 0.3]
    bonferroni = sum(p <= 0.05 / 5 for p in values)
    holm = next(i for i, p in enumerate(values) if p > 0.05 / (5 - i))
    hochberg = max(i for i, p in enumerate(values, start=1) if p <= i * 0.05 / 5)
    assert (bonferroni, holm, hochberg) == (1, 2, 4)
    text = section(CHAPTER, heading)
    assert "rejects one" in text
    assert "rejects two" in text
    assert "reject four" in text
    assert says(CHAPTER, heading, 0.05 / 3, 4)


def test_best_of_twenty_equal_runs_looks_better_than_it_is() -> None:
    chances = (np.arange(100_000) + 0.5) / 100_000  # the largest of 20 uniform numbers has the quantile u ** (1 / 20)
    normal = NormalDist()
    best = float(np.mean([normal.inv_cdf(float(u)) for u in chances ** (1 / 20)]))
    assert says(CHAPTER, "Many comparisons", best, 2)
