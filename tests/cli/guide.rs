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
    let programs = Path::new(BIN).parent().unwrap();
    let ran = fleet.prepare(shell).env("PATH", format!("{}:{PATH}", programs.display())).run().ok();
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
