//! What every host should have: policy asked about every secret, with revisions from the ledgers.

use std::collections::BTreeMap;
use std::collections::BTreeSet;

use rayon::prelude::*;

use crate::crypto::Digest;
use crate::fleet::Host;
use crate::manifest::GrantedServices;
use crate::name::HostName;
use crate::name::SecretName;
use crate::ops::workspace::Workspace;
use crate::policy::Grant;
use crate::policy::Services;
use crate::store::Wanted;
use crate::store::WantedGrant;

/// Which value of a secret is the current one.
#[derive(Clone, Copy, Debug)]
pub(super) struct Value {
    /// Its number.
    pub(super) revision: u64,
    /// Digest of the ledger line that made it.
    pub(super) line_sha256: Digest,
}

/// Asks policy about every pair of a host that is sealed for in `hosts` and a secret in `values`.
pub(super) fn wanted(
    ws: &Workspace,
    hosts: &BTreeSet<HostName>,
    values: &BTreeMap<SecretName, Value>,
) -> Vec<Wanted> {
    let in_use: Vec<(&HostName, &Host)> = ws
        .fleet
        .hosts
        .iter()
        .filter(|(name, _)| ws.policy.seals_for(name) && hosts.contains(*name))
        .collect();
    in_use.par_iter().map(|(name, host)| of_host(ws, name, host, values)).collect()
}

fn of_host(ws: &Workspace, name: &HostName, host: &Host, values: &BTreeMap<SecretName, Value>) -> Wanted {
    let mut grants = BTreeMap::new();
    for (secret, value) in values {
        if let Some(grant) = ws.policy.grant(secret, name, ws.settings.now) {
            grants.insert(secret.clone(), to_wanted(grant, *value));
        }
    }
    Wanted { host: name.clone(), recipients: host.recipients.clone(), grants }
}

fn to_wanted(grant: Grant, value: Value) -> WantedGrant {
    let services = match grant.services {
        Services::All => GrantedServices::All,
        Services::Only(services) => GrantedServices::Only(services),
    };
    WantedGrant {
        revision: value.revision,
        line_sha256: value.line_sha256,
        services,
        not_after: grant.not_after,
    }
}

/// Hosts that are sealed for and that policy lets read one secret.
pub(super) fn readers(ws: &Workspace, secret: &SecretName) -> BTreeSet<HostName> {
    let in_use = ws.fleet.hosts.keys().filter(|name| ws.policy.seals_for(name));
    in_use.filter(|name| ws.policy.grant(secret, name, ws.settings.now).is_some()).cloned().collect()
}
