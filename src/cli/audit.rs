//! `secretctl audit`

pub(super) mod args;
mod github;
mod history;
mod junit;
mod markdown;
mod prometheus;
mod sarif;
mod text;

use std::path::Path;
use std::path::PathBuf;

pub(super) use args::AuditArgs;

use args::AuditFormat;
use args::Holder;
use args::Output;

use super::context::Environment;
use super::context::Global;
use super::exit::CommandError;
use super::exit::Exit;
use super::report;
use super::table::count;
use super::ui::Ui;
use super::ui::one_line;
use super::ui::redacted;
use crate::diag::Finding;
use crate::diag::Severity;
use crate::ops;
use crate::ops::Workspace;
use crate::ops::audit::AuditReport;
use crate::ops::audit::Baseline;
use crate::ops::audit::Duplicates;
use crate::ops::audit::FailOn;
use crate::ops::report::Mask;

/// A report, and what its renderers need to know besides.
struct View<'a> {
    report: &'a AuditReport,
    /// The folder of the fleet in its repository.
    folder: PathBuf,
    fail_on: FailOn,
    /// Where the page of findings can be read.
    page: Option<&'a str>,
    names: Names,
    /// The page of HTML, made where it is asked for.
    html: String,
}

/// Whether single secrets are named in metrics.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Names {
    Shown,
    Hidden,
}

pub(super) fn run(
    args: &AuditArgs,
    env: Environment,
    global: Global,
    ui: &mut Ui,
) -> Result<Exit, CommandError> {
    let summary = args.summary.clone().or_else(|| env.step_summary.clone());
    let env = Environment { now: args.at.unwrap_or(env.now), ..env };
    let ws = env.open(global, "audit")?;
    if !args.history.is_empty() {
        return run_history(args, &ws, ui);
    }
    let duplicates = if args.duplicates { Duplicates::Find } else { Duplicates::Leave };
    let before = args.baseline.as_deref().map(|path| Baseline::read(&ws, path)).transpose()?;
    let mut report = ops::audit::audit(&ws, duplicates)?;
    if let Some(path) = &args.write_baseline {
        let earlier = before.or_else(|| Baseline::read(&ws, path).ok());
        let baseline = Baseline::of(&report, earlier.as_ref());
        baseline.write(path)?;
        ui.say(&format!(
            "wrote {} to {}",
            count(baseline.len(), "known finding", "known findings"),
            path.display()
        ));
        report.hold_against(&baseline);
    } else if let Some(baseline) = &before {
        report.hold_against(baseline);
    }
    let view = View {
        report: &report,
        folder: ops::audit::folder_in_repository(&ws),
        fail_on: args.fail_on.into(),
        page: ws.fleet.audit.findings_page.as_deref(),
        names: if args.without_names { Names::Hidden } else { Names::Shown },
        html: if args.wants(AuditFormat::Html) { report::page(&ws, &Mask::Plain)? } else { String::new() },
    };
    for Output { format, path } in &args.outputs {
        ops::audit::write(path, &view.render(*format)?)?;
    }
    view.show(args.format, args.summary.as_deref(), summary.as_deref(), ui)?;
    Ok(report.verdict(view.fail_on).into())
}

fn run_history(args: &AuditArgs, ws: &Workspace, ui: &mut Ui) -> Result<Exit, CommandError> {
    let hosts = args.history.iter().filter_map(|holder| match holder {
        Holder::Host(host) => Some(host.clone()),
        Holder::Key(_) => None,
    });
    let keys = args.history.iter().filter_map(|holder| match holder {
        Holder::Key(key) => Some(key.clone()),
        Holder::Host(_) => None,
    });
    let report = ops::audit::history(ws, &hosts.collect(), &keys.collect())?;
    history::show(&report, args.format.of_history()?, ui)
}

impl View<'_> {
    /// The whole document in a format, as a file holds it.
    fn render(&self, format: AuditFormat) -> Result<Vec<u8>, CommandError> {
        Ok(match format {
            AuditFormat::Text => text::document(self).into_bytes(),
            AuditFormat::Json => json(self.report)?,
            AuditFormat::Sarif => json(&sarif::log(self))?,
            AuditFormat::Junit => junit::document(self),
            AuditFormat::Prometheus => prometheus::document(self).into_bytes(),
            AuditFormat::Github => github::document(self).into_bytes(),
            AuditFormat::Markdown => markdown::document(self).into_bytes(),
            AuditFormat::Html => self.html.clone().into_bytes(),
        })
    }

    /// Prints the report, and adds to a summary: one that was asked for, or that of a step in GitHub's format.
    fn show(
        &self,
        format: AuditFormat,
        asked: Option<&Path>,
        summary: Option<&Path>,
        ui: &mut Ui,
    ) -> Result<(), CommandError> {
        let summary = if format == AuditFormat::Github { summary } else { asked };
        if let Some(path) = summary {
            ops::audit::append(path, markdown::document(self).as_bytes())?;
        }
        match format {
            AuditFormat::Text => text::show(self, ui),
            other => Ok(ui.data(&self.render(other)?)?),
        }
    }

    /// Findings with the worst first: many readers stop early.
    fn worst_first(&self) -> impl Iterator<Item = &Finding> {
        let of = |severity| self.report.findings.iter().filter(move |finding| finding.severity == severity);
        of(Severity::Error).chain(of(Severity::Warning)).chain(of(Severity::Note))
    }

    fn count(&self, severity: Severity) -> usize {
        self.report.findings.iter().filter(|finding| finding.severity == severity).count()
    }
}

fn json(value: &impl serde::Serialize) -> Result<Vec<u8>, CommandError> {
    let mut bytes = serde_json::to_vec_pretty(value).map_err(std::io::Error::from)?;
    bytes.push(b'\n');
    Ok(bytes)
}

/// A text that others may have written, fit to be shown in one line.
fn clean(text: &str) -> String {
    one_line(&redacted(text))
}

/// The message, and since when it is known.
fn told(finding: &Finding) -> String {
    let known = finding.known_since.map(|since| format!(" (known since {})", since.strftime("%Y-%m-%d")));
    format!("{}{}", finding.message, known.unwrap_or_default())
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests;
