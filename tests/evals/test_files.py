"""Files of a run: whole or not at all, and a journal that a kill cannot spoil."""

import gzip
from pathlib import Path

import pytest

from evals.files import Journal, read_lines, write_whole
from evals.rows import Row
from kstore.errors import InputError


def row(case: str) -> Row:
    return Row(arm="a", case=case, phrasing=0, question="Why?\u2028Because", outcome="scored", answer="so")


def test_a_journal_keeps_what_was_added_by_one_process_after_another(tmp_path: Path) -> None:
    for case in ("one", "two"):
        with Journal(tmp_path / "rows.jsonl", Row) as journal:
            journal.add([row(case)])
    assert read_lines(tmp_path / "rows.jsonl", Row) == [row("one"), row("two")]


def test_what_is_added_is_there_for_others_at_once(tmp_path: Path) -> None:
    with Journal(tmp_path / "rows.jsonl", Row) as journal:
        journal.add([row("one")])
        assert read_lines(tmp_path / "rows.jsonl", Row) == [row("one")]


@pytest.mark.parametrize("lost", range(1, len(row("two").model_dump_json()) + 1, 40))
def test_a_line_that_a_kill_cut_in_half_is_dropped_and_the_rest_goes_on(tmp_path: Path, lost: int) -> None:
    file = tmp_path / "rows.jsonl"
    with Journal(file, Row) as journal:
        journal.add([row("one"), row("two")])
    file.write_bytes(file.read_bytes()[:-lost])
    with Journal(file, Row) as journal:
        assert journal.lines() == [row("one")]
        journal.add([row("three")])
    assert read_lines(file, Row) == [row("one"), row("three")]


def test_unwanted_lines_can_be_dropped_and_the_journal_goes_on(tmp_path: Path) -> None:
    with Journal(tmp_path / "rows.jsonl", Row) as journal:
        journal.add([row("one"), row("two")])
        journal.keep(lambda line: line.case == "one")
        journal.add([row("three")])
        assert journal.lines() == [row("one"), row("three")]


def test_a_line_that_is_no_row_is_told_with_its_number(tmp_path: Path) -> None:
    file = tmp_path / "rows.jsonl"
    file.write_text(row("one").model_dump_json() + '\n{"arm": "a"}\n', encoding="utf-8")
    with pytest.raises(InputError, match=r"rows\.jsonl:2: Field required"):
        read_lines(file, Row)


@pytest.mark.parametrize("score", [float("nan"), float("inf")])
def test_no_row_holds_what_is_no_number(score: float) -> None:
    with pytest.raises(ValueError, match="finite number"):
        Row(arm="a", case="c", phrasing=0, question="q", outcome="scored", answer="x", scores={"f1": score})
    with pytest.raises(ValueError, match="finite number"):
        row("c").with_scores({"f1": score})


def test_a_row_fits_its_outcome() -> None:
    with pytest.raises(ValueError, match="outcome 'declined' with answer 'x'"):
        Row(arm="a", case="c", phrasing=0, question="q", outcome="declined", answer="x")
    with pytest.raises(ValueError, match="outcome 'errored' with error None"):
        Row(arm="a", case="c", phrasing=0, question="q", outcome="errored")


def test_a_file_is_replaced_whole(tmp_path: Path) -> None:
    write_whole(tmp_path / "a.json", "old")
    write_whole(tmp_path / "a.json", "new")
    assert [file.name for file in tmp_path.iterdir()] == ["a.json"]
    assert (tmp_path / "a.json").read_text(encoding="utf-8") == "new"


def test_a_packed_journal_is_read_and_not_added_to(tmp_path: Path) -> None:
    file, packed = tmp_path / "rows.jsonl", tmp_path / "rows.jsonl.gz"
    with Journal(file, Row) as journal:
        journal.add([row("one"), row("two")])
    packed.write_bytes(gzip.compress(file.read_bytes()))
    file.unlink()
    assert read_lines(file, Row) == [row("one"), row("two")]
    with pytest.raises(InputError, match="packed"), Journal(file, Row):
        pass
    for damaged in (b"no archive", packed.read_bytes()[:-9]):
        packed.write_bytes(damaged)
        with pytest.raises(InputError, match="cannot read"):
            read_lines(file, Row)
