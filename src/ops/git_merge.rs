//! Joins what two branches did: asked by Git while it merges, and by a person afterwards.
//!
//! No value is opened for it, and none is ever dropped: what one branch wrote about a secret stays in its ledger,
//! whichever value counts.

mod document;
mod error;
mod sealed;

use std::collections::BTreeSet;
use std::path::Path;
use std::path::PathBuf;

use serde::Serialize;

pub use error::MergeError;

use document::Parts;
use error::Side;

use crate::crypto::Digest;
use crate::fsx::read_bounded;
use crate::fsx::write_atomic;
use crate::git::GitError;
use crate::git::Repository;
use crate::ledger::Entry;
use crate::ledger::Event;
use crate::ledger::LEDGER_MAX;
use crate::ledger::Ledger;
use crate::ledger::Relation;
use crate::ledger::Seen;
use crate::ledger::VerifiedLedger;
use crate::manifest::MANIFEST_FILE;
use crate::manifest::SIGNATURE_FILE;
use crate::name::SecretName;
use crate::ops::error::OpsError;
use crate::ops::wanted::readers;
use crate::ops::workspace::Author;
use crate::ops::workspace::Settings;
use crate::ops::workspace::Workspace;
use crate::ops::writing::Writing;
use crate::store::DENIED_FILE;
use crate::store::Layout;
use crate::store::SOURCE_MAX;
use crate::store::StoreError;

/// The files that Git made of the three versions of one path.
#[derive(Clone, Copy, Debug)]
pub struct Contents<'a> {
    /// The common ancestor; empty where there is none.
    pub base: &'a Path,
    /// Ours, and the place for the outcome.
    pub ours: &'a Path,
    /// Theirs.
    pub theirs: &'a Path,
}

/// Whose value counts.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Take {
    /// That of the branch that is checked out.
    Ours,
    /// That of the branch that is merged.
    Theirs,
}

/// What was settled.
#[derive(Clone, Debug, Serialize)]
pub struct MergeReport {
    /// Version of this schema.
    pub version: u32,
    /// The secrets, with the number of the value that counts; none where it is removed.
    pub secrets: Vec<(SecretName, Option<u64>)>,
}

/// Opens the fleet that a path below the current folder belongs to; the path is then relative to the fleet.
pub fn open(settings: Settings, path: &Path) -> Result<(Workspace, PathBuf), OpsError> {
    let full = settings.current_dir.join(path);
    let start = full.ancestors().skip(1).find(|folder| folder.is_dir()).map(Path::to_owned);
    let settings = Settings { fleet: None, current_dir: start.unwrap_or_default(), ..settings };
    let ws = Workspace::open(settings)?;
    let inside = full.strip_prefix(ws.layout.root()).unwrap_or(path).to_owned();
    Ok((ws, inside))
}

/// Joins one path while Git merges, and leaves the outcome where ours lies. On a conflict ours stays there, in a
/// ledger with marks, so that nobody can go on without settling it.
pub fn drive(ws: &Workspace, path: &Path, contents: &Contents<'_>) -> Result<(), OpsError> {
    let outcome = if let Some(secret) = Layout::ledger_name(path) {
        ledger(ws, &secret, contents)?
    } else if let Some(merged) = document::merged(ws, path, contents)? {
        merged
    } else {
        sealed_file(ws, path, contents)?
    };
    Ok(write_atomic(contents.ours, &outcome, 0o644)?)
}

fn sealed_file(ws: &Workspace, path: &Path, contents: &Contents<'_>) -> Result<Vec<u8>, OpsError> {
    let ciphertext = || OpsError::from(MergeError::Ciphertext { path: path.to_owned() });
    let host = path.parent().and_then(Layout::sealed_host).ok_or_else(ciphertext)?;
    if path.ends_with(MANIFEST_FILE) || path.ends_with(SIGNATURE_FILE) {
        return sealed::manifest(ws, &host, path, contents);
    }
    if path.ends_with(DENIED_FILE) {
        let read = |file| read_bounded(file, LEDGER_MAX);
        let [base, ours, theirs] = [contents.base, contents.ours, contents.theirs].map(read);
        return sealed::denied(&host, [&base?, &ours?, &theirs?]).ok_or_else(ciphertext);
    }
    Err(ciphertext())
}

