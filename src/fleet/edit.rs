//! Changes `secretctl.toml` as a person would: comments, order and spacing stay.

use std::collections::BTreeSet;
use std::str::FromStr;

use jiff::Timestamp;
use toml_edit::Array;
use toml_edit::DocumentMut;
use toml_edit::Item;
use toml_edit::RawString;
use toml_edit::Table;
use toml_edit::TableLike;
use toml_edit::Value;
use toml_edit::value;

use super::Admin;
use super::Document;
use super::EditorScope;
use super::Host;
use super::HostState;
use super::ServiceReach;
use crate::crypto::Recipient;
use crate::crypto::VerifyingKey;
use crate::name::AdminName;
use crate::name::FleetId;
use crate::name::HostName;
use crate::name::SecretName;
use crate::name::ServiceName;
use crate::name::Tag;

/// What a new fleet file starts with.
const HEADER: &str = r#"# The people and machines of this fleet. Who may read what stands in `policies/`.
version = 1

# `.services(..)` without `.hosts(..)` means the hosts that list one of the services.
[policy]
services = "listed"
"#;

/// What is to be different about a host; nothing is said about what stays.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct HostChange {
    /// Its keys.
    pub recipients: Option<BTreeSet<Recipient>>,
    /// Its Nix system.
    pub system: Option<String>,
    /// Its tags.
    pub tags: Option<BTreeSet<Tag>>,
    /// Its services.
    pub services: Option<BTreeSet<ServiceName>>,
    /// Whether it takes part.
    pub state: Option<HostState>,
    /// Until when its key may have been in other hands.
    pub compromised: Option<Timestamp>,
}

/// The text of a `secretctl.toml` while it is changed. The caller parses the result before it is kept.
#[derive(Clone, Debug)]
pub struct FleetFile(DocumentMut);

impl Default for FleetFile {
    fn default() -> Self {
        Self::new()
    }
}

impl FleetFile {
    /// A file with nothing but its version and the narrow reading of rules.
    pub fn new() -> Self {
        Self::parse(HEADER)
    }

    /// Takes over a text that [`super::Fleet::parse`] has accepted; anything else becomes an empty file.
    pub fn parse(text: &str) -> Self {
        Self(text.parse().unwrap_or_default())
    }

    /// The text as it is now.
    pub fn to_text(&self) -> String {
        self.0.to_string()
    }

    /// Gives the fleet its id, which stands right below the version.
    pub fn set_id(&mut self, id: FleetId) {
        // A key that is inserted comes after those that are there, and before the first table.
        self.0.insert("fleet", value(id.to_string()));
    }

    /// Adds `[hosts.NAME]`.
    pub fn add_host(&mut self, name: &HostName, host: &Host) {
        let mut table = Table::new();
        insert_list(&mut table, "recipients", host.recipients.iter().map(Recipient::as_str));
        if let Some(system) = &host.system {
            table.insert("system", value(system.as_str()));
        }
        insert_list(&mut table, "tags", host.tags.iter().map(Tag::as_str));
        insert_list(&mut table, "services", host.services.iter().map(ServiceName::as_str));
        if host.state != HostState::Active {
            table.insert("state", value(host.state.to_string()));
        }
        self.section("hosts").insert(name.as_str(), Item::Table(table));
    }

    /// Changes what `[hosts.NAME]` says about some things; the rest, comments included, stays as it is.
    pub fn set_host(&mut self, name: &HostName, change: &HostChange) {
        let section = self.section("hosts");
        let Some(table) = section.get_mut(name.as_str()).and_then(Item::as_table_like_mut) else { return };
        if let Some(recipients) = &change.recipients {
            set_list(table, "recipients", recipients);
        }
        if let Some(system) = &change.system {
            set_text(table, "system", system);
        }
        if let Some(tags) = &change.tags {
            set_list(table, "tags", tags);
        }
        if let Some(services) = &change.services {
            set_list(table, "services", services);
        }
        match change.state {
            // What nothing says is active.
            Some(HostState::Active) if !table.contains_key("state") => {}
            Some(state) => set_text(table, "state", &state.to_string()),
            None => {}
        }
        if let Some(until) = change.compromised {
            set_text(table, "compromised", &until.to_string());
        }
    }

