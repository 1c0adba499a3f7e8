//! Completes what an interrupted command left: values that stand in their sources, while hosts have what was before.
//!
//! A command writes the source of a value and its ledger line as one change, and seals in a second one. Killed between
//! the two, it is repeated, finds the value in place, and has nothing to write; the sealing is still to be done.

use std::collections::BTreeMap;
use std::collections::BTreeSet;

use crate::diag::Finding;
use crate::fsx::FsError;
use crate::name::HostName;
use crate::name::SecretName;
use crate::ops::error::OpsError;
use crate::ops::seal::Compared;
use crate::ops::seal::Scope;
use crate::ops::seal::compare;
use crate::ops::seal::seal_locked;
use crate::ops::workspace::Workspace;
use crate::store::Drift;
use crate::store::TreeState;

/// What was left to seal.
#[derive(Debug, Default)]
pub(super) struct Settled {
    /// Hosts that lacked a value, or still had one that is gone.
    pub(super) hosts: BTreeSet<HostName>,
    /// Why they still do, where they do.
    pub(super) unsealed: Option<Finding>,
}

/// Seals what is left of these secrets, and tells the person. Takes the lock only where something is.
pub(super) fn settle(ws: &Workspace, secrets: &BTreeSet<SecretName>) -> Result<Settled, OpsError> {
    let left = left(ws, secrets)?;
    let hosts: BTreeSet<HostName> = left.values().flatten().cloned().collect();
    if hosts.is_empty() {
        return Ok(Settled::default());
    }
    let lock = ws.lock()?;
    let unsealed = left.into_iter().find_map(|(secret, hosts)| {
        let scope = Scope::of_one(&secret, &hosts);
        seal_locked(ws, &lock, &scope, None, &BTreeMap::new()).err()
    });
    if unsealed.is_none() {
        let names: Vec<&str> = hosts.iter().map(HostName::as_str).collect();
        ws.settings.prompt.tell(&format!("sealed for {}, which an earlier run had left", names.join(", ")));
    }
    Ok(Settled { hosts, unsealed: unsealed.map(|error| Finding::from_failure(&error)) })
}

/// The hosts whose sealed trees are not what the current values of these secrets ask for, by secret. Trees that must
/// be made anew are left out, unless there is none yet: only a full seal makes those.
pub(super) fn left(
    ws: &Workspace,
    secrets: &BTreeSet<SecretName>,
) -> Result<BTreeMap<SecretName, BTreeSet<HostName>>, FsError> {
    let (there, gone): (BTreeSet<SecretName>, BTreeSet<SecretName>) =
        secrets.iter().cloned().partition(|secret| ws.layout.has_source(secret));
    // Others have findings of their own, and are never sealed.
    let vouched = ws.layout.read_vouched(&there, &ws.authors());
    let ledgers = vouched.into_iter().filter_map(|(name, ledger)| Some((name, ledger.ok()?))).collect();
    let mut left: BTreeMap<SecretName, BTreeSet<HostName>> = BTreeMap::new();
    for Compared { tree, wanted, plan, .. } in compare(ws, &Scope::default(), &ledgers, &BTreeMap::new())? {
        if plan.renew_identity && !matches!(tree.state, TreeState::Missing) {
            continue;
        }
        let surplus = plan.drift.iter().filter_map(|drift| match drift {
            Drift::Surplus(secret) if gone.contains(secret) => Some(secret),
            _ => None,
        });
        for secret in plan.seal.iter().chain(surplus) {
            left.entry(secret.clone()).or_default().insert(wanted.host.clone());
        }
    }
    Ok(left)
}
