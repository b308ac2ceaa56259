"""How the memory does as it grows: edits, searches beside bare FAISS, and what lies in the main memory."""

import json
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import faiss
import numpy as np

from evals.speed.clock import in_turn, medians, percentile, ratio
from evals.speed.corpus import opened
from kstore.vectors.memory import VectorMemory

_EDITS = 41
_SEARCHES = 51


def at_size(memory: VectorMemory, home: Path) -> dict[str, Any]:
    """Edits and searches of a memory, which is closed afterwards and opened by a new process."""
    memory.snapshot()
    found = {"edit": _edits(memory), "search": _searches(memory)}
    memory.close()
    return {**found, "resident": _resident(home)}


def _edits(memory: VectorMemory) -> dict[str, Any]:
    """The time from handing over a document with one section changed to having found what it says now."""
    text = memory.store.document("page0.md", memory.store.head().revision).text
    times = []
    for number in range(_EDITS):
        changed = text.replace("# Page 0\n", f"# Page 0\n\nThe harbour bell was rung {number} times at noon.\n", 1)
        began = time.perf_counter()
        memory.apply({"page0.md": changed}, "edited")
        hits = memory.search("How often was the harbour bell rung at noon?", 1).hits
        times.append((time.perf_counter() - began) * 1e3)
        if f"rung {number} times" not in hits[0].text:
            raise AssertionError(f"edit {number} was not found")
    return {"median_ms": percentile(times[1:], 0.5), "p95_ms": percentile(times[1:], 0.95)}


def _searches(memory: VectorMemory) -> dict[str, Any]:
    """A dense search of the memory, encoding included, beside one of a bare flat FAISS index of the same vectors."""
    snapshot = memory.snapshot()
    encoder = snapshot.encoder
    ids, vectors = memory.store.vectors(encoder.fingerprint, 0, memory.store.head().last_text, encoder.dimension)
    standing = np.isin(ids, memory.store.alive(snapshot.revision))
    bare = faiss.IndexFlatIP(encoder.dimension)
    bare.add(np.ascontiguousarray(vectors[standing]))

    def raw(question: str) -> object:
        faiss.omp_set_num_threads(1)
        return bare.search(encoder.encode_questions([question]), 10)

    questions = [f"How often was the harbour bell number {number} rung?" for number in range(_SEARCHES)]
    times = in_turn({"search": lambda question: memory.search(question, 10, "dense"), "faiss": raw}, questions)
    return {"median_ms": medians(times), "search_over_faiss": ratio(times, "search", "faiss")}


def _resident(home: Path) -> dict[str, Any]:
    """What a new process holds in memory once it has searched, beside the index's own bytes."""
    script = (
        "import json, sys; from pathlib import Path; from evals.speed.sizes import resident;"
        "print(json.dumps(resident(Path(sys.argv[1]), sys.argv[2] == 'loaded')))"
    )
    told = {
        what: json.loads(
            subprocess.run(
                [sys.executable, "-c", script, str(home), what], check=True, capture_output=True, text=True
            ).stdout
        )
        for what in ("models", "loaded")
    }
    index = told["loaded"]["index_bytes"]
    return {
        **told["loaded"],
        "models_bytes": told["models"]["resident_bytes"],
        "over_index": round((told["loaded"]["resident_bytes"] - told["models"]["resident_bytes"]) / index, 3),
    }


def resident(home: Path, search: bool) -> dict[str, int]:
    """The bytes that this process holds with its models loaded and, if it is to ``search``, with the index."""
    from kstore.settings import load_settings

    memory = opened(home, load_settings())
    memory.encoder().encode_questions(["a question"])
    if not search:
        return {"resident_bytes": _bytes()}
    memory.search("How often was the harbour bell rung?", 10, "dense")
    count, dimension = memory.snapshot().index.count, memory.snapshot().index.dimension
    return {"resident_bytes": _bytes(), "index_bytes": count * dimension * 4}


def _bytes() -> int:
    """The resident set of this process (Linux)."""
    fields = dict(line.split(":", 1) for line in Path("/proc/self/status").read_text(encoding="utf-8").splitlines())
    return int(fields["VmRSS"].split()[0]) * 1024
