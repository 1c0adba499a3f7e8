//! Changes `secretctl.toml` as a person would: comments, order and spacing stay.

use jiff::Timestamp;
use toml_edit::Array;
use toml_edit::DocumentMut;
use toml_edit::Item;
use toml_edit::Table;
use toml_edit::value;

use super::Admin;
use super::Host;
use super::HostState;
use crate::name::AdminName;
use crate::name::HostName;

/// What a new fleet file starts with.
const HEADER: &str = "\
# The people and machines of this fleet. Who may read what stands in `policies/`.
version = 1
";

/// The text of a `secretctl.toml` while it is changed. The caller parses the result before it is kept.
#[derive(Clone, Debug)]
pub struct FleetFile(DocumentMut);

impl Default for FleetFile {
    fn default() -> Self {
        Self::new()
    }
}

impl FleetFile {
    /// A file with nothing but its version.
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

    /// Adds `[hosts.NAME]`.
    pub fn add_host(&mut self, name: &HostName, host: &Host) {
        let mut table = Table::new();
        insert_list(&mut table, "recipients", host.recipients.iter().map(|r| r.as_str()));
        if let Some(system) = &host.system {
            table.insert("system", value(system.as_str()));
        }
        insert_list(&mut table, "tags", host.tags.iter().map(|t| t.as_str()));
        insert_list(&mut table, "services", host.services.iter().map(|s| s.as_str()));
        if host.state != HostState::Active {
            table.insert("state", value(host.state.to_string()));
        }
        self.section("hosts").insert(name.as_str(), Item::Table(table));
    }

    /// Adds `[admins.NAME]`.
    pub fn add_admin(&mut self, name: &AdminName, admin: &Admin) {
        let mut table = Table::new();
        insert_list(&mut table, "recipients", admin.recipients.iter().map(|r| r.as_str()));
        insert_list(&mut table, "signing-keys", admin.signing_keys.iter().map(|k| k.as_str()));
        self.section("admins").insert(name.as_str(), Item::Table(table));
    }

    /// Takes an admin's recipients away and notes when they left.
    pub fn remove_admin(&mut self, name: &AdminName, now: Timestamp) {
        let section = self.section("admins");
        if let Some(table) = section.get_mut(name.as_str()).and_then(Item::as_table_like_mut) {
            table.remove("recipients");
            table.insert("removed", value(now.to_string()));
        }
    }

    fn section(&mut self, name: &str) -> &mut dyn toml_edit::TableLike {
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

fn insert_list<'a>(table: &mut Table, key: &str, words: impl Iterator<Item = &'a str>) {
    let array: Array = words.collect();
    if !array.is_empty() {
        table.insert(key, value(array));
    }
}
