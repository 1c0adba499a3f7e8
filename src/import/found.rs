//! What a reader found: hosts, people, files with their keys and readers, and who declares what.

use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::fmt;
use std::path::Path;
use std::path::PathBuf;
use std::str::FromStr;

use serde::Serialize;

use crate::crypto::Recipient;
use crate::diag::Class;
use crate::diag::Finding;
use crate::diag::Place;
use crate::diag::Severity;
use crate::name::HostName;
use crate::name::ServiceName;

/// A tool that people come from.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Tool {
    /// SOPS files and the modules of sops-nix.
    SopsNix,
    /// agenix, and ragenix, which reads the same files.
    Agenix,
    /// agenix with rekeying.
    AgenixRekey,
    /// secrix.
    Secrix,
    /// vaultix.
    Vaultix,
    /// A folder of age, pass, dotenv, JSON or SOPS files that no module reads.
    Folder,
}

impl Tool {
    /// Every tool with its word on the command line.
    pub const ALL: [(&'static str, Self); 7] = [
        ("sops-nix", Self::SopsNix),
        ("agenix", Self::Agenix),
        ("ragenix", Self::Agenix),
        ("agenix-rekey", Self::AgenixRekey),
        ("secrix", Self::Secrix),
        ("vaultix", Self::Vaultix),
        ("folder", Self::Folder),
    ];
}

impl fmt::Display for Tool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let word = Self::ALL.iter().find(|(_, tool)| tool == self).map_or("folder", |(word, _)| word);
        f.write_str(word)
    }
}

impl FromStr for Tool {
    type Err = String;

    fn from_str(word: &str) -> Result<Self, String> {
        let known = Self::ALL.iter().find(|(known, _)| *known == word);
        known.map(|(_, tool)| *tool).ok_or_else(|| {
            let words: Vec<&str> = Self::ALL.iter().map(|(word, _)| *word).collect();
            format!("`{word}` is none of {}", words.join(", "))
        })
    }
}

/// How a file holds its values.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Body {
    /// A SOPS file, which stays where it lies.
    Sops,
    /// One value in an age file.
    Age,
    /// One value in an OpenPGP file.
    Gpg,
    /// `KEY=value` lines that anybody can read.
    Dotenv,
    /// A JSON object that anybody can read.
    Json,
}

/// A file with values.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct StoreFile {
    /// How it holds them.
    pub body: Body,
    /// The keys of its values; for a file that is one value, one empty key.
    pub keys: BTreeSet<Vec<String>>,
    /// Who can open it, as far as the file or its rule tells.
    pub readers: BTreeSet<Recipient>,
    /// Ways in that age does not know, in words.
    pub foreign: Vec<String>,
    /// Recipients that the file has and nothing names, by the tag or kind in its header.
    pub unnamed: Vec<String>,
}

impl StoreFile {
    /// A file that is one value.
    pub(super) fn whole(body: Body) -> Self {
        let keys = [Vec::new()].into();
        Self { body, keys, readers: BTreeSet::new(), foreign: Vec::new(), unnamed: Vec::new() }
    }
}

/// A host, as far as the files tell.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct FoundHost {
    /// Nix system.
    pub system: Option<String>,
    /// Keys that are its own.
    pub recipients: BTreeSet<Recipient>,
    /// Whether it declares secrets or merely has a key.
    pub declares: bool,
}

/// A declaration: one host wants one value at one place.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Use {
    /// The host.
    pub host: HostName,
    /// What the declaration is called.
    pub label: String,
    /// The file, relative to the repository.
    pub file: PathBuf,
    /// The key of the value in it; empty for the whole file.
    pub key: Vec<String>,
    /// Owner of the installed file.
    pub owner: String,
    /// Its group.
    pub group: String,
    /// Its mode.
    pub mode: String,
    /// Where it is installed.
    pub path: Option<String>,
    /// Units that restart when it changes.
    pub restart: Vec<String>,
    /// Units that reload when it changes.
    pub reload: Vec<String>,
    /// Whether it must be there before users are.
    pub needed_for_users: bool,
    /// Services that read it, as far as anything tells.
    pub services: BTreeSet<ServiceName>,
}

/// A text with values in it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct FoundTemplate {
    /// The host.
    pub host: HostName,
    /// Its name.
    pub name: String,
    /// The text, with placeholders as the tool writes them.
    pub content: Option<String>,
    /// What each placeholder stands for: the label of a declaration.
    pub placeholders: BTreeMap<String, String>,
    /// Owner of the installed file.
    pub owner: String,
    /// Its group.
    pub group: String,
    /// Its mode.
    pub mode: String,
    /// Where it is installed.
    pub path: Option<String>,
    /// Units that restart when it changes.
    pub restart: Vec<String>,
    /// Services that read it.
    pub services: BTreeSet<ServiceName>,
}

