"""What others offer where ours are compared, as functions of tensors: `compare_gradients.py` takes their gradients.

Every library is optional, PyTorch and numpy are not. A function of a symmetric matrix is `value(name, a)` for a name of
`FUNCTIONS`; `KeyError` says that a library lacks it.
"""
import importlib.metadata
import sys

import numpy as np
import torch

FUNCTIONS = ("log", "sqrt", "inverse_sqrt")


def apply(library, name, x):
    return {"log": library.log, "sqrt": library.sqrt, "inverse_sqrt": lambda x: 1 / library.sqrt(x)}[name](x)


def by_eigh(name, a):
    values, v = torch.linalg.eigh(a)
    return (v * apply(torch, name, values).unsqueeze(-2)) @ v.mT


# The twelve lines that one finds in many repositories, in their most careful form: log1p, and no threshold.


def difference(name, low, high):
    """f[a, b] for a = low, b = high, and f′(a) where they are equal."""
    if name == "sqrt":
        return 1 / (low.sqrt() + high.sqrt())
    if name == "inverse_sqrt":
        return -1 / (low.sqrt() * high.sqrt() * (low.sqrt() + high.sqrt()))
    equal = low == high
    gap = torch.where(equal, 1.0, high - low)
    return torch.where(equal, 1 / low, torch.log1p(gap / low) / gap)


class ByHand(torch.autograd.Function):
    @staticmethod
    def forward(ctx, a, name):
        values, v = torch.linalg.eigh(a)
        ctx.name = name
        ctx.save_for_backward(values, v)
        return (v * apply(torch, name, values).unsqueeze(-2)) @ v.mT

    @staticmethod
    def backward(ctx, c_bar):
        values, v = ctx.saved_tensors
        low, high = torch.minimum(values.unsqueeze(-1), values.unsqueeze(-2)), torch.maximum(values.unsqueeze(-1), values.unsqueeze(-2))
        core = difference(ctx.name, low, high) * (v.mT @ ((c_bar + c_bar.mT) / 2) @ v)
        return v @ core @ v.mT, None


class ByHandTwice(ByHand):
    """The same, decomposed again on the way back, so that a second derivative sees the matrix."""

    @staticmethod
    def forward(ctx, a, name):
        ctx.name = name
        ctx.save_for_backward(a)
        return by_eigh(name, a)

    @staticmethod
    def backward(ctx, c_bar):
        values, v = torch.linalg.eigh(ctx.saved_tensors[0])
        low, high = torch.minimum(values.unsqueeze(-1), values.unsqueeze(-2)), torch.maximum(values.unsqueeze(-1), values.unsqueeze(-2))
        core = difference(ctx.name, low, high) * (v.mT @ ((c_bar + c_bar.mT) / 2) @ v)
        return v @ core @ v.mT, None


def of_library(functions):
    return lambda name, a: functions[name](a)


def symmetric_peers():
    """Functions of a symmetric matrix, by column of the tables."""
    peers = {"by hand": lambda name, a: ByHand.apply(a, name)}
    try:
        import torchspd

        peers["torchspd"] = of_library({"log": torchspd.logm, "sqrt": torchspd.sqrtm, "inverse_sqrt": torchspd.invsqrtm})
    except ImportError as error:
        print(f"left out: {error}")
    try:
        from spd_learn.functional import matrix_inv_sqrt, matrix_log, matrix_sqrt

        peers["spd_learn"] = of_library({"log": matrix_log.apply, "sqrt": matrix_sqrt.apply, "inverse_sqrt": matrix_inv_sqrt.apply})
    except ImportError as error:
        print(f"left out: {error}")
    if hasattr(torch.linalg, "matrix_sqrth"):
        peers["matrix_sqrth"] = of_library({"sqrt": torch.linalg.matrix_sqrth})
    peers["torch eigh"] = by_eigh
    try:
        from geoopt import linalg

        peers["geoopt"] = of_library({"log": linalg.sym_logm, "sqrt": linalg.sym_sqrtm, "inverse_sqrt": linalg.sym_inv_sqrtm1})
    except ImportError as error:
        print(f"left out: {error}")
    try:
        from pyriemann.utils.base import invsqrtm, logm, sqrtm

        peers["pyriemann"] = of_library({"log": logm, "sqrt": sqrtm, "inverse_sqrt": invsqrtm})
    except ImportError as error:
        print(f"left out: {error}")
    return peers


