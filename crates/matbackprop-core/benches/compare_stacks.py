"""Stacks of small matrices beside PyTorch: the same matrices, in turn, in one run, on one core, in 64 and 32 bits.

    pip install torch numpy
    cargo build --release -p matbackprop-core --example stack_speed
    python crates/matbackprop-core/benches/compare_stacks.py [--rounds 3] [--seconds 0.2] [--only gram] [--out stacks.json]

A case is a stack of 512 matrices. Each round runs ours in a process of its own, then PyTorch's in this one, `--seconds` a
measurement after a first call that does not count: forward with what the way back needs, and a loss with its gradient. Times are
wall microseconds a matrix, the best of all rounds; ratios above 1 mean that ours is faster. Errors are relative to the result of
PyTorch in 64 bits. Run it on a quiet machine.
"""
import argparse
import json
import os
import subprocess
import tempfile

import numpy as np
import torch
from compare_pytorch import TARGET, describe_machine, pin, time_method

COUNT = 512
EPSILON = 1e-3
SIDES = [3, 8, 16, 22, 32, 64]


def with_gradient(loss):
    """The first output, and the gradient of a loss to the case's matrices."""

    def method(tensors, back):
        a = tensors["A"].detach().requires_grad_(back)
        with torch.set_grad_enabled(back):
            output, value = loss(a, tensors)
            return (output, torch.autograd.grad(value, a)[0]) if back else (output, None)

    return method


def log_of(a):
    values, v = torch.linalg.eigh(a)
    return (v * values.log().unsqueeze(-2)) @ v.mT


def gram_log(a, tensors):
    c = log_of(a.mT @ a + EPSILON * torch.eye(a.shape[-1], dtype=a.dtype))
    return c, (tensors["G"] * c).sum()


def spd_log(a, tensors):
    c = log_of(a)
    return c, (tensors["G"] * c).sum()


def sym_eig(a, tensors):
    values, v = torch.linalg.eigh(a)
    along = (v.mT @ tensors["x"]).squeeze(-1)
    return values, (tensors["c"].squeeze(-1) * (values + along**2)).sum()


def thin_svd(a, tensors):
    u, sigma, vh = torch.linalg.svd(a, full_matrices=False)
    along = (u.mT @ tensors["x"]).squeeze(-1) * (vh @ tensors["y"]).squeeze(-1)
    return u, (tensors["c"].squeeze(-1) * (sigma + along)).sum()


def polar(a, tensors):
    u, _, vh = torch.linalg.svd(a, full_matrices=False)
    w = u @ vh
    return w, (tensors["G"] * w).sum()


def cases():
    random = np.random.Generator(np.random.PCG64(1))
    normal = lambda *shape: random.standard_normal((COUNT, *shape))
    for n in SIDES:
        yield f"log of Gram, {4 * n} x {n}", gram_log, {"A": normal(4 * n, n), "G": normal(n, n)}
    for n in SIDES:
        x = normal(4 * n, n)
        yield f"log of SPD, {n}", spd_log, {"A": x.transpose(0, 2, 1) @ x, "G": normal(n, n)}
    for n in SIDES:
        a = normal(n, n)
        yield f"symmetric eigen, {n}", sym_eig, {"A": (a + a.transpose(0, 2, 1)) / 2, "c": normal(n, 1), "x": normal(n, 1)}
    for n in SIDES:
        yield f"thin SVD, {n}", thin_svd, {"A": normal(n, n), "c": normal(n, 1), "x": normal(n, 1), "y": normal(n, 1)}
    for n in SIDES:
        yield f"polar factor, {n}", polar, {"A": normal(n, n), "G": normal(n, n)}


def relative_errors(found, expected):
    """Of each matrix, the largest and the median."""
    found, expected = (x.reshape(COUNT, -1) for x in (found, expected))
    errors = np.linalg.norm(found - expected, axis=1) / np.linalg.norm(expected, axis=1)
    return float(np.max(errors)), float(np.median(errors))


def compare(name, loss, matrices, bits, options):
    dtype = {64: "<f8", 32: "<f4"}[bits]
    method = with_gradient(loss)
    if bits == 32:
        matrices = {key: a.astype(dtype) for key, a in matrices.items()}
    with tempfile.TemporaryDirectory() as folder:
        for key, a in matrices.items():
            a.astype(dtype).tofile(os.path.join(folder, key))
        shapes = {key: a.shape for key, a in matrices.items()}
        with open(os.path.join(folder, "case.json"), "w") as file:
            json.dump({"kind": loss.__name__, "bits": bits, "shapes": shapes}, file)
        tensors = {key: torch.tensor(a.astype(dtype)) for key, a in matrices.items()}
        exact = {key: torch.tensor(a.astype("<f8")) for key, a in matrices.items()}
        times = {who: {"forward": [], "both": []} for who in ("ours", "torch")}
        command = [os.path.join(TARGET, "release", "examples", "stack_speed"), folder, str(options.seconds)]
        for _ in range(options.rounds):
            ours = json.loads(subprocess.check_output(command, env={**os.environ, "RAYON_NUM_THREADS": "1"}))
            for what in ("forward", "both"):
                times["ours"][what] += ours[what]
                times["torch"][what] += time_method(method, tensors, what == "both", options.seconds)
        gradient = np.fromfile(os.path.join(folder, "ours_gradient"), "<f8")
        _, expected = method(exact, True)
        symmetric = (lambda x: 0.5 * (x + x.mT)) if loss in (spd_log, sym_eig) else (lambda x: x)
        expected = symmetric(expected).numpy()
        errors = {"ours": relative_errors(gradient, expected)}
        errors["torch"] = relative_errors(symmetric(method(tensors, True)[1]).double().numpy(), expected)
    best = {who: {what: 1e3 * min(times[who][what]) / COUNT for what in times[who]} for who in times}
    ratios = {what: best["torch"][what] / best["ours"][what] for what in ("forward", "both")}
    print(
        f"{name:26} f{bits}  ours {best['ours']['forward']:8.2f} {best['ours']['both']:8.2f}"
        f"  torch {best['torch']['forward']:8.2f} {best['torch']['both']:8.2f}"
        f"  ratio {ratios['forward']:6.2f} {ratios['both']:6.2f}"
        f"  gradient off {errors['ours'][0]:.0e} {errors['ours'][1]:.0e}, torch {errors['torch'][0]:.0e} {errors['torch'][1]:.0e}",
        flush=True,
    )
    return {"name": name, "bits": bits, "microseconds": best, "ratios": ratios, "errors": errors}


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=0.2, help="of a measurement; three runs at least")
    parser.add_argument("--only", default="", help="cases whose name contains this")
    parser.add_argument("--out", help="the results as JSON")
    options = parser.parse_args()
    pin(1)
    describe_machine()
    print(f"microseconds a matrix, stacks of {COUNT}: forward, forward and back; errors of the gradient: worst, median")
    results = []
    for name, loss, matrices in cases():
        if options.only in name:
            results += [compare(name, loss, matrices, bits, options) for bits in (64, 32)]
    if options.out:
        with open(options.out, "w") as file:
            json.dump(results, file, indent=1)
    # In 64 bits both have the digits of the other, where no two values lie close.
    wrong = [r["name"] for r in results if r["bits"] == 64 and not r["errors"]["ours"][1] <= 1e-11]
    if wrong:
        raise SystemExit(f"gradients disagree: {', '.join(wrong)}")


if __name__ == "__main__":
    main()
