//! SOPS documents: opened in memory, joined key by key.

use std::path::Path;

use super::Contents;
use super::error::MergeError;
use crate::fsx::read_bounded;
use crate::fsx::write_atomic;
use crate::ops::error::OpsError;
use crate::ops::workspace::Workspace;
use crate::sops;
use crate::sops::Document;
use crate::sops::Foreigners;
use crate::sops::Format;
use crate::sops::Gpg;
use crate::sops::Keyring;
use crate::sops::Opened;
use crate::sops::Sides;

/// Largest document that is read.
const DOCUMENT_MAX: u64 = 64 << 20;

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
    let bytes = merged.opened.document().bytes().to_vec();
    if merged.conflicts.is_empty() {
        return Ok(Some(bytes));
    }
    write_atomic(contents.ours, &bytes, 0o644)?;
    let what: Vec<String> = merged.conflicts.iter().map(ToString::to_string).collect();
    Err(MergeError::Document { path: path.to_owned(), what: what.join(", ") }.into())
}
