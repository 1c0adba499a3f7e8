//! Documents and keys that a plugin holds: a token asks for a touch, so it must not be asked for each value.

use std::fmt::Write;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::path::PathBuf;

use secretctl::secret::SecretBytes;
use secretctl::sops::Document;
use secretctl::sops::Format;
use secretctl::sops::Settings;

use crate::common::Cmd;
use crate::common::KEYS;
use crate::common::PATH;
use crate::common::TestFleet;
use crate::interop::plugin::keys;
use crate::interop::sops::now;
use crate::interop::sops::prompt;

const DOCUMENTS: usize = 20;
const KEYS_OF_EACH: usize = 5;

/// A fleet whose only admin beside alice has a token, and a plugin that counts how often it is started.
struct Bench {
    fleet: TestFleet,
    identity: PathBuf,
    log: PathBuf,
}

impl Bench {
    fn new() -> Self {
        let fleet = TestFleet::new().host("forge", &KEYS.forge).policy("allow(\"**\").hosts(\"forge\");\n");
        let (recipient, identity) = keys(&fleet);
        let log = fleet.outside().join("started");
        let program = fleet.outside().join("plugins/age-plugin-quux");
        fs::create_dir(program.parent().unwrap()).unwrap();
        let real = format!("{}/tests/plugins/age-plugin-quux", env!("CARGO_MANIFEST_DIR"));
        let script = format!("#!/bin/sh\necho \"$1\" >> {}\nexec {real} \"$@\"\n", log.display());
        fs::write(&program, script).unwrap();
        fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
        let bench = Self { fleet, identity, log };
        (0..DOCUMENTS).for_each(|number| bench.write_document(number));
        bench.fleet.run(["adopt"]).ok();
        bench.by_token(&["admin", "add", "token", "--recipient", &recipient]).run().ok();
        bench.by_token(&["rekey"]).identity(KEYS.alice.private()).run().ok();
        bench.fleet.run(["seal"]).ok();
        bench.fleet.assert_clean();
        bench.touches();
        bench
    }

    fn write_document(&self, number: usize) {
        let path = format!("secrets/doc-{number}.sops.yaml");
        let recipients = [&KEYS.alice, &KEYS.recovery].map(|key| key.public().parse().unwrap());
        let settings = Settings { recipients: recipients.into(), ..Settings::default() };
        let mut text = String::new();
        for key in 0..KEYS_OF_EACH {
            writeln!(text, "key-{key}: value {number} {key}").unwrap();
        }
        let text = SecretBytes::from(text.into_bytes());
        let made = Document::encrypt(&text, Format::Yaml, &settings, now(), &prompt(), Path::new(&path));
        self.fleet.write(&path, made.unwrap().document().bytes());
    }

    /// A command with the token alone; alice still signs.
    fn by_token(&self, args: &[&str]) -> Cmd {
        let path = format!("{}/plugins:{PATH}", self.fleet.outside().display());
        self.fleet.cmd(args).env("PATH", path).identity(&self.identity)
    }

    /// How often the token was asked to open something since the last time.
    fn touches(&self) -> usize {
        let text = fs::read_to_string(&self.log).unwrap_or_default();
        fs::write(&self.log, "").unwrap();
        text.lines().filter(|line| line.contains("identity-v1")).count()
    }
}

#[test]
fn a_token_is_asked_once_for_each_document_and_never_for_each_of_its_values() {
    let bench = Bench::new();
    let asked = |cmd: Cmd| {
        cmd.run().ok();
        bench.touches()
    };
    let by = |args: &[&str]| asked(bench.by_token(args));
    assert_eq!(by(&["show", "doc-1/key-1"]), 1);
    assert_eq!(by(&["show", "doc-1"]), 1);
    assert_eq!(by(&["run", "--prefix", "doc-1", "--", "true"]), 1);
    assert_eq!(asked(bench.by_token(&["set", "doc-1/key-1"]).stdin("new")), 1);
    let editor = bench.fleet.editor("sed -i s/value/other/ \"$1\"");
    assert_eq!(asked(bench.by_token(&["edit", "doc-1"]).env("EDITOR", editor)), 1, "edit");
    assert_eq!(by(&["mv", "doc-1/key-1", "doc-1/key-9"]), 1, "mv");
    assert_eq!(by(&["rm", "doc-1/key-9"]), 1, "rm");
    assert_eq!(by(&["list"]) + by(&["check"]) + by(&["seal"]), 0);
    // Every copy anew, each document opened by the plugin.
    bench.fleet.remove("sealed/forge/host-key.age");
    assert_eq!(by(&["seal", "--repair"]), DOCUMENTS, "seal");
    let bob = KEYS.bob.public();
    bench.fleet.run(["admin", "add", "bob", "--recipient", &bob]).ok();
    assert_eq!(by(&["rekey"]), DOCUMENTS, "rekey");
    bench.fleet.run(["admin", "remove", "bob"]).ok();
    assert_eq!(by(&["rekey"]), DOCUMENTS, "rekey with a new data key");
    bench.fleet.assert_clean();
}

#[test]
fn a_token_is_asked_once_for_each_document_that_is_adopted_and_sealed() {
    let bench = Bench::new();
    for number in 0..DOCUMENTS {
        fs::remove_dir_all(bench.fleet.path(&format!("secrets/doc-{number}"))).unwrap();
    }
    let ran = bench.by_token(&["adopt"]).run().ok();
    assert!(ran.stderr().contains("has a new data key"), "{ran}");
    assert_eq!(bench.touches(), DOCUMENTS);
}

#[test]
fn a_token_is_asked_once_where_several_values_of_a_document_are_rotated() {
    let bench = Bench::new();
    bench.fleet.append("policies/access.rhai", "generate(\"doc-1/**\", password(24));\n");
    bench.by_token(&["rotate", "doc-1/key-1", "doc-1/key-2", "doc-1/key-3", "--yes"]).run().ok();
    assert_eq!(bench.touches(), 1);
    bench.fleet.assert_clean();
}

#[test]
fn a_key_at_hand_comes_before_a_token() {
    let bench = Bench::new();
    let both = bench.fleet.outside().join("both");
    let token = fs::read_to_string(&bench.identity).unwrap();
    let recovery = fs::read_to_string(KEYS.recovery.private()).unwrap();
    fs::write(&both, format!("{token}{recovery}")).unwrap();
    bench.by_token(&["show", "doc-1/key-1"]).identity(&both).run().ok();
    bench.fleet.remove("sealed/forge/host-key.age");
    bench.by_token(&["seal", "--repair"]).identity(&both).run().ok();
    assert_eq!(bench.touches(), 0);
}
