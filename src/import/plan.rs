//! What follows from what was found: entries of the fleet, rules, declarations, and what should be looked at.

mod lessons;
mod names;
mod people;

use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::path::PathBuf;

use super::declare;
use super::declare::Named;
use super::found::Body;
use super::found::Found;
use super::found::StoreFile;
use super::found::Tool;
use super::found::Use;
use super::rules;
use super::rules::Needed;
use super::ssh_to_age;
use crate::crypto::Recipient;
use crate::diag::Finding;
use crate::fleet::Admin;
use crate::fleet::Fleet;
use crate::fleet::Host;
use crate::fleet::HostState;
use crate::name::AdminName;
use crate::name::HostName;
use crate::name::SecretName;
use crate::name::ServiceName;
use names::Names;

/// What the person says besides.
#[derive(Clone, Debug, Default)]
pub struct Wishes {
    /// Keys of hosts, which count instead of those that were found.
    pub hosts: BTreeMap<HostName, BTreeSet<Recipient>>,
    /// Who imports: an editor of everything that they bring.
    pub importer: Option<AdminName>,
    /// People who were found and may open every secret, new ones too.
    pub confirmed: BTreeSet<AdminName>,
    /// Whether the fleet begins with this.
    pub fleet: NewFleet,
}

/// Whether a fleet is new: then it has no secrets yet that somebody could open who should not.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum NewFleet {
    /// It begins with the import.
    Yes,
    /// It was there.
    #[default]
    No,
}

/// A SOPS file that stays where it lies.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct PlannedDocument {
    /// What the names of its secrets begin with.
    pub prefix: String,
    /// Where it lies, relative to the repository.
    pub path: PathBuf,
    /// Whether the whole file is one secret.
    pub whole: bool,
    /// Hosts that need every key of it, and are its recipients.
    pub direct: BTreeSet<HostName>,
    /// Everybody else who can open it.
    pub legacy: BTreeSet<Recipient>,
}

/// A value under the name that it will have.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct PlannedSecret {
    /// The file that holds it.
    pub file: PathBuf,
    /// Its key; empty for a whole file.
    pub key: Vec<String>,
    /// How the file holds it.
    pub body: Body,
    /// Hosts that could open it.
    pub openers: BTreeSet<HostName>,
    /// Keys of others that could open it.
    pub readers: BTreeSet<Recipient>,
    /// Admins whose files it is in; none where nothing tells.
    pub editors: BTreeSet<AdminName>,
}

/// Pairs of a host and a value.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq, serde::Serialize)]
pub struct Pairs {
    /// Declared on hosts that can open them today.
    pub needed: usize,
    /// Declared on hosts that cannot open them today.
    pub waiting: usize,
    /// That somebody's key can open today, needed or not.
    pub decryptable: usize,
}

/// The whole plan.
#[derive(Clone, Debug)]
pub struct Plan {
    /// Hosts to add, or to complete.
    pub hosts: BTreeMap<HostName, Host>,
    /// Admins to add.
    pub admins: BTreeMap<AdminName, Admin>,
    /// Recovery recipients to add.
    pub recovery: BTreeSet<Recipient>,
    /// Confirmed as admins, and called so by nothing in the repository; and everybody who could have been.
    pub unknown: (BTreeSet<AdminName>, BTreeSet<AdminName>),
    /// Documents to add.
    pub documents: Vec<PlannedDocument>,
    /// Every value by its name.
    pub secrets: BTreeMap<SecretName, PlannedSecret>,
    /// Who needs what.
    pub needed: Needed,
    /// Rules that grant exactly that.
    pub rules: String,
    /// Declarations by host.
    pub declarations: BTreeMap<HostName, String>,
    /// How much is needed, and how much is open today.
    pub pairs: Pairs,
    /// What should be looked at.
    pub findings: Vec<Finding>,
}

impl Plan {
    /// Plans for a fleet as it is now; a new one has nobody but the first admin.
    pub fn of(found: &Found, wishes: &Wishes, fleet: &Fleet) -> Self {
        let mut found = found.clone();
        declared_or_open(&mut found);
        let people = people::settle(&found, wishes, fleet);
        let active = fleet.active_admins().map(|(name, admin)| (name, &admin.recipients));
        let editors: BTreeMap<&AdminName, &BTreeSet<Recipient>> =
            active.chain(people.admins.iter().map(|(name, admin)| (name, &admin.recipients))).collect();
        let names = Names::new(&found);
        let secrets = secrets(&found, &names, &editors, wishes);
        let uses = named_uses(&found, &secrets);
        let needed = needed(&found, &uses, &secrets);
        let hosts = hosts(&found, wishes, &needed);
        let documents = documents(&found, &names, &secrets, &needed, &hosts);
        let all_hosts: BTreeSet<HostName> = hosts.keys().chain(fleet.hosts.keys()).cloned().collect();
        let of_people = people::unknown(&found, fleet)
            .into_iter()
            .chain(people.findings)
            .chain(ssh_to_age::question(&found, wishes))
            .collect();
        let findings = lessons::findings(&found, &secrets, &uses, &names, (fleet, of_people));
        let declarations = hosts.keys().filter_map(|host| {
            let own: Vec<Named<'_>> = uses
                .iter()
                .filter(|(one, _)| one.host == *host)
                .map(|(one, secret)| Named { one, secret })
                .collect();
            (!own.is_empty()).then(|| (host.clone(), declare::text(&found, host, &own)))
        });
        Self {
            declarations: declarations.collect(),
            rules: rules::rules(&needed, &all_hosts),
            pairs: pairs(&found, &uses),
            hosts,
            admins: people.admins,
            recovery: people.recovery,
            unknown: (people.unknown, people.named),
            documents,
            secrets,
            needed,
            findings,
        }
    }

