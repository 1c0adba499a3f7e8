//! The readable part of an age header: which kinds of recipients a file has.

use std::fmt;

/// First line of every age file, version 1.
const MAGIC: &str = "age-encryption.org/v1";

/// Largest header that is looked at.
const HEADER_MAX: usize = 1 << 20;

/// One recipient of an age file, as far as its header tells.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct StanzaKind {
    kind: String,
    /// The first argument of ssh stanzas: a four-byte tag of the public key, in base64.
    tag: Option<String>,
}

impl fmt::Display for StanzaKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.tag {
            Some(tag) => write!(f, "{} (tag {tag})", self.kind),
            None => f.write_str(&self.kind),
        }
    }
}

/// Kinds of the recipients of an age file, greases left out; empty if this is no age file.
///
/// See <https://c2sp.org/age>: a stanza starts with `-> TYPE ARGUMENT…`, the header ends with `---`.
pub(super) fn stanza_kinds(ciphertext: &[u8]) -> Vec<StanzaKind> {
    let header = ciphertext.get(..ciphertext.len().min(HEADER_MAX)).unwrap_or_default();
    let mut lines = header.split(|byte| *byte == b'\n').map(String::from_utf8_lossy);
    if lines.next().as_deref() != Some(MAGIC) {
        return Vec::new();
    }
    let stanzas = lines.take_while(|line| !line.starts_with("---"));
    stanzas.filter_map(|line| parse(line.strip_prefix("-> ")?)).collect()
}

fn parse(stanza: &str) -> Option<StanzaKind> {
    let mut words = stanza.split(' ');
    let kind = words.next()?.to_owned();
    if kind.ends_with("-grease") {
        return None;
    }
    let tag = kind.starts_with("ssh-").then(|| words.next().map(str::to_owned)).flatten();
    Some(StanzaKind { kind, tag })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_and_ssh_tags_are_read_and_grease_is_not() {
        let header = b"age-encryption.org/v1\n-> X25519 abc\nbody\n-> ssh-ed25519 Xyz1Aw key\nbody\n-> 9-grease x\n\n--- mac\n-> X25519 payload";
        let kinds: Vec<String> = stanza_kinds(header).iter().map(ToString::to_string).collect();
        assert_eq!(kinds, ["X25519", "ssh-ed25519 (tag Xyz1Aw)"]);
    }

    #[test]
    fn anything_else_has_no_recipients() {
        for bytes in [b"".as_slice(), b"hello", b"age-encryption.org/v2\n-> X25519 a\n", &[0xff; 40]] {
            assert!(stanza_kinds(bytes).is_empty());
        }
    }
}
