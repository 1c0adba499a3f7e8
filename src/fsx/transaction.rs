//! Several files changed as one: after a crash a rerun finds all of the change or none of it.

use std::collections::BTreeSet;
use std::path::Component;
use std::path::Path;
use std::path::PathBuf;

use serde::Deserialize;
use serde::Serialize;

use super::FsError;
use super::atomic::folder_of;
use super::atomic::read_bounded;
use super::atomic::remove_if_there;
use super::atomic::rename;
use super::atomic::sync_folder_of;
use super::atomic::write_atomic;
use super::atomic::write_new;
use crate::diag::Class;
use crate::diag::Failure;

/// The list of steps; its presence is the point after which the change will happen.
const JOURNAL: &str = "journal.json";
/// With more files than this, one sync of the file system is cheaper than one of each.
#[cfg(target_os = "linux")]
const SYNC_ONE_BY_ONE: usize = 8;
/// The version of the journal that this program writes and reads.
const JOURNAL_VERSION: u32 = 1;
/// Largest journal that is read back.
const JOURNAL_MAX: u64 = 256 << 20;
/// Mode of files in the repository: all of them are ciphertext or public.
const REPOSITORY_MODE: u32 = 0o644;

/// Why an interrupted change could not be completed.
#[derive(Debug, thiserror::Error, miette::Diagnostic)]
#[non_exhaustive]
pub enum RecoverError {
    /// The journal is not one that this program wrote.
    #[error("the journal of an interrupted change, `{}`, does not parse: {reason}", path.display())]
    #[diagnostic(
        code(store::journal),
        help(
            "remove the folder it lies in; `git status` and `secretctl check` then show what is left to repair"
        )
    )]
    Journal {
        /// The journal.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// A step of it failed.
    #[error(transparent)]
    #[diagnostic(transparent)]
    Fs(#[from] FsError),
}

impl Failure for RecoverError {
    fn class(&self) -> Class {
        Class::Environment
    }
}

/// Files to write and remove below one folder, staged until [`Transaction::commit`].
///
/// Everything is first written and synced in the staging folder, then the journal is; only then are the
/// files renamed into place. [`Transaction::recover`] completes a journal that was left, and drops staged
/// files without one. The caller holds a lock.
#[derive(Debug)]
pub struct Transaction {
    root: PathBuf,
    staging: PathBuf,
    within: Vec<PathBuf>,
    steps: Vec<Step>,
}

#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "lowercase", deny_unknown_fields)]
enum Step {
    /// Rename the staged file of this number to the path.
    Write { staged: usize, path: PathBuf },
    /// Remove the path, and folders above it that became empty.
    Remove { path: PathBuf },
}

impl Step {
    fn into_path(self) -> PathBuf {
        match self {
            Self::Write { path, .. } | Self::Remove { path } => path,
        }
    }
}

#[derive(Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct Journal {
    version: u32,
    steps: Vec<Step>,
}

impl Transaction {
    /// Starts an empty change of the files and folders `within` of `root`, staged in `staging`, which no commit reaches.
    pub fn begin(root: &Path, staging: &Path, within: Vec<PathBuf>) -> Result<Self, FsError> {
        if Self::is_pending(staging) {
            // Whoever holds the lock has completed it; another one must not be lost.
            return Err(FsError::on("use", staging)(std::io::ErrorKind::AlreadyExists.into()));
        }
        drop_staging(staging)?;
        std::fs::create_dir_all(staging).map_err(FsError::on("create", staging))?;
        Ok(Self { root: root.to_owned(), staging: staging.to_owned(), within, steps: Vec::new() })
    }

    /// Whether a change was interrupted after its commit point and waits for [`Transaction::recover`].
    pub fn is_pending(staging: &Path) -> bool {
        staging.join(JOURNAL).exists()
    }

    /// Completes an interrupted change and gives the paths that it was about, or drops what was staged before its commit
    /// point.
    pub fn recover(
        root: &Path,
        staging: &Path,
        within: Vec<PathBuf>,
    ) -> Result<Option<Vec<PathBuf>>, RecoverError> {
        let mut completed = None;
        if Self::is_pending(staging) {
            let steps = read_journal(&staging.join(JOURNAL))?;
            let change = Self { root: root.to_owned(), staging: staging.to_owned(), within, steps };
            change.apply()?;
            completed = Some(change.steps.into_iter().map(Step::into_path).collect());
        }
        drop_staging(staging)?;
        Ok(completed)
    }

