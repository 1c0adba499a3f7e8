//! Reads `secretctl.toml` strictly, gathers every mistake, and suggests what was meant.

mod audit;
mod document;

use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::ops::Range;
use std::path::Path;
use std::str::FromStr;
use std::sync::Arc;

use miette::NamedSource;
use toml_edit::Item;
use toml_edit::TableLike;

use super::Admin;
use super::Fleet;
use super::Host;
use super::HostState;
use super::ServiceReach;
use crate::crypto::Recipient;
use crate::diag::Class;
use crate::diag::Failure;
use crate::diag::SourceError;
use crate::diag::shown_source;

/// The one version of the format that exists.
const VERSION: i64 = 1;

/// The mistakes in a `secretctl.toml`, all of them.
#[derive(Debug, thiserror::Error, miette::Diagnostic)]
#[error("`{file}` has {} mistake{}", problems.len(), if problems.len() == 1 { "" } else { "s" })]
#[diagnostic(code(fleet::invalid))]
pub struct FleetError {
    file: String,
    /// Every mistake with its place.
    #[related]
    pub problems: Vec<SourceError>,
}

impl Failure for FleetError {
    fn class(&self) -> Class {
        Class::Usage
    }
}

impl Fleet {
    /// Parses the text of a `secretctl.toml`; `path` is for messages.
    pub fn parse(text: &str, path: &Path) -> Result<Self, FleetError> {
        let mut reader = Reader::new(text, path);
        let document = match toml_edit::Document::parse(text) {
            Ok(document) => document,
            Err(error) => {
                let span = error.span().unwrap_or(0..0);
                reader.problem(span, error.message().replace('\n', "; "), "here", None);
                return Err(reader.error());
            }
        };
        let fleet = reader.fleet(document.as_table());
        if reader.problems.is_empty() { Ok(fleet) } else { Err(reader.error()) }
    }
}

/// Walks the document and notes mistakes instead of stopping at the first.
struct Reader {
    source: NamedSource<Arc<str>>,
    problems: Vec<SourceError>,
}

impl Reader {
    fn new(text: &str, path: &Path) -> Self {
        Self { source: shown_source(path.display().to_string(), text, "toml"), problems: Vec::new() }
    }

    fn error(self) -> FleetError {
        FleetError { file: self.source.name().to_owned(), problems: self.problems }
    }

    fn problem(&mut self, span: Range<usize>, message: impl Into<String>, label: &str, help: Option<String>) {
        self.problems.push(SourceError {
            code: "fleet::invalid",
            message: message.into(),
            label: label.to_owned(),
            help,
            source_file: self.source.clone(),
            span,
        });
    }

    fn fleet(&mut self, root: &dyn TableLike) -> Fleet {
        self.keys(
            root,
            &["version", "fleet", "admins", "recovery", "hosts", "documents", "audit", "policy"],
            "at the top level",
        );
        self.version(root);
        let id = self.text(root, "fleet");
        let admins = self.named(root, "admins", Self::admin);
        let hosts = self.named(root, "hosts", Self::host);
        let (recovery, retired_recovery) = match root.get("recovery") {
            Some(item) => self.recovery(item),
            None => Default::default(),
        };
        let documents = self.named(root, "documents", Self::document);
        let audit = root.get("audit").map(|item| self.audit(item)).unwrap_or_default();
        let services = root.get("policy").map(|item| self.policy(item)).unwrap_or_default();
        let fleet = Fleet { id, admins, recovery, retired_recovery, hosts, documents, audit, services };
        self.one_owner_per_signing_key(&fleet, root);
        self.hosts_differ_beyond_case(&fleet, root);
        self.documents_fit(&fleet, root);
        fleet
    }

    fn version(&mut self, root: &dyn TableLike) {
        let Some(item) = root.get("version") else {
            return self.problem(
                0..0,
                "the version is missing",
                "",
                Some("start the file with `version = 1`".to_owned()),
            );
        };
        if item.as_integer() != Some(VERSION) {
            let help = "this program reads version 1; a newer file needs a newer secretctl".to_owned();
            self.problem(span(item), "unknown version of the fleet file", "must be 1", Some(help));
        }
    }

    /// Notes every key that is not in `known`, with the nearest known one.
    fn keys(&mut self, table: &dyn TableLike, known: &[&str], place: &str) {
        for (name, item) in table.iter() {
            if !known.contains(&name) {
                let at = table.key(name).and_then(toml_edit::Key::span).unwrap_or_else(|| span(item));
                let help = suggestion(name, known.iter().copied());
                self.problem(at, format!("unknown key `{name}` {place}"), "not known here", Some(help));
            }
        }
    }

