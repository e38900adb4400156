"""Rules on PyTorch's tape."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator, Sequence
from typing import Any

import torch
from torch import Tensor

from .._native import MatbackpropError
from ._operators import forward_operator, in_front, jvp_operator, second_operator, vjp_operator


class _Policy(threading.local):
    nan = False


_policy = _Policy()


@contextlib.contextmanager
def nan_for_failures() -> Iterator[None]:
    """Within it a matrix without a result gives NaN, and so does its gradient; the others are as they would be."""
    before, _policy.nan = _policy.nan, True
    try:
        yield
    finally:
        _policy.nan = before


def _shared_context(ctx: Any, inputs: tuple[Any, ...], output: tuple[Tensor, ...]) -> None:
    ctx.rule, ctx.numbers, ctx.nan, ctx.count = inputs[:4]
    kept = output[ctx.count :]
    ctx.mark_non_differentiable(*kept)
    ctx.set_materialize_grads(False)
    ctx.inputs_count = len(inputs) - 4
    ctx.save_for_backward(*inputs[4:], *kept)


def _pulled_back(ctx: Any, bars: tuple[Tensor | None, ...], back: Any) -> tuple[Any, ...]:
    inputs, kept = ctx.saved_tensors[: ctx.inputs_count], ctx.saved_tensors[ctx.inputs_count :]
    bars = bars[: ctx.count]
    if all(bar is None for bar in bars):
        return (None,) * (4 + ctx.inputs_count)
    sizes = (len(inputs), len(kept))
    x_bars = back.apply(ctx.rule, ctx.numbers, ctx.nan, sizes, *inputs, *kept, *bars)
    return (None, None, None, None, *x_bars)


def _second_context(ctx: Any, inputs: tuple[Any, ...], output: tuple[Tensor, ...]) -> None:
    ctx.rule, ctx.numbers, ctx.nan, ctx.sizes = inputs[:4]
    ctx.set_materialize_grads(False)
    ctx.save_for_backward(*inputs[4:])


def _parts(ctx: Any) -> tuple[Any, Any, Any]:
    n, k = ctx.sizes
    saved = ctx.saved_tensors
    return saved[:n], saved[n : n + k], saved[n + k :]


def _second_order(ctx: Any, z: Sequence[Tensor | None]) -> tuple[list[Tensor], list[Tensor]]:
    inputs, kept, bars = _parts(ctx)
    both = [*bars, *z]
    present = [x is not None for x in both]
    given = [x for x in both if x is not None]
    results = second_operator(list(inputs), list(kept), given, present, ctx.rule, list(ctx.numbers))
    return results[: len(bars)], results[len(bars) :]


class _TracedRule(torch.autograd.Function):
    """A rule of the core, outputs and what is kept from inputs: for torch.compile, which takes no ``jvp`` and no ``vmap``."""

    @staticmethod
    def forward(rule: str, numbers: tuple[float, ...], nan: bool, count: int, *inputs: Tensor) -> tuple[Tensor, ...]:
        return tuple(forward_operator(list(inputs), rule, list(numbers), nan))

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: tuple[Tensor, ...]) -> None:
        _shared_context(ctx, inputs, output)

    @staticmethod
    def backward(ctx: Any, *bars: Tensor | None) -> tuple[Any, ...]:
        return _pulled_back(ctx, bars, _TracedBack)


class _Rule(_TracedRule):
    """The same with all that PyTorch can ask for."""

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: tuple[Tensor, ...]) -> None:
        _shared_context(ctx, inputs, output)
        ctx.save_for_forward(*inputs[4:], *output[ctx.count :])

    @staticmethod
    def backward(ctx: Any, *bars: Tensor | None) -> tuple[Any, ...]:
        return _pulled_back(ctx, bars, _Back)

    @staticmethod
    def jvp(ctx: Any, *dots: Tensor | None) -> tuple[Tensor | None, ...]:
        inputs, kept = ctx.saved_tensors[: ctx.inputs_count], ctx.saved_tensors[ctx.inputs_count :]
        dots = dots[4:]
        present = [dot is not None for dot in dots]
        given = [dot for dot in dots if dot is not None]
        y_dots = jvp_operator(list(inputs), list(kept), given, present, ctx.rule, list(ctx.numbers), ctx.nan)
        return (*y_dots, *(None for _ in kept))

    @staticmethod
    def vmap(
        info: Any, in_dims: tuple[Any, ...], rule: str, numbers: Any, nan: bool, count: int, *inputs: Tensor
    ) -> Any:
        moved = [in_front(x, dim, info.batch_size) for x, dim in zip(inputs, in_dims[4:])]
        outputs = _Rule.apply(rule, numbers, nan, count, *moved)
        return outputs, (0,) * len(outputs)


class _TracedBack(torch.autograd.Function):
    """The way back of a rule, which has a way back of its own where the rule has a second order."""

    @staticmethod
    def forward(
        rule: str, numbers: tuple[float, ...], nan: bool, sizes: tuple[int, int], *tensors: Tensor | None
    ) -> tuple[Tensor, ...]:
        n, k = sizes
        bars = tensors[n + k :]
        present = [bar is not None for bar in bars]
        given = [bar for bar in bars if bar is not None]
        return tuple(
            vjp_operator(list(tensors[:n]), list(tensors[n : n + k]), given, present, rule, list(numbers), nan)
        )

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: tuple[Tensor, ...]) -> None:
        _second_context(ctx, inputs, output)

    @staticmethod
    def backward(ctx: Any, *z: Tensor | None) -> tuple[Any, ...]:
        n, k = ctx.sizes
        bars = ctx.saved_tensors[n + k :]
        if all(x is None for x in z):
            return (None,) * (4 + n + k + len(bars))
        bar_bars, x_bars = _second_order(ctx, z)
        bar_bars = [bar_bar if bar is not None else None for bar_bar, bar in zip(bar_bars, bars)]
        return (None, None, None, None, *x_bars, *(None,) * k, *bar_bars)


class _Back(_TracedBack):
    """The same with all that PyTorch can ask for."""

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: tuple[Tensor, ...]) -> None:
        _second_context(ctx, inputs, output)
        ctx.save_for_forward(*inputs[4:])

    @staticmethod
    def jvp(ctx: Any, *dots: Tensor | None) -> tuple[Tensor, ...]:
        # The Hessian of ⟨ȳ, y⟩ is symmetric: along ẋ it is what the way back makes of ẋ; ȳ enters linearly.
        n, k = ctx.sizes
        inputs, kept, _ = _parts(ctx)
        x_dots, bar_dots = dots[4 : 4 + n], dots[4 + n + k :]
        tangents = [torch.zeros_like(x) for x in inputs]
        if any(dot is not None for dot in x_dots):
            _, tangents = _second_order(ctx, x_dots)
        if any(dot is not None for dot in bar_dots):
            present = [dot is not None for dot in bar_dots]
            given = [dot for dot in bar_dots if dot is not None]
            more = vjp_operator(list(inputs), list(kept), given, present, ctx.rule, list(ctx.numbers), ctx.nan)
            tangents = [a + b for a, b in zip(tangents, more)]
        return tuple(tangents)

    @staticmethod
    def vmap(info: Any, in_dims: tuple[Any, ...], rule: str, numbers: Any, nan: bool, sizes: Any, *tensors: Any) -> Any:
        moved = [in_front(x, dim, info.batch_size) for x, dim in zip(tensors, in_dims[4:])]
        outputs = _Back.apply(rule, numbers, nan, sizes, *moved)
        return outputs, (0,) * len(outputs)


#: Outputs of rules that have more than one.
OUTPUTS = {"eigh": 2, "lstsq": 2, "polar": 2, "procrustes": 4, "svd": 3}


def apply_rule(rule: str, numbers: Sequence[float], inputs: Sequence[Tensor], name: str) -> tuple[Tensor, ...]:
    for x in inputs:
        if not isinstance(x, Tensor):
            raise TypeError(f"{name}: expected a tensor, found {type(x).__name__}")
        if x.layout is not torch.strided:
            raise MatbackpropError(f"{name}: expected a dense tensor, found {x.layout}; `.to_dense()` makes it one")
        if x.ndim < 2:
            raise MatbackpropError(f"{name}: expected two axes or more, found shape {tuple(x.shape)}")
    for number in numbers:
        # Numbers of NumPy and tensors of one number are numbers too.
        if isinstance(number, str | bytes) or not hasattr(number, "__float__"):
            raise TypeError(f"{name}: expected numbers beside the tensors, found {type(number).__name__} {number!r}")
    dtype = inputs[0].dtype
    for x in inputs[1:]:
        dtype = torch.promote_types(dtype, x.dtype)
    if dtype not in (torch.float32, torch.float64):
        raise MatbackpropError(f"{name}: expected float32 or float64, found {dtype}")
    batch = torch.broadcast_shapes(*(x.shape[:-2] for x in inputs))
    inputs = [x.to(dtype).expand(*batch, *x.shape[-2:]) for x in inputs]
    count = OUTPUTS.get(rule, 1)
    function = _TracedRule if torch.compiler.is_compiling() else _Rule
    results = function.apply(rule, tuple(float(x) for x in numbers), _policy.nan, count, *inputs)
    return results[:count]
