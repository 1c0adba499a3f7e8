//! Writes what was decided into the plaintext of ours.

use std::collections::BTreeMap;
use std::collections::BTreeSet;

use super::Joined;
use super::Unit;
use super::lost;
use crate::secret::SecretBytes;
use crate::sops::Format;
use crate::sops::error::Problem;
use crate::sops::opened::Opened;
use crate::sops::tree::KeyPath;
use crate::sops::tree::Leaf;
use crate::sops::tree::LeafKind;
use crate::sops::tree::Replacements;
use crate::sops::tree::Scalar;
use crate::sops::tree::Text;
use crate::sops::tree::TextError;

/// The plaintext, and the units that its format cannot express in the place that they would have.
pub(super) fn written(
    ours: &Opened,
    joined: &Joined<'_>,
) -> Result<(SecretBytes, BTreeSet<KeyPath>), Problem> {
    let before = ours.rendered()?;
    let format = ours.document().format();
    if format == Format::Binary {
        return Ok((binary(joined).unwrap_or(before), BTreeSet::new()));
    }
    let mut text = Plain { format, text: format.parse(before.expose())? };
    let mut refused = BTreeSet::new();
    text.replace_all(joined)?;
    // First what goes, since it may make room for what comes.
    let goes = joined.changes.iter().filter(|(_, unit)| unit.is_none());
    for (path, unit) in goes.chain(joined.changes.iter().filter(|(_, unit)| unit.is_some())) {
        if text.is(path, unit.as_ref()) {
            continue;
        }
        match text.with(joined, path, unit.as_ref()) {
            Ok(changed) => text = changed,
            Err(_) => drop(refused.insert(path.clone())),
        }
    }
    if refused.is_empty() {
        text.check(joined)?;
    }
    Ok((SecretBytes::from(text.text.bytes().to_vec()), refused))
}

/// The whole file, if theirs has another.
fn binary(joined: &Joined<'_>) -> Option<SecretBytes> {
    let unit = joined.changes.values().flatten().next()?;
    let bytes = unit.values().next()?.canonical()?;
    Some(SecretBytes::from(bytes.to_vec()))
}

/// A plaintext between two changes.
struct Plain {
    format: Format,
    text: Box<dyn Text>,
}

impl Plain {
    fn parsed(&self, text: &SecretBytes) -> Result<Self, TextError> {
        Ok(Self { format: self.format, text: self.format.parse(text.expose())? })
    }

    fn values(&self) -> impl Iterator<Item = (usize, &Leaf)> {
        self.text.leaves().iter().enumerate().filter(|(_, leaf)| leaf.kind == LeafKind::Value)
    }

    /// All values that are there already, in one go.
    fn replace_all(&mut self, joined: &Joined<'_>) -> Result<(), TextError> {
        let new: BTreeMap<&KeyPath, &Scalar> = joined
            .changes
            .iter()
            .filter_map(|(path, unit)| Some((joined.ours.get(path)?, unit.as_ref()?)))
            .filter(|(mine, other)| mine.keys().eq(other.keys()))
            .flat_map(|(_, other)| other.iter().map(|(path, scalar)| (path, *scalar)))
            .collect();
        let replaced = |(index, leaf): (usize, &Leaf)| {
            let scalar = new.get(&leaf.path)?;
            (!leaf.scalar.same(scalar)).then(|| (index, scalar.duplicate()))
        };
        let replacements: Replacements = self.values().filter_map(replaced).collect();
        if !replacements.is_empty() {
            *self = self.parsed(&self.text.render(&replacements, None)?)?;
        }
        Ok(())
    }

    /// Whether a unit says this.
    fn is(&self, path: &KeyPath, unit: Option<&Unit<'_>>) -> bool {
        let there: Unit<'_> = self
            .values()
            .filter(|(_, leaf)| super::unit_of(&leaf.path) == *path)
            .map(|(_, leaf)| (leaf.path.clone(), &leaf.scalar))
            .collect();
        super::same(Some(&there).filter(|unit| !unit.is_empty()), unit)
    }

    /// The text with one unit as it is wanted.
    fn with(&self, joined: &Joined<'_>, path: &KeyPath, unit: Option<&Unit<'_>>) -> Result<Self, TextError> {
        let mut text = self.parsed(&SecretBytes::from(self.text.bytes().to_vec()))?;
        if text.values().any(|(_, leaf)| super::unit_of(&leaf.path) == *path) {
            text = text.parsed(&text.text.remove(path)?)?.without_emptied(joined, path)?;
        }
        let Some(unit) = unit else { return Ok(text) };
        let listed = unit.keys().any(|leaf| leaf != path);
        if listed {
            text = text.parsed(&text.text.insert(path, &Scalar::EmptyList)?)?;
        }
        for (leaf, scalar) in unit {
            text = text.parsed(&text.text.insert(leaf, scalar)?)?;
        }
        Ok(text)
    }

    /// Maps that a removal has emptied go with it, unless somebody wants them empty or puts something in.
    fn without_emptied(self, joined: &Joined<'_>, removed: &KeyPath) -> Result<Self, TextError> {
        let mut text = self;
        let mut holder = removed.parent();
        while let Some(path) = holder.filter(|path| !path.steps().is_empty()) {
            let is_empty =
                |(_, leaf): (usize, &Leaf)| leaf.path == path && matches!(leaf.scalar, Scalar::EmptyMap);
            let wanted = joined.changes.iter().any(|(key, unit)| unit.is_some() && key.starts_with(&path));
            if wanted || !text.values().any(is_empty) {
                break;
            }
            text = text.parsed(&text.text.remove(&path)?)?;
            holder = path.parent();
        }
        Ok(text)
    }

    /// The text says what was meant, and nothing else.
    fn check(&self, joined: &Joined<'_>) -> Result<(), Problem> {
        let mut meant = joined.meant();
        for (_, leaf) in self.values().filter(|(_, leaf)| !matches!(leaf.scalar, Scalar::EmptyMap)) {
            if !meant.remove(&leaf.path).is_some_and(|scalar| scalar.same(&leaf.scalar)) {
                return Err(lost(&leaf.path));
            }
        }
        meant.keys().next().map_or(Ok(()), |key| Err(lost(key)))
    }
}
