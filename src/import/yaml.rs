//! YAML as a plain tree, for settings and for the names in SOPS files: aliases are followed, tags are not.

use std::borrow::Cow;
use std::collections::BTreeMap;

use saphyr_parser::Event;
use saphyr_parser::Parser;

/// More nodes than this, aliases counted each time, are a trap and no settings.
const NODES: usize = 2_000_000;

/// A document, or a part of it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) enum Node {
    Scalar(String),
    List(Vec<Node>),
    Map(Vec<(String, Node)>),
}

impl Node {
    /// The documents of a text; none where it does not parse.
    pub(super) fn parse(text: &str) -> Option<Vec<Self>> {
        let mut builder = Builder::default();
        for event in Parser::new_from_str(text) {
            let (event, _) = event.ok()?;
            builder.take(event)?;
        }
        Some(builder.documents)
    }

    /// The value of a key of a map.
    pub(super) fn get(&self, key: &str) -> Option<&Self> {
        let Self::Map(entries) = self else { return None };
        entries.iter().find(|(name, _)| name == key).map(|(_, node)| node)
    }

    pub(super) fn text(&self) -> Option<&str> {
        if let Self::Scalar(text) = self { Some(text) } else { None }
    }

    pub(super) fn items(&self) -> &[Self] {
        if let Self::List(items) = self { items } else { &[] }
    }

    pub(super) fn entries(&self) -> &[(String, Self)] {
        if let Self::Map(entries) = self { entries } else { &[] }
    }

    fn size(&self) -> usize {
        match self {
            Self::Scalar(_) => 1,
            Self::List(items) => 1 + items.iter().map(Self::size).sum::<usize>(),
            Self::Map(entries) => 1 + entries.iter().map(|(_, node)| 1 + node.size()).sum::<usize>(),
        }
    }
}

#[derive(Default)]
struct Builder {
    documents: Vec<Node>,
    open: Vec<Open>,
    anchors: BTreeMap<usize, (Node, usize)>,
    count: usize,
}

/// A list or map whose end is not there yet.
struct Open {
    node: Node,
    anchor: usize,
    key: Option<String>,
}

impl Builder {
    fn take(&mut self, event: Event<'_>) -> Option<()> {
        match event {
            Event::Scalar(text, _, anchor, _) => self.add(Node::Scalar(Cow::into_owned(text)), anchor, 1),
            Event::SequenceStart(anchor, _) => self.open(Node::List(Vec::new()), anchor),
            Event::MappingStart(anchor, _) => self.open(Node::Map(Vec::new()), anchor),
            Event::SequenceEnd | Event::MappingEnd => {
                let Open { node, anchor, .. } = self.open.pop()?;
                self.add(node, anchor, 1)
            }
            Event::Alias(anchor) => {
                let (node, size) = self.anchors.get(&anchor)?.clone();
                self.add(node, 0, size)
            }
            _ => Some(()),
        }
    }

    fn open(&mut self, node: Node, anchor: usize) -> Option<()> {
        // The parser bounds nothing; neither may the depth that our own walks go down to.
        (self.open.len() < 200).then(|| self.open.push(Open { node, anchor, key: None }))
    }

    fn add(&mut self, node: Node, anchor: usize, size: usize) -> Option<()> {
        self.count = self.count.checked_add(size).filter(|count| *count <= NODES)?;
        if anchor != 0 {
            let size = node.size();
            self.anchors.insert(anchor, (node.clone(), size));
        }
        let Some(open) = self.open.last_mut() else {
            self.documents.push(node);
            return Some(());
        };
        match (&mut open.node, open.key.take()) {
            (Node::List(items), _) => items.push(node),
            (Node::Map(entries), Some(key)) if key == "<<" => {
                let merged: Vec<(String, Node)> = match node {
                    Node::Map(entries) => entries,
                    Node::List(maps) => maps.iter().flat_map(|map| map.entries().to_vec()).collect(),
                    Node::Scalar(_) => Vec::new(),
                };
                for (name, node) in merged {
                    if !entries.iter().any(|(known, _)| *known == name) {
                        entries.push((name, node));
                    }
                }
            }
            (Node::Map(entries), Some(key)) => entries.push((key, node)),
            (Node::Map(_), None) => open.key = Some(node.text()?.to_owned()),
            (Node::Scalar(_), _) => return None,
        }
        Some(())
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn aliases_and_merges_are_followed() {
        let text = "keys:\n  - &a one\n  - &b [two, *a]\nrules:\n  - {<<: {x: 1}, age: [*a, *b]}\n";
        let root = Node::parse(text).unwrap().remove(0);
        let rule = root.get("rules").unwrap().items().first().unwrap();
        assert_eq!(rule.get("x").unwrap().text(), Some("1"));
        let age = rule.get("age").unwrap().items();
        assert_eq!(age.first().unwrap().text(), Some("one"));
        assert_eq!(age.get(1).unwrap().items().len(), 2);
    }

    #[test]
    fn aliases_that_multiply_are_refused() {
        let mut text = "a0: &a0 [x,x,x,x,x,x,x,x,x,x]\n".to_owned();
        for at in 1..9 {
            let before = at - 1;
            text.push_str(&format!("a{at}: &a{at} [{}]\n", vec![format!("*a{before}"); 10].join(",")));
        }
        assert_eq!(Node::parse(&text), None);
    }

    #[test]
    fn what_does_not_parse_is_nothing() {
        for text in ["a: [", "a: *b", "{a: 1", "\t- x\n\t\t: :"] {
            assert_eq!(Node::parse(text), None, "{text}");
        }
    }
}
