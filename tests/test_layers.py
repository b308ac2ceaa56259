"""Imports run one way, and each heavy library is at home in few modules; read from the source, not from what ran."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent

# What each part may import of the others; those of the ground are for everybody.
GROUND = {"types", "errors", "controls", "settings", "filters", "lines"}
MAY_IMPORT = {
    "types": {"controls"},
    "errors": set(),
    "controls": {"errors", "filters"},
    "filters": {"errors"},
    "lines": {"errors"},
    "settings": {"errors"},
    "text": GROUND,
    "encoding": GROUND,
    "vectors": GROUND | {"encoding"},
    "weights": GROUND | {"encoding"},
    "reading": GROUND | {"encoding"},
    "training": GROUND | {"text", "encoding", "vectors", "reading", "answering"},
    "answering": GROUND | {"text", "encoding", "vectors", "weights", "reading"},
    "service": GROUND | {"text", "vectors"},
    "assemble": GROUND | {"text", "encoding", "vectors", "weights", "reading", "answering", "service"},
    "shapes": GROUND | {"vectors"},
    "train": GROUND | {"text", "encoding", "weights", "reading", "training", "answering"},
    "display": GROUND,
    "cli": GROUND | {"kstore", "assemble", "service", "shapes", "display", "train", "encoding", "api", "evals"},
    "__main__": {"cli"},
    "api": GROUND | {"kstore", "service", "shapes", "text"},
}

HEAVY = {
    "faiss": {"kstore/vectors/index.py", "kstore/vectors/kinds.py"},
    "torch": {
        "kstore/weights/training.py",
        "kstore/weights/further.py",
        "kstore/weights/huggingface/loading.py",
        "kstore/weights/huggingface/causal.py",
        "kstore/weights/huggingface/encoder_decoder.py",
        "kstore/weights/huggingface/masked.py",
        "kstore/weights/huggingface/lora.py",
        "kstore/weights/calibration.py",
        "kstore/weights/checkpoints.py",
        "kstore/encoding/prepare.py",
        "kstore/training/transformer.py",
        "kstore/training/loop.py",
        "kstore/training/reader.py",
        "kstore/training/tokens.py",
        "kstore/training/course.py",
    },
    "transformers": {
        "kstore/weights/training.py",
        "kstore/weights/huggingface/loading.py",
        "kstore/encoding/prepare.py",
    },
    "sentence_transformers": {"kstore/encoding/prepare.py"},
    "openvino": {"kstore/encoding/encoder.py"},
    "sqlite3": {"kstore/vectors/database.py", "kstore/vectors/store.py", "kstore/vectors/commit.py"},
    "fastapi": {"api/app.py", "api/problems.py"},
    "langchain": {"kstore/weights/hosted.py"},
    "typer": {"kstore/cli.py"},
    "rich": {"kstore/display.py"},
}


def sources() -> list[Path]:
    return sorted([*(ROOT / "kstore").rglob("*.py"), *(ROOT / "api").rglob("*.py")])


def imported(file: Path) -> Iterator[str]:
    """Full names of the modules that a file imports, wherever in it."""
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{file}: relative import"
            yield node.module or ""


def part_of(module: str) -> str | None:
    """The part of the house that a module belongs to; None for other people's."""
    first, *rest = module.split(".")
    if first == "kstore":
        return rest[0] if rest else "kstore"
    return first if first in {"api", "evals"} else None


@pytest.mark.parametrize("file", sources(), ids=lambda file: file.relative_to(ROOT).as_posix())
def test_imports_run_one_way(file: Path) -> None:
    own = part_of(".".join(file.relative_to(ROOT).with_suffix("").parts))
    if own in {"__init__", "kstore"}:
        return  # the public face names every module, lazily
    assert own in MAY_IMPORT, f"{file.name}: a new part of the house; say what it may import"
    for module in imported(file):
        other = part_of(module)
        assert other in {None, own} | MAY_IMPORT[own], f"{file.name} imports {module}"


@pytest.mark.parametrize("library", sorted(HEAVY))
def test_each_heavy_library_is_at_home_in_few_modules(library: str) -> None:
    users = {
        file.relative_to(ROOT).as_posix()
        for file in sources()
        if any(name.split(".")[0] == library for name in imported(file))
    }
    assert users == HEAVY[library]


def test_evals_and_api_never_meet() -> None:
    for file in (ROOT / "evals").rglob("*.py"):
        assert "api" not in {part_of(module) for module in imported(file)}, file


def test_the_top_level_is_what_was_agreed() -> None:
    agreed = {
        "kstore", "api", "corpora", "evals", "tests", "docker-compose.yml", "pyproject.toml", "LICENSE.md", "README.md"
    }  # fmt: skip
    present = {path.name for path in ROOT.iterdir() if not path.name.startswith(".") and path.suffix != ".egg-info"}
    assert present == agreed


def test_the_harness_has_no_circle() -> None:
    """Its modules can be put in an order in which each imports only those before it."""
    files = {
        ".".join(file.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__"): file
        for file in (ROOT / "evals").rglob("*.py")
    }
    waiting = {name: {it for it in imported(file) if it in files and it != name} for name, file in files.items()}
    while waiting:
        ready = {name for name, wanted in waiting.items() if not wanted & waiting.keys()}
        assert ready, f"a circle among {sorted(waiting)}"
        waiting = {name: wanted for name, wanted in waiting.items() if name not in ready}


def test_a_report_needs_no_arm() -> None:
    for file in (ROOT / "evals" / "report").rglob("*.py"):
        parts = {module.split(".")[1] for module in imported(file) if module.startswith("evals.")}
        assert parts <= {"cases", "metrics", "rows", "report", "outputs"}, file
