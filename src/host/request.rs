//! The request: what a host's configuration asks for.

mod check;
mod places;
mod wire;

use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::fmt;
use std::num::NonZeroU32;
use std::path::Path;
use std::path::PathBuf;

use serde::Deserialize;
use serde::Serialize;

use super::placement::Account;
use super::placement::FileMode;
use super::placement::ServiceManager;
use super::placement::Target;
use super::placement::UnitName;
use super::template::Template;
use crate::crypto::VerifyingKey;
use crate::diag::Class;
use crate::diag::Failure;
use crate::fsx::FsError;
use crate::fsx::Swap;
use crate::fsx::read_bounded;
use crate::name::HostName;
use crate::name::SecretName;
use crate::name::ServiceName;

pub use places::Places;

/// The version of the format that this program reads.
pub(super) const VERSION: u32 = 1;
/// Largest request that is read.
const REQUEST_MAX: u64 = 32 << 20;

/// Where generations live unless the request says otherwise.
pub(super) const MOUNT: &str = "/run/secretctl.d";
/// The link to the running generation unless the request says otherwise.
pub(super) const LINK: &str = "/run/secrets";
/// Folder of what must survive a reboot unless the request says otherwise.
pub(super) const STATE: &str = "/var/lib/secretctl";

/// Why a request is not used.
#[derive(Debug, thiserror::Error, miette::Diagnostic)]
#[non_exhaustive]
pub enum RequestError {
    /// The file cannot be read.
    #[error(transparent)]
    #[diagnostic(transparent)]
    Fs(#[from] FsError),
    /// The text is no request.
    #[error("the request does not parse: {reason}")]
    #[diagnostic(code(request::malformed), help("see `docs/reference/host.md` for its fields"))]
    Malformed {
        /// What is wrong, with line and column.
        reason: String,
    },
    /// The format is newer than this program.
    #[error("the request has version {found}, and this program reads version {VERSION}")]
    #[diagnostic(
        code(request::version),
        help("use the NixOS module and the program of one and the same release of secretctl")
    )]
    Version {
        /// Version in the file.
        found: u64,
    },
    /// It parses, and asks for things that cannot be.
    #[error("the request has {} mistake{}", mistakes.len(), if mistakes.len() == 1 { "" } else { "s" })]
    #[diagnostic(code(request::invalid), help("correct the configuration of this host and build it again"))]
    Invalid {
        /// All of them.
        #[related]
        mistakes: Vec<Mistake>,
    },
}

impl Failure for RequestError {
    fn class(&self) -> Class {
        match self {
            Self::Fs(error) => error.class(),
            _ => Class::Usage,
        }
    }
}

/// One mistake in a request.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("{place}: {message}")]
pub struct Mistake {
    /// Stable code.
    pub code: &'static str,
    /// The field, such as `secrets[3].mode`, with the name of its entry.
    pub place: String,
    /// What is wrong.
    pub message: String,
    /// What to do about it.
    pub help: &'static str,
}

impl miette::Diagnostic for Mistake {
    fn code<'a>(&'a self) -> Option<Box<dyn fmt::Display + 'a>> {
        Some(Box::new(self.code))
    }

    fn help<'a>(&'a self) -> Option<Box<dyn fmt::Display + 'a>> {
        Some(Box::new(self.help))
    }
}

impl Failure for Mistake {
    fn class(&self) -> Class {
        Class::Usage
    }
}

/// When an entry is installed.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Phase {
    /// Before users are created: password hashes.
    Users,
    /// With everything else.
    #[default]
    Main,
}

impl fmt::Display for Phase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Users => "users",
            Self::Main => "main",
        })
    }
}

/// What happens to a manifest that is older than one accepted before.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq)]
#[serde(rename_all = "lowercase")]
pub enum RollbackRule {
    /// It is used, with a warning.
    #[default]
    Accept,
    /// The run is refused unless the operator says otherwise.
    Refuse,
}

/// Whether a secret may be missing.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Need {
    /// A missing grant is a failure.
    Required,
    /// A missing grant is passed over.
    Optional,
}

/// What becomes of an installed file when the fleet has a newer value.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Renewal {
    /// It is replaced.
    Always,
    /// It stays until the next boot: its service took the first value over.
    Never,
}

/// How a file is installed and who is told about its changes.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Placement {
    /// Who owns it.
    pub owner: Account,
    /// Its group.
    pub group: Account,
    /// Its permission bits.
    pub mode: FileMode,
    /// A link elsewhere that leads to it.
    pub path: Option<PathBuf>,
    /// Units that are restarted after a change.
    pub restart_units: BTreeSet<UnitName>,
    /// Units that are reloaded after a change.
    pub reload_units: BTreeSet<UnitName>,
}

/// What a file is made from.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Content {
    /// The value of one secret.
    Secret(SecretName),
    /// A text with values in it.
    Template(Template),
}

/// One file that is asked for.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Wanted {
    /// What it holds.
    pub content: Content,
    /// On whose behalf it is asked for; the grants must name it.
    pub service: ServiceName,
    /// Whether it may be missing.
    pub need: Need,
    /// What becomes of it when the fleet has a newer value.
    pub renewal: Renewal,
    /// When it is installed.
    pub phase: Phase,
    /// How it is installed.
    pub placement: Placement,
}

/// A request without mistakes. Only [`Request::parse`] makes one.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Request {
    /// The host that asks.
    pub host: HostName,
    /// The sealed tree; a request that asks for nothing may do without.
    pub sealed: Option<PathBuf>,
    /// Whose manifests count.
    pub trusted_keys: BTreeSet<VerifyingKey>,
    /// Files with identities, in the order in which they are tried.
    pub identities: Vec<PathBuf>,
    /// Where generations live.
    pub mount: PathBuf,
    /// The link to the running generation.
    pub link: PathBuf,
    /// Folder of what must survive a reboot.
    pub state: PathBuf,
    /// Folder of lock and status.
    pub runtime: PathBuf,
    /// How many generations are kept, the running one included.
    pub keep_generations: NonZeroU32,
    /// What happens to older manifests.
    pub rollback: RollbackRule,
    /// Whether swappable memory will do.
    pub swap: Swap,
    /// Where metrics for a node exporter are written.
    pub metrics: Option<PathBuf>,
    /// Who runs the services that are told about changes.
    pub manager: ServiceManager,
    /// Every file that is asked for, by where it lands.
    pub files: BTreeMap<Target, Wanted>,
}

impl Request {
    /// Reads and parses a request file.
    pub fn read(path: &Path, places: &Places) -> Result<Self, RequestError> {
        Self::parse(&read_bounded(path, REQUEST_MAX)?, places)
    }

    /// The sealed tree that its files come from; `None` when it asks for none.
    pub(super) fn needs(&self) -> Option<&Path> {
        self.sealed.as_deref().filter(|_| !self.files.is_empty())
    }

    /// Parses a request strictly; mistakes in its values are gathered.
    pub fn parse(text: &[u8], places: &Places) -> Result<Self, RequestError> {
        #[derive(Deserialize)]
        struct Versioned {
            version: u64,
        }
        let malformed = |error: serde_json::Error| RequestError::Malformed { reason: error.to_string() };
        let Versioned { version: found } = serde_json::from_slice(text).map_err(malformed)?;
        if found != u64::from(VERSION) {
            return Err(RequestError::Version { found });
        }
        let document: wire::Document = serde_json::from_slice(text).map_err(malformed)?;
        check::check(document, places).map_err(|mistakes| RequestError::Invalid { mistakes })
    }
}

#[cfg(test)]
mod tests;