    /// Makes `[documents.NAME]` say this; what it does not say goes, and an entry that says nothing goes too.
    pub fn set_document(&mut self, name: &SecretName, document: &Document) {
        let section = self.section("documents");
        if section.get(name.as_str()).and_then(Item::as_table_like).is_none() {
            section.insert(name.as_str(), Item::Table(Table::new()));
        }
        let Some(table) = section.get_mut(name.as_str()).and_then(Item::as_table_like_mut) else { return };
        if let Some(path) = &document.path {
            set_text(table, "path", &path.as_path().to_string_lossy());
        }
        if document.whole {
            table.insert("whole", value(true));
        } else {
            table.remove("whole");
        }
        set_or_remove(table, "direct", &document.direct);
        set_or_remove(table, "legacy-recipients", &document.legacy);
        if *document == Document::default() {
            section.remove(name.as_str());
        }
    }

    /// Removes `[hosts.NAME]`.
    pub fn remove_host(&mut self, name: &HostName) {
        self.section("hosts").remove(name.as_str());
    }

    /// Adds `[admins.NAME]`.
    pub fn add_admin(&mut self, name: &AdminName, admin: &Admin) {
        let mut table = Table::new();
        insert_list(&mut table, "recipients", admin.recipients.iter().map(Recipient::as_str));
        insert_list(&mut table, "signing-keys", admin.signing_keys.iter().map(VerifyingKey::as_str));
        if admin.editor != EditorScope::All {
            table.insert("editor", value(admin.editor.to_string()));
        }
        self.section("admins").insert(name.as_str(), Item::Table(table));
    }

    /// Adds to the recipients of `[recovery]`.
    pub fn add_recovery(&mut self, more: &BTreeSet<Recipient>) {
        if more.is_empty() {
            return;
        }
        let recovery = self.section("recovery");
        let there = recovery.get("recipients").and_then(Item::as_array).into_iter().flatten();
        let there = there.filter_map(Value::as_str).filter_map(|word| word.parse().ok());
        let all = there.chain(more.iter().cloned()).collect();
        set_list(recovery, "recipients", &all);
    }

    /// Notes when an admin left. Their keys stay, so that messages and old ledger lines can name them.
    pub fn remove_admin(&mut self, name: &AdminName, now: Timestamp) {
        let section = self.section("admins");
        if let Some(table) = section.get_mut(name.as_str()).and_then(Item::as_table_like_mut) {
            table.insert("removed", value(now.to_string()));
        }
    }

    /// Makes rules that allow services, and name no hosts, be about hosts that list one of them.
    pub fn narrow_services(&mut self) {
        let [(word, _)] = ServiceReach::WORDS;
        let mut table = Table::new();
        table.insert("services", value(word));
        self.0.insert("policy", Item::Table(table));
    }

    fn section(&mut self, name: &str) -> &mut dyn TableLike {
        let mut section = Table::new();
        section.set_implicit(true);
        let item = self.0.entry(name).or_insert(Item::Table(section));
        if item.as_table_like().is_none() {
            *item = Item::Table(Table::new());
        }
        // INVARIANT: made table-like just above.
        #[expect(clippy::expect_used, reason = "the item was just made table-like")]
        item.as_table_like_mut().expect("a table")
    }
}

/// Replaces a text; what stands around it stays.
fn set_text(table: &mut dyn TableLike, key: &str, text: &str) {
    match table.get_mut(key).and_then(Item::as_value_mut) {
        Some(old) => {
            let decor = old.decor().clone();
            *old = Value::from(text);
            *old.decor_mut() = decor;
        }
        None => drop(table.insert(key, value(text))),
    }
}

/// The same for a list that is not there when it is empty.
fn set_or_remove<T: FromStr + Ord + ToString>(table: &mut dyn TableLike, key: &str, wanted: &BTreeSet<T>) {
    if wanted.is_empty() {
        table.remove(key);
    } else {
        set_list(table, key, wanted);
    }
}

/// Makes a list hold just these words: those that stay keep their place and spelling, new ones come last.
fn set_list<T: FromStr + Ord + ToString>(table: &mut dyn TableLike, key: &str, wanted: &BTreeSet<T>) {
    let Some(array) = table.get_mut(key).and_then(Item::as_array_mut) else {
        let array: Array = wanted.iter().map(ToString::to_string).collect();
        table.insert(key, value(array));
        return;
    };
    let parsed = |word: &Value| word.as_str().and_then(|word| word.parse::<T>().ok());
    let stays = |word: &Value| parsed(word).is_some_and(|word| wanted.contains(&word));
    for index in (0..array.len()).rev() {
        if !array.get(index).is_some_and(stays) {
            remove_word(array, index);
        }
    }
    let kept: BTreeSet<T> = array.iter().filter_map(parsed).collect();
    for word in wanted.difference(&kept) {
        push_word(array, &word.to_string());
    }
}

