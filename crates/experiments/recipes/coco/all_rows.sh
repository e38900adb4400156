#!/usr/bin/env bash
# Every row of the comparison, trained and then measured on val. What is done is not done again, and a training that was
# stopped goes on from its last checkpoint.
#
#   cargo build --release
#   crates/experiments/recipes/coco/all_rows.sh COCO_DIR WEIGHTS_DIR RUNS_DIR [ROW…]
#
# WEIGHTS_DIR holds vgg16_features_f16.safetensors and efficientnet_lite0_f16.safetensors; with
# alexnet-owt-7be5be79.safetensors (torchvision's AlexNet, converted by you) its rows run too. SEEDS (default "1 2 3")
# are those of the rows on pretrained trunks. Rows of different trunks run side by side, a core each, JOBS at a time
# (default 2). RUNS_DIR/ROW-SEED.log tells how a run goes; RUNS_DIR/table.txt holds a line a run at the end.
set -euo pipefail
if [ $# -lt 3 ]; then
  sed -n '2,13s/^# \{0,1\}//p' "$0" >&2
  exit 2
fi
data=$1 weights=$2 runs=$3
shift 3
program=${MATBACKPROP:-target/release/matbackprop}
seeds=${SEEDS:-1 2 3}
rows=("$@")
if [ ${#rows[@]} -eq 0 ]; then
  for trunk in vgg16 lite0 alexnet; do
    for row in first o2p o2p-fc; do rows+=("$trunk-$row" "$trunk-$row-tuned"); done
  done
  rows+=(vgg16-o2p-fc-box lite0-o2p-fc-box sift-o2p alexnet-s deep-o2p-s deep-o2p-fc-s)
fi
mkdir -p "$runs"
export RAYON_NUM_THREADS=1

trunk_weights() {
  case $1 in
    lite0-*) echo "$weights/efficientnet_lite0_f16.safetensors" ;;
    vgg16-*) echo "$weights/vgg16_features_f16.safetensors" ;;
    alexnet-s) ;;
    alexnet-*) echo "$weights/alexnet-owt-7be5be79.safetensors" ;;
  esac
}

# A training, and its measure.
one_run() {
  local row=$1 seed=$2 file=$3 run=$runs/$1-$2 from=() resume=()
  [ ! -f "$run/val.txt" ] || return 0
  [ -z "$file" ] || from=(--trunk-weights "$file")
  if [ ! -f "$run/network.safetensors" ]; then
    [ ! -f "$run/checkpoint.safetensors" ] || resume=(--resume)
    "$program" train o2p --recipe "$row" --data "$data" "${from[@]}" --out "$run" \
      --cache "$runs/cache" --seed "$seed" "${resume[@]}" || return 1
  fi
  "$program" eval coco --data "$data" --run "$run" --cache "$runs/cache" >"$run/val.partial" || return 1
  mv "$run/val.partial" "$run/val.txt"
}

# The rows of one trunk, one after another: they share its features.
rows_of() {
  local row seed file row_seeds began
  for row in "${rows[@]}"; do
    file=$(trunk_weights "$row")
    [ "${file:-none}" = "$1" ] || continue
    row_seeds=$seeds
    [ -n "$file" ] || row_seeds=${seeds%% *}
    for seed in $row_seeds; do
      began=$SECONDS
      if ! one_run "$row" "$seed" "$file" >"$runs/$row-$seed.log" 2>&1; then
        echo "$row, seed $seed: failed; $runs/$row-$seed.log tells why" >&2
        return 1
      fi
      echo "$row, seed $seed: $(sed -n 2p "$runs/$row-$seed/val.txt") ($((SECONDS - began)) s)"
    done
  done
}

files=()
for row in "${rows[@]}"; do
  file=$(trunk_weights "$row")
  case " ${files[*]} " in *" ${file:-none} "*) ;; *) files+=("${file:-none}") ;; esac
done
trap 'trap - INT TERM; kill 0' INT TERM
pids=()
for file in "${files[@]}"; do
  if [ "$file" != none ] && [ ! -f "$file" ]; then
    echo "there is no $file: its rows are left out" >&2
    continue
  fi
  while [ "$(jobs -rp | wc -l)" -ge "${JOBS:-2}" ]; do wait -n || true; done
  rows_of "$file" &
  pids+=($!)
done
failed=0
for pid in "${pids[@]}"; do wait "$pid" || failed=1; done
for run in "$runs"/*-*/val.txt; do
  [ -f "$run" ] || continue
  name=$(basename "$(dirname "$run")")
  echo "${name%-*} ${name##*-} $(sed -n 2p "$run")"
done >"$runs/table.txt"
exit $failed
