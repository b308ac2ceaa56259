"""What a model is trained on: prompts with the answer that each should bring back.

Knowledge goes into small weights by many varied phrasings of each fact, questions and statements mixed (Allen-Zhu and
Li 2023, "Physics of language models, part 3.1"). Question files give both; for a corpus without questions, its own
definitions are turned into some.
"""

import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from kstore.errors import InputError
from kstore.lines import numbered_lines

BLANK = "___"  # stands for the answer in a statement
_TEMPLATES = ("What is {}?", "Define {}.", "What does {} mean?", "Explain {}.", "Can you tell me what {} is?")


@dataclass(frozen=True, slots=True)
class Example:
    """One prompt, the answers accepted for it (the first is the one to learn), and the fact that they are about."""

    fact: str
    prompt: str
    answers: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Origin:
    """What a model is trained on: a state of a corpus, by digest and ISO date."""

    corpus_digest: str
    corpus_date: str


def read_examples(files: Iterable[Path]) -> list[Example]:
    """The examples of question files: each question, each paraphrase, each statement with its answer blanked.

    InputError, with file and line, where a line is not a question.
    """
    return [example for file in files for example in _file_examples(file)]


def definition_examples(fact: str, term: str, sentence: str) -> list[Example]:
    """Questions that a definition answers: "What is softmax?" and its like, each answered by the whole sentence."""
    return [Example(fact, template.format(term), (sentence,)) for template in _TEMPLATES]


def _file_examples(file: Path) -> Iterator[Example]:
    for number, line in numbered_lines(file):
        try:
            question = json.loads(line)
            if question["answers"] is None:
                continue
            answers = _strings(question["answers"])
            first = answers[0]
            fact = question.get("fact", question["id"])
            prompts = _strings([question["question"], *_strings(question.get("paraphrases", []))])
            prompts += [_blanked(statement, first) for statement in _strings(question.get("statements", []))]
        except (ValueError, KeyError, TypeError, IndexError, AttributeError) as error:
            raise InputError(f"{file}:{number}: not a question: {error!r}") from error
        yield from (Example(fact, prompt, tuple(answers)) for prompt in prompts if prompt)


def _strings(value: object) -> list[str]:
    """``value`` where it is a list of strings with something in them; ValueError otherwise."""
    if not (isinstance(value, list) and all(isinstance(text, str) and text.strip() for text in value)):
        raise ValueError(f"{value!r} is not a list of strings")
    return value


def _blanked(statement: str, answer: str) -> str:
    """The statement with its answer replaced by a blank; '' where the answer does not stand in it as such."""
    found = re.search(rf"(?<!\w){re.escape(answer)}(?!\w)", statement, re.IGNORECASE)
    return statement[: found.start()] + BLANK + statement[found.end() :] if found else ""
