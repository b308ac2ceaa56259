"""git repositories as sources: what is committed at a revision, from wherever the repository is reached."""

import os
import shutil
import subprocess
import tempfile
from collections.abc import Callable
from pathlib import Path

import pytest

from kstore.errors import InputError, UnavailableError
from kstore.text.sources import Collection, read_source

Git = Callable[..., str]

FIRST = {"guide.md": "# Guide\n\nfirst\n", "notes/today.md": "one\r\ntwo\n", "notes/größe 漢字.md": "ä\n"}
SECOND = {**FIRST, "guide.md": "# Guide\n\nsecond\n", "notes/new.md": "new\n"}
del SECOND["notes/größe 漢字.md"]


def read(spec: str | Path) -> Collection:
    return read_source(str(spec), 1000)


@pytest.fixture
def git(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Git:
    """Runs git in ``tmp_path/repository``, unaware of the user's own configuration."""
    for name in [name for name in os.environ if name.startswith("GIT_")]:
        monkeypatch.delenv(name)
    for name, value in {
        "GIT_CONFIG_GLOBAL": os.devnull,
        "GIT_CONFIG_SYSTEM": os.devnull,
        **{f"GIT_{who}_{what}": "a@b.c" for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")},
    }.items():
        monkeypatch.setenv(name, value)

    def run(*arguments: str) -> str:
        return subprocess.run(
            ["git", "-C", tmp_path / "repository", *arguments], check=True, capture_output=True, text=True
        ).stdout.strip()

    (tmp_path / "repository").mkdir()
    run("init", "--quiet", "--initial-branch=main")
    return run


@pytest.fixture
def repository(tmp_path: Path, git: Git) -> Path:
    """``FIRST`` committed as v1, ``SECOND`` as v2 on main and topic/second, and changes that are not committed."""
    root = tmp_path / "repository"
    for documents, tag in ((FIRST, "v1"), (SECOND, "v2")):
        for path in root.rglob("*.md"):
            path.unlink()
        for name, text in documents.items():
            (root / name).parent.mkdir(exist_ok=True)
            (root / name).write_bytes(text.encode())
        git("add", "--all")
        git("commit", "--quiet", "--message", tag)
        git("tag", "--annotate", tag, "--message", tag)
    git("branch", "topic/second")
    (root / "guide.md").write_text("uncommitted\n")
    (root / "untracked.md").write_text("untracked\n")
    return root


class TestRevisions:
    def test_a_work_tree_is_read_as_it_lies_on_disk(self, repository: Path) -> None:
        assert read(repository).documents == {**SECOND, "guide.md": "uncommitted\n", "untracked.md": "untracked\n"}

    def test_a_revision_is_read_as_it_was_committed(self, repository: Path, git: Git) -> None:
        for revision in (
            "HEAD",
            "main",
            "v2",
            "topic/second",
            git("rev-parse", "HEAD"),
            git("rev-parse", "--short", "v2"),
        ):
            assert read(f"{repository}@{revision}").documents == SECOND
        for revision in ("HEAD~1", "HEAD^", "v1", "v1^{}", git("rev-parse", "main~1")):
            assert read(f"{repository}@{revision}").documents == FIRST

    def test_a_subfolder_is_a_root_of_its_own(self, repository: Path) -> None:
        assert read(f"{repository / 'notes'}@v1").documents == {
            "today.md": "one\r\ntwo\n",
            "größe 漢字.md": "ä\n",
        }
        assert read(f"{repository / 'notes'}@HEAD").documents == {"today.md": "one\r\ntwo\n", "new.md": "new\n"}

    def test_revisions_of_a_repository_are_the_same_source(self, repository: Path) -> None:
        # Else --prune would not know which documents the source no longer has.
        sources = {read(spec).source for spec in (repository, f"{repository}@v1", f"{repository}/@HEAD")}
        assert sources == {str(repository)}

    def test_paths_may_hold_at_signs(self, repository: Path) -> None:
        odd = repository.rename(repository.with_name("me@home@v1"))
        assert read(odd).documents["guide.md"] == "uncommitted\n"
        assert read(f"{odd}@v1").documents == FIRST

    def test_reading_changes_nothing(self, repository: Path, git: Git) -> None:
        before = git("status", "--porcelain=v2", "--branch"), git("rev-parse", "HEAD"), git("stash", "list")
        read(f"{repository}@v1")
        assert (git("status", "--porcelain=v2", "--branch"), git("rev-parse", "HEAD"), git("stash", "list")) == before

    def test_a_hook_that_is_bound_to_another_repository_does_not_mislead(
        self, repository: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        # Within a hook git sets these, and every git command would speak of that repository.
        for name in ("GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_PREFIX"):
            monkeypatch.setenv(name, str(tmp_path / "other"))
        assert read(f"{repository}@v1").documents == FIRST
        assert read(f"file://{repository}@v1").documents == FIRST


class TestReach:
    def test_a_bare_repository_is_read_at_its_head_or_a_revision(
        self, repository: Path, tmp_path: Path, git: Git
    ) -> None:
        bare = tmp_path / "bare.git"
        git("clone", "--quiet", "--bare", ".", str(bare))
        assert read(bare).documents == SECOND
        assert read(f"{bare}@v1").documents == FIRST
        assert read(bare).source == str(bare)

    def test_a_url_is_cloned_for_as_long_as_the_reading_takes(
        self, repository: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        (tmp_path / "temporary").mkdir()
        monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "temporary"))
        assert read(f"file://{repository}").documents == SECOND
        assert read(f"file://{repository}@v1").documents == FIRST
        assert read(f"file://{repository}@v1").source == read(f"file://{repository}").source == f"file://{repository}"
        with pytest.raises(InputError):
            read(f"file://{repository}@no-such")
        assert list((tmp_path / "temporary").iterdir()) == []

    def test_an_at_sign_before_the_last_slash_belongs_to_the_url(self, repository: Path) -> None:
        odd = shutil.move(repository, repository.with_name("me@home"))
        assert read(f"file://{odd}/.git").documents == SECOND
        assert read(f"file://{odd}/.git@v1").documents == FIRST

    def test_a_url_may_not_run_a_helper(self, git: Git) -> None:
        # git would hand such an address to a program, which may do anything; ``ext`` is the one that runs commands.
        with pytest.raises(InputError, match=r"^git clone: transport 'ext' not allowed$"):
            read("ext://touch ran")


class TestContent:
    def test_only_visible_regular_documents_are_read(self, repository: Path, git: Git) -> None:
        (repository / ".hidden").mkdir()
        for name in ("script.py", ".secret.md", ".hidden/a.md", "picture.png"):
            (repository / name).write_bytes(b"\xff\0")
        (repository / "link.md").symlink_to("/etc/hostname")
        (repository / "folder.md").symlink_to("notes")
        (repository / "run.md").write_text("executable\n")
        (repository / "run.md").chmod(0o755)
        (repository / "empty.TXT").touch()
        git("add", "--all")
        git("commit", "--quiet", "--message", "more")
        assert read(f"{repository}@HEAD").documents == {
            **SECOND,
            "guide.md": "uncommitted\n",
            "untracked.md": "untracked\n",
            "run.md": "executable\n",
            "empty.TXT": "",
        }

    @pytest.mark.parametrize(
        ("content", "reason"),
        [
            (b"caf\xe9", r"^bad\.md at HEAD is not UTF-8 text \(byte 3\)$"),
            (b"a\0b", r"^bad\.md at HEAD is binary"),
            (b"x" * 1001, r"^bad\.md has 1,001 bytes; a document may have 1,000"),
        ],
    )
    def test_what_is_no_text_is_refused_whole(self, repository: Path, git: Git, content: bytes, reason: str) -> None:
        (repository / "bad.md").write_bytes(content)
        git("add", "bad.md")
        git("commit", "--quiet", "--message", "bad")
        with pytest.raises(InputError, match=reason):
            read(f"{repository}@HEAD")
        assert read(f"{repository}@HEAD~1").documents == SECOND

    def test_names_that_are_not_text_are_refused_and_not_replaced(self, repository: Path, git: Git) -> None:
        # Two such names could have become one, and a document would have been lost.
        for name in (b"/caf\xe9.md", b"/caf\xe8.md"):
            Path(os.fsdecode(os.fsencode(repository) + name)).write_text("x")
        git("add", "--all")
        git("commit", "--quiet", "--message", "names")
        with pytest.raises(InputError, match=r"'caf\\udce8.md' cannot name a document"):
            read(f"{repository}@HEAD")

    def test_a_damaged_repository_is_refused(self, repository: Path, git: Git) -> None:
        blob = git("rev-parse", "HEAD:guide.md")
        (repository / ".git" / "objects" / blob[:2] / blob[2:]).unlink()
        with pytest.raises(InputError, match=r"^guide\.md is missing from the repository$"):
            read(f"{repository}@HEAD")

    def test_a_commit_without_documents_is_an_empty_collection(self, repository: Path, git: Git) -> None:
        git("rm", "--quiet", "-r", "--cached", ".")
        git("commit", "--quiet", "--message", "empty", "--allow-empty")
        assert read(f"{repository}@HEAD").documents == {}


class TestRefusals:
    @pytest.mark.parametrize(
        "revision", ["no-such", "", "--all", "--since=1", "HEAD:guide.md", "v1..v2", "HEAD~9", "a b"]
    )
    def test_a_revision_that_is_no_commit_is_named(self, repository: Path, revision: str) -> None:
        for spec in (f"{repository}@{revision}", f"file://{repository}@{revision}"):
            if ":" in revision and spec.startswith("file"):
                continue  # there it is part of the URL
            with pytest.raises(InputError, match=rf"^cannot read revision '{revision}': git rev-parse: "):
                read(spec)

    def test_a_repository_without_a_commit(self, tmp_path: Path, git: Git) -> None:
        with pytest.raises(InputError, match=r"^cannot read revision 'HEAD'"):
            read(f"{tmp_path / 'repository'}@HEAD")

    def test_a_folder_that_is_in_no_repository(self, tmp_path: Path, git: Git) -> None:
        with pytest.raises(InputError, match=r"^cannot read revision 'HEAD': git rev-parse: not a git repository"):
            read(f"{tmp_path}@HEAD")

    def test_a_url_of_nothing_is_said_in_one_line_that_names_it(self, tmp_path: Path, git: Git) -> None:
        with pytest.raises(InputError, match=rf"^git clone: '{tmp_path}/none' does not appear to be a git repository$"):
            read(f"file://{tmp_path}/none")

    def test_without_git_only_git_is_missing(
        self, repository: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("PATH", str(tmp_path))
        with pytest.raises(UnavailableError, match=r"^git is not installed"):
            read(f"{repository}@HEAD")
        assert "untracked.md" in read(repository).documents
