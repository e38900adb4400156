"""Gradients through PyTorch where autograd goes wrong: this package beside others, against references in many digits.

    pip install ./crates/python torch mpmath torchspd spd_learn
    python crates/python/benches/degenerate.py

Each row is a function and a kind of matrix F; each cell the relative error of the gradient in the Frobenius norm, absolute where the
reference is zero, or what came in its place. References: log and root of FᵀF + 10⁻³ I by divided differences in 120 digits, each held
against a central difference; the polar factor by central differences of step 10⁻³⁰; the projector by the formula of Golub and Pereyra
from exact factors, along changes that keep the rank. A library that is not there is left out, with a line that says so.
"""

import importlib.metadata
import os
import subprocess
import sys
import warnings

import mpmath as mp
import numpy as np
import torch

import matbackprop
import matbackprop.torch as mt

FOLDER = os.path.dirname(os.path.abspath(__file__))
CORE = os.path.join(FOLDER, "..", "..", "matbackprop-core")
sys.path[:0] = [os.path.join(CORE, "benches"), os.path.join(CORE, "tests", "reference")]
import compare_gradients as exact  # noqa: E402
import degenerate as reference  # noqa: E402
import gradient_peers as peers  # noqa: E402

EPSILON = 1e-3
#: Less than three digits are right.
WRONG = 1e-3
RANDOM = np.random.Generator(np.random.PCG64(5))


def whole(rows, columns):
    """Small whole numbers, whose products are exact."""
    return RANDOM.integers(1, 9, (rows, columns)).astype(float)


def inputs():
    """Kind, and X and Y with F = XY exact."""
    one = np.eye(8)
    dead = np.delete(one, 3, axis=0)
    yield "generic, 12 × 8", RANDOM.standard_normal((12, 8)), one
    yield "pairs of equal values", reference.spectrum(reference.REPEATED, 12, 8)(RANDOM), one
    yield "all values equal", reference.tall_diagonal([2.0] * 8, 12), one
    yield "rank 1", whole(12, 1), whole(1, 8)
    yield "zero", np.zeros((12, 8)), None
    yield "wide, 8 × 12", np.eye(8), whole(8, 12)
    yield "a dead channel", np.maximum(RANDOM.standard_normal((12, 7)), 0.0), dead


def by_gram(value):
    """A function of FᵀF + εI by one of a symmetric matrix."""

    def of(name, f):
        return value(name, f.mT @ f + EPSILON * torch.eye(f.shape[1], dtype=f.dtype))

    return of


def polar_by_svd(f):
    u, _, vh = torch.linalg.svd(f, full_matrices=False)
    return u @ vh


def columns():
    """Functions of a name and F, by column; ``KeyError`` where a library lacks one."""
    ours = {"polar": lambda f: mt.polar(f).W, "projector": mt.projector}
    plain = {"polar": polar_by_svd, "projector": peers.PROJECTORS["SVD, cut at the rank"]}
    found = {"matbackprop": lambda name, f: mt.cov_pool(f, EPSILON, name) if name in ("log", "sqrt") else ours[name](f)}
    spd = peers.symmetric_peers()
    found["autograd"] = lambda name, f: by_gram(peers.by_eigh)(name, f) if name in ("log", "sqrt") else plain[name](f)
    for library in ("torchspd", "spd_learn", "matrix_sqrth"):
        if library not in spd:
            print(f"left out: {library}")
            continue
        title = "torch.linalg.matrix_sqrth" if library == "matrix_sqrth" else library

        def of(name, f, value=spd[library], library=library):
            if name == "polar" and library != "matrix_sqrth":
                wide = f.shape[0] < f.shape[1]
                return value("inverse_sqrt", f @ f.mT) @ f if wide else f @ value("inverse_sqrt", f.mT @ f)
            if name not in ("log", "sqrt"):
                raise KeyError(name)
            return by_gram(value)(name, f)

        found[title] = of
    return found


def expected_of(name, x, y, f, g):
    """The gradient in many digits; ``None`` where there is none."""
    if name in ("log", "sqrt"):
        return reference.reference(name, EPSILON, f, g)[1]
    if name == "polar":
        smaller = f if f.shape[0] >= f.shape[1] else f.T
        if y is None or np.linalg.matrix_rank(f) < smaller.shape[1]:
            return None
        found = exact.svd_reference("svd_polar", 0, smaller, g if smaller is f else g.T)
        return found if smaller is f else found.T
    if y is None:
        return np.zeros_like(f)
    found = exact.low_rank_reference("projector", x, y, g)
    # Of a projector that is the identity: zero, up to rounding.
    return found if np.linalg.norm(found) > 1e-60 else np.zeros_like(f)


def cell(value, f, g, expected):
    """The error of a gradient, or what came in its place."""
    leaf = torch.tensor(f, requires_grad=True)
    try:
        (found,) = torch.autograd.grad((torch.tensor(g) * value(leaf)).sum(), leaf)
    except KeyError:
        return "–"
    except (RuntimeError, ValueError, AssertionError) as error:
        return "an error" if isinstance(error, matbackprop.MatbackpropError) else "**an error**"
    found = found.numpy()
    if not np.isfinite(found).all():
        return "**NaN**" if np.isnan(found).any() else "**∞**"
    if expected is None:
        largest = np.abs(found).max()
        return f"**numbers up to {largest:.0e}**" if largest else "**0**"
    error = reference.relative_error(found, expected)
    text = f"{error:.1e}" if error else "0"
    return f"**{text}**" if error >= WRONG else text


def versions():
    names = ["torch", "torchspd", "spd_learn", "mpmath", "numpy"]
    found = [f"matbackprop {matbackprop.__version__}"]
    for name in names:
        try:
            found.append(f"{name} {importlib.metadata.version(name)}")
        except importlib.metadata.PackageNotFoundError:
            pass
    commit = subprocess.run(
        ["git", "-C", FOLDER, "rev-parse", "--short", "HEAD"], capture_output=True, text=True
    ).stdout
    return f"{', '.join(found)}; commit {commit.strip() or 'unknown'}"


def main():
    warnings.simplefilter("ignore")
    torch.set_num_threads(1)
    mp.mp.dps = reference.DIGITS
    table = columns()
    print(versions(), end="\n\n")
    print("| gradient of | F | " + " | ".join(table) + " |")
    print("| --- |" * 1 + " --- |" * (1 + len(table)))
    titles = {
        "log": "log(FᵀF + εI)",
        "sqrt": "(FᵀF + εI)^½",
        "polar": "polar factor",
        "projector": "projector onto columns",
    }
    kinds = list(inputs())
    for name, title in titles.items():
        for kind, x, y in kinds:
            f = x if y is None else x @ y
            shape = {"polar": f.shape, "projector": (len(f), len(f))}.get(name, (f.shape[1], f.shape[1]))
            g = np.round(RANDOM.standard_normal(shape), 2)
            expected = expected_of(name, x, y, f, g)
            kind = f"{kind}: no gradient exists" if expected is None else kind
            cells = [cell(lambda f, of=of: of(name, f), f, g, expected) for of in table.values()]
            print(f"| {title} | {kind} | " + " | ".join(cells) + " |", flush=True)


if __name__ == "__main__":
    main()
