//! Memory-backed folders for plaintext that never reaches a disk in the clear.

#[cfg(target_os = "linux")]
mod linux;
#[cfg(not(target_os = "linux"))]
mod macos;
#[cfg(any(not(target_os = "linux"), test))]
mod ram_disk;
#[cfg(target_os = "linux")]
mod swaps;

use std::os::unix::fs::MetadataExt;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::path::PathBuf;

use super::FsError;
use crate::diag::Class;
use crate::diag::Failure;

#[cfg(target_os = "linux")]
use linux as platform;
#[cfg(not(target_os = "linux"))]
use macos as platform;

/// Mode of the mounted folder: others may pass through, and may not list.
const MOUNT_MODE: u32 = 0o751;

/// Whether plaintext may end up in swap.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Swap {
    /// Only memory that never reaches a disk in the clear will do.
    Refused,
    /// `danger_allow_swap`: any memory will do.
    DangerAllowed,
}

/// What lies under a folder.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Backing {
    /// tmpfs with `noswap`.
    TmpfsNoswap,
    /// ramfs, which is never swapped.
    Ramfs,
    /// tmpfs that can be swapped out.
    Tmpfs,
    /// A RAM disk of macOS, which can be swapped out.
    RamDisk,
    /// Anything else: a disk, a network.
    Other,
}

impl Backing {
    /// What it is, for people.
    pub fn in_words(self) -> &'static str {
        match self {
            Self::TmpfsNoswap => "tmpfs with noswap",
            Self::Ramfs => "ramfs",
            Self::Tmpfs => "tmpfs that can be swapped out",
            Self::RamDisk => "a RAM disk that can be swapped out",
            Self::Other => "not in memory",
        }
    }
}

/// What a platform finds at a path.
struct Found {
    backing: Backing,
    /// Whether something is mounted at the path itself.
    mounted: bool,
}

/// Why there is no memory-backed folder.
#[derive(Debug, thiserror::Error, miette::Diagnostic)]
#[non_exhaustive]
pub enum MemoryError {
    /// What is there is a disk, and nothing better can be mounted.
    #[error("`{}` is {found}, and nothing safer can be mounted there: {reason}", path.display())]
    #[diagnostic(
        code(memory::unsafe_backing),
        help(
            "run as root on Linux 6.3 or later, or choose a folder in memory as `mount`; a user's own is below `%t`"
        )
    )]
    Unsuitable {
        /// The folder.
        path: PathBuf,
        /// What lies under it.
        found: &'static str,
        /// Why mounting failed.
        reason: String,
    },
    /// The kernel could write it to a disk in the clear.
    #[error("`{}` is {found}, and swap {area}", path.display())]
    #[diagnostic(
        code(memory::swap_in_clear),
        help(
            "encrypt that area with dm-crypt (`swapDevices.*.randomEncryption` on NixOS), use zram, or turn it off with `swapoff`; or let root mount tmpfs with `noswap` there; or accept the risk of plaintext in swap with `\"danger_allow_swap\": true`"
        )
    )]
    SwapInClear {
        /// The folder.
        path: PathBuf,
        /// What lies under it.
        found: &'static str,
        /// Where it could be written to.
        area: String,
    },
    /// Someone else could change what is in it.
    #[error("`{}` belongs to user {owner} with mode {mode:04o}, so that others could change its content", path.display())]
    #[diagnostic(
        code(memory::not_ours),
        help("unmount or remove it, or choose another folder as `mount` in the request")
    )]
    NotOurs {
        /// The folder.
        path: PathBuf,
        /// Its owner.
        owner: u32,
        /// Its mode.
        mode: u32,
    },
    /// Something else failed.
    #[error(transparent)]
    #[diagnostic(transparent)]
    Fs(#[from] FsError),
}

impl Failure for MemoryError {
    fn class(&self) -> Class {
        Class::Environment
    }
}

/// Makes `path` a memory-backed folder of our own: uses what is mounted there, or mounts the safest there is.
///
/// Swap is looked at in every run, since it may have been turned on since the last one.
pub fn ensure_memory(path: &Path, swap: Swap) -> Result<Backing, MemoryError> {
    super::install::create_folders(path, MOUNT_MODE)?;
    let area = || match swap {
        Swap::Refused => platform::swap_in_clear(),
        Swap::DangerAllowed => None,
    };
    let found = platform::look_at(path)?;
    let (backing, reason) = if found.mounted {
        (found.backing, "something is mounted there already".to_owned())
    } else {
        match platform::mount_safest(path, &area) {
            Ok(mounted) => return check_ours(path).map(|()| mounted),
            Err(refused) => (found.backing, format!("mounting failed ({refused})")),
        }
    };
    check_suits(path, backing, reason, area)?;
    check_ours(path).map(|()| backing)
}

/// Whether a folder lies in memory, swappable or not.
#[cfg(all(feature = "admin", not(target_os = "linux")))]
pub(super) fn is_memory(path: &Path) -> Result<bool, FsError> {
    Ok(platform::look_at(path)?.backing != Backing::Other)
}

fn check_suits(
    path: &Path,
    backing: Backing,
    reason: String,
    area: impl FnOnce() -> Option<String>,
) -> Result<(), MemoryError> {
    let (path, found) = (path.to_owned(), backing.in_words());
    match backing {
        Backing::TmpfsNoswap | Backing::Ramfs => Ok(()),
        Backing::Tmpfs | Backing::RamDisk => match area() {
            None => Ok(()),
            Some(area) => Err(MemoryError::SwapInClear { path, found, area }),
        },
        Backing::Other => Err(MemoryError::Unsuitable { path, found, reason }),
    }
}

fn check_ours(path: &Path) -> Result<(), MemoryError> {
    let seen = path.symlink_metadata().map_err(FsError::on("look at", path))?;
    let (owner, mode) = (seen.uid(), seen.permissions().mode() & 0o7777);
    if seen.is_dir() && owner == rustix::process::geteuid().as_raw() && mode & 0o022 == 0 {
        return Ok(());
    }
    Err(MemoryError::NotOurs { path: path.to_owned(), owner, mode })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_that_can_be_swapped_suits_only_where_swap_shows_nothing_in_the_clear() {
        let suits = |backing, area: Option<&str>| {
            let area = area.map(str::to_owned);
            check_suits(Path::new("/x"), backing, String::new(), || area)
        };
        let clear = Some("goes to `/dev/sda3`, which is not encrypted");
        for backing in [Backing::TmpfsNoswap, Backing::Ramfs] {
            assert!(suits(backing, clear).is_ok());
        }
        for backing in [Backing::Tmpfs, Backing::RamDisk] {
            assert!(suits(backing, None).is_ok());
            let error = suits(backing, clear).map_err(|error| error.to_string());
            assert!(error.is_err_and(|error| error.contains("/dev/sda3")));
        }
        assert!(matches!(suits(Backing::Other, None), Err(MemoryError::Unsuitable { .. })));
    }
}
