"""Rules as callbacks of JAX, with a way back and a way back through that.

What the way back needs is kept in 64 bits, which JAX without ``jax_enable_x64`` does not have: it crosses as pairs of 32.
"""

from __future__ import annotations

import contextlib
import functools
import math
import threading
from collections.abc import Iterator, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from .. import _native
from .._native import MatbackpropError

Arrays = tuple[jax.Array, ...]


class _Recorder:
    """The lists that failures are written to; callbacks come from threads of XLA."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.lists: list[list[str]] = []

    def __bool__(self) -> bool:
        return bool(self.lists)

    def add(self, message: str) -> None:
        with self.lock:
            for messages in self.lists:
                messages.append(message)


_recorder = _Recorder()


@contextlib.contextmanager
def failures() -> Iterator[list[str]]:
    """Collects a message for each matrix without a result, and for each call whose gradient has such a matrix.

    JAX computes in its own time: wait for the results, with ``jax.block_until_ready``, before the end of the block. Calls with
    failures take longer meanwhile.

    Example:
        >>> with failures() as messages:                                                      # doctest: +SKIP
        ...     jax.block_until_ready(jax.grad(loss)(a))                                      # doctest: +SKIP
        >>> messages                                                                          # doctest: +SKIP
    """
    messages: list[str] = []
    with _recorder.lock:
        _recorder.lists.append(messages)
    try:
        yield messages
    finally:
        with _recorder.lock:
            _recorder.lists = [other for other in _recorder.lists if other is not messages]


def record(message: str) -> None:
    """Tells :func:`failures`."""
    _recorder.add(message)


def recorded(call: Any, name: str) -> None:
    """Repeats a call that gave NaN, this time for its error, where somebody wants to read it."""
    if not _recorder:
        return
    try:
        call(False)
    except ValueError as error:
        record(f"{name}: {error}")


def stack(x: Any) -> np.ndarray:
    """Leading axes as one."""
    array = np.asarray(x)
    return array.reshape(math.prod(array.shape[:-2]), *array.shape[-2:])


def _packed(kept: np.ndarray) -> np.ndarray:
    return np.ascontiguousarray(kept).view(np.uint32)


def _unpacked(kept: Any) -> np.ndarray:
    return np.ascontiguousarray(stack(kept)).view(np.float64)


def _native_of(kind: str, dtype: Any) -> Any:
    return getattr(_native, f"{kind}_{'f64' if dtype == np.float64 else 'f32'}")


def _shaped(arrays: Sequence[np.ndarray], batch: Sequence[int]) -> tuple[np.ndarray, ...]:
    return tuple(x.reshape(*batch, *x.shape[-2:]) for x in arrays)


def _has_nan(arrays: Sequence[np.ndarray]) -> bool:
    return any(np.isnan(x).any() for x in arrays)


def _forward_here(rule: str, numbers: Sequence[float], *inputs: Any) -> tuple[np.ndarray, ...]:
    batch, stacks = np.shape(inputs[0])[:-2], [stack(x) for x in inputs]
    call = _native_of("forward", stacks[0].dtype)
    outputs, kept, errors = call(rule, list(numbers), stacks, True)
    for error in errors:
        record(f"{rule}: {error}")
    return _shaped([*outputs, *(_packed(x) for x in kept)], batch)


def _back_here(rule: str, numbers: Sequence[float], n: int, k: int, *arrays: Any) -> tuple[np.ndarray, ...]:
    batch, inputs = np.shape(arrays[0])[:-2], [stack(x) for x in arrays[:n]]
    kept, bars = [_unpacked(x) for x in arrays[n : n + k]], [stack(x) for x in arrays[n + k :]]
    vjp = _native_of("vjp", inputs[0].dtype)

    def call(nan: bool) -> list[np.ndarray]:
        return vjp(rule, list(numbers), inputs, kept, bars, nan)

    results = call(True)
    if _has_nan(results) and not _has_nan(bars):
        recorded(call, f"the gradient of {rule}")
    return _shaped(results, batch)


def _second_here(rule: str, numbers: Sequence[float], n: int, k: int, *arrays: Any) -> tuple[np.ndarray, ...]:
    batch, inputs = np.shape(arrays[0])[:-2], [stack(x) for x in arrays[:n]]
    kept, rest = [_unpacked(x) for x in arrays[n : n + k]], [stack(x) for x in arrays[n + k :]]
    second = _native_of("vjp_of_vjp", inputs[0].dtype)

    def call(places: slice) -> list[np.ndarray]:
        # JAX fills absent cotangents with zeros, which some rules have no second order for where they are more than that.
        given = [x[places] if x[places].any() else None for x in rest]
        of_bars, of_inputs = second(
            rule, list(numbers), [x[places] for x in inputs], [x[places] for x in kept], given[:-n], given[-n:]
        )
        return [*of_bars, *of_inputs]

    try:
        return _shaped(call(slice(None)), batch)
    except ValueError:
        pass
    # One matrix at a time: the others are as they would be.
    results = [np.full_like(x, np.nan) for x in [*rest[:-n], *inputs]]
    for place in range(len(inputs[0])):
        one = slice(place, place + 1)
        try:
            for result, found in zip(results, call(one)):
                result[one] = found
        except ValueError as error:
            message = str(error).removeprefix("matrix 0 of the stack: ")
            record(f"the second derivative of {rule}: matrix {place} of the stack: {message}")
    return _shaped(results, batch)


@functools.lru_cache(maxsize=1024)
def bound(function: Any, *arguments: Any) -> Any:
    """A function with its first arguments, the same object each time: JAX would compile a new one again."""
    return functools.partial(function, *arguments)


def call_back(function: Any, shapes: Any, *arrays: Any) -> Any:
    """A callback without effects, whose leading axes are batches."""
    return jax.pure_callback(function, shapes, *arrays, vmap_method="broadcast_all")


def _like(x: Any) -> jax.ShapeDtypeStruct:
    return jax.ShapeDtypeStruct(x.shape, x.dtype)


@functools.partial(jax.custom_vjp, nondiff_argnums=(0, 1))
def _rule(rule: str, numbers: tuple[float, ...], inputs: Arrays) -> tuple[Arrays, Arrays]:
    """Outputs and what is kept."""
    batch = inputs[0].shape[:-2]
    outputs, kept = _native.shapes(rule, list(numbers), [x.shape[-2:] for x in inputs])
    shapes = [jax.ShapeDtypeStruct((*batch, *shape), inputs[0].dtype) for shape in outputs]
    shapes += [jax.ShapeDtypeStruct((*batch, rows, 2 * columns), jnp.uint32) for rows, columns in kept]
    results = call_back(bound(_forward_here, rule, numbers), tuple(shapes), *inputs)
    return results[: len(outputs)], results[len(outputs) :]


def _rule_forward(rule: str, numbers: tuple[float, ...], inputs: Arrays) -> tuple[Any, Any]:
    # Through the rule itself, so that a second derivative meets it again.
    outputs, kept = _rule(rule, numbers, inputs)
    return (outputs, kept), (inputs, kept)


def _rule_back(rule: str, numbers: tuple[float, ...], saved: Any, bars: Any) -> tuple[Arrays]:
    inputs, kept = saved
    return (_back(rule, numbers, inputs, kept, bars[0]),)


_rule.defvjp(_rule_forward, _rule_back)


@functools.partial(jax.custom_vjp, nondiff_argnums=(0, 1))
def _back(rule: str, numbers: tuple[float, ...], inputs: Arrays, kept: Arrays, bars: Arrays) -> Arrays:
    """Cotangents of the inputs."""
    call = bound(_back_here, rule, numbers, len(inputs), len(kept))
    return call_back(call, tuple(_like(x) for x in inputs), *inputs, *kept, *bars)


def _back_forward(
    rule: str, numbers: tuple[float, ...], inputs: Arrays, kept: Arrays, bars: Arrays
) -> tuple[Arrays, Any]:
    return _back(rule, numbers, inputs, kept, bars), (inputs, kept, bars)


def _back_back(rule: str, numbers: tuple[float, ...], saved: Any, z: Arrays) -> tuple[Any, ...]:
    inputs, kept, bars = saved
    call = bound(_second_here, rule, numbers, len(inputs), len(kept))
    shapes = tuple(_like(x) for x in (*bars, *inputs))
    results = call_back(call, shapes, *inputs, *kept, *bars, *z)
    return results[len(bars) :], None, results[: len(bars)]


_back.defvjp(_back_forward, _back_back)


def checked(x: Any, name: str) -> jax.Array:
    """An array of two axes or more, float32 or float64."""
    if not isinstance(x, jax.Array | np.ndarray):
        raise TypeError(f"{name}: expected an array of JAX or NumPy, found {type(x).__name__}")
    if x.dtype not in (np.float32, np.float64):
        raise MatbackpropError(f"{name}: expected float32 or float64, found {x.dtype}")
    if x.ndim < 2:
        raise MatbackpropError(f"{name}: expected two axes or more, found shape {x.shape}")
    return jnp.asarray(x)


def number(x: Any, name: str) -> float:
    """A number that is known before anything is traced."""
    if isinstance(x, jax.core.Tracer):
        raise TypeError(
            f"{name}: expected a number, found a traced value; numbers have no gradient, say static_argnames"
        )
    return float(x)


def apply_rule(rule: str, numbers: Sequence[float], inputs: Sequence[Any], name: str) -> Arrays:
    """Outputs of a rule, whose inputs get one type and one batch."""
    arrays = [checked(x, name) for x in inputs]
    dtype = jnp.result_type(*arrays)
    batch = jnp.broadcast_shapes(*(x.shape[:-2] for x in arrays))
    arrays = [jnp.broadcast_to(x.astype(dtype), (*batch, *x.shape[-2:])) for x in arrays]
    outputs, _ = _rule(rule, tuple(float(x) for x in numbers), tuple(arrays))
    return outputs
