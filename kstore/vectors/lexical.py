"""Lexical search: BM25 over the texts, by SQLite's FTS5, in the same file and transaction as the passages."""

import re

from kstore.filters import EVERYTHING, Filter
from kstore.vectors.filtering import standing
from kstore.vectors.store import Store

# Words that ask rather than name: leaving them out of the query is worth more than any fusion weight.
QUESTION_WORDS = frozenset(
    "a about according an and any are as at be been between both but by can could did do does doing done each for from "
    "get give given gives had has have having he her here him his how i if in into is it its itself let ll me mean "
    "means more most much must my of on one or other our out over per please s say says she should since so some such "
    "t than that the their them then there these they this those through to under up us use used uses using was we "
    "were what when where whether which while who whom whose why will with within would you your".split()
)
_WORD = re.compile(r"\w+")
_HEADING_WEIGHT, _BODY_WEIGHT = 2.0, 1.0
_MOST_WORDS = 64


def telling_words(query: str) -> list[str]:
    """The distinct words of a question that name something; all of them where none does. In lower case, 64 at most."""
    words = list(dict.fromkeys(_WORD.findall(query.lower())))
    return ([word for word in words if word not in QUESTION_WORDS] or words)[:_MOST_WORDS]


def match_expression(query: str) -> str:
    """The FTS5 expression for a question: any of its telling words.

    They are quoted, so that nothing in a question is read as FTS5 syntax.
    """
    return " OR ".join(f'"{word}"' for word in telling_words(query))


def search_lexical(
    store: Store, query: str, k: int, revision: int, where: Filter = EVERYTHING
) -> list[tuple[int, float]]:
    """The ``k`` best (text id, BM25 score) among the texts alive at ``revision`` that the filter lets be found, best
    first, ties by id.

    Higher is better, as everywhere here; FTS5's own scores are negative. The heading path counts double. Which texts
    are found depends on ``revision`` alone; how rare a word is counted over every text the store has ever held, so the
    scores, and with them the order, can shift a little as other texts come.
    """
    expression = match_expression(query)
    if not expression:
        return []
    places, parameters = standing(where)
    parameters |= {"heading": _HEADING_WEIGHT, "body": _BODY_WEIGHT, "words": expression, "r": revision, "k": k}
    with store.database.reading() as connection:
        rows = connection.execute(
            "SELECT rowid, -bm25(lexical, :heading, :body) AS score FROM lexical WHERE lexical MATCH :words"
            f" AND EXISTS (SELECT 1 FROM {places} AND p.text = lexical.rowid) ORDER BY score DESC, rowid LIMIT :k",
            parameters,
        ).fetchall()
    return [(int(text), float(score)) for text, score in rows]
