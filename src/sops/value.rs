//! One encrypted value: `ENC[AES256_GCM,data:…,iv:…,tag:…,type:…]`.

use aes_gcm::Aes256Gcm;
use aes_gcm::AesGcm;
use aes_gcm::KeyInit;
use aes_gcm::aead::AeadInPlace;
use aes_gcm::aead::consts::U16;
use aes_gcm::aead::consts::U24;
use aes_gcm::aead::consts::U32;
use aes_gcm::aead::generic_array::GenericArray;
use aes_gcm::aes::Aes256;
use base64::DecodeSliceError;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use rand::RngCore;
use zeroize::Zeroizing;

use super::number;
use super::tree::LeafKind;
use super::tree::Scalar;
use crate::secret::SecretBytes;

/// Length of the nonce that is written. Others are read as well.
pub(super) const NONCE: usize = 32;
const TAG: usize = 16;

const NOT_BASE64: &str = "it is not base64";
const WRONG_NONCE: &str = "its nonce has neither 12, 16, 24 nor 32 bytes";
const WRONG_TAG: &str = "its tag has not 16 bytes";

/// More than what stands around the data of a value.
const AROUND: usize = 128;
/// Room for a nonce or a tag while it is decoded; longer ones are refused.
const SMALL: usize = 64;

/// What values are written with.
type Usual = AesGcm<Aes256, U32>;

/// The key that encrypts the values of one file. Wiped on drop.
pub(super) struct DataKey(Zeroizing<[u8; 32]>);

/// A data key that is ready for many values.
pub(super) struct Cipher<'k> {
    key: &'k DataKey,
    usual: Usual,
}

/// Why a value could not be opened.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Refusal {
    /// It does not look like an encrypted value at all.
    Plain,
    /// It starts like one and is cut off or malformed.
    Malformed(&'static str),
    /// The tag does not fit: changed, moved, or of another file.
    Tag,
}

impl DataKey {
    /// A new random key.
    pub(super) fn generate() -> Result<Self, rand::Error> {
        let mut key = Self(Zeroizing::new([0; 32]));
        rand::rngs::OsRng.try_fill_bytes(key.0.as_mut_slice())?;
        Ok(key)
    }

    /// The key of these bytes, if there are 32.
    pub(super) fn from_bytes(bytes: &SecretBytes) -> Option<Self> {
        let bytes: &[u8; 32] = bytes.expose().try_into().ok()?;
        Some(Self(Zeroizing::new(*bytes)))
    }

    /// The bytes, for wrapping them.
    pub(super) fn to_secret(&self) -> SecretBytes {
        SecretBytes::from(self.0.to_vec())
    }

    /// The same key, expanded.
    pub(super) fn cipher(&self) -> Cipher<'_> {
        Cipher { key: self, usual: Usual::new(GenericArray::from_slice(self.0.as_slice())) }
    }

    /// Encrypts one value.
    pub(super) fn seal(
        &self,
        scalar: &Scalar,
        kind: LeafKind,
        place: &str,
    ) -> Result<Option<String>, rand::Error> {
        let mut nonce = [0; NONCE];
        rand::rngs::OsRng.try_fill_bytes(&mut nonce)?;
        self.cipher().seal(scalar, kind, place, nonce)
    }

    /// Decrypts one value.
    pub(super) fn open(&self, text: &[u8], place: &str) -> Result<Plain, Refusal> {
        self.cipher().open(text, place)
    }
}

