//! Whose a key is, from what people call it: bindings in Nix files, anchors in `.sops.yaml`, comments of ssh keys.

use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::path::Path;

use rnix::ast::Attr;
use rnix::ast::AttrpathValue;
use rowan::ast::AstNode;

use super::alias;
use super::found::Found;
use super::tree;
use crate::crypto::Recipient;
use crate::diag::Severity;
use crate::name::HostName;

/// What stands for keys in the files of a repository.
#[derive(Debug, Default)]
pub(super) struct Keys {
    /// Names of a key, nearest first: `forge` of `systems`.
    names: BTreeMap<Recipient, Vec<Vec<String>>>,
    remarks: BTreeMap<Recipient, String>,
}

impl Keys {
    /// Adds a name of a key.
    pub(super) fn add(&mut self, key: Recipient, name: Vec<String>) {
        self.names.entry(key).or_default().push(name);
    }

    pub(super) fn remark(&mut self, key: Recipient, remark: String) {
        self.remarks.insert(key, remark);
    }

    /// Every key that something names.
    pub(super) fn all(&self) -> BTreeSet<Recipient> {
        self.names.keys().chain(self.remarks.keys()).cloned().collect()
    }

    /// Gathers `name = "age1…";` and `name = [ "ssh-ed25519 …" ];` from every Nix file.
    pub(super) fn from_nix(root: &Path) -> Self {
        let mut keys = Self::default();
        for path in tree::files(root) {
            if path.extension().is_some_and(|ending| ending == "nix")
                && let Some(text) = tree::text(root, &path)
                && (text.contains("age1") || text.contains("ssh-"))
            {
                keys.read(&text);
            }
        }
        keys
    }

    fn read(&mut self, text: &str) {
        // Where brackets stand very deep in each other, nobody wrote keys.
        if text.len() > 1 << 20 || text.matches('(').count() > 10_000 {
            return;
        }
        let root = rnix::Root::parse(text).tree();
        for node in root.syntax().descendants().filter_map(rnix::ast::Str::cast) {
            let written = node.to_string();
            let text = written.trim_matches('"').trim();
            let Ok(key) = text.parse::<Recipient>() else { continue };
            let bindings = node.syntax().ancestors().filter_map(AttrpathValue::cast);
            let names: Vec<String> = bindings.flat_map(|binding| names_of(&binding)).collect();
            if let Some(comment) = text.splitn(3, ' ').nth(2) {
                self.remark(key.clone(), comment.to_owned());
            }
            self.add(key, names);
        }
    }

    /// Says of every key whose it is: a host's, a person's, or nobody's that has a name.
    pub(super) fn settle(self, found: &mut Found) {
        let hosts: BTreeSet<HostName> = found.hosts.keys().cloned().collect();
        let used: BTreeSet<Recipient> =
            found.files.values().flat_map(|file| file.readers.iter().cloned()).collect();
        for (key, remark) in &self.remarks {
            found.remarks.insert(key.clone(), remark.clone());
        }
        let known: BTreeSet<Recipient> = self.all();
        for key in known.union(&used) {
            if found.host_of(key).is_some() || found.people.values().any(|keys| keys.contains(key)) {
                continue;
            }
            match self.owner(key, &hosts) {
                Owner::Host(host) => _ = found.hosts.entry(host).or_default().recipients.insert(key.clone()),
                Owner::Person(name) => drop(found.people.entry(name).or_default().insert(key.clone())),
                Owner::Nobody if used.contains(key) => {
                    let shown = shown(key);
                    let message = format!("nothing in the repository says whose key `{shown}` is");
                    found.problem(Severity::Warning, "import::unknown_recipient", message).help = Some(
                        "if it is a host's, say so with `--host NAME=RECIPIENT`; else it can open what it could until the next `secretctl rekey --settle`"
                            .to_owned(),
                    );
                }
                Owner::Nobody => {}
            }
        }
    }

    fn owner(&self, key: &Recipient, hosts: &BTreeSet<HostName>) -> Owner {
        let remark = self.remarks.get(key);
        let at_host = remark.and_then(|remark| remark.strip_prefix("root@"));
        let names = self.names.get(key).map(Vec::as_slice).unwrap_or_default();
        let told: Vec<(&str, &Vec<String>)> =
            names.iter().filter_map(|name| Some((nearest(name)?, name))).collect();
        for name in told.iter().map(|(nearest, _)| *nearest).chain(at_host) {
            if let Some(host) = alias::host_of(name, hosts) {
                return Owner::Host(host.clone());
            }
        }
        for (nearest, name) in &told {
            if let Some(host) = alias::host_named(nearest) {
                return Owner::Host(host);
            }
            if let (true, Ok(host)) = (name.iter().any(|word| lists_hosts(word)), nearest.parse()) {
                return Owner::Host(host);
            }
        }
        let person = told.first().map(|(nearest, _)| (*nearest).to_owned());
        if let Some(host) = at_host.and_then(|host| host.parse().ok()) {
            return Owner::Host(host);
        }
        let named = remark.map(|remark| remark.split(['@', ' ']).next().unwrap_or_default().to_owned());
        person.or(named).filter(|name| !name.is_empty()).map_or(Owner::Nobody, Owner::Person)
    }
}

enum Owner {
    Host(HostName),
    Person(String),
    Nobody,
}

/// A key as people tell it from others: ssh keys by their fingerprint.
pub(super) fn shown(key: &Recipient) -> String {
    key.ssh_fingerprint().map_or_else(
        || key.to_string(),
        |fingerprint| format!("{} {fingerprint}", key.as_str().split(' ').next().unwrap_or_default()),
    )
}

fn names_of(binding: &AttrpathValue) -> Vec<String> {
    let attrs: Vec<Attr> = binding.attrpath().map(|path| path.attrs().collect()).unwrap_or_default();
    attrs.iter().rev().map(|attr| attr.to_string().trim_matches('"').to_owned()).collect()
}

/// What stands nearest to a key and is a name; what holds a list of people's keys says nothing of whose they are.
fn nearest(name: &[String]) -> Option<&str> {
    let lists_people = |word: &str| {
        matches!(
            word,
            "masterIdentities"
                | "extraRecipients"
                | "extraEncryptionPubkeys"
                | "defaultEncryptKeys"
                | "encryptKeys"
                | "authorizedKeys"
        )
    };
    let mut inner = name.iter().map(String::as_str).take_while(|word| !lists_people(word));
    inner.find(|word| !says_nothing(word))
}

/// Words for sets of hosts.
fn lists_hosts(word: &str) -> bool {
    matches!(word, "systems" | "hosts" | "machines" | "servers" | "hostKeys" | "nodes")
}

/// Words around a key that are no name of anybody.
fn says_nothing(word: &str) -> bool {
    matches!(
        word,
        "config"
            | "publicKeys"
            | "keys"
            | "systems"
            | "hosts"
            | "machines"
            | "servers"
            | "users"
            | "people"
            | "all"
            | "allKeys"
            | "everyone"
            | "hostPubKey"
            | "hostPubkey"
            | "defaultEncryptKeys"
            | "encryptKeys"
            | "secrix"
            | "age"
            | "rekey"
            | "pubkey"
            | "masterIdentities"
            | "extraRecipients"
            | "extraEncryptionPubkeys"
            | "settings"
            | "vaultix"
            | "publicKey"
            | "key"
            | "ssh"
            | "recipients"
            | "openssh"
            | "authorizedKeys"
            | "hostKeys"
            | "nodes"
    ) || word.ends_with(".age")
}
