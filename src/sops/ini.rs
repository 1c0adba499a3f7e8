//! The text layer of INI, as the library behind `sops` reads it.

mod scan;
mod spell;
#[cfg(test)]
mod tests;

use std::collections::HashMap;
use std::collections::HashSet;
use std::ops::Range;

use scan::Comment;
use scan::Entry;
use scan::Ini;
use scan::Section;

use super::flat;
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

/// The section of the metadata.
const METADATA: &str = "sops";
/// The section of keys that stand before any other.
const DEFAULT: &str = "DEFAULT";

/// Reads a text.
pub(super) fn parse(text: &[u8]) -> Result<Box<dyn Text>, TextError> {
    Ok(Box::new(IniText::parse(text)?))
}

/// A plaintext without what could not stay where it is once it is encrypted: comments behind a value go above it.
/// Comments that belong to no key are refused, for they would stay in the clear.
pub(super) fn normalized(plaintext: &[u8]) -> Result<Option<SecretBytes>, TextError> {
    let ini = scan::scan(plaintext)?;
    if let Some(stray) = ini.stray {
        let reason = "a comment at the end belongs to no key, and sops would drop it; put it above a key";
        return Err(TextError::at(TextErrorKind::Unsupported(reason), stray));
    }
    let mut edits = Edits::default();
    let mut moved = false;
    for entry in ini.sections.iter().flat_map(|section| &section.entries) {
        let Some(behind) = &entry.behind else { continue };
        moved = true;
        let mut line = SecretBytes::with_capacity(behind.len() + 2);
        line.extend(plaintext.get(behind.clone()).unwrap_or_default());
        line.extend(ini.line_end);
        edits.replace(entry.line.start..entry.line.start, line);
        edits.delete(entry.value.end..behind.end);
    }
    Ok(moved.then(|| edits.apply(plaintext)))
}

#[derive(Debug)]
struct IniText {
    parsed: Parsed,
    ini: Ini,
}

impl IniText {
    fn parse(text: &[u8]) -> Result<Self, TextError> {
        let ini = scan::scan(text)?;
        let mut leaves = Leaves::default();
        let mut metadata = None;
        for section in &ini.sections {
            if section.name == METADATA {
                metadata = Some(tree(section)?);
            } else {
                gather(text, section, &mut leaves)?;
            }
        }
        let bytes = SecretBytes::from(text.to_vec());
        Ok(Self { parsed: Parsed { bytes, leaves, metadata }, ini })
    }

    /// The first section of this name.
    fn section(&self, name: &str) -> Option<&Section> {
        self.ini.sections.iter().find(|section| section.name == name)
    }

    /// The section at this path, if it is not the metadata.
    fn section_at(&self, (name, nth): (&str, Option<usize>)) -> Option<&Section> {
        let is_it = |section: &&Section| section.name == name && section.nth == nth;
        self.ini.sections.iter().find(is_it).filter(|_| name != METADATA)
    }

    fn entry(&self, path: &KeyPath) -> Result<&Entry, TextError> {
        let (section, key) = names(path)?;
        let section = self.section_at(section);
        let found = section.and_then(|section| section.entries.iter().find(|entry| entry.key == key));
        found.ok_or_else(|| TextError::about(TextErrorKind::Missing, path))
    }

    /// The number of a section that would come next under this name; none for the first one.
    fn next(&self, name: &str) -> Option<usize> {
        let number = self.ini.sections.iter().filter(|section| section.name == name).count();
        Some(number).filter(|number| *number > 1)
    }

    /// Whole lines at a place, after a line end where the text before has none.
    fn add_lines(&self, at: usize, lines: &SecretBytes, edits: &mut Edits) {
        let before = self.bytes().get(..at).unwrap_or_default();
        let mut made = SecretBytes::with_capacity(lines.len() + 2);
        if !before.is_empty() && !before.ends_with(b"\n") {
            made.extend(self.ini.line_end);
        }
        made.extend(lines.expose());
        edits.replace(at..at, made);
    }

    fn entry_line(&self, key: &str, value: &SecretBytes) -> SecretBytes {
        let mut line = SecretBytes::with_capacity(key.len() + value.len() + 8);
        line.extend(spell::key(key).as_bytes());
        line.extend(self.ini.equals.as_bytes());
        line.extend(value.expose());
        line.extend(self.ini.line_end);
        line
    }

