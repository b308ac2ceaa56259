"""From logits to text: the chapter's numbers, honest draws, and nothing shown that must not be."""

import itertools
import math
from collections import Counter
from collections.abc import Mapping, Sequence

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tokenizers import decoders

from kstore.controls import PRESETS, Sampling
from kstore.weights.decoding import Logits, distribution, softmax, write
from kstore.weights.generator import Token

# The chapter's example, Part II: after "The largest city of France is".
CITIES = np.array([4, 3, 2, 1, 0], dtype=np.float32)  # Paris Lyon Marseille Rome blue
END = 0  # in the scripted texts below, the token that ends an answer


def shown(tokens: Sequence[Token]) -> str:
    return "".join(token.text for token in tokens)


class Script:
    """A model that is nearly sure of one text: token i of it is ``pieces[i]``, whose id is i + 1; then it ends.

    ``SURE`` is the probability that it gives to each.
    """

    LOGIT = 12.0

    def __init__(self, pieces: Sequence[bytes]) -> None:
        self.pieces = pieces
        self.sure = math.exp(self.LOGIT) / (math.exp(self.LOGIT) + len(pieces))

    def write(self, sampling: Sampling) -> list[Token]:
        return list(write(self._expecting(1), self._after, self._decode, {END}, sampling))

    def _after(self, token: int) -> Logits:
        return self._expecting(token + 1 if token < len(self.pieces) else END)

    def _expecting(self, token: int) -> Logits:
        logits = np.zeros(len(self.pieces) + 1, dtype=np.float32)
        logits[token if self.pieces else END] = self.LOGIT
        return logits

    def _decode(self, ids: list[int]) -> str:
        return b"".join(self.pieces[token - 1] for token in ids).decode("utf-8", errors="replace")


class TestDistribution:
    @pytest.mark.parametrize(
        ("temperature", "expected"),
        [
            (0.2, [0.9933, 0.0067, 0.0000, 0.0000, 0.0000]),
            (1.0, [0.6364, 0.2341, 0.0861, 0.0317, 0.0117]),
            (2.0, [0.4287, 0.2600, 0.1577, 0.0956, 0.0580]),
        ],
    )
    def test_temperature_as_in_the_chapters_table(self, temperature: float, expected: list[float]) -> None:
        found = distribution(CITIES, Sampling(temperature=temperature))
        assert found.round(4).tolist() == expected
        assert found.sum() == pytest.approx(1, abs=1e-12)

    @pytest.mark.parametrize(
        ("sampling", "expected"),
        [
            (Sampling(temperature=1, top_k=1), [1, 0, 0, 0, 0]),
            (Sampling(temperature=1, top_k=2), [0.731, 0.269, 0, 0, 0]),
            (Sampling(temperature=1, top_k=3), [0.665, 0.245, 0.090, 0, 0]),
            (Sampling(temperature=1, top_k=50), [0.636, 0.234, 0.086, 0.032, 0.012]),
            (Sampling(temperature=1, top_p=0.9), [0.665, 0.245, 0.090, 0, 0]),
            (Sampling(temperature=1, top_p=0.6), [1, 0, 0, 0, 0]),
            # 1, exp(-1/2), exp(-1) and exp(-3/2) over their sum 2.1975.
            (Sampling(temperature=2, top_p=0.9), [0.455, 0.276, 0.167, 0.102, 0]),
            # Top-k comes first: of its three survivors 0.665 + 0.245 reach 0.9, where 0.636 + 0.234 would not.
            (Sampling(temperature=1, top_k=3, top_p=0.9), [0.731, 0.269, 0, 0, 0]),
        ],
    )
    def test_cuts_as_computed_by_hand(self, sampling: Sampling, expected: list[float]) -> None:
        assert distribution(CITIES, sampling).round(3).tolist() == expected

    def test_the_presets_leave_what_the_chapter_says(self) -> None:
        left = {name: distribution(CITIES, PRESETS[name].sampling) for name in ("factual", "code", "creative")}
        assert left["factual"].tolist() == [1, 0, 0, 0, 0]
        assert left["code"].tolist() == [1, 0, 0, 0, 0]
        assert left["creative"].round(3).tolist() == [0.696, 0.229, 0.075, 0, 0]

    def test_top_p_that_is_reached_exactly_needs_no_further_token(self) -> None:
        equals = np.zeros(4, dtype=np.float32)
        assert distribution(equals, Sampling(temperature=1, top_p=0.5)).tolist() == [0.5, 0.5, 0, 0]

    @pytest.mark.parametrize("temperature", [1e-2, 1e-6, 1e-45, 1e-60, 5e-324])
    def test_greedy_is_the_limit_of_small_temperatures(self, temperature: float) -> None:
        # The smallest ones once divided by a float32 zero.
        greedy = distribution(CITIES, Sampling(temperature=0)).tolist()
        assert greedy == [1, 0, 0, 0, 0]
        assert distribution(CITIES, Sampling(temperature=temperature)) == pytest.approx(greedy, abs=1e-40)

    def test_order_of_logits_and_their_level_do_not_matter(self) -> None:
        sampling = Sampling(temperature=0.7, top_k=4, top_p=0.95)
        shuffle = np.array([3, 0, 4, 2, 1])
        assert distribution(CITIES[shuffle], sampling) == pytest.approx(distribution(CITIES, sampling)[shuffle])
        assert distribution(CITIES + 3000, sampling) == pytest.approx(distribution(CITIES, sampling))
        assert softmax(CITIES - 3000).round(4).tolist() == [0.6364, 0.2341, 0.0861, 0.0317, 0.0117]


