//! RAM disks of macOS: what the system's tools are asked, and how their answers read.

use std::ffi::OsStr;
use std::ffi::OsString;
use std::path::Path;
use std::path::PathBuf;

use super::Backing;

/// Size in sectors of 512 bytes: 256 MiB, which take up memory only as they are written.
const SECTORS: u32 = 524_288;
/// Name of the volume; it is never shown.
const VOLUME: &str = "secretctl";
const HDIUTIL: &str = "/usr/bin/hdiutil";
const MOUNT: &str = "/sbin/mount";
const NEWFS: &str = "/sbin/newfs_hfs";
const SYSCTL: &str = "/usr/sbin/sysctl";

/// Runs a program with arguments and gives its stdout; the error is one line for people.
pub(super) type Runner<'a> = &'a dyn Fn(&str, &[OsString]) -> Result<String, String>;

/// One line of what `mount` prints.
#[derive(Debug, Eq, PartialEq)]
pub(super) struct Mount {
    device: String,
    pub(super) point: PathBuf,
    kind: String,
}

/// Who owns the root of a new volume, and with which mode.
#[derive(Clone, Copy, Debug)]
pub(super) struct Root {
    pub(super) user: u32,
    pub(super) group: u32,
    pub(super) mode: u32,
}

/// Everything that is mounted.
pub(super) fn mounts(run: Runner<'_>) -> Result<Vec<Mount>, String> {
    Ok(run(MOUNT, &[])?.lines().filter_map(parse_mount).collect())
}

/// `/dev/disk4 on /private/var/run/x (hfs, local, nodev, nosuid, noatime, nobrowse)`, see mount(8).
fn parse_mount(line: &str) -> Option<Mount> {
    let (left, options) = line.trim_end().strip_suffix(')')?.rsplit_once(" (")?;
    let (device, point) = left.split_once(" on ")?;
    let kind = options.split(',').next()?.trim().to_owned();
    Some(Mount { device: device.to_owned(), point: PathBuf::from(point), kind })
}

/// What lies under a path without links in it: the innermost mount that holds it decides.
pub(super) fn backing(real: &Path, mounts: &[Mount], run: Runner<'_>) -> Result<Backing, String> {
    let holds = mounts.iter().filter(|mount| real.starts_with(&mount.point));
    // Of two mounts at one point the later one is on top.
    let Some(mount) = holds.max_by_key(|mount| mount.point.components().count()) else {
        return Ok(Backing::Other);
    };
    match mount.kind.as_str() {
        "tmpfs" => Ok(Backing::Tmpfs),
        "hfs" | "apfs" if in_memory(&run(HDIUTIL, &words(&["info"]))?, &mount.device) => Ok(Backing::RamDisk),
        _ => Ok(Backing::Other),
    }
}

/// Whether `hdiutil info` lists the device under an image whose path is `ram://…`.
fn in_memory(listed: &str, device: &str) -> bool {
    let mut ram = false;
    for line in listed.lines() {
        if line.starts_with("====") {
            ram = false;
        } else if let Some(("image-path", path)) = line.split_once(':').map(|(k, v)| (k.trim_end(), v.trim()))
        {
            ram = path.starts_with("ram://");
        } else if ram && line.split_ascii_whitespace().next() == Some(device) {
            return true;
        }
    }
    false
}

/// Attaches a new RAM disk, makes a file system on it and mounts that at `path`.
///
/// Whatever fails, no device stays behind.
pub(super) fn mount_new(path: &Path, root: Root, run: Runner<'_>) -> Result<(), String> {
    let attached = run(HDIUTIL, &words(&["attach", "-nomount", &format!("ram://{SECTORS}")]))?;
    let device = parse_device(&attached).ok_or_else(|| format!("`{HDIUTIL}` names no device"))?;
    let made = run(NEWFS, &newfs(root, &device)).and_then(|_| run(MOUNT, &mount(&device, path)));
    if made.is_err() {
        let _ = run(HDIUTIL, &words(&["detach", &device]));
    }
    made.map(drop)
}

/// The device that `hdiutil attach` prints, with blanks behind it.
fn parse_device(text: &str) -> Option<String> {
    let device = text.split_ascii_whitespace().next()?;
    let number = device.strip_prefix("/dev/disk")?;
    (!number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit())).then(|| device.to_owned())
}

