//! Replacing leaves in place.

use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::ops::Range;

use crate::secret::SecretBytes;
use crate::sops::splice::Edits;
use crate::sops::tree::Block;
use crate::sops::tree::KeyPath;
use crate::sops::tree::Leaf;
use crate::sops::tree::LeafKind;
use crate::sops::tree::Replacements;
use crate::sops::tree::Scalar;
use crate::sops::tree::Text;
use crate::sops::tree::TextError;
use crate::sops::tree::TextErrorKind;
use crate::sops::yaml::Yaml;
use crate::sops::yaml::block;
use crate::sops::yaml::emit::joined;
use crate::sops::yaml::leaves::Spot;
use crate::sops::yaml::token::Style;
use crate::sops::yaml::write;
use crate::sops::yaml::write::Slot;

/// Indentation where a text shows none, as sops writes it.
const STEP: usize = 4;

/// How an encrypted value begins.
const ENCRYPTED: &[u8] = b"ENC[";

impl Yaml {
    pub(super) fn rendered(
        &self,
        replacements: &Replacements,
        block: Option<Block<'_>>,
    ) -> Result<SecretBytes, TextError> {
        let mut edits = Edits::default();
        let like = block.and_then(|block| block.like).and_then(|like| Self::read(like).ok());
        let quoted = like.as_ref().map(Self::quoted).unwrap_or_default();
        for (index, new) in replacements {
            let (Some(leaf), Some(spot)) = (self.leaves().get(*index), self.spots.get(*index)) else {
                continue;
            };
            match leaf.kind {
                LeafKind::Comment => self.replace_comment(leaf, *spot, new, &mut edits)?,
                LeafKind::Value => {
                    let style = quoted.get(&leaf.path).copied();
                    self.replace_value(leaf, *spot, new, style, &mut edits)?;
                }
            }
        }
        if replacements.is_empty()
            && let Some(like) = &like
        {
            self.spell_as(like, &quoted, &mut edits);
        }
        block::set(self, block, like.as_ref(), &mut edits)?;
        Ok(edits.apply(self.bytes()))
    }

    /// The encrypted values that somebody has put in quotes.
    fn quoted(&self) -> BTreeMap<KeyPath, Style> {
        let leaves = self.leaves().iter().zip(&self.spots);
        let quoted = leaves.filter_map(|(leaf, spot)| {
            let style = spot.style.filter(|style| matches!(style, Style::Single | Style::Double))?;
            is_encrypted(&leaf.scalar).then(|| (leaf.path.clone(), style))
        });
        quoted.collect()
    }

    /// Puts encrypted values in quotes again where the earlier text had them, and makes items of the comments in lists
    /// again that sops had made items.
    fn spell_as(&self, like: &Self, quoted: &BTreeMap<KeyPath, Style>, edits: &mut Edits) {
        let is_item = |text: &Self, leaf: &Leaf| text.bytes().get(leaf.span.start) == Some(&b'-');
        let comments =
            like.leaves().iter().filter(|leaf| leaf.kind == LeafKind::Comment && is_item(like, leaf));
        let items: BTreeSet<_> = comments.filter_map(|leaf| leaf.scalar.canonical()).collect();
        for (leaf, spot) in self.leaves().iter().zip(&self.spots) {
            if leaf.kind == LeafKind::Comment {
                let known = leaf.scalar.canonical().is_some_and(|text| items.contains(text));
                if known
                    && spot.in_list
                    && !is_item(self, leaf)
                    && self.starts_line(leaf.span.start, spot.column)
                {
                    edits.replace(leaf.span.start..leaf.span.start + 1, b"- ".to_vec());
                }
                continue;
            }
            let there = quoted.get(&leaf.path).filter(|_| spot.style == Some(Style::Plain) && !spot.flow);
            if let Some(style) = there
                && is_encrypted(&leaf.scalar)
            {
                let slot = Slot { style: *style, block: None, ..self.slot(leaf.span.end, *spot) };
                edits.replace(leaf.span.clone(), write::scalar(&leaf.scalar, slot));
            }
        }
    }

    /// Whether nothing but `column` spaces stands before `at` in its line.
    fn starts_line(&self, at: usize, column: usize) -> bool {
        let before = self.bytes().get(..at).unwrap_or_default();
        let blanks = before.iter().rev().take_while(|byte| **byte == b' ').count();
        blanks == column && before.iter().rev().nth(blanks).is_none_or(|byte| *byte == b'\n')
    }

