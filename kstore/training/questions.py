"""What the retrieval models are trained on: questions with the places that answer them, of two kinds of file.

Question files are those of ``evals/questions``, with and without an answer. SQuAD files (Rajpurkar et al. 2016 and
2018) are in the official layout; each article becomes a Markdown document with its title as the heading.
"""

import hashlib
import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from kstore.errors import InputError
from kstore.lines import numbered_lines

# Articles of SQuAD that are never trained on, so that figures on them say how the models do on a text they do not know.
KEPT_BACK = ("Amazon_rainforest", "Packet_switching", "Genghis_Khan", "Prime_number", "Steam_engine")


@dataclass(frozen=True, slots=True)
class Place:
    """A span of a document, in characters."""

    document: str
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Question:
    """A question in all its phrasings. ``answers`` are those accepted, the best first; none: nothing answers it.

    ``places`` hold the evidence; of a question without an answer, what only seems to answer it, where that is known.
    """

    fact: str
    phrasings: tuple[str, ...]
    answers: tuple[str, ...]
    places: tuple[Place, ...]


@dataclass(frozen=True, slots=True)
class Material:
    """Documents, ``{name: text}``, and questions about them."""

    documents: Mapping[str, str]
    questions: Sequence[Question]

    def __add__(self, other: "Material") -> "Material":
        return Material({**self.documents, **other.documents}, [*self.questions, *other.questions])


def read_questions(files: Iterable[Path], documents: Mapping[str, str]) -> Material:
    """The questions of these files, their evidence found in ``documents``.

    InputError, with file and line, where a line is no question or a quotation does not stand in its document.
    """
    return Material(documents, [question for file in files for question in _questions(file, documents)])


def read_squad(files: Iterable[Path], kept_back: Sequence[str] = KEPT_BACK) -> tuple[Material, Material]:
    """The articles of SQuAD files to train on, and those kept back.

    A paragraph that is in several files is taken once, with the questions of all, each once.
    """
    paragraphs: dict[str, dict[str, dict[str, Any]]] = {}
    for file in files:
        try:
            articles = json.loads(file.read_text(encoding="utf-8"))["data"]
            for article in articles:
                contexts = paragraphs.setdefault(article["title"], {})
                for paragraph in article["paragraphs"]:
                    asked = contexts.setdefault(paragraph["context"], {})
                    asked.update({question["id"]: question for question in paragraph["qas"]})
        except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
            raise InputError(f"{file} is not a SQuAD file: {error!r}") from error
    learnt = {title: contexts for title, contexts in paragraphs.items() if title not in kept_back}
    kept = {title: contexts for title, contexts in paragraphs.items() if title in kept_back}
    return _articles(learnt), _articles(kept)


def file_digest(file: Path) -> str:
    """Hex sha256 of a file, by which a training record names it."""
    return hashlib.sha256(file.read_bytes()).hexdigest()


def _questions(file: Path, documents: Mapping[str, str]) -> Iterator[Question]:
    for number, line in numbered_lines(file):
        try:
            case = json.loads(line)
            phrasings = tuple(str(text) for text in (case["question"], *case.get("paraphrases", ())))
            # An unanswerable case says why; a question of a changing corpus may say null.
            answers = () if "why_unanswerable" in case else tuple(case["answers"] or ())
            places = tuple(_place(evidence, documents) for evidence in case.get("evidence", ()))
            fact = str(case.get("fact", case["id"]))
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise InputError(f"{file}:{number}: not a question about this corpus: {error!r}") from error
        if places or not answers:  # an answer that nothing proves teaches nothing here
            yield Question(fact, phrasings, answers, places)


def _place(evidence: Mapping[str, str], documents: Mapping[str, str]) -> Place:
    """Where the quotation stands; where it stands several times, the first place below the heading that is named."""
    name, quote = evidence["doc"], evidence["quote"]
    text = documents[name]
    heading = evidence.get("heading")
    below = re.search(rf"^#+ +{re.escape(heading)}", text, re.MULTILINE) if heading else None
    start = text.find(quote, below.start() if below else 0)
    if start < 0:
        start = text.find(quote)
    if not quote or start < 0:
        raise ValueError(f"{quote[:60]!r} does not stand in {name}")
    return Place(name, start, start + len(quote))


def _articles(paragraphs: Mapping[str, Mapping[str, Mapping[str, Any]]]) -> Material:
    documents: dict[str, str] = {}
    questions: list[Question] = []
    for title, contexts in paragraphs.items():
        name = f"squad/{title}.md"
        text = f"# {title.replace('_', ' ')}\n"
        for context, asked in contexts.items():
            text += "\n"
            start = len(text)
            questions += (_from_squad(question, name, context, start) for question in asked.values())
            text += f"{context}\n"
        documents[name] = text
    return Material(documents, questions)


def _from_squad(question: Mapping[str, Any], name: str, context: str, start: int) -> Question:
    spans = dict.fromkeys((it["text"], it["answer_start"]) for it in question["answers"])
    if question.get("is_impossible") or not spans:
        return Question(
            f"squad#{question['id']}", (question["question"],), (), (Place(name, start, start + len(context)),)
        )
    # The answer that most annotators gave comes first in the files' own order often enough.
    _, first = next(iter(spans))
    low, high = context.rfind(". ", 0, first) + 1, context.find(". ", first)
    low, high = low + len(context[low:first]) - len(context[low:first].lstrip()), len(context) if high < 0 else high + 1
    answers = tuple(dict.fromkeys(text for text, _ in spans))
    return Question(
        f"squad#{question['id']}", (question["question"],), answers, (Place(name, start + low, start + high),)
    )
