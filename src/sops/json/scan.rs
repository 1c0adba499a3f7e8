//! A strict reader of JSON that remembers where everything stands.

use std::collections::HashSet;
use std::ops::Range;

use super::super::tree::TextError;
use super::super::tree::TextErrorKind;
use crate::secret::SecretBytes;

/// How deep maps and lists may lie in each other.
const DEPTH_MAX: usize = 128;

/// How many values a text may have, maps and lists included.
const VALUES_MAX: usize = 4 << 20;

/// A value and where it stands.
#[derive(Debug)]
pub(super) struct Value {
    pub(super) span: Range<usize>,
    pub(super) shape: Shape,
}

/// What a value is.
#[derive(Debug)]
pub(super) enum Shape {
    Map(Vec<Entry>),
    List(Vec<Value>),
    Str,
    Number,
    Bool(bool),
    Null,
}

/// A key and its value.
#[derive(Debug)]
pub(super) struct Entry {
    pub(super) key: String,
    pub(super) key_span: Range<usize>,
    pub(super) value: Value,
}

/// Reads a whole text.
pub(super) fn scan(text: &[u8]) -> Result<Value, TextError> {
    if let Err(error) = std::str::from_utf8(text) {
        return Err(TextError::at(TextErrorKind::NotUtf8, error.valid_up_to()));
    }
    let mut scanner = Scanner { text, at: 0, depth: 0, values: 0 };
    if text.starts_with(b"\xef\xbb\xbf") {
        return Err(scanner.wrong("it starts with a byte order mark, which JSON does not have"));
    }
    scanner.space();
    if scanner.peek() != Some(b'{') {
        return Err(scanner.wrong("the top level is not a map"));
    }
    let value = scanner.value()?;
    scanner.space();
    if scanner.peek().is_some() {
        return Err(scanner.wrong("there is more behind the end of the top map"));
    }
    Ok(value)
}

/// The text of a string that was scanned, without quotes and escapes.
pub(super) fn unescape(quoted: &[u8]) -> SecretBytes {
    let mut inner = quoted.get(1..quoted.len().saturating_sub(1)).unwrap_or_default();
    let mut plain = SecretBytes::with_capacity(inner.len());
    while let Some(at) = inner.iter().position(|byte| *byte == b'\\') {
        let (before, rest) = inner.split_at(at);
        plain.extend(before);
        let (bytes, used) = unescape_one(rest);
        plain.extend(&bytes);
        inner = rest.get(used..).unwrap_or_default();
    }
    plain.extend(inner);
    plain
}

/// The bytes of the escape at the start, and its length.
fn unescape_one(text: &[u8]) -> (Vec<u8>, usize) {
    let byte = match text.get(1) {
        Some(b'b') => 8,
        Some(b'f') => 12,
        Some(b'n') => b'\n',
        Some(b'r') => b'\r',
        Some(b't') => b'\t',
        Some(b'u') => {
            let (character, used) = unicode_escape(text).unwrap_or((char::REPLACEMENT_CHARACTER, 6));
            return (character.to_string().into_bytes(), used);
        }
        Some(other) => *other,
        None => return (Vec::new(), 1),
    };
    (vec![byte], 2)
}

/// The character of `\uXXXX` or of a pair of them, and its length; none for half a pair.
fn unicode_escape(text: &[u8]) -> Option<(char, usize)> {
    let unit = |at: usize| {
        let digits = text.get(at..at + 6)?.strip_prefix(b"\\u")?;
        digits.iter().try_fold(0u32, |unit, digit| Some(unit * 16 + char::from(*digit).to_digit(16)?))
    };
    let first = unit(0)?;
    if let Some(character) = char::from_u32(first) {
        return Some((character, 6));
    }
    let second = unit(6).filter(|second| (0xdc00..0xe000).contains(second) && first < 0xdc00)?;
    Some((char::from_u32(0x10000 + ((first - 0xd800) << 10) + (second - 0xdc00))?, 12))
}

struct Scanner<'a> {
    text: &'a [u8],
    at: usize,
    depth: usize,
    values: usize,
}

