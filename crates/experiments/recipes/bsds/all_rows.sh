#!/usr/bin/env bash
# Every row of the comparison on BSDS500, trained where its recipe says so and then measured on val. What is done is not
# done again, and a training that was stopped goes on from its last checkpoint.
#
#   cargo build --release
#   crates/experiments/recipes/bsds/all_rows.sh BSDS_DIR WEIGHTS_DIR RUNS_DIR [ROW…]
#
# WEIGHTS_DIR holds vgg16_features_f16.safetensors and efficientnet_lite0_f16.safetensors; with
# alexnet-owt-7be5be79.safetensors (torchvision's AlexNet, converted by you) its rows run too. The rows felzenszwalb and
# recursive-ncut need PYTHON (default python3) with scikit-image; gpb-owt-ucm needs its authors' contour maps in UCM2_DIR.
# One run at a time, on one core. RUNS_DIR/ROW.log tells how it goes; RUNS_DIR/table.txt holds a line a row at the end:
# average covering, ODS and OIS.
set -euo pipefail
if [ $# -lt 3 ]; then
  sed -n '2,13s/^# \{0,1\}//p' "$0" >&2
  exit 2
fi
data=$1 weights=$2 runs=$3
shift 3
program=${MATBACKPROP:-target/release/matbackprop}
recipes=$(dirname "$0")
rows=("$@")
if [ ${#rows[@]} -eq 0 ]; then
  rows=(intervening-contour felzenszwalb recursive-ncut gpb-owt-ucm)
  for trunk in lite0 vgg16 alexnet; do
    for file in "$recipes/$trunk"-untrained*.toml; do rows+=("$(basename "$file" .toml)"); done
    rows+=("$trunk-ncuts" "$trunk-ncuts-tuned" "$trunk-eigenvectors")
  done
fi
mkdir -p "$runs"
export RAYON_NUM_THREADS=1

trunk_weights() {
  case $1 in
    lite0-*) echo "$weights/efficientnet_lite0_f16.safetensors" ;;
    vgg16-*) echo "$weights/vgg16_features_f16.safetensors" ;;
    alexnet-*) echo "$weights/alexnet-owt-7be5be79.safetensors" ;;
  esac
}

# Where the photographs of val lie: data/README.md tells both layouts.
photographs() {
  if [ -d "$data/images/val" ]; then echo "$data/images/val"; else echo "$data/BSDS500/data/images/val"; fi
}

measure() {
  "$program" eval bsds --data "$data" --split val "$@" >"$run/val.partial"
  mv "$run/val.partial" "$run/val.txt"
}

train() {
  local resume=()
  [ ! -f "$run/network.safetensors" ] || return 0
  [ ! -f "$run/checkpoint.safetensors" ] || resume=(--resume)
  "$program" train ncuts --recipe "$1" --data "$data" --out "$run" "${@:2}" "${resume[@]}"
}

# A row: what is made, and its measure.
one_row() {
  set -e
  local row=$1 file=$2 run=$runs/$1
  mkdir -p "$run"
  case $row in
    felzenszwalb | recursive-ncut)
      "${PYTHON:-python3}" "$recipes/outside_references.py" "$row" "$(photographs)" "$run/segmentations"
      measure --segs "$run/segmentations" ;;
    gpb-owt-ucm) measure --ucm "$UCM2_DIR" ;;
    *-untrained*) measure --recipe "$row" --trunk-weights "$file" ;;
    *-tuned)
      train "$row" --init-from "$runs/${row%-tuned}"
      measure --run "$run" ;;
    *-ncuts | *-eigenvectors)
      train "$row" --trunk-weights "$file"
      measure --run "$run" ;;
    *) measure --recipe "$row" ;;
  esac
}

failed=0
for row in "${rows[@]}"; do
  file=$(trunk_weights "$row")
  if [ -f "$runs/$row/val.txt" ]; then continue; fi
  if [ -n "$file" ] && [ ! -f "$file" ]; then
    echo "$row: there is no $file, so it is left out" >&2
    continue
  fi
  if [ "$row" = gpb-owt-ucm ] && [ -z "${UCM2_DIR:-}" ]; then
    echo "$row: UCM2_DIR is not set, so it is left out" >&2
    continue
  fi
  began=$SECONDS
  # In a process of its own: its failure is the row's, not the script's.
  (one_row "$row" "$file") >"$runs/$row.log" 2>&1 &
  if ! wait $!; then
    echo "$row: failed; $runs/$row.log tells why" >&2
    failed=1
    continue
  fi
  echo "$row: $(grep '^average covering' "$runs/$row/val.txt") ($((SECONDS - began)) s)"
done
for run in "$runs"/*/val.txt; do
  [ -f "$run" ] || continue
  echo "$(basename "$(dirname "$run")") $(grep '^average covering' "$run")"
done >"$runs/table.txt"
exit $failed
