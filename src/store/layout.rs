//! Where everything lies in a fleet repository.

use std::ffi::OsString;
use std::path::Path;
use std::path::PathBuf;
use std::sync::Arc;

use super::documents::Cache;
use super::documents::Declared;
use super::documents::prefix_of;
use super::revisions::Revisions;
use crate::fsx::FsError;
use crate::fsx::Listed;
use crate::fsx::list_below;
use crate::fsx::read_below;
use crate::manifest::MANIFEST_FILE;
use crate::name::HostName;
use crate::name::SecretName;
use crate::roots::ROOTS_FILE;

/// Ending of a source.
const SOURCE: &str = "age";
/// Ending of a ledger.
const LEDGER: &str = "ledger";
/// Largest policy file that is read.
pub const POLICY_FILE_MAX: u64 = 1 << 20;

/// The folders of one fleet repository; every path it gives is relative to the root.
#[derive(Clone, Debug)]
pub struct Layout {
    root: PathBuf,
    declared: Arc<Declared>,
    cache: Arc<Cache>,
    revisions: Arc<Revisions>,
}

/// A policy file as it lies in the repository.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub struct PolicyText {
    /// Relative to the root, such as `policies/access.rhai`.
    pub path: PathBuf,
    /// Its text.
    pub text: String,
}

/// What a file below `secrets/` is.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) enum Found {
    Source(SecretName),
    Ledger(SecretName),
    /// A file of several secrets, by its name.
    Document,
    /// Not ours: perhaps plaintext.
    Stray(&'static str),
}

impl Layout {
    /// The repository at `root`, whose `secretctl.toml` names these documents.
    pub fn new(root: impl Into<PathBuf>, declared: Declared) -> Self {
        let (cache, revisions) = (Arc::default(), Arc::default());
        Self { root: root.into(), declared: Arc::new(declared), cache, revisions }
    }

    pub(super) fn declared(&self) -> &Declared {
        &self.declared
    }

    pub(super) fn cache(&self) -> &Cache {
        &self.cache
    }

    pub(super) fn revisions(&self) -> &Revisions {
        &self.revisions
    }

    /// The files and folders that a change may reach: those of the store, and documents that lie elsewhere.
    pub fn reach(&self) -> Vec<PathBuf> {
        let documents = self.declared.documents.values().filter_map(|document| document.path.clone());
        ["secretctl.toml", "secrets", "sealed", "public"].iter().map(PathBuf::from).chain(documents).collect()
    }

    /// The roots of the fleet.
    pub fn roots() -> PathBuf {
        Path::new("sealed").join(ROOTS_FILE)
    }

    /// The root of the repository.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// `secrets/NAME.age`: where the source of a secret lies that is in no document.
    pub fn source(name: &SecretName) -> PathBuf {
        PathBuf::from(format!("secrets/{name}.{SOURCE}"))
    }

    /// `secrets/NAME.ledger`.
    pub fn ledger(name: &SecretName) -> PathBuf {
        PathBuf::from(format!("secrets/{name}.{LEDGER}"))
    }

    /// `public/NAME.ENDING`: the public half of a secret.
    pub fn public(name: &SecretName, ending: &str) -> PathBuf {
        PathBuf::from(format!("public/{name}.{ending}"))
    }

    /// The secret whose ledger a path relative to the root is.
    pub fn ledger_name(path: &Path) -> Option<SecretName> {
        match classify(path) {
            Found::Ledger(name) => Some(name),
            _ => None,
        }
    }

    /// The host whose sealed tree a path relative to the root is.
    pub fn sealed_host(path: &Path) -> Option<HostName> {
        path.strip_prefix("sealed").ok()?.to_str()?.parse().ok()
    }

    /// `sealed/HOST`.
    pub fn sealed(host: &HostName) -> PathBuf {
        PathBuf::from(format!("sealed/{host}"))
    }

