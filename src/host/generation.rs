//! Generations on the mount: the running one, building the next, switching, pruning.

use std::path::Path;
use std::path::PathBuf;

use super::index::Index;
use super::index::Installed;
use super::index::VERSION;
use super::placement::Target;
use super::request::Content;
use super::request::Request;
use crate::diag::Class;
use crate::diag::Failure;
use crate::fsx::Backing;
use crate::fsx::Folder;
use crate::fsx::FsError;
use crate::fsx::MemoryError;
use crate::fsx::Occupant;
use crate::fsx::SymlinkError;
use crate::fsx::ensure_memory;
use crate::fsx::occupant;
use crate::fsx::place_symlink;
use crate::fsx::read_bounded;
use crate::fsx::write_atomic;

/// Mode of generations and the folders in them: others may pass through, and may not list.
pub(super) const FOLDER_MODE: u32 = 0o751;
/// Mode of the index, which holds no value.
const INDEX_MODE: u32 = 0o644;
/// Largest index that is read.
const INDEX_MAX: u64 = 64 << 20;

/// Why there is no place for a generation.
#[derive(Debug, thiserror::Error, miette::Diagnostic)]
#[non_exhaustive]
pub enum GenerationError {
    /// A real file or folder stands where the link should be.
    #[error("`{}` is a file or folder, which is not overwritten by the link to the secrets", path.display())]
    #[diagnostic(
        code(generation::link_occupied),
        help("move it away, or choose another `link` in the request")
    )]
    LinkOccupied {
        /// The link.
        path: PathBuf,
    },
    /// The mount is not usable.
    #[error(transparent)]
    #[diagnostic(transparent)]
    Memory(#[from] MemoryError),
    /// The way to the link is not safe.
    #[error(transparent)]
    #[diagnostic(transparent)]
    Symlink(#[from] SymlinkError),
    /// Something failed on the mount.
    #[error(transparent)]
    #[diagnostic(transparent)]
    Fs(#[from] FsError),
}

impl Failure for GenerationError {
    fn class(&self) -> Class {
        Class::Environment
    }
}

/// The generation that the link points to.
#[derive(Debug)]
pub(super) struct Running {
    pub folder: Folder,
    pub index: Index,
}

impl Running {
    /// Finds it; `None` when there is none, or none that this program can read.
    pub(super) fn find(request: &Request) -> Result<Option<Self>, GenerationError> {
        Self::find_at(&request.link, &request.mount)
    }

    /// The same for places that no request names.
    pub(super) fn find_at(link: &Path, mount: &Path) -> Result<Option<Self>, GenerationError> {
        let Some(number) = linked_at(link, mount)? else { return Ok(None) };
        let Ok(folder) = Folder::open(&mount.join(number.to_string())) else { return Ok(None) };
        let Ok(bytes) = read_bounded(&mount.join(index_name(number)), INDEX_MAX) else {
            return Ok(None);
        };
        let index = serde_json::from_slice::<Index>(&bytes).ok();
        let index = index.filter(|index| index.version == VERSION && index.generation == number);
        Ok(index.map(|index| Self { folder, index }))
    }

    /// The entry of a file, if the file is still there.
    pub(super) fn entry(&self, target: &Target) -> Option<&Installed> {
        let installed = self.index.files.get(target)?;
        self.folder.see(target.as_str()).map(|_| installed)
    }

    /// The same, if it is a value of what is asked for now: another secret is no stand-in under the same name.
    pub(super) fn last_good(&self, request: &Request, target: &Target) -> Option<&Installed> {
        let asked = match &request.files.get(target)?.content {
            Content::Secret(name) => Some(name),
            Content::Template(_) => None,
        };
        self.entry(target).filter(|old| old.secret.as_ref() == asked)
    }
}

/// The number of the generation that the link points to, whether or not that can be read.
pub(super) fn linked(request: &Request) -> Result<Option<u64>, GenerationError> {
    linked_at(&request.link, &request.mount)
}

fn linked_at(link: &Path, mount: &Path) -> Result<Option<u64>, GenerationError> {
    match occupant(link)? {
        Occupant::Nothing => Ok(None),
        Occupant::Other => Err(GenerationError::LinkOccupied { path: link.to_owned() }),
        Occupant::Link(target) => {
            let name = target.strip_prefix(mount).ok();
            Ok(name.and_then(|name| parse_number(name.to_str()?)))
        }
    }
}

fn parse_number(name: &str) -> Option<u64> {
    let number: u64 = name.parse().ok()?;
    (number > 0 && number.to_string() == name).then_some(number)
}

fn index_name(number: u64) -> String {
    format!("{number}.json")
}

fn partial_name(number: u64) -> String {
    format!(".{number}.partial")
}

/// The memory-backed folder of all generations.
#[derive(Debug)]
pub(super) struct Store<'a> {
    mount: Folder,
    request: &'a Request,
}

impl<'a> Store<'a> {
    /// Opens it, mounting it where needed.
    pub(super) fn open(request: &'a Request) -> Result<Self, GenerationError> {
        Self::mount(request)?;
        Ok(Self { mount: Folder::open(&request.mount)?, request })
    }

    /// Mounts it where needed, and tells what lies under it.
    pub(super) fn mount(request: &Request) -> Result<Backing, GenerationError> {
        Ok(ensure_memory(&request.mount, request.swap)?)
    }

    /// Removes what an interrupted run left: partial generations, and finished ones never switched to.
    pub(super) fn remove_left_overs(&self, linked: Option<u64>) -> Result<(), FsError> {
        for name in self.mount.names()? {
            let stem = name.strip_suffix(".json").unwrap_or(&name);
            let newer = parse_number(stem).is_some_and(|number| linked.is_none_or(|linked| number > linked));
            // Other names with a dot are the system's own, such as `.fseventsd` of macOS.
            let hidden = name.strip_prefix('.').unwrap_or_default();
            if newer || hidden.starts_with(|c: char| c.is_ascii_digit()) {
                self.mount.remove_tree(&name)?;
            }
        }
        Ok(())
    }

    /// Starts a generation under a temporary name.
    pub(super) fn begin(&self, number: u64) -> Result<Folder, FsError> {
        self.mount.create(&partial_name(number), FOLDER_MODE)
    }

    /// Drops a generation that was begun.
    pub(super) fn abandon(&self, number: u64) {
        let _ = self.mount.remove_tree(&partial_name(number));
    }

    /// Gives a generation its name and index, and points the link to it in one step.
    pub(super) fn switch(&self, index: &Index) -> Result<(), GenerationError> {
        let number = index.generation;
        self.write_index(index)?;
        self.mount.rename(&partial_name(number), &number.to_string())?;
        let seen = occupant(&self.request.link)?;
        if seen == Occupant::Other {
            return Err(GenerationError::LinkOccupied { path: self.request.link.clone() });
        }
        let target = self.request.mount.join(number.to_string());
        Ok(place_symlink(&self.request.link, &target, &seen)?)
    }

    /// Replaces the index of a generation.
    pub(super) fn write_index(&self, index: &Index) -> Result<(), FsError> {
        let path = self.request.mount.join(index_name(index.generation));
        let bytes = serde_json::to_vec(index).map_err(Into::into).map_err(FsError::on("write", &path))?;
        write_atomic(&path, &bytes, INDEX_MODE)
    }

    /// Removes generations older than those to keep; the running one counts as the first of them.
    pub(super) fn prune(&self, running: u64) -> Result<(), FsError> {
        let keep = usize::try_from(self.request.keep_generations.get()).unwrap_or(usize::MAX);
        let mut older: Vec<u64> = self
            .mount
            .names()?
            .iter()
            .filter_map(|name| parse_number(name))
            .filter(|n| *n < running)
            .collect();
        older.sort_unstable_by(|a, b| b.cmp(a));
        for number in older.into_iter().skip(keep - 1) {
            self.mount.remove_tree(&number.to_string())?;
            self.mount.remove_tree(&index_name(number))?;
        }
        Ok(())
    }
}
