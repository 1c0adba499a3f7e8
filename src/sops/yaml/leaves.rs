//! The leaves of YAML documents in the order in which sops walks them, and the metadata beside them.

use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::ops::Range;

use crate::sops::tree::KeyPath;
use crate::sops::tree::Leaf;
use crate::sops::tree::LeafKind;
use crate::sops::tree::Leaves;
use crate::sops::tree::Node as Metadata;
use crate::sops::tree::Scalar;
use crate::sops::tree::Step;
use crate::sops::tree::TextError;
use crate::sops::tree::TextErrorKind;
use crate::sops::yaml::metadata;
use crate::sops::yaml::node::Content;
use crate::sops::yaml::node::Document;
use crate::sops::yaml::node::Node;
use crate::sops::yaml::remark::Lines;
use crate::sops::yaml::resolve::resolve;
use crate::sops::yaml::token::Style;

/// How a leaf stands in the text.
#[derive(Clone, Copy, Debug)]
pub(super) struct Spot {
    /// Of a scalar.
    pub(super) style: Option<Style>,
    /// Within braces or brackets.
    pub(super) flow: bool,
    /// Column of the block that holds it.
    pub(super) column: usize,
    /// Whether a list holds it.
    pub(super) in_list: bool,
    /// Whether it is a comment that makes up a list with others like it, and the last of them.
    pub(super) closes: bool,
}

/// Tells whether an item of a list is an encrypted comment: sops writes those of lists as items.
pub(super) fn is_comment_item(item: &Node<'_>, list: &Node<'_>) -> bool {
    let Content::Scalar(_, text) = &item.content else { return false };
    let text = text.text();
    !list.flow && text.starts_with("ENC[AES256_GCM,") && text.ends_with(",type:comment]")
}

/// What a text holds.
#[derive(Debug, Default)]
pub(super) struct Harvest {
    pub(super) leaves: Leaves,
    pub(super) spots: Vec<Spot>,
    pub(super) metadata: Option<Metadata>,
}

/// Gathers leaves and metadata. `comments` are all there are, those that sops does not see among them.
pub(super) fn harvest(
    text: &str,
    documents: &[Document<'_>],
    comments: &[Range<usize>],
) -> Result<Harvest, TextError> {
    let mut gatherer = Gatherer { text, comments, ..Gatherer::default() };
    for (number, document) in documents.iter().enumerate() {
        gatherer.document = number;
        gatherer.one(document)?;
        gatherer.unseen(document.span.end)?;
    }
    gatherer.unseen(usize::MAX)?;
    Ok(gatherer.found)
}

/// The byte offset of `at` within its line.
pub(super) fn column(text: &str, at: usize) -> usize {
    let before = text.as_bytes().get(..at).unwrap_or_default();
    before.iter().rev().take_while(|byte| !matches!(byte, b'\n' | b'\r')).count()
}

#[derive(Default)]
struct Gatherer<'s> {
    text: &'s str,
    document: usize,
    steps: Vec<Step>,
    /// The last comment above the item at hand, for each map and list around it.
    active: Vec<Option<usize>>,
    seen: BTreeSet<usize>,
    found: Harvest,
    column: usize,
    in_list: bool,
    /// All comments, and how many of them are settled.
    comments: &'s [Range<usize>],
    next_unseen: usize,
    /// The innermost braces or brackets around comments that no node has, by where the comment starts.
    inside: BTreeMap<usize, KeyPath>,
}

