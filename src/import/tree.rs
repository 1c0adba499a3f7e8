//! The files of a repository that is read, without those of Git, of a fleet in a folder of its own, or behind links.

use std::path::Path;
use std::path::PathBuf;

use crate::fleet::FLEET_FILE;

/// How many files of a repository are looked at.
const FILES: usize = 200_000;
/// Largest file that is read whole: SOPS documents are the largest.
const FILE_MAX: u64 = 64 << 20;

/// Every file, sorted, relative to `root`.
pub(super) fn files(root: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    let mut folders = vec![PathBuf::new()];
    while let Some(folder) = folders.pop() {
        let Ok(entries) = root.join(&folder).read_dir() else { continue };
        for entry in entries.flatten() {
            let name = entry.file_name();
            let Ok(kind) = entry.file_type() else { continue };
            let path = folder.join(&name);
            if kind.is_dir() && !is_ours(root, &path) {
                folders.push(path);
            } else if kind.is_file() && files.len() < FILES {
                files.push(path);
            }
        }
    }
    files.sort();
    files
}

/// Folders that belong to Git, to us, or to what a build left. A fleet beside the other tool's files has sources of its own.
fn is_ours(root: &Path, path: &Path) -> bool {
    let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
    matches!(name, ".git" | ".jj" | ".secretctl" | ".direnv" | "node_modules")
        || path == Path::new("sealed")
        || root.join(path).join(FLEET_FILE).is_file()
}

/// The bytes of one file.
pub(super) fn bytes(root: &Path, path: &Path) -> Option<Vec<u8>> {
    let path = root.join(path);
    let small = path.metadata().is_ok_and(|file| file.len() <= FILE_MAX);
    small.then(|| std::fs::read(path).ok())?
}

/// The text of one file.
pub(super) fn text(root: &Path, path: impl AsRef<Path>) -> Option<String> {
    String::from_utf8(bytes(root, path.as_ref())?).ok()
}
