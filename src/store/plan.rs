//! What must change in a host's sealed tree so that it is what policy and sources say.

use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::fmt;

use jiff::Timestamp;

use super::sealed::SealedTree;
use super::sealed::Signer;
use super::sealed::TreeState;
use crate::crypto::Digest;
use crate::crypto::Recipient;
use crate::manifest::Entry;
use crate::manifest::GrantedServices;
use crate::manifest::Manifest;
use crate::manifest::Revoked;
use crate::name::HostName;
use crate::name::SecretName;
use crate::name::ServiceName;

/// What policy and sources say that a host should have.
#[derive(Clone, Debug)]
pub struct Wanted {
    /// The host.
    pub host: HostName,
    /// Its own keys.
    pub recipients: BTreeSet<Recipient>,
    /// Every secret it may read.
    pub grants: BTreeMap<SecretName, WantedGrant>,
    /// What it had and must not keep.
    pub revoked: BTreeMap<SecretName, Revoked>,
}

/// One secret that a host should have.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct WantedGrant {
    /// Number of the current value.
    pub revision: u64,
    /// Digest of the ledger line that made it.
    pub line_sha256: Digest,
    /// Services that may read it.
    pub services: GrantedServices,
    /// When the grant ends.
    pub not_after: Option<Timestamp>,
}

/// One difference between what a sealed tree holds and what it should hold.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub enum Drift {
    /// There is no sealed tree yet.
    New,
    /// The manifest is not to be trusted, for the reason given.
    Refused(String),
    /// The manifest was signed by an admin who left.
    SignerLeft,
    /// The wrapped sealing identity is missing or damaged.
    NoIdentity,
    /// The host has other keys than those that the identity is wrapped to.
    OtherRecipients,
    /// A secret that the host may read is not there.
    Missing(SecretName),
    /// The sealed copy is of a newer value than the ledger knows: source and ledger are from the past.
    RolledBack(SecretName),
    /// The sealed copy is of an older value.
    Stale(SecretName),
    /// The sealed copy is of another value with the same number.
    Other(SecretName),
    /// The sealed copy is missing or damaged.
    Damaged(SecretName),
    /// Services or the end of the grant changed; those that lost it know its value.
    Terms(SecretName, LostServices),
    /// A secret that the host may no longer read is still there.
    Surplus(SecretName),
    /// The list of what the host must not keep is not the right one.
    Revocations,
    /// A secret whose source and ledger are gone, though nobody removed it.
    Lost(SecretName),
    /// A file that the manifest does not know.
    Stray(std::path::PathBuf),
}

/// Services of a host that could read a secret and can't any more.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub enum LostServices {
    /// All that are not granted it now.
    Others,
    /// These; perhaps none.
    Named(BTreeSet<ServiceName>),
}

impl LostServices {
    fn between(before: &GrantedServices, after: &GrantedServices) -> Self {
        match (before, after) {
            (_, GrantedServices::All) => Self::Named(BTreeSet::new()),
            (GrantedServices::All, GrantedServices::Only(_)) => Self::Others,
            (GrantedServices::Only(before), GrantedServices::Only(after)) => {
                Self::Named(before.difference(after).cloned().collect())
            }
        }
    }
}

impl fmt::Display for LostServices {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let known = "may not read it any more, and knew its value: give it a new one";
        match self {
            Self::Others => write!(f, "; its other services {known}"),
            Self::Named(lost) if lost.is_empty() => Ok(()),
            Self::Named(lost) => {
                let names: Vec<String> = lost.iter().map(|service| format!("`{service}`")).collect();
                write!(f, "; {} {known}", names.join(", "))
            }
        }
    }
}

impl fmt::Display for Drift {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::New => f.write_str("has no sealed tree yet"),
            Self::Refused(reason) => write!(f, "has a sealed tree that is not to be trusted ({reason})"),
            Self::SignerLeft => f.write_str("was last sealed by an admin who left"),
            Self::NoIdentity => f.write_str("has lost its wrapped sealing identity"),
            Self::OtherRecipients => f.write_str("is sealed to other host keys"),
            Self::Missing(secret) => write!(f, "lacks `{secret}`"),
            Self::RolledBack(secret) => {
                write!(
                    f,
                    "has a newer value of `{secret}` than its ledger knows, which was put back to the past"
                )
            }
            Self::Stale(secret) => write!(f, "has an older value of `{secret}`"),
            Self::Other(secret) => write!(f, "has a value of `{secret}` that another branch made"),
            Self::Damaged(secret) => write!(f, "has a damaged copy of `{secret}`"),
            Self::Terms(secret, lost) => write!(f, "is granted `{secret}` on other terms{lost}"),
            Self::Surplus(secret) => write!(f, "still has `{secret}`, which it may no longer read"),
            Self::Revocations => f.write_str("has an outdated list of what it must not keep"),
            Self::Lost(secret) => write!(f, "has `{secret}`, whose source and ledger are gone"),
            Self::Stray(path) => {
                write!(f, "has a file that its manifest does not list: `{}`", path.display())
            }
        }
    }
}

impl Drift {
    /// Whether somebody must have tampered with the tree, rather than just not sealed it yet.
    pub fn is_tampering(&self) -> bool {
        matches!(
            self,
            Self::Lost(_)
                | Self::RolledBack(_)
                | Self::Refused(_)
                | Self::NoIdentity
                | Self::Damaged(_)
                | Self::Stray(_)
        )
    }
}

