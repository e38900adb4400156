"""The loss of normalised cuts."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor

from .. import _native
from .._native import MatbackpropError


def _array(tensor: Tensor | None) -> np.ndarray | None:
    return None if tensor is None else tensor.detach().cpu().double().numpy()


def _like(array: np.ndarray | None, tensor: Tensor | None) -> Tensor | None:
    return None if array is None or tensor is None else torch.from_numpy(array).to(tensor)


def _zeros(tensor: Tensor) -> np.ndarray:
    return np.zeros(tuple(tensor.shape))


class _Ncuts(torch.autograd.Function):
    @staticmethod
    def forward(features: Tensor, metric: Tensor | None, state: Any) -> Tensor:
        return features.new_tensor(state.loss())

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: Tensor) -> None:
        *tensors, ctx.state = inputs
        ctx.save_for_backward(*tensors)
        ctx.save_for_forward(*tensors)

    @staticmethod
    def backward(ctx: Any, bar: Tensor) -> tuple[Any, ...]:
        features, metric = ctx.saved_tensors
        features_bar, metric_bar = _NcutsBack.apply(features, metric, bar, ctx.state)
        return features_bar, metric_bar, None

    @staticmethod
    def jvp(ctx: Any, features_dot: Tensor | None, metric_dot: Tensor | None, _: None) -> Tensor:
        features, _metric = ctx.saved_tensors
        along = _zeros(features) if features_dot is None else _array(features_dot)
        return features.new_tensor(ctx.state.jvp(along, _array(metric_dot)))


class _NcutsBack(torch.autograd.Function):
    @staticmethod
    def forward(features: Tensor, metric: Tensor | None, bar: Tensor, state: Any) -> tuple[Tensor, Tensor | None]:
        features_bar, metric_bar = state.vjp(float(bar))
        return _like(features_bar, features), _like(metric_bar, metric)

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: tuple[Tensor, Tensor | None]) -> None:
        *tensors, ctx.state = inputs
        ctx.set_materialize_grads(False)
        ctx.save_for_backward(*tensors)

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx: Any, z: Tensor | None, m: Tensor | None) -> tuple[Any, ...]:
        features, metric, bar = ctx.saved_tensors
        if z is None and m is None:
            return None, None, None, None
        along = _zeros(features) if z is None else _array(z)
        bar_bar, second, of_metric = ctx.state.vjp_of_vjp(float(bar), along, _array(m))
        return _like(second, features), _like(of_metric, metric), bar.new_tensor(bar_bar), None


def _labels(labels: Tensor, batch: torch.Size, n: int) -> Tensor:
    """Labels ``(*batch, m, n)``."""
    if not isinstance(labels, Tensor):
        raise TypeError(f"ncuts_loss: expected labels as a tensor, found {type(labels).__name__}")
    if labels.is_floating_point() or labels.is_complex():
        raise MatbackpropError(f"ncuts_loss: expected integers as labels, found {labels.dtype}")
    if labels.shape == (*batch, n):
        return labels[..., None, :]
    if labels.ndim != len(batch) + 2 or labels.shape[:-2] != batch or labels.shape[-1] != n:
        expected = f"{(*batch, n)} or {(*batch, 'm', n)}"
        raise MatbackpropError(f"ncuts_loss: expected labels of shape {expected}, found {tuple(labels.shape)}")
    return labels


def _metrics(metric: Tensor | None, features: Tensor) -> list[Tensor | None]:
    """A metric, or ``None``, for each picture."""
    batch, d = features.shape[:-2], features.shape[-1]
    if metric is None:
        return [None] * batch.numel()
    if not isinstance(metric, Tensor):
        raise TypeError(f"ncuts_loss: expected the metric as a tensor, found {type(metric).__name__}")
    if metric.shape not in ((d, d), (*batch, d, d)):
        expected = f"{(d, d)} or {(*batch, d, d)}" if batch else f"{(d, d)}"
        raise MatbackpropError(f"ncuts_loss: expected a metric of shape {expected}, found {tuple(metric.shape)}")
    return list(metric.to(features.dtype).expand(*batch, d, d).reshape(-1, d, d))


@torch.compiler.disable
def ncuts_loss(features: Tensor, labels: Tensor, eps: float | None = 1e-4, metric: Tensor | None = None) -> Tensor:
    """The loss of normalised cuts: how far the affinity FΛFᵀ is from cutting the picture as people did.

    Args:
        features: F, ``(..., n, d)``, one row a pixel, float32 or float64; meant to be ≥ 0.
        labels: integers, ``(..., n)`` for one annotator or ``(..., m, n)`` for m of them, as ``features`` has axes.
        eps: of the regularised criterion, a share of the largest eigenvalue; ``None`` for the hard projector.
        metric: Λ, ``(d, d)`` for all pictures or ``(..., d, d)``, positive semidefinite; its symmetric part counts, and its
            gradient is symmetric. ``None`` for the identity.

    Returns:
        ``(...)``, the mean over annotators of ½ ‖Π_A − P‖².

    Raises:
        MatbackpropError: for shapes and types that do not fit, numbers that are not finite, a negative degree, an
            indefinite metric.
    """
    if not isinstance(features, Tensor):
        raise TypeError(f"ncuts_loss: expected features as a tensor, found {type(features).__name__}")
    if features.ndim < 2:
        found = tuple(features.shape)
        raise MatbackpropError(f"ncuts_loss: expected features with two axes or more, found shape {found}")
    if features.dtype not in (torch.float32, torch.float64):
        raise MatbackpropError(f"ncuts_loss: expected float32 or float64, found {features.dtype}")
    batch, n = features.shape[:-2], features.shape[-2]
    labels = _labels(labels, batch, n)
    metrics = _metrics(metric, features)
    if not metrics:
        return features.sum((-2, -1))
    flat = features.reshape(-1, *features.shape[-2:])
    losses = []
    for one, of_people, its_metric in zip(flat, labels.reshape(-1, *labels.shape[-2:]), metrics):
        lists = [row.numpy() for row in of_people.detach().cpu().long()]
        state = _native.Ncuts(_array(one), lists, eps, _array(its_metric))
        losses.append(_Ncuts.apply(one, its_metric, state))
    return torch.stack(losses).reshape(batch)
