//! Brings the recipients of sources in line with admins and recovery; values stay the same.

use std::collections::BTreeSet;

use serde::Serialize;

use crate::crypto::DecryptError;
use crate::crypto::Digest;
use crate::crypto::Recipient;
use crate::ledger;
use crate::ledger::Event;
use crate::name::SecretName;
use crate::ops::error::OpsError;
use crate::ops::workspace::Author;
use crate::ops::workspace::Workspace;
use crate::store::Layout;
use crate::store::Source;
use crate::store::StoreError;

/// How many sources become one change: an interrupted rekey has lost at most this much work.
const BATCH: usize = 32;

/// What `rekey` did, or would do.
#[derive(Clone, Debug, Default, Serialize)]
pub struct RekeyReport {
    /// Version of this schema.
    pub version: u32,
    /// Secrets whose source has, or would get, other recipients.
    pub secrets: BTreeSet<SecretName>,
    /// Who can read some of them that could not before, in words.
    pub gained: BTreeSet<String>,
    /// Who can't any more.
    pub lost: BTreeSet<String>,
    /// Secrets that must be rekeyed by one of their editors, since no identity at hand opens them.
    pub left: BTreeSet<SecretName>,
}

/// Secrets whose source is not encrypted to just their editors and recovery, by their ledgers.
pub fn outdated(ws: &Workspace) -> Result<RekeyReport, OpsError> {
    let survey = ws.layout.survey()?;
    let mut report = RekeyReport { version: 1, ..RekeyReport::default() };
    let owner = |r: &Recipient| ws.fleet.owner_of(r).unwrap_or_else(|| format!("`{r}`"));
    for (name, ledger) in ws.layout.read_ledgers(&survey.sources, &ws.authors()) {
        let ledger = ledger?;
        let right = ws.source_recipients(&name)?;
        let Some(head) = ledger.head().filter(|head| head.recipients != right) else { continue };
        report.gained.extend(right.difference(&head.recipients).map(owner));
        report.lost.extend(head.recipients.difference(&right).map(owner));
        report.secrets.insert(name);
    }
    Ok(report)
}

/// Encrypts every outdated source anew. Interrupted, it has done whole batches; run again, it does the rest.
pub fn rekey(ws: &Workspace, told: &mut dyn FnMut(usize, usize)) -> Result<RekeyReport, OpsError> {
    // The lock comes first: it completes an interrupted change, after which less may be left to do.
    let lock = ws.lock()?;
    let mut report = outdated(ws)?;
    if report.secrets.is_empty() {
        return Ok(report);
    }
    let author = ws.author()?;
    let names: Vec<SecretName> = report.secrets.iter().cloned().collect();
    let mut done = 0;
    let mut closed = None;
    for batch in names.chunks(BATCH) {
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
        told(done, names.len());
    }
    report.secrets.retain(|secret| !report.left.contains(secret));
    // Whoever opens nothing at all has most likely the wrong key.
    closed.filter(|_| report.secrets.is_empty()).map_or(Ok(report), Err)
}

/// Whether the source is encrypted to others, as one with `editors(..)` may be.
fn is_closed(error: &OpsError) -> bool {
    matches!(error, OpsError::Store(StoreError::Decrypt { source: DecryptError::NoMatch { .. }, .. }))
}

fn rekeyed(ws: &Workspace, author: &Author, secret: &SecretName) -> Result<(Vec<u8>, Vec<u8>), OpsError> {
    let source = ws.layout.read_source(secret, &ws.authors())?;
    let value = source.open(ws.identities()?)?;
    let recipients = ws.source_recipients(secret)?;
    let ciphertext = Source::encrypt(secret, &value, &recipients, &ws.settings.prompt)?;
    let hosts = source.hosts();
    let mut ledger = source.ledger;
    let source_sha256 = Some(Digest::of(&ciphertext));
    let entry =
        ledger::Entry { event: Event::Rekeyed, source_sha256, recipients, hosts, above: 0, value: None };
    ledger.append(secret, entry, author.at(ws.settings.now)).map_err(StoreError::from)?;
    Ok((ciphertext, ledger.bytes().to_vec()))
}
