//! `secretctl upgrade services`

use crate::cli::context::Environment;
use crate::cli::context::Global;
use crate::cli::exit::CommandError;
use crate::cli::exit::Exit;
use crate::cli::table::count;
use crate::cli::table::names;
use crate::cli::table::table;
use crate::cli::ui::Ui;
use crate::diag::Class;
use crate::diag::Failure;
use crate::ops;
use crate::ops::Settings;
use crate::ops::policy::Change;

/// Let `.services(..)` without `.hosts(..)` mean the hosts that list the services; shows each grant that is lost, and asks
#[derive(Debug, clap::Args)]
pub(in crate::cli) struct ServicesArgs {
    /// Do not ask before anything changes
    #[arg(long)]
    yes: bool,
}

/// Why the fleet was not moved.
#[derive(Debug, thiserror::Error, miette::Diagnostic)]
enum UpgradeError {
    /// Nobody could say yes.
    #[error("not a terminal, so the lost grants cannot be confirmed; nothing was changed")]
    #[diagnostic(
        code(upgrade::unconfirmed),
        help("read the list above, then say `secretctl upgrade services --yes`")
    )]
    Unconfirmed,
    /// Somebody said no.
    #[error("nothing was changed")]
    #[diagnostic(
        code(upgrade::refused),
        help(
            "to keep a grant, name its host with `.hosts(..)`, or list the service there in `secretctl.toml`"
        )
    )]
    Refused,
}

impl Failure for UpgradeError {
    fn class(&self) -> Class {
        match self {
            Self::Unconfirmed => Class::Usage,
            Self::Refused => Class::Finding,
        }
    }
}

pub(super) fn run(
    args: &ServicesArgs,
    env: Environment,
    global: Global,
    ui: &mut Ui,
) -> Result<Exit, CommandError> {
    let settings = env.settings(global, "upgrade services");
    let narrowing = ops::upgrade::narrowing(&settings)?;
    if narrowing.done {
        ui.say("`secretctl.toml` says `services = \"listed\"` already; nothing was changed");
        return Ok(Exit::Clean);
    }
    for (title, changes) in [("lost", &narrowing.lost), ("gained", &narrowing.gained)] {
        if !changes.is_empty() {
            ui.say(&format!("{title}: {}", count(changes.len(), "grant", "grants")));
            ui.lines(listed(changes))?;
        }
    }
    let changes = narrowing.lost.len() + narrowing.gained.len();
    if changes == 0 {
        ui.say("no grant changes");
    } else if !args.yes {
        confirm(&settings, changes)?;
    }
    ops::upgrade::narrow(&settings)?;
    ui.say("`secretctl.toml` says `services = \"listed\"` now");
    if changes > 0 {
        ui.say("sealed trees still hold the old grants: run `secretctl seal`");
    }
    Ok(Exit::Clean)
}

fn confirm(settings: &Settings, changes: usize) -> Result<(), UpgradeError> {
    let question = format!("change {}?", count(changes, "grant", "grants"));
    match settings.prompt.confirm(&question, "yes", None) {
        Some(true) => Ok(()),
        Some(false) => Err(UpgradeError::Refused),
        None => Err(UpgradeError::Unconfirmed),
    }
}

/// A table of grants with the lines of the rules behind them.
fn listed(changes: &[Change]) -> Vec<String> {
    let row = |change: &Change| {
        let rules = names(change.reason.rules.iter().map(|rule| {
            let line = rule.place.line.map(|line| format!(":{line}")).unwrap_or_default();
            format!("{}{line}", rule.place.file.display())
        }));
        vec![change.secret.to_string(), change.host.to_string(), change.services.to_string(), rules]
    };
    table(&["secret", "host", "services", "rule"], changes.iter().map(row))
}
