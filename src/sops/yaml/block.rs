//! The metadata block of a YAML text: respelled, added or taken away, and nothing around it touched.

#[cfg(test)]
mod tests;

use std::ops::Range;

use crate::sops::splice::Edits;
use crate::sops::tree::Block;
use crate::sops::tree::Node;
use crate::sops::tree::Text;
use crate::sops::tree::TextError;
use crate::sops::tree::TextErrorKind;
use crate::sops::yaml::Yaml;
use crate::sops::yaml::emit::Emitter;
use crate::sops::yaml::emit::entry;
use crate::sops::yaml::emit::entry_end;
use crate::sops::yaml::emit::line_start;
use crate::sops::yaml::emit::next_line;
use crate::sops::yaml::leaves;
use crate::sops::yaml::metadata;
use crate::sops::yaml::metadata::METADATA_KEY;
use crate::sops::yaml::node;
use crate::sops::yaml::node::Content;
use crate::sops::yaml::node::Document;
use crate::sops::yaml::token;
use crate::sops::yaml::token::Style;

type Entry<'n, 't> = (&'n node::Node<'t>, &'n node::Node<'t>);

/// Brings the metadata of each document to what `block` says.
pub(super) fn set(
    yaml: &Yaml,
    block: Option<Block<'_>>,
    like: Option<&Yaml>,
    edits: &mut Edits,
) -> Result<(), TextError> {
    let wanted = block.map(|block| block.node);
    if yaml.metadata() == wanted && (wanted.is_none() || yaml.documents == 1) {
        return Ok(());
    }
    if let Some(windows) = &yaml.windows {
        return windows.iter().try_for_each(|window| set_within(yaml, window, wanted, edits));
    }
    let documents = yaml.documents()?;
    let samples = like.map(Yaml::documents).transpose()?.unwrap_or_default();
    let emitter = yaml.emitter(yaml.text());
    let mut changes = Changes { text: yaml.text(), bom: yaml.bom, edits };
    for (number, document) in documents.iter().enumerate() {
        let sample = samples.get(number).or(samples.first());
        let sample = like.zip(sample).and_then(|(like, document)| Sample::of(like, document));
        changes.bring(emitter, document, wanted, sample)?;
    }
    if let (true, Some(node)) = (documents.is_empty(), wanted) {
        let lines = fresh(emitter, node, 0)?;
        changes.put_lines(changes.text.len(), &lines, emitter.line_end);
    }
    Ok(())
}

/// Where the metadata of each document stand, with what follows up to the next key: what can be read alone. None where
/// a document has none, or has them in braces.
pub(super) fn windows(text: &str, documents: &[Document<'_>]) -> Option<Vec<Range<usize>>> {
    let window = |document: &Document<'_>| {
        let (key, _) = entry(&document.top, METADATA_KEY)?;
        let Content::Map(entries) = &document.top.content else { return None };
        let next = entries.iter().find(|(other, _)| other.mark > key.mark);
        let end = next.map_or(document.end, |(next, _)| line_start(text, next.mark));
        // A directive may say what a tag in the metadata means.
        let directed = text.as_bytes().get(document.span.start) == Some(&b'%');
        let alone = !document.top.flow && !directed && leaves::column(text, key.mark) == 0;
        alone.then_some(key.mark..end)
    };
    documents.iter().map(window).collect::<Option<Vec<_>>>().filter(|windows| !windows.is_empty())
}

fn set_within(
    yaml: &Yaml,
    window: &Range<usize>,
    wanted: Option<&Node>,
    edits: &mut Edits,
) -> Result<(), TextError> {
    let text = yaml.text().get(window.clone()).unwrap_or_default();
    let mut changes = Changes { text, bom: yaml.bom + window.start, edits };
    let documents = node::documents(text, token::tokens(text)?.tokens)?;
    documents.iter().try_for_each(|document| changes.bring(yaml.emitter(text), document, wanted, None))
}

