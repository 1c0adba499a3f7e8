//! The stanza lists of the metadata: made for new files, and made anew when readers come and go.

use std::collections::BTreeSet;
use std::sync::Arc;

use jiff::Timestamp;

use super::error::Problem;
use super::gpg::Gpg;
use super::metadata;
use super::metadata::ForeignKind;
use super::tree::Node;
use super::unlock;
use crate::crypto::Prompt;
use crate::crypto::Recipient;
use crate::secret::SecretBytes;

/// What happens to stanzas that are not age when the data key changes.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Foreigners {
    /// They stay. OpenPGP stanzas are made anew through `gpg`; a key service makes the change fail, named.
    Keep(Gpg),
    /// They go, and whoever had them is a reader no more.
    Drop,
}

/// Who a share is wrapped for, and how.
pub(super) struct Wrapping<'a> {
    pub(super) foreigners: &'a Foreigners,
    pub(super) now: Timestamp,
    pub(super) prompt: &'a Arc<dyn Prompt>,
}

impl Wrapping<'_> {
    /// The stanza of one recipient.
    pub(super) fn stanza(&self, share: &SecretBytes, recipient: &str) -> Result<Node, Problem> {
        let enc = unlock::wrap(share, recipient, self.prompt)?;
        let field = |name: &str, text: String| (name.to_owned(), Node::Str(text));
        Ok(Node::Map(vec![field("recipient", recipient.to_owned()), field("enc", enc)]))
    }

    fn stanzas(&self, share: &SecretBytes, recipients: &BTreeSet<Recipient>) -> Result<Node, Problem> {
        let stanzas = recipients.iter().map(|recipient| self.stanza(share, recipient.as_str()));
        Ok(Node::List(stanzas.collect::<Result<_, _>>()?))
    }

    /// The lists of a new file, with the threshold where there are several groups.
    pub(super) fn lists(
        &self,
        shares: &[SecretBytes],
        groups: &[&BTreeSet<Recipient>],
        threshold: usize,
    ) -> Result<Vec<(String, Node)>, Problem> {
        if let ([share], [group]) = (shares, groups) {
            return Ok(vec![("age".to_owned(), self.stanzas(share, group)?)]);
        }
        let mut nodes = Vec::new();
        for (share, group) in shares.iter().zip(groups) {
            nodes.push(Node::Map(vec![("age".to_owned(), self.stanzas(share, group)?)]));
        }
        Ok(vec![
            ("shamir_threshold".to_owned(), Node::Number(threshold.to_string())),
            ("key_groups".to_owned(), Node::List(nodes)),
        ])
    }

    /// A group with a new share: for those of its recipients that `wanted` holds, for `added`, and for what else
    /// stays. Fields of stanzas that are not known are kept.
    pub(super) fn rewrapped(
        &self,
        group: &Node,
        share: &SecretBytes,
        wanted: &dyn Fn(&str) -> bool,
        added: &[&Recipient],
    ) -> Result<Node, Problem> {
        let Node::Map(fields) = group else { return Ok(group.clone()) };
        let mut made = Node::Map(Vec::new());
        for (field, value) in fields {
            let new = match (field.as_str(), value.as_list()) {
                ("age", Some(stanzas)) => self.age(stanzas, share, wanted)?,
                ("key_groups", _) | (_, None) => value.clone(),
                (_, Some(stanzas)) => self.foreign(field, stanzas, share)?,
            };
            let emptied = new.as_list().is_some_and(<[Node]>::is_empty);
            if !emptied || value.as_list().is_some_and(<[Node]>::is_empty) {
                metadata::set(&mut made, field, new, None);
            }
        }
        self.with_added(&mut made, share, added)?;
        Ok(made)
    }

    /// Adds stanzas to a group whose share stays.
    pub(super) fn with_added(
        &self,
        group: &mut Node,
        share: &SecretBytes,
        added: &[&Recipient],
    ) -> Result<(), Problem> {
        let mut stanzas = group.field("age").and_then(Node::as_list).unwrap_or_default().to_vec();
        for recipient in added {
            stanzas.push(self.stanza(share, recipient.as_str())?);
        }
        if !added.is_empty() {
            metadata::set(group, "age", Node::List(stanzas), Some("lastmodified"));
        }
        Ok(())
    }

    fn age(
        &self,
        stanzas: &[Node],
        share: &SecretBytes,
        wanted: &dyn Fn(&str) -> bool,
    ) -> Result<Node, Problem> {
        let (mut made, mut known) = (Vec::new(), BTreeSet::new());
        for stanza in stanzas {
            let recipient = stanza.field("recipient").and_then(Node::as_str).unwrap_or_default();
            if !wanted(recipient) || !known.insert(unlock::canonical(recipient)) {
                continue;
            }
            let mut stanza = stanza.clone();
            let enc = unlock::wrap(share, recipient, self.prompt)?;
            metadata::set(&mut stanza, "enc", Node::Str(enc), None);
            made.push(stanza);
        }
        Ok(Node::List(made))
    }

    fn foreign(&self, field: &str, stanzas: &[Node], share: &SecretBytes) -> Result<Node, Problem> {
        let mut made = Vec::new();
        for stanza in stanzas {
            let Some(known) = metadata::foreign(field, stanza) else {
                made.push(stanza.clone());
                continue;
            };
            let Foreigners::Keep(gpg) = self.foreigners else { continue };
            if known.kind != ForeignKind::Pgp {
                return Err(Problem::Foreign { who: known.to_string() });
            }
            let mut stanza = stanza.clone();
            let enc = gpg.encrypt(share, &known.id)?;
            metadata::set(&mut stanza, "enc", Node::Str(enc), None);
            metadata::set(&mut stanza, "created_at", Node::Str(metadata::time(self.now)), None);
            made.push(stanza);
        }
        Ok(Node::List(made))
    }
}
