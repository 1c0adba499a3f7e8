//! Links at custom paths: which are ours, which may be made, which must go.

use std::collections::BTreeMap;
use std::path::Path;
use std::path::PathBuf;

use super::grant::FileError;
use super::index::Installed;
use super::placement::Target;
use super::request::Request;
use crate::fsx::Occupant;
use crate::fsx::SymlinkError;
use crate::fsx::occupant;
use crate::fsx::place_symlink;
use crate::fsx::remove_symlink;

/// Links by path, and where they point.
pub(super) type Links = BTreeMap<PathBuf, PathBuf>;

/// The links that installed files ask for; `link` leads to the running generation.
pub(super) fn links_of(files: &BTreeMap<Target, Installed>, link: &Path) -> Links {
    let of_one = |(target, file): (&Target, &Installed)| {
        file.path.clone().map(|path| (path, link.join(target.as_str())))
    };
    files.iter().filter_map(of_one).collect()
}

/// Custom links of a host, seen against those that it remembers.
pub(super) struct LinkKeeper<'a> {
    pub request: &'a Request,
    pub remembered: &'a Links,
}

impl LinkKeeper<'_> {
    /// Whether a link may be made at `path`: nothing is there, or a link of ours.
    pub(super) fn check(&self, path: &Path) -> Result<Occupant, FileError> {
        let seen = occupant(path)?;
        let found = match &seen {
            Occupant::Nothing => return Ok(seen),
            Occupant::Link(to) if self.is_ours(path, to) => return Ok(seen),
            Occupant::Link(to) => format!("a link to `{}`", to.display()),
            Occupant::Other => "an existing file or folder".to_owned(),
        };
        Err(FileError::PathOccupied { path: path.to_owned(), found })
    }

    /// Makes the link at `path` if it is not there already.
    pub(super) fn place(&self, path: &Path, to: &Path) -> Result<(), FileError> {
        let seen = self.check(path)?;
        if seen != Occupant::Link(to.to_owned()) {
            place_symlink(path, to, &seen)?;
        }
        Ok(())
    }

    /// Removes remembered links that are not wanted any more and still point where we made them point.
    pub(super) fn remove_others(&self, wanted: &Links) -> Vec<SymlinkError> {
        let gone = self.remembered.iter().filter(|(path, _)| !wanted.contains_key(*path));
        gone.filter_map(|(path, to)| remove_symlink(path, to).err()).collect()
    }

    fn is_ours(&self, path: &Path, to: &Path) -> bool {
        let inside = to.starts_with(&self.request.link) || to.starts_with(&self.request.mount);
        inside || self.remembered.get(path).is_some_and(|remembered| remembered == to)
    }
}