    /// Stages new content for `path`, relative to the root.
    pub fn write(&mut self, path: impl Into<PathBuf>, bytes: &[u8]) -> Result<(), FsError> {
        let path = path.into();
        self.check_inside(&path)?;
        let staged = self.steps.len();
        write_new(&self.staged(staged), bytes, REPOSITORY_MODE)?;
        self.steps.push(Step::Write { staged, path });
        Ok(())
    }

    /// Stages the removal of `path`, relative to the root.
    pub fn remove(&mut self, path: impl Into<PathBuf>) -> Result<(), FsError> {
        let path = path.into();
        self.check_inside(&path)?;
        self.steps.push(Step::Remove { path });
        Ok(())
    }

    /// Whether there is nothing to do.
    pub fn is_empty(&self) -> bool {
        self.steps.is_empty()
    }

    /// Makes the whole change happen. After an error the old files stand, or a rerun completes the change.
    pub fn commit(self) -> Result<(), FsError> {
        if self.is_empty() {
            return drop_staging(&self.staging);
        }
        if let Err(error) = self.check_possible() {
            drop_staging(&self.staging)?;
            return Err(error);
        }
        self.sync_staged()?;
        let journal = Journal { version: JOURNAL_VERSION, steps: self.steps.clone() };
        let path = self.staging.join(JOURNAL);
        let bytes = serde_json::to_vec(&journal)
            .map_err(std::io::Error::from)
            .map_err(FsError::on("write", &path))?;
        write_atomic(&path, &bytes, REPOSITORY_MODE)?;
        self.apply()?;
        drop_staging(&self.staging)
    }

    /// Everything staged is on the disk before the journal says that the change will happen.
    fn sync_staged(&self) -> Result<(), FsError> {
        let failed = FsError::on("sync", &self.staging);
        let folder = std::fs::File::open(&self.staging).map_err(&failed)?;
        #[cfg(target_os = "linux")]
        if self.steps.len() > SYNC_ONE_BY_ONE {
            return rustix::fs::syncfs(&folder).map_err(std::io::Error::from).map_err(&failed);
        }
        for step in &self.steps {
            if let Step::Write { staged, .. } = step {
                std::fs::File::open(self.staged(*staged))
                    .and_then(|file| file.sync_all())
                    .map_err(&failed)?;
            }
        }
        folder.sync_all().map_err(&failed)
    }

    /// Every step can be repeated: a staged file that is gone was renamed by an earlier attempt.
    fn apply(&self) -> Result<(), FsError> {
        let mut folders = BTreeSet::new();
        for step in &self.steps {
            match step {
                Step::Write { staged, path } => {
                    self.check_inside(path)?;
                    let (from, to) = (self.staged(*staged), self.root.join(path));
                    if from.exists() {
                        let folder = folder_of(&to);
                        std::fs::create_dir_all(&folder).map_err(FsError::on("create", &folder))?;
                        move_file(&from, &to)?;
                        folders.insert(folder);
                    }
                }
                Step::Remove { path } => {
                    self.check_inside(path)?;
                    remove_if_there(&self.root.join(path))?;
                    remove_empty_folders(&self.root, path);
                }
            }
        }
        folders
            .iter()
            .filter(|folder| folder.exists())
            .try_for_each(|folder| sync_folder_of(&folder.join(".")))
    }

