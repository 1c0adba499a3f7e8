//! One entry more.

use crate::secret::SecretBytes;
use crate::sops::tree::KeyPath;
use crate::sops::tree::Scalar;
use crate::sops::tree::Step;
use crate::sops::tree::TextError;
use crate::sops::tree::TextErrorKind;
use crate::sops::yaml::Yaml;
use crate::sops::yaml::edit::Holder;
use crate::sops::yaml::edit::child;
use crate::sops::yaml::edit::entry_span;
use crate::sops::yaml::edit::error;
use crate::sops::yaml::edit::length;
use crate::sops::yaml::edit::value_of;
use crate::sops::yaml::emit::joined;
use crate::sops::yaml::emit::line_start;
use crate::sops::yaml::emit::next_line;
use crate::sops::yaml::leaves;
use crate::sops::yaml::metadata::METADATA_KEY;
use crate::sops::yaml::node::Content;
use crate::sops::yaml::node::Document;
use crate::sops::yaml::node::Node;
use crate::sops::yaml::token::Style;
use crate::sops::yaml::write;
use crate::sops::yaml::write::Slot;

impl Yaml {
    pub(super) fn inserted(&self, path: &KeyPath, value: &Scalar) -> Result<SecretBytes, TextError> {
        let documents = self.documents()?;
        let Some(document) = documents.get(path.document()) else {
            return self.first_entry(path, value);
        };
        if matches!(document.top.content, Content::Scalar(..)) && document.top.whole().is_empty() {
            return self.fill_empty(document, path, value);
        }
        let holder = self.holder(document, path)?;
        let rest = path.steps().get(holder.depth..).unwrap_or_default();
        let Some((first, deeper)) = rest.split_first() else {
            return Err(error(TextErrorKind::Missing, path));
        };
        let taken = child(holder.node, first, path)?;
        if taken.is_some() {
            return Err(error(TextErrorKind::Exists, path));
        }
        if matches!(first, Step::Item(position) if *position != values(holder.node)) {
            return Err(error(TextErrorKind::Missing, path));
        }
        let at_top = holder.depth == 0;
        self.append(&holder, at_top, Addition { first, deeper, value, path })
    }

    fn first_entry(&self, path: &KeyPath, value: &Scalar) -> Result<SecretBytes, TextError> {
        let text = self.text();
        if path.document() > 0 || self.documents > 0 {
            return Err(error(TextErrorKind::Missing, path));
        }
        self.lines_at(text.len(), path, value)
    }

    fn fill_empty(
        &self,
        document: &Document<'_>,
        path: &KeyPath,
        value: &Scalar,
    ) -> Result<SecretBytes, TextError> {
        self.lines_at(document.end, path, value)
    }

    fn lines_at(&self, at: usize, path: &KeyPath, value: &Scalar) -> Result<SecretBytes, TextError> {
        let Some((first @ Step::Key(_), deeper)) = path.steps().split_first() else {
            return Err(error(TextErrorKind::NotAContainer, path));
        };
        let lines = self.lines(&Addition { first, deeper, value, path }, 0, 0)?;
        let before = self.text().get(..at).unwrap_or_default();
        let lead = if before.is_empty() || before.ends_with('\n') { "" } else { self.line_end };
        Ok(self.replaced(at..at, joined(&[lead.as_bytes(), lines.expose()])))
    }

    fn append(
        &self,
        holder: &Holder<'_, '_>,
        at_top: bool,
        addition: Addition<'_>,
    ) -> Result<SecretBytes, TextError> {
        let (text, node) = (self.text(), holder.node);
        let count = length(node);
        let metadata = at_top.then(|| child(node, &Step::Key(METADATA_KEY.to_owned()), addition.path));
        let metadata = metadata.transpose()?.flatten();
        let last = (0..count).rev().find(|index| Some(*index) != metadata);
        if node.flow && (count > 0 || holder.in_flow) {
            return self.append_in_braces(node, last, &addition);
        }
        if count == 0 {
            let column = holder.outer + self.step;
            let lines = self.lines(&addition, column, holder.outer)?;
            let bare = lines.expose().strip_suffix(self.line_end.as_bytes()).unwrap_or(lines.expose());
            let start =
                text.get(..node.whole().start).unwrap_or_default().trim_end_matches([' ', '\t']).len();
            let lead = if at_top { "" } else { self.line_end };
            let bare = if at_top { bare.trim_ascii_start() } else { bare };
            return Ok(self.replaced(start..node.span.end, joined(&[lead.as_bytes(), bare])));
        }
        let column = leaves::column(text, node.span.start);
        let lines = self.lines(&addition, column, column)?;
        let Some(span) = last.and_then(|last| entry_span(node, last)) else {
            let at = metadata.and_then(|index| entry_span(node, index)).map_or(text.len(), |span| span.start);
            let at = line_start(text, at);
            return Ok(self.replaced(at..at, lines));
        };
        let at = self.behind_blank_content(next_line(text, span.end), node, last);
        let lead =
            if text.get(..at).is_some_and(|before| before.ends_with('\n')) { "" } else { self.line_end };
        Ok(self.replaced(at..at, joined(&[lead.as_bytes(), lines.expose()])))
    }

