"""A corpus and its cases in numbers, as a Markdown table."""

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from evals.casefiles import read_cases
from evals.cases import Change, Edit, Question
from evals.check import is_training
from kstore.errors import InputError
from kstore.text.markdown import split

_FENCE = re.compile(r"^```", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Size:
    """One document, or all of them: its words (as white space separates them), headings, passages, code blocks, facts
    (each counted where its first piece of evidence stands)."""

    words: int
    sections: int
    passages: int
    code_blocks: int
    facts: int


@dataclass(frozen=True, slots=True)
class Statistics:
    """The documents by name and the cases by split: facts and phrasings of questions, and counts of the rest."""

    documents: dict[str, Size]
    splits: dict[str, dict[str, int]]
    types: dict[str, int]
    edits: dict[str, int]

    def shape(self) -> dict[str, Any]:
        """As JSON."""
        return asdict(self)

    def table(self) -> str:
        """The documents as a Markdown table with their sum."""
        rows = [*self.documents.items(), ("**all**", _sum(self.documents.values()))]
        header = "| document | words | sections | passages | code blocks | facts asked about |"
        body = [f"| {name} | {' | '.join(f'{count:,}' for count in asdict(size).values())} |" for name, size in rows]
        return "\n".join([header, "|---|---|---|---|---|---|", *body])

    def cases_table(self) -> str:
        """The cases as a Markdown table: each split with its facts and phrasings, then the types and the edits."""
        header = "| split | facts | phrasings |"
        body = [f"| `{name}` | {it['facts']:,} | {it['phrasings']:,} |" for name, it in self.splits.items()]
        lines = [header, "|---|---|---|", *body]
        for what, counts in (("Facts by type", self.types), ("Edits by kind", self.edits)):
            if counts:
                listed = ", ".join(f"{name or 'none'} {count}" for name, count in counts.items())
                lines += ["", f"{what}: {listed}."]
        return "\n".join(lines)


def statistics(documents: Mapping[str, str], files: Sequence[Path]) -> Statistics:
    """Count the documents ``{name: text}`` and the cases in ``files``; InputError where a line is malformed."""
    cases = []
    for file in files:
        lines, problems = read_cases(file)
        if problems:
            raise InputError(problems[0])
        cases += [line.case for line in lines]
    questions = [case for case in cases if isinstance(case, Question)]
    home = {it.cluster: it.evidence[0].doc for it in reversed(questions) if it.evidence}
    facts = Counter(home.values())
    splits: dict[str, dict[str, Any]] = defaultdict(lambda: {"facts": set(), "phrasings": 0})
    for case in cases:
        if not isinstance(case, Change):
            entry = splits[case.split or "none"]
            entry["facts"].add(case.cluster if isinstance(case, Question) else case.id)
            entry["phrasings"] += len(case.phrasings)
    measured = {it.cluster: it.type for it in questions if not is_training(it.split)}
    return Statistics(
        documents={name: _size(text, facts[name]) for name, text in sorted(documents.items())},
        splits={name: {**it, "facts": len(it["facts"])} for name, it in sorted(splits.items())},
        types=dict(Counter(measured.values()).most_common()),
        edits=dict(Counter(case.kind or "none" for case in cases if isinstance(case, Edit)).most_common()),
    )


def _size(text: str, facts: int) -> Size:
    passages = split(text)
    return Size(
        words=len(text.split()),
        sections=len({passage.headings for passage in passages}),
        passages=len(passages),
        code_blocks=len(_FENCE.findall(text)) // 2,
        facts=facts,
    )


def _sum(sizes: Iterable[Size]) -> Size:
    columns = zip(*(asdict(size).values() for size in sizes), strict=True)
    return Size(*(sum(column) for column in columns))
