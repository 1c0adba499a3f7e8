//! `secretctl git-diff`

use std::path::PathBuf;

use super::context::Environment;
use super::context::Global;
use super::exit::CommandError;
use super::exit::Exit;
use super::ui::Ui;
use crate::ops;

/// Print what a file means, for `git diff`, `git log -p` and `git show`: called by Git after `secretctl git-setup`
#[derive(Debug, clap::Args)]
pub(super) struct GitDiffArgs {
    /// The file, or a copy of an older version of it
    path: PathBuf,
}

pub(super) fn run(
    args: &GitDiffArgs,
    env: Environment,
    global: Global,
    ui: &mut Ui,
) -> Result<Exit, CommandError> {
    let text = ops::git_diff::text(env.settings(global, "git-diff"), &args.path)?;
    ui.data(text.expose())?;
    Ok(Exit::Clean)
}
