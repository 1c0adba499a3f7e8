//! A change of a document that is killed anywhere leaves the old state or the new one, and a rerun completes it.

use std::process::Command;

use super::documents::admins;
use super::documents::encrypted;
use crate::cli::crash::copy;
use crate::common::BIN;
use crate::common::KEYS;
use crate::common::Ran;
use crate::common::TestFleet;
use crate::common::tool;

const DOCUMENT: &str = "secrets/forge.sops.yaml";
/// What an editor leaves; a shell writes it without a call at which it could be killed itself.
const EDITED: &str = "restic:\n    a: new\n    c: added\n";

/// A document with two values, vouched for and sealed.
fn template() -> TestFleet {
    let fleet = TestFleet::new().host("forge", &KEYS.forge).policy("allow(\"**\").hosts(\"forge\");\n");
    encrypted(&fleet, DOCUMENT, "restic:\n    a: old\n    b: kept\n", &admins());
    fleet.run(["adopt"]).ok();
    fleet.run(["seal"]).ok();
    fleet
}

fn outdated() -> TestFleet {
    let fleet = template();
    fleet.run(["admin", "add", "bob", "--recipient", &KEYS.bob.public()]).ok();
    fleet
}

fn with_somebody_gone() -> TestFleet {
    let fleet = outdated();
    fleet.run(["rekey"]).ok();
    fleet.run(["admin", "remove", "bob"]).ok();
    fleet
}

/// The same after `sops` set one value, added another and took one away.
fn changed_by_sops() -> TestFleet {
    let fleet = template();
    encrypted(&fleet, DOCUMENT, "restic:\n    a: new\n    c: added\n", &admins());
    fleet
}

/// Runs a command, or has it killed at call number `at` of `syscall`.
fn run(fleet: &TestFleet, args: &[&str], fault: Option<(&str, usize)>) -> Ran {
    let mut command = Command::new(fault.map_or(BIN.into(), |_| tool("strace")));
    if let Some((syscall, at)) = fault {
        command.args(["-f", "-qq", "-o", "/dev/null", "-e", &format!("trace={syscall}")]);
        command.args(["-e", &format!("inject={syscall}:signal=KILL:when={at}")]).arg(BIN);
    }
    command.args(args);
    let editor = fleet.editor(&format!("printf '{EDITED}' > \"$1\""));
    fleet.prepare(command).env("RAYON_NUM_THREADS", "1").env("EDITOR", editor).stdin("new").run()
}

/// Whether a value is shown, or it is said that a change waits to be completed, or that nobody has adopted the value yet.
fn is_told(shown: &Ran) -> bool {
    let help = ["secretctl seal", "secretctl adopt"];
    shown.code() == 0 || help.iter().any(|help| shown.stderr().contains(help))
}

/// Whether a move is done as far as the value goes.
fn has_moved(fleet: &TestFleet, args: &[&str]) -> bool {
    args[0] == "mv" && fleet.run(["show", args[2]]).code() == 0
}

/// Kills a command at every call that changes a disk. `values` are those of the end; none for one that is gone.
fn survives(template: &TestFleet, args: &[&str], values: &[(&str, Option<&str>)]) {
    for (syscall, step) in [("fsync", 3), ("rename", 1), ("unlink", 1), ("rmdir", 1), ("mkdir", 2)] {
        for at in (1..).step_by(step) {
            let fleet = copy(template);
            let ran = run(&fleet, args, Some((syscall, at)));
            let place = format!("{args:?} killed at {syscall} number {at}");
            let shown = fleet.run(["show", "forge/restic/a"]);
            let fine = ["old", "new", ""].contains(&shown.stdout().as_str());
            assert!(fine && (shown.code() == 0) != shown.stdout().is_empty(), "{place}: {shown}");
            assert!(is_told(&shown) || has_moved(&fleet, args), "{place}: {shown}");
            let again = run(&fleet, args, None);
            // What was done completely cannot be done again where a name is gone.
            let done = again.code() == 2 && args[0] == "mv";
            assert!(again.code() == 0 || done, "{place}: {again}\nafter {ran}");
            fleet.assert_clean();
            for (secret, value) in values {
                let shown = fleet.run(["show", secret]);
                assert_eq!(
                    (shown.code() == 0).then(|| shown.stdout()).as_deref(),
                    *value,
                    "{place}: {shown}"
                );
            }
            if ran.code() == 0 {
                break;
            }
            assert!(at < 400, "{place}: {ran}");
        }
    }
}

