//! The index of a generation: what was installed, from which ciphertext, with which attributes.

use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::path::PathBuf;

use serde::Deserialize;
use serde::Serialize;

use super::placement::FileMode;
use super::placement::Target;
use super::placement::UnitName;
use super::request::Phase;
use crate::crypto::Digest;
use crate::fsx::Attributes;
use crate::fsx::Seen;
use crate::name::SecretName;

/// The version that this program writes and reads.
pub(super) const VERSION: u32 = 1;

/// One installed file. Names, numbers and digests of ciphertext; never a value.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Installed {
    /// The secret, unless this is a template.
    pub secret: Option<SecretName>,
    /// Revision of the secret.
    pub revision: Option<u64>,
    /// Digest of the ciphertext, or of a template's text and the ciphertexts it names.
    pub sha256: Digest,
    /// Number of the owner.
    pub owner: u32,
    /// Number of the group.
    pub group: u32,
    /// Permission bits.
    pub mode: FileMode,
    /// A link elsewhere that leads to the file.
    pub path: Option<PathBuf>,
    /// When it was asked for.
    pub phase: Phase,
    /// Length in bytes.
    pub size: u64,
    /// Seconds and nanoseconds of its last change, by which a change by hand is noticed.
    pub modified: (i64, i64),
}

impl Installed {
    pub(super) fn attributes(&self) -> Attributes {
        Attributes { owner: self.owner, group: self.group, mode: self.mode.bits() }
    }

    /// Whether the file is still as it was installed.
    pub(super) fn is_intact(&self, seen: Option<Seen>) -> bool {
        let installed = Seen { attributes: self.attributes(), size: self.size, modified: self.modified };
        seen == Some(installed)
    }

    /// What differs from another installed file, content taken from the digests.
    pub(super) fn changes(&self, wish: &Self) -> BTreeSet<Change> {
        let found = [
            (Change::Content, self.sha256 != wish.sha256),
            (Change::Owner, self.owner != wish.owner),
            (Change::Group, self.group != wish.group),
            (Change::Mode, self.mode != wish.mode),
            (Change::Path, self.path != wish.path),
        ];
        found.into_iter().filter_map(|(change, differs)| differs.then_some(change)).collect()
    }
}

/// What changed about a file.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Change {
    /// Its bytes.
    Content,
    /// Its owner.
    Owner,
    /// Its group.
    Group,
    /// Its permission bits.
    Mode,
    /// The link elsewhere that leads to it.
    Path,
}

impl std::fmt::Display for Change {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Content => "content",
            Self::Owner => "owner",
            Self::Group => "group",
            Self::Mode => "mode",
            Self::Path => "path",
        })
    }
}

/// Whether every phase has run since the machine started.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Reach {
    /// Only the users phase: nothing that reads the rest can have started.
    #[default]
    Users,
    /// The main phase too.
    Main,
}

/// Units that wait to be told about changes.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct UnitActions {
    /// Restarted if they run.
    pub restart: BTreeSet<UnitName>,
    /// Reloaded if they run.
    pub reload: BTreeSet<UnitName>,
}

impl UnitActions {
    /// Whether there is nothing to do.
    pub fn is_empty(&self) -> bool {
        self.restart.is_empty() && self.reload.is_empty()
    }

    /// Adds more; a unit that is restarted needs no reload.
    pub(super) fn add(&mut self, restart: &BTreeSet<UnitName>, reload: &BTreeSet<UnitName>) {
        self.restart.extend(restart.iter().cloned());
        self.reload.extend(reload.iter().cloned());
        self.reload.retain(|unit| !self.restart.contains(unit));
    }
}

/// Everything that one generation holds.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Index {
    pub version: u32,
    pub generation: u64,
    pub reach: Reach,
    pub files: BTreeMap<Target, Installed>,
    /// Left over when a run ended between the switch and its last step.
    pub pending: UnitActions,
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn a_unit_that_restarts_is_not_reloaded_as_well() {
        let units = |names: &[&str]| {
            names.iter().map(|name| UnitName::try_from((*name).to_owned()).unwrap()).collect()
        };
        let mut actions = UnitActions::default();
        actions.add(&units(&[]), &units(&["a.service", "b.service"]));
        actions.add(&units(&["a.service"]), &units(&["a.service"]));
        assert_eq!(actions.restart, units(&["a.service"]));
        assert_eq!(actions.reload, units(&["b.service"]));
    }
}
