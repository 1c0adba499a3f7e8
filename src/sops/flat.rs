//! The metadata tree as flat fields, for formats without maps and lists: `age__list_0__map_recipient`.

use std::collections::BTreeMap;
use std::collections::HashMap;

use super::tree::Node;

const MAP: &str = "__map_";
const LIST: &str = "__list_";

/// Why flat fields make no tree.
pub(super) const MALFORMED: &str = "the fields of the metadata do not fit together";

/// How deep maps and lists may lie in each other; those that sops writes lie 3 deep.
const DEPTH_MAX: usize = 32;

/// The fields of a tree, sorted by name as sops sorts them.
pub(super) fn fields(node: &Node) -> Vec<(String, String)> {
    let mut fields = Vec::new();
    if let Node::Map(entries) = node {
        for (key, value) in entries {
            flatten(key, value, &mut fields);
        }
    }
    fields.sort();
    fields
}

fn flatten(name: &str, node: &Node, fields: &mut Vec<(String, String)>) {
    let text = match node {
        Node::Map(entries) => {
            return entries
                .iter()
                .for_each(|(key, value)| flatten(&format!("{name}{MAP}{key}"), value, fields));
        }
        Node::List(items) => {
            let items = items.iter().enumerate();
            return items.for_each(|(index, item)| flatten(&format!("{name}{LIST}{index}"), item, fields));
        }
        Node::Null => return,
        Node::Str(text) | Node::Number(text) => text.clone(),
        Node::Bool(value) => value.to_string(),
    };
    fields.push((name.to_owned(), text));
}

/// The tree of flat fields; none where they contradict each other or a list has holes.
pub(super) fn tree(fields: &[(String, String)]) -> Option<Node> {
    let mut root = Growing::Map(Fields::default());
    for (name, text) in fields {
        let mut at = &mut root;
        for part in parts(name)? {
            at = at.below(part)?;
        }
        if !matches!(at, Growing::Nothing) {
            return None;
        }
        *at = Growing::Text(text.clone());
    }
    root.node()
}

enum Part {
    Key(String),
    Item(usize),
}

fn parts(name: &str) -> Option<Vec<Part>> {
    let mut parts = Vec::new();
    let (mut rest, mut list) = (name, false);
    while parts.len() < DEPTH_MAX {
        let next = [rest.find(MAP), rest.find(LIST)].into_iter().flatten().min();
        let text = rest.get(..next.unwrap_or(rest.len()))?;
        parts.push(if list { Part::Item(text.parse().ok()?) } else { Part::Key(text.to_owned()) });
        let Some(at) = next else { return Some(parts) };
        rest = rest.get(at..)?;
        list = rest.starts_with(LIST);
        rest = rest.get(if list { LIST.len() } else { MAP.len() }..)?;
    }
    None
}

/// A tree that is being put together.
enum Growing {
    Nothing,
    Text(String),
    Map(Fields),
    /// Items come in any order, so that a large position takes no room.
    List(BTreeMap<usize, Growing>),
}

/// The fields of a map in the order in which they came first.
#[derive(Default)]
struct Fields {
    places: HashMap<String, usize>,
    fields: Vec<(String, Growing)>,
}

impl Growing {
    /// The child of this name, made where it is not there; nothing becomes what the name needs.
    fn below(&mut self, part: Part) -> Option<&mut Self> {
        if matches!(self, Self::Nothing) {
            *self = match part {
                Part::Key(_) => Self::Map(Fields::default()),
                Part::Item(_) => Self::List(BTreeMap::new()),
            };
        }
        match (self, part) {
            (Self::Map(Fields { places, fields }), Part::Key(key)) => {
                let at = *places.entry(key).or_insert_with_key(|key| {
                    fields.push((key.clone(), Self::Nothing));
                    fields.len() - 1
                });
                fields.get_mut(at).map(|(_, value)| value)
            }
            (Self::List(items), Part::Item(index)) => Some(items.entry(index).or_insert(Self::Nothing)),
            _ => None,
        }
    }

    /// The tree, if its lists have no holes.
    fn node(self) -> Option<Node> {
        match self {
            Self::Nothing => None,
            Self::Text(text) => Some(Node::Str(text)),
            Self::Map(Fields { fields, .. }) => {
                let fields = fields.into_iter().map(|(key, value)| Some((key, value.node()?)));
                fields.collect::<Option<_>>().map(Node::Map)
            }
            Self::List(items) => {
                let items = items.into_iter().enumerate();
                let items = items.map(|(place, (index, item))| item.node().filter(|_| index == place));
                items.collect::<Option<_>>().map(Node::List)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pairs(fields: &[(&str, &str)]) -> Vec<(String, String)> {
        fields.iter().map(|(name, text)| ((*name).to_owned(), (*text).to_owned())).collect()
    }

    #[test]
    fn fields_and_tree_are_two_spellings_of_one_thing() {
        let fields_there = pairs(&[
            ("age__list_0__map_enc", "x\ny"),
            ("age__list_0__map_recipient", "age1"),
            ("age__list_1__map_enc", "z"),
            ("key_groups__list_0__map_age__list_0__map_enc", "q"),
            ("mac", "m"),
        ]);
        assert_eq!(tree(&fields_there).map(|tree| fields(&tree)), Some(fields_there));
    }

    #[test]
    fn contradictions_holes_and_endless_lists_are_refused() {
        for broken in [
            pairs(&[("a", "x"), ("a__map_b", "y")]),
            pairs(&[("a__list_1", "x")]),
            pairs(&[("a__list_99999999", "x")]),
            pairs(&[("a__list_x", "x")]),
            pairs(&[("a__list_0", "x"), ("a__map_b", "y")]),
            pairs(&[(&format!("a{}", "__map_a".repeat(DEPTH_MAX)), "x")]),
        ] {
            assert_eq!(tree(&broken), None, "{broken:?}");
        }
    }
}
