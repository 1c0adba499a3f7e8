//! Joins what two branches did to one file, key by key, in memory.
//!
//! Layout, order and comments are those of ours. A list is one thing, since its items have no names. Where both sides
//! gave one key another value, ours stays and the key is told.

mod plain;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::fmt;
use std::sync::Arc;

use jiff::Timestamp;

use super::document::Document;
use super::error::Problem;
use super::error::SopsError;
use super::metadata::Access;
use super::opened::Opened;
use super::stanzas::Foreigners;
use super::tree::KeyPath;
use super::tree::LeafKind;
use super::tree::Scalar;
use super::tree::Step;
use super::unlock::canonical;
use crate::crypto::Prompt;
use crate::crypto::Recipient;

/// What became of three versions.
#[derive(Debug)]
pub struct Merged {
    /// The file: ours where there is a conflict.
    pub opened: Opened,
    /// What only a person can decide.
    pub conflicts: BTreeSet<Conflict>,
}

/// What both branches changed in different ways.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
#[non_exhaustive]
pub enum Conflict {
    /// A value, or a list as a whole.
    Key(KeyPath),
    /// Which values are encrypted, and what the MAC is over.
    Selector,
    /// Key groups, their threshold, or recipients that are not age.
    Groups,
    /// Who can open it: nobody would be left, or a recipient cannot be used.
    Recipients,
}

impl fmt::Display for Conflict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Key(key) => write!(f, "`{key}`"),
            Self::Selector => f.write_str("which values are encrypted"),
            Self::Groups => f.write_str("the key groups, or recipients that are not age"),
            Self::Recipients => f.write_str("the recipients"),
        }
    }
}

/// The three versions; without a base where both branches made the file.
#[derive(Clone, Copy, Debug)]
pub struct Sides<'a> {
    /// The common ancestor.
    pub base: Option<&'a Opened>,
    /// Ours.
    pub ours: &'a Opened,
    /// Theirs.
    pub theirs: &'a Opened,
}

/// Joins three versions, whose data keys may differ.
pub fn merge(
    sides: Sides<'_>,
    foreigners: &Foreigners,
    now: Timestamp,
    prompt: &Arc<dyn Prompt>,
) -> Result<Merged, SopsError> {
    let wrong = |problem| sides.ours.wrong(problem);
    let mut kept = BTreeSet::new();
    let (opened, mut conflicts) = loop {
        let joined = Joined::of(&sides, &kept);
        let (text, refused) = plain::written(sides.ours, &joined).map_err(wrong)?;
        let opened = sides.ours.edited(&text, now)?;
        // What theirs had encrypted never stands in the clear, as under a rule about comments, which stay ours.
        let bare = bare(&joined, &sides, &opened);
        if refused.is_empty() && bare.is_empty() {
            break (opened, joined.conflicts);
        }
        kept.extend(refused);
        kept.extend(bare);
    };
    // A ledger vouches for the ciphertext of the branch that gave a key its value.
    let cipher = |side: Option<&Opened>, key: &KeyPath| {
        side.and_then(|side| side.document().ciphertext(key)).map(str::to_owned)
    };
    let by_theirs = |key: &KeyPath| {
        let (base, ours) = (cipher(sides.base, key), cipher(Some(sides.ours), key));
        cipher(Some(&opened), key) != ours || (sides.base.is_some() && base == ours)
    };
    let opened = opened.with_ciphertexts(sides.theirs, &by_theirs)?;
    conflicts.extend(settings(&sides));
    let opened = match recipients(&sides) {
        Some(recipients) => opened.rekeyed(&recipients, foreigners, now, prompt)?,
        None => {
            conflicts.insert(Conflict::Recipients);
            opened
        }
    };
    Ok(Merged { opened, conflicts })
}

/// The values of a file by what is decided as one: a value, or a list with all that is in it.
type Units<'a> = BTreeMap<KeyPath, Unit<'a>>;
type Unit<'a> = BTreeMap<KeyPath, &'a Scalar>;

fn unit_of(path: &KeyPath) -> KeyPath {
    let named = path.steps().iter().take_while(|step| matches!(step, Step::Key(_)));
    KeyPath::in_document(path.document(), named.cloned())
}

fn units(opened: &Opened) -> Units<'_> {
    let mut units = Units::new();
    for (leaf, said) in opened.leaves().filter(|(leaf, _)| leaf.kind == LeafKind::Value) {
        units.entry(unit_of(&leaf.path)).or_default().insert(leaf.path.clone(), said.scalar(leaf));
    }
    units
}

fn same(one: Option<&Unit<'_>>, other: Option<&Unit<'_>>) -> bool {
    match (one, other) {
        (None, None) => true,
        (Some(one), Some(other)) => {
            one.len() == other.len() && one.iter().zip(other).all(|(a, b)| a.0 == b.0 && a.1.same(b.1))
        }
        _ => false,
    }
}

/// What each unit is to be.
struct Joined<'a> {
    ours: Units<'a>,
    /// Only those that are not as in ours; none where they go.
    changes: BTreeMap<KeyPath, Option<Unit<'a>>>,
    conflicts: BTreeSet<Conflict>,
}

impl<'a> Joined<'a> {
    /// Decides unit by unit; `kept` are those that cannot be anything but ours.
    fn of(sides: &Sides<'a>, kept: &BTreeSet<KeyPath>) -> Self {
        let (ours, mut theirs) = (units(sides.ours), units(sides.theirs));
        let base = sides.base.map(units).unwrap_or_default();
        let (mut changes, mut conflicts) = (BTreeMap::new(), BTreeSet::new());
        let all: BTreeSet<KeyPath> = ours.keys().chain(theirs.keys()).cloned().collect();
        for path in all {
            let (before, mine, other) = (base.get(&path), ours.get(&path), theirs.get(&path));
            if same(mine, other) || same(before, other) {
                continue;
            }
            if kept.contains(&path) || !same(before, mine) {
                conflicts.insert(Conflict::Key(path));
            } else {
                let other = theirs.remove(&path);
                changes.insert(path, other);
            }
        }
        let mut joined = Self { ours, changes, conflicts };
        joined.leave_what_does_not_fit();
        joined
    }

