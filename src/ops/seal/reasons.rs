//! `denied.json` of each host, as it is and as it should be.

use std::collections::BTreeMap;
use std::collections::BTreeSet;

use super::outlook::Compared;
use crate::fsx::FsError;
use crate::fsx::Transaction;
use crate::name::HostName;
use crate::name::SecretName;
use crate::ops::error::OpsError;
use crate::ops::wanted::denied;
use crate::ops::workspace::Workspace;
use crate::ops::workspace::WriteLock;
use crate::store::Denied;
use crate::store::Layout;
use crate::store::denied_bytes;
use crate::store::parse_denied;

/// Files that differ from what policy says now, with the bytes that are right; none where the file goes.
pub(in crate::ops) type Reasons = BTreeMap<HostName, Option<Vec<u8>>>;

/// Compares the files of hosts that were looked at as a whole.
pub(in crate::ops) fn reasons(ws: &Workspace, hosts: &[Compared]) -> Result<Reasons, FsError> {
    let mut differing = Reasons::new();
    for Compared { wanted, denied, .. } in hosts {
        let found = ws.layout.read_denied(&wanted.host)?;
        note(&mut differing, &wanted.host, found.as_deref(), denied);
    }
    Ok(differing)
}

/// Compares what is said about one secret, on every host that has a sealed tree or is about to get one.
pub(super) fn reasons_about(
    ws: &Workspace,
    secret: &SecretName,
    getting: &BTreeSet<HostName>,
) -> Result<Reasons, OpsError> {
    let exists = ws.layout.has_source(secret);
    let mut differing = Reasons::new();
    for host in ws.fleet.hosts.keys().filter(|host| ws.policy.seals_for(host)) {
        let sealed = ws.layout.is_sealed(host);
        if !sealed && !getting.contains(host) {
            continue;
        }
        let found = ws.layout.read_denied(host)?;
        let known = match &found {
            None => Some(BTreeSet::new()),
            Some(bytes) => parse_denied(host, bytes),
        };
        let right = match known.filter(|_| sealed) {
            Some(mut all) => {
                all.retain(|one| one.secret != *secret);
                all.extend(denied(ws, host, exists.then_some(secret)));
                all
            }
            // There is nothing to build on, so everything is asked anew.
            None => denied(ws, host, &ws.layout.survey()?.sources),
        };
        note(&mut differing, host, found.as_deref(), &right);
    }
    Ok(differing)
}

fn note(differing: &mut Reasons, host: &HostName, found: Option<&[u8]>, right: &BTreeSet<Denied>) {
    let right = denied_bytes(host, right);
    if right.as_deref() != found {
        differing.insert(host.clone(), right);
    }
}

/// Stages the files that differ.
pub(super) fn stage(reasons: &Reasons, change: &mut Transaction) -> Result<(), FsError> {
    for (host, bytes) in reasons {
        match bytes {
            Some(bytes) => change.write(Layout::denied(host), bytes)?,
            None => change.remove(Layout::denied(host))?,
        }
    }
    Ok(())
}

/// Writes the files that differ, and nothing else: no signature covers them, so no key is needed.
pub(super) fn write(ws: &Workspace, lock: &WriteLock, reasons: &Reasons) -> Result<(), OpsError> {
    let mut change = ws.change(lock)?;
    stage(reasons, &mut change)?;
    Ok(change.commit()?)
}

/// Brings what is said about one secret up to date, where no host may read it and so nothing is sealed.
pub(in crate::ops) fn settle_reasons(
    ws: &Workspace,
    lock: &WriteLock,
    secret: &SecretName,
) -> Result<(), OpsError> {
    let reasons = reasons_about(ws, secret, &BTreeSet::new())?;
    if reasons.is_empty() { Ok(()) } else { write(ws, lock, &reasons) }
}
