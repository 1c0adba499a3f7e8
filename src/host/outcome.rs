//! What a run did, file by file; names and outcomes only, never a value.

use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::fmt::Write;
use std::path::PathBuf;

use jiff::Timestamp;
use serde::Serialize;

use super::grant::FileError;
use super::index::Change;
use super::index::UnitActions;
use super::placement::Target;
use super::placement::UnitName;
use super::request::Phase;
use super::request::Request;
use super::trust::Admitted;
use super::trust::Remark;
use crate::diag::Class;
use crate::diag::Failure;
use crate::diag::Finding;
use crate::diag::Severity;
use crate::name::HostName;
use crate::name::SecretName;

/// The version of the JSON form.
const VERSION: u32 = 1;

/// A failure as the status shows it.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
pub struct FailureReport {
    /// Stable code.
    pub code: String,
    /// What kind of failure it is.
    pub class: Class,
    /// What happened, with causes.
    pub message: String,
    /// What to do next.
    pub help: Option<String>,
}

impl FailureReport {
    /// An error as the status shows it.
    pub fn of(failure: &impl Failure) -> Self {
        let Finding { code, class, message, help, .. } = Finding::from_failure(failure);
        Self { code, class, message, help }
    }

    /// The failure as a finding, for people.
    pub fn finding(&self) -> Finding {
        let finding = Finding::new(Severity::Error, self.class, &self.code, self.message.clone());
        Finding { help: self.help.clone(), ..finding }
    }
}

/// What became of one file.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum FileOutcome {
    /// It was not there before.
    Added,
    /// Its content or attributes changed.
    Changed,
    /// It stayed as it was.
    Unchanged,
    /// It is not asked for any more.
    Removed,
    /// It failed, and its last good value stays.
    Kept,
    /// It may not be read here, and no earlier value is there.
    Denied,
    /// It failed, and no earlier value is there.
    Failed,
    /// It is optional and not granted.
    Skipped,
}

impl FileOutcome {
    /// Every outcome, in the order of summaries.
    pub(super) const ALL: [Self; 8] = [
        Self::Added,
        Self::Changed,
        Self::Removed,
        Self::Unchanged,
        Self::Kept,
        Self::Denied,
        Self::Failed,
        Self::Skipped,
    ];

    /// What becomes of a file that failed.
    pub(super) fn of_failure(error: &FileError, last_good: bool) -> Self {
        match error {
            _ if last_good => Self::Kept,
            error if error.is_denial() => Self::Denied,
            _ => Self::Failed,
        }
    }
}

impl std::fmt::Display for FileOutcome {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(match self {
            Self::Added => "added",
            Self::Changed => "changed",
            Self::Unchanged => "unchanged",
            Self::Removed => "removed",
            Self::Kept => "kept",
            Self::Denied => "denied",
            Self::Failed => "failed",
            Self::Skipped => "skipped",
        })
    }
}

/// One file of the report.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
pub struct FileReport {
    /// Where it lands below the link.
    #[serde(rename = "as")]
    pub target: Target,
    /// The secret, unless it is a template.
    pub secret: Option<SecretName>,
    /// Revision of the secret that is installed.
    pub revision: Option<u64>,
    /// What became of it.
    pub outcome: FileOutcome,
    /// What differs from the generation before.
    pub changes: BTreeSet<Change>,
    /// Why it failed.
    pub failure: Option<FailureReport>,
}

impl FileReport {
    fn line(&self) -> String {
        let revision = self.revision.map(|n| format!(" revision {n}")).unwrap_or_default();
        let changes: Vec<String> = self.changes.iter().map(ToString::to_string).collect();
        let changes = match self.outcome {
            FileOutcome::Changed => format!(" ({})", changes.join(", ")),
            _ => String::new(),
        };
        let other = self.secret.as_ref().filter(|secret| secret.as_str() != self.target.as_str());
        let from = other.map(|secret| format!(" from {secret}")).unwrap_or_default();
        format!("{:<9} {}{from}{revision}{changes}", self.outcome, self.target)
    }
}

