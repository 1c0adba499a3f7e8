//! The text layer of dotenv: `KEY=value` lines and `#` comments, where `\n` stands for a line break.

use std::collections::HashMap;
use std::collections::HashSet;
use std::ops::Range;

use super::flat;
use super::splice::Edits;
use super::tree::Block;
use super::tree::KeyPath;
use super::tree::Leaf;
use super::tree::LeafKind;
use super::tree::Parsed;
use super::tree::Replacements;
use super::tree::Scalar;
use super::tree::Step;
use super::tree::Text;
use super::tree::TextError;
use super::tree::TextErrorKind;
use crate::secret::SecretBytes;

/// What keys of the metadata start with.
const METADATA: &str = "sops_";

/// Reads a text.
pub(super) fn parse(text: &[u8]) -> Result<Box<dyn Text>, TextError> {
    Ok(Box::new(Dotenv::parse(text)?))
}

#[derive(Debug)]
struct Dotenv {
    parsed: Parsed,
    /// The lines of the leaves, line ends included.
    lines: Vec<Range<usize>>,
    fields: Vec<Field>,
}

/// One line of metadata.
#[derive(Debug)]
struct Field {
    name: String,
    text: String,
    line: Range<usize>,
    value: Range<usize>,
}

impl Dotenv {
    fn parse(text: &[u8]) -> Result<Self, TextError> {
        if let Err(error) = std::str::from_utf8(text) {
            return Err(TextError::at(TextErrorKind::NotUtf8, error.valid_up_to()));
        }
        if text.starts_with(b"\xef\xbb\xbf") {
            let kind = TextErrorKind::Syntax(
                "it starts with a byte order mark, which would belong to the first key",
            );
            return Err(TextError::at(kind, 0));
        }
        let parsed = Parsed { bytes: SecretBytes::from(text.to_vec()), ..Parsed::default() };
        let mut read = Self { parsed, lines: Vec::new(), fields: Vec::new() };
        let (mut known, mut above, mut start) = (HashSet::new(), None, 0);
        for line in text.split_inclusive(|byte| *byte == b'\n') {
            let span = start..start + line.len();
            start = span.end;
            read.line(text, span, &mut known, &mut above)?;
        }
        let fields: Vec<(String, String)> =
            read.fields.iter().map(|field| (field.name.clone(), field.text.clone())).collect();
        if !fields.is_empty() {
            let syntax = || TextError::at(TextErrorKind::Syntax(flat::MALFORMED), 0);
            read.parsed.metadata = Some(flat::tree(&fields).ok_or_else(syntax)?);
        }
        Ok(read)
    }

    fn line(
        &mut self,
        text: &[u8],
        line: Range<usize>,
        known: &mut HashSet<String>,
        above: &mut Option<usize>,
    ) -> Result<(), TextError> {
        let raw = text.get(line.clone()).unwrap_or_default();
        let raw = raw.strip_suffix(b"\n").unwrap_or(raw);
        let end = line.start + raw.len();
        if raw.is_empty() {
            return Ok(());
        }
        if raw.starts_with(b"#") {
            let span = line.start + 1..end;
            let scalar = Scalar::str(text.get(span.clone()).unwrap_or_default());
            let path = KeyPath::default();
            let kind = LeafKind::Comment;
            *above = Some(self.push(Leaf { path, kind, scalar, span, above: *above }, line)?);
            return Ok(());
        }
        let wrong = |kind| TextError::at(kind, line.start);
        let equals = raw.iter().position(|byte| *byte == b'=');
        let equals = equals.ok_or_else(|| wrong(TextErrorKind::Syntax("the line has no `=`")))?;
        let key = String::from_utf8_lossy(raw.get(..equals).unwrap_or_default()).into_owned();
        let value = line.start + equals + 1..end;
        let path = KeyPath::of_keys([key.as_str()]);
        if !known.insert(key.clone()) {
            return Err(wrong(TextErrorKind::DuplicateKey).with_key(&path));
        }
        let plain = unescape(text.get(value.clone()).unwrap_or_default());
        if let Some(name) = key.strip_prefix(METADATA) {
            let text = String::from_utf8_lossy(plain.expose()).into_owned();
            self.fields.push(Field { name: name.to_owned(), text, line, value });
            return Ok(());
        }
        let (kind, scalar, above) = (LeafKind::Value, Scalar::Str(plain), above.take());
        self.push(Leaf { path, kind, scalar, span: value, above }, line)?;
        Ok(())
    }