fn ledger(ws: &Workspace, secret: &SecretName, contents: &Contents<'_>) -> Result<Vec<u8>, OpsError> {
    let (mine, other) =
        (read_bounded(contents.ours, LEDGER_MAX)?, read_bounded(contents.theirs, LEDGER_MAX)?);
    let joined = || -> Result<VerifiedLedger, OpsError> {
        let (ours, theirs) = (parsed(ws, secret, &mine)?, parsed(ws, secret, &other)?);
        match ours.relation(&theirs) {
            Relation::Contains => Ok(ours),
            Relation::Contained => Ok(theirs),
            Relation::Parted(_) => settled(ws, secret, ours, &theirs),
        }
    };
    match joined() {
        Ok(joined) => Ok(joined.bytes().to_vec()),
        Err(error) => {
            write_atomic(contents.ours, &marked(&mine, &other), 0o644)?;
            Err(error)
        }
    }
}

fn settled(
    ws: &Workspace,
    secret: &SecretName,
    mut ours: VerifiedLedger,
    theirs: &VerifiedLedger,
) -> Result<VerifiedLedger, OpsError> {
    let Some(entry) = ours.settled(theirs) else {
        let (ours, theirs) = (Box::new(Side::of(&ours)), Box::new(Side::of(theirs)));
        return Err(MergeError::Secret { secret: secret.clone(), ours, theirs }.into());
    };
    let author = ws.author()?;
    ours.join(theirs, secret, entry, author.at(ws.settings.now)).map_err(StoreError::from)?;
    Ok(ours)
}

fn parsed(ws: &Workspace, secret: &SecretName, bytes: &[u8]) -> Result<VerifiedLedger, OpsError> {
    let path = Layout::ledger(secret);
    let ledger = Ledger::parse(bytes, &path).and_then(|ledger| ledger.verify(secret, &ws.authors(), &path));
    Ok(ledger.map_err(StoreError::from)?)
}

/// Both versions with the marks of a conflict, which every command refuses until it is settled.
fn marked(ours: &[u8], theirs: &[u8]) -> Vec<u8> {
    let lines =
        |bytes: &[u8]| -> Vec<String> { String::from_utf8_lossy(bytes).lines().map(str::to_owned).collect() };
    let (mut ours, mut theirs) = (lines(ours), lines(theirs));
    let same = ours.iter().zip(&theirs).take_while(|(one, other)| one == other).count();
    let (ours_only, theirs_only) = (ours.split_off(same), theirs.split_off(same));
    let mark = |text: &str| vec![text.to_owned()];
    let all = [ours, mark("<<<<<<< ours"), ours_only, mark("======="), theirs_only, mark(">>>>>>> theirs\n")];
    all.concat().join("\n").into_bytes()
}

/// Settles secrets whose merge has stopped, or joins what `other`, a revision, has of them. Without `take`, only what
/// needs nobody to decide.
pub fn settle(
    ws: &Workspace,
    secrets: &BTreeSet<SecretName>,
    take: Option<Take>,
    other: Option<&str>,
) -> Result<MergeReport, OpsError> {
    let repository = ws.repository()?;
    let author = ws.author()?;
    let lock = ws.lock()?;
    let mut change = ws.change(&lock)?;
    let mut writing = Writing::new(ws);
    let mut report = MergeReport { version: 1, secrets: Vec::new() };
    for secret in secrets {
        let sides = match other {
            Some(revision) => Sides::of_revision(ws, &repository, secret, revision)?,
            None => Sides::unmerged(ws, &repository, secret)?,
        };
        let mut ledger = sides.joined(ws, &author, secret, take)?;
        if let Some(loaded) = ws.layout.document_of(secret)? {
            let parts = Parts { ws, repository: &repository, loaded: &loaded, other };
            parts.settle(&author, secret, &mut ledger, &mut writing)?;
            change.write(Layout::ledger(secret), ledger.bytes())?;
            report.secrets.push((secret.clone(), ledger.current().map(|line| line.revision)));
            continue;
        }
        change.write(Layout::ledger(secret), ledger.bytes())?;
        match ledger.current().and_then(|line| line.source_sha256) {
            None => change.remove(Layout::source(secret))?,
            Some(digest) => {
                let source = sides.sources.iter().find(|bytes| Digest::of(bytes) == digest);
                let source = source.ok_or_else(|| MergeError::Source { secret: secret.clone() })?;
                change.write(Layout::source(secret), source)?;
            }
        }
        report.secrets.push((secret.clone(), ledger.current().map(|line| line.revision)));
    }
    writing.commit(&author, change)?;
    Ok(report)
}

/// What two branches have of one secret.
struct Sides {
    ours: VerifiedLedger,
    theirs: VerifiedLedger,
    /// Every version of the source that is at hand.
    sources: Vec<Vec<u8>>,
}

