//! Checking at build time that request and sealed tree fit together.

use jiff::Timestamp;

use super::source::RequestSource;
use super::source::SourceError;
use crate::diag::Class;
use crate::diag::Failure;
use crate::host;

pub use crate::host::Verification;

/// Why nothing could be checked.
#[derive(Debug, thiserror::Error, miette::Diagnostic)]
#[non_exhaustive]
pub enum VerifyError {
    /// There is no request to be used.
    #[error(transparent)]
    #[diagnostic(transparent)]
    Source(#[from] SourceError),
    /// The sealed tree is refused.
    #[error(transparent)]
    #[diagnostic(transparent)]
    Trust(#[from] host::TrustError),
}

impl Failure for VerifyError {
    fn class(&self) -> Class {
        match self {
            Self::Source(error) => error.class(),
            Self::Trust(error) => error.class(),
        }
    }
}

/// Reads a request and checks it against the sealed tree that it names.
pub fn verify(source: &RequestSource, now: Timestamp) -> Result<Verification, VerifyError> {
    Ok(host::verify(&source.read(&host::Places::of_anybody())?, now)?)
}
