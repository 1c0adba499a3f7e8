//! Where this machine keeps what is its own: the lock, an interrupted change, and what it has seen.
//!
//! None of it may come from a commit, since a journal is carried out and a record is believed. So it lies in Git's own
//! folder of the work tree, or, where there is none, in the state folder of the user.

use std::os::unix::fs::DirBuilderExt;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::path::PathBuf;

use crate::crypto::Digest;
use crate::diag::Class;
use crate::diag::Failure;
use crate::fsx::FsError;
use crate::fsx::Transaction;
use crate::git::git_dir;

/// Name of our folder, in Git's and in the user's.
const FOLDER: &str = "secretctl";
/// Name of the folder in ours for fleets that are not at the top of their work tree.
const BELOW: &str = "below";
/// Where versions up to 0.1 kept all this: in the work tree, where a commit can put it too.
const OLD_JOURNAL: &str = ".secretctl/change/journal.json";

/// Why there is no place for the files of this machine.
#[derive(Debug, thiserror::Error, miette::Diagnostic)]
#[non_exhaustive]
pub enum WorkDirError {
    /// Neither Git nor a home.
    #[error(
        "there is no place for a lock: the fleet is in no Git repository of yours, and `HOME` is not set"
    )]
    #[diagnostic(
        code(work::nowhere),
        help("set `XDG_STATE_HOME` to a folder of yours, or run `git init` in the fleet")
    )]
    Nowhere,
    /// Others could put a journal or a record there.
    #[error("`{}` cannot hold the lock and journal of a change: it {reason}", path.display())]
    #[diagnostic(
        code(work::not_private),
        help("look at what lies there, then remove it; `secretctl` makes it again, for you alone")
    )]
    Unsafe {
        /// The folder.
        path: PathBuf,
        /// What is wrong with it.
        reason: &'static str,
    },
    /// It cannot be made.
    #[error(transparent)]
    #[diagnostic(transparent)]
    Fs(#[from] FsError),
}

impl Failure for WorkDirError {
    fn class(&self) -> Class {
        Class::Environment
    }
}

/// The folder of this machine's own files for one work tree.
#[derive(Clone, Debug)]
pub(super) struct WorkDir {
    /// None where there is no place for it.
    place: Option<Place>,
    old_journal: PathBuf,
}

#[derive(Clone, Debug)]
struct Place {
    folder: PathBuf,
    /// Folders that must be safe, the outermost first; the last is the folder itself.
    chain: Vec<PathBuf>,
    /// Whose they may be: ours, or the owner's of the fleet and of Git's folder alike.
    owners: [u32; 2],
}

impl WorkDir {
    /// Finds the folder for the fleet at `root`; makes nothing.
    pub(super) fn of(root: &Path, state_home: Option<&Path>) -> Self {
        let root = root.canonicalize().unwrap_or_else(|_| root.to_owned());
        let place = in_git(&root).or_else(|| state_home.map(|state| in_state(&root, state)));
        Self { place, old_journal: root.join(OLD_JOURNAL) }
    }

    /// Makes the folder if needed, for this user alone, and gives it.
    pub(super) fn prepare(&self) -> Result<PathBuf, WorkDirError> {
        let place = self.place.as_ref().ok_or(WorkDirError::Nowhere)?;
        for folder in &place.chain {
            let above = folder.parent().unwrap_or(folder);
            std::fs::create_dir_all(above).map_err(FsError::on("create", above))?;
            match std::fs::DirBuilder::new().mode(0o700).create(folder) {
                Err(error) if error.kind() != std::io::ErrorKind::AlreadyExists => {
                    return Err(FsError::on("create", folder)(error).into());
                }
                _ => place.check(folder)?,
            }
        }
        Ok(place.folder.clone())
    }

    /// The folder, if it is there and only we could have filled it.
    pub(super) fn existing(&self) -> Option<&Path> {
        let place = self.place.as_ref()?;
        let safe = place.chain.iter().all(|folder| place.check(folder).is_ok());
        safe.then_some(place.folder.as_path())
    }

    /// Whether a change of this machine was interrupted and waits to be completed.
    pub(super) fn is_pending(&self) -> bool {
        self.existing().is_some_and(|folder| Transaction::is_pending(&staging(folder)))
    }

    /// A journal in the work tree, which is never carried out: an older version left it, or a commit brought it.
    pub(super) fn has_old_journal(&self) -> bool {
        self.old_journal.symlink_metadata().is_ok()
    }
}

/// Where a change is staged.
pub(super) fn staging(work_dir: &Path) -> PathBuf {
    work_dir.join("change")
}

impl Place {
    fn check(&self, folder: &Path) -> Result<(), WorkDirError> {
        let refused = |reason| WorkDirError::Unsafe { path: folder.to_owned(), reason };
        let found = folder.symlink_metadata().map_err(FsError::on("look at", folder))?;
        if !found.is_dir() {
            return Err(refused("is not a folder"));
        }
        if !self.owners.contains(&found.uid()) {
            return Err(refused("belongs to another user"));
        }
        if found.mode() & 0o022 != 0 {
            return Err(refused("can be written by others"));
        }
        Ok(())
    }
}

