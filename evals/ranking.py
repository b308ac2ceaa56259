"""How well passages are found: recall, MRR, nDCG and MAP through ``ir_measures``, gold by overlap with the evidence.

A unit of gold is a passage of the corpus that holds evidence, so that two quotations from one passage are found by
finding it once. What was found counts for a unit if it overlaps one of the unit's quotations; so arms that cut
documents differently are measured alike.
"""

from collections.abc import Mapping, Sequence
from functools import lru_cache

import ir_measures
from ir_measures import AP, RR, Measure, Qrel, R, ScoredDoc, nDCG

from evals.cases import Question
from evals.evidence import Span, locate
from evals.rows import Place
from kstore.text.markdown import split

DEPTH = 10
_MEASURES: dict[str, Measure] = {
    "recall@1": R @ 1,
    "recall@5": R @ 5,
    "recall@10": R @ 10,
    "mrr@10": RR @ 10,
    "ndcg@10": nDCG @ 10,
    "map@10": AP @ 10,
}

Unit = tuple[Span, ...]

_passages = lru_cache(maxsize=256)(split)


def units_of(case: Question, documents: Mapping[str, str]) -> list[Unit]:
    """The evidence of a case, that of one passage together; ValueError where a quotation does not stand there."""
    units: dict[tuple[str, int], list[Span]] = {}
    for span in (locate(evidence, documents) for evidence in case.evidence):
        shared = [
            (min(it.end, span.end) - max(it.start, span.start), -number)
            for number, it in enumerate(_passages(documents[span.document]))
        ]
        units.setdefault((span.document, -max(shared)[1] if shared else 0), []).append(span)
    return [tuple(spans) for spans in units.values()]


def overlaps(place: Place | Span, span: Span) -> bool:
    """Whether the two share a character."""
    return place.document == span.document and place.start < span.end and span.start < place.end


def rank_scores(found: Sequence[tuple[Sequence[Place], Sequence[Unit]]]) -> list[dict[str, float]]:
    """The scores of each ranking, best first, against its units of gold: ``{metric: score}``. What was not found at all
    scores 0."""
    gold = [Qrel(str(row), str(unit), 1) for row, (_, units) in enumerate(found) for unit in range(len(units))]
    ranked = [
        ScoredDoc(str(row), name, float(-rank))
        for row, (places, units) in enumerate(found)
        for rank, name in enumerate(_named(places[:DEPTH], units))
    ]
    scores = [dict.fromkeys(_MEASURES, 0.0) for _ in found]
    names = {measure: name for name, measure in _MEASURES.items()}
    if ranked and gold:
        for it in ir_measures.iter_calc(list(_MEASURES.values()), gold, ranked):
            scores[int(it.query_id)][names[it.measure]] = float(it.value)
    return scores


def _named(places: Sequence[Place], units: Sequence[Unit]) -> list[str]:
    """Each place under the number of the unit that it is the first to find, else under a name that is none's."""
    names: list[str] = []
    for rank, place in enumerate(places):
        own = (str(number) for number, unit in enumerate(units) if any(overlaps(place, span) for span in unit))
        names.append(next((name for name in own if name not in names), f"place {rank}"))
    return names
