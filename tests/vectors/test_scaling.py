"""What an edit takes from the database does not grow with the store: counted in SQLite's own steps, not in time."""

import sqlite3
from collections.abc import Callable
from functools import partial

import pytest

from kstore.vectors.database import Database
from kstore.vectors.memory import VectorMemory

_EVERY = 50  # steps of SQLite's machine between two counts
_PAGES = (4, 80)


class Steps:
    """Counts the steps of every statement, in all connections that are made from now on."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.count = 0
        connect = Database._connect

        def counted(database: Database) -> sqlite3.Connection:
            connection = connect(database)
            connection.set_progress_handler(self._more, _EVERY)
            return connection

        monkeypatch.setattr(Database, "_connect", counted)

    def _more(self) -> int:
        self.count += 1
        return 0

    def of(self, work: Callable[[], object]) -> int:
        before = self.count
        work()
        return self.count - before


def page(number: int, changed: str = "") -> str:
    sections = [f"## Part {part}\n\nThe text of part {part} on page {number}.\n" for part in range(50)]
    return f"# Page {number}\n\n{changed}\n\n" + "\n".join(sections)


def test_an_edit_reads_as_much_of_a_large_store_as_of_a_small_one(
    hashed: VectorMemory, monkeypatch: pytest.MonkeyPatch
) -> None:
    hashed.close()
    steps = Steps(monkeypatch)
    taken = []

    def edit(turn: int) -> None:
        hashed.apply({"page0": page(0, f"Edited {turn} times.")}, "edited")

    for pages in _PAGES:
        hashed.apply({f"page{number}": page(number) for number in range(pages)}, "filled")
        taken.append(min(steps.of(partial(edit, turn)) for turn in range(5)))
    small, large = taken
    assert small > 10  # it counts something
    assert large < 1.5 * small
