//! `secretctl completions`

use clap::CommandFactory;

use super::exit::CommandError;
use super::exit::Exit;
use super::secretctl::Cli;
use super::ui::Ui;

/// Print a completion script for a shell
#[derive(Debug, clap::Args)]
pub(super) struct CompletionsArgs {
    /// The shell
    #[arg(value_enum)]
    shell: clap_complete::Shell,
}

pub(super) fn run(args: &CompletionsArgs, ui: &mut Ui) -> Result<Exit, CommandError> {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut Cli::command(), "secretctl", &mut script);
    ui.data(&script)?;
    Ok(Exit::Clean)
}
