//! What every host should have: policy asked about every secret, with revisions from the ledgers.

use std::collections::BTreeMap;
use std::collections::BTreeSet;

use rayon::prelude::*;

use crate::fleet::Host;
use crate::manifest::GrantedServices;
use crate::name::HostName;
use crate::name::SecretName;
use crate::ops::workspace::Workspace;
use crate::policy::Grant;
use crate::policy::Services;
use crate::store::Wanted;
use crate::store::WantedGrant;

/// Asks policy about every pair of an active host in `hosts` and a secret in `revisions`.
pub(super) fn wanted(
    ws: &Workspace,
    hosts: &BTreeSet<HostName>,
    revisions: &BTreeMap<SecretName, u64>,
) -> Vec<Wanted> {
    let active: Vec<(&HostName, &Host)> =
        ws.fleet.hosts.iter().filter(|(name, host)| host.is_sealed() && hosts.contains(*name)).collect();
    active.par_iter().map(|(name, host)| of_host(ws, name, host, revisions)).collect()
}

fn of_host(ws: &Workspace, name: &HostName, host: &Host, revisions: &BTreeMap<SecretName, u64>) -> Wanted {
    let mut grants = BTreeMap::new();
    for (secret, revision) in revisions {
        if let Some(grant) = ws.policy.grant(secret, name, ws.settings.now) {
            grants.insert(secret.clone(), to_wanted(grant, *revision));
        }
    }
    Wanted { host: name.clone(), recipients: host.recipients.clone(), grants }
}

fn to_wanted(grant: Grant, revision: u64) -> WantedGrant {
    let services = match grant.services {
        Services::All => GrantedServices::All,
        Services::Only(services) => GrantedServices::Only(services),
    };
    WantedGrant { revision, services, not_after: grant.not_after }
}

/// Active hosts that policy lets read one secret.
pub(super) fn readers(ws: &Workspace, secret: &SecretName) -> BTreeSet<HostName> {
    let active = ws.fleet.hosts.iter().filter(|(_, host)| host.is_sealed());
    let granted = active.filter(|(name, _)| ws.policy.grant(secret, name, ws.settings.now).is_some());
    granted.map(|(name, _)| name.clone()).collect()
}
