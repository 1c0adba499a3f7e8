//! Memory on Linux: tmpfs with `noswap`, else ramfs, else tmpfs where swap shows nothing in the clear.

use std::fs::File;
use std::io::Read;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::path::PathBuf;

use rustix::mount::MountFlags;

use super::Backing;
use super::Found;
use super::swaps;
use crate::fsx::FsError;

/// Largest mount table that is read.
const MOUNTINFO_MAX: u64 = 16 << 20;

/// What lies under `path`, found by the device number of its file system.
pub(super) fn look_at(path: &Path) -> Result<Found, FsError> {
    let table = mount_table()?;
    let real = path.canonicalize().unwrap_or_else(|_| path.to_owned());
    let mounted = table.iter().any(|mount| mount.point == real);
    Ok(Found { backing: backing(path, &table)?, mounted })
}

/// Mounts the safest there is; `area` names where memory could be swapped out to in the clear.
pub(super) fn mount_safest(path: &Path, area: &dyn Fn() -> Option<String>) -> Result<Backing, String> {
    let flags = MountFlags::NOSUID | MountFlags::NODEV | MountFlags::NOEXEC;
    let mount = |kind: &str, data| rustix::mount::mount("secretctl", path, kind, flags, Some(data));
    let Err(refused) = mount("tmpfs", c"noswap,mode=0751") else { return Ok(Backing::TmpfsNoswap) };
    // Linux before 6.3 does not know `noswap`; ramfs is never swapped, but has no limit on its size.
    if mount("ramfs", c"mode=0751").is_ok() {
        return Ok(Backing::Ramfs);
    }
    if area().is_none() && mount("tmpfs", c"mode=0751").is_ok() {
        return Ok(Backing::Tmpfs);
    }
    Err(refused.to_string())
}

/// The swap area that memory could be written to in the clear, as the end of a sentence that begins with "swap".
pub(super) fn swap_in_clear() -> Option<String> {
    swaps::in_clear(&swaps::read(), Path::new("/sys"))
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

/// Undoes `\040` and its like. The backslash comes last, so that what it leaves is not undone again.
pub(super) fn unescape(text: &str) -> String {
    let mut out = text.to_owned();
    for (code, plain) in [("\\040", " "), ("\\011", "\t"), ("\\012", "\n"), ("\\134", "\\")] {
        out = out.replace(code, plain);
    }
    out
}

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
    fn a_disk_is_told_from_memory_by_its_device() {
        let table = mount_table().unwrap();
        assert_eq!(backing(Path::new("/proc"), &table).unwrap(), Backing::Other);
        assert!(matches!(
            backing(Path::new("/dev/shm"), &table).unwrap(),
            Backing::Tmpfs | Backing::TmpfsNoswap
        ));
    }
}
