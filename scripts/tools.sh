# What setting up needs of the system: packages, uv, an interpreter. Sourced by the other scripts.
# shellcheck shell=bash

PYENV_ROOTS=("${PYENV_ROOT:-${HOME:-}/.pyenv}" "$(pyenv root 2>/dev/null || true)")
readonly PYENV_ROOTS

say() { printf '==> %s\n' "$*"; }
die() {
  printf 'setup: %s\n' "$*" >&2
  exit 1
}

# apt_install PACKAGE...: fails where it is not allowed to. What apt says is shown only if it fails.
apt_install() {
  local log failed=0
  [[ $(id -u) == 0 ]] && command -v apt-get >/dev/null || return 1
  say "Installing $* with apt-get" >&2
  log=$(mktemp)
  {
    apt-get update -qq &&
      DEBIAN_FRONTEND=noninteractive apt-get install -qq -y --no-install-recommends "$@"
  } >"$log" 2>&1 || failed=1
  ((failed == 0)) || cat "$log" >&2
  rm "$log"
  return "$failed"
}

# Prints a uv that runs: the one on PATH, or one from PyPI in .tools.
find_uv() {
  local python
  existing_uv && return
  say "Getting uv from PyPI" >&2
  for python in $(any_pythons); do
    install_uv "$python" && return
  done
  die "uv is needed, and couldn't be had from PyPI: install it (https://docs.astral.sh/uv)."
}

existing_uv() {
  local candidate
  for candidate in uv .tools/bin/uv; do
    if "$candidate" --version >/dev/null 2>&1; then
      command -v "$candidate"
      return
    fi
  done
  return 1
}

install_uv() {
  rm -rf .tools
  { "$1" -m venv .tools && .tools/bin/python -m pip install --quiet uv; } >/dev/null 2>&1 ||
    { rm -rf .tools && "$1" -m pip install --quiet --target .tools uv; } >/dev/null 2>&1 || return 1
  echo .tools/bin/uv
}

# Whether some Python here has pip, with which uv can be installed.
some_python_has_pip() {
  local python
  for python in $(any_pythons); do
    "$python" -c 'import ensurepip' 2>/dev/null && return
    "$python" -c 'import pip' 2>/dev/null && return
  done
  return 1
}

any_pythons() {
  echo python3
  echo /usr/bin/python3
  pyenv_pythons '3.*'
}

# pyenv_pythons VERSION-PATTERN: the interpreters that pyenv has built.
pyenv_pythons() {
  local root
  for root in "${PYENV_ROOTS[@]}"; do
    compgen -G "$root/versions/$1/bin/python" || true
  done
}

# find_python UV VERSION...: prints a usable interpreter of one of the versions, fetched by uv if there is none; the
# first is the one to fetch.
find_python() {
  local uv=$1 versions=("${@:2}")
  existing_python "${versions[@]}" && return
  say "No usable Python ${versions[*]} here: fetching $2 with uv" >&2
  "$uv" python install --quiet "$2" >&2 && "$uv" python find --managed-python "$2" && return
  die "Python ${versions[*]} (any of them) is needed and could not be fetched: install it with its headers" \
    "('pyenv install $2' does), or give uv a mirror to fetch it from (UV_PYTHON_INSTALL_MIRROR)."
}

# existing_python VERSION...: prints a usable interpreter, python3 rather than any other.
existing_python() {
  local version candidate pyenv candidates=(python3 /usr/bin/python3)
  for version in "$@"; do
    read -rd '' -a pyenv <<<"$(pyenv_pythons "$version.*")" || true
    candidates+=("python$version" "${pyenv[@]}")
  done
  for candidate in "${candidates[@]}"; do
    if is_usable "$candidate" "$@"; then
      command -v "$candidate"
      return
    fi
  done
  return 1
}

# is_usable PYTHON VERSION...: whether it is one of the versions, whole, and has the headers that extensions need.
is_usable() {
  is_version "$@" && "$1" - >/dev/null 2>&1 <<'PYTHON'
import bz2, ctypes, lzma, os, sqlite3, ssl, sysconfig
assert os.path.exists(os.path.join(sysconfig.get_path("include"), "Python.h"))
PYTHON
}

# is_version PYTHON VERSION...
is_version() {
  "$1" -c 'import sys; assert "%d.%d" % sys.version_info[:2] in sys.argv[1:]' "${@:2}" 2>/dev/null
}
