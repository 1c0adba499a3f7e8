//! Changing single keys of an open file. Nothing else of it moves.

use std::cell::OnceCell;
use std::collections::BTreeMap;
use std::collections::HashMap;

use jiff::Timestamp;

use super::Format;
use super::error::Problem;
use super::error::SopsError;
use super::leaves;
use super::leaves::Meant;
use super::leaves::Said;
use super::number;
use super::opened;
use super::opened::Draft;
use super::opened::Opened;
use super::tree::Block;
use super::tree::KeyPath;
use super::tree::Leaf;
use super::tree::LeafKind;
use super::tree::Replacements;
use super::tree::Scalar;
use super::tree::Step;
use super::tree::Text;
use super::tree::TextError;
use super::value::DataKey;
use crate::secret::SecretBytes;

/// One change of one key.
#[derive(Debug)]
pub enum Change {
    /// Gives a key a value; missing maps on the way are made. A number or boolean stays one where the text still is
    /// one; everything else becomes a string.
    Set {
        /// The key.
        key: KeyPath,
        /// Its new value.
        value: SecretBytes,
    },
    /// Removes a key, a map or an item of a list.
    Remove {
        /// The key.
        key: KeyPath,
    },
    /// Gives a key or map another name in the same map.
    Rename {
        /// As it is.
        from: KeyPath,
        /// As it will be; only the last step may differ.
        to: KeyPath,
    },
}

impl Opened {
    /// The file with these changes made in order. What they do not touch keeps its bytes, but for time and MAC.
    pub fn changed(&self, changes: &[Change], now: Timestamp) -> Result<Self, SopsError> {
        self.change(changes, now).map_err(|problem| self.wrong(problem))
    }

    fn change(&self, changes: &[Change], now: Timestamp) -> Result<Self, Problem> {
        let mut work = Work::new(self, None);
        let mut rest = changes;
        while let Some(first) = rest.first() {
            // Values of keys that are there are set in one go.
            let values = rest.iter().take_while(|change| work.is_value(change)).count();
            work = if values > 0 {
                work.set_all(rest.get(..values).unwrap_or_default())?
            } else {
                work.written()?.change(first)?
            };
            rest = rest.get(values.max(1)..).unwrap_or_default();
        }
        let document = self.document();
        if work.values.is_empty() && work.text().bytes() == document.bytes() {
            return Ok(self.clone());
        }
        let node = document.node().clone();
        let (format, path) = (document.format(), document.path());
        let (text, values, meant) = (work.text(), work.sealed(&work.values)?, work.meant_by_all());
        let draft = Draft { text, values, meant, format, path, node, like: None };
        opened::finish(draft, self.key(), now)
    }
}

/// A text between two changes: values encrypted, the MAC of before.
struct Work<'o> {
    opened: &'o Opened,
    /// What earlier changes made of the file; none while its text is as it was.
    made: Option<Made>,
    /// New values that are not in the text yet. All of them will be encrypted.
    values: BTreeMap<usize, Scalar>,
    /// Where each value is among the leaves, once somebody asks.
    places: OnceCell<HashMap<KeyPath, usize>>,
}

/// A text that a change made, read again.
struct Made {
    text: Box<dyn Text>,
    selected: Vec<bool>,
    said: Vec<Said>,
}

impl<'o> Work<'o> {
    fn new(opened: &'o Opened, made: Option<Made>) -> Self {
        Self { opened, made, values: BTreeMap::new(), places: OnceCell::new() }
    }

    fn of(opened: &'o Opened, bytes: &[u8]) -> Result<Self, Problem> {
        let document = opened.document();
        let text = document.format().parse(bytes)?;
        let selected = leaves::selected(&*text, document.selector());
        let said = leaves::open(&*text, &selected, opened.key())?;
        Ok(Self::new(opened, Some(Made { text, selected, said })))
    }

    fn text(&self) -> &dyn Text {
        self.made.as_ref().map_or_else(|| self.opened.document().text(), |made| &*made.text)
    }

    fn selected(&self) -> &[bool] {
        self.made.as_ref().map_or_else(|| self.opened.document().selected(), |made| &made.selected)
    }

    fn said(&self) -> &[Said] {
        self.made.as_ref().map_or_else(|| self.opened.said(), |made| &made.said)
    }

    /// What each leaf says now, by index.
    fn leaf(&self, index: usize) -> Option<(&Leaf, &Scalar)> {
        let (leaf, said) = (self.text().leaves().get(index)?, self.said().get(index)?);
        Some((leaf, self.values.get(&index).unwrap_or_else(|| said.scalar(leaf))))
    }

    fn leaves(&self) -> impl Iterator<Item = (&Leaf, &Scalar)> {
        (0..self.said().len()).filter_map(|index| self.leaf(index))
    }

