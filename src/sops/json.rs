//! The text layer of JSON.

mod emit;
mod scan;
#[cfg(test)]
mod tests;

use std::ops::Range;

use emit::Layout;
use scan::Entry;
use scan::Shape;
use scan::Value;

use super::number;
use super::splice::Edits;
use super::tree::Block;
use super::tree::KeyPath;
use super::tree::Leaf;
use super::tree::LeafKind;
use super::tree::Leaves;
use super::tree::Node;
use super::tree::Parsed;
use super::tree::Replacements;
use super::tree::Scalar;
use super::tree::Step;
use super::tree::Text;
use super::tree::TextError;
use super::tree::TextErrorKind;
use crate::secret::SecretBytes;

/// The key of the metadata in the top map.
const METADATA: &str = "sops";

/// Reads a text.
pub(super) fn parse(text: &[u8]) -> Result<Box<dyn Text>, TextError> {
    Ok(Box::new(Json::parse(text)?))
}

/// A map with one string, as the binary format keeps a file.
pub(super) fn envelope(key: &str) -> SecretBytes {
    SecretBytes::from(format!("{{\n\t{}: \"\"\n}}\n", emit::quoted(key)).into_bytes())
}

#[derive(Debug)]
struct Json {
    parsed: Parsed,
    root: Value,
}

impl Json {
    fn parse(text: &[u8]) -> Result<Self, TextError> {
        let root = scan::scan(text)?;
        let mut gatherer = Gatherer { text, steps: Vec::new(), leaves: Leaves::default() };
        for entry in entries(&root).iter().filter(|entry| entry.key != METADATA) {
            gatherer.below(Step::Key(entry.key.clone()), &entry.value)?;
        }
        let metadata = entries(&root).iter().find(|entry| entry.key == METADATA);
        let metadata = metadata.map(|entry| emit::read_node(text, &entry.value));
        let bytes = SecretBytes::from(text.to_vec());
        Ok(Self { parsed: Parsed { bytes, leaves: gatherer.leaves, metadata }, root })
    }

    fn layout(&self) -> Layout {
        Layout::of(self.bytes(), &self.root)
    }

    fn metadata_entry(&self) -> Option<&Entry> {
        entries(&self.root).iter().find(|entry| entry.key == METADATA)
    }

    /// The map or list that holds `path`, the last step, and how deep the holder's entries lie.
    fn holder(&self, path: &KeyPath) -> Result<(&Value, Step, usize), TextError> {
        let (last, way) = path.steps().split_last().ok_or(about(TextErrorKind::Missing, path))?;
        let mut holder = &self.root;
        for step in way {
            holder = child(holder, step, path)?.ok_or(about(TextErrorKind::Missing, path))?;
        }
        Ok((holder, last.clone(), way.len() + 1))
    }

    /// Puts `new` into a map or list: behind its last entry, but before the metadata.
    fn append(&self, holder: &Value, new: &SecretBytes, level: usize) -> SecretBytes {
        let spans = spans(holder);
        let top = holder.span == self.root.span;
        let metadata = self.metadata_entry().filter(|_| top).map(|entry| entry.key_span.start);
        let last = spans.iter().rev().find(|span| Some(span.start) != metadata);
        let layout = self.layout();
        let mut edits = Edits::default();
        let mut made = SecretBytes::with_capacity(new.len() + 64);
        if let Some(last) = last {
            made.extend(b",");
            made.extend(self.lead(holder, last));
            made.extend(new.expose());
            edits.replace(last.end..last.end, made);
        } else if let Some(at) = metadata {
            made.extend(new.expose());
            made.extend(b",");
            made.extend(layout.lead(level).as_bytes());
            edits.replace(at..at, made);
        } else {
            made.extend(layout.lead(level).as_bytes());
            made.extend(new.expose());
            made.extend(layout.lead(level - 1).as_bytes());
            edits.replace(holder.span.start + 1..holder.span.end - 1, made);
        }
        edits.apply(self.bytes())
    }

    /// The space in front of an entry.
    fn lead(&self, holder: &Value, entry: &Range<usize>) -> &[u8] {
        let before = self.bytes().get(holder.span.start..entry.start).unwrap_or_default();
        before.rsplit(|byte| !byte.is_ascii_whitespace()).next().unwrap_or_default()
    }

