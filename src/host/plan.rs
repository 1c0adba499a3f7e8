//! What an activation would do, found by reading alone: no key, no lock, no mount, nothing written.

use std::collections::BTreeMap;
use std::collections::BTreeSet;

use jiff::Timestamp;
use serde::Serialize;

use super::accounts::Accounts;
use super::activate::ActivateError;
use super::generation::Running;
use super::index::Change;
use super::index::Installed;
use super::index::Reach;
use super::index::UnitActions;
use super::links::LinkKeeper;
use super::outcome::FailureReport;
use super::outcome::FileOutcome;
use super::placement::Target;
use super::request::Phase;
use super::request::Request;
use super::state::State;
use super::state::StateError;
use super::trust::Consents;
use super::trust::Remark;
use super::trust::SealedTree;
use super::trust::TrustError;
use super::trust::admit;
use super::wish::Resolver;
use super::wish::Verdict;
use crate::diag::Class;
use crate::diag::Finding;
use crate::diag::Severity;
use crate::name::HostName;

/// The version of the JSON form.
const VERSION: u32 = 1;

/// One file of a plan.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
pub struct PlannedFile {
    /// Where it lands below the link.
    #[serde(rename = "as")]
    pub target: Target,
    /// What would become of it.
    pub outcome: FileOutcome,
    /// What would change. Content means another ciphertext; a value that was sealed again unchanged stays.
    pub changes: BTreeSet<Change>,
    /// Why it would fail.
    pub failure: Option<FailureReport>,
}

/// What an activation would do.
#[derive(Clone, Debug, Serialize)]
pub struct Plan {
    version: u32,
    /// The host.
    pub host: HostName,
    /// Which phase.
    pub phase: Phase,
    /// Serial of the manifest.
    pub serial: u64,
    /// The generation that runs now.
    pub generation: Option<u64>,
    /// Whether anything would change.
    pub changed: bool,
    /// What is unusual about the manifest.
    pub remarks: Vec<Remark>,
    /// Every file.
    pub files: Vec<PlannedFile>,
    /// Units that would be restarted and reloaded.
    pub units: UnitActions,
}

impl Plan {
    /// The class of a denial, if there is one. Other failures may be gone by the time of the switch, such
    /// as a user that the switch creates, and do not count.
    pub fn worst(&self) -> Option<Class> {
        let classes = self.files.iter().filter_map(|file| Some(file.failure.as_ref()?.class));
        classes.filter(|class| *class == Class::Finding).max()
    }

    /// One line for each file that would change.
    pub fn lines(&self) -> Vec<String> {
        let mut lines = Vec::new();
        for file in &self.files {
            let mark = match file.outcome {
                FileOutcome::Unchanged | FileOutcome::Skipped => continue,
                FileOutcome::Added => '+',
                FileOutcome::Removed => '-',
                FileOutcome::Changed => '~',
                FileOutcome::Kept | FileOutcome::Denied | FileOutcome::Failed => '!',
            };
            let changes: Vec<String> = file.changes.iter().map(ToString::to_string).collect();
            let changes =
                if changes.is_empty() { String::new() } else { format!(" ({})", changes.join(", ")) };
            let outcome = match file.outcome {
                FileOutcome::Kept | FileOutcome::Denied | FileOutcome::Failed => format!(" {}", file.outcome),
                _ => String::new(),
            };
            lines.push(format!("{mark} {}{changes}{outcome}", file.target));
        }
        lines.extend(self.units.restart.iter().map(|unit| format!("restart {unit}")));
        lines.extend(self.units.reload.iter().map(|unit| format!("reload {unit}")));
        if lines.is_empty() {
            lines.push("nothing to do".to_owned());
        }
        lines
    }

    /// What would fail, for people.
    pub fn findings(&self) -> Vec<Finding> {
        // A plan pins nothing, and that the first activation will is no news.
        let remarks = self.remarks.iter().filter(|remark| **remark != Remark::TrustPinned).map(|remark| {
            let severity = match remark {
                Remark::Rollback { .. } => Severity::Warning,
                _ => Severity::Note,
            };
            Finding::new(severity, Class::Integrity, "plan::remark", remark.to_string())
        });
        let file = |file: &PlannedFile| {
            let failure = file.failure.as_ref()?.finding();
            let severity = if failure.class == Class::Finding { Severity::Error } else { Severity::Warning };
            Some(Finding { severity, message: format!("`{}`: {}", file.target, failure.message), ..failure })
        };
        remarks.chain(self.files.iter().filter_map(file)).collect()
    }
}

