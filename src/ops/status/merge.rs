//! What a merge that has stopped waits for, and the command that settles it.

use std::collections::BTreeSet;
use std::path::Path;
use std::path::PathBuf;

use super::Group;
use super::Groups;
use super::Item;
use super::Task;
use crate::fsx::read_bounded;
use crate::git::Repository;
use crate::ledger::LEDGER_MAX;
use crate::name::SecretName;
use crate::ops::check::Checked;
use crate::ops::workspace::Workspace;
use crate::ops::workspace::declared;
use crate::store::Layout;

/// The paths that Git holds as unmerged, as one group; none where there is no merge to settle.
pub(super) fn unsettled(
    ws: &Workspace,
    repository: Option<&Repository>,
    unmerged: &BTreeSet<PathBuf>,
    checked: &Checked,
    groups: &Groups,
) -> Option<Group> {
    let repository = repository?;
    let mut open = BTreeSet::new();
    let mut items = BTreeSet::new();
    for path in unmerged {
        let note = match secret(path) {
            Some(secret) if !is_settled(ws, repository, checked, &secret) => {
                open.insert(secret);
                "both branches changed it".to_owned()
            }
            Some(_) => "settled".to_owned(),
            None if follows(ws, path) => "follows from the secrets".to_owned(),
            None => "settle it by hand".to_owned(),
        };
        items.insert(Item { about: path.display().to_string(), note: Some(note) });
    }
    let sealing = [Task::Seal, Task::Tampered].iter().any(|task| groups.contains_key(task));
    let sealed = unmerged.iter().any(|path| path.starts_with("sealed"));
    let by_hand = unmerged.iter().find(|path| secret(path).is_none() && !follows(ws, path));
    let next = match (open.first(), by_hand) {
        (Some(secret), _) => format!("secretctl git-merge --take ours|theirs {secret}"),
        (None, Some(path)) => format!("git diff -- {}", path.display()),
        (None, None) if sealed && sealing => "secretctl seal".to_owned(),
        (None, None) => format!("git add {}", super::groups::tops(&items).join(" ")),
    };
    let items: Vec<Item> = items.into_iter().collect();
    (!items.is_empty()).then_some(Group { task: Task::Merge, next, items })
}

/// Whether a sealed tree or a document, which commands write.
fn follows(ws: &Workspace, path: &Path) -> bool {
    path.starts_with("sealed") || path.starts_with("secrets") || declared(&ws.fleet).place_of(path).is_some()
}

/// The secret whose source or ledger this is.
fn secret(path: &Path) -> Option<SecretName> {
    let source = || {
        let name = path.strip_prefix("secrets").ok()?.to_str()?.strip_suffix(".age")?;
        name.parse().ok()
    };
    Layout::ledger_name(path).or_else(source)
}

/// Whether the ledger that is there holds, and has every line of the other branch.
fn is_settled(ws: &Workspace, repository: &Repository, checked: &Checked, secret: &SecretName) -> bool {
    let ledger: PathBuf = Layout::ledger(secret);
    let text = read_bounded(&ws.layout.root().join(&ledger), LEDGER_MAX).unwrap_or_default();
    let theirs = || {
        let [_, _, theirs] = repository.stages(&ledger).ok()?;
        repository.blobs().ok()?.content_of(&theirs?, LEDGER_MAX).ok()?
    };
    let ours: BTreeSet<&[u8]> = text.split(|byte| *byte == b'\n').collect();
    let has_all =
        theirs().is_none_or(|theirs| theirs.split(|byte| *byte == b'\n').all(|line| ours.contains(line)));
    has_all && (checked.ledgers.contains_key(secret) || !ws.layout.has_source(secret))
}
