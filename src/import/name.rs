//! Names of secrets from paths and keys of other tools.

use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::path::Path;
use std::path::PathBuf;

use crate::name::SecretName;

/// Words in a path that say nothing of what lies below them.
const NOISE: [&str; 16] = [
    "secrets",
    "secret",
    "sops",
    "hosts",
    "host",
    "machines",
    "home",
    "homes",
    "nixos",
    "darwin",
    "systems",
    "modules",
    "nix",
    "config",
    "vars",
    "encrypted",
];

/// The prefixes of the secrets of each file: as short as they can be while each has its own.
pub(super) fn prefixes<'p>(paths: impl IntoIterator<Item = &'p PathBuf>) -> BTreeMap<PathBuf, String> {
    let told: BTreeMap<&PathBuf, Vec<String>> = paths.into_iter().map(|path| (path, telling(path))).collect();
    let mut length: BTreeMap<&PathBuf, usize> = told.keys().map(|path| (*path, 1)).collect();
    loop {
        let mut by_prefix: BTreeMap<String, Vec<&PathBuf>> = BTreeMap::new();
        for (path, words) in &told {
            by_prefix.entry(tail(words, length.get(path).copied().unwrap_or(1))).or_default().push(path);
        }
        let mut longer = false;
        for same in by_prefix.values().filter(|same| same.len() > 1) {
            for path in same {
                let words = told.get(path).map_or(0, Vec::len);
                if let Some(length) = length.get_mut(*path).filter(|length| **length < words) {
                    *length += 1;
                    longer = true;
                }
            }
        }
        if !longer {
            return settled(by_prefix);
        }
    }
}

/// Where even whole paths agree, which differ in their endings alone, the ending is part of the name.
fn settled(by_prefix: BTreeMap<String, Vec<&PathBuf>>) -> BTreeMap<PathBuf, String> {
    let mut settled = BTreeMap::new();
    for (prefix, paths) in by_prefix {
        let alone = paths.len() == 1;
        for path in paths {
            let ending =
                path.extension().map(|ending| ending.to_string_lossy().into_owned()).unwrap_or_default();
            let prefix = if alone { prefix.clone() } else { format!("{prefix}-{}", encoded(&ending)) };
            settled.insert(path.clone(), prefix);
        }
    }
    settled
}

/// The parts of a path that say something, encoded; the whole path comes before them for files that need it.
fn telling(path: &Path) -> Vec<String> {
    let stem = stem(path);
    let folders = path.parent().into_iter().flat_map(Path::components);
    let all: Vec<String> =
        folders.map(|part| part.as_os_str().to_string_lossy().into_owned()).chain([stem.clone()]).collect();
    let telling: Vec<String> = all.iter().filter(|part| !NOISE.contains(&part.as_str())).cloned().collect();
    let telling = if telling.is_empty() { vec![stem] } else { telling };
    telling.iter().map(|part| encoded(part)).collect()
}

/// A file's name without endings: `secrets` of `secrets.sops.yaml`.
fn stem(path: &Path) -> String {
    let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    let name = name.trim_start_matches('.');
    let stem = name.rsplit_once('.').map_or(name, |(stem, _)| stem);
    let stem = stem.strip_suffix(".sops").or_else(|| stem.strip_suffix(".enc")).unwrap_or(stem);
    if stem.is_empty() { name.to_owned() } else { stem.to_owned() }
}

fn tail(words: &[String], length: usize) -> String {
    words.get(words.len().saturating_sub(length)..).unwrap_or_default().join("/")
}

/// The name of a key below a prefix; the prefix alone for a whole file.
pub(super) fn of_key(prefix: &str, key: &[String]) -> Option<SecretName> {
    let parts: Vec<String> = key.iter().map(|part| encoded(part)).collect();
    let whole = if parts.is_empty() { prefix.to_owned() } else { format!("{prefix}/{}", parts.join("/")) };
    whole.parse().ok()
}

/// The name of a file that is one value: its path without ending and without the folder that all of them lie in.
pub(super) fn of_files<'p>(paths: impl IntoIterator<Item = &'p PathBuf>) -> BTreeMap<PathBuf, SecretName> {
    let mut taken = BTreeSet::new();
    let mut names = BTreeMap::new();
    for path in paths {
        let without = path.with_extension("");
        let parts: Vec<String> =
            without.components().map(|part| part.as_os_str().to_string_lossy().into_owned()).collect();
        let first = parts
            .iter()
            .position(|part| !matches!(part.as_str(), "secrets" | "secret" | "age" | "."))
            .unwrap_or(0);
        let short: Vec<String> = parts.iter().skip(first).map(|part| encoded(part)).collect();
        let whole: Vec<String> = parts.iter().map(|part| encoded(part)).collect();
        let name = [short, whole]
            .into_iter()
            .filter_map(|parts| parts.join("/").parse::<SecretName>().ok())
            .find(|name| !taken.contains(name));
        if let Some(name) = name {
            taken.insert(name.clone());
            names.insert(path.clone(), name);
        }
    }
    names
}

/// One segment in which everything that a name cannot hold is encoded.
fn encoded(part: &str) -> String {
    SecretName::encoded_segment(part)
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn prefixes_are_short_and_each_has_its_own() {
        let paths: Vec<PathBuf> = [
            "hosts/forge/secrets.sops.yaml",
            "hosts/luna/secrets.sops.yaml",
            "home/ryan/secrets.sops.yaml",
            "secrets/secrets.yaml",
            "secrets/a/db.yaml",
            "secrets/b/db.yaml",
            "secrets/.env",
            "x.json",
            "x.yaml",
        ]
        .map(PathBuf::from)
        .into();
        let prefixes = prefixes(&paths);
        let found: Vec<&str> = paths.iter().map(|path| prefixes[path].as_str()).collect();
        assert_eq!(found, ["forge", "luna", "ryan", "secrets", "a/db", "b/db", "env", "x-json", "x-yaml"]);
    }

    #[test]
    fn what_a_name_cannot_hold_is_encoded_and_no_two_files_share_one() {
        let key = |parts: &[&str]| {
            of_key("forge", &parts.iter().map(|part| (*part).to_owned()).collect::<Vec<_>>()).unwrap()
        };
        assert_eq!(key(&["a b", "_x", "y/z"]).as_str(), "forge/a%20b/%5Fx/y%2Fz");
        let paths: Vec<PathBuf> = ["a.age", "hosts/forge/k.age", "secrets/a.age"].map(PathBuf::from).into();
        let names = of_files(&paths);
        let found: Vec<&str> = paths.iter().map(|path| names[path].as_str()).collect();
        assert_eq!(found, ["a", "hosts/forge/k", "secrets/a"]);
    }
}