/// Takes a word out, with the comments above and behind it; a comment behind the word before it stays.
fn remove_word(array: &mut Array, index: usize) {
    let before = raw(array.remove(index).decor().prefix());
    let next =
        array.get(index).map_or_else(|| raw(Some(array.trailing())), |next| raw(next.decor().prefix()));
    let (kept, own) = split_line(&before);
    let (_, below) = split_line(&next);
    // A comment ends with its line, and so must what follows it.
    let below = if kept.trim().is_empty() || below.starts_with('\n') { below } else { own };
    let space = if index == 0 && !below.starts_with('\n') { "" } else { below };
    let space = format!("{}{space}", kept.trim_end());
    match array.get_mut(index) {
        Some(next) => next.decor_mut().set_prefix(space),
        None => array.set_trailing(space),
    }
}

/// Adds a word at the end: on a line of its own where each word has one.
fn push_word(array: &mut Array, word: &str) {
    let trailing = raw(Some(array.trailing()));
    let (behind, below) = split_line(&trailing);
    if !below.starts_with('\n') {
        array.push(word);
        return;
    }
    let last = array.iter().last().map_or_else(String::new, |last| raw(last.decor().prefix()));
    let indent = last.rsplit_once('\n').map_or("    ", |(_, indent)| indent);
    let mut new = Value::from(word);
    new.decor_mut().set_prefix(format!("{behind}\n{indent}"));
    array.set_trailing(below.to_owned());
    array.push_formatted(new);
}

fn raw(text: Option<&RawString>) -> String {
    text.and_then(RawString::as_str).unwrap_or_default().to_owned()
}

/// What stands on the line of the word before, where that line ends, and the rest.
fn split_line(space: &str) -> (&str, &str) {
    space.find('\n').map_or(("", space), |end| space.split_at(end))
}

