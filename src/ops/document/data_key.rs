//! Whether the data key of a document is known to nobody but its readers.
//!
//! Whoever made a document, or could open it once, knows its data key, whatever stanzas it has now. A value for which a
//! ledger vouches, and which that key decrypts, shows that it is the one under which an admin left the document.

use std::collections::BTreeSet;

use rayon::prelude::*;

use super::DocumentError;
use super::outdated;
use super::recipients;
use crate::crypto::Recipient;
use crate::ledger::Line;
use crate::name::SecretName;
use crate::ops::error::OpsError;
use crate::ops::workspace::Workspace;
use crate::sops::Foreigners;
use crate::sops::Gpg;
use crate::sops::Opened;
use crate::sops::SopsError;
use crate::store::Loaded;
use crate::store::Part;
use crate::store::StoreError;
use crate::store::is_sealed_with_data_key;

/// What ledgers say of the data key of a document.
#[derive(Debug, Default)]
pub(in crate::ops) struct DataKey {
    /// Whether some value shows that an admin left it there.
    pub(in crate::ops) vouched: bool,
    /// Who could open the document with it, by the lines of those values.
    pub(in crate::ops) known: BTreeSet<Recipient>,
}

/// Asks the ledgers of all secrets of a document; one that does not hold says nothing.
pub(in crate::ops) fn data_key(ws: &Workspace, loaded: &Loaded) -> DataKey {
    let names: BTreeSet<_> = loaded.names.keys().cloned().collect();
    let ledgers = ws.layout.read_ledgers(&names, &ws.authors());
    let mut found = DataKey::default();
    for (name, part) in &loaded.names {
        let Some(Ok(ledger)) = ledgers.get(name) else { continue };
        if let Some(head) = ledger.head().filter(|head| proves(loaded, part, head)) {
            found.vouched = true;
            found.known.extend(head.recipients.iter().cloned());
        }
    }
    found
}

/// Whether a line, if it is to be believed, shows that an admin left a value under the data key of the document.
fn proves(loaded: &Loaded, part: &Part, line: &Line) -> bool {
    let vouched = line.source_sha256.is_some() && line.source_sha256 == loaded.digest(part);
    vouched && is_sealed_with_data_key(&loaded.document, part)
}

/// Whether some value shows that an admin left the data key there, and nobody but `right` could ever open it. Says no
/// where it would take more than one signature to tell.
///
/// The lines of the other values are taken as they stand: a forged one can name more people, which is a no, and whoever
/// could forge one that names fewer could as well remove the ledger.
fn is_ours(ws: &Workspace, loaded: &Loaded, right: &BTreeSet<Recipient>) -> bool {
    let proof = |(name, part): (&SecretName, &Part)| {
        let line = ws.layout.unverified_head(name).filter(|line| proves(loaded, part, line))?;
        Some((name.clone(), line))
    };
    let lines: Vec<(SecretName, Line)> = loaded.names.par_iter().filter_map(proof).collect();
    if lines.iter().any(|(_, line)| !line.recipients.is_subset(right)) {
        return false;
    }
    let Some((name, line)) = lines.first() else { return false };
    ws.layout.read_ledger(name, &ws.authors()).is_ok_and(|ledger| ledger.head() == Some(line))
}

/// Opens a document that is to get a value: never under a data key that others may know. One that nobody vouches for
/// is replaced; the values that nobody vouches for stay so.
pub(in crate::ops) fn for_writing(ws: &Workspace, loaded: &Loaded) -> Result<Opened, OpsError> {
    let opened = loaded.open(ws.identities()?)?;
    let right = recipients(ws, loaded)?;
    if is_ours(ws, loaded, &right) {
        return Ok(opened);
    }
    let key = data_key(ws, loaded);
    if !key.known.is_subset(&right) {
        let has = right.union(&key.known).cloned().collect();
        return Err(outdated(ws, loaded, &has, &right));
    }
    if key.vouched {
        return Ok(opened);
    }
    let foreigners = Foreigners::Keep(Gpg::OnPath);
    let rotated = opened.rotated(&foreigners, ws.settings.now, &ws.settings.prompt);
    rotated.map_err(|error| not_replaced(loaded, error))
}

/// Keys of other tools keep a document from a new data key; an adoption says what that means, and leaves the old one.
fn not_replaced(loaded: &Loaded, source: SopsError) -> OpsError {
    let foreign = loaded.document.access().groups.iter().flat_map(|group| &group.foreign);
    let who: Vec<String> = foreign.map(ToString::to_string).collect();
    if who.is_empty() {
        return StoreError::from(source).into();
    }
    let (path, prefix) = (loaded.place.path.clone(), loaded.prefix.clone());
    DocumentError::UnvouchedKey { path, prefix, who: who.join(", "), source }.into()
}
