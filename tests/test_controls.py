"""Controls: what cannot be right is refused in a sentence, and the presets are those that the chapter explains."""

import dataclasses
import math
import re

import pytest

from kstore.answering.cuts import surviving
from kstore.controls import (
    MAX_K,
    MAX_QUESTION,
    PRESETS,
    SETTABLE,
    Controls,
    Cut,
    Refinements,
    Sampling,
    check_k,
    check_method,
    check_question,
    check_text,
    controls_for,
    read_controls,
)
from kstore.errors import InputError
from tests.conftest import GUIDE

CHAPTER = (GUIDE / "knowledge_store.md").read_text(encoding="utf-8")


def table(heading: str) -> dict[str, dict[str, str]]:
    """The first table under ``heading`` of the chapter: by its first column, the other cells by their column."""
    section = CHAPTER.split(f"#### {heading}\n", 1)[1]
    rows = re.findall(r"(?m)^\|(.+)\|$", next(block for block in section.split("\n\n") if block.startswith("|")))
    columns, _, *cells = [[cell.strip(" `") for cell in row.split("|")] for row in rows]
    return {first: dict(zip(columns[1:], others, strict=True)) for first, *others in cells}


def number(cell: str) -> float | None:
    return None if cell in {"–", "none"} else float(cell)


class TestPresets:
    def test_there_are_those_of_the_chapter_and_no_others(self) -> None:
        assert set(PRESETS) == {*table("Presets for generation"), *table("Presets for retrieval")}

    @pytest.mark.parametrize("name", table("Presets for generation"))
    def test_presets_for_generation_are_the_chapters_table(self, name: str) -> None:
        row, preset = table("Presets for generation")[name], PRESETS[name]
        assert preset.sampling.temperature == number(row["temperature"])
        assert preset.sampling.top_p == (number(row["top-p"]) or 1.0)  # no cut
        assert preset.sampling.top_k == number(row["top-k"])
        assert dataclasses.replace(preset, sampling=Sampling()) == Controls(), "retrieval is left as it is"

    @pytest.mark.parametrize("name", table("Presets for retrieval"))
    def test_presets_for_retrieval_are_the_chapters_table_and_keep_what_it_says(self, name: str) -> None:
        row, preset = table("Presets for retrieval")[name], PRESETS[name]
        assert preset.k == number(row["k"])
        assert preset.cut == Cut(threshold=number(row["threshold"]), gap=number(row["gap"]))
        assert preset.sampling == Sampling(), "generation is left as it is"
        similarities = (0.82, 0.79, 0.61, 0.58, 0.40, 0.31)  # the chapter's example
        assert len(surviving(similarities, preset.cut)[: preset.k]) == number(row["kept"])

    def test_no_preset_means_the_defaults(self) -> None:
        assert controls_for(None) == Controls()
        assert Controls().sampling.temperature == 0, "one question, one answer"
        assert (Controls().k, Controls().method, Controls().as_of) == (5, "hybrid", None)

    @pytest.mark.parametrize("name", PRESETS)
    def test_what_is_said_beside_a_preset_counts_more(self, name: str) -> None:
        assert controls_for(name) == PRESETS[name]
        assert controls_for(name, k=7, as_of=0) == dataclasses.replace(PRESETS[name], k=7, as_of=0)

    @pytest.mark.parametrize("name", ["", "Factual", "fast"])
    def test_an_unknown_preset_is_refused_with_the_known_ones(self, name: str) -> None:
        with pytest.raises(InputError, match=rf"^unknown preset '{name}': choose one of {', '.join(PRESETS)}$"):
            controls_for(name)

    def test_a_bad_k_is_refused_beside_a_preset_too(self) -> None:
        with pytest.raises(InputError, match=r"^k must be"):
            controls_for("factual", k=0)


