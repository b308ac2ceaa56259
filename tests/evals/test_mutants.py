"""Planted bugs: each of these mistakes, made in a copy of the source, must make the test fail that looks for it."""

import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

HOUSE = Path(__file__).resolve().parents[2]
LARGE = ("kstore/weights/model", "evals/questions", "evals/edits", "evals/results", "corpora")  # linked, not copied


@dataclass(frozen=True, slots=True)
class Mutant:
    """``right`` in ``file``, there once, becomes ``wrong``; the ``test`` that must notice."""

    bug: str
    file: str
    right: str
    wrong: str
    test: str


MUTANTS = [
    Mutant(
        "a scorer that does not remove articles",
        "evals/metrics.py",
        '_ARTICLES.sub(" ", bare).split()',
        "bare.split()",
        "tests/evals/test_metrics.py::test_articles_do_not_count",
    ),
    Mutant(
        "F1 over sets of words",
        "evals/metrics.py",
        "sum((Counter(said) & Counter(meant)).values())",
        "len(set(said) & set(meant))",
        "tests/evals/test_metrics.py::test_f1_counts_words_as_often_as_they_stand",
    ),
    Mutant(
        "the first gold instead of the best",
        "evals/metrics.py",
        'for gold in golds or ("",))',
        'for gold in (golds or ("",))[:1])',
        "tests/evals/test_metrics.py::test_the_best_gold_counts",
    ),
    Mutant(
        "failures that count as declines",
        "evals/scoring.py",
        'float(row.outcome == "declined")',
        "float(row.answer is None)",
        "tests/evals/test_scoring.py::test_to_decline_is_right_where_nothing_answers_and_to_fail_is_not",
    ),
    Mutant(
        "failures that drop out of the mean",
        "evals/summary.py",
        "name, score in row.scores.items()",
        "name, score in (row.scores.items() if row.error is None else ())",
        "tests/evals/test_summary.py::test_a_failure_is_counted_everywhere_and_lowers_the_mean",
    ),
    Mutant(
        "citations taken at their word",
        "evals/scoring.py",
        '.get(citation.document, "")[citation.start : citation.end] == citation.text',
        '.get(citation.document, "") != citation.text',
        "tests/evals/test_scoring.py::test_a_quotation_that_the_document_does_not_hold_proves_nothing",
    ),
    Mutant(
        "evidence that is found by what only touches it",
        "evals/ranking.py",
        "place.start < span.end and span.start < place.end",
        "place.start <= span.end and span.start <= place.end",
        "tests/evals/test_ranking.py::test_an_overlap_of_one_character_counts_and_touching_does_not",
    ),
    Mutant(
        "phrasings of one fact taken for independent",
        "evals/estimates.py",
        "return np.bincount(rows, weights=values, minlength=len(number)).astype(np.float64), len(number)",
        "return values, len(values)",
        "tests/evals/test_estimates.py::test_phrasings_that_always_agree_count_once",
    ),
    Mutant(
        "a test that is not paired",
        "evals/summary.py",
        "pairs = [(row, asked[other][key]) for key, row in asked[one].items() if key in asked[other]]",
        "pairs = list(zip(asked[one].values(), asked[other].values(), strict=True))",
        "tests/evals/test_summary.py::test_contrasts_are_paired_by_phrasing_not_by_place",
    ),
    Mutant(
        "a winner from the means alone",
        "evals/summary.py",
        "if p > _LEVEL or difference.low <= 0 <= difference.high:",
        "if difference.value == 0:",
        "tests/evals/test_summary.py::test_a_winner_needs_an_interval_without_zero_and_a_small_p",
    ),
    Mutant(
        "p values not corrected for their number",
        "evals/contrasts.py",
        "min(1.0, (len(ps) - rank) * ps[place])",
        "ps[place]",
        "tests/evals/test_contrasts.py::test_holm_by_hand_and_in_order",
    ),
    Mutant(
        "a gate that lets every loss pass",
        "evals/contrasts.py",
        "return not (self.high < 0 and self.low < -self.margin)",
        "return not (self.high < -1 and self.low < -self.margin)",
        "tests/evals/test_contrasts.py::test_the_gate_catches_five_points_and_is_seldom_wrong",
    ),
    Mutant(
        "confidence judged by bins of equal weight",
        "evals/calibration.py",
        "np.abs(sums[0] - sums[1]).sum() / len(told)",
        "np.abs(sums[0] - sums[1]).mean()",
        "tests/evals/test_calibration.py::test_ece_weighs_bins_by_their_answers",
    ),
    Mutant(
        "finished questions asked again",
        "evals/run.py",
        "enumerate(tasks[done:], start=done)",
        "enumerate(tasks, start=0)",
        "tests/evals/test_run.py::test_a_run_goes_on_where_it_stopped_and_asks_nothing_again",
    ),
    Mutant(
        "half a line kept after a kill",
        "evals/files.py",
        "    if whole < len(data):",
        "    if whole < 0:",
        "tests/evals/test_files.py::test_a_line_that_a_kill_cut_in_half_is_dropped_and_the_rest_goes_on",
    ),
    Mutant(
        "NaN in a row",
        "evals/rows.py",
        'model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)',
        'model_config = ConfigDict(frozen=True, extra="forbid")',
        "tests/evals/test_files.py::test_no_row_holds_what_is_no_number",
    ),
    Mutant(
        "NaN in a score that is added later",
        "evals/rows.py",
        'return Row.model_validate({**dict(self), "scores": dict(scores)})',
        'return self.model_copy(update={"scores": dict(scores)})',
        "tests/evals/test_files.py::test_no_row_holds_what_is_no_number",
    ),
    Mutant(
        "two runs that were told to do different things taken for one",
        "evals/manifest.py",
        "parts |= {name: manifest[name] for name in _OF_ITS_KIND if name in manifest}",
        "pass",
        "tests/evals/test_manifest.py::test_all_that_a_run_was_told_to_do_is_its_identity",
    ),
    Mutant(
        "a latency counted from when the question was sent",
        "evals/latency/load.py",
        "due=started if due is None else due,",
        "due=started,",
        "tests/evals/latency/test_load.py::test_a_stall_delays_all_who_were_due_meanwhile",
    ),
    Mutant(
        "unanswered questions that are forgotten",
        "evals/latency/load.py",
        "for number, (future, cancelled) in enumerate(zip(futures, given_up, strict=True))",
        "for number, (future, cancelled) in enumerate(zip(futures, given_up, strict=True)) if not cancelled",
        "tests/evals/latency/test_load.py::test_what_is_never_answered_counts_with_the_time_that_it_waited",
    ),
    Mutant(
        "stages that leave time unexplained",
        "kstore/types.py",
        'return {"total": sum(self._stages.values()), **self._stages}',
        'return {"total": 1.02 * sum(self._stages.values()), **self._stages}',
        "tests/answering/test_parametric.py::test_timings_add_up_and_tell_the_first_token_from_the_rest",
    ),
    Mutant(
        "old and new answers swapped",
        "evals/freshness/verdict.py",
        'return "new" if first.is_new else "old"',
        'return "old" if first.is_new else "new"',
        "tests/evals/freshness/test_verdict.py",
    ),
    Mutant(
        "passages of a changed document that never die",
        "kstore/vectors/commit.py",
        '"UPDATE passages SET died = ? WHERE id = ?", [(revision, row) for row in old.values()]',
        '"UPDATE passages SET died = ? WHERE id = ?", [(revision, -1) for row in old.values()]',
        "tests/vectors/test_time.py",
    ),
    Mutant(
        "a deleted document whose passages are found",
        "kstore/vectors/commit.py",
        '"UPDATE passages SET died = ? WHERE document = ? AND died = ?", (revision, name, ALIVE)',
        '"UPDATE passages SET died = ? WHERE document = ? AND died = ?", (revision, name, -1)',
        "tests/vectors/test_memory.py::test_a_deleted_passage_is_never_returned",
    ),
    Mutant(
        "a snapshot that goes stale",
        "kstore/vectors/snapshots.py",
        "if snapshot is not None and snapshot.revision >= head.revision:",
        "if snapshot is not None:",
        "tests/vectors/test_memory.py::test_a_change_is_visible_to_the_next_search_of_whoever_asks",
    ),
]


