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

/// What was not done: why, and what is worth another try.
#[derive(Debug, Default)]
pub(super) struct Untold {
    pub(super) errors: Vec<UnitError>,
    pub(super) left: UnitActions,
}

type Units<'a> = BTreeSet<&'a UnitName>;

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

    /// Queues the jobs. A unit that cannot be told keeps no other from being told.
    pub(super) fn queue(self, actions: &UnitActions) -> Untold {
        match self {
            Self::Report => Untold::default(),
            Self::Systemctl(scope) => Systemctl(scope).queue(actions),
            Self::Launchctl(scope) => Launchctl(scope).queue(actions),
        }
    }
}

struct Systemctl(Scope);

impl Systemctl {
    fn queue(&self, actions: &UnitActions) -> Untold {
        let named: Units<'_> = actions.restart.iter().chain(&actions.reload).collect();
        let missing = match self.missing(&named) {
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
        untold.left.restart = self.tell("try-restart", known(&actions.restart), &mut untold.errors);
        untold.left.reload = self.tell("try-reload-or-restart", known(&actions.reload), &mut untold.errors);
        untold
    }

    /// Units that systemd does not know.
    fn missing<'a>(&self, units: &Units<'a>) -> Result<Units<'a>, UnitError> {
        let shown = self.run("show", &["--property=LoadState", "--value"], units)?;
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
    fn tell(
        &self,
        verb: &'static str,
        units: BTreeSet<UnitName>,
        errors: &mut Vec<UnitError>,
    ) -> BTreeSet<UnitName> {
        let all: Units<'_> = units.iter().collect();
        if all.is_empty() {
            return BTreeSet::new();
        }
        let Err(error) = self.run(verb, &["--no-block"], &all) else { return BTreeSet::new() };
        if all.len() == 1 {
            errors.push(error);
            return units;
        }
        let refused = |unit: &&UnitName| {
            let refused = self.run(verb, &["--no-block"], &[*unit].into()).err();
            let kept = refused.is_some();
            errors.extend(refused);
            kept
        };
        all.into_iter().filter(refused).cloned().collect()
    }

    fn run(&self, verb: &'static str, options: &[&str], units: &Units<'_>) -> Result<String, UnitError> {
        let mut command = Command::new("systemctl");
        if self.0 == Scope::User {
            command.arg("--user");
        }
        command.args(options).args([verb, "--"]).args(units.iter().map(|unit| unit.as_str()));
        let ran = command.stdin(Stdio::null()).output().map_err(UnitError::NoSystemctl)?;
        if ran.status.success() {
            return Ok(String::from_utf8_lossy(&ran.stdout).into_owned());
        }
        Err(UnitError::Failed { program: "systemctl", verb, units: names(units), said: said(&ran) })
    }
}

/// What `launchctl` is asked for, with the arguments of the verb.
type Verb = (&'static str, &'static str);
const KICKSTART: Verb = ("kickstart", "-k");
const HANGUP: Verb = ("kill", "SIGHUP");

struct Launchctl(Scope);

impl Launchctl {
    /// One service at a time is all that `launchctl` takes.
    fn queue(&self, actions: &UnitActions) -> Untold {
        let mut untold = Untold::default();
        let mut refused = |verb, unit: &&UnitName| {
            let refused = self.tell(verb, unit).err();
            let kept = refused.is_some();
            untold.errors.extend(refused);
            kept
        };
        let restart = actions.restart.iter().filter(|unit| refused(KICKSTART, unit)).cloned().collect();
        let reload = actions.reload.iter().filter(|unit| refused(HANGUP, unit)).cloned().collect();
        untold.left = UnitActions { restart, reload };
        untold
    }

    /// A service that is not there has nothing to be told.
    fn tell(&self, (verb, how): Verb, unit: &UnitName) -> Result<(), UnitError> {
        let domain = match self.0 {
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
        Err(UnitError::Failed { program: "launchctl", verb, units: names(&[unit].into()), said: said(&ran) })
    }
}

fn names(units: &Units<'_>) -> String {
    units.iter().map(|unit| format!("`{}`", unit.as_str())).collect::<Vec<_>>().join(", ")
}

fn said(ran: &Output) -> String {
    let said = String::from_utf8_lossy(&ran.stderr);
    let said = said.lines().next().unwrap_or_default().chars().take(300).collect::<String>();
    if said.is_empty() { ran.status.to_string() } else { said }
}
