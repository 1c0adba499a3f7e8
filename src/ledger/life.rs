//! What a verified ledger tells about the value that is in use.

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::Line;
use super::Seen;
use super::VerifiedLedger;
use crate::crypto::Recipient;
use crate::name::HostName;

/// The value that is in use, and who could ever read it.
#[derive(Clone, Debug)]
pub struct CurrentValue<'a> {
    /// The line that made it.
    pub made: &'a Line,
    /// Number of that line in the ledger, from 1.
    pub number: usize,
    /// When the value last really changed: earlier than `made` where a later write is known to have kept it.
    pub since: Timestamp,
    /// Hosts that had a sealed copy of it, with the time of the first line that does not name them any more.
    pub hosts: BTreeMap<&'a HostName, Option<Timestamp>>,
    /// What its source was encrypted to, likewise.
    pub recipients: BTreeMap<&'a Recipient, Option<Timestamp>>,
}

impl CurrentValue<'_> {
    /// What was seen of it when it was written.
    pub fn seen(&self) -> Seen {
        self.made.value.unwrap_or_default()
    }
}

impl VerifiedLedger {
    /// The value that is in use; none after a removal, or where there never was one.
    pub fn current_value(&self) -> Option<CurrentValue<'_>> {
        self.current()?;
        let lines = self.lines();
        let at = lines.iter().rposition(|line| line.event.is_new_value())?;
        let made = lines.get(at)?;
        let kept = |line: &Line| line.value.is_some_and(|seen| seen.changed == Some(false));
        let changed = lines.iter().take(at + 1).rfind(|line| line.event.is_new_value() && !kept(line));
        let mut value = CurrentValue {
            made,
            number: at + 1,
            since: changed.unwrap_or(made).time,
            hosts: BTreeMap::new(),
            recipients: BTreeMap::new(),
        };
        for line in lines.iter().skip(at) {
            let gone = Some(line.time);
            for (host, left) in &mut value.hosts {
                *left = if line.hosts.contains(*host) { None } else { left.or(gone) };
            }
            for (recipient, left) in &mut value.recipients {
                *left = if line.recipients.contains(*recipient) { None } else { left.or(gone) };
            }
            value.hosts.extend(line.hosts.iter().map(|host| (host, None)));
            value.recipients.extend(line.recipients.iter().map(|recipient| (recipient, None)));
        }
        Some(value)
    }
}
