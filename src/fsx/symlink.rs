//! Links at paths that people choose: placed and removed without trusting what lies above them.

use std::collections::VecDeque;
use std::ffi::OsStr;
use std::ffi::OsString;
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStringExt;
use std::path::Component;
use std::path::Path;
use std::path::PathBuf;

use rustix::fs::AtFlags;
use rustix::fs::FileType;
use rustix::fs::Mode;
use rustix::fs::OFlags;
use rustix::fs::Stat;
use rustix::io::Errno;

use super::FsError;
use super::install::on;
use crate::diag::Class;
use crate::diag::Failure;

/// Mode of folders that are made above a link.
const FOLDER_MODE: Mode = Mode::from_raw_mode(0o755);
/// As many links on the way as the kernel follows.
const LINKS_MAX: usize = 40;
/// Folders on the way are only passed through.
#[cfg(target_os = "linux")]
const PASS: OFlags = OFlags::PATH.union(OFlags::DIRECTORY).union(OFlags::CLOEXEC);
#[cfg(not(target_os = "linux"))]
const PASS: OFlags = OFlags::DIRECTORY.union(OFlags::CLOEXEC);

/// Why a path is no place for a link.
#[derive(Debug, thiserror::Error, miette::Diagnostic)]
#[non_exhaustive]
pub enum SymlinkError {
    /// Somebody else could lead us elsewhere.
    #[error("the way to `{}` cannot be trusted: `{}` {reason}", path.display(), at.display())]
    #[diagnostic(
        code(link::unsafe_parent),
        help("choose a path below folders and links that only root can change")
    )]
    UnsafeParent {
        /// The link that was to be made.
        path: PathBuf,
        /// The part that is not trusted.
        at: PathBuf,
        /// Why not.
        reason: &'static str,
    },
    /// Something failed on the way.
    #[error(transparent)]
    #[diagnostic(transparent)]
    Fs(#[from] FsError),
}

impl Failure for SymlinkError {
    fn class(&self) -> Class {
        Class::Environment
    }
}

/// What stands at a path.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Occupant {
    /// Nothing.
    Nothing,
    /// A link that points here.
    Link(PathBuf),
    /// A file, a folder or anything else.
    Other,
}

/// Looks at what stands at `path`, and whether the way there can be trusted. Changes nothing.
pub fn occupant(path: &Path) -> Result<Occupant, SymlinkError> {
    match walk(path, Missing::Stop)? {
        Some(place) => Ok(place.occupant()?),
        None => Ok(Occupant::Nothing),
    }
}

/// Puts a link to `target` at `path` in one step, in place of nothing or of the link `seen` there before.
pub fn place_symlink(path: &Path, target: &Path, seen: &Occupant) -> Result<(), SymlinkError> {
    let changed = || std::io::Error::other("it changed while it was looked at");
    let place = walk(path, Missing::Create)?
        .ok_or_else(|| FsError::on("create", path)(std::io::ErrorKind::NotFound.into()))?;
    if place.occupant()? != *seen || *seen == Occupant::Other {
        return Err(FsError::on("replace", path)(changed()).into());
    }
    place.replace(target).map_err(on("link", path))?;
    Ok(())
}

/// Removes the link at `path` if it still points to `target`; tells whether it did.
pub fn remove_symlink(path: &Path, target: &Path) -> Result<bool, SymlinkError> {
    let Some(place) = walk(path, Missing::Stop)? else { return Ok(false) };
    if place.occupant()? != Occupant::Link(target.to_owned()) {
        return Ok(false);
    }
    rustix::fs::unlinkat(&place.parent, &place.name, AtFlags::empty()).map_err(on("remove", path))?;
    Ok(true)
}

#[derive(Clone, Copy)]
enum Missing {
    Stop,
    Create,
}

/// A folder that was reached safely, and a name in it.
struct Place {
    parent: OwnedFd,
    name: OsString,
    path: PathBuf,
}

impl Place {
    fn occupant(&self) -> Result<Occupant, FsError> {
        match rustix::fs::statat(&self.parent, &self.name, AtFlags::SYMLINK_NOFOLLOW) {
            Err(Errno::NOENT) => Ok(Occupant::Nothing),
            Err(error) => Err(on("look at", &self.path)(error)),
            Ok(found) if is_link(&found) => {
                read_link(&self.parent, &self.name).map(Occupant::Link).map_err(on("read", &self.path))
            }
            Ok(_) => Ok(Occupant::Other),
        }
    }

