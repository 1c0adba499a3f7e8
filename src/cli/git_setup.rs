//! `secretctl git-setup`

use super::context::Environment;
use super::context::Global;
use super::exit::CommandError;
use super::exit::Exit;
use super::ui::Ui;
use crate::ops;

/// Prepare this clone for diffs and merges: attributes, and the drivers in the local configuration of Git
#[derive(Debug, clap::Args)]
pub(super) struct GitSetupArgs {
    /// How Git calls this program
    #[arg(long, value_name = "PROGRAM", default_value = "secretctl")]
    program: String,
}

pub(super) fn run(
    args: &GitSetupArgs,
    env: Environment,
    global: Global,
    ui: &mut Ui,
) -> Result<Exit, CommandError> {
    let ws = env.open(global, "git-setup")?;
    let report = ops::git_setup::setup(&ws, &args.program)?;
    for changed in &report.changed {
        ui.say(&format!("set {changed}"));
    }
    if report.changed.is_empty() {
        ui.say("everything was set already");
    }
    Ok(Exit::Clean)
}
