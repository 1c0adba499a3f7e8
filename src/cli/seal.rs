//! `secretctl seal`

use super::context::Environment;
use super::context::Global;
use super::exit::CommandError;
use super::exit::Exit;
use super::table::count;
use super::ui::Format;
use super::ui::Ui;
use crate::diag::Class;
use crate::name::HostName;
use crate::ops;
use crate::ops::Workspace;
use crate::ops::seal::Scope;
use crate::ops::seal::SealReport;
use crate::ops::seal::Tampered;

/// Bring sealed trees in line with policy and sources, touching only what differs
#[derive(Debug, clap::Args)]
pub(super) struct SealArgs {
    /// Seal only this host (can be repeated)
    #[arg(long = "host", value_name = "HOST")]
    hosts: Vec<HostName>,
    /// Change nothing; say what differs and exit 1 if something does. Needs no key
    #[arg(long, alias = "dry-run")]
    check: bool,
    /// Make trees anew that look tampered with, without asking; look at `git log -p -- sealed/HOST` first
    #[arg(long, conflicts_with = "check")]
    repair: bool,
    /// How to print the report
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

pub(super) fn run(
    args: SealArgs,
    env: Environment,
    global: Global,
    ui: &mut Ui,
) -> Result<Exit, CommandError> {
    let ws = env.open(global, "seal")?;
    let mut scope = Scope::hosts(args.hosts);
    if args.repair {
        scope.tampered = Tampered::Repair;
    }
    let mut report =
        if args.check { ops::seal::preview(&ws, &scope)? } else { ops::seal::seal(&ws, &scope)? };
    if args.format == Format::Text {
        tell(&report, args.check, ui)?;
        if !args.check && !args.repair && may_repair(&ws, &report) {
            scope.tampered = Tampered::Repair;
            report = ops::seal::seal(&ws, &scope)?;
            tell(&report, false, ui)?;
        }
    } else {
        ui.json(&report)?;
    }
    Ok(match (report.is_whole(), report.is_clean()) {
        (false, _) => Exit::Found(Class::Integrity),
        (true, false) if args.check => Exit::Found(Class::Finding),
        _ => Exit::Clean,
    })
}

/// Whether somebody at a terminal wants the trees made anew that were left as they are.
fn may_repair(ws: &Workspace, report: &SealReport) -> bool {
    let hosts = count(report.held.len(), "sealed tree", "sealed trees");
    let question = format!("make {hosts} anew, whatever is in there now?");
    !report.held.is_empty() && ws.settings.prompt.confirm(&question, "yes", None) == Some(true)
}

fn tell(report: &SealReport, only_checked: bool, ui: &mut Ui) -> std::io::Result<()> {
    if !only_checked && !report.is_clean() {
        ui.say("what differed:");
    }
    for (host, differences) in &report.hosts {
        for difference in differences {
            ui.line(&format!("host `{host}` {difference}"))?;
        }
    }
    for (host, reasons) in &report.held {
        for reason in reasons {
            ui.line(&format!("host `{host}` {reason}; its sealed tree was left as it is"))?;
        }
        ui.say(&format!("help: {}", ops::seal::held_help(host)));
    }
    for (secret, finding) in &report.unsound {
        ui.line(&format!("copies of `{secret}` were left as they are"))?;
        ui.finding(finding);
    }
    for folder in &report.removed {
        ui.line(&format!("sealed/{folder} belongs to no active host"))?;
    }
    for host in report.reasons.iter().filter(|host| !report.hosts.contains_key(*host)) {
        ui.line(&format!("host `{host}` has a `denied.json` that does not say what policy denies now"))?;
    }
    for secret in &report.readers_changed {
        ui.line(&format!("the readers of `{secret}` changed"))?;
    }
    for (old, new) in &report.renamed {
        ui.say(&format!(
            "note: host `{new}` has the keys of `{old}`, so it was renamed and knew these values before"
        ));
    }
    for (secret, hosts) in &report.exposed {
        let hosts: Vec<&str> = hosts.iter().map(AsRef::as_ref).collect();
        ui.say(&format!("note: {} knew the value of `{secret}`; give it a new one", hosts.join(", ")));
    }
    for (secret, hosts) in &report.unlisted {
        let hosts: Vec<&str> = hosts.iter().map(AsRef::as_ref).collect();
        ui.say(&format!(
            "note: {} may read `{secret}` for a service that is not listed there; see `secretctl policy lint`",
            hosts.join(", ")
        ));
    }
    for host in &report.pending {
        ui.say(&format!(
            "note: skipped host `{host}`: it is pending, without a key to seal to; `secretctl host set {host}` gives it one"
        ));
    }
    match (only_checked, report.is_clean()) {
        (_, true) if report.is_whole() => ui.say("every sealed tree is as it should be"),
        (_, true) => ui.say("every other sealed tree is as it should be"),
        (true, false) => ui.say("run `secretctl seal`"),
        (false, false) => ui.say(&summary(report)),
    }
    Ok(())
}

fn summary(report: &SealReport) -> String {
    let mut done = Vec::new();
    if !report.hosts.is_empty() {
        let hosts = count(report.hosts.len(), "host", "hosts");
        done.push(format!("sealed {hosts}, {}", count(report.copies, "new copy", "new copies")));
    }
    if !report.removed.is_empty() {
        done.push(format!("removed {}", count(report.removed.len(), "sealed tree", "sealed trees")));
    }
    if !report.reasons.is_empty() {
        let hosts = count(report.reasons.len(), "host", "hosts");
        done.push(format!("noted what policy denies {hosts}"));
    }
    if done.is_empty() {
        done.push("noted who reads what".to_owned());
    }
    done.join("; ")
}
