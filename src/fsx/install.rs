//! Folders that are opened once and filled relative to their descriptor, never through a link.

use std::fs::File;
use std::os::fd::OwnedFd;
use std::os::unix::fs::MetadataExt;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::path::PathBuf;

use rustix::fs::AtFlags;
use rustix::fs::Gid;
use rustix::fs::Mode;
use rustix::fs::OFlags;
use rustix::fs::RawMode;
use rustix::fs::Uid;

use super::FsError;

/// Who may do what with a file, by number.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Attributes {
    /// Owner.
    pub owner: u32,
    /// Group.
    pub group: u32,
    /// Permission bits.
    pub mode: u32,
}

/// What a look at a file tells.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Seen {
    /// Owner, group and mode.
    pub attributes: Attributes,
    /// Length in bytes.
    pub size: u64,
    /// Last change of the content: seconds and nanoseconds.
    pub modified: (i64, i64),
}

/// A folder held open, with the path that messages show.
#[derive(Debug)]
pub struct Folder {
    fd: OwnedFd,
    path: PathBuf,
}

impl Folder {
    /// Opens a folder; a link in its place is refused.
    pub fn open(path: &Path) -> Result<Self, FsError> {
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let fd = rustix::fs::open(path, flags, Mode::empty()).map_err(on("open", path))?;
        Ok(Self { fd, path: path.to_owned() })
    }

    /// The folder's path.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Makes the folder `name` in this one with exactly `mode`, and opens it.
    pub fn create(&self, name: &str, mode: u32) -> Result<Self, FsError> {
        let path = self.path.join(name);
        let mode = bits(mode);
        rustix::fs::mkdirat(&self.fd, name, mode).map_err(on("create", &path))?;
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let fd = rustix::fs::openat(&self.fd, name, flags, Mode::empty()).map_err(on("open", &path))?;
        rustix::fs::fchmod(&fd, mode).map_err(on("set the mode of", &path))?;
        Ok(Self { fd, path })
    }

    /// Makes every folder above the file `relative` that is missing.
    pub fn create_parents(&self, relative: &str, mode: u32) -> Result<(), FsError> {
        for (end, _) in relative.match_indices('/') {
            let name = relative.get(..end).unwrap_or_default();
            let path = self.path.join(name);
            let mode = bits(mode);
            match rustix::fs::mkdirat(&self.fd, name, mode) {
                Ok(()) => rustix::fs::chmodat(&self.fd, name, mode, AtFlags::empty())
                    .map_err(on("set the mode of", &path))?,
                Err(rustix::io::Errno::EXIST) => {}
                Err(error) => return Err(on("create", &path)(error)),
            }
        }
        Ok(())
    }

    /// Makes a new file, and gives it its owner and mode while it is still empty.
    pub fn create_file(&self, relative: &str, attributes: Attributes) -> Result<File, FsError> {
        let path = self.path.join(relative);
        let flags = OFlags::RDWR | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        // Without group and other bits until the owner is set.
        let born = bits(attributes.mode & 0o700);
        let fd = rustix::fs::openat(&self.fd, relative, flags, born).map_err(on("create", &path))?;
        let given = own(&fd, attributes).map_err(on("set owner and mode of", &path));
        if given.is_err() {
            let _ = rustix::fs::unlinkat(&self.fd, relative, AtFlags::empty());
        }
        given.map(|()| File::from(fd))
    }

    /// Opens a file for reading; a link in its place is refused.
    pub fn read_file(&self, relative: &str) -> Result<File, FsError> {
        let path = self.path.join(relative);
        let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::CLOEXEC | OFlags::NONBLOCK;
        let fd = rustix::fs::openat(&self.fd, relative, flags, Mode::empty()).map_err(on("open", &path))?;
        Ok(File::from(fd))
    }

    /// Looks at a regular file; anything else counts as missing.
    pub fn see(&self, relative: &str) -> Option<Seen> {
        let found = self.path.join(relative).symlink_metadata().ok()?;
        let attributes =
            Attributes { owner: found.uid(), group: found.gid(), mode: found.permissions().mode() & 0o7777 };
        let modified = (found.mtime(), found.mtime_nsec());
        found.is_file().then_some(Seen { attributes, size: found.len(), modified })
    }

    /// Gives the file `relative` of another folder the same name here: one file, two names.
    pub fn link_from(&self, other: &Self, relative: &str) -> Result<(), FsError> {
        let path = self.path.join(relative);
        rustix::fs::linkat(&other.fd, relative, &self.fd, relative, AtFlags::empty())
            .map_err(on("link", &path))
    }

    /// Removes a file.
    pub fn remove_file(&self, relative: &str) -> Result<(), FsError> {
        let path = self.path.join(relative);
        rustix::fs::unlinkat(&self.fd, relative, AtFlags::empty()).map_err(on("remove", &path))
    }

