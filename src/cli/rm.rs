//! `secretctl rm`

use super::context::Environment;
use super::context::Global;
use super::exit::CommandError;
use super::exit::Exit;
use super::ui::Ui;
use crate::name::SecretName;
use crate::ops;
use crate::ops::relocate::RelocateReport;

/// Remove a secret and every sealed copy of it; its history stays
#[derive(Debug, clap::Args)]
pub(super) struct RmArgs {
    /// The secret
    secret: SecretName,
}

pub(super) fn run(
    args: &RmArgs,
    env: Environment,
    global: Global,
    ui: &mut Ui,
) -> Result<Exit, CommandError> {
    let ws = env.open(global, &format!("rm {}", args.secret))?;
    let report = ops::relocate::remove(&ws, &args.secret)?;
    Ok(tell(&report, ui))
}

/// Says what is gone and where copies changed.
pub(super) fn tell(report: &RelocateReport, ui: &mut Ui) -> Exit {
    let hosts: Vec<&str> = report.hosts.iter().map(AsRef::as_ref).collect();
    let copies = if hosts.is_empty() {
        String::new()
    } else {
        format!("; sealed trees of {} follow", hosts.join(", "))
    };
    match &report.to {
        None => ui.say(&format!("removed {}{copies}", report.secret)),
        Some(to) => ui.say(&format!("moved {} to {to}{copies}", report.secret)),
    }
    if report.to.is_none() && !hosts.is_empty() {
        ui.say("note: those hosts knew its last value; revoke it where it is still accepted");
    }
    match &report.unsealed {
        None => Exit::Clean,
        Some(finding) => {
            ui.finding(finding);
            ui.say("run `secretctl seal` when that is repaired");
            Exit::Found(finding.class)
        }
    }
}
