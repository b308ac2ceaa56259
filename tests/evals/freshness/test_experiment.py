"""``kstore eval freshness`` and ``replay`` from files alone, with the real memory: edits or a history in, a run out."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from evals.files import read_lines
from evals.freshness.experiment import Study, conduct_freshness, conduct_replay, report_changes
from evals.freshness.rows import FreshnessRow, Line, WriteRow
from evals.manifest import identity
from kstore.errors import InputError
from tests.evals.freshness.test_replay import BOAT, LIGHTHOUSE, Repository
from tests.evals.smoke import CORPUS, EDITS, LESSONS, QUESTIONS, lines

ARMS = ("retrieval", "always-decline")
FILES = ["manifest.json", "report.html", "report.md", "rows.jsonl", "summary.json"]
Ran = tuple[Path, Study, dict[str, Any]]
Replayed = tuple[Path, Repository, Path, dict[str, Any]]


def told(out: Path) -> list[FreshnessRow | WriteRow]:
    return [line.root.model_copy(update={"timings_ms": {}}) for line in read_lines(out / "rows.jsonl", Line)]


def answers(out: Path) -> list[FreshnessRow]:
    return [row for row in told(out) if isinstance(row, FreshnessRow)]


def manifest(out: Path) -> dict[str, Any]:
    return json.loads((out / "manifest.json").read_text(encoding="utf-8"))  # type: ignore[no-any-return]


def cut(whole: Path, folder: Path) -> tuple[Path, list[bytes]]:
    """A copy of a run that was killed amid its second unit and that has no outputs yet; the lines of its first unit."""
    folder.mkdir()
    shutil.copy(whole / "manifest.json", folder)
    written = (whole / "rows.jsonl").read_bytes().splitlines(keepends=True)
    rows = [line.root for line in read_lines(whole / "rows.jsonl", Line)]
    first = next(number for number, row in enumerate(rows, start=1) if isinstance(row, WriteRow) and row.closes)
    (folder / "rows.jsonl").write_bytes(b"".join(written[: first + 1]) + written[first + 1][:40])
    return folder, written[:first]


@pytest.fixture(scope="module", autouse=True)
def surroundings(cache: Path) -> Iterator[None]:
    """Those of ``environment``, for fixtures that outlive a test; of git, nothing that a user has set."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("KSTORE_CACHE", str(cache))
        patch.setenv("GIT_CONFIG_GLOBAL", os.devnull)
        patch.setenv("GIT_CONFIG_NOSYSTEM", "1")
        yield


@pytest.fixture(scope="module")
def ran(tmp_path_factory: pytest.TempPathFactory) -> Ran:
    """The folder of a freshness run, what it was about, and its summary."""
    folder = tmp_path_factory.mktemp("freshness")
    edits, questions = lines(folder / "edits.jsonl", EDITS), lines(folder / "questions.jsonl", QUESTIONS)
    study = Study(CORPUS, (edits,), ARMS, (questions,), modes=("single", "burst-2"))
    return folder / "out", study, conduct_freshness(study, folder / "out", 3, False, "eval freshness")


@pytest.fixture(scope="module")
def replayed(tmp_path_factory: pytest.TempPathFactory) -> Replayed:
    """The folder of a replay, the repository, the file of cases, and the summary."""
    folder = tmp_path_factory.mktemp("replay")
    repository = Repository(folder / "repository")
    old = repository.commit({"lighthouse.md": LIGHTHOUSE, "boat.md": BOAT})
    new = repository.commit({"lighthouse.md": LIGHTHOUSE.replace("1871", "1874")})
    repository.commit({"boat.md": None})
    cases = lines(folder / "cases.jsonl", [case(old, new)])
    summary = conduct_replay(str(repository.folder), [cases], ARMS, folder / "out", 0, False, "eval replay")
    return folder / "out", repository, cases, summary


def case(old: str, new: str) -> dict[str, Any]:
    return {
        "id": "built", "question": "In which year was the lighthouse of Kell Point built?", "old_commit": old,
        "new_commit": new, "old_answers": ["1871"], "new_answers": ["1874"],
    }  # fmt: skip


