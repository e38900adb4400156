#!/usr/bin/env bash
# ci/setup-wasm.sh [ENV_FILE]: makes wasm32-unknown-unknown buildable, for the step `wasm` of `cargo xtask check`.
#
# Ordinary machine: `rustup target add`, and nothing more to do. Where that fails, or with FORCE_DEBIAN=1 (Debian 12,
# x86-64, no root needed; about 80 s, 138 MB to fetch, 549 MB on disk, nothing when repeated): Debian's rustc-web and
# rust-web-src are unpacked into a prefix of their own and the standard library is built once. ENV_FILE then names that
# compiler: `. ENV_FILE` before `cargo xtask check`, which uses it for this one step.
set -euo pipefail
T=wasm32-unknown-unknown
PREFIX=${WASM_PREFIX:-${XDG_CACHE_HOME:-$HOME/.cache}/rust-wasm}; ENVF=${1:-$PREFIX/env.sh}
mkdir -p "$PREFIX" "$(dirname "$ENVF")"
if [ -z "${FORCE_DEBIAN:-}" ] && rustup target add $T; then : > "$ENVF"; exit 0; fi
if [ ! -e "$PREFIX/ok" ]; then
  rm -rf "${PREFIX:?}"/*; mkdir -p "$PREFIX/debs" "$PREFIX/bin"; U=$PREFIX/root/usr
  [ "$(id -u)" != 0 ] || apt-get update -qq || true
  dep() { apt-cache depends "$1" | sed -n "s/.*Depends: \($2\)\$/\1/p" | head -1; }
  STD=$(dep libstd-rust-web-dev 'libstd-rust-web-[0-9.]*'); LLVM=$(dep "$STD" 'libllvm[0-9]*')
  (cd "$PREFIX/debs" && apt-get download -o APT::Sandbox::User=root \
     rustc-web libstd-rust-web-dev "$STD" "$LLVM" "lld-${LLVM#libllvm}" rust-web-src)
  mkdir -p "$PREFIX/root"
  for d in "$PREFIX"/debs/*.deb; do case $d in
    */rust-web-src_*) dpkg-deb --fsys-tarfile "$d" | tar -xC "$PREFIX/root" --wildcards './usr/lib/*' './usr/src/rustc-*/library' ;;
    *) dpkg -x "$d" "$PREFIX/root" ;; esac; done; rm -rf "$PREFIX/debs"
  wrap() { printf '#!/bin/sh\nLD_LIBRARY_PATH=%s exec %s "$@"\n' "$U/lib/x86_64-linux-gnu" "$1" > "$2"; chmod +x "$2"; }
  wrap "$U/bin/rustc" "$PREFIX/bin/rustc"; wrap "$U/bin/rustdoc" "$PREFIX/bin/rustdoc"
  HB=$U/lib/rustlib/x86_64-unknown-linux-gnu/bin; mkdir -p "$HB"   # rustc looks for rust-lld here
  wrap "$(ls "$U"/lib/llvm-*/bin/lld)" "$HB/rust-lld"
  TD=$PREFIX/std-build
  RUSTC_BOOTSTRAP=1 RUSTC=$PREFIX/bin/rustc CARGO_TARGET_DIR=$TD \
  RUSTFLAGS="-Cembed-bitcode=yes -Zforce-unstable-if-unmarked" cargo build --release --target $T \
    --manifest-path "$(ls -d "$U"/src/rustc-*/library/sysroot/Cargo.toml)"
  mkdir -p "$U/lib/rustlib/$T/lib"; cp "$TD/$T/release/deps/"lib*.rlib "$U/lib/rustlib/$T/lib/"
  rm -rf "$TD"; touch "$PREFIX/ok"
fi
echo "export MATBACKPROP_WASM_RUSTC=$PREFIX/bin/rustc" > "$ENVF"
echo "wasm compiler: $("$PREFIX/bin/rustc" -V); source $ENVF"
