//! Rotation, exposure, expiry and strength of every value, told from public material alone: no key, no network.

mod baseline;
mod exposure;
mod former;
mod history;
mod output;
mod values;
pub(super) mod weigh;

use std::collections::BTreeSet;

use jiff::Timestamp;
use serde::Serialize;

pub use baseline::Baseline;
pub use baseline::BaselineError;
pub use baseline::Known;
pub use baseline::identity;
pub use exposure::Exposure;
pub use exposure::Knower;
pub use history::HistoryReport;
pub use history::OldSecret;
pub use history::history;
pub use output::append;
pub use output::folder_in_repository;
pub use output::write;
pub use values::Duplicates;
pub use values::ValueState;
pub use values::ValueStatus;

use crate::diag::Class;
use crate::diag::Finding;
use crate::diag::Severity;
use crate::ops::check;
use crate::ops::check::Checked;
use crate::ops::error::OpsError;
use crate::ops::history::Back;
use crate::ops::history::Record;
use crate::ops::workspace::Workspace;

/// What an audit found.
#[derive(Clone, Debug, Serialize)]
pub struct AuditReport {
    /// Version of this schema.
    pub version: u32,
    /// The time that it was made for.
    pub at: Timestamp,
    /// Number of secrets that were looked at.
    pub secrets: usize,
    /// Number of hosts whose sealed tree was looked at.
    pub hosts: usize,
    /// The value of each secret, by name.
    pub values: Vec<ValueStatus>,
    /// Values in use that somebody knows who may not read them any more.
    pub exposures: Vec<Exposure>,
    /// Everything that was found, what `check` finds included, sorted.
    pub findings: Vec<Finding>,
    /// Number of findings that `secretctl.toml` says to ignore.
    pub ignored: usize,
    /// What the baseline knows and is not found any more.
    pub gone: Vec<Known>,
}

/// From which severity on a finding is a failure.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum FailOn {
    /// Errors.
    #[default]
    Error,
    /// Warnings as well.
    Warning,
    /// Nothing but broken integrity, and what was not looked at.
    Nothing,
}

impl FailOn {
    /// Whether this finding is a failure. An error always is that tells of more than something found.
    pub fn fails(self, finding: &Finding) -> bool {
        let always = finding.class != Class::Finding && finding.severity == Severity::Error;
        always
            || match self {
                Self::Error => finding.severity == Severity::Error,
                Self::Warning => finding.severity >= Severity::Warning,
                Self::Nothing => false,
            }
    }
}

impl AuditReport {
    /// The class of the worst failure, if there is one at all.
    pub fn verdict(&self, fail_on: FailOn) -> Option<Class> {
        self.findings.iter().filter(|finding| fail_on.fails(finding)).map(|finding| finding.class).max()
    }
}

/// Audits the fleet as it is at the time of the workspace, which may lie in the future.
///
/// Values that are the same are looked for only where `duplicates` says so, which takes an identity.
pub fn audit(ws: &Workspace, duplicates: Duplicates) -> Result<AuditReport, OpsError> {
    let checked = looked(ws)?;
    let same = match duplicates {
        Duplicates::Find => values::duplicates(ws, checked.ledgers.keys())?,
        Duplicates::Leave => Vec::new(),
    };
    Ok(whole(ws, &checked, same))
}

/// Everything that `check` looks at, past included.
pub(super) fn looked(ws: &Workspace) -> Result<Checked, OpsError> {
    check::look(ws, &BTreeSet::new(), &[], check::Values::Leave, (Back::Usual, Record::Keep))
}

/// The audit of what was looked at, with more findings, as much as the fleet lets each of them matter.
pub(super) fn whole(ws: &Workspace, checked: &Checked, more: Vec<Finding>) -> AuditReport {
    let mut report = of(ws, checked);
    report.findings.extend(more);
    report.findings.extend(checked.report.findings.iter().cloned());
    (report.findings, report.ignored) = weigh::weigh(&ws.fleet.audit, report.findings);
    report.findings.sort();
    report.findings.dedup();
    report
}

/// Values in use that somebody knows who may not read them any more.
pub fn exposures(ws: &Workspace) -> Result<Vec<Exposure>, OpsError> {
    Ok(of(ws, &looked(ws)?).exposures)
}

/// All that follows from ledgers and policy; findings of `check` are not among it.
fn of(ws: &Workspace, checked: &Checked) -> AuditReport {
    let mut report = AuditReport {
        version: 1,
        at: ws.settings.now,
        secrets: checked.report.secrets,
        hosts: checked.report.hosts,
        values: Vec::new(),
        exposures: Vec::new(),
        findings: Vec::new(),
        ignored: 0,
        gone: Vec::new(),
    };
    let none = BTreeSet::new();
    let people = exposure::People::of(&ws.fleet);
    let former = former::Former::new(ws);
    // A value beside another one goes by itself, and has no period of its own.
    let own = checked.ledgers.iter().filter(|(secret, _)| ws.policy.companion(secret).is_none());
    for (secret, ledger) in own {
        let Some(value) = ledger.current_value() else { continue };
        let readers = checked.readers.get(secret).unwrap_or(&none);
        let status = values::status(ws, secret, &value, readers);
        report.findings.extend(values::findings(&status, value.number, ws.settings.now));
        for exposure in people.exposures((ws, &former), secret, &value, readers) {
            report.findings.push(exposure.finding(value.number, &status.renew()));
            report.exposures.push(exposure);
        }
        report.values.push(status);
    }
    report.findings.extend(values::without_rule(&report.values));
    report.findings.extend(former.findings());
    report
}
