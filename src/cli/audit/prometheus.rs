//! Metrics in the text format of Prometheus, for the text file collector of the node exporter.

use std::collections::BTreeMap;
use std::fmt::Write;

use jiff::Timestamp;

use super::Names;
use super::View;
use crate::diag::Class;
use crate::diag::Severity;
use crate::ops::audit::Knower;
use crate::ops::audit::ValueState;
use crate::ops::audit::ValueStatus;

/// One value with its labels.
type Sample = (Vec<(&'static str, String)>, i64);

pub(super) fn document(view: &View<'_>) -> String {
    let mut text = String::new();
    fleet(&mut text, view);
    if view.names == Names::Shown {
        secrets(&mut text, view);
    }
    text
}

fn fleet(text: &mut String, view: &View<'_>) {
    let report = view.report;
    let one = |value: i64| vec![(Vec::new(), value)];
    metric(
        text,
        "secretctl_audit_timestamp_seconds",
        "Time that the audit was made for.",
        one(report.at.as_second()),
    );
    let failed = report.verdict(view.fail_on);
    metric(text, "secretctl_audit_failed", "Whether the audit failed.", one(i64::from(failed.is_some())));
    let broken = failed == Some(Class::Integrity);
    let help = "Whether a signature, digest or chain does not hold.";
    metric(text, "secretctl_audit_integrity_broken", help, one(i64::from(broken)));
    metric(text, "secretctl_secrets", "Secrets that were looked at.", one(number(report.secrets)));
    metric(text, "secretctl_hosts", "Hosts whose sealed tree was looked at.", one(number(report.hosts)));
    let severities = [Severity::Note, Severity::Warning, Severity::Error];
    let counted = severities.map(|one| (vec![("severity", one.to_string())], number(view.count(one))));
    metric(text, "secretctl_findings", "Findings by severity.", counted.into());
    let mut codes: BTreeMap<(&str, String), i64> = BTreeMap::new();
    for finding in &report.findings {
        *codes.entry((&finding.code, finding.severity.to_string())).or_default() += 1;
    }
    let codes = codes
        .into_iter()
        .map(|((code, severity), count)| (vec![("code", code.to_owned()), ("severity", severity)], count));
    metric(text, "secretctl_findings_by_code", "Findings by code and severity.", codes.collect());
    let known = report.findings.iter().filter(|finding| finding.known_since.is_some()).count();
    metric(text, "secretctl_findings_known", "Findings that the baseline knows.", one(number(known)));
    values_by_state(text, view);
    exposures_by_knower(text, view);
}

fn values_by_state(text: &mut String, view: &View<'_>) {
    let states = [
        ("unplanned", ValueState::Unplanned),
        ("fine", ValueState::Fine),
        ("soon", ValueState::Soon),
        ("overdue", ValueState::Overdue),
    ];
    let count = |state| number(view.report.values.iter().filter(|value| value.state == state).count());
    let samples = states.map(|(word, state)| (vec![("state", word.to_owned())], count(state)));
    metric(text, "secretctl_values", "Values by where they stand in their period.", samples.into());
}

fn exposures_by_knower(text: &mut String, view: &View<'_>) {
    let (mut hosts, mut admins, mut keys) = (0, 0, 0);
    for exposure in &view.report.exposures {
        match exposure.known_by {
            Knower::Host { .. } => hosts += 1,
            Knower::Admin { .. } => admins += 1,
            Knower::Key { .. } => keys += 1,
        }
    }
    let samples = [("host", hosts), ("admin", admins), ("key", keys)];
    let samples = samples.map(|(word, count)| (vec![("known_by", word.to_owned())], count));
    let help = "Values in use that somebody knows who may not read them any more.";
    metric(text, "secretctl_exposures", help, samples.into());
}

/// One series for each secret in each of these metrics.
fn secrets(text: &mut String, view: &View<'_>) {
    let now = view.report.at;
    let secret = |value: &ValueStatus| vec![("secret", value.secret.to_string())];
    let mut each = |name, help, of: &dyn Fn(&ValueStatus) -> Option<i64>| {
        let samples = view.report.values.iter().filter_map(|value| Some((secret(value), of(value)?)));
        metric(text, name, help, samples.collect());
    };
    let age = |value: &ValueStatus| Some(now.duration_since(value.since).as_secs());
    each("secretctl_value_age_seconds", "Time since the value last really changed.", &age);
    let expires = |value: &ValueStatus| value.expires.map(Timestamp::as_second);
    each(
        "secretctl_value_expires_timestamp_seconds",
        "When the value says of itself that it ends.",
        &expires,
    );
    let weak = |value: &ValueStatus| Some(i64::from(value.weak));
    each("secretctl_value_weak", "Whether the value could be found by trying.", &weak);
    let mut known: BTreeMap<&str, i64> = BTreeMap::new();
    for exposure in &view.report.exposures {
        *known.entry(exposure.secret.as_str()).or_default() += 1;
    }
    let exposed = |value: &ValueStatus| Some(known.get(value.secret.as_str()).copied().unwrap_or_default());
    each("secretctl_value_exposures", "Who knows the value and may not read it any more.", &exposed);
    let due = view.report.values.iter().filter_map(|value| {
        let owners: Vec<&str> = value.owners.iter().map(String::as_str).collect();
        let labels = vec![("secret", value.secret.to_string()), ("owner", owners.join(","))];
        Some((labels, value.due?.as_second()))
    });
    metric(
        text,
        "secretctl_value_due_timestamp_seconds",
        "When the value is due for a new one.",
        due.collect(),
    );
}

/// A gauge; one without samples is left out, as the format asks.
fn metric(text: &mut String, name: &str, help: &str, samples: Vec<Sample>) {
    if samples.is_empty() {
        return;
    }
    let _ = write!(text, "# HELP {name} {help}\n# TYPE {name} gauge\n");
    for (labels, value) in samples {
        let labels: Vec<String> =
            labels.iter().map(|(label, value)| format!("{label}=\"{}\"", escaped(value))).collect();
        let labels = if labels.is_empty() { String::new() } else { format!("{{{}}}", labels.join(",")) };
        let _ = writeln!(text, "{name}{labels} {value}");
    }
}

/// The value of a label, as it stands between quotes.
pub(super) fn escaped(value: &str) -> String {
    value.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n")
}

fn number(count: usize) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}
