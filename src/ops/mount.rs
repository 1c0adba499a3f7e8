//! Mounting the memory that a later activation fills.

use std::path::Path;

use crate::diag::Class;
use crate::diag::Failure;
use crate::host;

pub use crate::fsx::Backing;
pub use crate::host::Places;

/// Why nothing was mounted.
#[derive(Debug, thiserror::Error, miette::Diagnostic)]
#[non_exhaustive]
pub enum MountError {
    /// The request is not used.
    #[error(transparent)]
    #[diagnostic(transparent)]
    Request(#[from] host::RequestError),
    /// A folder or the mount cannot be made.
    #[error(transparent)]
    #[diagnostic(transparent)]
    Host(#[from] host::ActivateError),
}

impl Failure for MountError {
    fn class(&self) -> Class {
        match self {
            Self::Request(error) => error.class(),
            Self::Host(error) => error.class(),
        }
    }
}

/// Reads a request and prepares its mount and folders; what is there already stays as it is.
pub fn mount(request: &Path, places: &Places) -> Result<Backing, MountError> {
    Ok(host::mount(&host::Request::read(request, places)?)?)
}
