//! Documents that somebody with push rights, or with an old data key, has prepared.

use std::process::Command;

use super::documents::admins;
use super::documents::encrypted;
use crate::common::KEYS;
use crate::common::TestFleet;
use crate::common::tool;

/// Takes the stanza of one recipient out of the text of a YAML document; the data key stays as it is.
fn without_stanza(text: &str, recipient: &str) -> (String, String) {
    let (mut kept, mut blocks): (Vec<&str>, Vec<Vec<&str>>) = (Vec::new(), Vec::new());
    let mut inside = false;
    for line in text.lines() {
        let begins = line.starts_with("        - ");
        inside = begins || (inside && line.starts_with("          "));
        if begins {
            blocks.push(Vec::new());
        }
        match blocks.last_mut() {
            Some(block) if inside => block.push(line),
            _ => kept.push(line),
        }
    }
    let (gone, rest): (Vec<_>, Vec<_>) =
        blocks.into_iter().map(|block| block.join("\n")).partition(|block| block.contains(recipient));
    assert_eq!(gone.len(), 1, "{text}");
    let at = kept.iter().position(|line| *line == "    age:").unwrap();
    let mut lines: Vec<String> = kept.iter().map(|line| (*line).to_owned()).collect();
    lines.splice(at + 1..=at, rest);
    (lines.join("\n") + "\n", gone.concat())
}

fn with_stanza(text: &str, stanza: &str) -> String {
    text.replacen("    age:\n", &format!("    age:\n{stanza}\n"), 1)
}

/// What the holder of an old stanza reads of a text with their ssh key and the real `sops`.
fn read_by_bob(fleet: &TestFleet, text: &str, stanza: &str) -> Option<String> {
    fleet.write("../stolen.yaml", with_stanza(text, stanza));
    let mut command = Command::new(tool("sops"));
    command.env_clear().env("HOME", fleet.home()).env("PATH", crate::common::PATH);
    command.env("SOPS_AGE_SSH_PRIVATE_KEY_FILE", KEYS.bob.private()).current_dir(fleet.outside());
    let output = command.args(["--disable-version-check", "decrypt", "stolen.yaml"]).output().unwrap();
    output.status.success().then(|| String::from_utf8(output.stdout).unwrap())
}

fn fleet() -> TestFleet {
    TestFleet::new()
        .host_with("forge", &KEYS.forge, &["sonarr", "restic"])
        .host_with("luna", &KEYS.luna, &["restic"])
        .policy("allow(\"{host}/{service}/**\");\n")
}

/// Plants a document for the admins whose data key bob knows, and gives his way in.
fn planted(fleet: &TestFleet, path: &str, plain: &str) -> String {
    let other = TestFleet::empty();
    encrypted(&other, path, plain, &[admins(), vec![KEYS.bob.public()]].concat());
    let (text, stanza) = without_stanza(&other.text(path), &KEYS.bob.public());
    assert!(read_by_bob(fleet, &text, &stanza).is_some());
    fleet.write(path, text);
    stanza
}

#[test]
fn a_planted_document_does_not_catch_new_values_under_a_data_key_that_somebody_else_knows() {
    let fleet = fleet();
    let path = "secrets/forge.sops.yaml";
    for plain in ["decoy: x\n", "note_unencrypted: nothing\n", "empty: \"\"\n"] {
        let stanza = planted(&fleet, path, plain);
        fleet.set("forge/sonarr/key", "fresh value").ok();
        assert_eq!(fleet.show("forge/sonarr/key"), "fresh value");
        assert_eq!(read_by_bob(&fleet, &fleet.text(path), &stanza), None, "{plain}");
        fleet.run(["rm", "forge/sonarr/key"]).ok();
        fleet.remove(path);
    }
}

#[test]
fn adopting_a_document_that_nobody_vouched_for_gives_it_a_data_key_that_only_its_readers_know() {
    let fleet = fleet();
    let stanza = planted(&fleet, "secrets/forge.sops.yaml", "decoy: x\n");
    fleet.run(["adopt"]).ok();
    assert_eq!(fleet.show("forge/decoy"), "x");
    fleet.set("forge/sonarr/key", "fresh value").ok();
    assert_eq!(read_by_bob(&fleet, &fleet.text("secrets/forge.sops.yaml"), &stanza), None);
    fleet.run(["seal"]).ok();
    fleet.assert_clean();
}

