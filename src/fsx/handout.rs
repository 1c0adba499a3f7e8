//! Private files that a person asked for, in a folder in memory unless they accept a disk.

use std::fs::File;
use std::io::Write;
use std::os::unix::fs::DirBuilderExt;
use std::os::unix::fs::OpenOptionsExt;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::path::PathBuf;

use super::FsError;
use super::atomic::remove_if_there;
use super::private::Memory;
use super::private::file_system;
use crate::diag::Class;
use crate::diag::Failure;
use crate::secret::SecretBytes;

/// Mode of folders that are made; what is private in them is the file.
const FOLDER_MODE: u32 = 0o755;

/// Whether plaintext may be written to a disk.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Disk {
    /// Only memory will do.
    Refused,
    /// `--danger-plain-disk`: the person takes care of what stays on the disk.
    DangerAllowed,
}

/// Why a private file is not handed out.
#[derive(Debug, thiserror::Error, miette::Diagnostic)]
#[non_exhaustive]
pub enum HandoutError {
    /// The folder is on a disk, or nobody can tell.
    #[error("`{}` is not in memory, and a private key would stay on its disk", path.display())]
    #[diagnostic(
        code(handout::disk),
        help(
            "name a folder below `$XDG_RUNTIME_DIR` or `/dev/shm`; or say `--danger-plain-disk` if the disk is encrypted and you wipe the key afterwards"
        )
    )]
    OnDisk {
        /// The folder.
        path: PathBuf,
    },
    /// Something is there already.
    #[error("`{}` is already there", path.display())]
    #[diagnostic(code(handout::exists), help("remove it, or name another folder"))]
    Exists {
        /// The file.
        path: PathBuf,
    },
    /// Writing failed.
    #[error(transparent)]
    #[diagnostic(transparent)]
    Fs(#[from] FsError),
}

impl Failure for HandoutError {
    fn class(&self) -> Class {
        match self {
            Self::OnDisk { .. } | Self::Exists { .. } => Class::Usage,
            Self::Fs(error) => error.class(),
        }
    }
}

/// A folder that may take private files. Only [`Handout::open`] makes one; nothing is written until it is asked to.
#[derive(Debug)]
pub struct Handout {
    folder: PathBuf,
    disk: Disk,
}

impl Handout {
    /// Looks at what lies under `folder`, which need not exist yet.
    pub fn open(folder: &Path, disk: Disk) -> Result<Self, HandoutError> {
        let folder = std::path::absolute(folder).map_err(FsError::on("find", folder))?;
        let stands = folder.ancestors().find(|path| path.exists());
        if disk == Disk::Refused
            && !stands.is_some_and(|path| matches!(file_system(path), Some(Memory::Backed)))
        {
            return Err(HandoutError::OnDisk { path: folder });
        }
        Ok(Self { folder, disk })
    }

    /// The folder.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Refuses a file that exists, be it as a link that leads nowhere.
    pub fn check_vacant(&self, relative: &str) -> Result<(), HandoutError> {
        let path = self.folder.join(relative);
        if path.symlink_metadata().is_ok() { Err(HandoutError::Exists { path }) } else { Ok(()) }
    }

    /// Writes a new file with exactly this mode, and the folders above it.
    pub fn write(&self, relative: &str, text: &SecretBytes, mode: u32) -> Result<PathBuf, HandoutError> {
        self.check_vacant(relative)?;
        let path = self.folder.join(relative);
        let failed = FsError::on("write", &path);
        let parent = path.parent().unwrap_or(&self.folder);
        make_folders(parent).map_err(&failed)?;
        // A link on the way may have led from memory to a disk.
        if self.disk == Disk::Refused && !matches!(file_system(parent), Some(Memory::Backed)) {
            return Err(HandoutError::OnDisk { path: parent.to_owned() });
        }
        let file = File::options().write(true).create_new(true).mode(mode & 0o700).open(&path);
        let mut file = file.map_err(&failed)?;
        let written = file.set_permissions(std::fs::Permissions::from_mode(mode));
        if let Err(error) = written.and_then(|()| file.write_all(text.expose())) {
            // Half a key would stand in the way of the next try.
            let _ = remove_if_there(&path);
            return Err(failed(error).into());
        }
        Ok(path.clone())
    }
}

/// Makes what is missing of a folder. Installers copy modes, and a machine whose `/etc` only root may enter is of no
/// use, so that the umask of whoever calls must not matter.
fn make_folders(folder: &Path) -> std::io::Result<()> {
    if folder.is_dir() {
        return Ok(());
    }
    folder.parent().map_or(Ok(()), make_folders)?;
    std::fs::DirBuilder::new().mode(FOLDER_MODE).create(folder)?;
    std::fs::set_permissions(folder, std::fs::Permissions::from_mode(FOLDER_MODE))
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    fn text() -> SecretBytes {
        SecretBytes::from(b"private".to_vec())
    }

    #[test]
    fn a_file_has_its_mode_and_never_takes_the_place_of_another() {
        let place = tempfile::tempdir_in("/dev/shm").unwrap();
        let handout = Handout::open(&place.path().join("new"), Disk::Refused).unwrap();
        let path = handout.write("etc/ssh/key", &text(), 0o600).unwrap();
        assert_eq!(path.metadata().unwrap().permissions().mode() & 0o7777, 0o600);
        assert_eq!(std::fs::read(&path).unwrap(), b"private");
        assert!(matches!(handout.write("etc/ssh/key", &text(), 0o600), Err(HandoutError::Exists { .. })));
        std::os::unix::fs::symlink("/nowhere", place.path().join("new/link")).unwrap();
        assert!(matches!(handout.check_vacant("link"), Err(HandoutError::Exists { .. })));
    }

    #[test]
    fn a_disk_is_refused_also_behind_a_link_unless_danger_is_accepted() {
        let disk = tempfile::tempdir_in(env!("CARGO_MANIFEST_DIR")).unwrap();
        let memory = tempfile::tempdir_in("/dev/shm").unwrap();
        assert!(matches!(
            Handout::open(&disk.path().join("a/b"), Disk::Refused),
            Err(HandoutError::OnDisk { .. })
        ));
        std::os::unix::fs::symlink(disk.path(), memory.path().join("etc")).unwrap();
        let handout = Handout::open(memory.path(), Disk::Refused).unwrap();
        assert!(matches!(handout.write("etc/key", &text(), 0o600), Err(HandoutError::OnDisk { .. })));
        assert!(!disk.path().join("key").exists());
        let handout = Handout::open(disk.path(), Disk::DangerAllowed).unwrap();
        assert!(handout.write("key", &text(), 0o600).unwrap().exists());
    }
}