    /// Puts the metadata where there are none, spelled as in an earlier text if there is one.
    fn add_block(&self, block: Block<'_>, edits: &mut Edits) {
        let layout = self.layout();
        let like = block.like.and_then(|like| Self::parse(like).ok());
        let spelled = like.as_ref().and_then(|like| like.respelled(block.node));
        let value = spelled.unwrap_or_else(|| layout.node(block.node, 2).into_bytes().into());
        let mut made = SecretBytes::with_capacity(value.len() + 64);
        let (lead, trail) = (layout.lead(1), layout.lead(0));
        let spans = spans(&self.root);
        let at =
            spans.last().map_or(self.root.span.start + 1..self.root.span.end - 1, |last| last.end..last.end);
        let space = spans.last().map(|last| self.lead(&self.root, last));
        made.extend(if space.is_some() { b"," } else { b"" });
        made.extend(space.unwrap_or(lead.as_bytes()));
        made.extend(format!("{}: ", emit::quoted(METADATA)).as_bytes());
        made.extend(value.expose());
        made.extend(if space.is_some() { b"" } else { trail.as_bytes() });
        edits.replace(at, made);
    }

    /// The metadata value of this text, brought to what `node` says.
    fn respelled(&self, node: &Node) -> Option<SecretBytes> {
        let value = &self.metadata_entry()?.value;
        let mut edits = Edits::default();
        self.layout().update(self.bytes(), value, node, 2, &mut edits);
        Some(edits.apply_within(self.bytes(), value.span.clone()))
    }
}

impl Text for Json {
    fn parsed(&self) -> &Parsed {
        &self.parsed
    }

    fn render(
        &self,
        replacements: &Replacements,
        block: Option<Block<'_>>,
    ) -> Result<SecretBytes, TextError> {
        let mut edits = Edits::default();
        for (index, scalar) in replacements {
            let Some(leaf) = self.leaves().get(*index) else { continue };
            if leaf.scalar.same(scalar) {
                continue;
            }
            let spelled = emit::scalar(scalar).map_err(|kind| about(kind, &leaf.path))?;
            edits.replace(leaf.span.clone(), spelled);
        }
        let place = entries(&self.root).iter().position(|entry| entry.key == METADATA);
        match (block, place, self.metadata_entry()) {
            (Some(block), _, Some(entry)) => {
                self.layout().update(self.bytes(), &entry.value, block.node, 2, &mut edits);
            }
            (Some(block), ..) => self.add_block(block, &mut edits),
            (None, Some(index), _) => without(&self.root, index, &mut edits),
            (None, None, _) => {}
        }
        Ok(edits.apply(self.bytes()))
    }

    fn insert(&self, path: &KeyPath, value: &Scalar) -> Result<SecretBytes, TextError> {
        let spelled = emit::scalar(value).map_err(|kind| about(kind, path))?;
        let mut holder = &self.root;
        for (depth, step) in path.steps().iter().enumerate() {
            if let Some(next) = child(holder, step, path)? {
                holder = next;
                continue;
            }
            let below = path.steps().get(depth + 1..).unwrap_or_default();
            let nested = self.layout().nested(below, &spelled, depth + 2);
            let mut entry = SecretBytes::with_capacity(nested.len() + 64);
            if let Step::Key(key) = step {
                entry.extend(format!("{}: ", emit::quoted(key)).as_bytes());
            }
            entry.extend(nested.expose());
            return Ok(self.append(holder, &entry, depth + 1));
        }
        Err(about(TextErrorKind::Exists, path))
    }

    fn remove(&self, path: &KeyPath) -> Result<SecretBytes, TextError> {
        let (holder, last, _) = self.holder(path)?;
        child(holder, &last, path)?.ok_or(about(TextErrorKind::Missing, path))?;
        let index = match &last {
            Step::Item(index) => *index,
            Step::Key(key) => entries(holder).iter().position(|entry| entry.key == *key).unwrap_or_default(),
        };
        let mut edits = Edits::default();
        without(holder, index, &mut edits);
        Ok(edits.apply(self.bytes()))
    }

    fn rename(&self, from: &KeyPath, to: &KeyPath) -> Result<SecretBytes, TextError> {
        let (holder, old, _) = self.holder(from)?;
        let (Step::Key(old), Some(Step::Key(new))) = (&old, to.steps().last()) else {
            return Err(about(TextErrorKind::NotAContainer, from));
        };
        if from.parent() != to.parent() {
            return Err(about(TextErrorKind::NotAContainer, to));
        }
        let find = |key: &String| entries(holder).iter().find(|entry| entry.key == *key);
        let entry = find(old).ok_or(about(TextErrorKind::Missing, from))?;
        if find(new).is_some() {
            return Err(about(TextErrorKind::Exists, to));
        }
        let mut edits = Edits::default();
        edits.replace(entry.key_span.clone(), emit::quoted(new).into_bytes());
        Ok(edits.apply(self.bytes()))
    }
}

