//! Three versions of one file become one.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

use std::path::Path;

use super::*;
use crate::crypto::Identities;
use crate::crypto::NoPrompt;
use crate::secret::SecretBytes;
use crate::sops::Format;
use crate::sops::Gpg;
use crate::sops::Keyring;
use crate::sops::Selector;
use crate::sops::Settings;

/// Somebody who can open files.
struct Person {
    identities: Identities,
    recipient: Recipient,
}

fn nobody() -> Arc<dyn Prompt> {
    Arc::new(NoPrompt)
}

fn person() -> Person {
    use age::secrecy::ExposeSecret;
    let identity = age::x25519::Identity::generate();
    let text = SecretBytes::from(identity.to_string().expose_secret().as_bytes().to_vec());
    let identities = Identities::parse(&text, Path::new("key"), &nobody()).unwrap();
    Person { identities, recipient: identity.to_public().to_string().parse().unwrap() }
}

fn now() -> Timestamp {
    "2026-11-20T10:00:00Z".parse().unwrap()
}

fn bytes(text: &str) -> SecretBytes {
    SecretBytes::from(text.as_bytes().to_vec())
}

fn settings_for(people: &[&Person], selector: Selector) -> Settings {
    let recipients = people.iter().map(|person| person.recipient.clone()).collect();
    Settings { recipients, selector, ..Settings::default() }
}

fn made(text: &str, format: Format, people: &[&Person]) -> Opened {
    let settings = settings_for(people, Selector::default());
    Document::encrypt(&bytes(text), format, &settings, now(), &nobody(), Path::new("f")).unwrap()
}

fn shown(opened: &Opened) -> String {
    String::from_utf8(opened.plaintext().unwrap().expose().to_vec()).unwrap()
}

fn joined(base: Option<&Opened>, ours: &Opened, theirs: &Opened) -> Merged {
    merge(Sides { base, ours, theirs }, &Foreigners::Keep(Gpg::Never), now(), &nobody()).unwrap()
}

/// Plaintexts in, plaintext and conflicts out; each side with a data key of its own.
fn texts(format: Format, base: &str, ours: &str, theirs: &str) -> (String, Vec<String>) {
    let alice = person();
    let [base, ours, theirs] = [base, ours, theirs].map(|text| made(text, format, &[&alice]));
    let merged = joined(Some(&base), &ours, &theirs);
    (shown(&merged.opened), merged.conflicts.iter().map(ToString::to_string).collect())
}

fn json(base: &str, ours: &str, theirs: &str) -> (serde_json::Value, Vec<String>) {
    let (text, conflicts) = texts(Format::Json, base, ours, theirs);
    (serde_json::from_str(&text).unwrap(), conflicts)
}

#[test]
fn different_keys_of_two_branches_are_joined_and_types_stay() {
    let (text, conflicts) = texts(
        Format::Json,
        r#"{"a": "1", "m": {"x": 1, "y": true}, "gone": "g"}"#,
        r#"{"a": "ours", "m": {"x": 1, "y": true}, "gone": "g", "new": "n"}"#,
        r#"{"a": "1", "m": {"x": 2.5, "y": true, "z": null, "deep": {"er": 7}}}"#,
    );
    let value: serde_json::Value = serde_json::from_str(&text).unwrap();
    assert_eq!(conflicts, [""; 0]);
    let wanted = r#"{"a":"ours","m":{"x":2.5,"y":true,"z":null,"deep":{"er":7}},"new":"n"}"#;
    assert_eq!(value, serde_json::from_str::<serde_json::Value>(wanted).unwrap());
    assert!(text.find("\"a\"") < text.find("\"m\"") && text.find("\"m\"") < text.find("\"new\""), "{text}");
}

#[test]
fn one_key_with_two_new_values_is_a_conflict_and_ours_stays() {
    let (value, conflicts) = json(
        r#"{"a": "1", "b": "1", "c": "1", "d": "1"}"#,
        r#"{"a": "ours", "b": "same", "c": "ours", "e": "ours"}"#,
        r#"{"a": "theirs", "b": "same", "d": "theirs", "e": "theirs"}"#,
    );
    assert_eq!(value, serde_json::json!({"a": "ours", "b": "same", "c": "ours", "e": "ours"}));
    assert_eq!(conflicts, ["`a`", "`c`", "`d`", "`e`"]);
}

