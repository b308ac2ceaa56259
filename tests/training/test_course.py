"""Training: losses fall, phrasings never seen find their passage, what is near an answer is told from it."""

import json
import math
import random
import shutil
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from hashlib import sha256
from pathlib import Path

import pytest
import torch

from kstore.encoding.graph import vocabulary
from kstore.encoding.tokens import TokenEncoder
from kstore.reading.reader import BODY_TOKENS, CrossEncoder, Passage, in_order, stretch_starts
from kstore.training import reader, tokens
from kstore.training.course import train_models
from kstore.training.lessons import Lesson, Lessons, Positive, Text
from kstore.training.loop import Recipe
from kstore.training.transformer import Rows, Start, Transformer
from tests.training import toy

QUICK = Recipe(epochs=18, batch=5, texts=6, rate=3e-4, head_rate=2e-3, dropout=0.0)


@pytest.fixture
def folder(school: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(school, tmp_path / "school"))


def sections() -> dict[str, str]:
    return {heading: f"{toy.BESIDE} {text}" for heading, (text, _, _) in toy.SECTIONS.items()}


@pytest.fixture(scope="module")
def trained(school: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Both models, trained on the toy questions, the reader of two layers alone. Shared."""
    folder = Path(shutil.copytree(school, tmp_path_factory.mktemp("trained") / "school"))
    train_models(folder, ["tokens"], QUICK)
    train_models(folder, ["reader"], QUICK, layers=2)
    return folder


def record(folder: Path, name: str) -> dict[str, object]:
    found: dict[str, object] = json.loads((folder / f"{name}.json").read_text(encoding="utf-8"))
    return found


@pytest.mark.parametrize("name", ["reader", "tokens"])
def test_the_loss_falls_and_the_record_says_from_what(trained: Path, name: str) -> None:
    told = record(trained, name)
    losses = told["losses"]
    assert isinstance(losses, list)
    assert len(losses) == QUICK.epochs
    assert losses[-1] < 0.5 * losses[0]
    assert told["weights"] == sha256((trained / f"{name}.safetensors").read_bytes()).hexdigest()
    assert told["data"] == {"lessons": sha256((trained / "lessons.json.gz").read_bytes()).hexdigest()}
    assert told["taught by the reader"] is False


def test_a_phrasing_never_seen_ranks_its_passage_first(trained: Path) -> None:
    encoder = TokenEncoder(file=trained / "tokens.safetensors")
    told = encoder.encode_passages([f"{heading}\n{text}" for heading, text in sections().items()])
    passages = dict(enumerate(told))
    first = 0
    for number, heading in enumerate(toy.SECTIONS):
        scores = encoder.match(toy.REWORDED[heading], passages).scores
        first += max(scores, key=scores.__getitem__) == number
    assert first >= 7  # of 8; by chance 1


def test_the_reader_points_to_the_answer_and_tells_it_from_what_is_near(trained: Path) -> None:
    encoder = CrossEncoder(file=trained / "reader.safetensors")
    right = 0
    for heading, (_, question, answer) in toy.SECTIONS.items():
        whole = in_order([Passage((heading,), sections()[heading])])[:1]
        without = in_order([Passage((heading,), toy.BESIDE)])[:1]
        (found,), (near,) = encoder.read(question, whole), encoder.read(question, without)
        assert found.answerable > near.answerable
        right += found.plain == answer
    assert right >= 7  # of 8


def test_the_same_seed_gives_the_same_weights_and_another_others(folder: Path) -> None:
    digests = []
    for seed in (1, 1, 2):
        recipe = replace(QUICK, steps=2, seed=seed, dropout=0.1)
        digests.append(train_models(folder, ["tokens"], recipe, layers=1)["tokens"]["weights"])
    assert digests[0] == digests[1] != digests[2]


def test_training_can_go_on_from_the_shipped_weights(folder: Path) -> None:
    shipped = CrossEncoder().model.file
    told = train_models(folder, ["reader"], replace(QUICK, steps=1, rate=0.0, head_rate=0.0), onward=True)["reader"]
    assert (told["began with"], told["steps"]) == ("the shipped weights", 1)
    stretches = in_order([Passage(("The lamp",), "The lamp burns rapeseed oil.")])
    one, other = (
        CrossEncoder(file=it).read("What fuels it?", stretches)[0] for it in (shipped, folder / "reader.safetensors")
    )
    assert one.answerable == pytest.approx(other.answerable, abs=0.05)


def test_the_reader_teaches_the_token_encoder(folder: Path) -> None:
    told = train_models(folder, ["tokens", "reader"], replace(QUICK, steps=1, epochs=1), layers=1)
    assert list(told) == ["reader", "tokens"]
    assert [it["taught by the reader"] for it in told.values()] == [False, True]


def test_a_teacher_judges_a_passage_by_its_best_stretch(start: Start) -> None:
    torch.manual_seed(0)
    model = Transformer(start, 1, reader.HEADS)
    body = [1996, 10437, 7641, 3514] * 60
    whole = Text([], [1996], body)
    parts = [Text([], [1996], body[first : first + BODY_TOKENS]) for first in stretch_starts(len(body))]
    (judged,) = tokens.ReaderTeacher(model)([[101, 1996, 102]], [[whole, *parts]])
    assert float(judged[0]) == pytest.approx(float(judged[1:].max()), abs=1e-4)


def test_training_ends_when_its_minutes_are_over(folder: Path) -> None:
    told = train_models(folder, ["tokens"], replace(QUICK, epochs=10**6, minutes=0.02), layers=1)["tokens"]
    assert 0 < told["steps"] < 1000


# What is drawn from a lesson -------------------------------------------------------------------------------------


def long_lesson() -> tuple[Lesson, list[Text]]:
    """A text of 300 tokens whose answer is the 150th and the 151st, numbered so that each shows where it was."""
    texts = [Text([], [7], list(range(1000, 1300))), *(Text([], [8], [number] * 10) for number in range(1, 20))]
    positive = Positive(0, (150, 152), [96], [0, 204])
    return Lesson([101, 102], [positive], list(range(1, 12)), list(range(12, 16))), texts


def test_a_drawn_stretch_shows_the_answer_wherever_it_begins() -> None:
    lesson, texts = long_lesson()
    chance, seen = random.Random(0), Counter[int]()
    for _ in range(300):
        drawn = reader.showing(lesson.positives[0], texts[0], chance)
        assert drawn.answer is not None
        low, high = drawn.answer
        assert drawn.body[low : high + 1] == [1150, 1151]
        assert len(drawn.body) == BODY_TOKENS
        seen[low] += 1
    assert len(seen) > 60


def test_a_group_has_near_misses_and_mined_ones_and_one_that_answers() -> None:
    lesson, texts = long_lesson()
    chance = random.Random(0)
    for _ in range(50):
        group = reader.group_of(lesson, texts, 8, chance)
        assert group.ranked
        assert [it.answers for it in group.stretches] == [True] + [False] * 7
        first, *others = group.stretches
        assert not {1150, 1151} & {token for it in others for token in it.body}
        assert sum(it.weight > 0.5 for it in others) == 2
        assert first.weight == 1
        unanswerable = reader.group_of(replace(lesson, positives=[]), texts, 8, chance)
        assert not unanswerable.ranked
        assert [it.answers for it in unanswerable.stretches] == [False] * 8


def test_where_the_answer_is_not_there_word_for_word_nothing_is_judged() -> None:
    lesson, texts = long_lesson()
    drawn = reader.showing(replace(lesson.positives[0], answer=None), texts[0], random.Random(0))
    assert (drawn.answers, drawn.weight, drawn.answer) == (None, 0.0, None)
    assert drawn.body == texts[0].body[96:192]


def test_token_texts_are_evidence_and_mined_ones_only() -> None:
    lesson, _ = long_lesson()
    chance = random.Random(0)
    for _ in range(50):
        first, *others = tokens.choose(lesson, 8, chance)
        assert first == 0
        assert set(others) <= set(lesson.mined)
        assert len(set(others)) == 7


@pytest.mark.parametrize("spare", [True, False])
def test_what_may_answer_too_is_no_negative(start: Start, lessons: Lessons, spare: bool) -> None:
    torch.manual_seed(0)
    model = Transformer(start, 1, tokens.HEADS).eval()
    lesson = next(it for it in lessons.lessons if it.positives)
    other = lesson.mined[0]
    lesson = replace(lesson, spared=[other] if spare else [])
    chosen = [[lesson.positives[0].text, other]]
    loss = float(tokens.loss(model, [lesson], chosen, lessons.texts, torch.tensor(1.0)).detach())
    assert (loss == 0) is spare


def test_the_score_of_training_is_that_of_matching(start: Start) -> None:
    """By hand, for one question and one passage: no padding, no batch."""
    torch.manual_seed(0)
    model = Transformer(start, 1, tokens.HEADS).eval()
    rows = [Rows.of([vocabulary().tokenizer.encode(text).ids]) for text in ("the lamp burns", "the lamp")]
    with torch.no_grad():
        score = float(tokens.late_interaction(model, rows[0], rows[1])[0, 0])
        asked, told = model(rows[0])[0], model(rows[1])[0]
        unit: Callable[[torch.Tensor], torch.Tensor] = torch.nn.functional.normalize
        cosines = unit(model.head("question", asked)) @ unit(model.head("passage", told)).T
        weights = torch.softmax(model.head("importance", asked)[:, 0], 0)
    assert score == pytest.approx(float(cosines.amax(1) @ weights), abs=1e-5)
    assert math.isfinite(score)
