#!/usr/bin/env bash
# Builds a distribution in a folder and tests this checkout there as on a fresh machine: set-up, a short run, lint, tests.
#
#   scripts/test-stacks.sh trixie|bookworm|noble|jammy [INTERPRETER]
#
# INTERPRETER is a folder with bin/python3, such as ~/.pyenv/versions/3.11.7; it is copied into the tree and comes before
# the distribution's own. Needs root, debootstrap, and 6 GB in STACKS_DIR (build/stacks), where a second call starts
# from the packages that the first one fetched. Network settings (*_proxy, PIP_*, UV_*, certificates) are passed on.
set -euo pipefail
# shellcheck source=scripts/tools.sh
source "$(dirname "$0")/tools.sh"
cd "$(dirname "$0")/.."

# TREE_NAME: what a checkout is called inside a tree.
readonly INSIDE=/srv/srp4ctr

mirror() {
  case $1 in
    trixie | bookworm) echo "${DEBIAN_MIRROR:-http://deb.debian.org/debian}" ;;
    noble | jammy) echo "${UBUNTU_MIRROR:-http://archive.ubuntu.com/ubuntu}" ;;
    *) die "the distribution must be trixie, bookworm, noble or jammy. Received: $1" ;;
  esac
}

# build_tree DISTRIBUTION TREE: nothing but make, git, g++ and the distribution's Python.
build_tree() {
  local url rules=/usr/share/debootstrap/scripts/$1 checks=()
  url=$(mirror "$1")
  [[ -e $2/usr/bin/python3 && ! -e $2/debootstrap ]] && return
  command -v debootstrap >/dev/null || apt_install debootstrap || die "debootstrap is needed: install it."
  [[ -e $rules ]] || rules=/usr/share/debootstrap/scripts/gutsy # what Debian's debootstrap has for Ubuntu's later ones
  [[ $url != *ubuntu* || -e /usr/share/keyrings/ubuntu-archive-keyring.gpg ]] || apt_install ubuntu-keyring ||
    checks=(--no-check-gpg)
  say "Building $1 in $2"
  rm -rf "$2"
  mkdir -p "$2"
  debootstrap --variant=minbase "${checks[@]}" --components="$([[ $url == *ubuntu* ]] && echo main,universe || echo main)" \
    --include=make,git,g++,python3,ca-certificates "$1" "$2" "$url" "$rules" >"$2.log" 2>&1 ||
    { tail -n 20 "$2.log" >&2 && die "debootstrap failed; all of it is in $2.log."; }
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
  mkdir -p "$tree$INSIDE"
  find "$tree$INSIDE" -mindepth 1 -maxdepth 1 ! -name data ! -name .tools -exec rm -rf {} +
  git ls-files -z --cached --others --exclude-standard | tar --create --null --files-from - --ignore-failed-read |
    tar --extract --directory "$tree$INSIDE"
  [[ -z $2 || -e $tree$2 ]] || copy_into "$tree" "$2"
  cp -L /etc/resolv.conf "$tree/etc/resolv.conf"
  while IFS= read -r line; do
    path=${line#*=}
    [[ $path == /* && -e $path ]] && copy_into "$tree" "$path"
  done < <(settings)
}

# inside TREE PATH COMMAND...: in the tree, whose mounts go when the command ends.
inside() {
  local tree=$1 path=$2 environment
  mapfile -t environment < <(settings)
  # shellcheck disable=SC2016
  unshare --mount --pid --fork bash -c \
    'mount -t proc proc "$1/proc" && mount --rbind /dev "$1/dev" && mount -t tmpfs tmpfs "$1/tmp" && exec chroot "$@"' \
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
.venv/bin/python -m pytest -q -n 2 -m "not slow"
'

main() {
  (($# >= 1)) || die "which distribution? trixie, bookworm, noble or jammy."
  local distribution=$1 interpreter=${2:-} path=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin tree
  [[ $(id -u) == 0 ]] || die "root is needed, for debootstrap and chroot."
  [[ -z $interpreter || -x $interpreter/bin/python3 ]] || die "$interpreter: no bin/python3 there."
  tree=$(realpath -m "${STACKS_DIR:-build/stacks}")/$distribution
  build_tree "$distribution" "$tree"
  fill "$tree" "$interpreter"
  inside "$tree" "${interpreter:+$interpreter/bin:}$path" bash -c "$STEPS" - "$INSIDE"
  say "Passed: $distribution, $(inside "$tree" "$path" "$INSIDE/.venv/bin/python" --version)"
}

main "$@"
