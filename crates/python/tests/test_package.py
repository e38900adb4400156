"""The package without PyTorch: import, command line, segments, scorers."""

import subprocess
import sys
import types

import matbackprop
import numpy as np
import pytest
from conftest import ROOT, needs
from matbackprop import bsds, coco


def test_import_is_light():
    code = "import sys, matbackprop; assert not {'torch', 'jax'} & set(sys.modules); print(matbackprop.__version__)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == matbackprop.__version__


def test_the_command_line_is_inside(tmp_path):
    program = [sys.executable, "-m", "matbackprop"]
    done = subprocess.run([*program, "--version"], capture_output=True, text=True, check=True)
    assert done.stdout.strip().endswith(matbackprop.__version__)
    done = subprocess.run([*program, "segment", "absent.jpg"], capture_output=True, text=True, cwd=tmp_path)
    assert done.returncode == 1 and "absent.jpg" in done.stderr
    done = subprocess.run([*program, "sgment"], capture_output=True, text=True, cwd=tmp_path)
    assert done.returncode == 2


def halves():
    """Two colours side by side, with a little texture."""
    image = np.zeros((48, 64, 3), np.uint8)
    image[:, :32] = (200, 60, 40)
    image[:, 32:] = (40, 90, 200)
    image[::2, ::2] += 10
    return image


def test_segments_are_labels_of_the_photograph():
    image = halves()
    labels, tree = matbackprop.segment(image, 2, superpixels=60)
    assert labels.shape == (48, 64) and set(np.unique(labels)) == {0, 1}
    # Two segments: the halves, up to a pixel beside the border.
    left, right = labels[:, :30], labels[:, 34:]
    assert (left == left[0, 0]).mean() > 0.98 and (right == right[0, 0]).mean() > 0.98
    assert left[0, 0] != right[0, 0]
    assert tree.most_segments >= 2 and tree.heights == sorted(tree.heights)
    assert np.array_equal(tree.cut_into(2), labels)
    painted = matbackprop.outlines(image, labels)
    assert painted.shape == image.shape and (painted != image).any()
    grey, _ = matbackprop.segment(image[:, :, 0])
    assert grey.shape == (48, 64)


def test_what_is_no_photograph_is_named():
    with pytest.raises(matbackprop.MatbackpropError, match="uint8"):
        matbackprop.segment(halves() / 255.0)
    with pytest.raises(matbackprop.MatbackpropError, match="3 numbers"):
        matbackprop.segment(np.zeros((4, 4, 7), np.uint8))


IMAGE = np.zeros((6, 8, 3), np.uint8)
PLANE = np.zeros((6, 8))
WRONG = {
    "a path": (lambda: matbackprop.segment("photo.jpg"), TypeError, "found a text"),
    "one axis": (lambda: matbackprop.segment(IMAGE[0, 0]), matbackprop.MatbackpropError, "found 1 axes"),
    "no segment": (
        lambda: matbackprop.segment(IMAGE, 0),
        matbackprop.MatbackpropError,
        "segments: .* from 1 on, found 0",
    ),
    "half a segment": (lambda: matbackprop.segment(IMAGE, 2.5), TypeError, "segments: expected a whole number"),
    "a side below zero": (lambda: matbackprop.segment(IMAGE, max_side=-1), matbackprop.MatbackpropError, "max_side"),
    "a height of NaN": (lambda: matbackprop.segment(IMAGE).tree.cut(np.nan), matbackprop.MatbackpropError, "height"),
    "labels of NaN": (lambda: matbackprop.outlines(IMAGE, PLANE * np.nan), matbackprop.MatbackpropError, "integers"),
    "floats to outline": (lambda: matbackprop.outlines(IMAGE / 2, PLANE), matbackprop.MatbackpropError, "uint8"),
    "a row of strengths": (lambda: bsds.match(PLANE[0], [PLANE]), matbackprop.MatbackpropError, "soft: .*shape"),
    "strengths of NaN": (
        lambda: bsds.match(PLANE * np.nan, [PLANE]),
        matbackprop.MatbackpropError,
        "finite.*found nan",
    ),
    "strengths of 255": (lambda: bsds.match(PLANE + 255, [PLANE]), matbackprop.MatbackpropError, "0 to 1, found 255"),
    "no annotator": (lambda: bsds.match(PLANE, []), matbackprop.MatbackpropError, "truths: .*found none"),
    "no threshold": (lambda: bsds.match(PLANE, [PLANE], -1), matbackprop.MatbackpropError, "thresholds"),
    "half a threshold": (lambda: bsds.match(PLANE, [PLANE], 0.5), TypeError, "thresholds: .*found float"),
    "two numbers of detections": (
        lambda: coco.evaluate("a.json", "b.json", max_detections=(1, 2)),
        matbackprop.MatbackpropError,
        "max_detections",
    ),
}


