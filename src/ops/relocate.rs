//! Removes and renames secrets; their history stays.

use std::collections::BTreeMap;
use std::collections::BTreeSet;

use serde::Serialize;

use crate::diag::Finding;
use crate::ledger;
use crate::ledger::Event;
use crate::name::HostName;
use crate::name::SecretName;
use crate::ops::adopt::removed;
use crate::ops::error::OpsError;
use crate::ops::public;
use crate::ops::put::refuse_case_clash;
use crate::ops::seal::Scope;
use crate::ops::seal::seal_locked;
use crate::ops::seal::settle_reasons;
use crate::ops::settle::Settled;
use crate::ops::settle::settle;
use crate::ops::wanted::readers;
use crate::ops::workspace::Author;
use crate::ops::workspace::Workspace;
use crate::ops::workspace::WriteLock;
use crate::ops::writing::Writing;
use crate::ops::writing::Written;
use crate::secret::SecretBytes;
use crate::store::Layout;
use crate::store::Source;
use crate::store::StoreError;

/// What `rm` and `mv` did.
#[derive(Clone, Debug, Serialize)]
pub struct RelocateReport {
    /// Version of this schema.
    pub version: u32,
    /// The secret that is gone.
    pub secret: SecretName,
    /// Its new name, if it has one.
    pub to: Option<SecretName>,
    /// Hosts whose sealed tree changed.
    pub hosts: BTreeSet<HostName>,
    /// Why sealing did not finish, where it did not.
    pub unsealed: Option<Finding>,
}

/// Removes a secret: its source and every sealed copy. The ledger stays and says who knew the last value.
pub fn remove(ws: &Workspace, secret: &SecretName) -> Result<RelocateReport, OpsError> {
    let author = ws.author()?;
    let lock = ws.lock()?;
    let ledger = ws.layout.read_ledger(secret, &ws.authors())?;
    if !ws.layout.has_source(secret) && ledger.current().is_none() {
        drop(lock);
        return settled(ws, secret, None);
    }
    let hosts = ledger.head().map(|head| head.hosts.clone()).unwrap_or_default();
    let mut writing = Writing::new(ws);
    writing.remove(secret)?;
    let mut change = ws.change(&lock)?;
    if ledger.current().is_some() {
        let ledger = removed(ws, &author, secret, ledger)?;
        change.write(Layout::ledger(secret), ledger.bytes())?;
    }
    public::stage(ws, secret, None, &mut change)?;
    writing.commit(&author, change)?;
    let unsealed = reseal(ws, &lock, &author, &hosts, &[secret], &BTreeMap::new());
    Ok(RelocateReport { version: 1, secret: secret.clone(), to: None, hosts, unsealed })
}

/// Gives a secret another name; value, revision and history go with it. Copies follow the policy of the new name.
pub fn rename(ws: &Workspace, from: &SecretName, to: &SecretName) -> Result<RelocateReport, OpsError> {
    let author = ws.author()?;
    let lock = ws.lock()?;
    if from == to {
        return Err(OpsError::SameName { secret: to.clone() });
    }
    if !ws.layout.has_source(from) && came_from(ws, to, from)? {
        drop(lock);
        return settled(ws, from, Some(to));
    }
    let source = ws.layout.read_source(from, &ws.authors())?;
    if ws.layout.has_source(to) {
        return Err(OpsError::SecretExists { secret: to.clone() });
    }
    if !ws.layout.read_ledger(to, &ws.authors())?.lines().is_empty() {
        return Err(OpsError::SecretRemoved { secret: to.clone() });
    }
    if !from.as_str().eq_ignore_ascii_case(to.as_str()) {
        refuse_case_clash(ws, to)?;
    }
    let value = source.open(ws.identities()?)?;
    let (before, after) = (source.hosts(), readers(ws, to));
    let mut writing = Writing::new(ws);
    let Written { key, recipients, source_sha256 } = moved(ws, &mut writing, &source, (to, &value))?;
    let mut ledger = source.ledger;
    let entry = ledger::Entry {
        event: Event::Moved,
        key,
        source_sha256: Some(source_sha256),
        recipients,
        hosts: after.clone(),
        above: 0,
        value: None,
    };
    ledger.append(to, entry, author.at(ws.settings.now)).map_err(StoreError::from)?;
    let mut change = ws.change(&lock)?;
    public::stage_move(ws, from, to, &mut change)?;
    change.write(Layout::ledger(to), ledger.bytes())?;
    change.remove(Layout::ledger(from))?;
    writing.commit(&author, change)?;
    let hosts: BTreeSet<HostName> = before.union(&after).cloned().collect();
    let known = BTreeMap::from([(to.clone(), &value)]);
    let unsealed = reseal(ws, &lock, &author, &hosts, &[from, to], &known);
    Ok(RelocateReport { version: 1, secret: from.clone(), to: Some(to.clone()), hosts, unsealed })
}

/// Whether a secret had the other name before its last line.
fn came_from(ws: &Workspace, to: &SecretName, from: &SecretName) -> Result<bool, OpsError> {
    let ledger = ws.layout.read_ledger(to, &ws.authors())?;
    Ok(match ledger.lines() {
        [.., before, moved] => moved.event == Event::Moved && before.secret == *from,
        _ => false,
    })
}

/// Seals what a run before this one has left to do; where that is nothing, there is no such secret.
fn settled(ws: &Workspace, secret: &SecretName, to: Option<&SecretName>) -> Result<RelocateReport, OpsError> {
    let names = std::iter::once(secret).chain(to).cloned().collect();
    let Settled { hosts, unsealed } = settle(ws, &names)?;
    if hosts.is_empty() {
        return Err(ws.layout.unknown(secret).into());
    }
    Ok(RelocateReport { version: 1, secret: secret.clone(), to: to.cloned(), hosts, unsealed })
}

/// Puts a value at its new name and takes it away from the old one; between files, ciphertext stays where it can.
fn moved(
    ws: &Workspace,
    writing: &mut Writing<'_>,
    source: &Source,
    (to, value): (&SecretName, &SecretBytes),
) -> Result<Written, OpsError> {
    // Another name may have other editors.
    let recipients = ws.source_recipients(to)?;
    let written = match source.file().filter(|_| recipients == source.recipients()) {
        Some(ciphertext) if writing.document_of(to)?.is_none() => writing.keep(to, ciphertext, recipients),
        _ => writing.put(to, value)?,
    };
    writing.remove(&source.name)?;
    Ok(written)
}

/// Brings the copies of `secrets` in line on the hosts that had or get one; the trees of hosts that are not sealed
/// for go with the next full seal.
fn reseal(
    ws: &Workspace,
    lock: &WriteLock,
    author: &Author,
    hosts: &BTreeSet<HostName>,
    secrets: &[&SecretName],
    known: &BTreeMap<SecretName, &SecretBytes>,
) -> Option<Finding> {
    let hosts: BTreeSet<HostName> = hosts.iter().filter(|host| ws.policy.seals_for(host)).cloned().collect();
    let one = |secret: &&SecretName| {
        if hosts.is_empty() {
            return settle_reasons(ws, lock, secret).err().map(|error| Finding::from_failure(&error));
        }
        let scope = Scope::of_one(secret, &hosts);
        match seal_locked(ws, lock, &scope, Some(author), known) {
            Ok(report) => report.stopped(),
            Err(error) => Some(Finding::from_failure(&error)),
        }
    };
    secrets.iter().find_map(one)
}
