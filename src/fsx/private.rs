//! A private folder in memory for plaintext that an editor must see.

use std::fs::File;
use std::io;
use std::io::Seek;
use std::io::Write;
use std::os::unix::fs::MetadataExt;
use std::os::unix::fs::OpenOptionsExt;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::path::PathBuf;

use super::FsError;
use crate::diag::Class;
use crate::diag::Failure;
use crate::secret::PLAINTEXT_MAX;
use crate::secret::SecretBytes;

/// Start of every folder's name, by which left-overs of killed processes are found.
const PREFIX: &str = "secretctl-";

/// File that marks a folder as ours and is locked while its process lives.
const ALIVE: &str = ".alive";

/// Why there is no place for plaintext.
#[derive(Debug, thiserror::Error, miette::Diagnostic)]
#[non_exhaustive]
pub enum PrivateDirError {
    /// None of the candidates is in memory.
    #[error("there is no memory-backed folder for the plaintext; looked at {looked}")]
    #[diagnostic(
        code(edit::no_memory),
        help(
            "mount a tmpfs and name it in `XDG_RUNTIME_DIR`, or pipe the value in without an editor: `secretctl set SECRET --from-file -`"
        )
    )]
    NoMemory {
        /// Each place and what it is instead.
        looked: String,
    },
    /// Something failed in the place that was chosen.
    #[error(transparent)]
    #[diagnostic(transparent)]
    Fs(#[from] FsError),
}

impl Failure for PrivateDirError {
    fn class(&self) -> Class {
        Class::Environment
    }
}

/// A folder with mode 0700 on tmpfs or ramfs; every file in it is overwritten and removed on drop.
#[derive(Debug)]
pub struct PrivateDir {
    path: PathBuf,
    /// Holds the lock that tells a living folder from a left-over.
    alive: File,
}

impl PrivateDir {
    /// Makes a folder in the first of `candidates` that is memory-backed, as statfs tells.
    pub fn create(candidates: &[PathBuf]) -> Result<Self, PrivateDirError> {
        let mut looked = Vec::new();
        for place in candidates {
            match file_system(place) {
                Some(Memory::Backed) => {
                    remove_left_overs(place);
                    return Self::create_in(place).map_err(Into::into);
                }
                Some(Memory::Not) => looked.push(format!("`{}` (not in memory)", place.display())),
                None => looked.push(format!("`{}` (not there)", place.display())),
            }
        }
        let looked = if looked.is_empty() { "nothing".to_owned() } else { looked.join(", ") };
        Err(PrivateDirError::NoMemory { looked })
    }

    fn create_in(place: &Path) -> Result<Self, FsError> {
        let failed = FsError::on("create a folder in", place);
        let mode = std::fs::Permissions::from_mode(0o700);
        let mut builder = tempfile::Builder::new();
        let made =
            builder.prefix(PREFIX).rand_bytes(12).permissions(mode).tempdir_in(place).map_err(&failed)?;
        let alive = made.path().join(ALIVE);
        let file = File::options().write(true).create_new(true).mode(0o600).open(&alive).map_err(&failed)?;
        rustix::fs::flock(&file, rustix::fs::FlockOperation::NonBlockingLockExclusive)
            .map_err(io::Error::from)
            .map_err(&failed)?;
        Ok(Self { path: made.keep(), alive: file })
    }

    /// Takes over a folder of another process of ours, which handed over the file that keeps it alive. Nothing else
    /// is ever taken: the folder is going to be wiped.
    pub fn adopt(path: &Path, alive: File) -> io::Result<Self> {
        let refused = || io::Error::new(io::ErrorKind::InvalidInput, "it is no private folder of ours");
        let named =
            path.file_name().is_some_and(|name| name.as_encoded_bytes().starts_with(PREFIX.as_bytes()));
        let (handed, there) = (alive.metadata()?, path.join(ALIVE).symlink_metadata()?);
        let same = there.is_file() && (handed.dev(), handed.ino()) == (there.dev(), there.ino());
        if !named || !path.is_absolute() || !is_ours(path) || !same {
            return Err(refused());
        }
        Ok(Self { path: path.to_owned(), alive })
    }

    /// The file that keeps the folder alive as long as anybody has it open.
    pub fn alive(&self) -> io::Result<File> {
        self.alive.try_clone()
    }