def copied(folder: Path) -> Path:
    """The source of the house, in ``folder``."""
    skipped = shutil.ignore_patterns("__pycache__", *(Path(it).name for it in LARGE))
    for part in ("kstore", "evals", "api", "tests"):
        shutil.copytree(HOUSE / part, folder / part, ignore=skipped)
    for part in LARGE:
        (folder / part).symlink_to(HOUSE / part)
    shutil.copy(HOUSE / "pyproject.toml", folder)
    return folder


def tried(folder: Path, *tests: str) -> subprocess.CompletedProcess[str]:
    """The tests in a process of their own, against the source in ``folder``."""
    command = [sys.executable, "-m", "pytest", "-n", "0", "-q", "-x", "-p", "no:cacheprovider", *tests]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)


def test_unchanged_the_copy_passes(tmp_path: Path) -> None:
    """Else a mutant could be caught by something that is not its bug."""
    done = tried(copied(tmp_path), *dict.fromkeys(it.test for it in MUTANTS))
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda it: it.bug)
def test_a_planted_bug_is_caught(mutant: Mutant, tmp_path: Path) -> None:
    file = copied(tmp_path) / mutant.file
    source = file.read_text(encoding="utf-8")
    assert source.count(mutant.right) == 1, "the line is no longer there: plant the bug anew"
    file.write_text(source.replace(mutant.right, mutant.wrong), encoding="utf-8")
    done = tried(tmp_path, mutant.test)
    assert done.returncode == 1, done.stdout + done.stderr  # 1: a test failed; anything else: it never ran
    assert "1 failed" in done.stdout
