"""The faces of pycocotools that evaluate detections: ``COCO`` and ``COCOeval``, with its names and its numbers."""

from __future__ import annotations

import datetime
import json
import os
import tempfile
from collections import defaultdict
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from . import _native
from ._coco_masks import rle_of, runs_of
from ._native import MatbackpropError

Record = dict[str, Any]


def _listed(x: Any) -> list[Any]:
    return list(x) if isinstance(x, Iterable) and not isinstance(x, str) else [x]


def _fields(record: Any, place: int) -> Record:
    if not isinstance(record, dict):
        raise MatbackpropError(f"results: expected detection {place} as an object, found a {type(record).__name__}")
    return record


class COCO:
    """Annotations, or results, of COCO: as ``pycocotools.coco.COCO``, without drawing.

    Args:
        annotation_file: a JSON file of instances; ``None`` for a ``dataset`` that is set by hand, before ``createIndex()``.
    """

    def __init__(self, annotation_file: str | os.PathLike[str] | None = None) -> None:
        self.dataset: Record = {}
        self.anns: dict[Any, Record] = {}
        self.cats: dict[Any, Record] = {}
        self.imgs: dict[Any, Record] = {}
        self.imgToAnns: dict[Any, list[Record]] = defaultdict(list)
        self.catToImgs: dict[Any, list[Any]] = defaultdict(list)
        #: Fields that :meth:`loadRes` added, by annotation: no part of the results.
        self._made: dict[Any, set[str]] = {}
        if annotation_file is not None:
            with open(annotation_file, encoding="utf-8-sig") as file:
                self.dataset = json.load(file)
            if not isinstance(self.dataset, dict):
                found = type(self.dataset).__name__
                raise MatbackpropError(f"{annotation_file}: expected an object with annotations, found a {found}")
            self.createIndex()

    def createIndex(self) -> None:
        """Finds records by their ids."""
        self.anns = {ann["id"]: ann for ann in self.dataset.get("annotations", [])}
        self.cats = {cat["id"]: cat for cat in self.dataset.get("categories", [])}
        self.imgs = {img["id"]: img for img in self.dataset.get("images", [])}
        self.imgToAnns, self.catToImgs = defaultdict(list), defaultdict(list)
        for ann in self.dataset.get("annotations", []):
            self.imgToAnns[ann["image_id"]].append(ann)
            self.catToImgs[ann["category_id"]].append(ann["image_id"])

    def info(self) -> None:
        """Prints what the file says of itself."""
        for key, value in self.dataset.get("info", {}).items():
            print(f"{key}: {value}")

    def getAnnIds(
        self, imgIds: Any = (), catIds: Any = (), areaRng: Sequence[float] = (), iscrowd: bool | None = None
    ) -> list[Any]:
        """Ids of the annotations of these images and categories, of this range of areas, crowds or not; all for none."""
        images, categories = set(_listed(imgIds)), set(_listed(catIds))
        anns = self.dataset.get("annotations", [])
        if images:
            anns = [ann for image in _listed(imgIds) for ann in self.imgToAnns.get(image, [])]
        found = []
        for ann in anns:
            fits = not categories or ann["category_id"] in categories
            fits = fits and (not areaRng or areaRng[0] < ann["area"] < areaRng[1])
            if fits and (iscrowd is None or bool(ann.get("iscrowd", 0)) == bool(iscrowd)):
                found.append(ann["id"])
        return found

    def getCatIds(self, catNms: Any = (), supNms: Any = (), catIds: Any = ()) -> list[Any]:
        """Ids of the categories of these names, kinds and ids; all for none."""
        names, kinds, ids = _listed(catNms), _listed(supNms), _listed(catIds)
        return [
            cat["id"]
            for cat in self.dataset.get("categories", [])
            if (not names or cat["name"] in names)
            and (not kinds or cat.get("supercategory") in kinds)
            and (not ids or cat["id"] in ids)
        ]

    def getImgIds(self, imgIds: Any = (), catIds: Any = ()) -> list[Any]:
        """Ids of the images that are among these and have all of these categories; all for none."""
        ids = set(_listed(imgIds)) or set(self.imgs)
        for category in _listed(catIds):
            ids &= set(self.catToImgs.get(category, []))
        return list(ids)

    def loadAnns(self, ids: Any = ()) -> list[Record]:
        """Annotations of these ids."""
        return [self.anns[id_] for id_ in _listed(ids)]

    def loadCats(self, ids: Any = ()) -> list[Record]:
        """Categories of these ids."""
        return [self.cats[id_] for id_ in _listed(ids)]

    def loadImgs(self, ids: Any = ()) -> list[Record]:
        """Images of these ids."""
        return [self.imgs[id_] for id_ in _listed(ids)]

    def loadRes(self, resFile: str | os.PathLike[str] | list[Record] | np.ndarray) -> COCO:
        """Results: a JSON file, a list of records, or an array of rows ``image_id, x, y, width, height, score, category_id``.

        The ``segmentation`` of a record may be an array, ``height × width``, nonzero inside. Records get what pycocotools
        gives them: ``id`` from 1 in their order, ``area``, ``iscrowd``, and ``bbox`` or ``segmentation`` where there is none.
        """
        if isinstance(resFile, np.ndarray):
            records = self.loadNumpyAnnotations(resFile)
        elif isinstance(resFile, str | os.PathLike):
            with open(resFile, encoding="utf-8-sig") as file:
                records = json.load(file)
        else:
            records = resFile
        if not isinstance(records, list):
            raise MatbackpropError(f"results: expected a list of detections, found a {type(records).__name__}")
        results = COCO()
        shared = {key: self.dataset[key] for key in ("images", "categories") if key in self.dataset}
        of_boxes = bool(records) and bool(_fields(records[0], 0).get("bbox"))
        annotations = []
        for place, record in enumerate(records):
            made = self._made_of(_fields(record, place), place, of_boxes)
            annotations.append({**made, **record, "id": place + 1, "area": made["area"], "iscrowd": 0})
            if isinstance(record.get("segmentation"), np.ndarray):
                annotations[-1]["segmentation"] = made["segmentation"]
            results._made[place + 1] = {"id", "area", "iscrowd", *made} - set(record)
            results._made[place + 1] |= {"id", "area", "iscrowd"}
        results.dataset = {**shared, "annotations": annotations}
        results.createIndex()
        return results

    def _made_of(self, record: Record, place: int, of_boxes: bool) -> Record:
        """What pycocotools adds to a detection, and run lengths in place of an array."""
        made: Record = {}
        segmentation = record.get("segmentation")
        if isinstance(segmentation, np.ndarray):
            made["segmentation"] = rle_of(runs_of(segmentation), *segmentation.shape)
        if of_boxes:
            left, top, width, height = record["bbox"]
            right, bottom = left + width, top + height
            made.setdefault("segmentation", [[left, top, left, bottom, right, bottom, right, top]])
            made["area"] = width * height
            return made
        if segmentation is None:
            raise MatbackpropError(f"results: expected `bbox` or `segmentation` in detection {place}, found neither")
        runs = self._runs({**record, **made})
        return {**made, "bbox": list(runs.bbox()), "area": runs.area()}

    def annToRLE(self, ann: Record) -> Record:
        """The run-length mask of an annotation, ``size`` and ``counts``: of its polygons, its runs, or itself."""
        segmentation = ann["segmentation"]
        if isinstance(segmentation, dict) and isinstance(segmentation.get("counts"), str | bytes):
            return segmentation
        return rle_of(self._runs(ann), *self._size_of(ann))

    def annToMask(self, ann: Record) -> np.ndarray:
        """The mask of an annotation, ``height × width`` of its image: 1 inside, else 0."""
        return self._runs(ann).bits().view(np.uint8)

    def _runs(self, ann: Record) -> _native.Runs:
        if isinstance(ann["segmentation"], dict | np.ndarray):
            return runs_of(ann["segmentation"])
        return runs_of(ann["segmentation"], *self._size_of(ann))

    def _size_of(self, ann: Record) -> tuple[int, int]:
        """Height and width."""
        if isinstance(ann["segmentation"], dict):
            height, width = ann["segmentation"]["size"]
            return height, width
        image = self.imgs.get(ann["image_id"])
        if image is None:
            raise MatbackpropError(f"image {ann['image_id']!r}: expected it among the images, found none")
        return image["height"], image["width"]

    @staticmethod
    def loadNumpyAnnotations(data: np.ndarray) -> list[Record]:
        """Records out of rows ``image_id, x, y, width, height, score, category_id``."""
        if data.ndim != 2 or data.shape[1] != 7:
            raise MatbackpropError(f"results: expected rows of 7 numbers, found an array of shape {data.shape}")
        return [
            {
                "image_id": int(row[0]),
                "bbox": [float(x) for x in row[1:5]],
                "score": float(row[5]),
                "category_id": int(row[6]),
            }
            for row in data
        ]


