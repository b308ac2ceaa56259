"""Where documents come from: a file, a folder, a git repository at a revision. Read whole or not at all."""

import os
import re
import subprocess
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from kstore.controls import check_text
from kstore.errors import InputError, NotFoundError, TooLargeError, UnavailableError
from kstore.text.notebooks import notebook_to_markdown

SUFFIXES = frozenset({".md", ".markdown", ".mdx", ".rst", ".txt", ".ipynb"})  # what a folder's documents are

_URL = re.compile(r"^(?:[a-z][a-z0-9+.-]*://|[\w.-]+@[\w.-]+:)", re.IGNORECASE)
_MAX_NAME = 512
_OTHER_REPOSITORY = {"GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_PREFIX", "GIT_COMMON_DIR"}  # set within hooks


@dataclass(frozen=True, slots=True)
class Collection:
    """The documents of one source, ``{name: text}``; ``source`` says where they are from, for pruning."""

    source: str
    documents: dict[str, str]


def check_name(name: str) -> str:
    """Return ``name`` if it can name a document: a relative path of ordinary parts, forward slashes only."""
    parts = name.split("/")
    if (
        not name
        or len(name) > _MAX_NAME
        or "\\" in name
        or any(part in {"", ".", ".."} or part != part.strip() for part in parts)
        or not name.isprintable()
    ):
        raise InputError(f"{name[:80]!r} cannot name a document: use a relative path such as notes/today.md")
    return name


def decode(data: bytes, name: str, max_bytes: int) -> str:
    """The text of ``data``, exactly; InputError where it is too long or not UTF-8 text."""
    check_size(len(data), name, max_bytes)
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        raise InputError(f"{name} is not UTF-8 text (byte {error.start})") from error
    return check_text(text, name)


def check_size(size: int, name: str, max_bytes: int) -> None:
    """Raise TooLargeError for a document of more than ``max_bytes``."""
    if size > max_bytes:
        raise TooLargeError(f"{name} has {size:,} bytes; a document may have {max_bytes:,} (KSTORE_MAX_DOCUMENT_BYTES)")


def read_file(path: Path, max_bytes: int) -> str:
    """The text of the file, its notebook cells as Markdown where it is a notebook."""
    try:
        check_size(path.stat().st_size, str(path), max_bytes)
        with path.open("rb") as file:  # no further than allowed: what has no size, or grows, may have no end
            data = file.read(max_bytes + 1)
    except FileNotFoundError as error:
        raise NotFoundError(f"no such file: {path}") from error
    except OSError as error:
        raise InputError(f"cannot read {path}: {error.strerror}") from error
    return _as_text(path.name, data, str(path), max_bytes)


def read_source(spec: str, max_bytes: int) -> Collection:
    """The documents of ``spec``: a file, a folder, or a git repository (path or URL), optionally ``@REVISION``.

    A folder is read as it lies on disk, also when it is a work tree; with ``@REVISION`` it is read from git.
    Hidden files, links that lead outside or nowhere, and files whose suffix is not in ``SUFFIXES`` are passed over.
    """
    if not spec:  # which Path would take for the working folder
        raise InputError("the source is empty: name a file, a folder or a git repository")
    if _URL.match(spec):
        return _read_url(spec, max_bytes)
    try:
        return _read_local(spec, max_bytes)
    except OSError as error:  # not a path at all, or one that may not be looked at
        raise InputError(f"cannot read {spec[:80]}: {error.strerror}") from error


def _read_local(spec: str, max_bytes: int) -> Collection:
    path = Path(spec)
    if path.is_dir():
        if _is_bare(path):
            return Collection(str(path.resolve()), _git_documents(path, "HEAD", max_bytes))
        return Collection(str(path.resolve()), _folder_documents(path, max_bytes))
    if path.exists():
        return Collection(str(path.resolve()), {check_name(path.name): read_file(path, max_bytes)})
    folder, _, revision = spec.rpartition("@")
    if folder and Path(folder).is_dir():
        return Collection(str(Path(folder).resolve()), _git_documents(Path(folder), revision, max_bytes))
    raise NotFoundError(f"no such file, folder or repository: {spec}")


def _folder_documents(root: Path, max_bytes: int) -> dict[str, str]:
    documents = {}
    home = root.resolve()
    try:
        for folder, folders, files in os.walk(root, onerror=_raise):
            folders[:] = sorted(name for name in folders if not name.startswith("."))
            for file in sorted(files):
                path = Path(folder, file)
                if _is_document(file) and path.is_file() and path.resolve().is_relative_to(home):
                    documents[check_name(path.relative_to(root).as_posix())] = read_file(path, max_bytes)
    except OSError as error:
        raise InputError(f"cannot read {error.filename}: {error.strerror}") from error
    return documents


