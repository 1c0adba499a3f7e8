//! Values that are made from randomness of the operating system alone.

use std::fmt;

use age::secrecy::ExposeSecret;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use diceware_wordlists::Wordlist;
use p256::pkcs8::EncodePrivateKey;
use rand::Rng;
use rand::RngCore;
use rand::distributions::Alphanumeric;
use rand::distributions::Distribution;
use rand::rngs::OsRng;
use ssh_key::Algorithm;
use ssh_key::LineEnding;
use ssh_key::PrivateKey;
use zeroize::Zeroizing;

use super::GeneratorError;
use crate::secret::SecretBytes;
use crate::value::CheckError;

/// Shortest password: 95 bits.
const PASSWORD_MIN: i64 = 16;

/// Longest value that is made, in bytes of randomness or letters.
const LENGTH_MAX: i64 = 4096;

/// Fewest random bytes.
const BYTES_MIN: i64 = 16;

/// Fewest words: 77 bits, with a list of 7,776.
const WORDS_MIN: i64 = 6;

/// Longest word of the list, with what separates it from the next.
const WORD_MAX: usize = 16;

/// What is made from randomness.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum Random {
    /// So many letters and digits.
    Password(usize),
    /// So many words of the long list of the EFF.
    Passphrase(usize),
    /// So many bytes in hexadecimal.
    Hex(usize),
    /// So many bytes in base64.
    Base64(usize),
    /// So many bytes in the base64 of addresses and file names.
    UrlSafe(usize),
    /// A random UUID.
    Uuid,
    /// An ssh-ed25519 private key.
    SshKey,
    /// A key as `wg genkey` makes it.
    WireguardKey,
    /// An age identity as `age-keygen` makes it.
    AgeKey,
    /// A private key for certificates, P-256 in PKCS #8.
    X509Key,
}

impl Random {
    /// So many letters and digits.
    pub fn password(length: i64) -> Result<Self, CheckError> {
        bounded(length, PASSWORD_MIN, "password(24)").map(Self::Password)
    }

    /// So many words.
    pub fn passphrase(words: i64) -> Result<Self, CheckError> {
        bounded(words, WORDS_MIN, "passphrase(6)").map(Self::Passphrase)
    }

    /// So many bytes in the base64 of addresses and file names.
    pub fn url_safe(bytes: i64) -> Result<Self, CheckError> {
        bounded(bytes, BYTES_MIN, "random_url_safe(32)").map(Self::UrlSafe)
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
            Self::Base64(bytes) => encoded(&STANDARD, &random(bytes)),
            Self::UrlSafe(bytes) => encoded(&URL_SAFE_NO_PAD, &random(bytes)),
            Self::Passphrase(words) => passphrase(words),
            Self::Uuid => uuid(),
            Self::SshKey => ssh_key()?,
            Self::WireguardKey => wireguard_key(),
            Self::AgeKey => age_key(),
            Self::X509Key => x509_key()?,
        })
    }
}

fn passphrase(words: usize) -> SecretBytes {
    let list = Wordlist::EffLong.get_list();
    let mut text = SecretBytes::with_capacity(words * WORD_MAX);
    for at in 0..words {
        if at > 0 {
            text.extend(b"-");
        }
        let word = list.get(OsRng.gen_range(0..list.len())).copied().unwrap_or_default();
        text.extend(word.as_bytes());
    }
    text
}

fn uuid() -> SecretBytes {
    let mut bytes = Zeroizing::new([0; 16]);
    OsRng.fill_bytes(bytes.as_mut_slice());
    let uuid = uuid::Builder::from_random_bytes(*bytes).into_uuid();
    let mut text = Zeroizing::new(vec![0; uuid::fmt::Hyphenated::LENGTH]);
    uuid.hyphenated().encode_lower(&mut text);
    taken(text)
}

