//! Exposure: a reader is gone, and the value that it knew is still in use.

use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::fmt;

use jiff::Timestamp;
use serde::Serialize;

use crate::crypto::Recipient;
use crate::diag::Class;
use crate::diag::Finding;
use crate::diag::Place;
use crate::diag::Severity;
use crate::fleet::Fleet;
use crate::fleet::HostState;
use crate::ledger::CurrentValue;
use crate::name::AdminName;
use crate::name::HostName;
use crate::name::SecretName;
use crate::ops::audit::former::Former;
use crate::ops::document;
use crate::ops::workspace::Workspace;
use crate::store::Layout;

/// A value in use that somebody knows who may not read it any more.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
pub struct Exposure {
    /// The secret.
    pub secret: SecretName,
    /// Number of the value.
    pub revision: u64,
    /// Who knows it.
    pub known_by: Knower,
    /// Why they may not read it any more, in words.
    pub reason: String,
    /// Since when the ledger does not name them any more; null where nothing was sealed or rekeyed since.
    pub since: Option<Timestamp>,
}

/// Who knows a value.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(tag = "kind", rename_all = "lowercase")]
pub enum Knower {
    /// A host.
    Host {
        /// Its name.
        name: HostName,
    },
    /// A person.
    Admin {
        /// Their name.
        name: AdminName,
    },
    /// Whoever holds a key that the fleet does not name any more.
    Key {
        /// Its public half.
        recipient: Recipient,
    },
}

impl fmt::Display for Knower {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Host { name } => write!(f, "host `{name}`"),
            Self::Admin { name } => write!(f, "admin `{name}`"),
            Self::Key { recipient } => write!(f, "the holder of `{recipient}`"),
        }
    }
}

impl Exposure {
    /// As an error with the place of the value's line, and how a new value is made.
    pub(super) fn finding(&self, line: usize, renew: &str) -> Finding {
        let code = match self.known_by {
            Knower::Host { .. } => "exposure::host",
            Knower::Admin { .. } => "exposure::admin",
            Knower::Key { .. } => "exposure::key",
        };
        let Self { secret, revision, known_by, reason, .. } = self;
        let message =
            format!("{known_by} knows revision {revision} of `{secret}`, which is in use: {reason}");
        let help = format!("give it a new value: {renew}");
        Finding::new(Severity::Error, Class::Finding, code, message)
            .at(Place::line(Layout::ledger(secret), line))
            .help(help)
            .about([secret.to_string(), format!("revision {revision}"), known_by.to_string()])
    }
}

/// Whose keys the fleet names.
pub(super) struct People<'a> {
    fleet: &'a Fleet,
    admins: BTreeMap<&'a Recipient, &'a AdminName>,
    hosts: BTreeMap<&'a Recipient, &'a HostName>,
}

impl<'a> People<'a> {
    pub(super) fn of(fleet: &'a Fleet) -> Self {
        let keys = |(name, admin): (&'a AdminName, &'a crate::fleet::Admin)| {
            admin.recipients.iter().chain(&admin.retired).map(move |key| (key, name))
        };
        let of_host = |(name, host): (&'a HostName, &'a crate::fleet::Host)| {
            host.recipients.iter().map(move |key| (key, name))
        };
        Self {
            fleet,
            admins: fleet.admins.iter().flat_map(keys).collect(),
            hosts: fleet.hosts.iter().flat_map(of_host).collect(),
        }
    }

    /// Everybody who knows the value in use of a secret and is no reader any more.
    pub(super) fn exposures(
        &self,
        (ws, former): (&Workspace, &Former<'_>),
        secret: &SecretName,
        value: &CurrentValue<'_>,
        readers: &BTreeSet<HostName>,
    ) -> Vec<Exposure> {
        let exposed = |known_by, reason: String, since: Option<Timestamp>| Exposure {
            secret: secret.clone(),
            revision: value.made.revision,
            known_by,
            reason,
            since,
        };
        let mut all = Vec::new();
        for (host, since) in &value.hosts {
            if let Some(reason) = self.host_left(host, value, readers)
                && (self.is_out(host, value)
                    || !former.is_renamed(host, (secret, value.made.revision), readers))
            {
                all.push(exposed(Knower::Host { name: (*host).clone() }, reason, *since));
            }
        }
        // Nobody can say who may read a source for which there is no editor; `check` tells that.
        let Ok(mut right) = ws.source_recipients(secret) else { return all };
        right.extend(document::beside_of(&ws.fleet, secret));
        let mut told: BTreeSet<Knower> = all.iter().map(|exposure| exposure.known_by.clone()).collect();
        for (recipient, since) in value.recipients.iter().filter(|(key, _)| !right.contains(**key)) {
            if let Some((known_by, reason)) = self.key_left(recipient, &right, readers)
                && told.insert(known_by.clone())
            {
                all.push(exposed(known_by, reason, *since));
            }
        }
        all
    }

    /// Whether somebody said that the host or its key is not to be trusted, whatever it is called now.
    fn is_out(&self, name: &HostName, value: &CurrentValue<'_>) -> bool {
        self.fleet.hosts.get(name).is_some_and(|host| {
            host.state == HostState::Revoked || host.compromised.is_some_and(|at| value.made.time <= at)
        })
    }

    /// Why a host that had a copy is no reader any more.
    fn host_left(
        &self,
        name: &HostName,
        value: &CurrentValue<'_>,
        readers: &BTreeSet<HostName>,
    ) -> Option<String> {
        let Some(host) = self.fleet.hosts.get(name) else {
            return Some("the host was removed".to_owned());
        };
        if host.compromised.is_some_and(|at| value.made.time <= at) {
            return Some("its key was in other hands".to_owned());
        }
        match host.state {
            _ if readers.contains(name) => None,
            // Switched off for a while, it is still one of ours.
            HostState::Dormant => None,
            HostState::Revoked => Some("the host is revoked".to_owned()),
            HostState::Active | HostState::Pending => Some("policy does not grant it any more".to_owned()),
        }
    }

    /// Who holds a key that a source was encrypted to, if they are no editor any more.
    fn key_left(
        &self,
        key: &Recipient,
        right: &BTreeSet<Recipient>,
        readers: &BTreeSet<HostName>,
    ) -> Option<(Knower, String)> {
        if let Some(host) = self.hosts.get(key) {
            let reason = "it could open the document, and policy does not grant it".to_owned();
            let known_by = Knower::Host { name: (*host).clone() };
            return (!readers.contains(*host)).then_some((known_by, reason));
        }
        let Some(name) = self.admins.get(key) else {
            if self.fleet.retired_recovery.contains(key) {
                return None;
            }
            let reason = "the fleet does not name this key any more".to_owned();
            return Some((Knower::Key { recipient: key.clone() }, reason));
        };
        let known_by = Knower::Admin { name: (*name).clone() };
        let admin = self.fleet.admins.get(*name)?;
        if admin.removed.is_some() {
            return Some((known_by, "they have left".to_owned()));
        }
        // A key that was replaced, of somebody who may still read the secret.
        if admin.recipients.iter().any(|key| right.contains(key)) {
            return None;
        }
        Some((known_by, "they are no editor of it any more".to_owned()))
    }
}