@pytest.mark.parametrize("name", WRONG)
def test_wrong_arguments_are_named(name):
    call, kind, message = WRONG[name]
    with pytest.raises(kind, match=message):
        call()


def test_what_a_dataset_lacks_is_named(data):
    dataset = bsds.Dataset(needs(data / "bsds500"), "val")
    assert dataset.boundaries(-1)[0].shape == dataset.boundaries(len(dataset) - 1)[0].shape
    with pytest.raises(IndexError, match="place below"):
        dataset.boundaries(len(dataset))
    with pytest.raises(matbackprop.MatbackpropError, match=f"maps: expected one of image '{dataset.ids[0]}'"):
        bsds.evaluate_boundaries(dataset, maps={})
    with pytest.raises(matbackprop.MatbackpropError, match="workers"):
        bsds.evaluate_boundaries(dataset, maps={}, workers=-1)


def test_what_a_package_lacks_is_named():
    for library in ("torch", "jax"):
        code = f"import sys; sys.modules['{library}'] = None; import matbackprop.{library}"
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
        assert done.returncode == 1 and f"pip install {library}" in done.stderr


def test_one_truth_and_numbers_of_numpy():
    truth = PLANE.copy()
    truth[:, 3] = 1
    one = bsds.match(truth, truth, np.int64(3))
    assert one.f.tolist() == [1.0] * 3


def test_matching_one_map():
    # Pixels match up to 0.0075 of the diagonal apart: two pixels here.
    truth = np.zeros((200, 200), bool)
    truth[:, 100] = True
    soft = np.zeros((200, 200))
    soft[:, 101] = 0.6
    found = bsds.match(soft, [truth], thresholds=[0.3, 0.9])
    assert found.recall.tolist() == [1.0, 0.0] and found.f.tolist() == [1.0, 0.0]
    with pytest.raises(matbackprop.MatbackpropError, match="200 × 200"):
        bsds.match(soft[:5], [truth])


def test_boundaries_of_arrays_and_of_a_folder_are_the_same(data, tmp_path):
    fixture = needs(data / "bsds500")
    dataset = bsds.Dataset(fixture, "val")
    keep = dataset.ids[:2]
    for folder in ("images", "truths"):
        (tmp_path / folder).mkdir()
    for image in keep:
        (tmp_path / "images" / f"{image}.jpg").symlink_to(dataset.image_path(dataset.ids.index(image)))
        (tmp_path / "truths" / f"{image}.mat").symlink_to(fixture / "groundTruth" / "val" / f"{image}.mat")
    small = bsds.Dataset.of_folders(tmp_path / "images", tmp_path / "truths")
    assert small.ids == keep and len(small) == 2
    maps = {image: np.mean(small.boundaries(k)[:2], 0) for k, image in enumerate(keep)}
    (tmp_path / "maps").mkdir()
    for image, soft in maps.items():
        np.save(tmp_path / "maps" / f"{image}.npy", soft)
    seen = []
    of_arrays = bsds.evaluate_boundaries(small, maps=maps, thresholds=5, progress=lambda *step: seen.append(step))
    of_folder = bsds.evaluate_boundaries(small, maps=tmp_path / "maps", thresholds=5, workers=1)
    assert of_arrays == of_folder
    assert [step[:2] for step in seen] == [(1, 2), (2, 2)]
    assert 0.5 < of_arrays.ods <= of_arrays.ois <= 1.0
    # One image by itself adds up to the same counts.
    one = bsds.match(maps[keep[0]], small.boundaries(0), thresholds=5)
    assert one.f.max() == pytest.approx(of_arrays.details["per_image"][0]["f"], abs=0.02)