class TestChanges:
    def test_each_control_can_be_set_by_name_over_the_preset(self) -> None:
        changes = read_controls(["threshold=0.3", "rerank=false", "method=dense", "top_k=7", "skim=true"])
        controls = controls_for("high-precision", changes=changes)
        preset = PRESETS["high-precision"]
        assert controls.cut == dataclasses.replace(preset.cut, threshold=0.3)
        assert controls.refinements == Refinements(rerank=False)
        assert (controls.method, controls.skim, controls.sampling.top_k, controls.k) == ("dense", True, 7, preset.k)

    def test_every_control_there_is_can_be_set(self) -> None:
        def names(part: type) -> set[str]:
            return {field.name for field in dataclasses.fields(part)}

        parts = {"refinements", "cut", "sampling"}
        everything = (names(Controls) - parts) | names(Refinements) | names(Cut) | names(Sampling)
        assert everything - set(SETTABLE) == {"k", "as_of", "stop", "where"}
        assert set(SETTABLE) <= everything

    def test_a_threshold_and_its_metric_are_set_together(self) -> None:
        for given in (["threshold=1.2", "metric=euclidean"], ["metric=euclidean", "threshold=1.2"]):
            assert controls_for(None, changes=read_controls(given)).cut == Cut(threshold=1.2, metric="euclidean")

    @pytest.mark.parametrize(
        ("given", "why"),
        [
            ("treshold=0.3", r"^unknown control 'treshold': choose one of method, "),
            ("threshold=high", r"^threshold takes a number, not 'high'$"),
            ("threshold=true", r"^threshold takes a number, not True$"),
            ("threshold=7", r"^threshold must be in \[-1, 1\], not 7$"),
            ("metric=near", r"^metric must be one of cosine, inner-product, euclidean, not near$"),
            ("top_k=1.5", r"^top_k takes a whole number, not 1.5$"),
            ("rerank=1", r"^rerank takes true or false, not 1$"),
            ("rerank", r"^a control is written NAME=VALUE, not 'rerank'$"),
            ("method=near", r"^unknown method 'near'"),
        ],
    )
    def test_what_cannot_be_set_says_why(self, given: str, why: str) -> None:
        with pytest.raises(InputError, match=why):
            controls_for(None, changes=read_controls([given]))


class TestBounds:
    @pytest.mark.parametrize(
        ("make", "name", "good", "bad"),
        [
            (Sampling, "temperature", (0, 0.7, 10), (-0.1, 10.1, math.inf, math.nan)),
            (Sampling, "top_k", (None, 1, 10**6), (0, -1)),
            (Sampling, "top_p", (1e-9, 1), (0, 1.01, -1, math.nan)),
            (Sampling, "max_tokens", (1, 8192), (0, 8193)),
            (Cut, "threshold", (None, -1, 0, 1), (-1.1, 1.1, math.nan)),
            (Cut, "gap", (None, 1e-9, 2), (0, -0.1, 2.1, math.nan)),
            (Cut, "cumulative", (None, 1e-9, 1), (0, 1.1, math.nan)),
            (Controls, "k", (1, MAX_K), (0, -3, MAX_K + 1)),
            (Controls, "method", ("dense", "lexical", "hybrid"), ("", "Dense", "bm25")),
        ],
    )
    def test_each_control_has_bounds_and_says_so(
        self, make: type, name: str, good: tuple[object, ...], bad: tuple[object, ...]
    ) -> None:
        for value in good:
            assert getattr(make(**{name: value}), name) == value
        for value in bad:
            with pytest.raises(InputError, match=rf"{name}.*{re.escape(str(value))}"):
                make(**{name: value})

    def test_checks_of_single_values(self) -> None:
        check_k(MAX_K)
        assert check_method("dense") == "dense"
        with pytest.raises(InputError, match=r"^k must be between 1 and 1000, not 1001$"):
            check_k(MAX_K + 1)
        with pytest.raises(InputError, match=r"^unknown method 'bm25': choose one of dense, lexical, hybrid$"):
            check_method("bm25")


class TestQuestions:
    @pytest.mark.parametrize("question", ["?", " why ", "日本?", "x" * MAX_QUESTION, "a\tb\nc"])
    def test_anything_with_a_word_can_be_asked(self, question: str) -> None:
        check_question(question)

    @pytest.mark.parametrize(
        ("question", "reason"),
        [
            ("", r"^the question is empty$"),
            (" \n\t\u00a0", r"^the question is empty$"),
            ("x" * (MAX_QUESTION + 1), r"^the question has 20001 characters; at most 20000 are read$"),
            ("why\0?", r"^the question is binary"),
            ("why \ud83e?", r"^the question is not text: half of a surrogate pair at character 4$"),
        ],
    )
    def test_what_cannot_be_asked_says_why(self, question: str, reason: str) -> None:
        with pytest.raises(InputError, match=reason):
            check_question(question)

    def test_text_that_can_be_kept_comes_back_unchanged(self) -> None:
        for text in ("", "plain", "größe 🦊", "\ufeff\ufffd\r\n"):
            assert check_text(text, "it") is text
