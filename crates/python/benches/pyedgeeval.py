"""Boundaries of BSDS500 beside pyEdgeEval and the official kit: numbers and seconds on five images that the kit comes with.

    pip install ./crates/python pyEdgeEval opencv-python-headless scipy scikit-image prettytable
    MATBACKPROP_DATA=data python crates/python/benches/pyedgeeval.py [--thresholds 5]

Soft maps in PNG files, one process, one thread. pyEdgeEval's ``AUC`` is what the kit prints as the area under the curve. The kit's own
numbers are those of five thresholds, from its ``test_2``; its runs differ by 2e-4, as it matches in a random order. Seconds are those
of the processor, without the import.
"""

import argparse
import contextlib
import importlib.metadata
import io
import os
import tempfile
import time
from pathlib import Path

from matbackprop import bsds

ROOT = Path(__file__).resolve().parents[3]
DATA = Path(os.environ.get("MATBACKPROP_DATA", ROOT.parent / "shared" / "data"))


def ours(kit, thresholds):
    dataset = bsds.Dataset.of_folders(kit / "images", kit / "groundTruth")
    report = bsds.evaluate_boundaries(dataset, maps=kit / "png", thresholds=thresholds, workers=1)
    return report.ods, report.ois, report.average_precision


def theirs(kit, thresholds):
    from pyEdgeEval.evaluators.bsds import BSDS500Evaluator

    with tempfile.TemporaryDirectory() as folder, contextlib.redirect_stdout(io.StringIO()):
        root = Path(folder)
        (root / "groundTruth").mkdir()
        (root / "groundTruth" / "test").symlink_to((kit / "groundTruth").resolve())
        evaluator = BSDS500Evaluator(dataset_root=folder, pred_root=str(kit / "png"), split="test")
        evaluator.set_eval_params(scale=1.0, apply_thinning=True, apply_nms=False, max_dist=0.0075)
        found = evaluator.evaluate(thresholds=thresholds, nproc=1, save_dir=None, no_split_dir=True)
    return found["ODS_f1"], found["OIS_f1"], found["AUC"]


def timed(call, *arguments):
    start = time.process_time()
    numbers = call(*arguments)
    return numbers, time.process_time() - start


def row(name, numbers, seconds):
    cells = " | ".join(f"{float(number):.4f}" for number in numbers)
    print(f"| {name} | {cells} | {seconds} |", flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--thresholds", type=int, default=5)
    options = parser.parse_args()
    kit = DATA / "bsds-bench-fixture"
    print(
        f"{options.thresholds} thresholds\n\n| | F, ODS | F, OIS | area | CPU seconds |\n| --- | --- | --- | --- | --- |"
    )
    if options.thresholds == 5:
        _, _, _, ods, _, _, ois, area = map(float, (kit / "test_2" / "eval_bdry.txt").read_text().split())
        row("official kit, stored", (ods, ois, area), "–")
    numbers, seconds = timed(ours, kit, options.thresholds)
    row("matbackprop", numbers, f"{seconds:.2f}")
    try:
        import pyEdgeEval.evaluators.bsds  # noqa: F401
    except ImportError as error:
        print(f"\npyEdgeEval is left out: {error}")
        return
    numbers, seconds = timed(theirs, kit, options.thresholds)
    row(f"pyEdgeEval {importlib.metadata.version('pyEdgeEval')}", numbers, f"{seconds:.2f}")


if __name__ == "__main__":
    main()
