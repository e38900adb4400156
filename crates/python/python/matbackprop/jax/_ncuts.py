"""The loss of normalised cuts."""

from __future__ import annotations

import jax
import jax.numpy as jnp

from .._native import MatbackpropError
from ._callbacks import apply_rule, checked, number


def _numbered(labels: jax.Array) -> jax.Array:
    """Labels of each annotator from zero in their order: float32 has all of them."""
    order = jnp.argsort(labels, -1)
    names = jnp.take_along_axis(labels, order, -1)
    is_next = names[..., 1:] != names[..., :-1]
    places = jnp.pad(jnp.cumsum(is_next, -1), [(0, 0)] * (labels.ndim - 1) + [(1, 0)])
    return jnp.take_along_axis(places, jnp.argsort(order, -1), -1)


def ncuts_loss(
    features: jax.Array, labels: jax.Array, eps: float | None = 1e-4, metric: jax.Array | None = None
) -> jax.Array:
    """The loss of normalised cuts: how far the affinity FΛFᵀ is from cutting the picture as people did.

    Args:
        features: F, ``(..., n, d)``, one row a pixel, float32 or float64; meant to be ≥ 0.
        labels: integers, ``(..., n)`` for one annotator or ``(..., m, n)`` for m of them, as ``features`` has axes.
        eps: of the regularised criterion, a share of the largest eigenvalue; ``None`` for the hard projector.
        metric: Λ, ``(d, d)`` for all pictures or ``(..., d, d)``, positive semidefinite; its symmetric part counts, and its
            gradient is symmetric. ``None`` for the identity.

    Returns:
        ``(...)``, the mean over annotators of ½ ‖Π_A − P‖²; NaN for a picture without one.

    The gradient is computed with the loss: the way back costs next to nothing, the loss without it about twice itself.
    """
    features = checked(features, "ncuts_loss")
    (*batch, n, d), labels = features.shape, jnp.asarray(labels)
    if not jnp.issubdtype(labels.dtype, jnp.integer):
        raise MatbackpropError(f"ncuts_loss: expected integers as labels, found {labels.dtype}")
    if labels.shape == (*batch, n):
        labels = labels[..., None, :]
    if labels.shape[:-2] != tuple(batch) or labels.shape[-1] != n:
        expected = f"{(*batch, n)} or {(*batch, 'm', n)}"
        raise MatbackpropError(f"ncuts_loss: expected labels of shape {expected}, found {labels.shape}")
    numbers = [] if eps is None else [number(eps, "ncuts_loss: eps")]
    inputs = [features, _numbered(labels).astype(features.dtype)]
    if metric is None:
        return apply_rule("ncuts", numbers, inputs, "ncuts_loss")[0][..., 0, 0]
    metric = checked(metric, "ncuts_loss: metric")
    if metric.shape not in ((d, d), (*batch, d, d)):
        expected = f"{(d, d)} or {(*batch, d, d)}"
        raise MatbackpropError(f"ncuts_loss: expected a metric of shape {expected}, found {metric.shape}")
    inputs.append(metric.astype(features.dtype))
    return apply_rule("ncuts_metric", numbers, inputs, "ncuts_loss")[0][..., 0, 0]
