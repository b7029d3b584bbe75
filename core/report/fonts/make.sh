#!/bin/sh
# Makes the two fonts from Inter 4.0 beta 7 (Debian: fonts-inter 4.0~beta7+ds-1) with fonttools.
# Usage: make.sh FOLDER_WITH_INTER
set -eu
for weight in Regular SemiBold; do
    pyftsubset "$1/Inter-$weight.otf" \
        --unicodes='U+0020-007E,U+00A0-024F,U+0300-036F,U+0370-03FF,U+0400-04FF,U+1E00-1EFF,U+2010-2027,U+202F,U+2030-2033,U+2070-209F,U+20AC,U+2122,U+2190-2193,U+2212,U+2248,U+2260,U+2264,U+2265' \
        --layout-features='kern,mark,mkmk,ccmp' --no-hinting --desubroutinize \
        --name-IDs='*' \
        --output-file="$(dirname "$0")/Inter-$weight.otf"
done
