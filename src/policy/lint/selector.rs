//! Selectors read back from the words in which rules keep them.

/// One thing that a selector names.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(super) enum Leaf<'t> {
    /// A name or glob.
    Name(&'t str),
    /// `tag(..)`.
    Tag(&'t str),
    /// `system(..)`.
    System(&'t str),
    /// `any_host()`.
    Any,
}

/// A selector taken apart.
#[derive(Debug, Default, Eq, PartialEq)]
pub(super) struct Parts<'t> {
    /// Everything it names, on either side of `.except(..)`.
    pub(super) leaves: Vec<Leaf<'t>>,
    /// Whether it takes anything away.
    pub(super) excepts: bool,
}

/// Takes the words of a selector apart; none if they were cut for their length or hold odd signs.
pub(super) fn parts(text: &str) -> Option<Parts<'_>> {
    let mut parts = Parts::default();
    let rest = list(text, &mut parts)?;
    rest.is_empty().then_some(parts)
}

fn list<'t>(text: &'t str, parts: &mut Parts<'t>) -> Option<&'t str> {
    let mut rest = one(text, parts)?;
    while let Some(behind) = rest.strip_prefix(", ") {
        rest = one(behind, parts)?;
    }
    Some(rest)
}

fn one<'t>(text: &'t str, parts: &mut Parts<'t>) -> Option<&'t str> {
    let mut rest = base(text, parts)?;
    while let Some(behind) = rest.strip_prefix(".except(") {
        parts.excepts = true;
        rest = list(behind, parts)?.strip_prefix(')')?;
    }
    Some(rest)
}

fn base<'t>(text: &'t str, parts: &mut Parts<'t>) -> Option<&'t str> {
    if let Some(rest) = text.strip_prefix("any_host()") {
        parts.leaves.push(Leaf::Any);
        return Some(rest);
    }
    if let Some(inner) = text.strip_prefix('[') {
        return match inner.strip_prefix(']') {
            Some(rest) => Some(rest),
            None => list(inner, parts)?.strip_prefix(']'),
        };
    }
    let (inner, close, leaf): (_, _, fn(&'t str) -> Leaf<'t>) =
        if let Some(inner) = text.strip_prefix("tag(\"") {
            (inner, "\")", Leaf::Tag)
        } else if let Some(inner) = text.strip_prefix("system(\"") {
            (inner, "\")", Leaf::System)
        } else {
            (text.strip_prefix('"')?, "\"", Leaf::Name)
        };
    let (name, rest) = inner.split_at(inner.find('"')?);
    parts.leaves.push(leaf(name));
    rest.strip_prefix(close)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn selectors_are_read_back() {
        let all = "[\"forge\", tag(\"nas\"), []], system(\"x86*\").except([any_host(), \"web-*\"])";
        let parts = parts(all);
        let leaves =
            vec![Leaf::Name("forge"), Leaf::Tag("nas"), Leaf::System("x86*"), Leaf::Any, Leaf::Name("web-*")];
        assert_eq!(parts, Some(Parts { leaves, excepts: true }));
    }

    #[test]
    fn words_that_were_cut_or_hold_quotes_are_not_guessed_at() {
        for text in ["[\"forge\", tag(\"n…", "tag(\"a\"b\")", "", "tag(\"a\") ", "\"a\", "] {
            assert_eq!(parts(text), None, "{text}");
        }
    }
}
