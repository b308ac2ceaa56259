"""Training of the reader: one pass over question and stretch that learns to rank, to judge and to point.

Each question is read with a stretch that answers it and with others that do not. Relevance is a softmax over these;
whether one answers is judged for each alone; start and end are chosen among the tokens of the stretch that answers.
"""

import random
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch.nn import functional

from kstore.reading.reader import BODY_TOKENS, row_of
from kstore.training.lessons import Lesson, Lessons, Positive, Text, some
from kstore.training.loop import Recipe, Report, optimise
from kstore.training.transformer import Rows, Start, Transformer, device_of

HEADS = {"judgement": 2, "span": 2}
LAYERS = 6

_NEAR = 2  # near misses that each question is read with
_OTHER_STRETCH = 0.5  # how often one of them is another stretch of the passage that answers
_NEAR_WEIGHT, _FAR_WEIGHT = 0.6, 0.15  # of judging what does not answer; of what does, 1
_IGNORED = -100  # label of a position without a loss


@dataclass(frozen=True, slots=True)
class Stretch:
    """What is read beside a question: ``body`` are at most 96 tokens of the text. ``answers`` is None where it is not
    known; ``answer`` the first and the last token of the answer in ``body``."""

    heading: list[int]
    body: list[int]
    answers: bool | None
    weight: float
    answer: tuple[int, int] | None = None


@dataclass(frozen=True, slots=True)
class Group:
    """The stretches of one question; ``ranked``: the first is the most relevant (otherwise none is)."""

    question: list[int]
    stretches: list[Stretch]
    ranked: bool


def train_reader(
    lessons: Lessons,
    start: Start,
    recipe: Recipe = Recipe(),  # noqa: B008 - immutable
    report: Report = lambda epoch, epochs, loss: None,
    device: torch.device | None = None,
    layers: int = LAYERS,
) -> tuple[Transformer, int, list[float]]:
    """A reader trained on the lessons, the steps that it took, and each epoch's mean loss."""
    torch.manual_seed(recipe.seed)
    device = device or device_of()
    model = Transformer(start, layers, HEADS, recipe.dropout).to(device)
    chance = random.Random(recipe.seed)

    def loss_of(batch: list[int]) -> torch.Tensor:
        return loss(model, [group_of(lessons.lessons[it], lessons.texts, recipe.texts, chance) for it in batch])

    steps, losses = optimise(model, list(HEADS), len(lessons.lessons), loss_of, recipe, report)
    return model, steps, losses


def group_of(lesson: Lesson, texts: Sequence[Text], size: int, chance: random.Random) -> Group:
    """A question with ``size`` stretches, drawn anew each time: one that answers (where one does), near misses, and
    then what a search finds beside it."""
    stretches: list[Stretch] = []
    near = _NEAR if lesson.positives else size // 2
    if lesson.positives:
        positive = chance.choice(lesson.positives)
        stretches.append(showing(positive, texts[positive.text], chance))
        if positive.lacks and chance.random() < _OTHER_STRETCH:
            first = chance.choice(positive.lacks)
            stretches.append(_cut(texts[positive.text], first, False, _NEAR_WEIGHT))
            near -= 1
    for number in some(chance, lesson.near, near):
        stretches.append(anywhere(texts[number], chance, _NEAR_WEIGHT))
    for number in some(chance, lesson.mined, size - len(stretches)):
        stretches.append(anywhere(texts[number], chance, _FAR_WEIGHT))
    return Group(lesson.question, stretches, bool(lesson.positives))


def showing(positive: Positive, text: Text, chance: random.Random) -> Stretch:
    """A stretch of a text that shows its answer, anywhere in it. Where the answer does not stand there word for word,
    whether the stretch answers is left open: it takes more than reading."""
    if positive.answer is None:
        return _cut(text, chance.choice(positive.holds), None, 0.0)
    low, high = positive.answer
    first = chance.randint(max(high - BODY_TOKENS, 0), max(min(low, len(text.body) - BODY_TOKENS), 0))
    return _cut(text, first, True, 1.0, (low - first, high - 1 - first))