    /// Finds out before the commit point what would stop every attempt after it.
    fn check_possible(&self) -> Result<(), FsError> {
        for step in &self.steps {
            let Step::Write { path, .. } = step else { continue };
            let to = self.root.join(path);
            let folder = folder_of(&to);
            std::fs::create_dir_all(&folder).map_err(FsError::on("create", &folder))?;
            match to.symlink_metadata() {
                Ok(found) if found.is_dir() => {
                    return Err(FsError::on("replace", &to)(std::io::ErrorKind::IsADirectory.into()));
                }
                Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                    return Err(FsError::on("replace", &to)(error));
                }
                _ => {}
            }
        }
        Ok(())
    }

    fn staged(&self, number: usize) -> PathBuf {
        self.staging.join(number.to_string())
    }

    /// The last guard against a path that would leave the repository, in memory or in a journal.
    fn check_inside(&self, path: &Path) -> Result<(), FsError> {
        let plain = path.components().all(|part| matches!(part, Component::Normal(_)));
        let inside = self.within.iter().any(|folder| path.starts_with(folder));
        let folders = path.ancestors().skip(1).filter(|folder| !folder.as_os_str().is_empty());
        let refused = match (plain && inside, folders.into_iter().any(|f| self.root.join(f).is_symlink())) {
            (true, false) => return Ok(()),
            (true, true) => "a folder on the way is a link",
            (false, _) => "the path leaves the store",
        };
        let refused = std::io::Error::new(std::io::ErrorKind::InvalidInput, refused);
        Err(FsError::on("write", &self.root.join(path))(refused))
    }
}

/// Puts a staged file into place, from another file system too: then it is copied beside the target and renamed there.
/// Where that is interrupted, the staged file still stands and a rerun does it again.
fn move_file(from: &Path, to: &Path) -> Result<(), FsError> {
    match rename(from, to) {
        Err(error) if error.source.kind() == std::io::ErrorKind::CrossesDevices => {
            write_atomic(to, &read_bounded(from, u64::MAX)?, REPOSITORY_MODE)?;
            remove_if_there(from)
        }
        other => other,
    }
}

fn read_journal(path: &Path) -> Result<Vec<Step>, RecoverError> {
    let wrong = |reason: String| RecoverError::Journal { path: path.to_owned(), reason };
    let bytes = read_bounded(path, JOURNAL_MAX)?;
    let journal: Journal = serde_json::from_slice(&bytes).map_err(|error| wrong(error.to_string()))?;
    if journal.version != JOURNAL_VERSION {
        return Err(wrong(format!("it has version {}, and this program reads version 1", journal.version)));
    }
    Ok(journal.steps)
}

fn remove_empty_folders(root: &Path, path: &Path) {
    for folder in path.ancestors().skip(1).filter(|folder| !folder.as_os_str().is_empty()) {
        if std::fs::remove_dir(root.join(folder)).is_err() {
            return;
        }
    }
}

