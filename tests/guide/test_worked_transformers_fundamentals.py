"""The worked numbers of the chapter on transformer architecture, computed again from what each example is given."""

import math
from collections import Counter
from itertools import pairwise

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import nn

from tests.guide.chapters import says, section

CHAPTER = "transformers_fundamentals.md"
CORPUS = {"run": 6, "runs": 3, "sun": 5, "sung": 2, "fig": 1}
QUERIES = np.array([[1, 0, 1, 0], [0, 2, 0, 0], [1, 1, 1, 1]], dtype=float)
KEYS = np.array([[1, 1, 0, 0], [0, 2, 0, 0], [2, 0, 0, 2]], dtype=float)
VALUES = np.array([[1, 0], [0, 1], [2, 2]], dtype=float)

Vector = NDArray[np.float64]


def told(heading: str, value: float, digits: int = 0) -> bool:
    return says(CHAPTER, heading, value, digits)


def softmax(scores: Vector) -> Vector:
    exponentials: Vector = np.exp(scores - scores.max(axis=-1, keepdims=True))
    weights: Vector = exponentials / exponentials.sum(axis=-1, keepdims=True)
    return weights


def normalise(x: Vector) -> Vector:
    normalised: Vector = (x - x.mean()) / x.std()
    return normalised


def size(module: nn.Module) -> int:
    return sum(parameter.numel() for parameter in module.parameters())


