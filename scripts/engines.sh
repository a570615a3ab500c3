#!/usr/bin/env bash
# Builds build/engines: what `make test-engines` and `make test-containers` run jobs on. What can't be had here is
# skipped there, by name.
#
#   bin/prism                            Beam's portable engine, by Go
#   bin/boot                             what starts a worker in Beam's images, by Go
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

# A command of Beam's, by Go: its package's path below github.com/apache/beam/sdks/v2, and the name it gets here.
beam_command() {
  local package=$1 name=$2 version bin=$PWD/$ENGINES/bin
  version=$(.venv/bin/python -c 'from importlib.metadata import version; print(version("apache-beam"))')
  [[ $(cat "$ENGINES/$name.version" 2>/dev/null) == "$version" ]] && return
  command -v go >/dev/null || return 1
  say "Building Beam's $name $version with Go (minutes)"
  CGO_ENABLED=0 GOBIN=$bin go install "github.com/apache/beam/sdks/v2/$package@v$version" || return 1
  [[ ${package##*/} == "$name" ]] || mv "$bin/${package##*/}" "$bin/$name"
  echo "$version" >"$ENGINES/$name.version"
}

engines() {
  cd "$(dirname "${BASH_SOURCE[0]}")/.."
  emulators || say "The emulators can't be had here"
  beam_command go/cmd/prism prism || say "Prism can't be had here: it needs Go"
  beam_command python/container boot || say "Beam's boot can't be had here: it needs Go"
}

engines
