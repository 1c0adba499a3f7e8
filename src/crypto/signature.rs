//! SSH signatures over exact bytes, verified strictly.

use std::collections::BTreeSet;
use std::fmt;
use std::str::FromStr;

use serde::Deserialize;
use serde::Serialize;
use ssh_key::SshSig;
use ssh_key::public::KeyData;

use crate::diag::Class;
use crate::diag::Failure;

/// First line of an armored signature.
const BEGIN: &str = "-----BEGIN SSH SIGNATURE-----";
/// Last line of an armored signature.
const END: &str = "-----END SSH SIGNATURE-----";
/// Width of the base64 lines that `ssh-keygen` writes.
const ARMOR_WIDTH: usize = 70;

/// What a signature is for; a signature for one kind never counts for another.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Namespace {
    /// A host's manifest.
    Manifest,
    /// A line of a ledger.
    Ledger,
    /// A version of the fleet's roots.
    Roots,
    /// How a document was left.
    Document,
}

impl Namespace {
    /// The namespace as it stands in the signature and after `ssh-keygen -n`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Manifest => "secretctl-manifest",
            Self::Ledger => "secretctl-ledger",
            Self::Roots => "secretctl-roots",
            Self::Document => "secretctl-document",
        }
    }
}

/// An ed25519 public key in OpenSSH form, without a comment.
#[derive(Clone, Deserialize, Serialize)]
#[serde(try_from = "String", into = "String")]
pub struct VerifyingKey {
    text: String,
    key: ed25519_dalek::VerifyingKey,
}

/// Why a text is no key that signatures can be checked with.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum VerifyingKeyError {
    /// Another algorithm.
    #[error("only ssh-ed25519 keys can sign; this is `{0}`")]
    NotEd25519(String),
    /// The text does not parse as an OpenSSH public key.
    #[error("`{0}` is not an OpenSSH public key: `ssh-ed25519 AAAA…`")]
    Malformed(String),
    /// More than one line, of which the first alone would count.
    #[error("it holds a line break; a signing key is one line")]
    SeveralLines,
    /// A key of small order, for which signatures prove nothing.
    #[error("this ed25519 key is weak")]
    Weak,
}

impl VerifyingKey {
    /// The canonical text, `ssh-ed25519 AAAA…`.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// `SHA256:…` as `ssh-keygen -l` prints it.
    pub fn fingerprint(&self) -> String {
        let key = ssh_key::public::Ed25519PublicKey(self.key.to_bytes());
        KeyData::Ed25519(key).fingerprint(ssh_key::HashAlg::Sha256).to_string()
    }

    pub(super) fn from_key_data(key: &KeyData) -> Result<Self, VerifyingKeyError> {
        let Some(key) = key.ed25519() else {
            return Err(VerifyingKeyError::NotEd25519(key.algorithm().to_string()));
        };
        let text = ssh_key::PublicKey::from(KeyData::Ed25519(*key)).to_openssh();
        let text = text.map_err(|e| VerifyingKeyError::Malformed(e.to_string()))?;
        let key = ed25519_dalek::VerifyingKey::from_bytes(&key.0).map_err(|_| VerifyingKeyError::Weak)?;
        if key.is_weak() {
            return Err(VerifyingKeyError::Weak);
        }
        Ok(Self { text: text.trim().to_owned(), key })
    }
}

impl FromStr for VerifyingKey {
    type Err = VerifyingKeyError;

    fn from_str(text: &str) -> Result<Self, VerifyingKeyError> {
        if text.trim().contains(['\n', '\r']) {
            return Err(VerifyingKeyError::SeveralLines);
        }
        let shown = || VerifyingKeyError::Malformed(text.chars().take(60).collect());
        let mut words = text.split_ascii_whitespace();
        let (kind, key) = (words.next().ok_or_else(shown)?, words.next().ok_or_else(shown)?);
        let parsed = ssh_key::PublicKey::from_openssh(&format!("{kind} {key}")).map_err(|_| shown())?;
        Self::from_key_data(parsed.key_data())
    }
}

impl TryFrom<String> for VerifyingKey {
    type Error = VerifyingKeyError;

    fn try_from(text: String) -> Result<Self, VerifyingKeyError> {
        text.parse()
    }
}

impl From<VerifyingKey> for String {
    fn from(key: VerifyingKey) -> Self {
        key.text
    }
}

