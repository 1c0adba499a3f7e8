//! Why two branches were not joined.

use std::path::PathBuf;

use jiff::Timestamp;

use crate::diag::Class;
use crate::diag::Failure;
use crate::ledger::VerifiedLedger;
use crate::name::AdminName;
use crate::name::HostName;
use crate::name::SecretName;
use crate::sops::SopsError;

/// Why two branches were not joined.
#[derive(Debug, thiserror::Error, miette::Diagnostic)]
#[non_exhaustive]
pub enum MergeError {
    /// Both branches changed one secret, and only a person can say which value counts.
    #[error("both branches changed `{secret}`: ours has {ours}, theirs has {theirs}")]
    #[diagnostic(
        code(merge::secret),
        help(
            "when the merge has stopped, choose with `secretctl git-merge --take ours {secret}` or `--take theirs`, then run `secretctl seal` and `git add secrets sealed`"
        )
    )]
    Secret {
        /// The secret.
        secret: SecretName,
        /// Our last line.
        ours: Box<Side>,
        /// Theirs.
        theirs: Box<Side>,
    },
    /// Both branches changed one sealed tree in ways that do not go together.
    #[error("the manifests of host `{host}` cannot be joined: {reason}")]
    #[diagnostic(
        code(merge::sealed),
        help(
            "when the merge has stopped, settle the secrets first, then run `secretctl seal` and `git add sealed`"
        )
    )]
    Sealed {
        /// The host.
        host: HostName,
        /// What does not go together.
        reason: String,
    },
    /// Both branches changed one key of a document.
    #[error("both branches changed {what} in `{}`", path.display())]
    #[diagnostic(
        code(merge::document),
        help(
            "ours stands there, with what could be joined; `git diff --ours` and `git diff --theirs` show the difference. Set what you want with `secretctl edit` or `sops`, then `git add` the file"
        )
    )]
    Document {
        /// The file.
        path: PathBuf,
        /// The keys.
        what: String,
    },
    /// A version of a document cannot be read or opened.
    #[error(transparent)]
    #[diagnostic(transparent)]
    Sops(#[from] SopsError),
    /// Ciphertext, which has no lines to join.
    #[error("both branches changed `{}`", path.display())]
    #[diagnostic(
        code(merge::ciphertext),
        help(
            "a source is settled with its ledger by `secretctl git-merge --take ours SECRET`, a sealed file by `secretctl seal`"
        )
    )]
    Ciphertext {
        /// The file.
        path: PathBuf,
    },
    /// Nothing is to be settled.
    #[error("the ledger of `{secret}` is not unmerged")]
    #[diagnostic(
        code(merge::nothing),
        help(
            "`git status` lists what is; `git checkout --merge -- secrets/{secret}.ledger secrets/{secret}.age` takes back a `git add`"
        )
    )]
    Nothing {
        /// The secret.
        secret: SecretName,
    },
    /// The bytes that belong to the chosen line are not at hand.
    #[error("the source of `{secret}` that belongs to the chosen side is not at hand")]
    #[diagnostic(
        code(merge::source),
        help(
            "bring it back: `git checkout --ours -- secrets/{secret}.age`, or `--theirs`, then run this again"
        )
    )]
    Source {
        /// The secret.
        secret: SecretName,
    },
}

impl Failure for MergeError {
    fn class(&self) -> Class {
        match self {
            Self::Nothing { .. } | Self::Source { .. } => Class::Usage,
            Self::Sops(error) => error.class(),
            _ => Class::Finding,
        }
    }
}

/// The last line of one branch, in words.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Side {
    event: String,
    revision: u64,
    author: Option<(AdminName, Timestamp)>,
}

impl Side {
    pub(super) fn of(ledger: &VerifiedLedger) -> Self {
        let head = ledger.head();
        Self {
            event: head
                .map_or_else(|| "nothing".to_owned(), |head| format!("{:?}", head.event).to_lowercase()),
            revision: head.map_or(0, |head| head.revision),
            author: head.map(|head| (head.author.clone(), head.time)),
        }
    }
}

impl std::fmt::Display for Side {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "revision {} ({}", self.revision, self.event)?;
        match &self.author {
            Some((author, time)) => write!(f, " by `{author}` at {time})"),
            None => f.write_str(")"),
        }
    }
}
