//! `secretctl policy lint`

use std::path::PathBuf;

use crate::cli::context::Environment;
use crate::cli::context::Global;
use crate::cli::exit::CommandError;
use crate::cli::exit::Exit;
use crate::cli::table::count;
use crate::cli::ui::Format;
use crate::cli::ui::Ui;
use crate::diag::Class;
use crate::diag::Severity;
use crate::diag::worst;
use crate::ops;
use crate::ops::policy::LintReport;

/// Find rules that are dead, past, shadowed, redundant or misspelt; exits 1 on an error
#[derive(Debug, clap::Args)]
pub(in crate::cli) struct LintArgs {
    /// Compare grants with what this host request asks for (can be repeated)
    #[arg(long = "request", value_name = "FILE")]
    requests: Vec<PathBuf>,
    /// Exit 1 on a warning too
    #[arg(long)]
    strict: bool,
    /// How to print the report
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

pub(super) fn run(
    args: &LintArgs,
    env: Environment,
    global: Global,
    ui: &mut Ui,
) -> Result<Exit, CommandError> {
    let ws = env.open(global, "policy lint")?;
    let report = ops::policy::lint(&ws, &args.requests)?;
    match args.format {
        Format::Json => ui.json(&report)?,
        Format::Text => {
            report.findings.iter().for_each(|finding| ui.finding(finding));
            ui.line(&summary(&report))?;
        }
    }
    let warned = args.strict && number(&report, Severity::Warning) > 0;
    Ok(worst(&report.findings).or(warned.then_some(Class::Finding)).into())
}

fn number(report: &LintReport, severity: Severity) -> usize {
    report.findings.iter().filter(|finding| finding.severity == severity).count()
}

fn summary(report: &LintReport) -> String {
    let looked = [
        count(report.rules, "rule", "rules"),
        count(report.secrets, "secret", "secrets"),
        count(report.hosts, "host", "hosts"),
    ];
    let requests = if report.requests == 0 {
        String::new()
    } else {
        format!(", {}", count(report.requests, "request", "requests"))
    };
    let found = [
        count(number(report, Severity::Error), "error", "errors"),
        count(number(report, Severity::Warning), "warning", "warnings"),
        count(number(report, Severity::Note), "note", "notes"),
    ];
    format!("linted {}{requests}: {}", looked.join(", "), found.join(", "))
}
