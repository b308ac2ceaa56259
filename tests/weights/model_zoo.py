"""Small models of real architectures, made on the spot, in the folders that users have. Nothing here is a fake.

Either with random weights, for comparisons with transformers, or with planted ones, for what must be known beforehand.
"""

import itertools
import shutil
from collections.abc import Callable, Sequence
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import (
    BartConfig,
    BartForConditionalGeneration,
    BertConfig,
    BertForMaskedLM,
    ElectraConfig,
    ElectraForMaskedLM,
    GPT2Config,
    GPT2LMHeadModel,
    LlamaConfig,
    LlamaForCausalLM,
    PreTrainedModel,
    PreTrainedTokenizerFast,
    Qwen3Config,
    Qwen3ForCausalLM,
    RobertaConfig,
    RobertaForMaskedLM,
    T5Config,
    T5ForConditionalGeneration,
)
from transformers.utils import logging

BASE, CHAT = ("llama", "gpt2"), ("qwen3",)
CAUSAL = BASE + CHAT
ENCODER_DECODER = ("t5", "bart")
MASKED = ("bert", "roberta", "electra")
KINDS = CAUSAL + ENCODER_DECODER + MASKED
# Of those random weights that write something, and different things of different questions.
_SEEDS = {"t5": 8, "bart": 2, "bert": 6, "roberta": 1}
WINDOW = 256  # tokens that each of the models can read and write together

END, TURN, TURN_END = "<|endoftext|>", "<|im_start|>", "<|im_end|>"
PAD, MASK = "<pad>", "<mask>"
# Qwen3's, without its tools: a closed <think> keeps the model from thinking aloud.
TEMPLATE = (
    "{% for message in messages %}<|im_start|>{{ message.role }}\n{{ message.content }}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n"
    "{% if enable_thinking is defined and enable_thinking is false %}<think>\n\n</think>\n\n{% endif %}{% endif %}"
)
_READ = (
    "Question: How high is the tide at the café of Kell Point?\nAnswer: The tide is 42 metres high, and costs 5 €.\n",
    "Question: Who keeps the lamp?\nAnswer: The keeper of the lamp is Ida Marrow.\n",
)


def tokenizer(
    chat: bool = False, window: int = WINDOW, whole: Sequence[str] = (), mask: bool = False
) -> PreTrainedTokenizerFast:
    """A byte-level BPE tokenizer, as GPT-2, LLaMA 3 and Qwen have; every text goes through it unharmed. The texts of
    ``whole`` are one token each. With ``mask`` it has one."""
    trained = Tokenizer(models.BPE())
    trained.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    trained.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=340,
        special_tokens=[END, TURN, TURN_END, PAD, MASK],
        initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()),
        show_progress=False,
    )
    trained.train_from_iterator(_READ, trainer)
    trained.add_tokens(list(whole))
    return PreTrainedTokenizerFast(
        tokenizer_object=trained,
        eos_token=END,
        pad_token=PAD,
        mask_token=MASK if mask else None,
        chat_template=TEMPLATE if chat else None,
        model_max_length=window,
    )


def random_model(kind: str, folder: Path, seed: int | None = None) -> Path:
    """A model of ``kind`` with random weights, large enough that each token depends on all that it can see."""
    words = tokenizer(chat=kind in CHAT, mask=kind in MASKED)
    shape = {"vocab_size": len(words), "initializer_range": 0.4, "bos_token_id": None}
    makers: dict[str, Callable[[], PreTrainedModel]] = {
        "llama": lambda: LlamaForCausalLM(LlamaConfig(**shape, **_llama_shape(), eos_token_id=0)),
        "gpt2": lambda: GPT2LMHeadModel(
            GPT2Config(**shape, n_embd=32, n_layer=2, n_head=4, n_positions=WINDOW, eos_token_id=0)
        ),
        # As with Qwen itself, the model names the end of a turn, and the tokenizer the end of a text.
        "qwen3": lambda: Qwen3ForCausalLM(Qwen3Config(**shape, **_llama_shape(), head_dim=8, eos_token_id=2)),
        "t5": lambda: T5ForConditionalGeneration(
            T5Config(
                vocab_size=len(words),
                d_model=32,
                d_kv=8,
                d_ff=64,
                num_layers=2,
                num_heads=4,
                initializer_factor=8.0,
                pad_token_id=3,
                eos_token_id=0,
                decoder_start_token_id=3,
            )
        ),
        "bart": lambda: BartForConditionalGeneration(
            BartConfig(
                vocab_size=len(words),
                d_model=32,
                encoder_layers=2,
                decoder_layers=2,
                encoder_attention_heads=4,
                decoder_attention_heads=4,
                encoder_ffn_dim=64,
                decoder_ffn_dim=64,
                max_position_embeddings=WINDOW,
                init_std=0.4,
                bos_token_id=1,
                pad_token_id=3,
                eos_token_id=0,
                decoder_start_token_id=0,
            )
        ),
        "bert": lambda: BertForMaskedLM(BertConfig(**_encoder_shape(len(words)), max_position_embeddings=WINDOW)),
        # It counts positions from behind the number of its padding.
        "roberta": lambda: RobertaForMaskedLM(
            RobertaConfig(**_encoder_shape(len(words)), max_position_embeddings=WINDOW + 4)
        ),
        "electra": lambda: ElectraForMaskedLM(
            ElectraConfig(**_encoder_shape(len(words)), embedding_size=16, max_position_embeddings=WINDOW)
        ),
    }
    with torch.random.fork_rng():
        torch.manual_seed(_SEEDS.get(kind, 5) if seed is None else seed)
        model = makers[kind]()
    if kind == "bart":  # it writes a token of its own first, which is forced upon it
        model.generation_config.forced_bos_token_id = 1
    return _save(model, words, folder)


