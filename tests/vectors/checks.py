"""What must hold of every store at every revision, whatever was done to it: read from the file, not through kstore."""

import json
import sqlite3
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path

import numpy as np

from kstore.text.markdown import split
from kstore.types import Evidence, Passage, corpus_digest, count_lines

Documents = Mapping[str, str]

cached_split = cache(split)


def check_file(path: Path, states: Sequence[Documents]) -> None:
    """Assert that the SQLite file is whole and that its revisions are exactly ``states``, nothing half done.

    At each revision the documents are the state's, their passages are what the splitter makes of them, the digest is
    the state's, and each passage has a unit vector of the encoder in force and its words in the lexical index.
    """
    connection = sqlite3.connect(path, isolation_level=None)
    try:
        assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        assert connection.execute("PRAGMA foreign_key_check").fetchall() == []
        connection.execute("INSERT INTO lexical (lexical, rank) VALUES ('integrity-check', 1)")
        revisions = connection.execute("SELECT revision, digest, encoder FROM revisions ORDER BY revision").fetchall()
        assert [revision for revision, _, _ in revisions] == list(range(len(states)))
        encoded = {
            encoder: dict(connection.execute("SELECT text, vector FROM vectors WHERE encoder = ?", (encoder,)))
            for encoder in {encoder for _, _, encoder in revisions}
        }
        for vector in (vector for vectors in encoded.values() for vector in vectors.values()):
            assert abs(np.linalg.norm(np.frombuffer(vector, dtype="<f4")) - 1) < 1e-5
        for (revision, digest, encoder), state in zip(revisions, states, strict=True):
            documents = connection.execute(
                "SELECT name, text FROM documents WHERE born <= ? AND died > ?", (revision, revision)
            ).fetchall()
            assert len(documents) == len(dict(documents))
            assert dict(documents) == state
            assert digest == corpus_digest(state)
            rows = connection.execute(
                "SELECT document, headings, plain, start, end, line_start, line_end, text FROM passages"
                " JOIN texts ON texts.id = passages.text WHERE born <= ? AND died > ?",
                (revision, revision),
            ).fetchall()
            assert sorted(row[:7] for row in rows) == sorted(
                (name, _json(passage), passage.plain, passage.start, passage.end, passage.line_start, passage.line_end)
                for name, text in state.items()
                for passage in cached_split(text)
            )
            assert all(text in encoded[encoder] for *_, text in rows)
    finally:
        connection.close()


def check_evidence(evidence: Evidence, states: Sequence[Documents]) -> None:
    """Assert that each hit is, to the character and the line, a passage of a document alive at its revision."""
    assert len({(hit.document, hit.start) for hit in evidence.hits}) == len(evidence.hits)
    scores = [hit.score for hit in evidence.hits]
    assert scores == sorted(scores, reverse=True)
    for hit in evidence.hits:
        assert hit.revision == evidence.revision
        text = states[hit.revision][hit.document]
        assert text[hit.start : hit.end] == hit.text
        assert hit.line_start == 1 + count_lines(text[: hit.start])
        assert hit.line_end == hit.line_start + count_lines(hit.text)
        assert (hit.start, hit.end) in {(passage.start, passage.end) for passage in cached_split(text)}


def _json(passage: Passage) -> str:
    return json.dumps(passage.headings, ensure_ascii=False)
