"""Files and folders as sources: whole or not at all, nothing from outside, and every refusal says what and why."""

import os
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kstore.errors import InputError, NotFoundError
from kstore.text.sources import check_name, check_size, decode, read_file, read_source
from kstore.types import corpus_digest
from tests.conftest import TINY

LIMIT = 1000


def write(folder: Path, files: dict[str, str | bytes]) -> Path:
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content.encode() if isinstance(content, str) else content)
    return folder


def names(spec: Path) -> list[str]:
    return list(read_source(str(spec), LIMIT).documents)


class TestFiles:
    def test_a_file_is_a_document_of_its_own_name_to_the_byte(self, tmp_path: Path) -> None:
        text = "\ufeff# T\r\n\r\nzwei\rWörter 漢字\n\n"
        write(tmp_path, {"deep/er/notes.md": text})
        collection = read_source(str(tmp_path / "deep" / "er" / "notes.md"), LIMIT)
        assert collection.documents == {"notes.md": text}
        assert collection.source == str(tmp_path / "deep" / "er" / "notes.md")

    def test_a_file_that_is_named_may_have_any_suffix_and_an_at_sign(self, tmp_path: Path) -> None:
        write(tmp_path, {"READ@ME": "hello", ".hidden": "too"})
        assert read_source(str(tmp_path / "READ@ME"), LIMIT).documents == {"READ@ME": "hello"}
        assert names(tmp_path / ".hidden") == [".hidden"]

    def test_a_name_relative_to_the_working_folder(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        write(tmp_path, {"a/b.md": "b"})
        monkeypatch.chdir(tmp_path / "a")
        assert read_source("b.md", LIMIT) == read_source(str(tmp_path / "a" / "b.md"), LIMIT)
        assert read_source(".", LIMIT) == read_source(str(tmp_path / "a"), LIMIT)

    @pytest.mark.parametrize("spec", ["no.md", "no", "no@HEAD", "@", "ext::touch ran"])
    def test_what_is_missing_is_not_found(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, spec: str) -> None:
        monkeypatch.chdir(write(tmp_path / "here", {"there.md": "x"}))
        with pytest.raises(NotFoundError, match=f"^no such file, folder or repository: {spec}$"):
            read_source(spec, LIMIT)
        assert not Path("ran").exists()

    def test_an_empty_source_is_not_the_working_folder(self) -> None:
        # It is what a shell makes of a variable that is not set.
        with pytest.raises(InputError, match=r"^the source is empty"):
            read_source("", LIMIT)

    def test_a_missing_file_is_not_found(self, tmp_path: Path) -> None:
        with pytest.raises(NotFoundError, match=r"^no such file: .*no\.md$"):
            read_file(tmp_path / "no.md", LIMIT)

    def test_a_folder_is_not_a_file(self, tmp_path: Path) -> None:
        with pytest.raises(InputError, match=r"^cannot read .*: Is a directory$"):
            read_file(tmp_path, 10**6)


class TestContent:
    @pytest.mark.parametrize(
        ("content", "reason"),
        [
            (b"caf\xe9 in Latin-1", r"bad\.md is not UTF-8 text \(byte 3\)$"),
            (b"h\0i", r"bad\.md is binary \(it holds a NUL character\)$"),
            ("hi".encode("utf-16"), r"bad\.md is not UTF-8 text \(byte 0\)$"),
            ("hi".encode("utf-16-be"), r"bad\.md is binary"),
            (b"\xed\xa0\x80", r"bad\.md is not UTF-8 text \(byte 0\)$"),  # a lone surrogate
            (b"x" * 1001, r"bad\.md has 1,001 bytes; a document may have 1,000 \(KSTORE_MAX_DOCUMENT_BYTES\)$"),
        ],
    )
    def test_what_is_no_text_is_refused_and_so_is_all_that_comes_with_it(
        self, tmp_path: Path, content: bytes, reason: str
    ) -> None:
        write(tmp_path, {"a.md": "good", "bad.md": content, "z.md": "good"})
        for spec in (tmp_path, tmp_path / "bad.md"):
            with pytest.raises(InputError, match=reason):
                read_source(str(spec), LIMIT)

    def test_the_limit_counts_bytes_and_is_allowed_itself(self, tmp_path: Path) -> None:
        write(tmp_path, {"a.md": "ä" * 500})
        assert read_source(str(tmp_path), LIMIT).documents == {"a.md": "ä" * 500}
        with pytest.raises(InputError, match="1,000 bytes"):
            read_source(str(tmp_path), LIMIT - 1)
        check_size(LIMIT, "a", LIMIT)

    def test_an_empty_file_is_an_empty_document(self, tmp_path: Path) -> None:
        write(tmp_path, {"a.md": ""})
        assert read_source(str(tmp_path), LIMIT).documents == {"a.md": ""}

    @settings(deadline=None)
    @given(st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0")))
    def test_text_comes_back_as_it_was(self, text: str) -> None:
        assert decode(text.encode(), "a.md", 10**6) == text


class TestFolders:
    def test_the_tiny_corpus(self) -> None:
        collection = read_source(str(TINY), 10_000)
        assert list(collection.documents) == ["animals.md", "lighthouse.md", "recipes.md"]
        by_hand = {path.name: path.read_bytes().decode() for path in TINY.iterdir()}
        assert corpus_digest(collection.documents) == corpus_digest(by_hand)

    def test_documents_are_found_by_suffix_at_any_depth_and_named_by_path(self, tmp_path: Path) -> None:
        taken = [
            "a.md",
            "B.MD",
            "c.markdown",
            "d.mdx",
            "e.rst",
            "f.Txt",
            "sub/a.md",
            "sub/sub/größe 漢字.md",
            "v1.2/x.md",
        ]
        passed_over = ["g.py", "h.pdf", "md", "j.md.bak", ".hidden.md", ".git/k.md", "sub/.venv/lib/l.md", ".md"]
        write(tmp_path, dict.fromkeys(taken + passed_over, "x"))
        assert sorted(names(tmp_path)) == sorted(taken)

    def test_a_folder_without_documents_is_empty(self, tmp_path: Path) -> None:
        assert read_source(str(tmp_path), LIMIT).documents == {}

    def test_a_file_that_cannot_name_a_document_is_refused(self, tmp_path: Path) -> None:
        write(tmp_path, {"a.md": "x", "b\\c.md": "x"})
        with pytest.raises(InputError, match=r"cannot name a document"):
            read_source(str(tmp_path), LIMIT)

    def test_a_file_name_that_is_not_text_is_refused(self, tmp_path: Path) -> None:
        Path(os.fsdecode(os.fsencode(tmp_path) + b"/caf\xe9.md")).write_text("x")
        with pytest.raises(InputError, match=r"'caf\\udce9.md' cannot name a document"):
            read_source(str(tmp_path), LIMIT)

    def test_links_are_followed_inside_only(self, tmp_path: Path) -> None:
        outside = write(tmp_path / "outside", {"secret.md": "secret", "more/s.md": "secret"})
        inside = write(tmp_path / "inside", {"a.md": "a", "sub/b.md": "b"})
        (inside / "twin.md").symlink_to("sub/b.md")
        (inside / "leak.md").symlink_to(outside / "secret.md")
        (inside / "leak2.md").symlink_to("../outside/secret.md")
        (inside / "leaks").symlink_to(outside)
        (inside / "sub" / "up").symlink_to(inside)
        assert read_source(str(inside), LIMIT).documents == {"a.md": "a", "sub/b.md": "b", "twin.md": "b"}
        (tmp_path / "door").symlink_to(inside)
        assert read_source(str(tmp_path / "door"), LIMIT) == read_source(str(inside), LIMIT)

    def test_what_only_looks_like_a_file_is_passed_over(self, tmp_path: Path) -> None:
        # A loop of links once ended in a traceback, and a pipe would be waited for until somebody writes to it.
        write(tmp_path, {"a.md": "a", "folder.md/b.md": "b"})
        (tmp_path / "nowhere.md").symlink_to("gone.md")
        (tmp_path / "loop.md").symlink_to("loop.md")
        os.mkfifo(tmp_path / "pipe.md")
        assert names(tmp_path) == ["a.md", "folder.md/b.md"]

    def test_a_folder_that_cannot_be_listed_is_refused_and_not_left_out(self, tmp_path: Path) -> None:
        write(tmp_path, {"a.md": "a"})
        here = os.open(tmp_path, os.O_RDONLY)
        try:
            for _ in range(20):  # deeper than any path may be long
                os.mkdir("d" * 250, dir_fd=here)
                here, above = os.open("d" * 250, os.O_RDONLY, dir_fd=here), here
                os.close(above)
        finally:
            os.close(here)
        with pytest.raises(InputError, match=r"^cannot read .*: File name too long$"):
            read_source(str(tmp_path), LIMIT)


class TestNames:
    @pytest.mark.parametrize(
        "name", ["a", "a.md", "notes/today.md", "größe/漢字 2.md", ".hidden", "...", "a/..b", "x" * 512]
    )
    def test_a_relative_path_of_ordinary_parts_is_a_name(self, name: str) -> None:
        assert check_name(name) == name

    @pytest.mark.parametrize("name", ["", "/", "/etc/passwd", "a//b", "a/", "./a", "a/./b", "../a", "a/..", "a\\b"])
    def test_anything_else_is_not(self, name: str) -> None:
        with pytest.raises(InputError, match=r"cannot name a document: use a relative path such as notes/today\.md$"):
            check_name(name)

    @pytest.mark.parametrize("name", [" a", "a /b", "a\nb", "a\0b", "\u202eab", "a\u00a0b", "\udce9", "x" * 513])
    def test_nor_is_what_a_reader_could_not_see_or_type(self, name: str) -> None:
        with pytest.raises(InputError, match=r"^[ -~]*$"):
            check_name(name)

    @settings(deadline=None, max_examples=300)
    @given(st.one_of(st.text(max_size=20), st.text("ab/.\\ ~:", max_size=8)))
    def test_no_name_leads_out_of_a_folder(self, name: str) -> None:
        try:
            check_name(name)
        except InputError:
            pass
        else:
            assert os.path.normpath(name) == name
            assert not os.path.isabs(name)  # noqa: PTH117 - of the name as a string
            assert name.split("/")[0] != ".."