    /// A table of tables whose keys are names of type `N`.
    fn named<N, T>(
        &mut self,
        root: &dyn TableLike,
        section: &str,
        read: fn(&mut Self, &str, &dyn TableLike) -> T,
    ) -> BTreeMap<N, T>
    where
        N: FromStr<Err = crate::name::NameError> + Ord,
    {
        let mut all = BTreeMap::new();
        let Some(item) = root.get(section) else { return all };
        let Some(table) = item.as_table_like() else {
            self.problem(span(item), format!("`{section}` must be a table"), "not a table", None);
            return all;
        };
        for (name, item) in table.iter() {
            let at = table.key(name).and_then(toml_edit::Key::span).unwrap_or_else(|| span(item));
            let Some(entry) = item.as_table_like() else {
                self.problem(at, format!("`{section}.{name}` must be a table"), "not a table", None);
                continue;
            };
            let value = read(self, name, entry);
            match name.parse::<N>() {
                Ok(name) => drop(all.insert(name, value)),
                Err(error) => self.problem(at, error.to_string(), "rename it", None),
            }
        }
        all
    }

    fn admin(&mut self, name: &str, table: &dyn TableLike) -> Admin {
        self.keys(
            table,
            &["recipients", "retired-recipients", "signing-keys", "removed", "editor"],
            &format!("in `admins.{name}`"),
        );
        let admin = Admin {
            recipients: self.list(table, "recipients"),
            signing_keys: self.list(table, "signing-keys"),
            removed: self.text(table, "removed"),
            retired: self.list(table, "retired-recipients"),
            editor: self.text(table, "editor").unwrap_or_default(),
        };
        if is_empty_list(table, "recipients") && admin.removed.is_none() {
            let help = "add `recipients = [\"age1…\"]`; an admin's ssh public key works too".to_owned();
            let at = table_span(table);
            self.problem(
                at,
                format!("admin `{name}` has no recipient"),
                "nothing could be encrypted to them",
                Some(help),
            );
        }
        admin
    }

    fn recovery(&mut self, item: &Item) -> (BTreeSet<Recipient>, BTreeSet<Recipient>) {
        let Some(table) = item.as_table_like() else {
            self.problem(span(item), "`recovery` must be a table", "not a table", None);
            return Default::default();
        };
        self.keys(table, &["recipients", "retired-recipients"], "in `recovery`");
        (self.list(table, "recipients"), self.list(table, "retired-recipients"))
    }

    fn policy(&mut self, item: &Item) -> ServiceReach {
        let Some(table) = item.as_table_like() else {
            self.problem(span(item), "`policy` must be a table", "not a table", None);
            return ServiceReach::default();
        };
        self.keys(table, &["services"], "in `policy`");
        self.text::<ReachWord>(table, "services").map(|word| word.0).unwrap_or_default()
    }

    fn host(&mut self, name: &str, table: &dyn TableLike) -> Host {
        let known = ["recipients", "system", "tags", "services", "state", "compromised"];
        self.keys(table, &known, &format!("in `hosts.{name}`"));
        let host = Host {
            recipients: self.list(table, "recipients"),
            system: self.text::<SystemDouble>(table, "system").map(|system| system.0),
            tags: self.list(table, "tags"),
            services: self.list(table, "services"),
            state: self.text::<StateWord>(table, "state").map_or(HostState::Active, |state| state.0),
            compromised: self.text(table, "compromised"),
        };
        if is_empty_list(table, "recipients") && matches!(host.state, HostState::Active) {
            let help = format!(
                "add `recipients = [\"ssh-ed25519 AAAA…\"]` from /etc/ssh/ssh_host_ed25519_key.pub of `{name}`, or `state = \"pending\"`"
            );
            self.problem(table_span(table), format!("active host `{name}` has no recipient"), "", Some(help));
        }
        if host.services.contains(crate::name::ServiceName::SYSTEM) {
            let message = format!("host `{name}` lists the service `system`");
            self.problem(
                table_span(table),
                message,
                "",
                Some("remove it: `system` exists on every host".to_owned()),
            );
        }
        host
    }

