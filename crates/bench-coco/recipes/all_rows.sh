#!/usr/bin/env bash
# Every row of the comparison, one after another: trained, then measured on val. What is done is not done again, and a
# training that was stopped goes on from its last checkpoint.
#
#   cargo build --release
#   crates/bench-coco/recipes/all_rows.sh COCO_DIR WEIGHTS_DIR RUNS_DIR [ROW…]
#
# WEIGHTS_DIR holds vgg16_features_f16.safetensors and efficientnet_lite0_f16.safetensors; with
# alexnet-owt-7be5be79.safetensors (torchvision's AlexNet, converted by you) its rows run too. SEEDS (default "1 2 3")
# are those of the rows on pretrained trunks. RUNS_DIR/table.txt holds a line a run.
set -euo pipefail
if [ $# -lt 3 ]; then
  sed -n '2,11s/^# \{0,1\}//p' "$0" >&2
  exit 2
fi
data=$1 weights=$2 runs=$3
shift 3
program=${MATBACKPROP:-target/release/matbackprop}
seeds=${SEEDS:-1 2 3}
rows=("$@")
if [ ${#rows[@]} -eq 0 ]; then
  rows=(sift-o2p alexnet-s deep-o2p-s deep-o2p-fc-s)
  for trunk in lite0 vgg16 alexnet; do
    for row in first o2p o2p-fc; do rows+=("$trunk-$row" "$trunk-$row-tuned"); done
  done
  rows+=(lite0-o2p-fc-box vgg16-o2p-fc-box)
fi
mkdir -p "$runs"

trunk_weights() {
  case $1 in
    lite0-*) echo "$weights/efficientnet_lite0_f16.safetensors" ;;
    vgg16-*) echo "$weights/vgg16_features_f16.safetensors" ;;
    alexnet-s) ;;
    alexnet-*) echo "$weights/alexnet-owt-7be5be79.safetensors" ;;
  esac
}

for row in "${rows[@]}"; do
  file=$(trunk_weights "$row")
  if [ -n "$file" ] && [ ! -f "$file" ]; then
    echo "$row: left out, as there is no $file" >&2
    continue
  fi
  row_seeds=$seeds
  [ -n "$file" ] || row_seeds=${seeds%% *}
  for seed in $row_seeds; do
    run=$runs/$row-$seed
    start=()
    case $row in
      *-tuned) start=(--start "$runs/${row%-tuned}-$seed") ;;
      *) [ -z "$file" ] || start=(--trunk-weights "$file") ;;
    esac
    if [ ! -f "$run/network.safetensors" ]; then
      resume=()
      [ ! -f "$run/checkpoint.safetensors" ] || resume=(--resume)
      "$program" train o2p --model "$row" --data "$data" "${start[@]}" --out "$run" \
        --cache "$runs/cache" --seed "$seed" "${resume[@]}"
    fi
    if [ ! -f "$run/val.txt" ]; then
      "$program" eval coco --data "$data" --run "$run" >"$run/val.partial"
      mv "$run/val.partial" "$run/val.txt"
    fi
    echo "$row $seed $(sed -n 2p "$run/val.txt")" | tee -a "$runs/table.txt"
  done
done
sort -u -o "$runs/table.txt" "$runs/table.txt"
