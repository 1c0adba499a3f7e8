//! `secretctl show`

use std::io::IsTerminal;

use super::context::Environment;
use super::context::Global;
use super::exit::CommandError;
use super::exit::Exit;
use super::ui::Ui;
use crate::ops;
use crate::ops::document::Target;

/// Print the current value, byte for byte; of a document, the decrypted text
#[derive(Debug, clap::Args)]
pub(super) struct ShowArgs {
    /// The secret, or the name or path of a document
    #[arg(value_name = "SECRET")]
    name: String,
}

pub(super) fn run(
    args: &ShowArgs,
    env: Environment,
    global: Global,
    ui: &mut Ui,
) -> Result<Exit, CommandError> {
    let ws = env.open(global, &format!("show {}", args.name))?;
    let value = match ops::document::target(&ws, &args.name)? {
        Target::Secret(secret) => ops::show::show(&ws, &secret)?,
        Target::Document(prefix, place) => ops::document::show(&ws, &prefix, &place)?,
    };
    ui.data(value.expose())?;
    if std::io::stdout().is_terminal() && !value.expose().ends_with(b"\n") {
        ui.data(b"\n")?;
    }
    Ok(Exit::Clean)
}
