//! Making one file of a generation: linked over where nothing changed, decrypted or rendered otherwise.

use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::fs::File;
use std::io::Read;
use std::io::Seek;
use std::io::Write;

use rayon::prelude::*;
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

use super::generation::Running;
use super::grant::FileError;
use super::index::Change;
use super::index::Installed;
use super::placement::Target;
use super::request::Renewal;
use super::sealed;
use super::template::RenderError;
use super::template::Template;
use super::trust::SealedTree;
use super::wish::Source;
use super::wish::Wish;
use crate::crypto::SealingIdentity;
use crate::fsx::Folder;
use crate::fsx::FsError;
use crate::manifest::Entry;
use crate::name::SecretName;
use crate::secret::SecretBytes;

/// Largest value in a template; larger ones only stream.
const TEMPLATE_VALUE_MAX: u64 = 1 << 20;
/// How much of two files is compared at a time.
const CHUNK: usize = 64 << 10;

/// A file that was made, and what about it differs from the running generation.
#[derive(Debug)]
pub(super) struct Made {
    pub installed: Installed,
    pub changes: BTreeSet<Change>,
}

/// The file of the running generation, if it can stand for the wish without opening any ciphertext.
pub(super) fn carried(running: Option<&Running>, target: &Target, wish: &Installed) -> Option<Made> {
    let running = running?;
    let old = running.index.files.get(target)?;
    let changes = old.changes(wish);
    let same_file = changes.iter().all(|change| *change == Change::Path);
    if !same_file || !old.is_intact(running.folder.see(target.as_str())) {
        return None;
    }
    let installed = Installed { size: old.size, modified: old.modified, ..wish.clone() };
    Some(Made { installed, changes })
}

impl Wish<'_> {
    /// As it should stand in the index, with the old value where that stays whatever the fleet has.
    pub(super) fn lasting(&self, old: Option<&Installed>) -> Installed {
        match old {
            Some(old) if self.renewal == Renewal::Never && old.secret == self.installed.secret => {
                Installed { sha256: old.sha256, revision: old.revision, ..self.installed.clone() }
            }
            _ => self.installed.clone(),
        }
    }
}

/// Makes the files of a new generation.
pub(super) struct Maker<'a> {
    pub tree: &'a SealedTree,
    pub identity: &'a SealingIdentity,
    pub running: Option<&'a Running>,
    pub folder: &'a Folder,
}

impl Maker<'_> {
    /// Makes every file of `wishes`, each with its own success or failure.
    pub(super) fn make_all<'t>(
        &self,
        wishes: &BTreeMap<&'t Target, Wish<'_>>,
    ) -> Vec<(&'t Target, Result<Made, FileError>)> {
        let mut all: Vec<_> =
            wishes.par_iter().map(|(target, wish)| (*target, self.make(target, wish))).collect();
        // One value that does not fit takes the room of those beside it, but only until it is removed.
        for ((_, made), (target, wish)) in all.iter_mut().zip(wishes) {
            if made.as_ref().is_err_and(FileError::is_full) {
                *made = self.make(target, wish);
            }
        }
        all
    }

    /// Decrypts or renders the file of `wish`; on an error nothing of it is left.
    pub(super) fn make(&self, target: &Target, wish: &Wish<'_>) -> Result<Made, FileError> {
        let name = target.as_str();
        let mut file = self.folder.create_file(name, wish.installed.attributes())?;
        let made = self.fill(target, wish, &mut file).and_then(|()| self.settle(target, wish, &mut file));
        if made.is_err() {
            let _ = self.folder.remove_file(name);
        }
        made
    }

    fn fill(&self, target: &Target, wish: &Wish<'_>, file: &mut File) -> Result<(), FileError> {
        let place = self.folder.path().join(target.as_str());
        match &wish.source {
            Source::Secret(entry) => sealed::open(self.tree, entry, self.identity, file, &place),
            Source::Template { template, values } => {
                let text = self.render(template, values)?;
                Ok(file.write_all(text.expose()).map_err(FsError::on("write", &place))?)
            }
        }
    }

    fn render(
        &self,
        template: &Template,
        values: &BTreeMap<&SecretName, &Entry>,
    ) -> Result<SecretBytes, FileError> {
        let mut plaintexts = BTreeMap::new();
        for (name, entry) in values {
            let path = self.tree.path(&entry.file);
            if path.metadata().is_ok_and(|found| found.len() > TEMPLATE_VALUE_MAX) {
                let reason = "it is larger than 1 MiB";
                let source = RenderError { secret: (*name).clone(), line: 1, reason };
                return Err(FileError::Unfit { source });
            }
            let mut plaintext = SecretBytes::default();
            sealed::open(self.tree, entry, self.identity, &mut plaintext, &path)?;
            plaintexts.insert((*name).clone(), plaintext);
        }
        template.render(&plaintexts).map_err(|source| FileError::Unfit { source })
    }

    /// Compares the new file with the old one; where they agree in everything, the old one stays.
    fn settle(&self, target: &Target, wish: &Wish<'_>, file: &mut File) -> Result<Made, FileError> {
        let name = target.as_str();
        let mut changes = BTreeSet::from([Change::Content]);
        let known = self.running.and_then(|running| Some((running, running.index.files.get(target)?)));
        if let Some((running, old)) = known {
            changes = old.changes(&wish.installed);
            let intact = old.is_intact(running.folder.see(name));
            if same_content(&running.folder, name, file) {
                changes.remove(&Change::Content);
                if intact && changes.iter().all(|change| *change == Change::Path) {
                    self.folder.remove_file(name)?;
                    self.folder.link_from(&running.folder, name)?;
                }
            } else {
                changes.insert(Change::Content);
            }
        }
        let missing =
            || FsError::on("look at", &self.folder.path().join(name))(std::io::ErrorKind::NotFound.into());
        let seen = self.folder.see(name).ok_or_else(missing)?;
        let installed = Installed { size: seen.size, modified: seen.modified, ..wish.installed.clone() };
        Ok(Made { installed, changes })
    }
}

/// Whether the file `name` of a folder holds the same bytes; one that cannot be read does not.
fn same_content(folder: &Folder, name: &str, file: &mut File) -> bool {
    let mut compare = || -> Result<bool, FsError> {
        let failed = FsError::on("read", folder.path());
        let mut old = folder.read_file(name)?;
        let length = |file: &File| file.metadata().map(|found| found.len());
        if length(&old).map_err(&failed)? != length(file).map_err(&failed)? {
            return Ok(false);
        }
        file.rewind().map_err(&failed)?;
        let (mut left, mut right) = (Zeroizing::new(vec![0; CHUNK]), Zeroizing::new(vec![0; CHUNK]));
        loop {
            let read = old.read(&mut left).map_err(&failed)?;
            if read == 0 {
                return Ok(true);
            }
            let right = right.get_mut(..read).unwrap_or_default();
            file.read_exact(right).map_err(&failed)?;
            if !bool::from(left.get(..read).unwrap_or_default().ct_eq(right)) {
                return Ok(false);
            }
        }
    };
    compare().unwrap_or(false)
}