/// Everything that a reader found.
#[derive(Clone, Debug)]
pub struct Found {
    /// The tool.
    pub tool: Tool,
    /// Hosts by name.
    pub hosts: BTreeMap<HostName, FoundHost>,
    /// Keys of people and of recovery, by what the files call them.
    pub people: BTreeMap<String, BTreeSet<Recipient>>,
    /// Files with values, relative to the repository.
    pub files: BTreeMap<PathBuf, StoreFile>,
    /// Every declaration.
    pub uses: Vec<Use>,
    /// Every text with values in it.
    pub templates: Vec<FoundTemplate>,
    /// Keys that hosts hold together with others, so that nothing tells whose they are.
    pub shared: BTreeMap<Recipient, BTreeSet<HostName>>,
    /// Comments that stand beside keys.
    pub remarks: BTreeMap<Recipient, String>,
    /// Whether Nix was asked, or files alone were read.
    pub evaluated: bool,
    /// What was found wanting.
    pub problems: Vec<Finding>,
}

impl Found {
    /// Nothing yet.
    pub(super) fn new(tool: Tool) -> Self {
        Self {
            tool,
            hosts: BTreeMap::new(),
            people: BTreeMap::new(),
            files: BTreeMap::new(),
            uses: Vec::new(),
            templates: Vec::new(),
            shared: BTreeMap::new(),
            remarks: BTreeMap::new(),
            evaluated: false,
            problems: Vec::new(),
        }
    }

    /// Notes something that a person should look at.
    pub(super) fn problem(&mut self, severity: Severity, code: &str, message: String) -> &mut Finding {
        self.problems.push(Finding::new(severity, Class::Finding, code, message));
        // INVARIANT: pushed just above.
        #[expect(clippy::expect_used, reason = "an item was just pushed")]
        self.problems.last_mut().expect("a finding")
    }

    /// The same about a file.
    pub(super) fn problem_at(&mut self, severity: Severity, code: &str, message: String, file: &Path) {
        self.problem(severity, code, message).place = Some(Place::file(file));
    }

    /// Whose key this is: a host, by name.
    pub fn host_of(&self, recipient: &Recipient) -> Option<&HostName> {
        self.hosts.iter().find(|(_, host)| host.recipients.contains(recipient)).map(|(name, _)| name)
    }

    /// Hosts that can open a file today.
    pub fn openers(&self, file: &StoreFile) -> BTreeSet<HostName> {
        let own = file.readers.iter().filter_map(|recipient| self.host_of(recipient));
        let shared = file.readers.iter().filter_map(|recipient| self.shared.get(recipient)).flatten();
        own.chain(shared).cloned().collect()
    }

    /// Gives keys that files are encrypted to, and no name belongs to, to the hosts that must hold them: a host
    /// that declares a value of a file holds one of its keys, and it can be none that somebody else is known to have.
    pub(super) fn settle_shared(&mut self) {
        let mut held: BTreeMap<Recipient, BTreeSet<HostName>> = BTreeMap::new();
        for one in &self.uses {
            let Some(file) = self.files.get(&one.file) else { continue };
            let own = self.hosts.get(&one.host).is_some_and(|host| !host.recipients.is_empty());
            if own {
                continue;
            }
            let free: Vec<&Recipient> = file
                .readers
                .iter()
                .filter(|key| self.host_of(key).is_none() && !self.is_person(key))
                .collect();
            if let [only] = free.as_slice() {
                held.entry((*only).clone()).or_default().insert(one.host.clone());
            }
        }
        for (key, hosts) in held {
            match hosts.first() {
                Some(host) if hosts.len() == 1 && !self.is_anybodys(&key) => {
                    self.hosts.entry(host.clone()).or_default().recipients.insert(key);
                }
                _ => drop(self.shared.insert(key, hosts)),
            }
        }
        let shared: BTreeSet<Recipient> = self.shared.keys().cloned().collect();
        for keys in self.people.values_mut() {
            keys.retain(|key| !shared.contains(key));
        }
        self.people.retain(|_, keys| !keys.is_empty());
    }

    /// Whether a name says that this is a person's key and no machine's.
    fn is_person(&self, key: &Recipient) -> bool {
        let says = |name: &String| super::alias::names_person(name);
        self.people.iter().any(|(name, keys)| keys.contains(key) && says(name))
    }

    fn is_anybodys(&self, key: &Recipient) -> bool {
        self.people.values().any(|keys| keys.contains(key))
    }
}
