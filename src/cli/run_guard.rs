//! `secretctl run-guard`, which `secretctl run` starts beside a command that has files.

use std::path::PathBuf;

use super::exit::CommandError;
use super::exit::Exit;
use crate::ops;
use crate::ops::run::Stage;

/// Wipe the files of a command when it has ended
#[derive(Debug, clap::Args)]
pub(super) struct RunGuardArgs {
    /// Leave the work to a process that is nobody's child
    #[arg(long)]
    detach: bool,
    /// The command
    process: u32,
    /// The folder of its files
    folder: PathBuf,
}

pub(super) fn run(args: &RunGuardArgs) -> Result<Exit, CommandError> {
    let stage = if args.detach { Stage::Detach } else { Stage::Watch };
    ops::run::guard(stage, args.process, &args.folder)?;
    Ok(Exit::Clean)
}
