//! The metadata of a file: who can open it, what is encrypted, and the fields that are kept without being known.

use jiff::Timestamp;

use super::error::Problem;
use super::selector::Selector;
use super::tree::Node;

/// Version that new files name; files that exist keep theirs.
pub(super) const VERSION: &str = "3.12.2";

/// The ways into a file.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Access {
    /// One group, or several of which each opens one share of the data key.
    pub groups: Vec<Group>,
    /// How many groups are needed; 1 with a single group.
    pub threshold: usize,
    /// When a value was last changed, as stored.
    pub last_modified: String,
    /// Version of the program that wrote it, as stored.
    pub version: String,
    /// What decides which values are encrypted.
    pub selector: Selector,
    /// Whether values in the clear are left out of the MAC.
    pub mac_only_encrypted: bool,
}

/// People and services of which each one alone opens the same thing.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Group {
    /// Age recipients.
    pub recipients: Vec<AgeStanza>,
    /// PGP and key services.
    pub foreign: Vec<Foreign>,
}

/// The data key, or a share, for one age recipient.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct AgeStanza {
    /// The recipient as stored.
    pub recipient: String,
    /// An armored age file.
    pub(super) enc: String,
}

/// The data key, or a share, for something that is not age.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Foreign {
    /// What it is.
    pub kind: ForeignKind,
    /// Fingerprint, resource name or address.
    pub id: String,
    /// The ciphertext as stored.
    pub(super) enc: String,
}

/// What can open a file besides age.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
#[non_exhaustive]
pub enum ForeignKind {
    /// An OpenPGP key.
    Pgp,
    /// AWS KMS.
    Kms,
    /// Google Cloud KMS.
    GcpKms,
    /// Azure Key Vault.
    AzureKv,
    /// The transit engine of HashiCorp Vault.
    HcVault,
    /// Huawei Cloud KMS.
    HcKms,
    /// A list of stanzas that this program does not know, by its name.
    Other(String),
}

impl ForeignKind {
    fn of_field(field: &str) -> Self {
        match field {
            "pgp" => Self::Pgp,
            "kms" => Self::Kms,
            "gcp_kms" => Self::GcpKms,
            "azure_kv" => Self::AzureKv,
            "hc_vault" => Self::HcVault,
            "hckms" => Self::HcKms,
            other => Self::Other(other.to_owned()),
        }
    }

    /// The fields that name the key, which together are its `id`.
    fn names(&self) -> &'static [&'static str] {
        match self {
            Self::Pgp => &["fp"],
            Self::Kms => &["arn"],
            Self::GcpKms => &["resource_id"],
            Self::AzureKv => &["vault_url", "name", "version"],
            Self::HcVault => &["vault_address", "engine_path", "key_name"],
            Self::HcKms => &["key_id"],
            Self::Other(_) => &["id", "name", "arn", "recipient"],
        }
    }
}

impl std::fmt::Display for ForeignKind {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Pgp => "PGP",
            Self::Kms => "AWS KMS",
            Self::GcpKms => "Google Cloud KMS",
            Self::AzureKv => "Azure Key Vault",
            Self::HcVault => "HashiCorp Vault",
            Self::HcKms => "Huawei Cloud KMS",
            Self::Other(field) => field,
        })
    }
}

impl std::fmt::Display for Foreign {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} {}", self.kind, self.id)
    }
}

/// What the format needs of the metadata, besides the tree itself.
#[derive(Clone, Debug)]
pub(super) struct Metadata {
    pub(super) access: Access,
    /// The encrypted MAC; none when it is missing or empty.
    pub(super) mac: Option<String>,
    /// What the MAC is bound to: `lastmodified` as Go prints it after reading it.
    pub(super) mac_place: String,
}

impl Metadata {
    pub(super) fn parse(node: &Node) -> Result<Self, Problem> {
        let last_modified = text(node, "lastmodified").ok_or(missing("lastmodified"))?.to_owned();
        let mac_place = go_time(&last_modified)
            .ok_or(Problem::Metadata { field: "lastmodified".to_owned(), reason: "it is not a time" })?;
        let groups = groups(node)?;
        let threshold = threshold(node, groups.len())?;
        let access = Access {
            threshold,
            groups,
            last_modified,
            version: text(node, "version").unwrap_or_default().to_owned(),
            selector: selector(node)?,
            mac_only_encrypted: flag(node, "mac_only_encrypted"),
        };
        let mac = text(node, "mac").filter(|mac| !mac.is_empty()).map(ToOwned::to_owned);
        Ok(Self { access, mac, mac_place })
    }
}

