//! Memory-backed mounts that never reach a disk: tmpfs with `noswap`, or ramfs.

use std::fs::File;
use std::io::Read;
use std::os::unix::fs::MetadataExt;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::path::PathBuf;

use super::FsError;
use crate::diag::Class;
use crate::diag::Failure;

/// Mode of the mounted folder: others may pass through, and may not list.
const MOUNT_MODE: u32 = 0o751;
/// Largest mount table that is read.
const MOUNTINFO_MAX: u64 = 16 << 20;

/// Whether plaintext may end up in swap.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Swap {
    /// Only memory that is never swapped will do.
    Refused,
    /// `danger_allow_swap`: any tmpfs will do.
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
    /// Anything else: a disk, a network.
    Other,
}

impl Backing {
    fn suits(self, swap: Swap) -> bool {
        match self {
            Self::TmpfsNoswap | Self::Ramfs => true,
            Self::Tmpfs => swap == Swap::DangerAllowed,
            Self::Other => false,
        }
    }

    /// What it is, for people.
    pub fn in_words(self) -> &'static str {
        match self {
            Self::TmpfsNoswap => "tmpfs with noswap",
            Self::Ramfs => "ramfs",
            Self::Tmpfs => "tmpfs that can be swapped out",
            Self::Other => "not in memory",
        }
    }
}