/// In Git's folder, unless that belongs to somebody who owns neither us nor the fleet.
fn in_git(root: &Path) -> Option<Place> {
    let (git, prefix) = git_dir(root)?;
    let git = git.canonicalize().ok()?;
    let owners = [ourselves(), root.metadata().ok()?.uid()];
    let mut chain = vec![git.join(FOLDER)];
    if !prefix.as_os_str().is_empty() {
        // Each fleet of a repository has its own: the paths of a journal are those of one fleet.
        let below = git.join(FOLDER).join(BELOW);
        chain.extend([below.clone(), below.join(digest_of(&prefix))]);
    }
    let ours = owners.contains(&git.metadata().ok()?.uid());
    let folder = chain.last().filter(|_| ours)?.clone();
    Some(Place { folder, chain, owners })
}

/// A path as one name of a folder.
fn digest_of(path: &Path) -> String {
    use std::os::unix::ffi::OsStrExt;
    Digest::of(path.as_os_str().as_bytes()).to_string()
}

/// By the path of the fleet, in the state folder of the user.
fn in_state(root: &Path, state_home: &Path) -> Place {
    let ours = state_home.join(FOLDER);
    let folder = ours.join(digest_of(root));
    Place { chain: vec![ours, folder.clone()], folder, owners: [ourselves(); 2] }
}

fn ourselves() -> u32 {
    rustix::process::geteuid().as_raw()
}

#[cfg(test)]
#[expect(clippy::disallowed_methods, clippy::unwrap_used, reason = "tests")]
mod tests {
    use std::os::unix::fs::PermissionsExt;
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn without_git_it_is_a_private_folder_for_each_fleet() {
        let place = tempfile::tempdir().unwrap();
        let [one, other, state] = ["one", "other", "state"].map(|name| place.path().join(name));
        for fleet in [&one, &other] {
            std::fs::create_dir(fleet).unwrap();
        }
        let of = |fleet: &Path| WorkDir::of(fleet, Some(&state)).prepare().unwrap();
        assert_ne!(of(&one), of(&other));
        assert_eq!(of(&one), of(&one.join(".")));
        assert_eq!(of(&one).metadata().unwrap().permissions().mode() & 0o777, 0o700);
        assert!(matches!(WorkDir::of(&one, None).prepare(), Err(WorkDirError::Nowhere)));
    }

    #[test]
    fn fleets_of_one_repository_have_a_folder_each() {
        let place = tempfile::tempdir().unwrap();
        let [one, other] = ["one", "deep/other"].map(|name| place.path().join(name));
        for folder in [&one, &other, &place.path().join(".git")] {
            std::fs::create_dir_all(folder).unwrap();
        }
        std::fs::write(place.path().join(".git/HEAD"), "ref: refs/heads/main\n").unwrap();
        let of = |fleet: &Path| WorkDir::of(fleet, None).prepare().unwrap();
        let folders = [of(place.path()), of(&one), of(&other)];
        assert!(folders.iter().all(|folder| folder.starts_with(place.path().join(".git/secretctl"))));
        std::fs::create_dir(staging(&folders[1])).unwrap();
        std::fs::write(staging(&folders[1]).join("journal.json"), "{}").unwrap();
        let pending = |fleet: &Path| WorkDir::of(fleet, None).is_pending();
        assert_eq!([pending(place.path()), pending(&one), pending(&other)], [false, true, false]);
    }

    #[test]
    fn a_folder_that_others_could_have_filled_is_refused_and_nothing_in_it_is_believed() {
        let place = tempfile::tempdir().unwrap();
        let state = place.path().join("state");
        let work = WorkDir::of(place.path(), Some(&state));
        let folder = work.prepare().unwrap();
        std::fs::create_dir(staging(&folder)).unwrap();
        std::fs::write(staging(&folder).join("journal.json"), "{}").unwrap();
        assert!(work.is_pending());
        for unsafe_folder in [folder.as_path(), folder.parent().unwrap()] {
            std::fs::set_permissions(unsafe_folder, PermissionsExt::from_mode(0o777)).unwrap();
            assert!(matches!(work.prepare(), Err(WorkDirError::Unsafe { .. })));
            assert!(!work.is_pending());
            std::fs::set_permissions(unsafe_folder, PermissionsExt::from_mode(0o700)).unwrap();
        }
        let moved = place.path().join("moved");
        std::fs::rename(&folder, &moved).unwrap();
        symlink(&moved, &folder).unwrap();
        assert!(matches!(work.prepare(), Err(WorkDirError::Unsafe { .. })));
        assert!(!work.is_pending());
    }
}
