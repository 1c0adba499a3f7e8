//! How the values that were found are called.

use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::path::PathBuf;

use crate::import::found::Body;
use crate::import::found::Found;
use crate::import::found::StoreFile;
use crate::import::found::Use;
use crate::import::name;
use crate::name::SecretName;

/// Names of values: by document prefix and key, or by the path of a file that is one value.
pub(super) struct Names {
    pub(super) prefixes: BTreeMap<PathBuf, String>,
    files: BTreeMap<PathBuf, SecretName>,
    /// Files that are one secret.
    pub(super) whole: BTreeSet<PathBuf>,
}

impl Names {
    /// Names for everything that was found.
    pub(super) fn new(found: &Found) -> Self {
        let keyed = |file: &StoreFile| matches!(file.body, Body::Sops | Body::Dotenv | Body::Json);
        let (with_keys, alone): (Vec<_>, Vec<_>) = found.files.iter().partition(|(_, file)| keyed(file));
        let whole = |path: &PathBuf, file: &StoreFile| {
            let uses: Vec<&Use> = found.uses.iter().filter(|one| one.file == *path).collect();
            let alone = file.keys.iter().all(Vec::is_empty);
            alone || (!uses.is_empty() && uses.iter().all(|one| one.key.is_empty()))
        };
        Self {
            prefixes: name::prefixes(with_keys.iter().map(|(path, _)| *path)),
            files: name::of_files(alone.iter().map(|(path, _)| *path)),
            whole: with_keys
                .iter()
                .filter(|(path, file)| whole(path, file))
                .map(|(path, _)| (*path).clone())
                .collect(),
        }
    }

    /// The name of a value.
    pub(super) fn of(&self, path: &PathBuf, key: &[String]) -> Option<SecretName> {
        if let Some(prefix) = self.prefixes.get(path) {
            return name::of_key(prefix, if self.whole.contains(path) { &[] } else { key });
        }
        self.files.get(path).cloned()
    }
}
