//! The guide to hosts, run as it is written: only addresses and fingerprints are put in.

use std::path::Path;
use std::process::Command;

use crate::common::BIN;
use crate::common::KEYS;
use crate::common::PATH;
use crate::common::TestFleet;
use crate::common::keys::KeyPair;
use crate::common::sshd::Sshd;
use crate::common::sshd::fingerprint;

const GUIDE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/how-to/hosts.md");
const HISTORY: &str = "git init --quiet\ngit config user.name you\ngit config user.email you@example.org\n";

/// The blocks that need nothing else than this machine.
fn blocks() -> String {
    let text = std::fs::read_to_string(GUIDE).unwrap();
    let mut inside = false;
    let mut script = String::new();
    for line in text.lines() {
        match line {
            "```sh" => inside = true,
            "```" => inside = false,
            line if inside => script += &format!("{line}\n"),
            _ => {}
        }
    }
    script
}

/// Each command that names an address gets the next machine, which shows the key that is expected there.
fn with_machines(script: &str, machines: &[(&str, &Sshd, &KeyPair)]) -> String {
    let mut left = machines.iter();
    let lines = script.lines().map(|line| {
        if !line.contains("--ssh") {
            return line.to_owned();
        }
        let (address, sshd, key) = left.next().unwrap();
        assert!(line.contains(address) && line.contains("SHA256:…"), "{line}");
        let here = format!("127.0.0.1 --port {}", sshd.port());
        line.replace(address, &here).replace("SHA256:…", &fingerprint(&key.public_file()))
    });
    let script: Vec<String> = lines.collect();
    assert_eq!(left.count(), 0);
    script.join("\n")
}

#[test]
fn the_guide_to_hosts_runs_as_it_is_written() {
    let fleet = TestFleet::new().policy("allow(\"shared/**\");\n");
    fleet.set("shared/token", "value").ok();
    fleet.write("../luna-new.pub", KEYS.bob.public());
    let [luna, pi, again] = [&KEYS.forge, &KEYS.nova, &KEYS.eve].map(|key| Sshd::showing(&[key.private()]));
    let machines =
        [("192.0.2.7", &luna, &KEYS.forge), ("192.0.2.9", &pi, &KEYS.nova), ("192.0.2.7", &again, &KEYS.eve)];
    let script = format!("set -eu\n{HISTORY}{}", with_machines(&blocks(), &machines));
    let mut shell = Command::new("bash");
    shell.args(["-c", &script]);
    let ran = fleet.prepare(shell).env("PATH", path_with_program()).run().ok();
    ran.says(&["added host luna", "skipped host `pi`", "changed host pi", "may be in other hands"])
        .prints(&["state: pending -> active", "state: active -> dormant"]);
    fleet.assert_clean();
    assert_eq!(["nova", "pi"].map(|host| fleet.granted(host)), [["shared/token"]; 2]);
    assert!(!fleet.exists("sealed/luna") && !fleet.exists("secrets/host-keys/nova/ssh_host_ed25519_key.age"));
    let text = fleet.text("secretctl.toml");
    assert!(text.contains(&format!("recipients = [\"{}\"]", KEYS.bob.public())), "{text}");
    // Nothing that was handed out is left.
    assert_eq!(fleet.memory().read_dir().unwrap().count(), 0);
}

fn path_with_program() -> String {
    format!("{}:{PATH}", Path::new(BIN).parent().unwrap().display())
}

/// The blocks of a page that are marked with `word`.
fn marked(page: &str, word: &str) -> String {
    let text = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(page)).unwrap();
    let mut inside = false;
    let mut script = String::from("set -eu\n");
    for line in text.lines() {
        match line {
            "```" => inside = false,
            line if inside => script += &format!("{line}\n"),
            line => inside = line == format!("```sh {word}"),
        }
    }
    script
}

#[test]
fn an_admin_leaves_and_the_audit_passes_again_as_the_guide_says() {
    let fleet = TestFleet::new().host_with("forge", &KEYS.forge, &["restic"]).policy(
        "allow(\"{host}/{service}/**\");\nallow(\"shared/**\");\n\
         generate(\"forge/restic/password\", password(24));\nrotate(\"**\").every(\"1y\").owner(\"alice\");\n",
    );
    let bob = KEYS.bob.public();
    let key = KEYS.bob.public_file();
    fleet.run(["--signing-key", key.to_str().unwrap(), "admin", "add", "bo", "--recipient", &bob]).ok();
    fleet.run(["generate"]).ok();
    fleet.set("shared/smtp-password", "a password that bo knows").ok();
    fleet.run(["seal"]).ok();
    let script = format!("{HISTORY}{}", marked("docs/how-to/admins.md", "leave"));
    let mut shell = Command::new("bash");
    shell.args(["-c", &script]);
    let ran = fleet.prepare(shell).env("PATH", path_with_program()).run().ok();
    ran.says(&[
        "admin `bo` knows 2 values that are in use: forge/restic/password, shared/smtp-password",
        "error[exposure::admin]",
    ])
    .prints(&["0 exposures"]);
    assert_ne!(fleet.show("shared/smtp-password"), "a password that bo knows");
}
