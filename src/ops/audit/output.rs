//! Files that an audit leaves for CI, and where the fleet lies in its repository.

use std::path::Path;
use std::path::PathBuf;

use crate::fsx::FsError;
use crate::fsx::read_bounded;
use crate::fsx::write_atomic;
use crate::ops::workspace::Workspace;

/// Largest summary that is added to; what CI systems show is far smaller.
const SUMMARY_MAX: u64 = 64 << 20;

/// Writes a report in one step: whoever collects it sees the old one or the new one.
pub fn write(path: &Path, bytes: &[u8]) -> Result<(), FsError> {
    write_atomic(path, bytes, 0o644)
}

/// Adds to the end of a summary, which others may have begun.
pub fn append(path: &Path, bytes: &[u8]) -> Result<(), FsError> {
    let mut all = match read_bounded(path, SUMMARY_MAX) {
        Ok(before) => before,
        Err(error) if error.is_missing() => Vec::new(),
        Err(error) => return Err(error),
    };
    all.extend_from_slice(bytes);
    write_atomic(path, &all, 0o644)
}

/// The folder of the fleet inside its repository, which CI systems take paths relative to.
pub fn folder_in_repository(ws: &Workspace) -> PathBuf {
    let Ok(root) = ws.layout.root().canonicalize() else { return PathBuf::new() };
    let top = root.ancestors().find(|folder| folder.join(".git").exists());
    top.and_then(|top| root.strip_prefix(top).ok()).map(Path::to_owned).unwrap_or_default()
}
