"""Reading the store: documents, history, and what an index needs to be derived, each at a revision."""

import json
import sqlite3
import threading
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from cachetools import LRUCache, cachedmethod

from kstore.encoding.encoder import Vectors
from kstore.errors import NotFoundError, RevisionError
from kstore.filters import EVERYTHING, Filter
from kstore.types import Document
from kstore.vectors.database import Database
from kstore.vectors.filtering import condition, standing
from kstore.vectors.schema import ALIVE

Ids = npt.NDArray[np.int64]

_KEPT_CHARACTERS = 8_000_000  # of documents that passages were last read in


@dataclass(frozen=True, slots=True)
class Head:
    """The latest committed revision, and what its vectors and passages were made with."""

    revision: int
    at: str
    digest: str
    encoder: str
    encoder_name: str
    splitter: str
    last_text: int
    token: str


@dataclass(frozen=True, slots=True)
class Listed:
    """A document in a listing: no text, but how many passages it has."""

    name: str
    digest: str
    passages: int
    born: int


@dataclass(frozen=True, slots=True)
class Event:
    """A line of history: at ``revision``, ``name`` was added, changed or deleted; or, without a name, the corpus
    took a new state for the reason ``what``."""

    revision: int
    at: str
    name: str | None
    what: str
    digest: str | None


@dataclass(frozen=True, slots=True)
class PassageRow:
    """A passage as it stands in a document at some revision; ``text`` is exactly its span."""

    text_id: int
    document: str
    headings: tuple[str, ...]
    start: int
    end: int
    line_start: int
    line_end: int
    text: str


