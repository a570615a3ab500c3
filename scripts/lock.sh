#!/usr/bin/env bash
# Resolves setup.py and requirements/*.in into the two lock files, each for its own Python and glibc.
set -euo pipefail
# shellcheck source=scripts/setup.sh
source "$(dirname "$0")/setup.sh"
cd "$(dirname "$0")/.."
uv=$(find_uv)

# lock STACK PYTHON GLIBC
lock() {
  say "Locking requirements/$1.txt"
  "$uv" pip compile --quiet --all-extras --generate-hashes --no-emit-index-url --custom-compile-command "make lock" \
    --python-version "$2" --python-platform "x86_64-manylinux_$3" \
    setup.py "requirements/$1.in" --output-file "requirements/$1.txt"
}

lock py310 3.10 2_28
lock py311 3.11 2_39
