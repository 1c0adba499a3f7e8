//! Paths that a merge has left for somebody to settle.

use std::collections::BTreeSet;
use std::path::Path;
use std::path::PathBuf;

use super::GitError;
use super::Repository;
use super::path;
use super::unexpected;

impl Repository {
    /// Every unmerged path of the repository: relative to the folder where it lies inside, else to the top.
    pub fn unmerged(&self) -> Result<BTreeSet<PathBuf>, GitError> {
        let printed = self.run(["ls-files", "--unmerged", "-z", "--full-name"])?;
        let lines = printed.split(|byte| *byte == 0).filter(|line| !line.is_empty());
        let paths = lines.map(|line| {
            let tab = line.iter().position(|byte| *byte == b'\t');
            let full =
                tab.and_then(|tab| line.get(tab + 1..)).map(path).ok_or_else(|| unexpected("ls-files"))?;
            Ok(full.strip_prefix(&self.prefix).map(Path::to_owned).unwrap_or(full))
        });
        paths.collect()
    }
}