class Store:
    """The reading side of one store. Every method may run in any thread and process, during any write."""

    def __init__(self, path: Path) -> None:
        self.database = Database(path)
        self._versions: LRUCache[Any, str] = LRUCache(_KEPT_CHARACTERS, getsizeof=len)
        self._caching = threading.Lock()

    def close(self) -> None:
        self.database.close()

    def head(self) -> Head:
        with self.database.reading() as connection:
            return read_head(connection)

    def check_revision(self, revision: int) -> int:
        """Return ``revision``; RevisionError where the store has never reached it."""
        latest = self.head().revision
        if not 0 <= revision <= latest:
            when = "before the first" if revision < 0 else "in the future"
            raise RevisionError(f"revision {revision} is {when}: this store has revisions 0 to {latest}")
        return revision

    def revision_of(self, digest: str) -> int | None:
        """The latest revision at which the corpus was in the state ``digest``; None where it never was."""
        with self.database.reading() as connection:
            row = connection.execute("SELECT max(revision) FROM revisions WHERE digest = ?", (digest,)).fetchone()
        return None if row[0] is None else int(row[0])

    def token_at(self, revision: int) -> str | None:
        """What tells a revision from that of the same number in every other store, also in one restored from a copy
        of this; None where the store has never reached it."""
        with self.database.reading() as connection:
            row = connection.execute("SELECT token FROM revisions WHERE revision = ?", (revision,)).fetchone()
        return None if row is None else str(row[0])

    def fact(self, name: str) -> str | None:
        """What was settled under ``name``, None where nothing was."""
        with self.database.reading() as connection:
            row = connection.execute("SELECT value FROM settled WHERE fact = ?", (name,)).fetchone()
        return None if row is None else str(row[0])

    def settle(self, name: str, value: str) -> None:
        """Record a fact for good; the first to do so decides."""
        with self.database.writing() as connection:
            connection.execute("INSERT OR IGNORE INTO settled VALUES (?, ?)", (name, value))

    def documents(self, revision: int) -> list[Listed]:
        """The documents alive at ``revision``, by name."""
        with self.database.reading() as connection:
            rows = connection.execute(
                "SELECT d.name, d.digest, d.born, (SELECT count(*) FROM passages p WHERE p.document = d.name"
                " AND p.born <= :r AND p.died > :r) FROM documents d WHERE d.born <= :r AND d.died > :r"
                " ORDER BY d.name",
                {"r": revision},
            ).fetchall()
        return [Listed(name, digest, passages, born) for name, digest, born, passages in rows]

    def document(self, name: str, revision: int) -> Document:
        """The version of a document alive at ``revision``; NotFoundError where there is none."""
        with self.database.reading() as connection:
            row = connection.execute(
                "SELECT digest, text, born, died FROM documents WHERE name = ? AND born <= ? AND died > ?",
                (name, revision, revision),
            ).fetchone()
        if row is None:
            raise NotFoundError(f"no document {name!r} at revision {revision}")
        digest, text, born, died = row
        return Document(name, digest, text, born, None if died == ALIVE else died)

    def digests(self, names: Iterable[str]) -> dict[str, str]:
        """The digests of those of the named documents that are alive now."""
        with self.database.reading() as connection:
            rows = connection.execute(
                f"SELECT name, digest FROM documents WHERE died = {ALIVE} AND name IN (SELECT value FROM json_each(?))",
                (json.dumps(list(names)),),
            ).fetchall()
        return dict(rows)

    def metadata(self, name: str, revision: int) -> list[tuple[str, str]]:
        """The keys and values that a document says of itself at ``revision``, in its order."""
        with self.database.reading() as connection:
            return connection.execute(
                "SELECT key, value FROM metadata WHERE document = ? AND born <= ? AND died > ? ORDER BY id",
                (name, revision, revision),
            ).fetchall()

    def texts(self, revision: int) -> dict[str, str]:
        """``{name: text}`` of every document alive at ``revision``."""
        with self.database.reading() as connection:
            rows = connection.execute(
                "SELECT name, text FROM documents WHERE born <= ? AND died > ?", (revision, revision)
            ).fetchall()
        return dict(rows)

    def history(self, name: str | None = None) -> list[Event]:
        """What happened to a document, or to the corpus, oldest first; NotFoundError for a name never seen."""
        with self.database.reading() as connection:
            if name is None:
                rows = connection.execute("SELECT revision, at, note, digest FROM revisions ORDER BY revision")
                return [Event(revision, at, None, note, digest) for revision, at, note, digest in rows]
            versions = connection.execute(
                "SELECT born, died, digest FROM documents WHERE name = ? ORDER BY born", (name,)
            ).fetchall()
            dates = dict(
                connection.execute("SELECT revision, at FROM revisions")
            )  # after them, so that none is missing
        if not versions:
            raise NotFoundError(f"this store never had a document {name!r}")
        events: list[Event] = []
        for position, (born, died, digest) in enumerate(versions):
            goes_on = position > 0 and versions[position - 1][1] == born
            events.append(Event(born, dates[born], name, "changed" if goes_on else "added", digest))
            replaced = position + 1 < len(versions) and versions[position + 1][0] == died
            if died != ALIVE and not replaced:
                events.append(Event(died, dates[died], name, "deleted", None))
        return events

    def without_vector(self, keys: Iterable[str], encoder: str) -> set[str]:
        """Those of the texts' keys for which there is no vector of ``encoder``."""
        return self._without(
            keys,
            "SELECT t.key FROM json_each(?) j CROSS JOIN texts t ON t.key = j.value"
            " CROSS JOIN vectors v ON v.text = t.id AND v.encoder = ?",
            encoder,
        )

    def without_token_vectors(self, keys: Iterable[str], model: str) -> set[str]:
        """Those of the texts' keys for which there are no token vectors of ``model``."""
        return self._without(
            keys,
            "SELECT t.key FROM json_each(?) j CROSS JOIN texts t ON t.key = j.value"
            " CROSS JOIN token_vectors v ON v.text = t.id AND v.model = ?",
            model,
        )

    def _without(self, keys: Iterable[str], having: str, model: str) -> set[str]:
        """The keys that the statement ``having`` does not find, given all of them and the model.

        Its joins are CROSS, which SQLite makes in the order written: it would begin with all vectors of the store.
        """
        wanted = set(keys)
        with self.database.reading() as connection:
            rows = connection.execute(having, (json.dumps(list(wanted)), model)).fetchall()
        return wanted - {key for (key,) in rows}

    def texts_without_vector(self, encoder: str) -> dict[str, tuple[tuple[str, ...], str]]:
        """``{key: (headings, plain)}`` of every text, alive or not, that ``encoder`` has not encoded."""
        with self.database.reading() as connection:
            rows = connection.execute(
                "SELECT key, headings, plain FROM texts t WHERE NOT EXISTS"
                " (SELECT 1 FROM vectors v WHERE v.encoder = ? AND v.text = t.id) ORDER BY t.id",
                (encoder,),
            ).fetchall()
        return {key: (tuple(json.loads(headings)), plain) for key, headings, plain in rows}

    def vectors(self, encoder: str, above: int, last: int, dimension: int) -> tuple[Ids, Vectors]:
        """Text ids greater than ``above`` up to ``last`` and their vectors: shapes (n,) and (n, ``dimension``)."""
        with self.database.reading() as connection:
            rows = connection.execute(
                "SELECT text, vector FROM vectors WHERE encoder = ? AND text > ? AND text <= ? ORDER BY text",
                (encoder, above, last),
            ).fetchall()
        ids = np.array([text for text, _ in rows], dtype=np.int64)
        vectors = np.frombuffer(b"".join(vector for _, vector in rows), dtype="<f4").reshape(len(rows), dimension)
        return ids, vectors

    def vectors_of(self, encoder: str, ids: Sequence[int]) -> Mapping[int, Vectors]:
        """The vectors of some texts, each of shape (dimension,)."""
        with self.database.reading() as connection:
            rows = connection.execute(
                "SELECT text, vector FROM vectors WHERE encoder = ? AND text IN (SELECT value FROM json_each(?))",
                (encoder, json.dumps(list(ids))),
            ).fetchall()
        return {text: np.frombuffer(vector, dtype="<f4") for text, vector in rows}

    def token_vectors(self, model: str, ids: Sequence[int]) -> dict[int, bytes]:
        """The token vectors of those of the texts that have some of ``model``."""
        with self.database.reading() as connection:
            rows = connection.execute(
                "SELECT text, vectors FROM token_vectors WHERE model = ? AND text IN (SELECT value FROM json_each(?))",
                (model, json.dumps(list(ids))),
            ).fetchall()
        return dict(rows)

    def text_contents(self, ids: Sequence[int]) -> dict[int, tuple[str, tuple[str, ...], str]]:
        """``{id: (key, headings, plain)}`` of some texts, alive or not."""
        with self.database.reading() as connection:
            rows = connection.execute(
                "SELECT id, key, headings, plain FROM texts WHERE id IN (SELECT value FROM json_each(?))",
                (json.dumps(list(ids)),),
            ).fetchall()
        return {text: (key, tuple(json.loads(headings)), plain) for text, key, headings, plain in rows}

    def abbreviations(self, words: Sequence[str], revision: int) -> list[tuple[str, str]]:
        """The pairs (abbreviation, what it stands for) of which one is among the ``words``, as texts alive at
        ``revision`` explain them, all folded; those that most texts explain first."""
        with self.database.reading() as connection:
            return connection.execute(
                "WITH said AS (SELECT value FROM json_each(:words))"
                " SELECT short, long FROM abbreviations a"
                " WHERE (short IN (SELECT value FROM said) OR long IN (SELECT value FROM said))"
                " AND EXISTS (SELECT 1 FROM passages p WHERE p.text = a.text AND p.born <= :r AND p.died > :r)"
                " GROUP BY short, long ORDER BY count(*) DESC, short, long",
                {"words": json.dumps(list(words)), "r": revision},
            ).fetchall()

    def alive(self, revision: int, where: Filter = EVERYTHING) -> Ids:
        """Ids of the texts that stand in some document at ``revision``, where the filter lets them be found,
        ascending."""
        places, parameters = standing(where)
        with self.database.reading() as connection:
            rows = connection.execute(
                f"SELECT DISTINCT p.text FROM {places} ORDER BY p.text", {"r": revision, **parameters}
            ).fetchall()
        return np.array([text for (text,) in rows], dtype=np.int64)

    def alive_changes(self, since: int, revision: int) -> dict[int, bool]:
        """``{text id: stands at revision}`` for the texts of passages born or died in (``since``, ``revision``]."""
        with self.database.reading() as connection:
            rows = connection.execute(
                "SELECT c.text, EXISTS"
                " (SELECT 1 FROM passages p WHERE p.text = c.text AND p.born <= :r AND p.died > :r)"
                " FROM (SELECT text FROM passages WHERE born > :s AND born <= :r"
                "       UNION SELECT text FROM passages WHERE died > :s AND died <= :r) c",
                {"s": since, "r": revision},
            ).fetchall()
        return {text: bool(stands) for text, stands in rows}

    def passages(self, ids: Sequence[int], revision: int, where: Filter = EVERYTHING) -> list[PassageRow]:
        """Where the texts stand at ``revision``, as far as the filter lets them be found, by document and position."""
        also, parameters = condition(where)
        with self.database.reading() as connection:
            rows = connection.execute(
                "SELECT p.text, p.document, t.headings, p.start, p.end, p.line_start, p.line_end, d.id"
                " FROM passages p JOIN texts t ON t.id = p.text"
                " JOIN documents d ON d.name = p.document AND d.born <= :r AND d.died > :r"
                f" WHERE p.text IN (SELECT value FROM json_each(:ids)) AND p.born <= :r AND p.died > :r{also}"
                " ORDER BY p.document, p.start",
                {"r": revision, "ids": json.dumps([int(text) for text in ids]), **parameters},
            ).fetchall()
        return [
            PassageRow(
                text, name, tuple(json.loads(headings)), start, end, line, last, self._version(version)[start:end]
            )
            for text, name, headings, start, end, line, last, version in rows
        ]

    @cachedmethod(lambda self: self._versions, lock=lambda self: self._caching)
    def _version(self, number: int) -> str:
        """The text of one version of a document, which never changes. To cut a passage out of it, SQLite would read it
        all for each passage."""
        with self.database.reading() as connection:
            return str(connection.execute("SELECT text FROM documents WHERE id = ?", (number,)).fetchone()[0])

    def counts(self, revision: int) -> dict[str, int]:
        """How many documents and passages are alive at ``revision``, and how many vectors are kept in all."""
        queries = {
            "documents": "SELECT count(*) FROM documents WHERE born <= :r AND died > :r",
            "passages": "SELECT count(*) FROM passages WHERE born <= :r AND died > :r",
            "vectors": "SELECT count(*) FROM vectors",
        }
        with self.database.reading() as connection:
            return {what: connection.execute(query, {"r": revision}).fetchone()[0] for what, query in queries.items()}


def read_head(connection: sqlite3.Connection) -> Head:
    """The newest row of revisions."""
    return Head(
        *connection.execute(
            "SELECT revision, at, digest, encoder, encoder_name, splitter, last_text, token FROM revisions"
            " ORDER BY revision DESC LIMIT 1"
        ).fetchone()
    )