    fn push(&mut self, leaf: Leaf, line: Range<usize>) -> Result<usize, TextError> {
        self.lines.push(line);
        self.parsed.leaves.push(leaf)
    }

    /// Where new lines go: behind the last value or comment that is no metadata.
    fn end(&self) -> usize {
        let last = self.lines.last().map_or(0, |line| line.end);
        if self.fields.is_empty() { self.bytes().len() } else { last }
    }

    /// Puts whole lines at a place, after a line end where the text before has none.
    fn add_lines(&self, at: usize, lines: &SecretBytes, edits: &mut Edits) {
        let before = self.bytes().get(..at).unwrap_or_default();
        let mut made = SecretBytes::with_capacity(lines.len() + 1);
        if !before.is_empty() && !before.ends_with(b"\n") {
            made.extend(b"\n");
        }
        made.extend(lines.expose());
        edits.replace(at..at, made);
    }

    fn update_block(&self, block: Block<'_>, edits: &mut Edits) {
        let mut wanted = flat::fields(block.node);
        if let Some(like) = block.like.and_then(|like| Self::parse(like).ok()) {
            let names = like.fields.iter().map(|field| field.name.as_str());
            let places: HashMap<&str, usize> = names.zip(0..).collect();
            wanted.sort_by_key(|(name, _)| places.get(name.as_str()).copied().unwrap_or(usize::MAX));
        }
        if self.metadata().is_some_and(|node| flat::fields(node) == wanted) {
            return;
        }
        // Known lines stay in their order; what is new comes behind them, sorted as sops sorts.
        let texts: HashMap<&str, &str> =
            wanted.iter().map(|(name, text)| (name.as_str(), text.as_str())).collect();
        for field in &self.fields {
            match texts.get(field.name.as_str()) {
                Some(text) if *text == field.text => {}
                Some(text) => edits.replace(field.value.clone(), escape_field(text).into_bytes()),
                None => edits.delete(field.line.clone()),
            }
        }
        let known: HashSet<&str> = self.fields.iter().map(|field| field.name.as_str()).collect();
        let is_new = |name: &str| !known.contains(name);
        let mut lines = SecretBytes::default();
        for (name, text) in wanted.iter().filter(|(name, _)| is_new(name)) {
            lines.extend(format!("{METADATA}{name}={}\n", escape_field(text)).as_bytes());
        }
        if !lines.is_empty() {
            let at = self.fields.last().map_or(self.bytes().len(), |field| field.line.end);
            self.add_lines(at, &lines, edits);
        }
    }

    fn index(&self, path: &KeyPath) -> Result<usize, TextError> {
        key_of(path)?;
        let found = self.leaves().iter().position(|leaf| leaf.kind == LeafKind::Value && leaf.path == *path);
        found.ok_or(TextError::about(TextErrorKind::Missing, path))
    }
}

