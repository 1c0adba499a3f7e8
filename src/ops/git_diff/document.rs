//! SOPS documents: their plaintext with comments, and of the metadata only who can open it.

use std::path::Path;

use super::shown::Shown;
use crate::crypto::Digest;
use crate::crypto::Identities;
use crate::fleet::Fleet;
use crate::ops::workspace::Settings;
use crate::sops::Document;
use crate::sops::Format;
use crate::sops::Gpg;
use crate::sops::Keyring;

/// Shows a document; whether it was one.
pub(super) fn shown(
    settings: &Settings,
    fleet: &Fleet,
    file: &Path,
    bytes: &[u8],
    shown: &mut Shown,
) -> bool {
    let format = Format::of(file);
    let Some(document) =
        Document::is_sops(bytes, format).then(|| Document::parse(bytes, format, file).ok()).flatten()
    else {
        return false;
    };
    let identities = settings.find_identities().map(Identities::without_plugins).unwrap_or_default();
    let keyring = Keyring { identities: &identities, gpg: Gpg::Never };
    match document.open(&keyring).and_then(|opened| opened.plaintext()) {
        Ok(plaintext) => {
            shown.value(&plaintext, bytes);
            if !plaintext.expose().ends_with(b"\n") {
                shown.line("");
            }
        }
        Err(error) => {
            keys(&document, shown);
            shown.line(&format!("not opened: {error}; {}", super::ATTENDED));
        }
    }
    readers(&document, fleet, shown);
    true
}

/// Which keys there are, and enough of each ciphertext to see that it changed.
fn keys(document: &Document, shown: &mut Shown) {
    for key in document.keys() {
        let ciphertext = document.ciphertext(key).unwrap_or_default();
        let digest: String = Digest::of(ciphertext.as_bytes()).to_string().chars().take(12).collect();
        shown.line(&format!("{key}: encrypted ({digest})"));
    }
    for key in document.plain_keys() {
        shown.line(&format!("{key}: in the clear"));
    }
}

fn readers(document: &Document, fleet: &Fleet, shown: &mut Shown) {
    let access = document.access();
    for (number, group) in access.groups.iter().enumerate() {
        let owner = |text: &str| {
            let parsed = text.parse().ok();
            parsed.and_then(|recipient| fleet.owner_of(&recipient)).unwrap_or_else(|| text.to_owned())
        };
        let age = group.recipients.iter().map(|stanza| owner(&stanza.recipient));
        let mut names: Vec<String> = age.chain(group.foreign.iter().map(ToString::to_string)).collect();
        names.sort();
        names.dedup();
        let which = match access.groups.len() {
            1 => String::new(),
            all => format!(" (group {} of {all}, {} needed)", number + 1, access.threshold),
        };
        shown.line(&format!("recipients{which}: {}", names.join(", ")));
    }
}
