"""The worked numbers on training in the chapter on training, optimising and deploying, computed again."""

import math

import numpy as np
import pytest
import torch

from tests.guide.chapters import says, section

CHAPTER = "transformers_advanced.md"
LAYERS, WIDTH, INNER, VOCABULARY = 32, 4096, 11008, 32000  # LLaMA 7B
LINEAR = LAYERS * (4 * WIDTH**2 + 3 * WIDTH * INNER)
LLAMA = LINEAR + 2 * VOCABULARY * WIDTH + (2 * LAYERS + 1) * WIDTH
NF4_BITS = 4 + 8 / 64 + 32 / (64 * 256)
BYTES_OF_TRAINING = {"bf16 weights": 2, "bf16 gradients": 2, "master": 4, "first moment": 4, "second moment": 4}


def stated(heading: str, value: float, digits: int = 0) -> bool:
    return says(CHAPTER, heading, value, digits)


def shows(heading: str, text: str) -> bool:
    return text in section(CHAPTER, heading)


def sigmoid(x: float) -> float:
    return 1 / (1 + math.exp(-x))


def lora(rank: int, rows: int, columns: int) -> int:
    return rank * (rows + columns)


def lora_of_all_matrices(rank: int) -> int:
    return LAYERS * (4 * lora(rank, WIDTH, WIDTH) + 3 * lora(rank, WIDTH, INNER))


def test_causal_loss_and_perplexity_of_four_predictions() -> None:
    losses = [-math.log(p) for p in (0.2, 0.5, 0.1, 0.4)]
    for loss in losses:
        assert stated("Causal language modelling", loss, 3)
    assert stated("Causal language modelling", np.mean(losses), 3)
    assert stated("Causal language modelling", math.exp(np.mean(losses)), 3)
    assert stated("Causal language modelling", 2048 - 1)


def test_masked_positions_of_a_bert_sequence() -> None:
    chosen = 0.15 * 512
    assert stated("Masked language modelling", chosen, 1)
    assert stated("Masked language modelling", 0.8 * chosen, 2)
    assert stated("Masked language modelling", 0.1 * chosen, 2)


def test_replaced_token_loss() -> None:
    original, filled = "the river froze last night".split(), "the river flooded last night".split()
    labels = torch.tensor([float(a != b) for a, b in zip(original, filled, strict=True)])
    assert shows("Replaced token detection", ", ".join(str(int(label)) for label in labels))
    loss = torch.nn.functional.binary_cross_entropy(torch.tensor([0.1, 0.2, 0.7, 0.1, 0.4]), labels)
    assert stated("Replaced token detection", loss.item(), 3)


def test_span_corruption_of_the_bridge() -> None:
    tokens = "The old bridge over the river was closed for repairs in spring".split()
    source = [*tokens[:1], "<X>", *tokens[3:8], "<Y>", *tokens[11:]]
    target = ["<X>", *tokens[1:3], "<Y>", *tokens[8:11], "<Z>"]
    assert shows("Span corruption", f"`{' '.join(source)}` ({len(source)} tokens)")
    assert shows("Span corruption", f"`{' '.join(target)}` ({len(target)} tokens)")


def test_span_corruption_lengths_of_t5() -> None:
    removed = round(0.15 * 568)
    spans = round(removed / 3)
    for number in (removed, spans, 568 - removed + spans + 1, removed + spans + 1):
        assert stated("Span corruption", number)
    assert stated("Objectives compared", removed + spans + 1)


def test_poisson_span_lengths_of_bart() -> None:
    for length in (0, 3):
        assert stated("Denoising in BART", math.exp(-3) * 3**length / math.factorial(length), 3)


@pytest.mark.parametrize(
    ("label", "share", "span"),
    [
        ("R, 15 per cent, span 3", 0.15, 3),
        ("R, 15 per cent, span 8", 0.15, 8),
        ("X, 50 per cent, span 8", 0.5, 8),
        ("X, 50 per cent, span 64", 0.5, 64),
        ("S, last quarter", 0.25, 128),
    ],
)
def test_hidden_tokens_of_the_denoisers(label: str, share: float, span: int) -> None:
    hidden = share * 512
    assert shows("Mixture of denoisers", f"| {label} | {round(hidden, 1):g} | {round(hidden / span, 1):g} |")