    fn replace(&self, target: &Path) -> rustix::io::Result<()> {
        let mut temporary = OsString::from(".");
        temporary.push(&self.name);
        temporary.push(".secretctl-tmp");
        match rustix::fs::unlinkat(&self.parent, &temporary, AtFlags::empty()) {
            Ok(()) | Err(Errno::NOENT) => {}
            Err(error) => return Err(error),
        }
        rustix::fs::symlinkat(target, &self.parent, &temporary)?;
        rustix::fs::renameat(&self.parent, &temporary, &self.parent, &self.name)
    }
}

/// Goes down to the folder of `path` component by component; a link on the way is followed only if nobody
/// but root and this user could have put it there.
fn walk(path: &Path, missing: Missing) -> Result<Option<Place>, SymlinkError> {
    let mut todo = parts(path);
    let Some(name) = todo.pop_back() else {
        return Err(FsError::on("use", path)(std::io::ErrorKind::InvalidInput.into()).into());
    };
    let (mut at, mut shown, mut links) = (open_root(path)?, PathBuf::from("/"), 0);
    while let Some(part) = todo.pop_front() {
        shown.push(&part);
        match rustix::fs::openat(&at, &part, PASS | OFlags::NOFOLLOW, Mode::empty()) {
            Ok(folder) => at = folder,
            Err(Errno::NOENT) if matches!(missing, Missing::Stop) => return Ok(None),
            Err(Errno::NOENT) => at = make_folder(&at, &part).map_err(on("create", &shown))?,
            Err(Errno::NOTDIR | Errno::LOOP) if links < LINKS_MAX => {
                links += 1;
                let target = trusted_link(&at, &part, path, &shown)?;
                if target.is_absolute() {
                    (at, shown) = (open_root(path)?, PathBuf::from("/"));
                } else {
                    shown.pop();
                }
                let mut ahead = parts(&target);
                ahead.append(&mut todo);
                todo = ahead;
            }
            Err(error) => return Err(on("open", &shown)(error).into()),
        }
    }
    check_parent(&at, path, &shown)?;
    Ok(Some(Place { parent: at, name, path: path.to_owned() }))
}

/// Normal and `..` components; the latter only come from links that are trusted.
fn parts(path: &Path) -> VecDeque<OsString> {
    let kept = |part: Component<'_>| match part {
        Component::Normal(name) => Some(name.to_owned()),
        Component::ParentDir => Some(OsStr::new("..").to_owned()),
        Component::RootDir | Component::CurDir | Component::Prefix(_) => None,
    };
    path.components().filter_map(kept).collect()
}

fn open_root(path: &Path) -> Result<OwnedFd, FsError> {
    rustix::fs::open("/", PASS, Mode::empty()).map_err(on("open", path))
}

/// The mode is left to its birth: until it is opened, whoever owns the folder around it may exchange it.
fn make_folder(at: &OwnedFd, name: &OsStr) -> rustix::io::Result<OwnedFd> {
    rustix::fs::mkdirat(at, name, FOLDER_MODE)?;
    rustix::fs::openat(at, name, PASS | OFlags::NOFOLLOW, Mode::empty())
}

fn trusted_link(at: &OwnedFd, name: &OsStr, path: &Path, shown: &Path) -> Result<PathBuf, SymlinkError> {
    let refused = |reason| SymlinkError::UnsafeParent { path: path.to_owned(), at: shown.to_owned(), reason };
    let found = rustix::fs::statat(at, name, AtFlags::SYMLINK_NOFOLLOW).map_err(on("look at", shown))?;
    if !is_link(&found) {
        return Err(refused("is not a folder"));
    }
    if !trusted_owner(&found) {
        return Err(refused("is a link that belongs to another user"));
    }
    let folder = rustix::fs::fstat(at).map_err(on("look at", shown))?;
    if !trusted_owner(&folder) || (folder.st_mode & 0o022 != 0 && !is_sticky(&folder)) {
        return Err(refused("is a link in a folder that others can change"));
    }
    Ok(read_link(at, name).map_err(on("read", shown))?)
}

/// Where everybody may rename everything, a link would be anybody's.
fn check_parent(at: &OwnedFd, path: &Path, shown: &Path) -> Result<(), SymlinkError> {
    let folder = rustix::fs::fstat(at).map_err(on("look at", shown))?;
    if folder.st_mode & 0o002 == 0 || is_sticky(&folder) {
        return Ok(());
    }
    let reason = "can be changed by everybody";
    Err(SymlinkError::UnsafeParent { path: path.to_owned(), at: shown.to_owned(), reason })
}

fn is_link(found: &Stat) -> bool {
    FileType::from_raw_mode(found.st_mode) == FileType::Symlink
}

fn is_sticky(found: &Stat) -> bool {
    found.st_mode & 0o1000 != 0
}

fn trusted_owner(found: &Stat) -> bool {
    found.st_uid == 0 || found.st_uid == rustix::process::geteuid().as_raw()
}

