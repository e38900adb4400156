"""The loss of normalised cuts."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from .. import _native
from .._native import MatbackpropError


class _Ncuts(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, features: Tensor, state: Any) -> Tensor:
        ctx.state = state
        ctx.save_for_backward(features)
        return features.new_tensor(state.loss())

    @staticmethod
    def backward(ctx: Any, bar: Tensor) -> tuple[Any, ...]:
        (features,) = ctx.saved_tensors
        return _NcutsBack.apply(features, bar, ctx.state), None


class _NcutsBack(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, features: Tensor, bar: Tensor, state: Any) -> Tensor:
        ctx.state = state
        ctx.save_for_backward(features, bar)
        return torch.from_numpy(state.vjp(float(bar))).to(features)

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx: Any, z: Tensor) -> tuple[Any, ...]:
        features, bar = ctx.saved_tensors
        array = z.detach().cpu().double().numpy()
        bar_bar, second = ctx.state.vjp_of_vjp(float(bar), array)
        return torch.from_numpy(second).to(features), bar.new_tensor(bar_bar), None


@torch.compiler.disable
def ncuts_loss(features: Tensor, labels: Tensor, eps: float | None = 1e-4) -> Tensor:
    """The loss of normalised cuts: how far the affinity FFᵀ is from cutting the picture as people did.

    Args:
        features: ``(..., n, d)``, one row a pixel; meant to be ≥ 0.
        labels: integers, ``(..., n)`` for one annotator or ``(..., m, n)`` for m of them, as ``features`` has axes.
        eps: of the regularised criterion, a share of the largest eigenvalue; ``None`` for the hard projector.

    Returns:
        ``(...)``, the mean over annotators of ½ ‖Π_A − P‖².
    """
    if labels.is_floating_point():
        raise MatbackpropError(f"ncuts_loss: expected integers as labels, found {labels.dtype}")
    batch, n = features.shape[:-2], features.shape[-2]
    if labels.shape == (*batch, n):
        labels = labels[..., None, :]
    if labels.shape[:-2] != batch or labels.shape[-1] != n:
        expected = f"{(*batch, n)} or {(*batch, 'm', n)}"
        raise MatbackpropError(f"ncuts_loss: expected labels of shape {expected}, found {tuple(labels.shape)}")
    flat = features.reshape(-1, *features.shape[-2:])
    losses = []
    for one, of_people in zip(flat, labels.reshape(-1, *labels.shape[-2:])):
        array = one.detach().cpu().double().numpy()
        lists = [row.numpy() for row in of_people.detach().cpu().long()]
        losses.append(_Ncuts.apply(one, _native.Ncuts(array, lists, eps)))
    return torch.stack(losses).reshape(batch)
