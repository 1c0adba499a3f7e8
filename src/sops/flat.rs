//! The metadata tree as flat fields, for formats without maps and lists: `age__list_0__map_recipient`.

use super::tree::Node;

const MAP: &str = "__map_";
const LIST: &str = "__list_";

/// Why flat fields make no tree.
pub(super) const MALFORMED: &str = "the fields of the metadata do not fit together";

/// Longest list that is read, so that one large number does not fill the memory.
const LIST_MAX: usize = 10_000;

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
    let mut root = Node::Map(Vec::new());
    for (name, text) in fields {
        let mut at = &mut root;
        for step in steps(name)? {
            at = descend(at, &step)?;
        }
        if *at != Node::Null {
            return None;
        }
        *at = Node::Str(text.clone());
    }
    whole(&root).then_some(root)
}

enum Part {
    Key(String),
    Item(usize),
}

fn steps(name: &str) -> Option<Vec<Part>> {
    let mut steps = Vec::new();
    let (mut rest, mut list) = (name, false);
    loop {
        let next = [rest.find(MAP), rest.find(LIST)].into_iter().flatten().min();
        let text = rest.get(..next.unwrap_or(rest.len()))?;
        let position = || text.parse().ok().filter(|position| *position < LIST_MAX);
        steps.push(if list { Part::Item(position()?) } else { Part::Key(text.to_owned()) });
        let Some(at) = next else { return Some(steps) };
        rest = rest.get(at..)?;
        list = rest.starts_with(LIST);
        rest = rest.get(if list { LIST.len() } else { MAP.len() }..)?;
    }
}

/// The child of a node, made where it is not there; a null becomes what the step needs.
fn descend<'n>(node: &'n mut Node, part: &Part) -> Option<&'n mut Node> {
    if *node == Node::Null {
        *node = match part {
            Part::Key(_) => Node::Map(Vec::new()),
            Part::Item(_) => Node::List(Vec::new()),
        };
    }
    match (node, part) {
        (Node::Map(entries), Part::Key(key)) => {
            let at = entries.iter().position(|(known, _)| known == key).unwrap_or_else(|| {
                entries.push((key.clone(), Node::Null));
                entries.len() - 1
            });
            entries.get_mut(at).map(|(_, value)| value)
        }
        (Node::List(items), Part::Item(index)) => {
            if *index >= items.len() {
                items.resize(index + 1, Node::Null);
            }
            items.get_mut(*index)
        }
        _ => None,
    }
}

fn whole(node: &Node) -> bool {
    match node {
        Node::Map(entries) => entries.iter().all(|(_, value)| whole(value)),
        Node::List(items) => items.iter().all(whole),
        Node::Null => false,
        _ => true,
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
        ] {
            assert_eq!(tree(&broken), None, "{broken:?}");
        }
    }
}