impl Text for Dotenv {
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
            let spelled = spell(scalar, leaf.kind).map_err(|kind| TextError::about(kind, &leaf.path))?;
            edits.replace(leaf.span.clone(), spelled);
        }
        match block {
            Some(block) => self.update_block(block, &mut edits),
            None => self.fields.iter().for_each(|field| edits.delete(field.line.clone())),
        }
        Ok(edits.apply(self.bytes()))
    }

    fn carries(&self, value: &Scalar) -> Result<(), TextErrorKind> {
        spell(value, LeafKind::Value).map(drop)
    }

    fn insert(&self, path: &KeyPath, value: &Scalar) -> Result<SecretBytes, TextError> {
        let key = key_of(path)?;
        if self.index(path).is_ok() {
            return Err(TextError::about(TextErrorKind::Exists, path));
        }
        let spelled = spell(value, LeafKind::Value).map_err(|kind| TextError::about(kind, path))?;
        let mut line = SecretBytes::with_capacity(key.len() + spelled.len() + 2);
        line.extend(format!("{key}=").as_bytes());
        line.extend(spelled.expose());
        line.extend(b"\n");
        let mut edits = Edits::default();
        self.add_lines(self.end(), &line, &mut edits);
        Ok(edits.apply(self.bytes()))
    }

    fn remove(&self, path: &KeyPath) -> Result<SecretBytes, TextError> {
        let index = self.index(path)?;
        let mut edits = Edits::default();
        let above = |index: &usize| self.leaves().get(*index)?.above;
        for gone in std::iter::successors(Some(index), above) {
            edits.delete(self.lines.get(gone).cloned().unwrap_or_default());
        }
        Ok(edits.apply(self.bytes()))
    }

    fn rename(&self, from: &KeyPath, to: &KeyPath) -> Result<SecretBytes, TextError> {
        let (index, key) = (self.index(from)?, key_of(to)?);
        if self.index(to).is_ok() {
            return Err(TextError::about(TextErrorKind::Exists, to));
        }
        let mut edits = Edits::default();
        let line = self.lines.get(index).cloned().unwrap_or_default();
        let value = self.leaves().get(index).map_or(line.start, |leaf| leaf.span.start);
        edits.replace(line.start..value.saturating_sub(1), key.as_bytes().to_vec());
        Ok(edits.apply(self.bytes()))
    }
}

/// The one key of a path, if the format can express it.
fn key_of(path: &KeyPath) -> Result<&str, TextError> {
    let [Step::Key(key)] = path.steps() else {
        return Err(TextError::about(TextErrorKind::NotAContainer, path));
    };
    let fits = !key.is_empty() && !key.starts_with(['#', '\u{feff}']) && !key.contains(['=', '\n']);
    if fits && !key.starts_with(METADATA) {
        return Ok(key);
    }
    let reason = "a key of dotenv has no `=` and no line break, and starts with neither `#` nor `sops_`";
    Err(TextError::about(TextErrorKind::Unsupported(reason), path))
}

fn spell(scalar: &Scalar, kind: LeafKind) -> Result<SecretBytes, TextErrorKind> {
    let text = match scalar {
        Scalar::Bool(value) => if *value { "true" } else { "false" }.as_bytes(),
        Scalar::EmptyMap | Scalar::EmptyList => {
            return Err(TextErrorKind::Unsupported("dotenv has no maps and lists"));
        }
        other => other.canonical().unwrap_or_default(),
    };
    std::str::from_utf8(text).map_err(|_| TextErrorKind::NotUtf8)?;
    if kind == LeafKind::Comment {
        let broken = text.contains(&b'\n');
        let reason = "a comment of dotenv has one line";
        return if broken { Err(TextErrorKind::Unsupported(reason)) } else { Ok(text.to_vec().into()) };
    }
    if text.windows(2).any(|pair| pair == b"\\n") {
        let reason =
            "dotenv reads a backslash and an `n` as a line break, so a value cannot have both side by side";
        return Err(TextErrorKind::Unsupported(reason));
    }
    let mut spelled = SecretBytes::with_capacity(text.len() + 16);
    for (index, line) in text.split(|byte| *byte == b'\n').enumerate() {
        spelled.extend(if index == 0 { b"" } else { b"\\n" });
        spelled.extend(line);
    }
    Ok(spelled)
}

fn unescape(text: &[u8]) -> SecretBytes {
    let mut plain = SecretBytes::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.iter().position(|byte| *byte == b'\\') {
        let (before, after) = rest.split_at(at);
        plain.extend(before);
        let breaks = after.starts_with(b"\\n");
        plain.extend(if breaks { b"\n" } else { b"\\" });
        rest = after.get(1 + usize::from(breaks)..).unwrap_or_default();
    }
    plain.extend(rest);
    plain
}

fn escape_field(text: &str) -> String {
    text.replace('\n', "\\n")
}
