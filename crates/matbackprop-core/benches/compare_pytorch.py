"""The rules beside PyTorch: the same matrices, in turn, in one run, on one core, f64.

    pip install torch numpy scipy
    cargo build --release -p matbackprop-core --features matbackprop-core/rayon -p ncuts --example rule_speed --example layer_speed
    python crates/matbackprop-core/benches/compare_pytorch.py [--rounds 5] [--seconds 0.3] [--only gram]

Each round runs every method of a case once: ours in a process of its own, PyTorch's in this one, `--seconds` a
measurement after a first call that does not count. Values and gradients of ours and of PyTorch's soundest method have to
agree to 1e-9; the error of its other methods against that one is printed. A few pairs of a pencil, which PyTorch has no
way to ask for, are beside scipy's too, whose gradients are written by hand; set OMP_NUM_THREADS=1 for its threads. Times
are wall milliseconds, best and median over all rounds; ratios above 1 mean that ours is faster than PyTorch's fastest.
Where a case says what its products alone cost, that is the time of the products that no way of ours or PyTorch's avoids,
by the same library as ours: a bound on the ratio. Run it on a quiet machine.
"""
import argparse
import json
import os
import platform
import subprocess
import tempfile
import time

import numpy as np
import torch

TOLERANCE = 1e-9
EPSILON = 1e-3
TARGET = os.environ.get("CARGO_TARGET_DIR", "target")


# PyTorch's methods: each takes the case's tensors and `back`, and returns the value and, where `back`, the gradient.


def by_autograd(leaf, value, loss):
    """The method of a user who writes the forward pass."""

    def method(tensors, back):
        x = tensors[leaf].detach().requires_grad_(back)
        with torch.set_grad_enabled(back):
            y = value(x, tensors)
            if not back:
                return y, None
            (gradient,) = torch.autograd.grad(loss(y, tensors), x)
        return y, gradient

    return method


def transposed(a):
    return a.transpose(-1, -2)


def gram_methods():
    def eigh(f, tensors):
        values, v = torch.linalg.eigh(transposed(f) @ f + EPSILON * torch.eye(f.shape[-1]))
        return (v * values.log().unsqueeze(-2)) @ transposed(v)

    def svd(f, tensors):
        _, sigma, vt = torch.linalg.svd(f, full_matrices=False)
        zero = np.log(EPSILON) if f.shape[-2] < f.shape[-1] else 0.0
        c = (transposed(vt) * ((sigma**2 + EPSILON).log() - zero).unsqueeze(-2)) @ vt
        return c + zero * torch.eye(f.shape[-1]) if zero else c

    def differences(low, high, gap):
        equal = gap == 0
        return torch.where(equal, 1 / low, torch.log1p(gap / low) / torch.where(equal, 1.0, gap))

    def pairs(x):
        return torch.minimum(x.unsqueeze(-1), x.unsqueeze(-2)), torch.maximum(x.unsqueeze(-1), x.unsqueeze(-2))

    def eigh_by_hand(tensors, back):
        f, g = tensors["F"], tensors["G"]
        values, v = torch.linalg.eigh(transposed(f) @ f + EPSILON * torch.eye(f.shape[-1]))
        c = (v * values.log().unsqueeze(-2)) @ transposed(v)
        if not back:
            return c, None
        low, high = pairs(values)
        core = differences(low, high, high - low) * (transposed(v) @ (0.5 * (g + transposed(g))) @ v)
        return c, 2 * (f @ (v @ core @ transposed(v)))

    def svd_by_hand(tensors, back):
        f, g = tensors["F"], tensors["G"]
        u, sigma, vt = torch.linalg.svd(f, full_matrices=False)
        v, wide = transposed(vt), f.shape[-2] < f.shape[-1]
        zero = np.log(EPSILON) if wide else 0.0
        c = (v * ((sigma**2 + EPSILON).log() - zero).unsqueeze(-2)) @ vt
        if wide:
            c = c + zero * torch.eye(f.shape[-1])
        if not back:
            return c, None
        low, high = pairs(sigma)
        sv = 0.5 * (g + transposed(g)) @ v
        core = vt @ sv
        right = (differences(low**2 + EPSILON, high**2 + EPSILON, (high - low) * (high + low)) * core) @ vt
        if wide:
            from_zero = torch.log1p(sigma**2 / EPSILON) / sigma**2
            right = right + from_zero.unsqueeze(-1) * transposed(sv - v @ core)
        return c, 2 * (u * sigma.unsqueeze(-2)) @ right

    loss = lambda c, tensors: (tensors["G"] * c).sum()
    return {
        "svd, by hand": svd_by_hand,
        "eigh, by hand": eigh_by_hand,
        "svd, autograd": by_autograd("F", svd, loss),
        "eigh, autograd": by_autograd("F", eigh, loss),
    }


