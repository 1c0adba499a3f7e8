//! What the other branch has while a merge has stopped.

use std::collections::BTreeMap;

use crate::git::Commit;
use crate::git::Entry;
use crate::git::GitError;
use crate::git::Repository;
use crate::manifest::MANIFEST_FILE;
use crate::manifest::MANIFEST_MAX;
use crate::manifest::Manifest;
use crate::manifest::SIGNATURE_FILE;
use crate::name::HostName;
use crate::ops::workspace::Workspace;
use crate::store::Layout;

/// The names under which Git keeps the commit that is being merged.
const MERGING: [&str; 3] = ["MERGE_HEAD", "CHERRY_PICK_HEAD", "REBASE_HEAD"];

/// The serials of the branch that is being merged, where one is: ours must be above them, since hosts may have seen them.
pub(in crate::ops) fn merging_serials(ws: &Workspace) -> BTreeMap<HostName, u64> {
    let mut serials: BTreeMap<HostName, u64> = BTreeMap::new();
    let Ok(repository) = ws.repository() else { return serials };
    for commit in MERGING.iter().filter_map(|name| repository.commit(name).ok()) {
        // Where Git does not answer there is nothing to be above of, and `check` finds what went back.
        for (host, serial) in manifests(ws, &repository, &commit).unwrap_or_default() {
            let highest = serials.entry(host).or_default();
            *highest = serial.max(*highest);
        }
    }
    serials
}

fn manifests(
    ws: &Workspace,
    repository: &Repository,
    commit: &Commit,
) -> Result<Vec<(HostName, u64)>, GitError> {
    let signers = ws.signers();
    let mut blobs = repository.blobs()?;
    let entries = repository.entries(commit, &["sealed"])?;
    let by_path: BTreeMap<_, &Entry> = entries.iter().map(|entry| (entry.path.as_path(), entry)).collect();
    let mut serials = Vec::new();
    for entry in entries.iter().filter(|entry| entry.path.ends_with(MANIFEST_FILE)) {
        let Some(folder) = entry.path.parent() else { continue };
        let Some(host) = Layout::sealed_host(folder) else { continue };
        let Some(signature) = by_path.get(folder.join(SIGNATURE_FILE).as_path()) else { continue };
        let bytes = blobs.read(commit, entry, MANIFEST_MAX)?;
        let signature = blobs.read(commit, signature, MANIFEST_MAX)?;
        let verified = Manifest::verify(&bytes, &String::from_utf8_lossy(&signature), &signers.trusted);
        if let Ok(verified) = verified.and_then(|verified| verified.for_host(&host)) {
            serials.push((host, verified.manifest().serial));
        }
    }
    Ok(serials)
}