fn text<'n>(node: &'n Node, field: &str) -> Option<&'n str> {
    node.field(field)?.as_str()
}

fn flag(node: &Node, field: &str) -> bool {
    match node.field(field) {
        Some(Node::Bool(value)) => *value,
        Some(Node::Str(value)) => value == "true",
        _ => false,
    }
}

fn missing(field: &str) -> Problem {
    Problem::Metadata { field: field.to_owned(), reason: "it is missing" }
}

fn selector(node: &Node) -> Result<Selector, Problem> {
    let set = |field: &'static str| {
        let text = text(node, field).filter(|text| !text.is_empty())?;
        Selector::of_field(field, text)
    };
    let mut selectors = Selector::FIELDS.into_iter().filter_map(set);
    let selector = selectors.next().unwrap_or_default();
    match selectors.next() {
        Some(second) => Err(Problem::Metadata {
            field: second.field().to_owned(),
            reason: "it stands beside another selector, and a file has only one",
        }),
        None => Ok(selector),
    }
}

fn threshold(node: &Node, groups: usize) -> Result<usize, Problem> {
    let bad = |reason| Problem::Metadata { field: "shamir_threshold".to_owned(), reason };
    let number = match node.field("shamir_threshold") {
        Some(Node::Number(text) | Node::Str(text)) => {
            text.trim_end_matches(".0").parse().map_err(|_| bad("it is not a number"))?
        }
        None | Some(Node::Null) => 0,
        Some(_) => return Err(bad("it is not a number")),
    };
    match (groups, number) {
        (0 | 1, _) => Ok(1),
        (all, 0) => Ok(all),
        (all, needed) if needed > all => Err(bad("it is larger than the number of key groups")),
        (_, 1) => Err(bad("it is 1, and shares are only made for 2 or more")),
        (_, needed) => Ok(needed),
    }
}

/// As in sops, stanzas at the top win over `key_groups`.
fn groups(node: &Node) -> Result<Vec<Group>, Problem> {
    let top = group(node)?;
    if !top.recipients.is_empty() || !top.foreign.is_empty() {
        return Ok(vec![top]);
    }
    let groups = node.field("key_groups").and_then(Node::as_list).unwrap_or_default();
    if groups.is_empty() {
        return Err(Problem::Metadata { field: "age".to_owned(), reason: "nobody can open the file" });
    }
    groups.iter().map(group).collect()
}

/// The tree with each group, which may be the tree itself, replaced by what `change` makes of it.
pub(super) fn map_groups(
    node: &Node,
    mut change: impl FnMut(usize, &Node) -> Result<Node, Problem>,
) -> Result<Node, Problem> {
    let top = group(node)?;
    if !top.recipients.is_empty() || !top.foreign.is_empty() {
        return change(0, node);
    }
    let groups = node.field("key_groups").and_then(Node::as_list).unwrap_or_default();
    let groups = groups.iter().enumerate().map(|(index, group)| change(index, group));
    let groups = groups.collect::<Result<_, _>>()?;
    let mut changed = node.clone();
    set(&mut changed, "key_groups", Node::List(groups), None);
    Ok(changed)
}

fn group(node: &Node) -> Result<Group, Problem> {
    let Node::Map(fields) = node else {
        let reason = "a group is not a map";
        return Err(Problem::Metadata { field: "key_groups".to_owned(), reason });
    };
    let mut group = Group::default();
    for (field, value) in fields {
        let stanzas = value.as_list().unwrap_or_default();
        if field == "age" {
            for stanza in stanzas {
                group.recipients.push(age_stanza(stanza)?);
            }
        } else if field != "key_groups" {
            group.foreign.extend(stanzas.iter().filter_map(|stanza| foreign(field, stanza)));
        }
    }
    Ok(group)
}

fn age_stanza(node: &Node) -> Result<AgeStanza, Problem> {
    let bad = |reason| Problem::Metadata { field: "age".to_owned(), reason };
    let recipient = text(node, "recipient").ok_or(bad("a stanza has no recipient"))?;
    let enc = text(node, "enc").ok_or(bad("a stanza has no data key"))?;
    Ok(AgeStanza { recipient: recipient.to_owned(), enc: enc.to_owned() })
}

/// Lists of other things than maps with a data key are no stanzas.
pub(super) fn foreign(field: &str, node: &Node) -> Option<Foreign> {
    let kind = ForeignKind::of_field(field);
    let enc = text(node, "enc")?.to_owned();
    let names: Vec<&str> = kind.names().iter().filter_map(|name| text(node, name)).collect();
    Some(Foreign { id: names.join(" "), kind, enc })
}