class Params:
    """What is compared, with the names of pycocotools. Thresholds, recalls and ranges of areas are COCO's own."""

    def __init__(self, iouType: str = "segm") -> None:
        if iouType not in ("segm", "bbox"):
            raise MatbackpropError(f"iouType: expected 'segm' or 'bbox', found {iouType!r}")
        self.iouType = iouType
        self.imgIds: list[Any] = []
        self.catIds: list[Any] = []
        self.iouThrs = np.linspace(0.5, 0.95, 10)
        self.recThrs = np.linspace(0.0, 1.0, 101)
        self.maxDets = [1, 10, 100]
        self.areaRng = [[0, 1e10], [0, 32**2], [32**2, 96**2], [96**2, 1e10]]
        self.areaRngLbl = ["all", "small", "medium", "large"]
        self.useCats = 1


class COCOeval:
    """The official table: as ``pycocotools.cocoeval.COCOeval``.

    ``evaluate()``, ``accumulate()`` and ``summarize()`` in this order; then ``stats`` has the twelve numbers and ``eval`` the
    precision and recall they are means of. ``params.imgIds``, ``catIds``, ``maxDets`` (three rising numbers) and ``useCats`` may be
    set before. ``evalImgs`` stays empty: matches are not kept.
    """

    def __init__(self, cocoGt: COCO | None = None, cocoDt: COCO | None = None, iouType: str = "segm") -> None:
        self.cocoGt, self.cocoDt = cocoGt, cocoDt
        self.params = Params(iouType)
        self.evalImgs: list[Any] = []
        self.eval: Record = {}
        self.stats: Any = []
        self._printed = ""
        self._numbers: list[float] = []
        self._found: Any = None
        if cocoGt is not None:
            self.params.imgIds = sorted(cocoGt.getImgIds())
            self.params.catIds = sorted(cocoGt.getCatIds())

    def evaluate(self) -> None:
        """Matches detections and annotations."""
        if self.cocoGt is None or self.cocoDt is None:
            raise MatbackpropError("COCOeval: expected annotations and results, found None")
        self._refuse_own_scales()
        params = self.params
        images, categories = set(params.imgIds), set(params.catIds)

        def kept(record: Record) -> bool:
            fits = record["image_id"] in images
            return fits and (not params.useCats or record["category_id"] in categories)

        truth = {
            "images": [img for img in self.cocoGt.dataset.get("images", []) if img["id"] in images],
            "categories": [cat for cat in self.cocoGt.dataset.get("categories", []) if cat["id"] in categories],
            "annotations": [ann for ann in self.cocoGt.dataset.get("annotations", []) if kept(ann)],
        }
        if not params.useCats:
            truth["categories"] = self.cocoGt.dataset.get("categories", [])
        own, made = {"id", "area", "iscrowd"}, self.cocoDt._made
        results = [
            {key: value for key, value in ann.items() if key not in made.get(ann["id"], own)}
            for ann in self.cocoDt.dataset.get("annotations", [])
            if kept(ann)
        ]
        most = tuple(int(number) for number in params.maxDets)
        with tempfile.TemporaryDirectory() as folder:
            paths = [Path(folder) / "annotations.json", Path(folder) / "results.json"]
            for path, content in zip(paths, (truth, results)):
                path.write_text(json.dumps(content, default=_plain), encoding="utf-8")
            found = _native.evaluate_detections(
                str(paths[0]), str(paths[1]), params.iouType, most, (not params.useCats, True, False)
            )
        numbers, self._printed, _, shape, precision, recall = found
        self._numbers = [-1.0 if number is None else number for number in numbers]
        self._found = (shape, precision, recall)

    def accumulate(self, p: Params | None = None) -> None:
        """Fills ``eval`` with precision and recall."""
        if self._found is None:
            print("Please run evaluate() first")
            return
        (thresholds, recalls, *others), precision, recall = self._found
        self.eval = {
            "params": p or self.params,
            "counts": [thresholds, recalls, *others],
            "date": datetime.datetime.now().strftime("%Y-%m-%d %H:%M:%S"),
            "precision": precision.reshape(thresholds, recalls, *others),
            "recall": recall.reshape(thresholds, *others),
        }

    def summarize(self) -> None:
        """Prints the table and fills ``stats``."""
        if not self.eval:
            raise MatbackpropError("COCOeval: expected accumulate() before summarize()")
        self.stats = np.array(self._numbers)
        print(self._printed.rstrip("\n"))

    def __str__(self) -> str:
        self.summarize()
        return ""

    def _refuse_own_scales(self) -> None:
        official = Params(self.params.iouType)
        for name in ("iouThrs", "recThrs", "areaRng"):
            mine, theirs = (np.asarray(getattr(params, name), float) for params in (self.params, official))
            if mine.shape != theirs.shape or not np.allclose(mine, theirs):
                raise MatbackpropError(
                    f"params.{name}: expected COCO's own values, found others, which are not compared here"
                )


def _plain(x: Any) -> Any:
    """Numbers of NumPy, and run lengths in bytes, as JSON has them."""
    if isinstance(x, np.generic):
        return x.item()
    if isinstance(x, np.ndarray):
        return x.tolist()
    if isinstance(x, bytes):
        return x.decode("ascii")
    raise TypeError(f"expected what JSON can hold, found {type(x).__name__}")
