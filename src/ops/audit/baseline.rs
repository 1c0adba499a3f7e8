//! Findings that a person has seen and put off: told as known, and no reason to fail.

use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::path::Path;
use std::path::PathBuf;

use jiff::Timestamp;
use serde::Deserialize;
use serde::Serialize;

use super::AuditReport;
use crate::diag::Class;
use crate::diag::Failure;
use crate::diag::Finding;
use crate::diag::Severity;
use crate::diag::catalogue;
use crate::fsx::FsError;
use crate::fsx::write_atomic;
use crate::ops::workspace::Workspace;

/// The one version of the format that exists.
const VERSION: u32 = 1;
/// Largest baseline that is read.
const MAX: u64 = 16 << 20;

/// Why a baseline is not used.
#[derive(Debug, thiserror::Error, miette::Diagnostic)]
#[non_exhaustive]
pub enum BaselineError {
    /// The file could not be read or written.
    #[error(transparent)]
    #[diagnostic(transparent)]
    Fs(#[from] FsError),
    /// The text is no baseline.
    #[error("the baseline `{}` does not parse: {reason}", path.display())]
    #[diagnostic(code(baseline::malformed), help("write it anew: `secretctl audit --write-baseline {}`", path.display()))]
    Malformed {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        reason: String,
    },
    /// The format is newer than this program.
    #[error("the baseline `{}` has version {found}, and this program reads version {VERSION}", path.display())]
    #[diagnostic(code(baseline::version), help("update secretctl"))]
    Version {
        /// The file.
        path: PathBuf,
        /// Its version.
        found: u32,
    },
    /// It names what nobody may put off.
    #[error("the baseline `{}` names `{code}`, which can't be put off: {reason}", path.display())]
    #[diagnostic(code(baseline::always), help("remove that entry, and look into what it says"))]
    Always {
        /// The file.
        path: PathBuf,
        /// The code.
        code: String,
        /// Why.
        reason: &'static str,
    },
}

impl Failure for BaselineError {
    fn class(&self) -> Class {
        match self {
            Self::Fs(error) => error.class(),
            _ => Class::Usage,
        }
    }
}

/// A finding as a baseline knows it: by code and by what it is about, never by its wording.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Known {
    /// Stable code.
    pub code: String,
    /// The things it is about.
    pub about: Vec<String>,
    /// When it was put into the baseline.
    pub since: Timestamp,
}

/// The findings that are known.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Baseline {
    version: u32,
    known: Vec<Known>,
}

#[derive(Deserialize)]
struct Versioned {
    version: u32,
}

impl Baseline {
    /// Reads a baseline strictly.
    pub fn read(ws: &Workspace, path: &Path) -> Result<Self, BaselineError> {
        let malformed = |error: serde_json::Error| BaselineError::Malformed {
            path: path.to_owned(),
            reason: error.to_string(),
        };
        let bytes = ws.read_argument(path, MAX)?;
        let Versioned { version } = serde_json::from_slice(&bytes).map_err(malformed)?;
        if version != VERSION {
            return Err(BaselineError::Version { path: path.to_owned(), found: version });
        }
        let baseline: Self = serde_json::from_slice(&bytes).map_err(malformed)?;
        let always = |known: &Known| Some((known.code.clone(), catalogue::kind(&known.code)?.always()?));
        match baseline.known.iter().find_map(always) {
            Some((code, reason)) => Err(BaselineError::Always { path: path.to_owned(), code, reason }),
            None => Ok(baseline),
        }
    }

    /// All warnings and errors of a report that may be put off; those that `before` knows keep their day.
    pub fn of(report: &AuditReport, before: Option<&Self>) -> Self {
        let days = before.map(Self::days).unwrap_or_default();
        let mut known = BTreeMap::new();
        for finding in &report.findings {
            if finding.class != Class::Finding || finding.severity == Severity::Note {
                continue;
            }
            let identity = identity(finding);
            let earlier = days.get(&identity).copied();
            known.insert(identity, earlier.unwrap_or(report.at));
        }
        let known = known.into_iter().map(|((code, about), since)| Known { code, about, since });
        Self { version: VERSION, known: known.collect() }
    }

    /// Writes the baseline, sorted, so that it can be reviewed like any other file.
    pub fn write(&self, path: &Path) -> Result<(), BaselineError> {
        let malformed = |error: serde_json::Error| BaselineError::Malformed {
            path: path.to_owned(),
            reason: error.to_string(),
        };
        let text = serde_json::to_string_pretty(self).map_err(malformed)?;
        Ok(write_atomic(path, format!("{text}\n").as_bytes(), 0o644)?)
    }

    /// Number of findings that it knows.
    pub fn len(&self) -> usize {
        self.known.len()
    }

    /// Whether it knows none.
    pub fn is_empty(&self) -> bool {
        self.known.is_empty()
    }

    fn days(&self) -> BTreeMap<Identity, Timestamp> {
        self.known.iter().map(|known| (known.identity(), known.since)).collect()
    }
}

/// What makes a finding the same tomorrow: its code, and what it is about.
type Identity = (String, Vec<String>);

impl Known {
    fn identity(&self) -> Identity {
        (self.code.clone(), self.about.clone())
    }
}

impl AuditReport {
    /// Turns what the baseline knows into notes, and remembers what it knows and is not found any more.
    pub fn hold_against(&mut self, baseline: &Baseline) {
        let days = baseline.days();
        let mut found = BTreeSet::new();
        for finding in &mut self.findings {
            let identity = identity(finding);
            let Some(since) = days.get(&identity) else { continue };
            found.insert(identity);
            if finding.class == Class::Finding {
                finding.severity = Severity::Note;
                finding.known_since = Some(*since);
            }
        }
        let gone = |known: &&Known| !found.contains(&known.identity());
        self.gone = baseline.known.iter().filter(gone).cloned().collect();
        self.findings.sort();
    }
}

/// What tells a finding from every other. One that names nothing is told apart by its wording: rather new than hidden.
pub fn identity(finding: &Finding) -> Identity {
    if !finding.about.is_empty() {
        return (finding.code.clone(), finding.about.clone());
    }
    let file = finding.place.as_ref().map(|place| place.file.display().to_string());
    (finding.code.clone(), file.into_iter().chain([finding.message.clone()]).collect())
}
