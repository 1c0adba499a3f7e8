//! The fleet as `secretctl.toml` describes it: admins, recovery recipients and hosts.

mod document;
mod edit;
mod parse;

use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::fmt;
use std::str::FromStr;

use jiff::Timestamp;
use serde::Serialize;

pub use document::Document;
pub use document::DocumentPath;
pub use document::DocumentPathError;
pub use edit::FleetFile;
pub use edit::HostChange;
pub use parse::FleetError;

use crate::crypto::Recipient;
use crate::crypto::VerifyingKey;
use crate::diag::Severity;
use crate::name::AdminName;
use crate::name::FleetId;
use crate::name::HostName;
use crate::name::SecretName;
use crate::name::ServiceName;
use crate::name::Tag;
use crate::roots::People;
use crate::roots::Role;
use crate::roots::RootAdmin;

/// File name of the fleet's description, at the root of its repository.
pub const FLEET_FILE: &str = "secretctl.toml";

/// The people and machines of one repository.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Fleet {
    /// The id that everything signed names; none in a fleet that was not moved over yet.
    pub id: Option<FleetId>,
    /// Admins by name, removed ones included.
    pub admins: BTreeMap<AdminName, Admin>,
    /// Recipients that every source is encrypted to, besides its admins.
    pub recovery: BTreeSet<Recipient>,
    /// Recovery keys that were replaced, and that nobody else ever had.
    pub retired_recovery: BTreeSet<Recipient>,
    /// Hosts by name, in every state.
    pub hosts: BTreeMap<HostName, Host>,
    /// Files of several secrets, by the name that is before those of their keys.
    pub documents: BTreeMap<SecretName, Document>,
    /// What `check` and `audit` make of what they find.
    pub audit: AuditRules,
    /// Which hosts a rule that allows services, and names no hosts, is about.
    pub services: ServiceReach,
}

/// Which hosts an `allow(..)` with `.services(..)` and without `.hosts(..)` is about.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum ServiceReach {
    /// Every host, whatever it lists: what a file says that says nothing.
    #[default]
    EveryHost,
    /// Hosts that list one of the services, and there those services that the host lists.
    Listed,
}

impl ServiceReach {
    /// What can be written as `policy.services` in `secretctl.toml`.
    pub const WORDS: [(&'static str, Self); 1] = [("listed", Self::Listed)];
}

/// What `check` and `audit` make of what they find.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct AuditRules {
    /// How much a kind of finding matters here, by code; never less than an error where integrity is broken.
    pub severities: BTreeMap<String, Weight>,
    /// Where the page of findings can be read, for reports that link to it.
    pub findings_page: Option<String>,
}

/// How much a kind of finding matters.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Weight {
    /// It is told with this severity.
    As(Severity),
    /// It is not told.
    Ignored,
}

impl Weight {
    /// Every weight with its word in `secretctl.toml`.
    pub const ALL: [(&'static str, Self); 4] = [
        ("error", Self::As(Severity::Error)),
        ("warning", Self::As(Severity::Warning)),
        ("note", Self::As(Severity::Note)),
        ("ignore", Self::Ignored),
    ];
}

/// A person who edits secrets.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Admin {
    /// What sources are encrypted to.
    pub recipients: BTreeSet<Recipient>,
    /// Whose signatures count on manifests and ledger lines.
    pub signing_keys: BTreeSet<VerifyingKey>,
    /// Set when the admin has left: older ledger lines stay valid, everything else does not count any more.
    pub removed: Option<Timestamp>,
    /// Keys that this admin replaced, and that nobody else ever had: nothing is encrypted to them any more.
    pub retired: BTreeSet<Recipient>,
    /// Which sources are encrypted to them.
    pub editor: EditorScope,
}

/// Which sources are encrypted to an admin.
#[derive(Clone, Copy, Debug, Default, Eq, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum EditorScope {
    /// Every source that no `editors(..)` rule keeps from them.
    #[default]
    All,
    /// Only those that an `editors(..)` rule names them for, so no future ones by default.
    Named,
}

impl EditorScope {
    /// Every value with its word in `secretctl.toml`.
    pub const ALL: [(&'static str, Self); 2] = [("all", Self::All), ("named", Self::Named)];
}

impl fmt::Display for EditorScope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let word = Self::ALL.iter().find(|(_, editor)| editor == self).map_or("all", |(word, _)| word);
        f.write_str(word)
    }
}

impl FromStr for EditorScope {
    type Err = String;

    fn from_str(word: &str) -> Result<Self, String> {
        let known = Self::ALL.iter().find(|(known, _)| *known == word);
        known.map(|(_, editor)| *editor).ok_or_else(|| format!("`{word}` is neither `all` nor `named`"))
    }
}