/// Names of secrets differ by case, so the file system must tell cases apart.
fn newfs(root: Root, device: &str) -> Vec<OsString> {
    let (user, group, mode) = (root.user.to_string(), root.group.to_string(), format!("{:o}", root.mode));
    words(&["-s", "-v", VOLUME, "-U", &user, "-G", &group, "-M", &mode, device])
}

/// `nobrowse` also keeps Spotlight away.
fn mount(device: &str, path: &Path) -> Vec<OsString> {
    let mut arguments = words(&["-t", "hfs", "-o", "nobrowse,nodev,nosuid,noexec,noatime", device]);
    arguments.push(path.as_os_str().to_owned());
    arguments
}

/// Whether swap is written in the clear, as the end of a sentence that begins with "swap".
pub(super) fn swap_in_clear(run: Runner<'_>) -> Option<String> {
    match run(SYSCTL, &words(&["-n", "vm.swapusage"])) {
        Ok(usage) if usage.trim_end().ends_with("(encrypted)") => None,
        Ok(usage) if no_swap(&usage) => None,
        Ok(_) => Some("is not encrypted, as `sysctl vm.swapusage` tells".to_owned()),
        Err(reason) => Some(format!("may be in use, since `sysctl vm.swapusage` cannot be read: {reason}")),
    }
}

/// `total = 0.00M  used = 0.00M  free = 0.00M`.
fn no_swap(usage: &str) -> bool {
    let total = usage.trim_start().strip_prefix("total = ").and_then(|rest| rest.split('M').next());
    total.is_some_and(|total| total.bytes().all(|byte| matches!(byte, b'0' | b'.')) && total.contains('0'))
}

