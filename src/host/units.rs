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
    /// There are no such units.
    #[error("no unit of this host is named {units}")]
    #[diagnostic(
        code(units::unknown),
        help(
            "correct `restart_units` or `reload_units` in the configuration; the other units were told, and the new secrets are in place"
        )
    )]
    Unknown {
        /// Their names.
        units: String,
    },
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

/// What was not done: why, and what is worth another try.
#[derive(Debug, Default)]
pub(super) struct Untold {
    pub(super) errors: Vec<UnitError>,
    pub(super) left: UnitActions,
}

type Units<'a> = BTreeSet<&'a UnitName>;

/// Queues the jobs. A unit that cannot be told keeps no other from being told.
pub(super) fn queue(actions: &UnitActions) -> Untold {
    let named: Units<'_> = actions.restart.iter().chain(&actions.reload).collect();
    let missing = match missing(&named) {
        Ok(missing) => missing,
        Err(error) => return Untold { errors: vec![error], left: actions.clone() },
    };
    let mut untold = Untold::default();
    if !missing.is_empty() {
        untold.errors.push(UnitError::Unknown { units: names(&missing) });
    }
    let known = |units: &'_ BTreeSet<UnitName>| -> BTreeSet<UnitName> {
        units.iter().filter(|unit| !missing.contains(unit)).cloned().collect()
    };
    untold.left.restart = tell("try-restart", known(&actions.restart), &mut untold.errors);
    untold.left.reload = tell("try-reload-or-restart", known(&actions.reload), &mut untold.errors);
    untold
}

/// Units that systemd does not know.
fn missing<'a>(units: &Units<'a>) -> Result<Units<'a>, UnitError> {
    let shown = systemctl("show", &["--property=LoadState", "--value"], units)?;
    let states: Vec<&str> = shown.split_whitespace().collect();
    // An answer of another shape says nothing; then the jobs themselves will fail.
    let states = if states.len() == units.len() { states } else { Vec::new() };
    let pairs = units.iter().zip(states).filter(|(_, state)| *state == "not-found");
    Ok(pairs.map(|(unit, _)| *unit).collect())
}

/// Queues one kind of jobs and gives back the units that it failed for.
///
/// Together first, so that dependencies between them cost no second restart. Since systemd 262 systemctl
/// queues all of them or none, so that after a failure each is tried alone.
fn tell(verb: &'static str, units: BTreeSet<UnitName>, errors: &mut Vec<UnitError>) -> BTreeSet<UnitName> {
    let all: Units<'_> = units.iter().collect();
    let Err(error) =
        (if all.is_empty() { Ok(String::new()) } else { systemctl(verb, &["--no-block"], &all) })
    else {
        return BTreeSet::new();
    };
    if all.len() == 1 {
        errors.push(error);
        return units;
    }
    let alone = |unit: &&UnitName| match systemctl(verb, &["--no-block"], &[*unit].into()) {
        Ok(_) => false,
        Err(error) => {
            errors.push(error);
            true
        }
    };
    all.into_iter().filter(alone).cloned().collect()
}

fn systemctl(verb: &'static str, options: &[&str], units: &Units<'_>) -> Result<String, UnitError> {
    let mut command = Command::new("systemctl");
    command.args(options).args([verb, "--"]).args(units.iter().map(|unit| unit.as_str()));
    let ran = command.stdin(Stdio::null()).output().map_err(UnitError::NoSystemctl)?;
    if ran.status.success() {
        return Ok(String::from_utf8_lossy(&ran.stdout).into_owned());
    }
    let said = String::from_utf8_lossy(&ran.stderr);
    let said = said.lines().next().unwrap_or_default().chars().take(300).collect::<String>();
    let said = if said.is_empty() { ran.status.to_string() } else { said };
    Err(UnitError::Failed { verb, units: names(units), said })
}

fn names(units: &Units<'_>) -> String {
    units.iter().map(|unit| format!("`{}`", unit.as_str())).collect::<Vec<_>>().join(", ")
}
