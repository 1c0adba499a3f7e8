//! Brings sealed trees in line with policy and sources, touching only what differs.

mod held;
mod outlook;
mod reasons;
mod revoked;

use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::sync::Mutex;
use std::sync::PoisonError;

use rayon::prelude::*;
use serde::Serialize;

pub use held::Tampered;
pub use held::help as held_help;
pub use outlook::Scope;

pub(super) use held::Held;
pub(super) use held::Unsound;
pub(super) use outlook::Compared;
pub(super) use outlook::Outlook;
pub(super) use outlook::compare;
pub(super) use outlook::readers_changed;
pub(super) use outlook::settle_surplus;
pub(super) use reasons::reasons;
pub(super) use reasons::settle_reasons;

use outlook::look;

use crate::crypto::Digest;
use crate::diag::Finding;
use crate::fleet::HostState;
use crate::fsx::Transaction;
use crate::ledger;
use crate::ledger::Event;
use crate::ledger::VerifiedLedger;
use crate::name::HostName;
use crate::name::SecretName;
use crate::ops::document;
use crate::ops::error::OpsError;
use crate::ops::history::Merging;
use crate::ops::history::committed_serial;
use crate::ops::previous;
use crate::ops::workspace::Author;
use crate::ops::workspace::Workspace;
use crate::ops::workspace::WriteLock;
use crate::secret::SecretBytes;
use crate::store::Drift;
use crate::store::HostPlan;
use crate::store::HostSeal;
use crate::store::Layout;
use crate::store::Signing;
use crate::store::StoreError;
use crate::store::TreeState;

/// What a seal did, or would do.
#[derive(Clone, Debug, Default, Serialize)]
pub struct SealReport {
    /// Version of this schema.
    pub version: u32,
    /// Hosts whose tree differed, with every difference in words.
    pub hosts: BTreeMap<HostName, Vec<String>>,
    /// Hosts whose tree was left as it is, because it looks tampered with or can't be made anew, with the reasons.
    pub held: BTreeMap<HostName, Vec<String>>,
    /// Secrets whose copies were left as they are, because source and ledger do not hold, with the reason.
    pub unsound: BTreeMap<SecretName, Finding>,
    /// Folders below `sealed/` that belong to no host that is sealed for.
    pub removed: Vec<String>,
    /// Hosts whose `denied.json` is not what policy says now.
    pub reasons: BTreeSet<HostName>,
    /// Hosts that are skipped because they have no key yet.
    pub pending: BTreeSet<HostName>,
    /// Secrets whose set of readers changed.
    pub readers_changed: Vec<SecretName>,
    /// Hosts that lost access to a secret, and know its current value.
    pub exposed: BTreeMap<SecretName, BTreeSet<HostName>>,
    /// Hosts that are gone, with the name that the host with their keys has now; it knew its secrets before.
    pub renamed: BTreeMap<HostName, HostName>,
    /// Hosts that get a secret for services which they do not list, because its rules name no hosts.
    pub unlisted: BTreeMap<SecretName, BTreeSet<HostName>>,
    /// Number of copies that were encrypted.
    pub copies: usize,
    /// Hosts whose whole tree must be made anew, which only a full seal does.
    #[serde(skip)]
    pub left: Vec<HostName>,
}

impl SealReport {
    /// What kept the seal from some trees and secrets, if anything did; the others are sealed.
    pub(super) fn stopped(&self) -> Option<Finding> {
        held::stopped(&self.held, &self.unsound)
    }

    /// Whether everything was looked at and nothing was left as it is.
    pub fn is_whole(&self) -> bool {
        self.held.is_empty() && self.unsound.is_empty()
    }

    /// Whether there was nothing to do.
    pub fn is_clean(&self) -> bool {
        self.reasons.is_empty() && self.only_reasons()
    }

    /// Whether nothing differs but reasons, which nobody signs.
    fn only_reasons(&self) -> bool {
        self.hosts.is_empty() && self.removed.is_empty() && self.readers_changed.is_empty()
    }
}

/// What `seal --check` prints: the differences, from public material alone.
pub fn preview(ws: &Workspace, scope: &Scope) -> Result<SealReport, OpsError> {
    check_hosts(ws, scope)?;
    let outlook = look(ws, scope)?;
    Ok(report(ws, &outlook, scope, &readers_changed(&outlook, scope)))
}

/// Seals every host in scope. Needs an identity only if some value must be decrypted for it.
pub fn seal(ws: &Workspace, scope: &Scope) -> Result<SealReport, OpsError> {
    check_hosts(ws, scope)?;
    if scope.hosts.is_empty() {
        previous::remove_ended(ws)?;
    }
    let lock = ws.lock()?;
    seal_locked(ws, &lock, scope, None, &BTreeMap::new())
}

