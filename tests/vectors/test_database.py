"""The store's file: what is not one is refused with a reason, never altered."""

import sqlite3
from pathlib import Path

import pytest

from kstore.errors import StoreError
from kstore.vectors.memory import VectorMemory
from tests.vectors.conftest import Open


def test_a_file_that_is_no_database_is_refused_and_kept(open_hashed: Open, home: Path) -> None:
    home.mkdir()
    file = home / "store.sqlite"
    file.write_bytes(b"these are the only copy of my notes, " * 200)
    before = file.read_bytes()
    with pytest.raises(StoreError, match=r"store\.sqlite"):
        open_hashed()
    assert file.read_bytes() == before


def test_the_format_of_a_later_kstore_is_refused(hashed: VectorMemory, open_hashed: Open, home: Path) -> None:
    with sqlite3.connect(home / "store.sqlite") as connection:
        connection.execute("PRAGMA user_version = 99")
    connection.close()
    with pytest.raises(StoreError, match="format 99"):
        open_hashed()


def test_a_home_that_cannot_be_made_is_an_error_of_the_store(open_hashed: Open, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way", encoding="utf-8")
    with pytest.raises(StoreError, match="cannot make"):
        open_hashed(home=tmp_path / "file" / "home")


def test_a_damaged_database_is_an_error_of_the_store(hashed: VectorMemory, open_hashed: Open, home: Path) -> None:
    hashed.apply({f"{number}": f"the page {number} " * 50 for number in range(100)}, "put")
    hashed.close()
    file = home / "store.sqlite"
    data = bytearray(file.read_bytes())
    data[4096:] = b"\xff" * (len(data) - 4096)
    file.write_bytes(data)
    with pytest.raises(StoreError, match=r"store\.sqlite"):
        open_hashed().search("page", 10)


def test_what_is_settled_stays(hashed: VectorMemory, open_hashed: Open) -> None:
    assert hashed.store.fact("started") is None
    hashed.store.settle("started", "empty")
    hashed.store.settle("started", "guide")
    assert open_hashed().store.fact("started") == "empty"
