//! What a verified ledger tells about the value that is in use.

use std::collections::BTreeMap;
use std::collections::BTreeSet;

use jiff::Timestamp;

use super::Line;
use super::Seen;
use super::VerifiedLedger;
use crate::crypto::Digest;
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
        let at = self.value_at()?;
        let made = lines.get(at)?;
        let (from, revisions) = self.kept_since(at);
        let since = lines.get(from)?.time;
        let (hosts, recipients) = (BTreeMap::new(), BTreeMap::new());
        let mut value = CurrentValue { made, number: at + 1, since, hosts, recipients };
        // Lines of a branch about another value stand among them, and tell nothing of this one.
        for line in lines.iter().skip(from).filter(|line| revisions.contains(&line.revision)) {
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

    /// The line that first made the value of line `at`, and all the numbers that the value has had since.
    fn kept_since(&self, at: usize) -> (usize, BTreeSet<u64>) {
        let lines = self.lines();
        let kept = |line: &Line| line.value.is_some_and(|seen| seen.changed == Some(false));
        let mut at = at;
        let mut revisions = BTreeSet::new();
        while let Some(line) = lines.get(at) {
            revisions.insert(line.revision);
            let before = if kept(line) { self.value_before(line) } else { None };
            match before {
                Some(before) => at = before,
                None => break,
            }
        }
        (at, revisions)
    }

    /// The line that made the value which `line` followed on its own branch.
    fn value_before(&self, line: &Line) -> Option<usize> {
        let lines = self.lines();
        let mut previous = line.previous;
        loop {
            let digest = previous?;
            let raw = |text: &str| Digest::of(text.as_bytes()) == digest;
            let at = self.inner.text.lines().position(raw)?;
            let found = lines.get(at)?;
            if found.event.is_new_value() {
                return Some(at);
            }
            previous = found.previous;
        }
    }
}
