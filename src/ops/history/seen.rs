//! What this checkout has seen on each branch, so that a history which was put back is noticed here.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde::Serialize;

use super::Present;
use super::Record;
use super::Sealed;
use crate::crypto::Digest;
use crate::diag::Class;
use crate::diag::Finding;
use crate::diag::Place;
use crate::diag::Severity;
use crate::fsx::read_bounded;
use crate::fsx::write_atomic;
use crate::manifest::MANIFEST_FILE;
use crate::name::HostName;
use crate::name::SecretName;
use crate::ops::workspace::Workspace;
use crate::ops::workspace::prepare_work_dir;
use crate::store::Layout;

/// The record, in the folder that is never in Git.
const SEEN_FILE: &str = "seen.json";
/// Largest record that is read.
const SEEN_MAX: u64 = 256 << 20;
/// The version of the record that this program writes and reads.
const VERSION: u32 = 1;
/// The way to say that the past is meant.
const ACCEPT: &str = "if it was put back on purpose, accept it with `secretctl check --accept-past`; if not, look at `git reflog` for what was here";

#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
struct Seen {
    version: u32,
    branches: BTreeMap<String, Branch>,
}

#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
struct Branch {
    ledgers: BTreeMap<SecretName, Head>,
    manifests: BTreeMap<HostName, Sealed>,
}

/// The last line of a ledger.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
struct Head {
    line_sha256: Digest,
    revision: u64,
}

/// Holds what is there against the record, and writes down what is newer.
pub(super) fn check(ws: &Workspace, branch: &str, present: &Present<'_>, record: Record) -> Vec<Finding> {
    let before = read(ws);
    let mut now = before.clone();
    let entry = now.branches.entry(branch.to_owned()).or_default();
    if record == Record::Renew {
        *entry = Branch::default();
    }
    let mut findings = Vec::new();
    ledgers(present, entry, &mut findings);
    manifests(ws, present, entry, &mut findings);
    if now != before {
        write(ws, &now);
    }
    findings
}

fn ledgers(present: &Present<'_>, entry: &mut Branch, findings: &mut Vec<Finding>) {
    let lives_on = |head: &Head| present.ledgers.values().any(|ledger| ledger.has_line(head.line_sha256));
    let mut behind = Vec::new();
    let mut moved = Vec::new();
    for (name, head) in &entry.ledgers {
        let ledger = present.ledgers.get(name);
        if present.broken.contains(name) || ledger.is_some_and(|ledger| ledger.has_line(head.line_sha256)) {
            continue;
        }
        if lives_on(head) { moved.push(name.clone()) } else { behind.push(name.clone()) }
    }
    entry.ledgers.retain(|name, _| !moved.contains(name));
    for name in &behind {
        let revision = entry.ledgers.get(name).map_or(0, |head| head.revision);
        let message = format!(
            "the ledger of `{name}` lacks what was seen here before, up to revision {revision}: it was put back or rewritten"
        );
        let finding = Finding::new(Severity::Error, Class::Integrity, "ledger::behind_last_seen", message);
        findings.push(finding.at(Place::file(Layout::ledger(name))).help(ACCEPT));
    }
    for (name, ledger) in &present.ledgers {
        let (Some(line_sha256), Some(head)) = (ledger.head_digest(), ledger.head()) else { continue };
        if !behind.contains(name) {
            entry.ledgers.insert((*name).clone(), Head { line_sha256, revision: head.revision });
        }
    }
}

fn manifests(ws: &Workspace, present: &Present<'_>, entry: &mut Branch, findings: &mut Vec<Finding>) {
    entry.manifests.retain(|host, _| ws.policy.seals_for(host));
    for (host, &now) in &present.trees {
        let seen = entry.manifests.get(host).copied().unwrap_or_default();
        if !now.is_before(seen) {
            entry.manifests.insert(host.clone(), now);
            continue;
        }
        let message = format!("the manifest of host `{host}` {now}, and was seen here with {}", seen.serial);
        let finding = Finding::new(Severity::Error, Class::Integrity, "manifest::behind_last_seen", message);
        findings.push(finding.at(Place::file(Layout::sealed(host).join(MANIFEST_FILE))).help(ACCEPT));
    }
}

/// The record; an unreadable one is as good as none, since whoever can change it can remove it.
fn read(ws: &Workspace) -> Seen {
    let none = Seen { version: VERSION, branches: BTreeMap::new() };
    let bytes = read_bounded(&ws.layout.work_dir().join(SEEN_FILE), SEEN_MAX);
    let seen = bytes.ok().and_then(|bytes| serde_json::from_slice::<Seen>(&bytes).ok());
    seen.filter(|seen| seen.version == VERSION).unwrap_or(none)
}

/// Writes the record where that is possible; a checkout that cannot be written to has no memory.
fn write(ws: &Workspace, seen: &Seen) {
    let Ok(mut bytes) = serde_json::to_vec(seen) else { return };
    bytes.push(b'\n');
    if prepare_work_dir(&ws.layout).is_ok() {
        let _ = write_atomic(&ws.layout.work_dir().join(SEEN_FILE), &bytes, 0o644);
    }
}
