//! The text of `.sops.yaml`.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::path::Path;
use std::path::PathBuf;

use crate::crypto::Recipient;
use crate::sops::Access;
use crate::sops::ForeignKind;
use crate::sops::Selector;

/// The line by which a file of ours is known.
pub(super) const HEAD: &str =
    "# Made by `secretctl export sops-config`; what is changed here by hand is lost.\n";

/// What sops is to know of one document.
pub(super) struct Rule {
    pub(super) path: PathBuf,
    /// Who can open it, with who that is.
    pub(super) recipients: BTreeMap<Recipient, String>,
    pub(super) access: Access,
}

/// The whole file. How other files are indented stays as it was.
pub(super) fn text(rules: &[Rule], found: Option<&str>) -> String {
    let mut text = HEAD.to_owned();
    if let Some(stores) = found.and_then(stores) {
        text.push_str(&stores);
    }
    text.push_str(if rules.is_empty() { "creation_rules: []\n" } else { "creation_rules:\n" });
    rules.iter().for_each(|rule| rule.write(&mut text));
    text
}

impl Rule {
    fn write(&self, text: &mut String) {
        if let Some(reason) = self.unfit() {
            // Without a rule sops refuses to change the readers of the file, and with a wrong one it would.
            let _ = writeln!(text, "  # no rule for {}: {reason}", self.path.display());
            return;
        }
        let _ = writeln!(text, "  - path_regex: {}", quoted(&anchored(&self.path)));
        let (field, value) = selector(&self.access.selector);
        if (field, value) != ("unencrypted_suffix", "_unencrypted") {
            let _ = writeln!(text, "    {field}: {}", quoted(value));
        }
        if self.access.mac_only_encrypted {
            text.push_str("    mac_only_encrypted: true\n");
        }
        text.push_str("    key_groups:\n      - age:\n");
        for (recipient, owner) in &self.recipients {
            let _ = writeln!(text, "          - {} # {}", quoted(recipient.as_str()), owner.replace('`', ""));
        }
        let pgp: Vec<&str> =
            self.access.groups.iter().flat_map(|group| &group.foreign).map(|one| one.id.as_str()).collect();
        if !pgp.is_empty() {
            text.push_str("        pgp:\n");
            for id in pgp {
                let _ = writeln!(text, "          - {}", quoted(id));
            }
        }
    }

    /// Why there is no rule that says the same as the file.
    fn unfit(&self) -> Option<String> {
        if self.access.groups.len() > 1 {
            return Some("it has several key groups, which secretctl does not change".to_owned());
        }
        let foreign = self.access.groups.iter().flat_map(|group| &group.foreign);
        let other = foreign.map(|one| &one.kind).find(|kind| **kind != ForeignKind::Pgp)?;
        Some(format!("it can be opened through {other}"))
    }
}

fn selector(selector: &Selector) -> (&'static str, &str) {
    match selector {
        Selector::UnencryptedSuffix(text) => ("unencrypted_suffix", text),
        Selector::EncryptedSuffix(text) => ("encrypted_suffix", text),
        Selector::UnencryptedRegex(text) => ("unencrypted_regex", text),
        Selector::EncryptedRegex(text) => ("encrypted_regex", text),
        Selector::UnencryptedCommentRegex(text) => ("unencrypted_comment_regex", text),
        Selector::EncryptedCommentRegex(text) => ("encrypted_comment_regex", text),
    }
}

/// A regular expression for this path and no other.
fn anchored(path: &Path) -> String {
    let mut text = String::from("^");
    for c in path.to_string_lossy().chars() {
        if r"\.+*?()|[]{}^$".contains(c) {
            text.push('\\');
        }
        text.push(c);
    }
    text.push('$');
    text
}

/// A scalar of YAML that is a string whatever it looks like.
fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}

/// The block `stores` of a file, as it is written there.
fn stores(found: &str) -> Option<String> {
    let mut lines = found.split_inclusive('\n').skip_while(|line| !line.starts_with("stores:"));
    let first = lines.next()?.to_owned();
    let inside = |line: &&str| line.starts_with([' ', '\t']) || line.trim().is_empty();
    let block = lines.take_while(inside).fold(first, |block, line| block + line);
    Some(format!("{}\n", block.trim_end()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_matches_itself_alone() {
        assert_eq!(anchored(Path::new("secrets/a+b (1).sops.yaml")), r"^secrets/a\+b \(1\)\.sops\.yaml$");
        assert_eq!(quoted("it's"), "'it''s'");
    }

    #[test]
    fn only_the_block_of_indentation_is_taken_over() {
        let found = "# by hand\nstores:\n  json:\n    indent: 2\n\ncreation_rules:\n  - age: x\n";
        assert_eq!(stores(found).as_deref(), Some("stores:\n  json:\n    indent: 2\n"));
        assert_eq!(stores("creation_rules: []\n"), None);
    }
}
