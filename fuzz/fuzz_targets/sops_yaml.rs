//! YAML as a SOPS document: what can be encrypted comes back with every byte, and its values are what sops would read.
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
use secretctl::sops::Document;
use secretctl::sops::Format;
use secretctl::sops::Opened;
use secretctl::sops::Settings;

static RECIPIENT: LazyLock<Recipient> = LazyLock::new(|| {
    "age1ql3z7hjy54pw3hyww5ayyfg7zqgvc7w3j2elw8zmrj2kg5sfn9aqmcac8p".parse().expect("a recipient")
});

fn values(opened: &Opened) -> Vec<(String, Vec<u8>)> {
    let document = opened.document();
    let keys = document.keys().iter().chain(document.plain_keys());
    keys.map(|key| (key.to_string(), opened.value(key).expect("a value").expose().to_vec())).collect()
}

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let settings = Settings { recipients: BTreeSet::from([RECIPIENT.clone()]), ..Settings::default() };
    let (prompt, path): (Arc<dyn Prompt>, _) = (Arc::new(NoPrompt), Path::new("file.yaml"));
    let encrypt = |bytes: &[u8]| {
        let plaintext = SecretBytes::from(bytes.to_vec());
        Document::encrypt(&plaintext, Format::Yaml, &settings, Timestamp::UNIX_EPOCH, &prompt, path)
    };
    let Ok(opened) = encrypt(bytes) else { return };
    let plain = opened.plaintext().expect("a plaintext");
    let same = opened.edited(&plain, Timestamp::UNIX_EPOCH).expect("an edit that changes nothing");
    assert_eq!(same.document().bytes(), opened.document().bytes());
    let again = encrypt(plain.expose()).expect("a plaintext of ours");
    assert_eq!(values(&opened), values(&again));
    // What was written once is written in this way from then on.
    assert_eq!(again.plaintext().expect("a plaintext").expose(), plain.expose());
});
