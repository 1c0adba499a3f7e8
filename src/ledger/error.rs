//! Why a ledger is not believed, line by line.

use std::path::PathBuf;

use crate::crypto::SignatureError;
use crate::diag::Class;
use crate::diag::Failure;
use crate::name::FleetId;
use crate::name::SecretName;

/// Why a ledger is not believed.
#[derive(Debug, thiserror::Error, miette::Diagnostic)]
#[non_exhaustive]
pub enum LedgerError {
    /// A line is not one that this program could have written.
    #[error("line {number} of `{}` does not parse: {reason}", path.display())]
    #[diagnostic(
        code(ledger::malformed),
        help("restore the ledger from Git: `git log -p -- {}` shows what changed it", path.display())
    )]
    Malformed {
        /// The ledger.
        path: PathBuf,
        /// Line from 1.
        number: usize,
        /// What is wrong.
        reason: String,
    },
    /// A merge left its marks.
    #[error("`{}` holds the marks of a merge that was not settled", path.display())]
    #[diagnostic(
        code(ledger::unmerged),
        help(
            "settle it with `secretctl git-merge --take ours SECRET` or `--take theirs`, then run `secretctl seal`"
        )
    )]
    Unmerged {
        /// The ledger.
        path: PathBuf,
    },
    /// A line of a newer format.
    #[error("line {number} of `{}` has version {found}, and this program reads versions 1 and 2", path.display())]
    #[diagnostic(code(ledger::version), help("update secretctl"))]
    Version {
        /// The ledger.
        path: PathBuf,
        /// Line from 1.
        number: usize,
        /// Version in the line.
        found: u64,
    },
    /// A line was signed for another fleet.
    #[error("line {number} of `{}` was signed for another fleet ({found})", path.display())]
    #[diagnostic(
        code(ledger::other_fleet),
        help(
            "restore the ledger from Git: `git log -p -- {}` shows where the line came from; to take a value over from another fleet, set it anew with `secretctl set`",
            path.display()
        )
    )]
    OtherFleet {
        /// The ledger.
        path: PathBuf,
        /// Line from 1.
        number: usize,
        /// The id of that fleet.
        found: FleetId,
    },
    /// No line says that the ledger belongs to this fleet.
    #[error("no line of `{}` names this fleet, so it may come from another one", path.display())]
    #[diagnostic(
        code(ledger::unbound),
        help(
            "look at `git log -p -- {}`; if a branch from before the fleet had an id made `{secret}`, an admin binds it with `secretctl upgrade fleet`",
            path.display()
        )
    )]
    Unbound {
        /// The ledger.
        path: PathBuf,
        /// The secret.
        secret: SecretName,
    },
    /// A line is not signed by an admin.
    #[error("line {number} of `{}` does not count", path.display())]
    #[diagnostic(
        code(ledger::signature),
        help("find out who wrote it with `git log -p -- {}`; a line that nobody vouches for must go", path.display())
    )]
    Signature {
        /// The ledger.
        path: PathBuf,
        /// Line from 1.
        number: usize,
        /// Why.
        source: SignatureError,
    },
    /// The signature and the stated author do not belong together.
    #[error("line {number} of `{}` {reason}", path.display())]
    #[diagnostic(code(ledger::author), help("find out who wrote it with `git log -p -- {}`", path.display()))]
    Author {
        /// The ledger.
        path: PathBuf,
        /// Line from 1.
        number: usize,
        /// What does not fit.
        reason: String,
    },
    /// A line does not follow from the one before.
    #[error("line {number} of `{}` does not follow from the line before: {reason}", path.display())]
    #[diagnostic(
        code(ledger::chain),
        help("lines were dropped, changed or reordered; restore the ledger from Git")
    )]
    Chain {
        /// The ledger.
        path: PathBuf,
        /// Line from 1.
        number: usize,
        /// What does not follow.
        reason: &'static str,
    },
}

impl Failure for LedgerError {
    fn class(&self) -> Class {
        Class::Integrity
    }
}
