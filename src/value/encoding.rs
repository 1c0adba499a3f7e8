//! Texts that are made of a few characters: sets of them, and bytes written in base64, base32 and hexadecimal.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use data_encoding::BASE32;
use data_encoding::BASE32_NOPAD;
use zeroize::Zeroizing;

use super::CheckError;

/// A set of ASCII characters.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Charset {
    text: String,
    ranges: Vec<(u8, u8)>,
}

impl Charset {
    /// Reads characters and ranges such as `a-zA-Z0-9_-`; a `-` at the start or end stands for itself.
    pub fn parse(text: &str) -> Result<Self, CheckError> {
        let wrong = |message: &str| {
            CheckError::new(message, "write characters and ranges, such as `charset(\"a-zA-Z0-9_-\")`")
        };
        if text.is_empty() || !text.bytes().all(|byte| byte.is_ascii_graphic() || byte == b' ') {
            return Err(wrong("a set holds printable ASCII characters, at least one"));
        }
        let mut ranges = Vec::new();
        let mut rest = text.as_bytes();
        while let Some((&from, behind)) = rest.split_first() {
            if let [b'-', to, behind @ ..] = behind {
                if *to < from {
                    return Err(wrong("a range of the set runs backwards"));
                }
                ranges.push((from, *to));
                rest = behind;
            } else {
                ranges.push((from, from));
                rest = behind;
            }
        }
        Ok(Self { text: text.to_owned(), ranges })
    }

    /// The set as it was written.
    pub fn text(&self) -> &str {
        &self.text
    }

    fn contains(&self, byte: u8) -> bool {
        self.ranges.iter().any(|(from, to)| (*from..=*to).contains(&byte))
    }
}

/// Whether every character is in the set.
pub(super) fn charset(bytes: &[u8], set: &Charset) -> Result<(), String> {
    only(bytes, |byte| set.contains(byte), "there is a character outside of the set")
}

/// Whether the value can stand in a URL as it is.
pub(super) fn url_safe(bytes: &[u8]) -> Result<(), String> {
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte);
    only(bytes, fits, "there is a character that a URL would have to escape")
}

/// Whether the value is base64 of so many bytes.
pub(super) fn base64(bytes: &[u8], wanted: Option<usize>) -> Result<(), String> {
    let decoded = STANDARD.decode(bytes).map(Zeroizing::new);
    decoded
        .map_err(|_| "it is not base64 with padding".to_owned())
        .and_then(|bytes| count(bytes.len(), wanted))
}

/// Whether the value is base32 of so many bytes.
pub(super) fn base32(bytes: &[u8], wanted: Option<usize>) -> Result<(), String> {
    let encoding = if bytes.ends_with(b"=") { BASE32 } else { BASE32_NOPAD };
    let decoded = encoding.decode(bytes).map(Zeroizing::new);
    decoded
        .map_err(|_| "it is not base32 in upper case".to_owned())
        .and_then(|bytes| count(bytes.len(), wanted))
}

/// Whether the value is hexadecimal of so many bytes.
pub(super) fn hex(bytes: &[u8], wanted: Option<usize>) -> Result<(), String> {
    only(bytes, |byte| byte.is_ascii_hexdigit(), "there is something else than hexadecimal digits")?;
    if !bytes.len().is_multiple_of(2) {
        return Err("the number of digits is odd".to_owned());
    }
    count(bytes.len() / 2, wanted)
}

fn only(bytes: &[u8], fits: impl Fn(u8) -> bool, otherwise: &str) -> Result<(), String> {
    if bytes.is_empty() {
        return Err("it is empty".to_owned());
    }
    if bytes.iter().all(|byte| fits(*byte)) { Ok(()) } else { Err(otherwise.to_owned()) }
}

fn count(found: usize, wanted: Option<usize>) -> Result<(), String> {
    match wanted {
        _ if found == 0 => Err("it is empty".to_owned()),
        Some(wanted) if found != wanted => Err(format!("it does not encode {wanted} bytes")),
        _ => Ok(()),
    }
}
