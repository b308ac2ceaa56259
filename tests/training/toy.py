"""A toy corpus: short sections about things of one island, questions about most of them, in the files' own format."""

import json
from pathlib import Path

from kstore.training.questions import Material, read_questions

SECTIONS = {
    "The lamp": ("The lamp burns rapeseed oil.", "What does the lamp burn?", "rapeseed oil"),
    "The dog": ("Bosun the dog weighs 31 kilograms.", "How heavy is the dog?", "31 kilograms"),
    "The crane": ("The crane lifts **12 tonnes** at most.", "How much can the crane lift?", "12 tonnes"),
    "The boat": ("The mail boat leaves at 7:40 every morning.", "When does the mail boat leave?", "7:40"),
    "The bread": ("Oat bread bakes for 55 minutes.", "How long does the oat bread bake?", "55 minutes"),
    "The bell": ("The bell was cast in Lübeck in 1804.", "Where was the bell cast?", "Lübeck"),
    "The keeper": ("Ola Brandt has kept the light since 1963.", "Who keeps the light?", "Ola Brandt"),
    "The well": ("The well is forty metres deep.", "How deep is the well?", "forty metres"),
}
REWORDED = {
    "The lamp": "Which fuel feeds the lamp?",
    "The dog": "What is the weight of Bosun?",
    "The crane": "What load can the crane raise?",
    "The boat": "At what time does the mail boat depart?",
    "The bread": "For how many minutes is the bread in the oven?",
    "The bell": "In which town did they cast the bell?",
    "The keeper": "Name the keeper of the light.",
    "The well": "What is the depth of the well?",
}
UNASKED = {
    "The goat": "The goat eats what the garden leaves, and in winter hay from the mainland.",
    "The ice house": "The dog sleeps in the ice house, and nobody has ever weighed the house.",
}
BESIDE = "Boats come and go all day and nobody on the island minds the noise that they make. More is told elsewhere."


def corpus() -> dict[str, str]:
    told = {heading: text for heading, (text, _, _) in SECTIONS.items()} | UNASKED
    return {"island.md": "".join(f"# {heading}\n\n{BESIDE} {text}\n\n" for heading, text in told.items())}


def write_questions(file: Path, phrasings: dict[str, list[str]] | None = None) -> Path:
    """A question file about the sections; ``phrasings``: others than the main ones."""
    lines = []
    for heading, (text, question, answer) in SECTIONS.items():
        asked = phrasings[heading] if phrasings else [question]
        evidence = [{"doc": "island.md", "heading": heading, "quote": text}]
        case = {"id": heading.replace(" ", "-"), "question": asked[0], "paraphrases": asked[1:], "answers": [answer]}
        lines.append(json.dumps({**case, "evidence": evidence}))
    file.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return file


def write_unanswerable(file: Path) -> Path:
    asked = ("What does the lamp weigh?", "Who cast the anchor?")
    cases = [{"id": f"un-{it}", "question": it, "why_unanswerable": "nothing says so"} for it in asked]
    file.write_text("".join(json.dumps(case) + "\n" for case in cases), encoding="utf-8")
    return file


def material(folder: Path) -> Material:
    files = [write_questions(folder / "questions.jsonl"), write_unanswerable(folder / "unanswerable.jsonl")]
    return read_questions(files, corpus())
