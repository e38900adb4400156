"""The official measures of BSDS500, without MATLAB.

Boundaries: F at one threshold for all images (ODS), at each image's own (OIS), average precision. Regions: covering,
probabilistic Rand index, variation of information. They agree with the published benchmark to the digits it prints.

Example:
    >>> from matbackprop import bsds                                                          # doctest: +SKIP
    >>> report = bsds.evaluate_boundaries("BSDS500", "test", "maps")                          # doctest: +SKIP
    >>> report.ods, report.ois, report.average_precision                                      # doctest: +SKIP
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from . import _native
from ._checks import labels as check_labels
from ._checks import place, plane, strengths, whole
from ._native import MatbackpropError

Progress = Callable[[int, int, str], None]
PathLike = str | os.PathLike[str]


class Dataset:
    """A split of BSDS500: its ids, photographs, and what people drew.

    Args:
        root: the folder of BSDS500, with ``images/SPLIT`` and ``groundTruth/SPLIT``, or ``BSDS500/data`` with them.
        split: ``"train"``, ``"val"`` or ``"test"``.
    """

    def __init__(self, root: PathLike, split: str) -> None:
        self._native = _native.Dataset(os.fspath(root), split)

    @classmethod
    def of_folders(cls, images: PathLike, truths: PathLike) -> Dataset:
        """Photographs and truths, ``ID.mat`` or pictures, in two folders of one's own."""
        dataset = cls.__new__(cls)
        dataset._native = _native.Dataset.of_folders(os.fspath(images), os.fspath(truths))
        return dataset

    @property
    def ids(self) -> list[str]:
        """The ids of all images, in order."""
        return self._native.ids()

    def __len__(self) -> int:
        return len(self.ids)

    def image_path(self, index: int) -> str:
        """The file of a photograph."""
        return os.fspath(self._native.image_path(place(index, "image", len(self))))

    def segmentations(self, index: int) -> list[NDArray[np.uint32]]:
        """Label maps, ``height × width``, one an annotator."""
        return self._native.segmentations(place(index, "image", len(self)))

    def boundaries(self, index: int) -> list[NDArray[np.bool_]]:
        """Boundaries that people drew, ``height × width``, one map an annotator."""
        return self._native.boundaries(place(index, "image", len(self)))


@dataclass(frozen=True)
class BoundaryMatch:
    """One map against all annotators, at each threshold."""

    thresholds: NDArray[np.float64]
    #: Pixels that annotators drew and that are found, and all that they drew.
    drawn_matched: NDArray[np.int64]
    drawn: NDArray[np.int64]
    #: Pixels found that some annotator drew, and all that are found.
    found_matched: NDArray[np.int64]
    found: NDArray[np.int64]

    @property
    def recall(self) -> NDArray[np.float64]:
        """Shares of what was drawn that are found; 0 where nothing was drawn."""
        return self.drawn_matched / np.maximum(self.drawn, 1)

    @property
    def precision(self) -> NDArray[np.float64]:
        """Shares of what is found that was drawn; 0 where nothing is found."""
        return self.found_matched / np.maximum(self.found, 1)

    @property
    def f(self) -> NDArray[np.float64]:
        """2 P R / (P + R); 0 where both are 0."""
        total = self.precision + self.recall
        return 2 * self.precision * self.recall / np.where(total > 0, total, 1)


@dataclass(frozen=True)
class BoundaryReport:
    """The boundary measure of a dataset."""

    ods: float
    ois: float
    average_precision: float
    #: The threshold of ``ods``.
    threshold: float
    images: int
    #: Everything else: recall and precision, one row a threshold (``levels``) and an image (``per_image``).
    details: dict[str, Any] = field(repr=False)


@dataclass(frozen=True)
class RegionReport:
    """The region measures of a dataset: each a dictionary with ``ods``, ``ois`` and their level."""

    covering: dict[str, Any]
    average_covering: dict[str, Any]
    pri: dict[str, Any]
    vi: dict[str, Any]
    images: int
    details: dict[str, Any] = field(repr=False)


def match(
    soft: ArrayLike,
    truths: Sequence[ArrayLike],
    thresholds: int | Sequence[float] = 99,
    *,
    nms: bool = False,
) -> BoundaryMatch:
    """Matches the boundaries of one image, as in a training loop.

    Args:
        soft: strengths from 0 to 1, ``height × width``; a map of 0 and 1 is one of two strengths.
        truths: what people drew, ``height × width`` each, nonzero on boundaries.
        thresholds: how many, evenly between 0 and 1, or the thresholds themselves.
        nms: thin a raw map by non-maximum suppression first.
    """
    truths = [truths] if getattr(truths, "ndim", None) == 2 else list(truths)
    if not truths:
        raise MatbackpropError("truths: expected the boundaries of one annotator or more, found none")
    drawn = [plane(truth, "truths") != 0 for truth in truths]
    at, counts = _native.match_boundaries(strengths(soft, "soft"), drawn, _asked(thresholds), nms)
    columns = np.array(counts, np.int64).reshape(-1, 4).T
    return BoundaryMatch(np.array(at), *columns)


