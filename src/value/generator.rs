//! Generators: how a value is made from randomness of the operating system.

use std::fmt;

use age::secrecy::ExposeSecret;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use rand::RngCore;
use rand::distributions::Alphanumeric;
use rand::distributions::Distribution;
use rand::rngs::OsRng;
use ssh_key::Algorithm;
use ssh_key::LineEnding;
use ssh_key::PrivateKey;
use zeroize::Zeroizing;

use super::CheckError;
use crate::secret::SecretBytes;

/// Shortest password: 95 bits.
const PASSWORD_MIN: i64 = 16;

/// Longest value that is made, in bytes of randomness or letters.
const LENGTH_MAX: i64 = 4096;

/// Fewest random bytes.
const BYTES_MIN: i64 = 16;

/// How a value is made.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum Generator {
    /// So many letters and digits.
    Password(usize),
    /// So many bytes in hexadecimal.
    Hex(usize),
    /// So many bytes in base64.
    Base64(usize),
    /// An ssh-ed25519 private key.
    SshKey,
    /// A key as `wg genkey` makes it.
    WireguardKey,
    /// An age identity as `age-keygen` makes it.
    AgeKey,
}

impl Generator {
    /// So many letters and digits.
    pub fn password(length: i64) -> Result<Self, CheckError> {
        bounded(length, PASSWORD_MIN, "password(24)").map(Self::Password)
    }

    /// So many bytes in hexadecimal.
    pub fn hex(bytes: i64) -> Result<Self, CheckError> {
        bounded(bytes, BYTES_MIN, "random_hex(32)").map(Self::Hex)
    }

    /// So many bytes in base64.
    pub fn base64(bytes: i64) -> Result<Self, CheckError> {
        bounded(bytes, BYTES_MIN, "random_base64(32)").map(Self::Base64)
    }

    /// Makes a value. Keys end with a newline where the programs that read them want one.
    pub fn make(self) -> Result<SecretBytes, GeneratorError> {
        Ok(match self {
            Self::Password(length) => {
                let mut letters = Zeroizing::new(Vec::with_capacity(length));
                letters.extend(Alphanumeric.sample_iter(OsRng).take(length));
                taken(letters)
            }
            Self::Hex(bytes) => {
                let random = random(bytes);
                let mut text = Zeroizing::new(vec![0; 2 * bytes]);
                data_encoding::HEXLOWER.encode_mut(&random, &mut text);
                taken(text)
            }
            Self::Base64(bytes) => base64(&random(bytes)),
            Self::SshKey => {
                let key = PrivateKey::random(&mut OsRng, Algorithm::Ed25519).map_err(GeneratorError::Ssh)?;
                let text = key.to_openssh(LineEnding::LF).map_err(GeneratorError::Ssh)?;
                taken(Zeroizing::new(text.as_bytes().to_vec()))
            }
            Self::WireguardKey => {
                let mut key = random(32);
                // X25519 fixes five bits of a private key: RFC 7748 section 5.
                if let [first, .., last] = key.as_mut_slice() {
                    *first &= 0b1111_1000;
                    *last = (*last & 0b0111_1111) | 0b0100_0000;
                }
                base64(&key)
            }
            Self::AgeKey => {
                let text = age::x25519::Identity::generate().to_string();
                let mut bytes = Zeroizing::new(Vec::with_capacity(text.expose_secret().len() + 1));
                bytes.extend_from_slice(text.expose_secret().as_bytes());
                bytes.push(b'\n');
                taken(bytes)
            }
        })
    }
}

/// Why no value could be made.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum GeneratorError {
    /// The ssh library could not write a key.
    #[error("no ssh key could be made")]
    Ssh(#[source] ssh_key::Error),
}

fn bounded(length: i64, least: i64, usage: &str) -> Result<usize, CheckError> {
    let fits = (least..=LENGTH_MAX).contains(&length).then(|| usize::try_from(length).ok()).flatten();
    fits.ok_or_else(|| {
        CheckError::new(format!("a generated value has {least} to {LENGTH_MAX}"), format!("write `{usage}`"))
    })
}

fn random(bytes: usize) -> Zeroizing<Vec<u8>> {
    let mut random = Zeroizing::new(vec![0; bytes]);
    OsRng.fill_bytes(&mut random);
    random
}

fn base64(bytes: &[u8]) -> SecretBytes {
    let mut text = Zeroizing::new(vec![0; bytes.len().div_ceil(3) * 4]);
    let written = STANDARD.encode_slice(bytes, &mut text).unwrap_or_default();
    text.truncate(written);
    taken(text)
}

fn taken(mut bytes: Zeroizing<Vec<u8>>) -> SecretBytes {
    SecretBytes::from(std::mem::take(&mut *bytes))
}

impl fmt::Display for Generator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Password(length) => write!(f, "password({length})"),
            Self::Hex(bytes) => write!(f, "random_hex({bytes})"),
            Self::Base64(bytes) => write!(f, "random_base64({bytes})"),
            Self::SshKey => f.write_str("ssh_key()"),
            Self::WireguardKey => f.write_str("wireguard_key()"),
            Self::AgeKey => f.write_str("age_key()"),
        }
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;
    use crate::value::Check;

    #[test]
    fn what_is_made_passes_the_check_of_its_kind_and_is_never_the_same() {
        let now = "2026-11-20T10:00:00Z".parse().unwrap();
        for (generator, check) in [
            (Generator::password(24).unwrap(), Check::length(24, Some(24)).unwrap()),
            (Generator::password(24).unwrap(), Check::UrlSafe),
            (Generator::hex(32).unwrap(), Check::Hex(Some(32))),
            (Generator::base64(33).unwrap(), Check::Base64(Some(33))),
            (Generator::SshKey, Check::SshPrivateKey),
            (Generator::WireguardKey, Check::WireguardPrivateKey),
            (Generator::AgeKey, Check::AgeIdentity),
        ] {
            let (one, other) = (generator.make().unwrap(), generator.make().unwrap());
            assert_eq!(check.test(&one, None, now), Ok(()), "{generator}");
            assert!(!one.same(&other), "{generator}");
        }
    }

    #[test]
    fn a_value_that_could_be_guessed_is_not_made() {
        assert!(Generator::password(15).is_err() && Generator::password(-1).is_err());
        assert!(Generator::hex(15).is_err() && Generator::base64(i64::MAX).is_err());
    }
}
