//! What lies in a folder, so that two moments can be compared.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

#[derive(Clone, Debug, Eq, PartialEq)]
struct Found {
    bytes: Vec<u8>,
    mode: u32,
    inode: u64,
    modified: (i64, i64),
}

/// Every file below a folder: content, mode, inode and time.
#[derive(Clone, Debug, Default)]
pub(crate) struct Tree(BTreeMap<String, Found>);

impl Tree {
    pub(crate) fn of(root: &Path, skip: &[&str]) -> Self {
        let mut tree = Self::default();
        tree.walk(root, "", skip);
        tree
    }

    fn walk(&mut self, root: &Path, inside: &str, skip: &[&str]) {
        for entry in fs::read_dir(root.join(inside)).unwrap() {
            let entry = entry.unwrap();
            let name = entry.file_name().into_string().unwrap();
            let path = if inside.is_empty() { name } else { format!("{inside}/{name}") };
            if skip.contains(&path.as_str()) {
                continue;
            }
            let metadata = entry.path().symlink_metadata().unwrap();
            if metadata.is_dir() {
                self.walk(root, &path, skip);
                continue;
            }
            let bytes =
                if metadata.is_file() { fs::read(entry.path()).unwrap_or_default() } else { Vec::new() };
            let modified = (metadata.mtime(), metadata.mtime_nsec());
            let found = Found { bytes, mode: metadata.mode(), inode: metadata.ino(), modified };
            self.0.insert(path, found);
        }
    }

    pub(crate) fn paths(&self) -> Vec<String> {
        self.0.keys().cloned().collect()
    }

    /// Files that came, went, were written or replaced, even by the same bytes.
    pub(crate) fn changed_since(&self, before: &Self) -> Vec<String> {
        let mut changed: Vec<String> = self.0.keys().chain(before.0.keys()).cloned().collect();
        changed.sort();
        changed.dedup();
        changed.retain(|path| self.0.get(path) != before.0.get(path));
        changed
    }

    /// Files in which any of the texts stands.
    pub(crate) fn containing(&self, needles: &[&str]) -> Vec<String> {
        let has = |bytes: &[u8]| needles.iter().any(|needle| super::contains(bytes, needle.as_bytes()));
        self.0.iter().filter(|(_, found)| has(&found.bytes)).map(|(path, _)| path.clone()).collect()
    }

    /// Every age file whose path starts with `prefix`.
    pub(crate) fn ciphertexts(&self, prefix: &str) -> Vec<String> {
        let age = |path: &String| Path::new(path).extension().is_some_and(|ending| ending == "age");
        self.0.keys().filter(|path| path.starts_with(prefix) && age(path)).cloned().collect()
    }
}

/// A short name for a text; nothing rests on it.
pub(crate) fn digest(bytes: &[u8]) -> u64 {
    bytes
        .iter()
        .fold(0xcbf2_9ce4_8422_2325, |sum, byte| (sum ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3))
}
