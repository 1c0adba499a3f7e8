//! `secretctl log`

use super::context::Environment;
use super::context::Global;
use super::exit::CommandError;
use super::exit::Exit;
use super::table::names;
use super::table::table;
use super::ui::Format;
use super::ui::Ui;
use crate::name::SecretName;
use crate::ops;

/// Show the life of one secret from its verified ledger
#[derive(Debug, clap::Args)]
pub(super) struct LogArgs {
    /// The secret, also one that was removed
    secret: SecretName,
    /// How to print it
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

pub(super) fn run(
    args: &LogArgs,
    env: Environment,
    global: Global,
    ui: &mut Ui,
) -> Result<Exit, CommandError> {
    let ws = env.open(global, &format!("log {}", args.secret))?;
    let lines = ops::show::log(&ws, &args.secret)?;
    match args.format {
        Format::Json => ui.json(&serde_json::json!({ "version": 1, "lines": lines }))?,
        Format::Text => {
            let rows = lines.iter().map(|line| {
                let event = format!("{:?}", line.event).to_lowercase();
                vec![
                    line.time.to_string(),
                    event,
                    line.revision.to_string(),
                    line.author.to_string(),
                    names(&line.hosts),
                ]
            });
            ui.lines(table(&["time", "event", "revision", "author", "hosts"], rows))?;
        }
    }
    Ok(Exit::Clean)
}
