# shellcheck shell=bash disable=SC2153,SC2154
# What opening and writing SOPS files costs, beside the real `sops` and the crate rops. Sourced by scripts/bench, which sets its variables; never run.

# Where the timings stay, since they also hold the slowest and the fastest runs.
sops_results=target/bench-sops/results

bench_sops() {
  need hyperfine:hyperfine age-keygen:age ssh-keygen:openssh-client xargs:findutils /usr/bin/time:time
  need_sops
  cargo build --quiet --locked --release --bin secretctl
  build_bench sops
  local folder=$work/documents released=$PWD/target/release/secretctl engine=$PWD/target/benches/measured/bench-sops
  local keys=1000 files=100 huge=213000 own=101
  local -a runs=(--warmup 1 --runs 21) slow=(--warmup 1 --runs 5)
  if [[ $1 == --quick ]]; then
    keys=100 files=10 huge=1000 own=5 runs=(--runs 2) slow=(--runs 2)
  fi
  sops_documents "$folder" "$keys" "$files" "$huge"
  sops_fleets "$folder"
  sops_outcomes "$folder"
  printf 'every outcome is right; measuring, the load of this machine is %s\n' "$(load)" >&2
  mkdir -p "$sops_results"
  rm -f "$sops_results"/*
  sops_processes "$folder"
  sops_in_fleets "$folder"
  sops_inside "$folder" "$own"
  sops_huge "$folder"
  sops_report "$folder" "$keys" "$files" >"$work/sops.md"
  publish sops "$work/sops.md" "$1"
}

# --- the documents -----------------------------------------------------------------------------------------------

# sops_documents FOLDER KEYS FILES HUGE makes keys and documents, all encrypted by the real `sops`.
sops_documents() {
  local folder=$1 set file age
  mkdir -p "$folder"/{plain,sops}/{one,many,huge} "$folder/sops/ssh" "$folder/home"
  # rops takes every line of a file of keys for a key.
  age-keygen 2>/dev/null | grep '^AGE-SECRET-KEY-' >"$folder/age"
  ssh-keygen -q -t ed25519 -N '' -C bench -f "$folder/ssh"
  age=$(age-keygen -y "$folder/age")
  export SOPS_AGE_KEY_FILE=$folder/age SOPS_AGE_SSH_PRIVATE_KEY_FILE=$folder/ssh ROPS_AGE_KEY_FILE=$folder/age
  "$engine" make "$folder/plain/one" "$2" 1
  "$engine" make "$folder/plain/many" 20 "$3"
  "$engine" make "$folder/plain/huge" "$4" 1
  printf 'encrypting with sops\n' >&2
  for set in one many huge; do
    for file in "$folder/plain/$set"/*.yaml; do
      the_sops encrypt --age "$age" "$file" >"$folder/sops/$set/${file##*/}"
    done
  done
  the_sops encrypt --age "$(cut -d ' ' -f 1,2 "$folder/ssh.pub")" "$folder/plain/one/0.yaml" >"$folder/sops/ssh/0.yaml"
  fresh "$folder"
  printf '%s\n' "$folder"/run/many/*.yaml >"$folder/list"
}

# The real `sops`, without the settings and keys of whoever runs this.
the_sops() {
  HOME=$work "$SOPS" --disable-version-check --config /dev/null "$@"
}

# Documents to work on, as they were at first.
fresh() {
  rm -rf -- "$1/run"
  cp -R "$1/sops" "$1/run"
}

# Two fleets: in one the document of many keys, which 25 hosts read, in one the many documents.
sops_fleets() {
  local folder=$1 set
  printf 'adopting the documents into fleets\n' >&2
  ssh-keygen -q -t ed25519 -N '' -f "$folder/admin"
  export SECRETCTL_IDENTITY=$folder/age SECRETCTL_SIGNING_KEY=$folder/admin
  for set in one many; do
    export SECRETCTL_FLEET=$folder/fleet-$set
    quietly "$released" init "$SECRETCTL_FLEET" --admin bench --recipient "$(age-keygen -y "$folder/age")" --signing-key "$folder/admin.pub"
    rm -f "$SECRETCTL_FLEET"/policies/*.rhai
    printf 'allow("*/{host}/**");\n' >"$SECRETCTL_FLEET/policies/bench.rhai"
  done
  jq --raw-output 'keys[]' "$folder/plain/one/0.json" | while read -r host; do
    printf '\n[hosts.%s]\nrecipients = ["%s"]\n' "$host" "$(age-keygen 2>/dev/null | sed -n 's/^# public key: //p')"
  done >>"$folder/fleet-one/secretctl.toml"
  mkdir -p "$folder"/fleet-{one,many}/secrets "$folder/fleet-many/secrets/many"
  cp "$folder/sops/one/0.yaml" "$folder/fleet-one/secrets/one.sops.yaml"
  for file in "$folder"/sops/many/*.yaml; do
    set=${file##*/}
    cp "$file" "$folder/fleet-many/secrets/many/${set%.yaml}.sops.yaml"
    printf 'many/%s\n' "${set%.yaml}"
  done >"$folder/names"
  for set in one many; do
    SECRETCTL_FLEET=$folder/fleet-$set quietly "$released" adopt
    SECRETCTL_FLEET=$folder/fleet-$set quietly "$released" seal
  done
  # Adoption has given it a data key of its own.
  cp "$folder/fleet-one/secrets/one.sops.yaml" "$folder/adopted.yaml"
}