    /// Empty lines behind a block scalar that keeps them (`|+`) are part of its value.
    fn behind_blank_content(&self, mut at: usize, node: &Node<'_>, last: Option<usize>) -> usize {
        let text = self.text();
        let mut deepest = last.and_then(|last| value_of(node, last));
        while let Some(inner) = deepest.and_then(|node| value_of(node, length(node).checked_sub(1)?)) {
            deepest = Some(inner);
        }
        let Some(scalar) = deepest else { return at };
        let header = text.get(scalar.span.start..next_line(text, scalar.span.start)).unwrap_or_default();
        if !matches!(&scalar.content, Content::Scalar(style, _) if style.is_block()) || !header.contains('+')
        {
            return at;
        }
        while at < text.len() {
            let next = next_line(text, at);
            if !text.get(at..next).unwrap_or_default().trim().is_empty() {
                break;
            }
            at = next;
        }
        at
    }

    fn append_in_braces(
        &self,
        node: &Node<'_>,
        last: Option<usize>,
        addition: &Addition<'_>,
    ) -> Result<SecretBytes, TextError> {
        let key = match addition.first {
            Step::Key(name) => Self::key(name, true, addition.path)?,
            Step::Item(_) => String::new(),
        };
        let colon: &[u8] = if key.is_empty() { b"" } else { b": " };
        let value = self.in_braces(addition.deeper, addition)?;
        let Some(span) = last.and_then(|last| entry_span(node, last)) else {
            let at = node.span.start + 1;
            let trail: &[u8] = if length(node) > 0 { b", " } else { b"" };
            return Ok(self.replaced(at..at, joined(&[key.as_bytes(), colon, value.expose(), trail])));
        };
        let new = joined(&[b", ", key.as_bytes(), colon, value.expose()]);
        Ok(self.replaced(span.end..span.end, new))
    }

    fn in_braces(&self, deeper: &[Step], addition: &Addition<'_>) -> Result<SecretBytes, TextError> {
        let Some((step, deeper)) = deeper.split_first() else {
            let (flow, block) = (true, None);
            let slot =
                Slot { style: Style::Double, flow, block, break_follows: false, line_end: self.line_end };
            return Ok(write::scalar(addition.value, slot));
        };
        let inner = self.in_braces(deeper, addition)?;
        match step {
            Step::Key(name) => {
                let key = Self::key(name, true, addition.path)?;
                Ok(joined(&[b"{", key.as_bytes(), b": ", inner.expose(), b"}"]))
            }
            Step::Item(0) => Ok(joined(&[b"[", inner.expose(), b"]"])),
            Step::Item(_) => Err(error(TextErrorKind::Missing, addition.path)),
        }
    }

    pub(super) fn key(name: &str, flow: bool, path: &KeyPath) -> Result<String, TextError> {
        if flow {
            return Ok(String::from_utf8_lossy(write::double(name).expose()).into_owned());
        }
        write::key(name, flow).map_err(|kind| error(kind, path))
    }

    /// The lines of a new entry at `column`, in a block that stands at `outer`.
    fn lines(&self, addition: &Addition<'_>, column: usize, outer: usize) -> Result<SecretBytes, TextError> {
        let Addition { first, deeper, value, path } = *addition;
        let mut lines = SecretBytes::with_capacity(256);
        lines.extend(" ".repeat(column).as_bytes());
        match first {
            Step::Key(name) => {
                lines.extend(Self::key(name, false, path)?.as_bytes());
                lines.extend(b":");
            }
            Step::Item(_) => lines.extend(b"-"),
        }
        if let Some((next, deeper)) = deeper.split_first() {
            if matches!(next, Step::Item(position) if *position > 0) {
                return Err(error(TextErrorKind::Missing, path));
            }
            lines.extend(self.line_end.as_bytes());
            let inner = column + self.step;
            let next = Addition { first: next, deeper, value, path };
            lines.extend(self.lines(&next, inner, column)?.expose());
            return Ok(lines);
        }
        let block = Some(outer.max(column) + self.step);
        let slot =
            Slot { style: Style::Plain, flow: false, block, break_follows: true, line_end: self.line_end };
        lines.extend(b" ");
        lines.extend(write::scalar(value, slot).expose());
        lines.extend(self.line_end.as_bytes());
        Ok(lines)
    }
}

/// How many entries there are, comments left out.
fn values(node: &Node<'_>) -> usize {
    let Content::List(items) = &node.content else { return length(node) };
    items.iter().filter(|item| !leaves::is_comment_item(item, node)).count()
}

/// A new entry and the maps that it needs.
#[derive(Clone, Copy)]
struct Addition<'p> {
    first: &'p Step,
    deeper: &'p [Step],
    value: &'p Scalar,
    path: &'p KeyPath,
}
