//! One look at the repository: what every sealed tree holds, and what it should hold.

use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::path::PathBuf;

use rayon::prelude::*;

use crate::diag::Class;
use crate::diag::Failure;
use crate::diag::Finding;
use crate::diag::Place;
use crate::fsx::FsError;
use crate::ledger::VerifiedLedger;
use crate::manifest::Entry;
use crate::manifest::Manifest;
use crate::name::HostName;
use crate::name::SecretName;
use crate::ops::error::OpsError;
use crate::ops::seal::held::Held;
use crate::ops::seal::held::Tampered;
use crate::ops::seal::held::Unsound;
use crate::ops::seal::held::deny_unsound;
use crate::ops::seal::held::hold;
use crate::ops::seal::held::keep_unsound;
use crate::ops::seal::reasons::Reasons;
use crate::ops::seal::reasons::reasons;
use crate::ops::seal::reasons::reasons_about;
use crate::ops::seal::revoked::Known;
use crate::ops::wanted::Due;
use crate::ops::wanted::Value;
use crate::ops::wanted::wanted;
use crate::ops::workspace::Workspace;
use crate::store::Denied;
use crate::store::HostPlan;
use crate::store::SealedTree;
use crate::store::Wanted;
use crate::store::WantedGrant;

/// Which part of the fleet a seal is about.
#[derive(Clone, Debug, Default)]
pub struct Scope {
    /// Only these hosts; empty means every host.
    pub hosts: BTreeSet<HostName>,
    /// Only this secret: everything else in the trees stays as it is, right or not.
    pub(in crate::ops) only: Option<SecretName>,
    /// What happens to trees that somebody seems to have tampered with.
    pub tampered: Tampered,
}

impl Scope {
    /// Everything about these hosts; of none, everything about the whole fleet.
    pub fn hosts(hosts: impl IntoIterator<Item = HostName>) -> Self {
        Self { hosts: hosts.into_iter().collect(), ..Self::default() }
    }

    /// Everything about one secret on these hosts, and nothing else.
    pub(in crate::ops) fn of_one(secret: &SecretName, hosts: &BTreeSet<HostName>) -> Self {
        Self { only: Some(secret.clone()), ..Self::hosts(hosts.iter().cloned()) }
    }
}

/// A host's tree as it is, and as it should be.
pub(in crate::ops) struct Compared {
    pub(in crate::ops) tree: SealedTree,
    pub(in crate::ops) wanted: Wanted,
    pub(in crate::ops) plan: HostPlan,
    /// Why it should not have the rest.
    pub(in crate::ops) denied: BTreeSet<Denied>,
}

/// Everything that one look at the repository tells about sealing.
pub(in crate::ops) struct Outlook {
    pub(in crate::ops) ledgers: BTreeMap<SecretName, VerifiedLedger>,
    pub(in crate::ops) hosts: Vec<Compared>,
    /// Hosts that are not looked at further.
    pub(in crate::ops) held: Held,
    /// Secrets that are not.
    pub(in crate::ops) unsound: Unsound,
    /// Folders that go, with the files in them.
    pub(in crate::ops) leaving: BTreeMap<String, Vec<PathBuf>>,
    /// Files about denials that are not as they should be.
    pub(in crate::ops) reasons: Reasons,
}

/// Reads every ledger and sealed tree in scope and compares.
pub(in crate::ops) fn look(ws: &Workspace, scope: &Scope) -> Result<Outlook, OpsError> {
    let names = match &scope.only {
        Some(secret) if ws.layout.has_source(secret) => BTreeSet::from([secret.clone()]),
        Some(_) => BTreeSet::new(),
        None => ws.layout.sources()?,
    };
    let (ledgers, unsound) = ledgers(ws, &names, scope)?;
    let mut hosts = compare(ws, scope, &ledgers, &unsound)?;
    if scope.only.is_none() {
        settle_surplus(ws, &mut hosts, &ledgers, &unsound.keys().cloned().collect());
    }
    deny_unsound(ws, &mut hosts, &unsound);
    let held = hold(ws, &mut hosts, &unsound, scope.tampered);
    let leaving = if scope.hosts.is_empty() && scope.only.is_none() { leaving(ws)? } else { BTreeMap::new() };
    let reasons = match &scope.only {
        Some(secret) => reasons_about(ws, secret, &scope.hosts)?,
        None => reasons(ws, &hosts)?,
    };
    Ok(Outlook { ledgers, hosts, held, unsound, leaving, reasons })
}

/// The ledgers that vouch for their source, and the secrets of which one does not.
fn ledgers(
    ws: &Workspace,
    names: &BTreeSet<SecretName>,
    scope: &Scope,
) -> Result<(BTreeMap<SecretName, VerifiedLedger>, Unsound), OpsError> {
    let (mut ledgers, mut unsound) = (BTreeMap::new(), Unsound::new());
    for (name, ledger) in ws.layout.read_vouched(names, &ws.authors()) {
        match ledger {
            Ok(ledger) => drop(ledgers.insert(name, ledger)),
            // Whoever asks about one secret is to hear why it stops.
            Err(error) if scope.only.is_none() && error.class() == Class::Integrity => {
                let place = Place::file(ws.layout.source_path(&name));
                unsound.insert(name, Finding::from_failure(&error).at(place));
            }
            Err(error) => return Err(error.into()),
        }
    }
    Ok((ledgers, unsound))
}

