//! A reader of INI that remembers where everything stands. Its grammar is that of the library behind `sops`.

use std::collections::HashMap;
use std::collections::HashSet;
use std::ops::Range;

use super::super::tree::KeyPath;
use super::super::tree::Step;
use super::super::tree::TextError;
use super::super::tree::TextErrorKind;
use super::DEFAULT;
use super::METADATA;
use crate::secret::SecretBytes;

/// A text in parts.
#[derive(Debug)]
pub(super) struct Ini {
    /// The first is the one without a header.
    pub(super) sections: Vec<Section>,
    /// What ends its lines.
    pub(super) line_end: &'static [u8],
    /// What stands between key and value.
    pub(super) equals: &'static str,
    /// Where a comment starts that belongs to nothing.
    pub(super) stray: Option<usize>,
}

#[derive(Debug)]
pub(super) struct Section {
    pub(super) name: String,
    /// Which of the sections of this name it is, where there are several.
    pub(super) nth: Option<usize>,
    /// The header line; none for keys before any section.
    pub(super) header: Option<Range<usize>>,
    /// The name inside the brackets.
    pub(super) name_span: Option<Range<usize>>,
    pub(super) comment: Option<Comment>,
    pub(super) entries: Vec<Entry>,
    /// Where its first line is, or would be.
    pub(super) start: usize,
}

impl Section {
    /// Where its keys are. sops binds a value to the names of section and key alone, as it does with items of a list.
    pub(super) fn path(&self) -> KeyPath {
        KeyPath::new(std::iter::once(Step::Key(self.name.clone())).chain(self.nth.map(Step::Item)))
    }

    /// Behind its last entry.
    pub(super) fn end(&self) -> usize {
        let header = self.header.as_ref().map_or(self.start, |header| header.end);
        self.entries.last().map_or(header, |entry| entry.line.end)
    }
}

#[derive(Debug)]
pub(super) struct Entry {
    pub(super) key: String,
    pub(super) key_span: Range<usize>,
    /// All lines of the value, line end included.
    pub(super) line: Range<usize>,
    /// The value with its quotes.
    pub(super) value: Range<usize>,
    pub(super) plain: SecretBytes,
    pub(super) above: Option<Comment>,
    /// A comment on the line of the value.
    pub(super) behind: Option<Range<usize>>,
}

/// Comment lines that belong to one key or section.
#[derive(Clone, Debug)]
pub(super) struct Comment {
    /// From behind the sign of the first line to the end of the last.
    pub(super) span: Range<usize>,
    /// The lines as a whole.
    pub(super) lines: Range<usize>,
    /// Each line from its sign on, without its end.
    parts: Vec<Range<usize>>,
}

impl Comment {
    /// The text as sops has it: the sign of the first line is left out, those of the others are part of it.
    pub(super) fn text(&self, text: &[u8]) -> SecretBytes {
        let mut plain = SecretBytes::with_capacity(self.span.len());
        for (index, part) in self.parts.iter().enumerate() {
            let start = if index == 0 { self.span.start } else { part.start };
            plain.extend(if index == 0 { b"" } else { b"\n" });
            plain.extend(text.get(start..part.end).unwrap_or_default());
        }
        plain
    }
}

/// Reads a whole text.
pub(super) fn scan(text: &[u8]) -> Result<Ini, TextError> {
    if let Err(error) = std::str::from_utf8(text) {
        return Err(TextError::at(TextErrorKind::NotUtf8, error.valid_up_to()));
    }
    let start = if text.starts_with(b"\xef\xbb\xbf") { 3 } else { 0 };
    let first = Section {
        name: DEFAULT.to_owned(),
        nth: None,
        header: None,
        name_span: None,
        comment: None,
        entries: Vec::new(),
        start,
    };
    let mut scanner = Scanner {
        text,
        at: start,
        sections: vec![first],
        pending: Vec::new(),
        known: HashSet::new(),
        places: HashMap::new(),
    };
    while scanner.at < text.len() {
        scanner.line()?;
    }
    scanner.number();
    let stray = scanner.pending.first().map(|part| part.start);
    let tight = |entry: &Entry| text.get(entry.key_span.end) == Some(&b'=');
    let equals =
        if scanner.sections.iter().flat_map(|section| &section.entries).any(tight) { "=" } else { " = " };
    let line_end: &[u8] = if text.windows(2).any(|pair| pair == b"\r\n") { b"\r\n" } else { b"\n" };
    Ok(Ini { sections: scanner.sections, line_end, equals, stray })
}

/// Where a value stands, what it says, and a comment behind it.
type Found = (Range<usize>, SecretBytes, Option<Range<usize>>);

struct Scanner<'a> {
    text: &'a [u8],
    at: usize,
    sections: Vec<Section>,
    pending: Vec<Range<usize>>,
    /// Keys of the last section.
    known: HashSet<String>,
    /// The sections of each name.
    places: HashMap<String, Vec<usize>>,
}

