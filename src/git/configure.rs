//! The local configuration of a repository: the only thing that is written here.

use std::path::PathBuf;

use super::GitError;
use super::Repository;
use super::path;

impl Repository {
    /// A value of the local configuration.
    pub fn local_config(&self, key: &str) -> Result<Option<String>, GitError> {
        match self.at_top(["config", "--local", "--get", key]) {
            Ok(printed) => Ok(Some(String::from_utf8_lossy(&printed).trim_end_matches('\n').to_owned())),
            Err(GitError::Failed { reason }) if reason.is_empty() => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Sets a value of the local configuration.
    pub fn set_local_config(&self, key: &str, value: &str) -> Result<(), GitError> {
        self.at_top(["config", "--local", key, value]).map(drop)
    }

    /// The attributes of this clone alone, which count more than those in the work tree.
    pub fn own_attributes(&self) -> Result<PathBuf, GitError> {
        let printed = self.at_top(["rev-parse", "--git-path", "info/attributes"])?;
        Ok(self.top.join(path(printed.strip_suffix(b"\n").unwrap_or(&printed))))
    }
}
