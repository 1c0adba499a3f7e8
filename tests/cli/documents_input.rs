//! Documents that are damaged, odd, hostile or large: what is odd works, and what is wrong is named and left alone.

use std::process::Command;
use std::time::Duration;
use std::time::Instant;

use super::documents::admins;
use super::documents::encrypted;
use crate::common::KEYS;
use crate::common::TestFleet;
use crate::common::tool;

const YAML: &str = "secrets/forge.sops.yaml";
const PLAIN: &str = "# c\na: one\nb: two\n";

fn fleet_with(path: &str, plain: &str) -> TestFleet {
    let fleet = TestFleet::new().host("forge", &KEYS.forge).policy("allow(\"**\").hosts(\"forge\");\n");
    encrypted(&fleet, path, plain, &admins());
    fleet.run(["adopt"]).ok();
    fleet.run(["seal"]).ok();
    fleet
}

fn fleet() -> TestFleet {
    fleet_with(YAML, PLAIN)
}

/// What the real `sops` reads of a file.
fn read_by_sops(fleet: &TestFleet, path: &str) -> String {
    let mut command = Command::new(tool("sops"));
    command.env_clear().env("HOME", fleet.home()).env("PATH", crate::common::PATH);
    command.env("SOPS_AGE_SSH_PRIVATE_KEY_FILE", KEYS.alice.private()).current_dir(fleet.root());
    let output = command.args(["--disable-version-check", "decrypt", path]).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

/// Every command that reads or writes the document refuses it, with the file and what to do, and writes nothing.
fn refused(fleet: &TestFleet, code: &str, words: &[&str]) {
    for args in
        [&["show", "forge"][..], &["set", "forge/a"], &["adopt"], &["edit", "forge"], &["rm", "forge/b"]]
    {
        let before = fleet.tree();
        let started = Instant::now();
        let ran = fleet.cmd(args).env("EDITOR", fleet.editor("echo 'a: typed' > \"$1\"")).stdin("new").run();
        assert!(ran.code() > 0, "{args:?}: {ran}");
        assert!(started.elapsed() < Duration::from_secs(10), "{args:?} took {:?}", started.elapsed());
        assert_eq!(fleet.tree().changed_since(&before), [""; 0], "{args:?}: {ran}");
        let ran = ran.says(&[code, "secrets/forge.sops.", "help: "]);
        ran.says(words);
    }
}

#[test]
fn line_ends_a_byte_order_mark_and_fields_that_nobody_knows_stay_as_they_are() {
    type Odd = fn(String) -> String;
    let odd: [(&str, Odd); 4] = [
        ("CRLF", |text| text.replace('\n', "\r\n")),
        ("mixed", |text| text.replacen('\n', "\r\n", 2).replace("sops:\n", "sops:\r\n")),
        ("mark", |text| format!("\u{feff}{text}")),
        ("fields", |text| text.replace("sops:\n", "sops:\n    later: {x: [1, 2.50], \"y\": ~}\n")),
    ];
    for (what, change) in odd {
        let fleet = fleet();
        let before = change(fleet.text(YAML));
        fleet.write(YAML, &before);
        fleet.run(["check"]).ok();
        assert_eq!(fleet.show("forge/a"), "one", "{what}");
        fleet.cmd(["set", "forge/a"]).at("2026-11-20T11:00:00Z").stdin("new").run().ok();
        let later = |args: &[&str]| fleet.cmd(args).at("2026-11-20T11:00:00Z").run().ok();
        let after = fleet.text(YAML);
        let (old, new) = (before.split('\n'), after.split('\n'));
        assert_eq!(before.matches('\r').count(), after.matches('\r').count(), "{what}");
        let changed: Vec<&str> =
            old.zip(new).filter(|(one, other)| one != other).map(|(one, _)| one).collect();
        // How the document was left is signed in a field of ours, wherever that stands.
        let ours = |line: &&&str| line.trim_start().starts_with("secretctl: ");
        let theirs: Vec<&&str> = changed.iter().filter(|line| !ours(line)).collect();
        let starts = ["a: ", "    lastmodified: ", "    mac: "];
        let right = theirs.iter().zip(starts).filter(|(line, start)| line.starts_with(start)).count();
        assert_eq!((theirs.len(), right), (3, 3), "{what}: {changed:?}");
        assert_eq!(later(&["show", "forge/b"]).stdout(), "two");
        assert_eq!(later(&["check"]).stderr(), "", "{what}");
        if what != "mark" {
            assert!(read_by_sops(&fleet, YAML).contains("a: new"), "{what}");
        }
    }
}

#[test]
fn what_is_wrong_with_a_document_is_named_with_its_file_and_nothing_is_written() {
    let sound = fleet();
    let text = sound.text(YAML);
    let line = |start: &str| text.lines().find(|line| line.starts_with(start)).unwrap();
    let (a, b) = (line("a: "), line("b: "));
    let looks = "a: ENC[AES256_GCM,data:AAAA,iv:AAAA,tag:AAAA,type:str]";
    for (changed, code, words) in [
        (text.replace(a, &format!("{a}\n{a}")), "sops::duplicate", &["`a`", "line 3"][..]),
        (text.replace(a, "a: ENC[looks like it]"), "sops::plain", &["`a`"]),
        (text.replace(a, looks), "sops::value", &["`a`", "git checkout"]),
        (text.replace(a, &b.replacen("b:", "a:", 1)), "sops::value", &["`a`", "moved"]),
        (text.replace(a, "a: [[[[["), "sops::syntax", &["line "]),
        (text.replace(a, "a: &x [*x, *x]"), "sops::", &[]),
        (text.replace("mac: ", "nac: "), "sops::", &["MAC"]),
        (text.replace("sops:\n", "spos:\n"), "sops::no_metadata", &["git checkout"]),
    ] {
        assert_ne!(changed, text, "{code}");
        sound.write(YAML, &changed);
        refused(&sound, code, words);
    }
    let mut bytes = text.clone().into_bytes();
    bytes.splice(0..0, b"# \xff\xfe\n".iter().copied());
    sound.write(YAML, bytes);
    refused(&sound, "sops::encoding", &["line 1", "iconv"]);
    sound.write(YAML, text);
    sound.assert_clean();
}

#[test]
fn a_document_that_is_cut_off_anywhere_is_refused_or_whole() {
    for (path, plain, name) in [
        (YAML, PLAIN, "forge/a"),
        ("secrets/forge.sops.json", "{\"a\": \"one\", \"b\": \"two\"}", "forge/a"),
        ("secrets/forge.sops.env", "# c\na=one\nb=two\n", "forge/a"),
        ("secrets/forge.sops.ini", "[DEFAULT]\na = one\nb = two\n", "forge/DEFAULT/a"),
    ] {
        let fleet = fleet_with(path, plain);
        let whole = fleet.read(path);
        for cut in (0..whole.len()).step_by(64) {
            fleet.write(path, &whole[..cut]);
            let before = fleet.tree();
            let ran = fleet.run(["show", name]);
            if ran.code() == 0 {
                // What is behind the MAC and only says who wrote it may be missing.
                assert_eq!(ran.stdout(), "one", "{path} cut at {cut}");
                continue;
            }
            assert_eq!(ran.stdout(), "", "{path} cut at {cut}");
            ran.says(&[path, "help: "]);
            for args in [&["set", name][..], &["adopt"], &["seal"], &["rekey"]] {
                let ran = fleet.cmd(args).stdin("new").run();
                assert_eq!(
                    fleet.tree().changed_since(&before),
                    [""; 0],
                    "{path} cut at {cut}: {args:?} {ran}"
                );
            }
        }
    }
}

#[test]
fn a_text_that_would_grow_or_nest_without_end_is_refused_in_time() {
    let fleet = fleet();
    let text = fleet.text(YAML);
    let mut laughs = "l0: &l0 [ha, ha, ha, ha, ha, ha, ha, ha, ha, ha]\n".to_owned();
    for level in 1..12 {
        let alias = vec![format!("*l{}", level - 1); 10].join(", ");
        laughs.push_str(&format!("l{level}: &l{level} [{alias}]\n"));
    }
    let deep = format!("deep: {}\n", "[".repeat(100_000));
    let closed = format!("deep: {}{}\n", "[".repeat(100_000), "]".repeat(100_000));
    let block: String = (0..3000).map(|depth| format!("{}x:\n", " ".repeat(depth))).collect();
    for bomb in [&laughs, &deep, &closed, &block] {
        fleet.write(YAML, format!("{bomb}{text}"));
        refused(&fleet, "sops::", &[]);
        // And what a person pastes into the editor.
        fleet.write(YAML, &text);
        let file = fleet.outside().join("bomb");
        std::fs::write(&file, bomb).unwrap();
        let started = Instant::now();
        let ran = fleet.edit("forge", &format!("cat {} > \"$1\"", file.display())).run();
        assert_eq!(ran.code(), 4, "{ran}");
        assert!(started.elapsed() < Duration::from_secs(10), "{:?}", started.elapsed());
        assert_eq!(fleet.text(YAML), text);
    }
}

#[test]
fn a_document_that_cannot_be_read_is_not_taken_for_one_that_is_gone() {
    let fleet = fleet().policy("allow(\"**\").hosts(\"forge\");\ngenerate(\"forge/a\", password(24));\n");
    fleet.set("other/token", "t").ok();
    let sound = fleet.text(YAML);
    fleet.write(YAML, sound.replacen("a: ", "b: ", 1));
    let listed = fleet.run(["list"]).with_code(2).prints(&["other/token"]);
    listed.says(&["sops::duplicate", YAML]);
    let ran = fleet.run(["check"]);
    assert!(!ran.stderr().contains("source_missing") && !ran.stderr().contains("secretctl rm"), "{ran}");
    ran.says(&["sops::duplicate", YAML]);
    for args in [
        &["seal"][..],
        &["seal", "--check"],
        &["rekey"],
        &["rotate", "forge/a", "--yes"],
        &["rotate", "--due", "--dry-run"],
        &["policy", "matrix"],
        &["policy", "lint"],
        &["generate"],
        &["run", "--prefix", "forge", "--", "true"],
    ] {
        fleet.refuses(args, 2).says(&["sops::duplicate", YAML]);
    }
    assert_eq!(fleet.show("other/token"), "t");
    fleet.set("other/token", "t2").ok();
    fleet.write(YAML, sound);
    fleet.assert_clean();
}

#[test]
fn a_document_that_is_gone_is_told_by_its_own_file() {
    let fleet = fleet();
    fleet.remove(YAML);
    let back = "git checkout HEAD -- 'secrets/forge.sops*'";
    let ran = fleet.run(["check"]).with_code(3);
    ran.says(&["store::source_missing", back, "secretctl rm forge/a"]);
    fleet.refuses(["seal"], 3).says(&["store::lost", back]);
    fleet.refuses(["show", "forge/a"], 2).says(&["is gone", "secretctl check"]);
}

#[test]
fn a_new_name_that_is_taken_goes_back_to_the_editor() {
    let fleet = fleet();
    fleet.set("forge2/x", "file").ok();
    fleet.write("secrets/forge/c.age", fleet.read("secrets/forge2/x.age"));
    for (more, words) in [("c: x", "`forge/c`"), ("A: x", "`forge/A`")] {
        let before = fleet.tree();
        let ran = fleet.edit("forge", &format!("echo '{more}' >> \"$1\"")).run().with_code(4);
        assert_eq!(fleet.tree().changed_since(&before), [""; 0], "{ran}");
        ran.says(&["edit::given_up", words]);
    }
}

#[test]
fn a_name_that_the_document_leaves_in_the_clear_is_refused_with_the_reason() {
    let fleet = fleet();
    for name in ["forge/note_unencrypted", "forge/x_unencrypted/y"] {
        let ran = fleet.refuses_cmd(fleet.cmd(["set", name]).stdin("v"), 2);
        ran.says(&["document::in_the_clear", name, "`unencrypted_suffix`", "nothing was written"]);
    }
    assert_eq!(fleet.leaks(&["another value"]), [""; 0]);
}

#[test]
fn a_document_of_a_key_service_that_nobody_adopted_leads_to_the_adoption() {
    let fleet = TestFleet::new().host("forge", &KEYS.forge).policy("allow(\"**\").hosts(\"forge\");\n");
    encrypted(&fleet, YAML, PLAIN, &admins());
    let service = "sops:\n    kms:\n        - arn: arn:aws:kms:x\n          created_at: \"2026-01-01T00:00:00Z\"\n          enc: AAAA\n";
    fleet.replace(YAML, "sops:\n", service);
    let keep = ["adopt", "--danger-keep-data-key", "forge"];
    let words = ["document::unvouched_key", YAML, "AWS KMS arn:aws:kms:x", &keep.join(" ")];
    fleet.refuses(["set", "forge/a"], 3).says(&words);
    fleet.refuses_cmd(fleet.edit("forge", "echo 'c: x' >> \"$1\""), 3).says(&words);
    fleet.run(keep).ok();
    fleet.set("forge/a", "new").ok();
    assert_eq!(fleet.show("forge/a"), "new");
    assert!(fleet.text(YAML).contains("arn:aws:kms:x"));
}
