//! Files of `sops` that are checked in, and what must be refused.
#![expect(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "tests")]

mod scale;

use std::path::Path;
use std::path::PathBuf;
use std::sync::Arc;

use jiff::Timestamp;
use miette::Diagnostic;

use super::*;
use crate::crypto::Identities;
use crate::crypto::NoPrompt;
use crate::crypto::Prompt;
use crate::secret::SecretBytes;

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/vectors/sops")
}

fn prompt() -> Arc<dyn Prompt> {
    Arc::new(NoPrompt)
}

fn now() -> Timestamp {
    "2026-11-20T10:00:00Z".parse().unwrap()
}

fn identities(names: &[&str]) -> Identities {
    let mut all = Identities::default();
    names.iter().for_each(|name| all.append(Identities::read(&folder().join(name), &prompt()).unwrap()));
    all
}

const BOTH: [&str; 2] = ["throw-away-key.txt", "throw-away-key-2.txt"];

/// Every vector by name.
fn vectors() -> Vec<(String, Format, Vec<u8>)> {
    let entries = folder().read_dir().unwrap().map(|entry| entry.unwrap().path());
    let files =
        entries.filter(|path| path.extension().is_some_and(|ending| ending != "txt" && ending != "md"));
    let read = |path: PathBuf| {
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        (name, Format::of(&path), std::fs::read(&path).unwrap())
    };
    files.map(read).collect()
}

fn vector(name: &str) -> String {
    std::fs::read_to_string(folder().join(name)).unwrap()
}

fn open(bytes: &[u8], name: &str) -> Result<Opened, SopsError> {
    let identities = identities(&BOTH);
    let document = Document::parse(bytes, Format::of(Path::new(name)), Path::new(name))?;
    document.open(&Keyring { identities: &identities, gpg: Gpg::Never })
}

/// The code of the refusal, which must name the file, tell no value and say what to do.
fn refused(bytes: &[u8], name: &str) -> String {
    let error = match open(bytes, name) {
        Ok(opened) => panic!("opened: {:?}", opened.document().keys()),
        Err(error) => error,
    };
    let text = error.to_string();
    assert!(text.contains(name) && !text.contains("hunter2") && !text.contains('\n'), "{text}");
    let help = error.help().unwrap().to_string();
    assert!(!help.is_empty() && !help.contains("FILE`"), "{help}");
    error.code().unwrap().to_string()
}

fn key(path: &str) -> KeyPath {
    KeyPath::of_keys(path.split('/'))
}

#[test]
fn every_vector_opens_and_says_what_went_in() {
    let vectors = vectors();
    assert_eq!(vectors.len(), 19);
    for (name, format, bytes) in vectors {
        assert!(Document::is_sops(&bytes, format), "{name}");
        let opened = open(&bytes, &name).unwrap_or_else(|error| panic!("{error}"));
        let plain = opened.plaintext().unwrap();
        let text = String::from_utf8_lossy(plain.expose()).into_owned();
        assert!(text.contains("hunter2") && !text.contains("ENC["), "{name}: {text}");
        let again = opened.edited(&plain, now()).unwrap();
        assert_eq!(again.document().bytes(), bytes, "{name}");
        assert!(!Document::is_sops(plain.expose(), format), "{name}");
    }
}

#[test]
fn one_changed_value_leaves_every_other_byte_of_every_vector() {
    for (name, format, bytes) in vectors() {
        let opened = open(&bytes, &name).unwrap();
        let first = opened.document().keys()[0].clone();
        let change = Change::Set { key: first.clone(), value: SecretBytes::from(b"changed".to_vec()) };
        let after = opened.changed(&[change], now()).unwrap();
        let before = String::from_utf8_lossy(&bytes).into_owned();
        let after_text = String::from_utf8_lossy(after.document().bytes()).into_owned();
        let differing = before.lines().zip(after_text.lines()).filter(|(left, right)| left != right).count();
        assert_eq!((differing, before.lines().count()), (3, after_text.lines().count()), "{name} {format}");
        assert_eq!(after.value(&first).unwrap().expose(), b"changed");
    }
}

