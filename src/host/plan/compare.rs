//! Files, units and links as they are, beside what a request asks for.

use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::path::Path;
use std::path::PathBuf;

use jiff::SignedDuration;
use jiff::Timestamp;

use super::EndingGrant;
use super::PlannedFile;
use super::PlannedLinks;
use crate::fsx::FsError;
use crate::fsx::Occupant;
use crate::fsx::SymlinkError;
use crate::fsx::occupant;
use crate::host::accounts::Accounts;
use crate::host::generation::Running;
use crate::host::grant::FileError;
use crate::host::index::Change;
use crate::host::index::Installed;
use crate::host::index::Reach;
use crate::host::index::UnitActions;
use crate::host::links::LinkKeeper;
use crate::host::links::links_of;
use crate::host::make::carried;
use crate::host::outcome::FailureReport;
use crate::host::outcome::FileOutcome;
use crate::host::placement::Target;
use crate::host::placement::UnitName;
use crate::host::request::Content;
use crate::host::request::Phase;
use crate::host::request::Request;
use crate::host::sealed;
use crate::host::trust::SealedTree;
use crate::host::wish::Resolver;
use crate::host::wish::Source;
use crate::host::wish::Verdict;
use crate::host::wish::Wish;
use crate::manifest::Manifest;

/// Grants that end within this time are told.
const SOON: SignedDuration = SignedDuration::from_hours(14 * 24);
/// Where links below `/etc` lead that a switch itself removes before it activates.
const STATIC_ETC: &str = "/etc/static";

/// Everything that a plan compares.
pub(super) struct Comparison<'a> {
    pub(super) request: &'a Request,
    pub(super) tree: &'a SealedTree,
    pub(super) running: Option<&'a Running>,
    pub(super) links: &'a LinkKeeper<'a>,
    pub(super) phase: Phase,
    pub(super) now: Timestamp,
}

/// What would become of the files.
#[derive(Default)]
pub(super) struct Compared {
    pub(super) files: Vec<PlannedFile>,
    /// The files of the next generation.
    pub(super) next: BTreeMap<Target, Installed>,
    /// Whether something must be decrypted.
    pub(super) needs_identity: bool,
}