    /// Rules about who edits what, where it is not just those who need not be named.
    pub fn editor_rules(&self, all: &BTreeSet<AdminName>) -> String {
        let mut groups: BTreeMap<BTreeSet<AdminName>, Vec<String>> = BTreeMap::new();
        for (name, secret) in &self.secrets {
            if !secret.editors.is_empty() && secret.editors != *all {
                groups.entry(secret.editors.clone()).or_default().push(name.to_string());
            }
        }
        let rule = |(editors, names): (&BTreeSet<AdminName>, &Vec<String>)| {
            let editors: Vec<String> = editors.iter().map(|name| format!("\"{name}\"")).collect();
            format!("editors({}, [{}]);\n", rules::list(names.iter().cloned()), editors.join(", "))
        };
        groups.iter().map(rule).collect()
    }
}

/// Where nothing at all is declared, hosts keep what they can open: nothing better is known.
fn declared_or_open(found: &mut Found) {
    if !found.uses.is_empty() || found.hosts.is_empty() {
        return;
    }
    let mut uses = Vec::new();
    for (path, file) in &found.files {
        for host in found.openers(file) {
            for key in &file.keys {
                uses.push(Use {
                    host: host.clone(),
                    label: String::new(),
                    file: path.clone(),
                    key: key.clone(),
                    owner: "root".to_owned(),
                    group: "root".to_owned(),
                    mode: "0400".to_owned(),
                    path: None,
                    restart: Vec::new(),
                    reload: Vec::new(),
                    needed_for_users: false,
                    services: BTreeSet::new(),
                });
            }
        }
    }
    if !uses.is_empty() {
        let message = "no declaration was found, so hosts keep what they can open today".to_owned();
        found.problem(crate::diag::Severity::Warning, "import::nothing_declared", message).help =
            Some("take rules out of the policy that nobody needs, then run `secretctl seal`".to_owned());
    }
    found.uses = uses;
}

fn secrets(
    found: &Found,
    names: &Names,
    admins: &BTreeMap<&AdminName, &BTreeSet<Recipient>>,
    wishes: &Wishes,
) -> BTreeMap<SecretName, PlannedSecret> {
    let mut secrets = BTreeMap::new();
    for (path, file) in &found.files {
        let openers = openers(found, path, file);
        let readers: BTreeSet<Recipient> = file
            .readers
            .iter()
            .filter(|key| found.host_of(key).is_none() && !found.shared.contains_key(key))
            .cloned()
            .collect();
        let opens = |keys: &BTreeSet<Recipient>| keys.iter().any(|key| file.readers.contains(key));
        // A document has one set of readers, those of values that come later included: who else opens it stays until it
        // is settled.
        let opened = admins.iter().filter(|(_, keys)| file.body != Body::Sops && opens(keys));
        let mut editors: BTreeSet<AdminName> = opened.map(|(name, _)| (*name).clone()).collect();
        if !editors.is_empty() {
            editors.extend(wishes.importer.clone());
        }
        let whole: BTreeSet<Vec<String>> = [Vec::new()].into();
        let keys = if names.whole.contains(path) { &whole } else { &file.keys };
        for key in keys {
            let Some(name) = names.of(path, key) else { continue };
            let secret = PlannedSecret {
                file: path.clone(),
                key: key.clone(),
                body: file.body,
                openers: openers.clone(),
                readers: readers.clone(),
                editors: editors.clone(),
            };
            secrets.entry(name).or_insert(secret);
        }
    }
    secrets
}

/// Hosts that can open a file; where a tool makes copies for hosts, those that declare it.
fn openers(found: &Found, path: &PathBuf, file: &StoreFile) -> BTreeSet<HostName> {
    if matches!(found.tool, Tool::AgenixRekey | Tool::Vaultix) {
        return found.uses.iter().filter(|one| one.file == *path).map(|one| one.host.clone()).collect();
    }
    found.openers(file)
}

