//! Activation: verify, compare, decrypt what changed, switch, tell units.

use std::time::Duration;

use jiff::Timestamp;

use super::accounts::Accounts;
use super::clear::clear;
use super::draft::Draft;
use super::generation::GenerationError;
use super::generation::Running;
use super::generation::Store;
use super::generation::linked;
use super::harden::harden;
use super::links::LinkKeeper;
use super::outcome::FailureReport;
use super::outcome::Outcome;
use super::publish::publish;
use super::request::Phase;
use super::request::Request;
use super::run::Run;
use super::state::State;
use super::trust::Consents;
use super::trust::SealedTree;
use super::trust::TrustError;
use super::trust::admit;
use super::units::UnitDelivery;
use super::units::UnitError;
use super::unwrap::UnwrapError;
use super::unwrap::unwrap;
use super::wish::Resolver;
use crate::diag::Class;
use crate::diag::Failure;
use crate::fsx::FsError;
use crate::fsx::Lock;
use crate::fsx::LockError;
use crate::fsx::Patience;
use crate::fsx::create_folders;

/// How long another activation is waited for.
const PATIENCE: Patience = Patience::UpTo(Duration::from_secs(60));

/// How to activate.
#[derive(Clone, Copy, Debug)]
pub struct Options {
    /// Which entries are handled.
    pub phase: Phase,
    /// Who tells units about changes.
    pub units: UnitDelivery,
    /// What the operator confirmed.
    pub consents: Consents,
    /// The time, by which grants end.
    pub now: Timestamp,
}

/// Why a run was refused as a whole; then link, generation and custom links are as they were.
#[derive(Debug, thiserror::Error, miette::Diagnostic)]
#[non_exhaustive]
pub enum ActivateError {
    /// Another activation does not end.
    #[error(transparent)]
    #[diagnostic(transparent)]
    Lock(#[from] LockError),
    /// The sealed tree is refused.
    #[error(transparent)]
    #[diagnostic(transparent)]
    Trust(#[from] TrustError),
    /// No identity opens it.
    #[error(transparent)]
    #[diagnostic(transparent)]
    Unwrap(#[from] UnwrapError),
    /// There is no place for a generation.
    #[error(transparent)]
    #[diagnostic(transparent)]
    Generation(#[from] GenerationError),
    /// Its units cannot be told as wanted.
    #[error(transparent)]
    #[diagnostic(transparent)]
    Units(#[from] UnitError),
    /// Something else failed.
    #[error(transparent)]
    #[diagnostic(transparent)]
    Fs(#[from] FsError),
}

impl Failure for ActivateError {
    fn class(&self) -> Class {
        match self {
            Self::Lock(error) => error.class(),
            Self::Trust(error) => error.class(),
            Self::Unwrap(error) => error.class(),
            Self::Generation(error) => error.class(),
            Self::Units(error) => error.class(),
            Self::Fs(error) => error.class(),
        }
    }
}

/// A run that was refused, with the status that says so.
#[derive(Debug)]
pub struct Refused {
    /// Why.
    pub error: ActivateError,
    /// The status, as it was published.
    pub status: Box<Outcome>,
}

/// Brings the files of a host in line with its request and its sealed tree.
///
/// Failures of single files are in the outcome; the others are installed all the same.
pub fn activate(request: &Request, options: &Options) -> Result<Outcome, Refused> {
    harden();
    let started = Outcome::started(request, options.phase, options.now);
    let _lock = match locked(request) {
        Ok(lock) => lock,
        Err(error) => return Err(refused(started, error)),
    };
    match run(request, options, started.clone()) {
        Ok(outcome) => Ok(report(request, outcome)),
        Err(error) => {
            let refused = refused(started, error);
            let _ = publish(request, &refused.status);
            Err(refused)
        }
    }
}

/// Waits for other runs on this host, and keeps new ones waiting.
pub(super) fn locked(request: &Request) -> Result<Lock, ActivateError> {
    create_folders(&request.runtime, 0o755)?;
    Ok(Lock::acquire(&request.runtime.join("lock"), "secretctl activate", PATIENCE, &|_| {})?)
}

fn refused(started: Outcome, error: ActivateError) -> Refused {
    let failure = Some(FailureReport::of(&error));
    Refused { error, status: Box::new(Outcome { failure, ..started }.concluded()) }
}

/// Publishes an outcome; a status that cannot be written is a problem of its own.
fn report(request: &Request, outcome: Outcome) -> Outcome {
    let mut outcome = outcome.concluded();
    if let Err(error) = publish(request, &outcome) {
        outcome.problems.push(FailureReport::of(&error));
    }
    outcome.concluded()
}

fn run(request: &Request, options: &Options, started: Outcome) -> Result<Outcome, ActivateError> {
    options.units.check(request.manager)?;
    let Some(sealed) = request.needs() else { return clear(request, started) };
    let state = State::read(&request.state).map_err(TrustError::from)?;
    let before = state.clone().unwrap_or_default();
    let admitted = admit(SealedTree::open(request, sealed)?, request, state, options.consents)?;
    let running = Running::find(request)?;
    let links = LinkKeeper { request, remembered: &before.links };
    let accounts = Accounts::read()?;
    let manifest = admitted.tree().manifest();
    let resolver = Resolver { request, manifest, accounts: &accounts, links: &links, now: options.now };
    let draft = Draft::of(resolver.verdicts(options.phase), running.as_ref(), options.phase);
    let unwrapped = if draft.missing.is_empty() { None } else { Some(unwrap(admitted.tree(), request)?) };
    let store = Store::open(request)?;
    let linked = linked(request)?;
    store.remove_left_overs(linked)?;
    let run = Run {
        request,
        options,
        admitted: &admitted,
        running: running.as_ref(),
        linked,
        store: &store,
        links: &links,
    };
    let mut outcome = started.admitted(&admitted);
    outcome.identity = unwrapped.as_ref().map(|unwrapped| unwrapped.opened_by.clone());
    run.finish(draft, unwrapped.as_ref(), &before, outcome)
}