#[expect(clippy::disallowed_methods, reason = "this module is the writer")]
fn drop_staging(staging: &Path) -> Result<(), FsError> {
    // The journal goes first: without it, what is left is only dropped.
    remove_if_there(&staging.join(JOURNAL))?;
    match std::fs::remove_dir_all(staging) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(()),
        other => other.map_err(FsError::on("remove", staging)),
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    fn within() -> Vec<PathBuf> {
        ["a", "b", "x", "keep", "secrets", "sealed"].map(PathBuf::from).to_vec()
    }

    struct Folder {
        root: tempfile::TempDir,
        staging: PathBuf,
    }

    impl Folder {
        fn new() -> Self {
            let root = tempfile::tempdir().unwrap();
            let staging = root.path().join(".secretctl/change");
            Self { root, staging }
        }

        fn begin(&self) -> Transaction {
            Transaction::begin(self.root.path(), &self.staging, within()).unwrap()
        }

        fn text(&self, path: &str) -> Option<String> {
            std::fs::read_to_string(self.root.path().join(path)).ok()
        }
    }

    #[test]
    fn nothing_is_visible_before_the_commit_and_everything_after() {
        let folder = Folder::new();
        let mut change = folder.begin();
        change.write("secrets/a.age", b"1").unwrap();
        change.write("sealed/h/manifest.json", b"2").unwrap();
        assert_eq!(folder.text("secrets/a.age"), None);
        change.commit().unwrap();
        assert_eq!(folder.text("secrets/a.age").as_deref(), Some("1"));
        assert_eq!(folder.text("sealed/h/manifest.json").as_deref(), Some("2"));
        assert!(!folder.staging.exists());
    }

    #[test]
    fn a_change_interrupted_before_its_commit_point_never_happened() {
        let folder = Folder::new();
        let mut change = folder.begin();
        change.write("a", b"1").unwrap();
        drop(change);
        assert!(!Transaction::is_pending(&folder.staging));
        Transaction::recover(folder.root.path(), &folder.staging, within()).unwrap();
        assert_eq!(folder.text("a"), None);
        assert!(!folder.staging.exists());
    }

    #[test]
    fn a_change_interrupted_at_any_step_after_its_commit_point_is_completed() {
        for done in 0..=3 {
            let folder = Folder::new();
            let mut first = folder.begin();
            first.write("b", b"old").unwrap();
            first.commit().unwrap();
            let mut change = folder.begin();
            change.write("a", b"1").unwrap();
            change.write("x/c", b"2").unwrap();
            change.remove("b").unwrap();
            let journal = Journal { version: 1, steps: change.steps.clone() };
            write_atomic(&folder.staging.join(JOURNAL), &serde_json::to_vec(&journal).unwrap(), 0o644)
                .unwrap();
            change.steps.truncate(done);
            change.apply().unwrap();
            drop(change);

            assert!(Transaction::is_pending(&folder.staging));
            Transaction::recover(folder.root.path(), &folder.staging, within()).unwrap();
            assert_eq!(folder.text("a").as_deref(), Some("1"), "after {done} steps");
            assert_eq!(folder.text("x/c").as_deref(), Some("2"));
            assert_eq!(folder.text("b"), None);
            assert!(!folder.staging.exists());
        }
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn a_change_that_is_staged_on_another_file_system_is_made_and_completed_as_well() {
        for done in 0..=2 {
            let folder = Folder {
                root: tempfile::tempdir_in(env!("CARGO_MANIFEST_DIR")).unwrap(),
                staging: PathBuf::new(),
            };
            let memory = tempfile::tempdir_in("/dev/shm").unwrap();
            let folder = Folder { staging: memory.path().join("change"), ..folder };
            let mut change = folder.begin();
            change.write("a", b"1").unwrap();
            change.write("x/c", b"2").unwrap();
            let moved = std::fs::hard_link(change.staged(0), folder.root.path().join("b"));
            assert_eq!(
                moved.unwrap_err().kind(),
                std::io::ErrorKind::CrossesDevices,
                "this test needs two file systems"
            );
            let journal = Journal { version: 1, steps: change.steps.clone() };
            let bytes = serde_json::to_vec(&journal).unwrap();
            write_atomic(&folder.staging.join(JOURNAL), &bytes, 0o644).unwrap();
            change.steps.truncate(done);
            change.apply().unwrap();
            let completed = Transaction::recover(folder.root.path(), &folder.staging, within()).unwrap();
            assert_eq!(completed, Some(vec!["a".into(), "x/c".into()]));
            assert_eq!((folder.text("a").as_deref(), folder.text("x/c").as_deref()), (Some("1"), Some("2")));
            assert!(!folder.staging.exists());
        }
    }

    #[test]
    fn removing_the_last_file_of_a_folder_removes_the_folder() {
        let folder = Folder::new();
        let mut change = folder.begin();
        change.write("sealed/h/files/a/b.age", b"1").unwrap();
        change.write("keep", b"1").unwrap();
        change.commit().unwrap();
        let mut change = folder.begin();
        change.remove("sealed/h/files/a/b.age").unwrap();
        change.commit().unwrap();
        assert!(!folder.root.path().join("sealed").exists());
        assert!(folder.root.path().exists());
    }

    #[test]
    fn a_path_that_leaves_the_repository_is_refused_in_memory_and_in_a_journal() {
        let folder = Folder::new();
        let mut change = folder.begin();
        for path in ["../x", "/etc/passwd", "a/../../x", ""] {
            assert!(change.write(path, b"1").is_err(), "{path}");
            assert!(change.remove(path).is_err(), "{path}");
        }
        drop(change);
        std::fs::create_dir_all(&folder.staging).unwrap();
        let journal = br#"{"version":1,"steps":[{"remove":{"path":"../victim"}}]}"#;
        write_atomic(&folder.staging.join(JOURNAL), journal, 0o644).unwrap();
        assert!(Transaction::recover(folder.root.path(), &folder.staging, within()).is_err());
    }
}
