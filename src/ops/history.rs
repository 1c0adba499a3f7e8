//! What was there before: committed ledgers and manifests, and those that this checkout has seen.

mod merging;
mod roots;
mod seen;
mod serials;

use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::collections::HashSet;
use std::path::Path;

use jiff::Timestamp;
use serde::Deserialize;
use serde::Serialize;

pub(super) use merging::Merging;
pub(super) use serials::committed_serial;

use crate::diag::Class;
use crate::diag::Finding;
use crate::diag::Place;
use crate::diag::Severity;
use crate::git::Blobs;
use crate::git::Change;
use crate::git::Depth;
use crate::git::From;
use crate::git::GitError;
use crate::git::Repository;
use crate::ledger::LEDGER_MAX;
use crate::ledger::Ledger;
use crate::ledger::VerifiedLedger;
use crate::manifest::MANIFEST_FILE;
use crate::manifest::MANIFEST_MAX;
use crate::manifest::Manifest;
use crate::manifest::SIGNATURE_FILE;
use crate::name::HostName;
use crate::name::SecretName;
use crate::ops::error::OpsError;
use crate::ops::workspace::Workspace;
use crate::store::Layout;
use crate::store::SERIAL_BELIEVED;

/// Committed manifests of each host that are looked at, the newest first, unless all are asked for.
const MANIFESTS: usize = 2;
/// How far one committed manifest may be above the one before.
const SERIAL_STEP: u64 = 10_000;
/// Largest signature that is read.
const SIGNATURE_MAX: u64 = 64 << 10;

/// How far `check` looks back.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Back {
    /// Every committed ledger, and the newest manifests, where there is a Git repository.
    Usual,
    /// Every committed manifest too; without a Git repository this fails.
    Whole,
}

/// What becomes of the record of what this checkout has seen.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Record {
    /// It grows; what falls short of it is found.
    Keep,
    /// It starts anew from what is there.
    Renew,
}

/// What is there now and was found to be sound.
pub(super) struct Present<'a> {
    /// Every ledger that can be believed, also those of removed secrets.
    pub(super) ledgers: BTreeMap<&'a SecretName, &'a VerifiedLedger>,
    /// Ledgers that have a finding of their own already.
    pub(super) broken: BTreeSet<&'a SecretName>,
    /// Each sealed tree in scope that can be believed.
    pub(super) trees: BTreeMap<HostName, Sealed>,
}

/// Which manifest a host has. Numbers start anew where a host got a new tree, but then its time is later.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Sealed {
    /// Its serial; zero where there is none.
    pub(super) serial: u64,
    /// When it was signed.
    pub(super) sealed_at: Timestamp,
}

impl Sealed {
    /// Whether it is from before the other, in both numbers and time.
    fn is_before(self, other: Self) -> bool {
        self.serial < other.serial && self.sealed_at < other.sealed_at
    }

    /// Whether no number of seals explains its serial.
    pub(super) fn is_jump(self) -> bool {
        self.serial >= SERIAL_BELIEVED
    }

    /// Whether its serial is further above the other one than sealing leads.
    fn jumped_from(self, other: Self) -> bool {
        self.serial > other.serial.saturating_add(SERIAL_STEP)
    }
}

impl std::fmt::Display for Sealed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.serial {
            0 => f.write_str("is gone"),
            serial => write!(f, "has serial {serial}"),
        }
    }
}

impl Present<'_> {
    /// Whether all lines of a committed ledger are in some ledger: that of the secret, or of its later name.
    fn holds(&self, name: &SecretName, text: &str, all: &mut Option<HashSet<String>>) -> bool {
        if self.ledgers.get(name).is_some_and(|ledger| ledger.has_lines_of(text)) {
            return true;
        }
        let all = all.get_or_insert_with(|| {
            let texts = self.ledgers.values().map(|ledger| String::from_utf8_lossy(ledger.bytes()));
            texts.flat_map(|text| text.lines().map(str::to_owned).collect::<Vec<_>>()).collect()
        });
        text.lines().all(|line| all.contains(line))
    }
}