    /// An array of strings, each parsed; duplicates are mistakes.
    fn list<T: FromStr<Err: std::fmt::Display> + Ord>(
        &mut self,
        table: &dyn TableLike,
        key: &str,
    ) -> BTreeSet<T> {
        let mut all = BTreeSet::new();
        let Some(item) = table.get(key) else { return all };
        let Some(array) = item.as_array() else {
            let help = format!("write `{key} = [\"…\"]`");
            self.problem(
                span(item),
                format!("`{key}` must be an array of strings"),
                "not an array",
                Some(help),
            );
            return all;
        };
        for value in array {
            let at = value.span().unwrap_or_else(|| span(item));
            match value.as_str().map(T::from_str) {
                Some(Ok(parsed)) => {
                    if !all.insert(parsed) {
                        self.problem(at, format!("`{key}` lists the same value twice"), "again", None);
                    }
                }
                Some(Err(error)) => self.problem(at, error.to_string(), "here", None),
                None => {
                    self.problem(at, format!("`{key}` must be an array of strings"), "not a string", None);
                }
            }
        }
        all
    }

    fn text<T: FromStr<Err: std::fmt::Display>>(&mut self, table: &dyn TableLike, key: &str) -> Option<T> {
        let item = table.get(key)?;
        match item.as_str().map(T::from_str) {
            Some(Ok(parsed)) => return Some(parsed),
            Some(Err(error)) => self.problem(span(item), format!("`{key}`: {error}"), "here", None),
            None => self.problem(span(item), format!("`{key}` must be a string"), "not a string", None),
        }
        None
    }

    /// With one key under two names, nobody could tell who signed.
    fn one_owner_per_signing_key(&mut self, fleet: &Fleet, root: &dyn TableLike) {
        let mut owners = BTreeMap::new();
        for (name, admin) in &fleet.admins {
            for key in &admin.signing_keys {
                if let Some(first) = owners.insert(key.clone(), name) {
                    let message = format!("admins `{first}` and `{name}` have the same signing key");
                    let at = root.get("admins").map_or(0..0, span);
                    self.problem(at, message, "", Some("give each admin a key of their own".to_owned()));
                }
            }
        }
    }

    /// `sealed/Forge` and `sealed/forge` are one folder on some file systems.
    fn hosts_differ_beyond_case(&mut self, fleet: &Fleet, root: &dyn TableLike) {
        let mut seen = BTreeMap::new();
        for name in fleet.hosts.keys() {
            if let Some(first) = seen.insert(name.as_str().to_ascii_lowercase(), name) {
                let message = format!("hosts `{first}` and `{name}` differ in case only");
                self.problem(
                    root.get("hosts").map_or(0..0, span),
                    message,
                    "",
                    Some("rename one of them".to_owned()),
                );
            }
        }
    }
}

struct SystemDouble(String);

impl FromStr for SystemDouble {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let word = |w: &str| {
            !w.is_empty() && w.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_')
        };
        match text.split_once('-') {
            Some((machine, system)) if word(machine) && word(system) => Ok(Self(text.to_owned())),
            _ => Err("a Nix system is `MACHINE-OS`, such as `x86_64-linux`"),
        }
    }
}

struct StateWord(HostState);

impl FromStr for StateWord {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let known = HostState::ALL.iter().find(|(word, _)| *word == text);
        known.map(|(_, state)| Self(*state)).ok_or_else(|| {
            format!(
                "unknown state `{text}`; {}",
                suggestion(text, HostState::ALL.iter().map(|(word, _)| *word))
            )
        })
    }
}

struct ReachWord(ServiceReach);

impl FromStr for ReachWord {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let known = ServiceReach::WORDS.iter().find(|(word, _)| *word == text);
        known.map(|(_, reach)| Self(*reach)).ok_or_else(|| {
            let words = suggestion(text, ServiceReach::WORDS.iter().map(|(word, _)| *word));
            format!("unknown reading `{text}`; {words}")
        })
    }
}

/// `did you mean …`, or the whole list when nothing is near.
fn suggestion<'a>(word: &str, known: impl Iterator<Item = &'a str> + Clone) -> String {
    let near =
        known.clone().max_by(|a, b| strsim::jaro_winkler(word, a).total_cmp(&strsim::jaro_winkler(word, b)));
    match near {
        Some(near) if strsim::jaro_winkler(word, near) > 0.75 => format!("did you mean `{near}`?"),
        _ => format!("known here: {}", known.map(|k| format!("`{k}`")).collect::<Vec<_>>().join(", ")),
    }
}

fn span(item: &Item) -> Range<usize> {
    item.span().unwrap_or(0..0)
}

/// Whether a list is missing or has nothing in it; one with mistakes is not empty.
fn is_empty_list(table: &dyn TableLike, key: &str) -> bool {
    table.get(key).and_then(Item::as_array).is_none_or(toml_edit::Array::is_empty)
}

/// Span of the first key of a table, since inline and dotted tables have none of their own.
fn table_span(table: &dyn TableLike) -> Range<usize> {
    let mut entries = table.iter();
    entries.next().and_then(|(name, _)| table.key(name)?.span()).unwrap_or(0..0)
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests;
