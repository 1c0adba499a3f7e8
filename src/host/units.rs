//! Telling systemd or launchd about changes, after the new values are in place.

use std::collections::BTreeSet;
use std::process::Command;
use std::process::Output;
use std::process::Stdio;

use super::index::UnitActions;
use super::placement::ServiceManager;
use super::placement::UnitName;
use crate::diag::Class;
use crate::diag::Failure;

/// What `launchctl` ends with when a service is not loaded; it will start with the new values.
const NOT_LOADED: i32 = 113;
/// What `launchctl kill` ends with when a service does not run.
const NOT_RUNNING: i32 = 3;

/// Whose services are told.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Scope {
    /// Those of the machine.
    System,
    /// Those of the user who runs the program.
    User,
}

/// Who restarts and reloads units.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum UnitDelivery {
    /// The caller, who reads them from the report.
    #[default]
    Report,
    /// This program queues jobs with `systemctl --no-block`; waiting would deadlock within a switch.
    Systemctl(Scope),
    /// This program restarts services and sends SIGHUP with `launchctl`.
    Launchctl(Scope),
}

/// Why units are not told.
#[derive(Debug, thiserror::Error, miette::Diagnostic)]
#[non_exhaustive]
pub enum UnitError {
    /// The request names units of another kind.
    #[error("the request names units of {named}, and `{option}` does not tell those")]
    #[diagnostic(
        code(units::other_manager),
        help(
            "use `--systemctl` with `\"manager\": \"systemd\"`, the default, and `--launchctl` with `\"manager\": \"launchd\"`"
        )
    )]
    OtherManager {
        /// Of whom the names in the request are.
        named: ServiceManager,
        /// The option.
        option: &'static str,
    },
    /// The program does not start.
    #[error("cannot run `systemctl`")]
    #[diagnostic(
        code(units::no_systemctl),
        help("put systemd on the path of this program, or leave out `--systemctl`")
    )]
    NoSystemctl(#[source] std::io::Error),
    /// The program does not start.
    #[error("cannot run `launchctl`")]
    #[diagnostic(
        code(units::no_launchctl),
        help("put `/bin` on the path of this program, or leave out `--launchctl`")
    )]
    NoLaunchctl(#[source] std::io::Error),
    /// The program refuses.
    #[error("`{program} {verb}` failed for {units}: {said}")]
    #[diagnostic(
        code(units::failed),
        help("the new secrets are in place; restart the units yourself, or run this again")
    )]
    Failed {
        /// Which program.
        program: &'static str,
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
        match self {
            Self::OtherManager { .. } => Class::Usage,
            _ => Class::Environment,
        }
    }
}

impl UnitDelivery {
    /// Whether the names of a request are of the kind that is told.
    pub(super) fn check(self, named: ServiceManager) -> Result<(), UnitError> {
        let (told, option) = match self {
            Self::Report => return Ok(()),
            Self::Systemctl(_) => (ServiceManager::Systemd, "--systemctl"),
            Self::Launchctl(_) => (ServiceManager::Launchd, "--launchctl"),
        };
        if named == told { Ok(()) } else { Err(UnitError::OtherManager { named, option }) }
    }

    /// Queues the jobs; every failure is reported.
    pub(super) fn queue(self, actions: &UnitActions) -> Vec<UnitError> {
        let told = match self {
            Self::Report => Vec::new(),
            Self::Systemctl(scope) => {
                let jobs = [("try-restart", &actions.restart), ("try-reload-or-restart", &actions.reload)];
                let jobs = jobs.into_iter().filter(|(_, units)| !units.is_empty());
                jobs.map(|(verb, units)| systemctl(scope, verb, units)).collect()
            }
            Self::Launchctl(scope) => {
                let restart = actions.restart.iter().map(|unit| launchctl(scope, KICKSTART, unit));
                restart.chain(actions.reload.iter().map(|unit| launchctl(scope, HANGUP, unit))).collect()
            }
        };
        told.into_iter().filter_map(Result::err).collect()
    }
}

fn systemctl(scope: Scope, verb: &'static str, units: &BTreeSet<UnitName>) -> Result<(), UnitError> {
    let mut command = Command::new("systemctl");
    if scope == Scope::User {
        command.arg("--user");
    }
    command.args(["--no-block", verb, "--"]).args(units.iter().map(UnitName::as_str));
    let ran = command.stdin(Stdio::null()).output().map_err(UnitError::NoSystemctl)?;
    if ran.status.success() {
        return Ok(());
    }
    let units = units.iter().map(UnitName::as_str).collect::<Vec<_>>().join(", ");
    Err(UnitError::Failed { program: "systemctl", verb, units, said: said(&ran) })
}

/// What `launchctl` is asked for, with the arguments of the verb.
type Verb = (&'static str, &'static str);
const KICKSTART: Verb = ("kickstart", "-k");
const HANGUP: Verb = ("kill", "SIGHUP");

/// One service at a time is all that `launchctl` takes. A service that is not there has nothing to be told.
fn launchctl(scope: Scope, (verb, how): Verb, unit: &UnitName) -> Result<(), UnitError> {
    let domain = match scope {
        Scope::System => "system".to_owned(),
        Scope::User => format!("gui/{}", rustix::process::geteuid().as_raw()),
    };
    let mut command = Command::new("launchctl");
    command.args([verb, how, &format!("{domain}/{unit}")]);
    let ran = command.stdin(Stdio::null()).output().map_err(UnitError::NoLaunchctl)?;
    let absent = match ran.status.code() {
        Some(NOT_LOADED) => true,
        Some(NOT_RUNNING) => (verb, how) == HANGUP,
        _ => false,
    };
    if ran.status.success() || absent {
        return Ok(());
    }
    Err(UnitError::Failed { program: "launchctl", verb, units: unit.to_string(), said: said(&ran) })
}

fn said(ran: &Output) -> String {
    let said = String::from_utf8_lossy(&ran.stderr);
    let said = said.lines().next().unwrap_or_default().chars().take(300).collect::<String>();
    if said.is_empty() { ran.status.to_string() } else { said }
}
