"""Progress where there is no terminal: a line now and then, with the time left."""

import pytest

from kstore.display import Display
from kstore.types import Answer, Citation, Reply


def test_a_long_piece_of_work_tells_how_long_it_will_take(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    clock = iter([0.0, 10.0, 300.0, 310.0, 600.0])
    monkeypatch.setattr("kstore.display.time.monotonic", lambda: next(clock))
    display = Display()
    for done in (0, 1, 50, 51, 100):
        display.progress("asking", done, 100)
    told = capsys.readouterr()
    assert told.err.splitlines() == ["kstore: asking (100)", "kstore: asking: 50 of 100, 5 min left"]
    assert told.out == ""


def test_what_has_no_measure_is_announced_once(capsys: pytest.CaptureFixture[str]) -> None:
    Display().progress("preparing the encoder", 0, 0)
    assert capsys.readouterr().err == "kstore: preparing the encoder\n"


def test_claims_carry_the_numbers_of_their_citations(capsys: pytest.CaptureFixture[str]) -> None:
    def cited(claim: tuple[int, int]) -> Citation:
        return Citation("a.md", (), 0, 3, 1, 1, "abc", 1.0, 1, claim)

    text = "It burns oil.\nIt is heavy."
    citations = (cited((0, 13)), cited((14, 26)), cited((0, 13)))
    answer = Answer("retrieval", "m", text, citations=citations, timings={"total": 1.0})
    Display().reply(Reply("What?", 1, (answer,)))
    lines = [line.strip("│ ") for line in capsys.readouterr().out.splitlines()]
    assert lines[2:4] == ["It burns oil. [1] [3]", "It is heavy. [2]"]