fn words(words: &[&str]) -> Vec<OsString> {
    words.iter().map(|word| OsStr::new(word).to_owned()).collect()
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use std::cell::RefCell;

    use super::*;

    const MOUNTS: &str = "/dev/disk3s1s1 on / (apfs, sealed, local, read-only, journaled)\n\
        devfs on /dev (devfs, local, nobrowse)\n\
        /dev/disk3s5 on /System/Volumes/Data (apfs, local, journaled, nobrowse, protect, root data)\n\
        map auto_home on /System/Volumes/Data/home (autofs, automounted, nobrowse)\n\
        /dev/disk4 on /private/var/run/secretctl.d (hfs, local, nodev, noexec, nosuid, noatime, nobrowse)\n\
        /dev/disk7s1 on /Volumes/A stick (on loan) (hfs, local, nodev, nosuid, journaled)\n\
        /dev/disk9s1 on /private/tmp/on disk (apfs, local, nodev, nosuid, journaled)\n\
        tmpfs on /private/tmp/memory (tmpfs, local)\n";
    const IMAGES: &str = "framework       : 683.100.3\ndriver          : 683.100.3\n\
        ================================================\n\
        image-path      : ram://524288\nimage-type      : read/write\nblockcount      : 524288\n\
        process ID      : 411\n/dev/disk4\t\t\n\
        ================================================\n\
        image-path      : /Users/aki/ram://524288.dmg\nimage-type      : read/write\n\
        /dev/disk6\t\t\n/dev/disk7\t\t\n/dev/disk7s1\t48465300\t/Volumes/A stick (on loan)\n\
        ================================================\n\
        image-path      : ram://2048\n/dev/disk8\t\t\n/dev/disk9\tEF57347C\t\n/dev/disk9s1\t41504653\t/private/tmp/on disk\n";

    /// What `mount`, `hdiutil info` and `sysctl` would say on a Mac.
    fn answers(program: &str, arguments: &[OsString]) -> Result<String, String> {
        match (program, arguments.first().and_then(|word| word.to_str())) {
            (MOUNT, None) => Ok(MOUNTS.to_owned()),
            (HDIUTIL, Some("info")) => Ok(IMAGES.to_owned()),
            other => Err(format!("{other:?} is not expected")),
        }
    }

    fn found(path: &str) -> Backing {
        backing(Path::new(path), &mounts(&answers).unwrap(), &answers).unwrap()
    }

    #[test]
    fn only_what_hdiutil_lists_as_memory_is_a_ram_disk() {
        assert_eq!(found("/private/var/run/secretctl.d"), Backing::RamDisk);
        assert_eq!(found("/private/var/run/secretctl.d/1/a"), Backing::RamDisk);
        assert_eq!(found("/private/tmp/on disk"), Backing::RamDisk);
        assert_eq!(found("/private/tmp/memory"), Backing::Tmpfs);
        for path in
            ["/", "/private/var/run", "/private/var/run/secretctl.d2", "/dev", "/Volumes/A stick (on loan)"]
        {
            assert_eq!(found(path), Backing::Other, "{path}");
        }
    }

    #[test]
    fn a_line_of_mount_is_read_with_blanks_and_brackets_in_it() {
        let points: Vec<PathBuf> = mounts(&answers).unwrap().into_iter().map(|mount| mount.point).collect();
        assert_eq!(points.len(), 8);
        assert!(
            points.contains(&"/Volumes/A stick (on loan)".into())
                && points.contains(&"/private/tmp/on disk".into())
        );
        assert_eq!(parse_mount("nonsense"), None);
    }

    /// Runs `mount_new` with tools of which the one named fails; gives the result and every call.
    fn made(failing: &str) -> (Result<(), String>, Vec<String>) {
        let calls = RefCell::new(Vec::new());
        let run = |program: &str, arguments: &[OsString]| {
            let words: Vec<&str> = arguments.iter().map(|word| word.to_str().unwrap()).collect();
            calls.borrow_mut().push(format!("{program} {}", words.join(" ")));
            if program == failing {
                return Err("it fails".to_owned());
            }
            Ok("/dev/disk4          \t         \t\n".to_owned())
        };
        let root = Root { user: 501, group: 20, mode: 0o751 };
        let result = mount_new(Path::new("/private/var/run/my secrets"), root, &run);
        (result, calls.into_inner())
    }

    #[test]
    fn a_ram_disk_is_attached_formatted_and_mounted_out_of_sight() {
        let (result, calls) = made("");
        assert_eq!(result, Ok(()));
        assert_eq!(
            calls,
            [
                "/usr/bin/hdiutil attach -nomount ram://524288",
                "/sbin/newfs_hfs -s -v secretctl -U 501 -G 20 -M 751 /dev/disk4",
                "/sbin/mount -t hfs -o nobrowse,nodev,nosuid,noexec,noatime /dev/disk4 /private/var/run/my secrets",
            ]
        );
    }

    #[test]
    fn a_ram_disk_that_cannot_be_used_is_detached_again() {
        for (failing, before) in [(NEWFS, 2), (MOUNT, 3)] {
            let (result, calls) = made(failing);
            assert_eq!(result, Err("it fails".to_owned()));
            assert_eq!(calls.get(before..).unwrap(), ["/usr/bin/hdiutil detach /dev/disk4"]);
        }
        let (result, calls) = made(HDIUTIL);
        assert!(result.is_err() && calls.len() == 1, "nothing was attached");
    }

    #[test]
    fn only_a_whole_disk_is_taken_for_the_device() {
        assert_eq!(parse_device("/dev/disk12\t\t\n"), Some("/dev/disk12".to_owned()));
        for text in ["", "\n", "disk4", "/dev/disk", "/dev/disk4s1", "/dev/diskette", "hdiutil: /dev/disk4"] {
            assert_eq!(parse_device(text), None, "{text}");
        }
    }

    #[test]
    fn swap_counts_only_if_it_is_said_to_be_encrypted() {
        let clear = |usage: &str| swap_in_clear(&|_, _| Ok(usage.to_owned()));
        assert_eq!(clear("total = 2048.00M  used = 1009.75M  free = 1038.25M  (encrypted)\n"), None);
        assert_eq!(clear("total = 0.00M  used = 0.00M  free = 0.00M  \n"), None);
        for usage in
            ["total = 2048.00M  used = 0.00M  free = 2048.00M\n", "", "total = M", "total = 0.50M  used = 0"]
        {
            assert!(clear(usage).is_some(), "{usage}");
        }
        assert!(swap_in_clear(&|_, _| Err("no such program".to_owned())).is_some());
    }
}
