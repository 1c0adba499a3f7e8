//! Tests of the policy engine as a whole, and the fleet that they share.
#![expect(clippy::unwrap_used, reason = "tests")]

mod attributes;
mod denial;
mod docs;
mod errors;
mod explain;
mod hostile;
mod language;
mod oracle;
mod semantics;

use std::collections::BTreeSet;

use jiff::Timestamp;

use super::Decision;
use super::Grant;
use super::Policy;
use super::PolicyError;
use super::PolicyFile;
use super::Query;
use super::Services;
use crate::fleet::Admin;
use crate::fleet::Fleet;
use crate::fleet::Host;
use crate::fleet::HostState;
use crate::fleet::ServiceReach;
use crate::name::HostName;
use crate::name::ServiceName;

static_assertions::assert_impl_all!(Policy: Send, Sync);

fn host(system: &str, tags: &[&str], services: &[&str], state: HostState) -> Host {
    Host {
        recipients: BTreeSet::new(),
        system: Some(system.to_owned()),
        tags: tags.iter().map(|tag| tag.parse().unwrap()).collect(),
        services: services.iter().map(|service| service.parse().unwrap()).collect(),
        state,
        compromised: None,
    }
}

/// A small fleet: two web hosts, two with backups, a lab machine, one that is switched off and one that is gone.
fn fleet() -> Fleet {
    let (x86, arm) = ("x86_64-linux", "aarch64-linux");
    let hosts = [
        ("forge", host(x86, &["nas", "media", "backup"], &["sonarr", "restic", "caddy"], HostState::Active)),
        ("web-1", host(x86, &["web"], &["caddy", "wireguard"], HostState::Active)),
        ("web-2", host(arm, &["web", "lab"], &["caddy"], HostState::Active)),
        ("torii-chan", host(arm, &["lab", "gpu"], &["wireguard"], HostState::Active)),
        ("attic", host(x86, &["backup"], &["restic"], HostState::Active)),
        ("cellar", host(x86, &["backup"], &["restic"], HostState::Dormant)),
        ("stolen", host(x86, &["web"], &["caddy"], HostState::Revoked)),
    ];
    Fleet {
        admins: ["alice", "bob"].map(|name| (name.parse().unwrap(), Admin::default())).into(),
        hosts: hosts.map(|(name, host)| (name.parse().unwrap(), host)).into(),
        ..Fleet::default()
    }
}

fn file(path: &str, text: &str) -> PolicyFile {
    PolicyFile { path: path.into(), text: text.to_owned() }
}

fn try_load(text: &str) -> Result<Policy, PolicyError> {
    Policy::load(&[file("policies/access.rhai", text)], &fleet())
}

fn load_with(text: &str, services: ServiceReach) -> Policy {
    let fleet = Fleet { services, ..fleet() };
    Policy::load(&[file("policies/access.rhai", text)], &fleet).unwrap()
}

fn load(text: &str) -> Policy {
    try_load(text).unwrap()
}

fn now() -> Timestamp {
    "2026-11-20T10:00:00Z".parse().unwrap()
}

fn decide_at(policy: &Policy, request: &str, now: &str) -> Decision {
    let mut words = request.split(' ');
    let secret = words.next().unwrap().parse().unwrap();
    let host = words.next().unwrap().parse().unwrap();
    let service = words.next().unwrap_or("system").parse().unwrap();
    policy.decide(&Query { secret: &secret, host: &host, service: &service }, now.parse().unwrap())
}

/// Decides `SECRET HOST [SERVICE]`.
fn decide(policy: &Policy, request: &str) -> Decision {
    decide_at(policy, request, "2026-11-20T10:00:00Z")
}

fn allowed(policy: &Policy, request: &str) -> bool {
    decide(policy, request).is_allowed()
}

fn grant(policy: &Policy, secret: &str, host: &str) -> Option<Grant> {
    policy.grant(&secret.parse().unwrap(), &host.parse().unwrap(), now())
}

/// The services of a grant in words: `none`, `all`, or their names.
fn granted(policy: &Policy, secret: &str, host: &str) -> String {
    match grant(policy, secret, host).map(|grant| grant.services) {
        None => "none".to_owned(),
        Some(Services::All) => "all".to_owned(),
        Some(Services::Only(names)) => names.iter().map(ServiceName::as_str).collect::<Vec<_>>().join(" "),
    }
}

/// The hosts that may read `secret` as `system`.
fn readers(policy: &Policy, secret: &str) -> String {
    let fleet = fleet();
    let hosts = fleet.hosts.keys().filter(|host| allowed(policy, &format!("{secret} {host}")));
    hosts.map(HostName::as_str).collect::<Vec<_>>().join(" ")
}
