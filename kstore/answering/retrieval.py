"""The retrieval arm: passages found in the vector store, their best sentences quoted and cited."""

from kstore.answering.cuts import apply_cut
from kstore.answering.reader import Reader
from kstore.controls import Controls
from kstore.settings import PACKAGED_ENCODER
from kstore.types import Answer, Stopwatch
from kstore.vectors.memory import VectorMemory

# The least cosine of the best passage at which an answer is tried; a value belongs to one encoder. With the packaged
# one, 28 of 30 questions from other fields stay below it and 1 in 450 of the guide's own.
_LEAST_SIMILARITY = {PACKAGED_ENCODER: 0.25}


class RetrievalArm:
    """Searches the explicit memory, cuts, reads. ``as_of`` is the revision of the snapshot that was read."""

    name = "retrieval"

    def __init__(self, memory: VectorMemory) -> None:
        self._memory = memory
        self._reader = Reader(memory.encoder)

    def answer(self, question: str, controls: Controls = Controls()) -> Answer:  # noqa: B008 - immutable
        """An answer in the documents' own sentences; declined, with the reason, where nothing fits the question."""
        watch = Stopwatch()
        evidence = self._memory.search(question, controls.k, controls.method, controls.as_of, watch)
        encoder = self._memory.encoder()
        best = max((hit.similarity for hit in evidence.hits if hit.similarity is not None), default=1.0)
        close = best >= _LEAST_SIMILARITY.get(encoder.name, -1.0)
        hits = apply_cut(evidence.hits, controls.cut) if close else ()
        watch.lap("cut")
        citations = self._reader.read(question, hits)
        watch.lap("read")
        declined = None
        if not evidence.hits and controls.method == "lexical":
            declined = f"no passage at revision {evidence.revision} holds a word of the question"
        elif not evidence.hits:
            declined = f"the corpus holds no passage at revision {evidence.revision}"
        elif not citations:
            declined = "no passage is similar enough to the question"
        return Answer(
            arm=self.name,
            model=f"{controls.method} search, {encoder.name}, quoted sentences",
            text=None if declined else " ".join(citation.text for citation in citations),
            declined=declined,
            as_of=evidence.revision,
            knowledge=f"documents as of revision {evidence.revision}",
            citations=() if declined else tuple(citations),
            timings=watch.timings(),
        )
