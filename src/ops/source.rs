//! Where a request comes from: a file, or a system that was built.

use std::path::PathBuf;

use crate::diag::Class;
use crate::diag::Failure;
use crate::host;

/// What names the request.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum RequestSource {
    /// The file itself.
    File(PathBuf),
    /// The top level of a system, or a link to one.
    System(PathBuf),
}

/// Why there is no request to be used.
#[derive(Debug, thiserror::Error, miette::Diagnostic)]
#[non_exhaustive]
pub enum SourceError {
    /// The request is not used.
    #[error(transparent)]
    #[diagnostic(transparent)]
    Request(#[from] host::RequestError),
    /// The system is none, or has no request.
    #[error(transparent)]
    #[diagnostic(transparent)]
    System(#[from] host::SystemError),
}

impl Failure for SourceError {
    fn class(&self) -> Class {
        match self {
            Self::Request(error) => error.class(),
            Self::System(error) => error.class(),
        }
    }
}

impl RequestSource {
    /// Finds and reads the request, with `places` for its specifiers.
    pub fn read(&self, places: &host::Places) -> Result<host::Request, SourceError> {
        match self {
            Self::File(path) => Ok(host::Request::read(path, places)?),
            Self::System(system) => match host::find_request(system)? {
                Some(path) => Ok(host::Request::read(&path, places)?),
                None => Err(host::SystemError::NoRequest { path: system.clone() }.into()),
            },
        }
    }
}
