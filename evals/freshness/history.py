"""A git repository's history, oldest first."""

import os
import subprocess
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from kstore.errors import InputError, UnavailableError

_OTHER_REPOSITORY = {"GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_PREFIX", "GIT_COMMON_DIR"}  # set within hooks


@contextmanager
def local(repository: str) -> Iterator[Path]:
    """The repository's folder; where it is at a URL, a clone for as long as the context lasts."""
    if Path(repository).is_dir():
        yield Path(repository).resolve()
        return
    with tempfile.TemporaryDirectory(prefix="kstore-history-") as folder:
        _git(None, "clone", "--quiet", "--bare", "--", repository, folder)
        yield Path(folder)


def resolve(repository: Path, name: str) -> str:
    """The full hash of a commit; InputError where the repository has none of that name."""
    try:
        return _git(repository, "rev-parse", "--verify", "--quiet", "--end-of-options", f"{name}^{{commit}}")
    except InputError as error:
        raise InputError(f"{repository} has no commit {name!r}") from error


def walk(repository: Path, named: Iterable[str]) -> list[str]:
    """The commits that lead to HEAD, parents first: those of the main line, or all where ``named`` are others too.

    InputError where one of ``named`` (full hashes) does not lead to HEAD.
    """
    wanted = set(named)
    main_line = _git(repository, "rev-list", "--reverse", "--first-parent", "HEAD").split()
    if wanted <= set(main_line):
        return main_line
    commits = _git(repository, "rev-list", "--reverse", "--topo-order", "HEAD").split()
    if strangers := wanted - set(commits):
        raise InputError(f"the commit {min(strangers)} does not lead to HEAD")
    return commits


def _git(repository: Path | None, *arguments: str) -> str:
    """What git says; its reason, where it fails, as an InputError. It asks nobody for a password."""
    where = [] if repository is None else ["-C", str(repository)]
    environment = {name: value for name, value in os.environ.items() if name not in _OTHER_REPOSITORY}
    environment |= {"GIT_TERMINAL_PROMPT": "0", "LC_ALL": "C"}
    try:
        done = subprocess.run(["git", *where, *arguments], capture_output=True, text=True, env=environment, check=False)
    except FileNotFoundError as error:
        raise UnavailableError("git is not installed") from error
    if done.returncode:
        said = done.stderr.strip().splitlines() or ["it failed"]
        raise InputError(f"git {arguments[0]}: {said[-1].removeprefix('fatal: ')}")
    return done.stdout.strip()