# --- what is done ------------------------------------------------------------------------------------------------

# The key that is set, and its value; benches/sops/src/engine.rs has the same.
sops_key='["host-00"]["grafana"]["password"]'
sops_value=n0w-set-1

# words ENGINE WORK prints the command that does it, without its file.
words() {
  local sops="$SOPS --disable-version-check --config /dev/null"
  case $1-$2 in
    sops-decrypt) printf '%s decrypt' "$sops" ;;
    sops-reencrypt) printf '%s rotate --in-place' "$sops" ;;
    *) printf '%s once %s %s' "$engine" "$1" "$2" ;;
  esac
}

# --- outcomes, before any clock runs -----------------------------------------------------------------------------

sops_outcomes() {
  local folder=$1 set who file number
  printf 'checking what everybody makes of the documents\n' >&2
  jq --arg value "$sops_value" '."host-00".grafana.password = $value' "$folder/plain/one/0.json" >"$folder/set.json"
  for who in sops secretctl rops; do
    for set in one many huge ssh; do
      [[ $who-$set != rops-ssh ]] || continue
      local -x ROPS_AGE_KEY_FILE=$folder/age
      [[ $set != ssh ]] || ROPS_AGE_KEY_FILE=$folder/ssh
      fresh "$folder"
      for file in "$folder/run/$set"/*.yaml; do
        number=$(basename "$file" .yaml)
        right_decrypted "$who" "$file" "$folder/plain/${set/ssh/one}/$number.json"
        right_reencrypted "$who" "$file" "$folder/plain/${set/ssh/one}/$number.json" "$folder/sops/$set/$number.yaml"
      done
    done
  done
  ROPS_AGE_KEY_FILE=$folder/age
  for who in secretctl rops; do
    fresh "$folder"
    "$engine" once "$who" set "$folder/run/one/0.yaml"
    right_set "$who" "$folder/run/one/0.yaml" "$folder" "$folder/sops/one/0.yaml"
  done
  right_in_fleets "$folder"
  fresh "$folder"
}

right_decrypted() {
  # Words of a command and its arguments.
  # shellcheck disable=SC2046
  HOME=$work $(words "$1" decrypt) "$2" >"$work/said.yaml" || die "$1 does not decrypt $2"
  "$engine" says "$work/said.yaml" "$3" || die "$1 decrypts $2 to something else"
}

# What was re-encrypted says the same to the real `sops`, which verifies the MAC, and no ciphertext of before is left.
right_reencrypted() {
  # shellcheck disable=SC2046
  HOME=$work $(words "$1" reencrypt) "$2" >/dev/null 2>&1 || die "$1 does not re-encrypt $2"
  readable "$2"
  right_decrypted sops "$2" "$3"
  [[ -z $(comm -12 <(ciphertexts "$2") <(ciphertexts "$4")) ]] || die "$1 leaves ciphertexts of $2 as they were"
}

# rops writes the time without quotes and leaves the version out; sops reads neither.
readable() {
  sed -i "s/^\\( *\\)lastmodified: \\([0-9].*\\)$/\\1lastmodified: \"\\2\"\n\\1version: ${SOPS_VERSION#v}/" "$1"
}

ciphertexts() {
  grep -o 'ENC\[[^]]*\]' "$1" | LC_ALL=C sort
}

# After setting one key there are as many ciphertexts as before, and two are new: the value and the MAC.
right_set() {
  readable "$2"
  right_decrypted sops "$2" "$3/set.json"
  local new
  new=$(comm -23 <(ciphertexts "$2") <(ciphertexts "$4") | wc -l)
  [[ $new -eq 2 ]] || die "$1 changes $new ciphertexts for one value"
}

right_in_fleets() {
  local folder=$1 name
  SECRETCTL_FLEET=$folder/fleet-one "$released" show one >"$work/said.yaml"
  "$engine" says "$work/said.yaml" "$folder/plain/one/0.json" || die "secretctl shows something else"
  while read -r name; do
    SECRETCTL_FLEET=$folder/fleet-many "$released" show "$name" >"$work/said.yaml"
    "$engine" says "$work/said.yaml" "$folder/plain/$name.json" || die "secretctl shows something else for $name"
  done <"$folder/names"
  printf '%s' "$sops_value" >"$folder/after"
  printf 's3t-me-0' >"$folder/before"
  SECRETCTL_FLEET=$folder/fleet-one quietly "$released" set one/host-00/grafana/password --from-file "$folder/after"
  right_set secretctl "$folder/fleet-one/secrets/one.sops.yaml" "$folder" "$folder/adopted.yaml"
  SECRETCTL_FLEET=$folder/fleet-one quietly "$released" check
}

# --- measuring ---------------------------------------------------------------------------------------------------

sops_processes() {
  local folder=$1 who work_word one="$1/run/one/0.yaml" ssh="$1/run/ssh/0.yaml"
  for who in sops secretctl; do
    for work_word in decrypt reencrypt; do
      timed "$who-one-$work_word" "${runs[@]}" "$(words "$who" "$work_word") $one"
      ROPS_AGE_KEY_FILE=$folder/ssh timed "$who-ssh-$work_word" "${runs[@]}" "$(words "$who" "$work_word") $ssh"
      timed "$who-many-$work_word" "${slow[@]}" "xargs -a $folder/list -n 1 $(words "$who" "$work_word")"
    done
  done
  local again="cp $folder/sops/one/0.yaml $one"
  timed sops-one-set "${runs[@]}" --prepare "$again" \
    "$SOPS --disable-version-check --config /dev/null set $one '$sops_key' '\"$sops_value\"'"
  timed secretctl-one-set "${runs[@]}" --prepare "$again" "$engine once secretctl set $one"
}

timed() {
  HOME=$work measure "$sops_results/$1.json" --shell=none "${@:2}"
}

# With everything that a fleet asks for: policy, ledger, signatures, sealing.
sops_in_fleets() {
  local folder=$1 key=one/host-00/grafana/password
  SECRETCTL_FLEET=$folder/fleet-one timed fleet-one-decrypt "${runs[@]}" "$released show one"
  SECRETCTL_FLEET=$folder/fleet-many timed fleet-many-decrypt "${slow[@]}" "xargs -a $folder/names -n 1 $released show"
  SECRETCTL_FLEET=$folder/fleet-one timed fleet-one-set "${runs[@]}" \
    --prepare "$released set $key --from-file $folder/before" "$released set $key --from-file $folder/after"
}

sops_inside() {
  local folder=$1 who work_word
  for who in secretctl rops; do
    for work_word in decrypt reencrypt set; do
      "$engine" measure "$who" "$work_word" "$2" "$folder/sops/one/0.yaml" >"$sops_results/inside-$who-one-$work_word.json"
    done
    for work_word in decrypt reencrypt; do
      "$engine" measure "$who" "$work_word" "$((($2 + 4) / 5))" "$folder"/sops/many/*.yaml >"$sops_results/inside-$who-many-$work_word.json"
    done
  done
}

# sops_huge FOLDER: time and the most that was resident, of a process for each.
sops_huge() {
  local folder=$1 who work_word
  for who in sops secretctl rops; do
    for work_word in decrypt reencrypt; do
      local -a command=(/usr/bin/time --format '%e %M' --output "$sops_results/huge-$who-$work_word")
      # shellcheck disable=SC2207
      command+=($(words "$who" "$work_word") "$folder/run/huge/0.yaml")
      HOME=$work "${command[@]}" >/dev/null 2>&1 || die "$who cannot $work_word the large document"
    done
  done
}

# --- the tables --------------------------------------------------------------------------------------------------

# The backquotes are Markdown.
# shellcheck disable=SC2016
sops_report() {
  local folder=$1 keys=$2 files=$3
  printf 'Measured on %s; sops %s, rops %s. Medians of wall time in milliseconds; in brackets how many times the format alone.\n\n' \
    "$(machine)" "${SOPS_VERSION#v}" "$(sed -n '/^name = "rops"$/{n; s/^version = "\(.*\)"/\1/p}' benches/Cargo.lock)"
  printf '| processes | the format alone | `sops` | in a fleet |\n|---|--:|--:|--:|\n'
  sops_row "one document of $keys keys: decrypt" one-decrypt
  sops_row "re-encrypt" one-reencrypt
  sops_row "set one key" one-set
  sops_row "the same for an ssh-ed25519 key: decrypt" ssh-decrypt
  sops_row "re-encrypt" ssh-reencrypt
  sops_row "$files documents of 20 keys, a process for each: decrypt" many-decrypt
  sops_row "re-encrypt" many-reencrypt
  printf '\n| in one process | secretctl | rops |\n|---|--:|--:|\n'
  inside_row "one document of $keys keys: decrypt" one-decrypt
  inside_row "re-encrypt" one-reencrypt
  inside_row "set one key" one-set
  inside_row "$files documents of 20 keys: decrypt" many-decrypt
  inside_row "re-encrypt" many-reencrypt
  printf '\n| one document of %s MiB, a process for each | the format alone | `sops` | rops |\n|---|--:|--:|--:|\n' \
    "$(($(stat -c %s "$folder/sops/huge/0.yaml") >> 20))"
  huge_row 'decrypt, seconds' decrypt 1
  huge_row 'decrypt, peak memory in MiB' decrypt 2
  huge_row 're-encrypt, seconds' reencrypt 1
  huge_row 're-encrypt, peak memory in MiB' reencrypt 2
}

# sops_row WORDS WORK
sops_row() {
  local own fleet=$sops_results/fleet-$2.json
  own=$(median "$sops_results/secretctl-$2.json")
  printf '| %s | %s | %s | %s |\n' "$1" "$own" "$(beside "$sops_results/sops-$2.json" "$own")" \
    "$([[ ! -e $fleet ]] || beside "$fleet" "$own")"
}

inside_row() {
  local ours=$sops_results/inside-secretctl-$2.json theirs=$sops_results/inside-rops-$2.json
  jq --null-input --raw-output --arg words "$1" --slurpfile ours "$ours" --slurpfile theirs "$theirs" \
    '"| \($words) | \($ours[0].median_ms * 100 | round / 100) | \($theirs[0].median_ms * 100 | round / 100) (\($theirs[0].median_ms / $ours[0].median_ms * 10 | round / 10)×) |"'
}

# huge_row WORDS WORK FIELD
huge_row() {
  local who line="| $1 |"
  for who in secretctl sops rops; do
    line+=" $(awk -v field="$3" '{ print field == 1 ? $1 : int($2 / 1024) }' "$sops_results/huge-$who-$2") |"
  done
  printf '%s\n' "$line"
}
