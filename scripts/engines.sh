#!/usr/bin/env bash
# Builds build/engines: what `make test-engines` runs jobs on. What can't be had here is skipped there, by name.
#
#   bin/prism                            Beam's portable engine, by Go
#   bin/gcp-storage-emulator, moto_server    emulators of gs:// and s3://, from PyPI
set -euo pipefail
# shellcheck source=scripts/setup.sh
source "$(dirname "${BASH_SOURCE[0]}")/setup.sh"

readonly ENGINES=build/engines
readonly REQUIREMENTS=tests/engines/requirements.txt

emulators() {
  local uv
  cmp -s "$REQUIREMENTS" "$ENGINES/requirements.txt" && return
  say "Installing emulators of gs:// and s3:// in $ENGINES"
  uv=$(find_uv)
  "$uv" venv --quiet --allow-existing --python .venv/bin/python "$ENGINES"
  "$uv" pip sync --quiet --python "$ENGINES/bin/python" "$REQUIREMENTS" || return 1
  cp "$REQUIREMENTS" "$ENGINES/requirements.txt"
}

prism() {
  local version
  version=$(.venv/bin/python -c 'from importlib.metadata import version; print(version("apache-beam"))')
  [[ $(cat "$ENGINES/prism.version" 2>/dev/null) == "$version" ]] && return
  if ! command -v go >/dev/null; then
    say "There is no Go, so there will be no Prism"
    return
  fi
  say "Building Prism $version with Go (minutes)"
  GOBIN=$PWD/$ENGINES/bin go install "github.com/apache/beam/sdks/v2/go/cmd/prism@v$version" || return 1
  echo "$version" >"$ENGINES/prism.version"
}

engines() {
  cd "$(dirname "${BASH_SOURCE[0]}")/.."
  emulators || say "The emulators can't be had here"
  prism || say "Prism can't be had here"
}

engines