    /// Renames an entry of this folder, in one step.
    pub fn rename(&self, from: &str, to: &str) -> Result<(), FsError> {
        rustix::fs::renameat(&self.fd, from, &self.fd, to).map_err(on("rename", &self.path.join(to)))
    }

    /// Names of everything in this folder; names that are not text are left out.
    pub fn names(&self) -> Result<Vec<String>, FsError> {
        let failed = FsError::on("list", &self.path);
        let entries = self.path.read_dir().map_err(&failed)?;
        Ok(entries.flatten().filter_map(|entry| entry.file_name().into_string().ok()).collect())
    }

    /// Removes an entry of this folder with everything in it; links are removed, never followed.
    #[expect(clippy::disallowed_methods, reason = "this module is a writer")]
    pub fn remove_tree(&self, name: &str) -> Result<(), FsError> {
        let path = self.path.join(name);
        let folder = path.symlink_metadata().is_ok_and(|found| found.is_dir());
        let removed = if folder { std::fs::remove_dir_all(&path) } else { std::fs::remove_file(&path) };
        match removed {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(()),
            other => other.map_err(FsError::on("remove", &path)),
        }
    }
}

/// Makes a folder and those above it where they are missing; only the last one gets `mode`.
pub fn create_folders(path: &Path, mode: u32) -> Result<(), FsError> {
    if path.is_dir() {
        return Ok(());
    }
    let failed = FsError::on("create", path);
    if let Some(parent) = path.parent() {
        std::fs::create_dir_all(parent).map_err(&failed)?;
    }
    match std::fs::create_dir(path) {
        Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists && path.is_dir() => return Ok(()),
        other => other.map_err(&failed)?,
    }
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).map_err(&failed)
}

/// Permission bits as the system's own type, which has 16 bits on some and 32 on others.
fn bits(mode: u32) -> Mode {
    Mode::from_raw_mode(RawMode::from(u16::try_from(mode & 0o7777).unwrap_or_default()))
}

fn own(fd: &OwnedFd, attributes: Attributes) -> rustix::io::Result<()> {
    let (owner, group) = (Uid::from_raw(attributes.owner), Gid::from_raw(attributes.group));
    let found = rustix::fs::fstat(fd)?;
    if (found.st_uid, found.st_gid) != (attributes.owner, attributes.group) {
        rustix::fs::fchown(fd, Some(owner), Some(group))?;
    }
    rustix::fs::fchmod(fd, bits(attributes.mode))
}

/// [`FsError::on`] for the errors of system calls.
pub(super) fn on<'a>(action: &'static str, path: &'a Path) -> impl Fn(rustix::io::Errno) -> FsError + 'a {
    move |error| FsError::on(action, path)(error.into())
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    fn own_attributes(mode: u32) -> Attributes {
        let (owner, group) = (rustix::process::geteuid().as_raw(), rustix::process::getegid().as_raw());
        Attributes { owner, group, mode }
    }

    #[test]
    fn files_and_folders_have_exactly_their_mode_whatever_the_umask_says() {
        let place = tempfile::tempdir().unwrap();
        let folder = Folder::open(place.path()).unwrap().create("1", 0o751).unwrap();
        folder.create_parents("a/b/c", 0o751).unwrap();
        folder.create_file("a/b/c", own_attributes(0o464)).unwrap();
        assert_eq!(folder.see("a/b/c").unwrap().attributes, own_attributes(0o464));
        for path in ["1", "1/a", "1/a/b"] {
            assert_eq!(place.path().join(path).metadata().unwrap().mode() & 0o7777, 0o751);
        }
    }

    #[test]
    fn an_existing_file_or_link_is_never_written_through() {
        let place = tempfile::tempdir().unwrap();
        let folder = Folder::open(place.path()).unwrap();
        std::os::unix::fs::symlink("/etc/passwd", place.path().join("link")).unwrap();
        folder.create_file("file", own_attributes(0o600)).unwrap();
        assert!(folder.create_file("link", own_attributes(0o600)).is_err());
        assert!(folder.create_file("file", own_attributes(0o600)).is_err());
        assert!(folder.read_file("link").is_err());
        assert!(folder.see("link").is_none());
    }

    #[test]
    fn a_linked_file_is_the_same_file() {
        let place = tempfile::tempdir().unwrap();
        let root = Folder::open(place.path()).unwrap();
        let (old, new) = (root.create("1", 0o700).unwrap(), root.create("2", 0o700).unwrap());
        old.create_file("a", own_attributes(0o400)).unwrap();
        new.link_from(&old, "a").unwrap();
        root.remove_tree("1").unwrap();
        assert_eq!(new.see("a").unwrap().attributes.mode, 0o400);
        assert_eq!(root.names().unwrap(), ["2"]);
    }
}