impl fmt::Display for VerifyingKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl fmt::Debug for VerifyingKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("VerifyingKey").field(&self.text).finish()
    }
}

impl PartialEq for VerifyingKey {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text
    }
}

impl Eq for VerifyingKey {}

impl PartialOrd for VerifyingKey {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for VerifyingKey {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.text.cmp(&other.text)
    }
}

/// Why bytes are not taken as signed.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error, miette::Diagnostic)]
#[non_exhaustive]
pub enum SignatureError {
    /// The signature does not parse.
    #[error("the signature is malformed or cut off")]
    #[diagnostic(
        code(signature::malformed),
        help("restore the file from Git, or seal again with `secretctl seal`")
    )]
    Malformed,
    /// The signature was made for something else.
    #[error("the signature is for `{found}`, not for `{wanted}`")]
    #[diagnostic(
        code(signature::namespace),
        help("restore the file from Git, or seal again with `secretctl seal`")
    )]
    Namespace {
        /// Namespace in the signature.
        found: String,
        /// Namespace that was asked for.
        wanted: &'static str,
    },
    /// The signer is not trusted here.
    #[error("signed by {signer}, which is not a trusted key")]
    #[diagnostic(
        code(signature::untrusted),
        help(
            "have a trusted admin run `secretctl seal`, or add the key to the trusted keys if it should count"
        )
    )]
    Untrusted {
        /// The signing key: text and fingerprint.
        signer: String,
    },
    /// The bytes are not the ones that were signed.
    #[error("the content is not what was signed")]
    #[diagnostic(
        code(signature::mismatch),
        help("restore the file from Git, or seal again with `secretctl seal`")
    )]
    Mismatch,
}

impl Failure for SignatureError {
    fn class(&self) -> Class {
        Class::Integrity
    }
}

/// A detached signature in the SSHSIG format (PROTOCOL.sshsig of OpenSSH). Proves nothing until verified.
#[derive(Clone, Debug)]
pub struct SshSignature(SshSig);

impl SshSignature {
    #[cfg(feature = "admin")]
    pub(super) fn new(signature: SshSig) -> Self {
        Self(signature)
    }

    /// Parses the armored form that `ssh-keygen -Y sign` writes.
    pub fn from_armored(text: &str) -> Result<Self, SignatureError> {
        let parsed = SshSig::from_pem(text).map(Self).map_err(|_| SignatureError::Malformed)?;
        // The library reads some lengths loosely; a signature has one spelling here.
        let body: String = text.lines().filter(|line| !line.starts_with("-----")).map(str::trim).collect();
        if parsed.to_base64() == body { Ok(parsed) } else { Err(SignatureError::Malformed) }
    }

    /// Parses base64 without armor or line breaks, as ledger lines hold it.
    pub fn from_base64(text: &str) -> Result<Self, SignatureError> {
        let base64 = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/' | b'=');
        if !text.as_bytes().iter().all(base64) {
            return Err(SignatureError::Malformed);
        }
        Self::from_armored(&armor(text))
    }

    /// The armored form.
    pub fn to_armored(&self) -> String {
        armor(&self.to_base64())
    }

    /// Base64 without armor or line breaks.
    pub fn to_base64(&self) -> String {
        let pem = self.0.to_string();
        pem.lines().filter(|line| !line.starts_with("-----")).collect()
    }

    /// Checks that one of `trusted` signed exactly `bytes` for `namespace`, and tells which.
    pub fn verify<'a>(
        &self,
        bytes: &[u8],
        namespace: Namespace,
        trusted: &'a BTreeSet<VerifyingKey>,
    ) -> Result<&'a VerifyingKey, SignatureError> {
        let signature = &self.0;
        let wanted = namespace.as_str();
        if signature.namespace() != wanted {
            let found = signature.namespace().chars().take(60).collect();
            return Err(SignatureError::Namespace { found, wanted });
        }
        let signer = VerifyingKey::from_key_data(signature.public_key()).map_err(|error| {
            SignatureError::Untrusted { signer: format!("a key that cannot count ({error})") }
        })?;
        let Some(signer) = trusted.get(&signer) else {
            return Err(SignatureError::Untrusted { signer: format!("{signer} ({})", signer.fingerprint()) });
        };
        if signature.version() != SshSig::VERSION || !signature.reserved().is_empty() {
            return Err(SignatureError::Malformed);
        }
        let raw = ed25519_dalek::Signature::from_slice(signature.signature_bytes())
            .map_err(|_| SignatureError::Malformed)?;
        let signed = SshSig::signed_data(wanted, signature.hash_alg(), bytes)
            .map_err(|_| SignatureError::Malformed)?;
        signer.key.verify_strict(&signed, &raw).map_err(|_| SignatureError::Mismatch)?;
        Ok(signer)
    }
}

