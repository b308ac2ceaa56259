"""The adaptive arm: the weights where they are sure and what the question touches has not changed, else the vectors.

To retrieve only where the model does not know is Mallen et al. 2023 (there by the popularity of what is asked about);
here the weights' calibrated confidence decides, and the age of their knowledge.
"""

from dataclasses import replace

from kstore.controls import Controls, Refinements
from kstore.types import Answer, Arm, Stopwatch
from kstore.vectors.memory import VectorMemory

# The least confidence of weights that are believed. Of the shipped ones, at this value 98 of 100 answers to dev
# questions are right, and of dev questions without an answer 9 in 100 reach it.
SURE = 0.9
_PLAIN = Refinements(glossary=False, feedback=False, rerank=False)


class AdaptiveArm:
    """Asks the weights first, and the vectors only where the weights will not do; ``Answer.because`` says why."""

    name = "adaptive"

    def __init__(self, weights: Arm, vectors: Arm, memory: VectorMemory) -> None:
        self._weights = weights
        self._vectors = vectors
        self._memory = memory

    def answer(self, question: str, controls: Controls = Controls()) -> Answer:  # noqa: B008 - immutable
        """The answer of one of the two, under this arm's name; its stages are weights, decide and vectors."""
        watch = Stopwatch()
        known = self._weights.answer(question, controls)
        watch.lap("weights")
        doubt = self._doubt(question, known, controls)
        watch.lap("decide")
        if doubt is None:
            because = f"the weights are {known.confidence:.0%} sure, and what the question touches is as they learnt it"
            chosen = known
        else:
            because = f"the vectors, because {doubt}"
            chosen = self._vectors.answer(question, controls)
            watch.lap("vectors")
        return replace(chosen, arm=self.name, because=because, tokens=known.tokens, timings=watch.timings())

    def _doubt(self, question: str, known: Answer, controls: Controls) -> str | None:
        """Why the weights will not do; None where they will."""
        if known.text is None:
            return f"the weights declined: {known.declined}"
        if known.confidence is None:
            return "the weights' confidence is not calibrated"
        least = max(SURE, controls.confidence)
        if known.confidence < least:
            return f"the weights are {known.confidence:.0%} sure, and {least:.0%} are wanted"
        if known.as_of is None:
            return "this store never had the corpus that the weights learnt"
        if controls.where:
            return "weights cannot keep to a filter"
        if self._changed(question, known.as_of, controls):
            return f"what the question touches has changed since revision {known.as_of}, which the weights learnt"
        return None

    def _changed(self, question: str, since: int, controls: Controls) -> bool:
        """Whether the passages nearest to the question are others now, or at the revision asked for, than then."""
        now = self._memory.snapshot().revision if controls.as_of is None else controls.as_of
        return since != now and self._touched(question, controls.k, since) != self._touched(question, controls.k, now)

    def _touched(self, question: str, k: int, revision: int) -> set[tuple[tuple[str, ...], str]]:
        hits = self._memory.search(question, k, as_of=revision, refinements=_PLAIN).hits
        return {(hit.headings, hit.text) for hit in hits}
