"""The retrieval arm over the tiny corpus: quotes that stand in the documents, of a known revision, or none at all."""

import time
from collections.abc import Mapping

import pytest

from kstore.answering.retrieval import RetrievalArm
from kstore.controls import Controls, Cut, Method, Refinements
from kstore.errors import RevisionError
from kstore.service import KStore
from kstore.types import Answer, Citation
from tests.conftest import TINY

SIMILARITY_METHODS: tuple[Method, ...] = ("dense", "hybrid")
METHODS: tuple[Method, ...] = (*SIMILARITY_METHODS, "lexical")

# Question, document and the words that answer it.
QUESTIONS = [
    ("Who built the lighthouse of Kell Point?", "lighthouse.md", "Ida Marrow"),
    ("What does the lamp burn?", "lighthouse.md", "rapeseed oil"),
    ("How often does the keeper wind the clockwork?", "lighthouse.md", "every four hours"),
    ("What is the gull called?", "animals.md", "Admiral"),
    ("How much does the dog weigh?", "animals.md", "31 kilograms"),
    ("How long does the oat bread bake?", "recipes.md", "55 minutes"),
]


@pytest.fixture
def arm(tiny: KStore) -> RetrievalArm:
    arm = tiny.arm("retrieval")
    assert isinstance(arm, RetrievalArm)
    return arm


def assert_quotes(citation: Citation, text: str) -> None:
    """The citation is an exact span of ``text``, and its lines are the lines of that span."""
    assert citation.text
    assert text[citation.start : citation.end] == citation.text
    assert citation.line_start == text[: citation.start].count("\n") + 1
    assert citation.line_end == citation.line_start + citation.text.count("\n")


def assert_declined(answer: Answer, reason: str) -> None:
    assert answer.text is None
    assert answer.declined == reason
    assert answer.citations == ()


@pytest.mark.parametrize("method", METHODS)
def test_the_answer_is_quoted_from_where_it_stands(method: Method, arm: RetrievalArm) -> None:
    for question, document, words in QUESTIONS:
        answer = arm.answer(question, Controls(method=method))
        assert answer.arm == "retrieval"
        assert answer.declined is None
        assert answer.text is not None
        assert words in answer.text, question
        assert answer.confidence is not None
        assert 0 < answer.confidence < 1
        assert document in {citation.document for citation in answer.citations if words in citation.text}
        for citation in answer.citations:
            assert_quotes(citation, (TINY / citation.document).read_text(encoding="utf-8"))
            assert citation.revision == answer.as_of == 1


def test_headings_say_where_a_quote_stands(arm: RetrievalArm) -> None:
    first = arm.answer("What does the lamp burn?").citations[0]
    assert first.headings == ("The lighthouse of Kell Point", "The lamp")


def test_documents_with_odd_line_ends_and_characters_are_quoted_exactly(tiny: KStore, arm: RetrievalArm) -> None:
    text = "# Der Kiosk 🜁\r\n\r\nDer Kiosk öffnet früh.\r\n\r\n* Eis kostet **5 €** am Café.\r\n* Brot kostet 2 €."
    tiny.put("kiosk.md", text)
    answer = arm.answer("Was kostet Eis am Café?")
    assert answer.citations[0].document == "kiosk.md"
    assert answer.text == "5 €"
    assert answer.citations[0].text == "Eis kostet **5 €** am Café."  # the quote leaves the list's marker out
    for citation in answer.citations:
        if citation.document == "kiosk.md":
            assert_quotes(citation, text)


class TestRevisions:
    def test_an_edit_is_answered_at_once_and_the_past_stays(self, tiny: KStore, arm: RetrievalArm) -> None:
        question = "How tall is the lighthouse of Kell Point?"
        before = (TINY / "lighthouse.md").read_text(encoding="utf-8")
        after = "A line above.\n\n" + before.replace("42 metres", "45 metres")
        revision = tiny.put("lighthouse.md", after).revision
        for as_of, height, text in (
            (None, "45 metres", after),
            (revision, "45 metres", after),
            (1, "42 metres", before),
        ):
            answer = arm.answer(question, Controls(as_of=as_of))
            assert answer.as_of == (as_of or revision)
            assert answer.knowledge.startswith(f"documents as of revision {answer.as_of}; ")
            assert answer.text is not None
            assert height in answer.text
            for citation in answer.citations:
                assert citation.revision == answer.as_of
                if citation.document == "lighthouse.md":
                    assert_quotes(citation, text)

    def test_a_deleted_document_is_not_quoted(self, tiny: KStore, arm: RetrievalArm) -> None:
        tiny.delete("lighthouse.md")
        answer = arm.answer("Who built the lighthouse of Kell Point?")
        assert "lighthouse.md" not in {citation.document for citation in answer.citations}

    def test_a_revision_not_yet_reached_is_an_error(self, arm: RetrievalArm) -> None:
        with pytest.raises(RevisionError):
            arm.answer("Who built it?", Controls(as_of=2))


