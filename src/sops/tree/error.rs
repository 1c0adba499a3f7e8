//! What is wrong with a text, without the text.

use super::KeyPath;

/// Why a text could not be read or changed. Never shows the text itself: it may be plaintext.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("{kind}")]
pub struct TextError {
    /// What is wrong.
    pub kind: TextErrorKind,
    /// Byte offset in the text, where there is one.
    pub offset: Option<usize>,
    /// Line, counted from 1, where there is one.
    pub line: Option<usize>,
    /// The key it is about, where one is known.
    pub key: Option<KeyPath>,
}

impl TextError {
    /// An error at an offset of a text. It costs nothing to make one: [`Self::within`] counts the lines.
    pub fn at(kind: TextErrorKind, offset: usize) -> Self {
        Self { kind, offset: Some(offset), line: None, key: None }
    }

    /// The same error with its line in the text that it is about.
    #[must_use]
    pub fn within(mut self, text: &[u8]) -> Self {
        self.line = self.line.or(self.offset.map(|offset| line_of(text, offset)));
        self
    }

    /// An error about a key as a whole.
    pub fn about(kind: TextErrorKind, key: &KeyPath) -> Self {
        Self { kind, offset: None, line: None, key: Some(key.clone()) }
    }

    /// The same error with the key that it is about.
    #[must_use]
    pub fn with_key(mut self, key: &KeyPath) -> Self {
        self.key = Some(key.clone());
        self
    }
}

/// What is wrong with a text or an edit.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum TextErrorKind {
    /// The text does not follow the grammar; the reason never quotes it.
    #[error("{0}")]
    Syntax(&'static str),
    /// A map has a key twice.
    #[error("the key is there twice")]
    DuplicateKey,
    /// A key is not a string, which the format cannot express.
    #[error("a key is not a string")]
    KeyKind,
    /// The text is not UTF-8.
    #[error("the text is not UTF-8")]
    NotUtf8,
    /// Larger or deeper than the stated limit, or an expansion that explodes.
    #[error("{what} is over the limit of {limit}")]
    TooLarge {
        /// What is too large.
        what: &'static str,
        /// The limit.
        limit: usize,
    },
    /// A number that other tools would change on the way.
    #[error("the number would be changed by other tools; quote it to keep it as text")]
    Number,
    /// Aliases or merge keys, which an encrypted text must not have.
    #[error("an alias or merge key stands where each value must be written out")]
    Alias,
    /// There is no such entry.
    #[error("there is no such key")]
    Missing,
    /// The entry is there already.
    #[error("the key is there already")]
    Exists,
    /// The path leads through something that is no map or list, or by the wrong kind of step.
    #[error("the path leads through something that is not a map or list of that kind")]
    NotAContainer,
    /// What this format of text cannot express.
    #[error("{0}")]
    Unsupported(&'static str),
}

/// The line, counted from 1, of a byte offset.
pub fn line_of(text: &[u8], offset: usize) -> usize {
    text.iter().take(offset).filter(|byte| **byte == b'\n').count() + 1
}
