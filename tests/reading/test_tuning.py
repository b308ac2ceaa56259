"""What belongs to the reader's weights beside them: read from their record, or said to be missing."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from kstore.encoding import tokens
from kstore.errors import ModelError
from kstore.reading.reader import FILE, CrossEncoder
from kstore.reading.tuning import Tuning, record_file
from kstore.training.questions import file_digest

SOME = Tuning(
    calibrated_on="dev (284 questions about facts that were never trained on)",
    least_answerable=-2.1,
    confidence=(0.250, 0.403, -1.133),
    least_confidence=0.2,
    search_weight=25.0,
    certainty_weight=0.5,
    sure=(2.0, -0.5),
)


def test_what_is_written_is_read_again(tmp_path: Path) -> None:
    other = replace(SOME, least_answerable=0.25, calibrated_on="dev (3 questions)")
    (tmp_path / "reader.json").write_text(json.dumps({"kind": "reader", "tuning": other.shape()}), encoding="utf-8")
    assert Tuning.read(tmp_path / "reader.safetensors") == other


def test_the_shipped_reader_was_tuned_for_the_very_weights_beside_it(cross_encoder: CrossEncoder) -> None:
    record = json.loads(record_file(FILE).read_text(encoding="utf-8"))
    assert record["weights"] == record["dev"]["weights"]["reader"] == file_digest(FILE)
    assert record["dev"]["weights"]["tokens"] == file_digest(tokens.FILE)
    answerable = record["dev"]["dev"]["answerable"]
    assert cross_encoder.tuning.calibrated_on == f"dev ({answerable} questions that were never trained on)"
    assert record["dev"]["dev"]["answerable declined"] == pytest.approx(0.1, abs=0.005)


@pytest.mark.parametrize("lacking", sorted(SOME.shape()))
def test_a_record_that_lacks_something_is_named(tmp_path: Path, lacking: str) -> None:
    told = {name: value for name, value in SOME.shape().items() if name != lacking}
    (tmp_path / "reader.json").write_text(json.dumps({"tuning": told}), encoding="utf-8")
    with pytest.raises(ModelError, match=r"reader\.json"):
        Tuning.read(tmp_path / "reader.safetensors")


@pytest.mark.parametrize("text", ["", "{", "[]", '{"tuning": null}', '{"tuning": {"confidence": [1, 2]}}'])
def test_a_damaged_record_is_named(tmp_path: Path, text: str) -> None:
    (tmp_path / "reader.json").write_text(text, encoding="utf-8")
    with pytest.raises(ModelError, match=r"reader\.json"):
        CrossEncoder(file=tmp_path / "reader.safetensors").tuning  # noqa: B018 - reads a file


def test_the_shipped_models_have_records_that_name_their_bytes() -> None:
    from hashlib import sha256

    from kstore.encoding import tokens

    for file in (FILE, tokens.FILE):
        record = json.loads(record_file(file).read_text(encoding="utf-8"))
        assert record["weights"] == sha256(file.read_bytes()).hexdigest()
