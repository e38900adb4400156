"""Calls of Rust as operators of PyTorch: with shapes for what traces, and a leading axis for vmap."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from .. import _native
from .._native import MatbackpropError


def in_front(tensor: Tensor | None, dim: int | None, size: int) -> Tensor | None:
    """The axis of vmap as a leading one: for PyTorch batches are leading axes anyway."""
    if tensor is None:
        return None
    if dim is None:
        return tensor.expand(size, *tensor.shape)
    return tensor.movedim(dim, 0)


def _arrays(tensors: Sequence[Tensor]) -> list[np.ndarray]:
    """Tensors as arrays of three axes, without a copy where they are dense on the processor."""
    arrays = []
    for tensor in tensors:
        array = tensor.detach().cpu().resolve_conj().resolve_neg().numpy()
        arrays.append(array.reshape(math.prod(array.shape[:-2]), *array.shape[-2:]))
    return arrays


def _tensor(array: np.ndarray, batch: Sequence[int], like: Tensor) -> Tensor:
    return torch.from_numpy(array).reshape(*batch, *array.shape[-2:]).to(like.device)


def _native_of(kind: str, tensor: Tensor) -> Any:
    suffix = {torch.float64: "f64", torch.float32: "f32"}.get(tensor.dtype)
    if suffix is None:
        raise MatbackpropError(f"expected tensors of float64 or float32, found {tensor.dtype}")
    return getattr(_native, f"{kind}_{suffix}")


def _optional(tensors: Sequence[Tensor], present: Sequence[bool]) -> list[np.ndarray | None]:
    arrays = iter(_arrays(tensors))
    return [next(arrays) if there else None for there in present]


def _shapes(rule: str, numbers: Sequence[float], inputs: Sequence[Tensor]) -> tuple[list, list]:
    shapes = [(int(x.shape[-2]), int(x.shape[-1])) for x in inputs]
    return _native.shapes(rule, list(numbers), shapes)


@torch.library.custom_op("matbackprop::forward", mutates_args=())
def forward_operator(inputs: Sequence[Tensor], rule: str, numbers: Sequence[float], nan: bool) -> list[Tensor]:
    first, batch = inputs[0], inputs[0].shape[:-2]
    outputs, kept, _ = _native_of("forward", first)(rule, list(numbers), _arrays(inputs), nan)
    return [_tensor(x, batch, first) for x in [*outputs, *kept]]


@forward_operator.register_fake
def _(inputs: Sequence[Tensor], rule: str, numbers: Sequence[float], nan: bool) -> list[Tensor]:
    first = inputs[0]
    outputs, kept = _shapes(rule, numbers, inputs)
    made = [first.new_empty(*first.shape[:-2], *shape) for shape in outputs]
    return made + [first.new_empty(*first.shape[:-2], *shape, dtype=torch.float64) for shape in kept]


def _back(
    kind: str,
    saved: tuple[Sequence[Tensor], Sequence[Tensor]],
    bars: Sequence[Tensor],
    present: Sequence[bool],
    rule: tuple[str, Sequence[float], bool],
) -> list[Tensor]:
    inputs, kept = saved
    first, batch = inputs[0], inputs[0].shape[:-2]
    name, numbers, nan = rule
    call = _native_of(kind, first)
    results = call(name, list(numbers), _arrays(inputs), _arrays(kept), _optional(bars, present), nan)
    return [_tensor(x, batch, first) for x in results]


@torch.library.custom_op("matbackprop::vjp", mutates_args=())
def vjp_operator(
    inputs: Sequence[Tensor],
    kept: Sequence[Tensor],
    bars: Sequence[Tensor],
    present: Sequence[bool],
    rule: str,
    numbers: Sequence[float],
    nan: bool,
) -> list[Tensor]:
    return _back("vjp", (inputs, kept), bars, present, (rule, numbers, nan))


@vjp_operator.register_fake
def _(inputs, kept, bars, present, rule, numbers, nan):  # type: ignore[no-untyped-def]
    return [torch.empty_like(x, memory_format=torch.contiguous_format) for x in inputs]


@torch.library.custom_op("matbackprop::jvp", mutates_args=())
def jvp_operator(
    inputs: Sequence[Tensor],
    kept: Sequence[Tensor],
    dots: Sequence[Tensor],
    present: Sequence[bool],
    rule: str,
    numbers: Sequence[float],
    nan: bool,
) -> list[Tensor]:
    return _back("jvp", (inputs, kept), dots, present, (rule, numbers, nan))


@jvp_operator.register_fake
def _(inputs, kept, dots, present, rule, numbers, nan):  # type: ignore[no-untyped-def]
    outputs, _ = _shapes(rule, numbers, inputs)
    return [inputs[0].new_empty(*inputs[0].shape[:-2], *shape) for shape in outputs]


@torch.library.custom_op("matbackprop::vjp_of_vjp", mutates_args=())
def second_operator(
    inputs: Sequence[Tensor],
    kept: Sequence[Tensor],
    bars: Sequence[Tensor],
    present: Sequence[bool],
    rule: str,
    numbers: Sequence[float],
) -> list[Tensor]:
    first, batch = inputs[0], inputs[0].shape[:-2]
    given = _optional(bars, present)
    outputs = len(given) - len(inputs)
    call = _native_of("vjp_of_vjp", first)
    bar_bars, x_bars = call(rule, list(numbers), _arrays(inputs), _arrays(kept), given[:outputs], given[outputs:])
    return [_tensor(x, batch, first) for x in [*bar_bars, *x_bars]]


@second_operator.register_fake
def _(inputs, kept, bars, present, rule, numbers):  # type: ignore[no-untyped-def]
    outputs, _ = _shapes(rule, numbers, inputs)
    made = [inputs[0].new_empty(*inputs[0].shape[:-2], *shape) for shape in outputs]
    return made + [torch.empty_like(x, memory_format=torch.contiguous_format) for x in inputs]


def _batched(operator: Any) -> None:
    """Tells vmap that a leading axis of an operator's tensors is one more axis of batches."""

    def rule(info: Any, in_dims: tuple[Any, ...], *arguments: Any) -> Any:
        moved = []
        for argument, dims in zip(arguments, in_dims):
            if isinstance(argument, list | tuple) and argument and isinstance(argument[0], Tensor):
                moved.append([in_front(x, dim, info.batch_size) for x, dim in zip(argument, dims)])
            else:
                moved.append(argument)
        outputs = operator(*moved)
        return outputs, [0] * len(outputs)

    torch.library.register_vmap(operator, rule)


for _operator in (forward_operator, vjp_operator, jvp_operator, second_operator):
    _batched(_operator)
