#!/usr/bin/env bash
# Feeds readers with broken files: ci/fuzz.sh TARGET [SECONDS], or without a target the list of them.
# Once before: cargo install cargo-fuzz. A C++ compiler is needed, a nightly Rust is not.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../crates/fuzz"
if [ $# -eq 0 ]; then
  ls fuzz_targets | sed 's/\.rs$//'
  exit
fi
target=$1
seconds=${2:-600}
# What is fuzzed is what is shipped: the workspace's versions, and libFuzzer's binding beside them.
cp ../../Cargo.lock Cargo.lock
mkdir -p "corpus/$target" "seeds/$target"
dictionary=()
if [ -f "dictionaries/$target.txt" ]; then
  dictionary=("-dict=dictionaries/$target.txt")
fi
# No sanitizer: the code is safe Rust, and stable Rust has none. What grows beyond 512 MB, or lasts 5 s, is a finding.
exec cargo fuzz run --fuzz-dir . -s none "$target" "corpus/$target" "seeds/$target" -- \
  "-max_total_time=$seconds" -rss_limit_mb=512 -malloc_limit_mb=128 -timeout=5 -print_final_stats=1 "${dictionary[@]}"
