//! SOPS documents: opened in memory, joined key by key.

use std::path::Path;

use super::Contents;
use super::error::MergeError;
use crate::fsx::read_bounded;
use crate::fsx::write_atomic;
use crate::git::Repository;
use crate::ledger;
use crate::ledger::Event;
use crate::ledger::VerifiedLedger;
use crate::name::SecretName;
use crate::ops::document;
use crate::ops::error::OpsError;
use crate::ops::workspace::Author;
use crate::ops::workspace::Workspace;
use crate::ops::workspace::declared;
use crate::ops::writing::Writing;
use crate::ops::writing::Written;
use crate::sops;
use crate::sops::Document;
use crate::sops::Foreigners;
use crate::sops::Format;
use crate::sops::Gpg;
use crate::sops::Keyring;
use crate::sops::Opened;
use crate::sops::Sides;
use crate::store::DOCUMENT_MAX;
use crate::store::Loaded;
use crate::store::StoreError;

/// The bytes of the outcome; none where ours is no document. On a conflict what could be joined lies in place of ours.
pub(super) fn merged(
    ws: &Workspace,
    path: &Path,
    contents: &Contents<'_>,
) -> Result<Option<Vec<u8>>, OpsError> {
    let format = Format::of(path);
    let read = |file| read_bounded(file, DOCUMENT_MAX);
    let [base, ours, theirs] = [contents.base, contents.ours, contents.theirs].map(read);
    let (base, ours, theirs) = (base?, ours?, theirs?);
    if !Document::is_sops(&ours, format) || crate::crypto::is_age(&ours) {
        return Ok(None);
    }
    let keyring = Keyring { identities: ws.identities()?, gpg: Gpg::OnPath };
    let open = |bytes: &[u8]| -> Result<Opened, OpsError> {
        let document = Document::parse(bytes, format, path).map_err(MergeError::from)?;
        Ok(document.open(&keyring).map_err(MergeError::from)?)
    };
    let base = if base.is_empty() { None } else { Some(open(&base)?) };
    let (ours, theirs) = (open(&ours)?, open(&theirs)?);
    let sides = Sides { base: base.as_ref(), ours: &ours, theirs: &theirs };
    let keep = Foreigners::Keep(Gpg::OnPath);
    let merged = sops::merge(sides, &keep, ws.settings.now, &ws.settings.prompt).map_err(MergeError::from)?;
    let bytes = noted(ws, path, &merged.opened)?.document().bytes().to_vec();
    if merged.conflicts.is_empty() {
        return Ok(Some(bytes));
    }
    write_atomic(contents.ours, &bytes, 0o644)?;
    let what: Vec<String> = merged.conflicts.iter().map(ToString::to_string).collect();
    Err(MergeError::Document { path: path.to_owned(), what: what.join(", ") }.into())
}

/// The outcome with a note of whoever joins the branches; without one where they cannot sign.
fn noted(ws: &Workspace, path: &Path, opened: &Opened) -> Result<Opened, OpsError> {
    match (declared(&ws.fleet).place_of(path), ws.author()) {
        (Some((prefix, _)), Ok(author)) => document::noted(&author, &prefix, opened),
        _ => Ok(opened.with_note(None).map_err(MergeError::from)?),
    }
}

/// A document of which one secret is settled: what lies in the work tree, and where its other versions are.
pub(super) struct Parts<'a> {
    pub(super) ws: &'a Workspace,
    pub(super) repository: &'a Repository,
    pub(super) loaded: &'a Loaded,
    /// The revision to join with; none where a merge has stopped.
    pub(super) other: Option<&'a str>,
}

impl Parts<'_> {
    /// Makes the document of the work tree have what the ledger says of one secret.
    pub(super) fn settle(
        &self,
        author: &Author,
        secret: &SecretName,
        ledger: &mut VerifiedLedger,
        writing: &mut Writing<'_>,
    ) -> Result<(), OpsError> {
        let Some(line) = ledger.current().cloned() else { return writing.remove(secret) };
        let has = |loaded: &Loaded| loaded.names.get(secret).and_then(|part| loaded.digest(part));
        if line.source_sha256.is_some() && has(self.loaded) == line.source_sha256 {
            return Ok(());
        }
        for bytes in self.versions()? {
            let (prefix, place) = (self.loaded.prefix.clone(), self.loaded.place.clone());
            let version = Loaded::parse(prefix, place, &bytes)?;
            let Some(part) = version.names.get(secret).filter(|_| has(&version) == line.source_sha256) else {
                continue;
            };
            let opened = version.open(self.ws.identities()?)?;
            let value = version.value(part, self.ws.identities()?)?;
            let written = writing.take(self.loaded, (secret, &value), &opened)?;
            if Some(written.source_sha256) != line.source_sha256 {
                self.encrypted_anew(author, secret, ledger, written)?;
            }
            return Ok(());
        }
        Err(MergeError::Source { secret: secret.clone() }.into())
    }

    /// The same value under another data key, which one of the branches made.
    fn encrypted_anew(
        &self,
        author: &Author,
        secret: &SecretName,
        ledger: &mut VerifiedLedger,
        written: Written,
    ) -> Result<(), OpsError> {
        let Written { source_sha256, recipients, key } = written;
        let entry = ledger::Entry {
            event: Event::Rekeyed,
            key,
            source_sha256: Some(source_sha256),
            recipients,
            hosts: ledger.head().map(|head| head.hosts.clone()).unwrap_or_default(),
            above: 0,
            value: None,
        };
        let signed = author.at(self.ws.settings.now);
        Ok(ledger.append(secret, entry, signed).map_err(StoreError::from)?)
    }

    /// Ours and theirs, as Git has them.
    fn versions(&self) -> Result<Vec<Vec<u8>>, OpsError> {
        let path = &self.loaded.place.path;
        let mut blobs = self.repository.blobs()?;
        if let Some(revision) = self.other {
            let commit = self.repository.commit(revision)?;
            let entries = self.repository.entries(&commit, &[&path.to_string_lossy()])?;
            let read = entries.first().map(|entry| blobs.read(&commit, entry, DOCUMENT_MAX)).transpose()?;
            return Ok(read.into_iter().collect());
        }
        let [_, ours, theirs] = self.repository.stages(path)?;
        let mut versions = Vec::new();
        for id in [ours, theirs].into_iter().flatten() {
            versions.extend(blobs.content_of(&id, DOCUMENT_MAX)?);
        }
        // A document that needed nobody to decide is merged and has no stages; the other branch still has its version.
        if versions.is_empty() {
            for revision in ["HEAD", "MERGE_HEAD"] {
                let Ok(commit) = self.repository.commit(revision) else { continue };
                let entries = self.repository.entries(&commit, &[&path.to_string_lossy()])?;
                if let Some(entry) = entries.first() {
                    versions.push(blobs.read(&commit, entry, DOCUMENT_MAX)?);
                }
            }
        }
        Ok(versions)
    }
}
