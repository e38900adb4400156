"""The loss of normalised cuts."""

from __future__ import annotations

import functools
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from .. import _native
from .._native import MatbackpropError
from ._callbacks import bound, call_back, checked, number, record, stack


def _pictures(features: Any, labels: Any, metric: Any) -> Any:
    """Features, labels and metric of each picture."""
    features, people, metrics = stack(features), stack(labels), stack(metric)
    return zip(features.astype(np.float64), people.astype(np.int64), metrics.astype(np.float64))


def _state(eps: float | None, picture: Any) -> Any:
    features, people, metric = picture
    return _native.Ncuts(features, list(people), eps, metric if metric.size else None)


def _loss_here(eps: float | None, features: Any, labels: Any, metric: Any) -> np.ndarray:
    losses = []
    for picture in _pictures(features, labels, metric):
        try:
            losses.append(_state(eps, picture).loss())
        except ValueError as error:
            record(f"ncuts_loss: {error}")
            losses.append(np.nan)
    return np.array(losses, features.dtype).reshape(features.shape[:-2])


def _stacked(parts: list[np.ndarray], like: Any) -> np.ndarray:
    return np.array(parts, like.dtype).reshape(like.shape)


def _back_here(eps: float | None, features: Any, labels: Any, metric: Any, bar: Any) -> tuple[np.ndarray, ...]:
    of_features, of_metrics = [], []
    for picture, one in zip(_pictures(features, labels, metric), np.asarray(bar).ravel()):
        try:
            features_bar, metric_bar = _state(eps, picture).vjp(float(one))
        except ValueError as error:
            record(f"the gradient of ncuts_loss: {error}")
            features_bar, metric_bar = np.full_like(picture[0], np.nan), np.full_like(picture[2], np.nan)
        of_features.append(features_bar)
        of_metrics.append(picture[2] if metric_bar is None else metric_bar)
    return _stacked(of_features, features), _stacked(of_metrics, metric)


def _second_here(
    eps: float | None, features: Any, labels: Any, metric: Any, bar: Any, z: Any, m: Any
) -> tuple[np.ndarray, ...]:
    of_bars, of_features, of_metrics = [], [], []
    along = zip(stack(z).astype(np.float64), stack(m).astype(np.float64))
    for picture, one, (y, its_m) in zip(_pictures(features, labels, metric), np.asarray(bar).ravel(), along):
        try:
            second = _state(eps, picture).vjp_of_vjp(float(one), y, its_m if its_m.size else None)
        except ValueError as error:
            record(f"the second derivative of ncuts_loss: {error}")
            second = np.nan, np.full_like(picture[0], np.nan), np.full_like(picture[2], np.nan)
        of_bars.append(second[0])
        of_features.append(second[1])
        of_metrics.append(picture[2] if second[2] is None else second[2])
    return _stacked(of_bars, bar), _stacked(of_features, features), _stacked(of_metrics, metric)


def _like(*arrays: Any) -> tuple[jax.ShapeDtypeStruct, ...]:
    return tuple(jax.ShapeDtypeStruct(x.shape, x.dtype) for x in arrays)


@functools.partial(jax.custom_vjp, nondiff_argnums=(0,))
def _loss(eps: float | None, features: jax.Array, labels: jax.Array, metric: jax.Array) -> jax.Array:
    shape = jax.ShapeDtypeStruct(features.shape[:-2], features.dtype)
    return call_back(bound(_loss_here, eps), shape, features, labels, metric)


def _loss_forward(eps: float | None, *arrays: jax.Array) -> tuple[jax.Array, Any]:
    return _loss(eps, *arrays), arrays


def _loss_back(eps: float | None, arrays: Any, bar: jax.Array) -> tuple[Any, ...]:
    features_bar, metric_bar = _back(eps, *arrays, bar)
    return features_bar, None, metric_bar


_loss.defvjp(_loss_forward, _loss_back)


@functools.partial(jax.custom_vjp, nondiff_argnums=(0,))
def _back(eps: float | None, features: jax.Array, labels: jax.Array, metric: jax.Array, bar: jax.Array) -> Any:
    shapes = _like(features, metric)
    return call_back(bound(_back_here, eps), shapes, features, labels, metric, bar)


def _back_forward(eps: float | None, *arrays: jax.Array) -> tuple[Any, Any]:
    return _back(eps, *arrays), arrays


def _back_back(eps: float | None, arrays: Any, z: Any) -> tuple[Any, ...]:
    features, _, metric, bar = arrays
    call = bound(_second_here, eps)
    bar_bar, features_bar, metric_bar = call_back(call, _like(bar, features, metric), *arrays, *z)
    return features_bar, None, metric_bar, bar_bar


_back.defvjp(_back_forward, _back_back)


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

    The way back computes the loss once more: what it needs is no array.
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
    if metric is None:
        metric = jnp.zeros((*batch, 0, 0), features.dtype)
    else:
        metric = checked(metric, "ncuts_loss: metric")
        if metric.shape not in ((d, d), (*batch, d, d)):
            expected = f"{(d, d)} or {(*batch, d, d)}"
            raise MatbackpropError(f"ncuts_loss: expected a metric of shape {expected}, found {metric.shape}")
        metric = jnp.broadcast_to(metric.astype(features.dtype), (*batch, d, d))
    return _loss(None if eps is None else number(eps, "ncuts_loss: eps"), features, labels, metric)
