//! Who gains and who loses access between two states of a fleet.

mod compare;
mod keys;
mod side;

use jiff::Timestamp;
use serde::Serialize;

pub use compare::Cause;
pub use compare::Change;
pub use compare::EndChange;
pub use compare::Reason;
pub use keys::KeyChange;
pub use side::DiffError;
pub use side::SideName;

use crate::fleet::Fleet;
use crate::fleet::ServiceReach;
use crate::ops::policy::diff::side::Side;
use crate::ops::workspace::Settings;
use crate::ops::workspace::find_root;
use crate::ops::workspace::read_fleet;

/// The revision that stands for what is committed.
const HEAD: &str = "HEAD";

/// Which two states are compared.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Range {
    /// A revision with the working tree.
    WorkingTree {
        /// The revision.
        old: String,
    },
    /// Two revisions.
    Between {
        /// The first.
        old: String,
        /// The second.
        new: String,
    },
    /// What a branch has changed since it left another.
    Since {
        /// The other branch.
        old: String,
        /// The branch.
        new: String,
    },
}

impl Range {
    /// What the words mean, as for `git diff`: none, one or two revisions, `A..B` or `A...B`.
    pub fn of(first: Option<&str>, second: Option<&str>) -> Self {
        let or_head = |text: &str| if text.is_empty() { HEAD.to_owned() } else { text.to_owned() };
        let first = first.unwrap_or(HEAD);
        match (second, first.split_once("...")) {
            (Some(second), _) => Self::Between { old: first.to_owned(), new: second.to_owned() },
            (None, Some((old, new))) => Self::Since { old: or_head(old), new: or_head(new) },
            (None, None) => match first.split_once("..") {
                Some((old, new)) => Self::Between { old: or_head(old), new: or_head(new) },
                None => Self::WorkingTree { old: first.to_owned() },
            },
        }
    }
}

/// Who gained and who lost access.
#[derive(Clone, Debug, Serialize)]
pub struct AccessDiff {
    /// Version of this schema.
    pub version: u32,
    /// What was compared.
    pub old: SideName,
    /// With what.
    pub new: SideName,
    /// What may be read now and could not be before, by secret and host.
    pub gained: Vec<Change>,
    /// What could be read before and may not be now, by secret and host.
    pub lost: Vec<Change>,
    /// Access that stays and ends at another time.
    pub ends: Vec<EndChange>,
    /// Keys that open what they did not open before, or do not any more.
    pub keys: Vec<KeyChange>,
}

impl AccessDiff {
    /// Whether somebody can read more, or for longer.
    pub fn has_gains(&self) -> bool {
        let keys = self.keys.iter().any(|change| !change.gained.is_empty());
        !self.gained.is_empty() || keys || self.ends.iter().any(EndChange::is_longer)
    }

    /// Whether somebody can read less, or for a shorter time.
    pub fn has_losses(&self) -> bool {
        let keys = self.keys.iter().any(|change| !change.lost.is_empty());
        !self.lost.is_empty() || keys || self.ends.iter().any(|end| !end.is_longer())
    }

    /// Whether both sides give the same access.
    pub fn is_empty(&self) -> bool {
        !self.has_gains() && !self.has_losses()
    }
}

/// Compares the access that two states of the fleet give, both at the time of the command.
pub fn diff(settings: &Settings, range: &Range) -> Result<AccessDiff, DiffError> {
    let root = find_root(settings)?;
    let repository = settings.repository(&root)?;
    let (old, new) = match range {
        Range::WorkingTree { old } => {
            let old = repository.commit(old)?;
            (Side::at(&repository, old)?, Side::working_tree(&root)?)
        }
        Range::Between { old, new } => {
            let (old, new) = (repository.commit(old)?, repository.commit(new)?);
            (Side::at(&repository, old)?, Side::at(&repository, new)?)
        }
        Range::Since { old, new } => {
            let (old, new) = (repository.commit(old)?, repository.commit(new)?);
            let base = repository.merge_base(&old, &new)?;
            (Side::at(&repository, base)?, Side::at(&repository, new)?)
        }
    };
    Ok(between(old, new, settings.now))
}

/// Compares both readings of services without hosts, over the rules of the working tree; gives the one in force.
pub(in crate::ops) fn narrowed(settings: &Settings) -> Result<(ServiceReach, AccessDiff), DiffError> {
    let root = find_root(settings)?;
    let fleet = read_fleet(&root)?;
    let reach = fleet.services;
    let narrow = Fleet { services: ServiceReach::Listed, ..fleet.clone() };
    let (old, new) = (Side::with(&root, fleet)?, Side::with(&root, narrow)?);
    Ok((reach, between(old, new, settings.now)))
}

fn between(old: Side, new: Side, now: Timestamp) -> AccessDiff {
    let compare::Compared { gained, lost, ends } = compare::compare(&old, &new, now);
    let keys = keys::changes(&old, &new);
    AccessDiff { version: 1, old: old.name, new: new.name, gained, lost, ends, keys }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_mean_what_they_mean_to_git_diff() {
        let (a, b, head) = (|| "a".to_owned(), || "b".to_owned(), || "HEAD".to_owned());
        for (words, wanted) in [
            ((None, None), Range::WorkingTree { old: head() }),
            ((Some("a"), None), Range::WorkingTree { old: a() }),
            ((Some("a"), Some("b")), Range::Between { old: a(), new: b() }),
            ((Some("a..b"), None), Range::Between { old: a(), new: b() }),
            ((Some("a.."), None), Range::Between { old: a(), new: head() }),
            ((Some("..b"), None), Range::Between { old: head(), new: b() }),
            ((Some("a...b"), None), Range::Since { old: a(), new: b() }),
            ((Some("a..."), None), Range::Since { old: a(), new: head() }),
        ] {
            assert_eq!(Range::of(words.0, words.1), wanted, "{words:?}");
        }
    }
}
