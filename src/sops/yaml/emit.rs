//! Maps, lists and scalars written anew, in the style of the current `sops`.

use crate::secret::SecretBytes;
use crate::sops::tree::Node;
use crate::sops::tree::Scalar;
use crate::sops::tree::TextErrorKind;
use crate::sops::yaml::leaves;
use crate::sops::yaml::metadata;
use crate::sops::yaml::node;
use crate::sops::yaml::node::Content;
use crate::sops::yaml::token::Style;
use crate::sops::yaml::write;
use crate::sops::yaml::write::Slot;

/// Writes nodes of the metadata as lines.
#[derive(Clone, Copy)]
pub(super) struct Emitter<'a> {
    /// The text whose entries are taken over where they say the same.
    pub(super) text: &'a str,
    pub(super) step: usize,
    pub(super) line_end: &'static str,
}

/// Where the line of `at` begins.
pub(super) fn line_start(text: &str, at: usize) -> usize {
    at - leaves::column(text, at)
}

/// Where the line behind the one of `at` begins.
pub(super) fn next_line(text: &str, at: usize) -> usize {
    let rest = text.as_bytes().get(at..).unwrap_or_default();
    rest.iter().position(|byte| *byte == b'\n').map_or(text.len(), |line| at + line + 1)
}

/// The end of an entry of a map, be its value empty or not.
pub(super) fn entry_end(key: &node::Node<'_>, value: &node::Node<'_>) -> usize {
    value.whole().end.max(key.whole().end)
}

impl Emitter<'_> {
    /// The lines of a map whose keys stand at `column`.
    pub(super) fn map(
        self,
        fields: &[(String, Node)],
        column: usize,
        body: usize,
        old: Option<&node::Node<'_>>,
    ) -> Result<Vec<u8>, TextErrorKind> {
        let mut lines = Vec::new();
        for (name, value) in fields {
            let before = old.and_then(|old| entry(old, name));
            if let Some((key, was)) = before
                && metadata::generic(was).is_ok_and(|was| was == *value)
                && leaves::column(self.text, key.mark) == column
            {
                lines.extend(self.kept(key.mark, entry_end(key, was)));
                continue;
            }
            lines.resize(lines.len() + column, b' ');
            lines.extend(write::key(name, false)?.into_bytes());
            lines.push(b':');
            lines.extend(self.value(value, column, body)?);
        }
        Ok(lines)
    }

    /// Whole lines of the old text, with the indentation of the first even where a `-` stands in it.
    fn kept(self, start: usize, end: usize) -> Vec<u8> {
        let indent = leaves::column(self.text, start);
        let rest = self.text.get(start..next_line(self.text, end)).unwrap_or_default();
        let mut lines = vec![b' '; indent];
        lines.extend(rest.as_bytes());
        if !rest.ends_with('\n') {
            lines.extend(self.line_end.as_bytes());
        }
        lines
    }

    /// What follows `key:`, with the end of its line.
    pub(super) fn value(self, value: &Node, column: usize, body: usize) -> Result<Vec<u8>, TextErrorKind> {
        let inner = column + self.step;
        let mut lines = self.line_end.as_bytes().to_vec();
        match value {
            Node::Map(fields) if !fields.is_empty() => {
                lines.extend(self.map(fields, inner, inner + self.step, None)?);
            }
            Node::List(items) if !items.is_empty() => lines.extend(self.list(items, inner, None)?),
            scalar => {
                lines = vec![b' '];
                lines.extend(self.scalar(scalar, Style::Plain, Some(body)));
                lines.extend(self.line_end.as_bytes());
            }
        }
        Ok(lines)
    }

    /// The lines of a list whose `-` stand at `column`.
    pub(super) fn list(
        self,
        items: &[Node],
        column: usize,
        old: Option<&node::Node<'_>>,
    ) -> Result<Vec<u8>, TextErrorKind> {
        let mut lines = Vec::new();
        let inner = column + 2;
        // sops indents a block below `-` by its step, counted from the `-`.
        let body = if self.step > 2 { column + self.step } else { inner + self.step };
        for item in items {
            if let Some(was) = old.and_then(|old| Self::equal_item(old, item)) {
                lines.extend(self.kept(was.mark, was.whole().end));
                continue;
            }
            let start = lines.len();
            match item {
                Node::Map(fields) if !fields.is_empty() => lines.extend(self.map(fields, inner, body, None)?),
                Node::List(items) if !items.is_empty() => lines.extend(self.list(items, inner, None)?),
                scalar => {
                    lines.resize(start + inner, b' ');
                    lines.extend(self.scalar(scalar, Style::Plain, Some(body)));
                    lines.extend(self.line_end.as_bytes());
                }
            }
            if let Some(dash) = lines.get_mut(start + column) {
                *dash = b'-';
            }
        }
        Ok(lines)
    }

    fn equal_item<'n, 't>(old: &'n node::Node<'t>, item: &Node) -> Option<&'n node::Node<'t>> {
        let Content::List(items) = &old.content else { return None };
        items.iter().find(|was| metadata::generic(was).is_ok_and(|was| was == *item))
    }

    /// A scalar, or an empty map or list.
    pub(super) fn scalar(self, node: &Node, style: Style, block: Option<usize>) -> Vec<u8> {
        let slot = Slot { style, flow: block.is_none(), block, break_follows: true, line_end: self.line_end };
        match node {
            Node::Str(text) => write::scalar(&Scalar::str(text.as_bytes()), slot).expose().to_vec(),
            Node::Number(digits) => digits.as_bytes().to_vec(),
            Node::Bool(value) => value.to_string().into_bytes(),
            Node::Null => b"null".to_vec(),
            Node::Map(_) => b"{}".to_vec(),
            Node::List(_) => b"[]".to_vec(),
        }
    }

    /// A node within braces, on one line.
    pub(super) fn flow(self, node: &Node) -> Vec<u8> {
        match node {
            Node::Map(fields) => {
                let pairs = fields.iter().map(|(name, value)| {
                    let key = write::double(name);
                    [key.expose(), b": ", &self.flow(value)].concat()
                });
                [b"{".as_slice(), &pairs.collect::<Vec<_>>().join(b", ".as_slice()), b"}"].concat()
            }
            Node::List(items) => {
                let items: Vec<Vec<u8>> = items.iter().map(|item| self.flow(item)).collect();
                [b"[".as_slice(), &items.join(b", ".as_slice()), b"]"].concat()
            }
            scalar => self.scalar(scalar, Style::Double, None),
        }
    }
}

/// The entry of a map with this key.
pub(super) fn entry<'n, 't>(
    map: &'n node::Node<'t>,
    name: &str,
) -> Option<(&'n node::Node<'t>, &'n node::Node<'t>)> {
    let Content::Map(entries) = &map.content else { return None };
    let is_named =
        |key: &node::Node<'_>| matches!(&key.content, Content::Scalar(_, text) if text.text() == name);
    entries.iter().find(|(key, _)| is_named(key)).map(|(key, value)| (key, value))
}

/// A one-line value as it stands behind `key: `, in `SecretBytes` since it may be plaintext.
pub(super) fn joined(parts: &[&[u8]]) -> SecretBytes {
    let mut made = SecretBytes::with_capacity(parts.iter().map(|part| part.len()).sum());
    parts.iter().for_each(|part| made.extend(part));
    made
}
