//! Why a SOPS file could not be read, opened or changed.

use std::error::Error;
use std::fmt;
use std::path::Path;
use std::path::PathBuf;

use super::tree::KeyPath;
use super::tree::TextError;
use super::tree::TextErrorKind;
use crate::crypto::DecryptError;
use crate::crypto::EncryptError;
use crate::crypto::RecipientError;
use crate::diag::Class;
use crate::diag::Failure;

/// An error about a SOPS file. Names the file and the key, never a value.
#[derive(Debug)]
pub struct SopsError {
    /// The file.
    pub file: PathBuf,
    /// What is wrong.
    pub problem: Box<Problem>,
}

impl fmt::Display for SopsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}`: {}", self.file.display(), self.problem)
    }
}

impl Error for SopsError {
    /// The cause of the problem; the problem itself is part of the text.
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.problem.source()
    }
}

/// What is wrong with a SOPS file or with what was asked of it.
#[derive(Debug, thiserror::Error, miette::Diagnostic)]
#[non_exhaustive]
pub enum Problem {
    /// It has no metadata.
    #[error("it is not a SOPS file: it has no metadata")]
    #[diagnostic(
        code(sops::no_metadata),
        help("if it was cut off or merged by hand, restore it: `git checkout -- FILE`")
    )]
    NoMetadata,
    /// A plaintext that has metadata.
    #[error("the plaintext has a top-level `sops`, which is where the metadata of the format goes")]
    #[diagnostic(
        code(sops::reserved),
        help("rename the key `sops`, or leave out the keys that start with `sops_`")
    )]
    Reserved,
    /// The text does not follow the grammar.
    #[error("line {line} does not parse: {reason}")]
    #[diagnostic(code(sops::syntax), help("correct the line, or restore the file: `git checkout -- FILE`"))]
    Syntax {
        /// Line, from 1.
        line: usize,
        /// What is wrong with it.
        reason: String,
    },
    /// A key stands twice in one map.
    #[error("`{key}` is there twice (line {line})")]
    #[diagnostic(
        code(sops::duplicate),
        help("remove one of the two; tools do not agree which of them counts")
    )]
    Duplicate {
        /// The key.
        key: String,
        /// Line of the second.
        line: usize,
    },
    /// The text is not UTF-8.
    #[error("it is not UTF-8 (line {line})")]
    #[diagnostic(
        code(sops::encoding),
        help("convert it with `iconv -t UTF-8`, or encrypt it as a binary file")
    )]
    NotUtf8 {
        /// Line, from 1.
        line: usize,
    },
    /// Over a limit.
    #[error("{what} is over the limit of {limit}{place}")]
    #[diagnostic(
        code(sops::too_large),
        help("split the file, or keep the large value as a binary file of its own")
    )]
    TooLarge {
        /// What is too large.
        what: &'static str,
        /// The limit.
        limit: usize,
        /// Where in the file; empty where it is about the file as a whole.
        place: String,
    },
    /// A number that would not come back as it is.
    #[error("the number at {place} would come back as another number from other tools")]
    #[diagnostic(code(sops::number), help("put it in quotes, so that it is kept as text"))]
    Number {
        /// Key and line.
        place: String,
    },
    /// A key that cannot be changed as asked.
    #[error("`{key}` cannot be changed: {reason}")]
    #[diagnostic(code(sops::key), help("list the keys of the file with `secretctl list`"))]
    Key {
        /// The key.
        key: String,
        /// Why not.
        reason: String,
    },
    /// An encrypted comment that does not open.
    #[error("the comment in line {line} does not decrypt: it was changed, moved, or is of another file")]
    #[diagnostic(code(sops::comment), help("take the line out, or restore the file: `git checkout -- FILE`"))]
    Comment {
        /// Line, from 1.
        line: usize,
    },
    /// The format cannot express it.
    #[error("{place}: {reason}")]
    #[diagnostic(code(sops::unsupported), help("change the value, or use another format such as YAML"))]
    Unsupported {
        /// Key or line.
        place: String,
        /// What cannot be expressed.
        reason: String,
    },
    /// The metadata are damaged.
    #[error("the metadata field `{field}` cannot be used: {reason}")]
    #[diagnostic(code(sops::metadata), help("restore the file: `git checkout -- FILE`"))]
    Metadata {
        /// The field below `sops`.
        field: String,
        /// What is wrong.
        reason: &'static str,
    },
    /// A selector's expression is not one.
    #[error("the expression of `{field}` does not parse, so nobody can tell what is encrypted")]
    #[diagnostic(
        code(sops::selector),
        help("write it in the syntax of Go's `regexp`, which has no look-around")
    )]
    Selector {
        /// The field.
        field: &'static str,
    },
    /// No identity opens it.
    #[error("none of the identities opens it: it is encrypted to {to}; tried {tried}")]
    #[diagnostic(
        code(sops::no_identity),
        help("name the right key with `--identity FILE`, or have an admin rekey the file for you")
    )]
    NoIdentity {
        /// Who could.
        to: String,
        /// What was tried.
        tried: String,
    },
    /// A stanza fits and does not open.
    #[error("the data key for `{recipient}` does not open")]
    #[diagnostic(code(sops::data_key), help("restore the file, or name another key with `--identity FILE`"))]
    DataKey {
        /// The recipient.
        recipient: String,
        /// Why.
        #[source]
        source: DecryptError,
    },
    /// What the stanzas hold is not a data key.
    #[error("what its stanzas hold is no data key")]
    #[diagnostic(code(sops::not_a_data_key), help("restore the file: `git checkout -- FILE`"))]
    NotADataKey,
    /// There is no MAC.
    #[error("it has no MAC, so nobody can tell whether it was changed")]
    #[diagnostic(
        code(sops::no_mac),
        help("restore it: `git checkout -- FILE`; look into what removed it: `git log -p -- FILE`")
    )]
    NoMac,
    /// The MAC does not fit.
    #[error("its MAC does not fit: it was changed without its key, or merged by hand")]
    #[diagnostic(
        code(sops::mac),
        help("restore it: `git checkout -- FILE`; look into what changed it: `git log -p -- FILE`")
    )]
    Mac,
    /// A value does not decrypt.
    #[error("the value of `{key}` does not decrypt: {reason}")]
    #[diagnostic(
        code(sops::value),
        help("restore it: `git checkout -- FILE`; look into what changed it: `git log -p -- FILE`")
    )]
    Value {
        /// The key.
        key: String,
        /// Why not.
        reason: &'static str,
    },
    /// A plain value where an encrypted one must be.
    #[error("the value of `{key}` stands in the clear where the file says that it is encrypted")]
    #[diagnostic(
        code(sops::plain),
        help("take the value as exposed and rotate it; restore the file: `git checkout -- FILE`")
    )]
    Plain {
        /// The key.
        key: String,
    },
    /// There is no such key.
    #[error("it has no value `{key}`")]
    #[diagnostic(code(sops::no_key), help("list the keys of the file with `secretctl list`"))]
    NoKey {
        /// What was asked for.
        key: String,
    },
    /// Someone cannot be encrypted to.
    #[error("it cannot be encrypted to its recipients")]
    #[diagnostic(code(sops::encrypt), help("check the recipients in `secretctl.toml`"))]
    Encrypt(#[from] EncryptError),
    /// A stanza of the file names no recipient.
    #[error("its recipient `{text}` is none that can be encrypted to")]
    #[diagnostic(code(sops::recipient), help("take it off the file, or correct it there"))]
    Recipient {
        /// As stored.
        text: String,
        /// Why.
        #[source]
        source: RecipientError,
    },
    /// Stanzas that only other programs can write anew.
    #[error("a new data key cannot be given to {who}: only `sops` with access to it can")]
    #[diagnostic(
        code(sops::foreign),
        help("drop these ways in, or change the recipients with `sops` itself")
    )]
    Foreign {
        /// Kinds and ids.
        who: String,
    },
    /// `gpg` does not do it.
    #[error("`gpg` failed for `{fingerprint}`: {reason}")]
    #[diagnostic(
        code(sops::gpg),
        help("see whether `gpg --list-keys FINGERPRINT` knows the key and trusts it")
    )]
    Gpg {
        /// The key.
        fingerprint: String,
        /// What went wrong.
        reason: String,
    },
    /// Key groups that the change does not fit.
    #[error("it has {groups} key groups, of which {threshold} are needed: {reason}")]
    #[diagnostic(
        code(sops::groups),
        help("change the groups with `sops updatekeys`, or re-create the file with one group")
    )]
    Groups {
        /// How many groups there are.
        groups: usize,
        /// How many are needed.
        threshold: usize,
        /// What does not fit.
        reason: &'static str,
    },
    /// There is no randomness.
    #[error("the operating system gives no randomness")]
    #[diagnostic(code(sops::random), help("try again; early at boot there may be none yet"))]
    Random,
    /// The outcome does not read back as meant.
    #[error("the changed text would not read back as meant at `{key}`, so it is not used")]
    #[diagnostic(
        code(sops::not_kept),
        help("make the change with `sops` itself, and report this as an error of secretctl")
    )]
    NotKept {
        /// Where it differs.
        key: String,
    },
}

impl Problem {
    /// With the file that it is about.
    pub(super) fn of(self, file: &Path) -> SopsError {
        SopsError { file: file.to_owned(), problem: Box::new(self) }
    }

    fn class(&self) -> Class {
        match self {
            Self::Metadata { .. }
            | Self::NotADataKey
            | Self::NoMac
            | Self::Mac
            | Self::Value { .. }
            | Self::Comment { .. }
            | Self::Plain { .. }
            | Self::NotKept { .. } => Class::Integrity,
            Self::NoIdentity { .. }
            | Self::DataKey { .. }
            | Self::Encrypt(_)
            | Self::Foreign { .. }
            | Self::Gpg { .. }
            | Self::Random => Class::Environment,
            _ => Class::Usage,
        }
    }
}

impl From<rand::Error> for Problem {
    fn from(_: rand::Error) -> Self {
        Self::Random
    }
}

/// A key and its line, as far as they are known.
pub(super) fn place(key: Option<&KeyPath>, line: Option<usize>) -> String {
    match (key, line) {
        (Some(key), Some(line)) => format!("`{key}` (line {line})"),
        (Some(key), None) => format!("`{key}`"),
        (None, line) => format!("line {}", line.unwrap_or(1)),
    }
}

impl From<TextError> for Problem {
    fn from(error: TextError) -> Self {
        let place = place(error.key.as_ref(), error.line);
        let line = error.line.unwrap_or(1);
        let key = error.key.as_ref().map(KeyPath::to_string);
        let reason = error.kind.to_string();
        let key = key.unwrap_or_else(|| format!("line {line}"));
        match error.kind {
            TextErrorKind::Syntax(_) | TextErrorKind::KeyKind => Self::Syntax { line, reason },
            TextErrorKind::DuplicateKey => Self::Duplicate { key, line },
            TextErrorKind::NotUtf8 => Self::NotUtf8 { line },
            TextErrorKind::TooLarge { what, limit } => {
                let place = error.line.map_or_else(String::new, |_| format!(" at {place}"));
                Self::TooLarge { what, limit, place }
            }
            TextErrorKind::Number => Self::Number { place },
            TextErrorKind::Missing => Self::NoKey { key },
            TextErrorKind::Exists | TextErrorKind::NotAContainer => Self::Key { key, reason },
            TextErrorKind::Alias | TextErrorKind::Unsupported(_) => Self::Unsupported { place, reason },
        }
    }
}

impl miette::Diagnostic for SopsError {
    fn code<'a>(&'a self) -> Option<Box<dyn fmt::Display + 'a>> {
        self.problem.code()
    }

    fn help<'a>(&'a self) -> Option<Box<dyn fmt::Display + 'a>> {
        let help = self.problem.help()?.to_string();
        Some(Box::new(help.replace("FILE`", &format!("{}`", self.file.display()))))
    }
}

impl Failure for SopsError {
    fn class(&self) -> Class {
        self.problem.class()
    }
}
