//! Documents with many or large values: work grows with what there is, and a document that is too large is named.

use std::fmt::Write;
use std::process::Command;

use super::documents::admins;
use super::documents::encrypted;
use crate::common::BIN;
use crate::common::KEYS;
use crate::common::TestFleet;
use crate::common::tool;

const YAML: &str = "secrets/forge.sops.yaml";
const KEYS_OF_IT: usize = 60;
/// How often one file may be read in a command that changes every value.
const OFTEN: usize = 12;

fn plain(prefix: &str) -> String {
    let mut text = String::new();
    for number in 0..KEYS_OF_IT {
        writeln!(text, "{prefix}{number}: value {number}").unwrap();
    }
    text
}

fn fleet() -> TestFleet {
    let fleet = TestFleet::new().host("forge", &KEYS.forge).policy("allow(\"**\").hosts(\"forge\");\n");
    encrypted(&fleet, YAML, &plain("key"), &admins());
    fleet.run(["adopt"]).ok();
    fleet.run(["seal"]).ok();
    fleet
}

/// The paths that a command opens or asks about, each time it does.
fn asked(fleet: &TestFleet, args: &[&str], editor: &str) -> Vec<String> {
    let log = fleet.outside().join("calls.log");
    let mut command = Command::new(tool("strace"));
    command.args(["-f", "-qq", "-e", "trace=openat", "-o"]).arg(&log).arg(BIN).args(args);
    fleet.prepare(command).env("EDITOR", fleet.editor(editor)).stdin("new").run().ok();
    let calls = std::fs::read_to_string(&log).unwrap();
    std::fs::remove_file(&log).unwrap();
    calls.lines().filter_map(|line| line.split('"').nth(1)).map(str::to_owned).collect()
}

/// Nothing but the ledger and the sealed copy of each value is read more often the more values there are.
fn grows_with_the_values(fleet: &TestFleet, args: &[&str], editor: &str) {
    let asked = asked(fleet, args, editor);
    for (what, path) in [
        ("the document", YAML),
        ("the folder of sources", "/fleet/secrets"),
        ("the manifest", "/sealed/forge/manifest.json"),
        ("its signature", "/sealed/forge/manifest.json.sig"),
        ("the fleet", "secretctl.toml"),
    ] {
        let times = asked.iter().filter(|asked| asked.ends_with(path)).count();
        assert!(times <= OFTEN, "{args:?} reads {what} {times} times");
    }
    for number in [0, KEYS_OF_IT / 2] {
        let ledger = format!("/forge/key{number}.ledger");
        let times = asked.iter().filter(|asked| asked.ends_with(&ledger)).count();
        assert!(times <= OFTEN, "{args:?} reads one ledger {times} times");
    }
}

#[test]
fn a_command_that_changes_many_values_reads_what_they_share_a_few_times() {
    let fleet = fleet();
    let more = fleet.outside().join("more");
    std::fs::write(&more, plain("new")).unwrap();
    grows_with_the_values(&fleet, &["edit", "forge"], &format!("cat {} >> \"$1\"", more.display()));
    grows_with_the_values(&fleet, &["edit", "forge"], "sed -i s/value/other/ \"$1\"");
    grows_with_the_values(&fleet, &["set", "forge/key1"], "true");
    grows_with_the_values(&fleet, &["list"], "true");
    grows_with_the_values(&fleet, &["check"], "true");
    encrypted(&fleet, YAML, &plain("key"), &admins());
    grows_with_the_values(&fleet, &["adopt"], "true");
    fleet.run(["admin", "add", "bob", "--recipient", &KEYS.bob.public()]).ok();
    grows_with_the_values(&fleet, &["rekey"], "true");
    fleet.run(["seal"]).ok();
    fleet.assert_clean();
}

#[test]
fn setting_a_value_verifies_the_ledgers_of_its_neighbours_only_where_it_must() {
    let fleet = fleet();
    // What another line says is not believed, and stands in nobody's way.
    let text = fleet.text("secrets/forge/key7.ledger");
    fleet.write("secrets/forge/key7.ledger", text.replace("\"revision\":1", "\"revision\":9"));
    fleet.set("forge/key1", "new").ok();
    // A line that names somebody who may know the data key is looked at, and believed only if it is signed.
    let bob = KEYS.bob.public();
    let forged = text.replace("\"recipients\":[", &format!("\"recipients\":[\"{bob}\","));
    assert_ne!(forged, text);
    fleet.write("secrets/forge/key7.ledger", forged);
    fleet.set("forge/key1", "newer").ok();
    assert_eq!(fleet.show("forge/key1"), "newer");
    // Where no ledger of a value under the data key holds, it is replaced.
    let before = fleet.text(YAML);
    for number in 0..KEYS_OF_IT {
        fleet.flip(&format!("secrets/forge/key{number}.ledger"));
    }
    fleet.remove("secrets/forge/key1.ledger");
    fleet.cmd(["set", "forge/key1"]).stdin("newest").run();
    let kept = fleet.text(YAML).lines().filter(|line| before.contains(line) && line.contains("ENC[")).count();
    assert_eq!(kept, 0, "nobody vouches for the data key");
}

#[test]
fn a_document_over_the_limit_is_refused_by_name_before_it_is_read() {
    let fleet = fleet();
    let file = std::fs::OpenOptions::new().write(true).open(fleet.path(YAML)).unwrap();
    file.set_len(65 << 20).unwrap();
    for args in [&["show", "forge/key1"][..], &["set", "forge/key1"], &["adopt"], &["seal"], &["list"]] {
        let ran = fleet.cmd(args).stdin("new").run();
        assert!(ran.code() > 0, "{args:?}: {ran}");
        ran.says(&[YAML, "help: "]);
    }
}

#[test]
fn a_document_of_fifty_megabytes_is_read_set_and_sealed() {
    let fleet = TestFleet::new().host("forge", &KEYS.forge).policy("allow(\"**\").hosts(\"forge\");\n");
    let mut text = String::with_capacity(39 << 20);
    for number in 0..37 {
        writeln!(text, "key{number}: {}", "x".repeat(1 << 20)).unwrap();
    }
    text.push_str("small: s\n");
    encrypted(&fleet, YAML, &text, &admins());
    assert!(fleet.read(YAML).len() > 49 << 20);
    fleet.run(["adopt"]).ok();
    fleet.set("forge/small", "new").ok();
    assert_eq!(fleet.show("forge/small"), "new");
    assert_eq!(fleet.show("forge/key36").len(), 1 << 20);
    fleet.run(["seal"]).ok();
    fleet.assert_clean();
}
