//! Aliases and merge keys written out, as sops has them in its tree.

use std::collections::BTreeMap;
use std::ops::Range;

use crate::secret::SecretBytes;
use crate::sops::splice::Edits;
use crate::sops::tree::Scalar;
use crate::sops::tree::TextError;
use crate::sops::tree::TextErrorKind;
use crate::sops::yaml::emit::joined;
use crate::sops::yaml::emit::next_line;
use crate::sops::yaml::leaves;
use crate::sops::yaml::metadata;
use crate::sops::yaml::node;
use crate::sops::yaml::node::Content;
use crate::sops::yaml::node::Node;
use crate::sops::yaml::readable;
use crate::sops::yaml::remark::Lines;
use crate::sops::yaml::render;
use crate::sops::yaml::resolve::resolve;
use crate::sops::yaml::token;
use crate::sops::yaml::token::DEPTH_MAX;
use crate::sops::yaml::token::Style;
use crate::sops::yaml::write;
use crate::sops::yaml::write::Slot;

/// How many nodes all copies together may have.
const NODES_MAX: usize = 1 << 20;

/// How many bytes of values all copies together may have.
const BYTES_MAX: usize = 64 << 20;

/// Where an alias stands.
#[derive(Clone, Copy)]
struct Site {
    /// Column of the block around it.
    column: usize,
    in_flow: bool,
    in_list: bool,
    is_key: bool,
}

/// The text without aliases and anchors; none where there are no aliases.
pub(in crate::sops) fn normalized(plaintext: &[u8]) -> Result<Option<SecretBytes>, TextError> {
    let text = readable(plaintext)?;
    let documents = node::documents(text, token::tokens(text)?.tokens)?;
    let mut survey = Survey::default();
    for document in &documents {
        let site = Site { column: 0, in_flow: false, in_list: false, is_key: false };
        survey.node(text, &document.top, site)?;
    }
    if survey.aliases.is_empty() {
        return Ok(None);
    }
    let line_end = render::line_end(plaintext);
    let step = render::step(survey.columns.iter().copied());
    let mut copier =
        Copier { text, step, line_end, targets: &survey.targets, active: Vec::new(), nodes: 0, bytes: 0 };
    let bom = plaintext.len() - text.len();
    let mut edits = Edits::default();
    for (span, site) in &survey.aliases {
        let (range, copy) = copier.replacement(span, *site)?;
        edits.replace(range.start + bom..range.end + bom, copy);
    }
    for anchor in survey.anchors {
        let span = without_blanks(text, anchor);
        edits.delete(span.start + bom..span.end + bom);
    }
    Ok(Some(edits.apply(plaintext)))
}

/// An anchor and the blanks that set it apart.
fn without_blanks(text: &str, anchor: Range<usize>) -> Range<usize> {
    let rest = text.get(anchor.end..).unwrap_or_default();
    let blanks = rest.len() - rest.trim_start_matches([' ', '\t']).len();
    if rest.trim_start_matches([' ', '\t']).starts_with(['\n', '\r']) || blanks == rest.len() {
        let before = text.get(..anchor.start).unwrap_or_default();
        return before.trim_end_matches([' ', '\t']).len()..anchor.end;
    }
    anchor.start..anchor.end + blanks
}

/// All aliases with what they stand for.
#[derive(Default)]
struct Survey<'n, 't> {
    anchors: Vec<Range<usize>>,
    aliases: Vec<(Range<usize>, Site)>,
    targets: BTreeMap<usize, &'n Node<'t>>,
    known: BTreeMap<&'n str, &'n Node<'t>>,
    columns: Vec<usize>,
}

impl<'n, 't> Survey<'n, 't> {
    fn node(&mut self, text: &str, node: &'n Node<'t>, site: Site) -> Result<(), TextError> {
        if let Some((span, name)) = &node.properties.anchor {
            self.anchors.push(span.clone());
            self.known.insert(name, node);
        }
        let in_flow = site.in_flow || node.flow;
        let collection = matches!(node.content, Content::Map(_) | Content::List(_));
        let column = if collection && !in_flow { leaves::column(text, node.span.start) } else { site.column };
        if collection && !in_flow {
            self.columns.push(column);
        }
        match &node.content {
            Content::Alias(name) => {
                let Some(target) = self.known.get(name.text()) else {
                    let kind = TextErrorKind::Syntax("no anchor of this name stands before the alias");
                    return Err(TextError::at(kind, node.span.start));
                };
                self.targets.insert(node.span.start, target);
                self.aliases.push((node.span.clone(), site));
            }
            Content::Scalar(..) => {}
            Content::Map(entries) => {
                for (key, value) in entries {
                    let site = Site { column, in_flow, in_list: false, is_key: false };
                    self.node(text, key, Site { is_key: true, ..site })?;
                    self.node(text, value, site)?;
                }
            }
            Content::List(items) => {
                let site = Site { column, in_flow, in_list: true, is_key: false };
                items.iter().try_for_each(|item| self.node(text, item, site))?;
            }
        }
        Ok(())
    }
}

