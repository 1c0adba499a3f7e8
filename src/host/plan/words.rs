//! A plan in words, for people.

use std::collections::BTreeMap;
use std::path::PathBuf;

use super::Plan;
use super::PlannedFile;
use crate::diag::Class;
use crate::diag::Finding;
use crate::diag::Severity;
use crate::host::outcome::FailureReport;
use crate::host::outcome::FileOutcome;
use crate::host::placement::Target;
use crate::host::placement::UnitName;
use crate::host::trust::Remark;

impl Plan {
    /// One line for each thing that would change.
    pub fn lines(&self) -> Vec<String> {
        let mut lines: Vec<String> = self.files.iter().filter_map(PlannedFile::line).collect();
        let links = |sign: char, links: &BTreeMap<PathBuf, PathBuf>| -> Vec<String> {
            let arrow =
                |(path, to): (&PathBuf, &PathBuf)| format!("{sign} {} -> {}", path.display(), to.display());
            links.iter().map(arrow).collect()
        };
        lines.extend(links('+', &self.links.add));
        lines.extend(links('-', &self.links.remove));
        lines.extend(self.units.restart.iter().map(|unit| format!("restart {unit} {}", self.reason(unit))));
        lines.extend(self.units.reload.iter().map(|unit| format!("reload {unit} {}", self.reason(unit))));
        if lines.is_empty() && self.failure.is_none() {
            let nothing =
                if self.changed { "the first generation, without any file" } else { "nothing to do" };
            lines.push(nothing.to_owned());
        }
        lines
    }

    fn reason(&self, unit: &UnitName) -> String {
        let files = self.unit_reasons.get(unit).into_iter().flatten();
        let names: Vec<&str> = files.map(Target::as_str).collect();
        if names.is_empty() {
            "(left over from a run that ended early)".to_owned()
        } else {
            format!("({})", names.join(", "))
        }
    }

    /// What would fail, and what is worth knowing.
    pub fn findings(&self) -> Vec<Finding> {
        // A plan pins nothing, and that the first activation will is no news.
        let remarks = self.remarks.iter().filter(|remark| **remark != Remark::TrustPinned).map(|remark| {
            let severity = match remark {
                Remark::Rollback { .. } => Severity::Warning,
                _ => Severity::Note,
            };
            Finding::new(severity, Class::Integrity, "plan::remark", remark.to_string())
        });
        let ending = self.ending.iter().map(|grant| {
            let message = format!("the grant of `{}` ends at {}", grant.secret, grant.not_after);
            let finding = Finding::new(Severity::Note, Class::Finding, "plan::grant_ends", message);
            finding.help("prolong it in the policy and run `secretctl seal`, or drop the secret here")
        });
        let files = self.files.iter().filter_map(PlannedFile::finding);
        let failure = self.failure.iter().map(FailureReport::finding);
        remarks.chain(ending).chain(self.stays()).chain(self.later()).chain(files).chain(failure).collect()
    }

    /// Nothing needs an identity now, but the next start of the machine will.
    fn later(&self) -> Option<Finding> {
        let unneeded = self.failure.is_none() && !self.identities.is_empty() && self.no_identity();
        let message = format!(
            "no identity file of this host is there, so the next start of the machine would fail; looked for {}",
            self.looked_for()
        );
        let finding = Finding::new(Severity::Warning, Class::Environment, "plan::no_identity", message);
        unneeded.then(|| finding.help("bring the key back, or correct `identities`"))
    }

    /// A system without secretctl has nothing that could remove what another one installed.
    fn stays(&self) -> Option<Finding> {
        let system = self.without.as_ref()?;
        let message = format!(
            "the system at `{}` does not use secretctl: what is installed stays until the machine restarts, links at custom paths stay for good",
            system.display()
        );
        let finding = Finding::new(Severity::Warning, Class::Finding, "plan::without", message);
        let help = "switch once to a system with `secretctl.enable` and no secret, which removes everything";
        self.changed.then(|| finding.help(help))
    }
}

impl PlannedFile {
    fn line(&self) -> Option<String> {
        let (mark, outcome) = match self.outcome {
            FileOutcome::Unchanged | FileOutcome::Skipped => return None,
            FileOutcome::Added => ('+', String::new()),
            FileOutcome::Removed => ('-', String::new()),
            FileOutcome::Changed => ('~', String::new()),
            FileOutcome::Kept | FileOutcome::Denied | FileOutcome::Failed => {
                ('!', format!(" {}", self.outcome))
            }
        };
        let changes: Vec<String> = self.changes.iter().map(ToString::to_string).collect();
        let changes = if changes.is_empty() { String::new() } else { format!(" ({})", changes.join(", ")) };
        Some(format!("{mark} {}{changes}{outcome}", self.target))
    }

    fn finding(&self) -> Option<Finding> {
        let failure = self.failure.as_ref()?.finding();
        let severity = if self.repairable { Severity::Warning } else { Severity::Error };
        Some(Finding { severity, message: format!("`{}`: {}", self.target, failure.message), ..failure })
    }
}
