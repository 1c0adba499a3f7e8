//! Commands that are killed or meet an error at a random call, and what their rerun makes of it.

use std::collections::BTreeSet;
use std::process::Command;

use crate::common::BIN;
use crate::common::KEYS;
use crate::common::Ran;
use crate::common::TestFleet;
use crate::common::tool;
use crate::random::Random;
use crate::random::rounds;

/// What may happen to a call.
const FAULTS: [&str; 5] = ["signal=KILL", "error=ENOSPC", "error=EIO", "error=EACCES", "error=EROFS"];
/// Calls that change a disk.
const CALLS: [&str; 8] = ["fsync", "syncfs", "rename", "unlink", "mkdir", "rmdir", "openat", "write"];
/// Commands that write, each with what it reads from its input.
const COMMANDS: [(&[&str], &str); 7] = [
    (&["set", "shared/token"], "another value"),
    (&["set", "forge/sonarr/new"], "another value"),
    (&["seal"], ""),
    (&["rekey"], ""),
    (&["mv", "luna/restic/password", "luna/restic/passphrase"], ""),
    (&["rm", "forge/sonarr/api-key"], ""),
    (&["admin", "remove", "bob"], ""),
];

/// A fleet in which every one of the commands has something to do.
fn template() -> TestFleet {
    let fleet = TestFleet::sealed();
    let bob = KEYS.bob.public();
    fleet.run(["admin", "add", "bob", "--recipient", &bob, "--signing-key", &bob]).ok();
    fleet.host("nova", &KEYS.nova).in_git()
}

fn copy(template: &TestFleet) -> TestFleet {
    let fleet = TestFleet::empty();
    std::fs::remove_dir(fleet.root()).unwrap();
    assert!(Command::new("cp").arg("-a").arg(template.root()).arg(fleet.root()).status().unwrap().success());
    fleet
}

/// Runs a command with one fault at a call that it makes.
fn broken(fleet: &TestFleet, (args, input): (&[&str], &str), random: &mut Random) -> (Ran, String) {
    let (call, fault, at) = (random.pick(&CALLS), random.pick(&FAULTS), 1 + random.below(40));
    let mut command = Command::new(tool("strace"));
    command.args(["-f", "-qq", "-o", "/dev/null", "-e", &format!("trace={call}")]);
    command.args(["-e", &format!("inject={call}:{fault}:when={at}")]).arg(BIN).args(args);
    let ran = fleet.prepare(command).env("RAYON_NUM_THREADS", "1").stdin(input).run();
    (ran, format!("{args:?} with {fault} at {call} number {at}"))
}

/// A value that was never given under this name is never shown, whatever broke.
fn shows_nothing_foreign(fleet: &TestFleet, place: &str) {
    let known: [(&str, &[&str]); 5] = [
        ("shared/token", &["shared-token-value", "another value"]),
        ("forge/sonarr/api-key", &["forge-sonarr-value"]),
        ("forge/sonarr/new", &["another value"]),
        ("luna/restic/password", &["luna-restic-value"]),
        ("luna/restic/passphrase", &["luna-restic-value"]),
    ];
    for (name, values) in known {
        let ran = fleet.run(["show", name]);
        let shown = ran.stdout();
        let fine = if ran.code() == 0 { values.contains(&shown.as_str()) } else { shown.is_empty() };
        assert!(fine, "{place}: {name}: {ran}");
    }
}

#[test]
fn a_fault_at_any_call_of_any_command_is_completed_by_a_rerun() {
    let template = template();
    rounds(150, |random, seed| {
        let fleet = copy(&template);
        let command = *random.pick(&COMMANDS);
        let (ran, place) = broken(&fleet, command, random);
        let place = format!("{seed}: {place}");
        shows_nothing_foreign(&fleet, &place);
        let again = fleet.cmd(command.0).stdin(command.1).run();
        // What was done before the fault cannot be done twice.
        let done = BTreeSet::from(["mv", "rm", "admin"]).contains(command.0[0]);
        assert!(again.code() == 0 || done, "{place}: {again}\nafter {ran}");
        for command in ["rekey", "seal"] {
            let completed = fleet.run([command]);
            assert_eq!(completed.code(), 0, "{place}: {command}: {completed}\nafter {ran}\nand {again}");
        }
        shows_nothing_foreign(&fleet, &place);
        let check = fleet.run(["check"]);
        assert_eq!(check.code(), 0, "{place}: {check}\nafter {ran}\nand {again}");
    });
}

#[test]
fn a_kill_at_any_time_is_completed_by_a_rerun() {
    let template = template();
    rounds(150, |random, seed| {
        let fleet = copy(&template);
        let (args, input) = *random.pick(&COMMANDS);
        let after = format!("0.{:03}", 1 + random.below(80));
        let mut command = Command::new(tool("timeout"));
        command.args(["--signal=KILL", &after, BIN]).args(args);
        let ran = fleet.prepare(command).stdin(input).run();
        let place = format!("{seed}: {args:?} killed after {after} s");
        shows_nothing_foreign(&fleet, &place);
        for command in ["rekey", "seal"] {
            let completed = fleet.run([command]);
            assert_eq!(completed.code(), 0, "{place}: {command}: {completed}\nafter {ran}");
        }
        shows_nothing_foreign(&fleet, &place);
        let check = fleet.run(["check"]);
        assert_eq!(check.code(), 0, "{place}: {check}\nafter {ran}");
    });
}
