"""Trunks beside PyTorch: the same shapes, in turn, in one run.

    pip install torch
    cargo build --release -p matbackprop-models --example trunk_speed
    python crates/models/benches/compare_pytorch.py [--rounds 3] [--threads 2]

Prints best wall and processor seconds, GFLOP/s per core on wall time with all threads busy, peak memory, and ratios
(above 1: ours is faster). Run it on a quiet machine.
"""
import argparse
import json
import os
import resource
import subprocess
import sys
import time

CONVS = {
    # (in, out, kernel, stride, pad, groups), "pool" 2/2, "pool3" 3/2 in ceil mode
    "vgg16": [(3, 64), (64, 64), "pool", (64, 128), (128, 128), "pool", (128, 256), (256, 256), (256, 256), "pool", (256, 512), (512, 512), (512, 512)],
    "alexnet": [(3, 96, 11, 4, 0, 1), "pool3", (96, 256, 5, 1, 2, 2), "pool3", (256, 384, 3, 1, 1, 1), (384, 384, 3, 1, 1, 2), (384, 256, 3, 1, 1, 2)],
}


def pytorch(name, runs, threads):
    import torch
    import torch.nn.functional as F

    torch.set_num_threads(threads)
    weights, flops = [], 0
    for spec in CONVS[name]:
        if not isinstance(spec, str):
            ci, co, k, s, p, g = spec if len(spec) == 6 else (*spec, 3, 1, 1, 1)
            weights.append((torch.randn(co, ci // g, k, k).mul_(0.05).requires_grad_(), torch.zeros(co).requires_grad_(), s, p, g))
    x = torch.randn(1, 3, 321, 481)

    def run(x):
        nonlocal flops
        layers, flops = iter(weights), 0
        for spec in CONVS[name]:
            if isinstance(spec, str):
                x = F.max_pool2d(x, 2 if spec == "pool" else 3, 2, ceil_mode=spec == "pool3")
            else:
                w, b, s, p, g = next(layers)
                x = F.relu(F.conv2d(x, w, b, stride=s, padding=p, groups=g))
                flops += 2 * w.numel() * x.shape[2] * x.shape[3]
        return x

    def forward():
        with torch.no_grad():
            run(x)

    def both():
        y = run(x)
        y.backward(y.detach())

    def measure(work):
        wall = processor = float("inf")
        for _ in range(runs):
            begin, spent = time.perf_counter(), time.process_time()
            work()
            wall = min(wall, time.perf_counter() - begin)
            processor = min(processor, time.process_time() - spent)
        return [wall, processor]

    result = {"forward": measure(forward), "both": measure(both), "flops": flops}
    result["peak_mib"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(json.dumps(result))


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--threads", type=int, default=os.cpu_count())
    parser.add_argument("--pytorch", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.pytorch:
        return pytorch(options.pytorch, options.runs, options.threads)
    target = os.environ.get("CARGO_TARGET_DIR", "target")
    ours_binary = os.path.join(target, "release", "examples", "trunk_speed")
    for name in CONVS:
        ours, theirs = [], []
        environment = {**os.environ, "RAYON_NUM_THREADS": str(options.threads)}
        for _ in range(options.rounds):
            command = [sys.executable, __file__, "--pytorch", name, "--runs", str(options.runs), "--threads", str(options.threads)]
            theirs.append(json.loads(subprocess.check_output(command)))
            ours.append(json.loads(subprocess.check_output([ours_binary, name, str(options.runs)], env=environment)))
        flops = theirs[0]["flops"]
        for what, factor in [("forward", 1), ("both", 3)]:
            rates = []
            for label, results in [("ours", ours), ("PyTorch", theirs)]:
                wall = min(result[what][0] for result in results)
                processor = min(result[what][1] for result in results)
                rate = factor * flops / wall / options.threads / 1e9
                rates.append(rate)
                peak = max(result["peak_mib"] for result in results)
                print(f"{name:8} {what:8} {label:8} wall {wall:.3f} s  processor {processor:.2f} s  {rate:5.1f} GFLOP/s per core  peak {peak:.0f} MiB")
            print(f"{name:8} {what:8} ratio ours / PyTorch: {rates[0] / rates[1]:.2f}")


main()
