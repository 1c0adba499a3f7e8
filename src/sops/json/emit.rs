//! Writing JSON in the style of a text that is there.

use super::super::splice::Edits;
use super::super::tree::Node;
use super::super::tree::Scalar;
use super::super::tree::Step;
use super::super::tree::TextErrorKind;
use super::scan::Shape;
use super::scan::Value;
use super::scan::unescape;
use crate::secret::SecretBytes;

/// How a text is laid out.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) enum Layout {
    /// All on one line.
    Line,
    /// An entry a line, with this line end and this indentation for each level.
    Lines {
        /// `\n` or `\r\n`.
        end: &'static str,
        /// Spaces or a tab.
        unit: String,
    },
}

impl Layout {
    /// That of a text, told by its first entry; that of sops where there is none.
    pub(super) fn of(text: &[u8], root: &Value) -> Self {
        let Shape::Map(entries) = &root.shape else { return Self::Line };
        let Some(first) = entries.first() else {
            return Self::Lines { end: "\n", unit: "\t".to_owned() };
        };
        let lead = text.get(root.span.start + 1..first.key_span.start).unwrap_or_default();
        let lead = String::from_utf8_lossy(lead);
        let Some((before, unit)) = lead.rsplit_once('\n') else { return Self::Line };
        Self::Lines { end: if before.ends_with('\r') { "\r\n" } else { "\n" }, unit: unit.to_owned() }
    }

    /// The break before an entry of this level.
    pub(super) fn lead(&self, level: usize) -> String {
        match self {
            Self::Line => String::new(),
            Self::Lines { end, unit } => format!("{end}{}", unit.repeat(level)),
        }
    }

    fn after_comma(&self, level: usize) -> String {
        match self {
            Self::Line => " ".to_owned(),
            Self::Lines { .. } => self.lead(level),
        }
    }

    /// A tree whose entries stand at `level`.
    pub(super) fn node(&self, node: &Node, level: usize) -> String {
        match node {
            Node::Map(fields) => {
                let entries = fields
                    .iter()
                    .map(|(key, value)| format!("{}: {}", quoted(key), self.node(value, level + 1)));
                self.wrapped(['{', '}'], &entries.collect::<Vec<_>>(), level)
            }
            Node::List(items) => {
                let items = items.iter().map(|item| self.node(item, level + 1));
                self.wrapped(['[', ']'], &items.collect::<Vec<_>>(), level)
            }
            Node::Str(text) => quoted(text),
            Node::Number(text) => text.clone(),
            Node::Bool(value) => value.to_string(),
            Node::Null => "null".to_owned(),
        }
    }

    fn wrapped(&self, brackets: [char; 2], entries: &[String], level: usize) -> String {
        let [open, close] = brackets;
        if entries.is_empty() {
            return format!("{open}{close}");
        }
        let comma = format!(",{}", self.after_comma(level));
        let (lead, trail) = (self.lead(level), self.lead(level.saturating_sub(1)));
        format!("{open}{lead}{}{trail}{close}", entries.join(&comma))
    }

    /// A value inside the maps and lists of `steps`, the first of which stands at `level`.
    pub(super) fn nested(&self, steps: &[Step], value: &SecretBytes, level: usize) -> SecretBytes {
        let mut made = SecretBytes::with_capacity(value.len() + 64);
        let mut closing = String::new();
        for (depth, step) in steps.iter().enumerate() {
            let level = level + depth;
            let (open, close) = match step {
                Step::Key(key) => (format!("{{{}{}: ", self.lead(level), quoted(key)), '}'),
                Step::Item(_) => (format!("[{}", self.lead(level)), ']'),
            };
            made.extend(open.as_bytes());
            closing.insert_str(0, &format!("{}{close}", self.lead(level.saturating_sub(1))));
        }
        made.extend(value.expose());
        made.extend(closing.as_bytes());
        made
    }