#[test]
fn a_document_that_is_edited_as_a_whole_does_not_keep_a_data_key_that_nobody_vouches_for() {
    let fleet = fleet();
    let stanza = planted(&fleet, "secrets/forge.sops.yaml", "decoy: x\n");
    let ran = fleet.edit("forge", "printf 'sonarr: {key: fresh}\\n' >> \"$1\"").run().with_code(3);
    ran.says(&["created forge/sonarr/key", "store::no_ledger", "`forge/decoy`"]);
    assert_eq!(fleet.show("forge/sonarr/key"), "fresh");
    assert_eq!(read_by_bob(&fleet, &fleet.text("secrets/forge.sops.yaml"), &stanza), None);
}

/// A fleet that bob left, whose document was only taken off his stanza by hand, as `sops updatekeys` does it.
fn bob_left() -> (TestFleet, String) {
    let fleet = fleet();
    let bob = KEYS.bob.public();
    fleet.run(["admin", "add", "bob", "--recipient", &bob, "--signing-key", &bob]).ok();
    let all = [admins(), vec![bob.clone()]].concat();
    encrypted(&fleet, "secrets/forge.sops.yaml", "restic:\n    password: p\n", &all);
    fleet.run(["adopt"]).ok();
    fleet.run(["admin", "remove", "bob"]).ok();
    let (text, stanza) = without_stanza(&fleet.text("secrets/forge.sops.yaml"), &bob);
    fleet.write("secrets/forge.sops.yaml", text);
    (fleet, stanza)
}

#[test]
fn rekey_gives_a_new_data_key_also_where_the_stanza_of_who_left_is_gone_already() {
    let (fleet, stanza) = bob_left();
    fleet.refuses(["set", "forge/restic/password"], 1).says(&["document::outdated", "secretctl rekey"]);
    fleet.run(["rekey"]).ok();
    assert_eq!(read_by_bob(&fleet, &fleet.text("secrets/forge.sops.yaml"), &stanza), None);
    fleet.set("forge/restic/password", "p2").ok();
    assert_eq!(fleet.show("forge/restic/password"), "p2");
    fleet.run(["seal"]).ok();
    fleet.assert_clean();
}

#[test]
fn a_whole_document_is_vouched_for_with_what_it_leaves_in_the_clear() {
    let fleet = fleet();
    fleet.append("secretctl.toml", "\n[documents.\"forge/sonarr/config\"]\nwhole = true\n");
    let path = "secrets/forge/sonarr/config.sops.yaml";
    let plain = "key: k\nurl_unencrypted: https://good\n# said\nempty: \"\"\n";
    fleet.write(path, plain);
    let rule = format!("creation_rules: [{{mac_only_encrypted: true, age: '{}'}}]\n", admins().join(","));
    fleet.write("../rules.yaml", rule);
    let mut sops = Command::new(tool("sops"));
    sops.env_clear().env("PATH", crate::common::PATH).env("HOME", fleet.home()).current_dir(fleet.root());
    let args = ["--disable-version-check", "--config", "../rules.yaml", "encrypt", "--in-place", path];
    assert!(sops.args(args).status().unwrap().success());
    assert!(fleet.text(path).contains("mac_only_encrypted: true"));
    fleet.run(["adopt"]).ok();
    fleet.run(["seal"]).ok();
    fleet.assert_clean();
    let sound = fleet.text(path);
    for (from, to) in [
        ("https://good", "https://evil"),
        ("empty: \"\"", "other: \"\""),
        ("url_unencrypted:", "x_unencrypted:"),
    ] {
        assert!(sound.contains(from), "{sound}");
        fleet.write(path, sound.replacen(from, to, 1));
        fleet.run(["check"]).with_code(3).says(&["document::unadopted"]);
        fleet.refuses(["show", "forge/sonarr/config"], 3).says(&["store::source_changed"]);
        let ran = fleet.run(["seal"]);
        assert_eq!(ran.code(), 3, "{ran}");
    }
    fleet.write(path, sound);
    fleet.assert_clean();
}

