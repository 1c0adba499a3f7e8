//! Values that are made from other secrets: hashes of passwords, and certificates.

use std::collections::BTreeMap;
use std::fmt;

use argon2::Argon2;
use jiff::Timestamp;
use rand::RngCore;
use rand::rngs::OsRng;
use sha_crypt::ShaCrypt;
use sha_crypt::password_hash::PasswordHasher;
use yescrypt::Yescrypt;

use super::GeneratorError;
use super::certificate;
use super::input::Input;
use super::input::filled;
use super::one_line;
use super::quoted;
use crate::name::SecretName;
use crate::secret::SecretBytes;
use crate::value::CheckError;
use crate::value::body;

/// Cost of bcrypt: about a quarter of a second.
const BCRYPT_COST: u32 = 12;
/// Rounds of SHA-512: its default of 5,000 is from 2007.
const SHA512_ROUNDS: u32 = 100_000;
/// Longest password that is hashed, in bytes.
const PASSWORD_MAX: usize = 512;
/// Longest time that a certificate may be valid: 100 years.
const DAYS_MAX: i64 = 36_525;
/// Most names of one certificate.
const NAMES_MAX: usize = 100;

/// The values that a generator is given.
pub type Inputs<'a> = BTreeMap<SecretName, &'a SecretBytes>;

/// What is made from other secrets.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum Derived {
    /// The hash of a password, as a login checks it.
    Hash(HashScheme, Input),
    /// A line of the password file of a web server.
    Htpasswd {
        /// Who logs in.
        user: String,
        /// Their password.
        password: Input,
    },
    /// The certificate of an authority, signed by its own key.
    Authority(Authority),
    /// A certificate that an authority signs.
    Leaf(Leaf),
}

/// How a password is hashed.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum HashScheme {
    /// `$y$`, what Debian, Fedora and NixOS use for accounts.
    Yescrypt,
    /// `$6$`.
    Sha512Crypt,
    /// `$2b$`.
    Bcrypt,
    /// `$argon2id$`.
    Argon2id,
}

/// What the policy says of an authority.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Authority {
    /// Its private key.
    pub key: Input,
    /// Its common name.
    pub name: String,
    /// How long its certificate is valid.
    pub days: i64,
}

/// What the policy says of a certificate.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Leaf {
    /// Its private key.
    pub key: Input,
    /// Host names, IP addresses and URIs that it is valid for.
    pub names: Vec<String>,
    /// Certificate and private key of the authority.
    pub authority: Option<(Input, Input)>,
    /// How long it is valid.
    pub days: i64,
    /// Whether a renewal makes a new key.
    pub new_key: bool,
}

impl Authority {
    /// An authority of ten years.
    pub fn new(key: Input, name: &str) -> Result<Self, CheckError> {
        one_line(name, "write `x509_ca(\"tls/ca/key\", \"Example CA\")`")?;
        if name.chars().count() > 64 {
            return Err(CheckError::new(
                "the name of an authority has at most 64 characters",
                "choose a shorter one",
            ));
        }
        Ok(Self { key, name: name.to_owned(), days: 3650 })
    }
}

impl Leaf {
    /// A certificate of ninety days.
    pub fn new(key: Input, names: Vec<String>) -> Result<Self, CheckError> {
        let help = "write `x509_cert(\"tls/{host}/key\", [\"{host}.example.org\"])`";
        if names.is_empty() || names.len() > NAMES_MAX {
            return Err(CheckError::new(format!("a certificate has 1 to {NAMES_MAX} names"), help));
        }
        if let Some(name) =
            names.iter().find(|name| certificate::general_name(&filled(name, "host")).is_none())
        {
            let message = format!("`{}` is no host name, IP address or URI", name.escape_debug());
            return Err(CheckError::new(message, help));
        }
        Ok(Self { key, names, authority: None, days: 90, new_key: false })
    }
}

/// A number of days that a certificate can be valid.
pub(super) fn days(days: i64) -> Result<i64, CheckError> {
    if (1..=DAYS_MAX).contains(&days) {
        return Ok(days);
    }
    Err(CheckError::new(format!("a certificate is valid for 1 to {DAYS_MAX} days"), "write `.days(90)`"))
}

impl Derived {
    /// A line of a password file.
    pub fn htpasswd(user: &str, password: Input) -> Result<Self, CheckError> {
        let usage = "write `htpasswd(\"alice\", \"web/password\")`";
        one_line(user, usage)?;
        if user.contains(':') {
            return Err(CheckError::new("a name in such a file holds no `:`", usage));
        }
        Ok(Self::Htpasswd { user: user.to_owned(), password })
    }

    /// The same certificate, valid for another time.
    pub fn with_days(mut self, number: i64) -> Result<Self, CheckError> {
        let number = days(number)?;
        match &mut self {
            Self::Authority(authority) => authority.days = number,
            Self::Leaf(leaf) => leaf.days = number,
            Self::Hash(..) | Self::Htpasswd { .. } => {
                return Err(CheckError::new("a hash has no end", "say `.days(..)` of a certificate"));
            }
        }
        Ok(self)
    }

    /// The secrets that it is made from.
    pub(super) fn inputs(&self) -> Vec<&Input> {
        match self {
            Self::Hash(_, password) | Self::Htpasswd { password, .. } => vec![password],
            Self::Authority(authority) => vec![&authority.key],
            Self::Leaf(leaf) => {
                let authority = leaf.authority.iter().flat_map(|(certificate, key)| [certificate, key]);
                std::iter::once(&leaf.key).chain(authority).collect()
            }
        }
    }

