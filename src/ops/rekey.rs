//! Brings the recipients of sources in line with admins and recovery; values stay the same.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::Arc;

use serde::Serialize;

use crate::crypto::DecryptError;
use crate::crypto::Digest;
use crate::crypto::Recipient;
use crate::ledger;
use crate::ledger::Event;
use crate::name::SecretName;
use crate::ops::document;
use crate::ops::error::OpsError;
use crate::ops::workspace::Author;
use crate::ops::workspace::Workspace;
use crate::ops::workspace::WriteLock;
use crate::ops::writing::key_of;
use crate::sops::Document;
use crate::sops::Foreigners;
use crate::sops::Gpg;
use crate::sops::Opened;
use crate::sops::Problem;
use crate::store::Layout;
use crate::store::Loaded;
use crate::store::Source;
use crate::store::StoreError;
use crate::store::digest;

/// How many sources become one change: an interrupted rekey has lost at most this much work.
const BATCH: usize = 32;

/// What becomes of keys in documents that are none of age.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Foreign {
    /// They stay; those of PGP are asked for through `gpg` where a new data key is made.
    Keep,
    /// They go, and with them the old data key.
    Drop,
}

/// What `rekey` did, or would do.
#[derive(Clone, Debug, Default, Serialize)]
pub struct RekeyReport {
    /// Version of this schema.
    pub version: u32,
    /// Secrets whose source has, or would get, other recipients.
    pub secrets: BTreeSet<SecretName>,
    /// Documents that are among their sources.
    pub documents: BTreeSet<PathBuf>,
    /// Who can read some of them that could not before, in words.
    pub gained: BTreeSet<String>,
    /// Who can't any more.
    pub lost: BTreeSet<String>,
    /// Secrets that must be rekeyed by one of their editors, since no identity at hand opens them.
    pub left: BTreeSet<SecretName>,
}

/// Sources that are to change.
struct Work {
    report: RekeyReport,
    files: Vec<SecretName>,
    documents: Vec<Arc<Loaded>>,
}

/// Secrets whose source is not encrypted to just their editors and recovery, by their ledgers and by what documents
/// say of themselves.
pub fn outdated(ws: &Workspace) -> Result<RekeyReport, OpsError> {
    Ok(look(ws, Foreign::Keep)?.report)
}

fn look(ws: &Workspace, foreign: Foreign) -> Result<Work, OpsError> {
    let survey = ws.layout.survey()?.whole()?;
    let report = RekeyReport { version: 1, ..RekeyReport::default() };
    let mut work = Work { report, files: Vec::new(), documents: Vec::new() };
    let mut ledgers = ws.layout.read_ledgers(&survey.sources, &ws.authors());
    for loaded in survey.documents.into_values() {
        let right = document::recipients(ws, &loaded)?;
        let has = document::present(&loaded.document);
        let keys = |document: &Document| document.access().groups.iter().any(|g| !g.foreign.is_empty());
        let mut differs = has != right || (foreign == Foreign::Drop && keys(&loaded.document));
        work.compare(ws, &has, &right);
        for name in loaded.names.keys() {
            let Some(ledger) = ledgers.remove(name).transpose()? else { continue };
            let Some(head) = ledger.head() else { continue };
            differs |= head.recipients != right;
            work.compare(ws, &head.recipients, &right);
        }
        if differs {
            work.report.secrets.extend(loaded.names.keys().cloned());
            work.report.documents.insert(loaded.place.path.clone());
            work.documents.push(loaded);
        }
    }
    for (name, ledger) in ledgers {
        let ledger = ledger?;
        let right = ws.source_recipients(&name)?;
        let Some(head) = ledger.head().filter(|head| head.recipients != right) else { continue };
        work.compare(ws, &head.recipients, &right);
        work.report.secrets.insert(name.clone());
        work.files.push(name);
    }
    Ok(work)
}

impl Work {
    fn compare(&mut self, ws: &Workspace, has: &BTreeSet<Recipient>, right: &BTreeSet<Recipient>) {
        let owner = |r: &Recipient| ws.fleet.owner_of(r).unwrap_or_else(|| format!("`{r}`"));
        self.report.gained.extend(right.difference(has).map(owner));
        self.report.lost.extend(has.difference(right).map(owner));
    }
}