impl Cipher<'_> {
    /// Encrypts a value with a nonce that was never used before. Empty text stays empty, and what has no text (null, empty
    /// containers) gives none.
    pub(super) fn seal(
        &self,
        scalar: &Scalar,
        kind: LeafKind,
        place: &str,
        nonce: [u8; NONCE],
    ) -> Result<Option<String>, rand::Error> {
        let Some(plain) = scalar.canonical() else { return Ok(None) };
        if plain.is_empty() {
            return Ok(Some(String::new()));
        }
        let mut data = Zeroizing::new(plain.to_vec());
        // Only a plaintext of 64 GiB makes this fail.
        let nonce_array = GenericArray::from_slice(&nonce);
        let Ok(tag) = self.usual.encrypt_in_place_detached(nonce_array, place.as_bytes(), &mut data) else {
            return Err(rand::Error::from(std::num::NonZeroU32::MIN));
        };
        let mut text = String::with_capacity(data.len().div_ceil(3) * 4 + AROUND);
        text.push_str("ENC[AES256_GCM,data:");
        STANDARD.encode_string(&*data, &mut text);
        text.push_str(",iv:");
        STANDARD.encode_string(nonce, &mut text);
        text.push_str(",tag:");
        STANDARD.encode_string(tag, &mut text);
        text.push_str(",type:");
        text.push_str(type_word(scalar, kind));
        text.push(']');
        Ok(Some(text))
    }

    /// Decrypts a value that stands at `place`.
    pub(super) fn open(&self, text: &[u8], place: &str) -> Result<Plain, Refusal> {
        if text.is_empty() {
            return Ok(Plain { scalar: Scalar::str(b""), comment: false });
        }
        let parts = Parts::parse(text)?;
        let mut data = Zeroizing::new(parts.data);
        self.open_in_place(parts.nonce.bytes(), place.as_bytes(), &mut data, parts.tag.bytes())?;
        let bytes = SecretBytes::from(std::mem::take(&mut *data));
        let scalar = typed(parts.kind, bytes).ok_or(Refusal::Malformed("its text is not of its type"))?;
        Ok(Plain { scalar, comment: parts.kind == "comment" })
    }

    fn open_in_place(&self, nonce: &[u8], place: &[u8], data: &mut [u8], tag: &[u8]) -> Result<(), Refusal> {
        let (key, tag) = (GenericArray::from_slice(self.key.0.as_slice()), GenericArray::from_slice(tag));
        let opened = match nonce.len() {
            12 => Aes256Gcm::new(key).decrypt_in_place_detached(nonce.into(), place, data, tag),
            16 => AesGcm::<Aes256, U16>::new(key).decrypt_in_place_detached(nonce.into(), place, data, tag),
            24 => AesGcm::<Aes256, U24>::new(key).decrypt_in_place_detached(nonce.into(), place, data, tag),
            NONCE => self.usual.decrypt_in_place_detached(nonce.into(), place, data, tag),
            _ => return Err(Refusal::Malformed(WRONG_NONCE)),
        };
        opened.map_err(|_| Refusal::Tag)
    }
}

impl std::fmt::Debug for DataKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("DataKey([redacted])")
    }
}

/// What came out of a value.
#[derive(Debug)]
pub(super) struct Plain {
    pub(super) scalar: Scalar,
    /// Whether its type said that it is a comment; others count in the MAC.
    pub(super) comment: bool,
}

fn type_word(scalar: &Scalar, kind: LeafKind) -> &'static str {
    match (kind, scalar) {
        (LeafKind::Comment, _) => "comment",
        (LeafKind::Value, Scalar::Int(_)) => "int",
        (LeafKind::Value, Scalar::Float(_)) => "float",
        (LeafKind::Value, Scalar::Bool(_)) => "bool",
        (LeafKind::Value, Scalar::Time(_)) => "time",
        (LeafKind::Value, _) => "str",
    }
}

/// The scalar of a type word and its text, in the spelling that is hashed.
fn typed(word: &str, bytes: SecretBytes) -> Option<Scalar> {
    let text = || std::str::from_utf8(bytes.expose()).ok();
    match word {
        "str" | "bytes" | "comment" => Some(Scalar::Str(bytes)),
        "int" => Some(Scalar::Int(secret(text()?.parse::<i64>().ok()?.to_string()))),
        "float" => Some(Scalar::Float(secret(number::float(text()?)?))),
        "bool" => match bytes.expose() {
            b"True" | b"true" | b"TRUE" | b"t" | b"T" | b"1" => Some(Scalar::Bool(true)),
            b"False" | b"false" | b"FALSE" | b"f" | b"F" | b"0" => Some(Scalar::Bool(false)),
            _ => None,
        },
        "time" => text()?.parse::<jiff::Timestamp>().is_ok().then_some(Scalar::Time(bytes)),
        _ => None,
    }
}

fn secret(text: String) -> SecretBytes {
    SecretBytes::from(text.into_bytes())
}

struct Parts<'a> {
    data: Vec<u8>,
    nonce: Small,
    tag: Small,
    kind: &'a str,
}

/// A nonce or a tag.
struct Small {
    bytes: [u8; SMALL],
    len: usize,
}

