//! `secretctl mv`

use super::context::Environment;
use super::context::Global;
use super::exit::CommandError;
use super::exit::Exit;
use super::rm::tell;
use super::ui::Ui;
use crate::name::SecretName;
use crate::ops;

/// Give a secret another name; its value, revision and history go with it
#[derive(Debug, clap::Args)]
pub(super) struct MvArgs {
    /// The secret
    from: SecretName,
    /// Its new name, which policy decides about anew
    to: SecretName,
}

pub(super) fn run(
    args: &MvArgs,
    env: Environment,
    global: Global,
    ui: &mut Ui,
) -> Result<Exit, CommandError> {
    let ws = env.open(global, &format!("mv {}", args.from))?;
    let report = ops::relocate::rename(&ws, &args.from, &args.to)?;
    Ok(tell(&report, ui))
}