#[test]
fn a_key_group_alone_opens_nothing() {
    for (name, format, bytes) in vectors().into_iter().filter(|(name, ..)| name.starts_with("groups")) {
        for one in BOTH {
            let identities = identities(&[one]);
            let document = Document::parse(&bytes, format, Path::new(&name)).unwrap();
            let error = document.open(&Keyring { identities: &identities, gpg: Gpg::Never }).unwrap_err();
            assert!(error.to_string().contains("2 of 2 groups"), "{error}");
        }
    }
}

#[test]
fn a_wrong_key_is_told_with_who_could_and_what_was_tried() {
    let identities = identities(&[BOTH[1]]);
    let document =
        Document::parse(vector("default.json").as_bytes(), Format::Json, Path::new("f.json")).unwrap();
    let error = document.open(&Keyring { identities: &identities, gpg: Gpg::Never }).unwrap_err();
    assert_eq!(error.code().unwrap().to_string(), "sops::no_identity");
    let recipient = &document.access().groups[0].recipients[0].recipient;
    assert!(
        error.to_string().contains(recipient) && error.to_string().contains("throw-away-key-2"),
        "{error}"
    );
}

/// The text of a field of the metadata in JSON.
fn field(text: &str, name: &str) -> String {
    let from = text.find(&format!("\"{name}\": \"")).unwrap() + name.len() + 5;
    text[from..].chars().take_while(|c| *c != '"').collect()
}

#[test]
fn a_mac_that_is_gone_of_another_time_or_of_other_values_is_refused() {
    let text = vector("default.json");
    let (mac, time) = (field(&text, "mac"), field(&text, "lastmodified"));
    assert_eq!(refused(text.replace(&mac, "").as_bytes(), "default.json"), "sops::no_mac");
    assert_eq!(refused(text.replace(&time, "2020-01-01T00:00:00Z").as_bytes(), "default.json"), "sops::mac");
    assert_eq!(refused(text.replace("\"public\"", "\"private\"").as_bytes(), "default.json"), "sops::mac");
    let other = vector("mac-only-encrypted.json");
    assert_eq!(refused(text.replace(&mac, &field(&other, "mac")).as_bytes(), "default.json"), "sops::mac");
    let only = other.replace("\"mac_only_encrypted\": true", "\"mac_only_encrypted\": false");
    assert_eq!(refused(only.as_bytes(), "default.json"), "sops::mac");
}

#[test]
fn values_that_were_moved_cut_or_put_in_the_clear_are_refused_by_key() {
    let text = vector("default.json");
    let value = field(&text, "text");
    let cases = [
        (text.replace(&value, "hunter2"), "sops::plain"),
        (text.replace(&value, &value[..value.len() - 4]), "sops::value"),
        (text.replace(&value, &field(&text, "whole")), "sops::value"),
        (text.replace(&format!("\"{value}\""), "5"), "sops::plain"),
        (text.replace("\"whole\"", "\"whale\""), "sops::value"),
    ];
    for (changed, code) in cases {
        assert_eq!(refused(changed.as_bytes(), "default.json"), code);
    }
    let error = open(text.replace(&value, "hunter2").as_bytes(), "x.json").unwrap_err();
    assert!(error.to_string().contains("`text`"), "{error}");
}

#[test]
fn a_vector_that_is_cut_off_is_refused_unless_it_still_says_all() {
    for (name, _, bytes) in vectors() {
        // The last byte is a line end, which some formats do without.
        for length in (0..bytes.len() - 1).step_by(37) {
            // Without the fields behind the MAC that say what goes without saying, it says the same.
            let Ok(opened) = open(&bytes[..length], &name) else { continue };
            let whole = open(&bytes, &name).unwrap();
            assert_eq!(opened.document().keys(), whole.document().keys(), "{name} at {length}");
            for key in whole.document().keys() {
                assert!(opened.value(key).unwrap().same(&whole.value(key).unwrap()), "{name} at {length}");
            }
        }
    }
}

#[test]
fn a_flipped_byte_is_noticed_wherever_it_changes_what_the_file_says() {
    for name in ["default.json", "default.env", "default.bin"] {
        let bytes = vector(name).into_bytes();
        let opened = open(&bytes, name).unwrap();
        for at in (0..bytes.len()).step_by(11) {
            let mut flipped = bytes.clone();
            flipped[at] ^= 1;
            let Ok(other) = open(&flipped, name) else { continue };
            // Names, comments and layout are not under the MAC; every value is.
            let values = |opened: &Opened| -> Vec<Vec<u8>> {
                let values = opened.leaves().filter(|(leaf, _)| leaf.kind == tree::LeafKind::Value);
                values
                    .map(|(leaf, said)| said.scalar(leaf).canonical().unwrap_or_default().to_vec())
                    .collect()
            };
            assert_eq!(values(&opened), values(&other), "{name} at {at}");
        }
    }
}

