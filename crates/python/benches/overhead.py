"""What Python adds to a rule: pooling of features through PyTorch's tape, beside the same stack in Rust alone, in turn.

    cargo build --release -p matbackprop-core --features matbackprop-core/rayon --example stack_speed
    pip install ./crates/python torch
    python crates/python/benches/overhead.py [--rounds 5] [--seconds 0.5]

Forward and back of ⟨G, log(FᵀF + 10⁻³ I)⟩, one core, wall milliseconds a call, the best of all rounds. The matrices are drawn once; both
read them where they lie. Also the seconds of `import matbackprop`, in processes of their own.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time

import numpy as np
import torch

import matbackprop.torch as mt

TARGET = os.environ.get("CARGO_TARGET_DIR", "target")
SHAPES = [(32, 64, 64), (16, 169, 256)]


def by_tape(features, weights, seconds):
    """Milliseconds of each call."""

    def call():
        leaf = features.requires_grad_()
        loss = (weights * mt.cov_pool(leaf, 1e-3)).sum()
        return torch.autograd.grad(loss, leaf)[0]

    call()
    start, times = time.perf_counter(), []
    while len(times) < 3 or time.perf_counter() - start < seconds:
        begin = time.perf_counter()
        call()
        times.append(1e3 * (time.perf_counter() - begin))
    return times


def alone(folder, seconds):
    """The same of Rust."""
    command = [os.path.join(TARGET, "release", "examples", "stack_speed"), folder, str(seconds)]
    return json.loads(subprocess.check_output(command, env={**os.environ, "RAYON_NUM_THREADS": "1"}))["both"]


def compare(shape, options):
    """Both on the same matrices, round after round."""
    random = np.random.Generator(np.random.PCG64(1))
    count, _, d = shape
    features = random.standard_normal(shape)
    weights = random.standard_normal((count, d, d))
    with tempfile.TemporaryDirectory() as folder:
        for name, array in (("A", features), ("G", weights)):
            array.tofile(os.path.join(folder, name))
        with open(os.path.join(folder, "case.json"), "w") as file:
            json.dump({"kind": "gram_log", "bits": 64, "shapes": {"A": features.shape, "G": weights.shape}}, file)
        ours, theirs = [], []
        for _ in range(options.rounds):
            theirs += alone(folder, options.seconds)
            ours += by_tape(torch.tensor(features), torch.tensor(weights), options.seconds)
    best = min(theirs), min(ours)
    print(
        f"{' x '.join(map(str, shape))}: alone {best[0]:.2f} ms, PyTorch's tape {best[1]:.2f} ms, {best[1] / best[0] - 1:+.1%}"
    )


def seconds_of_import(module):
    """The best of five new processes."""
    code = f"import time; t = time.perf_counter(); import {module}; print(time.perf_counter() - t)"
    return min(float(subprocess.check_output([sys.executable, "-c", code])) for _ in range(5))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=0.5, help="of a measurement; three calls at least")
    options = parser.parse_args()
    os.environ.setdefault("RAYON_NUM_THREADS", "1")
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:1])
    torch.set_num_threads(1)
    for shape in SHAPES:
        compare(shape, options)
    both, numpy = seconds_of_import("matbackprop"), seconds_of_import("numpy")
    print(f"import matbackprop: {both:.3f} s, of which numpy {numpy:.3f} s")


if __name__ == "__main__":
    main()