def sym_eig_methods():
    def method(tensors, back):
        c, x = tensors["c"], tensors["x"]
        a = tensors["A"].detach().requires_grad_(back)
        with torch.set_grad_enabled(back):
            values, v = torch.linalg.eigh(a)
            if not back:
                return values, None
            (gradient,) = torch.autograd.grad((c * (values.unsqueeze(-1) + (v.T @ x) ** 2)).sum(), a)
        return values.detach().unsqueeze(-1), 0.5 * (gradient + gradient.T)

    return {"eigh, autograd": method}


def thin_svd_methods():
    def method(tensors, back):
        c, x, y = tensors["c"], tensors["x"], tensors["y"]
        a = tensors["A"].detach().requires_grad_(back)
        with torch.set_grad_enabled(back):
            u, sigma, vt = torch.linalg.svd(a, full_matrices=False)
            if not back:
                return sigma, None
            (gradient,) = torch.autograd.grad((c * (sigma.unsqueeze(-1) + (u.T @ x) * (vt @ y))).sum(), a)
        return sigma.detach().unsqueeze(-1), gradient

    return {"svd, autograd": method}


def values_methods():
    """Without vectors there is no way back: both is the same call."""

    def method(tensors, back):
        values = torch.linalg.svdvals(tensors["A"]).unsqueeze(-1)
        return values, values if back else None

    return {"svdvals": method}


def pencil_methods(below):
    """The smallest pairs of A v = λ B v, as many as c has entries, and Ā above B̄; `below` is a shift below the spectrum."""
    import scipy.linalg
    import scipy.sparse.linalg

    def bordered(a, b, value, v, right):
        """z of (λ B − A) z = (I − B v vᵀ) x with vᵀ B z = 0, by one system."""
        bv = b @ v
        system = np.block([[value * b - a, bv[:, None]], [bv[None, :], np.zeros((1, 1))]])
        return np.linalg.solve(system, np.append(right - bv * (v @ right), 0.0))[:-1]

    def by_hand(pairs):
        def method(tensors, back):
            a, b, c, x = (tensors[key].numpy() for key in "ABcx")
            values, v = pairs(a, b, len(c))
            column = torch.tensor(values).unsqueeze(-1)
            if not back:
                return column, None
            c, x = c[:, 0], x[:, 0]
            v_bar = 2 * np.outer(x, c * (x @ v))
            z = np.stack([bordered(a, b, values[j], v[:, j], v_bar[:, j]) for j in range(len(c))], 1)
            t = v.T @ v_bar
            gaps = values[None, :] - values[:, None]
            r = np.divide(0.5 * (t - t.T), gaps, out=np.zeros_like(t), where=gaps != 0)
            # z holds no part along kept vectors other than its own.
            z -= v @ (v.T @ (b @ z))
            mean = 0.5 * (values[None, :] + values[:, None])
            left = [v @ (np.diag(c) + r) + z, -(v @ (np.diag(values * c) + mean * r + 0.25 * (t + t.T)) + z * values)]
            dense = [0.5 * (x @ v.T + v @ x.T) for x in left]
            return column, torch.tensor(np.vstack(dense))

        return method

    def by_torch(tensors, back):
        c, x = tensors["c"], tensors["x"]
        a, b = (tensors[key].detach().requires_grad_(back) for key in "AB")
        with torch.set_grad_enabled(back):
            root = torch.linalg.cholesky(b)
            half = torch.linalg.solve_triangular(root, a, upper=False)
            values, y = torch.linalg.eigh(torch.linalg.solve_triangular(root, half.mT, upper=False))
            values, y = values[: len(c)], y[:, : len(c)]
            if not back:
                return values.unsqueeze(-1), None
            v = torch.linalg.solve_triangular(root.mT, y, upper=True)
            bars = torch.autograd.grad((c * (values.unsqueeze(-1) + (v.mT @ x) ** 2)).sum(), (a, b))
        return values.detach().unsqueeze(-1), torch.cat([0.5 * (bar + bar.mT) for bar in bars])

    some = lambda a, b, k: scipy.linalg.eigh(a, b, subset_by_index=[0, k - 1])
    methods = {"scipy eigh, subset": by_hand(some), "torch eigh, autograd": by_torch}
    methods["scipy eigh, gvx"] = by_hand(lambda a, b, k: scipy.linalg.eigh(a, b, subset_by_index=[0, k - 1], driver="gvx"))
    methods["scipy eigsh"] = by_hand(lambda a, b, k: scipy.sparse.linalg.eigsh(a, k, b, which="SA", tol=1e-13))
    methods["scipy eigsh, shifted"] = by_hand(lambda a, b, k: scipy.sparse.linalg.eigsh(a, k, b, sigma=below, which="LM"))
    return methods


