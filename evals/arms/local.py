"""Arms over a store of this process: its own, and variations of retrieval that tell what each part is worth."""

from collections.abc import Mapping, Sequence

from evals.cases import Question
from evals.evidence import Span, locate
from evals.ranking import DEPTH, overlaps
from kstore.answering.parametric import ParametricArm
from kstore.answering.prompts import open_book
from kstore.answering.retrieval import RetrievalArm
from kstore.controls import Controls, Method, Refinements, Sampling
from kstore.errors import UnavailableError
from kstore.service import KStore
from kstore.text.markdown import split
from kstore.types import Answer, Citation, Hit, Stopwatch
from kstore.weights.generator import Token, count_drawn


class Own:
    """One of the store's own arms, as its users ask it."""

    def __init__(self, store: KStore, name: str) -> None:
        self.name = name
        self._arm = store.arm(name)

    def answer(self, question: str) -> Answer:
        return self._arm.answer(question)


class Retrieval:
    """The store's retrieval with one method of search, and its ranking."""

    def __init__(self, store: KStore, name: str, method: Method) -> None:
        self.name = name
        self._store = store
        self._arm = store.arm("retrieval")
        self._controls = Controls(method=method)

    def answer(self, question: str) -> Answer:
        return self._arm.answer(question, self._controls)

    def rank(self, question: str) -> tuple[Hit, ...]:
        """The ten best passages."""
        return self._store.search(question, DEPTH, self._controls.method).hits


class TopPassage:
    """The best passage word for word: what retrieval is worth without a reader, and what each way of searching is."""

    def __init__(
        self,
        store: KStore,
        name: str = "top-passage",
        method: Method = "hybrid",
        refinements: Refinements = Refinements(),  # noqa: B008 - immutable
    ) -> None:
        self.name = name
        self._store = store
        self._method: Method = method
        self._refinements = refinements

    def answer(self, question: str) -> Answer:
        watch = Stopwatch()
        hits = self.rank(question)[:1]
        watch.lap("search")
        cited = [hit.cite(0, len(hit.text), hit.score) for hit in hits]
        return _quoted(self.name, "the best passage", cited, "no passage was found", watch)

    def rank(self, question: str) -> tuple[Hit, ...]:
        """The ten best passages."""
        return self._store.search(question, DEPTH, self._method, refinements=self._refinements).hits


class OraclePassage:
    """The reader over the passages that hold the evidence: what retrieval would be worth if it always found them."""

    name = "oracle-passage"

    def __init__(self, store: KStore, cases: Sequence[Question]) -> None:
        """ValueError where a case's evidence does not stand in the store's documents."""
        arm = store.arm("retrieval")
        if not isinstance(arm, RetrievalArm):
            raise UnavailableError("oracle-passage needs the store's own retrieval")
        self._reader = arm.reader
        self._gold = _passages_with_evidence(store, cases)

    def answer(self, question: str) -> Answer:
        watch = Stopwatch()
        hits = self._gold.get(question, ())
        watch.lap("find")
        reading = self._reader.read(question, hits)
        watch.lap("read")
        return Answer(
            arm=self.name,
            model=f"the passages with evidence, {self._reader.name}",
            text=reading.text if reading else None,
            declined=None if reading else "no passage has it",
            as_of=hits[0].revision if hits else None,
            citations=reading.citations if reading else (),
            timings=watch.timings(),
        )

    def rank(self, question: str) -> tuple[Hit, ...]:
        """The passages that hold the evidence."""
        return self._gold.get(question, ())


class LongContext:
    """The whole corpus in the prompt of the store's generator."""

    name = "long-context"

    def __init__(self, store: KStore) -> None:
        """UnavailableError where the generator does not follow instructions."""
        arm = store.arm("parametric")
        if not isinstance(arm, ParametricArm) or not arm.generator.instructable:
            raise UnavailableError("long-context needs a generator that follows instructions: set KSTORE_GENERATOR")
        self._generator = arm.generator
        head = store.memory.store.head()
        self._revision = head.revision
        self._corpus = "\n\n".join(text for _, text in sorted(store.memory.store.texts(head.revision).items()))

    def answer(self, question: str) -> Answer:
        """InputError where the corpus does not fit the model's window, which then counts as a failure."""
        watch = Stopwatch()
        written: list[Token] = []
        for token in self._generator.stream(open_book(question, self._corpus), Sampling()):
            watch.lap("generate" if written else "first_token")
            written.append(token)
        watch.lap("generate" if written else "first_token")
        text = "".join(token.text for token in written).strip()
        return Answer(
            arm=self.name,
            model=self._generator.name,
            text=text or None,
            declined=None if text else "the model wrote nothing",
            as_of=self._revision,
            tokens=count_drawn(written),
            timings=watch.timings(),
        )


def _passages_with_evidence(store: KStore, cases: Sequence[Question]) -> Mapping[str, tuple[Hit, ...]]:
    """By each phrasing, the passages that overlap the evidence of its case."""
    revision = store.memory.store.head().revision
    documents = store.memory.store.texts(revision)
    passages = {
        name: [
            Hit(name, it.headings, it.start, it.end, it.line_start, it.line_end, text[it.start : it.end], 1.0, revision)
            for it in split(text)
        ]
        for name, text in documents.items()
    }
    gold: dict[str, tuple[Hit, ...]] = {}
    for case in cases:
        spans = [locate(evidence, documents) for evidence in case.evidence]
        found = {
            (hit.document, hit.start): hit for span in spans for hit in passages[span.document] if _holds(hit, span)
        }
        gold |= dict.fromkeys(case.phrasings, tuple(found.values()))
    return gold


def _holds(hit: Hit, span: Span) -> bool:
    return overlaps(Span(hit.document, hit.start, hit.end), span)


def _quoted(arm: str, model: str, cited: Sequence[Citation], reason: str, watch: Stopwatch) -> Answer:
    watch.lap("quote")
    return Answer(
        arm=arm,
        model=model,
        text=" ".join(citation.text for citation in cited) if cited else None,
        declined=None if cited else reason,
        as_of=cited[0].revision if cited else None,
        citations=tuple(cited),
        timings=watch.timings(),
    )