#[test]
fn a_list_is_one_thing() {
    let (value, conflicts) = json(
        r#"{"l": [1, 2], "m": ["a"], "n": [1], "o": []}"#,
        r#"{"l": [1, 2], "m": ["a", "b"], "n": [1, 2], "o": []}"#,
        r#"{"l": [2, 3, 4], "m": ["a"], "n": [3], "o": [{"k": "v"}], "p": ["new"]}"#,
    );
    assert_eq!(
        value,
        serde_json::json!({"l": [2, 3, 4], "m": ["a", "b"], "n": [1, 2], "o": [{"k": "v"}], "p": ["new"]})
    );
    assert_eq!(conflicts, ["`n`"]);
}

#[test]
fn a_value_and_a_map_for_one_key_are_a_conflict_unless_only_one_side_moved() {
    let (value, conflicts) = json(
        r#"{"a": "1", "b": "1", "c": {"x": "1"}}"#,
        r#"{"a": "ours", "b": "1", "c": {"x": "1", "y": "ours"}}"#,
        r#"{"a": {"deep": "theirs"}, "b": {"deep": "theirs"}, "c": "theirs"}"#,
    );
    assert_eq!(value["a"], "ours");
    assert_eq!(value["b"], serde_json::json!({"deep": "theirs"}));
    assert_eq!(value["c"]["y"], "ours");
    assert!(conflicts.contains(&"`a`".to_owned()) && conflicts.contains(&"`c`".to_owned()), "{conflicts:?}");
    assert!(!conflicts.iter().any(|conflict| conflict.starts_with("`b")), "{conflicts:?}");
}

#[test]
fn a_map_goes_with_its_last_key_and_one_that_is_wanted_empty_stays() {
    let (value, conflicts) = json(
        r#"{"m": {"x": {"y": "1"}}, "n": {"x": "1"}, "o": {}, "p": {"x": "1"}}"#,
        r#"{"m": {"x": {"y": "1"}}, "n": {"x": "1"}, "o": {}, "p": {"x": "1", "own": "1"}}"#,
        r#"{"n": {}, "o": {"first": "1"}, "p": {}}"#,
    );
    assert_eq!(value, serde_json::json!({"n": {}, "o": {"first": "1"}, "p": {"own": "1"}}));
    assert_eq!(conflicts, [""; 0]);
}

#[test]
fn lines_and_comments_of_ours_stay_in_place() {
    let (text, conflicts) = texts(
        Format::Dotenv,
        "# head\nA=1\nB=1\n",
        "# ours\nB=ours\n# above a\nA=1\n",
        "# theirs\nA=theirs\nB=1\nC=new\n",
    );
    assert_eq!(text, "# ours\nB=ours\n# above a\nA=theirs\nC=new\n");
    assert_eq!(conflicts, [""; 0]);
}

#[test]
fn the_layout_of_yaml_stays_and_both_sides_are_in_it() {
    let (text, conflicts) = texts(
        Format::Yaml,
        "# head\nsonarr:\n  api-key: one # beside\n  port: 80\nlist:\n  - 1\n",
        "# head of ours\nsonarr:\n  # above\n  api-key: one # beside\n  port: 8080\nlist:\n  - 1\n",
        "# head\nsonarr:\n  api-key: two\n  port: 80\n  new: |\n    two\n    lines\nlist:\n  - 1\n  - 2\n",
    );
    assert_eq!(conflicts, [""; 0], "{text}");
    let start = "# head of ours\nsonarr:\n  # above\n  api-key: two # beside\n  port: 8080\n";
    assert!(text.starts_with(start), "{text}");
    assert!(text.contains("two\n    lines\n") && text.contains("- 1\n") && text.contains("- 2\n"), "{text}");
}

#[test]
fn a_binary_file_is_one_value() {
    assert_eq!(texts(Format::Binary, "1", "1", "2\0"), ("2\0".to_owned(), vec![]));
    assert_eq!(texts(Format::Binary, "1", "2", "3"), ("2".to_owned(), vec!["`data`".to_owned()]));
}