/// Everything that a run did.
#[derive(Clone, Debug, Serialize)]
pub struct Outcome {
    /// Version of the JSON form.
    pub version: u32,
    /// When it ran.
    pub at: Timestamp,
    /// The host.
    pub host: HostName,
    /// Which phase.
    pub phase: Phase,
    /// The generation that the link points to now.
    pub generation: Option<u64>,
    /// Serial of the manifest.
    pub serial: Option<u64>,
    /// When the manifest was sealed.
    pub sealed_at: Option<Timestamp>,
    /// Fingerprint of the key that signed it.
    pub signer: Option<String>,
    /// The identity that opened the sealing identity; none when nothing had to be decrypted.
    pub identity: Option<PathBuf>,
    /// What was unusual: an older serial, changed keys.
    pub remarks: Vec<Remark>,
    /// Every file that this phase handled.
    pub files: Vec<FileReport>,
    /// Units that were, or are to be, restarted and reloaded.
    pub units: UnitActions,
    /// What went wrong beside the files; what was switched stays switched.
    pub problems: Vec<FailureReport>,
    /// Why the run as a whole was refused; then nothing was changed.
    pub failure: Option<FailureReport>,
    /// The worst class of failure, if there was one.
    pub class: Option<Class>,
    /// The exit code.
    pub exit_code: u8,
}

impl Outcome {
    /// A run that has done nothing yet.
    pub(super) fn started(request: &Request, phase: Phase, now: Timestamp) -> Self {
        Self {
            version: VERSION,
            at: now,
            host: request.host.clone(),
            phase,
            generation: None,
            serial: None,
            sealed_at: None,
            signer: None,
            identity: None,
            remarks: Vec::new(),
            files: Vec::new(),
            units: UnitActions::default(),
            problems: Vec::new(),
            failure: None,
            class: None,
            exit_code: 0,
        }
    }

    /// The same with what the manifest says.
    pub(super) fn admitted(self, admitted: &Admitted) -> Self {
        let tree = admitted.tree();
        Self {
            serial: Some(tree.manifest().serial),
            sealed_at: Some(tree.manifest().sealed_at),
            signer: Some(tree.signer().fingerprint()),
            remarks: admitted.remarks().to_vec(),
            ..self
        }
    }

    /// The same with class and exit code, taken from everything that failed.
    pub(super) fn concluded(mut self) -> Self {
        let files = self.files.iter().filter_map(|file| file.failure.as_ref());
        let all = files.chain(&self.problems).chain(&self.failure);
        self.class = all.map(|failure| failure.class).max();
        self.exit_code = self.class.map_or(0, Class::exit_code);
        self
    }

    /// How many files had each outcome.
    pub(super) fn counts(&self) -> BTreeMap<FileOutcome, usize> {
        let mut counts: BTreeMap<_, _> = FileOutcome::ALL.into_iter().map(|outcome| (outcome, 0)).collect();
        for file in &self.files {
            *counts.entry(file.outcome).or_default() += 1;
        }
        counts
    }

    /// One line for each file that changed.
    pub fn lines(&self) -> Vec<String> {
        let quiet =
            |file: &&FileReport| !matches!(file.outcome, FileOutcome::Unchanged | FileOutcome::Skipped);
        self.files.iter().filter(quiet).map(FileReport::line).collect()
    }

    /// Remarks and failures, for people.
    pub fn findings(&self) -> Vec<Finding> {
        let remark = |remark: &Remark| {
            let (severity, code) = match remark {
                Remark::Rollback { .. } => (Severity::Warning, "trust::rollback"),
                Remark::SameSerial { .. } => (Severity::Note, "trust::same_serial"),
                Remark::TrustPinned => (Severity::Note, "trust::pinned"),
                Remark::TrustChanged => (Severity::Note, "trust::changed"),
                Remark::StateUnreadable => (Severity::Note, "trust::state_unreadable"),
            };
            Finding::new(severity, Class::Integrity, code, remark.to_string())
        };
        let remarks = self.remarks.iter().map(remark);
        let file = |file: &FileReport| {
            let finding = file.failure.as_ref()?.finding();
            Some(Finding { message: format!("`{}`: {}", file.target, finding.message), ..finding })
        };
        let problems = self.problems.iter().map(FailureReport::finding);
        remarks.chain(self.files.iter().filter_map(file)).chain(problems).collect()
    }

    /// One line about all of it.
    pub fn summary(&self) -> String {
        let counts = self.counts();
        let some = FileOutcome::ALL.into_iter().filter_map(|outcome| match counts.get(&outcome) {
            None | Some(0) => None,
            Some(count) => Some(format!("{count} {outcome}")),
        });
        let files = some.collect::<Vec<_>>().join(", ");
        let files = if files.is_empty() { "nothing to install".to_owned() } else { files };
        let number = |number: Option<u64>| number.map_or_else(|| "none".to_owned(), |n| n.to_string());
        let mut text =
            format!("generation {}, serial {}: {files}", number(self.generation), number(self.serial));
        for (verb, units) in [("to restart:", &self.units.restart), ("to reload:", &self.units.reload)] {
            if !units.is_empty() {
                let names: Vec<&str> = units.iter().map(UnitName::as_str).collect();
                let _ = write!(text, "; {verb} {}", names.join(", "));
            }
        }
        text
    }
}
