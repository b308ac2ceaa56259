"""The guide is right where a program can tell: its code runs, its links lead somewhere, its questions quote it."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from evals.questions import read_questions
from kstore.types import corpus_digest
from kstore.weights.generator import TrainingRecord
from kstore.weights.shipped import FOLDER
from tests.conftest import GUIDE

CHAPTERS = sorted(GUIDE.glob("*.md"))
TEXTS = {chapter.name: chapter.read_text(encoding="utf-8") for chapter in CHAPTERS}
QUESTIONS = Path(__file__).parent.parent / "evals" / "questions"

_FENCED = re.compile(r"^```.*?^```", re.DOTALL | re.MULTILINE)


def headings(text: str) -> list[str]:
    return re.findall(r"^#+ (.+)$", _FENCED.sub("", text), re.MULTILINE)


def anchor(heading: str) -> str:
    """The fragment that a heading gets where Markdown is published: lower case, no punctuation, hyphens."""
    return re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")


def python_blocks() -> list[tuple[str, str]]:
    return [
        (f"{name}:{text[: match.start()].count(chr(10)) + 1}", match.group(1))
        for name, text in TEXTS.items()
        for match in re.finditer(r"^```python\n(.*?)^```", text, re.DOTALL | re.MULTILINE)
    ]


@pytest.mark.parametrize(("place", "code"), python_blocks(), ids=lambda value: value if ".md:" in value else "")
def test_python_blocks_run_as_they_stand(place: str, code: str, tmp_path: Path) -> None:
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=tmp_path, check=False)
    assert done.returncode == 0, f"{place}: {done.stderr}"


@pytest.mark.parametrize("name", TEXTS)
def test_headings_are_unique_and_links_resolve(name: str) -> None:
    own = headings(TEXTS[name])
    assert len(own) == len(set(own))
    for target in re.findall(r"\]\(([^)\s]+)\)", _FENCED.sub("", TEXTS[name])):
        if target.startswith("http"):
            continue
        file, _, fragment = target.partition("#")
        assert (GUIDE / file).exists(), target
        if fragment:
            assert fragment in {anchor(it) for it in headings(TEXTS[file or name])}, target


@pytest.mark.parametrize("name", TEXTS)
def test_formulas_are_closed(name: str) -> None:
    prose = re.sub(r"`[^`]*`", "", _FENCED.sub("", TEXTS[name]))
    assert prose.count("$$") % 2 == 0
    for paragraph in re.sub(r"\$\$.*?\$\$", "", prose, flags=re.DOTALL).split("\n\n"):
        assert paragraph.count("$") % 2 == 0, paragraph


def test_the_glossary_defines_two_hundred_terms_in_order() -> None:
    terms = re.findall(r"^### (.+)$", TEXTS["glossary.md"], re.MULTILINE)
    assert len(terms) >= 200
    assert terms == sorted(terms, key=lambda term: term.lower().replace("-", " "))


def test_the_measured_table_has_been_filled_in() -> None:
    assert "<!--" not in TEXTS["knowledge_store.md"]


def test_questions_quote_the_guide_and_no_phrasing_crosses_splits() -> None:
    splits = {split: read_questions([QUESTIONS / f"{split}.jsonl"], TEXTS) for split in ("train", "dev", "test")}
    assert len(splits["train"]) >= 200
    phrasings = {
        split: {phrasing.lower() for question in questions for phrasing in question.phrasings}
        for split, questions in splits.items()
    }
    assert not phrasings["train"] & (phrasings["dev"] | phrasings["test"])
    assert not {it.fact for it in splits["dev"]} & {it.fact for it in splits["test"]}
    for questions in splits.values():
        for question in questions:
            assert question.answers
            assert question.evidence


def test_the_shipped_model_knows_this_edition_of_the_guide() -> None:
    record = TrainingRecord.read(FOLDER)
    assert record is not None
    assert record.corpus_digest == corpus_digest(TEXTS)