/// Compares request, manifest and the running generation.
pub fn plan(request: &Request, phase: Phase, now: Timestamp) -> Result<Plan, ActivateError> {
    let tree = SealedTree::open(request)?;
    let serial = tree.manifest().serial;
    let (state, mut remarks) = readable_state(request)?;
    let remembered = state.clone().unwrap_or_default().links;
    let blind = !remarks.is_empty();
    let admitted = admit(tree, request, state, Consents::default())?;
    if !blind {
        remarks.extend(admitted.remarks().iter().cloned());
    }
    let running = Running::find(request)?;
    let accounts = Accounts::read()?.for_owner_of(&request.mount);
    let links = LinkKeeper { request, remembered: &remembered };
    let manifest = admitted.tree().manifest();
    let resolver = Resolver { request, manifest, accounts: &accounts, links: &links, now };
    let old = running.as_ref().map(|running| running.index.files.clone()).unwrap_or_default();
    let files = planned(resolver.verdicts(phase), &old, phase);
    let reaches = running.as_ref().is_some_and(|running| running.index.reach == Reach::Main);
    let units = if reaches { unit_actions(request, &files) } else { UnitActions::default() };
    let acts = |file: &PlannedFile| {
        matches!(file.outcome, FileOutcome::Added | FileOutcome::Changed | FileOutcome::Removed)
    };
    let changed = running.is_none() || files.iter().any(acts);
    let generation = running.map(|running| running.index.generation);
    Ok(Plan {
        version: VERSION,
        host: request.host.clone(),
        phase,
        serial,
        generation,
        changed,
        remarks,
        files,
        units,
    })
}

/// The state, or a remark that only root may read it.
fn readable_state(request: &Request) -> Result<(Option<State>, Vec<Remark>), ActivateError> {
    match State::read(&request.state) {
        Ok(state) => Ok((state, Vec::new())),
        Err(StateError::Fs(error)) if error.source.kind() == std::io::ErrorKind::PermissionDenied => {
            Ok((None, vec![Remark::StateUnreadable]))
        }
        Err(error) => Err(TrustError::from(error).into()),
    }
}

fn planned(
    verdicts: BTreeMap<&Target, Verdict<'_>>,
    old: &BTreeMap<Target, Installed>,
    phase: Phase,
) -> Vec<PlannedFile> {
    let mut files = BTreeMap::new();
    if phase == Phase::Main {
        for target in old.keys() {
            files.insert(target.clone(), (FileOutcome::Removed, BTreeSet::new(), None));
        }
    }
    for (target, verdict) in verdicts {
        let known = old.get(target);
        let planned = match (verdict, known) {
            (Verdict::Wanted(wish), Some(old)) => match old.changes(&wish.installed) {
                changes if changes.is_empty() => (FileOutcome::Unchanged, changes, None),
                changes => (FileOutcome::Changed, changes, None),
            },
            (Verdict::Wanted(_), None) => (FileOutcome::Added, BTreeSet::new(), None),
            (Verdict::Skipped, Some(_)) => (FileOutcome::Removed, BTreeSet::new(), None),
            (Verdict::Skipped, None) => (FileOutcome::Skipped, BTreeSet::new(), None),
            (Verdict::Refused(error), known) => {
                let outcome = FileOutcome::of_failure(&error, known.is_some());
                (outcome, BTreeSet::new(), Some(FailureReport::of(&error)))
            }
        };
        files.insert(target.clone(), planned);
    }
    let file = |(target, (outcome, changes, failure))| PlannedFile { target, outcome, changes, failure };
    files.into_iter().map(file).collect()
}

fn unit_actions(request: &Request, files: &[PlannedFile]) -> UnitActions {
    let mut actions = UnitActions::default();
    for file in files {
        let acts = matches!(file.outcome, FileOutcome::Added | FileOutcome::Changed);
        if let (true, Some(wanted)) = (acts, request.files.get(&file.target)) {
            actions.add(&wanted.placement.restart_units, &wanted.placement.reload_units);
        }
    }
    actions
}
