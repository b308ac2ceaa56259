"""How well each memory answers the guide's test questions, against two controls; writes a results file.

    python -m evals.accuracy [--every 4] [--out evals/results/accuracy.json]

Arms: the weights alone; retrieval, which quotes sentences, so that "contains" is its fair score. Controls, which use no
model of the guide: the answer of the training question nearest to the one asked, and the answer most often right.
Every mean is over questions in all their phrasings; intervals are 95 %, by the variance between facts, since phrasings
of one fact are not independent (Miller 2024, arXiv:2411.00640).
"""

import argparse
import json
import math
import statistics
import tempfile
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from evals.casefiles import load
from evals.cases import Question
from evals.evidence import Span, locate
from evals.metrics import contains, exact_match, f1
from kstore.assemble import GUIDE, open_kstore
from kstore.controls import Method
from kstore.service import KStore
from kstore.settings import load_settings
from kstore.types import Hit

HERE = Path(__file__).parent
QUESTIONS = HERE / "questions"
METHODS: tuple[Method, ...] = ("dense", "lexical", "hybrid")
METRICS = {"exact_match": exact_match, "f1": f1, "contains": contains}

Answerer = Callable[[str], str | None]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, default=HERE / "results" / "accuracy.json")
    parser.add_argument("--every", type=int, default=4, metavar="N", help="ask about every Nth fact only")
    options = parser.parse_args()
    documents = {file.name: file.read_text(encoding="utf-8") for file in sorted(GUIDE.glob("*.md"))}
    train = load(Question, [QUESTIONS / "train.jsonl", QUESTIONS / "dev_train.jsonl"])
    test = load(Question, [QUESTIONS / "test.jsonl"])[:: options.every]
    heldout = load(Question, [QUESTIONS / "heldout.jsonl"])[:: options.every]
    gold = {question.id: [locate(it, documents) for it in question.evidence] for question in test}
    with tempfile.TemporaryDirectory() as home, open_kstore(load_settings(home=Path(home))) as store:
        arms = {
            "parametric": _arm(store, "parametric"),
            "retrieval": _arm(store, "retrieval"),
            "nearest training question": _nearest(store, train),
            "majority answer": _majority(train),
        }
        results: dict[str, Any] = {
            "corpus_digest": store.status()["digest"],
            "questions": sum(len(question.phrasings) for question in test),
            "facts": len({question.cluster for question in test}),
            "arms": {name: _measured(answerer, test) for name, answerer in arms.items()},
            "heldout": {name: _measured(answerer, heldout) for name, answerer in arms.items()},
            "heldout_facts": len({question.cluster for question in heldout}),
            "search": {method: _search_quality(store, test, gold, method) for method in METHODS},
        }
    options.out.write_text(json.dumps(results, indent=2) + "\n", encoding="utf-8")
    print(table(results))


def table(results: dict[str, Any]) -> str:
    """The Markdown table of a results file, as README shows it."""
    header = "| answers from | exact match | token F1 | contains the answer | held-out facts: contains | median ms |"
    lines = [header, "|---|---|---|---|---|---|"]
    for name, arm in results["arms"].items():
        scores = [*(arm[it] for it in METRICS), results["heldout"][name]["contains"]]
        cells = [f"{it['value']:.2f} ± {it['margin']:.2f}" for it in scores]
        lines.append(f"| {name} | {' | '.join(cells)} | {arm['median_ms']:.0f} |")
    return "\n".join(lines)


def _arm(store: KStore, name: str) -> Answerer:
    return lambda question: store.ask(question, name).answers[0].text


def _nearest(store: KStore, train: Sequence[Question]) -> Answerer:
    """The control that no parametric memory may be mistaken for: look up the most similar training question."""
    pairs = [(text, question.answers[0]) for question in train if question.answers for text in question.phrasings]
    encoder = store.memory.encoder()
    known = encoder.encode_questions([text for text, _ in pairs])

    return lambda question: pairs[int(np.argmax(known @ encoder.encode_questions([question])[0]))][1]


def _majority(train: Sequence[Question]) -> Answerer:
    commonest = Counter(question.answers[0] for question in train if question.answers).most_common(1)[0][0]
    return lambda question: commonest


def _measured(answerer: Answerer, test: Sequence[Question]) -> dict[str, Any]:
    scores: dict[str, dict[str, list[float]]] = {metric: defaultdict(list) for metric in METRICS}
    spent = []
    for question in test:
        for phrasing in question.phrasings:
            started = time.perf_counter()
            text = answerer(phrasing)
            spent.append((time.perf_counter() - started) * 1e3)
            for metric, score in METRICS.items():
                scores[metric][question.cluster].append(score(text, question.answers))
    return {metric: _mean(by_fact) for metric, by_fact in scores.items()} | {"median_ms": statistics.median(spent)}


def _search_quality(
    store: KStore, test: Sequence[Question], gold: Mapping[str, Sequence[Span]], method: Method
) -> dict[str, Any]:
    """Recall at 1, 5 and 10: the share of the evidence whose passage is found; and the first one's reciprocal rank."""
    scores: dict[str, dict[str, list[float]]] = {
        it: defaultdict(list) for it in ("recall@1", "recall@5", "recall@10", "mrr@10")
    }
    for question in test:
        for phrasing in question.phrasings:
            hits = store.search(phrasing, 10, method).hits
            ranks = [
                next((rank for rank, hit in enumerate(hits, start=1) if _holds(hit, span)), math.inf)
                for span in gold[question.id]
            ]
            for depth in (1, 5, 10):
                found = statistics.fmean(rank <= depth for rank in ranks)
                scores[f"recall@{depth}"][question.cluster].append(found)
            scores["mrr@10"][question.cluster].append(1 / min(ranks))
    return {metric: _mean(by_fact) for metric, by_fact in scores.items()}


def _holds(hit: Hit, span: Span) -> bool:
    return hit.document == span.document and hit.start < span.end and span.start < hit.end


def _mean(by_fact: dict[str, list[float]]) -> dict[str, float]:
    """The mean over all scores with the half-width of its 95 % interval, clustered by fact."""
    values = [value for group in by_fact.values() for value in group]
    mean = statistics.fmean(values)
    clusters = len(by_fact)
    squares = sum(sum(value - mean for value in group) ** 2 for group in by_fact.values())
    error = math.sqrt(squares * clusters / max(clusters - 1, 1)) / len(values)
    return {"value": round(mean, 4), "margin": round(1.96 * error, 4), "n": len(values), "clusters": clusters}


if __name__ == "__main__":
    main()
