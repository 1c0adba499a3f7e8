//! `secretctl upgrade fleet`

use super::super::context::Environment;
use super::super::context::Global;
use super::super::exit::CommandError;
use super::super::exit::Exit;
use super::super::table::count;
use super::super::ui::Format;
use super::super::ui::Ui;
use crate::diag::Class;
use crate::diag::Failure;
use crate::ops;
use crate::ops::upgrade::fleet::FleetUpgrade;

/// Give the fleet its id, and sign ledgers, manifests and the first roots with it
#[derive(Debug, clap::Args)]
pub(in crate::cli) struct FleetArgs {
    /// Show what would change, and change nothing
    #[arg(long)]
    dry_run: bool,
    /// Do not ask before anything changes
    #[arg(long)]
    yes: bool,
    /// How to print it
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

/// Why the fleet was not moved.
#[derive(Debug, thiserror::Error, miette::Diagnostic)]
enum UpgradeError {
    /// The person said no.
    #[error("nothing was changed")]
    #[diagnostic(code(upgrade::refused))]
    Refused,
    /// Nobody could be asked.
    #[error("not a terminal, so the move cannot be confirmed; nothing was changed")]
    #[diagnostic(code(upgrade::unconfirmed), help("look at `--dry-run`, then run it with `--yes`"))]
    Unconfirmed,
}

impl Failure for UpgradeError {
    fn class(&self) -> Class {
        match self {
            Self::Refused => Class::Finding,
            Self::Unconfirmed => Class::Usage,
        }
    }
}

pub(super) fn run(
    args: &FleetArgs,
    env: Environment,
    global: Global,
    ui: &mut Ui,
) -> Result<Exit, CommandError> {
    let ws = env.open(global, "upgrade fleet")?;
    let plan = ops::upgrade::fleet::plan(&ws)?;
    if plan.is_clean() {
        return show(args.format, &plan, "the fleet has its id, and everything that is signed names it", ui);
    }
    if args.dry_run {
        return show(args.format, &plan, "nothing was changed", ui);
    }
    for name in plan.ledgers.iter().filter(|_| plan.had.is_some()) {
        ui.say(&format!("`{name}` has a ledger that does not name this fleet"));
    }
    if !args.yes {
        let ledgers = count(plan.ledgers.len(), "ledger", "ledgers");
        let manifests = count(plan.hosts.len(), "manifest", "manifests");
        match ws.settings.prompt.confirm(
            &format!("sign {ledgers} and {manifests} for this fleet?"),
            "yes",
            None,
        ) {
            Some(true) => {}
            Some(false) => return Err(UpgradeError::Refused.into()),
            None => return Err(UpgradeError::Unconfirmed.into()),
        }
    }
    let done = ops::upgrade::fleet::upgrade(&ws)?;
    let id = done.fleet.map(|id| id.to_string()).unwrap_or_default();
    let next = format!(
        "fleet {id}; commit all of it in one commit, merge no branch from before it, then deploy every host"
    );
    show(args.format, &done, &next, ui)
}

fn show(format: Format, upgrade: &FleetUpgrade, words: &str, ui: &mut Ui) -> Result<Exit, CommandError> {
    match format {
        Format::Json => ui.json(upgrade)?,
        Format::Text => {
            ui.line(&format!("ledgers: {}", upgrade.ledgers.len()))?;
            ui.line(&format!("manifests: {}", upgrade.hosts.len()))?;
            ui.say(words);
        }
    }
    Ok(Exit::Clean)
}