/// The bytes of an entry with the separators that it alone needs.
pub(super) fn span(text: &str, map: &node::Node<'_>, (key, value): Entry<'_, '_>) -> Range<usize> {
    let end = entry_end(key, value);
    if !map.flow {
        let start = line_start(text, key.mark);
        return start..behind_comments(text, next_line(text, end), key.mark - start);
    }
    let Content::Map(entries) = &map.content else { return key.mark..end };
    let after = entries.iter().find(|(other, _)| other.mark > key.mark);
    let before = entries.iter().rev().find(|(other, _)| other.mark < key.mark);
    match (before, after) {
        (_, Some((next, _))) => key.whole().start..next.whole().start,
        (Some((name, last)), None) => entry_end(name, last)..end,
        (None, None) => key.whole().start..end,
    }
}

/// Skips comment lines that are indented deeper than `column`: they belong to the entry above.
pub(super) fn behind_comments(text: &str, mut at: usize, column: usize) -> usize {
    loop {
        let line = text.get(at..next_line(text, at)).unwrap_or_default();
        let bare = line.trim_start_matches(' ');
        if !bare.starts_with('#') || line.len() - bare.len() <= column {
            return at;
        }
        at += line.len();
    }
}

fn fresh(emitter: Emitter<'_>, node: &Node, column: usize) -> Result<Vec<u8>, TextError> {
    let fields = [(METADATA_KEY.to_owned(), node.clone())];
    emitter.map(&fields, column, column + emitter.step, None).map_err(|kind| TextError {
        kind,
        offset: None,
        line: None,
        key: None,
    })
}

/// Rewrites as little as possible of `value` so that it says `node`.
fn respell(
    emitter: Emitter<'_>,
    value: &node::Node<'_>,
    node: &Node,
    in_flow: bool,
    changes: &mut Changes<'_, '_>,
) -> Result<(), TextError> {
    let inside = in_flow || value.flow;
    if metadata::generic(value)? == *node {
        return Ok(());
    }
    match (&value.content, node) {
        (Content::Map(entries), Node::Map(fields)) if same_keys(entries, fields) => {
            for ((_, value), (_, node)) in entries.iter().zip(fields) {
                respell(emitter, value, node, inside, changes)?;
            }
            return Ok(());
        }
        (Content::List(items), Node::List(nodes)) if items.len() == nodes.len() => {
            let mut pairs = items.iter().zip(nodes);
            return pairs.try_for_each(|(item, node)| respell(emitter, item, node, inside, changes));
        }
        _ => {}
    }
    rewrite(emitter, value, node, in_flow, changes)
}

fn same_keys(entries: &[(node::Node<'_>, node::Node<'_>)], fields: &[(String, Node)]) -> bool {
    let named = |(key, _): &(node::Node<'_>, node::Node<'_>)| metadata::key_text(key).ok();
    entries.len() == fields.len()
        && entries.iter().zip(fields).all(|(entry, (name, _))| named(entry).as_ref() == Some(name))
}

fn rewrite(
    emitter: Emitter<'_>,
    value: &node::Node<'_>,
    node: &Node,
    in_flow: bool,
    changes: &mut Changes<'_, '_>,
) -> Result<(), TextError> {
    let text = emitter.text;
    let start = value.span.start;
    let column = leaves::column(text, start);
    let wrong = |kind| TextError::at(kind, start);
    let block = !in_flow && !value.flow;
    let lines = match (&value.content, node) {
        (Content::Map(old), Node::Map(fields)) if block && !old.is_empty() && !fields.is_empty() => {
            emitter.map(fields, column, column + emitter.step, Some(value)).map_err(wrong)?
        }
        (Content::List(old), Node::List(items)) if block && !old.is_empty() && !items.is_empty() => {
            emitter.list(items, column, Some(value)).map_err(wrong)?
        }
        (Content::Scalar(style, _), Node::Str(_) | Node::Number(_) | Node::Bool(_) | Node::Null) => {
            let quoted = matches!(style, Style::Single | Style::Double) && matches!(node, Node::Str(_));
            let style = if quoted { *style } else { Style::Plain };
            let block = (!in_flow).then(|| changes.indent_of(start) + emitter.step);
            let lead: &[u8] = if value.whole().is_empty() { b" " } else { b"" };
            changes.put(value.whole(), [lead, &emitter.scalar(node, style, block)].concat());
            return Ok(());
        }
        _ if in_flow => {
            changes.put(value.whole(), emitter.flow(node));
            return Ok(());
        }
        _ => return changes.replace_behind_key(emitter, value, node).map_err(wrong),
    };
    let bare = lines.get(column..).unwrap_or_default();
    let end = value.span.end;
    let ending = emitter.line_end.as_bytes();
    changes.put(start..end, bare.strip_suffix(ending).unwrap_or(bare).to_vec());
    Ok(())
}