fn armor(base64: &str) -> String {
    let mut armored = format!("{BEGIN}\n");
    let mut rest = base64;
    while !rest.is_empty() {
        let (line, tail) = rest.split_at(rest.len().min(ARMOR_WIDTH));
        armored.push_str(line);
        armored.push('\n');
        rest = tail;
    }
    armored.push_str(END);
    armored.push('\n');
    armored
}

#[cfg(all(test, feature = "admin"))]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use std::path::Path;
    use std::process::Command;
    use std::sync::Arc;

    use super::*;
    use crate::crypto::NoPrompt;
    use crate::crypto::Prompt;
    use crate::crypto::Signer;
    use crate::crypto::SignerSource;

    /// A point of order 8: any signature by it can be made to hold for any message.
    const WEAK: &str = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIMcXanA9TdhPujwLdg0QZw8qIFP6LDnMxk7H/XeSrAN6";

    fn signer(folder: &Path, name: &str) -> Signer {
        let file = folder.join(name);
        let made =
            Command::new("ssh-keygen").args(["-q", "-t", "ed25519", "-N", "", "-f"]).arg(&file).status();
        assert!(made.unwrap().success());
        let prompt: Arc<dyn Prompt> = Arc::new(NoPrompt);
        let source = SignerSource { file: Some(file), ..SignerSource::default() };
        Signer::find(&source, &|_| true, &prompt).unwrap()
    }

    #[test]
    fn a_signature_holds_for_its_bytes_namespace_and_key_alone() {
        let folder = tempfile::tempdir().unwrap();
        let (alice, bob) = (signer(folder.path(), "a"), signer(folder.path(), "b"));
        let trusted = BTreeSet::from([alice.key().clone()]);
        let signature = alice.sign(b"bytes", Namespace::Manifest).unwrap();
        assert_eq!(signature.verify(b"bytes", Namespace::Manifest, &trusted), Ok(alice.key()));
        assert_eq!(signature.verify(b"byteS", Namespace::Manifest, &trusted), Err(SignatureError::Mismatch));
        let other = signature.verify(b"bytes", Namespace::Ledger, &trusted);
        assert!(matches!(other, Err(SignatureError::Namespace { .. })));
        let strangers = BTreeSet::from([bob.key().clone()]);
        let untrusted = signature.verify(b"bytes", Namespace::Manifest, &strangers);
        assert!(matches!(untrusted, Err(SignatureError::Untrusted { .. })));
    }

    #[test]
    fn both_text_forms_round_trip_and_no_changed_character_verifies() {
        let folder = tempfile::tempdir().unwrap();
        let alice = signer(folder.path(), "a");
        let trusted = BTreeSet::from([alice.key().clone()]);
        let signature = alice.sign(b"bytes", Namespace::Ledger).unwrap();
        let armored = SshSignature::from_armored(&signature.to_armored()).unwrap();
        assert_eq!(armored.to_base64(), signature.to_base64());
        let base64 = signature.to_base64();
        let verifies = |text: &str| {
            SshSignature::from_base64(text)
                .and_then(|s| s.verify(b"bytes", Namespace::Ledger, &trusted).cloned())
        };
        assert!(verifies(&base64).is_ok());
        for at in 0..base64.len() {
            let mut changed = base64.clone().into_bytes();
            let byte = changed.get_mut(at).unwrap();
            *byte = if *byte == b'A' { b'B' } else { b'A' };
            let changed = String::from_utf8(changed).unwrap();
            assert!(verifies(&changed).is_err(), "changed at {at}");
        }
    }

    #[test]
    fn only_sound_ed25519_keys_count() {
        for (text, wanted) in [
            ("ssh-rsa AAAA", "public key"),
            ("", "public key"),
            (WEAK, "weak"),
            ("ssh-ed25519 !!", "public key"),
        ] {
            let message = text.parse::<VerifyingKey>().unwrap_err().to_string();
            assert!(message.contains(wanted), "{text}: {message}");
        }
    }
}
