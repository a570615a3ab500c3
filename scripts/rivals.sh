#!/usr/bin/env bash
# Builds build/rivals/deepctr and build/rivals/fuxictr, the environments of what `make bench-training` measures against.
#
# PyTorch comes with 2 GB of CUDA libraries from PyPI; UV_TORCH_BACKEND=cpu, or UV_FIND_LINKS (by default
# PIP_FIND_LINKS) with a folder that has its CPU wheel, leaves them away.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/setup.sh"

# build NAME UV PYTHON: an environment, unless it is there with the same requirements.
build() {
  local environment=build/rivals/$1 requirements=benchmarks/training/requirements/$1.txt
  cmp -s "$requirements" "$environment/requirements.txt" && return
  say "Building $environment"
  rm -rf "$environment"
  "$2" venv --quiet --python "$3" "$environment"
  # Not `pip sync`: the CUDA libraries that PyPI's PyTorch can't be imported without aren't in the list.
  "$2" pip install --quiet --python "$environment/bin/python" --requirement "$requirements"
  cp "$requirements" "$environment/requirements.txt"
}

rivals() {
  cd "$(dirname "${BASH_SOURCE[0]}")/.."
  local uv python
  uv=$(find_uv)
  python=$(find_python "$uv" 3.11)
  [[ -n ${UV_FIND_LINKS:-${PIP_FIND_LINKS:-}} ]] && export UV_FIND_LINKS=${UV_FIND_LINKS:-$PIP_FIND_LINKS}
  build deepctr "$uv" "$python"
  build fuxictr "$uv" "$python"
}

rivals
