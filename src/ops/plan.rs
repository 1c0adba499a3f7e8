//! Telling what an activation would do.

use std::path::Path;

use jiff::Timestamp;

use super::source::RequestSource;
use crate::diag::Class;
use crate::diag::Failure;
use crate::host;

pub use crate::host::Phase;
pub use crate::host::Places;
pub use crate::host::Plan;
pub use crate::host::PlanResult;

/// Why there is no plan.
#[derive(Debug, thiserror::Error, miette::Diagnostic)]
#[non_exhaustive]
pub enum PlanError {
    /// The request is not used.
    #[error(transparent)]
    #[diagnostic(transparent)]
    Request(#[from] host::RequestError),
    /// The path leads to no system.
    #[error(transparent)]
    #[diagnostic(transparent)]
    System(#[from] host::SystemError),
}

impl Failure for PlanError {
    fn class(&self) -> Class {
        match self {
            Self::Request(error) => error.class(),
            Self::System(error) => error.class(),
        }
    }
}

/// Reads a request and plans its activation; changes nothing. For a system without one, everything would go.
pub fn plan(
    source: &RequestSource,
    places: &Places,
    phase: Phase,
    now: Timestamp,
) -> Result<Plan, PlanError> {
    let of = |path: &Path| Ok(host::plan(&host::Request::read(path, places)?, phase, now));
    match source {
        RequestSource::File(path) => of(path),
        RequestSource::System(system) => match host::find_request(system)? {
            Some(path) => of(&path),
            None => Ok(host::plan_removal(system, phase)),
        },
    }
}