def gradient_of(loss, x):
    """The gradient by autograd, as an array."""
    x = torch.tensor(x, requires_grad=True)
    return torch.autograd.grad(loss(x), x)[0].numpy()


def inner(g, x):
    return (torch.tensor(g, dtype=x.dtype) * x).sum()


# Functions of FᵀF + εI: gradient(name, ε, F, G), in the precision of F.


def of_gram(value):
    def gradient(name, epsilon, f, g):
        ridge = lambda f: f.mT @ f + epsilon * torch.eye(f.shape[1], dtype=f.dtype)
        return gradient_of(lambda f: inner(g, value(name, ridge(f))), f)

    return gradient


def gram_by_svd(library, svd, name, epsilon, f, complement):
    """V f(σ² + ε) Vᵀ; with `complement`, V (f(σ² + ε) − f(ε)) Vᵀ + f(ε) I, which wide F need and null directions like."""
    _, sigma, vt = svd(f, full_matrices=False)
    if not complement and len(sigma) == f.shape[1]:
        return (vt.T * apply(library, name, sigma**2 + epsilon)) @ vt
    zero = float(apply(np, name, np.float64(epsilon)))
    return (vt.T * (apply(library, name, sigma**2 + epsilon) - zero)) @ vt + zero * library.eye(f.shape[1], dtype=f.dtype)


def gram_torch_svd(complement):
    by_svd = lambda name, epsilon, f: gram_by_svd(torch, torch.linalg.svd, name, epsilon, f, complement)
    return lambda name, epsilon, f, g: gradient_of(lambda f: inner(g, by_svd(name, epsilon, f)), f)


def jax_peers():
    try:
        import jax
    except ImportError as error:
        print(f"left out: {error}")
        return {}, None
    jax.config.update("jax_enable_x64", True)
    jax.config.update("jax_platforms", "cpu")
    jnp = jax.numpy

    def by_eigh(name, epsilon, f):
        values, v = jnp.linalg.eigh(f.T @ f + epsilon * jnp.eye(f.shape[1], dtype=f.dtype))
        return (v * apply(jnp, name, values)) @ v.T

    by_svd = lambda name, epsilon, f: gram_by_svd(jnp, jnp.linalg.svd, name, epsilon, f, False)
    back = lambda value: lambda name, epsilon, f, g: np.asarray(jax.grad(lambda f: (g * value(name, epsilon, f)).sum())(jnp.array(f)))
    return {"jax eigh": back(by_eigh), "jax svd": back(by_svd)}, jax


def gram_peers(reference):
    """`reference`: tests/reference/degenerate.py, whose SVD with divided differences is one of the columns."""
    svd = lambda f, full_matrices: [x.numpy() for x in torch.linalg.svd(torch.tensor(f), full_matrices)]
    peers = {"SVD by hand": lambda name, epsilon, f, g: reference.numpy_svd(name, epsilon, f, g, svd)}
    peers.update((name, of_gram(value)) for name, value in symmetric_peers().items())
    peers["torch svd"] = gram_torch_svd(False)
    peers["torch svd, f - f(0)"] = gram_torch_svd(True)
    peers.update(jax_peers()[0])
    return peers


# Second order: the product of the Hessian of ½ ‖f(A) − G‖² with W.


def hessian_product(value):
    def product(name, a, g, w):
        a = torch.tensor(a, requires_grad=True)
        loss = ((value(name, a) - torch.tensor(g)) ** 2).sum() / 2
        (a_bar,) = torch.autograd.grad(loss, a, create_graph=True)
        return torch.autograd.grad(inner(w, a_bar), a)[0].numpy()

    return product


