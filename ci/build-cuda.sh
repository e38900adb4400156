#!/usr/bin/env bash
# ci/build-cuda.sh [CARGO_ARGUMENT…]: builds and links the feature `cuda` for real; without arguments the command line,
# by `cargo build --package matbackprop --features cuda`.
#
# A machine with a CUDA toolkit (nvcc on PATH, CUDA_ROOT or a usual place) builds with it. Elsewhere (x86-64 Linux,
# Python 3 with pip) NVIDIA's wheels from PyPI are installed into a prefix of their own: some 1.2 GB to fetch once, no root
# needed. Their libcuda is a stand-in to link against: what is built runs where there is a driver. CUDA_COMPUTE_CAP says
# for which GPU, 90 where there is none to ask.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
[ $# -gt 0 ] || set -- build --package matbackprop --features cuda
if ! command -v nvcc >/dev/null; then
  PREFIX=${CUDA_PREFIX:-${XDG_CACHE_HOME:-$HOME/.cache}/cuda-wheels}
  if [ ! -e "$PREFIX/ok" ]; then
    rm -rf "${PREFIX:?}"; python3 -m venv "$PREFIX"
    "$PREFIX/bin/pip" install --quiet nvidia-cuda-nvcc==13.0.88 nvidia-nvvm==13.0.88 nvidia-cuda-crt==13.0.88 \
      nvidia-cuda-runtime==13.0.96 nvidia-cuda-cccl==13.0.85 'nvidia-cublas>=13,<14' 'nvidia-cuda-nvrtc>=13,<14'
    root=$(echo "$PREFIX"/lib/python*/site-packages/nvidia/cu13)
    ln -s "$root" "$PREFIX/root"
    for library in "$root"/lib/lib*.so.*; do ln -sf "$(basename "$library")" "${library%%.so.*}.so"; done
    # A driver to link against: every function there is, each answering CUDA_ERROR_STUB_LIBRARY.
    mkdir -p "$root/lib64/stubs"
    symbols=$(grep -oh 'cu[A-Z][A-Za-z0-9_]*' "$root/include/cuda.h" | sort -u)
    for symbol in $symbols; do echo "int $symbol(void) { return 34; }"; done |
      cc -shared -fPIC -w -x c -Wl,-soname,libcuda.so.1 -o "$root/lib64/stubs/libcuda.so" -
    touch "$PREFIX/ok"
  fi
  export CUDA_ROOT=$PREFIX/root PATH=$PREFIX/root/bin:$PATH
fi
if ! command -v nvidia-smi >/dev/null; then
  # dfdx's build asks it for the GPU that kernels are compiled for.
  tools=$(mktemp -d); trap 'rm -rf "$tools"' EXIT
  printf '#!/bin/sh\necho compute_cap; echo %s.%s\n' "$(( ${CUDA_COMPUTE_CAP:-90} / 10 ))" "$(( ${CUDA_COMPUTE_CAP:-90} % 10 ))" >"$tools/nvidia-smi"
  chmod +x "$tools/nvidia-smi"; export PATH=$tools:$PATH
fi
export CUDA_COMPUTE_CAP=${CUDA_COMPUTE_CAP:-90}
cargo "$@"
