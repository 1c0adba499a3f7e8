//! Plans in which everything that is installed goes: a request for nothing, or a system that does not use secretctl.

use std::collections::BTreeSet;
use std::path::Path;

use super::Plan;
use super::PlannedFile;
use super::PlannedLinks;
use super::compare::standing;
use super::readable_state;
use super::remembered;
use crate::host::activate::ActivateError;
use crate::host::generation::Running;
use crate::host::outcome::FileOutcome;
use crate::host::request::LINK;
use crate::host::request::MOUNT;
use crate::host::request::Phase;
use crate::host::request::Places;
use crate::host::request::Request;
use crate::host::request::STATE;
use crate::host::system::REQUEST_IN_SYSTEM;
use crate::host::system::RUNNING_SYSTEM;

/// Plans the switch to `system`, which has no request: what is installed is found where the running system
/// keeps it, or in the usual places.
pub fn plan_removal(system: &Path, phase: Phase) -> Plan {
    let running = Request::read(&Path::new(RUNNING_SYSTEM).join(REQUEST_IN_SYSTEM), &Places::default()).ok();
    let mut started = Plan::started(running.as_ref().map(|request| request.host.clone()), phase);
    started.without = Some(system.to_owned());
    let places = match &running {
        Some(request) => [&request.link, &request.mount, &request.state].map(AsRef::as_ref),
        None => [LINK, MOUNT, STATE].map(Path::new),
    };
    match removed(places, started.clone()) {
        Ok(plan) => plan.concluded(),
        Err(error) => started.refused(&error),
    }
}

/// Everything that is installed, as removed.
pub(super) fn removed([link, mount, state]: [&Path; 3], started: Plan) -> Result<Plan, ActivateError> {
    let (state, remarks) = readable_state(state)?;
    let Some(running) = Running::find_at(link, mount)? else { return Ok(Plan { remarks, ..started }) };
    let remembered = remembered(state.as_ref(), Some(&running), link);
    let links = PlannedLinks { remove: standing(remembered.iter()), ..PlannedLinks::default() };
    let file = |target| PlannedFile {
        target,
        outcome: FileOutcome::Removed,
        changes: BTreeSet::new(),
        failure: None,
        repairable: false,
    };
    let files: Vec<_> = running.index.files.into_keys().map(file).collect();
    let changed = !files.is_empty() || !links.remove.is_empty();
    Ok(Plan { generation: Some(running.index.generation), files, links, changed, remarks, ..started })
}
