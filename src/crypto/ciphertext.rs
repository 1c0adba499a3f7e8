//! Encrypting to recipients and decrypting with identities.

use std::collections::BTreeSet;
use std::io::Read;
use std::io::Write;
use std::sync::Arc;

use super::identity::Identities;
use super::identity::SealingIdentity;
use super::prompt::AgeCallbacks;
use super::prompt::Prompt;
use super::recipient::Kind;
use super::recipient::Recipient;
use super::stanza::stanza_kinds;
use crate::diag::Class;
use crate::diag::Failure;
use crate::secret::PLAINTEXT_MAX;
use crate::secret::SecretBytes;

/// Why something could not be encrypted.
#[derive(Debug, thiserror::Error, miette::Diagnostic)]
#[non_exhaustive]
pub enum EncryptError {
    /// There is nobody to encrypt to.
    #[error("there is no recipient to encrypt to")]
    #[diagnostic(code(encrypt::no_recipient), help("give the admin or host a recipient in `secretctl.toml`"))]
    NoRecipient,
    /// A plugin recipient's program is missing.
    #[error("a recipient needs `age-plugin-{plugin}`, which is not on the path")]
    #[diagnostic(code(encrypt::no_plugin), help("install `age-plugin-{plugin}`"))]
    NoPlugin {
        /// Name of the plugin.
        plugin: String,
    },
    /// The library or a plugin refused.
    #[error("encryption failed: {reason}")]
    #[diagnostic(code(encrypt::failed), help("check the recipients in `secretctl.toml`"))]
    Failed {
        /// What it said; it has seen no plaintext by then.
        reason: String,
    },
}

impl Failure for EncryptError {
    fn class(&self) -> Class {
        Class::Environment
    }
}

/// Why an age file could not be decrypted.
#[derive(Debug, thiserror::Error, miette::Diagnostic)]
#[non_exhaustive]
pub enum DecryptError {
    /// None of the identities fits.
    #[error("none of the identities opens it: it is encrypted to {has}; tried {tried}")]
    #[diagnostic(
        code(decrypt::no_match),
        help("name the right key with `--identity FILE`, or have an admin rekey it for you")
    )]
    NoMatch {
        /// Kinds of the file's recipients, with the tags of ssh keys.
        has: String,
        /// Public halves of the identities that were tried, and where they came from.
        tried: String,
    },
    /// The key that fits is locked and was not unlocked.
    #[error(
        "the key that opens it stayed locked: its passphrase was wrong or could not be asked for; tried {tried}"
    )]
    #[diagnostic(
        code(decrypt::locked),
        help("run it at a terminal, or name an unlocked key with `--identity FILE`")
    )]
    Locked {
        /// Identities that were tried.
        tried: String,
    },
    /// The bytes are no intact age file.
    #[error("it is damaged: {reason}")]
    #[diagnostic(code(decrypt::damaged), help("restore the file from Git: `git checkout -- FILE`"))]
    Damaged {
        /// What does not hold.
        reason: &'static str,
    },
    /// A plugin failed.
    #[error("a plugin failed: {reason}")]
    #[diagnostic(code(decrypt::plugin), help("check that the token is plugged in and its plugin installed"))]
    Plugin {
        /// What the plugin said.
        reason: String,
    },
    /// Reading the ciphertext failed.
    #[error("reading the ciphertext failed")]
    #[diagnostic(code(decrypt::io), help("check the disk and the file's permissions"))]
    Io(#[source] std::io::Error),
}

impl Failure for DecryptError {
    fn class(&self) -> Class {
        match self {
            Self::Damaged { .. } => Class::Integrity,
            _ => Class::Environment,
        }
    }
}

/// Encrypts `plaintext` to every recipient, in the binary age format (<https://c2sp.org/age>).
pub fn encrypt(
    plaintext: &SecretBytes,
    recipients: &BTreeSet<Recipient>,
    prompt: &Arc<dyn Prompt>,
) -> Result<Vec<u8>, EncryptError> {
    encrypt_as(age::armor::Format::Binary, plaintext, recipients, prompt)
}

/// Encrypts `plaintext` to every recipient as text, for formats that keep an age file inside a text.
#[cfg(feature = "admin")]
pub fn encrypt_armored(
    plaintext: &SecretBytes,
    recipients: &BTreeSet<Recipient>,
    prompt: &Arc<dyn Prompt>,
) -> Result<String, EncryptError> {
    let text = encrypt_as(age::armor::Format::AsciiArmor, plaintext, recipients, prompt)?;
    String::from_utf8(text).map_err(|error| EncryptError::Failed { reason: error.to_string() })
}

