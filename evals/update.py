"""How long an edit of the guide takes to reach an answer of the vector store; writes a results file.

    python -m evals.update [--edits 30] [--out evals/results/update.json]

Each edit gives one sentence of the longest chapter another value, in a store of its own; the clock runs from the call
of ``put`` to its receipt, and on to the first search that finds the new value.
"""

import argparse
import json
import statistics
import tempfile
import time
from pathlib import Path

from kstore.assemble import GUIDE, open_kstore
from kstore.settings import load_settings

HERE = Path(__file__).parent
CHAPTER = "knowledge_store.md"
SENTENCE = "The example throughout has six passages"
QUESTION = "How many passages does the example of the controls of retrieval have?"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--edits", type=int, default=30)
    parser.add_argument("--out", type=Path, default=HERE / "results" / "update.json")
    options = parser.parse_args()
    text = (GUIDE / CHAPTER).read_text(encoding="utf-8")
    if SENTENCE not in text:
        raise SystemExit(f"{CHAPTER} no longer says {SENTENCE!r}")
    written, visible, encoded = [], [], []
    with tempfile.TemporaryDirectory() as home, open_kstore(load_settings(home=Path(home))) as store:
        store.search(QUESTION)  # loads what a running service has loaded
        for number in range(options.edits):
            edited = text.replace(SENTENCE, f"The example throughout has {number + 10} passages")
            started = time.perf_counter()
            receipt = store.put(CHAPTER, edited)
            written.append((time.perf_counter() - started) * 1e3)
            hits = store.search(QUESTION, k=3).hits
            visible.append((time.perf_counter() - started) * 1e3)
            encoded.append(receipt.encoded)
            if not any(f"has {number + 10} passages" in hit.text for hit in hits):
                raise SystemExit(f"edit {number}: the first search after it does not show it")
    results = {
        "edits": options.edits,
        "passages_encoded_per_edit": statistics.fmean(encoded),
        "median_ms_to_receipt": round(statistics.median(written), 1),
        "median_ms_to_first_answer": round(statistics.median(visible), 1),
        "worst_ms_to_first_answer": round(max(visible), 1),
    }
    options.out.write_text(json.dumps(results, indent=2) + "\n", encoding="utf-8")
    print(json.dumps(results, indent=2))


if __name__ == "__main__":
    main()
