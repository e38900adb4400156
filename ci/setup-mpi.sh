#!/usr/bin/env bash
# ci/setup-mpi.sh: an MPI and libclang, with which `cargo xtask check` builds and tests the features `mpi`. Debian
# and Ubuntu; nothing where they are there already. Elsewhere: any MPI with mpicc and mpirun in PATH.
set -euo pipefail
if command -v mpicc mpirun >/dev/null && compgen -G '/usr/lib/llvm-*/lib/libclang*.so*' >/dev/null; then
  mpirun --version | head -n 1
  exit 0
fi
root=()
[ "$(id -u)" = 0 ] || root=(sudo)
"${root[@]}" apt-get update -qq || true
"${root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -qq -y --no-install-recommends \
  libopenmpi-dev openmpi-bin libclang-dev >/dev/null
mpirun --version | head -n 1
