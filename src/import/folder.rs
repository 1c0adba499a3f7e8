//! A folder of files that no module reads: age and passage, pass, dotenv, JSON, SOPS.

use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::path::Path;
use std::path::PathBuf;

use serde_json::Value;

use super::age_file::Header;
use super::found::Body;
use super::found::Found;
use super::found::StoreFile;
use super::found::Tool;
use super::keys::Keys;
use super::sops_nix;
use super::tree;
use crate::crypto::Recipient;
use crate::diag::Severity;

/// Files that name recipients for the folder that they lie in and those below.
const RECIPIENTS: [&str; 3] = [".age-recipients", ".recipients", ".gpg-id"];

/// Describes a folder.
pub(super) fn read(root: &Path) -> Found {
    let mut found = Found::new(Tool::Folder);
    sops_nix::documents(root, &mut found);
    let mut keys = Keys::from_nix(root);
    let lists = lists(root, &mut keys);
    for path in tree::files(root) {
        let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        if found.files.contains_key(&path) || RECIPIENTS.contains(&name.as_str()) {
            continue;
        }
        let Some(bytes) = tree::bytes(root, &path) else { continue };
        if let Some(file) = described(&path, &name, &bytes, &lists) {
            if matches!(file.body, Body::Dotenv | Body::Json) {
                let message = format!("everybody who has the repository reads `{}`", path.display());
                found.problem_at(Severity::Warning, "import::plaintext", message, &path);
            }
            found.files.insert(path, file);
        }
    }
    keys.settle(root, &mut found);
    found
}

/// The lines of every list of recipients, by folder.
fn lists(root: &Path, keys: &mut Keys) -> BTreeMap<PathBuf, Vec<String>> {
    let mut lists: BTreeMap<PathBuf, Vec<String>> = BTreeMap::new();
    for path in tree::files(root) {
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        if !RECIPIENTS.contains(&name) {
            continue;
        }
        let folder = path.parent().map(Path::to_owned).unwrap_or_default();
        let text = tree::text(root, &path).unwrap_or_default();
        let mut remark = None;
        for line in text.lines().map(str::trim).filter(|line| !line.is_empty()) {
            if let Some(comment) = line.strip_prefix('#') {
                remark = Some(comment.trim().to_owned());
                continue;
            }
            let (word, comment) = line
                .split_once(" #")
                .map_or((line, None), |(word, comment)| (word, Some(comment.trim().to_owned())));
            if let Ok(key) = word.trim().parse::<Recipient>()
                && let Some(name) = comment
                    .or_else(|| remark.take())
                    .or_else(|| word.splitn(3, ' ').nth(2).map(str::to_owned))
            {
                keys.remark(key, name);
            }
            lists.entry(folder.clone()).or_default().push(word.trim().to_owned());
        }
    }
    lists
}

fn described(
    path: &Path,
    name: &str,
    bytes: &[u8],
    lists: &BTreeMap<PathBuf, Vec<String>>,
) -> Option<StoreFile> {
    let nearest = path.ancestors().skip(1).find_map(|folder| lists.get(folder)).cloned().unwrap_or_default();
    if let Some(header) = Header::read(bytes) {
        let listed: BTreeSet<Recipient> = nearest.iter().filter_map(|word| word.parse().ok()).collect();
        let compared = header.compare(&listed);
        let file = StoreFile::whole(Body::Age);
        return Some(StoreFile { readers: compared.readers, unnamed: compared.unnamed, ..file });
    }
    let ending = path.extension().and_then(|ending| ending.to_str()).unwrap_or_default();
    let text = || std::str::from_utf8(bytes).ok();
    let keyed = |body, keys: BTreeSet<Vec<String>>| {
        (!keys.is_empty()).then(|| StoreFile { keys, ..StoreFile::whole(body) })
    };
    match ending {
        "gpg" => {
            let foreign = nearest.iter().map(|id| format!("PGP key {id}")).collect();
            Some(StoreFile { foreign, ..StoreFile::whole(Body::Gpg) })
        }
        "env" => keyed(Body::Dotenv, dotenv_keys(text()?)),
        _ if name == ".env" || name.starts_with(".env.") => keyed(Body::Dotenv, dotenv_keys(text()?)),
        "json" if !is_known_json(name) => {
            let mut keys = BTreeSet::new();
            json_keys(&serde_json::from_slice(bytes).ok()?, &mut Vec::new(), &mut keys);
            keyed(Body::Json, keys)
        }
        _ => None,
    }
}

/// JSON that is no place of secrets, whatever it lies beside.
fn is_known_json(name: &str) -> bool {
    matches!(
        name,
        "package.json"
            | "package-lock.json"
            | "tsconfig.json"
            | "renovate.json"
            | "flake.lock"
            | "deno.json"
            | "manifest.json"
    )
}

fn dotenv_keys(text: &str) -> BTreeSet<Vec<String>> {
    let lines = text.lines().map(str::trim).filter(|line| !line.starts_with('#'));
    let keys = lines.filter_map(|line| line.strip_prefix("export ").unwrap_or(line).split_once('='));
    let good = |name: &str| !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
    keys.map(|(name, _)| name.trim()).filter(|name| good(name)).map(|name| vec![name.to_owned()]).collect()
}

/// Texts and numbers are values; lists and what is empty are not.
fn json_keys(value: &Value, path: &mut Vec<String>, keys: &mut BTreeSet<Vec<String>>) {
    match value {
        Value::Object(set) => {
            for (name, value) in set {
                path.push(name.clone());
                json_keys(value, path, keys);
                path.pop();
            }
        }
        Value::String(_) | Value::Number(_) | Value::Bool(_) if !path.is_empty() => {
            keys.insert(path.clone());
        }
        _ => {}
    }
}
