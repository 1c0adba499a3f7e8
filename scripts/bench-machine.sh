# shellcheck shell=bash disable=SC2016,SC2154
# The host program beside sops-nix, inside a booted machine. Sourced by scripts/bench, which sets its variables; never run.

SOPS_NIX_REV=56b24064fdcaedca53553b1a6d607fd23b613a24
# Where the timings stay, since they also hold the slowest and the fastest runs.
machine_results=target/bench-machine

bench_machine() {
  need hyperfine:hyperfine ssh-keygen:openssh-client unshare:util-linux
  [[ $EUID -eq 0 ]] || die "run it as root: it boots a machine"
  need_sops_nix
  need_machines
  cargo build --quiet --locked --bin secretctl
  cargo build --quiet --locked --release --no-default-features --bin secretctl-host
  local folder=$work/machine
  mkdir "$folder"
  wide_fleet "$folder" 1
  wide_change "$folder"
  wide_sops "$folder"
  furnish "$folder"
  local runs=15
  [[ $1 != --quick ]] || runs=2
  printf 'measuring in a machine; the load of this machine is %s\n' "$(load)" >&2
  boot_machine "$folder" "$runs"
  mkdir -p "$machine_results"
  cp "$folder"/out/*.json "$machine_results"
  machine_report "$machine_results" "$runs" >"$work/machine.md"
  publish machine "$work/machine.md" "$1"
}

# sops encrypts, and the program of sops-nix installs.
need_sops_nix() {
  need_sops
  need_go_tool SOPS_INSTALL_SECRETS github.com/Mic92/sops-nix/pkgs/sops-install-secrets "$SOPS_NIX_REV"
}

# --- what lies in the machine ------------------------------------------------------------------------------------

# furnish FOLDER makes `bench`, which the machine sees as /bench, and its units and accounts.
furnish() {
  local folder=$1 bench=$1/bench version
  mkdir -p "$bench/units" "$folder/out" "$folder/units" "$folder/sysusers.d"
  mv "$folder"/sealed-? "$folder"/sops-? "$bench"
  for version in a b; do
    our_request "$folder" "$version" >"$bench/request-$version.json"
    sops_manifest "$folder" "$version" one >"$bench/one-$version.json"
    sops_manifest "$folder" "$version" many >"$bench/many-$version.json"
    expected "$folder" "$version" >"$bench/expected-$version"
  done
  cp "$bench/request-a.json" "$bench/request.json"
  jq --null-input --raw-output --argjson accounts "$WIDE_ACCOUNTS" \
    '"g keys 96", (range($accounts) | "g group\(.) \(600 + .)", "u user\(.) \(700 + .) \"\" /")' >"$folder/sysusers.d/bench.conf"
  our_units "$folder/units"
  sops_unit one "$folder/units"
  sops_unit many "$folder/units"
}

our_request() {
  jq --arg version "$2" --arg key "$(cut -d ' ' -f 1,2 "$1/admin.pub")" '
    def text: [.secrets | to_entries[] | "KEY_\(.key)=<secret:\(.value)>\n"] | "MODE=production\n" + add;
    {version: 1, host: "h1", sealed: "/bench/sealed-\($version)/h1", trusted_keys: [$key], identities: ["/persist/host-key"],
     secrets: [.secrets[] | {secret: .name, owner, group, mode}],
     templates: [.templates[] | {name, content: text, format: "dotenv", owner, group, mode}]}' "$1/spec.json"
}

# With what the NixOS module of sops-nix writes where nothing is set, but for memory of the kind that secretctl uses.
sops_manifest() {
  jq --arg version "$2" --arg kind "$3" '
    def placeholder: "<SOPS:\(@base64):PLACEHOLDER>";
    def text: [.secrets | to_entries[] | "KEY_\(.key)=\(.value | placeholder)\n"] | "MODE=production\n" + add;
    def file: if $kind == "one" then "one" else "many/\(ltrimstr("bench/"))" end;
    {secretsMountPoint: "/run/sops.d", symlinkPath: "/run/sops", keepGenerations: 1, useTmpfs: true, userMode: false,
     sshKeyPaths: [], ageSshKeyPaths: ["/persist/host-key"], logging: {keyImport: true, secretChanges: true},
     placeholderBySecretName: ([.secrets[] | {(.name): (.name | placeholder)}] | add),
     secrets: [.secrets[] | {name, key: .name, path: "/run/sops/\(.name)", owner, group, mode, format: "yaml",
       sopsFile: "/bench/sops-\($version)/\(.name | file).yaml", restartUnits: [], reloadUnits: []}],
     templates: [.templates[] | {name, content: text, path: "/run/sops/rendered/\(.name)", owner, group, mode,
       restartUnits: [], reloadUnits: []}]}' "$1/spec.json"
}

# expected FOLDER VERSION lists what has to be there: place, owner, group, mode and content of every file.
expected() {
  jq --raw-output --slurpfile values "$1/values-$2.json" '
    def row($place; $text): [$place, .owner, .group, (.mode | ltrimstr("0")), ($text | @base64)] | join("\t");
    (.secrets[] | row(.name; $values[0][.name])),
    (.templates[] | row("rendered/\(.name)";
      "MODE=production\n" + ([.secrets | to_entries[] | "KEY_\(.key)=\($values[0][.value])\n"] | add)))' "$1/spec.json" |
    LC_ALL=C sort
}

# The units that the NixOS module generates, which the tests keep here; `nothing` has the sandbox alone.
our_units() {
  local name
  for name in secretctl-mount.service secretctl.service; do
    sed -e 's|@program@|/usr/bin/secretctl-host|; s|@request@|/bench/request.json|; s|@path@|/usr/local/bin:/usr/bin:/bin|' \
      "tests/machine/units/$name" >"$1/$name"
    unlimited "$1/$name"
  done
  sed 's|^ExecStart=.*|ExecStart=/bin/true|' "$1/secretctl.service" >"$1/nothing.service"
  unlimited "$1/nothing.service"
  printf '[Unit]\nDefaultDependencies=false\n[Service]\nType=oneshot\nRemainAfterExit=true\nExecStart=/bin/true\n' >"$1/bare.service"
  unlimited "$1/bare.service"
  mkdir "$1/sysinit.target.wants"
  ln -s ../secretctl.service "$1/sysinit.target.wants"
}

# What the module of sops-nix gives its unit: no sandbox.
sops_unit() {
  cat >"$2/sops-$1.service" <<UNIT
[Unit]
DefaultDependencies=false
RequiresMountsFor=/persist/host-key
[Service]
Type=oneshot
RemainAfterExit=true
Environment=SOPS_RESTART_UNITS_VIA_SYSTEMCTL=1
ExecStart=/usr/bin/sops-install-secrets /bench/$1.json
UNIT
  unlimited "$2/sops-$1.service"
}

# Nobody else starts a unit many times in ten seconds.
unlimited() {
  mkdir "$1.d"
  printf '[Unit]\nStartLimitIntervalSec=0\n' >"$1.d/often.conf"
}

# --- booting -----------------------------------------------------------------------------------------------------

# boot_machine FOLDER RUNS boots as the tests do (tests/machine/machine.rs), with control groups of its own.
boot_machine() {
  local folder=$1 name=secretctl-bench-$$
  unshare --mount --propagation private -- sh -c '
    umount -R /sys/fs/cgroup
    mount -t cgroup2 none /sys/fs/cgroup
    group=/sys/fs/cgroup/$0
    mkdir $group
    (echo 0 >$group/cgroup.procs; exec "$@")
    ended=$?
    find $group -depth -type d -exec rmdir {} +
    exit $ended' "$name" \
    timeout --kill-after=5 3600 target/tools/bin/systemd-nspawn --quiet --register=no --keep-unit --volatile=overlay --console=pipe \
    --private-network --capability=CAP_IPC_LOCK --machine="$name" --directory "$(realpath target/tools/machine-sid)" \
    --bind-ro="$secretctl_host:/usr/bin/secretctl-host" \
    --bind-ro="$(realpath "$SOPS_INSTALL_SECRETS"):/usr/bin/sops-install-secrets" \
    --bind-ro="$(command -v hyperfine):/usr/bin/hyperfine" \
    --bind-ro="$PWD/scripts/bench-in-machine:/usr/bin/bench-in-machine" \
    --bind-ro="$folder/host-key:/persist/host-key" \
    --bind="$folder/bench:/bench" \
    --bind="$folder/out:/out" \
    --bind-ro="$folder/units:/usr/local/lib/systemd/system" \
    --bind-ro="$folder/sysusers.d:/usr/local/lib/sysusers.d" \
    --boot systemd.run="/usr/bin/bench-in-machine $2" systemd.show_status=0 </dev/null >"$folder/console" 2>&1 ||
    die "the machine failed:
$(cat "$folder/console" "$folder/out/log" 2>/dev/null)"
}

# --- the tables --------------------------------------------------------------------------------------------------

machine_report() {
  printf 'Measured on %s, in a machine of %s; sops-nix %s, sops %s. Medians of %s runs of sops-nix and %s of everything else, in milliseconds; in brackets how many times our own.\n\n' \
    "$(machine)" "$(machine_systemd target/tools/machine-sid)" "${SOPS_NIX_REV:0:8}" "$("$SOPS" --disable-version-check --version | grep -o -m 1 '[0-9][0-9.]*')" \
    "$2" "$((3 * $2))"
  printf '| the program alone | cold | unchanged | one changed |\n|---|--:|--:|--:|\n'
  machine_row "$1" '`secretctl-host activate`' ours ours cold unchanged changed
  machine_row "$1" '`sops-install-secrets`, one document' one ours cold unchanged changed
  machine_row "$1" '`sops-install-secrets`, 200 documents' many ours cold unchanged changed
  printf '\n| `systemctl restart` | unchanged | one changed |\n|---|--:|--:|\n'
  machine_row "$1" '`secretctl.service`' unit-ours unit-ours unchanged changed
  machine_row "$1" '`secretctl-mount.service secretctl.service`, as a switch does' switch unit-ours unchanged changed
  machine_row "$1" '`sops-install-secrets.service`, one document' unit-one unit-ours unchanged changed
  machine_row "$1" '`sops-install-secrets.service`, 200 documents' unit-many unit-ours unchanged changed
  machine_row "$1" '`true` in the sandbox of `secretctl.service`' unit-nothing unit-ours unchanged
  machine_row "$1" '`true` in a unit without a sandbox' unit-bare unit-ours unchanged
}

# machine_row RESULTS WORDS NAME OWN SITUATION…
machine_row() {
  local results=$1 name=$3 own=$4 situation
  printf '| %s |' "$2"
  for situation in "${@:5}"; do
    if [[ $name == "$own" ]]; then
      printf ' %s |' "$(median "$results/$name-$situation.json")"
    else
      printf ' %s |' "$(beside "$results/$name-$situation.json" "$(median "$results/$own-$situation.json")")"
    fi
  done
  [[ $name != unit-nothing && $name != unit-bare ]] || printf ' |'
  printf '\n'
}
