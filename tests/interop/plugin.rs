//! Keys that a plugin holds, with a real plugin process and the real `age` beside us.

use std::path::PathBuf;
use std::process::Command;

use crate::common::KEYS;
use crate::common::PATH;
use crate::common::TestFleet;

/// The plugin's folder before the usual search path.
fn path() -> String {
    format!("{}/tests/plugins:{PATH}", env!("CARGO_MANIFEST_DIR"))
}

/// A recipient of the plugin, and a file with its identity.
pub(crate) fn keys(fleet: &TestFleet) -> (String, PathBuf) {
    let program = format!("{}/tests/plugins/age-plugin-quux", env!("CARGO_MANIFEST_DIR"));
    let made = Command::new(program).arg("--keys").output().unwrap();
    let text = String::from_utf8(made.stdout).unwrap();
    let (recipient, identity) = text.trim().split_once('\n').unwrap();
    let file = fleet.outside().join("plugin-identity");
    std::fs::write(&file, format!("# a token\n{identity}\n")).unwrap();
    (recipient.to_owned(), file)
}

fn age_opens(file: PathBuf, identity: &PathBuf) -> Vec<u8> {
    let mut age = Command::new("age");
    age.arg("--decrypt").arg("--identity").arg(identity).arg(file).env("PATH", path());
    let ran = age.output().unwrap();
    assert!(ran.status.success(), "{}", String::from_utf8_lossy(&ran.stderr));
    ran.stdout
}

#[test]
fn an_admin_with_a_plugin_key_reads_writes_and_seals() {
    let fleet = TestFleet::sealed();
    let (recipient, identity) = keys(&fleet);
    fleet.run(["admin", "add", "token", "--recipient", &recipient]).ok();
    fleet.cmd(["rekey"]).env("PATH", path()).run().ok();
    fleet.assert_clean();
    let show = fleet.cmd(["show", "shared/token"]).env("PATH", path()).identity(&identity).run().ok();
    assert_eq!(show.stdout(), "shared-token-value");
    let set = fleet.cmd(["set", "shared/token"]).env("PATH", path()).identity(&identity).stdin("by token");
    set.run().ok();
    assert_eq!(age_opens(fleet.path("secrets/shared/token.age"), &identity), b"by token");
    // Every copy anew, each value opened by the plugin.
    fleet.remove("sealed/forge/host-key.age");
    fleet.cmd(["seal", "--repair"]).env("PATH", path()).identity(&identity).run().ok();
    fleet.assert_clean();
}

#[test]
fn a_host_with_a_plugin_key_gets_a_tree_that_its_plugin_opens() {
    let fleet = TestFleet::sealed();
    let (recipient, identity) = keys(&fleet);
    fleet.run(["host", "add", "vault", "--recipient", &recipient]).ok();
    fleet.cmd(["seal", "--repair"]).env("PATH", path()).run().ok();
    fleet.assert_clean();
    let sealing = age_opens(fleet.path("sealed/vault/host-key.age"), &identity);
    assert!(sealing.starts_with(b"AGE-SECRET-KEY-1"));
}

#[test]
fn a_plugin_that_is_not_there_is_named_and_nothing_is_lost() {
    let fleet = TestFleet::sealed();
    let (recipient, identity) = keys(&fleet);
    fleet.run(["admin", "add", "token", "--recipient", &recipient]).ok();
    fleet.refuses(["rekey"], 4).says(&["needs `age-plugin-quux`", "help: install"]);
    let cmd = fleet.cmd(["show", "shared/token"]).identity(&identity);
    fleet.refuses_cmd(cmd, 4).says(&["error[identity::no_plugin]", "age-plugin-quux"]);
    let shown = fleet.cmd(["show", "shared/token"]).identity(KEYS.alice.private()).run().ok();
    assert_eq!(shown.stdout(), "shared-token-value");
}