#[test]
fn metadata_that_cannot_be_used_are_refused_by_field() {
    let text = vector("default.json");
    let time = field(&text, "lastmodified");
    let cases = [
        (text.replace("\"sops\"", "\"soaps\""), "sops::no_metadata"),
        (text.replace(&time, "yesterday"), "sops::metadata"),
        (text.replace("\"recipient\"", "\"receiver\""), "sops::metadata"),
        (text.replace("\"age\"", "\"aged\""), "sops::metadata"),
        (
            text.replace("\"unencrypted_suffix\": \"_unencrypted\"", "\"encrypted_regex\": \"(\""),
            "sops::selector",
        ),
        (text.replace("\"version\"", "\"encrypted_suffix\""), "sops::metadata"),
        (text.replace("BEGIN AGE", "BEGIN CAGE"), "sops::data_key"),
    ];
    for (changed, code) in cases {
        let code_there = refused(changed.as_bytes(), "default.json");
        assert!(
            code_there == code || (code == "sops::metadata" && code_there == "sops::no_identity"),
            "{code} {code_there}"
        );
    }
}

fn encrypt(plaintext: &[u8], name: &str) -> Result<Opened, SopsError> {
    let recipients = identities(&BOTH[..1]).recipients().cloned().collect();
    let settings = Settings { recipients, ..Settings::default() };
    let plaintext = SecretBytes::from(plaintext.to_vec());
    Document::encrypt(&plaintext, Format::of(Path::new(name)), &settings, now(), &prompt(), Path::new(name))
}

#[test]
fn plaintexts_that_cannot_come_back_as_they_are_are_refused() {
    let cases: [(&[u8], &str, &str); 14] = [
        (b"{\"a\": 92233720368547758091}", "a.json", "sops::number"),
        (b"{\"a\": 1, \"a\": 2}", "a.json", "sops::duplicate"),
        (b"{\"sops\": 1}", "a.json", "sops::reserved"),
        (b"{\"a\": \"\xff\"}", "a.json", "sops::encoding"),
        (b"{\"a\": ", "a.json", "sops::syntax"),
        (b"\xef\xbb\xbf{}", "a.json", "sops::syntax"),
        (b"A=1\nA=2\n", "a.env", "sops::duplicate"),
        (b"A=1\nB\n", "a.env", "sops::syntax"),
        (b"sops_mac=1\n", "a.env", "sops::reserved"),
        (b"[a]\nk = 1\nk = 2\n", "a.ini", "sops::duplicate"),
        (b"k = 1\n; left = over\n", "a.ini", "sops::unsupported"),
        (b"a: 1\na: 2\n", "a.yaml", "sops::duplicate"),
        (b"sops: {}\n", "a.yaml", "sops::reserved"),
        (b"a: \xff\n", "a.yaml", "sops::encoding"),
    ];
    for (plaintext, name, code) in cases {
        let error = encrypt(plaintext, name).map(|opened| opened.document().keys().to_vec()).unwrap_err();
        assert_eq!(error.code().unwrap().to_string(), code, "{name}: {error}");
    }
}

#[test]
fn line_ends_are_kept_in_every_format() {
    let cases: [(&[u8], &str); 5] = [
        (b"{\r\n  \"a\": \"x\",\n  \"b\": \"y\"\r\n}\r\n", "a.json"),
        (b"A=x\r\nB=y\n", "a.env"),
        (b"[s]\r\na = x\r\nb = y\r\n", "a.ini"),
        (b"a: x\r\nb: z\r\n", "a.yaml"),
        (b"a\r\nb\n", "a.bin"),
    ];
    for (plaintext, name) in cases {
        let opened = encrypt(plaintext, name).unwrap_or_else(|error| panic!("{error}"));
        assert_eq!(opened.plaintext().unwrap().expose(), plaintext, "{name}");
    }
}

