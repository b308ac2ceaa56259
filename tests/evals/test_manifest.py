"""The identity of a run: all that its rows come from, and nothing else."""

import pytest

from evals.manifest import identity

WHOLE = {
    "kind": "latency", "corpus": {"digest": "a"}, "questions": [{"sha256": "b"}], "arms": {"retrieval": {}},
    "weights": {"sha256": "c"}, "index": {"splitter": "d"}, "code": "e", "settings": {"threads": 2}, "seed": 0,
    "modes": ["single"], "taught": 30, "load": {"clients": (1, 2)}, "prices": None, "history": "f",
}  # fmt: skip


@pytest.mark.parametrize("part", WHOLE)
def test_all_that_a_run_was_told_to_do_is_its_identity(part: str) -> None:
    assert identity({**WHOLE, part: "another"}) != identity(WHOLE)


def test_what_only_describes_a_run_is_not() -> None:
    assert identity({**WHOLE, "created": "today", "command": "eval run", "machine": {}}) == identity(WHOLE)


def test_a_manifest_that_was_written_and_read_again_is_the_same() -> None:
    assert identity({**WHOLE, "load": {"clients": [1, 2]}}) == identity(WHOLE)