    fn replace_comment(
        &self,
        leaf: &Leaf,
        spot: Spot,
        new: &Scalar,
        edits: &mut Edits,
    ) -> Result<(), TextError> {
        let text = new.canonical().unwrap_or_default();
        if text.iter().any(|byte| matches!(byte, b'\n' | b'\r' | 0)) {
            let kind = TextErrorKind::Unsupported("a comment must be a single line");
            return Err(TextError::about(kind, &leaf.path));
        }
        let is_item = self.bytes().get(leaf.span.start) == Some(&b'-');
        let lead: &[u8] = if is_item && is_encrypted(new) { b"- " } else { b"#" };
        let mut made = SecretBytes::with_capacity(text.len() + 2);
        made.extend(lead);
        made.extend(text);
        if spot.closes && lead == b"#" && is_item {
            // A list of comments alone is an empty one.
            made.extend(self.line_end.as_bytes());
            made.extend(" ".repeat(spot.column + 1).as_bytes());
            made.extend(b"[]");
        }
        edits.replace(leaf.span.clone(), made);
        Ok(())
    }

    fn replace_value(
        &self,
        leaf: &Leaf,
        spot: Spot,
        new: &Scalar,
        like: Option<Style>,
        edits: &mut Edits,
    ) -> Result<(), TextError> {
        let before = self.bytes().get(..leaf.span.start).unwrap_or_default();
        let missing = leaf.span.is_empty();
        if missing && !before.ends_with(b":") && !before.ends_with(b"-") {
            let kind = TextErrorKind::Unsupported(
                "there is nothing that could be replaced; write the key with a value",
            );
            return Err(TextError::about(kind, &leaf.path));
        }
        let mut slot = self.slot(leaf.span.end, spot);
        if is_encrypted(new) {
            let kept = spot.style.filter(|_| is_encrypted(&leaf.scalar));
            slot.style = like.or(kept).unwrap_or(Style::Plain);
            slot.block = None;
        }
        let written = write::scalar(new, slot);
        let mut pieces = self.pieces(&leaf.span).into_iter();
        let first = pieces.next().unwrap_or(leaf.span.clone());
        edits.replace(first, if missing { joined(&[b" ", written.expose()]) } else { written });
        pieces.for_each(|piece| edits.delete(piece));
        Ok(())
    }

    /// The parts of a value, between comments such as the one behind `|`.
    fn pieces(&self, span: &Range<usize>) -> Vec<Range<usize>> {
        let text = self.bytes();
        let mut pieces = Vec::new();
        let mut at = span.start;
        let from = self.comments.partition_point(|comment| comment.start < span.start);
        let comments = self.comments.iter().skip(from).take_while(|comment| comment.start < span.end);
        for comment in comments {
            let piece = text.get(at..comment.start).unwrap_or_default();
            let used =
                piece.iter().rposition(|byte| !matches!(byte, b' ' | b'\t')).map_or(0, |last| last + 1);
            pieces.push(at..at + used);
            at = comment.end;
        }
        pieces.push(at..span.end);
        pieces
    }

    /// What may stand where a scalar ends at `end`.
    pub(super) fn slot(&self, end: usize, spot: Spot) -> Slot {
        let indent = spot.column + self.step;
        let rest = self.bytes().get(end..).unwrap_or_default();
        Slot {
            style: spot.style.unwrap_or(Style::Plain),
            flow: spot.flow,
            block: (!spot.flow && leaves_room(rest, indent)).then_some(indent),
            break_follows: self.last_break >= Some(end),
            line_end: self.line_end,
        }
    }
}

/// How much deeper a block stands than what holds it.
pub(super) fn step(columns: impl Iterator<Item = usize>) -> usize {
    columns.filter(|column| *column > 0).min().unwrap_or(STEP).min(9)
}

/// The line ends of a text: those of its first line.
pub(super) fn line_end(text: &[u8]) -> &'static str {
    let first = text.iter().position(|byte| *byte == b'\n');
    let carriage = first.and_then(|at| at.checked_sub(1)).and_then(|at| text.get(at)) == Some(&b'\r');
    if carriage { "\r\n" } else { "\n" }
}

fn is_encrypted(value: &Scalar) -> bool {
    matches!(value, Scalar::Str(text) if text.expose().starts_with(ENCRYPTED))
}

/// Tells whether a block scalar of this indentation can end here without taking in what follows.
fn leaves_room(rest: &[u8], indent: usize) -> bool {
    let mut lines = rest.split(|byte| *byte == b'\n').map(|line| line.strip_suffix(b"\r").unwrap_or(line));
    let is_blank = |line: &[u8]| line.iter().all(|byte| matches!(byte, b' ' | b'\t'));
    if !lines.next().is_some_and(is_blank) {
        return false;
    }
    for line in lines {
        let blanks = line.iter().take_while(|byte| **byte == b' ').count();
        if is_blank(line) {
            if line.len() > indent {
                return false;
            }
        } else {
            return blanks < indent;
        }
    }
    true
}