def classic_block(d: int, f: int | None = None) -> nn.Module:
    """A block with biases, layer normalisation and a two-matrix feed-forward layer; it has no storage."""
    hidden = f or 4 * d
    return nn.TransformerEncoderLayer(d, max(1, d // 64), hidden, device="meta")


def row(heading: str, start: str) -> str:
    (found,) = [line for line in section(CHAPTER, heading).split("\n") if line.startswith(f"| {start}")]
    return found


def merged(symbols: list[str], pair: tuple[str, str]) -> list[str]:
    text, glued = "\x00".join(["", *symbols, ""]), "\x00" + "".join(pair) + "\x00"
    while (bare := text.replace("\x00" + "\x00".join(pair) + "\x00", glued, 1)) != text:
        text = bare
    return text.strip("\x00").split("\x00")


def pair_counts(pieces: dict[str, list[str]]) -> Counter[tuple[str, str]]:
    counts: Counter[tuple[str, str]] = Counter()
    for word, symbols in pieces.items():
        for pair in pairwise(symbols):
            counts[pair] += CORPUS[word]
    return counts


def test_the_merges_of_byte_pair_encoding_and_a_new_word() -> None:
    heading = "Byte-pair encoding by hand"
    pieces = {word: list(word) for word in CORPUS}
    assert told(heading, sum(len(word) * count for word, count in CORPUS.items()))
    new = list("rungs")
    for step in range(1, 5):
        (pair, count), (_, second) = pair_counts(pieces).most_common(2)
        assert count > second  # no tie that another program could break differently
        pieces = {word: merged(symbols, pair) for word, symbols in pieces.items()}
        left = sum(len(symbols) * CORPUS[word] for word, symbols in pieces.items())
        assert row(heading, f"{step} |") == f"| {step} | `{pair[0]}` `{pair[1]}` | {count} | {left} |"
        new = merged(new, pair)
    assert f"`{' '.join(new)}`, three tokens" in section(CHAPTER, heading)
    vocabulary = len(set("".join(CORPUS))) + 4
    assert told("Byte-pair encoding in Python", vocabulary)


def test_wordpiece_prefers_another_pair_and_unigram_another_split() -> None:
    heading = "WordPiece and unigram tokenisation"
    pairs = pair_counts({word: list(word) for word in CORPUS})
    singles = Counter({letter: sum(w.count(letter) * n for w, n in CORPUS.items()) for letter in set("".join(CORPUS))})
    scores = {pair: count / (singles[pair[0]] * singles[pair[1]]) for pair, count in pairs.items()}
    assert max(scores, key=lambda pair: scores[pair]) == ("f", "i")
    assert told(heading, scores["u", "n"], 4)
    assert told(heading, scores["f", "i"])
    assert told(heading, 0.1 * 0.05, 3)
    assert 0.1 * 0.05 > 0.004


def test_bytes_of_characters() -> None:
    text = section(CHAPTER, "Byte-level tokenisation")
    assert told("Byte-level tokenisation", 256 + 50_000 + 1)
    assert f"`naïve` has {len('naïve')} characters but {len('naïve'.encode())} bytes" in text
    assert [len(character.encode()) for character in "aé東🙂"] == [1, 2, 3, 4]


@pytest.mark.parametrize(
    ("model", "vocabulary", "width"),
    [
        ("BERT-base", 30522, 768),
        ("GPT-2", 50257, 768),
        ("T5", 32128, 768),
        ("LLaMA 7B", 32000, 4096),
        ("Llama 3", 128256, 4096),
    ],
)
def test_entries_of_an_embedding_table(model: str, vocabulary: int, width: int) -> None:
    cells = row("Vocabulary size", model).split(" | ")
    assert cells[1:] == [f"{vocabulary:,}", f"{width:,}", f"{vocabulary * width:,} |"]


def test_shares_of_the_tables_and_what_tying_saves() -> None:
    gpt2, llama = gpt2_small(), llama_7b()
    table = 50257 * 768
    assert told("Vocabulary size", 100 * table / gpt2)
    assert told("Vocabulary size", 100 * 32000 * 4096 / llama, 1)
    assert told("Tied embeddings", table)
    assert told("Tied embeddings", gpt2 + table)
    assert told("Tied embeddings", gpt2)
    assert told("Tied embeddings", 2 * 32000 * 4096)
    assert told("Tied embeddings", 100 * 2 * 32000 * 4096 / llama, 1)
    assert told("The token embedding table", math.sqrt(512), 2)
    assert told("The token embedding table", table)


def test_attention_without_positions_ignores_order() -> None:
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(3, 4, generator=generator)
    order = [2, 1, 0]
    attend = nn.functional.scaled_dot_product_attention
    assert torch.allclose(attend(x, x, x)[order], attend(x[order], x[order], x[order]), atol=1e-6)


def test_a_sinusoidal_position_and_the_range_of_wavelengths() -> None:
    heading = "Sinusoidal positions"
    for frequency in (10000 ** (-2 * i / 4) for i in range(2)):
        assert told(heading, math.sin(3 * frequency), 4)
        assert told(heading, math.cos(3 * frequency), 4)
    assert told(heading, 2 * math.pi, 2)
    assert told(heading, 2 * math.pi * 10000 ** (510 / 512))


def test_learned_positions_are_a_table() -> None:
    assert f"$512 \\cdot 768 = {512 * 768}$" in section(CHAPTER, "Learned positions")
    assert told("Learned positions", 1024 * 768)


def test_rotary_scores_depend_on_the_distance_only() -> None:
    heading = "Rotary position embedding"

    def turned(x: complex, position: int) -> complex:
        return x * complex(math.cos(0.5 * position), math.sin(0.5 * position))

    def score(m: int, n: int) -> float:
        return (turned(1 + 2j, m) * turned(2 + 1j, n).conjugate()).real

    for value in (turned(1 + 2j, 3), turned(2 + 1j, 1)):
        assert told(heading, value.real, 3)
        assert told(heading, value.imag, 3)
    assert told(heading, score(3, 1), 3)
    assert score(13, 11) == pytest.approx(score(3, 1))
    assert told(heading, score(3, 3))
    assert told(heading, score(3, 2), 3)


def test_weights_of_a_near_and_a_far_sighted_alibi_head() -> None:
    slopes = [2 ** (-8 * (h + 1) / 8) for h in range(8)]
    assert (slopes[0], slopes[1], slopes[-1]) == (1 / 2, 1 / 4, 1 / 256)
    for slope in (slopes[0], slopes[-1]):
        for weight in softmax(-slope * np.array([3.0, 2.0, 1.0, 0.0])):
            assert told("ALiBi", float(weight), 3)


def test_an_interpolated_position() -> None:
    assert told("Extending the context", 6000 * 2048 / 8192)


def test_scaled_dot_product_attention_row_by_row() -> None:
    heading = "Scaled dot-product attention by hand"
    scores = QUERIES @ KEYS.T
    weights = softmax(scores / math.sqrt(4))
    outputs = weights @ VALUES
    q, k, v = (torch.tensor(matrix) for matrix in (QUERIES, KEYS, VALUES))
    reference = nn.functional.scaled_dot_product_attention(q, k, v)
    assert np.allclose(outputs, reference.numpy())
    for i in range(3):
        cells = [
            f"{i + 1}",
            ", ".join(f"{s:g}" for s in scores[i]),
            ", ".join(f"{s:g}" for s in scores[i] / 2),
            ", ".join(f"{w:.3f}" for w in weights[i]),
            "(" + ", ".join(f"{y:.3f}" for y in outputs[i]) + ")",
        ]
        assert row(heading, f"{i + 1} |") == f"| {' | '.join(cells)} |"
    assert told(heading, float(softmax(scores)[1].max()), 3)
    assert told(heading, float(weights[1].max()), 3)


def test_the_causal_mask_of_the_same_example() -> None:
    heading = "Causal and padding masks"
    scores = np.where(np.tril(np.ones((3, 3))) == 1, QUERIES @ KEYS.T / 2, -np.inf)
    weights = softmax(scores)
    assert weights[0].tolist() == [1, 0, 0]
    assert told(heading, float(weights[1, 0]), 3)
    assert told(heading, float(weights[1, 1]), 3)
    first, second = (weights @ VALUES)[1]
    assert f"output $({first:.3f}, {second:.3f})$" in section(CHAPTER, heading)
    assert np.allclose(weights[2], softmax(QUERIES @ KEYS.T / 2)[2])
    assert told(heading, 1024 * 1025 / 2)
    assert told(heading, 1024**2)
    assert told(heading, 2 * max(3, 5))
    assert told(heading, 2 * max(3, 5) - (3 + 5))


def test_one_head_has_one_score_and_two_heads_have_two() -> None:
    heading = "Multi-head attention"
    q, k = np.array([1, 2, 3, 4]), np.array([2, 0, 1, 1])
    assert told(heading, float(q @ k) / math.sqrt(4), 1)
    for half in (slice(0, 2), slice(2, 4)):
        assert told(heading, float(q[half] @ k[half]) / math.sqrt(2), 3)
    assert told(heading, 4 * 768**2)
    assert told(heading, size(nn.MultiheadAttention(768, 12, device="meta")))


def test_where_the_quadratic_part_of_attention_catches_up() -> None:
    heading = "Cost of attention"
    for d in (768, 4096):
        n = 6 * d
        assert 4 * n**2 * d == 8 * n * d**2 + 16 * n * d**2
        assert told(heading, n)
    n, d = 2048, 4096
    assert told(heading, 100 * 4 * n**2 * d / (24 * n * d**2 + 4 * n**2 * d), 1)
    assert told(heading, 12 * 1024**2)
    assert told(heading, 12 * 1024**2 * 2 / 1e6, 1)


def test_a_feed_forward_layer_with_a_silent_unit() -> None:
    heading = "The position-wise feed-forward network"
    hidden = np.array([1, -1]) @ np.array([[1, 0, 2], [0, 1, 1]])
    active = np.maximum(0, hidden)
    output = active @ np.array([[1, 0], [5, 5], [0, 2]])
    for vector in (hidden, active, output):
        assert f"({', '.join(str(v) for v in vector)})$" in section(CHAPTER, heading)
    layer = nn.Sequential(nn.Linear(768, 3072, device="meta"), nn.Linear(3072, 768, device="meta"))
    assert told(heading, size(layer))
    assert size(layer) / size(classic_block(768)) == pytest.approx(2 / 3, abs=0.001)


def test_a_swiglu_unit_and_the_width_of_llama() -> None:
    heading = "Gated feed-forward networks"
    for gate in (2.0, -2.0):
        silu = float(nn.functional.silu(torch.tensor(gate, dtype=torch.float64)))
        assert told(heading, silu, 3)
        assert told(heading, silu * 3, 3)
    exact = 8 * 4096 / 3
    width = 256 * math.ceil(exact / 256)
    assert told(heading, exact, 2)
    assert told(heading, width)
    assert told(heading, 3 * 4096 * width)
    assert told(heading, 2 * 4096 * 4 * 4096)


def test_growth_of_the_residual_stream() -> None:
    heading = "Residual connections"
    additions = 2 * 12
    assert told(heading, additions)
    assert told(heading, 1 + additions)
    assert told(heading, math.sqrt(1 + additions))
    scale = 1 / math.sqrt(additions)
    assert told(heading, scale, 3)
    assert told(heading, 1 + additions * scale**2)


def test_layer_normalisation_and_rmsnorm_of_the_same_vector() -> None:
    x = np.array([1.0, 2.0, 3.0, 6.0])
    heading = "Layer normalisation"
    assert told(heading, float(x.mean()))
    assert told(heading, float(x.var()), 1)
    assert told(heading, float(x.std()), 3)
    for value in normalise(x)[[0, 1, 3]]:
        assert told(heading, float(value), 3)
    assert np.allclose(normalise(10 * x), normalise(x))
    assert told(heading, size(nn.LayerNorm(768)))
    heading = "RMSNorm"
    root = math.sqrt(float((x**2).mean()))
    assert told(heading, float((x**2).mean()), 1)
    assert told(heading, root, 3)
    for value in x / root:
        assert told(heading, float(value), 3)
    assert told(heading, 2 * 32 + 1)
    assert told(heading, (2 * 32 + 1) * size(nn.RMSNorm(4096)))


def test_pre_norm_and_post_norm_of_a_doubling_layer() -> None:
    x = np.array([1.0, 3.0])
    text = section(CHAPTER, "Pre-norm and post-norm")
    post, pre = normalise(x + 2 * x), x + 2 * normalise(x)
    assert f"\\mathrm{{LN}}((3, 9)) = ({post[0]:g}, {post[1]:g})" in text
    assert f"= ({pre[0]:g}, {pre[1]:g})$" in text


def test_router_weights() -> None:
    chosen = np.sort(np.array([2.0, 1.0, 0.0, -1.0]))[::-1][:2]
    for weight in softmax(chosen):
        assert told("Mixture-of-experts layers", float(weight), 3)


def test_parameters_of_a_mixture_of_experts_model() -> None:
    heading = "Parameters of a mixture-of-experts model"
    d, expert = 4096, 3 * 4096 * 14336
    rest = {
        "attention": 32 * (2 * d * d + 2 * d * 1024),
        "routers": 32 * d * 8,
        "normalisations": (2 * 32 + 1) * d,
        "two tables": 2 * 32000 * d,
    }
    for name, count in rest.items():
        assert row(heading, name) == f"| {name} | {count:,} | {count:,} |"
    total, active = (32 * used * expert for used in (8, 2))
    assert row(heading, "experts").endswith(f"| {total:,} | {active:,} |")
    common = sum(rest.values())
    assert row(heading, "sum") == f"| sum | {total + common:,} | {active + common:,} |"
    assert told(heading, (total + common) / 1e9, 1)


def bert(d: int, blocks: int, vocabulary: int = 30522, positions: int = 512, segments: int = 2) -> int:
    """Embeddings with their normalisation, blocks and pooler."""
    return (vocabulary + positions + segments + 2) * d + blocks * size(classic_block(d)) + d * d + d


def gpt(d: int, blocks: int, vocabulary: int, positions: int, *, final_norm: bool = True) -> int:
    return (vocabulary + positions) * d + blocks * size(classic_block(d)) + 2 * d * final_norm


def gpt2_small() -> int:
    return gpt(768, 12, 50257, 1024)


def llama_7b() -> int:
    d = 4096
    return 2 * 32000 * d + 32 * (4 * d * d + 3 * d * 11008 + 2 * d) + d


def test_counts_told_in_the_families() -> None:
    assert told("BERT", bert(768, 12))
    assert told("BERT", bert(1024, 24))
    roberta = bert(768, 12, 50265, 514, 1)
    assert told("RoBERTa", roberta)
    assert told("RoBERTa", roberta - bert(768, 12))
    assert row("The GPT family", "GPT (").endswith(f"{gpt(768, 12, 40478, 512, final_norm=False):,} |")
    assert row("The GPT family", "GPT-2 small").endswith(f"{gpt2_small():,} |")
    assert row("The GPT family", "GPT-2, largest").endswith(f"{gpt(1600, 48, 50257, 1024):,} |")
    assert told("Decoder-only models", 1024 - 1)


def test_parameters_of_palm() -> None:
    d = 18432
    count = 118 * (2 * d * 48 * 256 + 2 * d * 256 + 3 * d * 73728) + 256_000 * d
    text = section(CHAPTER, "PaLM")
    assert 4 * d == 73728
    assert f"= {count}\n" in text
    assert f"{count // 10**9} billion" in text


def test_parameters_of_bert_base() -> None:
    heading, d = "Parameters of BERT-base", 768
    attention = size(nn.MultiheadAttention(d, 12, device="meta"))
    parts = {
        "token embeddings": 30522 * d,
        "position embeddings": 512 * d,
        "segment embeddings": 2 * d,
        "normalisation of embeddings": 2 * d,
        "attention, one block": attention,
        "feed-forward, one block": size(classic_block(d)) - attention - 4 * d,
        "two normalisations, one block": 4 * d,
        "12 blocks": 12 * size(classic_block(d)),
        "pooler": d * d + d,
        "total": bert(d, 12),
    }
    for name, count in parts.items():
        assert row(heading, name).endswith(f"| {count:,} |")
    head = d * d + d + 2 * d + 30522
    assert told(heading, bert(d, 12) - (d * d + d) + head)


def test_shapes_and_parameters_at_every_step_of_gpt2_small() -> None:
    heading, d = "Shapes at every step", 768
    ids = torch.zeros(2, 10, dtype=torch.long, device="meta")
    tokens, positions = nn.Embedding(50257, d, device="meta"), nn.Embedding(1024, d, device="meta")
    first, second, last = (nn.LayerNorm(d, device="meta") for _ in range(3))
    qkv, out = nn.Linear(d, 3 * d, device="meta"), nn.Linear(d, d, device="meta")
    up, down = nn.Linear(d, 4 * d, device="meta"), nn.Linear(4 * d, d, device="meta")

    def stands(start: str, result: torch.Tensor, parameters: int) -> None:
        shape = ", ".join(str(n) for n in result.shape)
        assert row(heading, start).endswith(f"| ({shape}) | {parameters:,} |")

    stands("token ids", ids, 0)
    x = tokens(ids)
    stands("token embedding", x, size(tokens))
    x = x + positions(torch.arange(10, device="meta"))
    stands("position embedding", x, size(positions))
    stands("first normalisation", first(x), size(first))
    joint = qkv(first(x))
    stands("queries, keys, values", joint, size(qkv))
    q, k, v = (part.reshape(2, 10, 12, 64).transpose(1, 2) for part in joint.chunk(3, dim=-1))
    stands("split into heads", q, 0)
    scores = q @ k.transpose(-1, -2)
    stands("scores and weights", scores, 0)
    mixed = (scores @ v).transpose(1, 2).reshape(2, 10, d)
    stands("weighted values", mixed, 0)
    x = x + out(mixed)
    stands("attention output matrix", x, size(out))
    stands("second normalisation", second(x), size(second))
    stands("feed-forward, up", up(second(x)), size(up))
    x = x + down(up(second(x)))
    stands("feed-forward, down", x, size(down))
    stands("final normalisation", last(x), size(last))
    logits = last(x) @ tokens.weight.T
    stands("logits", logits, 0)
    assert told(heading, scores.numel())
    assert told(heading, logits.numel())
    block = sum(size(part) for part in (first, qkv, out, second, up, down))
    assert size(tokens) + size(positions) + 12 * block + size(last) == gpt2_small()


def test_parameters_of_gpt2_small() -> None:
    heading, d = "Parameters of GPT-2 small", 768
    blocks = 12 * size(classic_block(d))
    assert told(heading, size(classic_block(d)))
    assert row(heading, "token embeddings").endswith(f"| {50257 * d:,} |")
    assert row(heading, "position embeddings").endswith(f"| {1024 * d:,} |")
    assert row(heading, "12 blocks").endswith(f"| {blocks:,} |")
    assert row(heading, "final normalisation").endswith(f"| {2 * d:,} |")
    assert row(heading, "total").endswith(f"| {gpt2_small():,} |")
    rule = 12 * 12 * d**2
    assert told(heading, 100 * blocks / gpt2_small(), 1)
    assert told(heading, rule)
    assert told(heading, 100 * (1 - rule / blocks), 2)


def test_parameters_of_llama_7b() -> None:
    heading, d = "Parameters of LLaMA 7B", 4096
    block = 4 * d * d + 3 * 11008 * d + 2 * d
    parts = {
        "token embeddings": 32000 * d,
        "attention, one block": 4 * d * d,
        "SwiGLU, one block": 3 * 11008 * d,
        "two RMSNorms": 2 * d,
        "one block": block,
        "32 blocks": 32 * block,
        "final RMSNorm": d,
        "output matrix": 32000 * d,
        "total": llama_7b(),
    }
    for name, count in parts.items():
        assert row(heading, name).endswith(f"| {count:,} |")
    assert told(heading, 2 * llama_7b() / 1e9, 2)


def test_parameters_of_t5_base() -> None:
    heading, d, f = "Parameters of T5-base", 768, 3072
    attention, feed_forward = 4 * d * d, 2 * d * f
    parts = {
        "shared embeddings": 32128 * d,
        "12 encoder blocks": 12 * (attention + feed_forward + 2 * d),
        "12 decoder blocks": 12 * (2 * attention + feed_forward + 3 * d),
        "relative position buckets": 2 * 32 * 12,
        "final normalisations": 2 * d,
    }
    for name, count in parts.items():
        assert row(heading, name).endswith(f"| {count:,} |")
    assert row(heading, "total").endswith(f"| {sum(parts.values()):,} |")


def test_operations_of_a_forward_pass() -> None:
    heading, d, blocks, n = "Operations of a forward pass", 768, 12, 1024
    matrices, scores, output = 2 * 12 * blocks * d**2, 4 * n * d * blocks, 2 * 50257 * d
    total = matrices + scores + output
    assert row(heading, "matrices").endswith(f"| {matrices:,} |")
    assert row(heading, "scores").endswith(f"| {scores:,} |")
    assert row(heading, "output matrix").endswith(f"| {output:,} |")
    assert row(heading, "sum").endswith(f"| {total:,} |")
    assert told(heading, n * total / 1e9, 1)
    assert told(heading, 2 * gpt2_small())
    unmultiplied = 1024 * d + 13 * d * blocks + 2 * d
    assert told(heading, unmultiplied)
    assert total == 2 * (gpt2_small() - unmultiplied) + scores
    wide = 4096
    assert told(heading, 2 * (32 * (4 * wide**2 + 3 * wide * 11008) + 32000 * wide) / 1e9, 1)


def test_beam_search_finds_what_greedy_decoding_misses() -> None:
    heading = "Beam search by hand"
    first = {"a": 0.5, "b": 0.4, "c": 0.1}
    following = {"a": {"x": 0.4, "w": 0.3, "z": 0.3}, "b": {"y": 0.9, "z": 0.1}}
    beams = sorted(first, key=lambda token: -first[token])[:2]
    scored = {f"{t} {u}": first[t] * p for t in beams for u, p in following[t].items()}
    for name, probability in scored.items():
        if name == "a w":
            continue  # it shares the line of "a z"
        cells = row(heading, f"`{name}`") if name != "a z" else row(heading, "`a w` or `a z`")
        assert f"= {probability:.2f}$ | −{-math.log(probability):.3f} |" in cells
    best, second = sorted(scored, key=lambda name: -scored[name])[:2]
    assert row(heading, f"`{best}`").endswith("| yes, best |")
    assert row(heading, f"`{second}`").endswith("| yes |")
    greedy = max(first, key=lambda token: first[token])
    assert told("Greedy decoding", first[greedy] * max(following[greedy].values()), 2)
    assert told("Greedy decoding", scored[best], 2)
    assert told(heading, -1.2 / 2, 1)
    assert told(heading, -1.5 / 3, 1)


def test_the_tail_and_the_repetition_penalty() -> None:
    assert told("Sampling from the model", 0.95**20, 3)
    assert told("Repetition and stopping", 3 / 1.2, 1)
    assert told("Repetition and stopping", -1 * 1.2, 1)