#[test]
fn values_that_stay_keep_their_ciphertext() {
    let alice = person();
    let base = made(r#"{"a": "1", "b": "2"}"#, Format::Json, &[&alice]);
    let ours = base.edited(&bytes(r#"{"a": "1", "b": "2", "c": "3"}"#), now()).unwrap();
    let theirs = base.edited(&bytes(r#"{"a": "9", "b": "2"}"#), now()).unwrap();
    let merged = joined(Some(&base), &ours, &theirs);
    for key in ["b", "c"] {
        let key = KeyPath::of_keys([key]);
        assert_eq!(merged.opened.document().ciphertext(&key), ours.document().ciphertext(&key));
    }
}

#[test]
fn a_reader_that_either_side_took_away_is_gone_and_the_data_key_with_it() {
    let [alice, bob, carol, dave] = [person(), person(), person(), person()];
    let base = made(r#"{"a": "1"}"#, Format::Json, &[&alice, &bob, &carol]);
    let keep = Foreigners::Keep(Gpg::Never);
    let rekeyed = |people: &[&Person]| {
        let recipients = people.iter().map(|person| person.recipient.clone()).collect();
        base.rekeyed(&recipients, &keep, now(), &nobody()).unwrap()
    };
    let ours = rekeyed(&[&alice, &bob, &carol, &dave]);
    let theirs = rekeyed(&[&alice, &bob]);
    for (one, other) in [(&ours, &theirs), (&theirs, &ours)] {
        let merged = joined(Some(&base), one, other);
        assert_eq!(merged.conflicts, BTreeSet::new());
        let bytes = merged.opened.document().bytes().to_vec();
        let opens = |person: &Person| {
            let keyring = Keyring { identities: &person.identities, gpg: Gpg::Never };
            Document::parse(&bytes, Format::Json, Path::new("f")).unwrap().open(&keyring).is_ok()
        };
        assert!(opens(&alice) && opens(&bob) && opens(&dave) && !opens(&carol));
        let key = KeyPath::of_keys(["a"]);
        let stored = |opened: &Opened| opened.document().ciphertext(&key).unwrap().to_owned();
        assert_ne!(stored(&merged.opened), stored(&base), "carol has the data key of before");
    }
}

#[test]
fn without_a_common_ancestor_only_the_readers_of_both_stay() {
    let [alice, bob, carol] = [person(), person(), person()];
    let ours = made(r#"{"a": "1", "o": "1"}"#, Format::Json, &[&alice, &bob]);
    let theirs = made(r#"{"a": "1", "t": "1"}"#, Format::Json, &[&alice, &carol]);
    let merged = joined(None, &ours, &theirs);
    let group = &merged.opened.document().access().groups[0];
    let readers: Vec<&str> = group.recipients.iter().map(|stanza| stanza.recipient.as_str()).collect();
    assert_eq!(readers, [alice.recipient.as_str()]);
    assert!(shown(&merged.opened).contains("\"o\"") && shown(&merged.opened).contains("\"t\""));
    let strangers = joined(None, &made("{}", Format::Json, &[&bob]), &made("{}", Format::Json, &[&carol]));
    assert_eq!(strangers.conflicts, BTreeSet::from([Conflict::Recipients]));
}

#[test]
fn what_theirs_has_encrypted_never_becomes_plaintext_and_changed_selectors_are_told() {
    let alice = person();
    let made = |text: &str, selector: Selector| {
        let settings = settings_for(&[&alice], selector);
        Document::encrypt(&bytes(text), Format::Dotenv, &settings, now(), &nobody(), Path::new("f")).unwrap()
    };
    let only = || Selector::EncryptedCommentRegex("secret".to_owned());
    let base = made("A=1\n", only());
    let ours = made("A=1\nB=2\n", only());
    let theirs = made("A=1\n# secret\nC=needle\n", only());
    let merged = joined(Some(&base), &ours, &theirs);
    let stored = String::from_utf8_lossy(merged.opened.document().bytes()).into_owned();
    assert!(!stored.contains("needle"), "{stored}");
    assert_eq!(merged.conflicts, BTreeSet::from([Conflict::Key(KeyPath::of_keys(["C"]))]));

    let theirs = made("A=1\n", Selector::EncryptedRegex("^A$".to_owned()));
    let merged = joined(Some(&base), &ours, &theirs);
    assert_eq!(merged.conflicts, BTreeSet::from([Conflict::Selector]));
}