def ncuts_methods(segments, epsilon):
    """½ ‖Π_A − P‖² with P hard (epsilon None) or regularised, never n × n."""

    def normalised(f):
        w = f @ f.sum(0)
        n = len(w)
        assignment = torch.arange(n) * segments // n
        volumes = torch.zeros(segments).index_add(0, assignment, w)
        basis = torch.nn.functional.one_hot(assignment, segments).double() * (w / volumes[assignment]).sqrt().unsqueeze(1)
        return f / w.sqrt().unsqueeze(1), basis

    def hard(overlap, d):
        return 0.5 * (segments + d) - (overlap**2).sum()

    def qr(f, tensors):
        x, basis = normalised(f)
        return hard(basis.T @ torch.linalg.qr(x)[0], x.shape[1])

    def svd(f, tensors):
        x, basis = normalised(f)
        u, sigma, _ = torch.linalg.svd(x, full_matrices=False)
        if epsilon is None:
            return hard(basis.T @ u, x.shape[1])
        p = sigma**2 / (sigma**2 + epsilon)
        return 0.5 * (segments + (p**2).sum()) - (p * (basis.T @ u) ** 2).sum()

    def cholesky(f, tensors):
        x, basis = normalised(f)
        gram, projected = x.T @ x, x.T @ basis
        if epsilon is None:
            factor = torch.linalg.cholesky(gram)
            return hard(torch.linalg.solve_triangular(factor, projected, upper=False), x.shape[1])
        factor = torch.linalg.cholesky(gram + epsilon * torch.eye(x.shape[1]))
        p = torch.cholesky_solve(gram, factor)
        overlap = torch.linalg.solve_triangular(factor, projected, upper=False)
        return 0.5 * (segments + (p * p.T).sum()) - (overlap**2).sum()

    methods = {"svd": svd, "cholesky": cholesky} if epsilon else {"qr": qr, "svd": svd, "cholesky": cholesky}
    return {f"{name}, autograd": by_autograd("F", value, lambda y, tensors: y) for name, value in methods.items()}


# Cases: (name, kind, numbers for case.json, matrices, PyTorch's methods with the soundest first, cores).


