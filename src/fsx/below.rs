//! Files and folders of a repository that others write: below its root no link is followed.

use std::ffi::OsStr;
use std::ffi::OsString;
use std::fs::File;
use std::io;
use std::os::fd::AsFd;
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStrExt;
use std::path::Component;
use std::path::Path;

use rustix::fs::AtFlags;
use rustix::fs::Dir;
use rustix::fs::FileType;
use rustix::fs::Mode;
use rustix::fs::OFlags;

use super::FsError;
use super::atomic::read_regular;

/// How a folder is opened that is listed or passed through.
const FOLDER: OFlags = OFlags::DIRECTORY.union(OFlags::CLOEXEC);

/// What an entry of a folder is.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Listed {
    /// A folder.
    Folder,
    /// A symbolic link, wherever it leads.
    Link,
    /// Anything else.
    File,
}

/// Reads a whole regular file of at most `limit` bytes, `path` counting from `root`.
///
/// Neither the file nor a folder above it, up to `root`, may be a link, so that nothing outside of `root` is read.
pub fn read_below(root: &Path, path: &Path, limit: u64) -> Result<Vec<u8>, FsError> {
    let full = root.join(path);
    let failed = FsError::on("read", &full);
    let folder = open_folder(root, path.parent().unwrap_or(Path::new("")), path).map_err(&failed)?;
    let name = path.file_name().ok_or_else(|| failed(io::ErrorKind::InvalidInput.into()))?;
    let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
    let file = rustix::fs::openat(&folder, name, flags, Mode::empty());
    let file = file.map_err(|error| why(&folder, name, path, error)).map_err(&failed)?;
    read_regular(&File::from(file), limit).map_err(&failed)
}

/// The entries of a folder below `root`, in no order; neither it nor a folder above it may be a link.
pub fn list_below(root: &Path, path: &Path) -> Result<Vec<(OsString, Listed)>, FsError> {
    let full = root.join(path);
    let failed = FsError::on("read", &full);
    let folder = open_folder(root, path, path).map_err(&failed)?;
    let mut entries = Vec::new();
    for entry in Dir::read_from(&folder).map_err(|error| failed(error.into()))? {
        let entry = entry.map_err(|error| failed(error.into()))?;
        let name = OsStr::from_bytes(entry.file_name().to_bytes());
        if name == "." || name == ".." {
            continue;
        }
        let kind = match entry.file_type() {
            FileType::Unknown => kind_of(&folder, name).map_err(|error| failed(error.into()))?,
            known => known,
        };
        entries.push((
            name.to_owned(),
            match kind {
                FileType::Directory => Listed::Folder,
                FileType::Symlink => Listed::Link,
                _ => Listed::File,
            },
        ));
    }
    Ok(entries)
}

/// Opens a folder below `root`, one part after the other; `shown` is the path that a message names.
fn open_folder(root: &Path, path: &Path, shown: &Path) -> io::Result<OwnedFd> {
    let root = if root.as_os_str().is_empty() { Path::new(".") } else { root };
    let mut folder = rustix::fs::open(root, FOLDER, Mode::empty())?;
    for part in path.components() {
        let Component::Normal(name) = part else {
            return Err(io::Error::new(io::ErrorKind::InvalidInput, "the path leaves the fleet"));
        };
        let next = rustix::fs::openat(&folder, name, FOLDER | OFlags::NOFOLLOW, Mode::empty());
        folder = next.map_err(|error| why(&folder, name, shown, error))?;
    }
    Ok(folder)
}

/// Says that it was a link that stood in the way, which the number of the error does not.
fn why(folder: &OwnedFd, name: &OsStr, shown: &Path, error: rustix::io::Errno) -> io::Error {
    if kind_of(folder, name) != Ok(FileType::Symlink) {
        return error.into();
    }
    let what =
        if shown.file_name() == Some(name) { "it".to_owned() } else { format!("`{}`", name.display()) };
    let reason = format!("{what} is a link, and no link in a fleet is followed");
    io::Error::new(io::ErrorKind::InvalidInput, reason)
}

fn kind_of(folder: &impl AsFd, name: &OsStr) -> rustix::io::Result<FileType> {
    let found = rustix::fs::statat(folder, name, AtFlags::SYMLINK_NOFOLLOW)?;
    Ok(FileType::from_raw_mode(found.st_mode))
}

#[cfg(test)]
#[expect(clippy::disallowed_methods, clippy::unwrap_used, reason = "tests")]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn no_link_leads_out_whether_it_is_the_file_or_a_folder_above_it() {
        let place = tempfile::tempdir().unwrap();
        let root = place.path().join("fleet");
        std::fs::create_dir_all(root.join("policies")).unwrap();
        std::fs::create_dir(place.path().join("private")).unwrap();
        std::fs::write(place.path().join("private/key"), "private").unwrap();
        symlink("/proc/self/environ", root.join("secretctl.toml")).unwrap();
        symlink(place.path().join("private"), root.join("policies/linked")).unwrap();
        for path in ["secretctl.toml", "policies/linked/key", "policies/linked", "policies/../../private/key"]
        {
            let error = read_below(&root, Path::new(path), 100).unwrap_err();
            assert_eq!(error.source.kind(), io::ErrorKind::InvalidInput, "{path}: {}", error.source);
        }
        assert!(list_below(&root, Path::new("policies/linked")).is_err());
        let listed = list_below(&root, Path::new("policies")).unwrap();
        assert_eq!(listed, [("linked".into(), Listed::Link)]);
    }

    #[test]
    fn the_way_to_the_root_may_be_a_link_and_a_missing_file_is_just_missing() {
        let place = tempfile::tempdir().unwrap();
        std::fs::create_dir(place.path().join("real")).unwrap();
        std::fs::write(place.path().join("real/file"), "text").unwrap();
        symlink("real", place.path().join("fleet")).unwrap();
        let root = place.path().join("fleet");
        assert_eq!(read_below(&root, Path::new("file"), 4).unwrap(), b"text");
        assert!(read_below(&root, Path::new("file"), 3).is_err());
        assert!(read_below(&root, Path::new("a/b"), 3).unwrap_err().is_missing());
        assert!(list_below(&root, Path::new("a/b")).unwrap_err().is_missing());
    }

    #[test]
    fn a_pipe_or_a_folder_is_refused_and_not_waited_for() {
        let place = tempfile::tempdir().unwrap();
        std::fs::create_dir(place.path().join("folder")).unwrap();
        let made = std::process::Command::new("mkfifo").arg(place.path().join("pipe")).status();
        assert!(made.unwrap().success());
        for path in ["pipe", "folder"] {
            let error = read_below(place.path(), Path::new(path), 100).unwrap_err();
            assert!(error.source.to_string().contains("not a regular file"), "{path}: {}", error.source);
        }
    }
}
