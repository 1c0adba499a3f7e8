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

# Needs promtool, not the server that its package would start.
need_promtool() {
  PATH="$PWD/target/tools/bin:$PATH"
  has promtool && return
  has apt-get || die "promtool is missing; it comes with Prometheus: https://prometheus.io/download"
  local folder="$PWD/target/tools/prometheus"
  rm -rf -- "$folder"
  mkdir -p "$folder" target/tools/bin
  download "$folder" prometheus || {
    update_packages
    download "$folder" prometheus || die "cannot download the package prometheus, which has promtool"
  }
  dpkg -x "$folder"/prometheus_*.deb "$folder"
  cp "$folder/usr/bin/promtool" target/tools/bin/
}

# Some commands lie where only the search path of root leads.
has() {
  command -v "$1" >/dev/null || [[ -x "/usr/sbin/$1" || -x "/sbin/$1" ]]
}

install_packages() {
  has apt-get || return 1
  printf 'installing %s\n' "$*" >&2
  update_packages
  as_root env DEBIAN_FRONTEND=noninteractive apt-get -qq install --yes --no-install-recommends "$@" >&2
}

update_packages() {
  as_root apt-get -qq update >&2 || printf 'apt-get update failed; trying with the lists that are there\n' >&2
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

# need_go_tool VARIABLE MODULE VERSION leaves the path of a program in a variable: the one that was given in the environment, or
# one that Go builds into target/tools.
need_go_tool() {
  local variable=$1 module=$2 version=$3 command=${2##*/}
  if [[ -n ${!variable:-} ]]; then
    [[ -x ${!variable} ]] || die "$variable names ${!variable}, which is no program"
    return
  fi
  local stamp="$PWD/target/tools/$command-$version"
  printf -v "$variable" '%s' "$PWD/target/tools/bin/$command"
  [[ -e "$stamp" && -x "${!variable}" ]] && return
  local install="go install $module@$version"
  has go || die "\`$command\` is missing, and Go to build it; get Go from https://go.dev/dl, or name the program in $variable"
  printf 'building %s %s; this happens once\n' "$command" "$version" >&2
  GOBIN="$PWD/target/tools/bin" $install || die "cannot build $command; where it can be built, run
  $install
and give the path of the program to this script in $variable"
  : >"$stamp"
}

# The one version of sops that tests and measurements stand beside.
SOPS_VERSION=v3.13.3

need_sops() {
  need_go_tool SOPS github.com/getsops/sops/v3/cmd/sops "$SOPS_VERSION"
  export SOPS
}

# --- Nix and whole machines, unpacked below target/tools so that nothing of the system changes --------------------

# Counts up with what is unpacked or how, so that older folders are made anew.
TOOLS_RECIPE=3

# need_nix gives the commands nix-current and nix-2.8, the newest and the oldest Nix that the modules promise to work with.
need_nix() {
  PATH="$PWD/target/tools/bin:$PATH"
  if ! made nix; then
    printf 'unpacking two versions of Nix; this happens once\n' >&2
    unpack_nix current sid || unpack_nix current trixie || die "no current Nix of Debian runs here; target/tools/*.log says why"
    unpack_nix 2.8 bookworm || die "Nix 2.8 of Debian does not run here; target/tools/*.log says why"
    stamp nix
  fi
  printf 'nix-current: %s\nnix-2.8: %s\n' "$(nix-current --version)" "$(nix-2.8 --version)" >&2
}

# need_machines gives the trees of two bootable systems, machine-sid and machine-trixie, and systemd-nspawn to boot them.
need_machines() {
  PATH="$PWD/target/tools/bin:$PATH"
  if ! made machines; then
    printf 'unpacking two small systems; this happens once\n' >&2
    unpack_machine sid sid || unpack_machine sid forky || die "no current Debian can be unpacked; target/tools/*.log says why"
    unpack_machine trixie trixie || die "Debian trixie cannot be unpacked; target/tools/*.log says why"
    rm -f target/tools/bin/systemd-nspawn
    nspawn_wrapper >target/tools/bin/systemd-nspawn
    chmod +x target/tools/bin/systemd-nspawn
    stamp machines
  fi
  systemd-nspawn --version >/dev/null 2>&1 || die "systemd-nspawn does not run; on Debian and Ubuntu: apt-get install systemd-container"
  local name
  for name in sid trixie; do
    printf 'machine-%s: %s\n' "$name" "$(machine_systemd "target/tools/machine-$name")" >&2
  done
}

made() {
  [[ "$(cat "target/tools/$1-made" 2>/dev/null)" == "$TOOLS_RECIPE" ]]
}

stamp() {
  printf '%s\n' "$TOOLS_RECIPE" >"target/tools/$1-made"
}

# The status of a package names its version without anything of the machine being run.
machine_systemd() {
  awk '/^Package: systemd$/ { found = 1 } found && /^Version: / { print "systemd " $2; exit }' "$1/var/lib/dpkg/status"
}

# unpack_nix NAME SUITE makes target/tools/nix-NAME and its wrapper, and tries both.
unpack_nix() {
  local tree="$PWD/target/tools/nix-$1"
  unpack "nix-$1" "$2" --variant=extract --include=nix-bin,libc6,bash-static,busybox-static || return 1
  make_nix "$1" "$tree"
}

# make_nix NAME TREE makes target/tools/bin/nix-NAME, and tries it.
make_nix() {
  nix_wrapper "$1" "$2" >"target/tools/bin/nix-$1" || return 1
  chmod +x "target/tools/bin/nix-$1"
  [[ "$("target/tools/bin/nix-$1" eval --expr '20 + 22' 2>>"target/tools/nix-$1.log")" == 42 ]]
}

# copy_nix FOLDER makes the same two commands below another folder, with stores of their own.
copy_nix() {
  local tools=$PWD/target/tools name part
  mkdir -p "$1/target/tools/bin"
  for name in current 2.8; do
    mkdir "$1/target/tools/nix-$name"
    for part in bin lib lib64 usr; do
      [[ ! -e $tools/nix-$name/$part ]] || cp -R "$tools/nix-$name/$part" "$1/target/tools/nix-$name/"
    done
    (cd "$1" && make_nix "$name" "$PWD/target/tools/nix-$name") || die "nix-$name does not run in a copy below $1"
  done
}

# The store, the cache and the settings are its own, so that a Nix of this machine is neither used nor changed. Builds see a
# static shell and a static busybox, and nothing else of any system.
nix_wrapper() {
  local loader shell tools
  loader=$(first_file "$2"/lib64/ld-linux-* "$2"/usr/lib64/ld-linux-* "$2"/lib/ld-linux-* "$2"/usr/lib/ld-linux-*) || return 1
  shell=$(first_file "$2"/usr/bin/bash-static "$2"/bin/bash-static) || return 1
  tools=$(first_file "$2"/usr/bin/busybox "$2"/bin/busybox) || return 1
  local state="$PWD/target/tools/nix-state/$1"
  mkdir -p "$state/conf"
  # Nix 2.8 asks a hook before every build, even where none is set.
  printf '#!/bin/sh\necho "# decline-permanently" >&2\nexec cat >/dev/null\n' >"$state/hook"
  chmod +x "$state/hook"
  cat <<WRAPPER
#!/bin/sh
export NIX_CONF_DIR='$state/conf' NIX_USER_CONF_FILES= NIX_STATE_DIR='$state/var' XDG_CACHE_HOME='$state/cache'
unset NIX_PATH NIX_REMOTE NIX_STORE_DIR
NIX_CONFIG='experimental-features = nix-command flakes
substituters =
flake-registry =
build-users-group =
build-hook = $state/hook
sandbox = true
sandbox-paths = /bin/sh=$shell /bin/bash=$shell /bin/busybox=$tools
warn-dirty = false
'"\${NIX_CONFIG-}"
export NIX_CONFIG
exec '$loader' --argv0 nix --library-path '$(library_path "$2")' '$2/usr/bin/nix' --store '$state/root' "\$@"
WRAPPER
}

library_path() {
  local folder found=
  for folder in "$1"/lib/*-linux-gnu "$1"/usr/lib/*-linux-gnu "$1"/usr/lib/nix "$1"/{usr/,}lib/*-linux-gnu/systemd; do
    [[ ! -d $folder ]] || found+="${found:+:}$folder"
  done
  printf '%s' "$found"
}

first_file() {
  local path
  for path in "$@"; do
    [[ -f $path ]] && printf '%s' "$path" && return
  done
  return 1
}

# It may need a library that only a machine with systemd has.
nspawn_wrapper() {
  local tree="$PWD/target/tools/debian"
  cat <<WRAPPER
#!/bin/sh
export LD_LIBRARY_PATH='$(library_path "$tree")'
exec '$tree/usr/bin/systemd-nspawn' "\$@"
WRAPPER
}

# Without devices, which a booting machine gets anew, and which nobody who copies this repository could copy.
unpack_machine() {
  unpack "machine-$1" "$2" --variant=minbase --include=systemd,systemd-sysv,dbus,udev &&
    as_root find "target/tools/machine-$1/dev" -mindepth 1 -delete
}

# unpack NAME SUITE OPTION… makes target/tools/NAME out of packages of Debian.
unpack() {
  local name=$1 suite=$2
  shift 2
  local root="target/tools/$name" log="target/tools/$name.log"
  need_unpacker
  local -a keyring=()
  [[ -e /usr/share/keyrings/debian-archive-keyring.gpg ]] || keyring=(--keyring="$PWD/target/tools/debian/usr/share/keyrings")
  as_root rm -rf -- "$root"
  printf '%s: from %s\n' "$name" "$suite" >&2
  as_root target/tools/debian/usr/bin/mmdebstrap --quiet --aptopt='Acquire::Check-Valid-Until "false"' \
    --aptopt='APT::Install-Recommends "false"' "${keyring[@]}" "$@" "$suite" "$root" >"$log" 2>&1
}

# What unpacks and boots the systems; the lists of packages may be too old or not there at all.
need_unpacker() {
  made debian && return
  has apt-get || die "unpacking Debian's packages needs apt-get; run this on Debian or Ubuntu, or in a container of them"
  local -a packages=(mmdebstrap systemd-container)
  [[ -e /usr/share/keyrings/debian-archive-keyring.gpg ]] || packages+=(debian-archive-keyring)
  local folder="$PWD/target/tools/debian"
  rm -rf -- "$folder"
  mkdir -p "$folder" target/tools/bin
  need perl:perl
  download "$folder" "${packages[@]}" || {
    update_packages
    download "$folder" "${packages[@]}" || die "cannot download ${packages[*]}"
  }
  # Ubuntu keeps this library in the package of systemd itself.
  download "$folder" libsystemd-shared 2>/dev/null || true
  local package
  for package in "$folder"/*.deb; do
    dpkg -x "$package" "$folder"
  done
  stamp debian
}

download() {
  (cd "$1" && apt-get -qq -o APT::Sandbox::User=root download "${@:2}" >&2)
}