    fn meant_by_all(&self) -> Vec<Meant<'_>> {
        let rest = self.selected().iter().zip(self.said());
        let meant = self.leaves().zip(rest).map(|((leaf, scalar), (selected, said))| Meant {
            leaf,
            scalar,
            selected: *selected,
            counts: said.counts(leaf),
        });
        meant.collect()
    }

    fn index(&self, key: &KeyPath) -> Option<usize> {
        let values = || {
            let leaves = self.text().leaves().iter().enumerate();
            let values = leaves.filter(|(_, leaf)| leaf.kind == LeafKind::Value);
            values.map(|(index, leaf)| (leaf.path.clone(), index)).collect()
        };
        self.places.get_or_init(values).get(key).copied()
    }

    /// Whether a change gives a new value to a scalar that is there.
    fn is_value(&self, change: &Change) -> bool {
        let Change::Set { key, .. } = change else { return false };
        let leaf = self.index(key).and_then(|index| self.text().leaves().get(index));
        leaf.is_some_and(|leaf| !matches!(leaf.scalar, Scalar::EmptyMap | Scalar::EmptyList))
    }

    /// These values, encrypted where the selector wants it.
    fn sealed(&self, values: &BTreeMap<usize, Scalar>) -> Result<Replacements, Problem> {
        sealed(self.text(), self.selected(), values, self.opened.key())
    }

    /// The text with these values.
    fn with_values(&self, values: &BTreeMap<usize, Scalar>) -> Result<SecretBytes, Problem> {
        rendered(self.text(), &self.sealed(values)?)
    }

    /// The same with all values in the text.
    fn written(self) -> Result<Self, Problem> {
        if self.values.is_empty() {
            return Ok(self);
        }
        Self::of(self.opened, self.with_values(&self.values)?.expose())
    }

    fn set_all(mut self, changes: &[Change]) -> Result<Self, Problem> {
        let mut values = BTreeMap::new();
        for change in changes {
            let Change::Set { key, value } = change else { continue };
            let Some(index) = self.index(key) else { continue };
            let old = self.leaf(index).map(|(_, scalar)| scalar);
            let new = self.typed(key, old, value)?;
            if old.is_some_and(|old| old.same(&new)) {
                values.remove(&index);
            } else {
                values.insert(index, new);
            }
        }
        // What stays readable may be spelled in another way there, so it is read again.
        let readable = values.keys().any(|index| self.selected().get(*index) != Some(&true));
        self.values = values;
        if readable { self.written() } else { Ok(self) }
    }

    fn change(self, change: &Change) -> Result<Self, Problem> {
        let changed = match change {
            Change::Set { key, value } => self.added(key, value)?,
            Change::Remove { key } => self.removed(key)?,
            Change::Rename { from, to } => self.renamed(from, to)?,
        };
        changed.check(&self.meant(change))?;
        Ok(changed)
    }

    fn added(&self, key: &KeyPath, value: &SecretBytes) -> Result<Self, Problem> {
        let reserved = key.steps().first() == Some(&Step::Key("sops".to_owned()));
        if reserved && self.opened.document().format() != Format::Dotenv {
            return Err(Problem::Reserved);
        }
        let scalar = self.typed(key, None, value)?;
        // An empty string is the same encrypted or not, so it can stand there until it is known which it will be.
        let text = self.text().insert(key, &Scalar::str(b""))?;
        let placed = Self::of(self.opened, text.expose())?;
        let index = placed.index(key).ok_or_else(|| Problem::NotKept { key: key.to_string() })?;
        let text = placed.with_values(&BTreeMap::from([(index, scalar)]))?;
        Self::of(self.opened, text.expose())
    }

    fn removed(&self, key: &KeyPath) -> Result<Self, Problem> {
        Self::of(self.opened, self.text().remove(key)?.expose())
    }

    fn renamed(&self, from: &KeyPath, to: &KeyPath) -> Result<Self, Problem> {
        let text = self.opened.document().format().parse(self.text().rename(from, to)?.expose())?;
        let selected = leaves::selected(&*text, self.opened.document().selector());
        // The order of leaves is as before, so each still says what it said.
        let mut moved = BTreeMap::new();
        for (index, leaf) in text.leaves().iter().enumerate() {
            let Some((old, scalar)) = self.leaf(index) else { continue };
            if old.path != leaf.path || selected.get(index) != self.selected().get(index) {
                if matches!(self.said().get(index), Some(Said::Closed)) {
                    return Err(self.opened.closed(leaf));
                }
                moved.insert(index, scalar.duplicate());
            }
        }
        let moved = sealed(&*text, &selected, &moved, self.opened.key())?;
        Self::of(self.opened, rendered(&*text, &moved)?.expose())
    }

    /// The scalar that a text becomes: of the type that was there, if it fits.
    fn typed(&self, key: &KeyPath, old: Option<&Scalar>, value: &SecretBytes) -> Result<Scalar, Problem> {
        let format = self.opened.document().format();
        let Ok(text) = std::str::from_utf8(value.expose()) else {
            if format == Format::Binary {
                return Ok(Scalar::str(value.expose()));
            }
            let (place, reason) = (format!("`{key}`"), "the value is not UTF-8".to_owned());
            return Err(Problem::Unsupported { place, reason });
        };
        let own = || SecretBytes::from(value.expose().to_vec());
        let carried = self.text().carries(&Scalar::Str(own()));
        carried.map_err(|kind| TextError::about(kind, key))?;
        let fits = match old {
            Some(Scalar::Int(_)) => {
                text.parse::<i64>().is_ok_and(|int| int.to_string() == text).then(|| Scalar::Int(own()))
            }
            Some(Scalar::Float(_)) => number::float(text)
                .filter(|float| number::equal(float, text))
                .map(|float| Scalar::Float(SecretBytes::from(float.into_bytes()))),
            Some(Scalar::Bool(_)) => text.parse().ok().map(Scalar::Bool),
            Some(Scalar::Time(_)) => text.parse::<Timestamp>().is_ok().then(|| Scalar::Time(own())),
            _ => None,
        };
        Ok(fits.unwrap_or_else(|| Scalar::Str(own())))
    }

    /// All values by path as they must be after a change; what the change itself makes is left out.
    fn meant(&self, change: &Change) -> BTreeMap<KeyPath, &Scalar> {
        let values = self.leaves().filter(|(leaf, _)| leaf.kind == LeafKind::Value);
        let moved = values.filter_map(|(leaf, scalar)| Some((moved(&leaf.path, change)?, scalar)));
        // A map that was empty and gets its first entry is a leaf no more.
        let opens = |path: &KeyPath| matches!(change, Change::Set { key, .. } if key.starts_with(path));
        moved.filter(|(path, _)| !opens(path)).collect()
    }

    fn check(&self, meant: &BTreeMap<KeyPath, &Scalar>) -> Result<(), Problem> {
        let found: BTreeMap<&KeyPath, &Scalar> = self
            .leaves()
            .filter(|(leaf, _)| leaf.kind == LeafKind::Value)
            .map(|(leaf, scalar)| (&leaf.path, scalar))
            .collect();
        let lost =
            meant.iter().find(|(path, scalar)| !found.get(path).is_some_and(|found| found.same(scalar)));
        // One more at the most: the new value, or the container that is empty now.
        match lost {
            Some((path, _)) => Err(Problem::NotKept { key: path.to_string() }),
            None if found.len() <= meant.len() + 1 => Ok(()),
            None => Err(Problem::NotKept { key: "a key that was not asked for".to_owned() }),
        }
    }
}