#[test]
fn a_key_that_is_named_like_a_further_document_of_the_stream_takes_no_others_name() {
    let fleet = fleet();
    let plain = "\"#2\":\n    key: first\na: b\n---\nkey: second\n";
    encrypted(&fleet, "secrets/forge.sops.yaml", plain, &admins());
    fleet.run(["adopt"]).ok();
    fleet.run(["check"]).says(&["document::unnamable", "#2/key"]);
    assert_eq!(fleet.show("forge/%232/key"), "second");
    fleet.set("forge/%232/key", "third").ok();
    assert_eq!(fleet.show("forge/%232/key"), "third");
}

#[test]
fn a_document_inside_the_prefix_of_another_hides_none_of_its_secrets() {
    let fleet = fleet();
    encrypted(&fleet, "secrets/forge.sops.yaml", "sonarr:\n    key: k\n", &admins());
    fleet.run(["adopt"]).ok();
    encrypted(&fleet, "secrets/forge/sonarr.sops.yaml", "decoy: d\n", &admins());
    assert_eq!(fleet.show("forge/sonarr/key"), "k");
    fleet.set("forge/sonarr/key", "k2").ok();
    assert_eq!(fleet.show("forge/sonarr/key"), "k2");
}

#[test]
fn no_new_key_goes_into_a_document_that_a_host_opens_itself_and_may_not_read() {
    let fleet = fleet();
    encrypted(&fleet, "secrets/forge.sops.yaml", "restic:\n    password: p\n", &admins());
    fleet.run(["adopt"]).ok();
    fleet.run(["rekey", "--direct", "forge"]).ok();
    let words = ["document::beyond_policy", "`forge`", "forge/other/key"];
    let before = fleet.text("secrets/forge.sops.yaml");
    fleet.refuses_cmd(fleet.cmd(["set", "forge/other/key"]).stdin("v"), 1).says(&words);
    let ran = fleet.edit("forge", "printf 'other: {key: v}\\n' >> \"$1\"").run();
    assert_eq!(ran.code(), 4, "{ran}");
    ran.says(&["edit::given_up", "`forge`", "`forge/other/key`"]);
    assert_eq!(fleet.text("secrets/forge.sops.yaml"), before);
    fleet.set("forge/restic/more", "v").ok();
}

#[test]
fn rekey_adds_no_host_that_would_read_more_than_policy_grants_it() {
    let fleet = fleet();
    encrypted(&fleet, "secrets/forge.sops.yaml", "restic:\n    password: p\n", &admins());
    fleet.run(["adopt"]).ok();
    fleet.append("secretctl.toml", "\n[documents.forge]\ndirect = [\"luna\"]\n");
    fleet.refuses(["rekey"], 1).says(&["document::beyond_policy", "`luna`"]);
    assert!(!fleet.text("secrets/forge.sops.yaml").contains(&KEYS.luna.public()));
}

#[test]
fn taking_an_item_out_of_a_list_gives_no_other_value_its_name() {
    let fleet = fleet();
    encrypted(&fleet, "secrets/forge.sops.yaml", "list: [one, two, three]\n", &admins());
    fleet.run(["adopt"]).ok();
    let words = ["document::list_item", "`forge/list/0`", "secretctl edit forge"];
    fleet.refuses(["rm", "forge/list/0"], 2).says(&words);
    fleet.refuses(["mv", "forge/list/0", "forge/one"], 2).says(&words);
    fleet.run(["rm", "forge/list/2"]).ok();
    fleet.edit("forge", "sed -i 's/one, //; /- one/d' \"$1\"").run().ok();
    assert_eq!(fleet.show("forge/list/0"), "two");
    fleet.run(["seal"]).ok();
    fleet.assert_clean();
}

#[test]
fn no_secret_has_a_second_name() {
    let fleet = fleet();
    encrypted(&fleet, "secrets/forge.sops.yaml", "a: v\nlist: [one]\n---\nb: w\n", &admins());
    fleet.run(["adopt"]).ok();
    for name in ["forge/%231/a", "forge/%2302/b", "forge/%23+2/b", "forge/list/00", "forge/list/+0"] {
        let ran = fleet.refuses_cmd(fleet.cmd(["set", name]).stdin("v"), 2);
        assert!(!ran.stderr().contains("panicked"), "{ran}");
    }
    fleet.set("forge/%232/b", "w2").ok();
    fleet.run(["seal"]).ok();
    fleet.assert_clean();
}

