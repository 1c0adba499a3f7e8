//! The only writer of files: atomic replacement, modes, locks, memory-backed places.

mod atomic;
mod below;
#[cfg(feature = "admin")]
mod handout;
mod install;
mod lock;
mod memory;
#[cfg(feature = "admin")]
mod private;
mod symlink;
#[cfg(feature = "admin")]
mod transaction;

use std::io;
use std::path::Path;
use std::path::PathBuf;

pub use atomic::read_bounded;
pub use atomic::write_atomic;
pub use below::Listed;
pub use below::list_below;
pub use below::read_below;
#[cfg(feature = "admin")]
pub use handout::Disk;
#[cfg(feature = "admin")]
pub use handout::Handout;
#[cfg(feature = "admin")]
pub use handout::HandoutError;
pub use install::Attributes;
pub use install::Folder;
pub use install::Seen;
pub use install::create_folders;
pub use lock::Lock;
pub use lock::LockError;
pub use lock::Patience;
pub use memory::Backing;
pub use memory::MemoryError;
pub use memory::Swap;
pub use memory::ensure_memory;
#[cfg(feature = "admin")]
pub use private::PrivateDir;
#[cfg(feature = "admin")]
pub use private::PrivateDirError;
pub use symlink::Occupant;
pub use symlink::SymlinkError;
pub use symlink::occupant;
pub use symlink::place_symlink;
pub use symlink::remove_symlink;
#[cfg(feature = "admin")]
pub use transaction::RecoverError;
#[cfg(feature = "admin")]
pub use transaction::Transaction;

use crate::diag::Class;
use crate::diag::Failure;

/// An operation of the file system that failed, with its path.
#[derive(Debug, thiserror::Error, miette::Diagnostic)]
#[error("cannot {action} `{}`", path.display())]
#[diagnostic(code(fs::failed), help("check that the path exists, has room and may be used by this user"))]
pub struct FsError {
    /// What was tried: an imperative such as `write`.
    pub action: &'static str,
    /// On what.
    pub path: PathBuf,
    /// Why it failed.
    pub source: io::Error,
}

impl Failure for FsError {
    fn class(&self) -> Class {
        Class::Environment
    }
}

impl FsError {
    /// For `map_err`: remembers action and path.
    pub fn on<'a>(action: &'static str, path: &'a Path) -> impl Fn(io::Error) -> Self + 'a {
        move |source| Self { action, path: path.to_owned(), source }
    }

    /// Whether there was no room.
    pub fn is_full(&self) -> bool {
        self.source.kind() == io::ErrorKind::StorageFull
    }

    /// Whether the path simply is not there.
    pub fn is_missing(&self) -> bool {
        self.source.kind() == io::ErrorKind::NotFound
    }
}
