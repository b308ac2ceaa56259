"""The numbers of the worked examples on inference, serving and evaluation, computed again from their inputs."""

import math

import numpy as np
from numpy.typing import NDArray

from tests.guide.chapters import says, section

NAME = "transformers_advanced.md"

LLAMA_7B = 6_738_415_616
BANDWIDTH = 2e12  # bytes per second
ARITHMETIC = 312e12  # operations per second
PREFILL_SECONDS = 2 * LLAMA_7B * 1000 / (ARITHMETIC / 2)


def quantise(x: NDArray[np.float64]) -> tuple[NDArray[np.int64], float]:
    scale = float(np.abs(x).max()) / 127
    return np.round(x / scale).astype(np.int64), scale


def softmax(z: NDArray[np.float64]) -> NDArray[np.float64]:
    e: NDArray[np.float64] = np.exp(z - z.max())
    return e / float(e.sum())


def kv_bytes(layers: int, heads: int, width: int, size: int = 2) -> int:
    return 2 * layers * heads * width * size


def majority(p: float, n: int) -> float:
    return sum(math.comb(n, k) * p**k * (1 - p) ** (n - k) for k in range(n // 2 + 1, n + 1))


def text_of(heading: str) -> str:
    return section(NAME, heading)


WEIGHTS = np.array([0.507, -1.214, 0.093, 2.54])
ACTIVATIONS = np.array([1.004, -0.516, 1.27, 0.253])


def test_int8_dot_product() -> None:
    here = "Int8 quantisation by hand"
    (qw, sw), (qx, sx) = quantise(WEIGHTS), quantise(ACTIVATIONS)
    assert all(says(NAME, here, scale, 2) for scale in (sw, sx))
    assert all(says(NAME, here, value, 0) for value in (*qw, *qx))
    total = int(qw @ qx)
    assert f"${' + '.join(map(str, qw * qx))} = {total}$" in text_of(here)
    assert says(NAME, here, total * sw * sx, 4)
    assert says(NAME, here, float(WEIGHTS @ ACTIVATIONS), 4)


def test_an_outlier_ruins_int8_and_the_mixed_product_saves_it() -> None:
    here = "Outlier features"
    spoilt = ACTIVATIONS.copy()
    spoilt[2] = 60
    (qw, sw), (qx, sx) = quantise(WEIGHTS), quantise(spoilt)
    assert says(NAME, here, sx, 3)
    assert "{}, −{}, {} and {}".format(*np.abs(qx)) in text_of(here)
    assert (np.sign(qx) == [1, -1, 1, 1]).all()
    assert says(NAME, here, float(qw @ qx) * sw * sx, 3)
    assert says(NAME, here, float(WEIGHTS @ spoilt), 3)
    kept = [0, 1, 3]
    (qw, sw), (qx, sx) = quantise(WEIGHTS[kept]), quantise(spoilt[kept])
    outlier = WEIGHTS[2] * 60
    assert says(NAME, here, outlier, 2)
    assert says(NAME, here, outlier + float(qw @ qx) * sw * sx, 3)


def test_gptq_makes_up_for_the_rounding_of_the_first_weight() -> None:
    w, hessian = np.array([0.4, 0.4]), np.array([[1, 0.8], [0.8, 1]])
    alone = w - np.round(w)
    assert says(NAME, "GPTQ", alone @ hessian @ alone, 3)
    first = np.round(w[0])
    moved = w[1] + (w[0] - first) * hessian[0, 1] / hessian[1, 1]
    assert says(NAME, "GPTQ", moved, 2)
    together = w - np.array([first, np.round(moved)])
    assert says(NAME, "GPTQ", together[1], 1)
    assert says(NAME, "GPTQ", together @ hessian @ together, 3)


def test_awq_scaling_shrinks_the_output_error() -> None:
    step = 0.7 / 7
    for s in (1, 2):
        rounded = round(s * 0.24 / step) * step
        assert says(NAME, "AWQ", rounded, 1)
        assert says(NAME, "AWQ", abs(rounded - s * 0.24) * 10 / s, 1)


def test_bits_per_weight_of_four_bit_formats() -> None:
    here = "Four-bit formats"
    assert says(NAME, here, 4 + 8 / 64 + 32 / (64 * 256), 3)
    assert says(NAME, here, 4 + 16 / 128, 3)
    assert says(NAME, here, 4 + 8 / 32, 2)
    assert says(NAME, here, 4 + 32 / 64, 1)
    assert 4 + 8 / 16 == 4 + 32 / 64  # NVFP4 and plain NF4


def test_sizes_of_a_quantised_model() -> None:
    here = "Quantisation compared"
    assert says(NAME, here, LLAMA_7B, 0)
    for bits in (16, 8, 4.125):
        size = LLAMA_7B * bits / 8
        assert says(NAME, here, size / 1e9, 2)
        assert says(NAME, here, size / BANDWIDTH * 1e3, 2)


def test_prefill_and_decode_times() -> None:
    here = "Prefill and decode"
    assert says(NAME, here, 2 * LLAMA_7B * 1000 / 1e12, 2)
    assert says(NAME, here, PREFILL_SECONDS * 1e3, 0)
    step = 2 * LLAMA_7B / BANDWIDTH
    assert says(NAME, here, step * 1e3, 2)
    assert says(NAME, here, 1 / step, 0)
    assert says(NAME, here, 200 * step, 2)


def test_token_passes_without_a_cache() -> None:
    assert says(NAME, "The KV cache", sum(range(1, 1001)), 0)


def test_kv_cache_memory() -> None:
    here = "KV cache memory by hand"
    each = kv_bytes(32, 32, 128)
    assert f"{each}$ bytes" in text_of(here)
    assert says(NAME, here, each / 2**20, 1)
    assert says(NAME, here, 4096 * each / 2**30, 0)
    assert says(NAME, here, 16 * 4096 * each / 2**30, 0)
    assert says(NAME, here, 2 * LLAMA_7B / 2**30, 2)
    assert 16 * 4096 * each > 2 * 2 * LLAMA_7B


def test_grouped_queries_shrink_the_cache() -> None:
    here = "Multi-query and grouped-query attention"
    grouped, full = kv_bytes(80, 8, 128), kv_bytes(80, 64, 128)
    assert f"{grouped}$ bytes" in text_of(here)
    assert says(NAME, here, grouped / 2**10, 0)
    assert says(NAME, here, full / 2**20, 1)
    assert says(NAME, here, 4096 * grouped / 2**30, 2)
    assert says(NAME, here, 4096 * full / 2**30, 0)


def test_score_memory_that_flashattention_avoids() -> None:
    assert says(NAME, "FlashAttention", 32 * 4096**2 * 2 / 2**30, 0)
    assert says(NAME, "FlashAttention", 32 * 4096 * 4 / 2**10, 0)


def test_blocks_of_a_paged_cache() -> None:
    here = "Paged attention"
    blocks = math.ceil(100 / 16)
    assert says(NAME, here, blocks, 0)
    assert says(NAME, here, 16 * blocks, 0)
    assert says(NAME, here, 16 * blocks - 100, 0)
    assert says(NAME, here, 100 * 100 / 2048, 1)


def test_expected_tokens_of_speculative_decoding() -> None:
    here = "Speculative decoding"

    def tokens(alpha: float, proposed: int) -> float:
        """One for each run of accepted proposals, weighted by its probability; the pass always yields one more."""
        runs = [alpha**k * (1 - alpha) * (k + 1) for k in range(proposed)]
        return sum(runs) + alpha**proposed * (proposed + 1)

    cost = 1 + 4 * 0.05
    assert says(NAME, here, cost, 1)
    assert says(NAME, here, tokens(0.8, 4), 2)
    assert says(NAME, here, tokens(0.8, 4) / cost, 2)
    assert says(NAME, here, tokens(0.5, 4) / cost, 2)


def test_rejection_rule_keeps_the_distribution() -> None:
    here = "The rejection rule by hand"
    p, q = np.array([0.5, 0.3, 0.2]), np.array([0.7, 0.2, 0.1])
    both = np.minimum(p, q)
    rest = np.maximum(0, p - q) / np.maximum(0, p - q).sum()
    np.testing.assert_allclose(rest, [0, 0.5, 0.5])
    np.testing.assert_allclose(both + (1 - both.sum()) * rest, p)
    assert says(NAME, here, p[0] / q[0], 3)
    assert says(NAME, here, both.sum(), 1)


def test_ratio_of_arithmetic_to_bandwidth() -> None:
    here = "Arithmetic intensity"
    assert says(NAME, here, ARITHMETIC / BANDWIDTH, 0)
    assert says(NAME, here, 100 * BANDWIDTH / ARITHMETIC, 1)


def test_distillation_loss() -> None:
    teacher, student = np.array([4.0, 2, 0]), np.array([3.0, 2, 1])
    soft, guess = softmax(teacher / 2), softmax(student / 2)
    for value in (*softmax(teacher), *soft, *guess):
        assert says(NAME, "Distillation", value, 3)
    divergence = float(soft @ np.log(soft / guess))
    assert says(NAME, "Distillation", divergence, 4)
    assert says(NAME, "Distillation", 2**2 * divergence, 3)


def test_pruning_scores_and_sparse_storage() -> None:
    weights, norms = np.array([0.5, 0.2]), np.array([1, 10])
    scores = weights * norms
    assert "score {:g} and {:g}".format(*scores) in text_of("Pruning")
    assert scores.argmin() == weights.argmax()
    assert says(NAME, "Pruning", 2 * 16 + 2 * 2, 0)
    assert says(NAME, "Pruning", 4 * 16, 0)


def test_places_of_a_static_batch() -> None:
    lengths = [10, 20, 30, 100]
    places = len(lengths) * max(lengths)
    assert says(NAME, "Continuous batching", places, 0)
    assert says(NAME, "Continuous batching", sum(lengths), 0)
    assert says(NAME, "Continuous batching", 100 * sum(lengths) / places, 0)


def test_latency_throughput_and_waiting() -> None:
    here = "Latency and throughput"
    assert says(NAME, here, 0.2 + 299 * 0.025, 3)
    assert f"{64 / 0.025:.0f}$ tokens" in text_of(here)
    waits = {load: round(1 / (1 - load)) for load in (0.5, 0.8, 0.9)}
    assert list(waits.values()) == [2, 5, 10]


def test_capacity_plan() -> None:
    here = "Capacity planning by hand"
    cache = 72e9 - 2 * LLAMA_7B
    assert says(NAME, here, cache / 1e9, 2)

    def plan(each: float) -> tuple[int, float, float]:
        """Requests in the batch, seconds of a step and seconds of the GPU that a request needs for decoding."""
        batch = int(cache / each // 1250)
        step = (2 * LLAMA_7B + batch * 1125 * each) / (0.6 * BANDWIDTH)
        return batch, step, 250 * step / batch

    each = kv_bytes(32, 32, 128)
    batch, step, decode = plan(each)
    assert says(NAME, here, each, 0)
    assert says(NAME, here, cache / each, 0)
    assert says(NAME, here, batch, 0)
    assert says(NAME, here, batch * 1125 * each / 1e9, 2)
    assert says(NAME, here, (2 * LLAMA_7B + batch * 1125 * each) / 1e9, 2)
    assert says(NAME, here, step * 1e3, 1)
    assert says(NAME, here, decode * 1e3, 0)
    assert says(NAME, here, PREFILL_SECONDS * 1e3, 0)
    rate = 1 / (decode + PREFILL_SECONDS)
    assert says(NAME, here, rate, 2)
    assert says(NAME, here, 20 / (0.7 * rate), 2)
    assert says(NAME, here, math.ceil(20 / (0.7 * rate)), 0)
    assert says(NAME, here, batch / rate, 1)
    assert says(NAME, here, batch / rate / 250 * 1e3, 0)

    batch, step, decode = plan(each / 4)
    assert says(NAME, here, batch, 0)
    assert says(NAME, here, 1 / (decode + PREFILL_SECONDS), 2)
    assert says(NAME, here, 100 * PREFILL_SECONDS / (decode + PREFILL_SECONDS), 0)


def test_perplexity() -> None:
    here = "Perplexity"
    first, second = np.array([0.5, 0.25, 0.1, 0.8]), np.array([0.01])
    costs = -np.log(first)
    for value in (*costs, costs.sum(), costs.mean()):
        assert says(NAME, here, value, 3)
    assert says(NAME, here, math.exp(costs.mean()), 2)
    assert says(NAME, here, costs.sum() / (18 * math.log(2)), 3)
    each = [math.exp(-np.log(batch).mean()) for batch in (first, second)]
    assert says(NAME, here, sum(each) / 2, 1)
    assert says(NAME, here, math.exp(-np.log(np.concatenate([first, second])).mean()), 2)


def test_pass_at_k() -> None:
    here = "Scoring by repeated samples"
    assert says(NAME, here, 1 - math.comb(7, 5) / math.comb(10, 5), 3)
    assert says(NAME, here, 1 - (1 - 0.3) ** 5, 3)


def test_agreement_and_ratings() -> None:
    here = "Judging open answers"
    chance = 0.7**2 + 0.3**2
    assert says(NAME, here, chance, 2)
    assert says(NAME, here, (0.85 - chance) / (1 - chance), 3)
    assert says(NAME, here, 1 / (1 + 10 ** (-100 / 400)), 3)


def test_error_bars() -> None:
    here = "Error bars for evaluations"
    for n in (164, 1319, 14042):
        assert says(NAME, here, 1.96 * math.sqrt(0.62 * 0.38 / n), 3)
    assert says(NAME, here, 1.96**2 * 0.25 / 0.02**2, 0)
    n, a_alone, b_alone = 500, 40, 22
    difference = (a_alone - b_alone) / n
    outcomes = np.repeat([1, -1, 0], [a_alone, b_alone, n - a_alone - b_alone])
    paired = float(outcomes.std()) / math.sqrt(n)
    assert says(NAME, here, difference, 3)
    assert says(NAME, here, paired, 4)
    separate = math.sqrt(sum(p * (1 - p) / n for p in (0.7, 0.664)))
    assert says(NAME, here, separate, 4)
    for error in (paired, separate):
        for sign in (-1, 1):
            assert says(NAME, here, difference + sign * 1.96 * error, 3)


def test_first_losses() -> None:
    for vocabulary in (50_257, 32_000):
        assert says(NAME, "Reading a loss curve", math.log(vocabulary), 2)


def test_logit_lens_on_the_toy_model() -> None:
    out = np.array([[1, 0], [0, 1], [2, -1], [-1, 2]], dtype=float)  # capital, France, Paris, Rome
    attention = softmax(np.array([math.sqrt(2), 0]))
    h = out[1] + attention
    fired = np.maximum(0, np.array([[1, 1], [1, -1]]) @ h + np.array([-1.5, 0]))
    y = h + fired @ np.array([[4, -2], [0, 3]])
    assert says(NAME, "Looking inside a model", softmax(out @ h)[3], 3)
    assert says(NAME, "Looking inside a model", softmax(out @ y)[2], 3)


def test_majorities_and_long_tasks() -> None:
    here = "Reasoning and tool use"
    for p in (0.6, 0.4):
        for n in (5, 25):
            assert says(NAME, here, majority(p, n), 3)
    assert says(NAME, here, 0.95**20, 3)


def test_patches_of_an_image() -> None:
    assert says(NAME, "Where the field is going", (224 // 16) ** 2, 0)