/// What to do about one host.
#[derive(Clone, Debug)]
pub struct HostPlan {
    /// The host.
    pub host: HostName,
    /// Every difference, sorted; empty means nothing to do.
    pub drift: BTreeSet<Drift>,
    /// Whether a new sealing identity must be made, and with it every copy.
    pub renew_identity: bool,
    /// Secrets whose copy must be made from plaintext.
    pub seal: BTreeSet<SecretName>,
    /// Files that no believed manifest lists.
    pub strays: BTreeSet<std::path::PathBuf>,
    /// Entries that stay, with the terms that are right now.
    pub keep: BTreeMap<SecretName, Entry>,
}

impl HostPlan {
    /// Compares a sealed tree with what should be in it.
    pub fn compare(tree: &SealedTree, wanted: &Wanted) -> Self {
        let mut plan = Self {
            host: wanted.host.clone(),
            drift: BTreeSet::new(),
            renew_identity: false,
            seal: BTreeSet::new(),
            keep: BTreeMap::new(),
            strays: tree.strays.clone(),
        };
        let usable = plan.usable(tree, wanted);
        plan.renew_identity = usable.is_none();
        for (name, grant) in &wanted.grants {
            plan.grant(name, grant, usable, tree);
        }
        let present = tree.manifest().into_iter().flat_map(|manifest| manifest.secrets.keys());
        let surplus = present.filter(|name| !wanted.grants.contains_key(*name));
        plan.drift.extend(surplus.map(|name| Drift::Surplus(name.clone())));
        // Where no manifest is believed, every file is one that it does not list, and that is no news.
        if tree.manifest().is_some() {
            plan.drift.extend(tree.strays.iter().map(|path| Drift::Stray(path.clone())));
        }
        // Any other difference brings the list up to date as well.
        if plan.drift.is_empty() && usable.is_some_and(|manifest| manifest.revoked != wanted.revoked) {
            plan.drift.insert(Drift::Revocations);
        }
        plan
    }

    /// Leaves out a copy that nothing new can be said about.
    pub fn forget_surplus(&mut self, name: &SecretName) {
        self.drift.remove(&Drift::Surplus(name.clone()));
    }

    /// Notes that a copy has lost its source and ledger, rather than its grant.
    pub fn mark_lost(&mut self, name: &SecretName) {
        self.forget_surplus(name);
        self.drift.insert(Drift::Lost(name.clone()));
    }

    /// Whether nothing is to be done.
    pub fn is_done(&self) -> bool {
        self.drift.is_empty()
    }

    /// The manifest whose copies can be kept, if its sealing identity can.
    fn usable<'a>(&mut self, tree: &'a SealedTree, wanted: &Wanted) -> Option<&'a Manifest> {
        let reason = match &tree.state {
            TreeState::Sound(verified) if verified.manifest().host_recipients == wanted.recipients => {
                return Some(verified.manifest());
            }
            TreeState::Sound(_) => Drift::OtherRecipients,
            TreeState::NoIdentity(_) => Drift::NoIdentity,
            TreeState::Refused { signer: Signer::Left, .. } => Drift::SignerLeft,
            TreeState::Refused { error, .. } => Drift::Refused(with_causes(error)),
            TreeState::Missing => Drift::New,
        };
        self.drift.insert(reason);
        None
    }

    fn grant(
        &mut self,
        name: &SecretName,
        grant: &WantedGrant,
        usable: Option<&Manifest>,
        tree: &SealedTree,
    ) {
        // Also where the copies cannot be kept, a believed manifest tells which value the host has seen.
        let seen = tree.manifest().and_then(|manifest| manifest.secrets.get(name));
        if seen.is_some_and(|entry| entry.revision > grant.revision) {
            self.drift.insert(Drift::RolledBack(name.clone()));
            let kept = usable.and_then(|manifest| manifest.secrets.get(name));
            self.keep.extend(kept.map(|entry| (name.clone(), entry.clone())));
            return;
        }
        let Some(entry) = usable.and_then(|manifest| manifest.secrets.get(name)) else {
            if usable.is_some() {
                self.drift.insert(Drift::Missing(name.clone()));
            }
            self.seal.insert(name.clone());
            return;
        };
        let drift = match (entry.revision == grant.revision, entry.line_sha256 == grant.line_sha256) {
            (true, true) if tree.damaged.contains(name) => Some(Drift::Damaged(name.clone())),
            (true, true) => None,
            (true, false) => Some(Drift::Other(name.clone())),
            (false, _) => Some(Drift::Stale(name.clone())),
        };
        if let Some(drift) = drift {
            self.drift.insert(drift);
            self.seal.insert(name.clone());
            return;
        }
        let kept = Entry { services: grant.services.clone(), not_after: grant.not_after, ..entry.clone() };
        if kept != *entry {
            let lost = LostServices::between(&entry.services, &grant.services);
            self.drift.insert(Drift::Terms(name.clone(), lost));
        }
        self.keep.insert(name.clone(), kept);
    }
}

fn with_causes(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text = format!("{text}: {error}");
        cause = error.source();
    }
    text
}
