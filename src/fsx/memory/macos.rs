//! Memory on macOS: a RAM disk, used while swap is encrypted. On any other Unix only what is mounted already.

use std::ffi::OsString;
use std::path::Path;
use std::process::Command;
use std::process::Stdio;

use super::Backing;
use super::Found;
use super::MOUNT_MODE;
use super::ram_disk;
use super::ram_disk::Root;
use crate::fsx::FsError;

/// What lies under `path`, as `mount` and `hdiutil` tell.
pub(super) fn look_at(path: &Path) -> Result<Found, FsError> {
    let failed = FsError::on("look at", path);
    let real = path.canonicalize().map_err(&failed)?;
    let mounts = ram_disk::mounts(&run).map_err(std::io::Error::other).map_err(&failed)?;
    let backing = ram_disk::backing(&real, &mounts, &run).map_err(std::io::Error::other).map_err(&failed)?;
    Ok(Found { backing, mounted: mounts.iter().any(|mount| mount.point == real) })
}

/// Mounts a RAM disk, unless it could be swapped out in the clear; there is no memory on this system that cannot be.
pub(super) fn mount_safest(path: &Path, area: &dyn Fn() -> Option<String>) -> Result<Backing, String> {
    if let Some(area) = area() {
        return Err(format!("swap {area}"));
    }
    let (user, group) = (rustix::process::geteuid().as_raw(), rustix::process::getegid().as_raw());
    ram_disk::mount_new(path, Root { user, group, mode: MOUNT_MODE }, &run).map(|()| Backing::RamDisk)
}

/// Whether swap is written in the clear, as the end of a sentence that begins with "swap".
pub(super) fn swap_in_clear() -> Option<String> {
    ram_disk::swap_in_clear(&run)
}

/// Runs a program by its absolute path, without a shell and without the caller's environment.
fn run(program: &str, arguments: &[OsString]) -> Result<String, String> {
    let mut command = Command::new(program);
    command.args(arguments).env_clear().env("LC_ALL", "C").stdin(Stdio::null());
    let ran = command.output().map_err(|error| format!("cannot run `{program}`: {error}"))?;
    if ran.status.success() {
        return Ok(String::from_utf8_lossy(&ran.stdout).into_owned());
    }
    let said = String::from_utf8_lossy(&ran.stderr);
    let said = said.lines().next().unwrap_or_default();
    Err(format!("`{program}`: {}", if said.is_empty() { ran.status.to_string() } else { said.to_owned() }))
}
