# shellcheck shell=bash disable=SC2154
# What the NixOS module costs when a configuration is evaluated. Sourced by scripts/bench, which sets its variables; never run.

# Where the timings stay, since they also hold the slowest and the fastest runs.
nix_results=target/bench-nix

bench_nix() {
  need hyperfine:hyperfine ssh-keygen:openssh-client
  need_nix
  cargo build --quiet --locked --bin secretctl
  local folder=$work/nix count kind
  local -a kinds=(nobody secretctl) runs=(--warmup 1 --runs 9)
  [[ $1 != --quick ]] || runs=(--runs 2)
  mkdir "$folder"
  wide_fleet "$folder" 20
  rm -rf -- "$folder/sealed-a"
  if [[ -n ${SOPS_NIX:-} ]]; then
    [[ -d $SOPS_NIX/modules/sops ]] || die "SOPS_NIX names $SOPS_NIX, which is no checkout of sops-nix"
    need_sops
    wide_sops "$folder"
    kinds+=(one many)
  else
    printf 'leaving out sops-nix: SOPS_NIX names no checkout of https://github.com/Mic92/sops-nix\n' >&2
  fi
  declarations "$folder"
  printf 'evaluating; the load of this machine is %s\n' "$(load)" >&2
  mkdir -p "$nix_results"
  rm -f "$nix_results"/*.json
  for count in 1 20; do
    for kind in "${kinds[@]}"; do
      evaluation "$folder" "$kind" "$count" "${runs[@]}"
    done
  done
  nix_report "${runs[*]: -1}" "${kinds[@]}" >"$work/nix.md"
  publish nix "$work/nix.md" "$1"
}

# declarations FOLDER writes the options of both modules out.
declarations() {
  written "$1" secretctl '' >"$1/secretctl.nix"
  written "$1" sops ./sops-a/one.yaml >"$1/sops-one.nix"
  written "$1" sops ./sops-a/many/NAME.yaml >"$1/sops-many.nix"
}

written() {
  jq --raw-output --arg side "$2" --arg file "$3" --from-file benches/nix/declarations.jq "$1/spec.json"
}

# evaluation FOLDER KIND COUNT OPTION… measures the evaluation of some hosts.
evaluation() {
  local folder=$1 kind=$2 count=$3 sops=
  shift 3
  [[ -z ${SOPS_NIX:-} ]] || sops="sopsNix = $(realpath "$SOPS_NIX");"
  printf 'import %s/benches/nix { folder = %s; kind = "%s"; count = %s; %s }\n' "$PWD" "$folder" "$kind" "$count" "$sops" >"$folder/evaluate-$kind.nix"
  local command="nix-current eval --impure --json --file $folder/evaluate-$kind.nix"
  # Every host is a system of its own.
  [[ $($command | jq 'unique | length') == "$count" ]] || die "not all $count hosts evaluate with $kind"
  NIX_CONFIG='allow-import-from-derivation = false' measure "$nix_results/$kind-$count.json" --shell=none "$@" "$command"
}

# --- the table ---------------------------------------------------------------------------------------------------

nix_report() {
  local times=$1 kind
  shift
  printf 'Measured on %s; %s. Medians of %s runs in milliseconds; in brackets what is added to a configuration without secrets.\n\n' \
    "$(machine)" "$(nix-current --version)" "$times"
  printf '| | 1 host | 20 hosts |\n|---|--:|--:|\n'
  for kind in "$@"; do
    printf '| %s | %s | %s |\n' "$(words_of "$kind")" "$(over_nobody "$kind" 1)" "$(over_nobody "$kind" 20)"
  done
}

words_of() {
  case $1 in
    nobody) printf 'without secrets' ;;
    secretctl) printf 'with secretctl' ;;
    one) printf 'with sops-nix, one document' ;;
    many) printf 'with sops-nix, 200 documents' ;;
  esac
}

over_nobody() {
  local own
  own=$(median "$nix_results/$1-$2.json")
  if [[ $1 == nobody ]]; then
    printf '%s' "$own"
  else
    jq --null-input --raw-output --argjson own "$own" --argjson nobody "$(median "$nix_results/nobody-$2.json")" \
      '"\($own) (+\(($own - $nobody) * 10 | round / 10))"'
  fi
}