/// New values of a text, encrypted where the selector wants it.
fn sealed(
    text: &dyn Text,
    selected: &[bool],
    values: &BTreeMap<usize, Scalar>,
    key: &DataKey,
) -> Result<Replacements, Problem> {
    let asked =
        values.iter().filter_map(|(index, scalar)| Some((*index, text.leaves().get(*index)?, scalar)));
    let (wanted, clear): (Vec<_>, Vec<_>) =
        asked.partition(|(index, _, _)| selected.get(*index) == Some(&true));
    let mut replacements = leaves::seal(&wanted, key)?;
    for (index, _, scalar) in wanted.into_iter().chain(clear) {
        replacements.entry(index).or_insert_with(|| scalar.duplicate());
    }
    Ok(replacements)
}

/// The text with these leaves, its metadata as they were.
fn rendered(text: &dyn Text, replacements: &Replacements) -> Result<SecretBytes, Problem> {
    Ok(text.render(replacements, text.metadata().map(|node| Block { node, like: None }))?)
}

/// Where a leaf is after a change; none if it is gone.
fn moved(path: &KeyPath, change: &Change) -> Option<KeyPath> {
    match change {
        Change::Remove { key } if path.starts_with(key) => None,
        Change::Remove { key } => Some(closed_up(path, key)),
        Change::Rename { from, to } if path.starts_with(from) => {
            let below = path.steps().get(from.steps().len()..).unwrap_or_default();
            Some(KeyPath::in_document(path.document(), to.steps().iter().chain(below).cloned()))
        }
        Change::Set { .. } | Change::Rename { .. } => Some(path.clone()),
    }
}

/// Items behind a removed one move up.
fn closed_up(path: &KeyPath, gone: &KeyPath) -> KeyPath {
    let depth = gone.steps().len().saturating_sub(1);
    let (Some(Step::Item(gone_at)), Some(Step::Item(at)), Some(holder)) =
        (gone.steps().last(), path.steps().get(depth), gone.parent())
    else {
        return path.clone();
    };
    if !path.starts_with(&holder) || at <= gone_at {
        return path.clone();
    }
    let mut steps = path.steps().to_vec();
    if let Some(step) = steps.get_mut(depth) {
        *step = Step::Item(at - 1);
    }
    KeyPath::in_document(path.document(), steps)
}
