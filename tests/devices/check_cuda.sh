#!/bin/sh
# For a machine with an Nvidia GPU: builds for it, tests every operation and method on it, and
# times merges on the CPU beside merges on the GPU.
#
# Usage: tests/devices/check_cuda.sh [BASE MODEL MODEL...]
# Without models, a base and five models of the shapes in $SHAPES (qwen2.5-0.5b) are made.
# $DEVICE is the device, cuda:0 unless set.
set -eu

root=$(cd "$(dirname "$0")/../.." && pwd)
device=${DEVICE:-cuda:0}
shapes=${SHAPES:-qwen2.5-0.5b}
if ! command -v nvidia-smi >/dev/null 2>&1; then
    echo "skipped: there is no nvidia-smi, so no Nvidia driver" >&2
    exit 0
fi

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
absolute() {
    (cd "$1" && pwd)
}
if [ $# -ge 3 ]; then
    base=$(absolute "$1")
    shift
    models=
    for model in "$@"; do
        models="$models $(absolute "$model")"
    done
else
    made="$root/target/device-models"
    (cd "$root" && cargo bench -p mergelab-merge --bench merge_methods -- \
        --shapes "$shapes" --models 5 --dir "$made" --method linear)
    base="$made/$shapes/base"
    models=$(ls -d "$made/$shapes"/model-*)
fi
cd "$root"

echo "== tests on $device"
MERGELAB_TEST_DEVICE=$device cargo test --release -p mergelab-device --features cuda

echo "== merges"
cargo build --release -p mergelab -p mergelab-tests --features mergelab/cuda
program="$root/target/release/mergelab"

recipe() {
    printf 'method = "%s"\nbase = "%s"\n' "$1" "$base"
    for model in $models; do
        printf '\n[[models]]\npath = "%s"\nweight = 0.2\n' "$model"
    done
}
for method in linear ties; do
    recipe "$method" >"$work/$method.toml"
    for place in cpu "$device"; do
        # The first of three reads the files into memory and compiles kernels.
        for run in 1 2 3; do
            "$program" merge "$work/$method.toml" "$work/out" --overwrite --device "$place" --json \
                >"$work/report.json"
            seconds=$(sed -n 's/^ *"seconds": \([0-9.]*\),*$/\1/p' "$work/report.json")
            echo "$method on $place, run $run: $seconds s"
        done
    done
done
