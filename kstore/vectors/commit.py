"""The one write transaction: a set of edits becomes the next revision, whole or not at all."""

import json
import sqlite3
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from kstore.encoding.encoder import Vectors
from kstore.encoding.tokens import TokenVectors
from kstore.errors import ConflictError, NotFoundError
from kstore.types import Passage, document_term, text_digest
from kstore.vectors.schema import ALIVE, EXPLAIN
from kstore.vectors.store import read_head


class Overtaken(Exception):  # noqa: N818 - not an error: the plan is made again
    """Another writer committed between planning and committing in a way that the plan does not cover."""


@dataclass(frozen=True, slots=True)
class Edit:
    """A document's new text, and where it comes from. ``passages`` None means that, when planned, the store had this
    very text."""

    name: str
    text: str
    passages: Sequence[Passage] | None
    source: str = ""
    metadata: Sequence[tuple[str, str]] = ()

    @property
    def digest(self) -> str:
        return text_digest(self.text)


@dataclass(frozen=True, slots=True)
class Plan:
    """All that one revision is to change; made outside the transaction, where splitting and encoding take their time.

    ``prune``: delete the documents of ``source`` that are not among the edits. ``expected``: digests that documents
    must still have (None: must not exist). ``vectors``: by passage key, of ``encoder``, for the texts that had none.
    ``token_vectors``: the same, of ``token_model``.
    ``adopting``: from this revision on the store uses another encoder or splitter; the edits hold every document as
    it was at revision ``base``.
    """

    edits: Sequence[Edit]
    note: str
    encoder: str
    encoder_name: str
    splitter: str
    vectors: Mapping[str, Vectors]
    token_model: str = ""
    token_vectors: Mapping[str, TokenVectors] = field(default_factory=dict)
    deletes: Sequence[str] = ()
    source: str = ""
    prune: bool = False
    expected: Mapping[str, str | None] = field(default_factory=dict)
    adopting: bool = False
    base: int = 0


@dataclass(frozen=True, slots=True)
class Receipt:
    """What a command did: the revision at which it is visible, counts of documents, and of passages encoded."""

    revision: int
    added: int = 0
    changed: int = 0
    unchanged: int = 0
    deleted: int = 0
    encoded: int = 0


def commit(connection: sqlite3.Connection, plan: Plan) -> Receipt:
    """Carry out the plan in the connection's open transaction.

    Raises Overtaken where the plan must be made again, NotFoundError and ConflictError where it cannot be right; the
    caller then rolls back. Without any change there is no new revision.
    """
    head = read_head(connection)
    if plan.adopting and head.revision != plan.base:
        raise Overtaken
    switching = (head.encoder, head.splitter) != (plan.encoder, plan.splitter)
    if switching and head.encoder and not plan.adopting:
        raise Overtaken
    revision = head.revision + 1
    current = _current(connection, plan)
    for name, digest in plan.expected.items():
        if current.get(name, (None,))[0] != digest:
            raise ConflictError(f"{name!r} is no longer what you read: its digest is {current.get(name, (None,))[0]}")
    counts = {"added": 0, "changed": 0, "unchanged": 0, "deleted": 0}
    total = int(head.digest, 16)
    for edit in plan.edits:
        before = current.get(edit.name)
        if before is not None and before[0] == edit.digest:
            counts["unchanged"] += 1
            if switching:
                _place(connection, edit, plan, revision)
            elif before[1] != edit.source:
                connection.execute(
                    "UPDATE documents SET source = ? WHERE name = ? AND died = ?", (edit.source, edit.name, ALIVE)
                )
            continue
        counts["added" if before is None else "changed"] += 1
        if before is not None:
            _end_document(connection, edit.name, revision)
            total -= document_term(edit.name, before[0])
        connection.execute(
            "INSERT INTO documents (name, digest, text, source, born) VALUES (?, ?, ?, ?, ?)",
            (edit.name, edit.digest, edit.text, edit.source, revision),
        )
        total += document_term(edit.name, edit.digest)
        _place(connection, edit, plan, revision)
    for name in _to_delete(plan, current):
        counts["deleted"] += 1
        total -= document_term(name, current[name][0])
        _end_document(connection, name, revision)
        connection.execute("UPDATE passages SET died = ? WHERE document = ? AND died = ?", (revision, name, ALIVE))
    if not (counts["added"] or counts["changed"] or counts["deleted"] or switching):
        return Receipt(head.revision, unchanged=counts["unchanged"])
    keep_vectors(connection, plan.encoder, plan.vectors)
    keep_token_vectors(connection, plan.token_model, plan.token_vectors)
    _record(connection, revision, total, plan)
    return Receipt(revision, **counts, encoded=len(plan.vectors))


def _current(connection: sqlite3.Connection, plan: Plan) -> dict[str, tuple[str, str]]:
    """``{name: (digest, source)}`` of the living documents that the plan may touch."""
    names = [*(edit.name for edit in plan.edits), *plan.deletes, *plan.expected]
    living = f"SELECT name, digest, source FROM documents WHERE died = {ALIVE}"  # as the index on names has it
    rows = connection.execute(
        f"{living} AND name IN (SELECT value FROM json_each(:names)) UNION {living} AND :prune AND source = :source",
        {"names": json.dumps(names), "prune": plan.prune, "source": plan.source},
    )
    return {name: (digest, source) for name, digest, source in rows}


