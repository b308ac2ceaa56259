"""What the weights are taught of an edit, what they rehearse meanwhile, and what they are asked.

The first phrasing of an edit's question is asked and never trained on. Trained on are its paraphrases and the sentences
that the edit puts into the documents, their answer blanked: the forms that the shipped weights learned their facts in,
though fewer of each. Rehearsed are the questions and definitions that the edits leave as they are.
"""

import re
from collections.abc import Iterator, Mapping, Sequence

from evals.cases import Edit, Question
from evals.evidence import locate
from evals.freshness.bursts import together
from evals.freshness.inquiries import kind_of
from kstore.text.definitions import definitions
from kstore.text.markdown import units
from kstore.weights.examples import BLANK, Example, definition_examples


def teachable(edits: Sequence[Edit], documents: Mapping[str, str], count: int, seed: int) -> list[Edit]:
    """``count`` of the edits, or as many as there are, that turn an answer into another one and go together."""
    turning = [edit for edit in edits if kind_of(edit, documents) in {"value", "rename"}]
    return list(together(turning, documents, count, seed)[0]) if turning else []


def edited(documents: Mapping[str, str], edits: Sequence[Edit]) -> dict[str, str]:
    """The documents after all the edits."""
    current = dict(documents)
    for edit in edits:
        current = edit.applied(current)
    return current


def examples_of(edit: Edit, documents: Mapping[str, str]) -> list[Example]:
    """What teaches the edit; ``documents`` are those without it."""
    answers = edit.new_answers or ()
    asked = [Example(edit.id, question, tuple(answers)) for question in edit.phrasings[1:]]
    return [*asked, *_statements(edit, documents)]


def kept_examples(questions: Sequence[Question], before: Mapping[str, str], after: Mapping[str, str]) -> list[Example]:
    """The training examples of what stands in the documents before and after: questions in every phrasing, statements
    with their answer blanked, definitions."""
    examples = []
    for question in unchanged(questions, after):
        answers = tuple(question.answers or ())
        blanked = (blank(statement, answers[:1]) for statement in question.statements)
        examples += [Example(question.cluster, prompt, answers) for prompt in question.phrasings]
        examples += [Example(question.cluster, found[0], answers) for found in blanked if found]
    defined = set(definitions(before))
    for it in definitions(after):
        if it in defined:
            examples += definition_examples(f"{it.document}#{it.term}", it.term, it.sentence)
    return examples


def unchanged(questions: Sequence[Question], after: Mapping[str, str]) -> list[Question]:
    """The questions with an answer whose evidence still stands in the documents after the edits, all of it."""

    def stands(question: Question) -> bool:
        try:
            return bool([locate(it, after) for it in question.evidence])
        except ValueError:
            return False

    return [question for question in questions if question.answers and stands(question)]


def blank(text: str, answers: Sequence[str]) -> tuple[str, str] | None:
    """The text with the first of the answers that stands in it blanked, and that answer; None where none does.

    >>> blank("It weighs 31 kilograms.", ["31 kg", "31 kilograms"])
    ('It weighs ___.', '31 kilograms')
    """
    for answer in answers:
        found = re.search(rf"(?<!\w){re.escape(answer)}(?!\w)", text, re.IGNORECASE)
        if found:
            return text[: found.start()] + BLANK + text[found.end() :], answer
    return None


def _statements(edit: Edit, documents: Mapping[str, str]) -> Iterator[Example]:
    """Each sentence that the edit writes and that holds a new answer, with that answer blanked."""
    for change in (edit, *edit.also):
        start = documents[change.doc].index(change.find)
        text = documents[change.doc].replace(change.find, change.replace)
        for sentence in _sentences(text, start, start + len(change.replace)):
            if found := blank(sentence, edit.new_answers or ()):
                yield Example(edit.id, found[0], (found[1],))


def _sentences(text: str, start: int, end: int) -> Iterator[str]:
    """The sentences and table rows that ``text[start:end]`` has a part in, without markup."""
    first = text.rfind("\n\n", 0, start) + 1  # of the block; a whole document would take long to parse
    last = text.find("\n\n", end)
    for unit in units(text[first : last if last >= 0 else len(text)]):
        if first + unit.start < end and start < first + unit.end:
            yield unit.plain
