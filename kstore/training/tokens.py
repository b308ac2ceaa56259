"""Training of the token encoder: a question's tokens find their like in the passage that answers, among others.

InfoNCE over late-interaction scores (van den Oord et al. 2018; Khattab and Zaharia 2020): each question is compared
with every passage of its batch, those mined for it and those of other questions. Where there is a trained reader, its
judgement of a question's own passages is learnt as well (Hofstätter et al. 2020, with a divergence).
"""

import math
import random
from collections.abc import Sequence

import torch
from torch import nn
from torch.nn import functional

from kstore.encoding.tokens import DIMENSION
from kstore.reading.reader import BODY_TOKENS, stretch_starts
from kstore.training.lessons import Lesson, Lessons, Text, some
from kstore.training.loop import Recipe, Report, optimise
from kstore.training.reader import Stretch, rows_of
from kstore.training.transformer import Rows, Start, Transformer, device_of, half_precision

HEADS = {"passage": DIMENSION, "question": DIMENSION, "importance": 1}
LAYERS = 4

_SHARPNESS = 30.0  # of the softmax over scores, at first; scores lie between -1 and 1
_MOST_SHARP = 100.0
_TEACHING = 0.5  # weight of the reader's judgement
_TEACHER_SOFTNESS = 2.0  # the reader is surer than it is right


def train_tokens(
    lessons: Lessons,
    start: Start,
    recipe: Recipe = Recipe(),  # noqa: B008 - immutable
    report: Report = lambda epoch, epochs, loss: None,
    device: torch.device | None = None,
    layers: int = LAYERS,
    teacher: "ReaderTeacher | None" = None,
) -> tuple[Transformer, int, list[float]]:
    """A token encoder trained on the lessons that have an answer, the steps that it took, each epoch's mean loss."""
    torch.manual_seed(recipe.seed)
    device = device or device_of()
    model = Transformer(start, layers, HEADS, recipe.dropout).to(device)
    sharpness = nn.Parameter(torch.tensor(math.log(_SHARPNESS), device=device))
    chance = random.Random(recipe.seed)
    answered = [it for it in lessons.lessons if it.positives]

    def loss_of(batch: list[int]) -> torch.Tensor:
        chosen = [choose(answered[it], recipe.texts, chance) for it in batch]
        sharp = sharpness.exp().clamp(max=_MOST_SHARP)
        return loss(model, [answered[it] for it in batch], chosen, lessons.texts, sharp, teacher)

    steps, losses = optimise(model, list(HEADS), len(answered), loss_of, recipe, report, extra=[sharpness])
    return model, steps, losses


def choose(lesson: Lesson, size: int, chance: random.Random) -> list[int]:
    """``size`` texts for a question, drawn anew each time: one that answers, then what a search finds beside it.

    Texts whose answer was taken out are none of them: no store holds such passages, and they say nothing of others.
    """
    first = chance.choice(lesson.positives).text
    return [first, *some(chance, lesson.mined, size - 1)]


def loss(
    model: Transformer,
    lessons: Sequence[Lesson],
    chosen: Sequence[Sequence[int]],
    texts: Sequence[Text],
    sharpness: torch.Tensor,
    teacher: "ReaderTeacher | None" = None,
) -> torch.Tensor:
    """Cross-entropy of the text that answers among all of the batch, save what may answer too; plus the teacher's."""
    device = sharpness.device
    numbers = sorted({number for some_texts in chosen for number in some_texts})
    column = {number: place for place, number in enumerate(numbers)}
    scores = sharpness * late_interaction(
        model,
        Rows.of([it.question for it in lessons]).to(device),
        Rows.of([texts[number].whole for number in numbers]).to(device),
    )
    targets = torch.tensor([column[some_texts[0]] for some_texts in chosen], device=device)
    unclear = torch.zeros(scores.shape, dtype=torch.bool)
    for row, (lesson, some_texts) in enumerate(zip(lessons, chosen, strict=True)):
        maybe = {*(it.text for it in lesson.positives), *lesson.spared} - {some_texts[0]}
        unclear[row, [column[number] for number in maybe if number in column]] = True
    scores = scores.masked_fill(unclear.to(device), -torch.inf)
    own = functional.cross_entropy(scores, targets)
    if teacher is None:
        return own
    judged = teacher([it.question for it in lessons], [[texts[number] for number in it] for it in chosen])
    columns = [torch.tensor([column[number] for number in it], device=device) for it in chosen]
    divergences = [
        functional.kl_div(scores[row, places].log_softmax(0), judged[row].softmax(0), reduction="sum")
        for row, places in enumerate(columns)
    ]
    return own + _TEACHING * torch.stack(divergences).mean()


def late_interaction(model: Transformer, questions: Rows, passages: Rows) -> torch.Tensor:
    """The scores of ``encoding.tokens.Matches``, (questions, passages): for each token of a question the greatest
    cosine to any token of the passage, and of these the mean by importance."""
    asked, told = model(questions), model(passages)
    question = functional.normalize(model.head("question", asked).float(), dim=-1)
    passage = functional.normalize(model.head("passage", told).float(), dim=-1)
    importance = model.head("importance", asked)[:, :, 0].float().masked_fill(~questions.there, -torch.inf).softmax(1)
    cosines = torch.einsum("qid,ptd->qpit", question, passage)
    cosines = cosines.masked_fill(~passages.there[None, :, None, :], -torch.inf)
    best = cosines.amax(dim=3).float().nan_to_num(neginf=0.0)
    return torch.einsum("qpi,qi->qp", best, importance)


class ReaderTeacher:
    """A trained reader's relevance of passages, the greatest of all their stretches, as it is used in answering."""

    def __init__(self, reader: Transformer) -> None:
        self._reader = reader.eval()

    @torch.no_grad()
    def __call__(self, questions: Sequence[list[int]], texts: Sequence[Sequence[Text]]) -> list[torch.Tensor]:
        """For each question the logits of its texts."""
        device = next(self._reader.parameters()).device
        rows: list[list[int]] = []
        kinds: list[list[int]] = []
        counts: list[int] = []
        for question, some_texts in zip(questions, texts, strict=True):
            for text in some_texts:
                starts = stretch_starts(len(text.body)) or [0]
                stretches = [Stretch(text.heading, text.body[it : it + BODY_TOKENS], None, 0.0) for it in starts]
                more, segments = rows_of(question, stretches)
                rows += more
                kinds += segments
                counts.append(len(stretches))
        with half_precision(device):
            states = self._reader(Rows.of(rows, kinds).to(device))
            relevance = self._reader.head("judgement", states[:, 0])[:, 0].float()
        most = torch.stack([it.amax() for it in relevance.split(counts)]) / _TEACHER_SOFTNESS
        return list(most.split([len(it) for it in texts]))
