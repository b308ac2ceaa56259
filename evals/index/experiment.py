"""``kstore eval index``: kinds and sizes in, the files of a run out."""

import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from evals import manifest as manifests
from evals.files import Journal, read_lines
from evals.index.measure import IndexRow, measured
from evals.index.vectors import Drawn
from evals.outputs import write_outputs
from evals.summary import Summary
from kstore.assemble import GUIDE
from kstore.encoding.prepare import load_encoder
from kstore.settings import PACKAGED_ENCODER, load_settings
from kstore.text.markdown import SPLITTER
from kstore.text.sources import read_source
from kstore.types import Progress, corpus_digest, no_progress
from kstore.vectors.kinds import Kind

INDEX = "index"
ROWS = "rows.jsonl"
_ENOUGH = 0.95  # recall@10 of the row that stands for a kind in the table


def conduct(
    kinds: Sequence[str],
    sizes: Sequence[int],
    queries: int,
    corpus: str | None,
    out: Path,
    seed: int,
    resume: bool,
    command: str,
    progress: Progress = no_progress,
) -> Summary:
    """Build and search an index of each kind at each size, or the rest of them, and write the files to ``out``; return
    the summary. InputError for a kind that there is not, before anything is built."""
    read = [Kind.read(kind) for kind in kinds]
    settings = load_settings()
    documents = read_source(corpus or str(GUIDE), settings.max_document_bytes).documents
    encoder = load_encoder(PACKAGED_ENCODER, settings.cache, settings.threads)
    status = {
        "digest": corpus_digest(documents),
        "documents": len(documents),
        "passages": None,
        "encoder": {"name": encoder.name, "fingerprint": encoder.fingerprint},
        "splitter": SPLITTER,
    }
    parts = {"kind": INDEX, "modes": {"kinds": [str(kind) for kind in read], "sizes": list(sizes), "queries": queries}}
    manifest = manifests.begin(out, manifests.describe(parts, settings, status, seed, command), resume)
    drawn = Drawn.of(encoder, dict(documents))
    asked = drawn.draw(queries, seed + 1)
    began = time.perf_counter()
    with Journal(out / ROWS, IndexRow) as journal:
        done = {(row.kind, row.vectors) for row in journal.lines()}
        work = [(size, kind) for size in sorted(sizes) for kind in read]
        for number, (size, kind) in enumerate(work):
            progress(f"{kind.name} of {size:,} vectors", number, len(work))
            if (kind.name, size) not in done:
                journal.add(list(measured(kind, drawn.draw(size, seed), asked)))
        progress(f"measured in {time.perf_counter() - began:.0f} s", len(work), len(work))
    return report_index(out, manifest)


def report_index(out: Path, manifest: manifests.Manifest | None = None) -> Summary:
    """Make summary and report again from the rows; nothing is built."""
    manifest = manifest or manifests.read(out)
    summary: Summary = {"arms": {}, INDEX: summarise(read_lines(out / ROWS, IndexRow))}
    write_outputs(out, manifest, summary, {})
    return summary


def summarise(rows: Sequence[IndexRow]) -> dict[str, Any]:
    """``{"table": [...], "curves": {size: {kind: [[ms, recall], ...]}}}``.

    The table has a line for each kind and size, at the least effort that finds 95 % of the true neighbours or, where
    none does, at the effort that finds most.
    """
    of_each: dict[tuple[int, str], list[IndexRow]] = {}
    for row in rows:
        of_each.setdefault((row.vectors, row.kind), []).append(row)
    curves: dict[str, dict[str, list[list[float]]]] = {}
    for (size, kind), found in of_each.items():
        curves.setdefault(str(size), {})[kind] = [[row.ms_p50, row.recall_at_10] for row in found]
    return {"table": [_shown(found) for found in of_each.values()], "curves": curves}


def _shown(rows: Sequence[IndexRow]) -> Mapping[str, Any]:
    enough = [row for row in rows if row.recall_at_10 >= _ENOUGH]
    row = enough[0] if enough else max(rows, key=lambda it: it.recall_at_10)
    return {
        "kind": row.kind,
        "vectors": row.vectors,
        "effort": row.effort,
        "search_ms_p50": round(row.ms_p50, 3),
        "search_ms_p95": round(row.ms_p95, 3),
        "recall_at_10": round(row.recall_at_10, 4),
        "megabytes": round(row.bytes / 1e6, 1),
        "build_s": round(row.build_s, 2),
    }
