//! Public halves against the signed lines that tell what they are: whoever swaps one would be trusted in its place.

use std::collections::BTreeMap;
use std::path::Path;

use super::error;
use crate::crypto::Digest;
use crate::diag::Class;
use crate::diag::Finding;
use crate::diag::Place;
use crate::ledger::VerifiedLedger;
use crate::name::SecretName;
use crate::ops::public;
use crate::ops::workspace::Workspace;

/// Notes every public half that is missing, or that is not the one of the current value.
pub(super) fn check(
    ws: &Workspace,
    ledgers: &BTreeMap<SecretName, VerifiedLedger>,
    findings: &mut Vec<Finding>,
) {
    for (name, ledger) in ledgers {
        let origin = ledger.value().and_then(|line| line.origin.as_ref());
        let recorded = origin.and_then(|origin| origin.public_sha256);
        let files = public::files(ws, name);
        findings.extend(files.iter().filter_map(|path| changed(ws, name, path, recorded)));
        if recorded.is_some() && files.is_empty() {
            let message = format!("the public half of `{name}` is missing below `public/`");
            let help = format!("`git checkout HEAD -- public/`, or a new value: `secretctl rotate {name}`");
            findings.push(error(Class::Finding, "public::missing", message).help(help));
        }
    }
}

fn changed(ws: &Workspace, name: &SecretName, path: &Path, recorded: Option<Digest>) -> Option<Finding> {
    let bytes = ws.layout.read(path, public::PUBLIC_MAX).ok();
    if recorded.is_some() && bytes.map(|bytes| Digest::of(&bytes)) == recorded {
        return None;
    }
    let message = format!("the public half of `{name}` is not the one that was written with its value");
    let finding = error(Class::Integrity, "public::changed", message).at(Place::file(path));
    let help = format!("`git checkout HEAD -- {}`; trust nothing that was built with it", path.display());
    Some(finding.help(help))
}