def test_predictions_of_each_objective() -> None:
    assert stated("Objectives compared", 512 - 1)
    assert stated("Objectives compared", 0.15 * 512)
    assert stated("Objectives compared", 0.5 * 512)


def test_web_share_of_llama() -> None:
    assert stated("Sources of pre-training text", 67 + 15)
    assert 67 + 15 + 3 * 4.5 + 2.5 + 2 == 100


def test_minhash_detection() -> None:
    for similarity in (0.5, 0.7, 0.8, 0.9):
        assert stated("Filtering and deduplication", 1 - (1 - similarity**8) ** 14, 3)


def test_tempered_mixture() -> None:
    sizes = np.array([800.0, 150.0, 50.0])
    roots = np.sqrt(sizes)
    weights = roots / roots.sum()
    drawn = 200 * weights
    for root, weight in zip(roots, weights, strict=True):
        assert stated("Data mixtures and curriculum", root, 2)
        assert stated("Data mixtures and curriculum", weight, 3)
    for source in (0, 2):
        assert stated("Data mixtures and curriculum", drawn[source], 1)
        assert stated("Data mixtures and curriculum", drawn[source] / sizes[source], 3)


def test_tokens_for_each_parameter_and_worth_of_repetition() -> None:
    assert stated("Tokens and epochs", 1e12 / LLAMA)
    for epochs in (4, 16, 40):
        assert stated("Tokens and epochs", 1 + 15.4 * (1 - math.exp(-(epochs - 1) / 15.4)), 2)
    assert stated("Tokens and epochs", 1 + 15.4, 1)


def test_packing_fills_one_row() -> None:
    documents = [1200, 500, 348]
    padded = len(documents) * 2048
    assert sum(documents) == 2048
    assert stated("Packing documents into sequences", padded)
    assert stated("Packing documents into sequences", 100 * sum(documents) / padded, 1)


def test_contaminated_accuracy() -> None:
    assert stated("Contamination of benchmarks", 0.2 * 0.9 + 0.8 * 0.65, 2)


def test_horizons_and_decay_of_adamw() -> None:
    decay = 3e-4 * 0.1
    assert stated("AdamW for transformers", decay, 5)
    assert stated("AdamW for transformers", (1 - decay) ** 1000, 3)
    assert stated("AdamW for transformers", 1 / decay)
    assert stated("AdamW for transformers", 1 / (1 - 0.999))
    assert stated("AdamW for transformers", 1 / (1 - 0.95))


def test_peak_of_the_inverse_square_root_schedule() -> None:
    assert stated("Learning-rate schedules", 512**-0.5 * 4000**-0.5, 6)


def test_cosine_schedule() -> None:
    heading = "A worked learning-rate schedule"
    for step in (500, 2000, 26500, 51000, 75500, 100000):
        cosine = math.cos(math.pi * (step - 2000) / 98000)
        rate = 3e-4 * step / 2000 if step < 2000 else 3e-5 + 0.5 * 2.7e-4 * (1 + cosine)
        assert shows(heading, f"| {step:,} | {1e5 * rate:.2f} |")
    assert stated(heading, math.cos(0.75 * math.pi), 3)
    assert stated(heading, 3e-5 + 0.5 * 2.7e-4 * (1 + math.cos(0.75 * math.pi)), 7)


def test_global_norm_over_devices() -> None:
    squares = [0.36, 0.64, 1.0, 2.25]
    norm = math.sqrt(sum(squares))
    assert stated("Gradient clipping in practice", sum(squares), 2)
    assert stated("Gradient clipping in practice", norm, 3)
    assert stated("Gradient clipping in practice", 1 / norm, 3)
    assert stated("Gradient clipping in practice", math.sqrt(squares[-1]) / norm, 3)
    assert [math.sqrt(square) > 1 for square in squares] == [False, False, False, True]


def test_tokens_of_a_batch_and_mean_of_means() -> None:
    heading, tokens = "Batch size and gradient accumulation", 4 * 8 * 64 * 2048
    assert shows(heading, str(tokens))
    assert stated(heading, math.ceil(1e12 / tokens))
    assert stated(heading, (2.0 + 3.0) / 2, 2)
    assert stated(heading, (100 * 2.0 + 300 * 3.0) / 400, 2)