fn read_link(at: &OwnedFd, name: &OsStr) -> rustix::io::Result<PathBuf> {
    let target = rustix::fs::readlinkat(at, name, Vec::new())?;
    Ok(PathBuf::from(OsString::from_vec(target.into_bytes())))
}

#[cfg(test)]
#[expect(clippy::disallowed_methods, clippy::unwrap_used, reason = "tests")]
mod tests {
    use std::os::unix::fs::PermissionsExt;
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn a_link_is_placed_replaced_and_removed_with_the_folders_above_it() {
        let place = tempfile::tempdir().unwrap();
        let path = place.path().join("a/b/link");
        assert_eq!(occupant(&path).unwrap(), Occupant::Nothing);
        place_symlink(&path, Path::new("/one"), &Occupant::Nothing).unwrap();
        let seen = occupant(&path).unwrap();
        assert_eq!(seen, Occupant::Link("/one".into()));
        place_symlink(&path, Path::new("/two"), &seen).unwrap();
        assert!(!remove_symlink(&path, Path::new("/one")).unwrap());
        assert!(remove_symlink(&path, Path::new("/two")).unwrap());
        assert_eq!(path.parent().unwrap().read_dir().unwrap().count(), 0);
    }

    #[test]
    fn files_and_links_that_appeared_meanwhile_stay() {
        let place = tempfile::tempdir().unwrap();
        let path = place.path().join("here");
        symlink("/elsewhere", &path).unwrap();
        assert!(place_symlink(&path, Path::new("/one"), &Occupant::Nothing).is_err());
        assert_eq!(std::fs::read_link(&path).unwrap(), Path::new("/elsewhere"));
    }

    #[test]
    fn own_links_on_the_way_are_followed_and_other_users_links_are_not() {
        let place = tempfile::tempdir().unwrap();
        std::fs::create_dir(place.path().join("real")).unwrap();
        symlink("real", place.path().join("ours")).unwrap();
        place_symlink(&place.path().join("ours/x"), Path::new("/one"), &Occupant::Nothing).unwrap();
        assert!(place.path().join("real/x").is_symlink());

        if rustix::process::geteuid().is_root() {
            symlink("real", place.path().join("theirs")).unwrap();
            std::os::unix::fs::lchown(place.path().join("theirs"), Some(65534), None).unwrap();
            let refused = occupant(&place.path().join("theirs/y")).unwrap_err();
            assert!(refused.to_string().contains("another user"), "{refused}");
        }
    }

    #[test]
    fn a_folder_that_everybody_can_change_is_no_place_for_a_link() {
        let place = tempfile::tempdir().unwrap();
        let open = place.path().join("open");
        std::fs::create_dir(&open).unwrap();
        std::fs::set_permissions(&open, std::fs::Permissions::from_mode(0o777)).unwrap();
        assert!(occupant(&open.join("x")).is_err());
        std::fs::set_permissions(&open, std::fs::Permissions::from_mode(0o1777)).unwrap();
        assert!(occupant(&open.join("x")).is_ok());
    }

    /// Whoever owns a folder may exchange what was just made in it.
    #[test]
    fn a_folder_that_is_exchanged_for_a_link_changes_no_mode_behind_it() {
        use std::sync::atomic::AtomicBool;
        use std::sync::atomic::Ordering;
        let place = tempfile::tempdir().unwrap();
        let victim = place.path().join("victim");
        std::fs::create_dir(&victim).unwrap();
        std::fs::set_permissions(&victim, std::fs::Permissions::from_mode(0o700)).unwrap();
        let at = rustix::fs::open(place.path(), PASS, Mode::empty()).unwrap();
        let done = AtomicBool::new(false);
        std::thread::scope(|scope| {
            scope.spawn(|| {
                let (made, gone) = (place.path().join("made"), place.path().join("gone"));
                while !done.load(Ordering::Relaxed) {
                    if std::fs::rename(&made, &gone).is_ok() {
                        let _ = symlink(&victim, &made);
                        let _ = std::fs::remove_dir(&gone).or_else(|_| std::fs::remove_file(&gone));
                    }
                }
            });
            for _ in 0..20_000 {
                let _ = make_folder(&at, OsStr::new("made"));
                let _ = std::fs::remove_dir(place.path().join("made"))
                    .or_else(|_| std::fs::remove_file(place.path().join("made")));
                if victim.metadata().unwrap().permissions().mode() & 0o777 != 0o700 {
                    break;
                }
            }
            done.store(true, Ordering::Relaxed);
        });
        assert_eq!(victim.metadata().unwrap().permissions().mode() & 0o777, 0o700);
    }
}