def test_regions_of_people_cover_themselves(data):
    dataset = bsds.Dataset(needs(data / "bsds500"), "val")
    report = bsds.evaluate_regions(
        dataset, segmentations=lambda image: dataset.segmentations(dataset.ids.index(image))[0]
    )
    assert report.images == len(dataset)
    assert report.average_covering["ods"] > 0.7 and report.vi["ods"] < 1.5


def numbers_of(path):
    """The numbers in a text file of the official kit."""
    return [float(word) for word in path.read_text().split()]


def test_the_official_numbers_of_the_kit(data):
    kit = needs(data / "bsds-bench-fixture")
    dataset = bsds.Dataset.of_folders(kit / "images", kit / "groundTruth")
    report = bsds.evaluate_boundaries(dataset, maps=kit / "png", thresholds=5)
    threshold, recall, _, f, *_, ois, area = numbers_of(kit / "test_2" / "eval_bdry.txt")
    # The kit's own runs differ by as much: it matches in a random order.
    assert report.ods == pytest.approx(f, abs=2e-4) and report.ois == pytest.approx(ois, abs=2e-4)
    assert report.average_precision == pytest.approx(area, abs=5e-4)
    assert report.threshold == pytest.approx(threshold, abs=1e-6)
    assert report.details["ods"]["recall"] == pytest.approx(recall, abs=5e-4)
    regions = bsds.evaluate_regions(dataset, segmentations=kit / "segs")
    _, ods, ois, best = numbers_of(kit / "test_5" / "eval_cover.txt")
    covering = regions.covering
    assert [covering["ods"], covering["ois"], covering["best"]] == pytest.approx([ods, ois, best], abs=1e-6)
    _, pri, pri_ois, _, vi, vi_ois = numbers_of(kit / "test_5" / "eval_RI_VOI.txt")
    assert [regions.pri["ods"], regions.pri["ois"]] == pytest.approx([pri, pri_ois], abs=5e-7)
    assert [regions.vi["ods"], regions.vi["ois"]] == pytest.approx([vi, vi_ois], abs=5e-6)


def test_the_table_of_detections_is_the_official_one(data):
    fixture = needs(data / "coco-eval-fixture")
    truth, results = fixture / "instances_val2014_100.json", fixture / "instances_val2014_fakesegm100_results.json"
    table = coco.evaluate(truth, results, kind="segm")
    assert [round(x, 3) for x in table.stats[:3]] == [0.320, 0.562, 0.299]
    official = (fixture / "val2014_fake_eval_res.txt").read_text()
    printed = [" ".join(line.split()) for line in official.splitlines()]
    lines = [" ".join(line.split()) for line in table.printed.strip().splitlines()]
    assert len(lines) == 12 and all(line in printed for line in lines)
    with pytest.raises(matbackprop.MatbackpropError, match="kind"):
        coco.evaluate(truth, results, kind="keypoints")


def test_scripts_of_pycocotools_run_with_another_import(data, tmp_path, capsys):
    fixture = needs(data / "coco-eval-fixture")
    truth = coco.COCO(fixture / "instances_val2014_100.json")
    results = truth.loadRes(str(fixture / "instances_val2014_fakesegm100_results.json"))
    assert len(truth.getImgIds()) >= 100 and truth.loadCats(truth.getCatIds(["person"]))[0]["name"] == "person"
    ann = truth.loadAnns(truth.getAnnIds(imgIds=truth.getImgIds()[:3]))[0]
    assert ann["image_id"] in truth.getImgIds()[:3]
    evaluation = coco.COCOeval(truth, results, "segm")
    evaluation.evaluate()
    evaluation.accumulate()
    evaluation.summarize()
    assert evaluation.stats[:3].round(3).tolist() == [0.320, 0.562, 0.299]
    assert "IoU=0.50:0.95" in capsys.readouterr().out
    precision = evaluation.eval["precision"]
    assert precision.shape == (10, 101, 80, 4, 3)
    everywhere = precision[:, :, :, 0, 2]
    assert everywhere[everywhere > -1].mean() == pytest.approx(evaluation.stats[0], abs=1e-12)
    # Without the images that have no results, nothing of theirs is missed.
    evaluation.params.imgIds = sorted({ann["image_id"] for ann in results.dataset["annotations"]})
    evaluation.evaluate()
    evaluation.accumulate()
    evaluation.summarize()
    assert evaluation.stats[1] > 0.5625 and evaluation.eval["precision"].shape == (10, 101, 80, 4, 3)
    evaluation.params.iouThrs = [0.5]
    with pytest.raises(matbackprop.MatbackpropError, match="iouThrs"):
        evaluation.evaluate()