const OLD: [(&str, Option<&str>); 2] = [("forge/restic/a", Some("old")), ("forge/restic/b", Some("kept"))];
const NEW: [(&str, Option<&str>); 3] =
    [("forge/restic/a", Some("new")), ("forge/restic/b", None), ("forge/restic/c", Some("added"))];

#[test]
fn a_rekey_of_a_document_that_is_killed_is_completed_by_a_rerun() {
    survives(&outdated(), &["rekey"], &OLD);
}

#[test]
fn a_rekey_that_makes_a_new_data_key_and_is_killed_is_completed_by_a_rerun() {
    survives(&with_somebody_gone(), &["rekey"], &OLD);
}

#[test]
fn an_edit_of_a_document_that_is_killed_is_completed_by_a_rerun() {
    survives(&template(), &["edit", "forge"], &NEW);
}

#[test]
fn an_edit_that_makes_a_document_and_is_killed_is_completed_by_a_rerun() {
    let values =
        [("forge/restic/a", Some("old")), ("luna/restic/a", Some("new")), ("luna/restic/c", Some("added"))];
    survives(&template(), &["edit", "secrets/luna.sops.yaml"], &values);
}

#[test]
fn an_adoption_that_is_killed_is_completed_by_a_rerun() {
    survives(&changed_by_sops(), &["adopt"], &NEW);
}

#[test]
fn a_set_of_a_key_that_is_killed_is_completed_by_a_rerun() {
    survives(&template(), &["set", "forge/restic/a"], &[("forge/restic/a", Some("new")), OLD[1]]);
}

#[test]
fn a_key_that_moves_out_of_a_document_is_never_lost() {
    let values = [("forge/restic/a", None), ("other/a", Some("old")), OLD[1]];
    survives(&template(), &["mv", "forge/restic/a", "other/a"], &values);
}

/// A repository of sops-nix with a document that `forge` opens itself.
fn of_sops_nix() -> TestFleet {
    let fleet = TestFleet::new().host("forge", &KEYS.forge).policy("");
    let recipients = [admins(), vec![KEYS.forge.public()]].concat();
    fleet.write(".sops.yaml", format!("creation_rules:\n  - age: {}\n", recipients.join(",")));
    encrypted(&fleet, "hosts/forge/secrets.yaml", "restic:\n    a: old\n    b: kept\n", &recipients);
    fleet
}

#[test]
fn an_import_of_documents_that_is_killed_is_completed_by_a_rerun() {
    let import = ["import", "--from", "sops-nix", "--files-alone"];
    let template = of_sops_nix();
    let whole = copy(&template);
    run(&whole, &import, None).ok();
    let expected = whole.run(["check"]).stderr();
    for (syscall, step) in [("fsync", 2), ("rename", 1), ("unlink", 2)] {
        for at in (1..).step_by(step) {
            let fleet = copy(&template);
            let ran = run(&fleet, &import, Some((syscall, at)));
            let place = format!("killed at {syscall} number {at}");
            run(&fleet, &import, None).ok();
            assert_eq!(fleet.run(["check"]).stderr(), expected, "{place}");
            for (secret, value) in OLD {
                assert_eq!(Some(fleet.show(secret).as_str()), value, "{place}");
            }
            assert_eq!(fleet.half_written(), [""; 0], "{place}");
            if ran.code() == 0 {
                break;
            }
            assert!(at < 100, "{place}: {ran}");
        }
    }
}
