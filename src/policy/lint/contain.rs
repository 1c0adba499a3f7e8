//! Whether one pattern covers whatever another one covers, provable from their texts alone.
//!
//! The answer is careful: yes is always true, and a no may be wrong, as for `*/**` and `**/x`.

/// One sign of a segment.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Sign<'p> {
    Star,
    Placeholder(&'p str),
    Letter(char),
}

/// A pattern as its signs.
#[derive(Debug)]
pub(super) struct Shape<'p>(Vec<Vec<Sign<'p>>>);

impl<'p> Shape<'p> {
    /// Takes a pattern or glob that was accepted before apart.
    pub(super) fn of(pattern: &'p str) -> Self {
        Self(pattern.split('/').map(signs).collect())
    }

    /// Whether this covers every name that `other` covers, whatever the placeholders stand for.
    pub(super) fn contains(&self, other: &Self) -> bool {
        covers(
            &self.0,
            &other.0,
            |segment| is_deep(segment),
            |general, special| {
                !is_deep(special)
                    && (is_one(general)
                        || covers(general, special, |sign| *sign == Sign::Star, |a, b| a == b))
            },
        )
    }
}

fn is_deep(segment: &[Sign<'_>]) -> bool {
    segment == [Sign::Star, Sign::Star]
}

fn is_one(segment: &[Sign<'_>]) -> bool {
    segment == [Sign::Star]
}

fn signs(segment: &str) -> Vec<Sign<'_>> {
    let mut signs = Vec::new();
    let mut rest = segment;
    while let Some(first) = rest.chars().next() {
        let end = if first == '{' { rest.find('}').map(|at| at + 1) } else { None };
        let (sign, behind) = rest.split_at(end.unwrap_or(first.len_utf8()));
        signs.push(match (first, end) {
            (_, Some(_)) => Sign::Placeholder(sign),
            ('*', None) => Sign::Star,
            (letter, None) => Sign::Letter(letter),
        });
        rest = behind;
    }
    signs
}

/// Whether `general` matches `special`, an open sign of the former taking any run of the latter.
///
/// An open sign of `special` stands for texts that nobody knows, so only an open sign of `general` takes it.
fn covers<T>(
    mut general: &[T],
    mut special: &[T],
    is_open: impl Fn(&T) -> bool,
    fits: impl Fn(&T, &T) -> bool,
) -> bool {
    let mut retry = None;
    loop {
        match (general.split_first(), special.split_first()) {
            (Some((open, tail)), _) if is_open(open) => {
                retry = Some((tail, special));
                general = tail;
                continue;
            }
            (Some((one, tail)), Some((other, behind))) if !is_open(other) && fits(one, other) => {
                (general, special) = (tail, behind);
                continue;
            }
            (None, None) => return true,
            _ => {}
        }
        let Some((tail, [_, behind @ ..])) = retry else { return false };
        (general, special) = (tail, behind);
        retry = Some((tail, behind));
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::policy::glob::Binding;
    use crate::policy::pattern::Pattern;

    fn contains(general: &str, special: &str) -> bool {
        Shape::of(general).contains(&Shape::of(special))
    }

    #[test]
    fn what_is_provable_is_found() {
        for (general, special) in [
            ("**", "a/*/b"),
            ("a/**", "a"),
            ("a/**", "a/**"),
            ("a/**", "a/b/**"),
            ("a/*", "a/{host}"),
            ("*/x", "{host}/x"),
            ("a/x-*", "a/x-{host}-*"),
            ("{host}/**", "{host}/{service}/**"),
            ("**/b/**", "a/b/c/b"),
        ] {
            assert!(contains(general, special), "{general} {special}");
        }
        for (general, special) in [
            ("a/*", "a/**"),
            ("a/{host}", "a/*"),
            ("{host}/x", "forge/x"),
            ("{host}", "{host:_}"),
            ("a/b", "a/b*"),
            ("a/b*", "a/*"),
            ("a", "a/b"),
            ("a/*/c", "a/c"),
        ] {
            assert!(!contains(general, special), "{general} {special}");
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(4000))]
        #[test]
        fn a_name_that_the_special_pattern_covers_is_covered_by_the_general_one(
            general in pattern(), special in pattern(), name in "[ab-]{1,3}(/[ab-]{1,3}){0,3}",
        ) {
            let binding = Binding { host: Some("a-b"), service: Some("b") };
            let (Ok(wide), Ok(narrow)) = (Pattern::parse(&general), Pattern::parse(&special)) else {
                return Ok(());
            };
            if contains(&general, &special) && narrow.matches(&name, binding) {
                prop_assert!(wide.matches(&name, binding), "{} {} {}", general, special, name);
            }
        }
    }

    fn pattern() -> impl Strategy<Value = String> {
        let segment = prop::sample::select(vec![
            "**",
            "*",
            "a",
            "b",
            "a*",
            "*b",
            "{host}",
            "{host:_}",
            "{service}",
            "a*b",
            "{service}*",
        ]);
        prop::collection::vec(segment, 1..4).prop_map(|segments| segments.join("/"))
    }

    #[test]
    fn the_property_has_cases_in_which_containment_holds() {
        let parts = ["**", "*", "a", "a*", "{host}"];
        let held = parts.iter().flat_map(|a| parts.iter().filter(move |b| a != *b && contains(a, b)));
        assert_eq!(held.count(), 8);
        Pattern::parse("a*").unwrap();
    }
}
