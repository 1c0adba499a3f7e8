//! Finds the repository around a folder by its `.git`, which no commit can hold.
//!
//! Git itself also takes a folder for a repository that just has the files of one. A branch can bring such a folder, with
//! settings that name programs, so Git is never left to look for itself.

use std::io::Read;
use std::path::Path;
use std::path::PathBuf;

/// Name of the folder, or of the file that says where it is.
const GIT: &str = ".git";
/// Longest file that leads to the folder.
const LINK_MAX: u64 = 16 << 10;

/// The folders at and above `folder` that have a `.git`, the nearest first.
pub(super) fn tops(folder: &Path) -> impl Iterator<Item = &Path> {
    folder.ancestors().filter(|top| top.join(GIT).symlink_metadata().is_ok())
}

/// Whether the `.git` of a folder is a file that leads elsewhere, as in submodules and further work trees.
pub(super) fn is_led_elsewhere(top: &Path) -> bool {
    top.join(GIT).is_file()
}

/// Git's own folder of the work tree around `folder`, and where `folder` lies in that tree, without asking Git. Further
/// work trees have a folder each.
pub fn git_dir(folder: &Path) -> Option<(PathBuf, PathBuf)> {
    tops(folder).find_map(|top| {
        let path = top.join(GIT);
        let found = if is_led_elsewhere(top) { top.join(target(&path)?) } else { path };
        let prefix = folder.strip_prefix(top).ok()?.to_owned();
        found.join("HEAD").symlink_metadata().is_ok().then_some((found, prefix))
    })
}

/// Where a file `.git` leads, relative to the folder that it lies in.
fn target(link: &Path) -> Option<PathBuf> {
    let mut text = String::new();
    std::fs::File::open(link).ok()?.take(LINK_MAX).read_to_string(&mut text).ok()?;
    Some(PathBuf::from(text.strip_prefix("gitdir:")?.trim()))
}

#[cfg(test)]
#[expect(clippy::disallowed_methods, clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn the_folder_of_git_is_the_nearest_that_is_one() {
        let place = tempfile::tempdir().unwrap();
        let path = |path: &str| place.path().join(path);
        for folder in ["outer/.git", "outer/empty/.git", "outer/led", "real/git", "outer/bare/refs"] {
            std::fs::create_dir_all(path(folder)).unwrap();
        }
        for head in ["outer/.git/HEAD", "real/git/HEAD", "outer/bare/HEAD"] {
            std::fs::write(path(head), "ref: refs/heads/main\n").unwrap();
        }
        std::fs::write(path("outer/led/.git"), "gitdir: ../../real/git\n").unwrap();
        for (folder, wanted) in [
            ("outer", Some("outer/.git")),
            ("outer/empty", Some("outer/.git")),
            ("outer/bare/refs", Some("outer/.git")),
            ("outer/led", Some("outer/led/../../real/git")),
            ("real", None),
        ] {
            assert_eq!(git_dir(&path(folder)).map(|(found, _)| found), wanted.map(path), "{folder}");
        }
    }
}