/// The block of an earlier text of the same file.
struct Sample<'n, 't> {
    yaml: &'n Yaml,
    document: &'n Document<'t>,
    entry: Entry<'n, 't>,
    span: Range<usize>,
}

impl<'n, 't> Sample<'n, 't> {
    fn of(yaml: &'n Yaml, document: &'n Document<'t>) -> Option<Self> {
        let entry = entry(&document.top, METADATA_KEY)?;
        let span = span(yaml.text(), &document.top, entry);
        Some(Self { yaml, document, entry, span })
    }

    /// The block of the sample, saying what `node` says.
    fn respelled(&self, node: &Node) -> Result<Vec<u8>, TextError> {
        let yaml = self.yaml;
        let emitter = yaml.emitter(yaml.text());
        let mut edits = Edits::default();
        let mut changes = Changes { text: yaml.text(), bom: 0, edits: &mut edits };
        respell(emitter, self.entry.1, node, self.document.top.flow, &mut changes)?;
        Ok(edits.apply_within(yaml.text().as_bytes(), self.span.clone()).expose().to_vec())
    }

    /// The first key behind the block, and where it stands.
    fn next(&self) -> Option<(String, usize)> {
        let Content::Map(entries) = &self.document.top.content else { return None };
        let (key, _) = entries.iter().find(|(key, _)| key.mark > self.entry.0.mark)?;
        Some((metadata::key_text(key).ok()?, key.mark))
    }

    /// Where the block goes in another text of the same file.
    fn place(&self, text: &str, document: &Document<'_>) -> usize {
        let ours = self.yaml.text();
        let lines = |until: usize| {
            let between = ours.get(self.span.end..until).unwrap_or_default();
            between.lines().count()
        };
        let Some((name, mark)) = self.next() else {
            return back_up(text, document.end, lines(self.document.end));
        };
        let Some((key, _)) = entry(&document.top, &name) else { return document.end };
        back_up(text, line_start(text, key.mark), lines(line_start(ours, mark)))
    }
}

/// `count` lines before `at`, as far as they hold nothing but comments.
fn back_up(text: &str, mut at: usize, count: usize) -> usize {
    for _ in 0..count {
        let before = text.get(..at).unwrap_or_default();
        let ended = before.strip_suffix('\n').unwrap_or(before);
        let start = ended.rfind('\n').map_or(0, |last| last + 1);
        let line = ended.get(start..).unwrap_or_default().trim();
        if !line.is_empty() && !line.starts_with('#') {
            break;
        }
        at = start;
    }
    at
}

struct Changes<'a, 'e> {
    text: &'a str,
    bom: usize,
    edits: &'e mut Edits,
}

impl Changes<'_, '_> {
    fn put(&mut self, range: Range<usize>, new: Vec<u8>) {
        self.edits.replace(range.start + self.bom..range.end + self.bom, new);
    }

    fn delete(&mut self, range: Range<usize>) {
        self.edits.delete(range.start + self.bom..range.end + self.bom);
    }

