//! What an activation would do, found by reading alone: no key, no lock, no mount, nothing written.

mod compare;
mod removal;
mod words;

use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::path::Path;
use std::path::PathBuf;

use jiff::Timestamp;
use serde::Serialize;

use super::accounts::Accounts;
use super::activate::ActivateError;
use super::generation::Running;
use super::index::Change;
use super::index::UnitActions;
use super::links::LinkKeeper;
use super::links::Links;
use super::links::links_of;
use super::outcome::FailureReport;
use super::outcome::FileOutcome;
use super::placement::Target;
use super::placement::UnitName;
use super::request::Phase;
use super::request::Request;
use super::state::State;
use super::state::StateError;
use super::trust::Admitted;
use super::trust::Consents;
use super::trust::Remark;
use super::trust::SealedTree;
use super::trust::TrustError;
use super::trust::admit;
use crate::diag::CHANGES_EXIT_CODE;
use crate::diag::Class;
use crate::diag::Failure;
use crate::name::HostName;
use crate::name::SecretName;
use compare::Comparison;

pub use removal::plan_removal;

/// The version of the JSON form.
const VERSION: u32 = 1;

/// What an activation would come to.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum PlanResult {
    /// Everything is as it should be.
    #[default]
    Nothing,
    /// Something would change, and nothing would fail.
    Changes,
    /// Something would fail.
    WouldFail,
}

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
    /// Whether a switch to another system may repair the failure first, as by creating a user.
    pub repairable: bool,
}

/// Links at custom paths, and where they point.
#[derive(Clone, Debug, Default, Eq, PartialEq, Serialize)]
pub struct PlannedLinks {
    /// Those that would be made.
    pub add: BTreeMap<PathBuf, PathBuf>,
    /// Those that would go.
    pub remove: BTreeMap<PathBuf, PathBuf>,
}

/// An identity file of the host.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
pub struct PlannedIdentity {
    /// Its path.
    pub path: PathBuf,
    /// Whether it is there; unknown where this user may not look.
    pub found: Option<bool>,
}

/// A grant that ends soon.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd, Serialize)]
pub struct EndingGrant {
    /// When it ends.
    pub not_after: Timestamp,
    /// The secret.
    pub secret: SecretName,
}

/// What an activation would do.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Plan {
    version: u32,
    /// The host; none where neither the planned nor the running system names one.
    pub host: Option<HostName>,
    /// Which phase.
    pub phase: Phase,
    /// Serial of the manifest, where one is needed and could be read.
    pub serial: Option<u64>,
    /// The generation that runs now.
    pub generation: Option<u64>,
    /// What it comes to.
    pub result: PlanResult,
    /// The exit code.
    pub exit_code: u8,
    /// Whether anything would change.
    pub changed: bool,
    /// What is unusual about the manifest.
    pub remarks: Vec<Remark>,
    /// Every file.
    pub files: Vec<PlannedFile>,
    /// Units that would be restarted and reloaded.
    pub units: UnitActions,
    /// The files for which each of these is told; none for one that an interrupted run still owes.
    pub unit_reasons: BTreeMap<UnitName, BTreeSet<Target>>,
    /// Links at custom paths.
    pub links: PlannedLinks,
    /// The identities, in the order in which they are tried. They are looked for and never read.
    pub identities: Vec<PlannedIdentity>,
    /// Grants of what is asked for that end within two weeks, the first one first.
    pub ending: BTreeSet<EndingGrant>,
    /// The system that does not use secretctl, if this is what is planned.
    pub without: Option<PathBuf>,
    /// Why the run as a whole would be refused.
    pub failure: Option<FailureReport>,
}

/// No file is there that an activation could decrypt with.
#[derive(Debug, thiserror::Error, miette::Diagnostic)]
#[error("no identity file of this host is there; looked for {looked}")]
#[diagnostic(
    code(identity::not_there),
    help("check that the volume of the key is mounted, and that `identities` names its path")
)]
struct NoIdentityFile {
    looked: String,
}

impl Failure for NoIdentityFile {
    fn class(&self) -> Class {
        Class::Environment
    }
}

impl Plan {
    fn started(host: Option<HostName>, phase: Phase) -> Self {
        Self { version: VERSION, host, phase, ..Self::default() }
    }

    /// The class of the worst certain failure, if there is one.
    pub fn worst(&self) -> Option<Class> {
        let files = self.files.iter().filter(|file| !file.repairable);
        let files = files.filter_map(|file| file.failure.as_ref());
        files.chain(&self.failure).map(|failure| failure.class).max()
    }

