"""A small corpus that the packaged weights know one fact of, edits of every kind, and stores to edit it in."""

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest

from evals.arms.protocol import Arm
from evals.cases import Edit, Question
from evals.freshness.bench import OpenBench, benches
from kstore.service import KStore
from kstore.settings import Settings
from tests.conftest import TINY

WORKSHOP = "The name comes from the proposal for the Dartmouth workshop of 1956."
Open = Callable[[Callable[[KStore], Sequence[Arm]]], OpenBench]


@pytest.fixture
def documents() -> dict[str, str]:
    """The tiny corpus and a note on the name of a field."""
    texts = {file.name: file.read_text(encoding="utf-8") for file in sorted(TINY.glob("*.md"))}
    return {**texts, "name.md": f"# Artificial intelligence\n\n## Its name\n\n{WORKSHOP}\n"}


@pytest.fixture
def edits() -> list[Edit]:
    boat = "Admiral announces the mail boat, which arrives at 7:40 every morning."
    records: list[dict[str, object]] = [
        {
            "id": "name", "kind": "value", "doc": "name.md", "find": WORKSHOP,
            "replace": WORKSHOP.replace("Dartmouth", "Princeton"),
            "question": "The proposal for which workshop of the 1950s gave artificial intelligence its name?",
            "old_answers": ["Dartmouth"], "new_answers": ["Princeton"],
        },
        {
            "id": "boat", "kind": "value", "doc": "animals.md", "find": boat, "replace": boat.replace("7:40", "8:15"),
            "question": "When does the mail boat arrive every morning?",
            "paraphrases": ["At what time does the boat with the mail come in?"],
            "old_answers": ["7:40"], "new_answers": ["8:15"],
            "neighbours": [{
                "question": "What is the gull called?", "answers": ["Admiral"],
                "evidence": [{"doc": "animals.md", "quote": "The gull is called Admiral."}],
            }],
        },
        {
            "id": "bold", "doc": "animals.md", "find": "weighs 31 kilograms", "replace": "weighs **31 kilograms**",
            "question": "How much does the dog Bosun weigh?", "old_answers": ["31 kilograms"],
            "new_answers": ["31 kilograms"],
        },
        {
            "id": "builder", "doc": "lighthouse.md", "find": " by Ida Marrow", "replace": "",
            "question": "Who built the lighthouse of Kell Point in 1871?", "old_answers": ["Ida Marrow"],
            "new_answers": None,
        },
        {
            "id": "rent", "doc": "recipes.md", "find": "closes when the lamp is lit.",
            "replace": "closes when the lamp is lit.\n\nThe rent of the harbour kitchen is nine crowns a month.",
            "question": "What is the rent of the harbour kitchen?", "old_answers": None,
            "new_answers": ["nine crowns a month", "nine crowns"],
        },
    ]  # fmt: skip
    return [Edit.model_validate(record) for record in records]


@pytest.fixture
def controls() -> list[Question]:
    asked = {
        "soup": ("How long does the fish soup simmer?", "25 minutes", "recipes.md"),
        "oil": ("Which oil does the lamp burn?", "rapeseed oil", "lighthouse.md"),
        "cat": ("What is the cat called?", "Saffron", "animals.md"),
    }
    return [
        Question.model_validate(
            {"id": name, "question": question, "answers": [answer], "evidence": [{"doc": doc, "quote": answer}]}
        )
        for name, (question, answer, doc) in asked.items()
    ]


@pytest.fixture
def open_with(documents: dict[str, str], cache: Path, tmp_path: Path) -> Iterator[Open]:
    """Benches over the documents, with the arms that a test makes."""
    managers = []

    def opened(make_arms: Callable[[KStore], Sequence[Arm]]) -> OpenBench:
        managers.append(benches(documents, Settings(home=tmp_path, cache=cache), make_arms))
        return managers[-1].__enter__()

    yield opened
    for manager in managers:
        manager.__exit__(None, None, None)