/// A time as Go prints it after reading it: without fractions, and UTC as `Z`.
fn go_time(text: &str) -> Option<String> {
    text.parse::<Timestamp>().ok()?;
    let (date, offset) = text.split_at_checked("2026-01-01T00:00:00".len())?;
    let offset = offset.trim_start_matches(|c: char| c == '.' || c.is_ascii_digit());
    let utc = matches!(offset, "Z" | "z" | "+00:00" | "-00:00");
    Some(format!("{date}{}", if utc { "Z" } else { offset }))
}

/// A time as the format writes it.
pub(super) fn time(now: Timestamp) -> String {
    let whole = Timestamp::from_second(now.as_second()).unwrap_or(now);
    whole.to_string()
}

/// Sets a field of a map, in place where it is there already, else before `before` or at the end.
pub(super) fn set(node: &mut Node, field: &str, value: Node, before: Option<&str>) {
    let Node::Map(fields) = node else { return };
    if let Some((_, old)) = fields.iter_mut().find(|(name, _)| name == field) {
        *old = value;
        return;
    }
    let at = fields.iter().position(|(name, _)| Some(name.as_str()) == before).unwrap_or(fields.len());
    fields.insert(at, (field.to_owned(), value));
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    fn str(text: &str) -> Node {
        Node::Str(text.to_owned())
    }

    fn map<const N: usize>(fields: [(&str, Node); N]) -> Node {
        Node::Map(fields.into_iter().map(|(key, node)| (key.to_owned(), node)).collect())
    }

    fn age(recipient: &str) -> Node {
        Node::List(vec![map([("recipient", str(recipient)), ("enc", str("x"))])])
    }

    #[test]
    fn the_place_of_the_mac_is_the_time_as_go_prints_it() {
        let cases = [
            ("2026-01-02T03:04:05Z", "2026-01-02T03:04:05Z"),
            ("2026-01-02T03:04:05+00:00", "2026-01-02T03:04:05Z"),
            ("2026-01-02T03:04:05.25Z", "2026-01-02T03:04:05Z"),
            ("2026-01-02T03:04:05+02:00", "2026-01-02T03:04:05+02:00"),
        ];
        for (stored, place) in cases {
            assert_eq!(go_time(stored).as_deref(), Some(place));
        }
        assert_eq!(go_time("yesterday"), None);
    }

    #[test]
    fn two_selectors_and_a_threshold_that_cannot_be_met_are_refused() {
        let time = ("lastmodified", str("2026-01-02T03:04:05Z"));
        let two = map([
            time.clone(),
            ("age", age("a")),
            ("encrypted_regex", str("a")),
            ("unencrypted_suffix", str("b")),
        ]);
        assert!(matches!(Metadata::parse(&two), Err(Problem::Metadata { .. })));
        let groups = Node::List(vec![map([("age", age("a"))]), map([("age", age("b"))])]);
        for (threshold, fits) in
            [("0", true), ("2", true), ("2.0", true), ("3", false), ("1", false), ("x", false)]
        {
            let node = map([
                time.clone(),
                ("key_groups", groups.clone()),
                ("shamir_threshold", Node::Number(threshold.to_owned())),
            ]);
            assert_eq!(Metadata::parse(&node).is_ok(), fits, "{threshold}");
        }
    }

    #[test]
    fn stanzas_of_every_kind_are_named_and_lists_of_other_things_are_not_taken_for_stanzas() {
        let node = map([
            ("lastmodified", str("2026-01-02T03:04:05Z")),
            ("age", age("age1x")),
            ("pgp", Node::List(vec![map([("fp", str("ABC")), ("enc", str("x"))])])),
            (
                "azure_kv",
                Node::List(vec![map([("vault_url", str("u")), ("name", str("n")), ("enc", str("x"))])]),
            ),
            ("new_kms", Node::List(vec![map([("id", str("i")), ("enc", str("x"))])])),
            ("notes", Node::List(vec![str("text")])),
        ]);
        let access = Metadata::parse(&node).unwrap().access;
        let named: Vec<String> =
            access.groups.iter().flat_map(|group| group.foreign.iter().map(ToString::to_string)).collect();
        assert_eq!(named, ["PGP ABC", "Azure Key Vault u n", "new_kms i"]);
        assert_eq!(access.selector, Selector::default());
    }
}