def reciting_model(
    folder: Path,
    *recitals: str,
    chat: bool = False,
    logit: float = 10.0,
    window: int = WINDOW,
    whole: Sequence[str] = (),
) -> Path:
    """A LLaMA that has learned recitals by heart: any token of one is followed by the next of it.

    Its layers add nothing and its embeddings are one-hot, so the output matrix says for each token what follows: the
    next token has ``logit``, any other 0. What has no next token is followed by the end of the text. The texts of
    ``whole`` are one token each.
    """
    words = tokenizer(chat, window, whole)
    follows: dict[int, int] = {}
    for recital in recitals:
        ids = words(recital)["input_ids"]
        for token, following in itertools.pairwise(ids):
            assert follows.setdefault(token, following) == following, f"{recital!r}: a token with two successors"
    size = len(words)
    config = LlamaConfig(
        vocab_size=size,
        **_llama_shape()
        | {"hidden_size": size, "num_attention_heads": 1, "num_key_value_heads": 1, "head_dim": 8}
        | {"max_position_embeddings": window},
        bos_token_id=None,
        eos_token_id=2 if chat else 0,
        rms_norm_eps=1e-12,
        tie_word_embeddings=False,
    )
    model = LlamaForCausalLM(config)
    with torch.no_grad():
        for layer in model.model.layers:
            layer.self_attn.o_proj.weight.zero_()
            layer.mlp.down_proj.weight.zero_()
        model.model.embed_tokens.weight.copy_(torch.eye(size))
        model.lm_head.weight.zero_()
        for token in range(size):
            # The last norm makes a one-hot row sqrt(size) long.
            model.lm_head.weight[follows.get(token, 0), token] = logit / size**0.5
    return _save(model, words, folder)


def with_weights(folder: Path, copy: Path, change: Callable[[dict[str, torch.Tensor]], object]) -> Path:
    """A copy of a model's folder whose weights, by name, ``change`` has changed in place."""
    shutil.copytree(folder, copy)
    weights = load_file(copy / "model.safetensors")
    change(weights)
    save_file(weights, copy / "model.safetensors", metadata={"format": "pt"})
    return copy


def pickled(folder: Path, copy: Path) -> Path:
    """A copy of a model's folder with its weights in pickle form only, as old hub models have them."""
    shutil.copytree(folder, copy)
    torch.save(load_file(copy / "model.safetensors"), copy / "pytorch_model.bin")
    (copy / "model.safetensors").unlink()
    return copy


def _llama_shape() -> dict[str, int]:
    return {
        "hidden_size": 32,
        "intermediate_size": 64,
        "num_hidden_layers": 2,
        "num_attention_heads": 4,
        "num_key_value_heads": 2,
        "max_position_embeddings": WINDOW,
    }


def _encoder_shape(words: int) -> dict[str, float]:
    return {
        "vocab_size": words,
        "hidden_size": 32,
        "num_hidden_layers": 2,
        "num_attention_heads": 4,
        "intermediate_size": 64,
        "initializer_range": 0.4,
        "pad_token_id": 3,
    }


def _save(model: PreTrainedModel, words: PreTrainedTokenizerFast, folder: Path) -> Path:
    logging.disable_progress_bar()
    model.save_pretrained(folder)
    words.save_pretrained(folder)
    return folder
