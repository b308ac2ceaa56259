"""Arms by name: all that are known, in the order asked for, and errors that tell what to do."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from evals.arms.choose import ARMS, choose, flags, meaning
from evals.arms.protocol import Arm, Ranking
from evals.cases import Question
from evals.run import Task, ask
from kstore.assemble import open_kstore
from kstore.controls import Refinements
from kstore.errors import InputError, UnavailableError
from kstore.service import KStore
from kstore.settings import load_settings
from tests.conftest import TINY
from tests.evals.smoke import LESSONS, QUESTIONS
from tests.weights import model_zoo

CASES = [Question.model_validate(it) for it in QUESTIONS]
TAUGHT = [Question.model_validate(it) for it in LESSONS]


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory, cache: object) -> Iterator[KStore]:
    home = tmp_path_factory.mktemp("arms")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("KSTORE_CACHE", str(cache))
        with open_kstore(load_settings(home=home), empty=True) as opened:
            opened.ingest([str(TINY)])
            yield opened


def chosen(store: KStore, *names: str) -> dict[str, Arm]:
    return {arm.name: arm for arm in choose(names, store, CASES, TAUGHT)}


def test_they_come_in_the_order_asked_for(store: KStore) -> None:
    names = [name for name in reversed(ARMS) if name != "long-context"]
    assert list(chosen(store, *names)) == names
    assert all(meaning(name) for name in [*ARMS, "http://there", "another"])


def test_who_ranks_and_who_cites(store: KStore) -> None:
    able = {name: flags(arm) for name, arm in chosen(store, *(it for it in ARMS if it != "long-context")).items()}
    both = {"retrieval", "lexical-only", "top-passage", "oracle-passage"}
    assert able.pop("adaptive") == (False, True)  # it searches only where it has to
    assert able == {name: (name in both, name in both) for name in able}


def test_the_oracle_reads_the_passages_with_the_evidence_and_nothing_else(store: KStore) -> None:
    oracle = chosen(store, "oracle-passage")["oracle-passage"]
    for case in CASES:
        for question in case.phrasings:
            answer = oracle.answer(question)
            assert answer.text is not None
            assert {it.document for it in answer.citations} == {it.doc for it in case.evidence}
    assert oracle.answer("Who is the mayor?").declined == "no passage has it"


def test_each_way_of_searching_is_an_arm(store: KStore) -> None:
    ways = {
        "top-passage:dense": store.search("harbour", 10, "dense"),
        "top-passage:lexical": store.search("harbour", 10, "lexical"),
        "top-passage:hybrid": store.search("harbour", 10, refinements=Refinements(False, False, False)),
        "top-passage:hybrid+glossary+rerank": store.search("harbour", 10),
    }
    arms = chosen(store, *ways)
    for name, evidence in ways.items():
        arm = arms[name]
        assert isinstance(arm, Ranking)
        assert arm.rank("harbour") == evidence.hits
        assert arm.answer("harbour").text == evidence.hits[0].text
        assert flags(arm) == (True, True)
        assert name.partition(":")[2] in meaning(name)


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("top-passage:hybrid+magic", "glossary, feedback, rerank"),
        ("top-passage:dense+rerank", "only a hybrid search"),
        ("top-passage:nearest", "unknown method"),
    ],
)
def test_a_way_that_there_is_not_is_refused(store: KStore, name: str, why: str) -> None:
    with pytest.raises(InputError, match=why):
        chosen(store, name)


def test_the_nearest_question_is_found_in_other_words(store: KStore) -> None:
    nearest = chosen(store, "nearest-question")["nearest-question"]
    assert nearest.answer("What name does the cat have?").text == "Saffron"


def test_the_majority_answer_is_right_for_most_lessons_in_any_spelling(store: KStore) -> None:
    accepted = [["0.1"], ["0.1"], ["one", "1"], ["1.", "a single one"], ["1"], None]
    lessons = [Question.model_validate({"id": f"{n}", "question": "?", "answers": it}) for n, it in enumerate(accepted)]
    (arm,) = choose(["majority"], store, CASES, lessons)
    assert arm.answer("Anything?").text == "1"


def test_the_best_passage_is_given_whole(store: KStore) -> None:
    answer = chosen(store, "top-passage")["top-passage"].answer("What does the lamp burn?")
    assert answer.text is not None
    assert "rapeseed oil" in answer.text
    assert answer.citations[0].text == answer.text
    assert answer.as_of == store.revision()


def test_lexical_search_declines_where_no_word_fits(store: KStore) -> None:
    lexical = chosen(store, "lexical-only")["lexical-only"]
    assert lexical.answer("Xyzzy?").text is None
    assert "Saffron" in lexical.answer("Who is called Saffron?").citations[0].text


def test_errors_tell_what_to_do(store: KStore) -> None:
    with pytest.raises(InputError, match="unknown arm 'nobody': choose of parametric, retrieval"):
        chosen(store, "nobody")
    with pytest.raises(InputError, match="two arms are called 'retrieval'"):
        choose(["retrieval", "retrieval"], store, CASES, [])
    with pytest.raises(InputError, match="--training"):
        choose(["nearest-question"], store, CASES, [])
    with pytest.raises(InputError, match="no arm"):
        choose([], store, CASES, [])
    with pytest.raises(UnavailableError, match="follows instructions"):
        chosen(store, "long-context")


def test_the_whole_corpus_stands_in_the_prompt(tmp_path: Path) -> None:
    model = model_zoo.reciting_model(tmp_path / "model", f"\nIda Marrow{model_zoo.END}", chat=True, window=4096)
    settings = load_settings(home=tmp_path / "store", generator=str(model))
    with open_kstore(settings, empty=True) as opened:
        opened.put("lighthouse.md", "# Lighthouse\n\nThe lighthouse was built by Ida Marrow.\n")
        (arm,) = choose(["long-context"], opened, CASES, [])
        answer = arm.answer("Who built the lighthouse?")
        assert (answer.text, answer.as_of) == ("Ida Marrow", 1)
        assert answer.tokens
        assert answer.timings["total"] == pytest.approx(answer.timings["first_token"] + answer.timings["generate"])
        opened.put("long.md", "Much is said and little meant. " * 500)
        (arm,) = choose(["long-context"], opened, CASES, [])
        row = ask(arm, Task(CASES[0], 0))
        assert (row.outcome, row.error) == ("errored", "bad_input")
        assert "exceed" in (row.reason or "")
