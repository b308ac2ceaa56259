"""Reranking by late interaction: token vectors are made when a passage comes in, kept in the store, compared here."""

from collections.abc import Mapping, Sequence
from typing import Protocol

import numpy as np

from kstore.encoding.tokens import Matches, TokenVectors
from kstore.types import Passage, encoder_text
from kstore.vectors.commit import keep_token_vectors
from kstore.vectors.store import Store

# The share of the match in the final score. Chosen on dev questions: from 0.7 to 0.9 hardly anything changes.
_MATCH_WEIGHT = 5 / 6


class TokenMatcher(Protocol):
    """What makes token vectors and compares them; ``encoding.tokens.TokenEncoder`` is one."""

    @property
    def fingerprint(self) -> str: ...

    @property
    def dimension(self) -> int: ...

    def encode_passages(self, texts: Sequence[str]) -> list[TokenVectors]: ...

    def match(self, question: str, passages: Mapping[int, TokenVectors]) -> Matches: ...


class Reranker:
    """Orders candidates by their tokens. Threads may share it."""

    def __init__(self, store: Store, matcher: TokenMatcher) -> None:
        self._store = store
        self._matcher = matcher

    @property
    def model(self) -> str:
        return self._matcher.fingerprint

    def unseen(self, passages: Mapping[str, Passage]) -> dict[str, str]:
        """``{key: text}`` of the passages that have no token vectors yet."""
        missing = self._store.without_token_vectors(passages, self.model)
        return {key: passages[key].encoder_text for key in passages if key in missing}

    def encode(self, texts: Mapping[str, str]) -> dict[str, TokenVectors]:
        """``{key: token vectors}`` of ``{key: text}``."""
        return dict(zip(texts, self._matcher.encode_passages(list(texts.values())), strict=True))

    def rerank(self, question: str, scores: Mapping[int, float]) -> tuple[Mapping[int, float], Matches | None]:
        """The candidates' new scores, which lie between 0 and 1 where the old ones do, and their matches (None where
        there are no candidates).

        A candidate whose token vectors are not there, as in a store made before there were any, gets them now.
        """
        if not scores:
            return scores, None
        kept = self._store.token_vectors(self.model, list(scores))
        vectors = {text: self._shaped(kept[text]) for text in scores if text in kept}
        vectors |= self._made([text for text in scores if text not in kept])
        matches = self._matcher.match(question, {text: vectors[text] for text in scores})
        mixed = {
            text: (1 - _MATCH_WEIGHT) * score + _MATCH_WEIGHT * matches.scores[text] for text, score in scores.items()
        }
        return mixed, matches

    def _made(self, ids: Sequence[int]) -> dict[int, TokenVectors]:
        if not ids:
            return {}
        contents = self._store.text_contents(ids)
        texts = {key: encoder_text(headings, plain) for key, headings, plain in contents.values()}
        made = self.encode(texts)
        with self._store.database.writing() as connection:
            keep_token_vectors(connection, self.model, made)
        return {text: made[key] for text, (key, _, _) in contents.items()}

    def _shaped(self, kept: bytes) -> TokenVectors:
        return np.frombuffer(kept, dtype=np.int8).reshape(-1, self._matcher.dimension)
