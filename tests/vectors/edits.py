"""Random but repeatable changes, so that two processes can agree on them without talking."""

import random
from dataclasses import dataclass, field

NAMES = ("a.md", "b.md", "notes/c.md", "notes/ü.md", "e.md", "f.md")
_WORDS = ("lamp", "oil", "gull", "cat", "rope", "tide", "mail", "boat", "fog", "storm", "ice", "keeper")


@dataclass(frozen=True, slots=True)
class Change:
    """One revision's edits. Each alters at least one document of the state that it is made for."""

    puts: dict[str, str] = field(default_factory=dict)
    deletes: tuple[str, ...] = ()


def random_changes(seed: int, count: int) -> tuple[list[Change], list[dict[str, str]]]:
    """``count`` changes for an empty store, and the ``count`` + 1 states that it goes through."""
    random_source = random.Random(seed)
    states: list[dict[str, str]] = [{}]
    changes: list[Change] = []
    while len(changes) < count:
        before = states[-1]
        touched = random_source.sample(NAMES, random_source.randint(1, 3))
        deletes = tuple(name for name in touched if name in before and random_source.random() < 0.3)
        puts = {name: random_text(random_source) for name in touched if name not in deletes}
        after = {name: text for name, text in (before | puts).items() if name not in deletes}
        if after != before:
            changes.append(Change(puts, deletes))
            states.append(after)
    return changes, states


def random_text(random_source: random.Random) -> str:
    """One to four short sections; few enough words that documents often share a passage."""
    sections = []
    for _ in range(random_source.randint(1, 4)):
        heading, *words = random_source.choices(_WORDS, k=random_source.randint(2, 4))
        sections.append(f"# {heading}\n\n{' '.join(words)}\n")
    return "\n".join(sections)