    pub(super) fn bind(&mut self, host: &str) {
        match self {
            Self::Hash(_, password) => password.bind(host),
            Self::Htpasswd { user, password } => {
                *user = filled(user, host);
                password.bind(host);
            }
            Self::Authority(authority) => authority.key.bind(host),
            Self::Leaf(leaf) => {
                leaf.names.iter_mut().for_each(|name| *name = filled(name, host));
                leaf.key.bind(host);
                if let Some((certificate, key)) = &mut leaf.authority {
                    certificate.bind(host);
                    key.bind(host);
                }
            }
        }
    }

    /// Makes the value.
    pub fn make(&self, inputs: &Inputs<'_>, now: Timestamp) -> Result<SecretBytes, GeneratorError> {
        match self {
            Self::Hash(scheme, password) => hash(*scheme, word(password, inputs)?),
            Self::Htpasswd { user, password } => {
                let parts = bcrypt_parts(word(password, inputs)?)?;
                let line = format!("{user}:{}\n", parts.format_for_version(bcrypt::Version::TwoY));
                Ok(SecretBytes::from(line.into_bytes()))
            }
            Self::Authority(authority) => {
                certificate::authority(given(&authority.key, inputs)?, authority, now)
            }
            Self::Leaf(leaf) => {
                let missing =
                    || GeneratorError::Input("the policy names no authority; say `.ca(..)`".to_owned());
                let (certificate, key) = leaf.authority.as_ref().ok_or_else(missing)?;
                let authority = (given(certificate, inputs)?, given(key, inputs)?);
                certificate::leaf(given(&leaf.key, inputs)?, leaf, authority, now)
            }
        }
    }
}

/// The value of an input, with the words that name it.
#[derive(Clone, Copy)]
pub(super) struct Given<'a> {
    pub(super) name: &'a Input,
    pub(super) value: &'a SecretBytes,
}

fn given<'a>(input: &'a Input, inputs: &Inputs<'a>) -> Result<Given<'a>, GeneratorError> {
    let value = input.name().and_then(|name| inputs.get(&name).copied());
    let value = value.ok_or_else(|| GeneratorError::Input(format!("`{input}` is not at hand")))?;
    Ok(Given { name: input, value })
}

/// A password: what stands in the value, without one newline at its end.
fn word<'a>(input: &'a Input, inputs: &Inputs<'a>) -> Result<&'a [u8], GeneratorError> {
    let Given { name, value } = given(input, inputs)?;
    let word = body(value.expose());
    let refused = |reason| Err(GeneratorError::Input(format!("`{name}` {reason}")));
    match word.len() {
        0 => refused("is empty"),
        length if length > PASSWORD_MAX => refused("is too long for a password"),
        _ if word.iter().any(|byte| matches!(byte, 0 | b'\n')) => refused("is not one line"),
        _ => Ok(word),
    }
}

fn hash(scheme: HashScheme, password: &[u8]) -> Result<SecretBytes, GeneratorError> {
    let failed = |error: String| GeneratorError::Library { what: "the hash", reason: error };
    let text = match scheme {
        HashScheme::Yescrypt => Yescrypt::default()
            .hash_password_with_salt(password, &salt::<16>())
            .map_err(|error| failed(error.to_string()))?
            .to_string(),
        HashScheme::Sha512Crypt => {
            let params = sha_crypt::Params::new(SHA512_ROUNDS).map_err(|error| failed(error.to_string()))?;
            ShaCrypt::new(sha_crypt::Algorithm::Sha512Crypt, params)
                .hash_password_with_salt(password, &salt::<12>())
                .map_err(|error| failed(error.to_string()))?
                .to_string()
        }
        HashScheme::Bcrypt => bcrypt_parts(password)?.format_for_version(bcrypt::Version::TwoB),
        HashScheme::Argon2id => Argon2::default()
            .hash_password_with_salt(password, &salt::<16>())
            .map_err(|error: argon2::password_hash::Error| failed(error.to_string()))?
            .to_string(),
    };
    Ok(SecretBytes::from(text.into_bytes()))
}

/// bcrypt reads 72 bytes and would ignore what follows.
fn bcrypt_parts(password: &[u8]) -> Result<bcrypt::HashParts, GeneratorError> {
    bcrypt::non_truncating_hash_with_result(password, BCRYPT_COST).map_err(|error| match error {
        bcrypt::BcryptError::Truncation(_) => {
            GeneratorError::Input("bcrypt reads no more than 72 bytes of a password".to_owned())
        }
        error => GeneratorError::Library { what: "the hash", reason: error.to_string() },
    })
}

fn salt<const N: usize>() -> [u8; N] {
    let mut salt = [0; N];
    OsRng.fill_bytes(&mut salt);
    salt
}

impl fmt::Display for Derived {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Hash(scheme, password) => write!(f, "{}(\"{password}\")", scheme.word()),
            Self::Htpasswd { user, password } => write!(f, "htpasswd({user:?}, \"{password}\")"),
            Self::Authority(Authority { key, name, days }) => {
                write!(f, "x509_ca(\"{key}\", {name:?}).days({days})")
            }
            Self::Leaf(leaf) => {
                write!(f, "x509_cert(\"{}\", [{}])", leaf.key, quoted(&leaf.names))?;
                if let Some((certificate, key)) = &leaf.authority {
                    write!(f, ".ca(\"{certificate}\", \"{key}\")")?;
                }
                write!(f, ".days({})", leaf.days)?;
                if leaf.new_key { f.write_str(".new_key()") } else { Ok(()) }
            }
        }
    }
}

impl HashScheme {
    fn word(self) -> &'static str {
        match self {
            Self::Yescrypt => "yescrypt",
            Self::Sha512Crypt => "sha512_crypt",
            Self::Bcrypt => "bcrypt",
            Self::Argon2id => "argon2id",
        }
    }
}
