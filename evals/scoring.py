"""From a row and its case to scores. All are defined by the case and by what the arm can do, never by what it did: so
a failure scores 0 and cannot drop out of a mean."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Literal

from evals.cases import Question, Unanswerable
from evals.metrics import contains, exact_match, exact_match_strict, f1, key_point_recall, normalise
from evals.ranking import Unit, overlaps, rank_scores, units_of
from evals.rows import Place, Row
from kstore.types import Citation

SIMILARITY = "similarity"


@dataclass(frozen=True, slots=True)
class Metric:
    """What a figure means. ``bounded``: its values lie in [0, 1]."""

    meaning: str
    better: Literal["higher", "lower"] = "higher"
    unit: str = "share"
    bounded: bool = True


METRICS: dict[str, Metric] = {
    "exact_match": Metric("SQuAD 2.0: the normalised answer is an accepted one, or the arm declined rightly"),
    "f1": Metric("SQuAD 2.0: F1 of the words, the best over the accepted answers; declining rightly counts 1"),
    "contains": Metric("of answerable questions: the normalised answer holds an accepted one as whole words"),
    "exact_match_strict": Metric("of answerable questions: exact match that keeps signs, operators and decimal points"),
    SIMILARITY: Metric(
        "of answerable questions: cosine of the answer's vector to the nearest accepted answer's, by the encoder",
        unit="cosine",
        bounded=False,
    ),
    "key_point_recall": Metric("of questions with key points: the share of these whose words the answer holds"),
    "recall@1": Metric("the share of the evidence's passages that is found first"),
    "recall@5": Metric("the share of the evidence's passages among the first five"),
    "recall@10": Metric("the share of the evidence's passages among the first ten"),
    "mrr@10": Metric("the reciprocal rank of the first passage with evidence, 0 below ten"),
    "ndcg@10": Metric("normalised discounted cumulative gain over the first ten passages"),
    "map@10": Metric("mean average precision over the first ten passages"),
    "citation_precision": Metric("of answers: the share of citations that are true quotations and overlap evidence"),
    "citation_recall": Metric("the share of the evidence's passages that a true quotation cites"),
    "declined_correctly": Metric("of unanswerable questions: the share declined"),
    "declined_wrongly": Metric("of answerable questions: the share declined", better="lower"),
    "coverage": Metric("the share of all questions that got an answer"),
    "crag": Metric(
        "CRAG's signed score: 1 for holding an accepted answer or declining rightly, 0 for declining or failing, "
        "-1 for any other answer",
        unit="from -1 to 1",
        bounded=False,
    ),
    "consistency": Metric("the share of pairs of phrasings of a question that get the same answer"),
    "ece": Metric("expected calibration error of the confidence over ten bins", better="lower"),
    "brier": Metric("mean squared difference between confidence and exact match", better="lower"),
    "auroc": Metric("the probability that of a right and a wrong answer the right one is the more confident"),
    "aurc": Metric("the mean share of wrong answers over all coverages, the most confident first", better="lower"),
    "latency_ms_p50": Metric("median time of an answer", better="lower", unit="ms", bounded=False),
    "latency_ms_p95": Metric("time within which 95 of 100 answers come", better="lower", unit="ms", bounded=False),
    "latency_ms_p99": Metric("time within which 99 of 100 answers come", better="lower", unit="ms", bounded=False),
    "first_token_ms_p50": Metric("median time to the first token", better="lower", unit="ms", bounded=False),
    "right_per_second": Metric("exact matches for each second that answering took", unit="1/s", bounded=False),
    "cpu_ms": Metric("time of all processors for an answer", better="lower", unit="ms", bounded=False),
    "tokens": Metric("tokens that a generator writes for an answer", better="lower", unit="tokens", bounded=False),
}


@dataclass(frozen=True, slots=True)
class _Gold:
    case: Question
    units: tuple[Unit, ...]


class Scorer:
    """Scores rows against cases and corpus, ``{name: text}``; ValueError where evidence does not stand there."""

    def __init__(self, cases: Mapping[str, Question], documents: Mapping[str, str]) -> None:
        self._documents = documents
        self._gold = {name: _Gold(case, tuple(units_of(case, documents))) for name, case in cases.items()}

    def score(self, rows: Sequence[Row], *, cites: bool, ranks: bool) -> list[Row]:
        """The rows of one arm with their scores computed anew, but for the similarity, which needs a model and is kept.

        ``cites`` and ``ranks`` say what the arm can do, and so which metrics it has.
        """
        scores = [self._scores(row, cites) for row in rows]
        if ranks:
            ranked = [number for number, row in enumerate(rows) if self._gold[row.case].units]
            found = rank_scores([(rows[it].hits, self._gold[rows[it].case].units) for it in ranked])
            for number, own in zip(ranked, found, strict=True):
                scores[number] |= own
        return [row.with_scores(own) for row, own in zip(rows, scores, strict=True)]

    def _scores(self, row: Row, cites: bool) -> dict[str, float]:
        gold = self._gold[row.case]
        answers = gold.case.answers
        declined = float(row.outcome == "declined")
        scores = {
            "exact_match": 0.0 if row.outcome == "errored" else exact_match(row.answer, answers),
            "f1": 0.0 if row.outcome == "errored" else f1(row.answer, answers),
            "coverage": float(row.answer is not None),
        }
        if answers is None:
            return {**scores, "declined_correctly": declined, "crag": declined - float(row.answer is not None)}
        held = contains(row.answer, answers)
        scores |= {
            "contains": held,
            "exact_match_strict": exact_match_strict(row.answer, answers),
            "declined_wrongly": declined,
            "crag": 0.0 if row.answer is None else 2 * held - 1,
        }
        if row.answer is None or SIMILARITY in row.scores:
            scores[SIMILARITY] = row.scores.get(SIMILARITY, 0.0)
        if gold.case.key_points:
            scores["key_point_recall"] = key_point_recall(row.answer, gold.case.key_points)
        if cites and gold.units:
            scores |= self._cited(row, gold.units)
        return scores

    def _cited(self, row: Row, units: Sequence[Unit]) -> dict[str, float]:
        true = [it for it in row.citations if self._is_quotation(it)]
        places = [Place(document=it.document, start=it.start, end=it.end) for it in true]
        spans = [span for unit in units for span in unit]
        right = sum(any(overlaps(place, span) for span in spans) for place in places)
        found = sum(any(overlaps(place, span) for place in places for span in unit) for unit in units)
        scores = {"citation_recall": found / len(units)}
        if row.outcome != "declined":  # who says nothing has nothing to prove; who says something must cite
            scores["citation_precision"] = right / max(len(row.citations), 1)
        return scores

    def _is_quotation(self, citation: Citation) -> bool:
        return self._documents.get(citation.document, "")[citation.start : citation.end] == citation.text


def consistency(rows: Iterable[Row]) -> list[tuple[str, float]]:
    """Of each case in several phrasings, its fact and the share of pairs of phrasings that get the same answer (Elazar
    et al. 2021, arXiv:2102.01017). To decline twice is the same answer; to fail never is."""
    said: dict[tuple[str, str], list[Row]] = defaultdict(list)
    for row in rows:
        said[row.cluster, row.case].append(row)
    return [(fact, _agreement(own)) for (fact, _), own in said.items() if len(own) > 1]


def as_question(case: Unanswerable) -> Question:
    """The same as a question whose answer is to decline."""
    return Question(id=case.id, question=case.question, paraphrases=case.paraphrases, answers=None, split=case.split)


def _agreement(rows: Sequence[Row]) -> float:
    texts = [None if row.answer is None else normalise(row.answer) for row in rows]
    whole = [row.outcome != "errored" for row in rows]
    pairs = list(combinations(range(len(rows)), 2))
    return sum(whole[a] and whole[b] and texts[a] == texts[b] for a, b in pairs) / len(pairs)
