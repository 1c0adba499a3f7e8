//! The rules that `export sops-config` writes, in the hands of `sops`.

use std::path::PathBuf;
use std::process::Command;

use crate::common::KEYS;
use crate::common::Ran;
use crate::common::TestFleet;
use crate::common::tool;

const YAML: &str = "secrets/forge.sops.yaml";
const ENV: &str = "secrets/shared/app.x.sops.env";

/// A fleet with two documents that `sops` made for alice, a host and somebody from before, and with recovery missing.
fn fleet() -> TestFleet {
    let fleet = TestFleet::new().host("forge", &KEYS.forge);
    for document in ["forge", "shared/app.x"] {
        let before = KEYS.eve.public();
        fleet.append(
            "secretctl.toml",
            &format!(
                "\n[documents.\"{document}\"]\ndirect = [\"forge\"]\nlegacy-recipients = [\"{before}\"]\n"
            ),
        );
    }
    let age = [KEYS.alice.public(), KEYS.forge.public(), KEYS.eve.public()].join(",");
    for (path, text) in [(YAML, "# top\nsonarr:\n    api-key: one\n"), (ENV, "A=1\n")] {
        fleet.write(path, text);
        sops(&fleet, &["encrypt", "--in-place", "--age", &age, path]).ok();
    }
    fleet
}

fn sops(fleet: &TestFleet, args: &[&str]) -> Ran {
    let program = std::env::var_os("SOPS").map_or_else(|| tool("sops"), PathBuf::from);
    let mut cmd = fleet.prepare(Command::new(program));
    cmd.command.args(args);
    cmd.env("SOPS_AGE_SSH_PRIVATE_KEY_FILE", KEYS.alice.private()).run()
}

#[test]
fn sops_finds_nothing_to_do_by_our_rules_once_it_has_followed_them() {
    let fleet = fleet();
    fleet.run(["export", "sops-config", "--write"]).ok().says(&["+creation_rules:"]);
    fleet.run(["export", "sops-config", "--check"]).ok();
    for path in [YAML, ENV] {
        let ran = sops(&fleet, &["updatekeys", "--yes", path]).ok();
        assert!(!ran.stderr().contains("already up to date"), "recovery was missing: {ran}");
        let before = fleet.read(path);
        sops(&fleet, &["updatekeys", "--yes", path]).ok().says(&["already up to date"]);
        assert_eq!(fleet.read(path), before);
    }
    fleet.run(["export", "sops-config", "--check"]).ok();
    // A new file at the same path gets the same readers.
    fleet.write(YAML, "a: 1\n");
    sops(&fleet, &["encrypt", "--in-place", YAML]).ok();
    sops(&fleet, &["updatekeys", "--yes", YAML]).ok().says(&["already up to date"]);
    fleet.write("secrets/shared/appxx.sops.env", "A=1\n");
    let other = sops(&fleet, &["encrypt", "--in-place", "secrets/shared/appxx.sops.env"]);
    assert_ne!(other.code(), 0, "a rule is for its own file alone");
}

#[test]
fn the_rules_name_who_is_who_and_keep_what_was_said_about_indentation() {
    let fleet = fleet();
    fleet.write(".sops.yaml", "stores:\n  json:\n    indent: 2\ncreation_rules:\n  - age: age1x\n");
    let before = fleet.text(".sops.yaml");
    let ran = fleet.run(["export", "sops-config"]).ok();
    for line in [
        "stores:\n  json:\n    indent: 2\ncreation_rules:\n",
        "path_regex: '^secrets/forge\\.sops\\.yaml$'",
        "path_regex: '^secrets/shared/app\\.x\\.sops\\.env$'",
        "# admin alice\n",
        "# host forge\n",
        "# recovery\n",
        "# nobody in secretctl.toml\n",
    ] {
        assert!(ran.stdout().contains(line), "{line}: {ran}");
    }
    fleet
        .run(["export", "sops-config", "--check"])
        .with_code(1)
        .says(&["export::outdated", "-  - age: age1x"]);
    fleet.run(["export", "sops-config", "--write"]).with_code(1).says(&["export::by_hand", "--force"]);
    assert_eq!(fleet.text(".sops.yaml"), before);
    fleet.run(["export", "sops-config", "--write", "--force"]).ok();
    assert_eq!(fleet.text(".sops.yaml"), ran.stdout());
}