class TestDraws:
    # By degrees of freedom, what chi-square exceeds by chance in one of a million honest runs.
    BOUND: Mapping[int, float] = {1: 23.93, 2: 27.63, 3: 30.66, 4: 33.38}

    @pytest.mark.parametrize(
        ("sampling", "survivors"),
        [
            (Sampling(temperature=1.0), 5),
            (Sampling(temperature=2.0), 5),
            (Sampling(temperature=1.0, top_k=2), 2),
            (Sampling(temperature=2.0, top_p=0.9), 4),
            (Sampling(temperature=0.9, top_p=0.95, top_k=50), 3),
        ],
    )
    def test_ten_thousand_draws_follow_the_probabilities(self, sampling: Sampling, survivors: int) -> None:
        weights = [math.exp(logit / sampling.temperature) for logit in (4, 3, 2, 1, 0)][:survivors]
        drawn: Counter[int] = Counter()
        for seed in range(10):
            sampled = Sampling(sampling.temperature, sampling.top_k, sampling.top_p, max_tokens=1000, seed=seed)
            tokens = write(CITIES, lambda _: CITIES, lambda ids: "x" * len(ids), (), sampled)
            drawn.update(token.id for token in tokens)
        assert drawn.total() == 10_000
        assert set(drawn) == set(range(survivors))
        expected = [10_000 * weight / sum(weights) for weight in weights]
        chi_square = sum((drawn[token] - mean) ** 2 / mean for token, mean in enumerate(expected))
        assert chi_square < self.BOUND[survivors - 1]

    def test_a_seed_repeats_and_another_differs(self) -> None:
        def ids(seed: int | None) -> list[int]:
            sampling = Sampling(temperature=1.0, max_tokens=200, seed=seed)
            return [token.id for token in write(CITIES, lambda _: CITIES, lambda ids: "x" * len(ids), (), sampling)]

        assert ids(7) == ids(7)
        assert ids(7) != ids(8)
        # Without a seed each answer is new: 200 draws agree by chance with probability below 0.49 ** 200.
        assert ids(None) != ids(None)

    def test_probabilities_are_the_models_own(self) -> None:
        # Neither the temperature nor the cuts enter: they say how a token was chosen, not how sure the model was.
        sampling = Sampling(temperature=2.0, top_k=3, max_tokens=50, seed=3)
        own = dict(enumerate([0.6364, 0.2341, 0.0861]))
        tokens = list(write(CITIES, lambda _: CITIES, lambda ids: "x" * len(ids), (), sampling))
        assert {token.id for token in tokens} == set(own)
        assert all(token.probability == pytest.approx(own[token.id], abs=5e-5) for token in tokens)


