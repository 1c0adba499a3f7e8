//! `.sops.yaml`: which keys new files get, in the order of its rules, and what people call these keys.

use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::path::Path;

use regex::Regex;

use super::yaml::Node;
use crate::crypto::Recipient;

/// Fields of rules and groups that name keys which age does not know, with a word for each kind.
const FOREIGN: [(&str, &str); 7] = [
    ("pgp", "PGP key"),
    ("kms", "AWS KMS key"),
    ("gcp_kms", "GCP KMS key"),
    ("azure_keyvault", "Azure Key Vault key"),
    ("azure_kv", "Azure Key Vault key"),
    ("hc_vault_transit_uri", "Vault transit key"),
    ("hckms", "Huawei KMS key"),
];

/// One creation rule.
#[derive(Debug)]
pub(super) struct Rule {
    path: Option<Regex>,
    pub(super) recipients: BTreeSet<Recipient>,
    pub(super) foreign: Vec<String>,
}

/// The whole file.
#[derive(Debug, Default)]
pub(super) struct SopsConfig {
    pub(super) rules: Vec<Rule>,
    /// What anchors call keys; one key may have several names.
    pub(super) aliases: BTreeMap<Recipient, BTreeSet<String>>,
    /// Comments beside keys.
    pub(super) remarks: BTreeMap<Recipient, String>,
    /// Names of keys that age does not know.
    pub(super) foreign: BTreeMap<String, String>,
    /// What could not be read.
    pub(super) mistakes: Vec<String>,
}

impl SopsConfig {
    /// Reads the text; none where it is no YAML.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let root = Node::parse(text)?.into_iter().next()?;
        let mut config = Self::default();
        for rule in root.get("creation_rules").map(Node::items).unwrap_or_default() {
            let path = rule.get("path_regex").and_then(Node::text).map(Regex::new);
            let path = match path {
                Some(Ok(path)) => Some(path),
                Some(Err(error)) => {
                    config
                        .mistakes
                        .push(format!("a `path_regex` does not parse: {error}").replace('\n', " "));
                    continue;
                }
                None => None,
            };
            let mut made = Rule { path, recipients: BTreeSet::new(), foreign: Vec::new() };
            config.keys(rule, &mut made);
            for group in rule.get("key_groups").map(Node::items).unwrap_or_default() {
                config.keys(group, &mut made);
            }
            config.rules.push(made);
        }
        config.names(text);
        Some(config)
    }

    /// The first rule that a path, relative to the file, falls under.
    pub(super) fn rule(&self, path: &Path) -> Option<&Rule> {
        let text = path.display().to_string();
        self.rules.iter().find(|rule| rule.path.as_ref().is_none_or(|path| path.is_match(&text)))
    }

    /// Keys may be a list, lists in a list, or one text with commas.
    fn keys(&mut self, place: &Node, rule: &mut Rule) {
        for word in place.get("age").map(words).unwrap_or_default() {
            match word.parse() {
                Ok(recipient) => drop(rule.recipients.insert(recipient)),
                Err(error) => self.mistakes.push(format!("{error}")),
            }
        }
        for (field, kind) in FOREIGN {
            let words = place.get(field).map(words).unwrap_or_default();
            rule.foreign.extend(words.into_iter().map(|word| format!("{kind} {word}")));
        }
    }

    /// Anchors and comments are no part of the tree, but they are what people call keys.
    fn names(&mut self, text: &str) {
        for line in text.lines() {
            let (code, comment) = line.split_once(" #").unwrap_or((line, ""));
            let Some((_, anchored)) = code.split_once('&') else {
                self.remark(code.trim_start_matches(['-', ' ']).trim(), comment);
                continue;
            };
            let Some((name, key)) = anchored.trim().split_once(char::is_whitespace) else { continue };
            let key = key.trim().trim_matches(['"', '\'']);
            match key.parse::<Recipient>() {
                Ok(recipient) => {
                    self.remark(key, comment);
                    self.aliases.entry(recipient).or_default().insert(name.to_owned());
                }
                Err(_) => drop(self.foreign.insert(key.to_owned(), name.to_owned())),
            }
        }
    }

    fn remark(&mut self, key: &str, comment: &str) {
        if let Ok(recipient) = key.trim_matches(['"', '\'', ',']).parse::<Recipient>()
            && !comment.trim().is_empty()
        {
            self.remarks.insert(recipient, comment.trim().to_owned());
        }
    }
}

fn words(node: &Node) -> Vec<String> {
    match node {
        Node::Scalar(text) => {
            text.split(',').map(str::trim).filter(|word| !word.is_empty()).map(str::to_owned).collect()
        }
        Node::List(items) => items.iter().flat_map(words).collect(),
        // `kms` may be a list of maps with an `arn`.
        Node::Map(entries) => entries
            .iter()
            .filter(|(name, _)| matches!(name.as_str(), "arn" | "resource_id" | "recipient" | "fp"))
            .flat_map(|(_, node)| words(node))
            .collect(),
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    const KEY: &str = "age1ql3z7hjy54pw3hyww5ayyfg7zqgvc7w3j2elw8zmrj2kg5sfn9aqmcac8p";
    const SSH: &str = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIOtJZ2b/Op7sjSoSz4rq4OvkbKN0U9FUS5a3bbhxhlti";

    #[test]
    fn the_first_rule_that_fits_counts_and_keys_keep_what_people_call_them() {
        let text = format!(
            "keys:\n  - &ryan 0123ABCD # a token\n  - &host_forge {KEY} # of 2024\n  - &luna {SSH}\ncreation_rules:\n  - path_regex: hosts/forge/[^/]+\\.yaml$\n    key_groups:\n      - pgp: [*ryan]\n        age: [*host_forge]\n  - path_regex: \\.yaml$\n    age: >-\n      {KEY},\n      {SSH}\n"
        );
        let config = SopsConfig::parse(&text).unwrap();
        let (forge, ssh): (Recipient, Recipient) = (KEY.parse().unwrap(), SSH.parse().unwrap());
        let first = config.rule(Path::new("hosts/forge/a.yaml")).unwrap();
        assert_eq!(
            (&first.recipients, first.foreign.as_slice()),
            (&[forge.clone()].into(), ["PGP key 0123ABCD".to_owned()].as_slice())
        );
        let second = config.rule(Path::new("hosts/luna/a.yaml")).unwrap();
        assert_eq!(second.recipients, [forge.clone(), ssh.clone()].into());
        assert!(config.rule(Path::new("a.json")).is_none());
        assert_eq!(config.aliases[&forge], ["host_forge".to_owned()].into());
        assert_eq!(config.aliases[&ssh], ["luna".to_owned()].into());
        assert_eq!(config.remarks[&forge], "of 2024");
        assert_eq!(config.foreign["0123ABCD"], "ryan");
    }
}
