//! What the other branch has while a merge has stopped.

use std::collections::BTreeMap;
use std::path::Path;

use crate::crypto::Digest;
use crate::fsx::read_bounded;
use crate::git::Commit;
use crate::git::Entry;
use crate::git::GitError;
use crate::git::Repository;
use crate::manifest::HOST_KEY_FILE;
use crate::manifest::MANIFEST_FILE;
use crate::manifest::MANIFEST_MAX;
use crate::manifest::Manifest;
use crate::manifest::SIGNATURE_FILE;
use crate::name::HostName;
use crate::ops::workspace::Workspace;
use crate::store::Layout;
use crate::store::SOURCE_MAX;

/// The names under which Git keeps the commit that is being merged.
const MERGING: [&str; 3] = ["MERGE_HEAD", "CHERRY_PICK_HEAD", "REBASE_HEAD"];

/// What active admins signed for hosts on the branch that is being merged.
#[derive(Debug, Default)]
pub(in crate::ops) struct Merging(Vec<Manifest>);

impl Merging {
    /// The manifests of the branch; where Git does not answer there are none, and `check` finds what went back.
    pub(in crate::ops) fn of(ws: &Workspace) -> Self {
        let Ok(repository) = ws.repository() else { return Self::default() };
        let commits = MERGING.iter().filter_map(|name| repository.commit(name).ok());
        let manifests = commits.flat_map(|commit| manifests(ws, &repository, &commit).unwrap_or_default());
        Self(manifests.collect())
    }

    /// The highest serials: ours must be above them, since hosts may have seen them.
    pub(in crate::ops) fn serials(&self) -> BTreeMap<HostName, u64> {
        let mut serials: BTreeMap<HostName, u64> = BTreeMap::new();
        for manifest in &self.0 {
            let highest = serials.entry(manifest.host.clone()).or_default();
            *highest = manifest.serial.max(*highest);
        }
        serials
    }

    /// Whether a file in the tree of a host is byte for byte the one that was signed there.
    pub(in crate::ops) fn has_file(&self, ws: &Workspace, host: &HostName, path: &Path) -> bool {
        let Ok(bytes) = read_bounded(&ws.layout.root().join(path), SOURCE_MAX) else { return false };
        let (digest, folder) = (Digest::of(&bytes), Layout::sealed(host));
        self.0.iter().filter(|manifest| manifest.host == *host).any(|manifest| {
            let mut copies = manifest.secrets.values();
            let identity = path == folder.join(HOST_KEY_FILE) && manifest.host_key_sha256 == digest;
            identity || copies.any(|entry| folder.join(&entry.file) == path && entry.sha256 == digest)
        })
    }
}

fn manifests(ws: &Workspace, repository: &Repository, commit: &Commit) -> Result<Vec<Manifest>, GitError> {
    let signers = ws.signers();
    let mut blobs = repository.blobs()?;
    let entries = repository.entries(commit, &["sealed"])?;
    let by_path: BTreeMap<_, &Entry> = entries.iter().map(|entry| (entry.path.as_path(), entry)).collect();
    let mut found = Vec::new();
    for entry in entries.iter().filter(|entry| entry.path.ends_with(MANIFEST_FILE)) {
        let Some(folder) = entry.path.parent() else { continue };
        let Some(host) = Layout::sealed_host(folder) else { continue };
        let Some(signature) = by_path.get(folder.join(SIGNATURE_FILE).as_path()) else { continue };
        let bytes = blobs.read(commit, entry, MANIFEST_MAX)?;
        let signature = blobs.read(commit, signature, MANIFEST_MAX)?;
        let verified = Manifest::verify(&bytes, &String::from_utf8_lossy(&signature), &signers.trusted);
        if let Ok(verified) = verified.and_then(|verified| verified.for_host(&host)) {
            found.push(verified.manifest().clone());
        }
    }
    Ok(found)
}
