//! Promise 5: the repository is never left half-written. Killed anywhere, on a full disk, a rerun completes.

use std::collections::BTreeSet;
use std::process::Command;
use std::time::Duration;

use crate::common::BIN;
use crate::common::KEYS;
use crate::common::Ran;
use crate::common::TestFleet;
use crate::common::tool;

/// A copy of a fleet in a folder of its own.
pub(crate) fn copy(template: &TestFleet) -> TestFleet {
    let fleet = TestFleet::empty();
    std::fs::remove_dir(fleet.root()).unwrap();
    let mut command = Command::new("cp");
    let copied = command.arg("-a").arg(template.root()).arg(fleet.root()).status().unwrap();
    assert!(copied.success());
    fleet
}

/// Runs a command under `strace`, which does `fault` at call number `at` of `syscall`.
fn under_fault(fleet: &TestFleet, args: &[&str], syscall: &str, fault: &str, at: usize) -> Ran {
    let mut command = Command::new(tool("strace"));
    command.args(["-f", "-qq", "-o", "/dev/null", "-e", &format!("trace={syscall}")]);
    command.args(["-e", &format!("inject={syscall}:{fault}:when={at}")]).arg(BIN).args(args);
    fleet.prepare(command).env("RAYON_NUM_THREADS", "1").stdin("the new value").run()
}

/// What a person may find between the crash and the rerun: the old value, the new one, or a refusal.
fn assert_nothing_else_is_shown(fleet: &TestFleet, allowed: &BTreeSet<&str>, at: &str) {
    let ran = fleet.run(["show", "shared/token"]);
    let fine =
        if ran.code() == 0 { allowed.contains(ran.stdout().as_str()) } else { ran.stdout().is_empty() };
    assert!(fine, "{at}: {ran}");
}

/// Breaks a command at every call of the kinds that change a disk, and reruns it.
fn survives(template: &TestFleet, args: &[&str], fault: &str) {
    let old = template.show("shared/token");
    let allowed = BTreeSet::from([old.as_str(), "the new value"]);
    for syscall in ["fsync", "rename", "unlink", "rmdir", "mkdir", "openat", "write"] {
        // The program opens and writes far more than matters; those are sampled.
        let step = if matches!(syscall, "openat" | "write") { 7 } else { 1 };
        let mut at = 1;
        loop {
            let fleet = copy(template);
            let ran = under_fault(&fleet, args, syscall, fault, at);
            let place = format!("{args:?} with {fault} at {syscall} number {at}");
            assert_nothing_else_is_shown(&fleet, &allowed, &place);
            let again = fleet.cmd(args).stdin("the new value").run();
            assert_eq!(again.code(), 0, "{place}: {again}\nafter {ran}");
            if args[0] == "set" {
                // What `set` has left of the sealed trees is completed by `seal`.
                fleet.run(["seal"]).ok();
            }
            let check = fleet.run(["check"]);
            assert_eq!(check.code(), 0, "{place}: {check}");
            assert_eq!(fleet.half_written(), [""; 0], "{place}");
            let expected = if args[0] == "set" { "the new value" } else { old.as_str() };
            assert_eq!(fleet.show("shared/token"), expected, "{place}");
            if ran.code() == 0 || at > 400 {
                break;
            }
            at += step;
        }
    }
}

/// One secret and two hosts, one of which has no tree yet: the smallest fleet in which everything happens.
fn template() -> TestFleet {
    let fleet = TestFleet::new().policy("allow(\"shared/**\");\n").host("forge", &KEYS.forge);
    fleet.set("shared/token", "the old value").ok();
    fleet.run(["seal"]).ok();
    fleet.host("nova", &KEYS.nova)
}

/// The same, whose sources are to be rekeyed.
fn outdated() -> TestFleet {
    let fleet = template();
    fleet.run(["seal"]).ok();
    let bob = KEYS.bob.public();
    fleet.run(["admin", "add", "bob", "--recipient", &bob]).ok();
    fleet
}

#[test]
fn a_seal_that_is_killed_at_any_call_is_completed_by_a_rerun() {
    survives(&template(), &["seal"], "signal=KILL");
}

#[test]
fn a_set_that_is_killed_at_any_call_is_completed_by_a_rerun_and_a_seal() {
    survives(&template(), &["set", "shared/token"], "signal=KILL");
}

#[test]
fn a_set_that_is_repeated_after_a_crash_leaves_nothing_for_a_seal_to_do() {
    let template = template();
    template.run(["seal"]).ok();
    for at in 1.. {
        let fleet = copy(&template);
        let ran = under_fault(&fleet, &["set", "shared/token"], "rename", "signal=KILL", at);
        fleet.set("shared/token", "the new value").ok();
        let check = fleet.run(["check"]);
        assert_eq!(check.code(), 0, "killed at rename number {at}: {check}");
        if ran.code() == 0 {
            break;
        }
    }
}

#[test]
fn a_rekey_that_is_killed_at_any_call_is_completed_by_a_rerun() {
    survives(&outdated(), &["rekey"], "signal=KILL");
}

