//! What every host should have: policy asked about every secret, with revisions from the ledgers.

use std::collections::BTreeMap;
use std::collections::BTreeSet;

use jiff::Timestamp;
use rayon::prelude::*;

use crate::crypto::Digest;
use crate::fleet::Host;
use crate::manifest::GrantedServices;
use crate::name::HostName;
use crate::name::SecretName;
use crate::ops::workspace::Workspace;
use crate::policy::Denial;
use crate::policy::DenialReason;
use crate::policy::Grant;
use crate::policy::Services;
use crate::store::Denied;
use crate::store::Wanted;
use crate::store::WantedGrant;

/// Which value of a secret is the current one.
#[derive(Clone, Copy, Debug)]
pub(super) struct Value {
    /// Its number.
    pub(super) revision: u64,
    /// Digest of the ledger line that made it.
    pub(super) line_sha256: Digest,
    /// When it was made.
    pub(super) since: Timestamp,
}

/// What a host should have, and why it should not have the rest.
pub(super) struct Due {
    pub(super) wanted: Wanted,
    pub(super) denied: BTreeSet<Denied>,
}

/// Asks policy about every pair of a host that is sealed for in `hosts` and a secret in `values`.
pub(super) fn wanted(
    ws: &Workspace,
    hosts: &BTreeSet<HostName>,
    values: &BTreeMap<SecretName, Value>,
) -> Vec<Due> {
    let in_use: Vec<(&HostName, &Host)> = ws
        .fleet
        .hosts
        .iter()
        .filter(|(name, _)| ws.policy.seals_for(name) && hosts.contains(*name))
        .collect();
    in_use.par_iter().map(|(name, host)| of_host(ws, name, host, values)).collect()
}

fn of_host(ws: &Workspace, name: &HostName, host: &Host, values: &BTreeMap<SecretName, Value>) -> Due {
    let mut grants = BTreeMap::new();
    let mut denied = BTreeSet::new();
    for (secret, value) in values {
        let verdict = ws.policy.verdict(secret, name, ws.settings.now);
        let grant = verdict.grant.and_then(|grant| while_kept(ws, secret, value, grant));
        grants.extend(grant.map(|grant| (secret.clone(), to_wanted(grant, *value))));
        denied.extend(verdict.denials.into_iter().map(|denial| to_denied(secret, denial)));
    }
    let (recipients, revoked) = (host.recipients.clone(), BTreeMap::new());
    Due { wanted: Wanted { host: name.clone(), recipients, grants, revoked }, denied }
}

/// The grant of a value that is kept beside a newer one ends with the time for which it is kept.
fn while_kept(ws: &Workspace, secret: &SecretName, value: &Value, grant: Grant) -> Option<Grant> {
    let Some(companion) = ws.policy.companion(secret) else { return Some(grant) };
    let end = value.since.checked_add(companion.stays).ok()?;
    let not_after = grant.not_after.map_or(end, |ends| ends.min(end));
    (end >= ws.settings.now).then_some(Grant { not_after: Some(not_after), ..grant })
}

/// Why a host does not get some of these secrets.
pub(super) fn denied<'s>(
    ws: &Workspace,
    host: &HostName,
    secrets: impl IntoIterator<Item = &'s SecretName>,
) -> BTreeSet<Denied> {
    let of_one = |secret: &'s SecretName| {
        let denials = ws.policy.verdict(secret, host, ws.settings.now).denials;
        denials.into_iter().map(move |denial| to_denied(secret, denial))
    };
    secrets.into_iter().flat_map(of_one).collect()
}

fn to_denied(secret: &SecretName, denial: Denial) -> Denied {
    Denied {
        secret: secret.clone(),
        reason: denial.reason.to_string(),
        rule: denial.rule.place.to_string(),
        because: denial.rule.because.clone(),
        services: match denial.services {
            Services::All => None,
            Services::Only(services) => Some(services),
        },
        detail: match denial.reason {
            DenialReason::Failed(error) => Some(error),
            DenialReason::Ended(at) => Some(format!("it ended at {at}")),
            _ => None,
        },
    }
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