/// A machine that reads secrets.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Host {
    /// The host's own keys; empty only while it is pending.
    pub recipients: BTreeSet<Recipient>,
    /// Nix system, such as `x86_64-linux`.
    pub system: Option<String>,
    /// Tags for policy.
    pub tags: BTreeSet<Tag>,
    /// systemd services, without `.service`, that policy may name.
    pub services: BTreeSet<ServiceName>,
    /// Whether it takes part.
    pub state: HostState,
    /// Until when its key may have been in other hands: values from before count as known to others.
    pub compromised: Option<Timestamp>,
}

/// Whether a host takes part.
#[derive(Clone, Copy, Debug, Default, Eq, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum HostState {
    /// Gets sealed copies.
    #[default]
    Active,
    /// Known, but without a recipient yet.
    Pending,
    /// Switched off for a while: gets no sealed copies.
    Dormant,
    /// Out for good, perhaps compromised: gets no sealed copies.
    Revoked,
}

impl HostState {
    /// Every state with its word in `secretctl.toml`.
    pub const ALL: [(&'static str, Self); 4] = [
        ("active", Self::Active),
        ("pending", Self::Pending),
        ("dormant", Self::Dormant),
        ("revoked", Self::Revoked),
    ];
}

impl fmt::Display for HostState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let word = Self::ALL.iter().find(|(_, state)| state == self).map_or("active", |(word, _)| word);
        f.write_str(word)
    }
}

impl Fleet {
    /// Admins who have not left.
    pub fn active_admins(&self) -> impl Iterator<Item = (&AdminName, &Admin)> {
        self.admins.iter().filter(|(_, admin)| admin.removed.is_none())
    }

    /// The active admins who can open a source: those that `editors(..)` names, or without such a rule every one who
    /// need not be named.
    pub fn editors<'f>(
        &'f self,
        named: Option<&'f BTreeSet<AdminName>>,
    ) -> impl Iterator<Item = (&'f AdminName, &'f Admin)> {
        self.active_admins().filter(move |(name, admin)| match named {
            Some(named) => named.contains(*name),
            None => admin.editor == EditorScope::All,
        })
    }

    /// What a source is encrypted to: its editors, and every recovery recipient.
    pub fn source_recipients(&self, named: Option<&BTreeSet<AdminName>>) -> BTreeSet<Recipient> {
        let recipients = self.editors(named).flat_map(|(_, admin)| admin.recipients.iter().cloned());
        recipients.chain(self.recovery.iter().cloned()).collect()
    }

    /// Keys of people: those of active admins, whatever they open, and recovery.
    pub fn people(&self) -> BTreeSet<Recipient> {
        let recipients = self.active_admins().flat_map(|(_, admin)| admin.recipients.iter().cloned());
        recipients.chain(self.recovery.iter().cloned()).collect()
    }

    /// What a version of the roots vouches for.
    pub fn root_people(&self) -> People {
        let root_admin = |admin: &Admin| RootAdmin {
            role: match admin.editor {
                EditorScope::All => Role::Full,
                EditorScope::Named => Role::Named,
            },
            recipients: admin.recipients.clone(),
            signing_keys: admin.signing_keys.clone(),
            removed: admin.removed,
        };
        let admins = self.admins.iter().map(|(name, admin)| (name.clone(), root_admin(admin)));
        People { admins: admins.collect(), recovery: self.recovery.clone() }
    }

    /// Keys whose signatures on manifests count: those of active admins who are not named for some secrets alone.
    pub fn trusted_keys(&self) -> BTreeSet<VerifyingKey> {
        self.root_people().full_keys()
    }

    /// The admin, removed or not, that a signing key belongs to.
    pub fn admin_of(&self, key: &VerifyingKey) -> Option<(&AdminName, &Admin)> {
        self.admins.iter().find(|(_, admin)| admin.signing_keys.contains(key))
    }

    /// Whose recipient this is, in words: ``admin `alice` ``, `recovery` or ``host `forge` ``.
    pub fn owner_of(&self, recipient: &Recipient) -> Option<String> {
        let admin = self.admins.iter().find(|(_, a)| a.recipients.contains(recipient));
        let host = || self.hosts.iter().find(|(_, h)| h.recipients.contains(recipient));
        if let Some((name, _)) = admin {
            return Some(format!("admin `{name}`"));
        }
        if self.recovery.contains(recipient) {
            return Some("recovery".to_owned());
        }
        host().map(|(name, _)| format!("host `{name}`"))
    }
}
