"""Whether case files can be trusted: well-formed, at home in the corpus, and nothing of the test in the training.

Records whose ``split`` is ``train`` or ends in ``_train`` are to learn from, all others are for measuring. The splits
``train`` and ``test`` are about the same facts in other words, and so are ``dev`` and ``dev_train`` or any other such
pair; every other two splits must have no fact in common, neither by name nor by answer and evidence.
"""

import re
import unicodedata
from bisect import bisect_left
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from evals.casefiles import Line, read_cases
from evals.cases import AnyCase, Asked, Change, Edit, Question, Replay, Unanswerable
from evals.evidence import locate
from evals.metrics import normalise
from kstore.text.markdown import split as passages

SHARED_RUN = 5  # words in a row that a test phrasing may not share with a training phrasing of its fact
_WORD = re.compile(r"\w+")


@dataclass(frozen=True, slots=True)
class Report:
    """What was read, and every problem as ``file:line: reason``."""

    questions: int
    facts: int
    phrasings: int
    unanswerable: int
    edits: int
    problems: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Asked:
    """A question record, the place that it was read from, and the half of the experiment that it belongs to."""

    place: str
    question: Question

    @property
    def home(self) -> str:
        """The split whose facts it is about: ``test`` is at home in ``train``, ``dev_train`` in ``dev``."""
        home = (self.question.split or "").removesuffix("_train")
        return "train" if home == "test" else home

    @property
    def learned_from(self) -> tuple[str, ...]:
        """What a training run would see of it: nothing of what is for measuring."""
        return (*self.question.phrasings, *self.question.statements) if is_training(self.question.split) else ()

    @property
    def measured_by(self) -> tuple[str, ...]:
        return () if is_training(self.question.split) else self.question.phrasings


def check(files: Sequence[Path], documents: Mapping[str, str]) -> Report:
    """Check the files by themselves, against the documents ``{name: text}`` and against each other.

    InputError where a file cannot be read at all.
    """
    lines: list[Line] = []
    problems: list[str] = []
    for file in dict.fromkeys(files):
        cases, wrong = read_cases(file)
        lines += cases
        problems += wrong or ([] if cases else [f"{file}: there is no case in it"])
    for line in lines:
        problems += [f"{line.place}: {reason}" for reason in _out_of_place(line.case, documents)]
    asked = [_Asked(line.place, line.case) for line in lines if isinstance(line.case, Question)]
    problems += [*_repeated_ids(lines), *_repeated_phrasings(lines)]
    problems += [*_facts_in_two_splits(asked), *_answers_in_two_splits(asked, documents), *_shared_runs(asked)]
    kinds = Counter(type(line.case) for line in lines)
    return Report(
        questions=kinds[Question],
        facts=len({it.question.cluster for it in asked}),
        phrasings=sum(len(it.question.phrasings) for it in asked),
        unanswerable=kinds[Unanswerable],
        edits=kinds[Edit] + kinds[Replay],
        problems=tuple(problems),
    )


def is_training(split: str | None) -> bool:
    """Whether records of this split are to learn from."""
    return split == "train" or (split or "").endswith("_train")


def shared_run(one: str, other: str, length: int = SHARED_RUN) -> str:
    """The first run of ``length`` words that both texts have, '' if there is none; a shorter text is a run as a whole.

    >>> shared_run("What is the rank of a matrix?", "Tell me: what is the rank of it")
    'what is the rank of'
    >>> shared_run("Who invented the LSTM?", "So who invented the LSTM")
    'who invented the lstm'
    """
    length = min(length, len(_words(one)), len(_words(other)))
    known = set(_runs(one, length))
    return next((" ".join(run) for run in _runs(other, length) if length and run in known), "")


def _words(text: str) -> list[str]:
    return _WORD.findall(unicodedata.normalize("NFKC", text).casefold())


def _runs(text: str, length: int) -> list[tuple[str, ...]]:
    words = _words(text)
    return [tuple(words[first : first + length]) for first in range(len(words) - length + 1)]