    /// Puts whole lines at a place, with a line end before them where there is none yet.
    fn put_lines(&mut self, at: usize, lines: &[u8], line_end: &str) {
        let before = self.text.get(..at).unwrap_or_default();
        let lead = if before.is_empty() || before.ends_with('\n') { "" } else { line_end };
        let trail = if at == self.text.len() || lines.ends_with(b"\n") { "" } else { line_end };
        self.put(at..at, [lead.as_bytes(), lines, trail.as_bytes()].concat());
    }

    /// Brings the metadata of a document to what is wanted.
    fn bring(
        &mut self,
        emitter: Emitter<'_>,
        document: &Document<'_>,
        wanted: Option<&Node>,
        sample: Option<Sample<'_, '_>>,
    ) -> Result<(), TextError> {
        match (entry(&document.top, METADATA_KEY), wanted) {
            (None, None) => {}
            (Some(there), None) => self.delete(span(self.text, &document.top, there)),
            (Some((_, value)), Some(node)) => respell(emitter, value, node, document.top.flow, self)?,
            (None, Some(node)) => self.add(emitter, document, node, sample)?,
        }
        Ok(())
    }

    fn add(
        &mut self,
        emitter: Emitter<'_>,
        document: &Document<'_>,
        node: &Node,
        sample: Option<Sample<'_, '_>>,
    ) -> Result<(), TextError> {
        let top = &document.top;
        let at = top.span.start;
        let column = match &top.content {
            Content::Map(_) if top.flow => return self.add_in_braces(emitter, top, node, sample),
            Content::Map(_) => leaves::column(self.text, at),
            Content::Scalar(..) if top.whole().is_empty() => 0,
            _ => {
                let why = "a document of nothing but `null` has no place for metadata; remove the document";
                return Err(TextError::at(TextErrorKind::Unsupported(why), at));
            }
        };
        let sample = sample.filter(|sample| {
            let text = sample.yaml.text();
            !sample.document.top.flow && leaves::column(text, sample.entry.0.mark) == column
        });
        let place = sample.as_ref().map_or(document.end, |sample| sample.place(self.text, document));
        let lines = match sample {
            Some(sample) => sample.respelled(node)?,
            None => fresh(emitter, node, column)?,
        };
        self.put_lines(place, &lines, emitter.line_end);
        Ok(())
    }

    fn add_in_braces(
        &mut self,
        emitter: Emitter<'_>,
        top: &node::Node<'_>,
        node: &Node,
        sample: Option<Sample<'_, '_>>,
    ) -> Result<(), TextError> {
        let Content::Map(entries) = &top.content else { return Ok(()) };
        let last = entries.last().map(|(key, value)| entry_end(key, value));
        if let Some(sample) = sample.filter(|sample| sample.document.top.flow) {
            let place = match sample.next() {
                Some((name, _)) => entry(top, &name).map(|(key, _)| key.whole().start),
                None => last,
            };
            if let Some(place) = place {
                self.put(place..place, sample.respelled(node)?);
                return Ok(());
            }
        }
        let separator: &[u8] = if last.is_some() { b", " } else { b"" };
        let at = last.unwrap_or(top.span.start + 1);
        self.put(at..at, [separator, b"\"sops\": ", &emitter.flow(node)].concat());
        Ok(())
    }

    /// The indentation of the line of `at`.
    fn indent_of(&self, at: usize) -> usize {
        let line = self.text.get(line_start(self.text, at)..at).unwrap_or_default();
        line.len() - line.trim_start_matches([' ', '-']).len()
    }

    /// Puts a value of another kind where `value` stands.
    fn replace_behind_key(
        &mut self,
        emitter: Emitter<'_>,
        value: &node::Node<'_>,
        node: &Node,
    ) -> Result<(), TextErrorKind> {
        let whole = value.whole();
        let before = self.text.get(..whole.start).unwrap_or_default();
        let start = before.trim_end().len();
        let column = self.indent_of(start);
        let made = emitter.value(node, column, column + emitter.step)?;
        let ending = emitter.line_end.as_bytes();
        self.put(start..whole.end, made.strip_suffix(ending).unwrap_or(&made).to_vec());
        Ok(())
    }
}
