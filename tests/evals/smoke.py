"""A corpus and its questions as somebody else would bring them: files in the documented formats, and no code."""

import json
from pathlib import Path
from typing import Any

from tests.conftest import TINY


def _question(name: str, doc: str, quote: str, answers: list[str], *wordings: str, **more: Any) -> dict[str, Any]:
    return {
        "id": name,
        "fact": f"fact-{name}",
        "question": wordings[0],
        "paraphrases": list(wordings[1:]),
        "answers": answers,
        "evidence": [{"doc": doc, "quote": quote}],
        "type": "name",
        "difficulty": "easy",
        "popular": False,
        "split": "test",
        **more,
    }


QUESTIONS = [
    _question(
        "cat", "animals.md", "The cat is called Saffron.", ["Saffron"],
        "What is the cat's name?", "By which name does the harbour know its mouser?",
    ),
    _question(
        "mail", "animals.md", "which arrives at 7:40 every morning", ["7:40", "at 7:40"],
        "When does the mail boat arrive?", "At what hour is the post brought by sea?", type="number",
    ),
    _question(
        "built", "lighthouse.md", "was built in 1871 by Ida Marrow", ["1871"],
        "In which year was the lighthouse of Kell Point built?", "When did Ida Marrow build?", type="number",
    ),
    _question(
        "lamp", "lighthouse.md", "The lamp burns rapeseed oil.", ["rapeseed oil", "oil of rape"],
        "What does the lamp burn?", "Which fuel feeds the light?",
    ),
    _question(
        "soup", "recipes.md", "simmers for 25 minutes", ["25 minutes", "25"],
        "How long does fish soup simmer?", "Cooking time of the soup of cod and leeks?", type="number",
        difficulty="medium",
    ),
]  # fmt: skip
UNANSWERABLE = [
    {"id": "mayor", "question": "Who is the mayor of the town behind the harbour?", "why_unanswerable": "not told"},
]
LESSONS = [
    _question(
        "cat-lesson", "animals.md", "The cat is called Saffron.", ["Saffron"],
        "Saffron is whose name?", "How is the cat called?", fact="fact-cat", split="train",
    ),
]  # fmt: skip
EDITS = [
    {
        "id": "cat-renamed", "kind": "value", "doc": "animals.md", "find": "The cat is called Saffron. Saffron sleeps",
        "replace": "The cat is called Nutmeg. Nutmeg sleeps", "question": "What is the cat's name?",
        "paraphrases": ["How is the cat called?"], "old_answers": ["Saffron"], "new_answers": ["Nutmeg"],
        "neighbours": [
            {"question": "What is the dog's name?", "answers": ["Bosun"],
             "evidence": [{"doc": "animals.md", "quote": "The dog is called Bosun."}]},
        ],
    },
    {
        "id": "keeper-winds", "kind": "value", "doc": "lighthouse.md", "find": "winds the clockwork every four hours",
        "replace": "winds the clockwork every six hours", "question": "How often does the keeper wind the clockwork?",
        "paraphrases": ["At what interval is the clockwork wound?"], "old_answers": ["every four hours", "four hours"],
        "new_answers": ["every six hours", "six hours"],
        "neighbours": [
            {"question": "What does the lamp burn?", "answers": ["rapeseed oil"],
             "evidence": [{"doc": "lighthouse.md", "quote": "The lamp burns rapeseed oil."}]},
        ],
    },
]  # fmt: skip

CORPUS = str(TINY)


def lines(file: Path, records: list[dict[str, Any]]) -> Path:
    """The records as JSON Lines in ``file``."""
    file.write_text("".join(f"{json.dumps(record)}\n" for record in records), encoding="utf-8")
    return file