    fn concluded(mut self) -> Self {
        (self.result, self.exit_code) = match self.worst() {
            Some(class) => (PlanResult::WouldFail, class.exit_code()),
            None if self.changed => (PlanResult::Changes, CHANGES_EXIT_CODE),
            None => (PlanResult::Nothing, 0),
        };
        self
    }

    fn refused(self, error: &ActivateError) -> Self {
        Self { failure: Some(FailureReport::of(error)), ..self }.concluded()
    }
}

/// Compares request, manifest and the running generation.
pub fn plan(request: &Request, phase: Phase, now: Timestamp) -> Plan {
    let mut started = Plan::started(Some(request.host.clone()), phase);
    started.identities = request.identities.iter().map(|path| look_for(path)).collect();
    match compared(request, now, started.clone()) {
        Ok(plan) => plan.concluded(),
        Err(error) => started.refused(&error),
    }
}

fn compared(request: &Request, now: Timestamp, started: Plan) -> Result<Plan, ActivateError> {
    let Some(sealed) = request.needs() else {
        return removal::removed([&request.link, &request.mount, &request.state], started);
    };
    let tree = SealedTree::open(request, sealed)?;
    let (state, mut remarks) = readable_state(&request.state)?;
    let running = Running::find(request)?;
    let remembered = remembered(state.as_ref(), running.as_ref(), &request.link);
    let blind = !remarks.is_empty();
    let admitted = admit(tree, request, state, Consents::default())?;
    if !blind {
        remarks.extend(admitted.remarks().iter().cloned());
    }
    let accounts = Accounts::read()?.for_owner_of(&request.mount);
    let links = LinkKeeper { request, remembered: &remembered };
    let (running, phase) = (running.as_ref(), started.phase);
    let comparison = Comparison { request, tree: admitted.tree(), running, links: &links, phase, now };
    let plan = Plan {
        serial: Some(admitted.tree().manifest().serial),
        generation: running.map(|running| running.index.generation),
        remarks,
        ..started
    };
    Ok(with_comparison(plan, &comparison, &accounts, &admitted))
}

fn with_comparison(
    mut plan: Plan,
    comparison: &Comparison<'_>,
    accounts: &Accounts,
    admitted: &Admitted,
) -> Plan {
    let compared = comparison.files(accounts);
    (plan.units, plan.unit_reasons) = comparison.units(&compared.files);
    plan.links = comparison.links(&compared.next);
    plan.ending = comparison.ending(admitted.tree().manifest());
    plan.files = compared.files;
    let acts = |file: &PlannedFile| {
        matches!(file.outcome, FileOutcome::Added | FileOutcome::Changed | FileOutcome::Removed)
    };
    plan.changed = comparison.running.is_none()
        || plan.files.iter().any(acts)
        || plan.links != PlannedLinks::default()
        || !plan.units.is_empty();
    if compared.needs_identity && plan.no_identity() {
        plan.failure = Some(FailureReport::of(&NoIdentityFile { looked: plan.looked_for() }));
    }
    plan
}

impl Plan {
    fn no_identity(&self) -> bool {
        self.identities.iter().all(|identity| identity.found == Some(false))
    }

    fn looked_for(&self) -> String {
        let paths = self.identities.iter().map(|identity| format!("`{}`", identity.path.display()));
        paths.collect::<Vec<_>>().join(", ")
    }
}

fn look_for(path: &Path) -> PlannedIdentity {
    let found = match path.metadata() {
        Ok(seen) => Some(seen.is_file()),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Some(false),
        Err(_) => None,
    };
    PlannedIdentity { path: path.to_owned(), found }
}

/// The state, or a remark that only root may read it.
fn readable_state(folder: &Path) -> Result<(Option<State>, Vec<Remark>), ActivateError> {
    match State::read(folder) {
        Ok(state) => Ok((state, Vec::new())),
        Err(StateError::Fs(error)) if error.source.kind() == std::io::ErrorKind::PermissionDenied => {
            Ok((None, vec![Remark::StateUnreadable]))
        }
        Err(error) => Err(TrustError::from(error).into()),
    }
}

/// The links that the state remembers; where it cannot be read, those of the running generation.
fn remembered(state: Option<&State>, running: Option<&Running>, link: &Path) -> Links {
    match (state, running) {
        (Some(state), _) => state.links.clone(),
        (None, Some(running)) => links_of(&running.index.files, link),
        (None, None) => Links::new(),
    }
}
