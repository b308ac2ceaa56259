"""The index on disk: a disposable copy, trusted only if every byte is what the manifest says.

FAISS loads files with flipped bits without complaint and then returns wrong neighbours, so each segment's sha256 is
kept outside and checked against the very bytes that are loaded. Anything wrong means: rebuild from SQLite.
"""

import hashlib
import json
import logging
import os
import tempfile
from collections.abc import Callable
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path
from typing import Any

from kstore.errors import first_line
from kstore.vectors.index import METRIC, DenseIndex, Segment
from kstore.vectors.kinds import Kind

_FORMAT = 2
_MANIFEST = "manifest.json"

log = logging.getLogger("kstore")


@dataclass(frozen=True, slots=True)
class Origin:
    """What a saved index was derived from. A store whose past does not hold this revision must not use the index.

    The corpus digest would not do: documents that came in another order make the same corpus of other text ids.
    """

    encoder: str
    revision: int
    token: str


def save_index(index: DenseIndex, folder: Path, origin: Origin) -> DenseIndex:
    """Write the segments that are not there yet, then a manifest that names them all, then drop the others.

    Segments are named by their sha256 and never rewritten; the manifest is replaced by a rename. Killed at any
    instant, the folder holds the old index or the new one. Returns the index with its checksums filled in.
    """
    folder.mkdir(parents=True, exist_ok=True)
    segments = tuple(_save_segment(segment, folder) for segment in index.segments)
    manifest = {
        "format": _FORMAT,
        **asdict(origin),
        "dimension": index.dimension,
        "metric": METRIC,
        "count": index.count,
        "last_id": index.last_id,
        "segments": [
            {
                "file": f"{it.sha256}.faiss",
                "sha256": it.sha256,
                "count": int(it.ids.size),
                "kind": str(it.kind),
                "recall": it.recall,
            }
            for it in segments
        ],
    }
    _write(folder / _MANIFEST, json.dumps(manifest | {"sha256": _digest(manifest)}, indent=2).encode())
    for file in folder.glob("*.faiss"):
        if file.stem not in {segment.sha256 for segment in segments}:
            file.unlink(missing_ok=True)
    return DenseIndex(index.dimension, segments)


def load_index(folder: Path, dimension: int, belongs: Callable[[Origin], bool]) -> DenseIndex | None:
    """The saved index, verified; None where there is none that ``belongs``, or (with a log line) it is damaged."""
    if not (folder / _MANIFEST).is_file():
        return None
    try:
        manifest = _read_manifest(folder)
        if manifest["format"] == _FORMAT and belongs(Origin(*(manifest[part.name] for part in fields(Origin)))):
            return _verified(manifest, folder, dimension)
    except FileNotFoundError as error:
        log.warning("saved index: %s is missing; rebuilding it from the store", Path(str(error.filename)).name)
    except (OSError, ValueError, RuntimeError) as error:
        reason = first_line(error)
        log.warning("saved index: %s; rebuilding it from the store", reason)
    return None


def described(folder: Path) -> list[dict[str, Any]]:
    """The segments of the saved index as its manifest tells them, unverified; none where there is no whole one."""
    try:
        manifest = _read_manifest(folder)
    except (OSError, ValueError):
        return []
    if manifest.get("format") != _FORMAT:
        return []
    return [{"kind": it["kind"], "vectors": it["count"], "recall": it["recall"]} for it in manifest["segments"]]


def _save_segment(segment: Segment, folder: Path) -> Segment:
    if segment.sha256 is not None and (folder / f"{segment.sha256}.faiss").is_file():
        return segment
    data = segment.serialised()
    digest = hashlib.sha256(data).hexdigest()
    _write(folder / f"{digest}.faiss", data)
    return replace(segment, sha256=digest)


def _digest(manifest: dict[str, Any]) -> str:
    return hashlib.sha256(json.dumps(manifest, sort_keys=True).encode()).hexdigest()


def _read_manifest(folder: Path) -> dict[str, Any]:
    manifest: Any = json.loads((folder / _MANIFEST).read_bytes())
    if not isinstance(manifest, dict) or manifest.pop("sha256", None) != _digest(manifest):
        raise ValueError(f"{_MANIFEST} does not match its checksum")
    return manifest


def _verified(manifest: dict[str, Any], folder: Path, dimension: int) -> DenseIndex:
    segments = []
    for entry in manifest["segments"]:
        data = (folder / entry["file"]).read_bytes()
        if hashlib.sha256(data).hexdigest() != entry["sha256"]:
            raise ValueError(f"{entry['file']} does not match its checksum")
        segment = Segment.read(data, Kind.read(entry["kind"]), float(entry["recall"]), entry["sha256"])
        if (segment.ids.size, segment.faiss.d) != (entry["count"], dimension):
            raise ValueError(f"{entry['file']} does not hold what the manifest says")
        segments.append(segment)
    index = DenseIndex(dimension, tuple(segments))
    if (index.last_id, manifest["dimension"], manifest["metric"]) != (manifest["last_id"], dimension, METRIC):
        raise ValueError("the manifest does not match its segments")
    return index


def _write(path: Path, data: bytes) -> None:
    """Write whole or not at all: a temporary file, fsync, rename, fsync of the folder."""
    handle, temporary = tempfile.mkstemp(prefix=".writing-", dir=path.parent)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        Path(temporary).replace(path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
