#!/usr/bin/env bash
# Builds .venv from the lock file of the stack that suits this machine. A second call only checks a stamp.
#
#   SRP4CTR_STACK=py310|py311  overrides the choice of the stack
set -euo pipefail

readonly NEWER_GLIBC=2.39 # what the native wheels of the py311 stack need
PYENV_ROOTS=("${PYENV_ROOT:-${HOME:-}/.pyenv}" "$(pyenv root 2>/dev/null || true)")
readonly PYENV_ROOTS

say() { printf '==> %s\n' "$*"; }
die() {
  printf 'setup: %s\n' "$*" >&2
  exit 1
}

glibc_version() { getconf GNU_LIBC_VERSION 2>/dev/null | cut -d' ' -f2; }

# Prints py310 or py311.
choose_stack() {
  local glibc newer
  glibc=$(glibc_version) || true
  [[ -n $glibc ]] || die "this system has no glibc; TFX has wheels for glibc on Linux only. The Dockerfile is a way out."
  newer=$(printf '%s\n' "$NEWER_GLIBC" "$glibc" | sort -V | tail -1)
  case ${SRP4CTR_STACK:-} in
    py310) echo py310 ;;
    py311)
      [[ $newer == "$glibc" ]] || die "SRP4CTR_STACK=py311 needs glibc $NEWER_GLIBC or later. Received: glibc $glibc"
      echo py311
      ;;
    "") if [[ $newer == "$glibc" ]]; then echo py311; else echo py310; fi ;;
    *) die "SRP4CTR_STACK must be py310 or py311. Received: $SRP4CTR_STACK" ;;
  esac
}

# apt_install PACKAGE...: fails where it is not allowed to.
apt_install() {
  [[ $(id -u) == 0 ]] && command -v apt-get >/dev/null || return 1
  say "Installing $* with apt-get"
  { apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -qq -y --no-install-recommends "$@"; } >&2
}

need_compiler() {
  command -v g++ >/dev/null || apt_install g++ || die "a C++ compiler is needed to build pyfarmhash: install g++."
}

# Prints a uv that runs: the one on PATH, or one from PyPI in .tools.
find_uv() {
  local candidate python
  for candidate in uv .tools/bin/uv; do
    if "$candidate" --version >/dev/null 2>&1; then
      command -v "$candidate"
      return
    fi
  done
  say "Getting uv from PyPI" >&2
  for python in python3 /usr/bin/python3 $(pyenv_pythons '3.*'); do
    install_uv "$python" && return
  done
  apt_install python3-venv >&2 && install_uv /usr/bin/python3 && return
  die "uv is needed, and no python3 here can install it: install uv (https://docs.astral.sh/uv) or python3-venv."
}

install_uv() {
  rm -rf .tools
  { "$1" -m venv .tools && .tools/bin/python -m pip install --quiet uv; } >/dev/null 2>&1 ||
    { rm -rf .tools && "$1" -m pip install --quiet --target .tools uv; } >/dev/null 2>&1 || return 1
  echo .tools/bin/uv
}

# pyenv_pythons VERSION-PATTERN: the interpreters that pyenv has built.
pyenv_pythons() {
  local root
  for root in "${PYENV_ROOTS[@]}"; do
    compgen -G "$root/versions/$1/bin/python" || true
  done
}

# find_python VERSION UV: prints an interpreter that runs and has the headers that extensions are compiled with.
find_python() {
  local version=$1 uv=$2 candidate
  for candidate in "python$version" $(pyenv_pythons "$version.*"); do
    if is_usable "$candidate" "$version"; then
      command -v "$candidate"
      return
    fi
  done
  say "No usable Python $version here: fetching one with uv" >&2
  "$uv" python install "$version" >&2 && "$uv" python find --managed-python "$version" && return
  die "Python $version is needed and could not be fetched: install it with its headers (python$version and" \
    "python$version-dev, or 'pyenv install $version')."
}

is_usable() {
  "$1" - "$2" >/dev/null 2>&1 <<'PYTHON'
import bz2, ctypes, lzma, os, sqlite3, ssl, sys, sysconfig
assert "%d.%d" % sys.version_info[:2] == sys.argv[1]
assert os.path.exists(os.path.join(sysconfig.get_path("include"), "Python.h"))
PYTHON
}

main() {
  cd "$(dirname "${BASH_SOURCE[0]}")/.."
  local stack lock stamp version uv python
  stack=$(choose_stack)
  lock=requirements/$stack.txt
  stamp=$(cat "$lock" setup.py scripts/setup.sh | sha256sum | cut -d' ' -f1)
  stamp="$stack $stamp $PWD"
  if [[ -f .venv/srp4ctr.stamp && $(<.venv/srp4ctr.stamp) == "$stamp" ]] && .venv/bin/python -c '' 2>/dev/null; then
    return
  fi

  [[ $(uname -sm) == "Linux x86_64" ]] || die "TFX has wheels for Linux on x86_64 only. Received: $(uname -sm)"
  version=3.${stack#py3}
  say "Setting up .venv: stack $stack (Python $version, glibc $(glibc_version)), about 3 GB"
  need_compiler
  uv=$(find_uv)
  python=$(find_python "$version" "$uv")
  say "Python: $python; uv: $uv"

  rm -rf .venv
  "$uv" venv --quiet --python "$python" .venv
  export UV_HTTP_TIMEOUT=${UV_HTTP_TIMEOUT:-300} # seconds; some wheels have hundreds of megabytes
  say "Installing the $(grep -c '^[a-zA-Z]' "$lock") packages of $lock (some minutes the first time)"
  "$uv" pip sync --python .venv/bin/python "$lock" 2>&1 | grep -v '^ [+-] '
  say "Installing srp4ctr"
  "$uv" pip install --quiet --python .venv/bin/python --no-deps --no-build-isolation \
    --config-settings editable_mode=compat --editable .
  printf '%s' "$stamp" >.venv/srp4ctr.stamp
  say "Ready: .venv/bin/srp4ctr"
}

if [[ ${BASH_SOURCE[0]} == "$0" ]]; then
  main
fi
