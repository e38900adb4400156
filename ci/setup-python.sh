#!/usr/bin/env bash
# ci/setup-python.sh: a virtual environment in target/python with maturin, ruff, pytest, NumPy, JAX and PyTorch, for the step `python`
# of `cargo xtask check`; nothing where it is there already. Needs Python 3.10 or newer with venv. PyTorch and what it brings take
# about 2 GB; without it, with --no-torch, its tests are skipped.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
environment=${CARGO_TARGET_DIR:-target}/python
wanted=(maturin==1.16.0 ruff==0.17.6 pytest numpy jax)
[ "${1:-}" = --no-torch ] || wanted+=(torch)
if ! [ -x "$environment/bin/python" ]; then
  python3 -c 'import sys; sys.exit(sys.version_info < (3, 10))' || {
    echo "expected Python 3.10 or newer, found $(python3 --version)" >&2
    exit 1
  }
  python3 -m venv "$environment"
fi
"$environment/bin/python" -m pip install --quiet --disable-pip-version-check "${wanted[@]}"
"$environment/bin/python" --version
