"""The edition of the guide: what it says of itself, and that the shipped weights were trained on this very one."""

import datetime
import re
import tomllib

from kstore.types import corpus_digest
from kstore.weights.generator import TrainingRecord
from kstore.weights.shipped import FOLDER
from tests.conftest import GUIDE
from tests.guide.chapters import TEXTS, headings, links, section


def test_the_source_file_names_title_edition_licence_and_date() -> None:
    source = tomllib.loads((GUIDE / "SOURCE.toml").read_text(encoding="utf-8"))
    assert source["title"]
    assert source["edition"]
    assert source["licence"] == "MIT"
    assert isinstance(source["revision_date"], datetime.date)
    assert set(source["chapters"]) == TEXTS.keys() - {"README.md"}


def test_the_index_leads_to_every_chapter() -> None:
    assert {file for file, _ in links("README.md")} >= TEXTS.keys() - {"README.md"}


def test_the_glossary_defines_two_hundred_terms_in_order() -> None:
    terms = re.findall(r"^### (.+)$", TEXTS["glossary.md"], re.MULTILINE)
    assert len(terms) >= 200
    assert terms == sorted(terms, key=lambda term: term.lower().replace("-", " "))


def test_every_reference_leads_to_a_section_of_the_guide() -> None:
    entries = [heading for heading in headings("further.md") if re.search(r" \d{4}[a-z]?$", heading)]
    assert len(entries) >= 150
    for entry in entries:
        assert re.search(r"\]\((?!further)\w+\.md#[^)]+\)", section("further.md", entry)), entry


def test_the_measured_table_has_been_filled_in() -> None:
    assert "<!--" not in TEXTS["knowledge_store.md"]


def test_the_shipped_model_knows_this_edition_of_the_guide() -> None:
    record = TrainingRecord.read(FOLDER)
    assert record is not None
    assert record.corpus_digest == corpus_digest(TEXTS)
