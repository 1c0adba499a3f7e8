//! The report as a person reads it: findings beside the data, and one line that sums up.

use super::View;
use super::clean;
use super::told;
use crate::cli::exit::CommandError;
use crate::cli::table::count;
use crate::cli::ui::Ui;
use crate::diag::Finding;
use crate::diag::Severity;
use crate::ops::audit::Known;
use crate::ops::audit::ValueState;

pub(super) fn show(view: &View<'_>, ui: &mut Ui) -> Result<(), CommandError> {
    for finding in &view.report.findings {
        ui.finding(&Finding { message: told(finding), ..finding.clone() });
    }
    for known in &view.report.gone {
        ui.say(&gone(known));
    }
    Ok(ui.line(&sum(view))?)
}

/// The same as one text, for a file.
pub(super) fn document(view: &View<'_>) -> String {
    let mut text = String::new();
    for finding in view.worst_first() {
        text.push_str(&format!("{}[{}]: {}\n", finding.severity, finding.code, clean(&told(finding))));
        if let Some(place) = &finding.place {
            text.push_str(&format!("  --> {}\n", clean(&place.to_string())));
        }
        if let Some(help) = &finding.help {
            text.push_str(&format!("  help: {}\n", clean(help)));
        }
    }
    for known in &view.report.gone {
        text.push_str(&format!("{}\n", clean(&gone(known))));
    }
    text.push_str(&format!("{}\n", sum(view)));
    text
}

/// That a finding of the baseline went away.
pub(super) fn gone(known: &Known) -> String {
    format!(
        "gone: {} of {}, known since {}; `secretctl audit --write-baseline` forgets it",
        known.code,
        known.about.join(", "),
        known.since.strftime("%Y-%m-%d")
    )
}

/// What was looked at and what was found, in one line.
pub(super) fn sum(view: &View<'_>) -> String {
    let report = view.report;
    let state = |state| report.values.iter().filter(|value| value.state == state).count();
    let known = report.findings.iter().filter(|finding| finding.known_since.is_some()).count();
    let mut told = format!(
        "audited {}, {} for {}: {}, {}; {} overdue, {} soon, {}",
        count(report.secrets, "secret", "secrets"),
        count(report.hosts, "host", "hosts"),
        report.at.strftime("%Y-%m-%d"),
        count(view.count(Severity::Error), "error", "errors"),
        count(view.count(Severity::Warning), "warning", "warnings"),
        state(ValueState::Overdue),
        state(ValueState::Soon),
        count(report.exposures.len(), "exposure", "exposures"),
    );
    for (number, word) in [(known, "known"), (report.gone.len(), "gone"), (report.ignored, "ignored")] {
        if number > 0 {
            told.push_str(&format!(", {number} {word}"));
        }
    }
    told
}
