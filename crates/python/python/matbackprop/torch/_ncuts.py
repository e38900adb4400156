"""The loss of normalised cuts."""

from __future__ import annotations

import torch
from torch import Tensor

from .._native import MatbackpropError
from ._tape import apply_rule


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


def _numbered(labels: Tensor) -> Tensor:
    """Labels of each annotator from zero in their order: float32 has all of them."""
    names, order = labels.long().sort(-1)
    is_next = names[..., 1:] != names[..., :-1]
    places = torch.cat([torch.zeros_like(names[..., :1]), is_next.cumsum(-1)], -1)
    return torch.empty_like(places).scatter(-1, order, places)


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

    The gradient is computed with the loss: the way back costs next to nothing, the loss without it about twice itself.
    """
    if not isinstance(features, Tensor):
        raise TypeError(f"ncuts_loss: expected features as a tensor, found {type(features).__name__}")
    if features.ndim < 2:
        found = tuple(features.shape)
        raise MatbackpropError(f"ncuts_loss: expected features with two axes or more, found shape {found}")
    batch, (n, d) = features.shape[:-2], features.shape[-2:]
    labels = _labels(labels, batch, n)
    numbers = [] if eps is None else [eps]
    if metric is None:
        inputs = [features, _numbered(labels).to(features.dtype)]
        return apply_rule("ncuts", numbers, inputs, "ncuts_loss")[0][..., 0, 0]
    if not isinstance(metric, Tensor):
        raise TypeError(f"ncuts_loss: expected the metric as a tensor, found {type(metric).__name__}")
    if metric.shape not in ((d, d), (*batch, d, d)):
        expected = f"{(d, d)} or {(*batch, d, d)}" if batch else f"{(d, d)}"
        raise MatbackpropError(f"ncuts_loss: expected a metric of shape {expected}, found {tuple(metric.shape)}")
    inputs = [features, _numbered(labels).to(features.dtype), metric.to(features.dtype)]
    return apply_rule("ncuts_metric", numbers, inputs, "ncuts_loss")[0][..., 0, 0]
