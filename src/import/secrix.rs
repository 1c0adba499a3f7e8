//! secrix: secrets bound to services or to the system, each an age file encrypted to people and hosts.

use std::collections::BTreeSet;
use std::path::Path;

use serde_json::Value;

use super::agenix::Expected;
use super::agenix::age_files;
use super::agenix_rekey::host_key;
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
use crate::crypto::Recipient;
use crate::diag::Severity;
use crate::name::HostName;
use crate::name::ServiceName;

/// Describes a repository of secrix.
pub(super) fn read(root: &Path, evaluation: &Evaluation) -> Found {
    let mut found = Found::new(Tool::Secrix);
    let facts = Facts::read(root, evaluation, &mut found);
    declared::hosts(&facts, &mut found);
    let mut keys = Keys::from_nix(root);
    let mut everywhere = BTreeSet::new();
    for (host, own) in &facts.hosts {
        let secrix = declared::at(&own.options, &["secrix"]);
        host_key(root, &facts, host, &secrix["hostPubKey"], &mut found);
        for (person, list) in entries(&secrix["defaultEncryptKeys"]) {
            for key in declared::texts(list).iter().filter_map(|key| key.parse::<Recipient>().ok()) {
                everywhere.insert(key.clone());
                keys.person(key, person.clone());
            }
        }
    }
    age_files(root, &keys, Expected::Everywhere(&everywhere), &mut found);
    keys.settle(root, &mut found);
    for (host, own) in &facts.hosts {
        let secrix = declared::at(&own.options, &["secrix"]);
        bound(&facts, (host, own), &secrix["system"], None, &mut found);
        for (name, service) in entries(&secrix["services"]) {
            let unit = text(&service["systemdService"]).unwrap_or_else(|| name.clone());
            bound(&facts, (host, own), &service["secrets"], Some((name, &unit)), &mut found);
        }
    }
    found
}

/// The secrets of one service, or of the system.
fn bound(
    facts: &Facts,
    (host, own): (&HostName, &HostFacts),
    secrets: &Value,
    service: Option<(&str, &str)>,
    found: &mut Found,
) {
    for (label, secret) in entries(secrets) {
        let Some(file) = facts.relative(declared::at(secret, &["encrypted", "file"])) else {
            let message = format!(
                "`{host}` declares `{label}`, and its file lies outside of the repository or cannot be told"
            );
            found.problem(Severity::Warning, "import::elsewhere", message);
            continue;
        };
        let mut options = secret["decrypted"].clone();
        if let Some(set) = options.as_object_mut() {
            let user = set.remove("user").unwrap_or_default();
            set.insert("owner".to_owned(), user);
        }
        let folder = match service {
            Some((name, _)) => format!("/run/{name}-keys"),
            None => "/run/system-keys".to_owned(),
        };
        let placed = Placed { host, facts: own, options: &options, label, folder: &folder, owner: "root" };
        let mut one = placed.value(file, Vec::new());
        if let Some(unit) = service.and_then(|(_, unit)| unit.parse::<ServiceName>().ok()) {
            one.services = [unit].into();
        }
        found.hosts.entry(host.clone()).or_default().declares = true;
        found.uses.push(one);
    }
}
