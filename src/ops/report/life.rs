//! What happened to one secret, and who could read it then.

use std::collections::BTreeMap;
use std::collections::BTreeSet;

use jiff::Timestamp;

use crate::crypto::Recipient;
use crate::fleet::Fleet;
use crate::ledger::Event;
use crate::ledger::Line;
use crate::name::AdminName;
use crate::name::HostName;

/// One line of a ledger.
#[derive(Clone, Debug)]
pub struct Moment {
    /// What happened.
    pub event: Event,
    /// Number of the value.
    pub revision: u64,
    /// When.
    pub time: Timestamp,
    /// Who did it.
    pub author: AdminName,
    /// Hosts that had a sealed copy from then on.
    pub hosts: BTreeSet<HostName>,
    /// Who could open the source from then on.
    pub holders: BTreeSet<Holder>,
}

/// Who holds a key that a source was encrypted to.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub enum Holder {
    /// A person.
    Admin(AdminName),
    /// A host, which may read a source directly in a fleet that came from another tool.
    Host(HostName),
    /// Whoever holds the recovery key.
    Recovery,
    /// Whoever holds a key that the fleet does not name any more.
    Unknown(Recipient),
}

/// Whose keys are whose, those that were replaced included.
pub(super) struct Holders<'f>(BTreeMap<&'f Recipient, Holder>);

impl<'f> Holders<'f> {
    pub(super) fn of(fleet: &'f Fleet) -> Self {
        let mut holders = BTreeMap::new();
        for (name, host) in &fleet.hosts {
            holders.extend(host.recipients.iter().map(|key| (key, Holder::Host(name.clone()))));
        }
        let recovery = fleet.recovery.iter().chain(&fleet.retired_recovery);
        holders.extend(recovery.map(|key| (key, Holder::Recovery)));
        for (name, admin) in &fleet.admins {
            let keys = admin.recipients.iter().chain(&admin.retired);
            holders.extend(keys.map(|key| (key, Holder::Admin(name.clone()))));
        }
        Self(holders)
    }

    pub(super) fn life(&self, lines: &[Line]) -> Vec<Moment> {
        let holder =
            |key: &Recipient| self.0.get(key).cloned().unwrap_or_else(|| Holder::Unknown(key.clone()));
        let moment = |line: &Line| Moment {
            event: line.event,
            revision: line.revision,
            time: line.time,
            author: line.author.clone(),
            hosts: line.hosts.clone(),
            holders: line.recipients.iter().map(holder).collect(),
        };
        lines.iter().map(moment).collect()
    }
}
