//! Who can open an age file, as far as its header and what is known of keys tell.

use std::collections::BTreeSet;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use sha2::Digest;
use sha2::Sha256;

use crate::crypto::Recipient;

const MAGIC: &str = "age-encryption.org/v1";
const ARMOR: &str = "-----BEGIN AGE ENCRYPTED FILE-----";
/// Largest header that is looked at.
const HEADER_MAX: usize = 1 << 20;

/// The recipients of a file: kind, and the tag that stanzas for ssh keys carry.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct Header {
    stanzas: Vec<(String, Option<String>)>,
}

impl Header {
    /// Reads a header, armored or not; none if this is no age file.
    pub(super) fn read(bytes: &[u8]) -> Option<Self> {
        let start = String::from_utf8_lossy(bytes.get(..bytes.len().min(HEADER_MAX)).unwrap_or_default());
        let text = match start.trim_start().strip_prefix(ARMOR) {
            Some(body) => {
                let body: String =
                    body.lines().take_while(|line| !line.starts_with("-----")).map(str::trim).collect();
                let whole = body.get(..body.len() / 4 * 4)?;
                String::from_utf8_lossy(&STANDARD.decode(whole).ok()?).into_owned()
            }
            None => start.into_owned(),
        };
        let mut lines = text.lines();
        if lines.next() != Some(MAGIC) {
            return None;
        }
        let stanzas =
            lines.take_while(|line| !line.starts_with("---")).filter_map(|line| line.strip_prefix("-> "));
        let parse = |line: &str| {
            let mut words = line.split(' ');
            let kind = words.next()?.to_owned();
            let tag = kind.starts_with("ssh-").then(|| words.next().map(str::to_owned)).flatten();
            (!kind.ends_with("-grease")).then_some((kind, tag))
        };
        Some(Self { stanzas: stanzas.filter_map(parse).collect() })
    }

    /// Tells which of the keys in `expected` the file really has, and which of its recipients none of them is.
    /// Keys without a tag are believed as long as the file has as many of their kind.
    pub(super) fn compare(&self, expected: &BTreeSet<Recipient>) -> Compared {
        let mut compared = Compared::default();
        let mut left = self.stanzas.clone();
        for key in expected {
            let (kind, tag) = kind_of(key);
            let same =
                |(stanza, own): &(String, Option<String>)| *stanza == kind && (tag.is_none() || *own == tag);
            match left.iter().position(same) {
                Some(at) => {
                    left.remove(at);
                    compared.readers.insert(key.clone());
                }
                // A plugin writes stanzas of a name of its own.
                None if kind.is_empty() => drop(compared.readers.insert(key.clone())),
                None => drop(compared.missing.insert(key.clone())),
            }
        }
        let plugins = expected.iter().filter(|key| kind_of(key).0.is_empty()).count();
        let known = |kind: &str| matches!(kind, "X25519" | "ssh-ed25519" | "ssh-rsa" | "scrypt");
        let mut spare = plugins;
        left.retain(|(kind, _)| {
            known(kind) || {
                let keep = spare == 0;
                spare = spare.saturating_sub(1);
                keep
            }
        });
        compared.unnamed = left.iter().map(|(kind, tag)| described(kind, tag.as_deref())).collect();
        compared
    }

    /// Which of `known` the file is encrypted to: those whose tags it carries. Keys without a tag are believed where the
    /// tool encrypts `everywhere` to them and the file has as many recipients of their kind. The rest stays without a name.
    pub(super) fn named(&self, known: &BTreeSet<Recipient>, everywhere: &BTreeSet<Recipient>) -> Compared {
        let tagged = known.union(everywhere).filter(|key| {
            let (kind, tag) = kind_of(key);
            tag.is_some() && self.stanzas.contains(&(kind, tag))
        });
        let untagged = everywhere.iter().filter(|key| kind_of(key).1.is_none());
        let enough = |key: &&Recipient| {
            let (kind, _) = kind_of(key);
            let same = everywhere.iter().filter(|other| kind_of(other) == (kind.clone(), None)).count();
            kind.is_empty() || self.stanzas.iter().filter(|(stanza, _)| *stanza == kind).count() >= same
        };
        self.compare(&tagged.chain(untagged.filter(enough)).cloned().collect())
    }
}

/// A key as [`Compared::unnamed`] calls it, if its stanzas carry a tag.
pub(super) fn tagged(key: &Recipient) -> Option<String> {
    let (kind, tag) = kind_of(key);
    tag.map(|tag| described(&kind, Some(&tag)))
}

fn described(kind: &str, tag: Option<&str>) -> String {
    tag.map_or_else(|| kind.to_owned(), |tag| format!("{kind} (tag {tag})"))
}

/// A header beside what was expected of it.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub(super) struct Compared {
    /// Expected, and there.
    pub(super) readers: BTreeSet<Recipient>,
    /// Expected, and not there.
    pub(super) missing: BTreeSet<Recipient>,
    /// There, and expected by nobody.
    pub(super) unnamed: Vec<String>,
}

/// The kind of stanza that a recipient gets, and its tag; no kind for plugins.
fn kind_of(key: &Recipient) -> (String, Option<String>) {
    match key.as_str().split_once(' ') {
        Some((kind, body)) => {
            let tag = STANDARD.decode(body.trim()).ok().map(|wire| {
                let digest = Sha256::digest(wire);
                STANDARD_NO_PAD.encode(digest.get(..4).unwrap_or_default())
            });
            (kind.to_owned(), tag)
        }
        None if key.as_str().len() == 62 => ("X25519".to_owned(), None),
        None => (String::new(), None),
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    const KEY: &str = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIOtJZ2b/Op7sjSoSz4rq4OvkbKN0U9FUS5a3bbhxhlti";

    #[test]
    fn ssh_keys_are_told_by_their_tags_and_others_by_their_number() {
        let ssh: Recipient = KEY.parse().unwrap();
        let age: Recipient =
            "age1ql3z7hjy54pw3hyww5ayyfg7zqgvc7w3j2elw8zmrj2kg5sfn9aqmcac8p".parse().unwrap();
        let (_, tag) = kind_of(&ssh);
        let text = format!(
            "{MAGIC}\n-> ssh-ed25519 {} x\nb\n-> X25519 y\nb\n-> ssh-ed25519 AAAAAA z\nb\n--- m",
            tag.unwrap()
        );
        let header = Header::read(text.as_bytes()).unwrap();
        let compared = header.compare(&[ssh.clone(), age.clone()].into());
        assert_eq!(compared.readers, [ssh.clone(), age.clone()].into());
        assert_eq!(compared.unnamed, ["ssh-ed25519 (tag AAAAAA)"]);
        let none = BTreeSet::new();
        assert_eq!(header.named(&[ssh.clone(), age.clone()].into(), &none).readers, [ssh.clone()].into());
        assert_eq!(
            header.named(&[ssh.clone()].into(), &[age.clone()].into()).readers,
            [ssh.clone(), age.clone()].into()
        );
        let more = "age1lhjx4u6hu233qjud7dykw3sacpk0mk9jqtnmfgqq3vygpuws6azq75pzff".parse().unwrap();
        let named = header.named(&none, &[age, more, ssh.clone()].into());
        assert_eq!(
            (named.readers, named.unnamed.len()),
            ([ssh].into(), 2),
            "two keys, and one recipient of their kind"
        );
        assert_eq!(Header::read(b"hello"), None);
    }
}
