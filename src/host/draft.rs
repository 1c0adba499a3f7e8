//! What is to be done about each file, and what became of it.

use std::collections::BTreeMap;

use super::generation::Running;
use super::grant::FileError;
use super::index::Installed;
use super::make::Made;
use super::make::carried;
use super::outcome::FailureReport;
use super::outcome::FileOutcome;
use super::outcome::FileReport;
use super::placement::Target;
use super::request::Phase;
use super::wish::Verdict;
use super::wish::Wish;

/// What is to be done about each file.
pub(super) struct Draft<'a> {
    /// Files of the other phase, which stay as they are.
    pub(super) untouched: BTreeMap<Target, Installed>,
    /// Files of the running generation that can stand for what is wanted.
    pub(super) carried: BTreeMap<&'a Target, Made>,
    /// Files that must be decrypted or rendered.
    pub(super) missing: BTreeMap<&'a Target, Wish<'a>>,
    pub(super) refused: BTreeMap<&'a Target, FileError>,
    pub(super) skipped: Vec<&'a Target>,
}

impl<'a> Draft<'a> {
    pub(super) fn of(
        verdicts: BTreeMap<&'a Target, Verdict<'a>>,
        running: Option<&Running>,
        phase: Phase,
    ) -> Self {
        let mut draft = Self {
            untouched: BTreeMap::new(),
            carried: BTreeMap::new(),
            missing: BTreeMap::new(),
            refused: BTreeMap::new(),
            skipped: Vec::new(),
        };
        if let (Phase::Users, Some(running)) = (phase, running) {
            let stays = |target: &Target| {
                !verdicts.contains_key(target) && running.folder.see(target.as_str()).is_some()
            };
            let others = running.index.files.iter().filter(|(target, _)| stays(target));
            draft.untouched = others.map(|(target, file)| (target.clone(), file.clone())).collect();
        }
        for (target, verdict) in verdicts {
            match verdict {
                Verdict::Wanted(wish) => {
                    let old = running.and_then(|running| running.index.files.get(target));
                    match carried(running, target, &wish.lasting(old)) {
                        Some(made) => drop(draft.carried.insert(target, made)),
                        None => drop(draft.missing.insert(target, wish)),
                    }
                }
                Verdict::Skipped => draft.skipped.push(target),
                Verdict::Refused(error) => drop(draft.refused.insert(target, error)),
            }
        }
        draft
    }
}

/// What the files of the next generation are, and what became of each entry.
#[derive(Default)]
pub(super) struct Files {
    pub(super) installed: BTreeMap<Target, Installed>,
    pub(super) reports: BTreeMap<Target, FileReport>,
}

impl Files {
    pub(super) fn report(
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

    pub(super) fn succeeded(&mut self, target: &Target, made: Made, known: bool) {
        let outcome = match (known, made.changes.is_empty()) {
            (false, _) => FileOutcome::Added,
            (true, true) => FileOutcome::Unchanged,
            (true, false) => FileOutcome::Changed,
        };
        self.report(target, outcome, Some(&made), None);
        self.installed.insert(target.clone(), made.installed);
    }

    pub(super) fn failed(&mut self, target: &Target, error: &FileError, last_good: Option<&Installed>) {
        let outcome = FileOutcome::of_failure(error, last_good.is_some());
        let kept = last_good.map(|old| Made { installed: old.clone(), changes: [].into() });
        self.report(target, outcome, kept.as_ref(), Some(error));
        self.installed.extend(last_good.map(|old| (target.clone(), old.clone())));
    }
}
