"""The guide is right where a program can tell: its code runs, its links lead somewhere, its formulas can be set."""

import re
import subprocess
import sys
import xml.etree.ElementTree as ElementTree
from pathlib import Path

import pytest
from latex2mathml.converter import convert

from tests.conftest import GUIDE
from tests.guide.chapters import TEXTS, Piece, anchor, blocks, formulas, headings, links, prose

CODE = [block for name in TEXTS for block in blocks(name, "python")]


def test_all_chapters_are_there() -> None:
    assert set(TEXTS) == {
        "README.md", "nn_intro.md", "mlp_intro.md", "rnn_intro.md", "transformers_fundamentals.md",
        "transformers_advanced.md", "transformers_math1.md", "transformers_math2.md", "math_quick_ref.md",
        "knowledge_store.md", "pytorch_ref.md", "glossary.md", "further.md",
    }  # fmt: skip
    assert sum(len(text.split()) for text in TEXTS.values()) >= 45_000


@pytest.mark.parametrize("block", CODE, ids=lambda block: block.place)
def test_python_blocks_run_as_they_stand(block: Piece, tmp_path: Path) -> None:
    command = [sys.executable, "-c", block.text]
    done = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path, check=False, timeout=300)
    assert done.returncode == 0, f"{block.place}: {done.stderr}"


def test_there_are_code_formulas_and_links_to_check() -> None:
    assert len(CODE) >= 50
    assert sum(len(formulas(name)) for name in TEXTS) >= 1000
    assert sum(len(links(name)) for name in TEXTS) >= 1000
    marked = {language for name in TEXTS for language in re.findall(r"^```(.+)$", TEXTS[name], re.MULTILINE)}
    assert marked <= {"python", "text", "bash"}


@pytest.mark.parametrize("name", TEXTS)
def test_formulas_convert_to_mathml(name: str) -> None:
    assert prose(name).count("$$") % 2 == 0
    for formula in formulas(name):
        assert "\n\n" not in formula.text, f"{formula.place}: a dollar is not closed"
        bare = formula.text.replace(r"\{", "").replace(r"\}", "")
        assert bare.count("{") == bare.count("}"), f"{formula.place}: braces"
        mathml = convert(formula.text)
        assert "\\" not in mathml, f"{formula.place}: {formula.text} has a command that the converter does not know"
        ElementTree.fromstring(mathml)  # raises where the converter wrote no valid XML


@pytest.mark.parametrize("name", TEXTS)
def test_headings_are_unique_and_links_resolve(name: str) -> None:
    own = headings(name)
    assert len(own) == len(set(own))
    for file, fragment in links(name):
        assert (GUIDE / file).exists(), f"{name}: {file}"
        if fragment:
            assert fragment in {anchor(heading) for heading in headings(file)}, f"{name}: {file}#{fragment}"


def test_no_paragraph_or_code_block_stands_in_two_chapters() -> None:
    seen: dict[str, str] = {}
    for name in TEXTS:
        pieces = [block.text for block in blocks(name, r"\w+")] + prose(name).split("\n\n")
        for piece in {" ".join(it.split()) for it in pieces}:
            if len(piece) > 40:  # shorter ones are headings and formulas
                assert seen.setdefault(piece, name) == name, f"{name}: {piece[:80]}"
