#!/bin/sh
# Fetches Debian's package gnome-user-docs (CC BY-SA 3.0, 8.5 MB) and writes its help pages to
# data/all.jsonl beside this file: the page as the document, its author's description as the
# summary. Needs Debian or Ubuntu with apt-get, dpkg-deb and Python 3.9.
set -eu

here=$(cd "$(dirname "$0")" && pwd)
for tool in apt-get dpkg-deb python3; do
    command -v "$tool" >/dev/null || {
        echo "fetch.sh: $tool is missing: this script needs Debian, Ubuntu or a container of one" >&2
        exit 1
    }
done
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT

(cd "$folder" && apt-get -qq download gnome-user-docs) || {
    echo "fetch.sh: apt-get cannot download gnome-user-docs: run apt-get update first" >&2
    exit 1
}
dpkg-deb -x "$folder"/gnome-user-docs_*.deb "$folder/tree"
echo "package: $(basename "$folder"/gnome-user-docs_*.deb)"
python3 "$here/extract.py" "$folder/tree/usr/share/help" "$here/data/all.jsonl"
