"""What a run was made of: every input by its hash, so that two runs can be told apart and one can be taken up again."""

import datetime
import hashlib
import json
import os
import platform
from collections.abc import Mapping, Sequence
from importlib import metadata
from pathlib import Path
from typing import Any

from evals.cases import Asking
from evals.files import write_whole
from kstore import __version__
from kstore.assemble import weights_folder
from kstore.errors import InputError
from kstore.settings import SHIPPED_GENERATOR, Settings
from kstore.types import corpus_digest

MANIFEST = "manifest.json"
RUN = "run"  # the kind of a run of questions

_HOUSE = Path(__file__).resolve().parent.parent
_CODE = ("kstore", "evals")
_PACKAGES = ("numpy", "faiss-cpu", "openvino", "torch", "transformers", "tokenizers", "ir-measures", "scipy")
# What makes two runs the same: equal parts give equal rows, timings aside. The rest of a manifest only describes.
_IDENTIFYING = ("kind", "corpus", "questions", "arms", "weights", "index", "code", "settings", "seed")
_OF_ITS_KIND = ("modes", "taught", "load", "prices", "history")  # of edits, of load, of a replay: where there is such

Manifest = dict[str, Any]


def describe(
    parts: Mapping[str, Any],
    settings: Settings,
    status: Mapping[str, Any],
    seed: int,
    command: str,
) -> Manifest:
    """The manifest of a run over the store of ``status``; ``parts`` are what the kind of run adds: ``questions``,
    ``arms`` and the like."""
    manifest: Manifest = {
        **parts,
        "corpus": {"digest": status["digest"], "documents": status["documents"], "passages": status["passages"]},
        "weights": _weights(settings),
        "index": {"encoder": status["encoder"], "splitter": status["splitter"]},
        "code": code_digest(),
        "settings": {"threads": settings.threads, "max_document_bytes": settings.max_document_bytes},
        "seed": seed,
    }
    return {
        "identity": identity(manifest),
        **manifest,
        "created": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        "command": command,
        "kstore": __version__,
        "machine": {
            "cores": os.cpu_count(),
            "processor": _processor(),
            "system": f"{platform.system()} {platform.machine()}",
            "python": platform.python_version(),
        },
        "packages": {name: metadata.version(name) for name in _PACKAGES},
    }


def identity(manifest: Mapping[str, Any]) -> str:
    """Hex sha256 over all that determines the rows of a run."""
    return hashlib.sha256(json.dumps(_identifying(manifest), sort_keys=True).encode()).hexdigest()


def holds_run(folder: Path) -> bool:
    """Whether a run was begun there."""
    return (folder / MANIFEST).exists()


def check_free(folder: Path, resume: bool) -> None:
    """InputError where the folder holds a run and none is to be resumed."""
    if holds_run(folder) and not resume:
        raise InputError(f"{folder} holds a run already: --resume takes it up, another --out starts a new one")


def begin(folder: Path, manifest: Manifest, resume: bool) -> Manifest:
    """Write the manifest of a new run to ``folder``; with ``resume``, take up the run that is there.

    InputError where the folder holds a run and none is to be resumed, or holds another one.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(f"cannot write a run to {folder}: {error.strerror}") from error
    check_free(folder, resume)
    if not holds_run(folder):
        write_whole(folder / MANIFEST, json.dumps(manifest, indent=2, ensure_ascii=False) + "\n")
        return manifest
    present = read(folder)
    if present["identity"] != manifest["identity"]:
        there, here = _identifying(present), _identifying(manifest)
        other = [name for name in there | here if there.get(name) != here.get(name)]
        raise InputError(f"{folder} holds a run of other inputs ({', '.join(other)}); it cannot be taken up")
    return present


def read(folder: Path) -> Manifest:
    """The manifest of the run in ``folder``; InputError where there is none, or one that is not a manifest."""
    try:
        manifest = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise InputError(f"{folder} holds no run: there is no {MANIFEST}") from error
    except (OSError, ValueError) as error:
        raise InputError(f"{folder / MANIFEST} cannot be read: {error}") from error
    if not isinstance(manifest, dict) or "identity" not in manifest:
        raise InputError(f"{folder / MANIFEST} is not the manifest of a run")
    return manifest


def planned(manifest: Manifest) -> int:
    """How many rows a run of questions has once it is finished: files to learn from, which come last, have none."""
    asked = len(manifest["inputs"]["questions"]) + len(manifest["inputs"]["unanswerable"])
    return sum(int(file["phrasings"]) for file in manifest["questions"][:asked]) * len(manifest["arms"])


def check_corpus(manifest: Manifest, documents: Mapping[str, str]) -> None:
    """InputError where the documents are not those that the run was made with."""
    if manifest["corpus"]["digest"] != corpus_digest(documents):
        raise InputError("the corpus is no longer that of the run")


def describe_files(files: Sequence[Path], cases: Sequence[Sequence[Asking]]) -> list[dict[str, Any]]:
    """``{"file", "sha256", "cases", "phrasings"}`` of each case file; ``cases`` are those of each."""
    return [
        {
            "file": file.name,
            "sha256": hashlib.sha256(file.read_bytes()).hexdigest(),
            "cases": len(read),
            "phrasings": sum(len(case.phrasings) for case in read),
        }
        for file, read in zip(files, cases, strict=True)
    ]


def code_digest() -> str:
    """Hex sha256 over the source of the library and of the harness."""
    digest = hashlib.sha256()
    for file in sorted(file for part in _CODE for file in (_HOUSE / part).rglob("*.py")):
        digest.update(f"{file.relative_to(_HOUSE).as_posix()}\0".encode() + file.read_bytes() + b"\0")
    return digest.hexdigest()


def folder_digest(folder: Path) -> str:
    """Hex sha256 over the files of a folder and their names."""
    digest = hashlib.sha256()
    for file in sorted(file for file in folder.rglob("*") if file.is_file()):
        digest.update(
            f"{file.relative_to(folder).as_posix()}\0{hashlib.sha256(file.read_bytes()).hexdigest()}".encode()
        )
    return digest.hexdigest()


def _identifying(manifest: Mapping[str, Any]) -> dict[str, Any]:
    """What makes the run what it is, as it is once written and read again."""
    parts = {name: manifest.get(name) for name in _IDENTIFYING}
    parts |= {name: manifest[name] for name in _OF_ITS_KIND if name in manifest}
    return json.loads(json.dumps(parts))  # type: ignore[no-any-return]


def _weights(settings: Settings) -> dict[str, Any]:
    """Which weights answer: a folder's by their hash, those of a hub by their name alone."""
    folder = weights_folder(settings)
    if not folder.is_dir():
        return {"generator": settings.generator}
    shipped = settings.generator == SHIPPED_GENERATOR
    return {"generator": SHIPPED_GENERATOR if shipped else folder.name, "sha256": folder_digest(folder)}


def _processor() -> str:
    """The processor's name where the system tells; else its kind."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        lines = []
    return next(
        (line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")), platform.processor()
    )
