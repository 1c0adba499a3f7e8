//! How far the serials of a host came, by what was committed.

use std::path::Path;

use super::sealed_then;
use crate::git::Change;
use crate::git::From;
use crate::git::GitError;
use crate::manifest::MANIFEST_FILE;
use crate::manifest::SIGNATURE_FILE;
use crate::name::HostName;
use crate::ops::workspace::Workspace;
use crate::store::Layout;
use crate::store::SERIAL_BELIEVED;

/// The highest serial of a host that an admin ever signed and committed, jumps left out; zero where Git knows none.
pub(in crate::ops) fn committed_serial(ws: &Workspace, host: &HostName) -> u64 {
    // Where Git does not answer there is nothing to be above of, and hosts say what went back.
    serials(ws, host)
        .unwrap_or_default()
        .into_iter()
        .filter(|serial| *serial < SERIAL_BELIEVED)
        .max()
        .unwrap_or(0)
}

fn serials(ws: &Workspace, host: &HostName) -> Result<Vec<u64>, GitError> {
    let repository = ws.repository()?;
    let folder = Layout::sealed(host);
    let changes = repository.changes(From::Head, &[Path::new(&folder)])?;
    let mut blobs = repository.blobs()?;
    let mut serials = Vec::new();
    for Change { commit, path, blob } in changes.iter().filter(|change| change.path.ends_with(MANIFEST_FILE))
    {
        let beside =
            |other: &&Change| other.commit == *commit && other.path == path.with_file_name(SIGNATURE_FILE);
        let signature = changes.iter().find(beside).and_then(|change| change.blob.as_deref());
        let (Some(manifest), Some(signature)) = (blob.as_deref(), signature) else { continue };
        serials.extend(sealed_then(ws, host, manifest, signature, &mut blobs)?.map(|sealed| sealed.serial));
    }
    Ok(serials)
}