    /// The folder.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Writes a file with mode 0600.
    pub fn write(&self, name: &str, text: &SecretBytes) -> Result<PathBuf, FsError> {
        let path = self.path.join(name);
        let mut options = File::options();
        let file = options.write(true).create(true).truncate(true).mode(0o600).open(&path);
        file.and_then(|mut file| file.write_all(text.expose())).map_err(FsError::on("write", &path))?;
        Ok(path)
    }

    /// Reads a file again by name, since editors put a new one in its place.
    pub fn read(&self, name: &str) -> Result<SecretBytes, FsError> {
        let path = self.path.join(name);
        let failed = FsError::on("read", &path);
        let flags = i32::try_from(rustix::fs::OFlags::NOFOLLOW.bits()).unwrap_or_default();
        let file = File::options().read(true).custom_flags(flags).open(&path).map_err(&failed)?;
        SecretBytes::read_bounded(file, PLAINTEXT_MAX).map_err(&failed)
    }

    /// Overwrites and removes everything now.
    pub fn wipe(&self) {
        wipe_tree(&self.path);
    }
}

impl Drop for PrivateDir {
    fn drop(&mut self) {
        self.wipe();
    }
}

/// What a folder lies on.
pub(super) enum Memory {
    Backed,
    Not,
}

/// What lies under a folder, as statfs tells; none where it is not there.
#[cfg(target_os = "linux")]
pub(super) fn file_system(place: &Path) -> Option<Memory> {
    /// `TMPFS_MAGIC` and `RAMFS_MAGIC` of linux/magic.h.
    const IN_MEMORY: [i64; 2] = [0x0102_1994, 0x8584_58f6];
    let kind = rustix::fs::statfs(place).ok()?.f_type;
    Some(if IN_MEMORY.contains(&kind) { Memory::Backed } else { Memory::Not })
}

#[cfg(not(target_os = "linux"))]
pub(super) fn file_system(place: &Path) -> Option<Memory> {
    Some(if super::memory::is_memory(place).ok()? { Memory::Backed } else { Memory::Not })
}

/// Wipes folders whose process was killed: nobody holds their lock any more.
fn remove_left_overs(place: &Path) {
    let Ok(entries) = place.read_dir() else { return };
    for entry in entries.flatten() {
        if !entry.file_name().to_string_lossy().starts_with(PREFIX) || !is_ours(&entry.path()) {
            continue;
        }
        let Ok(alive) = File::open(entry.path().join(ALIVE)) else { continue };
        if rustix::fs::flock(&alive, rustix::fs::FlockOperation::NonBlockingLockExclusive).is_ok() {
            wipe_tree(&entry.path());
        }
    }
}

/// Whether this is a private folder of this user. The place may be everybody's: what others put there under our
/// name, a link above all, would lead the wiping elsewhere. Ours nobody else can change, or exchange in a sticky place.
fn is_ours(path: &Path) -> bool {
    path.symlink_metadata().is_ok_and(|found| {
        let private = found.permissions().mode() & 0o777 == 0o700;
        found.is_dir() && private && found.uid() == rustix::process::geteuid().as_raw()
    })
}

/// Zeroes every regular file below `folder` and removes the folder; links are removed, never followed.
#[expect(clippy::disallowed_methods, reason = "this module is the writer")]
fn wipe_tree(folder: &Path) {
    if let Ok(entries) = folder.read_dir() {
        for entry in entries.flatten() {
            match entry.file_type() {
                Ok(kind) if kind.is_dir() => wipe_tree(&entry.path()),
                Ok(kind) if kind.is_file() => {
                    let _ = zero(&entry.path());
                }
                _ => {}
            }
        }
    }
    let _ = std::fs::remove_dir_all(folder);
}

fn zero(path: &Path) -> io::Result<()> {
    let mut file = File::options().write(true).open(path)?;
    let mut left = file.metadata()?.len();
    file.rewind()?;
    let zeros = [0u8; 8192];
    while left > 0 {
        let now = usize::try_from(left).unwrap_or(usize::MAX).min(zeros.len());
        file.write_all(zeros.get(..now).unwrap_or_default())?;
        left -= now as u64;
    }
    Ok(())
}