fn about(kind: TextErrorKind, path: &KeyPath) -> TextError {
    TextError::about(kind, path)
}

/// Takes one entry away, with the comma that parts it from the next or the one before.
fn without(holder: &Value, index: usize, edits: &mut Edits) {
    let spans = spans(holder);
    let before = index.checked_sub(1).and_then(|index| spans.get(index));
    let Some(gone) = spans.get(index) else { return };
    match (before, spans.get(index + 1)) {
        (_, Some(next)) => edits.delete(gone.start..next.start),
        (Some(before), None) => edits.delete(before.end..gone.end),
        (None, None) => edits.delete(holder.span.start + 1..holder.span.end - 1),
    }
}

fn entries(value: &Value) -> &[Entry] {
    if let Shape::Map(entries) = &value.shape { entries } else { &[] }
}

/// Where the entries of a map or list stand, keys included.
fn spans(value: &Value) -> Vec<Range<usize>> {
    match &value.shape {
        Shape::Map(entries) => {
            entries.iter().map(|entry| entry.key_span.start..entry.value.span.end).collect()
        }
        Shape::List(items) => items.iter().map(|item| item.span.clone()).collect(),
        _ => Vec::new(),
    }
}

/// What lies one step below; none where an entry could be made.
fn child<'v>(value: &'v Value, step: &Step, path: &KeyPath) -> Result<Option<&'v Value>, TextError> {
    match (&value.shape, step) {
        (Shape::Map(entries), Step::Key(key)) => {
            Ok(entries.iter().find(|entry| entry.key == *key).map(|entry| &entry.value))
        }
        (Shape::List(items), Step::Item(index)) if *index <= items.len() => Ok(items.get(*index)),
        (Shape::List(_), Step::Item(_)) => Err(about(TextErrorKind::Missing, path)),
        _ => Err(about(TextErrorKind::NotAContainer, path)),
    }
}

/// Gathers leaves; only those have a path of their own.
struct Gatherer<'t> {
    text: &'t [u8],
    steps: Vec<Step>,
    leaves: Leaves,
}

impl Gatherer<'_> {
    fn below(&mut self, step: Step, value: &Value) -> Result<(), TextError> {
        self.steps.push(step);
        match &value.shape {
            Shape::Map(entries) if !entries.is_empty() => {
                for entry in entries {
                    self.below(Step::Key(entry.key.clone()), &entry.value)?;
                }
            }
            Shape::List(items) if !items.is_empty() => {
                for (index, item) in items.iter().enumerate() {
                    self.below(Step::Item(index), item)?;
                }
            }
            _ => self.leaf(value)?,
        }
        self.steps.pop();
        Ok(())
    }

    fn leaf(&mut self, value: &Value) -> Result<(), TextError> {
        let path = KeyPath::new(self.steps.iter().cloned());
        let scalar = read_scalar(self.text, value).map_err(|error| error.with_key(&path))?;
        let (kind, span) = (LeafKind::Value, value.span.clone());
        self.leaves.push(Leaf { path, kind, scalar, span, above: None })?;
        Ok(())
    }
}

fn read_scalar(text: &[u8], value: &Value) -> Result<Scalar, TextError> {
    let raw = text.get(value.span.clone()).unwrap_or_default();
    Ok(match &value.shape {
        Shape::Map(_) => Scalar::EmptyMap,
        Shape::List(_) => Scalar::EmptyList,
        Shape::Str => Scalar::Str(scan::unescape(raw)),
        Shape::Bool(value) => Scalar::Bool(*value),
        Shape::Null => Scalar::Null,
        Shape::Number => {
            let number = std::str::from_utf8(raw).ok().and_then(read_number);
            number.ok_or_else(|| TextError::at(TextErrorKind::Number, value.span.start))?
        }
    })
}

/// Whole numbers that fit are whole to sops since 3.13, as they are to `encoding/json` when it is asked; all others are
/// 64-bit floats.
fn read_number(text: &str) -> Option<Scalar> {
    let secret = |text: String| SecretBytes::from(text.into_bytes());
    match text.parse::<i64>() {
        Ok(whole) => Some(Scalar::Int(secret(whole.to_string()))),
        Err(_) => number::float(text).map(|spelled| Scalar::Float(secret(spelled))),
    }
}