    /// Brings a tree in the text to what `node` says. What is equal keeps its bytes.
    pub(super) fn update(&self, text: &[u8], old: &Value, node: &Node, level: usize, edits: &mut Edits) {
        if read_node(text, old) == *node {
            return;
        }
        match (&old.shape, node) {
            (Shape::Map(entries), Node::Map(fields))
                if entries.iter().map(|entry| &entry.key).eq(fields.iter().map(|(key, _)| key)) =>
            {
                for (entry, (_, value)) in entries.iter().zip(fields) {
                    self.update(text, &entry.value, value, level + 1, edits);
                }
            }
            (Shape::List(olds), Node::List(news)) if olds.len() == news.len() => {
                for (old, new) in olds.iter().zip(news) {
                    self.update(text, old, new, level + 1, edits);
                }
            }
            _ => edits.replace(old.span.clone(), self.node(node, level).into_bytes()),
        }
    }
}

/// The tree that stands at a value.
pub(super) fn read_node(text: &[u8], value: &Value) -> Node {
    let raw = || text.get(value.span.clone()).unwrap_or_default();
    match &value.shape {
        Shape::Map(entries) => Node::Map(
            entries.iter().map(|entry| (entry.key.clone(), read_node(text, &entry.value))).collect(),
        ),
        Shape::List(items) => Node::List(items.iter().map(|item| read_node(text, item)).collect()),
        Shape::Str => Node::Str(String::from_utf8_lossy(unescape(raw()).expose()).into_owned()),
        Shape::Number => Node::Number(String::from_utf8_lossy(raw()).into_owned()),
        Shape::Bool(value) => Node::Bool(*value),
        Shape::Null => Node::Null,
    }
}

/// A scalar as JSON.
pub(super) fn scalar(scalar: &Scalar) -> Result<SecretBytes, TextErrorKind> {
    let word = |word: &str| Ok(SecretBytes::from(word.as_bytes().to_vec()));
    match scalar {
        Scalar::Str(text) | Scalar::Time(text) => {
            std::str::from_utf8(text.expose()).map_err(|_| TextErrorKind::NotUtf8)?;
            Ok(escape(text.expose()))
        }
        Scalar::Int(text) | Scalar::Float(text) => match text.expose().first() {
            Some(b'-' | b'0'..=b'9') if !text.expose().ends_with(b"f") => {
                Ok(SecretBytes::from(text.expose().to_vec()))
            }
            _ => Err(TextErrorKind::Unsupported("JSON has no infinity and nothing that is not a number")),
        },
        Scalar::Bool(true) => word("true"),
        Scalar::Bool(false) => word("false"),
        Scalar::Null => word("null"),
        Scalar::EmptyMap => word("{}"),
        Scalar::EmptyList => word("[]"),
    }
}

/// A string with quotes and escapes, for what is no secret.
pub(super) fn quoted(text: &str) -> String {
    String::from_utf8_lossy(escape(text.as_bytes()).expose()).into_owned()
}

fn escape(text: &[u8]) -> SecretBytes {
    let mut quoted = SecretBytes::with_capacity(text.len() + text.len() / 8 + 2);
    let mut rest = text;
    quoted.extend(b"\"");
    while let Some(at) = rest.iter().position(|byte| matches!(byte, b'"' | b'\\' | 0..0x20)) {
        let (before, after) = rest.split_at(at);
        quoted.extend(before);
        match after.first() {
            Some(b'"') => quoted.extend(b"\\\""),
            Some(b'\\') => quoted.extend(b"\\\\"),
            Some(b'\n') => quoted.extend(b"\\n"),
            Some(b'\r') => quoted.extend(b"\\r"),
            Some(b'\t') => quoted.extend(b"\\t"),
            other => quoted.extend(format!("\\u{:04x}", other.copied().unwrap_or_default()).as_bytes()),
        }
        rest = after.get(1..).unwrap_or_default();
    }
    quoted.extend(rest);
    quoted.extend(b"\"");
    quoted
}