def evaluate_boundaries(
    dataset: Dataset | PathLike,
    split: str | None = None,
    maps: PathLike | Mapping[str, ArrayLike] | Callable[[str], ArrayLike] | None = None,
    *,
    thresholds: int | Sequence[float] = 99,
    nms: bool = False,
    invert: bool = False,
    scale: float | None = None,
    workers: int | None = None,
    progress: bool | Progress = False,
) -> BoundaryReport:
    """F and average precision of boundary maps: ODS, OIS, AP.

    Args:
        dataset: a :class:`Dataset`, or its folder, with ``split``.
        maps: a folder with ``ID.png``, ``.jpg``, ``.npy`` or ``.mat``; or arrays of strengths by id; or a function of
            an id that gives one.
        thresholds: how many, evenly between 0 and 1, or the thresholds themselves. The benchmark's number is 99.
        nms: thin raw maps by non-maximum suppression first, as is usual for edge detectors.
        invert: boundaries are dark on white.
        scale: the number of full strength, where it is not 1, or for files 255 or 65535 by their type.
        workers: threads; ``None`` for one a core.
        progress: ``True`` prints a line an image, or ``progress(done, total, id)`` is called.
    """
    dataset = _opened(dataset, split)
    evaluation = _native.Boundaries(_asked(thresholds), scale, invert, nms, _threads(workers))
    after_each = _after_each(progress)
    if maps is None:
        raise TypeError("evaluate_boundaries: expected `maps`: a folder, arrays by id, or a function")
    if isinstance(maps, str | os.PathLike):
        evaluation.add_folder(dataset._native, os.fspath(maps), after_each)
    else:
        for index, image in enumerate(dataset.ids):
            soft = strengths(_of(maps, image, "maps"), f"the map of {image}", scale or 1.0)
            evaluation.add(dataset._native, index, soft)
            if after_each:
                after_each(index + 1, len(dataset), image)
    report = json.loads(evaluation.report())
    return BoundaryReport(
        ods=report["ods"]["f"],
        ois=report["ois"]["f"],
        average_precision=report["average_precision"],
        threshold=report["ods_level"],
        images=report["images"],
        details=report,
    )


def evaluate_regions(
    dataset: Dataset | PathLike,
    split: str | None = None,
    segmentations: PathLike
    | Mapping[str, ArrayLike | Iterable[ArrayLike]]
    | Callable[[str], ArrayLike | Iterable[ArrayLike]]
    | None = None,
    *,
    thresholds: int | Sequence[float] = 99,
    workers: int | None = None,
    progress: bool | Progress = False,
) -> RegionReport:
    """Covering, probabilistic Rand index and variation of information of segmentations.

    Args:
        dataset: a :class:`Dataset`, or its folder, with ``split``.
        segmentations: a folder with ``ID.png``, ``ID_K.png``, ``ID.npy`` or ``ID.mat`` (``segs``, ``ucm2``); or label
            maps by id; or a function of an id. Several maps of an image are levels, from the first on; every image has as
            many.
        thresholds: at which contour maps of a folder are cut.
        workers: threads; ``None`` for one a core.
        progress: ``True`` prints a line an image, or ``progress(done, total, id)`` is called.
    """
    dataset = _opened(dataset, split)
    evaluation = _native.Regions(_asked(thresholds), _threads(workers))
    after_each = _after_each(progress)
    if segmentations is None:
        raise TypeError("evaluate_regions: expected `segmentations`: a folder, label maps by id, or a function")
    if isinstance(segmentations, str | os.PathLike):
        evaluation.add_folder(dataset._native, os.fspath(segmentations), after_each)
    else:
        for index, image in enumerate(dataset.ids):
            given = _of(segmentations, image, "segmentations")
            maps = [given] if getattr(given, "ndim", None) == 2 else list(given)
            name = f"the segmentation of {image}"
            levels = [(k + 1, check_labels(labels, name)) for k, labels in enumerate(maps)]
            evaluation.add(dataset._native, index, levels)
            if after_each:
                after_each(index + 1, len(dataset), image)
    report = json.loads(evaluation.report())
    return RegionReport(
        covering=report["covering"],
        average_covering=report["average_covering"],
        pri=report["pri"],
        vi=report["vi"],
        images=report["images"],
        details=report,
    )


def _opened(dataset: Dataset | PathLike, split: str | None) -> Dataset:
    if isinstance(dataset, Dataset):
        return dataset
    if split is None:
        raise TypeError("expected a split beside the dataset's folder: 'train', 'val' or 'test'")
    return Dataset(dataset, split)


def _of(given: Any, image: str, name: str) -> Any:
    """What a function, or a dictionary, has of an image."""
    if callable(given):
        return given(image)
    if image not in given:
        raise MatbackpropError(f"{name}: expected one of image {image!r}, found none")
    return given[image]


def _threads(workers: int | None) -> int:
    return 0 if workers is None else whole(workers, "workers", 1)


def _asked(thresholds: int | Sequence[float]) -> int | list[float]:
    if isinstance(thresholds, Iterable):
        return [float(t) for t in thresholds]
    return whole(thresholds, "thresholds", 1)


def _after_each(progress: bool | Progress) -> Progress | None:
    if callable(progress):
        return progress
    if not progress:
        return None
    return lambda done, total, image: print(f"{done}/{total} {image}", flush=True)