impl Sides {
    /// From the index, where a merge has stopped.
    fn unmerged(ws: &Workspace, repository: &Repository, secret: &SecretName) -> Result<Self, OpsError> {
        let [_, ours, theirs] = repository.stages(&Layout::ledger(secret))?;
        if ours.is_none() && theirs.is_none() {
            return Err(MergeError::Nothing { secret: secret.clone() }.into());
        }
        let mut blobs = repository.blobs()?;
        let mut read = |id: Option<String>, max: u64| -> Result<Vec<u8>, GitError> {
            Ok(id.map(|id| blobs.content_of(&id, max)).transpose()?.flatten().unwrap_or_default())
        };
        let (ours, theirs) = (read(ours, LEDGER_MAX)?, read(theirs, LEDGER_MAX)?);
        let [_, first, second] = repository.stages(&Layout::source(secret))?;
        let mut sources = vec![read(first, SOURCE_MAX)?, read(second, SOURCE_MAX)?];
        sources.extend(here(ws, secret));
        Ok(Self { ours: parsed(ws, secret, &ours)?, theirs: parsed(ws, secret, &theirs)?, sources })
    }

    /// From the files that are here and a revision.
    fn of_revision(
        ws: &Workspace,
        repository: &Repository,
        secret: &SecretName,
        revision: &str,
    ) -> Result<Self, OpsError> {
        let commit = repository.commit(revision)?;
        let mut blobs = repository.blobs()?;
        let mut read = |path: PathBuf, max: u64| -> Result<Vec<u8>, OpsError> {
            let path = path.to_string_lossy().into_owned();
            let entries = repository.entries(&commit, &[&path])?;
            Ok(entries.first().map(|entry| blobs.read(&commit, entry, max)).transpose()?.unwrap_or_default())
        };
        let theirs = read(Layout::ledger(secret), LEDGER_MAX)?;
        let mut sources = vec![read(Layout::source(secret), SOURCE_MAX)?];
        sources.extend(here(ws, secret));
        let ours = ws.layout.read_ledger(secret, &ws.authors())?;
        Ok(Self { ours, theirs: parsed(ws, secret, &theirs)?, sources })
    }

    fn joined(
        &self,
        ws: &Workspace,
        author: &Author,
        secret: &SecretName,
        take: Option<Take>,
    ) -> Result<VerifiedLedger, OpsError> {
        match self.ours.relation(&self.theirs) {
            Relation::Contains => return Ok(self.ours.clone()),
            Relation::Contained => return Ok(self.theirs.clone()),
            Relation::Parted(_) => {}
        }
        let Some(take) = take else { return settled(ws, secret, self.ours.clone(), &self.theirs) };
        let entry = self.taken(ws, secret, take);
        let mut joined = self.ours.clone();
        let signed = author.at(ws.settings.now);
        joined.join(&self.theirs, secret, entry, signed).map_err(StoreError::from)?;
        parsed(ws, secret, joined.bytes())
    }

    /// The line that lets one side count.
    fn taken(&self, ws: &Workspace, secret: &SecretName, take: Take) -> Entry {
        let side = if take == Take::Ours { &self.ours } else { &self.theirs };
        let nothing = Entry {
            event: Event::Removed,
            key: side.head().and_then(|head| head.key.clone()),
            source_sha256: None,
            recipients: BTreeSet::new(),
            hosts: BTreeSet::new(),
            above: 0,
            value: None,
        };
        let Some(head) = side.current() else { return nothing };
        let hosts = readers(ws, secret);
        let (source_sha256, recipients) = (head.source_sha256, head.recipients.clone());
        let key = head.key.clone();
        let above = ws.layout.sealed_revision(secret, &hosts, &ws.signers());
        let one_value = self.ours.value_line() == self.theirs.value_line();
        if one_value && !self.ours.is_removed() && !self.theirs.is_removed() {
            let event = Event::Merged;
            return Entry { event, key, source_sha256, recipients, hosts, above, value: None };
        }
        let seen = side.lines().iter().rev().find_map(|line| line.value).unwrap_or_default();
        // Seen from ours, its own value is the one that was there before.
        let changed = (take == Take::Ours).then_some(false);
        let value = Some(Seen { changed, ..seen });
        Entry { event: Event::Edited, key, source_sha256, recipients, hosts, above, value }
    }
}

/// The source as it lies in the work tree.
fn here(ws: &Workspace, secret: &SecretName) -> Option<Vec<u8>> {
    ws.layout.read(&Layout::source(secret), SOURCE_MAX).ok()
}
