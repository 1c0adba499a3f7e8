//! agenix and ragenix: `secrets.nix`, age files, and `age.secrets`.

use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::path::Path;
use std::path::PathBuf;

use super::age_file::Header;
use super::declared;
use super::declared::Placed;
use super::declared::entries;
use super::declared::text;
use super::eval::Evaluation;
use super::facts::Facts;
use super::found::Body;
use super::found::Found;
use super::found::StoreFile;
use super::found::Tool;
use super::keys::Keys;
use super::nix::Reader;
use super::tree;
use crate::crypto::Recipient;
use crate::diag::Severity;

/// Describes a repository of agenix or ragenix.
pub(super) fn read(root: &Path, evaluation: &Evaluation) -> Found {
    let mut found = Found::new(Tool::Agenix);
    let facts = Facts::read(root, evaluation, &mut found);
    declared::hosts(&facts, &mut found);
    let keys = Keys::from_nix(root);
    age_files(root, &keys, Expected::Rules(&rules(root, &mut found)), &mut found);
    keys.settle(root, &mut found);
    for (host, own) in &facts.hosts {
        for (options, user) in declared::modules(own, "age") {
            for (label, secret) in entries(&options["secrets"]) {
                let Some(file) = facts.relative(&secret["file"]) else {
                    let message = format!(
                        "`{host}` declares `{label}`, and its file lies outside of the repository or cannot be told"
                    );
                    found.problem(Severity::Warning, "import::elsewhere", message);
                    continue;
                };
                let placed =
                    Placed { host, facts: own, options: secret, label, folder: "/run/agenix", owner: &user };
                found.uses.push(placed.value(file, Vec::new()));
                if secret["symlink"] == false && text(&secret["path"]).is_some() {
                    let message =
                        format!("`{host}` has a copy of `{label}` at its path; ours is a link into memory");
                    found.problem(Severity::Note, "import::copy", message).help =
                        Some("move the path to where its program follows links".to_owned());
                }
                found.hosts.entry(host.clone()).or_default().declares = true;
            }
        }
    }
    found
}

/// Who each file of a `secrets.nix` should be encrypted to.
fn rules(root: &Path, found: &mut Found) -> BTreeMap<PathBuf, BTreeSet<Recipient>> {
    let whole = root.canonicalize().unwrap_or_else(|_| root.to_owned());
    let mut rules = BTreeMap::new();
    for path in tree::files(root) {
        if path.file_name().is_none_or(|name| name != "secrets.nix") {
            continue;
        }
        let folder = path.parent().map(Path::to_owned).unwrap_or_default();
        let read = Reader::new(&whole).file(&whole.join(&path));
        for (name, rule) in read
            .entries()
            .filter(|(name, _)| Path::new(name).extension().is_some_and(|ending| ending == "age"))
        {
            let words = rule.at(&["publicKeys"]).texts();
            let keys: BTreeSet<Recipient> = words.iter().filter_map(|word| word.parse().ok()).collect();
            if keys.is_empty() {
                let message = format!("whom `{name}` is encrypted to cannot be told from the file alone");
                found.problem_at(Severity::Note, "import::rule_unclear", message, &path);
            }
            rules.insert(folder.join(name), keys);
        }
    }
    rules
}

/// Whom a tool encrypts files to.
#[derive(Clone, Copy)]
pub(super) enum Expected<'a> {
    /// What a rule says of each file.
    Rules(&'a BTreeMap<PathBuf, BTreeSet<Recipient>>),
    /// The same keys for every file.
    Everywhere(&'a BTreeSet<Recipient>),
}

/// Adds every age file with its readers: as its rule says, compared with its header, or by the header alone.
pub(super) fn age_files(root: &Path, keys: &Keys, expected: Expected<'_>, found: &mut Found) {
    let none = BTreeMap::new();
    let (rules, everywhere) = match expected {
        Expected::Rules(rules) => (rules, None),
        Expected::Everywhere(keys) => (&none, Some(keys)),
    };
    let known: BTreeSet<Recipient> =
        keys.all().into_iter().chain(found.hosts.values().flat_map(|host| host.recipients.clone())).collect();
    for path in tree::files(root) {
        let Some(header) = tree::bytes(root, &path).and_then(|bytes| Header::read(&bytes)) else { continue };
        let mut file = StoreFile::whole(Body::Age);
        let compared = match rules.get(&path) {
            Some(expected) if !expected.is_empty() => header.compare(expected),
            _ => header.named(&known, everywhere.unwrap_or(&BTreeSet::new())),
        };
        if !compared.missing.is_empty() {
            let message = format!(
                "`{}` is not encrypted to {} of the keys that its rule names",
                path.display(),
                compared.missing.len()
            );
            found.problem_at(Severity::Note, "import::rule_differs", message, &path);
        }
        if !rules.is_empty() && !rules.contains_key(&path) {
            let message = format!("no rule names `{}`", path.display());
            found.problem_at(Severity::Note, "import::no_rule", message, &path);
        }
        file.readers = compared.readers;
        file.unnamed = compared.unnamed;
        found.files.insert(path, file);
    }
    for path in rules.keys().filter(|path| !found.files.contains_key(*path)).cloned().collect::<Vec<_>>() {
        let message = format!("a rule names `{}`, which does not exist", path.display());
        found.problem_at(Severity::Warning, "import::missing_file", message, &path);
    }
}
