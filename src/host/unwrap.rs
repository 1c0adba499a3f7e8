//! Unwrapping the sealing identity with the first identity of the host that fits, once per activation.

use std::fmt::Write;
use std::path::PathBuf;
use std::sync::Arc;

use super::request::Request;
use super::trust::SealedTree;
use crate::crypto::DecryptError;
use crate::crypto::Identities;
use crate::crypto::NoPrompt;
use crate::crypto::Prompt;
use crate::crypto::Recipient;
use crate::crypto::SealingIdentity;
use crate::crypto::decrypt;
use crate::diag::Class;
use crate::diag::Failure;

/// Why no sealed file can be opened on this host.
#[derive(Debug, thiserror::Error, miette::Diagnostic)]
#[non_exhaustive]
pub enum UnwrapError {
    /// None of the identities fits.
    #[error(
        "no identity of this host opens its sealing identity; it is wrapped to {recipients}; tried {tried}"
    )]
    #[diagnostic(
        code(identity::none_fits),
        help(
            "check that the key's volume is mounted and `identities` names the key whose public half the fleet knows; after a key change put the new key into `secretctl.toml`, run `secretctl seal` and deploy"
        )
    )]
    NoneFits {
        /// To whom it is wrapped.
        recipients: String,
        /// Each identity and why it did not fit.
        tried: String,
    },
    /// What was unwrapped is not the identity that the manifest names.
    #[error("the sealing identity is not the one that the manifest names")]
    #[diagnostic(code(identity::wrong_sealing), help("run `secretctl seal` in the fleet and deploy again"))]
    WrongSealing,
}

impl Failure for UnwrapError {
    fn class(&self) -> Class {
        match self {
            Self::NoneFits { .. } => Class::Environment,
            Self::WrongSealing => Class::Integrity,
        }
    }
}

/// The sealing identity, and the file whose identity opened it.
pub(super) struct Unwrapped {
    pub identity: SealingIdentity,
    pub opened_by: PathBuf,
}

/// Tries the identities of the request in their order.
pub(super) fn unwrap(tree: &SealedTree, request: &Request) -> Result<Unwrapped, UnwrapError> {
    let prompt: Arc<dyn Prompt> = Arc::new(NoPrompt);
    let mut tried = Vec::new();
    for path in &request.identities {
        let opened = match Identities::read(path, &prompt) {
            Ok(identities) => {
                decrypt(tree.host_key(), &identities).map_err(|error| reason(&error, &identities))
            }
            Err(error) => Err(with_causes(&error)),
        };
        match opened {
            Ok(text) => {
                let identity = SealingIdentity::parse(&text).ok_or(UnwrapError::WrongSealing)?;
                if identity.recipient() != tree.manifest().sealing_recipient {
                    return Err(UnwrapError::WrongSealing);
                }
                return Ok(Unwrapped { identity, opened_by: path.clone() });
            }
            Err(reason) => tried.push(format!("`{}` ({reason})", path.display())),
        }
    }
    let recipients: Vec<&str> = tree.manifest().host_recipients.iter().map(Recipient::as_str).collect();
    let tried = if tried.is_empty() { "nothing, `identities` is empty".to_owned() } else { tried.join(", ") };
    Err(UnwrapError::NoneFits { recipients: recipients.join(", "), tried })
}

fn reason(error: &DecryptError, identities: &Identities) -> String {
    match error {
        DecryptError::NoMatch { .. } => format!("does not fit: {}", identities.describe().join(", ")),
        other => with_causes(other),
    }
}

fn with_causes(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        let _ = write!(text, ": {cause}");
        source = cause.source();
    }
    text
}
