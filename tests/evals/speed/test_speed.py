"""The benchmark of speed: its clock, its drawn corpus and, at a small size, all that it measures of a memory."""

import time
from pathlib import Path

import numpy as np
import pytest

from evals.speed.clock import in_turn, medians, percentile, ratio
from evals.speed.corpus import Filler, fill
from evals.speed.sizes import at_size
from kstore.encoding.encoder import Encoder
from kstore.settings import Settings


def test_each_way_is_timed_for_each_input_save_the_first() -> None:
    calls: list[tuple[str, int]] = []
    ways = {name: (lambda given, name=name: calls.append((name, given))) for name in ("a", "b")}
    times = in_turn(ways, [1, 2, 3])
    assert calls == [("a", 1), ("b", 1), ("a", 2), ("b", 2), ("a", 3), ("b", 3)]
    assert {name: len(it) for name, it in times.items()} == {"a": 2, "b": 2}


def test_a_slower_way_takes_more() -> None:
    times = in_turn({"slow": lambda _: time.sleep(0.02), "quick": lambda _: time.sleep(0.002)}, range(6))
    assert ratio(times, "slow", "quick") > 3
    assert medians(times)["slow"] > 19


def test_percentiles_are_of_the_sorted_times() -> None:
    assert percentile([5, 1, 4, 2, 3], 0.5) == 3
    assert percentile([5, 1, 4, 2, 3], 0.99) == 5


def test_drawn_pages_have_drawn_vectors_and_all_other_texts_real_ones(encoder: Encoder) -> None:
    filler = Filler(encoder)
    texts = ["filler 1 lamp", "the lamp", "filler 2 lamp"]
    vectors = filler.encode_passages(texts)
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-5)
    np.testing.assert_allclose(vectors[1], encoder.encode_passages(["the lamp"])[0], atol=1e-5)
    np.testing.assert_array_equal(filler.encode_passages(texts[::-1])[2], vectors[0])
    assert abs(float(vectors[0] @ vectors[2])) < 0.3
    assert filler.fingerprint != encoder.fingerprint


@pytest.mark.usefixtures("encoder")
def test_a_memory_is_measured_at_a_size(tmp_path: Path, cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KSTORE_CACHE", str(cache))
    settings = Settings(home=tmp_path, cache=cache)
    memory = fill(tmp_path / "store", 250, settings)
    assert memory.store.counts(memory.store.head().revision)["passages"] == 250
    found = at_size(memory, tmp_path / "store")
    assert 0 < found["edit"]["median_ms"] <= found["edit"]["p95_ms"]
    assert found["search"]["search_over_faiss"] > 0
    assert found["resident"]["index_bytes"] >= 250 * 384 * 4
