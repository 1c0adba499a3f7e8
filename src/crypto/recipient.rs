//! Recipients: the public side of age, in every kind that age knows.

use std::fmt;
use std::str::FromStr;

use serde::Deserialize;
use serde::Serialize;

/// A recipient in its canonical text, without a comment; equal when the text is equal.
///
/// Kinds: `age1…` (X25519), `ssh-ed25519`, `ssh-rsa` of at least 2048 bits, and `age1PLUGIN1…`, for which
/// `age-plugin-PLUGIN` must be on the path when something is encrypted to it.
#[derive(Clone, Deserialize, Serialize)]
#[serde(try_from = "String", into = "String")]
pub struct Recipient {
    text: String,
    kind: Kind,
}

#[derive(Clone)]
pub(super) enum Kind {
    X25519(age::x25519::Recipient),
    Ssh(age::ssh::Recipient),
    Plugin(age::plugin::Recipient),
}

/// Why a text is no recipient that can be encrypted to.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum RecipientError {
    /// The text is an identity: the secret half was pasted.
    #[error("this is a private key; a recipient is its public half, `age1…` or `ssh-ed25519 AAAA…`")]
    Private,
    /// An ssh key of a kind that age cannot encrypt to.
    #[error("age cannot encrypt to a key of type `{0}`; use ssh-ed25519, ssh-rsa or `age1…`")]
    UnsupportedSsh(String),
    /// An RSA key that is too small to be safe or too large to be used.
    #[error("the RSA key must have 2048 to 4096 bits")]
    RsaSize,
    /// More than one line, of which the first alone would count.
    #[error("it holds a line break; a recipient is one line")]
    SeveralLines,
    /// Anything else, with the reason where one is known.
    #[error("`{text}` is not a recipient: {reason}")]
    Malformed {
        /// What was given.
        text: String,
        /// What is wrong with it.
        reason: &'static str,
    },
}

impl Recipient {
    /// The canonical text.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The SHA-256 fingerprint of an ssh key, as `ssh-keygen -l` prints it; none for other kinds.
    pub fn ssh_fingerprint(&self) -> Option<String> {
        let key = ssh_key::PublicKey::from_openssh(&self.text).ok()?;
        Some(key.fingerprint(ssh_key::HashAlg::Sha256).to_string())
    }

    /// Whether a plugin encrypts to it; most of them hold their keys in a token.
    pub fn is_of_plugin(&self) -> bool {
        matches!(self.kind, Kind::Plugin(_))
    }

    pub(super) fn kind(&self) -> &Kind {
        &self.kind
    }

    fn parse_ssh(text: &str) -> Result<Self, RecipientError> {
        use age::ssh::ParseRecipientKeyError as E;
        let mut words = text.split_ascii_whitespace();
        let (kind, key) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
        let text = format!("{kind} {key}");
        match text.parse::<age::ssh::Recipient>() {
            // The library formats what it understood, so padding or case tricks cannot give two spellings.
            Ok(parsed) => Ok(Self { text: parsed.to_string(), kind: Kind::Ssh(parsed) }),
            Err(E::Unsupported(kind)) => Err(RecipientError::UnsupportedSsh(kind)),
            Err(E::RsaModulusTooLarge | E::RsaModulusTooSmall) => Err(RecipientError::RsaSize),
            Err(E::Invalid(_) | E::Ignore) if kind.starts_with("ecdsa-") || kind.starts_with("sk-") => {
                Err(RecipientError::UnsupportedSsh(kind.to_owned()))
            }
            Err(_) => Err(malformed(&text, "the ssh public key does not parse")),
        }
    }

    fn parse_age(text: &str) -> Result<Self, RecipientError> {
        if let Ok(parsed) = text.parse::<age::x25519::Recipient>() {
            return Ok(Self { text: parsed.to_string(), kind: Kind::X25519(parsed) });
        }
        match text.parse::<age::plugin::Recipient>() {
            Ok(parsed) => Ok(Self { text: parsed.to_string(), kind: Kind::Plugin(parsed) }),
            Err(_) => Err(malformed(text, "it is cut off or mistyped (its checksum does not match)")),
        }
    }
}

fn malformed(text: &str, reason: &'static str) -> RecipientError {
    RecipientError::Malformed { text: text.chars().take(80).collect(), reason }
}

impl FromStr for Recipient {
    type Err = RecipientError;

    fn from_str(text: &str) -> Result<Self, RecipientError> {
        let text = text.trim();
        if text.to_ascii_uppercase().starts_with("AGE-") || text.contains("PRIVATE KEY") {
            return Err(RecipientError::Private);
        }
        if text.contains(['\n', '\r']) {
            return Err(RecipientError::SeveralLines);
        }
        if text.starts_with("age1") {
            return Self::parse_age(text);
        }
        if text.starts_with("ssh-") || text.starts_with("ecdsa-") || text.starts_with("sk-") {
            return Self::parse_ssh(text);
        }
        Err(malformed(text, "it starts with neither `age1` nor `ssh-`"))
    }
}

impl From<age::x25519::Recipient> for Recipient {
    fn from(key: age::x25519::Recipient) -> Self {
        Self { text: key.to_string(), kind: Kind::X25519(key) }
    }
}

impl TryFrom<String> for Recipient {
    type Error = RecipientError;

    fn try_from(text: String) -> Result<Self, RecipientError> {
        text.parse()
    }
}

impl From<Recipient> for String {
    fn from(recipient: Recipient) -> Self {
        recipient.text
    }
}

impl fmt::Display for Recipient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl fmt::Debug for Recipient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Recipient").field(&self.text).finish()
    }
}

impl PartialEq for Recipient {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text
    }
}

impl Eq for Recipient {}

impl PartialOrd for Recipient {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Recipient {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.text.cmp(&other.text)
    }
}
