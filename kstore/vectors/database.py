"""Connections to the store's SQLite file: many readers, one writer, every error translated here."""

import sqlite3
import threading
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from kstore.errors import StoreError
from kstore.vectors.abbreviations import explained_json
from kstore.vectors.schema import MIGRATIONS, SCHEMA, VERSION

_PATIENCE = 60.0  # seconds to wait for another writer


class Database:
    """The store's file. WAL lets readers go on while one writer, of all processes, commits with full sync."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._idle: deque[sqlite3.Connection] = deque()
        self._writer = threading.Lock()
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise StoreError(f"cannot make the store's folder {path.parent}: {error.strerror}") from error
        with self.reading() as connection:  # opening an existing store waits for no writer
            version = _version(connection)
        if version == 0 or version in MIGRATIONS:
            with self.writing() as connection:
                version = _brought_up(connection)
        if version != VERSION:
            raise StoreError(f"{path} has format {version}; this kstore reads format {VERSION}")

    @contextmanager
    def reading(self) -> Iterator[sqlite3.Connection]:
        """A connection for reading, each statement seeing the latest commit."""
        with self._translated(), self._borrowed() as connection:
            yield connection

    @contextmanager
    def writing(self) -> Iterator[sqlite3.Connection]:
        """A connection inside a write transaction, committed at the end, rolled back on any error."""
        with self._translated(), self._writer, self._borrowed() as connection:
            connection.execute("BEGIN IMMEDIATE")
            try:
                yield connection
                connection.execute("COMMIT")
            except BaseException:
                if connection.in_transaction:
                    connection.execute("ROLLBACK")
                raise

    def close(self) -> None:
        """Close the idle connections; those in use are closed when they are given back to nobody."""
        while self._idle:
            self._idle.pop().close()

    @contextmanager
    def _borrowed(self) -> Iterator[sqlite3.Connection]:
        try:
            connection = self._idle.pop()
        except IndexError:
            connection = self._connect()
        try:
            yield connection
        except BaseException:
            connection.close()
            raise
        self._idle.append(connection)

    def _connect(self) -> sqlite3.Connection:
        connection = sqlite3.connect(self.path, timeout=_PATIENCE, isolation_level=None, check_same_thread=False)
        try:
            connection.execute("PRAGMA journal_mode = WAL")
            connection.execute("PRAGMA synchronous = FULL")
            connection.execute("PRAGMA foreign_keys = ON")
            connection.create_function("explained", 2, explained_json, deterministic=True)
            connection.create_function("casefold", 1, str.casefold, deterministic=True)
        except BaseException:
            connection.close()
            raise
        return connection

    @contextmanager
    def _translated(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.Error as error:
            raise StoreError(f"the store {self.path}: {error}") from error


def _version(connection: sqlite3.Connection) -> int:
    return int(connection.execute("PRAGMA user_version").fetchone()[0])


def _brought_up(connection: sqlite3.Connection) -> int:
    """Make the tables of a new store, or those that an older format lacks; the format that the store then has."""
    version = _version(connection)  # another process may have been faster
    scripts = [SCHEMA] if version == 0 else [MIGRATIONS[old] for old in range(version, VERSION) if old in MIGRATIONS]
    for script in scripts:
        for statement in _statements(script):
            connection.execute(statement)
    if scripts:
        connection.execute(f"PRAGMA user_version = {VERSION}")
    return _version(connection)


def _statements(script: str) -> Iterator[str]:
    """The statements of an SQL script one by one, since ``executescript`` would commit the open transaction."""
    statement = ""
    for line in script.splitlines(keepends=True):
        statement += line
        if sqlite3.complete_statement(statement):
            yield statement
            statement = ""
