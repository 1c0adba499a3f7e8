//! Every format as a SOPS document: a plaintext that can be encrypted comes back, and so does it after changes of single keys.
#![no_main]

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;
use std::sync::LazyLock;

use jiff::Timestamp;
use secretctl::crypto::NoPrompt;
use secretctl::crypto::Prompt;
use secretctl::crypto::Recipient;
use secretctl::secret::SecretBytes;
use secretctl::sops::Change;
use secretctl::sops::Document;
use secretctl::sops::Format;
use secretctl::sops::KeyPath;
use secretctl::sops::Opened;
use secretctl::sops::Settings;
use secretctl::sops::Step;

static RECIPIENT: LazyLock<Recipient> = LazyLock::new(|| {
    "age1ql3z7hjy54pw3hyww5ayyfg7zqgvc7w3j2elw8zmrj2kg5sfn9aqmcac8p".parse().expect("a recipient")
});

const FORMATS: [Format; 5] = [Format::Json, Format::Dotenv, Format::Ini, Format::Yaml, Format::Binary];

fn secret(bytes: &[u8]) -> SecretBytes {
    SecretBytes::from(bytes.to_vec())
}

fn value(opened: &Opened, key: &KeyPath) -> Vec<u8> {
    opened.value(key).expect("a value").expose().to_vec()
}

/// Every value but those at or below `key`.
fn others(opened: &Opened, key: &KeyPath) -> Vec<(KeyPath, Vec<u8>)> {
    let document = opened.document();
    let keys = document.keys().iter().chain(document.plain_keys());
    let keys = keys.filter(|other| !other.steps().starts_with(key.steps()));
    keys.map(|other| (other.clone(), value(opened, other))).collect()
}

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let [kind, at, length, rest @ ..] = bytes else { return };
    let format = FORMATS[usize::from(*kind) % FORMATS.len()];
    let (new, text) = rest.split_at(usize::from(*length).min(rest.len()));
    let settings = Settings { recipients: BTreeSet::from([RECIPIENT.clone()]), ..Settings::default() };
    let (prompt, path): (Arc<dyn Prompt>, _) = (Arc::new(NoPrompt), Path::new("file"));
    let now = Timestamp::UNIX_EPOCH;
    let Ok(opened) = Document::encrypt(&secret(text), format, &settings, now, &prompt, path) else { return };
    let plain = opened.plaintext().expect("a plaintext");
    let same = opened.edited(&plain, now).expect("an edit that changes nothing");
    assert_eq!(same.document().bytes(), opened.document().bytes());
    if let Ok(edited) = opened.edited(&secret(new), now) {
        let anew = Document::encrypt(&secret(new), format, &settings, now, &prompt, path).expect("the same");
        assert_eq!(edited.document().keys(), anew.document().keys());
        for key in anew.document().keys() {
            assert_eq!(value(&edited, key), value(&anew, key), "{key}");
        }
    }
    let keys = opened.document().keys();
    let Some(key) = keys.get(usize::from(*at) % keys.len().max(1)) else { return };
    if let Ok(set) = opened.changed(&[Change::Set { key: key.clone(), value: secret(new) }], now) {
        assert_eq!(value(&set, key), new, "{key}");
        assert_eq!(others(&set, key), others(&opened, key));
    }
    let is_item = key.steps().iter().any(|step| matches!(step, Step::Item(_)));
    if let (false, Ok(removed)) = (is_item, opened.changed(&[Change::Remove { key: key.clone() }], now)) {
        assert!(!removed.document().keys().contains(key));
        assert_eq!(others(&removed, key), others(&opened, key));
    }
    let Ok(name) = std::str::from_utf8(new) else { return };
    let added = key.parent().unwrap_or_else(|| key.clone());
    let mut steps = added.steps().to_vec();
    steps.push(Step::Key(name.to_owned()));
    let added = KeyPath::in_document(key.document(), steps);
    let there = keys.contains(&added) || opened.document().plain_keys().contains(&added);
    let change = Change::Set { key: added.clone(), value: secret(b"added") };
    if let (false, Ok(more)) = (there, opened.changed(&[change], now)) {
        assert_eq!(value(&more, &added), b"added", "{added}");
        assert_eq!(others(&more, &added), others(&opened, &added));
    }
});