impl Comparison<'_> {
    /// Decides over every entry of the request and every file that runs, in the order of their targets.
    pub(super) fn files(&self, accounts: &Accounts) -> Compared {
        let manifest = self.tree.manifest();
        let resolver =
            Resolver { request: self.request, manifest, accounts, links: self.links, now: self.now };
        let verdicts = resolver.verdicts(self.phase);
        let mut compared = Compared::default();
        let old = self.running.map(|running| &running.index.files);
        for (target, installed) in
            old.into_iter().flatten().filter(|(target, _)| !verdicts.contains_key(target))
        {
            match self.phase {
                Phase::Main => compared.file(target, FileOutcome::Removed, BTreeSet::new()),
                Phase::Users => drop(compared.next.insert(target.clone(), installed.clone())),
            }
        }
        for (target, verdict) in verdicts {
            match verdict {
                Verdict::Wanted(wish) => self.wanted(target, &wish, &mut compared),
                Verdict::Skipped if self.known(target).is_some() => {
                    compared.file(target, FileOutcome::Removed, BTreeSet::new());
                }
                Verdict::Skipped => compared.file(target, FileOutcome::Skipped, BTreeSet::new()),
                Verdict::Refused(error) => self.failed(target, &error, &mut compared),
            }
        }
        compared.files.sort_by(|a, b| a.target.cmp(&b.target));
        compared
    }

    fn known(&self, target: &Target) -> Option<&Installed> {
        self.running?.index.files.get(target)
    }

    fn wanted(&self, target: &Target, wish: &Wish<'_>, compared: &mut Compared) {
        let old = self.running.and_then(|running| running.index.files.get(target));
        if let Some(made) = carried(self.running, target, &wish.lasting(old)) {
            let outcome = if made.changes.is_empty() { FileOutcome::Unchanged } else { FileOutcome::Changed };
            compared.file(target, outcome, made.changes);
            compared.next.insert(target.clone(), made.installed);
            return;
        }
        compared.needs_identity = true;
        if let Err(error) = self.sound(&wish.source) {
            return self.failed(target, &error, compared);
        }
        compared.next.insert(target.clone(), wish.installed.clone());
        match self.running.and_then(|running| running.entry(target)) {
            None => compared.file(target, FileOutcome::Added, BTreeSet::new()),
            Some(old) => {
                let mut changes = old.changes(&wish.installed);
                if changes.is_empty() {
                    // The file is not as it was installed: somebody changed it by hand.
                    changes.insert(Change::Content);
                }
                compared.file(target, FileOutcome::Changed, changes);
            }
        }
    }

    /// Whether the ciphertexts are those that were signed. Only what would be opened is looked at.
    fn sound(&self, source: &Source<'_>) -> Result<(), FileError> {
        match source {
            Source::Secret(entry) => sealed::check(self.tree, entry),
            Source::Template { values, .. } => {
                values.values().try_for_each(|entry| sealed::check(self.tree, entry))
            }
        }
    }

    fn failed(&self, target: &Target, error: &FileError, compared: &mut Compared) {
        let last_good = self.running.and_then(|running| running.last_good(self.request, target));
        compared.next.extend(last_good.map(|old| (target.clone(), old.clone())));
        compared.files.push(PlannedFile {
            target: target.clone(),
            outcome: FileOutcome::of_failure(error, last_good.is_some()),
            changes: BTreeSet::new(),
            failure: Some(FailureReport::of(error)),
            repairable: is_repairable(error),
        });
    }

    /// Units that would be told, and the files for which.
    pub(super) fn units(&self, files: &[PlannedFile]) -> (UnitActions, BTreeMap<UnitName, BTreeSet<Target>>) {
        let mut actions = UnitActions::default();
        let mut reasons: BTreeMap<UnitName, BTreeSet<Target>> = BTreeMap::new();
        let Some(running) = self.running else { return (actions, reasons) };
        actions.add(&running.index.pending.restart, &running.index.pending.reload);
        let changed = |file: &&PlannedFile| {
            running.index.reach == Reach::Main
                && matches!(file.outcome, FileOutcome::Added | FileOutcome::Changed)
        };
        for file in files.iter().filter(changed) {
            let Some(wanted) = self.request.files.get(&file.target) else { continue };
            let (restart, reload) = (&wanted.placement.restart_units, &wanted.placement.reload_units);
            actions.add(restart, reload);
            for unit in restart.union(reload) {
                reasons.entry(unit.clone()).or_default().insert(file.target.clone());
            }
        }
        for unit in actions.restart.union(&actions.reload) {
            reasons.entry(unit.clone()).or_default();
        }
        (actions, reasons)
    }

    /// Links that would be made, and those that would go.
    pub(super) fn links(&self, next: &BTreeMap<Target, Installed>) -> PlannedLinks {
        let wanted = links_of(next, &self.request.link);
        let made = |path: &Path, to: &PathBuf| match self.links.check(path) {
            Ok(seen) => seen != Occupant::Link(to.clone()),
            // Why it cannot be made is told with its file.
            Err(_) => false,
        };
        let add = wanted.iter().filter(|(path, to)| made(path, to));
        let add = add.map(|(path, to)| (path.clone(), to.clone())).collect();
        let remove = match self.phase {
            Phase::Main => {
                standing(self.links.remembered.iter().filter(|(path, _)| !wanted.contains_key(*path)))
            }
            Phase::Users => BTreeMap::new(),
        };
        PlannedLinks { add, remove }
    }

    /// Grants of what is asked for that end soon.
    pub(super) fn ending(&self, manifest: &Manifest) -> BTreeSet<EndingGrant> {
        let belongs = |phase: Phase| self.phase == Phase::Main || phase == self.phase;
        let files = self.request.files.values().filter(|wanted| belongs(wanted.phase));
        let names = files.flat_map(|wanted| match &wanted.content {
            Content::Secret(name) => BTreeSet::from([name]),
            Content::Template(template) => template.names(),
        });
        let ending = names.filter_map(|name| {
            let not_after = manifest.secrets.get(name)?.not_after?;
            let left = not_after.duration_since(self.now);
            let soon = !left.is_negative() && left <= SOON;
            soon.then(|| EndingGrant { not_after, secret: name.clone() })
        });
        ending.collect()
    }
}

/// Of these links, those that still stand as they were made.
pub(super) fn standing<'l>(
    links: impl Iterator<Item = (&'l PathBuf, &'l PathBuf)>,
) -> BTreeMap<PathBuf, PathBuf> {
    let stands =
        |path: &Path, to: &PathBuf| occupant(path).is_ok_and(|seen| seen == Occupant::Link(to.clone()));
    links.filter(|(path, to)| stands(path, to)).map(|(path, to)| (path.clone(), to.clone())).collect()
}

impl Compared {
    fn file(&mut self, target: &Target, outcome: FileOutcome, changes: BTreeSet<Change>) {
        let target = target.clone();
        self.files.push(PlannedFile { target, outcome, changes, failure: None, repairable: false });
    }
}

/// Whether the failure may be gone by the time of the activation, or only this user fails to look.
fn is_repairable(error: &FileError) -> bool {
    let forbidden = |error: &FsError| error.source.kind() == std::io::ErrorKind::PermissionDenied;
    match error {
        FileError::UnknownUser { .. } | FileError::UnknownGroup { .. } => true,
        FileError::PathOccupied { path, .. } => {
            path.read_link().is_ok_and(|target| target.starts_with(STATIC_ETC))
        }
        FileError::Fs(error) | FileError::Path(SymlinkError::Fs(error)) => forbidden(error),
        _ => false,
    }
}