def test_edits_in_and_the_files_of_a_run_out(ran: Ran) -> None:
    out, _, summary = ran
    assert sorted(it.name for it in out.iterdir()) == FILES
    assert summary == json.loads((out / "summary.json").read_text(encoding="utf-8"))
    figures = {arm: summary["arms"][arm]["update_success"]["value"] for arm in ARMS}
    assert figures == {"retrieval": 1.0, "always-decline": 0.0}
    assert summary["arms"]["retrieval"]["stale_rate"]["value"] == 0.0
    assert summary["freshness"]["index_ms"] == summary["arms"]["retrieval"]["t_visible_ms_p50"]
    assert summary["freshness"]["swap"]["retrieval"]["at_b"]["truth_b"]["value"] == 1.0
    assert summary["freshness"]["swap"]["retrieval"]["at_a"]["truth_b"]["value"] == 0.0
    assert summary["counts"]["total"] == len(answers(out))
    assert "Freshness" in (out / "report.md").read_text(encoding="utf-8")


def test_only_the_arms_that_were_named_are_asked_and_far_questions_are_the_given_ones(ran: Ran) -> None:
    rows = answers(ran[0])
    assert {row.arm for row in rows} == set(ARMS)
    assert {row.mode for row in rows} == {"single", "burst-2", "swap"}
    assert {row.case for row in rows if row.role == "control"} <= {str(it["id"]) for it in QUESTIONS}
    assert any(row.role == "control" for row in rows)


def test_the_manifest_tells_the_kind_and_what_went_in(ran: Ran, replayed: Replayed) -> None:
    kept = manifest(ran[0])
    assert (kept["kind"], kept["modes"], kept["seed"], list(kept["arms"])) == (
        "freshness", ["single", "burst-2"], 3, list(ARMS),
    )  # fmt: skip
    assert [it["cases"] for it in kept["questions"]] == [len(EDITS), len(QUESTIONS)]
    kept = manifest(replayed[0])
    assert (kept["kind"], kept["repository"]) == ("replay", str(replayed[1].folder))


def test_a_history_in_and_the_files_of_a_run_out(replayed: Replayed) -> None:
    out, repository, _, summary = replayed
    assert sorted(it.name for it in out.iterdir()) == FILES
    commits = repository.git("rev-list", "--reverse", "HEAD").split()
    assert [row.unit for row in told(out) if isinstance(row, WriteRow)] == commits
    assert [(row.phase, row.verdict) for row in answers(out) if row.arm == "retrieval"] == [
        ("before", "old"), ("after", "new"),
    ]  # fmt: skip
    assert summary["freshness"]["mode"] == "replay"
    assert summary["arms"]["retrieval"]["update_success"]["value"] == 1.0
    assert summary["arms"]["always-decline"]["update_success"]["value"] == 0.0


