# shellcheck shell=bash disable=SC2154
# What `check` and `audit` cost over a large fleet, and what its signatures cost. Sourced by scripts/bench, which sets its variables; never run.

# Where the timings stay, since they also hold the slowest and the fastest runs.
audit_results=target/bench-audit

bench_audit() {
  need hyperfine:hyperfine age-keygen:age ssh-keygen:openssh-client git:git /usr/bin/time:time
  cargo build --quiet --locked --release --bin secretctl
  build_bench fleet
  local secrets=10000 hosts=100 lines=10
  local -a runs=(--warmup 1 --runs 7)
  if [[ $1 == --quick ]]; then
    secrets=200 hosts=10 runs=(--runs 2)
  fi
  local folder=$work/audited
  audited_fleet "$folder" "$secrets" "$hosts" "$lines"
  mkdir -p "$audit_results"
  rm -f "$audit_results"/*.json
  local released=$PWD/target/release/secretctl
  # In keyless CI nothing is there but the checkout.
  export SECRETCTL_FLEET=$folder/fleet
  # At a time when nothing is due, so that an error means something else.
  local -A commands=([check]="check" [audit]="audit --at 2025-10-05")
  local name
  for name in check audit; do
    measure "$audit_results/$name.json" --shell=none "${runs[@]}" "$released ${commands[$name]}"
    # shellcheck disable=SC2086
    resident "$released" ${commands[$name]} >"$audit_results/$name.kib"
  done
  measure "$audit_results/seal.json" --shell=none "${runs[@]}" "$released seal --check"
  peer_signatures "$folder" >"$audit_results/peer.ms"
  unset SECRETCTL_FLEET
  audit_report "$secrets" "$hosts" "$lines" >"$work/audit.md"
  publish audit "$work/audit.md" "$1"
}

audited_fleet() {
  local folder=$1
  printf 'making a fleet of %s secrets, %s hosts and %s ledger lines for each secret\n' "$2" "$3" "$4" >&2
  mkdir "$folder"
  ssh-keygen -q -t ed25519 -N '' -f "$folder/admin"
  age-keygen --output "$folder/identity" 2>/dev/null
  for _ in $(seq "$3"); do
    age-keygen 2>/dev/null | sed -n 's/^# public key: //p'
  done >"$folder/hosts"
  target/benches/measured/bench-fleet "$folder/fleet" "$folder/admin" "$(age-keygen -y "$folder/identity")" "$folder/hosts" "$2" "$4"
  SECRETCTL_FLEET=$folder/fleet SECRETCTL_IDENTITY=$folder/identity SECRETCTL_SIGNING_KEY=$folder/admin \
    quietly "$PWD/target/release/secretctl" seal
}

# resident PROGRAM COMMAND prints the most that was resident at once, in KiB.
resident() {
  /usr/bin/time --format %M --output "$work/resident" "$@" >/dev/null 2>&1 || true
  cat "$work/resident"
}

# The way without secretctl: `ssh-keygen` once for each line; milliseconds of one, over 200.
peer_signatures() {
  local ledger=$1/fleet/secrets/service-0/secret-0.ledger start end
  printf 'bench %s\n' "$(cut -d ' ' -f 1,2 "$1/admin.pub")" >"$work/signers"
  head -n 1 "$ledger" | sed 's/,"sig":"[^"]*"}$/}/' | tr -d '\n' >"$work/signed"
  {
    printf -- '-----BEGIN SSH SIGNATURE-----\n'
    head -n 1 "$ledger" | sed 's/.*,"sig":"\([^"]*\)"}$/\1/' | fold --width=70
    printf -- '-----END SSH SIGNATURE-----\n'
  } >"$work/signature"
  start=$(date +%s%N)
  for _ in $(seq 200); do
    ssh-keygen -Y verify -f "$work/signers" -I bench -n secretctl-ledger -s "$work/signature" <"$work/signed" >/dev/null || die "ssh-keygen does not verify a ledger line"
  done
  end=$(date +%s%N)
  printf '%s\n' "$(((end - start) / 200000))" | sed 's/...$/.&/'
}

# The backquotes are Markdown.
# shellcheck disable=SC2016
audit_report() {
  local check audit seal peer
  check=$(median_of check) audit=$(median_of audit) seal=$(median_of seal) peer=$(<"$audit_results/peer.ms")
  printf 'Measured on %s. Medians of wall time.\n\n' "$(machine)"
  printf '| %s secrets, %s hosts, %s ledger lines | ms | peak memory |\n|---|--:|--:|\n' "$1" "$2" "$(($1 * $3))"
  printf '| `secretctl check` | %s | %s MiB |\n' "$check" "$(($(<"$audit_results/check.kib") / 1024))"
  printf '| `secretctl audit` | %s | %s MiB |\n' "$audit" "$(($(<"$audit_results/audit.kib") / 1024))"
  printf '| `secretctl seal --check`, nothing to do | %s | |\n' "$seal"
  jq --null-input --raw-output --argjson one "$peer" --argjson lines "$(($1 * $3))" --argjson check "$check" \
    '"| `ssh-keygen -Y verify` for each line, by 200 of them | \($one * $lines | round) (\($one * $lines / $check | round)×) | |"'
}

median_of() {
  jq '.results[0].median * 1000 | round' "$audit_results/$1.json"
}