/// Compares what is there with Git and with what this checkout has seen.
pub(super) fn check(
    ws: &Workspace,
    present: &Present<'_>,
    back: Back,
    record: Record,
) -> Result<Vec<Finding>, OpsError> {
    let repository = match ws.repository() {
        Ok(repository) => Some(repository),
        Err(error) if back == Back::Whole => return Err(error.into()),
        Err(GitError::NoRepository { .. }) => None,
        Err(error @ GitError::Missing) => {
            return Ok(vec![Finding { severity: Severity::Warning, ..Finding::from_failure(&error) }]);
        }
        Err(error) => return Ok(vec![Finding::from_failure(&error)]),
    };
    let branch = match &repository {
        Some(repository) => repository.branch()?,
        None => Some(String::new()),
    };
    let mut findings = Vec::new();
    if let Some(branch) = branch {
        findings.extend(seen::check(ws, repository.as_ref(), &branch, present, record));
    }
    if let Some(repository) = repository {
        findings.extend(committed(ws, &repository, present, back)?);
    }
    Ok(findings)
}

fn committed(
    ws: &Workspace,
    repository: &Repository,
    present: &Present<'_>,
    back: Back,
) -> Result<Vec<Finding>, OpsError> {
    let mut findings = Vec::new();
    if repository.depth()? == Depth::Shallow {
        let message = "the comparison with earlier commits is incomplete: only the latest ones were cloned";
        findings.push(
            incomplete("git::shallow", message)
                .help("fetch all of them: `git fetch --unshallow`, in CI `fetch-depth: 0`"),
        );
    }
    match compared(ws, repository, present, back, &mut findings) {
        Err(OpsError::Git(error)) if repository.is_partial()? => {
            let message = format!("the comparison with earlier commits is incomplete: {error}");
            findings.push(incomplete("git::partial", message).help(
                "nothing is fetched here; fetch all of it: `git fetch --refetch --no-filter`, or clone without `--filter`",
            ));
        }
        other => other?,
    }
    Ok(findings)
}

fn incomplete(code: &str, message: impl Into<String>) -> Finding {
    Finding::new(Severity::Warning, Class::Finding, code, message)
}

fn compared(
    ws: &Workspace,
    repository: &Repository,
    present: &Present<'_>,
    back: Back,
    findings: &mut Vec<Finding>,
) -> Result<(), OpsError> {
    let changes = repository.changes(From::Head, &[Path::new("secrets"), Path::new("sealed")])?;
    let mut blobs = repository.blobs()?;
    ledgers(ws, present, &changes, &mut blobs, findings)?;
    manifests(ws, present, &changes, &mut blobs, back, findings)?;
    findings.extend(roots::rewritten(ws, &changes, &mut blobs)?);
    Ok(())
}

/// Committed ledgers that held up, and of which a line is missing now.
fn ledgers(
    ws: &Workspace,
    present: &Present<'_>,
    changes: &[Change],
    blobs: &mut Blobs,
    findings: &mut Vec<Finding>,
) -> Result<(), OpsError> {
    let authors = ws.authors();
    let mut done: HashSet<&str> = HashSet::new();
    let mut found: BTreeSet<SecretName> = BTreeSet::new();
    let mut all = None;
    for Change { commit, path, blob } in changes {
        let (Some(name), Some(blob)) = (Layout::ledger_name(path), blob) else { continue };
        if present.broken.contains(&name) || found.contains(&name) || !done.insert(blob) {
            continue;
        }
        let Some(bytes) = blobs.content_of(blob, LEDGER_MAX)? else { continue };
        if present.ledgers.get(&name).is_some_and(|ledger| ledger.bytes().starts_with(&bytes)) {
            continue;
        }
        let Ok(text) = std::str::from_utf8(&bytes) else { continue };
        if present.holds(&name, text, &mut all) {
            continue;
        }
        // What never held up, such as a line of an attacker that was taken out again, is not missed.
        let then = Ledger::parse(&bytes, path).and_then(|ledger| ledger.verify(&name, &authors, path));
        if let Ok(then) = then {
            findings.push(rewritten(&name, commit, then.lines().len()));
            found.insert(name);
        }
    }
    Ok(())
}

fn rewritten(name: &SecretName, commit: &str, lines: usize) -> Finding {
    let short = commit.get(..12).unwrap_or(commit);
    let message = format!(
        "the ledger of `{name}` has lost lines: commit {short} had {lines}, and not all of them are here"
    );
    let finding = Finding::new(Severity::Error, Class::Integrity, "ledger::rewritten", message);
    finding.at(Place::file(Layout::ledger(name))).help(format!(
        "look at `git log -p -- {}`; bring them back with `git checkout {short} -- secrets/{name}.age secrets/{name}.ledger`, or, if both are newer here, with `secretctl git-merge --other {short} --take ours {name}`",
        Layout::ledger(name).display()
    ))
}

