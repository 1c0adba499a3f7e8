//! `secretctl edit`

use super::context::Environment;
use super::context::Global;
use super::editor::TerminalEditor;
use super::exit::CommandError;
use super::exit::Exit;
use super::set::tell;
use super::ui::Ui;
use crate::name::SecretName;
use crate::ops;

/// Edit a value in your editor, in memory, and seal it for every host that may read it
#[derive(Debug, clap::Args)]
pub(super) struct EditArgs {
    /// The secret; one that does not exist is made
    secret: SecretName,
}

pub(super) fn run(
    args: &EditArgs,
    mut env: Environment,
    global: Global,
    ui: &mut Ui,
) -> Result<Exit, CommandError> {
    let mut editor = TerminalEditor::new(env.editor.take(), env.path.take().as_deref());
    let ws = env.open(global, &format!("edit {}", args.secret))?;
    if let Some(note) = ops::edit::novelty(&ws, &args.secret) {
        ui.say(&format!("note: {note}"));
    }
    let report = ops::edit::edit(&ws, &args.secret, &mut editor)?;
    Ok(tell(&report, ui))
}