def _raise(error: OSError) -> None:
    raise error


def _is_document(name: str) -> bool:
    return not name.startswith(".") and PurePosixPath(name).suffix.lower() in SUFFIXES


def _as_text(name: str, data: bytes, shown: str, max_bytes: int) -> str:
    text = decode(data, shown, max_bytes)
    return notebook_to_markdown(text, shown) if name.lower().endswith(".ipynb") else text


def _read_url(spec: str, max_bytes: int) -> Collection:
    """The documents of a repository at a URL, cloned for as long as the reading takes."""
    address, mark, revision = spec.rpartition("@")
    if not mark or not _URL.match(address) or "/" in revision or ":" in revision:  # that @ was part of the URL
        address, revision = spec, "HEAD"
    with tempfile.TemporaryDirectory(prefix="kstore-clone-") as folder:
        _git(None, "clone", "--quiet", "--bare", "--", address, folder)
        return Collection(address, _git_documents(Path(folder), revision, max_bytes))


def _is_bare(path: Path) -> bool:
    return (path / "HEAD").is_file() and (path / "objects").is_dir() and (path / "refs").is_dir()


def _git_documents(repository: Path, revision: str, max_bytes: int) -> dict[str, str]:
    """Documents below ``repository`` (a subfolder counts as its own root) as committed at ``revision``."""
    try:
        commit = (
            _git(repository, "rev-parse", "--verify", "--end-of-options", f"{revision}^{{commit}}").decode().strip()
        )
    except InputError as error:
        raise InputError(f"cannot read revision {revision!r}: {error}") from error
    blobs = list(_git_blobs(repository, commit, max_bytes))
    contents = _git(repository, "cat-file", "--batch", stdin="".join(f"{blob}\n" for _, blob in blobs).encode())
    documents, offset = {}, 0
    for name, _ in blobs:
        header_end = contents.index(b"\n", offset)
        size = int(contents[offset:header_end].rsplit(b" ", 1)[1])
        data = contents[header_end + 1 : header_end + 1 + size]
        documents[name] = _as_text(name, data, f"{name} at {revision}", max_bytes)
        offset = header_end + size + 2
    return documents


def _git_blobs(repository: Path, commit: str, max_bytes: int) -> Iterator[tuple[str, str]]:
    for line in _git(repository, "ls-tree", "-r", "-z", "--long", commit).split(b"\0"):
        if not line:
            continue
        entry, _, raw_name = line.partition(b"\t")
        mode, _, blob, size = entry.split()
        name = raw_name.decode("utf-8", "surrogateescape")  # which check_name refuses, as it does for a folder's files
        regular = mode.startswith(b"100")
        if regular and _is_document(PurePosixPath(name).name) and not _hidden(name):
            if not size.isdigit():
                raise InputError(f"{name} is missing from the repository")
            check_size(int(size), name, max_bytes)
            yield check_name(name), blob.decode()


def _hidden(name: str) -> bool:
    return any(part.startswith(".") for part in PurePosixPath(name).parts)


def _git(repository: Path | None, *arguments: str, stdin: bytes = b"") -> bytes:
    """Run git without prompts or unusual transports; its reason becomes an InputError."""
    where = [] if repository is None else ["-C", str(repository)]
    environment = {name: value for name, value in os.environ.items() if name not in _OTHER_REPOSITORY}
    environment |= {
        "GIT_TERMINAL_PROMPT": "0",
        # Only a clone may reach out. Reading must not: a repository's own configuration could name a program to run.
        "GIT_ALLOW_PROTOCOL": "file:git:http:https:ssh" if repository is None else "",
        "GIT_NO_LAZY_FETCH": "1",
        "LC_ALL": "C",  # so that the reason can be told from advice
    }
    try:
        done = subprocess.run(
            ["git", *where, *arguments], input=stdin, capture_output=True, env=environment, check=False
        )
    except FileNotFoundError as error:
        raise UnavailableError("git is not installed, and the source is a git repository") from error
    if done.returncode:
        said = done.stderr.decode("utf-8", "replace").strip().splitlines() or ["it failed"]
        reason = next((line for line in said if line.startswith("fatal: ")), said[-1])
        raise InputError(f"git {arguments[0]}: {reason.removeprefix('fatal: ')}")
    return done.stdout