    /// A value where ours has a map, or a map where ours has a value, that ours keeps.
    fn leave_what_does_not_fit(&mut self) {
        let stays: BTreeSet<KeyPath> =
            self.ours.keys().filter(|path| !self.changes.contains_key(*path)).cloned().collect();
        let solid: BTreeSet<&KeyPath> = stays.iter().filter(|path| !self.is_empty_map(path)).collect();
        let around = |path: &KeyPath| std::iter::successors(Some(path.clone()), KeyPath::parent);
        let in_the_way = |path: &KeyPath| {
            // What lies below a path comes right behind it in order.
            around(path).any(|other| solid.contains(&other))
                || solid.range::<KeyPath, _>(path..).next().is_some_and(|other| other.starts_with(path))
        };
        let misfits: Vec<(KeyPath, bool)> = self
            .changes
            .iter()
            .filter_map(|(path, unit)| Some((path, unit.as_ref()?)))
            .filter(|(path, _)| in_the_way(path))
            .map(|(path, unit)| {
                (path.clone(), unit.values().all(|scalar| matches!(scalar, Scalar::EmptyMap)))
            })
            .collect();
        for (path, empty) in misfits {
            self.changes.remove(&path);
            // A map that theirs has emptied and ours has put something into is just not empty.
            if !empty || around(&path).any(|other| stays.contains(&other)) {
                self.conflicts.insert(Conflict::Key(path));
            }
        }
    }

    fn is_empty_map(&self, path: &KeyPath) -> bool {
        let unit = self.ours.get(path);
        unit.is_some_and(|unit| unit.values().any(|scalar| matches!(scalar, Scalar::EmptyMap)))
    }

    /// Every value as it is meant to be; empty maps follow from the rest.
    fn meant(&self) -> BTreeMap<&KeyPath, &Scalar> {
        let stays = self.ours.iter().filter(|(path, _)| !self.changes.contains_key(*path));
        let stays = stays.map(|(_, unit)| unit);
        let all = stays.chain(self.changes.values().flatten()).flatten();
        all.filter(|(_, scalar)| !matches!(scalar, Scalar::EmptyMap))
            .map(|(path, scalar)| (path, *scalar))
            .collect()
    }
}

/// Units of theirs that were encrypted there and would not be in the outcome.
fn bare(joined: &Joined<'_>, sides: &Sides<'_>, outcome: &Opened) -> BTreeSet<KeyPath> {
    let encrypted = |document: &Document| document.keys().iter().cloned().collect::<BTreeSet<_>>();
    let (before, after) = (encrypted(sides.theirs.document()), encrypted(outcome.document()));
    let taken = joined.changes.iter().filter(|(_, unit)| {
        unit.iter().flatten().any(|(path, _)| before.contains(path) && !after.contains(path))
    });
    taken.map(|(path, _)| path.clone()).collect()
}

/// Settings that theirs changed: they are never joined by themselves.
fn settings(sides: &Sides<'_>) -> BTreeSet<Conflict> {
    let [ours, theirs] = [sides.ours, sides.theirs].map(|side| side.document().access());
    let base = sides.base.map_or(ours, |base| base.document().access());
    let mut conflicts = BTreeSet::new();
    let selects = |access: &Access| (access.selector.clone(), access.mac_only_encrypted);
    if selects(theirs) != selects(ours) && selects(theirs) != selects(base) {
        conflicts.insert(Conflict::Selector);
    }
    let groups = |access: &Access| {
        let foreign =
            |group: &super::metadata::Group| group.foreign.iter().map(ToString::to_string).collect();
        let foreign: Vec<BTreeSet<String>> = access.groups.iter().map(foreign).collect();
        (access.groups.len(), access.threshold, foreign)
    };
    if groups(theirs) != groups(ours) && groups(theirs) != groups(base) {
        conflicts.insert(Conflict::Groups);
    }
    conflicts
}

/// Who can open the outcome: who either side added, and nobody whom either side took away. Without a base nobody can
/// tell the one from the other, so only those of both. None where that is nobody, or groups do not match.
fn recipients(sides: &Sides<'_>) -> Option<BTreeSet<Recipient>> {
    let of = |opened: &Opened| -> BTreeSet<String> {
        let groups = &opened.document().access().groups;
        let stanzas = groups.iter().flat_map(|group| &group.recipients);
        stanzas.map(|stanza| canonical(&stanza.recipient)).collect()
    };
    let (ours, theirs) = (of(sides.ours), of(sides.theirs));
    let wanted: BTreeSet<String> = match sides.base.map(of) {
        None => ours.intersection(&theirs).cloned().collect(),
        Some(base) => {
            let stays =
                |one: &&String| !base.contains(*one) || (ours.contains(*one) && theirs.contains(*one));
            ours.union(&theirs).filter(stays).cloned().collect()
        }
    };
    let grouped = sides.ours.document().access().groups.len() > 1;
    if (wanted.is_empty() && !ours.is_empty()) || (grouped && wanted != ours) {
        return None;
    }
    wanted.iter().map(|text| text.parse().ok()).collect()
}

/// A key that could not be written into the text of ours, for [`plain`].
fn lost(key: &KeyPath) -> Problem {
    Problem::NotKept { key: key.to_string() }
}
