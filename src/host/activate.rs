//! Activation: verify, compare, decrypt what changed, switch, tell units.

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::Timestamp;
use rayon::prelude::*;

use super::accounts::Accounts;
use super::generation::FOLDER_MODE;
use super::generation::GenerationError;
use super::generation::Running;
use super::generation::Store;
use super::grant::FileError;
use super::harden::harden;
use super::index::Index;
use super::index::Installed;
use super::index::Reach;
use super::index::UnitActions;
use super::index::VERSION;
use super::links::LinkKeeper;
use super::links::Links;
use super::make::Made;
use super::make::Maker;
use super::make::carried;
use super::outcome::FailureReport;
use super::outcome::FileOutcome;
use super::outcome::FileReport;
use super::outcome::Outcome;
use super::placement::Target;
use super::publish::publish;
use super::request::Content;
use super::request::Phase;
use super::request::Request;
use super::state::State;
use super::trust::Admitted;
use super::trust::Consents;
use super::trust::SealedTree;
use super::trust::TrustError;
use super::trust::admit;
use super::units::UnitDelivery;
use super::units::queue;
use super::unwrap::UnwrapError;
use super::unwrap::Unwrapped;
use super::unwrap::unwrap;
use super::wish::Resolver;
use super::wish::Verdict;
use super::wish::Wish;
use crate::diag::Class;
use crate::diag::Failure;
use crate::fsx::Folder;
use crate::fsx::FsError;
use crate::fsx::Lock;
use crate::fsx::LockError;
use crate::fsx::Patience;
use crate::fsx::create_folders;

/// How long another activation is waited for.
const PATIENCE: Patience = Patience::UpTo(Duration::from_secs(60));
/// How long a reader that resolved the link just before a switch has to open its file.
const GRACE: Duration = Duration::from_millis(20);

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
    let locked = || -> Result<Lock, ActivateError> {
        create_folders(&request.runtime, 0o755)?;
        Ok(Lock::acquire(&request.runtime.join("lock"), "secretctl activate", PATIENCE)?)
    };
    let _lock = match locked() {
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
    let state = State::read(&request.state).map_err(TrustError::from)?;
    let before = state.clone().unwrap_or_default();
    let admitted = admit(SealedTree::open(request)?, request, state, options.consents)?;
    let running = Running::find(request)?;
    let links = LinkKeeper { request, remembered: &before.links };
    let accounts = Accounts::read()?;
    let manifest = admitted.tree().manifest();
    let resolver = Resolver { request, manifest, accounts: &accounts, links: &links, now: options.now };
    let draft = Draft::of(resolver.verdicts(options.phase), running.as_ref(), options.phase);
    let unwrapped = if draft.missing.is_empty() { None } else { Some(unwrap(admitted.tree(), request)?) };
    let store = Store::open(request)?;
    store.remove_left_overs(running.as_ref().map(|running| running.index.generation))?;
    let run = Run {
        request,
        options,
        admitted: &admitted,
        running: running.as_ref(),
        store: &store,
        links: &links,
    };
    let mut outcome = started.admitted(&admitted);
    outcome.identity = unwrapped.as_ref().map(|unwrapped| unwrapped.opened_by.clone());
    run.finish(draft, unwrapped.as_ref(), &before, outcome)
}

/// What is to be done about each file.
struct Draft<'a> {
    /// Files of the other phase, which stay as they are.
    untouched: BTreeMap<Target, Installed>,
    /// Files of the running generation that can stand for what is wanted.
    carried: BTreeMap<&'a Target, Made>,
    /// Files that must be decrypted or rendered.
    missing: BTreeMap<&'a Target, Wish<'a>>,
    refused: BTreeMap<&'a Target, FileError>,
    skipped: Vec<&'a Target>,
}