@pytest.mark.parametrize("kind", ["ran", "replayed"])
def test_a_report_is_made_again_from_the_rows_alone(kind: str, request: pytest.FixtureRequest, tmp_path: Path) -> None:
    out = request.getfixturevalue(kind)[0]
    again = tmp_path / "again"
    again.mkdir()
    for name in ("manifest.json", "rows.jsonl"):
        shutil.copy(out / name, again)
    code = (
        "import sys; from pathlib import Path; from evals.freshness.experiment import report_changes; "
        "report_changes(Path(sys.argv[1])); "
        "print(*(it for it in ('torch', 'openvino', 'faiss') if it in sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code, str(again)], check=True, capture_output=True, text=True)
    assert done.stdout.strip() == ""
    for name in FILES:
        assert (again / name).read_bytes() == (out / name).read_bytes(), name


def test_a_freshness_run_goes_on_where_it_was_killed(ran: Ran, tmp_path: Path) -> None:
    out, study, _ = ran
    half, kept = cut(out, tmp_path / "half")
    conduct_freshness(study, half, 3, True, "eval freshness --resume")
    assert told(half) == told(out)
    assert (half / "rows.jsonl").read_bytes().splitlines(keepends=True)[: len(kept)] == kept, "it was asked again"
    assert sorted(it.name for it in half.iterdir()) == FILES


def test_a_replay_goes_on_where_it_was_killed(replayed: Replayed, tmp_path: Path) -> None:
    out, repository, cases, _ = replayed
    half, kept = cut(out, tmp_path / "half")
    conduct_replay(str(repository.folder), [cases], ARMS, half, 0, True, "eval replay --resume")
    assert told(half) == told(out)
    assert (half / "rows.jsonl").read_bytes().splitlines(keepends=True)[: len(kept)] == kept, "it was asked again"


def test_a_folder_that_holds_another_run_is_left_as_it_is(ran: Ran, tmp_path: Path) -> None:
    out, study, _ = ran
    before = {name: (out / name).read_bytes() for name in FILES}

    def again(seed: int = 3, resume: bool = True, **others: Any) -> None:
        given = {name: getattr(study, name) for name in Study.__slots__}
        conduct_freshness(Study(**{**given, **others}), out, seed, resume, "")

    with pytest.raises(InputError, match="holds a run already"):
        again(resume=False)
    with pytest.raises(InputError, match=r"other inputs \(modes\)"):
        again(modes=("single",))
    with pytest.raises(InputError, match=r"other inputs \(seed\)"):
        again(seed=4)
    with pytest.raises(InputError, match=r"other inputs \(arms\)"):
        again(arms=("always-decline",))
    with pytest.raises(InputError, match=r"other inputs \(questions\)"):
        again(edits=(lines(tmp_path / "edits.jsonl", EDITS[:1]),))
    cases = lines(tmp_path / "cases.jsonl", [])
    repository = Repository(tmp_path / "repository")
    repository.commit({"boat.md": BOAT})
    with pytest.raises(InputError, match=r"other inputs \(kind, .*history\)"):
        conduct_replay(str(repository.folder), [cases], ARMS, out, 3, True, "")
    assert {name: (out / name).read_bytes() for name in FILES} == before


def test_all_that_a_run_was_told_to_do_is_its_identity(ran: Ran, replayed: Replayed) -> None:
    """Else rows of two runs could be mixed in one folder."""
    for out, parts in ((ran[0], {"kind", "modes", "taught", "seed"}), (replayed[0], {"kind", "history"})):
        kept = manifest(out)
        assert kept["identity"] == identity(kept)
        assert {name for name in kept if identity({**kept, name: "another"}) != kept["identity"]} > parts
        assert identity({**kept, "created": "another", "command": "another"}) == kept["identity"]


def test_a_history_that_went_on_is_another_one(replayed: Replayed, tmp_path: Path) -> None:
    out, repository, cases, _ = replayed
    clone = shutil.copytree(repository.folder, tmp_path / "clone")
    repository.git("-C", str(clone), "commit", "--quiet", "--allow-empty", "--message", "went on")
    half, _ = cut(out, tmp_path / "half")
    with pytest.raises(InputError, match=r"other inputs \(history\)"):
        conduct_replay(str(clone), [cases], ARMS, half, 0, True, "")


def test_what_cannot_be_done_leaves_nothing_behind(replayed: Replayed, tmp_path: Path) -> None:
    """Else its folder could not be used once the mistake is put right."""
    out = tmp_path / "out"

    def freshness(edits: list[dict[str, Any]] = EDITS, **others: Any) -> None:
        file = lines(tmp_path / "edits.jsonl", edits)
        conduct_freshness(Study(CORPUS, (file,), **{"arms": ARMS, "modes": ("single",), **others}), out, 0, False, "")

    with pytest.raises(InputError, match=r"edits\.jsonl:2: replace: "):
        freshness([EDITS[0], {**EDITS[1], "replace": None}])
    with pytest.raises(InputError, match=r"edit cat-renamed: .* 0 times"):
        freshness([{**EDITS[0], "find": "This stands nowhere."}])
    with pytest.raises(InputError, match="there is no edit"):
        freshness([])
    with pytest.raises(InputError, match="unknown mode 'singel'"):
        freshness(modes=("single", "singel"))
    with pytest.raises(InputError, match="nonsense"):
        freshness(arms=("nonsense",))
    with pytest.raises(InputError, match="'test', which is not to learn from"):
        freshness(training=(lines(tmp_path / "lessons.jsonl", [*LESSONS, QUESTIONS[0]]),))

    repository = replayed[1]
    head, first = repository.git("rev-list", "HEAD").split()[::2]
    for old, new, reason in ((first, "0" * 40, "has no commit"), (head, first, "does not come before")):
        cases = lines(tmp_path / "cases.jsonl", [case(old, new)])
        with pytest.raises(InputError, match=reason):
            conduct_replay(str(repository.folder), [cases], ARMS, out, 0, False, "")
    assert not out.exists()
    with pytest.raises(InputError, match="holds no run"):
        report_changes(out)
