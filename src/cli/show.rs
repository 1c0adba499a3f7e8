//! `secretctl show`

use std::io::IsTerminal;

use super::context::Environment;
use super::context::Global;
use super::exit::CommandError;
use super::exit::Exit;
use super::ui::Ui;
use crate::name::SecretName;
use crate::ops;

/// Print the current value, byte for byte
#[derive(Debug, clap::Args)]
pub(super) struct ShowArgs {
    /// The secret
    secret: SecretName,
}

pub(super) fn run(
    args: &ShowArgs,
    env: Environment,
    global: Global,
    ui: &mut Ui,
) -> Result<Exit, CommandError> {
    let ws = env.open(global, &format!("show {}", args.secret))?;
    let value = ops::show::show(&ws, &args.secret)?;
    ui.data(value.expose())?;
    if std::io::stdout().is_terminal() && !value.expose().ends_with(b"\n") {
        ui.data(b"\n")?;
    }
    Ok(Exit::Clean)
}
