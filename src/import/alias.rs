//! What people call keys, and which host a name means.

use std::collections::BTreeSet;

use super::found::ReaderKind;
use crate::name::HostName;

/// Words that stand beside the name of a host and say nothing of which.
const HOST_WORDS: [&str; 22] = [
    "host", "hosts", "server", "machine", "system", "sys", "node", "nixos", "darwin", "key", "keys", "age",
    "ssh", "pub", "public", "temp", "tmp", "old", "new", "root", "ed25519", "vm",
];
/// Words that say that a key is a person's.
const PERSON_WORDS: [&str; 12] = [
    "admin", "admins", "user", "users", "me", "operator", "yubikey", "master", "recovery", "backup",
    "person", "home",
];

/// Words for all machines together.
const MACHINES_WORDS: [&str; 10] =
    ["shared", "common", "all", "fleet", "cluster", "homelab", "global", "default", "sops", "secrets"];

/// Whether a name says nothing of any person: only words for machines and keys.
pub(super) fn names_machines(alias: &str) -> bool {
    let says = |word: &String| HOST_WORDS.contains(&word.as_str()) || MACHINES_WORDS.contains(&word.as_str());
    words(alias).iter().all(says)
}

/// The host that a name means: one whose own name is all of it that says anything.
pub(super) fn host_of<'h>(alias: &str, hosts: &'h BTreeSet<HostName>) -> Option<&'h HostName> {
    let words = words(alias);
    let exact = |host: &&HostName| self::words(host.as_str()) == words;
    if let Some(host) = hosts.iter().find(exact) {
        return Some(host);
    }
    if names_person(alias) {
        return None;
    }
    let telling: Vec<String> =
        words.iter().filter(|word| !HOST_WORDS.contains(&word.as_str())).cloned().collect();
    hosts.iter().find(|host| {
        let own = self::words(host.as_str());
        own == telling
            || own.iter().filter(|word| !HOST_WORDS.contains(&word.as_str())).eq(telling.iter())
                && !telling.is_empty()
    })
}

/// The name of a host that a key alone speaks of: `server_azmidi`, `host-forge`.
pub(super) fn host_named(alias: &str) -> Option<HostName> {
    let words = words(alias);
    let (first, rest) = words.split_first()?;
    let says = matches!(first.as_str(), "host" | "server" | "machine" | "system" | "node");
    (says && !rest.is_empty()).then(|| rest.join("-").parse().ok())?
}

/// What a name says of whoever it is.
pub(super) fn kind_of(alias: &str) -> ReaderKind {
    if names_person(alias) {
        ReaderKind::Person
    } else if names_machines(alias) || names_machine(alias) {
        ReaderKind::Machine
    } else {
        ReaderKind::Unclear
    }
}

/// What a comment beside a key says of its owner: `alice@laptop` is a person's, `root@…` and `a host key` a machine's.
pub(super) fn kind_of_remark(remark: &str) -> ReaderKind {
    let user = remark.split_once('@').map(|(user, _)| user);
    match user.filter(|user| !user.is_empty() && !user.contains(' ')) {
        Some("root") => ReaderKind::Machine,
        Some(user) if names_machine(user) => ReaderKind::Machine,
        Some(_) => ReaderKind::Person,
        None if names_machine(remark) => ReaderKind::Machine,
        None if names_person(remark) => ReaderKind::Person,
        None => ReaderKind::Unclear,
    }
}

/// Whether a word of it is one for a machine.
fn names_machine(text: &str) -> bool {
    let machine = ["host", "server", "machine", "node", "vm", "nixos", "darwin"];
    words(text).iter().any(|word| machine.contains(&word.as_str()))
}

/// Whether a name says that it is a person's.
fn names_person(alias: &str) -> bool {
    words(alias).iter().any(|word| PERSON_WORDS.contains(&word.as_str()))
}

fn words(text: &str) -> Vec<String> {
    let parts = text.split(|c: char| !c.is_ascii_alphanumeric()).filter(|part| !part.is_empty());
    parts.map(str::to_ascii_lowercase).collect()
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn a_name_for_all_machines_is_told_from_a_persons() {
        for machines in ["shared_key", "all-hosts", "fleet", "sops_age_key"] {
            assert!(names_machines(machines), "{machines}");
        }
        for person in ["alice", "bob_yubikey", "shared_by_alice"] {
            assert!(!names_machines(person), "{person}");
        }
    }

    #[test]
    fn what_a_key_is_called_tells_people_from_machines() {
        for (alias, kind) in [
            ("alice_yubikey", ReaderKind::Person),
            ("old_server_key", ReaderKind::Machine),
            ("shared_key", ReaderKind::Machine),
            ("beta", ReaderKind::Unclear),
        ] {
            assert_eq!(kind_of(alias), kind, "{alias}");
        }
        for (remark, kind) in [
            ("alice@nixos", ReaderKind::Person),
            ("root@forge", ReaderKind::Machine),
            ("root@", ReaderKind::Machine),
            ("the host key of forge", ReaderKind::Machine),
            ("a backup of 2024", ReaderKind::Person),
            ("of 2024", ReaderKind::Unclear),
        ] {
            assert_eq!(kind_of_remark(remark), kind, "{remark}");
        }
    }

    #[test]
    fn a_name_of_a_key_means_the_host_whose_name_is_all_that_it_says() {
        let hosts: BTreeSet<HostName> =
            ["forge", "luna", "nas-1", "torii-chan"].map(|name| name.parse().unwrap()).into();
        for (alias, host) in [
            ("forge", Some("forge")),
            ("host_forge", Some("forge")),
            ("luna_temp", Some("luna")),
            ("nas-1", Some("nas-1")),
            ("torii_chan", Some("torii-chan")),
            ("TORII_CHAN_KEY", Some("torii-chan")),
            ("admin_forge", None),
            ("shared_key", None),
            ("forge_luna", None),
            ("host", None),
        ] {
            assert_eq!(host_of(alias, &hosts).map(HostName::as_str), host, "{alias}");
        }
        assert_eq!(host_named("server_azmidi").unwrap().as_str(), "azmidi");
        assert_eq!(host_named("azmidi"), None);
    }
}
