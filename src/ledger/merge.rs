//! Two branches of one ledger, joined without losing a line of either.

use std::collections::BTreeSet;

use super::Author;
use super::Entry;
use super::Event;
use super::Joined;
use super::Line;
use super::VerifiedLedger;
use crate::crypto::Digest;
use crate::crypto::SignerError;
use crate::name::HostName;
use crate::name::SecretName;

/// How two versions of one ledger stand to each other.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Relation {
    /// Ours has every line of theirs.
    Contains,
    /// Theirs has every line of ours, and more.
    Contained,
    /// Each has lines that the other lacks; they share this many at the start.
    Parted(usize),
}

impl VerifiedLedger {
    /// How the two stand to each other.
    pub fn relation(&self, theirs: &Self) -> Relation {
        let mine: BTreeSet<&str> = self.inner.text.lines().collect();
        let other: BTreeSet<&str> = theirs.inner.text.lines().collect();
        if other.is_subset(&mine) {
            return Relation::Contains;
        }
        if mine.is_subset(&other) {
            return Relation::Contained;
        }
        let same = self.inner.text.lines().zip(theirs.inner.text.lines());
        Relation::Parted(same.take_while(|(ours, theirs)| ours == theirs).count())
    }

    /// Digest of the last line.
    pub fn head_digest(&self) -> Option<Digest> {
        self.inner.text.lines().last().map(|raw| Digest::of(raw.as_bytes()))
    }

    /// Whether every line of a text is here.
    pub fn has_lines_of(&self, text: &str) -> bool {
        if self.inner.text.starts_with(text) {
            return true;
        }
        let mine: BTreeSet<&str> = self.inner.text.lines().collect();
        text.lines().all(|line| mine.contains(line))
    }

    /// What two branches make together, where that needs nobody to decide: at most one of them touched the
    /// source, and neither removed or moved it.
    pub fn settled(&self, theirs: &Self) -> Option<Entry> {
        let Relation::Parted(shared) = self.relation(theirs) else { return None };
        let base = self.lines().get(shared.checked_sub(1)?)?;
        let (ours_last, theirs_last) = (self.head()?, theirs.head()?);
        let plain = |ledger: &Self| {
            let mut added = ledger.lines().iter().skip(shared);
            added.all(|line| !matches!(line.event, Event::Removed | Event::Moved | Event::Created))
        };
        let touched = |line: &Line| line.source_sha256 != base.source_sha256;
        if !plain(self) || !plain(theirs) || (touched(ours_last) && touched(theirs_last)) {
            return None;
        }
        let newer = if touched(theirs_last) { theirs_last } else { ours_last };
        Some(Entry {
            event: Event::Merged,
            key: newer.key.clone(),
            source_sha256: newer.source_sha256,
            recipients: newer.recipients.clone(),
            hosts: three_ways(&base.hosts, &ours_last.hosts, &theirs_last.hosts),
            above: 0,
            value: None,
        })
    }

    /// Takes in the lines of another branch and joins both with one signed line.
    pub fn join(
        &mut self,
        theirs: &Self,
        secret: &SecretName,
        entry: Entry,
        author: Author<'_>,
    ) -> Result<(), SignerError> {
        let ends = (self.head_digest(), theirs.head_digest());
        let (Some(previous), Some(merged)) = ends else { return Ok(()) };
        let last = [&*self, theirs].into_iter().filter_map(|l| Some(l.head()?.revision)).max();
        let last = last.unwrap_or_default();
        let ahead = self.head().map(|head| head.revision) < theirs.head().map(|head| head.revision);
        if ahead {
            self.value_line = theirs.value_line;
        }
        let known: BTreeSet<String> = self.inner.text.lines().map(str::to_owned).collect();
        for (line, raw) in theirs.inner.lines.iter().zip(theirs.inner.text.lines()) {
            if !known.contains(raw) {
                self.inner.text.push_str(raw);
                self.inner.text.push('\n');
                self.inner.lines.push(line.clone());
            }
        }
        let new_value = entry.event.is_new_value();
        let revision = if new_value { last.max(entry.above).saturating_add(1) } else { last };
        self.push(secret, (entry, None), author, revision, Some(Joined { previous, merged }))
    }
}

/// What both have, and what one of them added.
fn three_ways(
    base: &BTreeSet<HostName>,
    ours: &BTreeSet<HostName>,
    theirs: &BTreeSet<HostName>,
) -> BTreeSet<HostName> {
    let stays = |host: &HostName| match (base.contains(host), ours.contains(host), theirs.contains(host)) {
        (true, ours, theirs) => ours && theirs,
        (false, ours, theirs) => ours || theirs,
    };
    ours.union(theirs).filter(|host| stays(host)).cloned().collect()
}