def test_bf16_forgets_small_updates() -> None:
    one = torch.tensor(1.0, dtype=torch.bfloat16)
    assert (one + 0.001).item() == 1
    assert stated("Mixed precision training", 1 + torch.finfo(torch.bfloat16).eps, 7)
    assert stated("Mixed precision training", torch.finfo(torch.float16).max)
    assert shows("Mixed precision training", f"about {2**-24:.0e}".replace("e-08", "e-8"))


def test_z_loss() -> None:
    assert stated("Loss spikes", 1e-4 * 10**2, 2)


def test_states_of_a_training_step() -> None:
    heading = "Memory of a training step"
    for size in BYTES_OF_TRAINING.values():
        assert shows(heading, f"| {size} | {7 * size} GB |")
    total = sum(BYTES_OF_TRAINING.values())
    assert shows(heading, f"| all | {total} | {7 * total} GB |")
    optimiser = total - 4
    assert stated(heading, 7 * optimiser)
    assert optimiser / total == 0.75


def test_activation_memory() -> None:
    heading, sbh, scores = "Activation memory by hand", 2048 * 4096, 5 * 32 * 2048 / 4096
    assert shows(heading, str(sbh))
    assert shows(heading, f"5as/h = {scores:g}")
    with_scores, without = sbh * (34 + scores) / 1e9, sbh * 34 / 1e9
    assert stated(heading, with_scores, 3)
    assert stated(heading, LAYERS * with_scores, 1)
    assert stated(heading, without, 3)
    assert stated(heading, LAYERS * without, 2)


def test_ring_all_reduce() -> None:
    sent = 2 * 7 / 8 * 14
    assert stated("Data parallelism", sent, 1)
    assert stated("Data parallelism", sent / 300, 3)
    assert stated("Data parallelism", (1.0 + 3.0) / 2, 1)


def test_zero_stages() -> None:
    heading, weights, gradients, optimiser = "ZeRO and sharded data parallelism", 14, 14, 84
    assert stated(heading, weights + gradients + optimiser)
    assert stated(heading, weights + gradients + optimiser / 8, 1)
    assert stated(heading, weights + gradients / 8 + optimiser / 8, 2)
    assert shows(heading, f"| stage 3 | $112/8$ | {(weights + gradients + optimiser) / 8:g} |")


def test_tensor_parallel_parts_add_up() -> None:
    heading, x = "Tensor parallelism", np.array([1, 2])
    first, second = np.array([[1, -1], [1, 1]]), np.array([[2, 0], [1, 4]])
    parts = [max(0, x @ first[:, device]) * second[device] for device in (0, 1)]
    whole = np.maximum(0, x @ first) @ second
    assert (sum(parts) == whole).all()
    for vector in (*parts, whole):
        assert shows(heading, f"({vector[0]}, {vector[1]})")
    assert stated(heading, 2 * 2048 * 4096 / 1e6, 1)
    assert stated(heading, 4 * LAYERS)


def test_pipeline_bubble() -> None:
    for micro_batches in (8, 32):
        assert stated("Pipeline parallelism", 3 / (micro_batches + 3), 3)


def test_devices_of_llama_3() -> None:
    heading = "Combining the kinds of parallelism"
    assert stated(heading, 8 * 16 * 1 * 128)
    assert 8 * 16 * 16 * 8 == 8 * 16 * 1 * 128


def test_checkpointed_memory() -> None:
    heading, inputs = "Gradient checkpointing", LAYERS * 2 * 2048 * 4096 / 1e9
    layer = 2048 * 4096 * (34 + 80) / 1e9
    assert stated(heading, inputs, 3)
    assert stated(heading, layer, 3)
    assert stated(heading, inputs + layer, 2)
    assert stated(heading, LAYERS * layer, 1)
    assert stated(heading, 100 * (4 / 3 - 1))


def test_compute_of_runs() -> None:
    heading = "Compute of a training run"
    assert stated(heading, 6 * 175e9 * 300e9 / 1e23, 2)
    assert stated(heading, 6 * 405e9 * 15.6e12 / 1e25, 2)
    compute, peak_of_an_hour = 6 * 6.7e9 * 1e12, 312e12 * 3600
    assert stated(heading, compute / 1e22, 2)
    assert stated(heading, compute / (0.5 * peak_of_an_hour))
    assert stated(heading, compute / (82432 * peak_of_an_hour), 3)
    assert stated(heading, 82432 / 1024 / 24, 2)


