//! What each host once had and must not keep: the signed list from which hosts remove plaintext.

use std::collections::BTreeMap;
use std::collections::BTreeSet;

use crate::crypto::Digest;
use crate::ledger::VerifiedLedger;
use crate::manifest::GrantedServices;
use crate::manifest::Manifest;
use crate::manifest::Revoked;
use crate::name::HostName;
use crate::name::SecretName;
use crate::name::ServiceName;
use crate::store::Wanted;

/// The current value of every secret, and which hosts ever had a copy of it.
pub(super) struct Known<'a> {
    values: BTreeMap<&'a SecretName, Digest>,
    hosts: BTreeMap<HostName, BTreeSet<&'a SecretName>>,
}

impl<'a> Known<'a> {
    /// Reads it off ledgers that hold.
    pub(super) fn of(ledgers: &'a BTreeMap<SecretName, VerifiedLedger>) -> Self {
        let mut known = Self { values: BTreeMap::new(), hosts: BTreeMap::new() };
        for (name, ledger) in ledgers {
            let (Some(line), Some(value)) = (ledger.value_line(), ledger.current_value()) else { continue };
            known.values.insert(name, line);
            for host in value.hosts.keys() {
                known.hosts.entry((*host).clone()).or_default().insert(name);
            }
        }
        known
    }

    /// What a host may no longer read of the values in use, also where only some of its services lost it.
    ///
    /// An entry stays until the value is rotated. With `only`, what the manifest says of other secrets stays.
    pub(super) fn revoked(
        &self,
        wanted: &Wanted,
        before: Option<&Manifest>,
        only: Option<&SecretName>,
    ) -> BTreeMap<SecretName, Revoked> {
        let entries = self.values.iter().filter_map(|(name, line)| {
            let services = match wanted.grants.get(*name) {
                Some(grant) => lost_services(name, *line, &grant.services, before?)?,
                None => self.hosts.get(&wanted.host)?.contains(name).then_some(GrantedServices::All)?,
            };
            Some(((*name).clone(), Revoked { name: (*name).clone(), line_sha256: *line, services }))
        });
        let mut revoked: BTreeMap<SecretName, Revoked> = entries.collect();
        // What nothing new can be said about stays: other secrets, and those whose ledger is gone or does not hold.
        let settled = |name: &SecretName| only.is_none_or(|only| only == name);
        revoked.retain(|name, _| settled(name));
        let stays = |name: &SecretName| !settled(name) || !self.values.contains_key(name);
        let kept = before.into_iter().flat_map(|before| &before.revoked).filter(|(name, _)| stays(name));
        revoked.extend(kept.map(|(name, entry)| (name.clone(), entry.clone())));
        revoked
    }
}

/// Services that could read this very value and that the grant does not name; none is nobody.
fn lost_services(
    name: &SecretName,
    line: Digest,
    granted: &GrantedServices,
    before: &Manifest,
) -> Option<GrantedServices> {
    let GrantedServices::Only(granted) = granted else { return None };
    let entry = before.secrets.get(name).filter(|entry| entry.line_sha256 == line);
    let listed = before.revoked.get(name).filter(|entry| entry.line_sha256 == line);
    let had = entry.map(|entry| &entry.services).into_iter().chain(listed.map(|entry| &entry.services));
    let mut lost: BTreeSet<ServiceName> = BTreeSet::new();
    for services in had {
        match services {
            GrantedServices::Only(services) => lost.extend(services.iter().cloned()),
            // A service that reads under its own name is told by the grant; every other one lost it.
            GrantedServices::All => return Some(GrantedServices::All),
        }
    }
    lost.retain(|service| !granted.contains(service));
    (!lost.is_empty()).then_some(GrantedServices::Only(lost))
}
