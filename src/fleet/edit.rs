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
use crate::crypto::Recipient;
use crate::crypto::VerifyingKey;
use crate::name::AdminName;
use crate::name::HostName;
use crate::name::ServiceName;
use crate::name::Tag;

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

    /// Adds `[admins.NAME]`.
    pub fn add_admin(&mut self, name: &AdminName, admin: &Admin) {
        let mut table = Table::new();
        insert_list(&mut table, "recipients", admin.recipients.iter().map(Recipient::as_str));
        insert_list(&mut table, "signing-keys", admin.signing_keys.iter().map(VerifyingKey::as_str));
        self.section("admins").insert(name.as_str(), Item::Table(table));
    }

    /// Notes when an admin left. Their keys stay, so that messages and old ledger lines can name them.
    pub fn remove_admin(&mut self, name: &AdminName, now: Timestamp) {
        let section = self.section("admins");
        if let Some(table) = section.get_mut(name.as_str()).and_then(Item::as_table_like_mut) {
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
