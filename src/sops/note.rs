//! A note in the metadata about how a file was left, which `sops` does not know.

use sha2::Digest as _;
use sha2::Sha256;

use super::document::Document;
use super::error::Problem;
use super::error::SopsError;
use super::flat;
use super::metadata;
use super::opened::Opened;
use super::tree::Block;
use super::tree::Leaf;
use super::tree::LeafKind;
use super::tree::Node;
use super::tree::Replacements;
use super::tree::Scalar;
use super::tree::Step;
use crate::crypto::Digest;

/// The field of the metadata. `sops` passes over it, and leaves it out of what it writes.
const FIELD: &str = "secretctl";

impl Document {
    /// The note, if there is one.
    pub fn note(&self) -> Option<&str> {
        self.node().field(FIELD)?.as_str()
    }

    /// Digest of all that the file says: every value and comment as it stands there, in order, and the metadata but for
    /// the note. How it is spelled and laid out is not in it.
    pub fn content_sha256(&self) -> Digest {
        let mut hash = Sha256::new();
        let fields = flat::fields(self.node());
        for (name, text) in fields.iter().filter(|(name, _)| name != FIELD) {
            add(&mut hash, name.as_bytes());
            add(&mut hash, text.as_bytes());
        }
        add(&mut hash, b"");
        self.text().leaves().iter().for_each(|leaf| add_leaf(&mut hash, leaf));
        Digest::of(&hash.finalize())
    }
}

impl Opened {
    /// The same file with this note, or without one. Nothing but the note changes.
    pub fn with_note(&self, note: Option<&str>) -> Result<Self, SopsError> {
        self.noted(note).map_err(|problem| self.wrong(problem))
    }

    fn noted(&self, note: Option<&str>) -> Result<Self, Problem> {
        let document = self.document();
        let mut node = document.node().clone();
        match (note, &mut node) {
            (Some(note), node) => metadata::set(node, FIELD, Node::Str(note.to_owned()), None),
            (None, Node::Map(fields)) => fields.retain(|(name, _)| name != FIELD),
            (None, _) => {}
        }
        let text = document.text().render(&Replacements::new(), Some(Block { node: &node, like: None }))?;
        let noted = Document::read(text.expose(), document.format(), document.path())?;
        if noted.note() != note || noted.content_sha256() != document.content_sha256() {
            return Err(Problem::NotKept { key: FIELD.to_owned() });
        }
        Ok(self.as_document(noted))
    }
}

fn add(hash: &mut Sha256, bytes: &[u8]) {
    hash.update(bytes.len().to_le_bytes());
    hash.update(bytes);
}

fn add_leaf(hash: &mut Sha256, leaf: &Leaf) {
    hash.update([u8::from(leaf.kind == LeafKind::Comment)]);
    hash.update(leaf.path.document().to_le_bytes());
    hash.update(leaf.path.steps().len().to_le_bytes());
    for step in leaf.path.steps() {
        match step {
            Step::Key(key) => add(hash, key.as_bytes()),
            Step::Item(position) => hash.update([[u8::MAX; 8], position.to_le_bytes()].as_flattened()),
        }
    }
    hash.update([match leaf.scalar {
        Scalar::Str(_) => 0,
        Scalar::Int(_) => 1,
        Scalar::Float(_) => 2,
        Scalar::Bool(_) => 3,
        Scalar::Time(_) => 4,
        Scalar::Null => 5,
        Scalar::EmptyMap => 6,
        Scalar::EmptyList => 7,
    }]);
    add(hash, leaf.scalar.canonical().unwrap_or_default());
}
