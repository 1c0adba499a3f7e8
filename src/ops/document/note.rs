//! Says in a document, signed, how it was left.
//!
//! Nobody can tell without a key whether a stanza or the MAC of a document still opens, and ledgers speak of its values
//! alone. So whoever writes one opens it first, and signs what they leave.

use crate::crypto::Namespace;
use crate::name::SecretName;
use crate::ops::error::OpsError;
use crate::ops::workspace::Author;
use crate::ops::workspace::WorkspaceError;
use crate::sops::Opened;
use crate::store::StoreError;
use crate::store::statement;

/// The document with a note that it was left just so.
pub(in crate::ops) fn noted(
    author: &Author,
    prefix: &SecretName,
    opened: &Opened,
) -> Result<Opened, OpsError> {
    let statement = statement(prefix, opened.document());
    let signature = author.signer.sign(statement.as_bytes(), Namespace::Document);
    let signature = signature.map_err(WorkspaceError::from)?;
    Ok(opened.with_note(Some(&signature.to_base64())).map_err(StoreError::from)?)
}
