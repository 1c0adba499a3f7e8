//! The nodes of a YAML text, each with the comments that the YAML library of sops attaches to it.

use std::ops::Range;

use crate::sops::tree::TextError;
use crate::sops::tree::TextErrorKind;
use crate::sops::yaml::feed::Feed;
use crate::sops::yaml::feed::Pending;
use crate::sops::yaml::remark::Lines;
use crate::sops::yaml::token::DEPTH_MAX;
use crate::sops::yaml::token::Decoded;
use crate::sops::yaml::token::Kind;
use crate::sops::yaml::token::Style;
use crate::sops::yaml::token::Token;

/// What a node is.
#[derive(Debug)]
pub(super) enum Content<'t> {
    Scalar(Style, Decoded<'t>),
    List(Vec<Node<'t>>),
    Map(Vec<(Node<'t>, Node<'t>)>),
    Alias(Decoded<'t>),
}

/// Anchor and tag in front of a node.
#[derive(Debug, Default)]
pub(super) struct Properties {
    pub(super) tag: Option<(Range<usize>, String)>,
    pub(super) anchor: Option<(Range<usize>, String)>,
}

/// One node of a document.
#[derive(Debug)]
pub(super) struct Node<'t> {
    pub(super) content: Content<'t>,
    pub(super) properties: Properties,
    /// Without its properties. Of a block it begins at the first key or `-`.
    pub(super) span: Range<usize>,
    pub(super) flow: bool,
    /// Where its entry begins: at its `-`, or for a key at itself or its `?`.
    pub(super) mark: usize,
    pub(super) head: Lines,
    pub(super) line: Lines,
    pub(super) foot: Lines,
}

/// One document of a stream.
#[derive(Debug)]
pub(super) struct Document<'t> {
    pub(super) head: Lines,
    pub(super) foot: Lines,
    pub(super) top: Node<'t>,
    /// From its directives or first byte to its end, `...` included.
    pub(super) span: Range<usize>,
    /// Where `...` or the next `---` stands, or the text ends.
    pub(super) end: usize,
}

impl<'t> Node<'t> {
    pub(super) fn new(
        content: Content<'t>,
        properties: Properties,
        span: Range<usize>,
        comments: Pending,
    ) -> Self {
        let Pending { head, line, foot } = comments;
        Self { content, properties, flow: false, mark: span.start, span, head, line, foot }
    }

    /// The bytes with anchor and tag.
    pub(super) fn whole(&self) -> Range<usize> {
        let spans = [&self.properties.tag, &self.properties.anchor].into_iter().flatten();
        let start = spans.map(|(span, _)| span.start).fold(self.span.start, usize::min);
        start..self.span.end
    }
}

/// Reads all documents.
pub(super) fn documents<'t>(text: &str, tokens: Vec<Token<'t>>) -> Result<Vec<Document<'t>>, TextError> {
    let mut reader = Reader { feed: Feed::new(text, tokens), depth: 0, end: 0 };
    let mut documents = Vec::new();
    reader.feed.peek()?;
    reader.skip()?;
    while let Some(document) = reader.document(documents.is_empty())? {
        documents.push(document);
    }
    Ok(documents)
}

pub(super) struct Reader<'t, 'a> {
    pub(super) feed: Feed<'t, 'a>,
    depth: usize,
    /// End of the last token of content.
    pub(super) end: usize,
}