impl<'a> Draft<'a> {
    fn of(verdicts: BTreeMap<&'a Target, Verdict<'a>>, running: Option<&Running>, phase: Phase) -> Self {
        let mut draft = Self {
            untouched: BTreeMap::new(),
            carried: BTreeMap::new(),
            missing: BTreeMap::new(),
            refused: BTreeMap::new(),
            skipped: Vec::new(),
        };
        if let (Phase::Users, Some(running)) = (phase, running) {
            let others = running.index.files.iter().filter(|(target, _)| !verdicts.contains_key(target));
            draft.untouched = others.map(|(target, file)| (target.clone(), file.clone())).collect();
        }
        for (target, verdict) in verdicts {
            match verdict {
                Verdict::Wanted(wish) => match carried(running, target, &wish.installed) {
                    Some(made) => drop(draft.carried.insert(target, made)),
                    None => drop(draft.missing.insert(target, wish)),
                },
                Verdict::Skipped => draft.skipped.push(target),
                Verdict::Refused(error) => drop(draft.refused.insert(target, error)),
            }
        }
        draft
    }
}

/// What the files of the next generation are, and what became of each entry.
#[derive(Default)]
struct Files {
    installed: BTreeMap<Target, Installed>,
    reports: BTreeMap<Target, FileReport>,
}

impl Files {
    fn report(
        &mut self,
        target: &Target,
        outcome: FileOutcome,
        made: Option<&Made>,
        error: Option<&FileError>,
    ) {
        let report = FileReport {
            target: target.clone(),
            secret: made.and_then(|made| made.installed.secret.clone()),
            revision: made.and_then(|made| made.installed.revision),
            outcome,
            changes: made.map(|made| made.changes.clone()).unwrap_or_default(),
            failure: error.map(FailureReport::of),
        };
        self.reports.insert(target.clone(), report);
    }

    fn succeeded(&mut self, target: &Target, made: Made, known: bool) {
        let outcome = match (known, made.changes.is_empty()) {
            (false, _) => FileOutcome::Added,
            (true, true) => FileOutcome::Unchanged,
            (true, false) => FileOutcome::Changed,
        };
        self.report(target, outcome, Some(&made), None);
        self.installed.insert(target.clone(), made.installed);
    }

    fn failed(&mut self, target: &Target, error: &FileError, last_good: Option<&Installed>) {
        let outcome = FileOutcome::of_failure(error, last_good.is_some());
        let kept = last_good.map(|old| Made { installed: old.clone(), changes: [].into() });
        self.report(target, outcome, kept.as_ref(), Some(error));
        self.installed.extend(last_good.map(|old| (target.clone(), old.clone())));
    }
}

struct Run<'a> {
    request: &'a Request,
    options: &'a Options,
    admitted: &'a Admitted,
    running: Option<&'a Running>,
    store: &'a Store<'a>,
    links: &'a LinkKeeper<'a>,
}

