//! Telling what an activation would do.

use std::path::Path;

use jiff::Timestamp;

use crate::diag::Class;
use crate::diag::Failure;
use crate::host;

pub use crate::host::Phase;
pub use crate::host::Places;
pub use crate::host::Plan;

/// Why there is no plan.
#[derive(Debug, thiserror::Error, miette::Diagnostic)]
#[non_exhaustive]
pub enum PlanError {
    /// The request is not used.
    #[error(transparent)]
    #[diagnostic(transparent)]
    Request(#[from] host::RequestError),
    /// The sealed tree or the host's files are not.
    #[error(transparent)]
    #[diagnostic(transparent)]
    Host(#[from] host::ActivateError),
}

impl Failure for PlanError {
    fn class(&self) -> Class {
        match self {
            Self::Request(error) => error.class(),
            Self::Host(error) => error.class(),
        }
    }
}

/// Reads a request and plans its activation; changes nothing.
pub fn plan(request: &Path, places: &Places, phase: Phase, now: Timestamp) -> Result<Plan, PlanError> {
    Ok(host::plan(&host::Request::read(request, places)?, phase, now)?)
}
