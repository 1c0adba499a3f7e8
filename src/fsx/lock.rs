//! One writer at a time, and a name for the one who is writing.

use std::fs::File;
use std::io::Read;
use std::io::Seek;
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::path::PathBuf;
use std::time::Duration;

use rustix::fs::FlockOperation;

use super::FsError;
use crate::diag::Class;
use crate::diag::Failure;

/// How often a waiting writer looks again.
const POLL: Duration = Duration::from_millis(50);

/// How long a writer waits for another.
#[derive(Clone, Copy, Debug)]
pub enum Patience {
    /// Not at all.
    None,
    /// At most this long.
    UpTo(Duration),
}

/// Why the lock was not taken.
#[derive(Debug, thiserror::Error, miette::Diagnostic)]
#[non_exhaustive]
pub enum LockError {
    /// Someone else is writing.
    #[error("`{}` is locked by {holder}", path.display())]
    #[diagnostic(code(lock::held), help("wait for it to end, or stop that process; the lock goes with it"))]
    Held {
        /// The lock file.
        path: PathBuf,
        /// Process number and command of the other writer.
        holder: String,
    },
    /// The lock file cannot be used.
    #[error(transparent)]
    #[diagnostic(transparent)]
    Fs(#[from] FsError),
}

impl Failure for LockError {
    fn class(&self) -> Class {
        Class::Environment
    }
}

/// An exclusive lock that the kernel drops with the process, so that a crash leaves none behind.
#[derive(Debug)]
pub struct Lock {
    file: File,
}

impl Lock {
    /// Takes the lock at `path`, making the file if needed; `holder` is what others are told about us.
    ///
    /// `told` hears at once who holds it, if it must be waited for.
    pub fn acquire(
        path: &Path,
        holder: &str,
        patience: Patience,
        told: &dyn Fn(&str),
    ) -> Result<Self, LockError> {
        let failed = FsError::on("lock", path);
        let mut options = File::options();
        let flags = i32::try_from(rustix::fs::OFlags::NOFOLLOW.bits()).unwrap_or_default();
        options.read(true).write(true).create(true).truncate(false).mode(0o600).custom_flags(flags);
        let file = options.open(path);
        let mut lock = Self { file: file.map_err(&failed)? };
        lock.wait(path, patience, told)?;
        lock.sign(holder).map_err(&failed)?;
        Ok(lock)
    }

    fn wait(&mut self, path: &Path, patience: Patience, told: &dyn Fn(&str)) -> Result<(), LockError> {
        let mut left = match patience {
            Patience::None => Duration::ZERO,
            Patience::UpTo(limit) => limit,
        };
        let mut silent = true;
        loop {
            match rustix::fs::flock(&self.file, FlockOperation::NonBlockingLockExclusive) {
                Ok(()) => return Ok(()),
                Err(rustix::io::Errno::WOULDBLOCK) if !left.is_zero() => {
                    if std::mem::take(&mut silent) {
                        told(&self.holder());
                    }
                    std::thread::sleep(POLL.min(left));
                    left = left.saturating_sub(POLL);
                }
                Err(rustix::io::Errno::WOULDBLOCK) => {
                    return Err(LockError::Held { path: path.to_owned(), holder: self.holder() });
                }
                Err(error) => return Err(FsError::on("lock", path)(error.into()).into()),
            }
        }
    }

    fn holder(&mut self) -> String {
        let mut text = String::new();
        let _ = self.file.rewind();
        let read = (&self.file).take(200).read_to_string(&mut text);
        let known = read.is_ok() && !text.trim().is_empty();
        if known { text.trim().to_owned() } else { "another process".to_owned() }
    }

    fn sign(&mut self, holder: &str) -> std::io::Result<()> {
        self.file.set_len(0)?;
        self.file.rewind()?;
        writeln!(self.file, "process {} ({holder})", std::process::id())
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn the_second_writer_is_told_who_holds_the_lock() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("lock");
        let first = Lock::acquire(&path, "secretctl seal", Patience::None, &|_| {}).unwrap();
        let error = Lock::acquire(&path, "secretctl set", Patience::None, &|_| {}).unwrap_err();
        let message = error.to_string();
        assert!(
            message.contains("secretctl seal") && message.contains(&std::process::id().to_string()),
            "{message}"
        );
        drop(first);
        Lock::acquire(&path, "secretctl set", Patience::None, &|_| {}).unwrap();
    }

    #[test]
    fn a_patient_writer_gets_the_lock_when_the_first_is_done() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("lock");
        let first = Lock::acquire(&path, "first", Patience::None, &|_| {}).unwrap();
        let waiting = std::thread::spawn({
            let path = path.clone();
            move || Lock::acquire(&path, "second", Patience::UpTo(Duration::from_secs(30)), &|_| {}).is_ok()
        });
        drop(first);
        assert!(waiting.join().unwrap());
    }
}