/// Seals under a lock that is held. `author` is looked up only where something must be signed; `known` are
/// values at hand, which need no decryption.
pub(super) fn seal_locked(
    ws: &Workspace,
    lock: &WriteLock,
    scope: &Scope,
    author: Option<&Author>,
    known: &BTreeMap<SecretName, &SecretBytes>,
) -> Result<SealReport, OpsError> {
    let outlook = look(ws, scope)?;
    refuse_the_past(ws, &outlook)?;
    refuse_the_forbidden(ws, &outlook, scope)?;
    let moved = readers_changed(&outlook, scope);
    let preview = report(ws, &outlook, scope, &moved);
    if preview.is_clean() {
        return Ok(preview);
    }
    if preview.only_reasons() {
        return reasons::write(ws, lock, &outlook.reasons).map(|()| preview);
    }
    let found;
    let author = match author {
        Some(author) => author,
        None => {
            found = ws.author()?;
            &found
        }
    };
    let left = outlook.hosts.iter().filter(|compared| is_left(compared, scope));
    let left = left.map(|compared| compared.wanted.host.clone()).collect();
    let change = Mutex::new(ws.change(lock)?);
    let Outlook { mut ledgers, hosts, leaving, reasons, .. } = outlook;
    let seals = begin(ws, hosts, scope)?;
    let copies = encrypt_copies(ws, &seals, known, &change)?;
    let count = copies.len();
    let mut change = change.into_inner().unwrap_or_else(PoisonError::into_inner);
    finish(ws, author, seals, copies, &mut change)?;
    for path in leaving.values().flatten() {
        change.remove(path)?;
    }
    append_reader_lines(ws, author, &mut ledgers, &moved, &mut change)?;
    reasons::stage(&reasons, &mut change)?;
    change.commit()?;
    Ok(SealReport { copies: count, left, ..preview })
}

/// A value that a host has seen replaced is never sealed to it again, and nothing is taken from hosts because
/// files are missing.
fn refuse_the_past(ws: &Workspace, outlook: &Outlook) -> Result<(), OpsError> {
    for Compared { wanted, plan, tree, .. } in &outlook.hosts {
        let host = wanted.host.clone();
        for drift in &plan.drift {
            match drift {
                Drift::RolledBack(secret) => {
                    return Err(OpsError::RolledBack { secret: secret.clone(), host });
                }
                Drift::Lost(secret) => {
                    let files = document::files_of(ws, secret);
                    return Err(OpsError::Lost { secret: secret.clone(), host, files });
                }
                _ => {}
            }
        }
        let copies = tree.manifest().is_some_and(|manifest| !manifest.secrets.is_empty());
        if copies && ws.policy.rules().is_empty() {
            return Err(OpsError::NoRules);
        }
    }
    Ok(())
}

/// Nothing is encrypted that an invariant says must never be allowed: what is out can't be called back.
fn refuse_the_forbidden(ws: &Workspace, outlook: &Outlook, scope: &Scope) -> Result<(), OpsError> {
    let mut secrets: Vec<SecretName> = outlook.ledgers.keys().cloned().collect();
    secrets.retain(|secret| scope.only.as_ref().is_none_or(|only| only == secret));
    let in_scope = |host: &HostName| outlook.hosts.iter().any(|compared| compared.wanted.host == *host);
    let broken = ws.policy.violations(&secrets, ws.settings.now).into_iter();
    let mut broken = broken.filter(|violation| violation.at == ws.settings.now && in_scope(&violation.host));
    broken.next().map_or(Ok(()), |violation| Err(OpsError::Invariant(Box::new(violation))))
}

fn check_hosts(ws: &Workspace, scope: &Scope) -> Result<(), OpsError> {
    for host in &scope.hosts {
        super::host::known(&ws.fleet, host)?;
    }
    Ok(())
}

fn report(
    ws: &Workspace,
    outlook: &Outlook,
    scope: &Scope,
    moved: &BTreeMap<SecretName, BTreeSet<HostName>>,
) -> SealReport {
    let renamed = renamed(ws, outlook, moved);
    let words = |plan: &HostPlan| plan.drift.iter().map(ToString::to_string).collect();
    let differing = outlook.hosts.iter().filter(|compared| !compared.plan.is_done());
    SealReport {
        version: 1,
        hosts: differing.map(|compared| (compared.wanted.host.clone(), words(&compared.plan))).collect(),
        held: outlook.held.clone(),
        unsound: outlook.unsound.clone(),
        removed: outlook.leaving.keys().cloned().collect(),
        reasons: outlook.reasons.keys().cloned().collect(),
        pending: pending(ws, scope),
        readers_changed: moved.keys().cloned().collect(),
        exposed: moved
            .iter()
            .filter_map(|(secret, hosts)| exposed(outlook, secret, hosts, &renamed))
            .collect(),
        renamed,
        unlisted: unlisted(ws, outlook),
        copies: 0,
        left: Vec::new(),
    }
}

