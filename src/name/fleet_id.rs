//! The id of a fleet: what ties everything that is signed to one repository.

use std::fmt;
use std::str::FromStr;

use serde::Deserialize;
use serde::Serialize;

/// Random id of a fleet: 128 bits as 32 lower-case hexadecimal digits, in every manifest, ledger line and root.
///
/// It is public. It keeps what was signed for one fleet from being accepted in another fleet of the same admin.
#[derive(Clone, Copy, Deserialize, Eq, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(try_from = "String", into = "String")]
pub struct FleetId([u8; 16]);

/// Why a text is not a fleet id.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("a fleet id is 32 digits of `0-9a-f`, as `secretctl init` and `secretctl upgrade fleet` draw it")]
pub struct FleetIdError;

impl FleetId {
    /// The id made of these bytes, which the caller draws at random.
    pub fn from_random(bytes: [u8; 16]) -> Self {
        Self(bytes)
    }
}

impl fmt::Display for FleetId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for FleetId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "FleetId({self})")
    }
}

impl FromStr for FleetId {
    type Err = FleetIdError;

    fn from_str(text: &str) -> Result<Self, FleetIdError> {
        // One spelling alone, so that two texts are never one id.
        let digits = text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
        let number = u128::from_str_radix(text, 16).map_err(|_| FleetIdError)?;
        if digits && text.len() == 32 { Ok(Self(number.to_be_bytes())) } else { Err(FleetIdError) }
    }
}

impl TryFrom<String> for FleetId {
    type Error = FleetIdError;

    fn try_from(text: String) -> Result<Self, FleetIdError> {
        text.parse()
    }
}

impl From<FleetId> for String {
    fn from(id: FleetId) -> Self {
        id.to_string()
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn an_id_has_one_spelling() {
        let text = "00112233445566778899aabbccddeeff";
        assert_eq!(text.parse::<FleetId>().unwrap().to_string(), text);
        for other in ["", "0011", "00112233445566778899AABBCCDDEEFF", "+0112233445566778899aabbccddeeff"] {
            assert!(other.parse::<FleetId>().is_err(), "{other}");
        }
    }
}