def _out_of_place(case: AnyCase, documents: Mapping[str, str]) -> Iterator[str]:
    """What the case says of the documents and is not so."""
    if isinstance(case, Question):
        yield from _unfounded(case, documents)
    elif isinstance(case, Edit):
        try:
            edited = case.applied(documents)
        except ValueError as error:
            yield str(error)
            return
        for neighbour in case.neighbours:
            yield from _unfounded(neighbour, documents)
            yield from _unfounded(neighbour, edited, "after the edit ")
        changed = [name for name in documents if documents[name] != edited[name]]
        if case.kind == "format" and any(_plain(documents[name]) != _plain(edited[name]) for name in changed):
            yield "an edit of kind 'format' changes words"


def _unfounded(asked: Asked, documents: Mapping[str, str], when: str = "") -> Iterator[str]:
    for evidence in asked.evidence:
        try:
            locate(evidence, documents)
        except ValueError as error:
            yield f"{when}{error}"


def _plain(text: str) -> list[str]:
    return [passage.key for passage in passages(text)]


def _repeated_ids(lines: Sequence[Line]) -> Iterator[str]:
    first: dict[str, str] = {}
    for line in lines:
        if first.setdefault(line.case.id, line.place) != line.place:
            yield f"{line.place}: the id {line.case.id[:80]!r} is also at {first[line.case.id]}"


def _repeated_phrasings(lines: Sequence[Line]) -> Iterator[str]:
    """The same wording twice: of one split it counts double, of two it carries the test into the training."""
    first: dict[tuple[str, ...], str] = {}
    for line in lines:
        if isinstance(line.case, Change):
            continue  # an edit may well ask what a gold question asks
        for phrasing in line.case.phrasings:
            words = tuple(_words(phrasing))
            if words in first:
                yield f"{line.place}: {phrasing[:80]!r} is also asked at {first[words]}"
            first.setdefault(words, line.place)


def _facts_in_two_splits(asked: Sequence[_Asked]) -> Iterator[str]:
    first: dict[str, _Asked] = {}
    for it in asked:
        other = first.setdefault(it.question.cluster.casefold(), it)
        if other.home != it.home:
            yield f"{it.place}: the fact {it.question.cluster!r} is of the split {other.home!r} at {other.place}"


def _answers_in_two_splits(asked: Sequence[_Asked], documents: Mapping[str, str]) -> Iterator[str]:
    """One fact under two names: the same answer proved by the same words, once to learn and once to measure."""
    known: dict[tuple[str, str], list[tuple[int, int, _Asked]]] = defaultdict(list)
    for it in asked:
        for answer, document, start, end in _proofs(it.question, documents):
            known[answer, document].append((start, end, it))
    told = set()
    for proofs in known.values():
        proofs.sort(key=lambda proof: proof[:2])
        starts = [start for start, _, _ in proofs]
        for number, (_, end, it) in enumerate(proofs):
            for _, _, other in proofs[number + 1 : bisect_left(starts, end)]:
                pair = (it.question.cluster, other.question.cluster)
                if it.home != other.home and pair not in told:
                    told.add(pair)
                    yield f"{other.place}: the same answer from the same words as {it.place}, of another split"


def _proofs(question: Question, documents: Mapping[str, str]) -> Iterator[tuple[str, str, int, int]]:
    for evidence in question.evidence:
        try:
            span = locate(evidence, documents)
        except ValueError:
            continue  # told by another rule
        for answer in {normalise(answer) for answer in question.answers or ()}:
            yield answer, span.document, span.start, span.end


def _shared_runs(asked: Sequence[_Asked]) -> Iterator[str]:
    """Measuring phrasings that repeat words of what their fact is learned from."""
    known: dict[tuple[str, tuple[str, ...]], str] = {}
    for it in asked:
        for text in it.learned_from:
            for length in range(1, SHARED_RUN + 1):
                if length == SHARED_RUN or length == len(_words(text)):
                    for run in _runs(text, length):
                        known.setdefault((it.question.cluster, run), it.place)
    for it in asked:
        for phrasing in it.measured_by:
            runs = [run for length in range(1, SHARED_RUN + 1) for run in _runs(phrasing, length)]
            shared = next((run for run in runs if (it.question.cluster, run) in known), None)
            if shared:
                place = known[it.question.cluster, shared]
                yield f"{it.place}: {phrasing[:80]!r} shares {' '.join(shared)!r} with what is learned from at {place}"