/// Copies that hosts get for services which they do not list, because rules name no hosts.
fn unlisted(ws: &Workspace, outlook: &Outlook) -> BTreeMap<SecretName, BTreeSet<HostName>> {
    let secrets: Vec<SecretName> = outlook.ledgers.keys().cloned().collect();
    let in_scope = |host: &HostName| outlook.hosts.iter().any(|compared| compared.wanted.host == *host);
    let mut unlisted: BTreeMap<SecretName, BTreeSet<HostName>> = BTreeMap::new();
    for found in ws.policy.unlisted(&secrets, ws.settings.now) {
        if in_scope(&found.host) {
            unlisted.entry(found.secret).or_default().insert(found.host);
        }
    }
    unlisted
}

fn pending(ws: &Workspace, scope: &Scope) -> BTreeSet<HostName> {
    let hosts = ws.fleet.hosts.iter().filter(|(_, host)| host.state == HostState::Pending);
    let hosts = hosts.map(|(name, _)| name.clone());
    hosts.filter(|name| scope.hosts.is_empty() || scope.hosts.contains(name)).collect()
}

/// The hosts that had the current value of a secret and may no longer read it.
fn exposed(
    outlook: &Outlook,
    secret: &SecretName,
    hosts: &BTreeSet<HostName>,
    renamed: &BTreeMap<HostName, HostName>,
) -> Option<(SecretName, BTreeSet<HostName>)> {
    let recorded = &outlook.ledgers.get(secret)?.head()?.hosts;
    let knows = |host: &&HostName| !renamed.get(*host).is_some_and(|new| hosts.contains(new));
    let lost: BTreeSet<HostName> = recorded.difference(hosts).filter(knows).cloned().collect();
    (!lost.is_empty()).then(|| (secret.clone(), lost))
}

/// Hosts that are gone while a new one has all of their keys: the same machine under another name.
///
/// One that has a sealed tree already is another machine, whatever keys it has.
fn renamed(
    ws: &Workspace,
    outlook: &Outlook,
    moved: &BTreeMap<SecretName, BTreeSet<HostName>>,
) -> BTreeMap<HostName, HostName> {
    let recorded = moved.keys().filter_map(|secret| Some(&outlook.ledgers.get(secret)?.head()?.hosts));
    let gone: BTreeSet<&HostName> =
        recorded.flatten().filter(|host| !ws.fleet.hosts.contains_key(*host)).collect();
    let signers = ws.signers();
    let new_name = |old: &HostName| {
        let tree = ws.layout.read_sealed(old, &signers).ok()?;
        let keys = &tree.manifest()?.host_recipients;
        let is_new = |compared: &&Compared| matches!(compared.tree.state, TreeState::Missing);
        let mut new = outlook.hosts.iter().filter(is_new);
        let new = new.find(|compared| compared.wanted.recipients.is_superset(keys))?;
        (!keys.is_empty()).then(|| (old.clone(), new.wanted.host.clone()))
    };
    gone.into_iter().filter_map(new_name).collect()
}

/// Whether sealing one secret alone leaves this tree to a full seal.
fn is_left(compared: &Compared, scope: &Scope) -> bool {
    let renewed = compared.plan.renew_identity && !matches!(compared.tree.state, TreeState::Missing);
    scope.only.is_some() && renewed && !compared.plan.is_done()
}

/// Prepares the hosts that differ. For one secret alone, a tree that would need a new identity is left to a
/// full seal, unless it does not exist yet.
fn begin(ws: &Workspace, hosts: Vec<Compared>, scope: &Scope) -> Result<Vec<HostSeal>, StoreError> {
    let in_scope = |compared: &Compared| !compared.plan.is_done() && !is_left(compared, scope);
    let differing: Vec<Compared> = hosts.into_iter().filter(in_scope).collect();
    let floors = if differing.is_empty() { BTreeMap::new() } else { Merging::of(ws).serials() };
    let started = differing.into_iter().map(|c| {
        let merging = floors.get(&c.wanted.host).copied().unwrap_or_default();
        // What nobody who counts has signed says nothing about how far the numbers came.
        let refused = matches!(c.tree.state, TreeState::Refused { .. });
        let committed = if refused { committed_serial(ws, &c.wanted.host) } else { 0 };
        let floor = merging.max(committed);
        HostSeal::begin(c.plan, &c.tree, c.wanted, floor, &ws.settings.prompt)
    });
    started.collect()
}

