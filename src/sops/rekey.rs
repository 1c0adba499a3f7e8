//! Changing who can open a file.

use std::collections::BTreeSet;
use std::sync::Arc;

use jiff::Timestamp;

use super::document::Document;
use super::error::Problem;
use super::error::SopsError;
use super::leaves;
use super::leaves::Meant;
use super::leaves::Said;
use super::metadata;
use super::metadata::Access;
use super::opened;
use super::opened::Draft;
use super::opened::Opened;
use super::stanzas::Foreigners;
use super::stanzas::Wrapping;
use super::tree::Block;
use super::tree::LeafKind;
use super::tree::Replacements;
use super::unlock;
use super::value::DataKey;
use crate::crypto::Prompt;
use crate::crypto::Recipient;

impl Opened {
    /// The file for exactly these age recipients.
    ///
    /// Where somebody is taken away, which dropping foreigners is too, there is a new data key and every value is
    /// encrypted anew. Where somebody is only added, nothing but the list of stanzas changes. With key groups,
    /// recipients can be taken away and not added, for nobody said to which group.
    pub fn rekeyed(
        &self,
        recipients: &BTreeSet<Recipient>,
        foreigners: &Foreigners,
        now: Timestamp,
        prompt: &Arc<dyn Prompt>,
    ) -> Result<Self, SopsError> {
        let wrapping = Wrapping { foreigners, now, prompt };
        self.rekey(recipients, &wrapping).map_err(|problem| self.wrong(problem))
    }

    /// The file with a new data key and every value encrypted anew, for those who can open it already.
    pub fn rotated(
        &self,
        foreigners: &Foreigners,
        now: Timestamp,
        prompt: &Arc<dyn Prompt>,
    ) -> Result<Self, SopsError> {
        let wrapping = Wrapping { foreigners, now, prompt };
        self.with_new_key(&|_| true, &[], &wrapping).map_err(|problem| self.wrong(problem))
    }

    fn rekey(&self, recipients: &BTreeSet<Recipient>, wrapping: &Wrapping<'_>) -> Result<Self, Problem> {
        let access = self.document().access();
        let wanted: BTreeSet<&str> = recipients.iter().map(Recipient::as_str).collect();
        let there: BTreeSet<String> = stanzas(access).map(unlock::canonical).collect();
        let added: Vec<&Recipient> =
            recipients.iter().filter(|recipient| !there.contains(recipient.as_str())).collect();
        let drops = *wrapping.foreigners == Foreigners::Drop
            && access.groups.iter().any(|group| !group.foreign.is_empty());
        let takes_away = drops || there.iter().any(|recipient| !wanted.contains(recipient.as_str()));
        if access.groups.len() > 1 {
            check_groups(access, &wanted, &added, wrapping)?;
        }
        if takes_away {
            return self.with_new_key(
                &|text| wanted.contains(unlock::canonical(text).as_str()),
                &added,
                wrapping,
            );
        }
        if added.is_empty() { Ok(self.clone()) } else { self.with_added(&added, wrapping) }
    }

    /// Nothing but the stanzas changes, so time and MAC stay.
    fn with_added(&self, added: &[&Recipient], wrapping: &Wrapping<'_>) -> Result<Self, Problem> {
        let document = self.document();
        let share = self.key().to_secret();
        let node = metadata::map_groups(document.node(), |_, group| {
            let mut group = group.clone();
            wrapping.with_added(&mut group, &share, added)?;
            Ok(group)
        })?;
        let text = document.text().render(&Replacements::new(), Some(Block { node: &node, like: None }))?;
        let changed = Document::read(text.expose(), document.format(), document.path())?;
        let changed = Self::verify(changed, Arc::clone(self.key()))?;
        changed.kept(self.leaves().map(|(leaf, said)| (leaf, said.scalar(leaf))))
    }

    fn with_new_key(
        &self,
        wanted: &dyn Fn(&str) -> bool,
        added: &[&Recipient],
        wrapping: &Wrapping<'_>,
    ) -> Result<Self, Problem> {
        let document = self.document();
        let access = document.access();
        let key = Arc::new(DataKey::generate()?);
        let shares = unlock::shares(&key, access.groups.len(), access.threshold)?;
        let node = metadata::map_groups(document.node(), |index, group| {
            let share = shares.get(index).ok_or(Problem::NotADataKey)?;
            wrapping.rewrapped(group, share, wanted, added)
        })?;
        let closed = self.leaves().zip(document.selected());
        let mut closed = closed.filter(|((_, said), selected)| **selected && matches!(said, Said::Closed));
        if let Some(((leaf, _), _)) = closed.next() {
            return Err(self.closed(leaf));
        }
        // Comments are sealed as such, whatever an older version made of them.
        let meant = document.meant(self.said());
        let meant: Vec<_> =
            meant.map(|meant| Meant { counts: meant.leaf.kind == LeafKind::Value, ..meant }).collect();
        let asked = meant.iter().enumerate().filter(|(_, meant)| meant.selected);
        let asked: Vec<_> = asked.map(|(index, meant)| (index, meant.leaf, meant.scalar)).collect();
        let values = leaves::seal(&asked, &key)?;
        let (text, format, path) = (document.text(), document.format(), document.path());
        let draft = Draft { text, values, meant, format, path, node, like: None };
        opened::finish(draft, &key, wrapping.now)
    }
}

fn stanzas(access: &Access) -> impl Iterator<Item = &str> {
    access.groups.iter().flat_map(|group| group.recipients.iter().map(|stanza| stanza.recipient.as_str()))
}

/// With groups nobody can be added, and no group may be left without anybody.
fn check_groups(
    access: &Access,
    wanted: &BTreeSet<&str>,
    added: &[&Recipient],
    wrapping: &Wrapping<'_>,
) -> Result<(), Problem> {
    let (groups, threshold) = (access.groups.len(), access.threshold);
    if !added.is_empty() {
        let reason = "which of them a new recipient belongs to cannot be told";
        return Err(Problem::Groups { groups, threshold, reason });
    }
    let keeps_foreign = *wrapping.foreigners != Foreigners::Drop;
    let emptied = access.groups.iter().any(|group| {
        let mut recipients = group.recipients.iter().map(|stanza| unlock::canonical(&stanza.recipient));
        let foreign = keeps_foreign && !group.foreign.is_empty();
        !foreign && !recipients.any(|recipient| wanted.contains(recipient.as_str()))
    });
    let reason = "one of them would be left without anybody";
    if emptied { Err(Problem::Groups { groups, threshold, reason }) } else { Ok(()) }
}
