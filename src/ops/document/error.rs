//! Why a document can't be changed.

use std::path::PathBuf;

use crate::diag::Class;
use crate::diag::Failure;
use crate::name::HostName;
use crate::name::SecretName;
use crate::sops::SopsError;

/// Why a document can't be changed.
#[derive(Debug, thiserror::Error, miette::Diagnostic)]
#[non_exhaustive]
pub enum DocumentError {
    /// A name that no key of the document could have.
    #[error("`{}` has no place for `{secret}`", path.display())]
    #[diagnostic(
        code(document::no_place),
        help(
            "each key has one name: items of a list count from 0, and `%23` with a number from 2 is a further document of the file; `secretctl list` shows the names there are"
        )
    )]
    NotInDocument {
        /// The secret.
        secret: SecretName,
        /// The document.
        path: PathBuf,
    },
    /// The file's own words leave the key in the clear.
    #[error("`{}` leaves `{secret}` in the clear, by its `{field}`", path.display())]
    #[diagnostic(
        code(document::in_the_clear),
        help(
            "nothing was written; choose a name that the file encrypts, or change what it encrypts with `sops`"
        )
    )]
    InTheClear {
        /// The secret.
        secret: SecretName,
        /// The document.
        path: PathBuf,
        /// The setting in its metadata.
        field: &'static str,
    },
    /// Whoever made it may know its data key, and it can't get another one here.
    #[error(
        "no ledger vouches for the data key of `{}`, and a new one can't be given to {who}", path.display()
    )]
    #[diagnostic(
        code(document::unvouched_key),
        help(
            "take the keys of other tools out with `secretctl adopt --drop-foreign {prefix}`; if only admins have ever had that data key, `secretctl adopt --danger-keep-data-key {prefix}` keeps it"
        )
    )]
    UnvouchedKey {
        /// The document.
        path: PathBuf,
        /// Its name.
        prefix: SecretName,
        /// The keys of other tools.
        who: String,
        /// Why not.
        source: SopsError,
    },
    /// Other secrets would get other names, whose policy and history are not theirs.
    #[error("without `{secret}`, what is `{other}` in `{}` would have another name", path.display())]
    #[diagnostic(
        code(document::list_item),
        help(
            "change the list as a whole, where each value gets a line of its own: `secretctl edit {prefix}`"
        )
    )]
    ListItem {
        /// The secret.
        secret: SecretName,
        /// One that stands behind it.
        other: SecretName,
        /// The document.
        path: PathBuf,
        /// The name of the document.
        prefix: SecretName,
    },
    /// Its secrets have different editors.
    #[error("`{first}` and `{second}` are in one document, `{}`, and have different editors", path.display())]
    #[diagnostic(
        code(document::editors),
        help(
            "give all of its secrets the same `editors(..)`, or move one of them out of it: `secretctl mv {second} NAME`"
        )
    )]
    MixedEditors {
        /// The document.
        path: PathBuf,
        /// One secret.
        first: SecretName,
        /// Another.
        second: SecretName,
    },
    /// It is encrypted to others than it should be.
    #[error("`{}` is not encrypted to just those who should read it: {}", path.display(), difference(surplus, missing))]
    #[diagnostic(
        code(document::outdated),
        help("run `secretctl rekey` first, which gives it a new data key where somebody leaves")
    )]
    Outdated {
        /// The document.
        path: PathBuf,
        /// Who can open it and should not.
        surplus: Vec<String>,
        /// Who should and can't.
        missing: Vec<String>,
    },
    /// A host would read more than policy grants.
    #[error(
        "host `{host}` would read {} of `{}` that policy does not grant it: {}",
        count(secrets.len()), path.display(), listed(secrets)
    )]
    #[diagnostic(
        code(document::beyond_policy),
        help(
            "move them to another document with `secretctl mv`, or leave `{host}` with its sealed copies alone"
        )
    )]
    BeyondPolicy {
        /// The document.
        path: PathBuf,
        /// The host.
        host: HostName,
        /// What it would read.
        secrets: Vec<SecretName>,
    },
    /// There is no document of that name.
    #[error("there is no document `{name}`")]
    #[diagnostic(
        code(document::unknown),
        help(
            "documents are `secrets/NAME.sops.yaml` (or `.json`, `.env`, `.ini`) or stand in `[documents]` of `secretctl.toml`"
        )
    )]
    Unknown {
        /// What was asked for.
        name: SecretName,
    },
    /// What was asked for can be neither.
    #[error("`{name}` is no file of a document and not a secret name: {rule}")]
    #[diagnostic(code(document::name), help("`secretctl list` shows all names"))]
    Name {
        /// What was asked for.
        name: String,
        /// The rule of names that it breaks.
        rule: &'static str,
    },
}

fn difference(surplus: &[String], missing: &[String]) -> String {
    let surplus = (!surplus.is_empty()).then(|| format!("also to {}", surplus.join(", ")));
    let missing = (!missing.is_empty()).then(|| format!("not to {}", missing.join(", ")));
    surplus.into_iter().chain(missing).collect::<Vec<_>>().join(", and ")
}

fn count(secrets: usize) -> String {
    if secrets == 1 { "a secret".to_owned() } else { format!("{secrets} secrets") }
}

/// The first few, and how many more.
fn listed(secrets: &[SecretName]) -> String {
    const SHOWN: usize = 3;
    let names: Vec<String> = secrets.iter().take(SHOWN).map(|name| format!("`{name}`")).collect();
    let more = secrets.len().saturating_sub(SHOWN);
    if more == 0 { names.join(", ") } else { format!("{} and {more} more", names.join(", ")) }
}

impl Failure for DocumentError {
    fn class(&self) -> Class {
        match self {
            Self::Outdated { .. } | Self::BeyondPolicy { .. } => Class::Finding,
            Self::UnvouchedKey { .. } => Class::Integrity,
            _ => Class::Usage,
        }
    }
}
