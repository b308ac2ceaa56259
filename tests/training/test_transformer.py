"""What is trained in torch is what OpenVINO runs: the same outputs from the same weights, and from their eight bits."""

import random
from pathlib import Path

import numpy as np
import pytest
import torch

from kstore.encoding import graph
from kstore.encoding.graph import read_weights, vocabulary
from kstore.encoding.tokens import FILE as TOKENS
from kstore.encoding.tokens import TokenEncoder
from kstore.errors import InputError
from kstore.reading.reader import FILE as READER
from kstore.reading.reader import CrossEncoder, Passage, in_order, row_of
from kstore.training import reader, tokens
from kstore.training.lessons import Lessons
from kstore.training.transformer import Rows, Start, Transformer, read_start

QUESTION = "What does the lamp burn?"
TEXTS = ["The lamp\nThe lamp burns rapeseed oil.", "The mail boat leaves at 7:40 every morning."]


def model(start: Start, heads: dict[str, int], layers: int = 2) -> Transformer:
    torch.manual_seed(0)
    return Transformer(start, layers, heads).eval()


def test_the_graph_computes_what_was_trained(start: Start) -> None:
    trained = model(start, reader.HEADS)
    ids = [vocabulary().tokenizer.encode(text).ids for text in (QUESTION, TEXTS[0])]
    kinds = [[0] * len(ids[0]), [0, 1] * (len(ids[1]) // 2) + [1] * (len(ids[1]) % 2)]

    def heads(operations: object, weights: graph.Weights, states: object) -> list[object]:
        return [graph.linear(operations, states, weights, name) for name in reader.HEADS]

    made = graph.Transformer(trained.weights(), heads).run(ids, kinds)
    with torch.no_grad():
        states = trained(Rows.of(ids, kinds))
        expected = [trained.head(name, states).numpy() for name in reader.HEADS]
    for row, tokens_of in enumerate(ids):
        for found, wanted in zip(made[row], expected, strict=True):
            # The words that training begins with are in eight bits, the graph's are not.
            assert np.allclose(found[: len(tokens_of)], wanted[row, : len(tokens_of)], atol=0.05)


def test_a_written_token_encoder_matches_as_it_was_trained_to(start: Start, tmp_path: Path) -> None:
    trained = model(start, tokens.HEADS)
    trained.write(tmp_path / "tokens.safetensors")
    encoder = TokenEncoder(file=tmp_path / "tokens.safetensors")
    found = encoder.match(QUESTION, dict(enumerate(encoder.encode_passages(TEXTS)))).scores
    asked = Rows.of([vocabulary().tokenizer.encode(QUESTION).ids])
    told = Rows.of([vocabulary().tokenizer.encode(text).ids for text in TEXTS])
    with torch.no_grad():
        expected = tokens.late_interaction(trained, asked, told)[0].tolist()
    assert list(found.values()) == pytest.approx(expected, abs=0.02)


def test_a_written_reader_judges_as_it_was_trained_to(start: Start, tmp_path: Path) -> None:
    trained = model(start, reader.HEADS)
    trained.write(tmp_path / "reader.safetensors")
    stretches = in_order([Passage(("The lamp",), "The lamp burns **rapeseed oil**.")])
    (found,) = CrossEncoder(file=tmp_path / "reader.safetensors").read(QUESTION, stretches)
    row, kinds = row_of(vocabulary().tokenizer.encode(QUESTION).ids, stretches[0].heading, stretches[0].body)
    with torch.no_grad():
        relevance, answerable = trained.head("judgement", trained(Rows.of([row], [kinds]))[0, 0]).tolist()
    assert [found.relevance, found.answerable] == pytest.approx([relevance, answerable], abs=0.05)


def test_what_is_written_is_what_the_shipped_models_hold(start: Start, tmp_path: Path) -> None:
    for heads, layers, shipped in ((reader.HEADS, reader.LAYERS, READER), (tokens.HEADS, tokens.LAYERS, TOKENS)):
        model(start, heads, layers).write(tmp_path / "model.safetensors")
        written, theirs = read_weights(tmp_path / "model.safetensors"), read_weights(shipped)
        assert {name: array.shape for name, array in written.items()} == {
            name: array.shape for name, array in theirs.items()
        }


def test_padding_and_company_change_nothing(start: Start) -> None:
    trained = model(start, reader.HEADS)
    ids = [vocabulary().tokenizer.encode(text).ids for text in (QUESTION, TEXTS[0])]
    with torch.no_grad():
        together, alone = trained(Rows.of(ids)), trained(Rows.of(ids[:1]))
    assert torch.allclose(together[0, : len(ids[0])], alone[0], atol=1e-4)


def test_it_starts_as_the_packaged_encoder(start: Start, lessons: Lessons) -> None:
    words = vocabulary().embeddings
    used = sorted(lessons.vocabulary())
    mine = start.words[start.row_of[torch.tensor(used)]].numpy()
    assert np.abs(mine - words[used]).max() < 0.01
    assert {name for name in start.weights if name.startswith("layer.5.")}
    assert not {name for name in start.weights if name.startswith("layer.6.")}


def test_a_folder_without_a_start_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"start\.safetensors"):
        read_start(tmp_path)


@pytest.mark.parametrize("name", ["reader", "tokens"])
def test_in_half_precision_the_losses_are_about_the_same(start: Start, lessons: Lessons, name: str) -> None:
    """As on an accelerator; and every gradient is a number."""
    trained = model(start, reader.HEADS if name == "reader" else tokens.HEADS, 1)

    def loss() -> torch.Tensor:
        answered = [it for it in lessons.lessons if it.positives][:3]
        if name == "reader":
            drawn = [reader.group_of(it, lessons.texts, 4, random.Random(0)) for it in lessons.lessons]
            return reader.loss(trained, drawn)
        chosen = [tokens.choose(it, 4, random.Random(0)) for it in answered]
        return tokens.loss(trained, answered, chosen, lessons.texts, torch.tensor(10.0))

    whole = float(loss().detach())
    with torch.autocast("cpu", torch.bfloat16):
        half = loss()
    half.backward()
    assert float(half.detach()) == pytest.approx(whole, rel=0.05)
    gradients = {part: it.grad for part, it in trained.named_parameters()}
    assert all(it is not None and bool(it.isfinite().all()) for it in gradients.values())
