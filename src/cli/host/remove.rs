//! `secretctl host remove`

use crate::cli::context::Environment;
use crate::cli::context::Global;
use crate::cli::exit::CommandError;
use crate::cli::exit::Exit;
use crate::cli::exposed;
use crate::cli::ui::Ui;
use crate::name::HostName;
use crate::ops;
use crate::ops::audit::Knower;

/// Remove a host; what it knows is told, and stays a finding of `audit` until it has new values
#[derive(Debug, clap::Args)]
pub(in crate::cli) struct RemoveArgs {
    /// The host
    name: HostName,
    /// Change nothing; say whether it could be removed
    #[arg(long)]
    dry_run: bool,
}

pub(super) fn run(
    args: &RemoveArgs,
    env: Environment,
    global: Global,
    ui: &mut Ui,
) -> Result<Exit, CommandError> {
    let name = &args.name;
    let settings = env.settings(global, &format!("host remove {name}"));
    ops::host::remove(&settings, name, super::mode(args.dry_run))?;
    if args.dry_run {
        ui.say("nothing was changed");
        return Ok(Exit::Clean);
    }
    ui.say(&format!("removed host {name}; run `secretctl seal`, which removes its sealed tree"));
    exposed::tell(settings, &Knower::Host { name: name.clone() }, ui)?;
    Ok(Exit::Clean)
}