#[test]
fn a_crash_at_any_step_of_an_adoption_that_makes_a_data_key_is_completed_by_a_rerun() {
    for syscall in ["fsync", "rename"] {
        for at in 1.. {
            let fleet = fleet();
            let stanza = planted(&fleet, "secrets/forge.sops.yaml", "restic:\n    a: x\n    b: y\n");
            let mut command = Command::new(tool("strace"));
            command.args(["-f", "-qq", "-o", "/dev/null", "-e", &format!("trace={syscall}")]);
            command.args(["-e", &format!("inject={syscall}:signal=KILL:when={at}")]);
            let ran = fleet
                .prepare({
                    command.args([crate::common::BIN, "adopt"]);
                    command
                })
                .run();
            fleet.run(["adopt"]).ok();
            fleet.run(["seal"]).ok();
            assert_eq!(read_by_bob(&fleet, &fleet.text("secrets/forge.sops.yaml"), &stanza), None);
            assert_eq!(fleet.show("forge/restic/b"), "y");
            fleet.assert_clean();
            if ran.code() == 0 {
                break;
            }
        }
    }
}

/// One of the texts of a document, told by the name of its field, with another byte.
fn with_changed_field(fleet: &TestFleet, path: &str, field: &str) {
    let text = fleet.text(path);
    let at = text.find(field).unwrap_or_else(|| panic!("{path} has no {field}"));
    // Behind the first lines of an armored file, or within the data of a MAC.
    let at =
        at + text[at..].find(if field == "mac" { "data:" } else { "AGE ENCRYPTED FILE-----" }).unwrap() + 60;
    let mut bytes = text.into_bytes();
    bytes[at] = if bytes[at] == b'A' { b'B' } else { b'A' };
    fleet.write(path, bytes);
}

#[test]
fn a_document_whose_stanza_or_mac_was_changed_is_told_without_a_key() {
    for (path, plain) in [
        ("secrets/app.sops.yaml", "a: x\nb: y\n"),
        ("secrets/app.sops.json", "{\"a\": \"x\", \"b\": \"y\"}"),
        ("secrets/app.sops.env", "a=x\nb=y\n"),
        ("secrets/app.sops.ini", "[s]\na = x\nb = y\n"),
        ("secrets/app.sops", "x"),
    ] {
        let fleet = TestFleet::new().host("forge", &KEYS.forge).policy("allow(\"**\").hosts(\"forge\");\n");
        encrypted(&fleet, path, plain, &admins());
        fleet.run(["adopt"]).ok();
        fleet.run(["seal"]).ok();
        fleet.assert_clean();
        let before = fleet.text(path);
        for field in ["enc", "mac"] {
            with_changed_field(&fleet, path, field);
            let check = fleet.cmd(["check"]).env("SECRETCTL_IDENTITY", "/nowhere").run().ok();
            check.says(&["warning[document::changed]", path, "secretctl adopt app", "git checkout HEAD"]);
            // What does not open is not signed for.
            if field == "mac" {
                let adopted = fleet.run(["adopt"]);
                assert_ne!(adopted.code(), 0, "{path} {field}: {adopted}");
                fleet.run(["check"]).says(&["document::changed"]);
            }
            fleet.write(path, &before);
            fleet.assert_clean();
        }
    }
}

#[test]
fn a_new_order_of_values_is_told_and_adopted_only_if_the_document_opens() {
    let fleet = TestFleet::new().host("forge", &KEYS.forge).policy("allow(\"**\").hosts(\"forge\");\n");
    encrypted(&fleet, "secrets/app.sops.env", "a=x\nb=y\n", &admins());
    fleet.run(["adopt"]).ok();
    fleet.set("app/a", "new").ok();
    fleet.assert_clean();
    let text = fleet.text("secrets/app.sops.env");
    let (first, rest) = text.split_once('\n').unwrap();
    let (second, rest) = rest.split_once('\n').unwrap();
    fleet.write("secrets/app.sops.env", format!("{second}\n{first}\n{rest}"));
    fleet.run(["check"]).ok().says(&["document::changed"]);
    assert_ne!(fleet.run(["adopt"]).code(), 0, "the MAC does not hold");
    // A date that the MAC is not bound to is none that `sops` writes; a version says nothing, and is signed anew.
    fleet.write("secrets/app.sops.env", text.replace("sops_version=", "sops_version=9"));
    fleet.run(["check"]).ok().says(&["document::changed"]);
    fleet.run(["adopt"]).ok();
    fleet.assert_clean();
}
