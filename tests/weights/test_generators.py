"""What every generator promises, whatever it is made of: the shipped kind and each Hugging Face kind alike."""

import itertools
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
from tokenizers import Tokenizer

from kstore.controls import Sampling
from kstore.encoding.encoder import Encoder
from kstore.weights.generator import Generator, Message, Token
from kstore.weights.huggingface.loading import open_model
from kstore.weights.shipped import SentencePromptedGenerator
from tests.weights.model_zoo import BASE, KINDS, MASKED

ASKED = [Message("user", "What is the colour of the north door?")]
OTHER = [Message("user", "Tell me the ferry's speed.")]
HOT = Sampling(temperature=3.0, max_tokens=12)


@pytest.fixture(scope="session")
def load(zoo: Callable[[str], Path], pupil: Path, encoder: Encoder) -> Callable[[Path], Generator]:
    def load_one(folder: Path) -> Generator:
        return SentencePromptedGenerator(folder, encoder) if folder == pupil else open_model(str(folder))

    return load_one


@pytest.fixture(params=["shipped", *KINDS])
def folder(request: pytest.FixtureRequest, zoo: Callable[[str], Path], pupil: Path) -> Path:
    return pupil if request.param == "shipped" else zoo(request.param)


@pytest.fixture
def generator(folder: Path, load: Callable[[Path], Generator]) -> Generator:
    return load(folder)


def write(generator: Generator, sampling: Sampling, asked: Sequence[Message] = ASKED) -> list[Token]:
    return list(generator.stream(asked, sampling))


def text(tokens: Sequence[Token]) -> str:
    return "".join(token.text for token in tokens)


def drawn(tokens: Sequence[Token]) -> list[int]:
    """The tokens that were drawn, without the text that was held back before."""
    return [token.id for token in tokens if token.probability is not None]


def test_it_says_what_it_is(generator: Generator, folder: Path) -> None:
    assert folder.name in generator.name
    assert isinstance(generator.instructable, bool)
    assert (generator.record is None) is not (folder / "kstore.json").exists()


def test_temperature_nought_always_gives_the_same(
    generator: Generator, folder: Path, load: Callable[[Path], Generator]
) -> None:
    first = write(generator, Sampling(max_tokens=20))
    assert first
    # The seed makes no difference, nor does loading the model again.
    assert write(generator, Sampling(max_tokens=20, seed=9)) == first
    assert write(load(folder), Sampling(max_tokens=20)) == first


def test_a_seed_repeats_and_other_seeds_differ(generator: Generator) -> None:
    def sampled(seed: int | None) -> list[Token]:
        return write(generator, Sampling(HOT.temperature, max_tokens=HOT.max_tokens, seed=seed))

    assert sampled(4) == sampled(4)
    # Any two may agree by chance where a model is sure, but not nearly all of eight.
    assert len({tuple(drawn(sampled(seed))) for seed in range(8)}) >= 6


def test_questions_matter(generator: Generator) -> None:
    assert drawn(write(generator, Sampling(max_tokens=20))) != drawn(write(generator, Sampling(max_tokens=20), OTHER))


def test_probabilities_are_probabilities(generator: Generator) -> None:
    for sampling in (Sampling(max_tokens=20), HOT):
        probabilities = [token.probability for token in write(generator, sampling)]
        assert probabilities
        assert all(probability is None or 0 < probability <= 1 for probability in probabilities)


def test_the_first_greedy_token_is_the_likeliest(generator: Generator) -> None:
    greedy = write(generator, Sampling(max_tokens=1))[0].probability
    assert greedy is not None
    for seed in range(20):
        for token in write(generator, Sampling(HOT.temperature, max_tokens=1, seed=seed)):
            assert token.probability is None or token.probability <= greedy


@pytest.mark.parametrize("most", [1, 2, 5])
def test_max_tokens_is_respected(generator: Generator, folder: Path, most: int) -> None:
    written = drawn(write(generator, Sampling(max_tokens=most)))
    if folder.name in MASKED:  # other gaps are filled otherwise
        assert 1 <= len(written) <= most
    else:
        assert written == drawn(write(generator, Sampling(max_tokens=6)))[:most]


@pytest.mark.parametrize("seed", range(4))
def test_the_pieces_make_up_the_text_of_the_tokens(generator: Generator, folder: Path, seed: int) -> None:
    # At this temperature random bytes are written: characters begin that never end.
    tokens = write(generator, Sampling(HOT.temperature, max_tokens=40, seed=seed))
    words = Tokenizer.from_file(str(folder / "tokenizer.json"))
    whole = words.decode(drawn(tokens), skip_special_tokens=True)
    if folder.name in BASE:
        whole = whole.split("\n")[0]  # where base models are stopped
    assert text(tokens) == whole.rstrip("\ufffd")


def test_an_answer_may_be_empty(generator: Generator) -> None:
    beginning = text(write(generator, Sampling(max_tokens=20)))[0]
    assert text(write(generator, Sampling(max_tokens=20, stop=(beginning,)))) == ""


def test_a_stop_within_an_answer_cuts_it(generator: Generator) -> None:
    whole = text(write(generator, Sampling(max_tokens=20)))
    stop = whole[len(whole) // 2 :][:3]
    assert text(write(generator, Sampling(max_tokens=20, stop=(stop,)))) == whole.split(stop)[0]


def test_answers_written_at_the_same_time_do_not_mix(generator: Generator) -> None:
    sampling = Sampling(max_tokens=8)
    alone = write(generator, sampling), write(generator, sampling, OTHER)
    steps = itertools.zip_longest(generator.stream(ASKED, sampling), generator.stream(OTHER, sampling))
    first, second = zip(*steps, strict=True)
    assert [token for token in first if token] == alone[0]
    assert [token for token in second if token] == alone[1]