impl Gatherer<'_> {
    fn path(&self) -> KeyPath {
        KeyPath::in_document(self.document, self.steps.iter().cloned())
    }

    fn one(&mut self, document: &Document<'_>) -> Result<(), TextError> {
        let top = &document.top;
        self.active = vec![None];
        self.comments(&document.head)?;
        self.comments(&top.head)?;
        self.comments(&top.line)?;
        match &top.content {
            Content::Map(entries) => self.entries(entries, top)?,
            Content::Scalar(Style::Plain, value) if value.text().is_empty() => {}
            Content::Scalar(style, value) => {
                let tag = top.properties.tag.as_ref().map(|(_, tag)| tag.as_str());
                let at = top.span.start;
                let value = resolve(value.text(), *style, tag).map_err(|kind| TextError::at(kind, at))?;
                if !matches!(value, Scalar::Null) {
                    return Err(Self::not_a_map(at));
                }
            }
            Content::List(_) => return Err(Self::not_a_map(top.span.start)),
            Content::Alias(_) => return Err(TextError::at(TextErrorKind::Alias, top.span.start)),
        }
        self.comments(&top.foot)?;
        self.comments(&document.foot)
    }

    fn not_a_map(at: usize) -> TextError {
        TextError::at(
            TextErrorKind::Unsupported("the top of a SOPS file must be a map of keys and values"),
            at,
        )
    }

    /// The nearest comment that is active for what comes next.
    fn above(&self) -> Option<usize> {
        self.active.iter().rev().find_map(|level| *level)
    }

    fn comments(&mut self, lines: &Lines) -> Result<(), TextError> {
        for span in lines.iter().flatten() {
            if !self.seen.insert(span.start) {
                continue;
            }
            let index = self.comment(span.clone(), self.above(), self.path())?;
            if let Some(level) = self.active.last_mut() {
                *level = Some(index);
            }
        }
        Ok(())
    }

    fn comment(
        &mut self,
        span: Range<usize>,
        above: Option<usize>,
        path: KeyPath,
    ) -> Result<usize, TextError> {
        let text = self.text.as_bytes().get(span.start + 1..span.end).unwrap_or_default();
        let (kind, scalar) = (LeafKind::Comment, Scalar::str(text));
        self.found.spots.push(self.spot(None, false));
        self.found.leaves.push(Leaf { path, kind, scalar, span, above })
    }

    fn spot(&self, style: Option<Style>, flow: bool) -> Spot {
        Spot { style, flow, column: self.column, in_list: self.in_list, closes: false }
    }

    /// Remembers the holder of the comments in these braces that nothing inside of them has.
    fn surround(&mut self, node: &Node<'_>) {
        let from = self.comments.partition_point(|comment| comment.start < node.span.start);
        let comments = self.comments;
        for comment in comments.iter().skip(from).take_while(|comment| comment.start < node.span.end) {
            if !self.seen.contains(&comment.start) && !self.inside.contains_key(&comment.start) {
                self.inside.insert(comment.start, self.path());
            }
        }
    }

    /// Comments that the YAML library drops, such as those within empty braces, where sops itself writes some and does
    /// not find them again. They are leaves all the same, so that none is lost or stays readable.
    fn unseen(&mut self, until: usize) -> Result<(), TextError> {
        let comments = self.comments;
        while let Some(span) = comments.get(self.next_unseen).filter(|span| span.start < until) {
            self.next_unseen += 1;
            if self.seen.insert(span.start) {
                let top = || KeyPath::in_document(self.document, []);
                let path = self.inside.remove(&span.start).unwrap_or_else(top);
                self.comment(span.clone(), None, path)?;
            }
        }
        Ok(())
    }

    fn entries(&mut self, entries: &[(Node<'_>, Node<'_>)], map: &Node<'_>) -> Result<(), TextError> {
        let outer = self.enter(map, false);
        let mut names = BTreeSet::new();
        for (key, value) in entries {
            self.comments(&key.head)?;
            self.comments(&key.line)?;
            let direct = matches!(value.content, Content::Scalar(..) | Content::Alias(_));
            if direct {
                self.comments(&value.head)?;
                self.comments(&value.line)?;
            }
            let name = metadata::key_text(key)?;
            let top = self.steps.is_empty();
            self.steps.push(Step::Key(name.clone()));
            if !names.insert(name.clone()) {
                let twice = TextError::at(TextErrorKind::DuplicateKey, key.span.start);
                return Err(twice.with_key(&self.path()));
            }
            if top && name == metadata::METADATA_KEY {
                self.metadata(value)?;
            } else {
                self.value(value, map.flow, direct)?;
            }
            self.steps.pop();
            self.item_ends();
            if direct {
                self.comments(&value.foot)?;
            }
            self.comments(&key.foot)?;
        }
        (self.column, self.in_list) = outer;
        Ok(())
    }

    /// Column of a map or list, which counts in a block alone, and whether it is a list. Gives those around it.
    fn enter(&mut self, node: &Node<'_>, is_list: bool) -> (usize, bool) {
        let outer = (self.column, self.in_list);
        if !node.flow {
            self.column = column(self.text, node.span.start);
        }
        self.in_list = is_list;
        outer
    }

    fn item_ends(&mut self) {
        if let Some(level) = self.active.last_mut() {
            *level = None;
        }
    }

    fn value(&mut self, node: &Node<'_>, flow: bool, handled: bool) -> Result<(), TextError> {
        let empty = match &node.content {
            Content::Alias(_) => return Err(TextError::at(TextErrorKind::Alias, node.span.start)),
            Content::Scalar(style, value) => return self.scalar(node, *style, value.text(), flow),
            Content::Map(entries) => entries.is_empty().then_some(Scalar::EmptyMap),
            Content::List(items) => {
                items.iter().all(|item| is_comment_item(item, node)).then_some(Scalar::EmptyList)
            }
        };
        if let Some(scalar) = empty {
            self.leaf(scalar, node.span.clone(), self.spot(None, flow))?;
        }
        self.active.push(None);
        if !handled {
            self.comments(&node.head)?;
            self.comments(&node.line)?;
        }
        match &node.content {
            Content::Map(entries) => self.entries(entries, node)?,
            Content::List(items) => self.items(items, node)?,
            Content::Scalar(..) | Content::Alias(_) => {}
        }
        if !handled {
            self.comments(&node.foot)?;
        }
        self.active.pop();
        if node.flow {
            self.surround(node);
        }
        Ok(())
    }

    fn items(&mut self, items: &[Node<'_>], list: &Node<'_>) -> Result<(), TextError> {
        let outer = self.enter(list, true);
        let mut position = 0;
        for item in items {
            self.comments(&item.head)?;
            self.comments(&item.line)?;
            if is_comment_item(item, list) {
                self.comment_item(item)?;
            } else {
                self.steps.push(Step::Item(position));
                self.value(item, list.flow, true)?;
                self.steps.pop();
                position += 1;
            }
            self.item_ends();
            self.comments(&item.foot)?;
        }
        if position == 0
            && let Some(spot) = self.found.spots.last_mut()
        {
            spot.closes = true;
        }
        (self.column, self.in_list) = outer;
        Ok(())
    }

    fn comment_item(&mut self, item: &Node<'_>) -> Result<(), TextError> {
        let Content::Scalar(_, text) = &item.content else { return Ok(()) };
        let scalar = Scalar::str(text.text().as_bytes());
        self.comment(item.mark..item.span.end, self.above(), self.path())?;
        if let Some(leaf) = self.found.leaves.all_mut().last_mut() {
            leaf.scalar = scalar;
        }
        Ok(())
    }

    fn scalar(&mut self, node: &Node<'_>, style: Style, text: &str, flow: bool) -> Result<(), TextError> {
        let tag = node.properties.tag.as_ref();
        let name = tag.map(|(_, name)| name.as_str());
        let scalar = resolve(text, style, name)
            .map_err(|kind| TextError::at(kind, node.span.start).with_key(&self.path()))?;
        let start = tag.map_or(node.span.start, |(span, _)| span.start);
        let spot = self.spot(Some(style), flow);
        self.leaf(scalar, start..node.span.end, spot)
    }

    fn leaf(&mut self, scalar: Scalar, span: Range<usize>, spot: Spot) -> Result<(), TextError> {
        let (path, kind, above) = (self.path(), LeafKind::Value, self.above());
        self.found.spots.push(spot);
        self.found.leaves.push(Leaf { path, kind, scalar, span, above })?;
        Ok(())
    }

    /// Reads the metadata. Comments in it are no leaves.
    fn metadata(&mut self, value: &Node<'_>) -> Result<(), TextError> {
        self.pass_over(value);
        let read = metadata::generic(value)?;
        self.found.metadata.get_or_insert(read);
        Ok(())
    }

    fn pass_over(&mut self, node: &Node<'_>) {
        let lines = [&node.head, &node.line, &node.foot];
        self.seen.extend(lines.into_iter().flatten().flatten().map(|span| span.start));
        match &node.content {
            Content::Map(entries) => {
                for (key, value) in entries {
                    self.pass_over(key);
                    self.pass_over(value);
                }
            }
            Content::List(items) => items.iter().for_each(|item| self.pass_over(item)),
            Content::Scalar(..) | Content::Alias(_) => {}
        }
    }
}
