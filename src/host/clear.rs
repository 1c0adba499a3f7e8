//! Clearing a host: a request that asks for nothing removes what earlier runs installed, and needs no sealed tree for it.

use std::path::Path;

use super::activate::ActivateError;
use super::draft::Files;
use super::generation::GenerationError;
use super::generation::Running;
use super::generation::linked;
use super::links::LinkKeeper;
use super::links::Links;
use super::make::Made;
use super::outcome::FailureReport;
use super::outcome::FileOutcome;
use super::outcome::Outcome;
use super::request::Request;
use super::state::State;
use super::trust::TrustError;
use crate::fsx::Folder;
use crate::fsx::FsError;
use crate::fsx::remove_symlink;

/// Removes link, generations and custom links. Pinned keys and serials stay remembered.
pub(super) fn clear(request: &Request, mut outcome: Outcome) -> Result<Outcome, ActivateError> {
    let state = State::read(&request.state).map_err(TrustError::from)?;
    let number = linked(request)?;
    outcome.files = removed(Running::find(request)?.as_ref()).reports.into_values().collect();
    if let Some(state) = state {
        let links = LinkKeeper { request, remembered: &state.links };
        outcome.problems.extend(links.remove_others(&Links::new()).iter().map(FailureReport::of));
        let next = State { links: Links::new(), ..state.clone() };
        if next != state {
            outcome.problems.extend(next.write(&request.state).err().map(|error| FailureReport::of(&error)));
        }
    }
    if let Some(number) = number {
        let generation = request.mount.join(number.to_string());
        remove_symlink(&request.link, &generation).map_err(GenerationError::from)?;
    }
    remove_generations(&request.mount)?;
    Ok(outcome)
}

/// What a run without any wish takes away.
pub(super) fn removed(running: Option<&Running>) -> Files {
    let mut files = Files::default();
    for (target, old) in running.into_iter().flat_map(|running| &running.index.files) {
        let made = Made { installed: old.clone(), changes: [].into() };
        files.report(target, FileOutcome::Removed, Some(&made), None);
    }
    files
}

/// Empties the mount; the mount itself is the machine's and goes with it.
fn remove_generations(mount: &Path) -> Result<(), FsError> {
    if !mount.exists() {
        return Ok(());
    }
    let folder = Folder::open(mount)?;
    folder.names()?.iter().try_for_each(|name| folder.remove_tree(name))
}