fn ssh_key() -> Result<SecretBytes, GeneratorError> {
    let key = PrivateKey::random(&mut OsRng, Algorithm::Ed25519).map_err(GeneratorError::Ssh)?;
    let text = key.to_openssh(LineEnding::LF).map_err(GeneratorError::Ssh)?;
    Ok(taken(Zeroizing::new(text.as_bytes().to_vec())))
}

fn wireguard_key() -> SecretBytes {
    let mut key = random(32);
    // X25519 fixes five bits of a private key: RFC 7748 section 5.
    if let [first, .., last] = key.as_mut_slice() {
        *first &= 0b1111_1000;
        *last = (*last & 0b0111_1111) | 0b0100_0000;
    }
    encoded(&STANDARD, &key)
}

fn age_key() -> SecretBytes {
    let text = age::x25519::Identity::generate().to_string();
    let mut bytes = Zeroizing::new(Vec::with_capacity(text.expose_secret().len() + 1));
    bytes.extend_from_slice(text.expose_secret().as_bytes());
    bytes.push(b'\n');
    taken(bytes)
}

fn x509_key() -> Result<SecretBytes, GeneratorError> {
    let failed = |error: p256::pkcs8::Error| GeneratorError::Library {
        what: "a private key",
        reason: error.to_string(),
    };
    let key = p256::SecretKey::random(&mut OsRng);
    let text = key.to_pkcs8_pem(LineEnding::LF).map_err(failed)?;
    Ok(taken(Zeroizing::new(text.as_bytes().to_vec())))
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

fn encoded(engine: &impl Engine, bytes: &[u8]) -> SecretBytes {
    let mut text = Zeroizing::new(vec![0; bytes.len().div_ceil(3) * 4]);
    let written = engine.encode_slice(bytes, &mut text).unwrap_or_default();
    text.truncate(written);
    taken(text)
}

fn taken(mut bytes: Zeroizing<Vec<u8>>) -> SecretBytes {
    SecretBytes::from(std::mem::take(&mut *bytes))
}

impl fmt::Display for Random {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Password(length) => write!(f, "password({length})"),
            Self::Hex(bytes) => write!(f, "random_hex({bytes})"),
            Self::Base64(bytes) => write!(f, "random_base64({bytes})"),
            Self::Passphrase(words) => write!(f, "passphrase({words})"),
            Self::UrlSafe(bytes) => write!(f, "random_url_safe({bytes})"),
            Self::Uuid => f.write_str("uuid()"),
            Self::X509Key => f.write_str("x509_key()"),
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
            (Random::password(24).unwrap(), Check::length(24, Some(24)).unwrap()),
            (Random::password(24).unwrap(), Check::UrlSafe),
            (Random::hex(32).unwrap(), Check::Hex(Some(32))),
            (Random::base64(33).unwrap(), Check::Base64(Some(33))),
            (Random::passphrase(6).unwrap(), Check::OneLine),
            (Random::url_safe(32).unwrap(), Check::length(43, Some(43)).unwrap()),
            (Random::url_safe(32).unwrap(), Check::UrlSafe),
            (Random::Uuid, Check::length(36, Some(36)).unwrap()),
            (Random::X509Key, Check::pem("PRIVATE KEY").unwrap()),
            (Random::SshKey, Check::SshPrivateKey),
            (Random::WireguardKey, Check::WireguardPrivateKey),
            (Random::AgeKey, Check::AgeIdentity),
        ] {
            let (one, other) = (generator.make().unwrap(), generator.make().unwrap());
            assert_eq!(check.test(&one, None, now), Ok(()), "{generator}");
            assert!(!one.same(&other), "{generator}");
        }
    }

    #[test]
    fn a_value_that_could_be_guessed_is_not_made() {
        assert!(Random::password(15).is_err() && Random::password(-1).is_err());
        assert!(Random::passphrase(5).is_err() && Random::url_safe(15).is_err());
        assert!(Random::hex(15).is_err() && Random::base64(i64::MAX).is_err());
    }
}
