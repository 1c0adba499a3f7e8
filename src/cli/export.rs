//! `secretctl export`

use super::context::Environment;
use super::context::Global;
use super::exit::CommandError;
use super::exit::Exit;
use super::ui::Ui;
use crate::ops;
use crate::ops::export::Replace;
use crate::ops::export::SOPS_CONFIG;

/// Write for other tools what the fleet knows
#[derive(Debug, clap::Subcommand)]
pub(super) enum ExportCommand {
    SopsConfig(SopsConfigArgs),
}

/// Print the rules of `sops` for every document of the fleet: who can open it, by policy and `secretctl.toml`
#[derive(Debug, clap::Args)]
pub(super) struct SopsConfigArgs {
    /// Write them to `.sops.yaml`, and tell what changes
    #[arg(long)]
    write: bool,
    /// Replace a file that was written by hand; of it only `stores` stays
    #[arg(long, requires = "write")]
    force: bool,
    /// Fail if `.sops.yaml` differs, and change nothing
    #[arg(long, conflicts_with = "write")]
    check: bool,
}

pub(super) fn run(
    command: &ExportCommand,
    env: Environment,
    global: Global,
    ui: &mut Ui,
) -> Result<Exit, CommandError> {
    let ExportCommand::SopsConfig(args) = command;
    let ws = env.open(global, "export sops-config")?;
    let config = ops::export::sops_config(&ws)?;
    if args.check || args.write {
        config.difference().iter().for_each(|line| ui.say(line));
    }
    if args.check {
        ops::export::check(&config)?;
    } else if args.write {
        let replace = if args.force { Replace::Any } else { Replace::OnlyOurs };
        ops::export::write(&ws, &config, replace)?;
        ui.say(&format!("{SOPS_CONFIG} is what the fleet asks for"));
    } else {
        ui.data(config.text.as_bytes())?;
    }
    Ok(Exit::Clean)
}
