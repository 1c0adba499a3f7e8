//! What this checkout has seen on each branch, so that a history which was put back is noticed here.

use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::path::Path;

use serde::Deserialize;
use serde::Serialize;

use super::Present;
use super::Record;
use super::Sealed;
use super::sealed_then;
use crate::crypto::Digest;
use crate::diag::Class;
use crate::diag::Finding;
use crate::diag::Place;
use crate::diag::Severity;
use crate::fsx::read_below;
use crate::fsx::write_atomic;
use crate::git::GitError;
use crate::git::Repository;
use crate::ledger::LEDGER_MAX;
use crate::ledger::Ledger;
use crate::ledger::VerifiedLedger;
use crate::manifest::MANIFEST_FILE;
use crate::manifest::SIGNATURE_FILE;
use crate::name::HostName;
use crate::name::SecretName;
use crate::ops::workspace::Workspace;
use crate::store::Layout;

/// The record, in the folder that no commit reaches.
const SEEN_FILE: &str = "seen.json";
/// Largest record that is read.
const SEEN_MAX: u64 = 256 << 20;
/// The version of the record that this program writes and reads.
const VERSION: u32 = 2;
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
    /// The commits that were written down last; none outside of Git.
    commits: Vec<String>,
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
pub(super) fn check(
    ws: &Workspace,
    repository: Option<&Repository>,
    branch: &str,
    present: &Present<'_>,
    record: Record,
) -> Vec<Finding> {
    let before = read(ws);
    let mut now = before.clone();
    let entry = now.branches.entry(branch.to_owned()).or_default();
    if record == Record::Renew {
        *entry = Branch::default();
    }
    let mut findings = Vec::new();
    let behind = ledgers(present, entry, &mut findings);
    manifests(ws, present, entry, &mut findings);
    let newer = match repository {
        // Where Git does not answer, what is there is found to be so elsewhere.
        Some(repository) => published(ws, repository, present, entry).unwrap_or_default(),
        None => Some(here(present)),
    };
    if let Some(newer) = newer {
        entry.grow(newer, &behind);
    }
    if now != before {
        write(ws, &now);
    }
    findings
}

/// Ledgers that lack what was seen.
fn ledgers(present: &Present<'_>, entry: &mut Branch, findings: &mut Vec<Finding>) -> BTreeSet<SecretName> {
    let lives_on = |head: &Head| present.ledgers.values().any(|ledger| ledger.has_line(head.line_sha256));
    let mut behind = BTreeSet::new();
    let mut moved = Vec::new();
    for (name, head) in &entry.ledgers {
        let ledger = present.ledgers.get(name);
        if present.broken.contains(name) || ledger.is_some_and(|ledger| ledger.has_line(head.line_sha256)) {
            continue;
        }
        if lives_on(head) {
            moved.push(name.clone());
            continue;
        }
        behind.insert(name.clone());
        let message = format!(
            "the ledger of `{name}` lacks what was seen here before, up to revision {}: it was put back or rewritten",
            head.revision
        );
        let finding = Finding::new(Severity::Error, Class::Integrity, "ledger::behind_last_seen", message);
        findings.push(finding.at(Place::file(Layout::ledger(name))).help(ACCEPT));
    }
    entry.ledgers.retain(|name, _| !moved.contains(name));
    behind
}

fn manifests(ws: &Workspace, present: &Present<'_>, entry: &mut Branch, findings: &mut Vec<Finding>) {
    entry.manifests.retain(|host, _| ws.policy.seals_for(host));
    for (host, &now) in &present.trees {
        let seen = entry.manifests.get(host).copied().unwrap_or_default();
        if !now.is_before(seen) {
            continue;
        }
        let message = format!("the manifest of host `{host}` {now}, and was seen here with {}", seen.serial);
        let finding = Finding::new(Severity::Error, Class::Integrity, "manifest::behind_last_seen", message);
        findings.push(finding.at(Place::file(Layout::sealed(host).join(MANIFEST_FILE))).help(ACCEPT));
    }
}

impl Branch {
    /// Takes over what is newer; what is behind stays as it was seen.
    fn grow(&mut self, newer: Self, behind: &BTreeSet<SecretName>) {
        self.commits = newer.commits;
        self.ledgers.extend(newer.ledgers.into_iter().filter(|(name, _)| !behind.contains(name)));
        for (host, now) in newer.manifests {
            let seen = self.manifests.entry(host).or_default();
            if !now.is_before(*seen) {
                *seen = now;
            }
        }
    }
}