/// Encrypts every outdated source anew. Interrupted, it has done whole batches; run again, it does the rest.
///
/// Keys that are none of age stay in documents, or are taken away with a new data key.
pub fn rekey(
    ws: &Workspace,
    foreign: Foreign,
    told: &mut dyn FnMut(usize, usize),
) -> Result<RekeyReport, OpsError> {
    // The lock comes first: it completes an interrupted change, after which less may be left to do.
    let lock = ws.lock()?;
    let Work { mut report, files, documents } = look(ws, foreign)?;
    if report.secrets.is_empty() {
        return Ok(report);
    }
    let author = ws.author()?;
    let (mut done, all) = (0, report.secrets.len());
    let mut closed = None;
    for batch in files.chunks(BATCH) {
        let mut change = ws.change(&lock)?;
        for secret in batch {
            match rekeyed(ws, &author, secret) {
                Err(error) if is_closed(&error) => {
                    report.left.insert(secret.clone());
                    closed = Some(error);
                }
                rekeyed => {
                    let (ciphertext, ledger) = rekeyed?;
                    change.write(Layout::source(secret), &ciphertext)?;
                    change.write(Layout::ledger(secret), &ledger)?;
                }
            }
        }
        change.commit()?;
        done += batch.len();
        told(done, all);
    }
    for loaded in documents {
        match rekey_document(ws, (&lock, &author), &loaded, foreign) {
            Err(error) if is_closed(&error) => {
                report.left.extend(loaded.names.keys().cloned());
                report.documents.remove(&loaded.place.path);
                closed = Some(error);
            }
            other => other?,
        }
        done += loaded.names.len();
        told(done, all);
    }
    report.secrets.retain(|secret| !report.left.contains(secret));
    // Whoever opens nothing at all has most likely the wrong key.
    closed.filter(|_| report.secrets.is_empty()).map_or(Ok(report), Err)
}

/// Brings one document to its recipients, with a line for each of its secrets.
fn rekey_document(
    ws: &Workspace,
    (lock, author): (&WriteLock, &Author),
    loaded: &Loaded,
    foreign: Foreign,
) -> Result<(), OpsError> {
    let right = document::recipients(ws, loaded)?;
    document::refuse_wider(ws, loaded)?;
    let mut sources = Vec::with_capacity(loaded.names.len());
    for (name, part) in &loaded.names {
        // What nobody vouches for must not be vouched for in passing.
        sources.push((ws.layout.read_source(name, &ws.authors())?, part));
    }
    let new = opened_for(ws, loaded, &right, foreign)?;
    let new = document::noted(author, &loaded.prefix, &new)?;
    let now = ws.settings.now;
    let mut change = ws.change(lock)?;
    for (source, part) in sources {
        let entry = ledger::Entry {
            event: Event::Rekeyed,
            key: key_of(part),
            source_sha256: digest(new.document(), part),
            recipients: right.clone(),
            hosts: source.hosts(),
            above: 0,
            value: None,
        };
        let (name, mut ledger) = (source.name, source.ledger);
        ledger.append(&name, entry, author.at(now)).map_err(StoreError::from)?;
        change.write(Layout::ledger(&name), ledger.bytes())?;
    }
    change.write(&loaded.place.path, new.document().bytes())?;
    Ok(change.commit()?)
}

/// The document for just these recipients.
fn opened_for(
    ws: &Workspace,
    loaded: &Loaded,
    right: &BTreeSet<Recipient>,
    foreign: Foreign,
) -> Result<Opened, OpsError> {
    let opened = loaded.open(ws.identities()?)?;
    let (now, prompt) = (ws.settings.now, &ws.settings.prompt);
    let foreigners = match foreign {
        Foreign::Keep => Foreigners::Keep(Gpg::OnPath),
        Foreign::Drop => Foreigners::Drop,
    };
    let has = document::present(&loaded.document);
    let new = if has == *right && foreign == Foreign::Keep {
        opened
    } else {
        opened.rekeyed(right, &foreigners, now, prompt).map_err(StoreError::from)?
    };
    // Who could open it by its ledgers knows the data key, though another tool took away their way in.
    let known = document::data_key(ws, loaded).known;
    if has.is_subset(right) && !known.is_subset(right) {
        return Ok(new.rotated(&foreigners, now, prompt).map_err(StoreError::from)?);
    }
    Ok(new)
}

/// Whether the source is encrypted to others, as one with `editors(..)` may be.
fn is_closed(error: &OpsError) -> bool {
    match error {
        OpsError::Store(StoreError::Decrypt { source, .. }) => matches!(source, DecryptError::NoMatch { .. }),
        OpsError::Store(StoreError::Document(error)) => matches!(*error.problem, Problem::NoIdentity { .. }),
        _ => false,
    }
}

fn rekeyed(ws: &Workspace, author: &Author, secret: &SecretName) -> Result<(Vec<u8>, Vec<u8>), OpsError> {
    let source = ws.layout.read_source(secret, &ws.authors())?;
    let value = source.open(ws.identities()?)?;
    let recipients = ws.source_recipients(secret)?;
    let ciphertext = Source::encrypt(secret, &value, &recipients, &ws.settings.prompt)?;
    let hosts = source.hosts();
    let mut ledger = source.ledger;
    let source_sha256 = Some(Digest::of(&ciphertext));
    let event = Event::Rekeyed;
    let entry = ledger::Entry { event, key: None, source_sha256, recipients, hosts, above: 0, value: None };
    ledger.append(secret, entry, author.at(ws.settings.now)).map_err(StoreError::from)?;
    Ok((ciphertext, ledger.bytes().to_vec()))
}
