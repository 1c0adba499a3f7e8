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
use crate::ops::seal::Scope;
use crate::ops::seal::SealReport;

/// Bring sealed trees in line with policy and sources, touching only what differs
#[derive(Debug, clap::Args)]
pub(super) struct SealArgs {
    /// Seal only this host (can be repeated)
    #[arg(long = "host", value_name = "HOST")]
    hosts: Vec<HostName>,
    /// Change nothing; say what differs and exit 1 if something does. Needs no key
    #[arg(long, alias = "dry-run")]
    check: bool,
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
    let scope = Scope::hosts(args.hosts);
    let report = if args.check { ops::seal::preview(&ws, &scope)? } else { ops::seal::seal(&ws, &scope)? };
    match args.format {
        Format::Json => ui.json(&report)?,
        Format::Text => tell(&report, args.check, ui)?,
    }
    Ok(if args.check && !report.is_clean() { Exit::Found(Class::Finding) } else { Exit::Clean })
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
    for folder in &report.removed {
        ui.line(&format!("sealed/{folder} belongs to no active host"))?;
    }
    for host in report.reasons.iter().filter(|host| !report.hosts.contains_key(*host)) {
        ui.line(&format!("host `{host}` has a `denied.json` that does not say what policy denies now"))?;
    }
    for secret in &report.readers_changed {
        ui.line(&format!("the readers of `{secret}` changed"))?;
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
        (_, true) => ui.say("every sealed tree is as it should be"),
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
