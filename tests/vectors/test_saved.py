"""A saved index is used only if it is this store's own and whole; otherwise it is made again, and answers are right."""

import json
import logging
import shutil
import sqlite3
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from kstore.vectors.index import DenseIndex
from kstore.vectors.memory import VectorMemory
from kstore.vectors.saved import Origin, load_index, save_index
from tests.vectors.conftest import Open
from tests.vectors.hash_encoder import DIMENSION, Encoders

ORIGIN = Origin("an encoder", 7, "a token")
DOCUMENTS = {
    f"{number}.md": f"lamp number {number} of the {'north' if number % 2 else 'south'}" for number in range(30)
}

Damage = Callable[[Path], None]


def is_origin(origin: Origin) -> bool:
    return origin == ORIGIN


def some_index(*sizes: int) -> DenseIndex:
    vectors = np.random.default_rng(0).standard_normal((sum(sizes), DIMENSION)).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    index = DenseIndex(DIMENSION)
    for size in sizes:
        first = index.count
        index = index.extended(np.arange(first + 1, first + size + 1) * 3, vectors[first : first + size])
    return index


def assert_same(one: DenseIndex, other: DenseIndex) -> None:
    assert len(one.segments) == len(other.segments)
    for mine, theirs in zip(one.segments, other.segments, strict=True):
        assert mine.ids.tolist() == theirs.ids.tolist()
        assert np.array_equal(mine.vectors(), theirs.vectors())


def segments(folder: Path) -> list[Path]:
    return sorted(folder.glob("*.faiss"), key=lambda file: file.stat().st_size)


@pytest.mark.parametrize("sizes", [(), (1,), (50, 20, 3)], ids=str)
def test_what_is_saved_is_loaded(tmp_path: Path, sizes: tuple[int, ...]) -> None:
    index = some_index(*sizes)
    saved = save_index(index, tmp_path, ORIGIN)
    loaded = load_index(tmp_path, DIMENSION, is_origin)
    assert loaded is not None
    assert_same(loaded, index)
    assert_same(saved, index)
    assert {segment.sha256 for segment in loaded.segments} == {file.stem for file in segments(tmp_path)}


def test_saving_again_writes_what_is_new_and_drops_what_is_not_needed(tmp_path: Path) -> None:
    index = save_index(some_index(50, 20, 3), tmp_path, ORIGIN)
    before = {file.name: file.stat().st_mtime_ns for file in segments(tmp_path)}
    grown = index.extended(np.array([1000]), np.eye(1, DIMENSION, dtype=np.float32))
    save_index(grown, tmp_path, ORIGIN)
    kept = {file.name: file.stat().st_mtime_ns for file in segments(tmp_path)}
    assert len(kept) == 4
    assert before.items() <= kept.items(), "an immutable segment was written twice"
    save_index(grown.compacted(), tmp_path, ORIGIN)
    assert len(segments(tmp_path)) == 1
    assert {file.name for file in tmp_path.iterdir()} == {"manifest.json", segments(tmp_path)[0].name}


@pytest.mark.parametrize("where", [0.0, 0.02, 0.3, 0.6, 0.9, 0.99])
@pytest.mark.parametrize("bit", [0, 7])
def test_a_flipped_bit_of_a_segment_is_noticed(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, where: float, bit: int
) -> None:
    save_index(some_index(50, 20), tmp_path, ORIGIN)
    file = segments(tmp_path)[1]
    flip(file, int(where * file.stat().st_size), bit)
    assert load_index(tmp_path, DIMENSION, is_origin) is None
    assert [record.levelno for record in caplog.records] == [logging.WARNING]
    assert "checksum" in caplog.text
    assert "rebuilding" in caplog.text


