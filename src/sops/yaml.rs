//! The YAML texts of SOPS files: leaves with places, and edits that leave every other byte alone.
//!
//! The scanner is `granit-parser`; what it does not know, where a comment belongs in the eyes of sops, is worked out
//! from its tokens (`remark`, `feed`, `node`).

mod block;
mod edit;
mod emit;
mod expand;
mod feed;
mod flow;
mod insert;
mod leaves;
mod metadata;
mod node;
mod remark;
mod render;
mod resolve;
#[cfg(test)]
mod tests;
mod timestamp;
mod token;
mod write;

use std::ops::Range;

use super::tree::Block;
use super::tree::KeyPath;
use super::tree::Leaf;
use super::tree::LeafKind;
use super::tree::Node;
use super::tree::Parsed;
use super::tree::Replacements;
use super::tree::Scalar;
use super::tree::Text;
use super::tree::TextError;
use super::tree::TextErrorKind;
use crate::secret::SecretBytes;
use crate::sops::yaml::emit::Emitter;
use crate::sops::yaml::leaves::Harvest;
use crate::sops::yaml::leaves::Spot;
use crate::sops::yaml::node::Document;

pub(super) use crate::sops::yaml::expand::normalized;

/// Largest text that is read.
const SIZE_MAX: usize = 128 << 20;

/// Reads a text.
pub(super) fn parse(text: &[u8]) -> Result<Box<dyn Text>, TextError> {
    let mut read = Yaml::read(text)?;
    read.place_comments_as_encrypted();
    Ok(Box::new(read))
}

#[derive(Debug)]
struct Yaml {
    parsed: Parsed,
    /// Length of the BOM.
    bom: usize,
    /// How each leaf stands there.
    spots: Vec<Spot>,
    /// All comments, in the order of the text.
    comments: Vec<Range<usize>>,
    documents: usize,
    /// Where the metadata can be read alone.
    windows: Option<Vec<Range<usize>>>,
    step: usize,
    line_end: &'static str,
    /// Where the last line break stands.
    last_break: Option<usize>,
}

/// A YAML text that is readable at all: without its BOM.
fn readable(bytes: &[u8]) -> Result<&str, TextError> {
    if bytes.len() > SIZE_MAX {
        let kind = TextErrorKind::TooLarge { what: "the size in bytes", limit: SIZE_MAX };
        return Err(TextError { kind, offset: None, line: None, key: None });
    }
    let text =
        std::str::from_utf8(bytes).map_err(|e| TextError::at(TextErrorKind::NotUtf8, e.valid_up_to()))?;
    Ok(text.strip_prefix('\u{feff}').unwrap_or(text))
}

impl Yaml {
    fn read(bytes: &[u8]) -> Result<Self, TextError> {
        let text = readable(bytes)?;
        let bom = bytes.len() - text.len();
        let token::Tokens { tokens, mut comments } = token::tokens(text)?;
        comments.sort_by_key(|comment| comment.start);
        let documents = node::documents(text, tokens)?;
        let mut found = leaves::harvest(text, &documents, &comments)?;
        let spans = found.leaves.all_mut().iter_mut().map(|leaf| &mut leaf.span).chain(&mut comments);
        for span in spans {
            *span = span.start + bom..span.end + bom;
        }
        let Harvest { leaves, spots, metadata } = found;
        Ok(Self {
            parsed: Parsed { bytes: SecretBytes::from(bytes.to_vec()), leaves, metadata },
            bom,
            documents: documents.len(),
            windows: block::windows(text, &documents),
            step: render::step(spots.iter().filter(|spot| !spot.flow).map(|spot| spot.column)),
            line_end: render::line_end(bytes),
            last_break: bytes.iter().rposition(|byte| *byte == b'\n'),
            spots,
            comments,
        })
    }

    /// The text without its BOM. It was read once, so it is UTF-8.
    fn text(&self) -> &str {
        let bytes = self.bytes().get(self.bom..).unwrap_or_default();
        std::str::from_utf8(bytes).unwrap_or_default()
    }

    fn documents(&self) -> Result<Vec<Document<'_>>, TextError> {
        node::documents(self.text(), token::tokens(self.text())?.tokens)
    }

    /// What writes nodes into `text`, which is this one or a part of it.
    fn emitter<'a>(&self, text: &'a str) -> Emitter<'a> {
        Emitter { text, step: self.step, line_end: self.line_end }
    }

    /// Gives the comments of a plaintext the holders that they will have once it is encrypted: single lines for block
    /// scalars and the metadata at the end can move a comment from one map to another.
    fn place_comments_as_encrypted(&mut self) {
        let comments = self.leaves().iter().filter(|leaf| leaf.kind == LeafKind::Comment).count();
        if comments == 0 || self.metadata().is_some() {
            return;
        }
        let Some(encrypted) = self.stand_in() else { return };
        if encrypted.leaves().len() != self.leaves().len() {
            return;
        }
        let ours = self.by_place();
        let mut there = vec![0; ours.len()];
        for (our, their) in ours.iter().zip(encrypted.by_place()) {
            if let Some(slot) = there.get_mut(*our) {
                *slot = their;
            }
        }
        let placed = encrypted.parsed.leaves;
        let leaves = std::mem::replace(&mut self.parsed.leaves, placed).into_all();
        let leaves = leaves.into_iter().zip(std::mem::take(&mut self.spots));
        let mut moved: Vec<(usize, (Leaf, Spot))> = there.into_iter().zip(leaves).collect();
        moved.sort_by_key(|(there, _)| *there);
        for ((_, (leaf, spot)), placed) in moved.into_iter().zip(self.parsed.leaves.all_mut()) {
            let Leaf { kind, scalar, span, .. } = leaf;
            (placed.kind, placed.scalar, placed.span) = (kind, scalar, span);
            self.spots.push(spot);
        }
    }

    /// This text as if it were encrypted.
    fn stand_in(&self) -> Option<Self> {
        let values = self.leaves().iter().enumerate().filter(|(_, leaf)| {
            leaf.kind == LeafKind::Value && leaf.scalar.canonical().is_some_and(|text| !text.is_empty())
        });
        let replacements = values.map(|(index, _)| (index, Scalar::str(b"ENC[]"))).collect();
        let node = Node::Map(vec![("mac".to_owned(), Node::Str("ENC[]".to_owned()))]);
        let text = self.render(&replacements, Some(Block { node: &node, like: None })).ok()?;
        Self::read(text.expose()).ok()
    }

    /// The indices of the leaves, all comments first, each kind in the order of the text.
    fn by_place(&self) -> Vec<usize> {
        let mut order: Vec<usize> = (0..self.leaves().len()).collect();
        let place = |index: &usize| {
            self.leaves().get(*index).map(|leaf| (leaf.kind == LeafKind::Value, leaf.span.start))
        };
        order.sort_by_key(place);
        order
    }
}

impl Text for Yaml {
    fn parsed(&self) -> &Parsed {
        &self.parsed
    }

    fn render(
        &self,
        replacements: &Replacements,
        block: Option<Block<'_>>,
    ) -> Result<SecretBytes, TextError> {
        self.rendered(replacements, block)
    }

    fn insert(&self, path: &KeyPath, value: &Scalar) -> Result<SecretBytes, TextError> {
        self.inserted(path, value)
    }

    fn remove(&self, path: &KeyPath) -> Result<SecretBytes, TextError> {
        self.removed(path)
    }

    fn rename(&self, from: &KeyPath, to: &KeyPath) -> Result<SecretBytes, TextError> {
        self.renamed(from, to)
    }
}
