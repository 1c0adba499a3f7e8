//! Roots that were committed, against those that are there.

use crate::diag::Class;
use crate::diag::Finding;
use crate::diag::Place;
use crate::diag::Severity;
use crate::git::Blobs;
use crate::git::Change;
use crate::git::GitError;
use crate::ops::workspace::Workspace;
use crate::roots::ROOTS_MAX;
use crate::roots::Roots;
use crate::store::Layout;

/// A committed list of this fleet that the one here does not go on from.
pub(super) fn rewritten(
    ws: &Workspace,
    changes: &[Change],
    blobs: &mut Blobs,
) -> Result<Option<Finding>, GitError> {
    let Some(now) = &ws.roots else { return Ok(None) };
    for Change { commit, path, blob } in changes.iter().filter(|change| change.path == Layout::roots()) {
        let Some(bytes) = blob.as_ref().map(|blob| blobs.content_of(blob, ROOTS_MAX)).transpose()?.flatten()
        else {
            continue;
        };
        // A list that never held, such as one with a line that was taken out again, is not missed.
        let Ok(then) = Roots::verify(&bytes) else { continue };
        if then.fleet() != now.fleet() || now.holds(&then.pin()) {
            continue;
        }
        let short = commit.get(..12).unwrap_or(commit);
        let number = then.head().number;
        let message = format!("the roots have lost version {number}, which commit {short} has");
        // A merge of two branches that both changed the people leaves one of them behind.
        let parted = then.first_pin() == now.first_pin() && now.head().number >= number;
        let (severity, class) =
            if parted { (Severity::Warning, Class::Finding) } else { (Severity::Error, Class::Integrity) };
        let finding = Finding::new(severity, class, "roots::rewritten", message);
        let help = format!(
            "hosts that pinned it refuse the list; bring it back with `git checkout {short} -- {}`",
            path.display()
        );
        return Ok(Some(finding.at(Place::file(path)).help(help)));
    }
    Ok(None)
}
