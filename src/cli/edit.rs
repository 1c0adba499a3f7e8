//! `secretctl edit`

use super::context::Environment;
use super::context::Global;
use super::editor::TerminalEditor;
use super::exit::CommandError;
use super::exit::Exit;
use super::set::tell;
use super::ui::Ui;
use crate::ops;
use crate::ops::document::Target;
use crate::ops::document::edit::DocumentReport;

/// Edit a value, or a whole document, in your editor, in memory, and seal it for every host that may read it
#[derive(Debug, clap::Args)]
pub(super) struct EditArgs {
    /// The secret, or the name or path of a document; a secret that does not exist is made
    #[arg(value_name = "SECRET")]
    name: String,
}

pub(super) fn run(
    args: &EditArgs,
    mut env: Environment,
    global: Global,
    ui: &mut Ui,
) -> Result<Exit, CommandError> {
    let mut editor = TerminalEditor::new(env.editor.take(), env.path.take().as_deref());
    let ws = env.open(global, &format!("edit {}", args.name))?;
    match ops::document::target(&ws, &args.name)? {
        Target::Secret(secret) => {
            if let Some(note) = ops::edit::novelty(&ws, &secret) {
                ui.say(&format!("note: {note}"));
            }
            Ok(tell(&ops::edit::edit(&ws, &secret, &mut editor)?, ui))
        }
        Target::Document(prefix, place) => {
            let report = ops::document::edit::edit(&ws, (&prefix, &place), &mut editor)?;
            Ok(tell_document(&place.path.display().to_string(), &report, ui))
        }
    }
}

/// Says what became of a document, and what is left to do.
fn tell_document(path: &str, report: &DocumentReport, ui: &mut Ui) -> Exit {
    let kinds = [("created", &report.created), ("changed", &report.changed), ("removed", &report.removed)];
    for (word, names) in kinds {
        names.iter().for_each(|name| ui.say(&format!("{word} {name}")));
    }
    if kinds.iter().all(|(_, names)| names.is_empty()) {
        ui.say(&format!("no value in {path} changed"));
    }
    match &report.unsealed {
        None => Exit::Clean,
        Some(finding) => {
            ui.finding(finding);
            ui.say("the document stands; run `secretctl seal` when that is repaired");
            Exit::Found(finding.class)
        }
    }
}
