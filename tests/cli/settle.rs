//! Promise 5 for commands that write a value and then seal it: killed between the two, a rerun seals.

use std::process::Command;

use super::documents::admins;
use super::documents::encrypted;
use crate::common::KEYS;
use crate::common::Ran;
use crate::common::TestFleet;

fn fleet() -> TestFleet {
    TestFleet::new().host("forge", &KEYS.forge).policy("allow(\"**\").hosts(\"forge\");\n")
}

fn with_value(policy: &str) -> TestFleet {
    let fleet = TestFleet::new().host("forge", &KEYS.forge);
    let fleet = fleet.policy(&format!("allow(\"**\").hosts(\"forge\");\n{policy}"));
    fleet.set("app/key", "old").ok();
    fleet.run(["seal"]).ok();
    fleet.assert_clean();
    fleet
}

fn with_document() -> TestFleet {
    let fleet = fleet();
    encrypted(&fleet, "secrets/app.sops.yaml", "a: old\nb: kept\n", &admins());
    fleet.run(["adopt"]).ok();
    fleet.assert_clean();
    fleet
}

fn copied(from: &str, to: &str) {
    let copied = Command::new("cp").args(["-a", from, to]).status().unwrap();
    assert!(copied.success());
}

/// What a command leaves that is killed once its value is written, and before it seals.
fn unsealed(fleet: &TestFleet, command: impl FnOnce() -> Ran) {
    let (sealed, kept) = (fleet.path("sealed"), fleet.outside().join("kept"));
    copied(sealed.to_str().unwrap(), kept.to_str().unwrap());
    command().ok();
    std::fs::remove_dir_all(&sealed).unwrap();
    copied(kept.to_str().unwrap(), sealed.to_str().unwrap());
    assert_ne!(fleet.run(["check"]).code(), 0, "the host is stale");
}

/// The rerun says what it has done, and leaves nothing to do.
fn completes(fleet: &TestFleet, ran: Ran) {
    ran.ok().says(&["sealed for forge, which an earlier run had left"]);
    fleet.assert_clean();
}

#[test]
fn an_edit_that_changes_nothing_seals_what_an_edit_before_it_has_left() {
    let fleet = with_value("");
    unsealed(&fleet, || fleet.edit("app/key", "printf new > \"$1\"").run());
    completes(&fleet, fleet.edit("app/key", "true").run());
    let before = fleet.whole_tree();
    fleet.edit("app/key", "true").run().ok();
    assert_eq!(fleet.whole_tree().changed_since(&before), [""; 0]);
}

#[test]
fn an_edit_of_a_document_that_changes_nothing_seals_what_an_edit_before_it_has_left() {
    let fleet = with_document();
    unsealed(&fleet, || fleet.edit("app", "printf 'a: new\\nc: more\\n' > \"$1\"").run());
    completes(&fleet, fleet.edit("app", "true").run());
}

#[test]
fn an_adoption_with_nothing_new_seals_what_one_before_it_has_left() {
    let fleet = with_document();
    encrypted(&fleet, "secrets/app.sops.yaml", "a: new\nc: more\n", &admins());
    unsealed(&fleet, || fleet.run(["adopt"]));
    fleet.run(["adopt", "app"]).ok();
    fleet.assert_clean();
}

#[test]
fn a_removal_and_a_move_are_completed_by_a_rerun_and_refused_after_that() {
    let fleet = with_value("");
    unsealed(&fleet, || fleet.run(["mv", "app/key", "app/other"]));
    completes(&fleet, fleet.run(["mv", "app/key", "app/other"]));
    fleet.refuses(["mv", "app/key", "app/other"], 2);
    assert_eq!(fleet.show("app/other"), "old");
    std::fs::remove_dir_all(fleet.outside().join("kept")).unwrap();
    unsealed(&fleet, || fleet.run(["rm", "app/other"]));
    completes(&fleet, fleet.run(["rm", "app/other"]));
    fleet.refuses(["rm", "app/other"], 2);
}

#[test]
fn a_generation_and_a_rotation_with_nothing_to_make_seal_what_one_before_has_left() {
    let fleet = with_value("generate(\"made/key\", password(24));\nrotate(\"made/key\").every(\"90d\");\n");
    unsealed(&fleet, || fleet.run(["generate"]));
    completes(&fleet, fleet.run(["generate"]));
    std::fs::remove_dir_all(fleet.outside().join("kept")).unwrap();
    unsealed(&fleet, || fleet.run(["rotate", "made/key", "--yes"]));
    completes(&fleet, fleet.run(["rotate", "--due", "--yes"]));
}

#[test]
fn a_rerun_seals_nothing_but_what_it_is_about() {
    let fleet = with_value("");
    fleet.set("app/other", "old").ok();
    unsealed(&fleet, || {
        fleet.set("app/other", "new").ok();
        fleet.set("app/key", "new")
    });
    fleet.edit("app/key", "true").run().ok();
    let check = fleet.run(["check"]).says(&["older value of `app/other`"]);
    assert!(!check.stderr().contains("app/key"), "{check}");
}

#[test]
fn half_of_a_move_is_never_taken_for_a_secret_that_is_not_there() {
    // A journal as a move leaves it: the new ledger stands, and the source is still to come.
    let fleet = with_value("");
    let at = |number: usize| {
        let fleet = crate::cli::crash::copy(&fleet);
        let mut command = Command::new(crate::common::tool("strace"));
        command.args(["-f", "-qq", "-o", "/dev/null", "-e", "trace=rename,unlink"]);
        command.args(["-e", &format!("inject=rename,unlink:signal=KILL:when={number}")]);
        command.arg(crate::common::BIN).args(["mv", "app/key", "app/other"]);
        let ran = fleet.prepare(command).env("RAYON_NUM_THREADS", "1").run();
        (fleet, ran)
    };
    let mut half_done = 0;
    for number in 1..100 {
        let (fleet, ran) = at(number);
        if ran.code() == 0 {
            break;
        }
        let shown = ["app/key", "app/other"].map(|name| fleet.run(["show", name]));
        let values = shown.iter().filter(|shown| shown.code() == 0).count();
        let pending = shown.iter().filter(|shown| shown.stderr().contains("was interrupted")).count();
        assert!(values == 1 || pending > 0, "at {number}: {} {}", shown[0], shown[1]);
        half_done += usize::from(pending > 0);
        let other = fleet.run(["mv", "app/key", "app/other"]);
        assert!([0, 2].contains(&other.code()), "at {number}: {other}");
        fleet.assert_clean();
        assert_eq!(fleet.show("app/other"), "old", "at {number}");
    }
    assert!(half_done > 0, "no kill hit the middle of the move");
}
