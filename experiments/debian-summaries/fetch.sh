#!/bin/sh
# Fetches Debian's translated package descriptions and turns them into a
# summarisation data set. See DATA.md beside this file.
#
#   fetch.sh [--suite NAME] [--mirror URL] [--languages "de fr it ja"] [--seed N] [DIR]
#
# Everything is written under DIR (default: target/debian-summaries in this
# repository); the apt lists and settings of the system are not changed.
set -eu

suite=bookworm
mirror=http://deb.debian.org/debian
languages="de fr it ja"
seed=20240611
out=
here=$(cd "$(dirname "$0")" && pwd)

die() {
    printf 'fetch.sh: %s\n' "$*" >&2
    exit 1
}

need_value() {
    [ "$1" -ge 2 ] || die "$2 needs a value"
}

while [ $# -gt 0 ]; do
    case $1 in
        --suite) need_value $# "$1"; suite=$2; shift 2 ;;
        --mirror) need_value $# "$1"; mirror=$2; shift 2 ;;
        --languages) need_value $# "$1"; languages=$(printf '%s' "$2" | tr ',' ' '); shift 2 ;;
        --seed) need_value $# "$1"; seed=$2; shift 2 ;;
        -h | --help) sed -n '2,8s/^# \{0,1\}//p' "$0"; exit 0 ;;
        -*) die "unknown option $1 (see --help)" ;;
        *) [ -z "$out" ] || die "one output folder only, got $out and $1"; out=$1; shift ;;
    esac
done
[ -n "$out" ] || out=$here/../../target/debian-summaries

command -v apt-get >/dev/null || die "apt-get is missing: this script needs Debian, Ubuntu or a container of one of them"
command -v python3 >/dev/null || die "python3 is missing: apt-get install python3"
keyring=/usr/share/keyrings/debian-archive-keyring.gpg
[ -r "$keyring" ] || die "$keyring is missing: apt-get install debian-archive-keyring"

mkdir -p "$out"
out=$(cd "$out" && pwd)
case $out in
    *[[:space:]]*) die "the path of the output folder must not contain spaces: $out" ;;
esac
apt=$out/apt
# Files of an earlier suite or language list must not be read as this one's.
rm -rf "$apt"
mkdir -p "$apt/lists/partial" "$apt/cache/archives/partial" "$apt/sources.list.d"
: >"$apt/status"

# English is always fetched: it is the original that every translation is
# compared with. The Languages field of the source wins over
# `Acquire::Languages "none"`, which container images often set.
cat >"$apt/sources.list.d/debian.sources" <<SOURCES
Types: deb
URIs: $mirror
Suites: $suite
Components: main
Architectures: amd64
Languages: en $languages
Targets: Packages Translations
Signed-By: $keyring
SOURCES

# A file given with -c is read after the system's own settings, so proxies stay
# and the rest is overridden. `#clear` empties a list; assigning only adds to it.
cat >"$apt/apt.conf" <<CONF
#clear Acquire::Languages;
#clear APT::Update::Pre-Invoke;
#clear APT::Update::Post-Invoke;
#clear APT::Update::Post-Invoke-Success;
Acquire::Languages { "environment"; };
Acquire::GzipIndexes "false";
Acquire::Check-Valid-Until "false";
Acquire::PDiffs "false";
APT::Architecture "amd64";
Dir::State "$apt";
Dir::State::lists "$apt/lists";
Dir::State::status "$apt/status";
Dir::Cache "$apt/cache";
Dir::Etc::sourcelist "/dev/null";
Dir::Etc::sourceparts "$apt/sources.list.d";
CONF
if [ "$(id -u)" = 0 ]; then
    # The unprivileged download user may not be able to enter DIR.
    echo 'APT::Sandbox::User "root";' >>"$apt/apt.conf"
fi

echo "fetching the indexes of $suite from $mirror (about 26 MB)"
apt-get -c "$apt/apt.conf" update -q --error-on=any ||
    die "apt-get could not fetch the indexes. If $suite has left the mirror, pass --mirror http://archive.debian.org/debian"

# shellcheck disable=SC2086 # the list of languages is meant to be split
exec python3 "$here/extract.py" --lists "$apt/lists" --suite "$suite" --seed "$seed" --out "$out" en $languages
