"""The retrieval arm: passages found in the vector store, the answer read in them, its sentence quoted and cited."""

from kstore.answering.cuts import apply_cut
from kstore.answering.reading import PassageReader
from kstore.answering.skim import Skimmer
from kstore.controls import Controls
from kstore.settings import PACKAGED_ENCODER
from kstore.types import Answer, Evidence, Stopwatch
from kstore.vectors.memory import VectorMemory

# The least cosine of the best passage at which an answer is tried; a value belongs to one encoder. With the packaged
# one, 28 of 30 questions from other fields stay below it and 1 in 450 of the guide's own.
_LEAST_SIMILARITY = {PACKAGED_ENCODER: 0.25}


class RetrievalArm:
    """Searches the explicit memory, cuts, reads. ``as_of`` is the revision of the snapshot that was read."""

    name = "retrieval"

    def __init__(self, memory: VectorMemory, reader: PassageReader) -> None:
        self._memory = memory
        self._skimmer = Skimmer()
        self.reader = reader

    def answer(self, question: str, controls: Controls = Controls()) -> Answer:  # noqa: B008 - immutable
        """An answer in the documents' own words; declined, with the reason, where they do not answer the question."""
        watch = Stopwatch()
        evidence = self._memory.search(
            question,
            controls.k,
            controls.method,
            controls.as_of,
            watch,
            controls.refinements,
            controls.where,
        )
        encoder = self._memory.encoder()
        best = max((hit.similarity for hit in evidence.hits if hit.similarity is not None), default=1.0)
        close = best >= _LEAST_SIMILARITY.get(encoder.name, -1.0)
        hits = apply_cut(evidence.hits, controls.cut) if close else ()
        watch.lap("cut")
        reader = self._skimmer if controls.skim else self.reader
        reading = reader.read(question, hits, controls.sampling)
        watch.lap("read")
        declined = None
        if reading is None:
            declined = _why_nothing(evidence, controls)
        elif reading.declines:
            declined = "no passage that was found answers the question"
        answered = reading if declined is None else None
        calibrated = f"; confidence calibrated on {reader.calibrated_on}" if reader.calibrated_on else ""
        return Answer(
            arm=self.name,
            model=f"{controls.method} search, {encoder.name}, {reader.name}",
            text=answered.text if answered else None,
            declined=declined,
            as_of=evidence.revision,
            knowledge=f"documents as of revision {evidence.revision}{calibrated}",
            confidence=answered.confidence if answered else None,
            citations=answered.citations if answered else (),
            tokens=reading.tokens if reading else None,
            timings=watch.timings(),
        ).if_sure(controls.confidence)


def _why_nothing(evidence: Evidence, controls: Controls) -> str:
    if evidence.hits:
        return "no passage is similar enough to the question"
    if controls.where:
        return f"no passage at revision {evidence.revision} that the filter lets be found is about the question"
    if controls.method == "lexical":
        return f"no passage at revision {evidence.revision} holds a word of the question"
    return f"the corpus holds no passage at revision {evidence.revision}"
