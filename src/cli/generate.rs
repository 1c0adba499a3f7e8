//! `secretctl generate`

use super::context::Environment;
use super::context::Global;
use super::exit::CommandError;
use super::exit::Exit;
use super::set::tell;
use super::ui::Ui;
use crate::name::SecretName;
use crate::ops;

/// Make the values that `generate(..)` in the policy says how to make, where they are missing
#[derive(Debug, clap::Args)]
pub(super) struct GenerateArgs {
    /// Make this secret; else all that the policy names in full, `{host}` standing for every host in use (can be repeated)
    secrets: Vec<SecretName>,
    /// Tell what would be made and change nothing
    #[arg(long)]
    dry_run: bool,
}

pub(super) fn run(
    args: &GenerateArgs,
    env: Environment,
    global: Global,
    ui: &mut Ui,
) -> Result<Exit, CommandError> {
    let ws = env.open(global, "generate")?;
    let missing = ops::generate::missing(&ws, &args.secrets)?;
    if missing.is_empty() {
        ui.say("nothing is missing; a value that exists is never replaced");
    }
    let mut worst = Exit::Clean;
    for one in &missing {
        if args.dry_run {
            ui.line(&format!("{}  {}  {}", one.secret, one.generator, one.place))?;
            continue;
        }
        let exit = tell(&ops::generate::generate(&ws, one)?, ui);
        if exit != Exit::Clean {
            worst = exit;
        }
    }
    Ok(worst)
}