    /// Whether a host has a sealed tree, sound or not.
    pub fn is_sealed(&self, host: &HostName) -> bool {
        self.root.join(Self::sealed(host)).join(MANIFEST_FILE).exists()
    }

    /// Every `policies/**.rhai`, sorted by path.
    pub fn policy_texts(&self) -> Result<Vec<PolicyText>, FsError> {
        let mut texts = Vec::new();
        for path in self.files("policies")? {
            if path.extension().is_none_or(|ending| ending != "rhai") {
                continue;
            }
            let full = self.root.join(&path);
            let bytes = self.read(&path, POLICY_FILE_MAX)?;
            let invalid = |e| std::io::Error::new(std::io::ErrorKind::InvalidData, e);
            let text = String::from_utf8(bytes).map_err(invalid).map_err(FsError::on("read", &full))?;
            texts.push(PolicyText { path, text });
        }
        Ok(texts)
    }

    /// Reads a file of the fleet, `path` counting from the root: a regular one of at most `max` bytes, through no link.
    pub fn read(&self, path: &Path, max: u64) -> Result<Vec<u8>, FsError> {
        read_below(&self.root, path, max)
    }

    /// Every file below a folder, sorted, relative to the root; links count as files. A missing folder is empty.
    pub fn files(&self, folder: impl AsRef<Path>) -> Result<Vec<PathBuf>, FsError> {
        let mut files = Vec::new();
        let mut folders = vec![folder.as_ref().to_owned()];
        while let Some(folder) = folders.pop() {
            for (name, kind) in self.entries(&folder)? {
                let path = folder.join(name);
                if kind == Listed::Folder { folders.push(path) } else { files.push(path) }
            }
        }
        files.sort();
        Ok(files)
    }

    /// Names of the folders directly below `sealed/`, sorted.
    pub fn sealed_folders(&self) -> Result<Vec<String>, FsError> {
        let entries = self.entries(Path::new("sealed"))?.into_iter();
        let names = entries.map(|(name, _)| name.to_string_lossy().into_owned());
        let mut names: Vec<String> = names.filter(|name| name != ROOTS_FILE).collect();
        names.sort();
        Ok(names)
    }

    /// What a folder holds; a missing one is empty.
    fn entries(&self, folder: &Path) -> Result<Vec<(OsString, Listed)>, FsError> {
        match list_below(&self.root, folder) {
            Err(error) if error.is_missing() => Ok(Vec::new()),
            other => other,
        }
    }
}

/// Tells what a path below `secrets/` is by its name alone.
pub(super) fn classify(path: &Path) -> Found {
    let Ok(inside) = path.strip_prefix("secrets") else { return Found::Stray("it lies outside `secrets/`") };
    let Some(text) = inside.to_str() else { return Found::Stray("its name is not UTF-8") };
    if prefix_of(path).is_some() {
        return Found::Document;
    }
    let split = text.rsplit_once('.').map(|(name, ending)| (name.parse::<SecretName>(), ending));
    match split {
        Some((Ok(name), SOURCE)) => Found::Source(name),
        Some((Ok(name), LEDGER)) => Found::Ledger(name),
        Some((Err(_), SOURCE | LEDGER)) => Found::Stray("its path is not a secret name"),
        _ => Found::Stray("it is neither a source nor a ledger, and may be plaintext"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_told_apart_by_their_names() {
        let name = |text: &str| text.parse::<SecretName>();
        assert_eq!(name("a/b.c").map(Found::Source), Ok(classify(Path::new("secrets/a/b.c.age"))));
        assert_eq!(name("a").map(Found::Ledger), Ok(classify(Path::new("secrets/a.ledger"))));
        for stray in ["secrets/a.txt", "secrets/a", "secrets/.hidden.age", "secrets/a b.age", "other/a.age"] {
            assert!(matches!(classify(Path::new(stray)), Found::Stray(_)), "{stray}");
        }
    }
}
