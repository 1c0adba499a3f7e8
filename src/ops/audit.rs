//! Rotation, exposure, expiry and strength of every value, told from public material alone: no key, no network.

mod exposure;
mod history;
mod values;

use std::collections::BTreeSet;

use jiff::Timestamp;
use serde::Serialize;

pub use exposure::Exposure;
pub use exposure::Knower;
pub use history::HistoryReport;
pub use history::OldSecret;
pub use history::history;
pub use values::Duplicates;
pub use values::ValueState;
pub use values::ValueStatus;

use crate::diag::Finding;
use crate::ops::check;
use crate::ops::check::Checked;
use crate::ops::error::OpsError;
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
}

/// Audits the fleet as it is at the time of the workspace, which may lie in the future.
///
/// Values that are the same are looked for only where `duplicates` says so, which takes an identity.
pub fn audit(ws: &Workspace, duplicates: Duplicates) -> Result<AuditReport, OpsError> {
    let checked = check::look(ws, &BTreeSet::new(), &[], check::Values::Leave)?;
    let mut report = whole(ws, &checked);
    if duplicates == Duplicates::Find {
        report.findings.extend(values::duplicates(ws, checked.ledgers.keys())?);
        report.findings.sort();
    }
    Ok(report)
}

/// The audit of a repository that was looked at.
pub(super) fn whole(ws: &Workspace, checked: &Checked) -> AuditReport {
    let mut report = of(ws, checked);
    report.findings.extend(checked.report.findings.iter().cloned());
    report.findings.sort();
    report.findings.dedup();
    report
}

/// Values in use that somebody knows who may not read them any more.
pub fn exposures(ws: &Workspace) -> Result<Vec<Exposure>, OpsError> {
    let checked = check::look(ws, &BTreeSet::new(), &[], check::Values::Leave)?;
    Ok(of(ws, &checked).exposures)
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
    };
    let none = BTreeSet::new();
    let people = exposure::People::of(&ws.fleet);
    for (secret, ledger) in &checked.ledgers {
        let Some(value) = ledger.current_value() else { continue };
        let readers = checked.readers.get(secret).unwrap_or(&none);
        let status = values::status(ws, secret, &value, readers);
        report.findings.extend(values::findings(&status, value.number, ws.settings.now));
        report.values.push(status);
        for exposure in people.exposures(ws, secret, &value, readers) {
            report.findings.push(exposure.finding(value.number));
            report.exposures.push(exposure);
        }
    }
    report.findings.extend(values::without_rule(&report.values));
    report
}