def cases():
    random = np.random.Generator(np.random.PCG64(1))
    normal = random.standard_normal
    rectified = lambda n, d: np.maximum(normal((n, d)), 0.0)
    for n, d in [(169, 256), (784, 256), (196, 512)]:
        for features, f in [("Gaussian", normal((n, d))), ("ReLU", rectified(n, d))]:
            yield f"gram log {n} x {d}, {features}", "gram_log", {"epsilon": EPSILON, "count": 1}, {"F": f, "G": normal((d, d))}, gram_methods(), 1
    for n in [64, 128, 256, 512]:
        a = normal((n, n))
        yield f"sym_eig {n}", "sym_eig", {}, {"A": (a + a.T) / 2, "c": normal((n, 1)), "x": normal((n, 1))}, sym_eig_methods(), 1
    for n in [64, 128, 256, 512, 8, 16, 24, 32, 48]:
        matrices = {"A": normal((n, n)), "c": normal((n, 1)), "x": normal((n, 1)), "y": normal((n, 1))}
        yield f"thin_svd {n}", "thin_svd", {}, matrices, thin_svd_methods(), 1
        yield f"singular values {n}", "singular_values", {}, {"A": matrices["A"]}, values_methods(), 1
    grid = np.stack(np.meshgrid(np.arange(30.0), np.arange(30.0)), -1).reshape(-1, 2)
    near = np.exp(-((grid[:, None] - grid[None]) ** 2).sum(-1) / 20 - 0.05 * (normal((900, 1)) - normal((1, 900))) ** 2)
    near = (near + near.T) / 2
    degree = np.diag(near.sum(1))
    pencils = {"normalised cut of 30 x 30": (degree - near, degree, -1e-3)}
    for n in [300, 900]:
        a, f = normal((n, n)), normal((n, 2 * n))
        pencils[f"random, {n}"] = ((a + a.T) / 2, f @ f.T / n + np.eye(n), -2 * np.sqrt(n))
    for title, (a, b, below) in pencils.items():
        n = len(a)
        matrices = {"A": a, "B": b, "c": normal((2, 1)), "x": normal((n, 1))}
        yield f"two pairs of a pencil, {title}", "leading_generalised", {}, matrices, pencil_methods(below), 1
    n, d, k = 2400, 128, 10
    f = np.maximum(normal((n, d)) + 0.5, 0.0)
    yield f"ncuts hard {n} x {d}, k = {k}", "ncuts_hard", {"segments": k}, {"F": f}, ncuts_methods(k, None), 1
    yield f"ncuts regularised {n} x {d}, k = {k}", "ncuts_regularised", {"segments": k, "epsilon": 1e-4}, {"F": f}, ncuts_methods(k, 1e-4), 1
    for cores in range(1, min(2, os.cpu_count()) + 1):
        matrices = {"F": normal((32, 64, 64)), "G": normal((64, 64))}
        name = f"gram log, batch of 32 of 64 x 64, {cores} core{'s'[:cores - 1]}"
        yield name, "gram_log", {"epsilon": EPSILON, "count": 32}, matrices, gram_methods(), cores


def relative_error(found, expected):
    return float(np.linalg.norm(found - expected) / np.linalg.norm(expected))


def pin(cores):
    """One core, or as many as the case takes; where the system allows it."""
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, ALL_CORES[:cores])
    torch.set_num_threads(cores)


ALL_CORES = sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else list(range(os.cpu_count()))


def time_method(method, tensors, back, seconds):
    method(tensors, back)
    start, times = time.perf_counter(), []
    while len(times) < 3 or time.perf_counter() - start < seconds:
        begin = time.perf_counter()
        method(tensors, back)
        times.append(1e3 * (time.perf_counter() - begin))
    return times


def run_ours(kind, folder, seconds, cores):
    binary = "layer_speed" if kind.startswith("ncuts") else "rule_speed"
    command = [os.path.join(TARGET, "release", "examples", binary), folder, str(seconds)]
    return json.loads(subprocess.check_output(command, env={**os.environ, "RAYON_NUM_THREADS": str(cores)}))


