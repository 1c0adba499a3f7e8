//! Whole files, replaced in one step: a reader sees the old bytes or the new ones.

use std::fs::File;
use std::io;
use std::io::Read;
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::path::PathBuf;

use super::FsError;

/// Ending of files that are being written; a crash may leave one, and the next write takes it over.
const TEMPORARY: &str = ".secretctl-tmp";

/// Replaces `path` with `bytes`: a temporary file beside it with its final mode, sync, rename, sync the folder.
pub fn write_atomic(path: &Path, bytes: &[u8], mode: u32) -> Result<(), FsError> {
    let temporary = temporary_beside(path);
    let written = write_new(&temporary, bytes, mode)
        .and_then(|file| file.sync_all().map_err(FsError::on("sync", &temporary)))
        .and_then(|()| rename(&temporary, path));
    if written.is_err() {
        let _ = remove_if_there(&temporary);
    }
    written?;
    sync_folder_of(path)
}

/// Reads a whole file of at most `limit` bytes; a pipe or device, which might never end, is refused.
pub fn read_bounded(path: &Path, limit: u64) -> Result<Vec<u8>, FsError> {
    let failed = FsError::on("read", path);
    let flags = i32::try_from(rustix::fs::OFlags::NONBLOCK.bits()).unwrap_or_default();
    let file = File::options().read(true).custom_flags(flags).open(path).map_err(&failed)?;
    read_regular(&file, limit).map_err(&failed)
}

/// Reads what must be a regular file of at most `limit` bytes and was opened without waiting.
pub(super) fn read_regular(file: &File, limit: u64) -> io::Result<Vec<u8>> {
    let found = file.metadata()?;
    if !found.is_file() {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "it is not a regular file"));
    }
    let too_large = || io::Error::new(io::ErrorKind::FileTooLarge, format!("larger than {limit} bytes"));
    if found.len() > limit {
        return Err(too_large());
    }
    let mut bytes = Vec::with_capacity(usize::try_from(found.len()).unwrap_or_default());
    // It may have grown since, or be one of those of the kernel that have no size.
    file.take(limit.saturating_add(1)).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > limit { Err(too_large()) } else { Ok(bytes) }
}

/// Writes a file that must not be followed through a link. The caller sees to it that it reaches the disk.
pub(super) fn write_new(path: &Path, bytes: &[u8], mode: u32) -> Result<File, FsError> {
    let failed = FsError::on("write", path);
    remove_if_there(path)?;
    let mut file = File::options().write(true).create_new(true).mode(mode).open(path).map_err(&failed)?;
    file.write_all(bytes).map_err(&failed)?;
    Ok(file)
}

#[expect(clippy::disallowed_methods, reason = "this module is the writer")]
pub(super) fn rename(from: &Path, to: &Path) -> Result<(), FsError> {
    std::fs::rename(from, to).map_err(FsError::on("replace", to))
}

/// Removes a file; it not being there is fine.
#[expect(clippy::disallowed_methods, reason = "this module is the writer")]
pub(super) fn remove_if_there(path: &Path) -> Result<(), FsError> {
    match std::fs::remove_file(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        other => other.map_err(FsError::on("remove", path)),
    }
}

/// Makes the entry of `path` in its folder survive a power cut.
pub(super) fn sync_folder_of(path: &Path) -> Result<(), FsError> {
    let folder = folder_of(path);
    File::open(&folder).and_then(|folder| folder.sync_all()).map_err(FsError::on("sync", &folder))
}

pub(super) fn folder_of(path: &Path) -> PathBuf {
    match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder.to_owned(),
        _ => PathBuf::from("."),
    }
}

fn temporary_beside(path: &Path) -> PathBuf {
    let mut name = std::ffi::OsString::from(".");
    name.push(path.file_name().unwrap_or_default());
    name.push(TEMPORARY);
    folder_of(path).join(name)
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn a_file_is_replaced_with_its_mode_and_nothing_is_left_beside_it() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("state");
        write_atomic(&path, b"old", 0o600).unwrap();
        write_atomic(&path, b"new", 0o640).unwrap();
        assert_eq!(read_bounded(&path, 10).unwrap(), b"new");
        assert_eq!(path.metadata().unwrap().permissions().mode() & 0o777, 0o640);
        assert_eq!(folder.path().read_dir().unwrap().count(), 1);
    }

    #[test]
    fn a_failed_write_leaves_the_old_file_and_no_other() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("dir");
        std::fs::create_dir(&path).unwrap();
        let error = write_atomic(&path, b"new", 0o600).unwrap_err();
        assert_eq!(error.action, "replace");
        assert_eq!(folder.path().read_dir().unwrap().count(), 1);
    }

    #[test]
    fn a_left_over_temporary_file_does_not_stop_the_next_write() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("state");
        write_new(&temporary_beside(&path), b"half", 0o600).unwrap();
        write_atomic(&path, b"whole", 0o600).unwrap();
        assert_eq!(read_bounded(&path, 10).unwrap(), b"whole");
        assert_eq!(folder.path().read_dir().unwrap().count(), 1);
    }

    #[test]
    fn a_file_over_the_limit_is_refused_with_its_path() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("state");
        write_atomic(&path, b"12345", 0o600).unwrap();
        assert!(read_bounded(&path, 4).unwrap_err().to_string().contains("state"));
        // Nothing of 200 GiB that are not there is read, and none of a file that says it has no bytes beyond the limit.
        let sparse = folder.path().join("sparse");
        File::options()
            .write(true)
            .create(true)
            .truncate(true)
            .open(&sparse)
            .unwrap()
            .set_len(200 << 30)
            .unwrap();
        for (path, limit) in [(sparse.as_path(), 1 << 30), (Path::new("/proc/self/status"), 10)] {
            let error = read_bounded(path, limit).unwrap_err();
            assert_eq!(error.source.kind(), io::ErrorKind::FileTooLarge, "{}", path.display());
        }
    }

    #[test]
    fn what_is_no_file_is_refused_and_not_waited_for() {
        let folder = tempfile::tempdir().unwrap();
        let pipe = folder.path().join("pipe");
        let made = std::process::Command::new("mkfifo").arg(&pipe).status();
        assert!(made.unwrap().success());
        for path in [pipe.as_path(), Path::new("/dev/zero"), folder.path()] {
            let error = read_bounded(path, 10).unwrap_err();
            assert!(error.source.to_string().contains("not a regular file"), "{}: {error}", path.display());
        }
    }
}
