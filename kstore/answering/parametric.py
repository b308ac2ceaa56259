"""The parametric arm: the answer comes out of the weights, token by token, and no document is read."""

from collections.abc import Callable, Sequence

from kstore.answering.logistic import logistic
from kstore.answering.prompts import closed_book
from kstore.controls import Controls
from kstore.types import Answer, Stopwatch
from kstore.weights.generator import Calibration, Generator, Token, TrainingRecord, count_drawn, mean_log_probability


class ParametricArm:
    """Asks a generator. ``revision_of`` tells at which revision this store had the corpus of a digest, if ever."""

    name = "parametric"

    def __init__(self, generator: Generator, revision_of: Callable[[str], int | None]) -> None:
        self.generator = generator
        self._revision_of = revision_of

    def answer(self, question: str, controls: Controls = Controls()) -> Answer:  # noqa: B008 - immutable
        """The generator's answer; ``as_of`` is the revision its weights were trained on, where this store had it."""
        watch = Stopwatch()
        written: list[Token] = []
        for token in self.generator.stream(closed_book(question, self.generator.instructable), controls.sampling):
            watch.lap("generate" if written else "first_token")
            written.append(token)
        watch.lap("generate" if written else "first_token")
        text = "".join(token.text for token in written).strip()
        record = self.generator.record
        as_of = self._revision_of(record.corpus_digest) if record else None
        # Calibrated on greedy answers; a sampled one is another matter.
        calibration = record.calibration if record and controls.sampling.temperature == 0 else None
        watch.lap("locate")
        return Answer(
            arm=self.name,
            model=self.generator.name,
            text=text or None,
            declined=None if text else "the model wrote nothing",
            as_of=as_of,
            knowledge=_describe(record),
            confidence=_confidence(written, calibration),
            tokens=count_drawn(written),
            timings=watch.timings(),
        ).if_sure(controls.confidence)


def _describe(record: TrainingRecord | None) -> str:
    if record is None:
        return "weights without a training record: the corpus and date of their knowledge are not known"
    calibrated = f"; confidence calibrated on {record.calibration.split}" if record.calibration else ""
    return f"weights trained on corpus {record.corpus_digest[:12]} of {record.corpus_date}{calibrated}"


def _confidence(written: Sequence[Token], calibration: Calibration | None) -> float | None:
    """The probability of being right, from the mean log-probability of the tokens; None without a calibration."""
    mean = mean_log_probability(written)
    if calibration is None or mean is None:
        return None
    return logistic(calibration.slope * mean + calibration.intercept)