/// Every declaration of a value that exists, with its name.
fn named_uses(found: &Found, secrets: &BTreeMap<SecretName, PlannedSecret>) -> Vec<(Use, SecretName)> {
    let by_place: BTreeMap<(&PathBuf, &Vec<String>), &SecretName> =
        secrets.iter().map(|(name, secret)| ((&secret.file, &secret.key), name)).collect();
    let mut uses: Vec<(Use, SecretName)> = Vec::new();
    for one in &found.uses {
        if let Some(name) = by_place.get(&(&one.file, &one.key)) {
            uses.push((one.clone(), (*name).clone()));
        }
    }
    for template in &found.templates {
        let service = declare::service_of(&template.services).cloned().unwrap_or_else(ServiceName::system);
        let content = template.content.as_deref().unwrap_or_default();
        for (placeholder, label) in &template.placeholders {
            let in_it = |one: &&mut (Use, SecretName)| one.0.host == template.host && one.0.label == *label;
            if content.contains(placeholder.as_str()) {
                for (one, _) in uses.iter_mut().filter(|one| in_it(one)) {
                    one.services.insert(service.clone());
                }
            }
        }
    }
    uses
}

fn needed(
    found: &Found,
    uses: &[(Use, SecretName)],
    secrets: &BTreeMap<SecretName, PlannedSecret>,
) -> Needed {
    let mut needed: Needed = secrets.keys().map(|name| (name.clone(), BTreeMap::new())).collect();
    for (one, name) in uses.iter().filter(|(one, _)| found.hosts.contains_key(&one.host)) {
        let services = needed.entry(name.clone()).or_default().entry(one.host.clone()).or_default();
        if one.services.is_empty() || one.needed_for_users {
            services.insert(ServiceName::system());
        }
        services.extend(one.services.iter().cloned());
    }
    needed
}

fn hosts(found: &Found, wishes: &Wishes, needed: &Needed) -> BTreeMap<HostName, Host> {
    let mut hosts = BTreeMap::new();
    let named = wishes.hosts.keys().filter(|name| !found.hosts.contains_key(*name));
    for name in found.hosts.keys().chain(named) {
        let known = found.hosts.get(name).cloned().unwrap_or_default();
        let recipients = wishes.hosts.get(name).cloned().unwrap_or(known.recipients);
        let own = needed.values().filter_map(|by_host| by_host.get(name)).flatten();
        let services: BTreeSet<ServiceName> =
            own.filter(|service| service.as_str() != ServiceName::SYSTEM).cloned().collect();
        if recipients.is_empty() && !known.declares && !found.unread.contains(name) {
            continue;
        }
        let state = if recipients.is_empty() { HostState::Pending } else { HostState::Active };
        hosts.insert(
            name.clone(),
            Host { recipients, system: known.system, services, state, ..Host::default() },
        );
    }
    hosts
}

fn documents(
    found: &Found,
    names: &Names,
    secrets: &BTreeMap<SecretName, PlannedSecret>,
    needed: &Needed,
    hosts: &BTreeMap<HostName, Host>,
) -> Vec<PlannedDocument> {
    let sops = found.files.iter().filter(|(_, file)| file.body == Body::Sops);
    let document = |(path, file): (&PathBuf, &StoreFile)| {
        let own: Vec<&SecretName> =
            secrets.iter().filter(|(_, secret)| secret.file == *path).map(|(name, _)| name).collect();
        let needs_all = |host: &HostName| {
            own.iter().all(|name| needed.get(*name).is_some_and(|by| by.contains_key(host)))
        };
        let direct: BTreeSet<HostName> = hosts
            .iter()
            .filter(|(name, host)| {
                !own.is_empty()
                    && host.recipients.iter().any(|key| file.readers.contains(key))
                    && needs_all(name)
            })
            .map(|(name, _)| name.clone())
            .collect();
        let kept: BTreeSet<&Recipient> =
            direct.iter().filter_map(|name| hosts.get(name)).flat_map(|host| &host.recipients).collect();
        let legacy = file.readers.iter().filter(|key| !kept.contains(key)).cloned().collect();
        Some(PlannedDocument {
            prefix: names.prefixes.get(path)?.clone(),
            path: path.clone(),
            whole: names.whole.contains(path),
            direct,
            legacy,
        })
    };
    sops.filter_map(document).collect()
}

/// Counts pairs as they are today.
fn pairs(found: &Found, uses: &[(Use, SecretName)]) -> Pairs {
    let mut pairs = Pairs::default();
    for (path, file) in &found.files {
        pairs.decryptable += openers(found, path, file).len() * file.keys.len();
    }
    let wanted: BTreeSet<(&HostName, &PathBuf, &SecretName)> =
        uses.iter().map(|(one, name)| (&one.host, &one.file, name)).collect();
    for (host, path, _) in wanted {
        let opens = found.files.get(path).is_some_and(|file| openers(found, path, file).contains(host));
        if opens { pairs.needed += 1 } else { pairs.waiting += 1 }
    }
    pairs
}
