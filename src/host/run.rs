//! One run: building a generation, switching to it, links, state, units, pruning.

use std::time::Duration;

use super::activate::ActivateError;
use super::activate::Options;
use super::draft::Draft;
use super::draft::Files;
use super::generation::FOLDER_MODE;
use super::generation::Running;
use super::generation::Store;
use super::index::Index;
use super::index::Installed;
use super::index::Reach;
use super::index::UnitActions;
use super::index::VERSION;
use super::links::LinkKeeper;
use super::links::Links;
use super::links::links_of;
use super::make::Made;
use super::make::Maker;
use super::outcome::FailureReport;
use super::outcome::FileOutcome;
use super::outcome::FileReport;
use super::outcome::Outcome;
use super::placement::Target;
use super::request::Content;
use super::request::Phase;
use super::request::Request;
use super::state::State;
use super::trust::Admitted;
use super::trust::TrustError;
use super::unwrap::Unwrapped;
use crate::fsx::Folder;
use crate::fsx::FsError;

/// How long a reader that resolved the link just before a switch has to open its file: thousands of times what
/// a path walk in memory takes, and little beside a restart of a unit.
const GRACE: Duration = Duration::from_millis(5);

/// Whether a run made a new generation.
#[derive(Clone, Copy, Eq, PartialEq)]
enum Next {
    Built,
    Running,
}

/// One run, from its draft to the last generation pruned.
pub(super) struct Run<'a> {
    pub(super) request: &'a Request,
    pub(super) options: &'a Options,
    pub(super) admitted: &'a Admitted,
    pub(super) running: Option<&'a Running>,
    /// The generation that the link points to, also where its index cannot be read.
    pub(super) linked: Option<u64>,
    pub(super) store: &'a Store<'a>,
    pub(super) links: &'a LinkKeeper<'a>,
}

impl Run<'_> {
    /// Makes what is missing, switches, and tells everybody.
    pub(super) fn finish(
        &self,
        draft: Draft<'_>,
        unwrapped: Option<&Unwrapped>,
        before: &State,
        mut outcome: Outcome,
    ) -> Result<Outcome, ActivateError> {
        let (next, number) = match self.running {
            Some(running) if !self.needs_generation(&draft) => (Next::Running, running.index.generation),
            _ => (Next::Built, self.linked.unwrap_or_default() + 1),
        };
        let mut files = match next {
            Next::Built => {
                self.build(number, draft, unwrapped).inspect_err(|_| self.store.abandon(number))?
            }
            Next::Running => self.keep(draft),
        };
        let units = self.unit_actions(&files);
        let index = self.index(number, &files, units.clone());
        let wanted = links_of(&index.files, &self.request.link);
        // A state that cannot be written, as on a disk that is read-only, must not cost the values themselves.
        let remembered = self.remember_links_ahead(before, &wanted);
        self.switch(&index, next).inspect_err(|_| self.store.abandon(number))?;
        // From here on the new files stand, and whatever fails is reported beside them.
        outcome.problems.extend(remembered.err().map(|error| FailureReport::of(&error)));
        outcome.problems.extend(self.place_links(&wanted, &mut files));
        outcome.problems.extend(self.remember(before, &wanted));
        outcome.problems.extend(self.tell_units(index, &units));
        if next == Next::Built && self.linked.is_some() {
            std::thread::sleep(GRACE);
        }
        outcome.problems.extend(self.store.prune(number).err().map(|error| FailureReport::of(&error)));
        outcome.generation = Some(number);
        outcome.files = files.reports.into_values().map(|report| self.named(report)).collect();
        outcome.units = units;
        Ok(outcome)
    }

    /// Points the link to a generation that was built, or brings the index of the running one up to date.
    fn switch(&self, index: &Index, next: Next) -> Result<(), ActivateError> {
        if next == Next::Built {
            self.store.switch(index)?;
        } else if self.running.is_some_and(|running| running.index != *index) {
            self.store.write_index(index)?;
        }
        Ok(())
    }

    fn remember(&self, before: &State, wanted: &Links) -> Option<FailureReport> {
        let next = State { links: self.kept_links(wanted), ..self.admitted.next_state().clone() };
        if next == *before {
            return None;
        }
        next.write(&self.request.state).err().map(|error| FailureReport::of(&error))
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
                || (draft.refused.contains_key(target) && self.last_good(target).is_some())
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
            files.failed(target, error, self.last_good(target));
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
        for target in draft.refused.keys().filter(|target| self.last_good(target).is_some()) {
            self.link_over(&folder, target)?;
        }
        for target in missing.keys() {
            folder.create_parents(target.as_str(), FOLDER_MODE)?;
        }
        let mut files = self.keep(draft);
        if let Some(unwrapped) = unwrapped {
            let (tree, identity) = (self.admitted.tree(), &unwrapped.identity);
            let maker = Maker { tree, identity, running: self.running, folder: &folder };
            for (target, made) in maker.make_all(&missing) {
                match made {
                    Ok(made) => files.succeeded(target, made, self.old(target).is_some()),
                    Err(error) => {
                        let last_good = self.last_good(target);
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

    fn old(&self, target: &Target) -> Option<&Installed> {
        self.running?.entry(target)
    }

    fn last_good(&self, target: &Target) -> Option<&Installed> {
        self.running?.last_good(self.request, target)
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

    /// Queues the jobs; those that are worth another try stay noted in the index for the next run.
    fn tell_units(&self, index: Index, units: &UnitActions) -> Vec<FailureReport> {
        if units.is_empty() {
            return Vec::new();
        }
        let untold = self.options.units.queue(units);
        let mut problems: Vec<_> = untold.errors.iter().map(FailureReport::of).collect();
        if untold.left != index.pending {
            let told = Index { pending: untold.left, ..index };
            problems.extend(self.store.write_index(&told).err().map(|error| FailureReport::of(&error)));
        }
        problems
    }
}

fn own<A: Clone, B: Clone>((a, b): (&A, &B)) -> (A, B) {
    (a.clone(), b.clone())
}