/// What is there, where there is no Git that could say what others have.
fn here(present: &Present<'_>) -> Branch {
    let head = |ledger: &VerifiedLedger| {
        Some(Head { line_sha256: ledger.head_digest()?, revision: ledger.head()?.revision })
    };
    let heads = present.ledgers.iter().filter_map(|(name, ledger)| Some(((*name).clone(), head(ledger)?)));
    Branch { commits: Vec::new(), ledgers: heads.collect(), manifests: present.trees.clone() }
}

/// What the newest commits hold that were fetched or pushed; none if that was written down before.
///
/// A line that only this work tree has, or a commit that nobody else has, may go again without anybody being deceived.
fn published(
    ws: &Workspace,
    repository: &Repository,
    present: &Present<'_>,
    known: &Branch,
) -> Result<Option<Branch>, GitError> {
    let commits = repository.published()?;
    let ids: Vec<String> = commits.iter().map(|commit| commit.id.clone()).collect();
    if ids == known.commits {
        return Ok(None);
    }
    let mut found = Branch { commits: ids, ..Branch::default() };
    let mut blobs = repository.blobs()?;
    for commit in &commits {
        let entries = repository.entries(commit, &["secrets", "sealed"])?;
        let ids: BTreeMap<&Path, &str> =
            entries.iter().map(|entry| (entry.path.as_path(), entry.id.as_str())).collect();
        for (path, id) in &ids {
            if let Some(name) = Layout::ledger_name(path) {
                let before = found.ledgers.get(&name).or_else(|| known.ledgers.get(&name)).copied();
                if let Some(head) = ledger_then(ws, present, &name, before, blobs.content_of(id, LEDGER_MAX)?)
                {
                    found.ledgers.insert(name, head);
                }
            }
            let host = path.parent().filter(|_| path.ends_with(MANIFEST_FILE)).and_then(Layout::sealed_host);
            let signature = ids.get(path.with_file_name(SIGNATURE_FILE).as_path());
            if let (Some(host), Some(signature)) = (host, signature)
                && let Some(sealed) = sealed_then(ws, &host, id, signature, &mut blobs)?
            {
                found.manifests.insert(host, sealed);
            }
        }
    }
    Ok(Some(found))
}

/// The last line of a committed ledger that holds up and follows from what was seen before.
fn ledger_then(
    ws: &Workspace,
    present: &Present<'_>,
    name: &SecretName,
    before: Option<Head>,
    bytes: Option<Vec<u8>>,
) -> Option<Head> {
    let bytes = bytes?;
    let mut lines = bytes.strip_suffix(b"\n").unwrap_or(&bytes).split(|byte| *byte == b'\n').map(Digest::of);
    if before.is_some_and(|before| !lines.clone().any(|line| line == before.line_sha256)) {
        return None;
    }
    let line_sha256 = lines.next_back()?;
    // What was verified already needs no second look: mostly the two are the same.
    let held = present.ledgers.get(name).is_some_and(|ledger| ledger.bytes().starts_with(&bytes));
    let path = Layout::ledger(name);
    let holds =
        || Ledger::parse(&bytes, &path).and_then(|ledger| ledger.verify(name, &ws.authors(), &path)).is_ok();
    let revision = (held || holds()).then(|| Ledger::unverified_head(&bytes)).flatten()?.revision;
    Some(Head { line_sha256, revision })
}

/// The record; an unreadable one is as good as none, since whoever can change it can remove it.
fn read(ws: &Workspace) -> Seen {
    let none = Seen { version: VERSION, branches: BTreeMap::new() };
    let work = ws.work_dir();
    let bytes = work.existing().map(|folder| read_below(folder, Path::new(SEEN_FILE), SEEN_MAX));
    let seen = bytes.and_then(|bytes| serde_json::from_slice::<Seen>(&bytes.ok()?).ok());
    seen.filter(|seen| seen.version == VERSION).unwrap_or(none)
}

/// Writes the record where that is possible; a checkout that cannot be written to has no memory.
fn write(ws: &Workspace, seen: &Seen) {
    let Ok(mut bytes) = serde_json::to_vec(seen) else { return };
    bytes.push(b'\n');
    if let Ok(folder) = ws.work_dir().prepare() {
        let _ = write_atomic(&folder.join(SEEN_FILE), &bytes, 0o600);
    }
}
