//! Whose a key is, from what people call it: bindings in Nix files, anchors in `.sops.yaml`, comments of ssh keys.

use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::path::Path;

use rnix::ast::Attr;
use rnix::ast::AttrpathValue;
use rowan::ast::AstNode;

use super::alias;
use super::found::Found;
use super::found::ReaderKind;
use super::tree;
use crate::crypto::Recipient;
use crate::name::HostName;

/// What stands for keys in the files of a repository.
#[derive(Debug, Default)]
pub(super) struct Keys {
    /// Names of a key, nearest first: `forge` of `systems`.
    names: BTreeMap<Recipient, Vec<Vec<String>>>,
    remarks: BTreeMap<Recipient, String>,
    /// Names that stand in a list of hosts, as in `systems = [ forge luna ]`, and those in a list of people.
    listed: BTreeMap<String, ReaderKind>,
    /// Whom the tool's own options call keys of people.
    people: BTreeMap<Recipient, String>,
}

impl Keys {
    /// Adds a name of a key.
    pub(super) fn add(&mut self, key: Recipient, name: Vec<String>) {
        self.names.entry(key).or_default().push(name);
    }

    /// Adds a name of a key that the options of a tool say is a person's.
    pub(super) fn person(&mut self, key: Recipient, name: String) {
        self.people.insert(key, name);
    }

    pub(super) fn remark(&mut self, key: Recipient, remark: String) {
        self.remarks.insert(key, remark);
    }

    /// Every key that something names.
    pub(super) fn all(&self) -> BTreeSet<Recipient> {
        self.names.keys().chain(self.remarks.keys()).chain(self.people.keys()).cloned().collect()
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
        let Some(root) = super::nix::parsed(text) else { return };
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
        for node in root.syntax().descendants().filter_map(rnix::ast::Ident::cast) {
            let bindings = node.syntax().ancestors().filter_map(AttrpathValue::cast);
            let lists: Vec<String> = bindings.flat_map(|binding| names_of(&binding)).collect();
            let in_list = node.syntax().ancestors().skip(1).find_map(rnix::ast::List::cast).is_some();
            if let Some(kind) = lists.first().filter(|_| in_list).and_then(|list| list_of(list)) {
                let known = self.listed.entry(node.to_string()).or_default();
                *known = kind.max(*known);
            }
        }
    }

    /// Says of every key whose it is: a host's, somebody else's, or nobody's that has a name.
    pub(super) fn settle(self, root: &Path, found: &mut Found) {
        let mut hosts: BTreeSet<HostName> = found.hosts.keys().cloned().collect();
        // A machine that the flake does not configure any more, and whose files are still there.
        hosts.extend(super::nix::host_folders(root).into_iter().filter_map(|name| name.parse().ok()));
        let used: BTreeSet<Recipient> =
            found.files.values().flat_map(|file| file.readers.iter().cloned()).collect();
        for (key, remark) in &self.remarks {
            found.remarks.insert(key.clone(), remark.clone());
        }
        let known: BTreeSet<Recipient> = self.all();
        for key in known.union(&used) {
            let known = found.host_of(key).is_some() || found.reader_of(key).is_some();
            if known || found.recovery.contains(key) {
                continue;
            }
            match self.owner(key, &hosts) {
                Owner::Host(host) => _ = found.hosts.entry(host).or_default().recipients.insert(key.clone()),
                Owner::Other(name, kind) => found.reader(name, key.clone(), kind),
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
        if let Some(name) = self.people.get(key) {
            return Owner::Other(name.clone(), ReaderKind::Person);
        }
        for name in told.iter().map(|(nearest, _)| *nearest).chain(at_host) {
            if let Some(host) = alias::host_of(name, hosts) {
                return Owner::Host(host.clone());
            }
        }
        for (nearest, name) in &told {
            if let Some(host) = alias::host_named(nearest) {
                return Owner::Host(host);
            }
            let in_set = name.iter().any(|word| list_of(word) == Some(ReaderKind::Machine));
            if let (true, Ok(host)) = (in_set, nearest.parse()) {
                return Owner::Host(host);
            }
        }
        if let Some(host) = at_host.and_then(|host| host.parse().ok()) {
            return Owner::Host(host);
        }
        let remarked = remark.map(|remark| remark.split(['@', ' ']).next().unwrap_or_default());
        let called = told.first().map(|(nearest, _)| *nearest).or(remarked).filter(|name| !name.is_empty());
        called.map_or(Owner::Nobody, |name| Owner::Other(name.to_owned(), self.kind(name, &told, remark)))
    }

    /// What everything that is called a key says of its owner; a word for machines counts before one for people.
    fn kind(&self, called: &str, told: &[(&str, &Vec<String>)], remark: Option<&String>) -> ReaderKind {
        let remark = remark.map(String::as_str).unwrap_or_default();
        let mut kinds: Vec<ReaderKind> =
            told.iter().filter_map(|(name, _)| self.listed.get(*name)).copied().collect();
        kinds.extend(told.iter().flat_map(|(_, path)| path.iter().filter_map(|word| list_of(word))));
        kinds.extend([alias::kind_of(called), alias::kind_of_remark(remark)]);
        kinds.into_iter().max().unwrap_or_default()
    }
}

enum Owner {
    Host(HostName),
    Other(String, ReaderKind),
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

/// Words for sets of hosts, and for sets of people.
fn list_of(word: &str) -> Option<ReaderKind> {
    match word {
        "systems" | "hosts" | "machines" | "servers" | "hostKeys" | "nodes" | "knownHosts" => {
            Some(ReaderKind::Machine)
        }
        "users" | "people" | "admins" | "operators" | "masterIdentities" => Some(ReaderKind::Person),
        _ => None,
    }
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
    ) || Path::new(word).extension().is_some_and(|ending| ending == "age")
}
