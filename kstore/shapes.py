"""The JSON shapes that the command line prints and the HTTP API returns."""

from collections.abc import Iterable
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from kstore.types import Answer, Document, Evidence, Reply

if TYPE_CHECKING:
    from kstore.vectors.commit import Receipt
    from kstore.vectors.store import Event, Listed

Shape = dict[str, Any]


def reply_shape(reply: Reply) -> Shape:
    """``{"question", "revision", "answers"}``, as ``ask`` gives it."""
    return {
        "question": reply.question,
        "revision": reply.revision,
        "answers": [_answer_shape(answer) for answer in reply.answers],
    }


def evidence_shape(evidence: Evidence) -> Shape:
    """``{"query", "revision", "hits"}``, best first, as ``search`` gives it."""
    return asdict(evidence)


def receipt_shape(receipt: "Receipt") -> Shape:
    """``{"revision", "added", "changed", "unchanged", "deleted", "encoded"}``, as every change gives it."""
    return asdict(receipt)


def document_shape(document: Document) -> Shape:
    """``{"name", "digest", "text", "born", "died"}``: one version of a document."""
    return asdict(document)


def documents_shape(revision: int, documents: "Iterable[Listed]") -> Shape:
    """``{"revision", "documents"}``, as ``ls`` gives it."""
    return {"revision": revision, "documents": [asdict(document) for document in documents]}


def history_shape(name: str | None, events: "Iterable[Event]") -> Shape:
    """``{"name", "events"}``, oldest first, as ``history`` gives it."""
    return {"name": name, "events": [asdict(event) for event in events]}


def _answer_shape(answer: Answer) -> Shape:
    shape = asdict(answer)
    shape["timings_ms"] = {stage: round(spent, 3) for stage, spent in shape.pop("timings").items()}
    return shape
