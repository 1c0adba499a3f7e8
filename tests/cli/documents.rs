//! SOPS documents as live parts of the store: each key is a secret with a ledger, a policy and sealed copies.

use std::process::Command;

use crate::common::KEYS;
use crate::common::TestFleet;
use crate::common::tool;

/// What the document of most tests says.
const PLAIN: &str = "\
# of the media host
sonarr:
    # rotate by hand
    api-key: s-key
    port: 8989
restic:
    password: r pass
    excludes:
        - /tmp
        - /var/cache
note_unencrypted: open to all
";

/// The real `sops`, with the keys of alice and nothing of the person who runs the tests.
pub(crate) fn sops(fleet: &TestFleet) -> Command {
    let mut command = Command::new(tool("sops"));
    command
        .env_clear()
        .env("HOME", fleet.home())
        .env("PATH", crate::common::PATH)
        .env("SOPS_AGE_SSH_PRIVATE_KEY_FILE", KEYS.alice.private())
        .current_dir(fleet.root())
        .arg("--disable-version-check");
    command
}

pub(crate) fn done(command: &mut Command) -> String {
    let output = command.output().unwrap();
    assert!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

/// Encrypts a file with the real `sops` to these recipients.
pub(crate) fn encrypted(fleet: &TestFleet, path: &str, plain: &str, recipients: &[String]) {
    fleet.write(path, plain);
    let to = recipients.join(",");
    done(sops(fleet).args(["--config", "/dev/null", "encrypt", "--in-place", "--age", &to, path]));
}

pub(crate) fn admins() -> Vec<String> {
    vec![KEYS.alice.public(), KEYS.recovery.public()]
}

/// A fleet with the document `forge`, written by `sops` and adopted.
fn fleet() -> TestFleet {
    let fleet = TestFleet::new()
        .host_with("forge", &KEYS.forge, &["sonarr", "restic"])
        .host_with("luna", &KEYS.luna, &["restic"])
        .policy("allow(\"{host}/{service}/**\");\nallow(\"shared/**\");\n");
    encrypted(&fleet, "secrets/forge.sops.yaml", PLAIN, &admins());
    fleet.cmd(["adopt"]).at("2026-11-20T09:00:00Z").run().ok();
    fleet.run(["seal"]).ok();
    fleet.assert_clean();
    fleet
}

/// Lines that differ, those of ours first.
fn changed_lines(before: &str, after: &str) -> Vec<String> {
    let (old, new): (Vec<&str>, Vec<&str>) = (before.lines().collect(), after.lines().collect());
    let trimmed = |line: &&&str| line.trim().split(':').next().unwrap_or_default().to_owned();
    let gone = old.iter().filter(|line| !new.contains(line));
    let came = new.iter().filter(|line| !old.contains(line));
    let mut all: Vec<String> = gone.chain(came).map(|line| trimmed(&line)).collect();
    all.sort();
    all.dedup();
    all
}

#[test]
fn each_key_of_a_document_is_a_secret_that_its_host_gets() {
    let fleet = fleet();
    assert_eq!(
        fleet.granted("forge"),
        [
            "forge/restic/excludes/0",
            "forge/restic/excludes/1",
            "forge/restic/password",
            "forge/sonarr/api-key",
            "forge/sonarr/port"
        ]
    );
    assert_eq!(fleet.show("forge/sonarr/api-key"), "s-key");
    assert_eq!(fleet.show("forge/sonarr/port"), "8989");
    assert_eq!(fleet.show("forge/restic/excludes/1"), "/var/cache");
    let log = fleet.run(["log", "forge/sonarr/api-key"]).ok().stdout();
    assert!(log.contains("imported"), "{log}");
    fleet.refuses(["show", "forge/note_unencrypted"], 2).says(&["store::unknown_secret"]);
}

#[test]
fn setting_one_key_touches_that_key_the_date_and_the_mac_and_sops_reads_the_rest() {
    let fleet = fleet();
    let before = fleet.text("secrets/forge.sops.yaml");
    fleet.set("forge/sonarr/api-key", "another").ok().says(&["changed forge/sonarr/api-key", "forge"]);
    let after = fleet.text("secrets/forge.sops.yaml");
    assert_eq!(changed_lines(&before, &after), ["api-key", "lastmodified", "mac", "secretctl"]);
    let read = done(sops(&fleet).args(["decrypt", "secrets/forge.sops.yaml"]));
    assert_eq!(read, PLAIN.replace("s-key", "another"), "{read}");
    fleet.assert_clean();
}

#[test]
fn the_same_value_again_touches_nothing() {
    let fleet = fleet();
    let before = fleet.tree();
    fleet.set("forge/sonarr/api-key", "s-key").ok().says(&["unchanged"]);
    fleet.edit("forge", ":").run().ok().says(&["no value"]);
    assert_eq!(fleet.tree().changed_since(&before), [""; 0]);
}

#[test]
fn a_new_key_goes_into_the_document_that_its_name_begins_with() {
    let fleet = fleet();
    fleet.set("forge/sonarr/new/token", "t").ok().says(&["created forge/sonarr/new/token"]);
    assert!(!fleet.exists("secrets/forge/sonarr/new/token.age"));
    assert_eq!(
        done(sops(&fleet).args([
            "decrypt",
            "--extract",
            "[\"sonarr\"][\"new\"][\"token\"]",
            "secrets/forge.sops.yaml"
        ])),
        "t"
    );
    fleet.set("luna/restic/password", "own file").ok();
    assert!(fleet.exists("secrets/luna/restic/password.age"));
    fleet.assert_clean();
}

#[test]
fn a_whole_document_is_edited_and_every_change_gets_its_own_line() {
    let fleet = fleet();
    let before = fleet.text("secrets/forge.sops.yaml");
    let script =
        "sed -i -e 's/s-key/s-other/' -e '/port: 8989/d' -e 's/^restic:/restic:\\n    new: n/' \"$1\"";
    let ran = fleet.edit("forge", script).run().ok();
    let ran =
        ran.says(&["created forge/restic/new", "changed forge/sonarr/api-key", "removed forge/sonarr/port"]);
    assert!(!ran.stderr().contains("password"), "{ran}");
    let after = fleet.text("secrets/forge.sops.yaml");
    assert_eq!(
        changed_lines(&before, &after),
        ["api-key", "lastmodified", "mac", "new", "port", "secretctl"]
    );
    assert_eq!(fleet.show("forge/restic/new"), "n");
    assert!(!fleet.granted("forge").contains(&"forge/sonarr/port".to_owned()));
    assert!(fleet.run(["log", "forge/sonarr/port"]).ok().stdout().contains("removed"));
    fleet.assert_clean();
    assert!(fleet.plaintext_folders().is_empty());
    let leaks = fleet.leaks(&["s-other", "r pass"]);
    assert_eq!(leaks.iter().filter(|path| !path.starts_with("editor-")).count(), 0, "{leaks:?}");
}

#[test]
fn a_text_that_is_no_document_comes_back_to_the_editor_and_nothing_is_lost() {
    let fleet = fleet();
    let before = fleet.tree();
    let ran = fleet.edit("forge", "printf 'a: [1' > \"$1\"").run();
    assert_ne!(ran.code(), 0, "{ran}");
    assert_eq!(fleet.tree().changed_since(&before), [""; 0], "{ran}");
}

#[test]
fn a_document_is_made_by_editing_its_path() {
    let fleet = fleet();
    let ran =
        fleet.edit("secrets/luna.sops.yaml", "printf 'restic:\\n    password: x1\\n' > \"$1\"").run().ok();
    ran.says(&["created luna/restic/password"]);
    assert_eq!(done(sops(&fleet).args(["decrypt", "secrets/luna.sops.yaml"])), "restic:\n    password: x1\n");
    assert_eq!(fleet.granted("luna"), ["luna/restic/password"]);
    fleet.assert_clean();
}

#[test]
fn what_sops_changed_is_refused_until_an_admin_adopts_it() {
    let fleet = fleet();
    done(sops(&fleet).args(["set", "secrets/forge.sops.yaml", "[\"sonarr\"][\"api-key\"]", "\"by sops\""]));
    done(sops(&fleet).args(["set", "secrets/forge.sops.yaml", "[\"sonarr\"][\"extra\"]", "\"more\""]));
    done(sops(&fleet).args(["unset", "secrets/forge.sops.yaml", "[\"sonarr\"][\"port\"]"]));
    fleet.run(["check"]).with_code(3).says(&["document::unadopted", "2 values", "secretctl adopt forge"]);
    fleet
        .refuses(["show", "forge/sonarr/api-key"], 3)
        .says(&["store::source_changed", "secretctl adopt forge"]);
    fleet.run(["adopt", "--dry-run"]).with_code(1).prints(&["changed forge/sonarr/api-key"]);
    fleet.run(["adopt"]).ok().prints(&[
        "new forge/sonarr/extra",
        "changed forge/sonarr/api-key",
        "removed forge/sonarr/port",
    ]);
    assert_eq!(fleet.show("forge/sonarr/api-key"), "by sops");
    assert!(fleet.granted("forge").contains(&"forge/sonarr/extra".to_owned()));
    fleet.assert_clean();
    let before = fleet.tree();
    fleet.run(["adopt"]).ok();
    assert_eq!(fleet.tree().changed_since(&before), [""; 0]);
}

#[test]
fn sops_rotates_and_every_value_stays_the_same_after_adoption() {
    let fleet = fleet();
    done(sops(&fleet).args(["rotate", "--in-place", "secrets/forge.sops.yaml"]));
    fleet.run(["check"]).with_code(3).says(&["5 values"]);
    fleet.run(["adopt", "forge"]).ok();
    assert_eq!(fleet.show("forge/restic/password"), "r pass");
    fleet.assert_clean();
}

#[test]
fn a_value_that_somebody_planted_is_sealed_for_nobody() {
    let fleet = fleet();
    let other = TestFleet::empty();
    encrypted(&other, "secrets/forge.sops.yaml", &PLAIN.replace("s-key", "planted"), &admins());
    fleet.write("secrets/forge.sops.yaml", other.read("secrets/forge.sops.yaml"));
    let ran = fleet.run(["seal"]);
    assert_eq!(ran.code(), 3, "{ran}");
    fleet.refuses(["show", "forge/sonarr/api-key"], 3).says(&["store::source_changed"]);
}

#[test]
fn swapping_two_values_or_a_wrong_mac_is_found_before_anything_is_written() {
    let fleet = fleet();
    let text = fleet.text("secrets/forge.sops.yaml");
    let line = |key: &str| text.lines().find(|line| line.trim().starts_with(key)).unwrap().to_owned();
    let (api, port) = (line("api-key:"), line("password:"));
    let value = |line: &str| line.split_once(": ").unwrap().1.to_owned();
    let swapped = text
        .replace(&value(&api), "X")
        .replace(&value(&port), &value(&api))
        .replace(": X", &format!(": {}", value(&port)));
    fleet.write("secrets/forge.sops.yaml", swapped);
    fleet.refuses(["show", "forge/sonarr/api-key"], 3);
    fleet.refuses(["adopt"], 3).says(&["secrets/forge.sops.yaml"]);
    // A plain value that was changed by hand: the key's own ciphertext is sound, the MAC is not.
    fleet.write("secrets/forge.sops.yaml", text.replace("open to all", "open to some"));
    let ran = fleet.refuses(["show", "forge/sonarr/api-key"], 3);
    ran.says(&["secrets/forge.sops.yaml", "mac"]);
    fleet.refuses(["set", "forge/sonarr/api-key"], 3);
}

#[test]
fn removing_and_moving_keys_keeps_document_and_history_together() {
    let fleet = fleet();
    fleet.run(["rm", "forge/sonarr/port"]).ok();
    assert!(!done(sops(&fleet).args(["decrypt", "secrets/forge.sops.yaml"])).contains("8989"));
    fleet.run(["mv", "forge/sonarr/api-key", "forge/sonarr/key"]).ok();
    assert_eq!(fleet.show("forge/sonarr/key"), "s-key");
    fleet.run(["mv", "forge/restic/password", "shared/password"]).ok();
    assert!(fleet.exists("secrets/shared/password.age"));
    assert_eq!(fleet.show("shared/password"), "r pass");
    fleet.run(["mv", "shared/password", "forge/restic/password"]).ok();
    assert!(!fleet.exists("secrets/shared/password.age"));
    assert_eq!(fleet.show("forge/restic/password"), "r pass");
    fleet.run(["seal"]).ok();
    fleet.assert_clean();
    let log = fleet.run(["log", "forge/restic/password"]).ok().stdout();
    assert!(log.contains("imported") && log.contains("moved"), "{log}");
    fleet.run(["rm", "forge/sonarr/key"]).ok();
    fleet.set("forge/sonarr/again", "a").ok();
    assert_eq!(fleet.show("forge/sonarr/again"), "a");
    fleet.assert_clean();
}

#[test]
fn rekey_brings_a_document_to_the_admins_there_are_and_a_removal_gives_it_a_new_data_key() {
    let fleet = fleet();
    let bob = KEYS.bob.public();
    fleet.run(["admin", "add", "bob", "--recipient", &bob, "--signing-key", &bob]).ok();
    fleet.run(["check"]).with_code(1).says(&["store::recipients", "secrets/forge.sops.yaml", "bob"]);
    fleet.refuses(["set", "forge/sonarr/api-key"], 1).says(&["document::outdated", "secretctl rekey"]);
    let values = |text: &str| text.lines().filter(|l| l.contains("ENC[") && !l.contains("mac")).count();
    let before = fleet.text("secrets/forge.sops.yaml");
    fleet.run(["rekey"]).ok().says(&["admin `bob`"]);
    let after = fleet.text("secrets/forge.sops.yaml");
    let kept = after.lines().filter(|line| line.contains("ENC[") && before.contains(*line)).count();
    assert_eq!(kept, values(&before) + 1, "nobody left, so every value and the MAC stay");
    fleet.assert_clean();
    let by_bob = fleet.cmd(["show", "forge/sonarr/api-key"]).by(&KEYS.bob).run().ok();
    assert_eq!(by_bob.stdout(), "s-key");
    fleet.run(["admin", "remove", "bob"]).ok();
    fleet.run(["rekey"]).ok();
    let last = fleet.text("secrets/forge.sops.yaml");
    let kept = last.lines().filter(|line| line.contains("ENC[") && after.contains(*line)).count();
    assert_eq!(kept, 0, "whoever left knows the old data key");
    assert_ne!(fleet.cmd(["show", "forge/sonarr/api-key"]).by(&KEYS.bob).run().code(), 0);
    assert_eq!(done(sops(&fleet).args(["decrypt", "secrets/forge.sops.yaml"])), PLAIN);
}

#[test]
fn a_document_may_lie_where_another_tool_has_it_and_keep_its_keys_until_it_is_settled() {
    let fleet = TestFleet::new()
        .host_with("forge", &KEYS.forge, &["sonarr", "restic"])
        .policy("allow(\"{host}/{service}/**\");\n");
    let forge = KEYS.forge.public();
    let all = [admins(), vec![forge.clone()]].concat();
    encrypted(&fleet, "hosts/forge/secrets.yaml", "sonarr:\n    api-key: k\n", &all);
    fleet.append(
        "secretctl.toml",
        &format!(
            "\n[documents.forge]\npath = \"hosts/forge/secrets.yaml\"\nlegacy-recipients = [\"{forge}\"]\n"
        ),
    );
    fleet.run(["adopt"]).ok();
    fleet.run(["check"]).ok().says(&["document::legacy", "rekey --settle forge"]);
    fleet.set("forge/sonarr/api-key", "k2").ok();
    assert!(fleet.text("hosts/forge/secrets.yaml").contains(&forge));
    fleet.run(["rekey", "--settle"]).ok();
    assert!(!fleet.text("hosts/forge/secrets.yaml").contains(&forge));
    assert!(!fleet.text("secretctl.toml").contains("legacy"));
    fleet.assert_clean();
    assert_eq!(fleet.show("forge/sonarr/api-key"), "k2");
}

#[test]
fn a_host_stays_a_direct_recipient_only_where_policy_grants_it_every_key() {
    let fleet = fleet();
    fleet.refuses(["rekey", "--direct", "luna"], 1).says(&["document::beyond_policy", "`luna`", "forge/"]);
    fleet.run(["rekey", "--direct", "forge"]).ok();
    assert!(fleet.text("secrets/forge.sops.yaml").contains(&KEYS.forge.public()));
    fleet.assert_clean();
    // What policy takes away later is found, though nobody touched the document.
    let policy = "allow(\"forge/sonarr/**\").hosts(\"forge\");\n";
    fleet.write("policies/access.rhai", policy);
    fleet.run(["seal"]).ok();
    fleet.run(["check"]).with_code(1).says(&["document::beyond_policy", "forge/restic"]);
}

#[test]
fn a_name_in_a_document_and_in_a_file_of_its_own_is_refused_by_name() {
    let fleet = fleet();
    let source = TestFleet::new().secret("forge/sonarr/api-key", "x");
    fleet.write("secrets/forge/sonarr/api-key.age", source.read("secrets/forge/sonarr/api-key.age"));
    let ran = fleet.run(["check"]).with_code(2);
    ran.says(&["store::two_sources", "secrets/forge/sonarr/api-key.age", "secrets/forge.sops.yaml"]);
}

#[test]
fn keys_that_do_not_fit_a_name_are_percent_encoded_and_come_back() {
    let fleet = TestFleet::new().host("forge", &KEYS.forge).policy("allow(\"forge/**\").hosts(\"forge\");\n");
    encrypted(&fleet, "secrets/forge.sops.json", "{\"_a b\": {\"x/y\": \"v\", \"é\": \"w\"}}", &admins());
    fleet.run(["adopt"]).ok();
    assert_eq!(fleet.show("forge/%5Fa%20b/x%2Fy"), "v");
    assert_eq!(fleet.show("forge/%5Fa%20b/%C3%A9"), "w");
    fleet.set("forge/%5Fa%20b/x%2Fy", "v2").ok();
    assert_eq!(
        done(sops(&fleet).args(["decrypt", "--extract", "[\"_a b\"][\"x/y\"]", "secrets/forge.sops.json"])),
        "v2"
    );
    fleet.assert_clean();
}

#[test]
fn a_binary_document_is_one_secret() {
    let fleet = TestFleet::new().host("forge", &KEYS.forge).policy("allow(\"cert\").hosts(\"forge\");\n");
    fleet.write("plain.bin", b"\x00\xffraw");
    let out = sops(&fleet)
        .args([
            "--config",
            "/dev/null",
            "encrypt",
            "--input-type",
            "binary",
            "--output-type",
            "binary",
            "--age",
            &admins().join(","),
            "plain.bin",
        ])
        .output()
        .unwrap();
    assert!(out.status.success());
    fleet.remove("plain.bin");
    fleet.write("secrets/cert.sops", out.stdout);
    fleet.run(["adopt"]).ok();
    let shown = fleet.run(["show", "cert"]).ok();
    assert_eq!(shown.stdout(), String::from_utf8_lossy(b"\x00\xffraw"));
    fleet.set("cert", "new text").ok();
    assert_eq!(
        done(sops(&fleet).args([
            "decrypt",
            "--input-type",
            "binary",
            "--output-type",
            "binary",
            "secrets/cert.sops"
        ])),
        "new text"
    );
    fleet.run(["seal"]).ok();
    fleet.assert_clean();
}