def test_a_flipped_bit_anywhere_in_the_manifest_never_gives_another_index(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    index = save_index(some_index(50, 20), tmp_path, ORIGIN)
    manifest = tmp_path / "manifest.json"
    whole = manifest.read_bytes()
    harmless = 0
    for offset in range(len(whole)):
        caplog.clear()
        flip(manifest, offset, bit=offset % 8)
        loaded = load_index(tmp_path, DIMENSION, is_origin)
        if loaded is None:
            assert len(caplog.records) == 1, f"offset {offset}: {manifest.read_bytes()!r}"
        else:  # one kind of white space has become another
            assert_same(loaded, index)
            assert json.loads(manifest.read_bytes()) == json.loads(whole)
            harmless += 1
        manifest.write_bytes(whole)
    assert harmless < len(whole) / 10


def test_an_index_of_another_origin_is_left_aside_without_alarm(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    save_index(some_index(50), tmp_path, ORIGIN)
    assert load_index(tmp_path, DIMENSION, lambda origin: False) is None
    assert load_index(tmp_path / "nowhere", DIMENSION, is_origin) is None
    assert caplog.records == []


# Through the memory: what a user would notice --------------------------------------------------------------------


def flip(file: Path, offset: int, bit: int) -> None:
    data = bytearray(file.read_bytes())
    data[offset] ^= 1 << bit
    file.write_bytes(data)


def cut(file: Path, share: float) -> None:
    data = file.read_bytes()
    file.write_bytes(data[: int(len(data) * share)])


def swap(one: Path, other: Path) -> None:
    first, second = one.read_bytes(), other.read_bytes()
    one.write_bytes(second)
    other.write_bytes(first)


def write(file: Path, content: object) -> None:
    file.write_text(json.dumps(content), encoding="utf-8")


def leave_a_segment_out(folder: Path) -> None:
    manifest = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
    manifest["segments"].pop(0)
    write(folder / "manifest.json", manifest)


DAMAGES: dict[str, Damage] = {
    "segment flipped": lambda folder: flip(segments(folder)[-1], 500, 4),
    "small segment flipped": lambda folder: flip(segments(folder)[0], 120, 1),
    "segment cut": lambda folder: cut(segments(folder)[-1], 0.7),
    "segment emptied": lambda folder: cut(segments(folder)[0], 0),
    "segment missing": lambda folder: segments(folder)[-1].unlink(),
    "segments swapped": lambda folder: swap(*segments(folder)[:2]),
    "manifest flipped": lambda folder: flip(folder / "manifest.json", 40, 2),
    "manifest cut": lambda folder: cut(folder / "manifest.json", 0.5),
    "manifest emptied": lambda folder: cut(folder / "manifest.json", 0),
    "manifest of another shape": lambda folder: write(folder / "manifest.json", [1, 2]),
    "manifest names fewer segments": leave_a_segment_out,
}


def fill(memory: VectorMemory) -> None:
    """Three segments: a large one, a smaller one, a single passage."""
    names = list(DOCUMENTS)
    for some in (names[:20], names[20:29], names[29:]):
        memory.apply({name: DOCUMENTS[name] for name in some}, "put")
        memory.snapshot()


def assert_answers_are_right(memory: VectorMemory) -> None:
    for name, text in DOCUMENTS.items():
        best = memory.search(text, 1, "dense").hits[0]
        assert (best.document, best.text) == (name, text)
        assert best.similarity == pytest.approx(1, abs=1e-6)


def test_a_whole_saved_index_is_what_answers(open_hashed: Open, home: Path, caplog: pytest.LogCaptureFixture) -> None:
    """With the vectors gone from the store, they can only come from the saved index."""
    memory = open_hashed()
    fill(memory)
    memory.close()
    assert len(segments(home / "index")) == 3
    with sqlite3.connect(home / "store.sqlite") as connection:
        connection.execute("DELETE FROM vectors")
    connection.close()
    assert_answers_are_right(open_hashed())
    assert caplog.records == []


@pytest.mark.parametrize("kind", DAMAGES)
def test_a_damaged_index_is_noticed_and_made_again(
    open_hashed: Open, home: Path, caplog: pytest.LogCaptureFixture, kind: str
) -> None:
    memory = open_hashed()
    fill(memory)
    memory.close()
    DAMAGES[kind](home / "index")

    damaged = open_hashed()
    assert_answers_are_right(damaged)
    assert [record.name for record in caplog.records] == ["kstore"]
    assert "rebuilding it from the store" in caplog.text
    assert "\n" not in caplog.records[0].getMessage()
    assert_answers_are_right(damaged)
    assert len(caplog.records) == 1, "it is said once"

    damaged.close()
    caplog.clear()
    assert_answers_are_right(open_hashed())
    assert caplog.records == [], "the rebuilt index was saved in the place of the damaged one"


def test_where_the_index_cannot_be_saved_nothing_is_lost(
    open_hashed: Open, home: Path, caplog: pytest.LogCaptureFixture
) -> None:
    home.mkdir()
    (home / "index").write_text("not a folder", encoding="utf-8")
    memory = open_hashed()
    fill(memory)
    memory.close()
    assert "could not be saved" in caplog.text
    assert_answers_are_right(open_hashed())


def test_without_a_manifest_the_index_is_made_again(
    open_hashed: Open, home: Path, caplog: pytest.LogCaptureFixture
) -> None:
    memory = open_hashed()
    fill(memory)
    memory.close()
    (home / "index" / "manifest.json").unlink()
    assert_answers_are_right(open_hashed())
    shutil.rmtree(home / "index")
    assert_answers_are_right(open_hashed())
    assert caplog.records == []


def test_an_index_behind_the_store_is_brought_up_to_date(open_hashed: Open, home: Path) -> None:
    memory = open_hashed()
    memory.apply({"0.md": DOCUMENTS["0.md"], "gone.md": "a page that goes", "1.md": "an older text"}, "put")
    memory.search("lamp", 1)
    memory.close()
    shutil.copytree(home / "index", home / "older")
    memory = open_hashed()
    memory.apply(DOCUMENTS, "put", deletes=["gone.md"])
    memory.close()
    shutil.rmtree(home / "index", ignore_errors=True)
    (home / "older").rename(home / "index")
    later = open_hashed()
    assert_answers_are_right(later)
    assert {hit.document for hit in later.search("a page that goes", 100).hits} == DOCUMENTS.keys()


def test_the_index_of_another_store_is_not_used(open_hashed: Open, tmp_path: Path) -> None:
    """The other store has the same documents, so the same corpus digest, yet they came in another order."""
    other = open_hashed(home=tmp_path / "other")
    other.apply(dict(reversed(DOCUMENTS.items())), "put")
    other.search("lamp", 1)
    other.close()
    mine = open_hashed(home=tmp_path / "mine")
    mine.apply(DOCUMENTS, "put")
    mine.close()
    shutil.rmtree(tmp_path / "mine" / "index", ignore_errors=True)
    shutil.copytree(tmp_path / "other" / "index", tmp_path / "mine" / "index")
    assert_answers_are_right(open_hashed(home=tmp_path / "mine"))


def test_the_index_of_another_encoder_is_not_used(open_hashed: Open, home: Path) -> None:
    memory = open_hashed()
    fill(memory)
    memory.close()
    shutil.copytree(home / "index", home / "older")
    adopting = open_hashed(encoders=Encoders(), wanted="second")
    adopting.adopt()
    adopting.close()
    shutil.rmtree(home / "index", ignore_errors=True)
    (home / "older").rename(home / "index")
    assert_answers_are_right(open_hashed())


@pytest.mark.parametrize("order", [DOCUMENTS, dict(reversed(DOCUMENTS.items()))], ids=["shorter", "another way"])
def test_a_restored_database_does_not_use_the_index_of_what_it_has_not_seen(
    open_hashed: Open, home: Path, order: dict[str, str]
) -> None:
    """After the backup the documents came in one order; after it was restored they come in another.

    Digest and number of the latest revision are the same then, yet the text ids are not.
    """
    memory = open_hashed()
    memory.apply({"first.md": "the first page"}, "put")
    memory.close()
    shutil.copy(home / "store.sqlite", home / "backup.sqlite")
    memory = open_hashed()
    for name, text in DOCUMENTS.items():
        memory.apply({name: text}, "put")
    memory.search("lamp", 1)
    memory.close()

    shutil.copy(home / "backup.sqlite", home / "store.sqlite")
    shutil.copytree(home / "index", home / "of the lost time")
    memory = open_hashed()
    assert [hit.document for hit in memory.search("lamp number 3", 10).hits] == ["first.md"]
    for name, text in order.items():
        memory.apply({name: text}, "put")
    memory.close()
    shutil.rmtree(home / "index")
    (home / "of the lost time").rename(home / "index")
    assert_answers_are_right(open_hashed())
