"""Weights that are taught edits by further training, and are asked about them after so many seconds of it.

Seconds are those of optimisation, on the machine and with the threads of the run: the encoding of examples before and
the questions in between are not counted.
"""

import datetime
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

from evals.cases import Edit, Question
from evals.freshness.lessons import edited, examples_of, kept_examples, unchanged
from evals.freshness.taught import LearningRow, Part
from evals.freshness.verdict import judge
from evals.metrics import exact_match
from kstore.answering.parametric import ParametricArm
from kstore.encoding.encoder import Encoder
from kstore.errors import InputError
from kstore.types import corpus_digest
from kstore.weights.examples import Origin
from kstore.weights.further import Further, FurtherTraining
from kstore.weights.shipped import SentencePromptedGenerator
from kstore.weights.training import Lessons

SECONDS = (0.0, 10.0, 30.0, 100.0, 300.0)
SECONDS_EACH = 10.0  # of the edits taught one after another
POINTS = (0, 1, 2, 5, 10, 20, 30)  # after so many of those, everything is asked
_KEPT_VIEWS = 1  # of a rehearsed prompt: it was learned in all its views, and encoding takes long


class Classroom:
    """Weights, the edits that they are to learn, what they rehearse meanwhile and what they are asked.

    Every part begins with the weights as they are in ``folder``. ``edits`` are taught in their order.
    """

    def __init__(
        self,
        folder: Path,
        encoder: Encoder,
        documents: Mapping[str, str],
        edits: Sequence[Edit],
        training: Sequence[Question],
        untouched: Sequence[Question] = (),
        way: Further = Further(),  # noqa: B008 - immutable
    ) -> None:
        """``training``: the questions that the weights were trained on; ``untouched``: questions that they were not.
        Of both, those are left out whose evidence the edits change. InputError where no edit is there to learn."""
        if not edits:
            raise InputError("there is no edit that turns an answer into another one: nothing to learn")
        self.edits = tuple(edits)
        self._folder, self._encoder, self._way = folder, encoder, way
        self._documents = documents
        self._training = training
        self.untouched = tuple(unchanged(untouched, self.after))

    @cached_property
    def after(self) -> dict[str, str]:
        """The documents after all the edits."""
        return edited(self._documents, self.edits)

    def curve(self, seconds: Sequence[float] = SECONDS) -> Iterator[LearningRow]:
        """All edits at once: what is answered after each of these lengths of training, which ascend."""
        pupil = self._pupil()
        new = self._all_edits(pupil)
        for length in seconds:
            pupil.learn(new, self._kept, seconds=length - pupil.seconds)
            taught = list(enumerate(self.edits, start=1))
            yield from self._ask("curve", length, pupil, len(self.edits), taught, self.untouched)

    def sequence(self, points: Sequence[int] = POINTS, each: float = SECONDS_EACH) -> Iterator[LearningRow]:
        """One edit after another as far as the last point, each for so many seconds.

        Each is asked about right after its turn; at the points, so is all before it and what is untouched. What the
        edits to come will change is not rehearsed either.
        """
        pupil, kept = self._pupil(), self._kept
        last = min(points[-1], len(self.edits))
        yield from self._ask("sequence", 0.0, pupil, 0, [], self.untouched)
        for number, edit in enumerate(self.edits[:last], start=1):
            examples = examples_of(edit, self._documents)
            pupil.learn(pupil.make_ready(examples), kept, seconds=number * each - pupil.seconds)
            kept += pupil.make_ready(examples, _KEPT_VIEWS)
            taught = list(enumerate(self.edits[:number], start=1))
            if number == last or number in points:
                yield from self._ask("sequence", number * each, pupil, number, taught, self.untouched)
            else:
                yield from self._ask("sequence", number * each, pupil, number, taught[-1:], ())

    def write_taught(self, folder: Path, seconds: float) -> None:
        """Write to ``folder`` weights that were taught all the edits at once for so long."""
        pupil = self._pupil()
        pupil.learn(self._all_edits(pupil), self._kept, seconds=seconds)
        pupil.write(folder, _origin(self.after))

    def _pupil(self) -> FurtherTraining:
        return FurtherTraining(self._folder, self._encoder, self._way)

    def _all_edits(self, pupil: FurtherTraining) -> Lessons:
        return pupil.make_ready([it for edit in self.edits for it in examples_of(edit, self._documents)])

    @cached_property
    def _kept(self) -> Lessons:
        return self._pupil().make_ready(kept_examples(self._training, self._documents, self.after), _KEPT_VIEWS)

    def _ask(
        self,
        part: Part,
        seconds: float,
        pupil: FurtherTraining,
        edits: int,
        taught: Sequence[tuple[int, Edit]],
        untouched: Sequence[Question],
    ) -> Iterator[LearningRow]:
        """What the weights as they are now answer to the main phrasing of each."""
        with tempfile.TemporaryDirectory(prefix="kstore-learning-") as scratch:
            pupil.write(Path(scratch, "pupil"), _origin(self.after))
            arm = ParametricArm(SentencePromptedGenerator(Path(scratch, "pupil"), self._encoder), lambda digest: None)
        at: dict[str, Any] = {"part": part, "seconds": seconds, "steps": pupil.steps, "edits": edits}
        for place, edit in taught:
            text = arm.answer(edit.question).text
            verdict, _ = judge(text, edit.old_answers, edit.new_answers)
            yield LearningRow(
                **at, probe="edit", place=place, case=edit.id, cluster=edit.id, question=edit.question,
                answer=text, verdict=verdict, right=verdict == "new",
            )  # fmt: skip
        for it in untouched:
            text = arm.answer(it.question).text
            verdict, _ = judge(text, it.answers, it.answers)
            yield LearningRow(
                **at, probe="untouched", place=0, case=it.id, cluster=it.cluster, question=it.question,
                answer=text, verdict=verdict, right=exact_match(text, it.answers) == 1,
            )  # fmt: skip


def _origin(documents: Mapping[str, str]) -> Origin:
    return Origin(corpus_digest(documents), datetime.datetime.now(datetime.UTC).date().isoformat())