class TestDeclining:
    def test_at_revision_nought_there_is_nothing_to_quote(self, arm: RetrievalArm) -> None:
        for method in SIMILARITY_METHODS:
            answer = arm.answer("Who built the lighthouse?", Controls(as_of=0, method=method))
            assert_declined(answer, "the corpus holds no passage at revision 0")
            assert answer.as_of == 0

    def test_an_emptied_corpus_says_which_revision_was_empty(self, tiny: KStore, arm: RetrievalArm) -> None:
        for file in TINY.iterdir():
            tiny.delete(file.name)
        revision = 1 + len(list(TINY.iterdir()))
        assert_declined(arm.answer("Who built it?"), f"the corpus holds no passage at revision {revision}")

    def test_below_a_high_threshold_nothing_is_good_enough(self, arm: RetrievalArm) -> None:
        for method in SIMILARITY_METHODS:
            answer = arm.answer("Who built the lighthouse?", Controls(method=method, cut=Cut(threshold=0.99)))
            assert_declined(answer, "no passage is similar enough to the question")
            assert answer.as_of == 1

    def test_a_threshold_tells_questions_that_fit_from_those_that_do_not(self, arm: RetrievalArm) -> None:
        controls = Controls(cut=Cut(threshold=0.45))
        assert arm.answer("How tall is the lighthouse of Kell Point?", controls).text is not None
        assert arm.answer("Which opcode adds two floating-point registers?", controls).text is None

    def test_a_question_from_another_field_is_declined_whatever_comes_nearest(self, guide: KStore) -> None:
        for question in (
            "How do I change a bicycle tyre?",
            "Who composed the Four Seasons?",
            "How do bees make honey?",
        ):
            answer = guide.ask(question, "retrieval").answers[0]
            assert_declined(answer, "no passage is similar enough to the question")

    def test_words_that_stand_nowhere_are_not_called_an_empty_corpus(self, arm: RetrievalArm) -> None:
        for as_of in (0, 1):
            answer = arm.answer("Quokka xylophone?", Controls(method="lexical", as_of=as_of))
            assert_declined(answer, f"no passage at revision {as_of} holds a word of the question")


class TestTimings:
    STAGES: Mapping[Method, set[str]] = {
        "dense": {"pin", "encode", "search", "cut", "read"},
        "lexical": {"search", "cut", "read"},
        "hybrid": {"pin", "encode", "search", "fuse", "rerank", "cut", "read"},
    }

    def test_without_reranking_there_is_no_such_stage(self, arm: RetrievalArm) -> None:
        assert (
            "rerank"
            not in arm.answer("Who built the lighthouse?", Controls(refinements=Refinements(rerank=False))).timings
        )

    def test_stages_add_up_to_the_total(self, arm: RetrievalArm) -> None:
        for method, stages in self.STAGES.items():
            before = time.perf_counter()
            timings = dict(arm.answer("Who built the lighthouse?", Controls(method=method)).timings)
            elapsed = (time.perf_counter() - before) * 1e3
            total = timings.pop("total")
            assert set(timings) == stages
            assert all(spent >= 0 for spent in timings.values())
            assert total == pytest.approx(sum(timings.values()))
            assert 0 < total <= elapsed

    def test_declining_takes_time_too(self, arm: RetrievalArm) -> None:
        timings = arm.answer("Who built it?", Controls(as_of=0)).timings
        assert timings["total"] == pytest.approx(sum(spent for stage, spent in timings.items() if stage != "total"))


def test_k_bounds_what_is_read(tiny: KStore, arm: RetrievalArm) -> None:
    """With one passage, every quote is from that one."""
    question = "Which animals and which foods are there in the harbour?"
    best = tiny.search(question, 1).hits[0]
    for citation in arm.answer(question, Controls(k=1)).citations:
        assert citation.document == best.document
        assert best.start <= citation.start < citation.end <= best.end
