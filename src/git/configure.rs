//! The configuration of Git; the local one of a repository is the only thing that is written here.

use std::ffi::OsString;
use std::path::Path;
use std::path::PathBuf;

use super::GitError;
use super::Repository;
use super::git;
use super::output_of;
use super::path;

impl Repository {
    /// A value of the local configuration.
    pub fn local_config(&self, key: &str) -> Result<Option<String>, GitError> {
        match self.run(["config", "--local", "--get", key]) {
            Ok(printed) => Ok(Some(String::from_utf8_lossy(&printed).trim_end_matches('\n').to_owned())),
            Err(GitError::Failed { reason }) if reason.is_empty() => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Sets a value of the local configuration.
    pub fn set_local_config(&self, key: &str, value: &str) -> Result<(), GitError> {
        self.run(["config", "--local", key, value]).map(drop)
    }

    /// The folder with what this clone alone says, such as its own attributes.
    pub fn info_folder(&self) -> Result<PathBuf, GitError> {
        let printed = self.run(["rev-parse", "--git-path", "info"])?;
        Ok(self.top.join(path(printed.strip_suffix(b"\n").unwrap_or(&printed))))
    }
}

/// Drivers of `git diff`: which of them keep what they print, and what they call.
const DRIVERS: [&str; 4] = ["config", "--null", "--get-regexp", r"^diff\..*\.(cachetextconv|textconv)$"];

impl Repository {
    /// Drivers of `git diff` whose output Git is told to keep, with the command of each, whatever file or variable says so.
    pub fn cached_drivers(&self) -> Result<Vec<(String, String)>, GitError> {
        cached_drivers(self.run(DRIVERS))
    }

    /// The settings that name programs for Git to pass contents through.
    pub(super) fn filters(&self) -> Result<Vec<OsString>, GitError> {
        let args = ["config", "--null", "--name-only", "--get-regexp", r"^filter\."];
        let printed = match self.run(args) {
            Err(GitError::Failed { reason }) if reason.is_empty() => return Ok(Vec::new()),
            other => other?,
        };
        let keys = printed.split(|byte| *byte == 0).filter(|key| !key.is_empty());
        Ok(keys.map(|key| path(key).into_os_string()).collect())
    }
}

/// Like [`Repository::cached_drivers`] where there is no repository.
pub fn global_cached_drivers() -> Result<Vec<(String, String)>, GitError> {
    cached_drivers(output_of(git(Path::new("/")).args(DRIVERS)))
}

fn cached_drivers(printed: Result<Vec<u8>, GitError>) -> Result<Vec<(String, String)>, GitError> {
    let printed = match printed {
        Err(GitError::Failed { reason }) if reason.is_empty() => return Ok(Vec::new()),
        other => other?,
    };
    let printed = String::from_utf8_lossy(&printed);
    // A key without a value is a truth.
    let pairs: Vec<(&str, &str)> =
        printed.split('\0').map(|pair| pair.split_once('\n').unwrap_or((pair, "true"))).collect();
    let of = |key: &str, ending: &str| {
        key.strip_prefix("diff.").and_then(|rest| rest.strip_suffix(ending)).map(str::to_owned)
    };
    let mut cached = Vec::new();
    for (key, value) in &pairs {
        let Some(driver) = of(key, ".cachetextconv") else { continue };
        cached.retain(|(name, _)| *name != driver);
        // Only what is surely false keeps nothing; a word that Git refuses counts as well.
        if !["false", "no", "off", "0", ""].contains(&value.to_ascii_lowercase().as_str()) {
            let mut commands = pairs.iter().filter(|(key, _)| of(key, ".textconv").as_ref() == Some(&driver));
            let command = commands.next_back().map(|(_, command)| (*command).to_owned()).unwrap_or_default();
            cached.push((driver, command));
        }
    }
    Ok(cached)
}