impl<'t> Reader<'t, '_> {
    pub(super) fn skip(&mut self) -> Result<Token<'t>, TextError> {
        let Some(token) = self.feed.take() else {
            return Err(TextError::at(TextErrorKind::Syntax("the text ends too early"), self.end));
        };
        if !matches!(token.kind, Kind::BlockEnd | Kind::StreamEnd) {
            self.end = token.end;
        }
        Ok(token)
    }

    fn document(&mut self, first: bool) -> Result<Option<Document<'t>>, TextError> {
        let (mut kind, mut start) = self.feed.peek()?;
        while !first && kind == Kind::DocumentEnd {
            self.skip()?;
            (kind, start) = self.feed.peek()?;
        }
        if kind == Kind::StreamEnd {
            return Ok(None);
        }
        let explicit = !first || matches!(kind, Kind::Directive | Kind::DocumentStart);
        let mut head = Lines::new();
        let top = if explicit {
            while self.feed.peek()?.0 == Kind::Directive {
                self.skip()?;
            }
            let (kind, at) = self.feed.peek()?;
            if kind != Kind::DocumentStart {
                return Err(TextError::at(TextErrorKind::Syntax("a document starts with `---`"), at));
            }
            self.skip()?;
            self.document_content()?
        } else {
            head = self.split_head();
            self.node(true, false)?
        };
        self.document_end(start, head, top).map(Some)
    }

    fn document_end(&mut self, start: usize, head: Lines, top: Node<'t>) -> Result<Document<'t>, TextError> {
        let (kind, end) = self.feed.peek()?;
        let mut span = start..end;
        if kind == Kind::DocumentEnd {
            span.end = self.skip()?.end;
        }
        let Pending { head: late, foot, .. } = self.feed.comments();
        let foot = if foot.is_empty() { late } else { foot };
        Ok(Document { head, foot, top, span, end })
    }

    fn document_content(&mut self) -> Result<Node<'t>, TextError> {
        let (kind, at) = self.feed.peek()?;
        let empty =
            matches!(kind, Kind::Directive | Kind::DocumentStart | Kind::DocumentEnd | Kind::StreamEnd);
        if empty { Ok(Self::empty(at)) } else { self.node(true, false) }
    }

    /// What stands above the last empty line belongs to the document, the rest to its first node.
    fn split_head(&mut self) -> Lines {
        let head = &mut self.feed.pending.head;
        let Some(gap) = head.iter().rposition(Option::is_none) else { return Lines::new() };
        let rest = head.split_off(gap + 1);
        head.pop();
        std::mem::replace(head, rest)
    }

    pub(super) fn empty(at: usize) -> Node<'t> {
        let content = Content::Scalar(Style::Plain, Decoded::Lent(""));
        Node::new(content, Properties::default(), at..at, Pending::default())
    }

    pub(super) fn node(&mut self, block: bool, indentless: bool) -> Result<Node<'t>, TextError> {
        let (kind, start) = self.feed.peek()?;
        if kind == Kind::Alias {
            let comments = self.feed.comments();
            let token = self.skip()?;
            let span = token.start..token.end;
            return Ok(Node::new(Content::Alias(token.text), Properties::default(), span, comments));
        }
        let properties = self.properties()?;
        self.depth += 1;
        if self.depth > DEPTH_MAX {
            let kind = TextErrorKind::TooLarge { what: "the nesting", limit: DEPTH_MAX };
            return Err(TextError::at(kind, start));
        }
        let node = self.content(block, indentless, properties);
        self.depth -= 1;
        node
    }

    fn properties(&mut self) -> Result<Properties, TextError> {
        let mut properties = Properties::default();
        loop {
            match self.feed.peek()?.0 {
                Kind::Tag if properties.tag.is_none() => {
                    let token = self.skip()?;
                    properties.tag = Some((token.start..token.end, token.text.text().to_owned()));
                }
                Kind::Anchor if properties.anchor.is_none() => {
                    let token = self.skip()?;
                    properties.anchor = Some((token.start..token.end, token.text.text().to_owned()));
                }
                _ => return Ok(properties),
            }
        }
    }

    fn content(
        &mut self,
        block: bool,
        indentless: bool,
        properties: Properties,
    ) -> Result<Node<'t>, TextError> {
        let (kind, start) = self.feed.peek()?;
        let bare = properties.tag.is_none() && properties.anchor.is_none();
        match kind {
            Kind::Entry if indentless => self.list(properties, start, Kind::Entry),
            Kind::Scalar => {
                let comments = self.feed.comments();
                let token = self.skip()?;
                let content = Content::Scalar(token.style, token.text);
                Ok(Node::new(content, properties, token.start..token.end, comments))
            }
            Kind::FlowSequence => self.flow_list(properties, start),
            Kind::FlowMapping => self.flow_map(properties, start),
            Kind::BlockSequence if block => self.list(properties, start, Kind::BlockSequence),
            Kind::BlockMapping if block => self.map(properties, start),
            _ if bare => Err(TextError::at(TextErrorKind::Syntax("a value is expected here"), start)),
            _ => {
                let spans = [&properties.tag, &properties.anchor].into_iter().flatten();
                let end = spans.map(|(span, _)| span.end).max().unwrap_or(start);
                let content = Content::Scalar(Style::Plain, Decoded::Lent(""));
                Ok(Node::new(content, properties, end..end, Pending::default()))
            }
        }
    }

    fn list(&mut self, properties: Properties, start: usize, opening: Kind) -> Result<Node<'t>, TextError> {
        let indented = opening == Kind::BlockSequence;
        let mut comments = Pending::default();
        if indented {
            comments.head = std::mem::take(&mut self.feed.stem);
            self.skip()?;
        }
        let mut items = Vec::new();
        let mut end = start;
        while self.feed.peek()?.0 == Kind::Entry {
            let dash = self.entry()?;
            let (kind, _) = self.feed.peek()?;
            let none = matches!(kind, Kind::Entry | Kind::BlockEnd)
                || (!indented && matches!(kind, Kind::Key | Kind::Value));
            let mut item = if none { Self::empty(dash.end) } else { self.node(true, false)? };
            item.mark = dash.start;
            end = self.end.max(item.span.end);
            items.push(item);
        }
        if indented {
            self.close(Kind::BlockEnd, "a `-` is expected here")?;
        }
        Ok(Node::new(Content::List(items), properties, start..end, comments))
    }

    /// A `-`. When a map or list follows, the comments above the `-` are for it as a whole.
    fn entry(&mut self) -> Result<Token<'t>, TextError> {
        let above = self.feed.pending.head.len();
        let dash = self.skip()?;
        if above > 0 && matches!(self.feed.peek()?.0, Kind::BlockSequence | Kind::BlockMapping) {
            let rest = self.feed.pending.head.split_off(above);
            self.feed.stem = std::mem::replace(&mut self.feed.pending.head, rest);
        }
        Ok(dash)
    }

    pub(super) fn close(&mut self, expected: Kind, otherwise: &'static str) -> Result<Token<'t>, TextError> {
        let (kind, at) = self.feed.peek()?;
        if kind != expected {
            return Err(TextError::at(TextErrorKind::Syntax(otherwise), at));
        }
        self.skip()
    }

    fn map(&mut self, properties: Properties, start: usize) -> Result<Node<'t>, TextError> {
        let comments = Pending { head: std::mem::take(&mut self.feed.stem), ..Pending::default() };
        self.skip()?;
        let mut entries: Vec<(Node<'t>, Node<'t>)> = Vec::new();
        while self.feed.peek()?.0 == Kind::Key {
            let mark = self.skip()?;
            let mut key = self.map_part(mark.end)?;
            key.mark = mark.start;
            if let Some((before, _)) = entries.last_mut()
                && !key.foot.is_empty()
            {
                before.foot = std::mem::take(&mut key.foot);
            }
            let mut value = self.map_value()?;
            if key.foot.is_empty() {
                std::mem::swap(&mut key.foot, &mut value.foot);
            }
            entries.push((key, value));
        }
        let end = self.end;
        self.close_map(Kind::BlockEnd, "a key is expected here", &mut entries, true)?;
        Ok(Node::new(Content::Map(entries), properties, start..end, comments))
    }

    /// Ends a map; its last comments are a foot of the last entry.
    pub(super) fn close_map(
        &mut self,
        expected: Kind,
        otherwise: &'static str,
        entries: &mut [(Node<'t>, Node<'t>)],
        block: bool,
    ) -> Result<Pending, TextError> {
        self.close_with(expected, otherwise).map(|mut comments| {
            if let Some((key, _)) = entries.last_mut()
                && block
                && !comments.foot.is_empty()
            {
                key.foot = std::mem::take(&mut comments.foot);
            }
            comments
        })
    }

    pub(super) fn close_with(
        &mut self,
        expected: Kind,
        otherwise: &'static str,
    ) -> Result<Pending, TextError> {
        let (kind, at) = self.feed.peek()?;
        if kind != expected {
            return Err(TextError::at(TextErrorKind::Syntax(otherwise), at));
        }
        let comments = self.feed.comments();
        self.skip()?;
        Ok(comments)
    }

    fn map_part(&mut self, mark: usize) -> Result<Node<'t>, TextError> {
        let (kind, _) = self.feed.peek()?;
        let none = matches!(kind, Kind::Key | Kind::Value | Kind::BlockEnd);
        if none { Ok(Self::empty(mark)) } else { self.node(true, true) }
    }

    fn map_value(&mut self) -> Result<Node<'t>, TextError> {
        if self.feed.peek()?.0 != Kind::Value {
            return Ok(Self::empty(self.end));
        }
        let mark = self.skip()?.end;
        self.map_part(mark)
    }
}