#[test]
fn a_seal_that_meets_a_full_disk_at_any_call_says_so_and_is_completed_by_a_rerun() {
    survives(&template(), &["seal"], "error=ENOSPC");
}

#[test]
fn a_rekey_that_meets_a_full_disk_at_any_call_is_completed_by_a_rerun() {
    survives(&outdated(), &["rekey"], "error=ENOSPC");
}

#[test]
fn a_failed_sync_or_rename_is_an_error_that_names_the_path() {
    for syscall in ["fsync", "rename"] {
        let fleet = template();
        let ran = under_fault(&fleet, &["seal"], syscall, "error=ENOSPC", 3);
        assert_eq!(ran.code(), 4, "{ran}");
        ran.says(&["error[fs::failed]", "`", "No space left on device", "help: "]);
    }
}

#[test]
fn rm_and_mv_and_host_add_that_are_killed_leave_nothing_half_written() {
    for args in
        [vec!["rm", "shared/token"], vec!["mv", "shared/token", "shared/new"], vec!["host", "add", "late"]]
    {
        for (syscall, step) in [("fsync", 2), ("rename", 1), ("unlink", 1)] {
            let mut at = 1;
            loop {
                let fleet = copy(&template());
                fleet.run(["seal"]).ok();
                let ran = under_fault(&fleet, &args, syscall, "signal=KILL", at);
                fleet.run(["seal"]).ok();
                let again = fleet.run(&args);
                assert!(matches!(again.code(), 0 | 2), "{args:?} {syscall} {at}: {again}");
                fleet.assert_clean();
                if ran.code() == 0 || at > 60 {
                    break;
                }
                at += step;
            }
        }
    }
}

#[test]
fn a_kill_at_a_random_moment_is_survived() {
    let template = template();
    for round in 0..12_u64 {
        let fleet = copy(&template);
        let mut child = fleet.cmd(["seal"]).spawn();
        std::thread::sleep(Duration::from_micros(1500 * round));
        let _ = child.kill();
        child.wait().unwrap();
        fleet.run(["seal"]).ok();
        fleet.assert_clean();
    }
}

#[test]
fn a_disk_that_is_full_keeps_the_old_state_and_a_rerun_with_room_completes() {
    let fleet = TestFleet::sealed_on_disk();
    // Free pages from none to more than enough; `df` of a tiny disk in a mount namespace of its own.
    let script = r#"
        mkdir "$2" && mount -t tmpfs -o size=2m tmpfs "$2" || exit 99
        for free in 0 1 2 3 4 5 6 7 8 9 10 12 14 16; do
            rm -rf "$2/fleet" "$2/filler" && cp -a "$1" "$2/fleet" || exit 98
            dd if=/dev/zero of="$2/filler" bs=4k 2>/dev/null
            truncate -s -$((free * 4096)) "$2/filler"
            cd "$2/fleet"
            echo "new $free" | "$3" set --trim shared/token 2>"$1.err"; code=$?
            grep -q 'panicked' "$1.err" && exit 97
            shown=$("$3" show shared/token) || shown=refused
            rm "$2/filler"
            "$3" seal >/dev/null 2>&1 || exit 96
            "$3" check >/dev/null 2>&1 || exit 95
            echo "$code|$free|$shown|$("$3" show shared/token)|$(find . -name '*secretctl-tmp*' -o -path '*/change/*' | wc -l)"
        done"#;
    let mut command = Command::new(tool("unshare"));
    command
        .args(["-m", "sh", "-c", script, "sh"])
        .arg(fleet.root())
        .arg(fleet.outside().join("tiny"))
        .arg(BIN);
    let ran = fleet.prepare(command).run().ok();
    let mut codes = BTreeSet::new();
    for line in ran.stdout().lines() {
        let [code, free, shown, then, left] = line.split('|').collect::<Vec<_>>().try_into().unwrap();
        codes.insert(code.to_owned());
        let new = format!("new {free}");
        assert!([new.as_str(), "shared-token-value", "refused"].contains(&shown), "{line}");
        assert!([new.as_str(), "shared-token-value"].contains(&then), "{line}");
        assert_eq!(left, "0", "{line}");
        if code == "0" {
            assert_eq!(then, new, "it said that all was well: {line}");
        }
    }
    assert!(codes.contains("4") && codes.contains("0"), "the disk was never full or always: {ran}");
}

#[test]
fn an_interrupted_change_is_found_by_check_and_completed_by_the_next_writer() {
    let fleet = template();
    // Killed between the journal and the first file that is put into place.
    let mut at = 1;
    while !fleet.work("change/journal.json").exists() {
        under_fault(&fleet, &["seal"], "rename", "signal=KILL", at);
        at += 1;
        assert!(at < 20);
    }
    let ran = fleet.run(["check"]);
    assert_ne!(ran.code(), 0);
    ran.says(&["error[store::interrupted]", "run `secretctl seal`, which completes it first"]);
    fleet.run(["seal"]).ok().says(&["completed an interrupted change: ", "sealed/"]);
    fleet.assert_clean();
}
