//! Promise 2: plaintext stands in no output, argument, environment or file.

use crate::common::BIN;
use crate::common::KEYS;
use crate::common::TestFleet;
use crate::common::attack;
use crate::common::tool;

const NEEDLE: &str = "plain-needle-7f3a";
const SECOND: &str = "plain-needle-second";

#[test]
fn no_command_but_show_prints_a_value_and_no_file_holds_it() {
    let fleet = TestFleet::sealed_on_disk();
    let values = [NEEDLE, SECOND, "forge-sonarr-value", "shared-token-value", "luna-restic-value"];
    let bob = KEYS.bob.public();
    let mut outputs = String::new();
    let mut note = |ran: crate::common::Ran| outputs.push_str(&ran.to_string());
    note(fleet.set("shared/needle", NEEDLE).ok());
    note(fleet.set("shared/needle", SECOND).ok());
    note(
        fleet
            .cmd(["edit", "shared/needle"])
            .env("EDITOR", fleet.editor("cat \"$1\" \"$1\" > \"$1.x\"; mv \"$1.x\" \"$1\""))
            .run()
            .ok(),
    );
    note(fleet.run(["mv", "shared/needle", "shared/moved"]).ok());
    for args in [
        vec!["list"],
        vec!["log", "shared/moved"],
        vec!["log", "shared/moved", "--format", "json"],
        vec!["admin", "add", "bob", "--recipient", &bob],
        vec!["rekey"],
        vec!["seal", "--format", "json"],
        vec!["check", "--format", "json"],
        vec!["policy", "matrix"],
    ] {
        note(fleet.run(args).ok());
    }
    // And on the ways that fail.
    note(fleet.cmd(["show", "shared/moved"]).identity(KEYS.eve.private()).run());
    note(fleet.cmd(["edit", "shared/moved"]).env("EDITOR", fleet.editor("exit 1")).run());
    note(fleet.cmd(["set", "shared/moved"]).env("SECRETCTL_SIGNING_KEY", "/nowhere").stdin(NEEDLE).run());
    fleet.flip("secrets/shared/moved.age");
    note(fleet.run(["show", "shared/moved"]));
    for value in values {
        assert!(!outputs.contains(value), "`{value}` was printed:\n{outputs}");
    }
    assert_eq!(fleet.leaks(&values), [""; 0]);
    assert!(fleet.plaintext_folders().is_empty());
}

#[test]
fn no_identity_is_written_anywhere_in_the_clear() {
    let fleet = TestFleet::sealed_on_disk();
    assert_eq!(fleet.leaks(&["AGE-SECRET-KEY-", "PRIVATE KEY-----"]), [""; 0]);
}

#[test]
fn a_value_stands_neither_in_an_argument_nor_in_the_environment_of_a_child_nor_in_a_file() {
    let fleet = TestFleet::sealed_on_disk();
    let log = fleet.outside().join("calls.log");
    let trace = |args: &[&str], input: &str| {
        let mut command = std::process::Command::new(tool("strace"));
        command.args(["-f", "-qq", "-v", "-y", "-s", "65536", "-o"]).arg(&log);
        command.args(["-e", "trace=execve,openat,write,writev,pwrite64,sendto,sendmsg", BIN]).args(args);
        let editor = fleet.editor("grep -q needle \"$1\" && sed -i s/needle/edited/ \"$1\"");
        fleet.prepare(command).env("EDITOR", editor).stdin(input).run().ok();
        let text = std::fs::read_to_string(&log).unwrap();
        std::fs::remove_file(&log).unwrap();
        text
    };
    let memory = fleet.memory().display().to_string();
    for (args, input) in [
        (vec!["set", "shared/needle"], NEEDLE),
        (vec!["edit", "shared/needle"], ""),
        (vec!["mv", "shared/needle", "shared/moved"], ""),
        (vec!["seal"], ""),
    ] {
        for line in trace(&args, input).lines().filter(|line| line.contains("plain-")) {
            let in_memory = line.contains("write") && line.contains(&memory);
            assert!(in_memory, "{args:?} let plaintext out:\n{line}");
        }
    }
}

#[test]
fn ciphertext_of_the_same_value_differs_every_time() {
    let fleet = TestFleet::sealed();
    fleet.set("shared/a", "same").ok();
    fleet.set("shared/b", "same").ok();
    assert_ne!(fleet.read("secrets/shared/a.age"), fleet.read("secrets/shared/b.age"));
    let age = fleet.path("secrets/shared/a.age");
    assert_eq!(attack::opened("age", &age, KEYS.alice.private()).unwrap(), b"same");
}