def test_boxes_in_rows_of_an_array(tmp_path):
    truth = coco.COCO()
    truth.dataset = {
        "images": [{"id": 1, "width": 100, "height": 100}],
        "categories": [{"id": 7, "name": "cup"}],
        "annotations": [
            {"id": 3, "image_id": 1, "category_id": 7, "bbox": [10, 10, 40, 40], "area": 1600, "iscrowd": 0}
        ],
    }
    truth.createIndex()
    rows = np.array([[1, 10, 10, 40, 40, 0.9, 7], [1, 60, 60, 20, 20, 0.3, 7]])
    evaluation = coco.COCOeval(truth, truth.loadRes(rows), "bbox")
    evaluation.evaluate()
    evaluation.accumulate()
    evaluation.summarize()
    assert evaluation.stats[0] == pytest.approx(1.0) and evaluation.stats[3] == -1.0
    with pytest.raises(matbackprop.MatbackpropError, match="7 numbers"):
        truth.loadRes(rows[:, :5])


README = (ROOT / "crates" / "python" / "README.md").read_text(encoding="utf-8")
BLOCKS = [block.split("```", 1)[0] for block in README.split("```python\n")[1:]]


def files_of_the_readme(data, folder):
    """Two photographs of BSDS500 with their maps, annotations and results of COCO."""
    fixture, coco_files = needs(data / "bsds500"), needs(data / "coco-eval-fixture")
    dataset = bsds.Dataset(fixture, "val")
    (folder / "BSDS500" / "images" / "val").mkdir(parents=True)
    (folder / "BSDS500" / "groundTruth" / "val").mkdir(parents=True)
    (folder / "maps").mkdir()
    for index, image in enumerate(dataset.ids[:2]):
        (folder / "BSDS500" / "images" / "val" / f"{image}.jpg").symlink_to(dataset.image_path(index))
        truth = fixture / "groundTruth" / "val" / f"{image}.mat"
        (folder / "BSDS500" / "groundTruth" / "val" / f"{image}.mat").symlink_to(truth)
        np.save(folder / "maps" / f"{image}.npy", np.mean(dataset.boundaries(index), 0))
    (folder / "instances.json").symlink_to(coco_files / "instances_val2014_100.json")
    (folder / "results.json").symlink_to(coco_files / "instances_val2014_fakesegm100_results.json")


@pytest.mark.parametrize("block", BLOCKS, ids=lambda block: block.strip().splitlines()[0])
def test_the_examples_of_the_readme_run(block, data, tmp_path, monkeypatch):
    for library in ("torch", "jax"):
        if f"import {library}" in block:
            pytest.importorskip(library)
    if "matplotlib" in block:
        shown = []
        plot = types.SimpleNamespace(imread=lambda path: halves(), imshow=shown.append)
        monkeypatch.setitem(sys.modules, "matplotlib", types.SimpleNamespace(pyplot=plot))
        monkeypatch.setitem(sys.modules, "matplotlib.pyplot", plot)
    if "BSDS500" in block or ".json" in block:
        files_of_the_readme(data, tmp_path)
    monkeypatch.chdir(tmp_path)
    exec(compile(block, "README.md", "exec"), {})
    assert "matplotlib" not in block or shown[0].shape == (48, 64, 3)


def test_a_wheel_says_its_types():
    folder = ROOT / "crates" / "python" / "python" / "matbackprop"
    assert (folder / "py.typed").exists() and (folder / "_native.pyi").exists()