struct Copier<'a, 'n, 't> {
    text: &'a str,
    step: usize,
    line_end: &'static str,
    targets: &'a BTreeMap<usize, &'n Node<'t>>,
    /// Where the nodes begin whose copies are being made.
    active: Vec<usize>,
    nodes: usize,
    bytes: usize,
}

impl<'n, 't> Copier<'_, 'n, 't> {
    /// The bytes that an alias gives way to.
    fn replacement(
        &mut self,
        span: &Range<usize>,
        site: Site,
    ) -> Result<(Range<usize>, SecretBytes), TextError> {
        let Some(target) = self.targets.get(&span.start).copied() else {
            return Ok((span.clone(), SecretBytes::default()));
        };
        if target.span.contains(&span.start) {
            return Err(TextError::at(inside_itself(), target.span.start));
        }
        if site.is_key {
            let name = metadata::key_text(target)?;
            let key =
                write::key(&name, site.in_flow).map_err(|kind| TextError::at(kind, target.span.start))?;
            return Ok((span.clone(), SecretBytes::from(key.into_bytes())));
        }
        let rest = self.text.get(span.end..next_line(self.text, span.end)).unwrap_or_default();
        let many = match &target.content {
            Content::Map(entries) => !entries.is_empty(),
            Content::List(items) => !items.is_empty(),
            Content::Scalar(..) | Content::Alias(_) => false,
        };
        if site.in_flow || !many || !rest.trim().is_empty() {
            return Ok((span.clone(), self.flow(target)?));
        }
        let column = if site.in_list { site.column + 2 } else { site.column + self.step };
        let lines = self.block(target, column)?;
        let bare = lines.expose().strip_suffix(self.line_end.as_bytes()).unwrap_or(lines.expose());
        // A copy that starts with a comment can't share the line of the `-`.
        let own_line = !site.in_list || bare.trim_ascii_start().starts_with(b"#");
        if !own_line {
            return Ok((span.clone(), joined(&[bare.get(column..).unwrap_or_default()])));
        }
        let before = self.text.get(..span.start).unwrap_or_default();
        let start = before.trim_end_matches([' ', '\t']).len();
        Ok((start..span.end, joined(&[self.line_end.as_bytes(), bare])))
    }

    /// Follows an alias inside of a copy, and counts.
    fn enter(&mut self, node: &'n Node<'t>) -> Result<&'n Node<'t>, TextError> {
        self.nodes += 1;
        let target = match &node.content {
            Content::Alias(_) => self.targets.get(&node.span.start).copied().unwrap_or(node),
            _ => node,
        };
        if let Content::Scalar(_, text) = &target.content {
            self.bytes += text.text().len();
        }
        let limits = [
            (self.nodes, "the number of values that aliases stand for", NODES_MAX),
            (self.bytes, "the size in bytes of what aliases stand for", BYTES_MAX),
            (self.active.len(), "the nesting of aliases", DEPTH_MAX),
        ];
        if let Some((_, what, limit)) = limits.into_iter().find(|(count, _, limit)| count > limit) {
            return Err(TextError::at(TextErrorKind::TooLarge { what, limit }, node.span.start));
        }
        let collection = matches!(target.content, Content::Map(_) | Content::List(_));
        if collection && self.active.contains(&target.span.start) {
            return Err(TextError::at(inside_itself(), node.span.start));
        }
        self.active.push(target.span.start);
        Ok(target)
    }

    fn value(node: &Node<'_>) -> Result<Scalar, TextError> {
        let Content::Scalar(style, text) = &node.content else { return Ok(Scalar::Null) };
        let tag = node.properties.tag.as_ref().map(|(_, tag)| tag.as_str());
        resolve(text.text(), *style, tag).map_err(|kind| TextError::at(kind, node.span.start))
    }

    fn scalar(&self, node: &Node<'_>, block: Option<usize>) -> Result<SecretBytes, TextError> {
        let style = match &node.content {
            Content::Scalar(style, _) => *style,
            _ => Style::Plain,
        };
        let style = if block.is_none() && style.is_block() { Style::Double } else { style };
        let slot = Slot { style, flow: block.is_none(), block, break_follows: true, line_end: self.line_end };
        Ok(write::scalar(&Self::value(node)?, slot))
    }

    /// A copy on one line.
    fn flow(&mut self, node: &'n Node<'t>) -> Result<SecretBytes, TextError> {
        let target = self.enter(node)?;
        let mut made = SecretBytes::with_capacity(64);
        match &target.content {
            Content::Map(entries) => {
                made.extend(b"{");
                for (position, (key, value)) in entries.iter().enumerate() {
                    made.extend(if position > 0 { b", " } else { b"" });
                    made.extend(write::double(&self.name(key)?).expose());
                    made.extend(b": ");
                    made.extend(self.flow(value)?.expose());
                }
                made.extend(b"}");
            }
            Content::List(items) => {
                made.extend(b"[");
                for (position, item) in items.iter().enumerate() {
                    made.extend(if position > 0 { b", " } else { b"" });
                    made.extend(self.flow(item)?.expose());
                }
                made.extend(b"]");
            }
            Content::Scalar(..) | Content::Alias(_) => made.extend(self.scalar(target, None)?.expose()),
        }
        self.active.pop();
        Ok(made)
    }

    fn name(&self, key: &'n Node<'t>) -> Result<String, TextError> {
        let target = self.targets.get(&key.span.start).copied().unwrap_or(key);
        metadata::key_text(target)
    }

    fn comments(&self, made: &mut SecretBytes, column: usize, nodes: [&Lines; 2]) {
        for span in nodes.into_iter().flatten().flatten() {
            made.extend(" ".repeat(column).as_bytes());
            made.extend(self.text.get(span.clone()).unwrap_or_default().as_bytes());
            made.extend(self.line_end.as_bytes());
        }
    }

    /// A copy as lines at `column`, comments included.
    fn block(&mut self, node: &'n Node<'t>, column: usize) -> Result<SecretBytes, TextError> {
        let target = self.enter(node)?;
        let mut made = SecretBytes::with_capacity(256);
        self.comments(&mut made, column, [&target.head, &target.line]);
        match &target.content {
            Content::Map(entries) => {
                for (key, value) in entries {
                    self.comments(&mut made, column, [&key.head, &key.line]);
                    let name = self.name(key)?;
                    let key_text =
                        write::key(&name, false).map_err(|kind| TextError::at(kind, key.span.start))?;
                    self.entry(&mut made, format!("{key_text}:").as_bytes(), value, column)?;
                    self.comments(&mut made, column, [&value.foot, &key.foot]);
                }
            }
            Content::List(items) => {
                for item in items {
                    self.entry(&mut made, b"-", item, column)?;
                    self.comments(&mut made, column, [&item.foot, &Lines::new()]);
                }
            }
            Content::Scalar(..) | Content::Alias(_) => {}
        }
        self.active.pop();
        Ok(made)
    }

    fn entry(
        &mut self,
        made: &mut SecretBytes,
        lead: &[u8],
        value: &'n Node<'t>,
        column: usize,
    ) -> Result<(), TextError> {
        let target = self.targets.get(&value.span.start).copied().unwrap_or(value);
        let many = match &target.content {
            Content::Map(entries) => !entries.is_empty(),
            Content::List(items) => !items.is_empty(),
            Content::Scalar(..) | Content::Alias(_) => false,
        };
        if !many {
            self.comments(made, column, [&value.head, &value.line]);
        }
        made.extend(" ".repeat(column).as_bytes());
        made.extend(lead);
        if many {
            made.extend(self.line_end.as_bytes());
            made.extend(self.block(value, column + self.step)?.expose());
            return Ok(());
        }
        let target = self.enter(value)?;
        self.active.pop();
        made.extend(b" ");
        match &target.content {
            Content::Map(_) => made.extend(b"{}"),
            Content::List(_) => made.extend(b"[]"),
            _ => made.extend(self.scalar(target, Some(column + self.step))?.expose()),
        }
        made.extend(self.line_end.as_bytes());
        Ok(())
    }
}

fn inside_itself() -> TextErrorKind {
    TextErrorKind::Syntax("an alias stands inside of what it stands for")
}
