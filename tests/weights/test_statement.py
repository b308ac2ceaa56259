"""Questions as statements with a gap: turned round where that is safe, and never without the gap."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kstore.weights.huggingface.statement import as_statement


@pytest.mark.parametrize(
    ("question", "statement"),
    [
        ("What is the capital of France?", "The capital of France is [M]."),
        ("Who were the authors of BERT?", "The authors of BERT were [M]."),
        ("How many layers are there in BERT-base?", "There are [M] layers in BERT-base."),
        ("How tall is the lighthouse?", "The lighthouse is [M] tall."),
        ("Who proposed AlexNet?", "[M] proposed AlexNet."),
        ("Who did Ada marry?", "Who did Ada marry? The answer is [M]."),
        ("Name the optimiser of BERT.", "The optimiser of BERT is [M]."),
        ("when did BERT appear", "when did BERT appear? The answer is [M]."),
        ("I read about BERT. What was its rate?", "I read about BERT. Its rate was [M]."),
        ("The loss is 0.3. How many steps?", "The loss is 0.3. How many steps? The answer is [M]."),
        ("?", "?? The answer is [M]."),
    ],
)
def test_what_a_question_becomes(question: str, statement: str) -> None:
    assert as_statement(question, "[M]") == statement


@given(st.text(max_size=60).filter(lambda it: "[M]" not in it))
def test_there_is_one_gap(question: str) -> None:
    assert as_statement(question, "[M]").count("[M]") == 1
