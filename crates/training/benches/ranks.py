"""Two ranks against one: seconds of a step, CPU seconds in all, bytes a step.

    cargo build --release --features mpi
    python crates/training/benches/ranks.py target/release/matbackprop BSDS500 WEIGHTS [--rounds 3] [--images 8]

One thread a rank, so that two cores are enough; the two take turns, so that other load on the machine affects both. A step
is four photographs, on any number of ranks. Wall time is the median of the journals' `seconds` without each training's first
step; CPU time is that of whole processes, starting and calibrating left out by a training of one epoch less.

Then, on paper, efficiency at more ranks, each with the four photographs of the one rank that was measured:

    C = buckets · 2 (N − 1) α + 2 (N − 1) / N · bytes / bandwidth       ring all-reduce, α = 30 µs at 10 Gb/s, 5 at 100
    T / (T + C)                                                         waited for
    T / (T + max(C / buckets, C − w))                                   during the backward pass of the last photograph

with T the measured time of a step, wall or CPU, whichever is less, and w = 0.6 T / 4 that of one photograph's backward pass.
"""

import argparse
import json
import os
import resource
import shutil
import statistics
import subprocess
import tempfile
from pathlib import Path

CASES = {
    "Lite0, whole trunk": ["--trunk", "lite0", "--train-trunk", "all"],
    "VGG-16, from conv5_1": ["--trunk", "vgg16", "--train-trunk", "from:features.24"],
}
WEIGHTS = {"lite0": "efficientnet_lite0_f16.safetensors", "vgg16": "vgg16_features_f16.safetensors"}
BATCH = 4
BUCKET = 1 << 20
LINKS = {"10 Gb/s": (10e9 / 8, 30e-6), "100 Gb/s": (100e9 / 8, 5e-6)}


def estimate(size, seconds):
    """Efficiency without and with overlap, by number of ranks and link."""
    buckets = max(1, round(size / BUCKET))
    for link, (bandwidth, latency) in LINKS.items():
        cells = []
        for ranks in (8, 64, 512):
            waited = buckets * 2 * (ranks - 1) * latency + 2 * (ranks - 1) / ranks * size / bandwidth
            hidden = max(waited / buckets, waited - 0.6 * seconds / BATCH)
            cells.append(f"{ranks} ranks {seconds / (seconds + waited):.2f} / {seconds / (seconds + hidden):.2f}")
        print(f"    estimated over {link}: {', '.join(cells)}", flush=True)


def subset(data, folder, count):
    """The first photographs of train, with their human segmentations."""
    photographs = sorted((data / "images/train").glob("*.jpg"))[:count]
    for kind in ("images/train", "groundTruth/train"):
        (folder / kind).mkdir(parents=True)
    for photograph in photographs:
        shutil.copy(photograph, folder / "images/train")
        shutil.copy(data / "groundTruth/train" / f"{photograph.stem}.mat", folder / "groundTruth/train")


def cpu_seconds():
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def train(binary, ranks, case, data, weights, run, epochs):
    """CPU seconds, and the seconds of every step."""
    launcher = ["mpirun", "-np", str(ranks)] if ranks > 1 else []
    trunk = case[1]
    settings = ["--batch", str(BATCH), "--epochs", str(epochs), "--val-every", "0", "--learning-rate", "1e-5"]
    paths = ["--data", data, "--trunk-weights", weights / WEIGHTS[trunk], "--out", run]
    environment = dict(
        os.environ,
        RAYON_NUM_THREADS="1",
        OMPI_ALLOW_RUN_AS_ROOT="1",
        OMPI_ALLOW_RUN_AS_ROOT_CONFIRM="1",
        OMPI_MCA_hwloc_base_binding_policy="none",
        OMPI_MCA_btl_vader_single_copy_mechanism="none",
    )
    begin = cpu_seconds()
    call = [*launcher, str(binary), "train", "ncuts", *case, *settings, *map(str, paths)]
    subprocess.run(call, env=environment, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    steps = [json.loads(line)["seconds"] for line in (run / "journal.jsonl").read_text().splitlines()]
    return cpu_seconds() - begin, steps


def learned_bytes(run, trunk_learns_from):
    """Bytes of the gradients that a step sums: four a number that learns."""
    raw = (run / "network.safetensors").read_bytes()
    header = json.loads(raw[8 : 8 + int.from_bytes(raw[:8], "little")])
    names = [name for name in header if name != "__metadata__"]
    learned = [name for name in names if trunk_learns_from(name)]
    return sum(header[name]["data_offsets"][1] - header[name]["data_offsets"][0] for name in learned)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("binary", type=Path)
    parser.add_argument("data", type=Path)
    parser.add_argument("weights", type=Path)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--images", type=int, default=8)
    parser.add_argument("--epochs", type=int, default=3)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        scratch = Path(scratch)
        subset(asked.data, scratch / "data", asked.images)
        for title, case in CASES.items():
            wall, cpu = {1: [], 2: []}, {1: [], 2: []}
            for turn in range(asked.rounds):
                for ranks in (1, 2):
                    spent = {}
                    for epochs in (1, asked.epochs):
                        run = scratch / f"{case[1]}-{turn}-{ranks}-{epochs}"
                        spent[epochs], steps = train(
                            asked.binary, ranks, case, scratch / "data", asked.weights, run, epochs
                        )
                    count = (asked.epochs - 1) * (asked.images // BATCH)
                    cpu[ranks].append((spent[asked.epochs] - spent[1]) / count)
                    wall[ranks].extend(steps[1:])
            conv5 = ("features.24", "features.26", "features.28", "head")
            part = (lambda name: True) if "whole" in title else (lambda name: name.startswith(conv5))
            size = learned_bytes(run, part)
            wall = {ranks: statistics.median(all) for ranks, all in wall.items()}
            cpu = {ranks: statistics.median(all) for ranks, all in cpu.items()}
            print(
                f"{title}: {size / 1e6:.2f} MB a step; "
                f"wall {wall[1]:.2f} s by one rank, {wall[2]:.2f} by two: efficiency {wall[1] / wall[2] / 2:.2f}; "
                f"CPU {cpu[1]:.2f} s and {cpu[2]:.2f}: {cpu[1] / cpu[2]:.2f}",
                flush=True,
            )
            # On a machine that does other things too CPU time is the better guess at a quiet one's wall time.
            estimate(size, min(cpu[1], wall[1]))


main()
