#!/bin/bash
# The start of every script in a machine: what it says is kept, and a failed command ends it.
set -euo pipefail
exec >/out/log 2>&1
cd /out

LIVE=/usr/local/lib/systemd/system

# Whatever happens, the end tells what there was to see.
collect() {
  cp /run/secretctl/status.json . || true
  for unit in secretctl-mount secretctl-users secretctl; do
    systemctl show --property=ActiveState --property=Result --property=ExecMainStatus "$unit.service" >"$unit.state"
  done
  find /run/secretctl.d -type f -empty >empty || true
  (cd /run/secrets/ && find . -type f -printf '%P\t%u\t%g\t%m\t%i\t' -exec cat {} \; -printf '\n') >values || true
  journalctl --sync
  journalctl --boot --output=json SYSLOG_IDENTIFIER=secretctl >journal || true
  journalctl --boot --unit=secretctl --output=cat >said || true
  journalctl --boot --no-pager || true
}
trap collect EXIT

# settle waits until systemd has nothing left to do but this script.
settle() {
  # Not by the status of grep, which may end before all jobs are listed.
  while [[ -n $(systemctl list-jobs --no-legend | grep -v kernel-command-line) ]]; do
    sleep 0.02
  done
}

# switch SYSTEM does what switch-to-configuration does: stop what changed, exchange the units, reload, reactivate, start.
# Its status is that of the reactivation, as a switch goes on where that fails.
switch() {
  local new=/nix/store/$1/units path name reactivated=0
  local -a changed=() gone=()
  for path in "$LIVE"/*.service; do
    name=${path##*/}
    systemctl --quiet is-active "$name" || continue
    if [[ ! -e $new/$name ]]; then
      gone+=("$name")
    elif ! cmp --silent "$path" "$new/$name"; then
      changed+=("$name")
    fi
  done
  [[ ${#gone[@]} -eq 0 && ${#changed[@]} -eq 0 ]] || systemctl stop "${gone[@]}" "${changed[@]}"
  find "$LIVE" -mindepth 1 -delete
  cp -a "$new/." "$LIVE"
  systemctl reset-failed
  systemctl daemon-reload
  systemctl restart sysinit-reactivation.target || reactivated=$?
  for name in "${changed[@]}"; do
    [[ $name == secretctl* ]] || systemctl start "$name"
  done
  settle
  return "$reactivated"
}

# as USER COMMAND… runs it with nothing but this user's rights.
as() {
  setpriv --reuid="$1" --regid="$1" --clear-groups --inh-caps=-all --bounding-set=-all "${@:2}"
}