/// Manifests with a higher serial than the ones that are there.
fn manifests(
    ws: &Workspace,
    present: &Present<'_>,
    changes: &[Change],
    blobs: &mut Blobs,
    back: Back,
    findings: &mut Vec<Finding>,
) -> Result<(), OpsError> {
    let mut looked: BTreeMap<HostName, Vec<&str>> = BTreeMap::new();
    let mut ended: BTreeSet<HostName> = BTreeSet::new();
    let mut found: BTreeSet<HostName> = BTreeSet::new();
    let signatures: BTreeMap<(&str, &Path), &str> = changes
        .iter()
        .filter(|change| change.path.ends_with(SIGNATURE_FILE))
        .filter_map(|change| Some(((change.commit.as_str(), change.path.parent()?), change.blob.as_deref()?)))
        .collect();
    for Change { commit, path, blob } in changes.iter().filter(|change| change.path.ends_with(MANIFEST_FILE))
    {
        let Some(host) = path.parent().and_then(Layout::sealed_host) else { continue };
        let Some(&now) = present.trees.get(&host) else { continue };
        let Some(blob) = blob else {
            // Before that, another host may have had the name.
            ended.insert(host);
            continue;
        };
        let seen = looked.entry(host.clone()).or_default();
        let enough = back == Back::Usual && seen.len() >= MANIFESTS;
        if enough || ended.contains(&host) || found.contains(&host) || seen.contains(&blob.as_str()) {
            continue;
        }
        seen.push(blob);
        let signature = path.parent().and_then(|folder| signatures.get(&(commit.as_str(), folder)));
        let then = signature.and_then(|signature| sealed_then(ws, &host, blob, signature, blobs).transpose());
        let finding = match then.transpose()? {
            Some(then) if now.is_before(then) => went_back(&host, now, then, commit),
            Some(then) if now.jumped_from(then) && !now.is_jump() => jumped(&host, now, Some(then)),
            _ => continue,
        };
        findings.push(finding);
        found.insert(host);
    }
    Ok(())
}

/// A serial that no number of seals explains: somebody may want the numbers to end.
pub(super) fn jumped(host: &HostName, now: Sealed, then: Option<Sealed>) -> Finding {
    let before = then.map(|then| format!(", and the one before had {}", then.serial)).unwrap_or_default();
    let message = format!("the manifest of host `{host}` {now}{before}: nobody seals so often");
    let finding = Finding::new(Severity::Error, Class::Integrity, "manifest::serial_jump", message);
    finding.at(Place::file(Layout::sealed(host).join(MANIFEST_FILE))).help(format!(
        "find out who signed it with `git log -p -- sealed/{host}`; once that key is no longer an admin's, `secretctl seal` goes on from the serial before, and hosts forget the jump"
    ))
}

/// What a committed manifest says that an admin signed.
fn sealed_then(
    ws: &Workspace,
    host: &HostName,
    manifest: &str,
    signature: &str,
    blobs: &mut Blobs,
) -> Result<Option<Sealed>, GitError> {
    let Some(bytes) = blobs.content_of(manifest, MANIFEST_MAX)? else { return Ok(None) };
    let Some(signature) = blobs.content_of(signature, SIGNATURE_MAX)? else { return Ok(None) };
    let signers = ws.signers();
    let trusted = signers.trusted.union(&signers.left).cloned().collect();
    let verified = Manifest::verify(&bytes, &String::from_utf8_lossy(&signature), &trusted);
    let verified = verified.and_then(|verified| verified.for_host(host)).ok();
    Ok(verified.map(|v| Sealed { serial: v.manifest().serial, sealed_at: v.manifest().sealed_at }))
}

fn went_back(host: &HostName, now: Sealed, then: Sealed, commit: &str) -> Finding {
    let short = commit.get(..12).unwrap_or(commit);
    let message =
        format!("the manifest of host `{host}` {now}, and in commit {short} it had {}", then.serial);
    let finding = Finding::new(Severity::Error, Class::Integrity, "manifest::serial_went_back", message);
    finding.at(Place::file(Layout::sealed(host).join(MANIFEST_FILE))).help(format!(
        "hosts refuse lower serials; bring the newer tree back with `git checkout {short} -- sealed/{host}`, then run `secretctl seal`"
    ))
}
