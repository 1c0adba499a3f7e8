//! What of a value is meant for everybody: public keys and certificates.

use age::x25519::Identity;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use zeroize::Zeroizing;

use super::Derived;
use super::Generator;
use super::Random;
use crate::name::SecretName;
use crate::secret::SecretBytes;
use crate::value::body;

/// The public half of a value.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Public {
    /// What its file ends in.
    pub ending: &'static str,
    /// Its text.
    pub text: String,
}

impl Public {
    /// Every ending that the file of a public half can have.
    pub const ENDINGS: [&'static str; 2] = ["pub", "pem"];
}

impl Generator {
    /// The public half of a value that was made in this way, or that somebody put in place of one; none if the
    /// value has none.
    pub fn public(&self, secret: &SecretName, value: &SecretBytes) -> Option<Public> {
        let key = |text: String| Public { ending: "pub", text: text + "\n" };
        match self {
            Self::Random(Random::SshKey) => ssh(secret, value.expose()).map(key),
            Self::Random(Random::WireguardKey) => wireguard(body(value.expose())).map(key),
            Self::Random(Random::AgeKey) => age(value.expose()).map(key),
            Self::Derived(Derived::Authority(_) | Derived::Leaf(_)) => certificate(value.expose()),
            _ => None,
        }
    }
}

fn ssh(secret: &SecretName, value: &[u8]) -> Option<String> {
    let mut key = ssh_key::PrivateKey::from_openssh(value).ok()?.public_key().clone();
    key.set_comment(secret.as_str());
    key.to_openssh().ok()
}

fn wireguard(value: &[u8]) -> Option<String> {
    let decoded = Zeroizing::new(STANDARD.decode(value).ok()?);
    let bytes: Zeroizing<[u8; 32]> = Zeroizing::new(decoded.as_slice().try_into().ok()?);
    let key = x25519_dalek::StaticSecret::from(*bytes);
    Some(STANDARD.encode(x25519_dalek::PublicKey::from(&key)))
}

fn age(value: &[u8]) -> Option<String> {
    let mut lines = std::str::from_utf8(value).ok()?.lines().map(str::trim);
    let identity: Identity = lines.find(|line| line.starts_with("AGE-SECRET-KEY-1"))?.parse().ok()?;
    Some(identity.to_public().to_string())
}

/// A certificate is public as it is; anything beside it in the value is not.
fn certificate(value: &[u8]) -> Option<Public> {
    let text = std::str::from_utf8(value).ok()?;
    let plain = !text.contains("PRIVATE KEY") && text.starts_with("-----BEGIN CERTIFICATE-----\n");
    plain.then(|| Public { ending: "pem", text: text.to_owned() })
}
