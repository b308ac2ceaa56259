"""The package's face: the names it lists are the names it has, and looking at it costs nothing."""

import subprocess
import sys

import kstore


def test_every_listed_name_is_there_and_every_name_is_listed() -> None:
    assert len(set(kstore.__all__)) == len(kstore.__all__)
    for name in kstore.__all__:
        assert getattr(kstore, name) is not None
    assert set(kstore._HOME_OF) | {"__version__"} == set(kstore.__all__)


def test_every_error_is_public() -> None:
    def family(error: type[Exception]) -> list[type[Exception]]:
        return [error, *(it for child in error.__subclasses__() for it in family(child))]

    own = {error.__name__ for error in family(kstore.KStoreError) if error.__module__.startswith("kstore.")}
    assert "ModelError" in own
    assert own <= set(kstore.__all__)


def test_importing_kstore_loads_nothing_heavy() -> None:
    heavy = "torch transformers sentence_transformers faiss openvino fastapi pydantic numpy langchain langchain_core"
    script = f"import sys, kstore; print([m for m in {heavy.split()!r} if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