fn insert_list<'a>(table: &mut Table, key: &str, words: impl Iterator<Item = &'a str>) {
    let array: Array = words.collect();
    if !array.is_empty() {
        table.insert(key, value(array));
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::fleet::Fleet;

    #[test]
    fn comments_and_order_stay_when_something_is_added() {
        let before = "# ours\nversion = 1\n\n[admins.aki] # the first\nrecipients = [\"age1ql3z7hjy54pw3hyww5ayyfg7zqgvc7w3j2elw8zmrj2kg5sfn9aqmcac8p\"]\n";
        let mut file = FleetFile::parse(before);
        let host =
            Host { system: Some("x86_64-linux".to_owned()), state: HostState::Pending, ..Host::default() };
        file.add_host(&"forge".parse().unwrap(), &host);
        let after = file.to_text();
        assert!(after.starts_with(before), "{after}");
        let fleet = Fleet::parse(&after, Path::new("t")).unwrap();
        assert_eq!(fleet.hosts.get("forge"), Some(&host));
    }

    #[test]
    fn what_changes_about_a_host_leaves_every_comment_and_the_rest_alone() {
        let before = "\
version = 1
[admins.aki]
recipients = [\"age1ql3z7hjy54pw3hyww5ayyfg7zqgvc7w3j2elw8zmrj2kg5sfn9aqmcac8p\"]

# the edge
[hosts.luna] # a small one
tags = [
    # where it stands
    \"edge\", # really
    \"lab\",
]
services = [\"caddy\", \"restic\"] # so far
state = \"pending\" # joins later

[hosts.forge] # not this one
state = \"pending\"
";
        let mut file = FleetFile::parse(before);
        let key = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIOtJZ2b/Op7sjSoSz4rq4OvkbKN0U9FUS5a3bbhxhlti";
        let change = HostChange {
            recipients: Some([key.parse().unwrap()].into()),
            system: Some("aarch64-linux".to_owned()),
            tags: Some(["edge", "new"].map(|tag| tag.parse().unwrap()).into()),
            services: Some(["restic"].map(|name| name.parse().unwrap()).into()),
            state: Some(HostState::Active),
            compromised: Some("2026-11-20T10:00:00Z".parse().unwrap()),
        };
        file.set_host(&"luna".parse().unwrap(), &change);
        let after = file.to_text();
        for kept in
            ["# the edge", "# a small one", "# where it stands", "# really", "# so far", "# joins later"]
        {
            assert!(after.contains(kept), "`{kept}` is gone:\n{after}");
        }
        assert!(
            after.contains("services = [\"restic\"] # so far\nstate = \"active\" # joins later"),
            "{after}"
        );
        assert!(after.contains("    \"edge\", # really\n    \"new\",\n]\n"), "{after}");
        assert!(after.ends_with("[hosts.forge] # not this one\nstate = \"pending\"\n"), "{after}");
        let luna = Fleet::parse(&after, Path::new("t")).unwrap().hosts.remove("luna").unwrap();
        let wanted = Host {
            recipients: change.recipients.unwrap(),
            system: change.system,
            tags: change.tags.unwrap(),
            services: change.services.unwrap(),
            state: HostState::Active,
            compromised: change.compromised,
        };
        assert_eq!(luna, wanted);
        let same = FleetFile::parse(&after);
        let mut again = same.clone();
        again.set_host(&"luna".parse().unwrap(), &HostChange::default());
        assert_eq!(again.to_text(), after);
    }

    #[test]
    fn a_list_that_changes_stays_readable_and_keeps_the_comments_of_the_words_that_stay() {
        let wanted =
            |words: &str| -> BTreeSet<Tag> { words.split(' ').map(|tag| tag.parse().unwrap()).collect() };
        for (before, words, after) in [
            ("[\"a\", \"b\", \"c\"]", "b c", "[\"b\", \"c\"]"),
            ("[\"a\", \"b\", \"c\"]", "a c", "[\"a\", \"c\"]"),
            ("[\"a\", \"b\", \"c\"]", "a b", "[\"a\", \"b\"]"),
            ("[\"a\"]", "b", "[\"b\"]"),
            ("[ # x\n  \"a\", # y\n  \"b\",\n]", "b", "[ # x\n  \"b\",\n]"),
            ("[\n  \"a\", # y\n  # z\n  \"b\",\n]", "a", "[\n  \"a\", # y\n]"),
            ("[\n  \"a\", # y\n  \"b\", \"c\"]", "a c", "[\n  \"a\", # y\n  \"c\"]"),
            ("[\n  \"a\", # y\n]", "a b", "[\n  \"a\", # y\n  \"b\",\n]"),
            ("[\n  \"a\", # y\n  \"b\"]", "a", "[\n  \"a\" # y\n  ]"),
        ] {
            let mut file: DocumentMut = format!("tags = {before}\n").parse().unwrap();
            set_list(file.as_table_mut(), "tags", &wanted(words));
            assert_eq!(file.to_string(), format!("tags = {after}\n"), "{before}");
            let file: DocumentMut = file.to_string().parse().unwrap();
            let array = file.get("tags").and_then(Item::as_array).unwrap();
            let read: Vec<&str> = array.iter().filter_map(Value::as_str).collect();
            assert_eq!(read, words.split(' ').collect::<Vec<_>>(), "{before}");
        }
    }

    #[test]
    fn an_admin_who_must_be_named_opens_what_names_them_and_nothing_else() {
        let mut file = FleetFile::new();
        let recipient = "age1ql3z7hjy54pw3hyww5ayyfg7zqgvc7w3j2elw8zmrj2kg5sfn9aqmcac8p".parse().unwrap();
        let admin = Admin { recipients: [recipient].into(), editor: EditorScope::Named, ..Admin::default() };
        file.add_admin(&"bo".parse().unwrap(), &admin);
        assert!(file.to_text().contains("editor = \"named\"\n"), "{}", file.to_text());
        let fleet = Fleet::parse(&file.to_text(), Path::new("t")).unwrap();
        assert!(fleet.source_recipients(None).is_empty());
        assert_eq!(fleet.source_recipients(Some(&["bo".parse().unwrap()].into())).len(), 1);
        assert_eq!(fleet.people().len(), 1);
    }

    #[test]
    fn a_removed_admin_is_encrypted_to_no_more() {
        let mut file = FleetFile::new();
        let recipient = "age1ql3z7hjy54pw3hyww5ayyfg7zqgvc7w3j2elw8zmrj2kg5sfn9aqmcac8p".parse().unwrap();
        let admin = Admin { recipients: [recipient].into(), ..Admin::default() };
        file.add_admin(&"aki".parse().unwrap(), &admin);
        let now = "2026-11-20T10:00:00Z".parse().unwrap();
        file.remove_admin(&"aki".parse().unwrap(), now);
        let fleet = Fleet::parse(&file.to_text(), Path::new("t")).unwrap();
        let removed = fleet.admins.get("aki").unwrap();
        assert_eq!(removed.removed, Some(now));
        assert_eq!(removed.recipients.len(), 1);
        assert!(fleet.source_recipients(None).is_empty());
    }
}
