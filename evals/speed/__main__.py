"""Measure what the explicit memory takes beside the work itself, each pair turn by turn in one run.

    python -m evals.speed [--sizes 1000 100000] [--out evals/results/speed.json]

Ratios hold on a busy machine too, milliseconds are of this one. Wants ``pip install 'kstore[bench]'``.
"""

import argparse
import json
import os
import platform
import tempfile
from pathlib import Path
from typing import Any

from evals.casefiles import load
from evals.cases import Question
from evals.speed.answers import answering, concurrent, encoding, plumbing
from evals.speed.corpus import fill
from evals.speed.sizes import at_size
from kstore.assemble import open_kstore
from kstore.settings import Settings, load_settings

_HERE = Path(__file__).parent.parent
_QUESTIONS = _HERE / "questions" / "dev.jsonl"


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--sizes", type=int, nargs="*", default=[1_000, 100_000], help="passages")
    parser.add_argument("--out", type=Path, default=_HERE / "results" / "speed.json")
    given = parser.parse_args()
    asked = [text for case in load(Question, [_QUESTIONS]) for text in case.phrasings]
    results: dict[str, Any] = {
        "machine": f"{os.cpu_count()} processors, {platform.machine()}, Python {platform.python_version()}",
    }

    def told(name: str, figures: dict[str, Any]) -> None:
        results[name] = figures
        print(json.dumps({name: figures}, indent=1), flush=True)

    settings = load_settings()
    with tempfile.TemporaryDirectory() as folder:
        with open_kstore(Settings(home=Path(folder) / "guide", cache=settings.cache)) as store:
            store.ready()
            told("encoding", encoding(store))
            told("plumbing", plumbing(store, asked))
            told("answering", answering(store, asked))
            told("concurrent", concurrent(store, asked))
        for size in given.sizes:
            home = Path(folder) / str(size)
            told(f"{size} passages", at_size(fill(home, size, settings), home))
    given.out.write_text(json.dumps(results, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