fn encrypt_as(
    format: age::armor::Format,
    plaintext: &SecretBytes,
    recipients: &BTreeSet<Recipient>,
    prompt: &Arc<dyn Prompt>,
) -> Result<Vec<u8>, EncryptError> {
    let failed = |reason: String| EncryptError::Failed { reason };
    let wrapped = age_recipients(recipients, prompt)?;
    let encryptor =
        age::Encryptor::with_recipients(wrapped.iter().map(|recipient| &**recipient as &dyn age::Recipient))
            .map_err(|error| match error {
                age::EncryptError::MissingRecipients => EncryptError::NoRecipient,
                other => failed(other.to_string()),
            })?;
    let mut ciphertext = Vec::with_capacity(plaintext.len() + 256 + 200 * recipients.len());
    let io = |error: std::io::Error| failed(error.to_string());
    let armor = age::armor::ArmoredWriter::wrap_output(&mut ciphertext, format).map_err(io)?;
    let mut writer = encryptor.wrap_output(armor).map_err(io)?;
    writer.write_all(plaintext.expose()).map_err(io)?;
    writer.finish().and_then(age::armor::ArmoredWriter::finish).map_err(io)?;
    Ok(ciphertext)
}

fn age_recipients(
    recipients: &BTreeSet<Recipient>,
    prompt: &Arc<dyn Prompt>,
) -> Result<Vec<Box<dyn age::Recipient>>, EncryptError> {
    let mut wrapped: Vec<Box<dyn age::Recipient>> = Vec::new();
    let mut plugins: Vec<age::plugin::Recipient> = Vec::new();
    for recipient in recipients {
        match recipient.kind() {
            Kind::X25519(key) => wrapped.push(Box::new(key.clone())),
            Kind::Ssh(key) => wrapped.push(Box::new(key.clone())),
            Kind::Plugin(plugin) => plugins.push(plugin.clone()),
        }
    }
    // One process per plugin, however many recipients it has.
    let names: BTreeSet<String> = plugins.iter().map(|plugin| plugin.plugin().to_owned()).collect();
    for plugin in names {
        let callbacks = AgeCallbacks(Arc::clone(prompt));
        let started = age::plugin::RecipientPluginV1::new(&plugin, &plugins, &[], callbacks);
        wrapped.push(Box::new(started.map_err(|_| EncryptError::NoPlugin { plugin })?));
    }
    Ok(wrapped)
}

/// Decrypts a whole age file, binary or armored, with the first identity that fits.
pub fn decrypt(ciphertext: &[u8], identities: &Identities) -> Result<SecretBytes, DecryptError> {
    let explain = |error| describe(error, ciphertext, identities);
    let reader = age::armor::ArmoredReader::new(ciphertext);
    let decryptor = age::Decryptor::new_buffered(std::io::BufReader::new(reader)).map_err(explain)?;
    let plaintext = decryptor.decrypt(identities.iter()).map_err(explain)?;
    SecretBytes::read_bounded(plaintext, PLAINTEXT_MAX).map_err(payload_error)
}

/// Opens a binary age file for streaming with a sealing identity.
///
/// What is read is authentic chunk by chunk; only the end of the stream proves that nothing is missing.
pub fn decrypt_stream<R: Read>(
    reader: R,
    identity: &SealingIdentity,
) -> Result<impl Read + use<R>, DecryptError> {
    let explain = |error| describe(error, &[], &Identities::default());
    let decryptor = age::Decryptor::new(reader).map_err(explain)?;
    decryptor.decrypt(std::iter::once(identity.as_identity())).map_err(explain)
}

/// Whether this is an age file, armored or not, as far as its start tells.
pub fn is_age(bytes: &[u8]) -> bool {
    bytes.starts_with(b"age-encryption.org/") || bytes.starts_with(b"-----BEGIN AGE ENCRYPTED FILE-----")
}

/// Kinds of the recipients of an age file, with the tags of ssh keys; empty where its header does not tell.
pub fn recipient_kinds(ciphertext: &[u8]) -> Vec<String> {
    stanza_kinds(ciphertext).iter().map(ToString::to_string).collect()
}