    fn update_block(&self, block: Block<'_>, edits: &mut Edits) -> Result<(), TextError> {
        let wanted = flat::fields(block.node);
        if self.metadata().is_some_and(|node| flat::fields(node) == wanted) {
            return Ok(());
        }
        if let (None, Some(section)) = (self.metadata(), Self::respelled(block)?) {
            let mut lines = SecretBytes::with_capacity(section.len() + 2);
            lines.extend(if self.bytes().is_empty() { b"" } else { self.ini.line_end });
            lines.extend(section.expose());
            self.add_lines(self.bytes().len(), &lines, edits);
            return Ok(());
        }
        let section = self.section(METADATA);
        let entries = section.map_or(&[][..], |section| &section.entries);
        let spelled = |text: &str| {
            let value = spell::value(text.replace('\n', "\\n").as_bytes());
            value.map_err(|kind| TextError { kind, offset: None, line: None, key: None })
        };
        let texts: HashMap<&str, &str> =
            wanted.iter().map(|(name, text)| (name.as_str(), text.as_str())).collect();
        for entry in entries {
            match texts.get(entry.key.as_str()) {
                Some(text) if field(entry) == *text => {}
                Some(text) => edits.replace(entry.value.clone(), spelled(text)?),
                None => edits.delete(entry.line.clone()),
            }
        }
        let known: HashSet<&str> = entries.iter().map(|entry| entry.key.as_str()).collect();
        let is_new = |name: &str| !known.contains(name);
        let mut lines = SecretBytes::default();
        if section.is_none() {
            let gap = if self.bytes().is_empty() { &b""[..] } else { self.ini.line_end };
            lines.extend(gap);
            lines.extend(format!("[{METADATA}]").as_bytes());
            lines.extend(self.ini.line_end);
        }
        for (name, text) in wanted.iter().filter(|(name, _)| is_new(name)) {
            lines.extend(self.entry_line(name, &spelled(text)?).expose());
        }
        if !lines.is_empty() {
            let at = section.map_or(self.bytes().len(), Section::end);
            self.add_lines(at, &lines, edits);
        }
        Ok(())
    }

    /// The metadata section of an earlier text, brought to what is wanted.
    fn respelled(block: Block<'_>) -> Result<Option<SecretBytes>, TextError> {
        let Some(like) = block.like.and_then(|like| Self::parse(like).ok()) else { return Ok(None) };
        let Some(section) = like.section(METADATA) else { return Ok(None) };
        let mut edits = Edits::default();
        like.update_block(Block { node: block.node, like: None }, &mut edits)?;
        let start = section.header.as_ref().map_or(section.start, |header| header.start);
        Ok(Some(edits.apply_within(like.bytes(), start..section.end())))
    }

    /// Takes the metadata section away, with the empty lines that part it from what is above.
    fn without_block(&self, edits: &mut Edits) {
        let Some(section) = self.section(METADATA) else { return };
        let Some(header) = &section.header else { return };
        let before = self.bytes().get(..header.start).unwrap_or_default();
        let gap = if before.ends_with(b"\r\n\r\n") {
            2
        } else {
            usize::from(before.ends_with(b"\n\n") || before == b"\n")
        };
        edits.delete(header.start - gap..section.end());
    }
}

