"""The gold questions and edits: sound by the check that anyone can run, as many and as varied as was promised."""

import re
from collections import Counter, defaultdict
from collections.abc import Sequence
from pathlib import Path

import pytest

import evals
from evals.casefiles import load
from evals.cases import Asking, Edit, Question, Unanswerable
from evals.check import check, is_training
from tests.guide.chapters import TEXTS, anchor, headings, section

QUESTIONS = Path(evals.__file__).parent / "questions"
EDITS = QUESTIONS.parent / "edits"
QUESTION_FILES = {file.stem: file for file in sorted(QUESTIONS.glob("*.jsonl"))}
SPLITS = ("train", "test", "dev_train", "dev", "heldout_train", "heldout")
UNANSWERABLE = ("unanswerable", "unanswerable_dev", "unanswerable_train")
GOLD = {split: load(Question, [QUESTION_FILES[split]]) for split in SPLITS}
MEASURED = [question for split in ("test", "dev", "heldout") for question in GOLD[split]]
TYPES = {"number", "formula", "name", "definition", "reason", "procedure", "comparison", "code", "multi-hop"}


def test_every_file_passes_the_check() -> None:
    report = check([*QUESTION_FILES.values(), *sorted(EDITS.glob("*.jsonl"))], TEXTS)
    assert report.problems == ()


def test_there_are_a_thousand_facts_and_the_kinds_that_were_promised() -> None:
    facts = {question.cluster for question in MEASURED}
    assert len(facts) >= 1000
    types = Counter({question.id: question.type for question in MEASURED}.values())
    assert set(types) == TYPES
    assert types["multi-hop"] >= 120
    assert types["number"] + types["formula"] >= 150
    assert types["comparison"] >= 100
    assert types["code"] >= 80


def test_every_record_is_in_the_file_of_its_split() -> None:
    assert set(QUESTION_FILES) == {*SPLITS, *UNANSWERABLE}
    for split, questions in GOLD.items():
        assert {question.split for question in questions} == {split}


def test_each_fact_has_training_phrasings_and_others_to_measure_by() -> None:
    training, measuring, statements = defaultdict[str, int](int), defaultdict[str, int](int), defaultdict[str, int](int)
    for split, questions in GOLD.items():
        for question in questions:
            count = training if is_training(split) else measuring
            count[question.cluster] += len(question.phrasings)
            statements[question.cluster] += len(question.statements)
    assert training.keys() == measuring.keys()
    assert min(training.values()) >= 8
    assert min(statements.values()) >= 3
    assert all(len(question.phrasings) == 4 for question in MEASURED)


def test_a_seventh_of_the_facts_is_never_trained_on() -> None:
    facts = {split: {question.cluster for question in questions} for split, questions in GOLD.items()}
    total = len(facts["test"] | facts["dev"] | facts["heldout"])
    assert 0.13 <= len(facts["heldout"]) / total <= 0.17
    assert not facts["heldout"] & (facts["train"] | facts["dev_train"])


def test_no_question_gives_its_answer_away() -> None:
    for question in MEASURED:
        assert question.answers
        if len(question.answers[0]) > 3:
            gold = re.compile(rf"(?<!\w){re.escape(question.answers[0])}(?!\w)", re.IGNORECASE)
            assert not [phrasing for phrasing in question.phrasings if gold.search(phrasing)], question.id


def test_every_fact_has_its_evidence_and_multi_hop_facts_have_it_in_two_places() -> None:
    for question in MEASURED:
        assert question.evidence, question.id
        if question.type == "multi-hop":
            assert len({(it.doc, it.heading) for it in question.evidence}) >= 2, question.id


def test_statements_tell_the_fact() -> None:
    for question in (*GOLD["train"], *GOLD["dev_train"], *GOLD["heldout_train"]):
        assert question.answers
        gold = re.compile(rf"(?<!\w){re.escape(question.answers[0])}(?!\w)", re.IGNORECASE)
        assert all(gold.search(statement) for statement in question.statements), question.id


def test_facts_are_spread_over_the_chapters_in_proportion() -> None:
    """Facts per word of each chapter are within a factor of two of the guide's own."""
    facts = Counter({question.cluster: question.evidence[0].doc for question in MEASURED}.values())
    words = {name: len(text.split()) for name, text in TEXTS.items() if name != "README.md"}
    usual = sum(facts.values()) / sum(words.values())
    for name, count in words.items():
        assert 0.5 <= facts[name] / count / usual <= 2, f"{name}: {facts[name]} facts in {count} words"


def test_unanswerable_questions_are_many_and_near() -> None:
    test = load(Unanswerable, [QUESTION_FILES["unanswerable"]])
    elsewhere = [question for question in test if question.id.startswith("un-else-")]
    assert len(elsewhere) >= 30
    assert len(test) - len(elsewhere) >= 200
    assert load(Unanswerable, [QUESTION_FILES["unanswerable_dev"]])


def test_edits_are_of_every_kind_with_neighbours_that_they_leave_alone() -> None:
    edits = load(Edit, sorted(EDITS.glob("*.jsonl")))
    assert len(edits) >= 150
    kinds = Counter(edit.kind for edit in edits)
    assert set(kinds) == {"value", "insert", "delete", "rename", "move", "format"}
    assert min(kinds.values()) >= 10
    for edit in edits:
        assert len(edit.neighbours) == 2, edit.id
        assert all(neighbour.evidence and neighbour.answers for neighbour in edit.neighbours), edit.id
        if edit.kind == "move":
            assert {change.doc for change in edit.also} - {edit.doc}, edit.id


@pytest.mark.parametrize("term", [it for it in headings("glossary.md") if len(it) > 1 and it != "Glossary"])
def test_every_glossary_term_is_explained_and_used(term: str) -> None:
    assert re.search(r"\]\((?!glossary)\w+\.md#[^)]+\)", section("glossary.md", term)), "it links to no section"
    words = "[- ]".join(re.escape(word) for word in re.split("[- ]", term))
    used = re.compile(rf"(?<!\w){words}|glossary\.md#{anchor(term)}\)", re.IGNORECASE)
    assert any(used.search(text) for name, text in TEXTS.items() if name not in {"glossary.md", "README.md"})


@pytest.mark.parametrize("split", UNANSWERABLE)
def test_what_cannot_be_answered_is_not_told_by_how_long_the_question_is(split: str) -> None:
    """A reader that declines short questions would look good otherwise."""

    def mean_words(questions: Sequence[Asking]) -> float:
        lengths = [len(phrasing.split()) for question in questions for phrasing in question.phrasings]
        return sum(lengths) / len(lengths)

    likes = "train" if is_training(split) else "dev" if split.endswith("dev") else "test"
    ratio = mean_words(load(Unanswerable, [QUESTION_FILES[split]])) / mean_words(GOLD[likes])
    assert 0.9 <= ratio <= 1.1