def anywhere(text: Text, chance: random.Random, weight: float) -> Stretch:
    """A stretch of a text that does not answer."""
    return _cut(text, chance.randint(0, max(len(text.body) - BODY_TOKENS, 0)), False, weight)


def _cut(text: Text, first: int, answers: bool | None, weight: float, answer: tuple[int, int] | None = None) -> Stretch:
    return Stretch(text.heading, text.body[first : first + BODY_TOKENS], answers, weight, answer)


def rows_of(question: Sequence[int], stretches: Sequence[Stretch]) -> tuple[list[list[int]], list[list[int]]]:
    """The token ids and the segments of each stretch, read with the question."""
    both = [row_of(question, it.heading, it.body) for it in stretches]
    return [row for row, _ in both], [kinds for _, kinds in both]


def loss(model: Transformer, groups: Sequence[Group]) -> torch.Tensor:
    """Softmax over the relevance of each question's stretches, plus judging each, plus pointing; means of each."""
    device = next(model.parameters()).device
    rows, kinds = [], []
    for group in groups:
        more, segments = rows_of(group.question, group.stretches)
        rows += more
        kinds += segments
    states = model(Rows.of(rows, kinds).to(device))
    judgements = model.head("judgement", states[:, 0]).float()
    stretches = [it for group in groups for it in group.stretches]
    relevance = _relevance_loss(judgements[:, 0], groups)
    return relevance + _answerable_loss(judgements[:, 1], stretches) + _span_loss(model, states, groups)


def _relevance_loss(relevance: torch.Tensor, groups: Sequence[Group]) -> torch.Tensor:
    """Listwise: the stretch that answers against the others of its question (Cao et al. 2007, of the first alone)."""
    sizes = [len(group.stretches) for group in groups]
    lists = [
        scores for scores, group in zip(relevance.split(sizes), groups, strict=True) if group.ranked and len(scores) > 1
    ]
    if not lists:
        return relevance.sum() * 0
    padded = torch.nn.utils.rnn.pad_sequence(lists, batch_first=True, padding_value=-torch.inf)
    return functional.cross_entropy(padded, torch.zeros(len(lists), dtype=torch.long, device=padded.device))


def _answerable_loss(answerable: torch.Tensor, stretches: Sequence[Stretch]) -> torch.Tensor:
    labels = torch.tensor([float(bool(it.answers)) for it in stretches], device=answerable.device)
    weights = torch.tensor([it.weight for it in stretches], device=answerable.device)
    each = functional.binary_cross_entropy_with_logits(answerable, labels, reduction="none")
    return (each * weights).sum() / weights.sum().clamp(min=1e-6)


def _span_loss(model: Transformer, states: torch.Tensor, groups: Sequence[Group]) -> torch.Tensor:
    """Start and end among the tokens of the stretch, as they are chosen when it is read (Devlin et al. 2019)."""
    told = []
    row = 0
    for group in groups:
        first = len(group.question) + len(group.stretches[0].heading) if group.stretches else 0
        if group.stretches and group.stretches[0].answer:
            told.append((row, first, len(group.stretches[0].body), group.stretches[0].answer))
        row += len(group.stretches)
    if not told:
        return states.sum() * 0
    device = states.device
    spans = model.head("span", states[[row for row, _, _, _ in told]]).float()  # (rows, tokens, 2)
    places = torch.arange(spans.shape[1], device=device)
    firsts = torch.tensor([first for _, first, _, _ in told], device=device)[:, None]
    counts = torch.tensor([count for _, _, count, _ in told], device=device)[:, None]
    outside = (places < firsts) | (places >= firsts + counts)
    spans = spans.masked_fill(outside[:, :, None], -torch.inf)
    ends = torch.tensor([answer for _, _, _, answer in told], device=device) + firsts
    return (
        functional.cross_entropy(spans[:, :, 0], ends[:, 0]) + functional.cross_entropy(spans[:, :, 1], ends[:, 1])
    ) / 2
