"""A process killed at any instant loses nothing it acknowledged and leaves nothing half done."""

import random
import signal
import subprocess
from pathlib import Path

import pytest

from tests.vectors.checks import cached_split, check_evidence, check_file
from tests.vectors.conftest import Open
from tests.vectors.edits import random_changes
from tests.vectors.other_process import OtherProcess

KILLS = 12
CHANGES = 200


@pytest.mark.parametrize("seed", range(KILLS))
def test_killed_at_a_random_instant(seed: int, home: Path, open_hashed: Open) -> None:
    chance = random.Random(seed)
    _, states = random_changes(seed, CHANGES)
    other = OtherProcess(home)
    other.start("change_at_random", seed, CHANGES)
    acknowledged = [other.acknowledged() for _ in range(chance.randrange(CHANGES - 50))]
    try:
        # Not to wait for anything, but to spread the kills over all that happens within one change.
        other.process.wait(timeout=chance.uniform(0, 0.03))
    except subprocess.TimeoutExpired:
        other.process.kill()
    with other:  # lets go of the pipes at the end
        while (revision := other.acknowledged()) is not None:
            acknowledged.append(revision)
        assert other.process.wait() == -signal.SIGKILL, "it was finished before it was killed"

    assert acknowledged == list(range(1, len(acknowledged) + 1))
    reopened = open_hashed()
    latest = reopened.store.head().revision
    # The last change may have been committed without there having been time to say so.
    assert latest in {len(acknowledged), len(acknowledged) + 1}
    check_file(home / "store.sqlite", states[: latest + 1])

    for revision in {0, latest // 2, latest}:
        evidence = reopened.search("lamp oil gull", 1000, "dense", revision)
        check_evidence(evidence, states)
        assert {(hit.document, hit.start) for hit in evidence.hits} == {
            (name, passage.start) for name, text in states[revision].items() for passage in cached_split(text)
        }
    assert reopened.apply({"after.md": "written after the crash"}, "put").revision == latest + 1
