//! Documents with an OpenPGP key: what `gpg` is told, and what it is not.

use std::process::Command;

use super::documents::admins;
use crate::common::BIN;
use crate::common::KEYS;
use crate::common::PATH;
use crate::common::TestFleet;
use crate::common::tool;

const YAML: &str = "secrets/forge.sops.yaml";
const NEEDLE: &str = "needle-gpg-31c7";

/// A key without a passphrase in the home of the fleet; gives its fingerprint.
fn key(fleet: &TestFleet) -> String {
    let gpg = |arguments: &[&str]| {
        let mut command = Command::new(tool("gpg"));
        command.env_clear().env("HOME", fleet.home()).env("PATH", PATH).args(["--batch", "--quiet"]);
        let ran = command.args(arguments).output().unwrap();
        assert!(ran.status.success(), "{}", String::from_utf8_lossy(&ran.stderr));
        String::from_utf8(ran.stdout).unwrap()
    };
    gpg(&["--passphrase", "", "--quick-generate-key", "throw-away test key", "rsa2048", "encr", "never"]);
    let listed = gpg(&["--with-colons", "--list-keys"]);
    let line = listed.lines().find_map(|line| line.strip_prefix("fpr:")).unwrap();
    line.trim_matches(':').to_owned()
}

/// Every start of `gpg` by a command, with its arguments and environment.
fn started(fleet: &TestFleet, args: &[&str], identity: &std::path::Path) -> Vec<String> {
    let log = fleet.outside().join("calls.log");
    let mut command = Command::new(tool("strace"));
    command
        .args(["-f", "-qq", "-v", "-s", "65536", "-e", "trace=execve", "-o"])
        .arg(&log)
        .arg(BIN)
        .args(args);
    let cmd = fleet.prepare(command).identity(identity).env("SOPS_AGE_KEY", NEEDLE);
    cmd.stdin(format!("{NEEDLE} value")).run().ok();
    let calls = std::fs::read_to_string(&log).unwrap();
    calls.lines().filter(|line| line.contains("/gpg\", [")).map(str::to_owned).collect()
}

#[test]
fn gpg_gets_no_secret_as_an_argument_or_in_its_environment() {
    let fleet =
        TestFleet::new_on_disk().host("forge", &KEYS.forge).policy("allow(\"**\").hosts(\"forge\");\n");
    let fingerprint = key(&fleet);
    fleet.write(YAML, format!("a: {NEEDLE} old\n"));
    let mut sops = Command::new(tool("sops"));
    sops.env_clear().env("HOME", fleet.home()).env("PATH", PATH).current_dir(fleet.root());
    sops.args(["--disable-version-check", "--config", "/dev/null", "encrypt", "--in-place"]);
    assert!(
        sops.args(["--age", &admins().join(","), "--pgp", &fingerprint, YAML]).status().unwrap().success()
    );
    let alice = KEYS.alice.private();
    // The data key is made anew, so `gpg` encrypts; and nobody at hand but `gpg` opens it for eve.
    for (args, identity) in
        [(&["adopt"][..], alice), (&["show", "forge/a"], KEYS.eve.private()), (&["set", "forge/a"], alice)]
    {
        let calls = started(&fleet, args, identity);
        assert_eq!(calls.is_empty(), args[0] == "set", "{args:?}: {calls:?}");
        for call in calls {
            assert!(call.contains("execve(\"/"), "{call}");
            assert!(!call.contains(NEEDLE) && !call.contains("SOPS_AGE_KEY"), "{call}");
        }
    }
    assert_eq!(fleet.show("forge/a"), format!("{NEEDLE} value"));
    assert_eq!(fleet.leaks(&[NEEDLE]), ["calls.log"]);
    Command::new(tool("gpgconf")).env("HOME", fleet.home()).args(["--kill", "all"]).status().unwrap();
}
