//! Edits a value in the person's own editor, in memory, and puts it back.

use std::collections::BTreeSet;
use std::path::Path;

use crate::fsx::PrivateDir;
use crate::ledger::Event;
use crate::ledger::Origin;
use crate::name::SecretName;
use crate::ops::error::OpsError;
use crate::ops::previous;
use crate::ops::put::Existing;
use crate::ops::put::Made;
use crate::ops::put::PutReport;
use crate::ops::put::existing;
use crate::ops::put::put;
use crate::ops::put::unchanged;
use crate::ops::settle::settle;
use crate::ops::values;
use crate::ops::workspace::Workspace;
use crate::secret::SecretBytes;

/// Name of the file that the editor sees.
const FILE: &str = "value";

/// How an editor came to an end.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Edited {
    /// The person saved or left it as it was.
    Done,
    /// The editor failed, with what it said.
    Failed(String),
    /// A signal asked us to stop.
    Interrupted,
}

/// Starts an editor on a file. Implemented at a terminal.
pub trait Editor {
    /// Called once, before any plaintext is written: from here on a signal must not end the process, but end
    /// [`Editor::edit`], so that everything is wiped.
    fn guard(&mut self);

    /// Opens `file`, which lies in a private folder in memory that the editor may use for its own files too,
    /// and returns when the person is done.
    fn edit(&mut self, file: &Path) -> Edited;

    /// Tells the person something and asks whether to edit once more.
    fn again(&mut self, message: &str) -> bool;
}

/// Decrypts, lets the person edit, and puts the new value; an unchanged one touches nothing.
pub fn edit(ws: &Workspace, secret: &SecretName, editor: &mut dyn Editor) -> Result<PutReport, OpsError> {
    // Whoever cannot sign learns it before they have typed anything.
    let author = ws.author()?;
    ws.complete()?;
    let mut base = existing(ws, secret)?;
    values::refuse_second(ws, secret, &base)?;
    let mut old = open(ws, secret, &base)?;
    editor.guard();
    let folder = PrivateDir::create(&ws.settings.memory_places)?;
    folder.write(FILE, &old)?;
    loop {
        let mut new = run(secret, editor, &folder)?;
        drop_added_newline(&old, &mut new);
        if let (Existing::Sound(source), true) = (&base, new.same(&old)) {
            let unsealed = settle(ws, &BTreeSet::from([secret.clone()]))?.unsealed;
            return Ok(PutReport { unsealed, ..unchanged(ws, source) });
        }
        if new.is_empty() && base.ledger().current().is_none() {
            return Err(OpsError::NothingMade { secret: secret.clone() });
        }
        if let Some(message) = unfit(ws, secret, &new) {
            ask_again(secret, editor, &message)?;
            continue;
        }
        let lock = ws.lock()?;
        let now = existing(ws, secret)?;
        if revision(&now) == revision(&base) {
            let made = Made { event: Event::Edited, changed: Some(true), origin: Origin::default() };
            previous::keep(ws, &lock, &author, (secret, &now), Some(&old))?;
            return put(ws, &lock, &author, (secret, &new), made, now);
        }
        // Somebody else was faster. What was typed stays in the editor; saving it again replaces theirs.
        drop(lock);
        let message = format!("`{secret}` was given another value while you were editing");
        ask_again(secret, editor, &message)?;
        old = open(ws, secret, &now)?;
        base = now;
    }
}

/// What a person should know before a name is made that does not exist yet: the nearest one that does.
pub fn novelty(ws: &Workspace, secret: &SecretName) -> Option<String> {
    if ws.layout.has_source(secret) {
        return None;
    }
    let help = miette::Diagnostic::help(&ws.layout.unknown(secret)).map(|help| help.to_string());
    let near = help.filter(|help| help.starts_with("did you mean"));
    let near = near.as_deref().and_then(|help| help.split('?').next()).map(|near| format!("; {near}?"));
    Some(format!("`{secret}` is new{}", near.unwrap_or_default()))
}

/// Asks whether to edit once more; who does not want to has given up.
pub(super) fn ask_again(secret: &SecretName, editor: &mut dyn Editor, message: &str) -> Result<(), OpsError> {
    if editor.again(message) { Ok(()) } else { Err(OpsError::GivenUp { secret: secret.clone() }) }
}

/// Why a value goes back to the editor.
pub(super) fn unfit(ws: &Workspace, secret: &SecretName, value: &SecretBytes) -> Option<String> {
    if value.is_empty() && !values::may_be_empty(ws, secret) {
        return Some(format!("the value of `{secret}` would be empty"));
    }
    let complaints = values::complaints(ws, secret, value);
    (!complaints.is_empty())
        .then(|| format!("the value of `{secret}` is not as the policy asks: {}", complaints.join("; ")))
}

fn run(secret: &SecretName, editor: &mut dyn Editor, folder: &PrivateDir) -> Result<SecretBytes, OpsError> {
    run_on(secret, FILE, editor, folder)
}

/// Starts the editor on a file of the folder and reads what the person made of it.
pub(super) fn run_on(
    secret: &SecretName,
    file: &str,
    editor: &mut dyn Editor,
    folder: &PrivateDir,
) -> Result<SecretBytes, OpsError> {
    match editor.edit(&folder.path().join(file)) {
        Edited::Done => Ok(folder.read(file)?),
        Edited::Failed(reason) => Err(OpsError::Editor { secret: secret.clone(), reason }),
        Edited::Interrupted => Err(OpsError::Interrupted { secret: secret.clone() }),
    }
}

/// The value to start from: none for a new secret. A file that nobody vouches for is not shown.
fn open(ws: &Workspace, secret: &SecretName, existing: &Existing) -> Result<SecretBytes, OpsError> {
    match existing {
        Existing::Sound(source) => Ok(source.open(ws.identities()?)?),
        _ if ws.layout.has_source(secret) => {
            Ok(ws.layout.read_source(secret, &ws.authors()).map(|_| SecretBytes::default())?)
        }
        Existing::Unvouched(_) => Ok(SecretBytes::default()),
    }
}

/// Editors end files with a newline. It goes where the old value had none, and from a new value of one line.
fn drop_added_newline(old: &SecretBytes, new: &mut SecretBytes) {
    let one_line = new.expose().iter().filter(|byte| **byte == b'\n').count() == 1;
    let had_none = if old.is_empty() { one_line } else { !old.expose().ends_with(b"\n") };
    if had_none {
        new.strip_suffix(b'\n');
    }
}

/// Number of the current value; none where the secret does not exist or was removed.
fn revision(existing: &Existing) -> Option<u64> {
    existing.ledger().current().map(|head| head.revision)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_newline_that_the_editor_added_is_dropped() {
        let bytes = |text: &str| SecretBytes::from(text.as_bytes().to_vec());
        for (old, typed, stored) in [
            ("", "hunter2\n", "hunter2"),
            ("", "hunter2", "hunter2"),
            ("", "two\nlines\n", "two\nlines\n"),
            ("old", "new\n", "new"),
            ("old\n", "new\n", "new\n"),
            ("a\nb", "a\nc\n", "a\nc"),
            ("old", "new\n\n", "new\n"),
        ] {
            let mut new = bytes(typed);
            drop_added_newline(&bytes(old), &mut new);
            assert_eq!(new.expose(), stored.as_bytes(), "{old:?} {typed:?}");
        }
    }
}
