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
    /// One value in a file of `gpg`.
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

/// Whoever opens files and is none of the hosts, as far as the files tell.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct FoundReader {
    /// Their keys.
    pub keys: BTreeSet<Recipient>,
    /// What the files say of them.
    pub kind: ReaderKind,
}

/// What files say of somebody whose key they name. The greater word wins.
#[derive(Clone, Copy, Debug, Default, Eq, Ord, PartialEq, PartialOrd)]
pub enum ReaderKind {
    /// Nothing but a name.
    #[default]
    Unclear,
    /// That it is a person.
    Person,
    /// That it is a machine, or all of them together.
    Machine,
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
    /// Whose keys are no host's, by what the files call them.
    pub readers: BTreeMap<String, FoundReader>,
    /// Keys that the tool is told to encrypt every file to, so that they are no single person's.
    pub recovery: BTreeSet<Recipient>,
    /// Files with values, relative to the repository.
    pub files: BTreeMap<PathBuf, StoreFile>,
    /// Every declaration.
    pub uses: Vec<Use>,
    /// Every text with values in it.
    pub templates: Vec<FoundTemplate>,
    /// Keys that hosts hold together with others, so that nothing tells whose they are.
    pub shared: BTreeMap<Recipient, BTreeSet<HostName>>,
    /// Hosts that are known by an age key alone, which may be the converted form of the ssh key that they have.
    pub converted: BTreeSet<HostName>,
    /// Comments that stand beside keys.
    pub remarks: BTreeMap<Recipient, String>,
    /// Whether Nix was asked, or files alone were read.
    pub evaluated: bool,
    /// Hosts whose configuration Nix could not evaluate: what they declare is known in part, or not at all.
    pub unread: BTreeSet<HostName>,
    /// Files that look like ones with values and are not taken over, which a finding tells.
    pub left_out: BTreeSet<PathBuf>,
    /// What was found wanting.
    pub problems: Vec<Finding>,
}

impl Found {
    /// Nothing yet.
    pub(super) fn new(tool: Tool) -> Self {
        Self {
            tool,
            hosts: BTreeMap::new(),
            readers: BTreeMap::new(),
            recovery: BTreeSet::new(),
            files: BTreeMap::new(),
            uses: Vec::new(),
            templates: Vec::new(),
            shared: BTreeMap::new(),
            converted: BTreeSet::new(),
            remarks: BTreeMap::new(),
            evaluated: false,
            unread: BTreeSet::new(),
            left_out: BTreeSet::new(),
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

    /// Adds a key to what somebody is called.
    pub(super) fn reader(&mut self, name: String, key: Recipient, kind: ReaderKind) {
        let reader = self.readers.entry(name).or_default();
        reader.kind = reader.kind.max(kind);
        reader.keys.insert(key);
    }

    /// What somebody's key is called, and what the files say of them.
    pub fn reader_of(&self, key: &Recipient) -> Option<(&str, ReaderKind)> {
        let reader = self.readers.iter().find(|(_, reader)| reader.keys.contains(key));
        reader.map(|(name, reader)| (name.as_str(), reader.kind))
    }

    /// Whether every host that there is has told what it declares and how it is called.
    pub fn knows_all_hosts(&self) -> bool {
        self.tool == Tool::Folder || self.evaluated && self.unread.is_empty()
    }

    /// Takes a file out of what is imported, and says why.
    pub fn leave_out(&mut self, path: &Path, code: &str, message: String, help: &str) {
        self.files.remove(path);
        self.left_out.insert(path.to_owned());
        let finding = self.problem(Severity::Error, code, message);
        finding.place = Some(Place::file(path));
        finding.help = Some(help.to_owned());
    }

    /// Takes keys of people of the fleet from hosts: what a comment or an anchor calls them does not count.
    pub(super) fn spare_people(&mut self, people: &BTreeSet<Recipient>) {
        let mut spared = Vec::new();
        for (name, host) in &mut self.hosts {
            let before = host.recipients.len();
            host.recipients.retain(|key| !people.contains(key));
            if host.recipients.len() < before {
                spared.push(name.clone());
            }
        }
        for host in spared {
            let message = format!(
                "the files call a key of an admin or of recovery one of host `{host}`; it stays theirs alone"
            );
            self.problem(Severity::Warning, "import::key_of_admin", message).help =
                Some(format!("if the host has a key of its own, name it with `--host {host}=RECIPIENT`"));
        }
    }

    /// Hosts that can open a file today.
    pub fn openers(&self, file: &StoreFile) -> BTreeSet<HostName> {
        let own = file.readers.iter().filter_map(|recipient| self.host_of(recipient));
        let shared = file.readers.iter().filter_map(|recipient| self.shared.get(recipient)).flatten();
        own.chain(shared).cloned().collect()
    }

    /// Gives keys that files are encrypted to, and no name belongs to, to the hosts that must hold them: a host
    /// that declares a value of a file holds one of its keys, and it can be none that somebody else is known to have.
    pub(super) fn settle_shared(&mut self, admins: &BTreeSet<Recipient>) {
        let mut held: BTreeMap<Recipient, BTreeSet<HostName>> = BTreeMap::new();
        for one in &self.uses {
            let Some(file) = self.files.get(&one.file) else { continue };
            let own = self.hosts.get(&one.host).is_some_and(|host| !host.recipients.is_empty());
            if own {
                continue;
            }
            let unnamed = |key: &&Recipient| self.host_of(key).is_none() && !self.is_person(key);
            let mut free: Vec<&Recipient> = file.readers.iter().filter(unnamed).collect();
            // Where a machine and a person hold one key, it is all that there is. Of several, one that is no admin's
            // and has no person's name is the machines'.
            if file.readers.len() > 1 {
                free.retain(|key| !admins.contains(key));
            }
            if free.len() > 1 {
                free.retain(|key| self.may_be_machines(key));
            }
            if let [only] = free.as_slice() {
                held.entry((*only).clone()).or_default().insert(one.host.clone());
            }
        }
        let settled: BTreeSet<Recipient> = held.keys().cloned().collect();
        for (key, hosts) in held {
            match hosts.first() {
                Some(host)
                    if hosts.len() == 1 && self.may_be_one_machines(&key) && !admins.contains(&key) =>
                {
                    self.hosts.entry(host.clone()).or_default().recipients.insert(key);
                }
                _ => drop(self.shared.insert(key, hosts)),
            }
        }
        self.forget(&settled);
    }

    /// Takes keys from readers whose owners are known otherwise.
    pub(super) fn forget(&mut self, keys: &BTreeSet<Recipient>) {
        for reader in self.readers.values_mut() {
            reader.keys.retain(|key| !keys.contains(key));
        }
        self.readers.retain(|_, reader| !reader.keys.is_empty());
    }

    /// Whether a name says that this is a person's key and no machine's.
    fn is_person(&self, key: &Recipient) -> bool {
        self.readers.values().any(|reader| reader.kind == ReaderKind::Person && reader.keys.contains(key))
    }

    fn may_be_machines(&self, key: &Recipient) -> bool {
        let mut readers = self.readers.values().filter(|reader| reader.keys.contains(key));
        readers.all(|reader| reader.kind == ReaderKind::Machine)
    }

    /// Whether nothing calls the key somebody's, or that of all machines.
    fn may_be_one_machines(&self, key: &Recipient) -> bool {
        let one = |name, kind| kind == ReaderKind::Machine && !super::alias::names_machines(name);
        self.reader_of(key).is_none_or(|(name, kind)| one(name, kind))
    }
}