impl Run<'_> {
    fn finish(
        &self,
        draft: Draft<'_>,
        unwrapped: Option<&Unwrapped>,
        before: &State,
        mut outcome: Outcome,
    ) -> Result<Outcome, ActivateError> {
        let number = self.running.map_or(0, |running| running.index.generation) + 1;
        let build = self.needs_generation(&draft);
        let mut files = if build {
            self.build(number, draft, unwrapped).inspect_err(|_| self.store.abandon(number))?
        } else {
            self.keep(draft)
        };
        let units = self.unit_actions(&files);
        let index = self.index(if build { number } else { number - 1 }, &files, units.clone());
        let wanted = self.links.wanted(&index.files);
        self.remember_links_ahead(before, &wanted)?;
        if build {
            self.store.switch(&index).inspect_err(|_| self.store.abandon(number))?;
        } else if self.running.is_some_and(|running| running.index != index) {
            self.store.write_index(&index)?;
        }
        // From here on the new files stand, and whatever fails is reported beside them.
        let mut problems = self.place_links(&wanted, &mut files);
        let next = State { links: self.kept_links(&wanted), ..self.admitted.next_state().clone() };
        if next != *before {
            problems.extend(next.write(&self.request.state).err().map(|error| FailureReport::of(&error)));
        }
        problems.extend(self.tell_units(index.clone(), &units));
        if build {
            std::thread::sleep(GRACE);
        }
        problems.extend(self.store.prune(index.generation).err().map(|error| FailureReport::of(&error)));
        outcome.generation = Some(index.generation);
        outcome.files = files.reports.into_values().map(|report| self.named(report)).collect();
        outcome.units = units;
        outcome.problems = problems;
        Ok(outcome)
    }

    /// The report with the name of its secret, also where nothing was installed.
    fn named(&self, report: FileReport) -> FileReport {
        let asked = self.request.files.get(&report.target).map(|wanted| &wanted.content);
        let asked = match asked {
            Some(Content::Secret(name)) => Some(name.clone()),
            _ => None,
        };
        FileReport { secret: report.secret.or(asked), ..report }
    }

    /// Whether anything but notes about files differs from the running generation.
    fn needs_generation(&self, draft: &Draft<'_>) -> bool {
        let Some(running) = self.running else { return true };
        let stays = |target: &Target| {
            draft.untouched.contains_key(target)
                || draft.carried.contains_key(target)
                || draft.refused.contains_key(target)
        };
        !draft.missing.is_empty() || !running.index.files.keys().all(stays)
    }

    /// Every file stays where it is.
    fn keep(&self, draft: Draft<'_>) -> Files {
        let mut files = Files { installed: draft.untouched, ..Files::default() };
        for target in draft.skipped {
            files.report(target, FileOutcome::Skipped, None, None);
        }
        for (target, made) in draft.carried {
            files.succeeded(target, made, true);
        }
        for (target, error) in &draft.refused {
            files.failed(target, error, self.old(target));
        }
        files
    }

    fn build(
        &self,
        number: u64,
        mut draft: Draft<'_>,
        unwrapped: Option<&Unwrapped>,
    ) -> Result<Files, ActivateError> {
        let folder = self.store.begin(number)?;
        let missing = std::mem::take(&mut draft.missing);
        let over: Vec<&Target> = draft.untouched.keys().chain(draft.carried.keys().copied()).collect();
        for target in &over {
            self.link_over(&folder, target)?;
        }
        for target in draft.refused.keys().filter(|target| self.old(target).is_some()) {
            self.link_over(&folder, target)?;
        }
        for target in missing.keys() {
            folder.create_parents(target.as_str(), FOLDER_MODE)?;
        }
        let mut files = self.keep(draft);
        if let Some(unwrapped) = unwrapped {
            let (tree, identity) = (self.admitted.tree(), &unwrapped.identity);
            let maker = Maker { tree, identity, running: self.running, folder: &folder };
            let made: Vec<_> =
                missing.par_iter().map(|(target, wish)| (*target, maker.make(target, wish))).collect();
            for (target, made) in made {
                match made {
                    Ok(made) => files.succeeded(target, made, self.old(target).is_some()),
                    Err(error) => {
                        let last_good = self.old(target);
                        if last_good.is_some() {
                            self.link_over(&folder, target)?;
                        }
                        files.failed(target, &error, last_good);
                    }
                }
            }
        }
        self.report_removed(&mut files);
        Ok(files)
    }

    fn report_removed(&self, files: &mut Files) {
        let Some(running) = self.running else { return };
        for (target, old) in &running.index.files {
            if !files.installed.contains_key(target) && !files.reports.contains_key(target) {
                let made = Made { installed: old.clone(), changes: [].into() };
                files.report(target, FileOutcome::Removed, Some(&made), None);
            }
        }
    }

    /// The entry of the running generation, if its file is still there.
    fn old(&self, target: &Target) -> Option<&Installed> {
        let running = self.running?;
        let old = running.index.files.get(target)?;
        running.folder.see(target.as_str()).map(|_| old)
    }

    fn link_over(&self, folder: &Folder, target: &Target) -> Result<(), FsError> {
        let Some(running) = self.running else { return Ok(()) };
        folder.create_parents(target.as_str(), FOLDER_MODE)?;
        folder.link_from(&running.folder, target.as_str())
    }

    /// Units of files that changed; none before everything was installed once since the machine started.
    fn unit_actions(&self, files: &Files) -> UnitActions {
        let mut actions = UnitActions::default();
        let Some(running) = self.running else { return actions };
        actions.add(&running.index.pending.restart, &running.index.pending.reload);
        if running.index.reach == Reach::Users {
            return actions;
        }
        let changed = |outcome| matches!(outcome, FileOutcome::Added | FileOutcome::Changed);
        for report in files.reports.values().filter(|report| changed(report.outcome)) {
            if let Some(wanted) = self.request.files.get(&report.target) {
                actions.add(&wanted.placement.restart_units, &wanted.placement.reload_units);
            }
        }
        actions
    }

    fn index(&self, generation: u64, files: &Files, pending: UnitActions) -> Index {
        let reach = match (self.options.phase, self.running) {
            (Phase::Main, _) => Reach::Main,
            (Phase::Users, running) => running.map(|running| running.index.reach).unwrap_or_default(),
        };
        Index { version: VERSION, generation, reach, files: files.installed.clone(), pending }
    }

    /// New links are remembered before they are made, so that a crash leaves none that nobody removes.
    fn remember_links_ahead(&self, before: &State, wanted: &Links) -> Result<(), ActivateError> {
        let mut links = before.links.clone();
        links.extend(wanted.iter().filter(|(path, _)| !before.links.contains_key(*path)).map(own));
        if links == before.links {
            return Ok(());
        }
        // Only the links: what was accepted is remembered once it is in use.
        let trusted_keys = self.admitted.next_state().trusted_keys.clone();
        let pinned = if before.trusted_keys.is_empty() { trusted_keys } else { before.trusted_keys.clone() };
        let ahead = State { links, trusted_keys: pinned, ..before.clone() };
        Ok(ahead.write(&self.request.state).map_err(TrustError::from)?)
    }

    /// Links of this run, and in the users phase those that the main phase will look after.
    fn kept_links(&self, wanted: &Links) -> Links {
        let mut links = wanted.clone();
        if self.options.phase == Phase::Users {
            links.extend(
                self.links.remembered.iter().filter(|(path, _)| !wanted.contains_key(*path)).map(own),
            );
        }
        links
    }

    fn place_links(&self, wanted: &Links, files: &mut Files) -> Vec<FailureReport> {
        let mut problems = Vec::new();
        for (path, to) in wanted {
            let Err(error) = self.links.place(path, to) else { continue };
            let asked = files
                .reports
                .values_mut()
                .find(|report| self.request.link.join(report.target.as_str()) == *to);
            match asked {
                Some(report) if report.failure.is_none() => report.failure = Some(FailureReport::of(&error)),
                _ => problems.push(FailureReport::of(&error)),
            }
        }
        if self.options.phase == Phase::Main {
            problems.extend(self.links.remove_others(wanted).iter().map(FailureReport::of));
        }
        problems
    }

    /// Queues the jobs; those that fail stay noted in the index for the next run.
    fn tell_units(&self, index: Index, units: &UnitActions) -> Vec<FailureReport> {
        if units.is_empty() {
            return Vec::new();
        }
        let failed = match self.options.units {
            UnitDelivery::Systemctl => queue(units),
            UnitDelivery::Report => Vec::new(),
        };
        let mut problems: Vec<_> = failed.iter().map(FailureReport::of).collect();
        if problems.is_empty() {
            let told = Index { pending: UnitActions::default(), ..index };
            problems.extend(self.store.write_index(&told).err().map(|error| FailureReport::of(&error)));
        }
        problems
    }
}

fn own<A: Clone, B: Clone>((a, b): (&A, &B)) -> (A, B) {
    (a.clone(), b.clone())
}
