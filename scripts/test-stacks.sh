#!/usr/bin/env bash
# Builds a distribution in a folder and tests this checkout there as on a fresh machine: set-up, a short run, lint, tests.
#
#   scripts/test-stacks.sh [trixie|noble|bookworm|jammy] [INTERPRETER]
#
# By default it takes Debian's release with the stack that this machine hasn't. INTERPRETER is a folder with
# bin/python3, such as ~/.pyenv/versions/3.11.7; it is copied into the tree and comes before the distribution's own.
# Needs root, debootstrap, and 6 GB a distribution in STACKS_DIR (build/stacks), where a second call starts from the
# packages that the first one fetched. Network settings (*_proxy, PIP_*, UV_*, certificates) are passed on.
set -euo pipefail
# shellcheck source=scripts/setup.sh
source "$(dirname "${BASH_SOURCE[0]}")/setup.sh"

readonly CHECKOUT=/srv/srp4ctr # in the tree
readonly SYSTEM_PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
readonly RULES=/usr/share/debootstrap/scripts
readonly UBUNTU_KEYS=/usr/share/keyrings/ubuntu-archive-keyring.gpg

# The release of Debian with the stack that this machine hasn't.
other() { if [[ $(choose_stack) == tfx116 ]]; then echo trixie; else echo bookworm; fi; }

# build_tree DISTRIBUTION TREE: nothing but make, git, g++ and the distribution's Python.
build_tree() {
  local distribution=$1 tree=$2 url components=main rules=$RULES/$1 options=()
  case $distribution in
    trixie | bookworm) url=${DEBIAN_MIRROR:-http://deb.debian.org/debian} ;;
    noble | jammy)
      url=${UBUNTU_MIRROR:-http://archive.ubuntu.com/ubuntu}
      components=main,universe
      [[ -e $UBUNTU_KEYS ]] || options=(--no-check-gpg)
      ;;
    *) die "the distribution must be trixie, noble, bookworm or jammy. Received: $distribution" ;;
  esac
  [[ -e $tree.built ]] && return
  command -v debootstrap >/dev/null || apt_install debootstrap || die "debootstrap is needed: install it."
  [[ -e $rules ]] || rules=$RULES/gutsy # all of Ubuntu's later releases have its rules; debootstrap may not know them yet
  say "Building $distribution in $tree ${options[*]}"
  rm -rf "$tree"
  mkdir -p "$tree"
  debootstrap --variant=minbase "${options[@]}" --components="$components" \
    --include=make,git,g++,python3,ca-certificates "$distribution" "$tree" "$url" "$rules" >"$tree.log" 2>&1 ||
    die "debootstrap failed: $(tail -n 3 "$tree.log"). All that it said is in $tree.log."
  touch "$tree.built"
}

# settings: NAME=value lines of what reaches the network.
settings() {
  env | grep -E '^([a-z]+_proxy|[A-Z]+_PROXY|PIP_[A-Z_]+|UV_[A-Z_]+|SSL_CERT_FILE|REQUESTS_CA_BUNDLE|CURL_CA_BUNDLE)=' |
    grep -vE '^(PIP|UV)_CACHE_DIR=' || true
}

# copy_into TREE PATH: to the same place there.
copy_into() {
  mkdir -p "$1$(dirname "$2")"
  cp -rLT "$2" "$1$2"
}

# fill TREE INTERPRETER: the checkout as it is here, the interpreter, and the files that network settings name.
fill() {
  local tree=$1 line path
  mkdir -p "$tree$CHECKOUT"
  find "$tree$CHECKOUT" -mindepth 1 -maxdepth 1 ! -name data ! -name .tools -exec rm -rf {} +
  git ls-files -z --cached --others --exclude-standard | tar --create --null --files-from - |
    tar --extract --directory "$tree$CHECKOUT"
  [[ -z $2 || -e $tree$2 ]] || copy_into "$tree" "$2"
  cp -L /etc/resolv.conf "$tree/etc/resolv.conf"
  while IFS= read -r line; do
    path=${line#*=}
    if [[ $path == /* && -e $path ]]; then
      copy_into "$tree" "$path"
    fi
  done < <(settings)
}

# inside TREE PATH COMMAND...: in the tree, whose mounts go when the command ends.
inside() {
  local tree=$1 path=$2 environment
  mapfile -t environment < <(settings)
  # shellcheck disable=SC2016
  unshare --mount --pid --fork --kill-child bash -c \
    'mount -t proc proc "$1/proc" && mount --rbind /dev "$1/dev" && exec chroot "$@"' \
    - "$tree" env -i "HOME=/root" "LANG=C.UTF-8" "PATH=$path" "${environment[@]}" "${@:3}"
}

# What runs inside. The run comes first: it must do without what tests and lint need.
readonly STEPS='
set -euo pipefail
cd "$1"
make setup
mkdir -p build
sed "s/epochs: [0-9]*/epochs: 1/; s/min_auc: .*/min_auc: 0.5/" configs/ml_100k.yaml >build/short.yaml
make run CONFIG=build/short.yaml
.venv/bin/srp4ctr rank build/short.yaml --user 42 --top 3
make lint
make test-fast
'

main() {
  cd "$(dirname "${BASH_SOURCE[0]}")/.."
  local distribution=${1:-$(other)} interpreter=${2:-} tree
  [[ $(id -u) == 0 ]] || die "root is needed, for debootstrap and chroot."
  [[ -z $interpreter || -x $interpreter/bin/python3 ]] || die "$interpreter: no bin/python3 there."
  tree=$(realpath -m "${STACKS_DIR:-build/stacks}")/$distribution
  build_tree "$distribution" "$tree"
  fill "$tree" "$interpreter"
  inside "$tree" "${interpreter:+$interpreter/bin:}$SYSTEM_PATH" bash -c "$STEPS" - "$CHECKOUT"
  say "Passed: $distribution, $(inside "$tree" "$SYSTEM_PATH" "$CHECKOUT/.venv/bin/python" --version)"
}

if [[ ${BASH_SOURCE[0]} == "$0" ]]; then
  main "$@"
fi
