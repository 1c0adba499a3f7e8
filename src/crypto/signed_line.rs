//! One line of JSON whose last field is a signature over the text before it.

use super::signature::Namespace;
use super::signature::SignatureError;
use super::signature::SshSignature;
use super::signature::VerifyingKey;
#[cfg(feature = "admin")]
use super::signer::Signer;
#[cfg(feature = "admin")]
use super::signer::SignerError;

/// What stands between the signed text of a line and its signature.
const SIGNATURE_FIELD: &str = ",\"sig\":\"";

/// A line, split into the exact text that was signed and its signature. Proves nothing until verified.
///
/// The signature is always the last field, so that `sed 's/,"sig":"[^"]*"}$/}/'` gives what was signed.
#[derive(Clone, Debug)]
pub struct SignedLine<'a> {
    text: String,
    signature: &'a str,
}

impl<'a> SignedLine<'a> {
    /// Splits a line; none where it has no signature at its end.
    pub fn split(raw: &'a str) -> Option<Self> {
        let (open, rest) = raw.rsplit_once(SIGNATURE_FIELD)?;
        let signature = rest.strip_suffix("\"}")?;
        Some(Self { text: format!("{open}}}"), signature })
    }

    /// The JSON that was signed.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Checks the signature, and returns the key among `trusted` that made it.
    pub fn verify<'k>(
        &self,
        namespace: Namespace,
        trusted: &'k std::collections::BTreeSet<VerifyingKey>,
    ) -> Result<&'k VerifyingKey, SignatureError> {
        SshSignature::from_base64(self.signature)?.verify(self.text.as_bytes(), namespace, trusted)
    }
}

/// Signs one JSON object, and returns it as a line without its line break.
#[cfg(feature = "admin")]
pub fn sign_line(text: &str, signer: &Signer, namespace: Namespace) -> Result<String, SignerError> {
    let signature = signer.sign(text.as_bytes(), namespace)?;
    let open = text.strip_suffix('}').unwrap_or(text);
    Ok(format!("{open}{SIGNATURE_FIELD}{}\"}}", signature.to_base64()))
}
