//! `secretctl check`

use std::path::PathBuf;

use super::context::Environment;
use super::context::Global;
use super::exit::CommandError;
use super::exit::Exit;
use super::table::count;
use super::ui::Format;
use super::ui::Ui;
use crate::diag::Severity;
use crate::diag::worst;
use crate::name::HostName;
use crate::ops;
use crate::ops::check::Values;
use crate::ops::history::Back;
use crate::ops::history::Record;

/// Check formats, signatures, ledgers, recipients and sealed trees without a key and without changing anything
#[derive(Debug, clap::Args)]
pub(super) struct CheckArgs {
    /// Check the sealed tree of this host only (can be repeated)
    #[arg(long = "host", value_name = "HOST")]
    hosts: Vec<HostName>,
    /// Check also that everything this host request asks for exists and is granted (can be repeated)
    #[arg(long = "request", value_name = "FILE")]
    requests: Vec<PathBuf>,
    /// Open values, with an identity, and check them against `validate(..)` too
    #[arg(long)]
    values: bool,
    /// Look at every committed manifest, not only at the newest; fails where there is no Git repository
    #[arg(long)]
    history: bool,
    /// Accept ledgers and manifests that are older than what this checkout has seen
    #[arg(long)]
    accept_past: bool,
    /// How to print the report
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

pub(super) fn run(
    args: CheckArgs,
    env: Environment,
    global: Global,
    ui: &mut Ui,
) -> Result<Exit, CommandError> {
    let values = if args.values { Values::Open } else { Values::Leave };
    let back = if args.history { Back::Whole } else { Back::Usual };
    let record = if args.accept_past { Record::Renew } else { Record::Keep };
    let ws = env.open(global, "check")?;
    let hosts = args.hosts.into_iter().collect();
    let report = ops::check::check(&ws, &hosts, &args.requests, values, (back, record))?;
    let worst = worst(&report.findings);
    match args.format {
        Format::Json => ui.json(&report)?,
        Format::Text => {
            for finding in &report.findings {
                ui.finding(finding);
            }
            let errors = report.findings.iter().filter(|finding| finding.severity == Severity::Error).count();
            let warnings =
                report.findings.iter().filter(|finding| finding.severity == Severity::Warning).count();
            let (secrets, hosts) =
                (count(report.secrets, "secret", "secrets"), count(report.hosts, "host", "hosts"));
            let looked = format!("{secrets}, {hosts}");
            let requests = if report.requests == 0 {
                String::new()
            } else {
                format!(", {}", count(report.requests, "request", "requests"))
            };
            let errors = count(errors, "error", "errors");
            let warnings = count(warnings, "warning", "warnings");
            ui.line(&format!("checked {looked}{requests}: {errors}, {warnings}"))?;
        }
    }
    Ok(worst.into())
}
