"""The chapter's retrieval controls, on the chapter's numbers."""

import ast
import math
import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kstore.answering.cuts import apply_cut, surviving
from kstore.controls import PRESETS, Cut
from kstore.types import Hit
from tests.conftest import GUIDE

SCORES = [0.82, 0.79, 0.61, 0.58, 0.40, 0.31]


def hit(similarity: float | None, score: float = 0.0) -> Hit:
    return Hit("a.md", (), 0, 1, 1, 1, "x", score=score, revision=1, similarity=similarity)


@pytest.mark.parametrize(
    ("cut", "kept"),
    [
        (Cut(), 6),
        (Cut(threshold=0.45), 4),
        (Cut(threshold=0.58), 4),  # the threshold itself passes
        (Cut(threshold=0.83), 0),
        (Cut(threshold=-1), 6),
        (Cut(cumulative=0.9), 3),  # the sums are 0.506, 0.881, 0.943, ...
        (Cut(cumulative=0.5), 1),
        (Cut(cumulative=0.51), 2),
        (Cut(cumulative=0.95), 4),
        (Cut(cumulative=1), 6),
        (Cut(gap=0.15), 2),  # the falls are 0.03, 0.18, 0.03, 0.18 and 0.09
        (Cut(gap=0.02), 1),
        (Cut(gap=0.2), 6),
        # In combination the strictest decides.
        (Cut(threshold=0.45, gap=0.15), 2),
        (Cut(threshold=0.8, gap=0.15), 1),
        (Cut(threshold=0.45, cumulative=0.9), 3),
        (Cut(threshold=0.3, gap=0.2, cumulative=0.5), 1),
        # For vectors of length 1 the inner product is the cosine; the distances are 0.6, 0.65, 0.88, 0.92, 1.1 ...
        (Cut(threshold=0.45, metric="inner-product"), 4),
        (Cut(threshold=0.65, metric="euclidean"), 2),
        (Cut(threshold=0, metric="euclidean"), 0),
        (Cut(threshold=2, metric="euclidean"), 6),
        (Cut(gap=0.2, metric="euclidean"), 2),
        (Cut(gap=0.24, metric="euclidean"), 6),
    ],
    ids=str,
)
def test_what_survives_of_the_chapters_example(cut: Cut, kept: int) -> None:
    assert list(surviving(SCORES, cut)) == SCORES[:kept]


@settings(deadline=None, derandomize=True, database=None, max_examples=200)
@given(similarities=st.lists(st.integers(-99, 99).map(lambda it: it / 100), max_size=12), least=st.integers(-199, 199))
def test_a_threshold_says_the_same_in_every_metric(similarities: list[float], least: int) -> None:
    ranked = sorted(similarities, reverse=True)
    cosine = least / 200  # between two of the similarities or on one
    distance = math.sqrt(2 - 2 * cosine)
    by_cosine = surviving(ranked, Cut(threshold=cosine))
    assert surviving(ranked, Cut(threshold=cosine, metric="inner-product")) == by_cosine
    assert surviving(ranked, Cut(threshold=distance + 1e-9, metric="euclidean")) == by_cosine


@pytest.mark.parametrize(("preset", "kept"), [("high-precision", 2), ("exploratory", 6), ("real-time", 3)])
def test_what_the_presets_leave(preset: str, kept: int) -> None:
    controls = PRESETS[preset]
    assert list(surviving(SCORES[: controls.k], controls.cut)) == SCORES[:kept]


def test_an_empty_result_is_legitimate() -> None:
    assert list(surviving([0.3, 0.2], Cut(threshold=0.45))) == []
    assert list(surviving([], Cut(threshold=0.45, gap=0.1, cumulative=0.9))) == []


def test_the_chapters_code_block_holds_for_this_code() -> None:
    """The block's own assertions, asked of ``surviving``: the chapter describes the service, not something like it."""
    chapter = (GUIDE / "knowledge_store.md").read_text(encoding="utf-8")
    section = chapter.split("#### Retrieval controls in code")[1].split("#### ")[0]
    block = re.search(r"```python\n(.*?)```", section, re.DOTALL)
    assert block is not None
    tree = ast.parse(block[1])
    told = [node for node in tree.body if isinstance(node, ast.Assert | ast.Assign)]
    assert sum(isinstance(node, ast.Assert) for node in told) >= 4

    def cut(scores: list[float], k: int | None = None, share: float | None = None, **controls: float) -> list[float]:
        # The service cuts to k first, in the search; on the chapter's lists that comes to the same.
        return list(surviving(sorted(scores, reverse=True)[:k], Cut(cumulative=share, **controls)))

    exec(compile(ast.Module(told, []), "knowledge_store.md", "exec"), {"cut": cut})


@pytest.mark.parametrize("level", [-0.5, 0.0, 0.1])
def test_gap_and_cumulative_share_need_no_absolute_level(level: float) -> None:
    moved = [score + level for score in SCORES]
    assert list(surviving(moved, Cut(gap=0.15))) == moved[:2]
    assert list(surviving(moved, Cut(cumulative=0.9))) == moved[:3]


SIMILARITIES = st.lists(st.integers(-100, 100).map(lambda hundredth: hundredth / 100), max_size=12)
CUTS = st.builds(
    Cut,
    threshold=st.none() | st.floats(-1, 1),
    gap=st.none() | st.floats(0.01, 2),
    cumulative=st.none() | st.floats(0.01, 1),
)


@settings(deadline=None, derandomize=True, database=None, max_examples=200)
@given(similarities=SIMILARITIES, cut=CUTS)
def test_what_survives_is_a_beginning_and_only_a_threshold_can_empty_it(similarities: list[float], cut: Cut) -> None:
    ranked = sorted(similarities, reverse=True)
    kept = list(surviving(ranked, cut))
    assert kept == ranked[: len(kept)]
    assert cut.threshold is None or all(similarity >= cut.threshold for similarity in kept)
    if ranked and (cut.threshold is None or ranked[0] >= cut.threshold):
        assert kept
    for alone in (Cut(threshold=cut.threshold), Cut(gap=cut.gap), Cut(cumulative=cut.cumulative)):
        assert len(kept) <= len(surviving(ranked, alone))


@settings(deadline=None, derandomize=True, database=None, max_examples=200)
@given(similarities=SIMILARITIES, cut=CUTS, order=st.randoms(use_true_random=False))
def test_hits_are_cut_by_similarity_and_keep_their_own_order(
    similarities: list[float], cut: Cut, order: object
) -> None:
    # Fusion orders hits by another score, so the similarities do not come ranked.
    order.shuffle(similarities)  # type: ignore[attr-defined]
    hits = [hit(similarity, score=-position) for position, similarity in enumerate(similarities)]
    kept = apply_cut(hits, cut)
    assert [each.score for each in kept] == sorted((each.score for each in kept), reverse=True)
    # Hits that are equally similar share their fate, so a few more may be kept than the list of numbers has.
    left = set(surviving(sorted(similarities, reverse=True), cut))
    assert {each.similarity for each in kept} == left
    assert len(kept) == sum(similarity in left for similarity in similarities)


def test_hits_of_a_lexical_search_pass() -> None:
    hits = [hit(None), hit(None)]
    assert apply_cut(hits, Cut(threshold=0.99, gap=0.01, cumulative=0.1)) == tuple(hits)
