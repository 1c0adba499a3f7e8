//! Why a list of roots is not believed.

use crate::crypto::SignatureError;
use crate::diag::Class;
use crate::diag::Failure;

/// Why a list of roots is not believed.
#[derive(Debug, thiserror::Error, miette::Diagnostic)]
#[non_exhaustive]
pub enum RootsError {
    /// A line is not one that this program could have written.
    #[error("line {number} of the roots does not parse: {reason}")]
    #[diagnostic(
        code(roots::malformed),
        help("restore the file from Git: `git log -p -- sealed/roots.jsonl` shows what changed it")
    )]
    Malformed {
        /// Line from 1.
        number: usize,
        /// What is wrong.
        reason: String,
    },
    /// A merge left its marks.
    #[error("the roots hold the marks of a merge that was not settled")]
    #[diagnostic(
        code(roots::unmerged),
        help(
            "keep the version of one branch with `git checkout --ours sealed/roots.jsonl` or `--theirs`, then run `secretctl admin vouch`"
        )
    )]
    Unmerged,
    /// A line of a newer format.
    #[error("line {number} of the roots has version {found}, and this program reads version 1")]
    #[diagnostic(code(roots::version), help("update secretctl on this machine"))]
    Version {
        /// Line from 1.
        number: usize,
        /// Version in the line.
        found: u64,
    },
    /// No full admin of the version before signed it.
    #[error("version {number} of the roots is not signed by a full admin of the version before")]
    #[diagnostic(
        code(roots::not_vouched),
        help(
            "find out who wrote it with `git log -p -- sealed/roots.jsonl`; restore the file, then have a full admin run `secretctl admin vouch`"
        )
    )]
    NotVouched {
        /// Version from 1.
        number: usize,
        /// Why.
        source: SignatureError,
    },
    /// A version does not follow from the one before.
    #[error("version {number} of the roots does not follow from the version before: {reason}")]
    #[diagnostic(
        code(roots::chain),
        help("lines were dropped, changed or reordered; restore `sealed/roots.jsonl` from Git")
    )]
    Chain {
        /// Version from 1.
        number: usize,
        /// What does not follow.
        reason: &'static str,
    },
}

impl Failure for RootsError {
    fn class(&self) -> Class {
        Class::Integrity
    }
}