def test_full_fine_tuning_memory() -> None:
    assert shows("Training, optimising and deploying transformers", f"{LLAMA:,} parameters")
    assert stated("Full fine-tuning", 16 * LLAMA / 1e9, 1)
    assert stated("Full fine-tuning", 2 * LLAMA / 1e9, 1)


def test_masked_prompt_loss() -> None:
    assert stated("Instruction tuning", (29 * 3.0 + 10 * 1.2) / 39, 2)


def test_bradley_terry() -> None:
    assert stated("Reward models and RLHF", sigmoid(1.5 - 0.5), 3)
    assert stated("Reward models and RLHF", -math.log(sigmoid(1.5 - 0.5)), 3)


def test_dpo_loss() -> None:
    better, worse = -12 - -14, -15 - -13
    assert shows("Preference optimisation", f"The gains are {better} and ${worse}$")
    assert stated("Preference optimisation", -math.log(sigmoid(0.1 * (better - worse))), 3)
    assert stated("Preference optimisation", -math.log(sigmoid(0)), 3)


def test_lora_by_hand() -> None:
    w, a, b, x = np.array([[1, 2], [3, 4]]), np.array([[1, -1]]), np.array([[0.5], [1]]), np.array([3, 1])
    update = 2 / 1 * b @ a
    merged = w + update
    h = w @ x + 2 / 1 * (b @ (a @ x))
    assert (merged @ x == h).all()
    assert shows("LoRA", f"= ({h[0]:g}, {h[1]:g})$")
    assert shows("LoRA", f"rows $({merged[0][0]:g}, {merged[0][1]:g})$ and $({merged[1][0]:g}, {merged[1][1]:g})$")


def test_lora_counts() -> None:
    heading = "LoRA parameter counts"
    assert shows(heading, str(lora(8, WIDTH, WIDTH)))
    assert shows(heading, str(lora(8, WIDTH, INNER)))
    for count in (LAYERS * 2 * lora(8, WIDTH, WIDTH), lora_of_all_matrices(8)):
        assert shows(heading, f"| {count:,} | {100 * count / LLAMA:.3f} | {2 * count / 1e6:.1f} MB |")
    assert stated(heading, 16 * lora_of_all_matrices(8) / 1e9, 2)
    assert stated(heading, 2 * LLAMA / 1e9, 1)


def test_qlora_bits() -> None:
    double = 8 / 64 + 32 / (64 * 256)
    assert stated("QLoRA", 32 / 64, 1)
    assert stated("QLoRA", double, 3)
    assert stated("QLoRA", 32 / 64 - double, 3)
    assert stated("QLoRA", 65 * NF4_BITS / 8, 1)
    assert stated("QLoRA", 65 * 2)


def test_adapters_of_bert_base() -> None:
    one = 2 * 768 * 64 + 64 + 768
    assert shows("Adapters", str(one))
    assert stated("Adapters", 24 * one)
    assert stated("Adapters", 100 * 24 * one / 109_482_240, 2)


def test_prefix_and_prompt_sizes() -> None:
    heading, prompt, prefix = "Prefix tuning and prompt tuning", 20 * WIDTH, 2 * LAYERS * 20 * WIDTH
    assert shows(heading, f"= {prompt}$")
    assert shows(heading, f"= {prefix}$")
    assert stated(heading, 100 * prefix / LLAMA, 3)


def test_memory_of_the_fine_tuning_methods() -> None:
    heading, frozen = "Choosing a fine-tuning method", 2 * LLAMA / 1e9
    four_bit = (LINEAR * NF4_BITS / 8 + 2 * (LLAMA - LINEAR)) / 1e9
    rows = {
        "full": (LLAMA, 16 * LLAMA / 1e9),
        "LoRA, $r = 8$, all matrices": (lora_of_all_matrices(8), frozen + 16 * lora_of_all_matrices(8) / 1e9),
        "QLoRA, the same": (lora_of_all_matrices(8), four_bit + 16 * lora_of_all_matrices(8) / 1e9),
        "prefix, 20": (2 * LAYERS * 20 * WIDTH, frozen + 16 * 2 * LAYERS * 20 * WIDTH / 1e9),
        "soft prompt, 20": (20 * WIDTH, frozen + 16 * 20 * WIDTH / 1e9),
    }
    for method, (trained, memory) in rows.items():
        assert shows(heading, f"| {method} | {trained:,} | {memory:.1f} |")
