#!/usr/bin/env bash
# Builds .venv from the lock files of the stack that suits this machine. A second call only checks a stamp.
#
#   scripts/setup.sh        what a run needs
#   scripts/setup.sh dev    and what tests, lint and benchmarks need
#
#   SRP4CTR_STACK=tfx116|tfx121  overrides the choice of the stack (py310 and py311 are its former names)
#   SRP4CTR_DEVICE=cpu|gpu       TensorFlow without or with CUDA's kernels; by default as there is an NVIDIA driver
set -euo pipefail
# shellcheck source=scripts/tools.sh
source "$(dirname "${BASH_SOURCE[0]}")/tools.sh"

readonly NEWER_GLIBC=2.39 # what the native wheels of the tfx121 stack need

glibc_version() { getconf GNU_LIBC_VERSION 2>/dev/null | cut -d' ' -f2; }

# Prints tfx116 or tfx121.
choose_stack() {
  local glibc newest newer_can_run=no
  glibc=$(glibc_version) || true
  [[ -n $glibc ]] || die "this system has no glibc; TFX has wheels for glibc on Linux only. The Dockerfile is a way out."
  newest=$(printf '%s\n' "$NEWER_GLIBC" "$glibc" | sort -V | tail -1)
  [[ $newest == "$glibc" ]] && newer_can_run=yes
  case ${SRP4CTR_STACK:-} in
    tfx116 | py310) echo tfx116 ;;
    tfx121 | py311)
      [[ $newer_can_run == yes ]] ||
        die "SRP4CTR_STACK=$SRP4CTR_STACK needs glibc $NEWER_GLIBC or later. Received: glibc $glibc"
      echo tfx121
      ;;
    "") if [[ $newer_can_run == yes ]]; then echo tfx121; else echo tfx116; fi ;;
    *) die "SRP4CTR_STACK must be tfx116 or tfx121. Received: $SRP4CTR_STACK" ;;
  esac
}

# python_versions STACK: those that it runs on, the one to fetch where there is none first.
python_versions() {
  case $1 in
    tfx116) echo 3.10 ;;
    tfx121) echo 3.13 3.12 3.11 ;;
  esac
}

# Prints cpu or gpu.
choose_device() {
  case ${SRP4CTR_DEVICE:-} in
    cpu | gpu) echo "$SRP4CTR_DEVICE" ;;
    "") if nvidia-smi -L >/dev/null 2>&1; then echo gpu; else echo cpu; fi ;;
    *) die "SRP4CTR_DEVICE must be cpu or gpu. Received: $SRP4CTR_DEVICE" ;;
  esac
}

# need_packages PYTHON-VERSION...: has the system's packages, or says which to ask for.
need_packages() {
  local missing
  mapfile -t missing < <(missing_packages "$@")
  ((${#missing[@]} == 0)) && return
  apt_install "${missing[@]}" ||
    die "these packages are missing, and only root can install them: ${missing[*]}." \
      "Ask for: apt-get install ${missing[*]}"
}

# missing_packages PYTHON-VERSION...: what isn't there, by Debian's and Ubuntu's names. A compiler and Python's headers
# build pyfarmhash; venv brings uv.
missing_packages() {
  local system=/usr/bin/python3
  command -v g++ >/dev/null || echo g++
  existing_uv >/dev/null || some_python_has_pip || echo python3-venv
  existing_python "$@" >/dev/null && return
  if [[ ! -x $system ]] || is_version "$system" "$@"; then
    echo python3-dev
  fi
}

# The part of pyproject.toml that an installation depends on, such as its commands.
distribution_table() { sed -n '/^\[project\]/,/^\[tool\.ruff\]/p' pyproject.toml; }

# build UV PYTHON LOCK...: .venv anew, with what the lock files name and this package.
build() {
  local uv=$1 python=$2 locks=("${@:3}")
  rm -rf .venv
  "$uv" venv --quiet --python "$python" .venv
  say "Installing what ${locks[*]} pin (some minutes the first time)"
  "$uv" pip sync --python .venv/bin/python "${locks[@]}" 2>&1 | grep -v '^ [+-] '
  "$uv" pip install --quiet --python .venv/bin/python --no-deps --no-build-isolation \
    --config-settings editable_mode=compat --editable .
}

main() {
  cd "$(dirname "${BASH_SOURCE[0]}")/.."
  local layer=${1:-run} stack device versions locks stamp built='' uv python
  stack=$(choose_stack)
  device=$(choose_device)
  read -ra versions <<<"$(python_versions "$stack")"
  locks=("requirements/$stack.txt" "requirements/$stack-$device.txt")
  stamp=$({
    cat "requirements/$stack"*.txt setup.py scripts/{setup,tools}.sh
    distribution_table
  } | sha256sum | cut -d' ' -f1)
  stamp="$stack $device $stamp $PWD"
  .venv/bin/python -c '' 2>/dev/null && built=$(cat .venv/srp4ctr.stamp 2>/dev/null) || true
  if [[ $built == "$stamp dev" || $built == "$stamp" && $layer == run ]]; then
    return
  fi

  [[ $(uname -sm) == "Linux x86_64" ]] || die "TFX has wheels for Linux on x86_64 only. Received: $(uname -sm)"
  export UV_HTTP_TIMEOUT=${UV_HTTP_TIMEOUT:-300} # seconds; some wheels have hundreds of megabytes
  need_packages "${versions[@]}"
  uv=$(find_uv)
  if [[ $built != "$stamp" ]]; then
    python=$(find_python "$uv" "${versions[@]}")
    say "Setting up .venv: stack $stack, $("$python" --version), TensorFlow for $device, about 2.5 GB"
    build "$uv" "$python" "${locks[@]}"
    printf '%s' "$stamp" >.venv/srp4ctr.stamp
  fi
  if [[ $layer == dev ]]; then
    say "Installing what tests and lint need"
    "$uv" pip install --quiet --python .venv/bin/python --no-deps --requirements "requirements/$stack-dev.txt"
    printf '%s' "$stamp dev" >.venv/srp4ctr.stamp
  fi
  say "Ready: .venv/bin/srp4ctr"
}

if [[ ${BASH_SOURCE[0]} == "$0" ]]; then
  main "$@"
fi
