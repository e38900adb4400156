"""Masks in COCO's run lengths, with the names of ``pycocotools.mask``.

A run-length mask is a dictionary: ``size``, height and width, and ``counts``, letters as ``bytes`` or ``str``, or numbers.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from . import _native
from ._native import MatbackpropError

Rle = dict[str, Any]

__all__ = ["area", "decode", "encode", "frPyObjects", "iou", "merge", "toBbox"]


def runs_of(segmentation: Any, height: int | None = None, width: int | None = None) -> _native.Runs:
    """Run lengths of a run-length mask, of an array ``height × width``, or of polygons on an image of this size.

    Raises:
        MatbackpropError: for what is none of them, or does not fit its size.
    """
    if isinstance(segmentation, np.ndarray):
        return _native.Runs.of_bits(_bits(segmentation))
    if isinstance(segmentation, Mapping):
        if "size" not in segmentation or "counts" not in segmentation:
            raise MatbackpropError(f"mask: expected `size` and `counts`, found {sorted(map(str, segmentation))}")
        height, width = _size(segmentation["size"])
        counts = segmentation["counts"]
        if isinstance(counts, bytes):
            counts = counts.decode("ascii")
        if not isinstance(counts, str):
            counts = [int(count) for count in counts]
        return _made(counts, height, width)
    if isinstance(segmentation, Sequence) and not isinstance(segmentation, str | bytes):
        if height is None or width is None:
            raise MatbackpropError("mask: expected the image's height and width beside polygons, found none")
        return _made([[float(x) for x in polygon] for polygon in segmentation], int(height), int(width))
    found = type(segmentation).__name__
    raise MatbackpropError(f"mask: expected polygons, run lengths or an array, found {found}")


def _made(segmentation: Any, height: int, width: int) -> _native.Runs:
    try:
        return _native.Runs(segmentation, height, width)
    except (OverflowError, TypeError) as error:
        raise MatbackpropError(f"mask: expected sizes and runs of 32 bits, found others: {error}") from error


def _size(size: Any) -> tuple[int, int]:
    if len(size) != 2:
        raise MatbackpropError(f"mask: expected a size of height and width, found {size!r}")
    return int(size[0]), int(size[1])


def _bits(array: ArrayLike) -> NDArray[np.bool_]:
    bits = np.asarray(array)
    if bits.ndim != 2:
        raise MatbackpropError(f"mask: expected an array of height × width, found shape {bits.shape}")
    if bits.dtype.kind not in "buif":
        raise MatbackpropError(f"mask: expected bools or numbers, found {bits.dtype}")
    return bits != 0


def rle_of(runs: _native.Runs, height: int, width: int) -> Rle:
    """As pycocotools writes it."""
    return {"size": [height, width], "counts": runs.text().encode("ascii")}


def encode(bimask: ArrayLike) -> Rle | list[Rle]:
    """The run lengths of an array, ``height × width``, nonzero inside; a list for ``height × width × n``."""
    array = np.asarray(bimask)
    if array.ndim == 3:
        return [encode(array[:, :, k]) for k in range(array.shape[2])]
    bits = _bits(array)
    return rle_of(_native.Runs.of_bits(bits), *bits.shape)


def decode(rleObjs: Rle | Sequence[Rle]) -> NDArray[np.uint8]:
    """The array of a run-length mask, ``height × width``, 1 inside; ``height × width × n`` for a list of n."""
    if isinstance(rleObjs, Mapping):
        return runs_of(rleObjs).bits().view(np.uint8)
    masks = [decode(rle) for rle in rleObjs]
    return np.stack(masks, axis=2) if masks else np.zeros((0, 0, 0), np.uint8)


def area(rleObjs: Rle | Sequence[Rle]) -> Any:
    """The number of pixels inside; an array for a list."""
    if isinstance(rleObjs, Mapping):
        return np.uint32(runs_of(rleObjs).area())
    return np.array([area(rle) for rle in rleObjs], np.uint32)


def toBbox(rleObjs: Rle | Sequence[Rle]) -> NDArray[np.float64]:
    """Left, top, width and height of the pixels inside; a row each for a list."""
    if isinstance(rleObjs, Mapping):
        return np.array(runs_of(rleObjs).bbox())
    return np.array([toBbox(rle) for rle in rleObjs]).reshape(-1, 4)


def frPyObjects(pyobj: Any, h: int, w: int) -> Rle | list[Rle]:
    """Run-length masks of polygons, of boxes ``left, top, width, height``, or of run lengths as numbers, one each.

    A list of numbers is one polygon, or one box where they are four.
    """
    if isinstance(pyobj, Mapping):
        return rle_of(runs_of(pyobj), *_size(pyobj["size"]))
    objects = list(pyobj)
    if objects and isinstance(objects[0], int | float | np.number):
        numbers = [float(x) for x in objects]
        if len(numbers) == 4:
            left, top, width, height = numbers
            right, bottom = left + width, top + height
            numbers = [left, top, left, bottom, right, bottom, right, top]
        return rle_of(runs_of([numbers], h, w), h, w)
    return [frPyObjects(one, h, w) for one in objects]


def merge(rleObjs: Sequence[Rle], intersect: bool = False) -> Rle:
    """The union of run-length masks of one size, or their intersection."""
    masks = [runs_of(rle).bits() for rle in rleObjs]
    sizes = {mask.shape for mask in masks}
    if len(sizes) != 1:
        raise MatbackpropError(f"mask: expected masks of one size, found {sorted(sizes)}")
    both = np.logical_and if intersect else np.logical_or
    return encode(both.reduce(masks))


def iou(dt: Sequence[Any], gt: Sequence[Any], pyiscrowd: Sequence[int | bool]) -> NDArray[np.float64]:
    """The overlap of every detection with every truth, ``len(dt) × len(gt)``: of run-length masks, or of boxes.

    Boxes are ``left, top, width, height``, as rows of an array or as lists. The area of the two together, or of the
    detection alone where the truth is a crowd, divides what both share. Without any of the two it is an empty list, as
    pycocotools has it.

    Raises:
        MatbackpropError: for masks of different sizes, masks beside boxes, or another number of ``pyiscrowd`` than of truths.
    """
    if len(pyiscrowd) != len(gt):
        raise MatbackpropError(f"iou: expected {len(gt)} numbers in pyiscrowd, one a truth, found {len(pyiscrowd)}")
    if len(dt) == 0 or len(gt) == 0:
        return []  # type: ignore[return-value]
    kinds = {isinstance(one, Mapping) for one in [*dt, *gt]}
    if len(kinds) > 1:
        raise MatbackpropError("iou: expected masks alone or boxes alone, found both")
    shared, of_dt, of_gt = (_shared_masks if kinds == {True} else _shared_boxes)(dt, gt)
    crowd = np.array([bool(one) for one in pyiscrowd])
    whole = np.where(crowd[None, :], of_dt[:, None], of_dt[:, None] + of_gt[None, :] - shared)
    return np.divide(shared, whole, out=np.zeros_like(shared), where=whole > 0)


Shared = tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]


def _shared_masks(dt: Sequence[Rle], gt: Sequence[Rle]) -> Shared:
    """Pixels that each pair shares, and those of each."""
    masks = [[runs_of(rle).bits() for rle in rles] for rles in (dt, gt)]
    sizes = {mask.shape for mask in [*masks[0], *masks[1]]}
    if len(sizes) != 1:
        raise MatbackpropError(f"iou: expected masks of one size, found {sorted(sizes)}")
    # Counts of pixels are whole numbers that doubles hold.
    rows, columns = (np.stack(side).reshape(len(side), -1).astype(np.float64) for side in masks)
    return rows @ columns.T, rows.sum(1), columns.sum(1)


def _shared_boxes(dt: Sequence[Any], gt: Sequence[Any]) -> Shared:
    """Areas that each pair shares, and those of each."""
    boxes = [np.asarray(side, np.float64) for side in (dt, gt)]
    for side in boxes:
        if side.ndim != 2 or side.shape[1] != 4:
            raise MatbackpropError(f"iou: expected boxes of four numbers, found shape {side.shape}")
    rows, columns = boxes[0][:, None, :], boxes[1][None, :, :]
    begin = np.maximum(rows[..., :2], columns[..., :2])
    end = np.minimum(rows[..., :2] + rows[..., 2:], columns[..., :2] + columns[..., 2:])
    sides = np.maximum(end - begin, 0.0)
    return sides.prod(-1), boxes[0][:, 2:].prod(-1), boxes[1][:, 2:].prod(-1)