#[test]
fn a_value_that_looks_encrypted_is_a_value_like_any_other() {
    let looks = "ENC[AES256_GCM,data:AA==,iv:AA==,tag:AA==,type:str]";
    for (plaintext, name) in [
        (format!("{{\"a\": \"{looks}\", \"b_unencrypted\": \"{looks}\"}}"), "a.json"),
        (format!("a={looks}\nb_unencrypted={looks}\n#{looks}\n"), "a.env"),
        (format!("a: {looks}\nb_unencrypted: {looks}\n"), "a.yaml"),
    ] {
        let opened = encrypt(plaintext.as_bytes(), name).unwrap_or_else(|error| panic!("{error}"));
        assert_eq!(opened.value(&key("a")).unwrap().expose(), looks.as_bytes());
        assert_eq!(opened.plaintext().unwrap().expose(), plaintext.as_bytes(), "{name}");
    }
}

#[test]
fn an_encrypted_comment_that_does_not_open_reaches_no_editor_and_is_not_lost() {
    let text = vector("default.yaml");
    let comment = text.lines().find(|line| line.trim_start().starts_with("#ENC[")).unwrap();
    let data = comment.split_once("data:").unwrap().1.split(',').next().unwrap();
    let turned: String = data.chars().rev().skip_while(|c| *c == '=').collect();
    let broken = text.replace(data, &format!("{turned}{}", "=".repeat(data.len() - turned.len())));
    assert_ne!(broken, text);
    let opened = open(broken.as_bytes(), "default.yaml").unwrap();
    let line = format!("line {}", text.lines().position(|line| line == comment).unwrap() + 1);
    let errors = [
        opened.plaintext().map(drop).unwrap_err(),
        opened.rotated(&Foreigners::Drop, now(), &prompt()).map(drop).unwrap_err(),
    ];
    for error in errors {
        assert_eq!(error.code().unwrap().to_string(), "sops::comment");
        assert!(error.to_string().contains(&line), "{error}");
    }
    let first = opened.document().keys()[0].clone();
    let change = Change::Set { key: first, value: SecretBytes::from(b"changed".to_vec()) };
    let changed = opened.changed(&[change], now()).unwrap();
    let kept = String::from_utf8_lossy(changed.document().bytes()).into_owned();
    assert!(kept.lines().any(|line| broken.lines().any(|there| there == line) && line.contains(&turned)));
}

#[test]
fn a_file_over_the_limit_is_refused_before_it_is_read_and_large_values_are_not() {
    let over = vec![b'x'; (128 << 20) + 1];
    for name in ["a.yaml", "a.json", "a.env", "a.ini", "a.bin"] {
        let error = Document::parse(&over, Format::of(Path::new(name)), Path::new(name)).unwrap_err();
        assert_eq!(error.code().unwrap().to_string(), "sops::too_large", "{name}");
    }
    let large = vec![b'x'; 2 << 20];
    let opened = encrypt(&[b"A=".as_slice(), &large].concat(), "a.env").unwrap();
    assert_eq!(opened.value(&key("A")).unwrap().len(), large.len());
    assert_eq!(encrypt(&large, "a.bin").unwrap().plaintext().unwrap().len(), large.len());
}

#[test]
fn changes_that_do_not_fit_are_refused_and_name_the_key() {
    let opened = open(vector("default.json").as_bytes(), "default.json").unwrap();
    let value = || SecretBytes::from(b"x".to_vec());
    let cases = [
        (Change::Set { key: key("text/below"), value: value() }, "sops::key"),
        (Change::Set { key: key("map"), value: value() }, "sops::key"),
        (Change::Set { key: key("sops/mac"), value: value() }, "sops::reserved"),
        (Change::Remove { key: key("none") }, "sops::no_key"),
        (Change::Rename { from: key("text"), to: key("whole") }, "sops::key"),
        (Change::Rename { from: key("text"), to: key("map/text") }, "sops::key"),
        (Change::Set { key: key("text"), value: SecretBytes::from(vec![0xff]) }, "sops::unsupported"),
    ];
    for (change, code) in cases {
        let error = opened.changed(&[change], now()).unwrap_err();
        assert_eq!(error.code().unwrap().to_string(), code, "{error}");
    }
    assert!(opened.value(&key("none")).is_err());
}
