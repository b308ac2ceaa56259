"""A store opened by a process of its own, which does what it is told line by line.

The parent writes a JSON list, a method's name and its arguments, and reads back one line of JSON: the
acknowledgement, printed only after the call has returned.
"""

import json
import subprocess
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Any

from kstore.text.markdown import SPLITTER, split
from kstore.vectors.memory import VectorMemory
from tests.vectors.edits import random_changes
from tests.vectors.hash_encoder import Encoders

ROOT = Path(__file__).parent.parent.parent


class OtherProcess:
    """The parent's end. As a context manager it ends the process, with its store closed unless it was killed."""

    def __init__(self, home: Path) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-m", __name__, str(home)],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def __enter__(self) -> "OtherProcess":
        return self

    def __exit__(self, *_: object) -> None:
        self.process.communicate()

    def call(self, method: str, *arguments: object) -> Any:
        """What the method answered, once it has."""
        self.start(method, *arguments)
        return self.acknowledged()

    def start(self, method: str, *arguments: object) -> None:
        """Let the process begin, and do not wait for it."""
        assert self.process.stdin is not None
        print(json.dumps([method, *arguments]), file=self.process.stdin, flush=True)

    def acknowledged(self) -> Any:
        """The next acknowledgement; None where the process ended without one, or in the middle of it."""
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        return json.loads(line) if line.endswith("\n") else None


class _Served:
    """The other end: what can be asked for."""

    def __init__(self, home: Path) -> None:
        self._memory = VectorMemory(home, Encoders(), split, SPLITTER)

    def ready(self) -> int:
        return self._memory.snapshot().revision

    def search(self, query: str, method: str) -> dict[str, Any]:
        return asdict(self._memory.search(query, 100, method))

    def put(self, name: str, text: str) -> int:
        return self._memory.apply({name: text}, "put").revision

    def delete(self, name: str) -> int:
        return self._memory.apply({}, "deleted", deletes=[name]).revision

    def put_all(self, documents: dict[str, str]) -> None:
        """One revision for each document, acknowledged each."""
        for name, text in documents.items():
            _acknowledge(self.put(name, text))

    def change_at_random(self, seed: int, count: int) -> None:
        """The changes that ``random_changes`` says, acknowledged each; the index is saved now and then."""
        changes, _ = random_changes(seed, count)
        for position, change in enumerate(changes):
            receipt = self._memory.apply(change.puts, "changed", deletes=change.deletes)
            _acknowledge(receipt.revision)
            if position % 20 == 10:
                self._memory.snapshot()
                self._memory.snapshots.save()

    def close(self) -> None:
        self._memory.close()


def _acknowledge(answer: object) -> None:
    print(json.dumps(answer), flush=True)  # noqa: T201 - this is how it speaks


def main() -> None:
    served = _Served(Path(sys.argv[1]))
    for line in sys.stdin:
        method, *arguments = json.loads(line)
        answer = getattr(served, method)(*arguments)
        if answer is not None:
            _acknowledge(answer)
    served.close()


if __name__ == "__main__":
    main()
