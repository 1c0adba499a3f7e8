//! Why Git gets no text to show.

use crate::diag::Class;
use crate::diag::Failure;

/// Why Git gets no text to show.
#[derive(Debug, thiserror::Error, miette::Diagnostic)]
#[non_exhaustive]
pub enum GitDiffError {
    /// Git would store what we print.
    #[error("`diff.{driver}.cachetextconv` is set, so Git would keep plaintext in the repository")]
    #[diagnostic(
        code(git::cached_plaintext),
        help(
            "nothing was opened; run `git config --unset diff.{driver}.cachetextconv`, and if `git notes --ref textconv/{driver} list` lists anything, `git update-ref -d refs/notes/textconv/{driver}` and new values for what was shown"
        )
    )]
    Cached {
        /// The driver of Git's configuration.
        driver: String,
    },
}

impl Failure for GitDiffError {
    fn class(&self) -> Class {
        Class::Finding
    }
}
