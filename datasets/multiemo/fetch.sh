#!/bin/sh
# Fetches the source package bigbench from PyPI (358 MB) and writes its MultiEmo documents to
# data/all.jsonl beside this file. Needs pip and Python 3.9, and takes a few minutes.
#
# The files carry the canary of BIG-bench and ask not to be in training corpora: use what is
# trained on them for measuring, and publish neither the rows nor the weights.
set -eu

version=1.0.0
sha256=1bb398a5512c6d798cdebe0dfa0ac03f67f6033fa6b39c6ef71df978c7cbc5c2
here=$(cd "$(dirname "$0")" && pwd)
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT

python3 -m pip download --quiet --no-deps --no-binary=bigbench --dest "$folder" "bigbench==$version"
archive=$folder/bigbench-$version.tar.gz
echo "$sha256  $archive" | sha256sum --check --quiet || {
    echo "fetch.sh: the package is not the one that is meant; nothing was written" >&2
    exit 1
}
python3 "$here/extract.py" "$archive" "$here/data/all.jsonl"
