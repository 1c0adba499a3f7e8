//! Swap areas of Linux, and whether the kernel could write memory to one of them in the clear.

use std::fs::File;
use std::io::Read;
use std::os::unix::fs::FileTypeExt;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::path::PathBuf;

use super::linux::unescape;

/// Where the kernel lists its swap areas.
const TABLE: &str = "/proc/swaps";
/// Largest table that is read; the kernel knows some thirty areas.
const TABLE_MAX: u64 = 1 << 20;
/// How many devices may lie on each other.
const DEPTH_MAX: usize = 8;
/// Beginnings of the identifiers that cryptsetup gives to mappings that encrypt. `CRYPT-VERITY-` and
/// `CRYPT-INTEGRITY-` are its own as well, and encrypt nothing.
const ENCRYPTED: [&str; 5] =
    ["CRYPT-PLAIN-", "CRYPT-LUKS1-", "CRYPT-LUKS2-", "CRYPT-LOOPAES-", "CRYPT-TCRYPT-"];

/// The table as the kernel gives it; the error says why it cannot be believed.
pub(super) fn read() -> Result<String, String> {
    let failed = |error: std::io::Error| error.to_string();
    let file = File::open(TABLE).map_err(failed)?;
    let kind = rustix::fs::fstatfs(&file).map_err(|error| error.to_string())?.f_type;
    // Some containers lay a file of their own over it, which leaves out the areas of the machine.
    if kind != rustix::fs::PROC_SUPER_MAGIC {
        return Err("it is not the kernel's".to_owned());
    }
    let mut text = String::new();
    file.take(TABLE_MAX).read_to_string(&mut text).map_err(failed)?;
    Ok(text)
}

/// Names the first area that is neither compressed memory nor encrypted. What cannot be told is in the clear.
pub(super) fn in_clear(table: &Result<String, String>, sys: &Path) -> Option<String> {
    let text = match table {
        Ok(text) => text,
        Err(reason) => return Some(format!("may be in use, since `{TABLE}` cannot be read: {reason}")),
    };
    let Some(areas) = parse(text) else {
        return Some(format!("may be in use, since `{TABLE}` is not understood"));
    };
    let sys = Sys(sys);
    let clear = areas.into_iter().find(|area| !sys.is_safe(area))?;
    Some(format!("goes to `{}`, which is not known to be encrypted", clear.path.display()))
}

#[derive(Clone, Debug, Eq, PartialEq)]
struct Area {
    path: PathBuf,
    kind: Kind,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Kind {
    Partition,
    File,
}

/// `Filename Type Size Used Priority`, then one area a line, see proc(5).
fn parse(text: &str) -> Option<Vec<Area>> {
    let mut lines = text.lines();
    lines.next().filter(|line| line.starts_with("Filename"))?;
    lines.map(parse_area).collect()
}

fn parse_area(line: &str) -> Option<Area> {
    let mut fields = line.split_ascii_whitespace();
    let path = PathBuf::from(unescape(fields.next()?));
    let kind = match fields.next()? {
        "partition" => Kind::Partition,
        "file" => Kind::File,
        _ => return None,
    };
    (path.is_absolute() && fields.count() == 3).then_some(Area { path, kind })
}

/// Block devices as `/sys` shows them.
struct Sys<'a>(&'a Path);

impl Sys<'_> {
    fn is_safe(&self, area: &Area) -> bool {
        let device = match area.kind {
            Kind::Partition => self.device(&area.path),
            Kind::File => area.path.metadata().ok().and_then(|found| self.numbered(found.dev())),
        };
        device.is_some_and(|device| self.is_encrypted(&device, DEPTH_MAX))
    }

    /// The folder of a block device, by its kernel name, else by its number.
    fn device(&self, path: &Path) -> Option<PathBuf> {
        let named = path.strip_prefix("/dev").ok().and_then(Path::to_str);
        let named = named.map(|name| self.0.join("class/block").join(name.replace('/', "!")));
        named.filter(|folder| folder.is_dir()).or_else(|| {
            let found = path.metadata().ok()?;
            found.file_type().is_block_device().then(|| self.numbered(found.rdev()))?
        })
    }

    fn numbered(&self, device: u64) -> Option<PathBuf> {
        let number = format!("{}:{}", rustix::fs::major(device), rustix::fs::minor(device));
        self.0.join("dev/block").join(number).canonicalize().ok()
    }

    /// dm-crypt, zram, or a device that lies on nothing else.
    fn is_encrypted(&self, device: &Path, depth: usize) -> bool {
        let Some(depth) = depth.checked_sub(1) else { return false };
        let attribute = |name: &str| std::fs::read_to_string(device.join(name)).ok();
        if attribute("dm/uuid").is_some_and(|id| ENCRYPTED.iter().any(|known| id.starts_with(known))) {
            return true;
        }
        if is_zram(device) {
            // Compressed memory, unless what does not fit is written back to a device.
            let backing = attribute("backing_dev").unwrap_or_default();
            return match backing.trim_end() {
                "" | "none" => true,
                path => self.device(Path::new(path)).is_some_and(|below| self.is_encrypted(&below, depth)),
            };
        }
        let Ok(below) = device.join("slaves").read_dir() else { return false };
        let below: Vec<_> = below.flatten().map(|entry| entry.path()).collect();
        !below.is_empty() && below.iter().all(|below| self.is_encrypted(below, depth))
    }
}

fn is_zram(device: &Path) -> bool {
    let name = device.file_name().and_then(|name| name.to_str()).unwrap_or_default();
    let number = name.strip_prefix("zram").unwrap_or_default();
    !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit())
}

#[cfg(test)]
mod tests;
