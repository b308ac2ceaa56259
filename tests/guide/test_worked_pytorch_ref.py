"""The numbers told in the PyTorch reference, computed again with torch."""

import inspect
import math
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
import torch.nn.functional as F  # noqa: N812
from safetensors.torch import save_file, save_model
from torch import nn
from torch.utils.data import DataLoader, IterableDataset
from torch.utils.flop_counter import FlopCounterMode

from tests.guide.chapters import says, section

CHAPTER = "pytorch_ref.md"


def parameters(module: nn.Module) -> int:
    return sum(parameter.numel() for parameter in module.parameters())


def default(call: Callable[..., object], name: str) -> float:
    value = inspect.signature(call).parameters[name].default
    assert isinstance(value, int | float)
    return value


def message(call: Callable[[], object]) -> str:
    with pytest.raises((RuntimeError, IndexError, ValueError, AttributeError)) as caught:
        call()
    return str(caught.value)


def test_lengths_of_ranges() -> None:
    assert says(CHAPTER, "Creating tensors", len(torch.arange(0, 1, 0.25)), 0)
    assert says(CHAPTER, "Creating tensors", len(torch.linspace(0, 1, 5)), 0)


def test_limits_of_data_types() -> None:
    heading = "Data types and devices"
    assert says(CHAPTER, heading, torch.finfo(torch.float16).max, 0)
    assert says(CHAPTER, heading, torch.finfo(torch.float16).eps, 6)
    assert says(CHAPTER, heading, torch.finfo(torch.bfloat16).eps, 7)
    assert says(CHAPTER, heading, torch.finfo(torch.float32).eps * 1e7, 2)
    assert says(CHAPTER, heading, torch.finfo(torch.float32).max / 1e38, 1)
    assert says(CHAPTER, heading, torch.finfo(torch.bfloat16).max / 1e38, 1)
    assert says(CHAPTER, heading, (torch.tensor(-7) // 2).item(), 0)


def test_promotion_of_data_types() -> None:
    half = torch.ones(2, dtype=torch.float16)
    assert (half + torch.ones(2, dtype=torch.bfloat16)).dtype == torch.float32
    assert (half + torch.tensor(1.0)).dtype == torch.float16
    assert (torch.ones(2, dtype=torch.int64) * 1.5).dtype == torch.float32
    assert half.to(torch.float16) is half
    message(lambda: torch.ones(2, 2) @ torch.ones(2, 2).double())


def test_strides_of_a_transpose() -> None:
    x = torch.arange(6).view(2, 3)
    text = section(CHAPTER, "Shapes and views")
    assert f"strides ${x.stride()}$; its transpose" in text
    assert f"strides ${x.t().stride()}$, and copies nothing" in text


def test_shapes_and_losses_of_broadcasting() -> None:
    together = tuple(torch.broadcast_shapes((8, 1, 6), (7, 1)))
    assert f"${together}$" in section(CHAPTER, "Broadcasting")
    values = torch.tensor([0.0, 1.0, 2.0])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        wrong = F.mse_loss(values[:, None], values)
    assert says(CHAPTER, "Broadcasting", wrong.item(), 3)
    assert message(lambda: torch.ones(3, 4) + torch.ones(3)) in section(CHAPTER, "Broadcasting")


def test_reductions_of_four_numbers() -> None:
    x = torch.tensor([1.0, 2.0, 3.0, 4.0])
    assert says(CHAPTER, "Reductions", x.std().item(), 3)
    assert says(CHAPTER, "Reductions", x.std(correction=0).item(), 3)
    assert says(CHAPTER, "Reductions", x.median().item(), 0)
    assert says(CHAPTER, "Reductions", float(np.median(x.numpy())), 1)
    empty = torch.tensor([])
    assert empty.sum() == 0
    assert empty.mean().isnan()
    message(empty.max)
    message(torch.tensor([1, 2]).mean)


def test_gradient_of_a_squared_error() -> None:
    w, b = (torch.tensor(value, requires_grad=True) for value in (2.0, 1.0))
    loss = (w * 3 + b - 5) ** 2
    dw, db = torch.autograd.grad(loss, [w, b])
    for value in (loss, dw, db):
        assert says(CHAPTER, "The graph and backward", value.item(), 0)


def test_accumulated_gradient() -> None:
    w = torch.tensor(1.0, requires_grad=True)
    for _ in range(2):
        (3 * w).backward()
    assert w.grad is not None
    assert says(CHAPTER, "Leaf tensors and accumulation", w.grad.item(), 0)


def test_messages_of_autograd_are_quoted() -> None:
    x = torch.ones(2, requires_grad=True)
    assert message((x * 2).backward) in section(CHAPTER, "The graph and backward")
    leaves = section(CHAPTER, "Leaf tensors and accumulation")
    assert message(lambda: x.add_(1)).rstrip(".") in leaves
    assert message(lambda: torch.optim.SGD([x * 1])) in leaves
    assert message(lambda: nn.Module.__setattr__(nn.Module.__new__(nn.Module), "l", nn.Linear(1, 1))) in section(
        CHAPTER, "Defining a module"
    )


def test_parameter_counts_of_layers() -> None:
    for layer in (nn.Linear(768, 3072), nn.LayerNorm(768), nn.LSTM(100, 200)):
        assert says(CHAPTER, "Common layers", parameters(layer), 0)
    assert parameters(nn.Conv1d(4, 5, 3)) == 4 * 5 * 3 + 5
    assert nn.Conv1d(4, 5, 3)(torch.ones(2, 4, 10)).shape == (2, 5, 8)
    assert says(CHAPTER, "Common layers", default(nn.Dropout, "p"), 1)


def test_spread_of_a_new_linear_layer() -> None:
    spread = 1 / math.sqrt(3 * 64)
    assert says(CHAPTER, "Initialising weights", spread, 4)
    torch.manual_seed(0)
    assert nn.Linear(64, 4000).weight.std().item() == pytest.approx(spread, rel=0.01)
    assert nn.Embedding(4000, 64).weight.std().item() / 0.02 == pytest.approx(50, rel=0.01)


def test_cross_entropy_of_three_logits() -> None:
    heading, logits, target = "Loss functions in PyTorch", torch.tensor([[2.0, 1.0, 0.0]]), torch.tensor([0])
    assert says(CHAPTER, heading, F.cross_entropy(logits, target).item(), 3)
    assert says(CHAPTER, heading, F.cross_entropy(logits, target, label_smoothing=0.1).item(), 3)
    assert says(CHAPTER, heading, F.cross_entropy(logits.softmax(-1), target).item(), 3)
    least = F.cross_entropy(torch.tensor([[1.0, 0.0, 0.0]]), target)  # the best that probabilities can do as logits
    assert says(CHAPTER, heading, least.item(), 3)
    assert says(CHAPTER, heading, default(F.cross_entropy, "ignore_index"), 0)
    assert F.cross_entropy(logits, torch.tensor([-100])).isnan()


def test_defaults_of_optimisers() -> None:
    w = torch.ones(1, requires_grad=True)
    assert torch.optim.SGD([w]).defaults["lr"] == torch.optim.AdamW([w]).defaults["lr"] == 1e-3
    assert torch.optim.Adam([w]).defaults["weight_decay"] == 0
    assert says(CHAPTER, "Optimisers and parameter groups", torch.optim.AdamW([w]).defaults["weight_decay"], 2)
    w.grad = torch.ones(1)
    adam = torch.optim.AdamW([w])
    adam.step()
    moments = [t for t in adam.state[w].values() if t.shape == w.shape]
    assert says(CHAPTER, "Optimisers and parameter groups", sum(t.nbytes for t in (w, w.grad, *moments)), 0)
    assert says(CHAPTER, "Checkpoints of a training run", sum(t.nbytes for t in (w, *moments)), 0)


def test_warm_up_and_cosine() -> None:
    assert says(CHAPTER, "Learning-rate schedulers", 1 / 4, 2)
    assert says(CHAPTER, "Learning-rate schedulers", 0.5 * (1 + math.cos(math.pi * (8 - 4) / (12 - 4))), 1)
    plateau = torch.optim.lr_scheduler.ReduceLROnPlateau
    assert says(CHAPTER, "Learning-rate schedulers", default(plateau, "patience"), 0)
    assert says(CHAPTER, "Learning-rate schedulers", default(plateau, "factor"), 1)
    assert says(CHAPTER, "Learning-rate schedulers", default(torch.optim.lr_scheduler.OneCycleLR, "pct_start"), 1)


def test_clipping_three_four() -> None:
    w = torch.zeros(2, requires_grad=True)
    w.grad = torch.tensor([3.0, 4.0])
    assert says(CHAPTER, "Gradient clipping and accumulation", nn.utils.clip_grad_norm_([w], 1.0).item(), 0)
    assert f"$({w.grad[0]:.1f}, {w.grad[1]:.1f})$" in section(CHAPTER, "Gradient clipping and accumulation")


def test_defaults_of_mixed_precision() -> None:
    scaler = torch.amp.GradScaler("cpu")
    assert says(CHAPTER, "Automatic mixed precision", scaler.get_scale(), 0)
    assert says(CHAPTER, "Automatic mixed precision", scaler.get_growth_interval(), 0)
    assert (scaler.get_backoff_factor(), scaler.get_growth_factor()) == (0.5, 2)
    assert torch.get_autocast_dtype("cpu") == torch.bfloat16
    assert torch.get_autocast_dtype("cuda") == torch.float16


def test_batches_of_ten_examples() -> None:
    batches = list(DataLoader(range(10), batch_size=4))
    text = section(CHAPTER, "Dataset and DataLoader")
    whole = len(DataLoader(range(10), batch_size=4, drop_last=True))
    assert f"make {len(batches)} batches, the last with {len(batches[-1])}, and {whole} batches with" in text


class Four(IterableDataset[int]):
    def __iter__(self) -> Iterator[int]:
        return iter(range(4))


def test_an_iterable_dataset_cannot_be_shuffled() -> None:
    message(lambda: DataLoader(Four(), shuffle=True))


def test_padding_message_is_quoted() -> None:
    ragged = DataLoader([torch.ones(2), torch.ones(3)], batch_size=2)  # type: ignore[arg-type]
    assert message(lambda: next(iter(ragged))).split(",")[0] in section(CHAPTER, "Padding and collation")


def test_parameters_of_attention_and_block() -> None:
    assert says(CHAPTER, "A multi-head attention module", parameters(nn.MultiheadAttention(8, 2)), 0)
    block = nn.TransformerEncoderLayer(32, 4, dim_feedforward=128)
    assert says(CHAPTER, "A transformer block module", parameters(block), 0)
    wide = nn.TransformerEncoderLayer(8, 2).linear1.out_features
    assert f"`dim_feedforward={wide}`" in section(CHAPTER, "A transformer block module")
    total = 11 * 32 + 7 * 32 + 2 * parameters(block) + 2 * 32
    assert f"= {total}$" in section(CHAPTER, "A small language model")
    assert f"== {total}\n" in section(CHAPTER, "A small language model")


def test_masks_mean_opposite_things() -> None:
    x, allowed = torch.randn(1, 2, 4), torch.tensor([[True, False], [True, True]])
    weights = nn.MultiheadAttention(4, 1, batch_first=True)(x, x, x, attn_mask=~allowed)[1]
    assert weights[0, 0].tolist() == [1, 0]
    assert torch.allclose(F.scaled_dot_product_attention(x, x, x, attn_mask=allowed)[0, 0], x[0, 0])
    message(lambda: F.scaled_dot_product_attention(x, x, x, attn_mask=allowed, is_causal=True))


def test_first_loss_of_the_small_model() -> None:
    assert says(CHAPTER, "Training the small model", math.log(11), 3)


def test_positions_run_without_a_cache() -> None:
    assert says(CHAPTER, "Generating with the small model", sum(4 + i for i in range(3)), 0)
    logits = torch.tensor([2.0, 1.0])
    assert says(CHAPTER, "Generating with the small model", (logits / 0.5).softmax(-1)[0].item(), 3)
    message(lambda: torch.multinomial(torch.tensor([-0.1, 1.0]), 1))


def test_shape_errors_read_as_in_the_table() -> None:
    text = section(CHAPTER, "Shape errors")
    for call in (
        lambda: nn.Linear(3, 4)(torch.ones(2, 5)),
        lambda: nn.Linear(3, 4)(torch.ones(2, 3).double()),
        lambda: torch.arange(6).view(4, 2),
        lambda: F.cross_entropy(torch.zeros(2, 5, 3), torch.zeros(2, 5, dtype=torch.long)),
        lambda: nn.Embedding(10, 3)(torch.tensor([10])),
        lambda: F.cross_entropy(torch.zeros(2, 3), torch.tensor([0, 3])),
        lambda: F.cross_entropy(torch.zeros(2, 3), torch.zeros(2, dtype=torch.int32)),
        lambda: torch.ones(2, requires_grad=True).exp().add_(1).sum().backward(),
    ):
        assert f"`{message(call).split(':')[0]}`" in text


def test_overflow_of_exponentials() -> None:
    for dtype in (torch.float32, torch.float16):
        numbers = torch.arange(100).to(dtype)
        first = numbers[numbers.exp().isinf()][0]
        assert says(CHAPTER, "Not-a-number hunting", first.item(), 0)
    none = torch.zeros(1, 3, dtype=torch.bool)
    assert not F.scaled_dot_product_attention(*torch.ones(3, 1, 3, 2), attn_mask=none.expand(3, 3)).any()


def test_operations_and_activations_of_a_perceptron() -> None:
    net = nn.Sequential(nn.Linear(64, 256), nn.GELU(), nn.Linear(256, 64))
    with FlopCounterMode(display=False) as counter:
        net(torch.ones(32, 64))
    assert f"= {counter.get_total_flops()}$" in section(CHAPTER, "Measuring time")
    sizes = [x.nbytes for x in (torch.ones(32, 64), torch.ones(32, 256), torch.ones(32, 256))]
    assert f"= {sum(sizes)}$ bytes" in section(CHAPTER, "Memory on a GPU")
    assert says(CHAPTER, "Memory on a GPU", sizes[0], 0)


def test_limits_and_names_of_compilation() -> None:
    limit = torch._dynamo.config.recompile_limit
    assert says(CHAPTER, "Compilation", limit, 0)
    assert all(name.startswith("_orig_mod.") for name in torch.compile(nn.Linear(2, 2), backend="eager").state_dict())


def test_strides_of_channels_last() -> None:
    x = torch.zeros(2, 3, 4, 5).to(memory_format=torch.channels_last)
    assert f"strides become ${x.stride()}$" in section(CHAPTER, "Threads and memory formats")


def test_safetensors_refuses_what_the_text_says(tmp_path: Path) -> None:
    file = tmp_path / "x.safetensors"
    tied = nn.ModuleDict({"table": nn.Embedding(4, 4), "head": nn.Linear(4, 4, bias=False)})
    tied["head"].weight = tied["table"].weight
    message(lambda: save_file({"a": torch.ones(2, 3).t()}, file))
    message(lambda: save_file({"a": 3}, file))  # type: ignore[dict-item]
    message(lambda: save_file(tied.state_dict(), file))
    save_model(tied, str(file))
    assert file.exists()
