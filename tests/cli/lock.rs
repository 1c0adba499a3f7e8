//! One writer at a time: a second waits, and is told who holds the lock.

use std::process::Child;
use std::process::Command;
use std::time::Duration;
use std::time::Instant;

use crate::common::BIN;
use crate::common::TestFleet;
use crate::common::tool;
use crate::common::wait_for;

/// A `set` that holds the lock for some seconds, since its first sync takes that long.
fn slow_writer(fleet: &TestFleet, seconds: u64) -> Child {
    let value = fleet.outside().join("slow-value");
    std::fs::write(&value, "by the slow one").unwrap();
    let mut command = Command::new(tool("strace"));
    let delay = format!("inject=fsync:delay_enter={}:when=1", seconds * 1_000_000);
    command.args(["-f", "-qq", "-o", "/dev/null", "-e", "trace=fsync", "-e", &delay, BIN]);
    command.args(["set", "shared/token", "--from-file"]).arg(value);
    let child = fleet.prepare(command).spawn();
    let lock = fleet.work("lock");
    let held =
        || std::fs::read_to_string(&lock).is_ok_and(|text| text.contains("set shared/token")).then_some(());
    wait_for("the first writer", 20, held);
    child
}

#[test]
fn a_second_writer_waits_and_both_changes_stand() {
    let fleet = TestFleet::sealed();
    std::fs::write(fleet.work("lock"), "").unwrap();
    let mut first = slow_writer(&fleet, 2);
    let start = Instant::now();
    fleet.set("forge/sonarr/api-key", "by the second").ok();
    assert!(start.elapsed() > Duration::from_secs(1), "it did not wait");
    assert!(first.wait().unwrap().success());
    assert_eq!(fleet.show("shared/token"), "by the slow one");
    assert_eq!(fleet.show("forge/sonarr/api-key"), "by the second");
    fleet.assert_clean();
}

#[test]
fn a_second_writer_that_waited_long_enough_is_told_who_holds_the_lock_and_readers_never_wait() {
    let fleet = TestFleet::sealed();
    std::fs::write(fleet.work("lock"), "").unwrap();
    let mut first = slow_writer(&fleet, 14);
    for args in [vec!["check"], vec!["list"], vec!["show", "shared/token"], vec!["seal", "--check"]] {
        let start = Instant::now();
        fleet.run(args).ok();
        assert!(start.elapsed() < Duration::from_secs(5));
    }
    let ran = fleet.refuses(["set", "forge/sonarr/api-key"], 4);
    ran.says(&[
        "error[lock::held]",
        "is locked by process ",
        "(secretctl set shared/token)",
        "help: wait for it",
    ]);
    assert!(first.wait().unwrap().success());
    fleet.assert_clean();
}

#[test]
fn many_writers_at_once_lose_no_change() {
    let fleet = TestFleet::sealed();
    let children: Vec<Child> = (0..6)
        .map(|number| {
            let file = fleet.outside().join(format!("value-{number}"));
            std::fs::write(&file, format!("value {number}")).unwrap();
            fleet
                .cmd(["set", &format!("shared/many-{number}"), "--from-file", file.to_str().unwrap()])
                .spawn()
        })
        .collect();
    for child in children {
        let ran = crate::common::Ran::from(child.wait_with_output().unwrap());
        assert_eq!(ran.code(), 0, "{ran}");
    }
    for number in 0..6 {
        assert_eq!(fleet.show(&format!("shared/many-{number}")), format!("value {number}"));
    }
    assert_eq!(fleet.granted("forge").len(), 8);
    fleet.assert_clean();
}

#[test]
fn what_another_admin_changed_while_a_command_waited_is_not_undone() {
    let fleet = TestFleet::sealed();
    let bob = crate::common::KEYS.bob.public();
    fleet.run(["admin", "add", "bob", "--recipient", &bob]).ok();
    fleet.run(["rekey"]).ok();
    std::fs::write(fleet.work("lock"), "").unwrap();
    let mut first = slow_writer(&fleet, 3);
    // Opened while bob is an admin, writes when he is none any more.
    let file = fleet.outside().join("late-value");
    std::fs::write(&file, "not for bob").unwrap();
    let second = fleet.cmd(["set", "shared/late", "--from-file", file.to_str().unwrap()]).spawn();
    std::thread::sleep(Duration::from_millis(800));
    let toml = fleet.text("secretctl.toml").replace(&format!("[admins.bob]\nrecipients = [\"{bob}\"]\n"), "");
    assert!(!toml.contains("admins.bob"));
    fleet.write("secretctl.toml", toml);
    assert!(first.wait().unwrap().success());
    let ran = crate::common::Ran::from(second.wait_with_output().unwrap());
    let source = fleet.path("secrets/shared/late.age");
    if source.exists() {
        let opened = crate::common::attack::opened("age", &source, crate::common::KEYS.bob.private());
        assert_eq!(opened, None, "a new value was encrypted to an admin who had left:\n{ran}");
    }
}