def compare(case, options):
    name, kind, numbers, matrices, methods, cores = case
    with tempfile.TemporaryDirectory() as folder:
        stacked = {key: a.reshape(-1, a.shape[-1]) for key, a in matrices.items()}
        for key, a in stacked.items():
            a.astype("<f8").tofile(os.path.join(folder, f"{key}.f64"))
        with open(os.path.join(folder, "case.json"), "w") as file:
            json.dump({"kind": kind, "shapes": {key: a.shape for key, a in stacked.items()}, **numbers}, file)

        pin(cores)
        tensors = {key: torch.tensor(a) for key, a in matrices.items()}
        times = {method: {"forward": [], "both": []} for method in ["ours", *methods]}
        products = []
        for _ in range(options.rounds):
            ours = run_ours(kind, folder, options.seconds, cores)
            products += ours.get("products", [])
            for what in ("forward", "both"):
                times["ours"][what] += ours[what]
                for method in methods:
                    times[method][what] += time_method(methods[method], tensors, what == "both", options.seconds)

        numbers_of = lambda what: np.fromfile(os.path.join(folder, f"ours_{what}.f64"), "<f8")
        flat = lambda tensor: tensor.detach().numpy().ravel()
        sound = [flat(x) for x in next(iter(methods.values()))(tensors, True)]
        errors = {"ours": [relative_error(numbers_of(what), x) for what, x in zip(("value", "gradient"), sound)]}
        for method in methods:
            errors[method] = [relative_error(flat(x), y) for x, y in zip(methods[method](tensors, True), sound)]

    print(f"\n{name}   ({ours['allocations']} allocations, {ours['bytes'] / 1e6:.2f} MB a call of ours, forward and back)")
    print(f"  {'':20}{'forward best, median':>24}{'both best, median':>24}{'value off':>12}{'gradient off':>14}")
    for method in times:
        cells = [f"{min(times[method][what]):.3f}, {np.median(times[method][what]):.3f}" for what in ("forward", "both")]
        print(f"  {method:20}{cells[0]:>24}{cells[1]:>24}{errors[method][0]:>12.1e}{errors[method][1]:>14.1e}")
    ratios = {}
    for what in ("forward", "both"):
        for label, measure in (("best", min), ("median", np.median)):
            fastest = min(measure(times[method][what]) for method in methods)
            ratios[f"{what} {label}"] = fastest / measure(times["ours"][what])
    print("  PyTorch's fastest / ours: " + ", ".join(f"{key} {ratio:.2f}" for key, ratio in ratios.items()))
    if products:
        fastest = min(min(times[method]["both"]) for method in methods)
        alone = min(products)
        print(f"  unavoidable products alone: {alone:.3f}; with nothing else PyTorch's fastest / ours would be {fastest / alone:.2f}")
    # Written so that NaN fails.
    agree = max(errors["ours"]) <= TOLERANCE
    if not agree:
        print(f"  DISAGREE: expected errors up to {TOLERANCE:.0e}")
    return agree, ratios


def describe_machine():
    model = platform.processor() or platform.machine()
    try:
        with open("/proc/cpuinfo") as file:
            model = next(line.split(":", 1)[1].strip() for line in file if line.startswith("model name"))
    except (OSError, StopIteration):
        pass
    git = lambda *words: subprocess.run(["git", *words], capture_output=True, text=True).stdout.strip()
    changed = " with changes" if git("status", "--porcelain") else ""
    print(f"{model}, {os.cpu_count()} cores, {platform.system()}; torch {torch.__version__}; commit {git('rev-parse', '--short', 'HEAD')}{changed}")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=0.3, help="of a measurement; three runs at least")
    parser.add_argument("--only", default="", help="cases whose name contains this")
    options = parser.parse_args()
    torch.set_default_dtype(torch.float64)
    describe_machine()
    results = {}
    for case in cases():
        if options.only in case[0]:
            results[case[0]] = compare(case, options)
    print("\n| case | forward: PyTorch / ours, median | forward and back: PyTorch / ours, median |\n|---|---|---|")
    for name, (_, ratios) in results.items():
        print(f"| {name} | {ratios['forward median']:.2f} | {ratios['both median']:.2f} |")
    wrong = [name for name, (agree, _) in results.items() if not agree]
    if wrong:
        raise SystemExit(f"values or gradients disagree: {', '.join(wrong)}")


if __name__ == "__main__":
    main()
