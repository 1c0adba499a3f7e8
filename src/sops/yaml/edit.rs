//! One entry less, or under another name.

use std::ops::Range;

use crate::secret::SecretBytes;
use crate::sops::splice::Edits;
use crate::sops::tree::KeyPath;
use crate::sops::tree::Step;
use crate::sops::tree::Text;
use crate::sops::tree::TextError;
use crate::sops::tree::TextErrorKind;
use crate::sops::yaml::Yaml;
use crate::sops::yaml::block;
use crate::sops::yaml::emit::entry_end;
use crate::sops::yaml::emit::joined;
use crate::sops::yaml::emit::line_start;
use crate::sops::yaml::emit::next_line;
use crate::sops::yaml::leaves;
use crate::sops::yaml::metadata;
use crate::sops::yaml::node::Content;
use crate::sops::yaml::node::Document;
use crate::sops::yaml::node::Node;
use crate::sops::yaml::token::Style;

/// A map or list on the way to an entry, and the key that leads to it.
pub(super) struct Holder<'n, 't> {
    pub(super) node: &'n Node<'t>,
    /// Column of the block around it; its own at the top.
    pub(super) outer: usize,
    pub(super) in_flow: bool,
    /// Steps that lead to it.
    pub(super) depth: usize,
}

pub(super) fn error(kind: TextErrorKind, path: &KeyPath) -> TextError {
    TextError::about(kind, path)
}

/// Where the entry of a map or list lies that one step leads to.
pub(super) fn child(node: &Node<'_>, step: &Step, path: &KeyPath) -> Result<Option<usize>, TextError> {
    match (&node.content, step) {
        (Content::Map(entries), Step::Key(name)) => {
            let found =
                entries.iter().position(|(key, _)| metadata::key_text(key).is_ok_and(|key| key == *name));
            Ok(found)
        }
        (Content::List(items), Step::Item(position)) => {
            let values = items.iter().enumerate().filter(|(_, item)| !leaves::is_comment_item(item, node));
            Ok(values.map(|(index, _)| index).nth(*position))
        }
        _ => Err(error(TextErrorKind::NotAContainer, path)),
    }
}

pub(super) fn value_of<'n, 't>(node: &'n Node<'t>, index: usize) -> Option<&'n Node<'t>> {
    match &node.content {
        Content::Map(entries) => entries.get(index).map(|(_, value)| value),
        Content::List(items) => items.get(index),
        Content::Scalar(..) | Content::Alias(_) => None,
    }
}

/// The bytes of an entry from its key or `-` on.
pub(super) fn entry_span(node: &Node<'_>, index: usize) -> Option<Range<usize>> {
    match &node.content {
        Content::Map(entries) => entries.get(index).map(|(key, value)| key.mark..entry_end(key, value)),
        Content::List(items) if node.flow => items.get(index).map(Node::whole),
        Content::List(items) => items.get(index).map(|item| item.mark..item.whole().end.max(item.mark + 1)),
        Content::Scalar(..) | Content::Alias(_) => None,
    }
}

pub(super) fn length(node: &Node<'_>) -> usize {
    match &node.content {
        Content::Map(entries) => entries.len(),
        Content::List(items) => items.len(),
        Content::Scalar(..) | Content::Alias(_) => 0,
    }
}

impl Yaml {
    pub(super) fn replaced(&self, range: Range<usize>, new: SecretBytes) -> SecretBytes {
        let mut edits = Edits::default();
        edits.replace(range.start + self.bom..range.end + self.bom, new);
        edits.apply(self.bytes())
    }

    /// The deepest map or list on the way to the holder of `path` that is there.
    pub(super) fn holder<'n, 't>(
        &self,
        document: &'n Document<'t>,
        path: &KeyPath,
    ) -> Result<Holder<'n, 't>, TextError> {
        let top = &document.top;
        let column = leaves::column(self.text(), top.span.start);
        let mut holder = Holder { node: top, outer: column, in_flow: false, depth: 0 };
        let way = path.steps().len().saturating_sub(1);
        for step in path.steps().iter().take(way) {
            let Some(index) = child(holder.node, step, path)? else { break };
            let Some(next) = value_of(holder.node, index) else { break };
            if matches!(next.content, Content::Scalar(..) | Content::Alias(_)) {
                return Err(error(TextErrorKind::NotAContainer, path));
            }
            let in_flow = holder.in_flow || holder.node.flow;
            let outer = leaves::column(self.text(), holder.node.span.start);
            holder = Holder { node: next, outer, in_flow, depth: holder.depth + 1 };
        }
        Ok(holder)
    }