impl Scanner<'_> {
    fn slice(&self, range: Range<usize>) -> &[u8] {
        self.text.get(range).unwrap_or_default()
    }

    /// The range without space at either end.
    fn trim(&self, range: Range<usize>) -> Range<usize> {
        let inner = std::str::from_utf8(self.slice(range.clone())).unwrap_or_default();
        if inner.trim().is_empty() {
            // Nothing stands on its line, where something may be put.
            let blanks = inner.bytes().take_while(|byte| matches!(byte, b' ' | b'\t')).count();
            return range.start + blanks..range.start + blanks;
        }
        let start = range.start + (inner.len() - inner.trim_start().len());
        start..start + inner.trim().len()
    }

    /// Steps over the next line; its range, line end included.
    fn next_line(&mut self) -> Range<usize> {
        let start = self.at;
        let rest = self.slice(start..self.text.len());
        let length = rest.iter().position(|byte| *byte == b'\n').map_or(rest.len(), |end| end + 1);
        self.at += length;
        start..self.at
    }

    fn line(&mut self) -> Result<(), TextError> {
        let line = self.next_line();
        let inner = self.trim(line.clone());
        match self.slice(inner.clone()).first() {
            None => Ok(()),
            Some(b'#' | b';') => {
                self.pending.push(inner);
                Ok(())
            }
            Some(b'[') => self.section(line, inner),
            Some(_) => self.entry(line, inner),
        }
    }

    /// The comment lines that wait for their key.
    fn above(&mut self) -> Option<Comment> {
        let parts = std::mem::take(&mut self.pending);
        let (first, last) = (parts.first()?.clone(), parts.last()?.clone());
        let sign = self.slice(first.clone()).first().copied().unwrap_or(b'#');
        let signs =
            self.slice(first.clone()).iter().take_while(|byte| **byte == sign || **byte == b' ').count();
        let before = self.slice(0..first.start);
        let line = before.iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1);
        let end = self.slice(last.end..self.text.len()).iter().position(|byte| *byte == b'\n');
        let lines = line..end.map_or(self.text.len(), |end| last.end + end + 1);
        Some(Comment { span: first.start + signs..last.end, lines, parts })
    }

    fn section(&mut self, line: Range<usize>, inner: Range<usize>) -> Result<(), TextError> {
        let close = self.slice(inner.clone()).iter().rposition(|byte| *byte == b']');
        let close = inner.start + close.ok_or_else(|| wrong(inner.start, "a section has no `]`"))?;
        if self.slice(close + 1..inner.end).iter().any(|byte| matches!(byte, b'#' | b';')) {
            return Err(wrong(close, "a comment stands behind the header of a section; put it above"));
        }
        let name_span = inner.start + 1..close;
        let name = String::from_utf8_lossy(self.slice(name_span.clone())).into_owned();
        let comment = self.above();
        if let [first] = self.sections.as_mut_slice()
            && name == DEFAULT
            && first.header.is_none()
            && first.entries.is_empty()
        {
            // The name that keys before any section go by, spelled out.
            (first.header, first.name_span, first.comment) = (Some(line.clone()), Some(name_span), comment);
            first.start = line.start;
            return Ok(());
        }
        let places = self.places.entry(name.clone()).or_default();
        places.push(self.sections.len());
        if name == DEFAULT || (name == METADATA && places.len() > 1) {
            let path = KeyPath::of_keys([name]);
            return Err(TextError::at(TextErrorKind::DuplicateKey, line.start).with_key(&path));
        }
        let (header, name_span) = (Some(line.clone()), Some(name_span));
        let entries = Vec::new();
        self.known.clear();
        self.sections.push(Section {
            name,
            nth: None,
            header,
            name_span,
            comment,
            entries,
            start: line.start,
        });
        Ok(())
    }

    /// Tells sections of one name apart, such as the peers of a tunnel.
    fn number(&mut self) {
        for places in self.places.values().filter(|places| places.len() > 1) {
            for (nth, place) in places.iter().enumerate() {
                if let Some(section) = self.sections.get_mut(*place) {
                    section.nth = Some(nth);
                }
            }
        }
    }

    fn entry(&mut self, line: Range<usize>, inner: Range<usize>) -> Result<(), TextError> {
        let (key_span, key, equals) = self.key(&inner)?;
        let above = self.above();
        let (value, plain, behind) = self.value(equals..line.end)?;
        let Some(section) = self.sections.last_mut() else { return Ok(()) };
        let path = KeyPath::of_keys([section.name.as_str(), key.as_str()]);
        let line = line.start..self.at;
        if !self.known.insert(key.clone()) {
            return Err(TextError::at(TextErrorKind::DuplicateKey, line.start).with_key(&path));
        }
        section.entries.push(Entry { key, key_span, line, value, plain, above, behind });
        Ok(())
    }

    /// The key with its quotes, its name, and where the value starts.
    fn key(&self, inner: &Range<usize>) -> Result<(Range<usize>, String, usize), TextError> {
        let line = self.slice(inner.clone());
        let quote: &[u8] = match line {
            [b'"', b'"', b'"', ..] if line.len() > 6 => b"\"\"\"",
            [b'"', ..] => b"\"",
            [b'`', ..] => b"`",
            _ => b"",
        };
        let from = if quote.is_empty() { 0 } else { self.closing_quote(inner, quote)? };
        let rest = line.get(from..).unwrap_or_default();
        let equals = rest.iter().position(|byte| matches!(byte, b'=' | b':'));
        let equals = from + equals.ok_or_else(|| wrong(inner.start, "the line has no `=`"))?;
        let span = self.trim(inner.start..inner.start + equals);
        let name = self.trim(span.start + quote.len()..span.end.saturating_sub(quote.len()).max(span.start));
        let name = if quote.is_empty() { span.clone() } else { name };
        let key = String::from_utf8_lossy(self.slice(name)).into_owned();
        match key.as_str() {
            "" => Err(wrong(inner.start, "the line has no key")),
            "-" => Err(wrong(inner.start, "the key `-` stands for a number that is not there")),
            _ => Ok((span, key, inner.start + equals + 1)),
        }
    }

    fn closing_quote(&self, inner: &Range<usize>, quote: &[u8]) -> Result<usize, TextError> {
        let name = self.slice(inner.start + quote.len()..inner.end);
        let end = name.windows(quote.len()).position(|window| window == quote);
        end.map(|end| end + 2 * quote.len()).ok_or_else(|| wrong(inner.start, "a quote is not closed"))
    }

    /// The value that starts in this range: where it stands, what it says, and a comment behind it.
    fn value(&mut self, range: Range<usize>) -> Result<Found, TextError> {
        let inner = self.trim(range);
        let line = self.slice(inner.clone());
        let quote: &[u8] = match line {
            [b'"', b'"', b'"', ..] => b"\"\"\"",
            [b'`', ..] => b"`",
            _ => b"",
        };
        if !quote.is_empty() {
            return self.quoted(&inner, quote);
        }
        if line.ends_with(b"\\") {
            return Ok(self.continued(inner));
        }
        let comment = line.iter().position(|byte| matches!(byte, b'#' | b';'));
        let behind = comment.map(|at| inner.start + at..inner.end);
        let value = self.trim(inner.start..behind.as_ref().map_or(inner.end, |behind| behind.start));
        let plain = SecretBytes::from(unquoted(self.slice(value.clone())).to_vec());
        Ok((value, plain, behind))
    }

    /// A value in backticks or three quotes, which may have several lines.
    fn quoted(&mut self, inner: &Range<usize>, quote: &[u8]) -> Result<Found, TextError> {
        let start = inner.start + quote.len();
        let last = |scanner: &Self, range: Range<usize>| {
            let line = scanner.slice(range.clone());
            let at = line.windows(quote.len()).rposition(|window| window == quote);
            at.map(|at| range.start + at)
        };
        let mut end = last(self, start..inner.end);
        while end.is_none() {
            if self.at == self.text.len() {
                return Err(wrong(inner.start, "a quote is not closed"));
            }
            let line = self.next_line();
            end = last(self, line);
        }
        let end = end.unwrap_or(start);
        let rest = self.slice(end + quote.len()..self.at).trim_ascii();
        if !rest.is_empty() {
            return Err(wrong(end, "something stands behind the quotes of a value"));
        }
        let plain = SecretBytes::from(self.slice(start..end).to_vec());
        Ok((inner.start..end + quote.len(), plain, None))
    }

    /// A value whose lines end with a backslash.
    fn continued(&mut self, first: Range<usize>) -> Found {
        let mut plain = SecretBytes::with_capacity(first.len());
        let mut part = first.clone();
        loop {
            let line = self.slice(part.clone());
            let more = line.strip_suffix(b"\\");
            plain.extend(more.unwrap_or(line));
            if more.is_none() || self.at == self.text.len() {
                return (first.start..part.end, plain, None);
            }
            let line = self.next_line();
            part = self.trim(line);
            if part.is_empty() {
                return (first.start..part.start, plain, None);
            }
        }
    }
}

fn wrong(at: usize, reason: &'static str) -> TextError {
    TextError::at(TextErrorKind::Syntax(reason), at)
}

/// Without one pair of quotes around it, if there are no more of them inside.
pub(super) fn unquoted(value: &[u8]) -> &[u8] {
    for quote in [b'\'', b'"'] {
        let inner = value.strip_prefix(&[quote]).and_then(|rest| rest.strip_suffix(&[quote]));
        if let Some(inner) = inner.filter(|inner| !inner.contains(&quote)) {
            return inner;
        }
    }
    value
}