impl Scanner<'_> {
    fn wrong(&self, reason: &'static str) -> TextError {
        TextError::at(TextErrorKind::Syntax(reason), self.at)
    }

    fn peek(&self) -> Option<u8> {
        self.text.get(self.at).copied()
    }

    fn space(&mut self) {
        while let Some(b' ' | b'\t' | b'\n' | b'\r') = self.peek() {
            self.at += 1;
        }
    }

    /// Steps over `byte` and the space around it, if it is there.
    fn take(&mut self, byte: u8) -> bool {
        self.space();
        let found = self.peek() == Some(byte);
        if found {
            self.at += 1;
            self.space();
        }
        found
    }

    fn value(&mut self) -> Result<Value, TextError> {
        let start = self.at;
        self.values += 1;
        if self.values > VALUES_MAX {
            let kind = TextErrorKind::TooLarge { what: "the number of values", limit: VALUES_MAX };
            return Err(TextError::at(kind, start));
        }
        let shape = match self.peek() {
            Some(b'{') => self.nested(Self::map)?,
            Some(b'[') => self.nested(Self::list)?,
            Some(b'"') => self.string().map(|()| Shape::Str)?,
            Some(b't') => self.word("true", Shape::Bool(true))?,
            Some(b'f') => self.word("false", Shape::Bool(false))?,
            Some(b'n') => self.word("null", Shape::Null)?,
            Some(b'-' | b'0'..=b'9') => self.number().map(|()| Shape::Number)?,
            Some(_) => return Err(self.wrong("there is no value where one must be")),
            None => return Err(self.wrong("the end is missing")),
        };
        Ok(Value { span: start..self.at, shape })
    }

    fn nested(&mut self, read: fn(&mut Self) -> Result<Shape, TextError>) -> Result<Shape, TextError> {
        self.depth += 1;
        if self.depth > DEPTH_MAX {
            let kind = TextErrorKind::TooLarge { what: "the depth of maps and lists", limit: DEPTH_MAX };
            return Err(TextError::at(kind, self.at));
        }
        self.at += 1;
        self.space();
        let shape = read(self)?;
        self.depth -= 1;
        Ok(shape)
    }

    fn map(&mut self) -> Result<Shape, TextError> {
        let (mut entries, mut known) = (Vec::new(), HashSet::new());
        if self.close(b'}') {
            return Ok(Shape::Map(entries));
        }
        loop {
            let entry = self.entry()?;
            if !known.insert(entry.key.clone()) {
                return Err(TextError::at(TextErrorKind::DuplicateKey, entry.key_span.start));
            }
            entries.push(entry);
            self.space();
            if self.close(b'}') {
                return Ok(Shape::Map(entries));
            }
            self.comma()?;
        }
    }

    fn list(&mut self) -> Result<Shape, TextError> {
        let mut items = Vec::new();
        if self.close(b']') {
            return Ok(Shape::List(items));
        }
        loop {
            items.push(self.value()?);
            self.space();
            if self.close(b']') {
                return Ok(Shape::List(items));
            }
            self.comma()?;
        }
    }

    fn close(&mut self, byte: u8) -> bool {
        let found = self.peek() == Some(byte);
        self.at += usize::from(found);
        found
    }

    fn comma(&mut self) -> Result<(), TextError> {
        if self.take(b',') {
            return Ok(());
        }
        Err(self.wrong(if self.peek().is_none() { "the end is missing" } else { "a comma is missing" }))
    }

    fn entry(&mut self) -> Result<Entry, TextError> {
        let start = self.at;
        if self.peek() != Some(b'"') {
            return Err(self.wrong("there is no key where one must be"));
        }
        self.string()?;
        let key_span = start..self.at;
        let key = unescape(self.text.get(key_span.clone()).unwrap_or_default());
        let key = String::from_utf8_lossy(key.expose()).into_owned();
        if !self.take(b':') {
            return Err(self.wrong("a colon is missing"));
        }
        Ok(Entry { key, key_span, value: self.value()? })
    }

    fn string(&mut self) -> Result<(), TextError> {
        self.at += 1;
        loop {
            match self.peek() {
                Some(b'"') => break self.at += 1,
                Some(b'\\') => self.escape()?,
                Some(0..0x20) => return Err(self.wrong("a control character stands in a string")),
                Some(_) => self.at += 1,
                None => return Err(self.wrong("the end is missing")),
            }
        }
        Ok(())
    }

    fn escape(&mut self) -> Result<(), TextError> {
        let rest = self.text.get(self.at..).unwrap_or_default();
        self.at += match rest.get(1) {
            Some(b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't') => 2,
            Some(b'u') => match unicode_escape(rest) {
                Some((_, used)) => used,
                None => return Err(self.wrong("an escape is no character")),
            },
            _ => return Err(self.wrong("there is no such escape")),
        };
        Ok(())
    }

    fn word(&mut self, word: &str, shape: Shape) -> Result<Shape, TextError> {
        if !self.text.get(self.at..).unwrap_or_default().starts_with(word.as_bytes()) {
            return Err(self.wrong("there is no value where one must be"));
        }
        self.at += word.len();
        Ok(shape)
    }

    fn number(&mut self) -> Result<(), TextError> {
        self.close(b'-');
        if !self.close(b'0') {
            self.digits()?;
        }
        if self.close(b'.') {
            self.digits()?;
        }
        if self.close(b'e') || self.close(b'E') {
            let _ = self.close(b'+') || self.close(b'-');
            self.digits()?;
        }
        Ok(())
    }

    fn digits(&mut self) -> Result<(), TextError> {
        let start = self.at;
        while matches!(self.peek(), Some(b'0'..=b'9')) {
            self.at += 1;
        }
        if self.at == start { Err(self.wrong("a number lacks digits")) } else { Ok(()) }
    }
}
