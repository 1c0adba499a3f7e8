# shellcheck shell=bash disable=SC2154
# A fleet of hosts that each read 200 secrets and 30 templates, and the same for sops-nix. Sourced by scripts/bench, which
# sets its variables; never run.

# Users and groups, so that owners and modes do not go hand in hand.
WIDE_ACCOUNTS=12

# wide_spec WORK writes down what a host reads: who owns each file, its mode, and what the templates hold.
wide_spec() {
  jq --null-input --argjson accounts "$WIDE_ACCOUNTS" '
    def name: "bench/s\(. + 1000 | tostring | .[1:])";
    def owned: {owner: "user\(. % $accounts)", group: "group\(. * 5 % $accounts)", mode: ["0400", "0440", "0444"][(. / 7 | floor) % 3]};
    {
      secrets: [range(200) | {name: name} + owned],
      templates: [range(30) | . as $t | {name: "t\($t).env", secrets: [range(5) | . + 5 * $t | name]} + ($t | owned)]
    }' >"$1/spec.json"
}

# Letters and digits mean the same with and without quotes, so that both programs render the same bytes; a letter comes first, so
# that no reader of YAML takes a value for a number.
wide_values() {
  local names
  names=$(jq --raw-output '.secrets[].name' "$1/spec.json")
  paste -d ' ' <(printf '%s\n' "$names") <(head -c 6400 /dev/urandom | od -An -v -tx1 -w32 | tr -d ' ' | sed 's/^./v/') |
    jq --raw-input --null-input '[inputs | split(" ") | {(.[0]): .[1]}] | add' >"$1/values-a.json"
  jq '."bench/s005" |= "changed" + .[7:]' "$1/values-a.json" >"$1/values-b.json"
}

# wide_fleet WORK COUNT makes as many hosts, h1 and so on, and seals them: tree a, and tree b with one other value.
wide_fleet() {
  local work=$1 count=$2 number name
  printf 'making a fleet of %s hosts with 200 secrets; the load of this machine is %s\n' "$count" "$(load)" >&2
  ssh-keygen -q -t ed25519 -N '' -f "$work/admin"
  ssh-keygen -q -t ed25519 -N '' -C host -f "$work/host-key"
  wide_spec "$work"
  wide_values "$work"
  export SECRETCTL_FLEET=$work/fleet SECRETCTL_IDENTITY=$work/admin SECRETCTL_SIGNING_KEY=$work/admin
  quietly "$secretctl" init "$work/fleet" --admin bench --recipient "$(<"$work/admin.pub")" --signing-key "$work/admin.pub"
  rm -f "$work"/fleet/policies/*.rhai
  printf 'allow("bench/*").hosts("*");\n' >"$work/fleet/policies/bench.rhai"
  # Written by hand: `host add` rightly refuses one key for several hosts.
  for number in $(seq "$count"); do
    printf '\n[hosts.h%s]\nstate = "dormant"\nrecipients = ["%s"]\n' "$number" "$(cut -d ' ' -f 1,2 "$work/host-key.pub")"
  done >>"$work/fleet/secretctl.toml"
  while read -r name; do
    wide_set "$work" a "$name"
  done < <(jq --raw-output '.secrets[].name' "$work/spec.json")
  sed -i '/^state = "dormant"$/d' "$work/fleet/secretctl.toml"
  quietly "$secretctl" seal
  cp -R "$work/fleet/sealed" "$work/sealed-a"
}

# wide_change WORK seals one changed value.
wide_change() {
  wide_set "$1" b bench/s005
  quietly "$secretctl" seal
  cp -R "$1/fleet/sealed" "$1/sealed-b"
}

wide_set() {
  jq --join-output --arg name "$3" '.[$name]' "$1/values-$2.json" | quietly "$secretctl" set "$3" --from-file -
}

# wide_sops WORK encrypts the same values for the same host key: all in one document, and each in one of its own.
wide_sops() {
  local work=$1 version key name
  key=$(age_of_ssh "$work")
  for version in a b; do
    mkdir -p "$work/sops-$version/many"
    jq 'to_entries | {bench: map({(.key | ltrimstr("bench/")): .value}) | add}' "$work/values-$version.json" |
      to_sops "$key" >"$work/sops-$version/one.yaml"
  done
  while read -r name; do
    one_sops "$work" a "$name" | to_sops "$key" >"$work/sops-a/many/${name#bench/}.yaml"
  done < <(jq --raw-output '.secrets[].name' "$work/spec.json")
  cp "$work/sops-a/many/"* "$work/sops-b/many"
  one_sops "$work" b bench/s005 | to_sops "$key" >"$work/sops-b/many/s005.yaml"
}

one_sops() {
  jq --arg name "$3" '{bench: {($name | ltrimstr("bench/")): .[$name]}}' "$1/values-$2.json"
}

to_sops() {
  "$SOPS" --config /dev/null encrypt --age "$1" --input-type json --output-type yaml /dev/stdin
}

# The age key that sops-nix makes of the host key; the program tells it when it is given no secret at all.
age_of_ssh() {
  local manifest=$1/age.json key
  mkdir "$1/age"
  jq --null-input --arg key "$1/host-key" '{secretsMountPoint: "%r/mount", symlinkPath: "%r/link", ageSshKeyPaths: [$key],
    userMode: true, logging: {keyImport: true}, keepGenerations: 1, secrets: [], templates: []}' >"$manifest"
  key=$(XDG_RUNTIME_DIR=$1/age "$SOPS_INSTALL_SECRETS" -ignore-passwd "$manifest" 2>&1 | grep -o 'age1[a-z0-9]*' | head -n 1)
  [[ -n $key ]] || die "sops-install-secrets does not say which age key it makes of an ssh key"
  printf '%s' "$key"
}
