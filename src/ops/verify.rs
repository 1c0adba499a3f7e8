//! Checking at build time that request and sealed tree fit together.

use std::path::Path;

use jiff::Timestamp;

use crate::diag::Class;
use crate::diag::Failure;
use crate::host;

pub use crate::host::Verification;

/// Why nothing could be checked.
#[derive(Debug, thiserror::Error, miette::Diagnostic)]
#[non_exhaustive]
pub enum VerifyError {
    /// The request is not used.
    #[error(transparent)]
    #[diagnostic(transparent)]
    Request(#[from] host::RequestError),
    /// The sealed tree is refused.
    #[error(transparent)]
    #[diagnostic(transparent)]
    Trust(#[from] host::TrustError),
}

impl Failure for VerifyError {
    fn class(&self) -> Class {
        match self {
            Self::Request(error) => error.class(),
            Self::Trust(error) => error.class(),
        }
    }
}

/// Reads a request and checks it against the sealed tree that it names.
pub fn verify(request: &Path, now: Timestamp) -> Result<Verification, VerifyError> {
    Ok(host::verify(&host::Request::read(request, &host::Places::of_anybody())?, now)?)
}
