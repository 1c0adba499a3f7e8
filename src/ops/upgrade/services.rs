//! Moves a fleet to the reading in which services without hosts mean the hosts that list them.

use serde::Serialize;

use crate::fleet::ServiceReach;
use crate::ops::error::OpsError;
use crate::ops::host::Run;
use crate::ops::host::change_fleet;
use crate::ops::policy::Change;
use crate::ops::policy::DiffError;
use crate::ops::policy::narrowed;
use crate::ops::workspace::Settings;

/// What the narrower reading would change.
#[derive(Clone, Debug, Serialize)]
pub struct Narrowing {
    /// Version of this schema.
    pub version: u32,
    /// Whether `secretctl.toml` says so already.
    pub done: bool,
    /// Access that would be lost, by secret and host.
    pub lost: Vec<Change>,
    /// Access that would be gained: a rule that fails for a host denies there, and no longer would.
    pub gained: Vec<Change>,
}

/// Compares both readings of the rules as they lie there, over the secrets that exist.
pub fn narrowing(settings: &Settings) -> Result<Narrowing, DiffError> {
    let (reach, diff) = narrowed(settings)?;
    Ok(Narrowing { version: 1, done: reach == ServiceReach::Listed, lost: diff.lost, gained: diff.gained })
}

/// Writes the narrower reading into `secretctl.toml`; sealed trees follow with the next seal.
pub fn narrow(settings: &Settings) -> Result<(), OpsError> {
    change_fleet(settings, Run::Real, |_, file| {
        file.narrow_services();
        Ok(())
    })?;
    Ok(())
}
