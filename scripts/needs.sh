# shellcheck shell=bash
# Finds or installs what a script needs. Sourced by the scripts beside it, never run.

# Says why the script stops, and stops it.
die() {
  printf '%s: %s\n' "${0##*/}" "$1" >&2
  exit 1
}

# Needs a Rust toolchain; rustup then fetches the version that rust-toolchain.toml names.
need_cargo() {
  command -v cargo >/dev/null && return
  [[ -x "$HOME/.cargo/bin/cargo" ]] || die "cargo is missing; get it with
  curl --proto '=https' --tlsv1.2 -sSf https://sh.rustup.rs | sh
or see https://rustup.rs, then run this again"
  PATH="$HOME/.cargo/bin:$PATH"
}

# need COMMAND:PACKAGE… installs the Debian packages of the commands that are missing.
need() {
  local -a packages=() commands=()
  local wanted
  for wanted in "$@"; do
    has "${wanted%%:*}" && continue
    commands+=("${wanted%%:*}")
    packages+=("${wanted#*:}")
  done
  [[ ${#packages[@]} -eq 0 ]] && return
  install_packages "${packages[@]}" || die "cannot install what is missing: ${commands[*]}
on Debian and Ubuntu: apt-get install ${packages[*]}"
  hash -r
  for wanted in "${commands[@]}"; do
    has "$wanted" || die "\`$wanted\` is still missing after installing ${packages[*]}"
  done
}

# Needs sshd, not its service: the package would start one that listens for everybody, and the tests start their own.
need_sshd() {
  has sshd && return
  if [[ -d /run/systemd/system ]] && has apt-get; then
    as_root systemctl --quiet mask ssh.service ssh.socket || die "cannot keep the ssh service from starting"
  fi
  need sshd:openssh-server
}

# Some commands lie where only the search path of root leads.
has() {
  command -v "$1" >/dev/null || [[ -x "/usr/sbin/$1" || -x "/sbin/$1" ]]
}

install_packages() {
  has apt-get || return 1
  printf 'installing %s\n' "$*" >&2
  as_root apt-get -qq update >&2 || printf 'apt-get update failed; trying with the lists that are there\n' >&2
  as_root env DEBIAN_FRONTEND=noninteractive apt-get -qq install --yes --no-install-recommends "$@" >&2
}

as_root() {
  if [[ $EUID -eq 0 ]]; then
    "$@"
  else
    has sudo && sudo "$@"
  fi
}

# need_crate CRATE VERSION COMMAND [OPTION…] builds one version of a program from crates.io into target/tools.
need_crate() {
  local crate=$1 version=$2 command=$3
  shift 3
  local stamp="$PWD/target/tools/$crate-$version"
  PATH="$PWD/target/tools/bin:$PATH"
  [[ -e "$stamp" && -x "$PWD/target/tools/bin/$command" ]] && return
  printf 'building %s %s; this happens once\n' "$crate" "$version" >&2
  cargo install --quiet --locked --root target/tools --version "$version" --force "$@" "$crate" ||
    die "cannot build $crate $version"
  : >"$stamp"
}
