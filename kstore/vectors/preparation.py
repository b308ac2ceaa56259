"""Before a change is committed, its passages get their vectors: outside the transaction, where it takes its time."""

from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from kstore.encoding.encoder import Encoder, Vectors
from kstore.encoding.tokens import TokenVectors
from kstore.types import Progress, encoder_text
from kstore.vectors.commit import Edit, keep_vectors
from kstore.vectors.rerank import Reranker
from kstore.vectors.store import Store

_ENCODE_AT_ONCE = 64  # passages between two reports of progress
_PREPARED_AT_ONCE = 4096  # passages; of a larger change, each gets its token vectors when it is first found


class Preparation:
    """Makes the vectors that a change lacks, each distinct text once."""

    def __init__(self, store: Store, reranker: Reranker | None, progress: Progress) -> None:
        self._store = store
        self._reranker = reranker
        self._progress = progress

    def vectors(self, encoder: Encoder, edits: Sequence[Edit]) -> dict[str, Vectors]:
        """``{key: vector}`` of the passages whose text this encoder has not encoded before."""
        passages = {passage.key: passage for edit in edits for passage in edit.passages or ()}
        unseen = self._store.without_vector(passages, encoder.fingerprint)
        texts = {key: passages[key].encoder_text for key in passages if key in unseen}
        return {key: vector for batch in self._encode(encoder, texts) for key, vector in batch.items()}

    def token_vectors(self, edits: Sequence[Edit]) -> dict[str, TokenVectors]:
        """``{key: token vectors}`` of the passages that have none yet; nothing without a reranker."""
        if self._reranker is None:
            return {}
        texts = self._reranker.unseen({it.key: it for edit in edits for it in edit.passages or ()})
        made: dict[str, TokenVectors] = {}
        if len(texts) > _PREPARED_AT_ONCE:
            return made
        for batch in self._batches(list(texts), "preparing passages for reranking"):
            made |= self._reranker.encode({key: texts[key] for key in batch})
        return made

    def encode_kept_texts(self, encoder: Encoder) -> None:
        """Give every text of the store, alive or not, its vector of ``encoder``, beside the vectors in force."""
        missing = self._store.texts_without_vector(encoder.fingerprint)
        texts = {key: encoder_text(headings, plain) for key, (headings, plain) in missing.items()}
        for vectors in self._encode(encoder, texts):
            with self._store.database.writing() as connection:
                keep_vectors(connection, encoder.fingerprint, vectors)

    def _encode(self, encoder: Encoder, texts: Mapping[str, str]) -> Iterator[dict[str, Vectors]]:
        """``{key: vector}`` of the ``{key: text}``, some at a time."""
        for batch in self._batches(list(texts), "encoding passages"):
            encoded = encoder.encode_passages([texts[key] for key in batch])
            yield dict(zip(batch, np.asarray(encoded, dtype=np.float32), strict=True))

    def _batches(self, keys: list[str], what: str) -> Iterator[list[str]]:
        """The keys, some at a time, with a report of progress before each batch and after the last."""
        for first in range(0, len(keys), _ENCODE_AT_ONCE):
            self._progress(what, first, len(keys))
            yield keys[first : first + _ENCODE_AT_ONCE]
        if keys:
            self._progress(what, len(keys), len(keys))
