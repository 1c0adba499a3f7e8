//! What can be told of a value when it is written, and recorded without giving the value away.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jiff::Timestamp;
use zeroize::Zeroizing;

use super::body;
use super::keys;
use crate::secret::SecretBytes;

/// Longest value that is looked into, in bytes.
const LOOK_MAX: usize = 1 << 20;
/// Longest line that a person could have thought of; anything longer is not judged.
const GUESSABLE_MAX: usize = 64;
/// Fewer bits than this could be found by trying, even where each letter were random.
const BITS_MIN: f64 = 64.0;

/// What a value shows of itself.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Traits {
    /// When it says that it ends: the first certificate in it, of X.509 or ssh, or a token's `exp`.
    pub ends: Option<Timestamp>,
    /// Whether it could be found by trying, judged by its length and its kinds of characters alone.
    pub weak: bool,
}

impl Traits {
    /// Looks at a value.
    pub fn of(value: &SecretBytes) -> Self {
        let bytes = value.expose();
        if bytes.len() > LOOK_MAX {
            return Self::default();
        }
        let ends = keys::certificate_end(bytes).or_else(|| keys::ssh_certificate_end(bytes));
        let ends = ends.or_else(|| token_end(body(bytes)));
        Self { ends, weak: weak(body(bytes)) }
    }
}

/// The one claim of a token that is looked at.
#[derive(serde::Deserialize)]
struct Claims {
    exp: f64,
}

/// `exp` of a JSON Web Token: RFC 7519 section 4.1.4. The signature is not looked at.
fn token_end(bytes: &[u8]) -> Option<Timestamp> {
    let mut parts = bytes.split(|byte| *byte == b'.');
    let (_, claims, _, None) = (parts.next()?, parts.next()?, parts.next()?, parts.next()) else {
        return None;
    };
    let claims = Zeroizing::new(URL_SAFE_NO_PAD.decode(claims).ok()?);
    let claims: Claims = serde_json::from_slice(&claims).ok()?;
    #[expect(clippy::cast_possible_truncation, reason = "a time in whole seconds")]
    Timestamp::from_second(claims.exp as i64).ok()
}

/// The best that can be said of one short line: how many lines of this length and these kinds of characters there are.
fn weak(line: &[u8]) -> bool {
    if line.is_empty() || line.len() > GUESSABLE_MAX || line.contains(&b'\n') {
        return false;
    }
    let has = |kind: fn(&u8) -> bool| line.iter().any(kind);
    let kinds = [
        (has(u8::is_ascii_digit), 10.0),
        (has(u8::is_ascii_lowercase), 26.0),
        (has(u8::is_ascii_uppercase), 26.0),
        (has(|byte| !byte.is_ascii_alphanumeric()), 33.0),
    ];
    let letters: f64 = kinds.iter().filter(|(there, _)| *there).map(|(_, count)| count).sum();
    #[expect(clippy::cast_precision_loss, reason = "at most 64")]
    let bits = line.len() as f64 * letters.log2();
    bits < BITS_MIN
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    fn of(text: &str) -> Traits {
        Traits::of(&SecretBytes::from(text.as_bytes().to_vec()))
    }

    #[test]
    fn a_token_says_when_it_ends() {
        let token = |claims: &str| format!("eyJh.{}.c2ln", URL_SAFE_NO_PAD.encode(claims));
        let end = Some("2027-01-31T00:00:00Z".parse().unwrap());
        assert_eq!(of(&token(r#"{"sub":"x","exp":1801353600}"#)).ends, end);
        assert_eq!(of(&(token(r#"{"exp":1801353600.5}"#) + "\n")).ends, end);
        for text in [token(r#"{"sub":"x"}"#), token("no json"), "a.b.c".to_owned(), "a.b".to_owned()] {
            assert_eq!(of(&text).ends, None, "{text}");
        }
    }

    #[test]
    fn what_could_be_found_by_trying_is_weak() {
        for text in ["x", "hunter2", "1234567890123", "correct", "Passw0rd!", "0000-1111"] {
            assert!(of(text).weak, "{text}");
        }
        for text in
            ["", "k7Gd92mfPqX1", "correct horse battery staple", "0123456789abcdef0123456789abcdef", "a\nb"]
        {
            assert!(!of(text).weak, "{text}");
        }
    }
}