#[cfg(test)]
#[expect(clippy::disallowed_methods, clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    fn memory() -> Vec<PathBuf> {
        vec![PathBuf::from("/dev/shm")]
    }

    #[test]
    fn the_folder_is_private_and_gone_after_use() {
        let folder = PrivateDir::create(&memory()).unwrap();
        let path = folder.write("value", &SecretBytes::from(b"v".to_vec())).unwrap();
        assert_eq!(folder.path().metadata().unwrap().permissions().mode() & 0o777, 0o700);
        assert_eq!(path.metadata().unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(folder.read("value").unwrap().expose(), b"v");
        let path = folder.path().to_owned();
        drop(folder);
        assert!(!path.exists());
    }

    #[test]
    fn a_disk_is_refused_and_the_way_out_named() {
        let disk = PathBuf::from("/proc");
        let error = PrivateDir::create(&[disk, PathBuf::from("/nowhere")]).unwrap_err();
        let message = error.to_string();
        assert!(
            message.contains("`/proc` (not in memory)") && message.contains("`/nowhere` (not there)"),
            "{message}"
        );
    }

    #[test]
    fn files_are_overwritten_before_they_are_unlinked() {
        let folder = PrivateDir::create(&memory()).unwrap();
        let path = folder.write("value", &SecretBytes::from(b"plaintext".to_vec())).unwrap();
        let mut kept = File::open(&path).unwrap();
        drop(folder);
        let mut left = String::new();
        io::Read::read_to_string(&mut kept, &mut left).unwrap();
        assert_eq!(left, "\0".repeat(9));
        assert_eq!(kept.metadata().unwrap().nlink(), 0);
    }

    #[test]
    fn only_a_private_folder_with_its_own_file_is_taken_over() {
        let folder = PrivateDir::create(&memory()).unwrap();
        let alive = folder.alive().unwrap();
        let other = tempfile::tempdir_in("/dev/shm").unwrap();
        let stolen = other.path().join("secretctl-stolen");
        std::fs::create_dir(&stolen).unwrap();
        std::fs::set_permissions(&stolen, std::fs::Permissions::from_mode(0o700)).unwrap();
        std::fs::write(stolen.join(ALIVE), "").unwrap();
        for path in [stolen.as_path(), other.path(), Path::new("/dev/shm"), Path::new("relative")] {
            assert!(PrivateDir::adopt(path, alive.try_clone().unwrap()).is_err(), "{}", path.display());
        }
        assert!(stolen.exists());
        drop(PrivateDir::adopt(folder.path(), alive).unwrap());
        assert!(!folder.path().exists());
    }

    #[test]
    fn left_overs_of_killed_processes_are_wiped_and_living_folders_are_not() {
        let place = tempfile::tempdir_in("/dev/shm").unwrap();
        let candidates = [place.path().to_owned()];
        let living = PrivateDir::create(&candidates).unwrap();
        let killed = place.path().join("secretctl-killed");
        std::fs::create_dir(&killed).unwrap();
        std::fs::set_permissions(&killed, std::fs::Permissions::from_mode(0o700)).unwrap();
        File::create_new(killed.join(ALIVE)).unwrap();
        File::create_new(killed.join("value")).unwrap();
        let _next = PrivateDir::create(&candidates).unwrap();
        assert!(!killed.exists());
        assert!(living.path().exists());
    }

    #[test]
    fn nothing_that_another_user_put_beside_left_overs_is_followed_or_waited_for() {
        let place = tempfile::tempdir_in("/dev/shm").unwrap();
        let victim = tempfile::tempdir().unwrap();
        std::fs::write(victim.path().join(ALIVE), "").unwrap();
        std::fs::write(victim.path().join("precious"), "text").unwrap();
        std::os::unix::fs::symlink(victim.path(), place.path().join("secretctl-link")).unwrap();
        let open = place.path().join("secretctl-open");
        std::fs::create_dir(&open).unwrap();
        std::fs::write(open.join(ALIVE), "").unwrap();
        std::fs::set_permissions(&open, std::fs::Permissions::from_mode(0o755)).unwrap();
        remove_left_overs(place.path());
        assert_eq!(std::fs::read_to_string(victim.path().join("precious")).unwrap(), "text");
        assert!(open.exists());
    }
}