/// Why there is no memory-backed folder.
#[derive(Debug, thiserror::Error, miette::Diagnostic)]
#[non_exhaustive]
pub enum MemoryError {
    /// What is there can reach a disk, and nothing better can be mounted.
    #[error("`{}` is {found}, and nothing safer can be mounted there: {reason}", path.display())]
    #[diagnostic(
        code(memory::unsafe_backing),
        help(
            "run as root on Linux 6.3 or later, mount ramfs there yourself, or accept the risk of plaintext in swap with `\"danger_allow_swap\": true`"
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
pub fn ensure_memory(path: &Path, swap: Swap) -> Result<Backing, MemoryError> {
    super::install::create_folders(path, MOUNT_MODE)?;
    let table = mount_table()?;
    if is_mount_point(path, &table) {
        let found = backing(path, &table)?;
        if !found.suits(swap) {
            let reason = "something is mounted there already".to_owned();
            return Err(MemoryError::Unsuitable { path: path.to_owned(), found: found.in_words(), reason });
        }
        return check_ours(path).map(|()| found);
    }
    match mount_safest(path, swap) {
        Ok(mounted) => check_ours(path).map(|()| mounted),
        Err(refused) => {
            let found = backing(path, &table)?;
            if !found.suits(swap) {
                let reason = format!("mounting failed ({refused})");
                return Err(MemoryError::Unsuitable {
                    path: path.to_owned(),
                    found: found.in_words(),
                    reason,
                });
            }
            check_ours(path).map(|()| found)
        }
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

#[cfg(target_os = "linux")]
fn mount_safest(path: &Path, swap: Swap) -> rustix::io::Result<Backing> {
    use rustix::mount::MountFlags;

    let flags = MountFlags::NOSUID | MountFlags::NODEV | MountFlags::NOEXEC;
    let mount = |kind: &str, data| rustix::mount::mount("secretctl", path, kind, flags, Some(data));
    let noswap = mount("tmpfs", c"noswap,mode=0751");
    if noswap.is_ok() {
        return Ok(Backing::TmpfsNoswap);
    }
    // Linux before 6.3 does not know `noswap`; ramfs is never swapped, but has no limit on its size.
    if mount("ramfs", c"mode=0751").is_ok() {
        return Ok(Backing::Ramfs);
    }
    if swap == Swap::DangerAllowed {
        return mount("tmpfs", c"mode=0751").map(|()| Backing::Tmpfs);
    }
    noswap.map(|()| Backing::TmpfsNoswap)
}

#[cfg(not(target_os = "linux"))]
fn mount_safest(_: &Path, _: Swap) -> rustix::io::Result<Backing> {
    Err(rustix::io::Errno::NOSYS)
}

/// One line of the mount table, as far as it matters here.
#[derive(Debug, Eq, PartialEq)]
struct Mount {
    device: String,
    point: PathBuf,
    kind: String,
    options: String,
}

fn mount_table() -> Result<Vec<Mount>, FsError> {
    let path = Path::new("/proc/self/mountinfo");
    let mut text = String::new();
    match File::open(path).and_then(|file| file.take(MOUNTINFO_MAX).read_to_string(&mut text)) {
        Ok(_) => Ok(text.lines().filter_map(parse_mount).collect()),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(Vec::new()),
        Err(error) => Err(FsError::on("read", path)(error)),
    }
}

/// `36 35 98:0 /root /point rw,noatime shared:1 - tmpfs source rw,noswap`, see proc(5).
fn parse_mount(line: &str) -> Option<Mount> {
    let (left, right) = line.split_once(" - ")?;
    let mut left = left.split(' ');
    let device = left.nth(2)?.to_owned();
    let point = PathBuf::from(unescape(left.nth(1)?));
    let mut right = right.split(' ');
    let kind = right.next()?.to_owned();
    let options = right.nth(1)?.to_owned();
    Some(Mount { device, point, kind, options })
}

/// Undoes `\040` and its like.
fn unescape(text: &str) -> String {
    let mut out = text.to_owned();
    for (code, plain) in [("\\040", " "), ("\\011", "\t"), ("\\012", "\n"), ("\\134", "\\")] {
        out = out.replace(code, plain);
    }
    out
}

fn is_mount_point(path: &Path, table: &[Mount]) -> bool {
    let real = path.canonicalize().unwrap_or_else(|_| path.to_owned());
    table.iter().any(|mount| mount.point == real)
}

/// What lies under `path`, found by the device number of its file system.
fn backing(path: &Path, table: &[Mount]) -> Result<Backing, FsError> {
    let device = path.metadata().map_err(FsError::on("look at", path))?.dev();
    let number = format!("{}:{}", rustix::fs::major(device), rustix::fs::minor(device));
    let Some(mount) = table.iter().find(|mount| mount.device == number) else { return Ok(Backing::Other) };
    Ok(match mount.kind.as_str() {
        "ramfs" => Backing::Ramfs,
        "tmpfs" if mount.options.split(',').any(|option| option == "noswap") => Backing::TmpfsNoswap,
        "tmpfs" => Backing::Tmpfs,
        _ => Backing::Other,
    })
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn a_line_of_the_mount_table_is_read_with_its_escapes() {
        let line = r"73 61 0:52 / /run/my\040secrets rw,nosuid shared:9 - tmpfs secretctl rw,mode=751,noswap";
        let mount = parse_mount(line).unwrap();
        assert_eq!(mount.point, Path::new("/run/my secrets"));
        assert_eq!(
            (mount.kind.as_str(), mount.options.as_str(), mount.device.as_str()),
            ("tmpfs", "rw,mode=751,noswap", "0:52")
        );
        assert_eq!(parse_mount("nonsense"), None);
    }

    #[test]
    fn only_memory_that_is_never_swapped_suits_unless_danger_is_accepted() {
        for (backing, refused, allowed) in [
            (Backing::TmpfsNoswap, true, true),
            (Backing::Ramfs, true, true),
            (Backing::Tmpfs, false, true),
            (Backing::Other, false, false),
        ] {
            assert_eq!(backing.suits(Swap::Refused), refused);
            assert_eq!(backing.suits(Swap::DangerAllowed), allowed);
        }
    }

    #[test]
    fn a_disk_is_told_from_memory_by_its_device() {
        let table = mount_table().unwrap();
        assert_eq!(backing(Path::new("/proc"), &table).unwrap(), Backing::Other);
        assert!(matches!(
            backing(Path::new("/dev/shm"), &table).unwrap(),
            Backing::Tmpfs | Backing::TmpfsNoswap
        ));
    }
}
