//! Maps and lists in braces and brackets.

use crate::sops::tree::TextError;
use crate::sops::yaml::feed::Pending;
use crate::sops::yaml::node::Content;
use crate::sops::yaml::node::Node;
use crate::sops::yaml::node::Properties;
use crate::sops::yaml::node::Reader;
use crate::sops::yaml::token::Kind;

impl<'t> Reader<'t, '_> {
    pub(super) fn flow_list(&mut self, properties: Properties, start: usize) -> Result<Node<'t>, TextError> {
        let mut comments = self.feed.comments();
        self.skip()?;
        let mut items = Vec::new();
        while self.feed.peek()?.0 != Kind::FlowSequenceEnd {
            if !items.is_empty() {
                self.close(Kind::FlowEntry, "`,` or `]` is expected here")?;
            }
            match self.feed.peek()?.0 {
                Kind::Key => items.push(self.single_pair()?),
                Kind::FlowSequenceEnd => {}
                _ => items.push(self.node(false, false)?),
            }
        }
        let closing = self.close_with(Kind::FlowSequenceEnd, "`]` is expected here")?;
        (comments.line, comments.foot) = (closing.line, closing.foot);
        let mut node = Node::new(Content::List(items), properties, start..self.end, comments);
        node.flow = true;
        Ok(node)
    }

    /// A map of one entry without braces, as in `[a: b]`.
    fn single_pair(&mut self) -> Result<Node<'t>, TextError> {
        let (_, start) = self.feed.peek()?;
        self.skip()?;
        let (kind, at) = self.feed.peek()?;
        let none = matches!(kind, Kind::Value | Kind::FlowEntry | Kind::FlowSequenceEnd);
        let mut key = if none { Self::empty(at) } else { self.node(false, false)? };
        let mut value = self.flow_value()?;
        Self::hand_up(&mut key, &mut value);
        let content = Content::Map(vec![(key, value)]);
        let mut node = Node::new(content, Properties::default(), start..self.end, Pending::default());
        node.flow = true;
        Ok(node)
    }

    fn flow_value(&mut self) -> Result<Node<'t>, TextError> {
        if self.feed.peek()?.0 != Kind::Value {
            return Ok(Self::empty(self.end));
        }
        let mark = self.skip()?.end;
        let (kind, _) = self.feed.peek()?;
        let none = matches!(kind, Kind::FlowEntry | Kind::FlowSequenceEnd | Kind::FlowMappingEnd);
        if none { Ok(Self::empty(mark)) } else { self.node(false, false) }
    }

    pub(super) fn flow_map(&mut self, properties: Properties, start: usize) -> Result<Node<'t>, TextError> {
        let mut comments = self.feed.comments();
        self.skip()?;
        let mut entries = Vec::new();
        while self.feed.peek()?.0 != Kind::FlowMappingEnd {
            if !entries.is_empty() {
                self.close(Kind::FlowEntry, "`,` or `}` is expected here")?;
            }
            match self.feed.peek()?.0 {
                Kind::FlowMappingEnd => {}
                Kind::Key => {
                    self.skip()?;
                    entries.push(self.flow_pair()?);
                }
                _ => {
                    let mut key = self.node(false, false)?;
                    let mut value = Self::empty(self.end);
                    Self::hand_up(&mut key, &mut value);
                    entries.push((key, value));
                }
            }
        }
        let closing = self.close_map(Kind::FlowMappingEnd, "`}` is expected here", &mut entries, false)?;
        (comments.line, comments.foot) = (closing.line, closing.foot);
        let mut node = Node::new(Content::Map(entries), properties, start..self.end, comments);
        node.flow = true;
        Ok(node)
    }

    fn flow_pair(&mut self) -> Result<(Node<'t>, Node<'t>), TextError> {
        let (kind, at) = self.feed.peek()?;
        let none = matches!(kind, Kind::Value | Kind::FlowEntry | Kind::FlowMappingEnd);
        let mut key = if none { Self::empty(at) } else { self.node(false, false)? };
        let mut value = self.flow_value()?;
        Self::hand_up(&mut key, &mut value);
        Ok((key, value))
    }

    fn hand_up(key: &mut Node<'t>, value: &mut Node<'t>) {
        if key.foot.is_empty() {
            std::mem::swap(&mut key.foot, &mut value.foot);
        }
    }
}