# Losses of a thin SVD, polar factors: gradient(loss, A, G).


def svd_value(loss, count, a):
    u, sigma, vt = torch.linalg.svd(a, full_matrices=False)
    return u[:, :count] @ u[:, :count].mT if loss == "svd_subspace" else (u * (torch.log1p(sigma) if loss == "svd_log" else 1)) @ vt


def polar_by(value):
    """A (AᵀA)^−½ for the polar factor; there is none for the other losses."""

    def polar(loss, count, a):
        if loss not in ("svd_polar", "polar"):
            raise KeyError(loss)
        return value(a)

    return polar


def svd_peers():
    values = {"torch svd": svd_value}
    if hasattr(torch.linalg, "polar"):
        values["torch.linalg.polar"] = polar_by(lambda a: torch.linalg.polar(a)[0])
    spd = symmetric_peers()
    for name in ("by hand", "torchspd", "spd_learn"):
        if name in spd:
            values[f"A (AᵀA)^−½, {name}"] = polar_by(lambda a, name=name: a @ spd[name]("inverse_sqrt", a.mT @ a))
    peers = {name: lambda loss, count, a, g, value=value: gradient_of(lambda a: inner(g, value(loss, count, a)), a) for name, value in values.items()}
    _, jax = jax_peers()
    if jax is not None:
        jnp = jax.numpy

        def value(loss, count, a):
            u, sigma, vt = jnp.linalg.svd(a, full_matrices=False)
            return u[:, :count] @ u[:, :count].T if loss == "svd_subspace" else (u * (jnp.log1p(sigma) if loss == "svd_log" else 1)) @ vt

        peers["jax svd"] = lambda loss, count, a, g: np.asarray(jax.grad(lambda a: (g * value(loss, count, a)).sum())(jnp.array(a)))
    return peers


# Projectors and pseudo-inverses: gradient(A, G).


def kept(a):
    """Singular vectors up to the rank that torch finds."""
    u, sigma, vt = torch.linalg.svd(a, full_matrices=False)
    r = int(torch.linalg.matrix_rank(a.detach()))
    return u[:, :r], sigma[:r], vt[:r]


def by_cholesky(a):
    factor = torch.linalg.cholesky(a.mT @ a)
    return torch.cholesky_solve(a.mT, factor)


def svd_cut(a):
    u, sigma, vt = kept(a)
    return (vt.mT / sigma) @ u.mT


PROJECTORS = {
    "pinv": lambda a: a @ torch.linalg.pinv(a),
    "SVD, cut at the rank": lambda a: kept(a)[0] @ kept(a)[0].mT,
    "QR": lambda a: torch.linalg.qr(a)[0] @ torch.linalg.qr(a)[0].mT,
    "Cholesky": lambda a: a @ by_cholesky(a),
}
PSEUDO_INVERSES = {"pinv": torch.linalg.pinv, "SVD, cut at the rank": svd_cut, "Cholesky": by_cholesky}


def dense_ncuts(assignment, segments):
    """½ ‖Π_A − Π_N‖² with n × n matrices: N = D^−½ F Fᵀ D^−½, Π_N = N N⁺."""

    def loss(f):
        w = f @ f.sum(0)
        n = (f @ f.mT) / (w.unsqueeze(1) * w).sqrt()
        segment = torch.nn.functional.one_hot(torch.tensor(assignment), segments).to(f.dtype) * w.sqrt().unsqueeze(1)
        basis = segment / segment.pow(2).sum(0).sqrt()
        return ((basis @ basis.mT - n @ torch.linalg.pinv(n, hermitian=True)) ** 2).sum() / 2

    return loss


def versions(names):
    found = {"python": sys.version.split()[0]}
    for name in names:
        try:
            found[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            pass
    return found
