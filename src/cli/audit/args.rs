//! The arguments of `secretctl audit`.

use std::path::PathBuf;

use clap::ValueEnum;
use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;

use crate::cli::exit::CommandError;
use crate::cli::ui::Format;
use crate::diag::Class;
use crate::diag::Failure;
use crate::name::HostName;
use crate::ops::Recipient;
use crate::ops::audit::FailOn;

/// Tell what is due, exposed, expired, weak, drifted or tampered with, without a key and without changing anything
#[derive(Debug, clap::Args)]
pub(in crate::cli) struct AuditArgs {
    /// The day or time to audit for, such as 2027-01-31: what will be due then
    #[arg(long, value_name = "DATE", value_parser = instant)]
    pub(super) at: Option<Timestamp>,
    /// Open values, with an identity, and tell which are the same
    #[arg(long)]
    pub(super) duplicates: bool,
    /// Tell instead what the old key of a host, or a recipient, could open of what Git remembers (can be repeated)
    #[arg(long, value_name = "HOST|RECIPIENT", value_parser = holder)]
    pub(super) history: Vec<Holder>,
    /// Tell findings that this file knows as notes, and what of it is gone
    #[arg(long, value_name = "FILE")]
    pub(super) baseline: Option<PathBuf>,
    /// Write all warnings and errors to this file, as known from now on
    #[arg(long, value_name = "FILE")]
    pub(super) write_baseline: Option<PathBuf>,
    /// From which severity on the exit code is not 0; broken integrity, and what cannot be looked at, always fail
    #[arg(long, value_enum, default_value_t)]
    pub(super) fail_on: FailOnWord,
    /// Write the report to a file as well, such as sarif=audit.sarif (can be repeated)
    #[arg(long = "output", value_name = "FORMAT=FILE", value_parser = output)]
    pub(super) outputs: Vec<Output>,
    /// Add a summary in Markdown to this file [with `--format github` else `GITHUB_STEP_SUMMARY`]
    #[arg(long, value_name = "FILE")]
    pub(super) summary: Option<PathBuf>,
    /// Leave single secrets out of metrics
    #[arg(long)]
    pub(super) without_names: bool,
    /// How to print the report
    #[arg(long, value_enum, default_value_t)]
    pub(super) format: AuditFormat,
}

/// How an audit is printed.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq, ValueEnum)]
pub(super) enum AuditFormat {
    /// For people.
    #[default]
    Text,
    /// For programs; the schema is versioned.
    Json,
    /// SARIF 2.1.0, for code scanning.
    Sarif,
    /// For CI systems that collect test results.
    Junit,
    /// A text file for the node exporter.
    Prometheus,
    /// Annotations of GitHub Actions.
    Github,
    /// A summary for people, with tables.
    Markdown,
    /// The page of `secretctl report`.
    Html,
}

/// Only two formats tell of the past.
#[derive(Debug, thiserror::Error, miette::Diagnostic)]
#[error("`--history` is told as text or JSON")]
#[diagnostic(code(cli::history_format), help("leave `--format` out, or say `--format json`"))]
struct HistoryFormat;

impl Failure for HistoryFormat {
    fn class(&self) -> Class {
        Class::Usage
    }
}

impl AuditArgs {
    /// Whether the report is printed or written in a format.
    pub(super) fn wants(&self, format: AuditFormat) -> bool {
        self.format == format || self.outputs.iter().any(|output| output.format == format)
    }
}

impl AuditFormat {
    pub(super) fn of_history(self) -> Result<Format, CommandError> {
        match self {
            Self::Text => Ok(Format::Text),
            Self::Json => Ok(Format::Json),
            _ => Err(HistoryFormat.into()),
        }
    }
}

/// When an audit fails.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq, ValueEnum)]
pub(super) enum FailOnWord {
    #[default]
    Error,
    Warning,
    None,
}

impl From<FailOnWord> for FailOn {
    fn from(word: FailOnWord) -> Self {
        match word {
            FailOnWord::Error => Self::Error,
            FailOnWord::Warning => Self::Warning,
            FailOnWord::None => Self::Nothing,
        }
    }
}

/// A file that holds the report in a format.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct Output {
    pub(super) format: AuditFormat,
    pub(super) path: PathBuf,
}

fn output(text: &str) -> Result<Output, String> {
    let Some((format, path)) = text.split_once('=').filter(|(_, path)| !path.is_empty()) else {
        return Err("write a format and a file, such as sarif=audit.sarif".to_owned());
    };
    let format = AuditFormat::from_str(format, false).map_err(|_| {
        let known = AuditFormat::value_variants().iter().filter_map(ValueEnum::to_possible_value);
        let known: Vec<String> = known.map(|value| value.get_name().to_owned()).collect();
        format!("unknown format; known here: {}", known.join(", "))
    })?;
    Ok(Output { format, path: path.into() })
}

/// Whose old keys are meant.
#[derive(Clone, Debug)]
pub(super) enum Holder {
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
pub(in crate::cli) fn instant(text: &str) -> Result<Timestamp, String> {
    if let Ok(day) = text.parse::<Date>()
        && text.len() == "2027-01-31".len()
    {
        return day.to_zoned(TimeZone::UTC).map(|zoned| zoned.timestamp()).map_err(|error| error.to_string());
    }
    let time = text.parse::<Timestamp>();
    time.map_err(|_| "write a day such as 2027-01-31, or a time such as 2027-01-31T12:00:00Z".to_owned())
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

    #[test]
    fn an_output_names_a_format_and_a_file() {
        let wanted = Output { format: AuditFormat::Sarif, path: "out/a=b.sarif".into() };
        assert_eq!(output("sarif=out/a=b.sarif"), Ok(wanted));
        for text in ["sarif", "sarif=", "=x", "xml=x"] {
            assert!(output(text).is_err(), "{text}");
        }
    }
}