/// Compares every host in scope, given the ledgers that can be believed; what is unsound is right as it is there.
pub(in crate::ops) fn compare(
    ws: &Workspace,
    scope: &Scope,
    ledgers: &BTreeMap<SecretName, VerifiedLedger>,
    unsound: &Unsound,
) -> Result<Vec<Compared>, FsError> {
    let all: BTreeSet<HostName> = ws.fleet.hosts.keys().cloned().collect();
    let hosts = if scope.hosts.is_empty() { &all } else { &scope.hosts };
    let value = |ledger: &VerifiedLedger| {
        let (revision, since) = (ledger.head()?.revision, ledger.value()?.time);
        Some(Value { revision, line_sha256: ledger.value_line()?, since })
    };
    let values = ledgers.iter().filter_map(|(name, ledger)| Some((name.clone(), value(ledger)?))).collect();
    let signers = ws.signers();
    let known = ws.fleet.id.map(|_| Known::of(ledgers));
    wanted(ws, hosts, &values)
        .into_par_iter()
        .map(|Due { wanted, denied }| {
            let mut tree = ws.layout.read_sealed(&wanted.host, &signers)?;
            let wanted = match &scope.only {
                Some(secret) => narrow(&mut tree, wanted, secret),
                None => wanted,
            };
            let revoked = match &known {
                Some(known) => known.revoked(&wanted, tree.manifest(), scope.only.as_ref()),
                None => BTreeMap::new(),
            };
            let mut wanted = Wanted { revoked, ..wanted };
            keep_unsound(&mut tree, &mut wanted, unsound);
            let plan = HostPlan::compare(&tree, &wanted);
            Ok(Compared { tree, wanted, plan, denied })
        })
        .collect()
}

/// Tells why a copy is there that no grant asks for. One of a secret with a fault of its own says nothing new;
/// one whose source and ledger are gone, without a line that says so, was not taken away by us.
pub(in crate::ops) fn settle_surplus(
    ws: &Workspace,
    hosts: &mut [Compared],
    ledgers: &BTreeMap<SecretName, VerifiedLedger>,
    faulty: &BTreeSet<SecretName>,
) {
    for Compared { tree, plan, .. } in hosts {
        let Some(manifest) = tree.manifest() else { continue };
        for (name, entry) in manifest.secrets.iter().filter(|(name, _)| !ledgers.contains_key(*name)) {
            if faulty.contains(name) {
                plan.forget_surplus(name);
            } else if !was_taken_away(ws, name, entry, ledgers) {
                plan.mark_lost(name);
            }
        }
    }
}

/// Whether a line says that the secret was removed, or another ledger goes on with its life after a move.
fn was_taken_away(
    ws: &Workspace,
    name: &SecretName,
    entry: &Entry,
    ledgers: &BTreeMap<SecretName, VerifiedLedger>,
) -> bool {
    match ws.layout.read_ledger(name, &ws.authors()) {
        Ok(ledger) if !ledger.lines().is_empty() => ledger.is_removed(),
        _ => ledgers.values().any(|ledger| ledger.has_line(entry.line_sha256)),
    }
}

/// Leaves nothing but one secret to differ: every other entry is wanted as it stands.
fn narrow(tree: &mut SealedTree, mut wanted: Wanted, only: &SecretName) -> Wanted {
    tree.strays.clear();
    tree.damaged.retain(|name| name == only);
    let grant = wanted.grants.remove(only);
    wanted.grants = tree.manifest().map(as_wanted).unwrap_or_default();
    match grant {
        Some(grant) => drop(wanted.grants.insert(only.clone(), grant)),
        None => drop(wanted.grants.remove(only)),
    }
    wanted
}

pub(super) fn as_wanted(manifest: &Manifest) -> BTreeMap<SecretName, WantedGrant> {
    let grant = |entry: &Entry| WantedGrant {
        revision: entry.revision,
        line_sha256: entry.line_sha256,
        services: entry.services.clone(),
        not_after: entry.not_after,
    };
    manifest.secrets.iter().map(|(name, entry)| (name.clone(), grant(entry))).collect()
}

/// Folders below `sealed/` of hosts that are unknown or not sealed for.
fn leaving(ws: &Workspace) -> Result<BTreeMap<String, Vec<PathBuf>>, FsError> {
    let mut leaving = BTreeMap::new();
    for folder in ws.layout.sealed_folders()? {
        let stays = folder.parse().is_ok_and(|host| ws.policy.seals_for(&host));
        if !stays {
            let files = ws.layout.files(PathBuf::from("sealed").join(&folder))?;
            leaving.insert(folder, files);
        }
    }
    Ok(leaving)
}

/// Secrets whose hosts are not the ones in the last ledger line, with the hosts that are right.
///
/// With a narrower scope only the hosts in scope change sides; the others stay as recorded.
pub(in crate::ops) fn readers_changed(
    outlook: &Outlook,
    scope: &Scope,
) -> BTreeMap<SecretName, BTreeSet<HostName>> {
    let mut changed = BTreeMap::new();
    if scope.only.is_some() {
        // The line about the new value has named its readers already.
        return changed;
    }
    for (secret, ledger) in &outlook.ledgers {
        let recorded = ledger.head().map(|head| head.hosts.clone()).unwrap_or_default();
        let untouched = |host: &HostName| !scope.hosts.is_empty() && !scope.hosts.contains(host);
        let outside = |host: &&HostName| untouched(host) || outlook.held.contains_key(*host);
        let mut hosts: BTreeSet<HostName> = recorded.iter().filter(outside).cloned().collect();
        let granted = outlook.hosts.iter().filter(|compared| compared.wanted.grants.contains_key(secret));
        hosts.extend(granted.map(|compared| compared.wanted.host.clone()));
        if hosts != recorded {
            changed.insert(secret.clone(), hosts);
        }
    }
    changed
}
