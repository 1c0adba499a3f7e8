//! What a host remembers over reboots: pinned keys, the highest serial, its links.

use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::path::Path;
use std::path::PathBuf;

use jiff::Timestamp;
use serde::Deserialize;
use serde::Serialize;

use crate::crypto::Digest;
use crate::crypto::VerifyingKey;
use crate::diag::Class;
use crate::diag::Failure;
use crate::fsx::FsError;
use crate::fsx::create_folders;
use crate::fsx::read_bounded;
use crate::fsx::write_atomic;

/// File name in the state folder.
const FILE: &str = "state.json";
/// Largest state file that is read.
const FILE_MAX: u64 = 16 << 20;
/// The version that this program writes and reads.
const VERSION: u32 = 1;

/// Why the state cannot be used.
#[derive(Debug, thiserror::Error, miette::Diagnostic)]
#[non_exhaustive]
pub enum StateError {
    /// The file cannot be read or written.
    #[error(transparent)]
    #[diagnostic(transparent)]
    Fs(#[from] FsError),
    /// The file is not what was written.
    #[error("state file `{}` is damaged: {reason}", path.display())]
    #[diagnostic(
        code(state::damaged),
        help(
            "restore it from a backup, or remove it: then the trusted keys are pinned anew and older manifests are no longer noticed"
        )
    )]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        reason: String,
    },
    /// A newer program wrote it.
    #[error("state file `{}` has version {found}, and this program reads version {VERSION}", path.display())]
    #[diagnostic(code(state::version), help("use the newer secretctl again on this host"))]
    Version {
        /// The file.
        path: PathBuf,
        /// Version in the file.
        found: u64,
    },
}

impl Failure for StateError {
    fn class(&self) -> Class {
        match self {
            Self::Fs(error) => error.class(),
            Self::Damaged { .. } | Self::Version { .. } => Class::Integrity,
        }
    }
}

/// The last manifest that was accepted.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Accepted {
    /// Its serial.
    pub serial: u64,
    /// Digest of its bytes.
    pub manifest_sha256: Digest,
    /// Who signed it.
    pub signer: VerifyingKey,
    /// When it was sealed.
    pub sealed_at: Timestamp,
}

/// Everything that is remembered. Empty on first use.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub(super) struct State {
    /// Version of the format.
    pub(super) version: u32,
    /// Keys whose manifests were trusted last.
    pub trusted_keys: BTreeSet<VerifyingKey>,
    /// Highest serial accepted from each of the keys.
    pub serials: BTreeMap<VerifyingKey, u64>,
    /// Highest serial accepted at all.
    pub highest_serial: u64,
    /// The last manifest that was accepted.
    pub accepted: Option<Accepted>,
    /// Links that were made at custom paths, and where they point.
    pub links: BTreeMap<PathBuf, PathBuf>,
}

impl Default for State {
    fn default() -> Self {
        Self {
            version: VERSION,
            trusted_keys: BTreeSet::new(),
            serials: BTreeMap::new(),
            highest_serial: 0,
            accepted: None,
            links: BTreeMap::new(),
        }
    }
}

impl State {
    /// Reads the state of a folder; `None` when there is none yet.
    pub(super) fn read(folder: &Path) -> Result<Option<Self>, StateError> {
        #[derive(Deserialize)]
        struct Versioned {
            version: u64,
        }
        let path = folder.join(FILE);
        let bytes = match read_bounded(&path, FILE_MAX) {
            Err(error) if error.is_missing() => return Ok(None),
            other => other?,
        };
        let damaged =
            |error: serde_json::Error| StateError::Damaged { path: path.clone(), reason: error.to_string() };
        let Versioned { version: found } = serde_json::from_slice(&bytes).map_err(damaged)?;
        if found != u64::from(VERSION) {
            return Err(StateError::Version { path: path.clone(), found });
        }
        Ok(Some(serde_json::from_slice(&bytes).map_err(damaged)?))
    }

    /// Replaces the state of a folder in one step.
    pub(super) fn write(&self, folder: &Path) -> Result<(), StateError> {
        let path = folder.join(FILE);
        create_folder(folder)?;
        let mut bytes =
            serde_json::to_vec_pretty(self).map_err(Into::into).map_err(FsError::on("write", &path))?;
        bytes.push(b'\n');
        Ok(write_atomic(&path, &bytes, 0o600)?)
    }
}

/// Makes the folder of the state, for root alone.
pub(super) fn create_folder(folder: &Path) -> Result<(), FsError> {
    create_folders(folder, 0o700)
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    fn state() -> State {
        let key: VerifyingKey =
            "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIB9dG4kjRhQTtWTVzd2t27+t0DEHBPW7iOD23TUiYLio"
                .parse()
                .unwrap();
        State {
            trusted_keys: [key.clone()].into(),
            serials: [(key, 7)].into(),
            highest_serial: 9,
            accepted: None,
            links: [("/etc/x".into(), "/run/secrets/a/b".into())].into(),
            ..State::default()
        }
    }

    #[test]
    fn the_state_round_trips_and_only_root_reads_it() {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(State::read(folder.path()).unwrap(), None);
        state().write(folder.path()).unwrap();
        assert_eq!(State::read(folder.path()).unwrap(), Some(state()));
        let mode = folder.path().join(FILE).metadata().unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }

    #[test]
    fn a_state_that_was_cut_off_or_is_newer_is_refused_by_name() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(FILE);
        state().write(folder.path()).unwrap();
        let bytes = read_bounded(&path, FILE_MAX).unwrap();
        for length in 0..bytes.len() - 2 {
            write_atomic(&path, bytes.get(..length).unwrap(), 0o600).unwrap();
            let error = State::read(folder.path()).unwrap_err();
            assert_eq!(error.class(), Class::Integrity);
            assert!(error.to_string().contains("state.json"), "{error}");
        }
        write_atomic(&path, b"{\"version\":2}", 0o600).unwrap();
        assert!(matches!(State::read(folder.path()), Err(StateError::Version { found: 2, .. })));
    }
}
