//! Telling systemd about changes, after the new values are in place.

use std::collections::BTreeSet;
use std::process::Command;
use std::process::Stdio;

use super::index::UnitActions;
use super::placement::UnitName;
use crate::diag::Class;
use crate::diag::Failure;

/// Who restarts and reloads units.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum UnitDelivery {
    /// The caller, who reads them from the report.
    #[default]
    Report,
    /// This program queues jobs with `systemctl --no-block`; waiting would deadlock within a switch.
    Systemctl,
}

/// Why units were not told.
#[derive(Debug, thiserror::Error, miette::Diagnostic)]
#[non_exhaustive]
pub(super) enum UnitError {
    /// The program does not start.
    #[error("cannot run `systemctl`")]
    #[diagnostic(
        code(units::no_systemctl),
        help("put systemd on the path of this program, or leave out `--systemctl`")
    )]
    NoSystemctl(#[source] std::io::Error),
    /// The program refuses.
    #[error("`systemctl {verb}` failed for {units}: {said}")]
    #[diagnostic(
        code(units::failed),
        help("the new secrets are in place; restart the units yourself, or run this again")
    )]
    Failed {
        /// What was asked for.
        verb: &'static str,
        /// For which units.
        units: String,
        /// The first line of its answer.
        said: String,
    },
}

impl Failure for UnitError {
    fn class(&self) -> Class {
        Class::Environment
    }
}

/// Queues the jobs; every failure is reported.
pub(super) fn queue(actions: &UnitActions) -> Vec<UnitError> {
    let jobs = [("try-restart", &actions.restart), ("try-reload-or-restart", &actions.reload)];
    let run = jobs.into_iter().filter(|(_, units)| !units.is_empty());
    run.filter_map(|(verb, units)| systemctl(verb, units).err()).collect()
}

fn systemctl(verb: &'static str, units: &BTreeSet<UnitName>) -> Result<(), UnitError> {
    let mut command = Command::new("systemctl");
    command.args(["--no-block", verb, "--"]).args(units.iter().map(UnitName::as_str));
    let ran = command.stdin(Stdio::null()).output().map_err(UnitError::NoSystemctl)?;
    if ran.status.success() {
        return Ok(());
    }
    let said = String::from_utf8_lossy(&ran.stderr);
    let said = said.lines().next().unwrap_or_default().chars().take(300).collect::<String>();
    let said = if said.is_empty() { ran.status.to_string() } else { said };
    let units = units.iter().map(UnitName::as_str).collect::<Vec<_>>().join(", ");
    Err(UnitError::Failed { verb, units, said })
}
