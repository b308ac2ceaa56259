"""A real sentence-transformers model small enough to be made on the spot: random weights, a tokenizer, mean pooling."""

import string
from pathlib import Path

WORDS = ("the", "lamp", "burns", "oil", "cat", "sleeps", "gull", "mail", "boat")


def make_small_model(folder: Path, seed: int = 0, prompts: dict[str, str] | None = None) -> Path:
    """Save a model in ``folder`` and return it. Another seed gives other weights."""
    import torch
    from sentence_transformers import SentenceTransformer
    from sentence_transformers.sentence_transformer.modules import Pooling, Transformer
    from transformers import BertConfig, BertModel, BertTokenizerFast

    letters = string.ascii_lowercase
    pieces = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *WORDS, *letters, *(f"##{letter}" for letter in letters)]
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        bert = BertModel(
            BertConfig(
                vocab_size=len(pieces),
                hidden_size=32,
                num_hidden_layers=2,
                num_attention_heads=2,
                intermediate_size=64,
                max_position_embeddings=64,
            )
        )
    bert.save_pretrained(folder / "bert")
    tokenizer = BertTokenizerFast(vocab={piece: number for number, piece in enumerate(pieces)})
    tokenizer.save_pretrained(folder / "bert")
    transformer = Transformer(str(folder / "bert"), max_seq_length=48)
    model = SentenceTransformer(modules=[transformer, Pooling(32, "mean")], device="cpu", prompts=prompts)
    model.save(str(folder / "model"))
    return folder / "model"
