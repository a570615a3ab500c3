#!/usr/bin/env bash
# Resolves setup.py and requirements/*.in into lock files. The files of a stack share no package:
#
#   STACK.txt      what a run needs, but for TensorFlow's own wheel
#   STACK-cpu.txt  that wheel without CUDA's kernels, at less than half the size
#   STACK-gpu.txt  that wheel with them
#   STACK-dev.txt  what tests, lint and benchmarks need besides
set -euo pipefail
# shellcheck source=scripts/setup.sh
source "$(dirname "$0")/setup.sh"
cd "$(dirname "$0")/.."
uv=$(find_uv)

# compile FILE ARGUMENT...: pins and hashes in FILE for what the arguments ask for; pins that it has stay if they can.
compile() {
  "$uv" pip compile --quiet --generate-hashes --no-emit-index-url --custom-compile-command "make lock" \
    --output-file "$@"
  sed -i '/^# The following packages were excluded/,$d' "$1"
}

# leave_out FILE: arguments that keep the packages of FILE out of another.
leave_out() { sed -n 's/^\([a-z0-9-]*\).*==.*/--no-emit-package=\1/p' "$1"; }

# lock STACK PLATFORM-ARGUMENT...
lock() {
  local stack=requirements/$1 platform=("${@:2}") wanted version
  say "Locking $stack"
  wanted=(setup.py --constraints "$stack.in" "${platform[@]}")
  version=$(sed -n 's/^tensorflow==//p' "$stack.in")

  # All at once, so that the files agree.
  cat "$stack.txt" "$stack-"{gpu,dev}.txt >"$stack.all" 2>/dev/null || true
  compile "$stack.all" "${wanted[@]}" --all-extras
  cp "$stack.all" "$stack.txt"
  compile "$stack.txt" "${wanted[@]}" --extra bigquery --extra kubeflow --extra counts --no-emit-package tensorflow
  mv "$stack.all" "$stack-dev.txt"
  # shellcheck disable=SC2046
  compile "$stack-dev.txt" "${wanted[@]}" --all-extras --no-emit-package tensorflow $(leave_out "$stack.txt")

  compile "$stack-cpu.txt" --no-deps "${platform[@]}" - <<<"tensorflow-cpu==$version"
  compile "$stack-gpu.txt" --no-deps "${platform[@]}" - <<<"tensorflow==$version"
}

lock tfx116 --python-version 3.10 --python-platform x86_64-manylinux_2_31
# For the environments that pyproject.toml names.
lock tfx121 --python-version 3.11 --universal
