"""Any sequence of changes, openings, savings and compactions, against a plain list of dictionaries."""

import shutil
import tempfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from kstore.errors import ConflictError, NotFoundError
from kstore.text.markdown import SPLITTER, split
from kstore.types import corpus_digest, text_digest
from kstore.vectors import snapshots as snapshots_module
from kstore.vectors.memory import VectorMemory
from tests.vectors.checks import cached_split, check_evidence, check_file
from tests.vectors.hash_encoder import Encoders

NAMES = st.sampled_from(["a.md", "b.md", "notes/c.md", "notes/ü 1.md"])
SECTIONS = st.sampled_from(
    [
        "# Lamp\n\nlamp oil\n",
        "lamp *oil*\n",
        "## Gull\n\ngull mail 😀\n",
        "- rope\n- tide\n",
        "# Bare\n",
        "| a | b |\n|---|---|\n| 1 | 2 |\n",
    ]
)
# Sections from a small pool, so that documents share passages; and whatever else text can be.
TEXTS = st.lists(SECTIONS, max_size=4).map("\n".join) | st.text(
    st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=30
)


class StoreMachine(RuleBasedStateMachine):
    """``states[r]`` is what the documents are at revision ``r``."""

    def __init__(self) -> None:
        super().__init__()
        self.home = Path(tempfile.mkdtemp(prefix="kstore-machine-"))
        self.encoders = Encoders()
        self.states: list[dict[str, str]] = [{}]
        self.memory = self.opened()

    def opened(self, wanted: str | None = None) -> VectorMemory:
        return VectorMemory(self.home, self.encoders, split, SPLITTER, wanted)

    # What can be done to a store ---------------------------------------------------------------------------------

    @rule(documents=st.dictionaries(NAMES, TEXTS, max_size=3), deletes=st.sets(NAMES, max_size=2))
    def change(self, documents: dict[str, str], deletes: set[str]) -> None:
        before = self.states[-1]
        deletes -= documents.keys()
        if not deletes <= before.keys():
            with pytest.raises(NotFoundError):
                self.memory.apply(documents, "changed", deletes=deletes)
            return
        after = {name: text for name, text in (before | documents).items() if name not in deletes}
        receipt = self.memory.apply(documents, "changed", deletes=deletes)
        if after != before:
            self.states.append(after)
        assert receipt.revision == len(self.states) - 1
        assert receipt.added == len(after.keys() - before.keys())
        assert receipt.changed == sum(before[name] != after[name] for name in before.keys() & after.keys())
        assert receipt.deleted == len(deletes)
        assert receipt.added + receipt.changed + receipt.unchanged == len(documents)

    @rule(name=NAMES, text=TEXTS, believed=TEXTS)
    def change_if_it_is_still(self, name: str, text: str, believed: str) -> None:
        if self.states[-1].get(name) == believed:
            self.memory.apply({name: text}, "put", expected={name: text_digest(believed)})
            if text != believed:
                self.states.append(self.states[-1] | {name: text})
        else:
            with pytest.raises(ConflictError):
                self.memory.apply({name: text}, "put", expected={name: text_digest(believed)})

    @rule(tidily=st.booleans())
    def reopen(self, tidily: bool) -> None:
        """As after the end of a process, or beside one that goes on."""
        if tidily:
            self.memory.close()
        self.memory = self.opened()

    @rule()
    def save(self) -> None:
        self.memory.snapshots.save()

    @rule()
    def compact(self) -> None:
        """What else waits for a dozen segments."""
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(snapshots_module, "_MANY_SEGMENTS", 0)
            self.memory.snapshots._compact_in_background(self.memory.snapshot())
        if self.memory.snapshots._compaction is not None:
            self.memory.snapshots._compaction.join()

    @rule()
    def lose_the_saved_index(self) -> None:
        shutil.rmtree(self.home / "index", ignore_errors=True)

    @precondition(lambda self: any(cached_split(text) for state in self.states for text in state.values()))
    @rule(name=st.sampled_from(["first", "second"]))
    def adopt(self, name: str) -> None:
        if self.memory.store.head().encoder_name != name:
            self.states.append(self.states[-1])
        self.opened(wanted=name).adopt()

    # What must hold ----------------------------------------------------------------------------------------------

    @rule(data=st.data())
    def the_past_is_what_it_was(self, data: st.DataObject) -> None:
        revision = data.draw(st.integers(0, len(self.states) - 1), label="revision")
        state = self.states[revision]
        listed = self.memory.store.documents(revision)
        assert {it.name: it.digest for it in listed} == {name: text_digest(text) for name, text in state.items()}
        assert {it.name: it.passages for it in listed} == {name: len(split(text)) for name, text in state.items()}
        for name, text in state.items():
            document = self.memory.store.document(name, revision)
            assert document.text == text
            assert document.born <= revision
            assert document.died is None or revision < document.died

    @rule(data=st.data(), method=st.sampled_from(["dense", "hybrid"]))
    def a_document_is_found_by_its_own_text_while_it_is_alive(self, data: st.DataObject, method: str) -> None:
        """With room for every passage, a search finds each that is alive at the revision and no other."""
        revision = data.draw(st.integers(0, len(self.states) - 1), label="revision")
        ever = sorted({(name, text) for state in self.states for name, text in state.items() if split(text)})
        if not ever:
            return
        name, text = data.draw(st.sampled_from(ever), label="document")
        passage = data.draw(st.sampled_from(split(text)), label="passage")
        evidence = self.memory.search(passage.encoder_text, 1000, method, revision)
        assert evidence.revision == revision
        check_evidence(evidence, self.states)
        assert {(hit.document, hit.start) for hit in evidence.hits} == {
            (other, each.start) for other, words in self.states[revision].items() for each in split(words)
        }
        if self.states[revision].get(name) == text:
            similarities = {(hit.document, hit.start, hit.end): hit.similarity for hit in evidence.hits}
            assert similarities[name, passage.start, passage.end] == pytest.approx(1, abs=1e-5)

    @invariant()
    def the_latest_revision_is_the_last_state(self) -> None:
        head = self.memory.store.head()
        assert head.revision == len(self.states) - 1
        assert head.digest == corpus_digest(self.states[-1])

    def teardown(self) -> None:
        try:
            self.memory.close()
            check_file(self.home / "store.sqlite", self.states)
        finally:
            shutil.rmtree(self.home)


TestStore = StoreMachine.TestCase
TestStore.settings = settings(
    max_examples=40, stateful_step_count=30, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
