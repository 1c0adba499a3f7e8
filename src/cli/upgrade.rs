//! `secretctl upgrade`

mod fleet;
mod services;

use super::context::Environment;
use super::context::Global;
use super::exit::CommandError;
use super::exit::Exit;
use super::ui::Ui;

/// Move an existing fleet to what a new one starts with
#[derive(Debug, clap::Subcommand)]
pub(super) enum UpgradeCommand {
    Services(services::ServicesArgs),
    Fleet(fleet::FleetArgs),
}

pub(super) fn run(
    command: UpgradeCommand,
    env: Environment,
    global: Global,
    ui: &mut Ui,
) -> Result<Exit, CommandError> {
    match command {
        UpgradeCommand::Services(args) => services::run(&args, env, global, ui),
        UpgradeCommand::Fleet(args) => fleet::run(&args, env, global, ui),
    }
}
