//! The data key: finding it in the stanzas of a file, and wrapping it for everybody who may have it.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::error::Problem;
use super::gpg::Gpg;
use super::metadata::Access;
use super::metadata::AgeStanza;
use super::metadata::ForeignKind;
use super::metadata::Group;
use super::shamir;
use super::value::DataKey;
use crate::crypto;
use crate::crypto::DecryptError;
use crate::crypto::Identities;
use crate::crypto::Prompt;
use crate::crypto::Recipient;
use crate::secret::SecretBytes;

/// What a person has for opening files.
#[derive(Clone, Debug)]
pub struct Keyring<'a> {
    /// Age and ssh identities.
    pub identities: &'a Identities,
    /// Whether, and how, OpenPGP keys are asked.
    pub gpg: Gpg,
}

/// Finds the data key of a file.
pub(super) fn data_key(access: &Access, keyring: &Keyring<'_>) -> Result<DataKey, Problem> {
    let mut shares = Vec::new();
    let mut refused = None;
    for group in &access.groups {
        if shares.len() == access.threshold {
            break;
        }
        match open_group(group, keyring) {
            Ok(share) => shares.push(share),
            Err(problem) => refused = refused.or(problem),
        }
    }
    if shares.len() < access.threshold {
        return Err(refused.unwrap_or_else(|| no_identity(access, keyring)));
    }
    let key = if access.groups.len() > 1 { shamir::combine(&shares) } else { shares.pop() };
    key.as_ref().and_then(DataKey::from_bytes).ok_or(Problem::NotADataKey)
}

/// The share of a group, or why a stanza that fits did not open.
fn open_group(group: &Group, keyring: &Keyring<'_>) -> Result<SecretBytes, Option<Problem>> {
    let own: BTreeSet<&str> = keyring.identities.recipients().map(Recipient::as_str).collect();
    let mut stanzas: Vec<&AgeStanza> = group.recipients.iter().collect();
    // A token or a passphrase is asked only where no key at hand is named, and first where a plugin is.
    stanzas.sort_by_key(|stanza| match stanza.recipient.parse::<Recipient>() {
        Ok(recipient) if own.contains(recipient.as_str()) => 0,
        Ok(recipient) if recipient.is_of_plugin() => 1,
        _ => 2,
    });
    let mut refused = None;
    for stanza in stanzas {
        match crypto::decrypt(stanza.enc.as_bytes(), keyring.identities) {
            Ok(share) => return Ok(share),
            Err(DecryptError::NoMatch { .. }) => {}
            Err(source) => {
                let recipient = stanza.recipient.clone();
                refused = refused.or(Some(Problem::DataKey { recipient, source }));
            }
        }
    }
    for stanza in group.foreign.iter().filter(|stanza| stanza.kind == ForeignKind::Pgp) {
        match keyring.gpg.decrypt(&stanza.enc, &stanza.id) {
            Some(Ok(share)) => return Ok(share),
            Some(Err(problem)) => refused = refused.or(Some(problem)),
            None => {}
        }
    }
    Err(refused)
}

/// A recipient's text as this program spells it.
pub(super) fn canonical(text: &str) -> String {
    text.parse::<Recipient>().map_or_else(|_| text.to_owned(), String::from)
}

fn no_identity(access: &Access, keyring: &Keyring<'_>) -> Problem {
    let name = |group: &Group| {
        let age = group.recipients.iter().map(|stanza| stanza.recipient.clone());
        age.chain(group.foreign.iter().map(ToString::to_string)).collect::<Vec<_>>().join(", ")
    };
    let groups: Vec<String> = access.groups.iter().map(name).collect();
    let to = match groups.len() {
        1 => groups.concat(),
        all => format!("{} of {all} groups: {}", access.threshold, groups.join("; ")),
    };
    let tried = keyring.identities.describe().join(", ");
    Problem::NoIdentity { to, tried: if tried.is_empty() { "no identity".to_owned() } else { tried } }
}

/// The data key, or a share of it, for each group.
pub(super) fn shares(key: &DataKey, groups: usize, threshold: usize) -> Result<Vec<SecretBytes>, Problem> {
    if groups <= 1 {
        return Ok(vec![key.to_secret()]);
    }
    let reason = "the numbers do not fit each other";
    shamir::split(&key.to_secret(), groups, threshold).ok_or(Problem::Groups { groups, threshold, reason })
}

/// A share for one age recipient.
pub(super) fn wrap(
    share: &SecretBytes,
    recipient: &str,
    prompt: &Arc<dyn Prompt>,
) -> Result<String, Problem> {
    let parsed: Recipient =
        recipient.parse().map_err(|source| Problem::Recipient { text: recipient.to_owned(), source })?;
    Ok(crypto::encrypt_armored(share, &BTreeSet::from([parsed]), prompt)?)
}