    pub(super) fn removed(&self, path: &KeyPath) -> Result<SecretBytes, TextError> {
        let documents = self.documents()?;
        let missing = || error(TextErrorKind::Missing, path);
        let document = documents.get(path.document()).ok_or_else(missing)?;
        let holder = self.holder(document, path)?;
        let node = holder.node;
        let last =
            path.steps().last().filter(|_| holder.depth + 1 == path.steps().len()).ok_or_else(missing)?;
        let index = child(node, last, path)?.ok_or_else(missing)?;
        if length(node) == 1 {
            return Ok(self.emptied(&holder));
        }
        let span = entry_span(node, index).ok_or_else(missing)?;
        if node.flow {
            let next = entry_span(node, index + 1);
            let before = index.checked_sub(1).and_then(|before| entry_span(node, before));
            let range = match (before, next) {
                (_, Some(next)) => span.start..next.start,
                (Some(before), None) => before.end..span.end,
                (None, None) => span,
            };
            return Ok(self.replaced(range, SecretBytes::default()));
        }
        Ok(self.replaced(self.lines_of(&span), SecretBytes::default()))
    }

    /// The lines of an entry and of the comments directly above it; or, where it stands behind a `-`, the bytes up to
    /// the next entry.
    fn lines_of(&self, span: &Range<usize>) -> Range<usize> {
        let text = self.text();
        let mut start = line_start(text, span.start);
        let column = span.start - start;
        let end = next_line(text, span.end);
        let indent = text.get(start..span.start).unwrap_or_default();
        if !indent.trim_matches(' ').is_empty() {
            let rest = text.get(end..).unwrap_or_default();
            return span.start..end + (rest.len() - rest.trim_start().len());
        }
        let end = block::behind_comments(text, end, column);
        while let Some(before) = text.get(..start).and_then(|before| before.strip_suffix('\n')) {
            let line = before.rfind('\n').map_or(0, |last| last + 1);
            let content = before.get(line..).unwrap_or_default();
            let bare = content.trim_start_matches(' ');
            if !bare.starts_with('#') || content.len() - bare.len() != column {
                break;
            }
            start = line;
        }
        start..end
    }

    /// The text with a map or list made empty.
    fn emptied(&self, holder: &Holder<'_, '_>) -> SecretBytes {
        let (text, node) = (self.text(), holder.node);
        let empty: &[u8] = if matches!(node.content, Content::Map(_)) { b"{}" } else { b"[]" };
        if node.flow || holder.depth == 0 {
            return self.replaced(node.span.clone(), joined(&[empty]));
        }
        let before = text.get(..node.span.start).unwrap_or_default();
        let start = before.trim_end().len();
        let comments = before.get(start..).unwrap_or_default().contains('#')
            || before.lines().next_back().is_some_and(|line| line.trim_start().starts_with('#'));
        let start = if comments { node.span.start } else { start };
        let lead: &[u8] = if comments { b"" } else { b" " };
        self.replaced(start..node.span.end, joined(&[lead, empty]))
    }

    pub(super) fn renamed(&self, from: &KeyPath, to: &KeyPath) -> Result<SecretBytes, TextError> {
        let documents = self.documents()?;
        let missing = || error(TextErrorKind::Missing, from);
        let document = documents.get(from.document()).ok_or_else(missing)?;
        let (Some(old @ Step::Key(_)), Some(new @ Step::Key(name))) =
            (from.steps().last(), to.steps().last())
        else {
            return Err(error(TextErrorKind::NotAContainer, to));
        };
        if from.parent() != to.parent() {
            return Err(error(TextErrorKind::NotAContainer, to));
        }
        let holder = self.holder(document, from)?;
        if holder.depth + 1 != from.steps().len() {
            return Err(missing());
        }
        let index = child(holder.node, old, from)?.ok_or_else(missing)?;
        if child(holder.node, new, to)?.is_some() {
            return Err(error(TextErrorKind::Exists, to));
        }
        let Content::Map(entries) = &holder.node.content else { return Err(missing()) };
        let (key, _) = entries.get(index).ok_or_else(missing)?;
        let flow = holder.node.flow;
        let quoted = matches!(key.content, Content::Scalar(Style::Double, _));
        let written = Self::key(name, flow || quoted, to)?;
        Ok(self.replaced(key.whole(), SecretBytes::from(written.into_bytes())))
    }
}
