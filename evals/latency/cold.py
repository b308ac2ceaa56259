"""A cold start: from nothing, in a process of its own, to one answer of an arm of the store in ``home``."""

import json
import subprocess
import sys
import time
from pathlib import Path

from evals.latency.rows import LatencyRow

MODE = "cold"


def cold_start(home: Path, arm: str, question: str, number: int, began: float) -> LatencyRow:
    """One ``kstore ask`` as a user would type it; ``began``: ``time.perf_counter()`` when the mode began."""
    started = time.perf_counter()
    command = [sys.executable, "-m", "kstore", "--home", str(home), "ask", question, "--arm", arm, "--json"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    ended = time.perf_counter()
    answer = json.loads(done.stdout)["answers"][0] if done.returncode == 0 else None
    return LatencyRow(
        arm=arm,
        mode=MODE,
        number=number,
        question=question,
        outcome="errored" if answer is None else "declined" if answer["text"] is None else "scored",
        error=None if answer else f"exit code {done.returncode}",
        due=(started - began) * 1e3,
        started=(started - began) * 1e3,
        ended=(ended - began) * 1e3,
        timings_ms=answer["timings_ms"] if answer else {},
        tokens=answer.get("tokens") if answer else None,
    )
