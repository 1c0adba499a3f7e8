//! vaultix: sources encrypted to one identity, copies for each host, templates.

use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::path::Path;
use std::path::PathBuf;

use super::agenix::Expected;
use super::agenix::age_files;
use super::agenix_rekey::host_key;
use super::agenix_rekey::public_half;
use super::declared;
use super::declared::Placed;
use super::declared::entries;
use super::declared::text;
use super::eval::Evaluation;
use super::facts::Facts;
use super::facts::HostFacts;
use super::found::Found;
use super::found::Tool;
use super::keys::Keys;
use super::tree;
use crate::name::HostName;

/// Describes a repository of vaultix.
pub(super) fn read(root: &Path, evaluation: &Evaluation) -> Found {
    let mut found = Found::new(Tool::Vaultix);
    let facts = Facts::read(root, evaluation, &mut found);
    declared::hosts(&facts, &mut found);
    let mut keys = Keys::from_nix(root);
    let mut everywhere = BTreeSet::new();
    let flake = declared::at(&facts.flake, &["vaultix"]);
    let identity = facts.relative(&flake["identity"]);
    if let Some(key) = identity.as_ref().and_then(|file| public_half(&tree::text(root, file)?)) {
        keys.person(key.clone(), "vaultix".to_owned());
        everywhere.insert(key);
    }
    found.recovery =
        declared::texts(&flake["extraRecipients"]).iter().filter_map(|key| key.parse().ok()).collect();
    everywhere.extend(found.recovery.iter().cloned());
    for (host, own) in &facts.hosts {
        host_key(
            root,
            &facts,
            host,
            declared::at(&own.options, &["vaultix", "settings", "hostPubkey"]),
            &mut found,
        );
    }
    age_files(root, &keys, Expected::Everywhere(&everywhere), &mut found);
    let folder = folder(&facts);
    for (host, own) in &facts.hosts {
        declarations(&facts, (host, own), &folder, &mut found);
    }
    // Copies for hosts lie in a cache beside the sources.
    let named: Vec<PathBuf> = found.uses.iter().map(|one| one.file.clone()).collect();
    found.files.retain(|path, _| named.contains(path) || path.starts_with(&folder) && !is_cache(path));
    found.files.retain(|path, _| Some(path) != identity.as_ref());
    keys.settle(root, &mut found);
    found
}

/// Where sources lie that name no file.
fn folder(facts: &Facts) -> PathBuf {
    facts
        .relative(declared::at(&facts.flake, &["vaultix", "defaultSecretDirectory"]))
        .unwrap_or_else(|| PathBuf::from("secrets"))
}

fn is_cache(path: &Path) -> bool {
    path.components().any(|part| matches!(part.as_os_str().to_str(), Some("cache" | ".cache" | "renc")))
}

fn declarations(facts: &Facts, (host, own): (&HostName, &HostFacts), folder: &Path, found: &mut Found) {
    let vaultix = declared::at(&own.options, &["vaultix"]);
    let early = declared::texts(&vaultix["beforeUserborn"]);
    let base = text(declared::at(vaultix, &["settings", "decryptedDir"]))
        .unwrap_or_else(|| "/run/vaultix".to_owned());
    for (label, secret) in entries(&vaultix["secrets"]) {
        // The default file may be a copy of it alone in the store.
        let file = facts
            .relative(&secret["file"])
            .filter(|file| found.files.contains_key(file))
            .unwrap_or_else(|| folder.join(format!("{label}.age")));
        let placed = Placed { host, facts: own, options: secret, label, folder: &base, owner: "root" };
        let mut one = placed.value(file, Vec::new());
        one.needed_for_users = early.contains(label);
        found.hosts.entry(host.clone()).or_default().declares = true;
        found.uses.push(one);
    }
    let labels: BTreeMap<String, String> = entries(&vaultix["placeholder"])
        .filter_map(|(label, placeholder)| Some((text(placeholder)?, label.clone())))
        .collect();
    for (name, template) in entries(&vaultix["templates"]) {
        let placed =
            Placed { host, facts: own, options: template, label: name, folder: &base, owner: "root" };
        found.templates.push(placed.template(labels.clone()));
    }
}
