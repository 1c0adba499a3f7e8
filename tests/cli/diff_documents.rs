//! Git and SOPS documents: what is shown, and what two branches become.

use std::path::Path;
use std::sync::Arc;

use secretctl::crypto::NoPrompt;
use secretctl::crypto::Prompt;
use secretctl::secret::SecretBytes;
use secretctl::sops::Document;
use secretctl::sops::Format;
use secretctl::sops::Settings;

use crate::common::KEYS;
use crate::common::KeyPair;
use crate::common::Ran;
use crate::common::TestFleet;
use crate::common::tool;

const FILE: &str = "hosts/forge.sops.json";

/// A document as `sops` would make it, for these people.
fn document(text: &str, people: &[&KeyPair]) -> Vec<u8> {
    let recipients = people.iter().map(|key| key.public().parse().unwrap()).collect();
    let settings = Settings { recipients, ..Settings::default() };
    let prompt: Arc<dyn Prompt> = Arc::new(NoPrompt);
    let text = SecretBytes::from(text.as_bytes().to_vec());
    let now = crate::common::NOW.parse().unwrap();
    let made = Document::encrypt(&text, Format::Json, &settings, now, &prompt, Path::new(FILE)).unwrap();
    made.document().bytes().to_vec()
}

fn fleet() -> TestFleet {
    let fleet = TestFleet::new().host("forge", &KEYS.forge);
    fleet.write(FILE, document(r#"{"a": "one", "b": "two"}"#, &[&KEYS.alice, &KEYS.forge]));
    fleet.with_driver()
}

/// The two branches `main` and `feature`; `main` is checked out.
fn parted(ours: &str, theirs: &str) -> TestFleet {
    let fleet = fleet();
    for (branch, text) in [("feature", theirs), ("main", ours)] {
        let create: &[&str] = if branch == "main" { &[] } else { &["--create"] };
        fleet.git(&[&["switch", "--quiet"], create, &[branch]].concat());
        fleet.write(FILE, document(text, &[&KEYS.alice, &KEYS.forge]));
        fleet.commit(branch);
    }
    fleet
}

fn merge(fleet: &TestFleet) -> Ran {
    fleet.try_git(&["merge", "--no-edit", "feature"])
}

fn plaintext(fleet: &TestFleet) -> serde_json::Value {
    let shown = fleet.run(["git-diff", FILE]).ok().stdout();
    let (text, _) = shown.split_once("recipients: ").unwrap();
    serde_json::from_str(text).unwrap()
}

#[test]
fn a_document_is_shown_as_plaintext_with_who_can_open_it() {
    let fleet = fleet();
    fleet.write(FILE, document(r#"{"a": "changed", "b": "two"}"#, &[&KEYS.alice]));
    let shown = fleet.git(&["diff", "--", FILE]);
    let changed: Vec<&str> = shown.lines().filter(|line| line.starts_with(['-', '+'])).skip(2).collect();
    assert_eq!(
        changed,
        [
            r#"-{"a": "one", "b": "two"}"#,
            "-recipients: admin `alice`, host `forge`",
            r#"+{"a": "changed", "b": "two"}"#,
            "+recipients: admin `alice`",
        ],
        "{shown}"
    );
    assert!(
        !shown.contains("ENC[") && !shown.contains("lastmodified") && !shown.contains("\"mac\""),
        "{shown}"
    );
}

#[test]
fn who_has_no_key_sees_which_keys_changed() {
    let fleet = fleet();
    fleet.commit("document");
    fleet.write(FILE, document(r#"{"a": "changed", "c": "new"}"#, &[&KEYS.alice]));
    let mut cmd = fleet.prepare(std::process::Command::new(tool("git"))).identity(KEYS.eve.private());
    cmd.command.args(["diff", "--", FILE]);
    let shown = cmd.run().ok().stdout();
    for part in
        ["+a: encrypted (", "-b: encrypted (", "+c: encrypted (", "not opened:", "+recipients: admin `alice`"]
    {
        assert!(shown.contains(part), "{part}:\n{shown}");
    }
    assert!(!shown.contains("changed\"") && !shown.contains("ENC["), "{shown}");
}

#[test]
fn different_keys_merge_without_a_person_and_nothing_of_it_is_written_in_the_clear() {
    let fleet = parted(
        r#"{"a": "needle-ours", "b": "two"}"#,
        r#"{"a": "one", "b": "needle-theirs", "c": "needle-new"}"#,
    );
    let log = fleet.outside().join("calls.log");
    let mut command = std::process::Command::new(tool("strace"));
    command.args(["-f", "-qq", "-y", "-s", "65536", "-o"]).arg(&log);
    command.args([
        "-e",
        "trace=execve,write,writev,pwrite64",
        "git",
        "-c",
        "user.name=t",
        "-c",
        "user.email=t@example.org",
    ]);
    command.args(["merge", "--no-edit", "feature"]);
    fleet.prepare(command).run().ok();
    let calls = std::fs::read_to_string(&log).unwrap();
    std::fs::remove_file(&log).unwrap();
    assert!(calls.contains("git-merge") && !calls.contains("needle-"), "{calls}");
    assert_eq!(
        plaintext(&fleet),
        serde_json::json!({"a": "needle-ours", "b": "needle-theirs", "c": "needle-new"})
    );
}

#[test]
fn one_key_on_both_branches_stops_the_merge_with_its_name_and_ours_stays() {
    let fleet = parted(r#"{"a": "ours", "b": "two"}"#, r#"{"a": "theirs", "b": "theirs"}"#);
    let ran = merge(&fleet).with_code(1);
    assert!(
        ran.stderr().contains("merge::document") && ran.stderr().contains("`a` in `hosts/forge.sops.json`"),
        "{ran}"
    );
    assert!(!fleet.text(FILE).contains("<<<<"), "{ran}");
    assert_eq!(plaintext(&fleet), serde_json::json!({"a": "ours", "b": "theirs"}));
    assert!(fleet.git(&["status", "--porcelain"]).contains("UU hosts/forge.sops.json"));
}

#[test]
fn who_cannot_open_a_version_gets_a_conflict_and_their_own_bytes() {
    let fleet = parted(r#"{"a": "ours"}"#, r#"{"b": "theirs"}"#);
    let before = fleet.read(FILE);
    let mut cmd = fleet.prepare(std::process::Command::new(tool("git"))).identity(KEYS.eve.private());
    cmd.command.args([
        "-c",
        "user.name=t",
        "-c",
        "user.email=t@example.org",
        "merge",
        "--no-edit",
        "feature",
    ]);
    cmd.run().with_code(1).says(&["hosts/forge.sops.json"]);
    assert_eq!(fleet.read(FILE), before);
}
