//! `secretctl audit`

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;

use super::context::Environment;
use super::context::Global;
use super::exit::CommandError;
use super::exit::Exit;
use super::table::count;
use super::table::table;
use super::ui::Format;
use super::ui::Ui;

use crate::diag::Class;
use crate::diag::Severity;
use crate::diag::worst;
use crate::name::HostName;
use crate::ops;
use crate::ops::Recipient;
use crate::ops::audit::AuditReport;
use crate::ops::audit::Duplicates;
use crate::ops::audit::HistoryReport;
use crate::ops::audit::ValueState;

/// Tell what is due, exposed, expired, weak, drifted or tampered with, without a key and without changing anything
#[derive(Debug, clap::Args)]
pub(super) struct AuditArgs {
    /// The day or time to audit for, such as 2027-01-31: what will be due then
    #[arg(long, value_name = "DATE", value_parser = instant)]
    at: Option<Timestamp>,
    /// Open values, with an identity, and tell which are the same
    #[arg(long)]
    duplicates: bool,
    /// Tell instead what the old key of a host, or a recipient, could open of what Git remembers (can be repeated)
    #[arg(long, value_name = "HOST|RECIPIENT", value_parser = holder)]
    history: Vec<Holder>,
    /// How to print the report
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

/// Whose old keys are meant.
#[derive(Clone, Debug)]
enum Holder {
    Host(HostName),
    Key(Recipient),
}

/// A host has a short name, and no name of a host is a recipient.
fn holder(text: &str) -> Result<Holder, String> {
    if let Ok(recipient) = text.parse() {
        return Ok(Holder::Key(recipient));
    }
    text.parse().map(Holder::Host).map_err(|_| "neither the name of a host nor a recipient".to_owned())
}

/// A day, which begins at midnight UTC, or a time with its zone.
pub(super) fn instant(text: &str) -> Result<Timestamp, String> {
    if let Ok(day) = text.parse::<Date>()
        && text.len() == "2027-01-31".len()
    {
        return day.to_zoned(TimeZone::UTC).map(|zoned| zoned.timestamp()).map_err(|error| error.to_string());
    }
    let time = text.parse::<Timestamp>();
    time.map_err(|_| "write a day such as 2027-01-31, or a time such as 2027-01-31T12:00:00Z".to_owned())
}

pub(super) fn run(
    args: &AuditArgs,
    env: Environment,
    global: Global,
    ui: &mut Ui,
) -> Result<Exit, CommandError> {
    let env = Environment { now: args.at.unwrap_or(env.now), ..env };
    let ws = env.open(global, "audit")?;
    if !args.history.is_empty() {
        let hosts = args.history.iter().filter_map(|holder| match holder {
            Holder::Host(host) => Some(host.clone()),
            Holder::Key(_) => None,
        });
        let keys = args.history.iter().filter_map(|holder| match holder {
            Holder::Key(key) => Some(key.clone()),
            Holder::Host(_) => None,
        });
        let report = ops::audit::history(&ws, &hosts.collect(), &keys.collect())?;
        return show_history(&report, args.format, ui);
    }
    let duplicates = if args.duplicates { Duplicates::Find } else { Duplicates::Leave };
    let report = ops::audit::audit(&ws, duplicates)?;
    match args.format {
        Format::Json => ui.json(&report)?,
        Format::Text => show(&report, ui)?,
    }
    Ok(worst(&report.findings).into())
}

fn show(report: &AuditReport, ui: &mut Ui) -> Result<(), CommandError> {
    for finding in &report.findings {
        ui.finding(finding);
    }
    let of = |severity| report.findings.iter().filter(|finding| finding.severity == severity).count();
    let state = |state| report.values.iter().filter(|value| value.state == state).count();
    let told = format!(
        "audited {}, {} for {}: {}, {}; {} overdue, {} soon, {}",
        count(report.secrets, "secret", "secrets"),
        count(report.hosts, "host", "hosts"),
        report.at.strftime("%Y-%m-%d"),
        count(of(Severity::Error), "error", "errors"),
        count(of(Severity::Warning), "warning", "warnings"),
        state(ValueState::Overdue),
        state(ValueState::Soon),
        count(report.exposures.len(), "exposure", "exposures"),
    );
    Ok(ui.line(&told)?)
}

fn show_history(report: &HistoryReport, format: Format, ui: &mut Ui) -> Result<Exit, CommandError> {
    let current = report.secrets.iter().filter(|old| old.current).count();
    match format {
        Format::Json => ui.json(report)?,
        Format::Text => {
            if !report.secrets.is_empty() {
                let rows = report.secrets.iter().map(|old| {
                    let revisions: Vec<String> = old.revisions.iter().map(ToString::to_string).collect();
                    let current = if old.current { "in use" } else { "" };
                    vec![old.secret.to_string(), revisions.join(", "), current.to_owned()]
                });
                ui.line(&table(&["secret", "revisions", ""], rows))?;
            }
            let opened = count(report.secrets.len(), "secret", "secrets");
            ui.line(&format!("{} could open {opened}, and {current} of the values are in use", report.who))?;
        }
    }
    Ok(if current == 0 { Exit::Clean } else { Exit::Found(Class::Finding) })
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn a_day_begins_at_midnight_in_utc_wherever_one_is() {
        let midnight = "2027-01-31T00:00:00Z".parse().unwrap();
        assert_eq!(instant("2027-01-31"), Ok(midnight));
        assert_eq!(instant("2027-01-31T01:00:00+01:00"), Ok(midnight));
        for text in ["2027-01-32", "31.1.2027", "tomorrow", "2027-01-31T01:00:00", ""] {
            assert!(instant(text).is_err(), "{text}");
        }
    }
}
