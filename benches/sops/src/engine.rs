//! What every engine is asked to do.

use secretctl::secret::SecretBytes;

use crate::Outcome;

/// A kind of work on one document.
#[derive(Clone, Copy, Eq, PartialEq)]
pub enum Work {
    /// From the document to the plaintext.
    Decrypt,
    /// From the document to another one in which every value is encrypted anew.
    Reencrypt,
    /// From the document to one in which the key of [`SET`] has another value.
    Set,
}

/// Where the key lies that is set, its value before, and the one after.
pub const SET: ([&str; 3], &str, &str) = (["host-00", "grafana", "password"], "s3t-me-0", "n0w-set-1");

impl Work {
    pub fn parse(word: &str) -> Outcome<Self> {
        match word {
            "decrypt" => Ok(Self::Decrypt),
            "reencrypt" => Ok(Self::Reencrypt),
            "set" => Ok(Self::Set),
            _ => Err("the kinds of work are decrypt, reencrypt and set".into()),
        }
    }
}

/// What came out: a plaintext in a buffer that wipes itself, or as the peer gives it.
pub enum Done {
    Ours(SecretBytes),
    Text(String),
}

impl Done {
    pub fn bytes(&self) -> &[u8] {
        match self {
            Self::Ours(bytes) => bytes.expose(),
            Self::Text(text) => text.as_bytes(),
        }
    }
}

pub trait Engine {
    /// Does one kind of work on the text of one document.
    fn does(&self, work: Work, text: &str) -> Outcome<Done>;
}
