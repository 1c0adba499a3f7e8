//! Values: what the bytes of a secret must look like, checked without showing them.
//!
//! Every check but [`Check::NoTrailingNewline`] ignores one newline at the end, as most programs that read a
//! secret from a file do.

mod dotenv;
mod encoding;
mod generator;
mod hash;
mod keys;
mod schema;
mod traits;

use std::collections::BTreeSet;
use std::fmt;

use jiff::Timestamp;

pub use encoding::Charset;
pub use generator::Answer;
pub use generator::Authority;
pub use generator::Derived;
pub use generator::Generator;
pub use generator::GeneratorError;
pub use generator::HashScheme;
pub use generator::Input;
pub use generator::Inputs;
pub use generator::Leaf;
pub use generator::Program;
pub use generator::Public;
pub use generator::Question;
pub use generator::Random;
pub use schema::JsonSchema;
pub use traits::Traits;

use crate::name::SecretName;
use crate::secret::SecretBytes;

/// Longest value that the checks of a structure (JSON, dotenv, certificates, keys) read, in bytes.
const STRUCTURE_MAX: usize = 1 << 20;

/// What a value must be.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Check {
    /// At least one PEM block, all of them of this kind: RFC 7468, leaving out what stands between blocks.
    Pem(String),
    /// One X.509 certificate or a chain, in PEM or DER, all of them valid now.
    X509,
    /// JSON text.
    Json,
    /// JSON text that a JSON Schema accepts.
    JsonSchema(JsonSchema),
    /// Lines that systemd's `EnvironmentFile=` accepts, with these variables set and not empty.
    Dotenv(BTreeSet<String>),
    /// This many bytes, the upper bound included.
    Length(usize, Option<usize>),
    /// Only these characters.
    Charset(Charset),
    /// Only letters, digits, `-`, `_`, `.` and `~`: RFC 3986 section 2.3.
    UrlSafe,
    /// Standard base64 with padding, of this many bytes if a number is given: RFC 4648 section 4.
    Base64(Option<usize>),
    /// Hexadecimal digits, two for each byte.
    Hex(Option<usize>),
    /// Base32 in upper case, padded or not: RFC 4648 section 6.
    Base32(Option<usize>),
    /// A private key that `ssh` reads without a passphrase.
    SshPrivateKey,
    /// A private key as `wg genkey` makes it.
    WireguardPrivateKey,
    /// An age identity, `AGE-SECRET-KEY-1…`.
    AgeIdentity,
    /// A password hash of a scheme that NixOS accepts for users.
    PasswordHash,
    /// One line.
    OneLine,
    /// No newline at the end.
    NoTrailingNewline,
    /// The value of another secret.
    SameAs(SecretName),
    /// Another value than that of another secret.
    DiffersFrom(SecretName),
}

/// Why something cannot be checked for.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct CheckError {
    /// What is wrong.
    pub message: String,
    /// What to write.
    pub help: String,
}

/// Which check a value does not pass, and why, in words that tell nothing of the value.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("`{check}`: {reason}")]
pub struct Complaint {
    /// The check as the policy writes it.
    pub check: String,
    /// What it found.
    pub reason: String,
}

impl CheckError {
    fn new(message: impl Into<String>, help: impl Into<String>) -> Self {
        Self { message: message.into(), help: help.into() }
    }
}

impl Check {
    /// A check for PEM blocks of one kind, such as `CERTIFICATE`.
    pub fn pem(label: &str) -> Result<Self, CheckError> {
        let fits = !label.is_empty()
            && label.chars().all(|c| c.is_ascii_uppercase() || c.is_ascii_digit() || c == ' ');
        fits.then(|| Self::Pem(label.to_owned())).ok_or_else(|| {
            CheckError::new(
                "the kind of a PEM block is upper case",
                "write `pem(\"CERTIFICATE\")` or `pem(\"PRIVATE KEY\")`",
            )
        })
    }

    /// A check for variables that must be set.
    pub fn dotenv(names: impl IntoIterator<Item = String>) -> Result<Self, CheckError> {
        let names: BTreeSet<String> = names.into_iter().collect();
        match names.iter().find(|name| !dotenv::is_name(name)) {
            None => Ok(Self::Dotenv(names)),
            Some(name) => Err(CheckError::new(
                format!("`{}` is no name of a variable", name.escape_debug()),
                "write `dotenv([\"API_KEY\"])`: letters, digits and `_`",
            )),
        }
    }

    /// A check for a number of bytes.
    pub fn length(least: i64, most: Option<i64>) -> Result<Self, CheckError> {
        let bounds = usize::try_from(least).ok().zip(most.map(usize::try_from).transpose().ok());
        match bounds {
            Some((least, most)) if most.is_none_or(|most| least <= most) => Ok(Self::Length(least, most)),
            _ => Err(CheckError::new("no value has such a length", "write `length(16)` or `length(16, 64)`")),
        }
    }

    /// The number of bytes that something encodes; none means any.
    pub fn bytes(number: i64) -> Result<Option<usize>, CheckError> {
        match usize::try_from(number) {
            Ok(number) if number > 0 => Ok(Some(number)),
            _ => Err(CheckError::new(
                "no value encodes so many bytes",
                "write a number of 1 or more, as in `hex(32)`",
            )),
        }
    }