/// A copy that is staged: for which of the hosts, of which secret, with which digest.
type Copy = (usize, SecretName, Digest);

/// Opens each value once, however many hosts need it, and stages its copies.
fn encrypt_copies(
    ws: &Workspace,
    seals: &[HostSeal],
    known: &BTreeMap<SecretName, &SecretBytes>,
    change: &Mutex<Transaction>,
) -> Result<Vec<Copy>, OpsError> {
    let mut needed: BTreeMap<&SecretName, Vec<usize>> = BTreeMap::new();
    for (at, seal) in seals.iter().enumerate() {
        for secret in &seal.plan().seal {
            needed.entry(secret).or_default().push(at);
        }
    }
    let needed: Vec<_> = needed.into_iter().collect();
    let work = |(secret, hosts): &(&SecretName, Vec<usize>)| {
        let opened;
        let value = match known.get(*secret) {
            Some(value) => *value,
            None => {
                opened = open(ws, secret)?;
                &opened
            }
        };
        stage_copies(ws, seals, secret, hosts, value, change)
    };
    // The first value goes alone, so that a passphrase is asked for before work spreads; a plugin always does.
    let alone =
        if needed.iter().all(|(secret, _)| known.contains_key(*secret)) || !ws.identities()?.has_plugin() {
            1.min(needed.len())
        } else {
            needed.len()
        };
    let (first, rest) = needed.split_at(alone);
    let mut copies: Vec<Vec<Copy>> = first.iter().map(work).collect::<Result<_, OpsError>>()?;
    copies.extend(rest.par_iter().map(work).collect::<Result<Vec<_>, OpsError>>()?);
    Ok(copies.into_iter().flatten().collect())
}

fn open(ws: &Workspace, secret: &SecretName) -> Result<SecretBytes, OpsError> {
    let source = ws.layout.read_source(secret, &ws.authors())?;
    Ok(source.open(ws.identities()?)?)
}

fn stage_copies(
    ws: &Workspace,
    seals: &[HostSeal],
    secret: &SecretName,
    hosts: &[usize],
    value: &SecretBytes,
    change: &Mutex<Transaction>,
) -> Result<Vec<Copy>, OpsError> {
    let mut copies = Vec::with_capacity(hosts.len());
    for &at in hosts {
        let Some(seal) = seals.get(at) else { continue };
        let (path, ciphertext) = seal.encrypt(secret, value, &ws.settings.prompt)?;
        change.lock().unwrap_or_else(PoisonError::into_inner).write(path, &ciphertext)?;
        copies.push((at, secret.clone(), Digest::of(&ciphertext)));
    }
    Ok(copies)
}

fn finish(
    ws: &Workspace,
    author: &Author,
    mut seals: Vec<HostSeal>,
    copies: Vec<Copy>,
    change: &mut Transaction,
) -> Result<(), StoreError> {
    for (at, secret, digest) in copies {
        if let Some(seal) = seals.get_mut(at) {
            seal.add(&secret, digest);
        }
    }
    let signing = Signing {
        signer: &author.signer,
        now: ws.settings.now,
        policy_sha256: ws.policy_sha256,
        fleet: ws.fleet.id,
        prompt: &ws.settings.prompt,
    };
    seals.into_iter().try_for_each(|seal| seal.finish(change, signing))
}

/// Records who gained and who lost a copy: `granted` first, with everyone, then `revoked`.
fn append_reader_lines(
    ws: &Workspace,
    author: &Author,
    ledgers: &mut BTreeMap<SecretName, VerifiedLedger>,
    moved: &BTreeMap<SecretName, BTreeSet<HostName>>,
    change: &mut Transaction,
) -> Result<(), OpsError> {
    let signed = author.at(ws.settings.now);
    for (secret, hosts) in moved {
        let Some(ledger) = ledgers.get_mut(secret) else { continue };
        let Some(head) = ledger.head().cloned() else { continue };
        let line = |event, hosts: BTreeSet<HostName>| ledger::Entry {
            event,
            key: head.key.clone(),
            source_sha256: head.source_sha256,
            recipients: head.recipients.clone(),
            hosts,
            above: 0,
            value: None,
        };
        let all: BTreeSet<HostName> = head.hosts.union(hosts).cloned().collect();
        if all != head.hosts {
            ledger.append(secret, line(Event::Granted, all.clone()), signed).map_err(StoreError::from)?;
        }
        if all != *hosts {
            ledger.append(secret, line(Event::Revoked, hosts.clone()), signed).map_err(StoreError::from)?;
        }
        change.write(Layout::ledger(secret), ledger.bytes())?;
    }
    Ok(())
}