impl Small {
    fn decode(part: &str, too_long: &'static str) -> Result<Self, Refusal> {
        let mut bytes = [0; SMALL];
        let len = STANDARD.decode_slice(part, &mut bytes).map_err(|problem| {
            let too_small = matches!(problem, DecodeSliceError::OutputSliceTooSmall);
            Refusal::Malformed(if too_small { too_long } else { NOT_BASE64 })
        })?;
        Ok(Self { bytes, len })
    }

    fn bytes(&self) -> &[u8] {
        self.bytes.get(..self.len).unwrap_or_default()
    }
}

impl<'a> Parts<'a> {
    fn parse(text: &'a [u8]) -> Result<Self, Refusal> {
        let text = std::str::from_utf8(text).map_err(|_| Refusal::Plain)?;
        let inner = text.strip_prefix("ENC[AES256_GCM,").ok_or(Refusal::Plain)?;
        let inner = inner.strip_suffix(']').ok_or(Refusal::Malformed("its end is missing"))?;
        let mut fields = inner.splitn(4, ',');
        let mut field = |name| fields.next().and_then(|field| field.strip_prefix(name));
        let (Some(data), Some(nonce), Some(tag), Some(kind)) =
            (field("data:"), field("iv:"), field("tag:"), field("type:"))
        else {
            return Err(Refusal::Malformed("it lacks one of data, iv, tag and type"));
        };
        let data = STANDARD.decode(data).map_err(|_| Refusal::Malformed(NOT_BASE64))?;
        let (nonce, tag) = (Small::decode(nonce, WRONG_NONCE)?, Small::decode(tag, WRONG_TAG)?);
        if tag.len != TAG {
            return Err(Refusal::Malformed(WRONG_TAG));
        }
        Ok(Self { data, nonce, tag, kind })
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    fn key() -> DataKey {
        DataKey::from_bytes(&SecretBytes::from(vec![7; 32])).unwrap()
    }

    fn sealed(scalar: &Scalar) -> String {
        key().seal(scalar, LeafKind::Value, "a:b:").unwrap().unwrap()
    }

    #[test]
    fn every_type_comes_back_as_it_went_in() {
        let text = |text: &str| SecretBytes::from(text.as_bytes().to_vec());
        let scalars = [
            Scalar::str(b"text"),
            Scalar::str(b"\xff\x00"),
            Scalar::str(b""),
            Scalar::Int(text("-12")),
            Scalar::Float(text("0.5")),
            Scalar::Bool(true),
            Scalar::Bool(false),
            Scalar::Time(text("2026-01-01T00:00:00Z")),
        ];
        for scalar in scalars {
            let opened = key().open(sealed(&scalar).as_bytes(), "a:b:").unwrap();
            assert!(opened.scalar.same(&scalar), "{scalar:?}");
        }
        assert_eq!(key().seal(&Scalar::Null, LeafKind::Value, "").unwrap(), None);
    }

    #[test]
    fn a_value_does_not_open_at_another_place_with_another_key_or_with_a_flipped_bit() {
        let text = sealed(&Scalar::str(b"text"));
        assert_eq!(key().open(text.as_bytes(), "a:c:").unwrap_err(), Refusal::Tag);
        let other = DataKey::from_bytes(&SecretBytes::from(vec![8; 32])).unwrap();
        assert_eq!(other.open(text.as_bytes(), "a:b:").unwrap_err(), Refusal::Tag);
        for part in ["data:", "iv:", "tag:"] {
            let at = text.find(part).unwrap() + part.len();
            let mut flipped = text.clone().into_bytes();
            let byte = flipped.get_mut(at).unwrap();
            *byte = if *byte == b'A' { b'B' } else { b'A' };
            assert_eq!(key().open(&flipped, "a:b:").unwrap_err(), Refusal::Tag, "{part}");
        }
    }

    #[test]
    fn what_is_no_encrypted_value_is_told_from_one_that_is_damaged() {
        assert_eq!(key().open(b"hunter2", "").unwrap_err(), Refusal::Plain);
        let text = sealed(&Scalar::str(b"text"));
        let cut = text.get(..text.len() - 9).unwrap();
        assert!(matches!(key().open(cut.as_bytes(), "a:b:"), Err(Refusal::Malformed(_))));
        let longer = format!("{text} ");
        assert!(matches!(key().open(longer.as_bytes(), "a:b:"), Err(Refusal::Malformed(_))));
        let retyped = text.replace("type:str", "type:int");
        assert!(matches!(key().open(retyped.as_bytes(), "a:b:"), Err(Refusal::Malformed(_))));
    }
}