impl Text for IniText {
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
            let Some(leaf) = self.leaves().get(*index).filter(|leaf| !leaf.scalar.same(scalar)) else {
                continue;
            };
            let spelled = match leaf.kind {
                LeafKind::Comment => spell::comment(scalar, self.ini.line_end),
                LeafKind::Value => spell::scalar(scalar),
            };
            let mut made = spelled.map_err(|kind| TextError::about(kind, &leaf.path))?;
            // `key =` without a space behind it.
            let before = self.bytes().get(..leaf.span.start).unwrap_or_default();
            if leaf.kind == LeafKind::Value
                && leaf.span.is_empty()
                && self.ini.equals == " = "
                && before.ends_with(b"=")
            {
                let mut spaced = SecretBytes::with_capacity(made.len() + 1);
                spaced.extend(b" ");
                spaced.extend(made.expose());
                made = spaced;
            }
            edits.replace(leaf.span.clone(), made);
        }
        match block {
            Some(block) => self.update_block(block, &mut edits)?,
            None => self.without_block(&mut edits),
        }
        Ok(edits.apply(self.bytes()))
    }

    fn carries(&self, value: &Scalar) -> Result<(), TextErrorKind> {
        spell::carried(value)
    }

    fn insert(&self, path: &KeyPath, value: &Scalar) -> Result<SecretBytes, TextError> {
        let ((name, nth), key) = names(path)?;
        if self.entry(path).is_ok() {
            return Err(TextError::about(TextErrorKind::Exists, path));
        }
        spell::check_names(name, key).map_err(|kind| TextError::about(kind, path))?;
        let spelled = spell::scalar(value).map_err(|kind| TextError::about(kind, path))?;
        let line = self.entry_line(key, &spelled);
        let mut edits = Edits::default();
        let section = self.section_at((name, nth));
        if let Some(section) = section.filter(|section| section.header.is_some() || name == DEFAULT) {
            self.add_lines(section.end(), &line, &mut edits);
        } else if nth != self.next(name) {
            return Err(TextError::about(TextErrorKind::NotAContainer, path));
        } else {
            let metadata = self.section(METADATA).and_then(|section| section.header.clone());
            let mut lines = SecretBytes::default();
            lines.extend(format!("[{name}]").as_bytes());
            lines.extend(self.ini.line_end);
            lines.extend(line.expose());
            lines.extend(if metadata.is_some() { self.ini.line_end } else { b"" });
            self.add_lines(metadata.map_or(self.bytes().len(), |header| header.start), &lines, &mut edits);
        }
        Ok(edits.apply(self.bytes()))
    }

    fn remove(&self, path: &KeyPath) -> Result<SecretBytes, TextError> {
        let mut edits = Edits::default();
        if let Some(section) = section_of(path.steps()) {
            let section =
                self.section_at(section).ok_or_else(|| TextError::about(TextErrorKind::Missing, path))?;
            let start = section.header.as_ref().map_or(section.start, |header| header.start);
            let above = section.comment.as_ref().map_or(start, |comment| comment.lines.start);
            edits.delete(above.min(start)..section.end());
            return Ok(edits.apply(self.bytes()));
        }
        let entry = self.entry(path)?;
        let above = entry.above.as_ref().map_or(entry.line.start, |comment| comment.lines.start);
        edits.delete(above..entry.line.end);
        Ok(edits.apply(self.bytes()))
    }

    fn rename(&self, from: &KeyPath, to: &KeyPath) -> Result<SecretBytes, TextError> {
        let mut edits = Edits::default();
        let exists = || TextError::about(TextErrorKind::Exists, to);
        let unfit = |kind| TextError::about(kind, to);
        if let ([Step::Key(old)], [Step::Key(new)]) = (from.steps(), to.steps()) {
            let section = self.section_at((old, None));
            let name = section.and_then(|section| section.name_span.clone());
            let name = name.ok_or_else(|| TextError::about(TextErrorKind::Missing, from))?;
            if self.section(new).is_some() {
                return Err(exists());
            }
            spell::check_names(new, "key").map_err(unfit)?;
            edits.replace(name, new.as_bytes().to_vec());
            return Ok(edits.apply(self.bytes()));
        }
        let (entry, ((section, _), key)) = (self.entry(from)?, names(to)?);
        if from.parent() != to.parent() {
            return Err(TextError::about(TextErrorKind::NotAContainer, to));
        }
        if self.entry(to).is_ok() {
            return Err(exists());
        }
        spell::check_names(section, key).map_err(unfit)?;
        edits.replace(entry.key_span.clone(), spell::key(key).into_bytes());
        Ok(edits.apply(self.bytes()))
    }
}

/// A section by its name, and by its number where there are several of that name.
type SectionName<'p> = (&'p str, Option<usize>);

fn section_of(steps: &[Step]) -> Option<SectionName<'_>> {
    match steps {
        [Step::Key(name)] => Some((name, None)),
        [Step::Key(name), Step::Item(nth)] => Some((name, Some(*nth))),
        _ => None,
    }
}

/// Section and key of a path.
fn names(path: &KeyPath) -> Result<(SectionName<'_>, &str), TextError> {
    if let Some((Step::Key(key), above)) = path.steps().split_last()
        && let Some(section) = section_of(above)
    {
        return Ok((section, key));
    }
    Err(TextError::about(TextErrorKind::NotAContainer, path))
}

/// The leaves of a section, in the order in which sops hashes them: its comment, then each key and the comment above it.
fn gather(text: &[u8], section: &Section, leaves: &mut Leaves) -> Result<(), TextError> {
    let path = section.path();
    let mut active = None;
    let comment = |comment: &Comment, above: Option<usize>, leaves: &mut Leaves| {
        let (kind, scalar) = (LeafKind::Comment, Scalar::Str(comment.text(text)));
        let (path, span) = (path.clone(), comment.span.clone());
        leaves.push(Leaf { path, kind, scalar, span, above })
    };
    if let Some(above) = &section.comment {
        active = Some(comment(above, active, leaves)?);
    }
    for entry in &section.entries {
        leaves.push(Leaf {
            path: path.join(Step::Key(entry.key.clone())),
            kind: LeafKind::Value,
            scalar: Scalar::Str(SecretBytes::from(entry.plain.expose().to_vec())),
            span: entry.value.clone(),
            above: active.take(),
        })?;
        // sops keeps the comment of a key behind it, so it is active for the key that follows.
        if let Some(above) = &entry.above {
            active = Some(comment(above, active, leaves)?);
        }
    }
    Ok(())
}

/// The text of a metadata field.
fn field(entry: &Entry) -> String {
    String::from_utf8_lossy(entry.plain.expose()).replace("\\n", "\n")
}

fn tree(section: &Section) -> Result<Node, TextError> {
    let fields: Vec<(String, String)> =
        section.entries.iter().map(|entry| (entry.key.clone(), field(entry))).collect();
    let at = section.header.as_ref().map_or(0, |header: &Range<usize>| header.start);
    flat::tree(&fields).ok_or_else(|| TextError::at(TextErrorKind::Syntax(flat::MALFORMED), at))
}