class TestWhatIsShown:
    def test_writing_ends_with_the_end_token_which_is_not_shown(self) -> None:
        script = Script([b"forty", b"-two"])
        tokens = script.write(Sampling())
        assert [(token.id, token.text) for token in tokens] == [(1, "forty"), (2, "-two")]
        assert [token.probability for token in tokens] == [pytest.approx(script.sure)] * 2

    def test_a_model_that_ends_at_once_shows_nothing(self) -> None:
        assert Script([]).write(Sampling()) == []

    @pytest.mark.parametrize("most", [1, 2, 3, 4])
    def test_max_tokens_bounds_the_answer(self, most: int) -> None:
        tokens = Script([b"a", b"b", b"c"]).write(Sampling(max_tokens=most))
        assert shown(tokens) == "abc"[:most]

    @pytest.mark.parametrize(
        ("pieces", "stop", "expected"),
        [
            ([b"yes\nQuestion: and"], "\n", "yes"),
            ([b"yes", b"\n", b"Question"], "\n", "yes"),
            ([b"one ST", b"O", b"P two"], "STOP", "one "),
            ([b"SSS", b"STO", b"STOP", b"!"], "STOP", "SSSSTO"),
            ([b"aab", b"aab", b"aac", b"!"], "aabaac", "aab"),  # a stop that overlaps with its own beginning
            ([b"the caf\xc3", b"\xa9 is"], "é", "the caf"),  # a stop of half characters
            ([b"STOP"], "STOP", ""),
        ],
    )
    def test_a_stop_is_never_shown_even_in_parts(self, pieces: list[bytes], stop: str, expected: str) -> None:
        tokens = Script(pieces).write(Sampling(stop=(stop,)))
        assert shown(tokens) == expected

    def test_nothing_is_written_after_a_stop(self) -> None:
        tokens = Script([b"yes", b" ST", b"OP", b" no", b" more"]).write(Sampling(stop=(" STOP",)))
        assert [token.id for token in tokens] == [1, 2, 3]

    def test_of_several_stops_the_first_in_the_text_counts(self) -> None:
        tokens = Script([b"one. two, three"]).write(Sampling(stop=(",", ".", "")))
        assert shown(tokens) == "one"

    def test_what_turns_out_to_be_no_stop_is_shown_after_all(self) -> None:
        tokens = Script([b"one ST", b"ONE"]).write(Sampling(stop=("STOP",)))
        assert [token.text for token in tokens] == ["one ", "STONE"]
        tokens = Script([b"one ST"]).write(Sampling(stop=("STOP",)))
        assert [token.text for token in tokens] == ["one ", "ST"]
        assert tokens[1].probability is None  # no new token: the held-back text of the first
        assert tokens[1].id == tokens[0].id

    def test_half_a_character_waits_for_its_other_half(self) -> None:
        tokens = Script([b"5 \xe2", b"\x82", b"\xac", b" each"]).write(Sampling())
        assert [token.text for token in tokens] == ["5 ", "", "€", " each"]

    def test_a_decoder_that_takes_characters_back_repeats_none(self) -> None:
        # LLaMA 2's byte tokens: a run that ends in half a character is unreadable as a whole, until it is complete.
        bytes_apart = decoders.ByteFallback()

        def decode(ids: list[int]) -> str:
            return bytes_apart.decode([f"<0x{byte:02X}>" for byte in ids])

        text = "éè".encode()
        assert decode([*text[:3]]) == "\ufffd" * 3

        def expecting(position: int) -> Logits:
            return np.eye(256, dtype=np.float32)[text[position] if position < len(text) else END] * Script.LOGIT

        steps = iter(range(1, len(text) + 1))
        tokens = list(write(expecting(0), lambda _: expecting(next(steps)), decode, {END}, Sampling()))
        assert [token.text for token in tokens] == ["", "é", "", "è"]

    def test_half_a_character_at_the_end_is_left_out(self) -> None:
        assert shown(Script([b"5 \xe2\x82", b"\xac"]).write(Sampling(max_tokens=1))) == "5 "
        assert shown(Script([b"5 \xe2\x82"]).write(Sampling())) == "5 "


def split_anywhere(text: str, cuts: list[int]) -> list[bytes]:
    """The bytes of ``text`` cut at some places, as a byte-level tokenizer might."""
    encoded = text.encode()
    places = sorted({0, len(encoded), *(cut % (len(encoded) + 1) for cut in cuts)})
    return [encoded[start:end] for start, end in itertools.pairwise(places)]


# Few letters, so that stops do occur, of one to four bytes each.
TEXTS = st.text(alphabet="ab é€🜁\n", max_size=24)


@settings(deadline=None, derandomize=True, database=None, max_examples=300)
@given(text=TEXTS, cuts=st.lists(st.integers(0, 100), max_size=40), stop=TEXTS)
def test_whatever_the_tokens_the_text_up_to_the_stop_is_shown(text: str, cuts: list[int], stop: str) -> None:
    tokens = Script(split_anywhere(text, cuts)).write(Sampling(stop=(stop,)))
    assert shown(tokens) == (text.split(stop)[0] if stop else text)
    assert not any("\ufffd" in token.text for token in tokens)


@settings(deadline=None, derandomize=True, database=None, max_examples=300)
@given(text=TEXTS, cuts=st.lists(st.integers(0, 100), max_size=40), stops=st.lists(TEXTS.filter(bool), max_size=3))
def test_no_stop_of_several_is_ever_shown(text: str, cuts: list[int], stops: list[str]) -> None:
    # Which of two overlapping stops ends the text depends on the tokens, so less is promised than for one stop.
    found = shown(Script(split_anywhere(text, cuts)).write(Sampling(stop=tuple(stops))))
    assert text.startswith(found)
    assert not any(stop in found for stop in stops)
    if not any(stop in text for stop in stops):
        assert found == text