/// Tells damage of the payload apart from trouble with reading it.
pub(super) fn payload_error(error: std::io::Error) -> DecryptError {
    match error.kind() {
        std::io::ErrorKind::InvalidData | std::io::ErrorKind::UnexpectedEof => {
            DecryptError::Damaged { reason: "its payload is cut off or was changed" }
        }
        _ => DecryptError::Io(error),
    }
}

fn describe(error: age::DecryptError, ciphertext: &[u8], identities: &Identities) -> DecryptError {
    use age::DecryptError as E;
    let tried = || list(&identities.describe(), "no identity");
    match error {
        E::NoMatchingKeys => {
            DecryptError::NoMatch { has: list(&recipient_kinds(ciphertext), "another key"), tried: tried() }
        }
        E::KeyDecryptionFailed => DecryptError::Locked { tried: tried() },
        E::InvalidHeader | E::UnknownFormat => {
            DecryptError::Damaged { reason: "its age header does not parse" }
        }
        E::InvalidMac => DecryptError::Damaged { reason: "its age header was changed" },
        E::DecryptionFailed => DecryptError::Damaged { reason: "it was changed, or wrapped for another key" },
        E::Io(error) => payload_error(error),
        other => DecryptError::Plugin { reason: other.to_string() },
    }
}

fn list(words: &[String], none: &str) -> String {
    if words.is_empty() { none.to_owned() } else { words.join(", ") }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::crypto::IdentityError;
    use crate::crypto::NoPrompt;

    fn nobody() -> Arc<dyn Prompt> {
        Arc::new(NoPrompt)
    }

    fn key() -> (Identities, Recipient) {
        let sealing = SealingIdentity::generate();
        let identities = Identities::parse(&sealing.to_text(), Path::new("test"), &nobody()).unwrap();
        (identities, sealing.recipient())
    }

    fn sealed(text: &[u8], recipients: &[&Recipient]) -> Vec<u8> {
        let recipients = recipients.iter().map(|r| (*r).clone()).collect();
        encrypt(&SecretBytes::from(text.to_vec()), &recipients, &nobody()).unwrap()
    }

    #[test]
    fn each_recipient_opens_it_and_nobody_else() {
        let ((alice, to_alice), (bob, to_bob), (eve, _)) = (key(), key(), key());
        let ciphertext = sealed(b"value", &[&to_alice, &to_bob]);
        for identities in [&alice, &bob] {
            assert_eq!(decrypt(&ciphertext, identities).unwrap().expose(), b"value");
        }
        let message = decrypt(&ciphertext, &eve).unwrap_err().to_string();
        assert!(message.contains("X25519, X25519"), "{message}");
        assert!(message.contains("from test:1"), "{message}");
    }

    #[test]
    fn every_truncation_and_every_flipped_byte_is_refused() {
        let (identities, recipient) = key();
        let ciphertext = sealed(b"value", &[&recipient]);
        for length in 0..ciphertext.len() {
            assert!(decrypt(ciphertext.get(..length).unwrap(), &identities).is_err(), "cut at {length}");
        }
        for at in 0..ciphertext.len() {
            let mut flipped = ciphertext.clone();
            *flipped.get_mut(at).unwrap() ^= 1;
            assert!(decrypt(&flipped, &identities).is_err(), "flipped at {at}");
        }
    }

    #[test]
    fn nobody_to_encrypt_to_is_an_error() {
        let refused = encrypt(&SecretBytes::default(), &BTreeSet::new(), &nobody());
        assert!(matches!(refused, Err(EncryptError::NoRecipient)));
    }

    #[test]
    fn a_sealing_identity_survives_its_text_form() {
        let sealing = SealingIdentity::generate();
        let again = SealingIdentity::parse(&sealing.to_text()).unwrap();
        assert_eq!(again.recipient(), sealing.recipient());
        assert!(!format!("{sealing:?}").contains("AGE-SECRET"));
    }

    #[test]
    fn identity_files_that_hold_something_else_are_named_without_their_content() {
        for text in ["", "# only a comment\n", "hunter2\n", "AGE-SECRET-KEY-1BROKEN\n"] {
            let parsed =
                Identities::parse(&SecretBytes::from(text.as_bytes().to_vec()), Path::new("k"), &nobody());
            let message = parsed.unwrap_err().to_string();
            assert!(!message.contains("hunter2") && !message.contains("BROKEN"), "{message}");
        }
        let public = SecretBytes::from(b"ssh-ed25519 AAAA x".to_vec());
        let refused = Identities::parse(&public, Path::new("k.pub"), &nobody());
        assert!(matches!(refused, Err(IdentityError::Public { .. })));
    }
}