    /// The other secret that the check compares with, if it does.
    pub fn other(&self) -> Option<&SecretName> {
        match self {
            Self::SameAs(other) | Self::DiffersFrom(other) => Some(other),
            _ => None,
        }
    }

    /// Holds the check against a value. `other` is that of [`Check::other`]; without it a comparison passes.
    pub fn test(
        &self,
        value: &SecretBytes,
        other: Option<&SecretBytes>,
        now: Timestamp,
    ) -> Result<(), Complaint> {
        let complaint = |reason| Complaint { check: self.to_string(), reason };
        self.reason(value, other, now).map_err(complaint)
    }

    fn reason(&self, value: &SecretBytes, other: Option<&SecretBytes>, now: Timestamp) -> Result<(), String> {
        let bytes = body(value.expose());
        match self {
            Self::Pem(label) => keys::pem(structure(bytes)?, label),
            Self::X509 => keys::x509(structure(value.expose())?, now),
            Self::Json => schema::json(structure(bytes)?),
            Self::JsonSchema(schema) => schema.test(structure(bytes)?),
            Self::Dotenv(names) => dotenv::test(structure(value.expose())?, names),
            Self::Length(least, most) => length(bytes.len(), *least, *most),
            Self::Charset(set) => encoding::charset(bytes, set),
            Self::UrlSafe => encoding::url_safe(bytes),
            Self::Base64(wanted) => encoding::base64(bytes, *wanted),
            Self::Hex(wanted) => encoding::hex(bytes, *wanted),
            Self::Base32(wanted) => encoding::base32(bytes, *wanted),
            Self::SshPrivateKey => keys::ssh(structure(value.expose())?),
            Self::WireguardPrivateKey => keys::wireguard(bytes),
            Self::AgeIdentity => keys::age(structure(bytes)?),
            Self::PasswordHash => hash::password(bytes),
            Self::OneLine if bytes.contains(&b'\n') => Err("there is more than one line".to_owned()),
            Self::NoTrailingNewline if value.expose().ends_with(b"\n") => {
                Err("there is a newline at the end; `secretctl set --trim` drops it".to_owned())
            }
            Self::SameAs(_) if other.is_some_and(|other| !other.same(value)) => {
                Err("the two differ".to_owned())
            }
            Self::DiffersFrom(_) if other.is_some_and(|other| other.same(value)) => {
                Err("the two are the same".to_owned())
            }
            Self::OneLine | Self::NoTrailingNewline | Self::SameAs(_) | Self::DiffersFrom(_) => Ok(()),
        }
    }
}

/// A value without one newline at its end.
fn body(value: &[u8]) -> &[u8] {
    value.strip_suffix(b"\n").unwrap_or(value)
}

fn structure(bytes: &[u8]) -> Result<&[u8], String> {
    if bytes.len() <= STRUCTURE_MAX {
        Ok(bytes)
    } else {
        Err(format!("it is larger than {STRUCTURE_MAX} bytes"))
    }
}

fn length(found: usize, least: usize, most: Option<usize>) -> Result<(), String> {
    match most {
        _ if found < least => Err(format!("there are fewer than {least} bytes")),
        Some(most) if found > most => Err(format!("there are more than {most} bytes")),
        _ => Ok(()),
    }
}

impl fmt::Display for Check {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let number = |number: &Option<usize>| number.map(|number| number.to_string()).unwrap_or_default();
        match self {
            Self::Pem(label) => write!(f, "pem(\"{label}\")"),
            Self::X509 => f.write_str("x509()"),
            Self::Json => f.write_str("json()"),
            Self::JsonSchema(_) => f.write_str("json(#{..})"),
            Self::Dotenv(names) => write!(
                f,
                "dotenv([{}])",
                names.iter().map(|name| format!("\"{name}\"")).collect::<Vec<_>>().join(", ")
            ),
            Self::Length(least, None) => write!(f, "length({least})"),
            Self::Length(least, Some(most)) => write!(f, "length({least}, {most})"),
            Self::Charset(set) => write!(f, "charset(\"{}\")", set.text()),
            Self::UrlSafe => f.write_str("url_safe()"),
            Self::Base64(wanted) => write!(f, "base64({})", number(wanted)),
            Self::Hex(wanted) => write!(f, "hex({})", number(wanted)),
            Self::Base32(wanted) => write!(f, "base32({})", number(wanted)),
            Self::SshPrivateKey => f.write_str("ssh_private_key()"),
            Self::WireguardPrivateKey => f.write_str("wireguard_private_key()"),
            Self::AgeIdentity => f.write_str("age_identity()"),
            Self::PasswordHash => f.write_str("password_hash()"),
            Self::OneLine => f.write_str("one_line()"),
            Self::NoTrailingNewline => f.write_str("no_trailing_newline()"),
            Self::SameAs(other) => write!(f, "same_as(\"{other}\")"),
            Self::DiffersFrom(other) => write!(f, "differs_from(\"{other}\")"),
        }
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests;