def _to_delete(plan: Plan, current: Mapping[str, tuple[str, str]]) -> list[str]:
    names = dict.fromkeys(plan.deletes)
    for name in names:
        if name not in current:
            raise NotFoundError(f"no document {name!r}")
    if plan.prune:
        kept = {edit.name for edit in plan.edits}
        names |= dict.fromkeys(
            name for name, (_, source) in current.items() if source == plan.source and name not in kept
        )
    return list(names)


def _end_document(connection: sqlite3.Connection, name: str, revision: int) -> None:
    connection.execute("UPDATE documents SET died = ? WHERE name = ? AND died = ?", (revision, name, ALIVE))
    connection.execute("UPDATE metadata SET died = ? WHERE document = ? AND died = ?", (revision, name, ALIVE))


def _place(connection: sqlite3.Connection, edit: Edit, plan: Plan, revision: int) -> None:
    """Let the document's passages and metadata be those of the edit; a passage that stands where it stood is left
    alone."""
    if edit.passages is None:
        raise Overtaken
    connection.execute("UPDATE metadata SET died = ? WHERE document = ? AND died = ?", (revision, edit.name, ALIVE))
    connection.executemany(
        "INSERT INTO metadata (document, key, value, born) VALUES (?, ?, ?, ?)",
        [(edit.name, key, value, revision) for key, value in edit.metadata],
    )
    old = {
        tuple(span): row
        for row, *span in connection.execute(
            "SELECT id, text, start, end, line_start, line_end FROM passages WHERE document = ? AND died = ?",
            (edit.name, ALIVE),
        )
    }
    for passage in edit.passages:
        text = _text_id(connection, passage, plan)
        span = (text, passage.start, passage.end, passage.line_start, passage.line_end)
        if old.pop(span, None) is None:
            connection.execute(
                "INSERT INTO passages (document, text, start, end, line_start, line_end, born)"
                " VALUES (?, ?, ?, ?, ?, ?, ?)",
                (edit.name, *span, revision),
            )
    connection.executemany("UPDATE passages SET died = ? WHERE id = ?", [(revision, row) for row in old.values()])


def _text_id(connection: sqlite3.Connection, passage: Passage, plan: Plan) -> int:
    """The id of the passage's text, which is added to the lexical index where it is new."""
    row = connection.execute("SELECT id FROM texts WHERE key = ?", (passage.key,)).fetchone()
    if row is None:
        headings = json.dumps(passage.headings, ensure_ascii=False)
        added = connection.execute(
            "INSERT INTO texts (key, headings, plain) VALUES (?, ?, ?)", (passage.key, headings, passage.plain)
        )
        text = int(added.lastrowid or 0)
        connection.execute(
            "INSERT INTO lexical (rowid, headings, plain) VALUES (?, ?, ?)", (text, headings, passage.plain)
        )
        connection.execute(f"{EXPLAIN} WHERE t.id = ?", (text,))
    else:
        text = int(row[0])
    if passage.key not in plan.vectors and not _has_vector(connection, text, plan.encoder):
        raise Overtaken
    return text


def _has_vector(connection: sqlite3.Connection, text: int, encoder: str) -> bool:
    found = connection.execute("SELECT 1 FROM vectors WHERE encoder = ? AND text = ?", (encoder, text))
    return found.fetchone() is not None


def keep_vectors(connection: sqlite3.Connection, encoder: str, vectors: Mapping[str, Vectors]) -> None:
    """Add an encoder's vectors, by passage key, to the texts that have none of it."""
    connection.executemany(
        "INSERT OR IGNORE INTO vectors (encoder, text, vector) SELECT ?, id, ? FROM texts WHERE key = ?",
        [(encoder, np.ascontiguousarray(vector, dtype="<f4").tobytes(), key) for key, vector in vectors.items()],
    )


def keep_token_vectors(connection: sqlite3.Connection, model: str, vectors: Mapping[str, TokenVectors]) -> None:
    """Add a model's token vectors, by passage key, in place of those of another model."""
    connection.executemany(
        "INSERT OR REPLACE INTO token_vectors (text, model, vectors) SELECT id, ?, ? FROM texts WHERE key = ?",
        [(model, vector.tobytes(), key) for key, vector in vectors.items()],
    )


def _record(connection: sqlite3.Connection, revision: int, total: int, plan: Plan) -> None:
    connection.execute(
        "INSERT INTO revisions (revision, at, digest, encoder, encoder_name, splitter, last_text, note)"
        " VALUES (?, strftime('%Y-%m-%dT%H:%M:%SZ', 'now'), ?, ?, ?, ?,"
        " (SELECT coalesce(max(id), 0) FROM texts), ?)",
        (revision, f"{total % 2**256:064x}", plan.encoder, plan.encoder_name, plan.splitter, plan.note),
    )
