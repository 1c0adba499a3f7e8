//! Patterns of secret names: segments, `*`, `**`, and what binds to the host and service asked about.

use super::glob;
use super::glob::Binding;
use super::glob::Part;
use super::glob::Spelling;
use crate::name::SecretName;

/// Longest pattern in bytes; a secret name has at most 255.
const PATTERN_MAX: usize = 512;

/// The placeholders with what they stand for.
const PLACEHOLDERS: [(&str, Part); 3] = [
    ("host", Part::Host(Spelling::Plain)),
    ("host:_", Part::Host(Spelling::Underscores)),
    ("service", Part::Service),
];

/// A pattern of secret names, ready to match.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct Pattern {
    text: Box<str>,
    segments: Vec<Segment>,
}

/// What a pattern asks of one segment, or of any number of them.
#[derive(Clone, Debug, Eq, PartialEq)]
enum Segment {
    /// `**`.
    Deep,
    /// `*`.
    One,
    /// A segment without signs.
    Literal(Box<str>),
    /// A segment that mixes text, stars and placeholders.
    Mixed(Vec<Part>),
}

/// How the names start that a pattern covers, which is where rules are looked up.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(super) struct Head {
    /// The literal segments at the start, joined.
    pub(super) prefix: String,
    /// Whether the next segment is the name of the host.
    pub(super) host_follows: bool,
    /// The literal segment behind the next, which is one that may be anything.
    pub(super) behind: Option<String>,
}

impl Head {
    /// The start without what comes behind its next segment.
    pub(super) fn shortened(self) -> Self {
        Self { behind: None, ..self }
    }

    /// Whether this start has literal segments behind those of the other.
    pub(super) fn goes_on_from(&self, other: &Self) -> bool {
        self.prefix.len() > other.prefix.len() && other.shares_prefix(self)
    }

    /// Whether the literal segments of the other start begin with those of this one.
    fn shares_prefix(&self, other: &Self) -> bool {
        let behind = other.prefix.strip_prefix(&self.prefix);
        behind.is_some_and(|rest| self.prefix.is_empty() || rest.is_empty() || rest.starts_with('/'))
    }

    /// Whether every name with the other start has this one, neither of them told by what comes behind.
    pub(super) fn covers(&self, other: &Self) -> bool {
        self.shares_prefix(other) && (!self.host_follows || *self == *other)
    }
}

/// Why a text is no pattern, and how to repair it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct PatternError {
    pub(super) message: String,
    pub(super) help: String,
}

impl PatternError {
    fn new(message: impl Into<String>, help: impl Into<String>) -> Self {
        Self { message: message.into(), help: help.into() }
    }
}

impl Pattern {
    /// Reads a pattern, which can match at least one name if it is accepted.
    pub(super) fn parse(text: &str) -> Result<Self, PatternError> {
        if text.len() > PATTERN_MAX {
            let help = format!("write at most {PATTERN_MAX} bytes");
            return Err(PatternError::new("the pattern is too long", help));
        }
        let segments =
            text.split('/').map(|segment| parse_segment(segment, text)).collect::<Result<_, _>>()?;
        Ok(Self { text: text.into(), segments })
    }

    /// The pattern as it was written.
    pub(super) fn text(&self) -> &str {
        &self.text
    }

    /// Whether the pattern covers all of `secret`.
    pub(super) fn matches(&self, secret: &str, binding: Binding<'_>) -> bool {
        let mut segments = self.segments.as_slice();
        let mut rest = Some(secret);
        let mut retry = None;
        loop {
            match (segments.split_first(), rest) {
                (Some((Segment::Deep, tail)), _) => {
                    retry = Some((tail, rest));
                    segments = tail;
                    continue;
                }
                (Some((segment, tail)), Some(path)) => {
                    let (head, behind) = split_path(path);
                    if segment.matches(head, binding) {
                        (segments, rest) = (tail, behind);
                        continue;
                    }
                }
                (None, None) => return true,
                _ => {}
            }
            let Some((tail, Some(from))) = retry else { return false };
            (segments, rest) = (tail, split_path(from).1);
            retry = Some((tail, rest));
        }
    }

    /// Whether the pattern says something about the service.
    pub(super) fn names_service(&self) -> bool {
        self.segments.iter().any(|segment| match segment {
            Segment::Mixed(parts) => parts.contains(&Part::Service),
            _ => false,
        })
    }

    /// Whether the pattern names one secret, or one for each host.
    pub(super) fn is_exact(&self) -> bool {
        let fixed = |part: &Part| matches!(part, Part::Text(_) | Part::Host(_));
        self.segments.iter().all(|segment| match segment {
            Segment::Literal(_) => true,
            Segment::Mixed(parts) => parts.iter().all(fixed),
            Segment::Deep | Segment::One => false,
        })
    }

    /// The secret that an exact pattern names for a host.
    pub(super) fn name_for(&self, host: &str) -> Option<SecretName> {
        self.text.replace("{host}", host).replace("{host:_}", &host.replace('-', "_")).parse().ok()
    }

    /// How the names start that the pattern covers.
    pub(super) fn head(&self) -> Head {
        let literal = |segment: &'_ Segment| match segment {
            Segment::Literal(text) => Some(text.to_string()),
            _ => None,
        };
        let literals: Vec<String> = self.segments.iter().map_while(literal).collect();
        let next = self.segments.get(literals.len());
        let host_follows = matches!(next, Some(Segment::Mixed(parts)) if matches!(parts.as_slice(), [Part::Host(Spelling::Plain)]));
        let one = matches!(next, Some(Segment::One | Segment::Mixed(_))) && !host_follows;
        let behind = self.segments.get(literals.len() + 1).filter(|_| one).and_then(literal);
        Head { prefix: literals.join("/"), host_follows, behind }
    }
}

impl Segment {
    fn matches(&self, text: &str, binding: Binding<'_>) -> bool {
        match self {
            Self::Deep | Self::One => true,
            Self::Literal(literal) => **literal == *text,
            Self::Mixed(parts) => glob::matches(parts, text, binding),
        }
    }
}

/// The first segment of a path, and the path behind it if there is one.
fn split_path(path: &str) -> (&str, Option<&str>) {
    match path.split_once('/') {
        Some((head, behind)) => (head, Some(behind)),
        None => (path, None),
    }
}

fn parse_segment(segment: &str, pattern: &str) -> Result<Segment, PatternError> {
    match segment {
        "" => Err(PatternError::new(
            format!("the pattern `{pattern}` has an empty segment"),
            "names have no leading, trailing or double `/`; write `**` for any number of segments",
        )),
        "**" => Ok(Segment::Deep),
        "*" => Ok(Segment::One),
        _ if segment.contains("**") => Err(PatternError::new(
            format!("`{segment}` mixes `**` with something else"),
            "write `**` as a segment of its own, and `*` for a part of one segment",
        )),
        _ => parse_parts(segment),
    }
}

fn parse_parts(segment: &str) -> Result<Segment, PatternError> {
    let mut parts = Vec::new();
    let mut rest = segment;
    while let Some(first) = rest.chars().next() {
        if first == '{' {
            let (part, behind) = parse_placeholder(rest)?;
            parts.push(part);
            rest = behind;
        } else if let Some(behind) = rest.strip_prefix('*') {
            parts.push(Part::Star);
            rest = behind;
        } else {
            let (literal, behind) = rest.split_at(rest.find(['*', '{']).unwrap_or(rest.len()));
            check_literal(literal, parts.is_empty())?;
            parts.push(Part::Text(literal.into()));
            rest = behind;
        }
    }
    Ok(match parts.as_slice() {
        [Part::Text(literal)] => Segment::Literal(literal.clone()),
        _ => Segment::Mixed(parts),
    })
}

/// Reads `{…}` at the start of `text`; the second half of the answer is what follows it.
fn parse_placeholder(text: &str) -> Result<(Part, &str), PatternError> {
    let help = "the placeholders are `{host}`, `{host:_}` and `{service}`";
    let Some((word, behind)) = text.strip_prefix('{').and_then(|inner| inner.split_once('}')) else {
        return Err(PatternError::new(format!("`{text}` opens a brace that is not closed"), help));
    };
    match PLACEHOLDERS.into_iter().find(|(known, _)| *known == word) {
        Some((_, part)) => Ok((part, behind)),
        None => Err(PatternError::new(format!("unknown placeholder `{{{word}}}`"), help)),
    }
}

/// A text that no secret name can hold would make a rule that never speaks.
fn check_literal(literal: &str, at_start: bool) -> Result<(), PatternError> {
    let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-' | '%');
    let help = "secret names are `/`-separated segments of letters, digits, `.`, `-` and `_`, each starting with a letter or digit";
    if let Some(odd) = literal.chars().find(|&c| !allowed(c)) {
        let message = format!("no secret name holds `{}`", odd.escape_debug());
        return Err(PatternError::new(message, help));
    }
    if at_start && literal.starts_with(['.', '_', '-']) {
        return Err(PatternError::new(format!("no segment of a secret name starts like `{literal}`"), help));
    }
    Ok(())
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn matches(pattern: &str, secret: &str) -> bool {
        let binding = Binding { host: Some("torii-chan"), service: Some("sonarr") };
        Pattern::parse(pattern).unwrap().matches(secret, binding)
    }

    #[test]
    fn one_star_stays_within_one_segment() {
        assert!(matches("*", "a"));
        assert!(!matches("*", "a/b"));
        assert!(matches("shared/restic/*", "shared/restic/key"));
        assert!(!matches("shared/restic/*", "shared/restic"));
        assert!(matches("x/api-*", "x/api-key"));
        assert!(matches("x/api-*", "x/api-"));
        assert!(!matches("x/api-*", "x/apikey"));
        assert!(matches("x/*-key-*", "x/a-key-key-b"));
    }

    #[test]
    fn two_stars_are_any_number_of_segments() {
        for secret in ["prod", "prod/a", "prod/a/b/c"] {
            assert!(matches("prod/**", secret), "{secret}");
            assert!(matches("**", secret), "{secret}");
        }
        for secret in ["api-x", "a/api-x", "a/b/api-x"] {
            assert!(matches("**/api-*", secret), "{secret}");
        }
        assert!(matches("a/**/b/**/c", "a/x/b/b/y/c"));
        assert!(!matches("a/**/b/**/c", "a/x/c/b"));
        assert!(!matches("prod/**", "production/a"));
    }

    #[test]
    fn placeholders_bind_to_the_host_and_service_asked_about() {
        assert!(matches("wireguard/{host}/key", "wireguard/torii-chan/key"));
        assert!(!matches("wireguard/{host}/key", "wireguard/torii_chan/key"));
        assert!(matches("{host}/{service}/**", "torii-chan/sonarr/a/b"));
        assert!(!matches("{host}/{service}/**", "torii-chan/radarr/a"));
        assert!(matches("{host}-root", "torii-chan-root"));
        assert!(matches("{host}_x", "torii-chan_x"));
        assert!(matches("{host:_}_root_password_hash", "torii_chan_root_password_hash"));
        assert!(!matches("{host:_}_root_password_hash", "torii-chan_root_password_hash"));
        assert!(matches("{host:_}_*", "torii_chan_t3u_password_hash"));
    }

    #[test]
    fn an_unbound_placeholder_stands_for_any_text() {
        let pattern = Pattern::parse("{host}/{service}/x").unwrap();
        let open = Binding { host: Some("forge"), service: None };
        assert!(pattern.matches("forge/anything/x", open));
        assert!(!pattern.matches("other/anything/x", open));
    }

    #[test]
    fn a_pattern_that_no_name_could_match_is_refused() {
        for (text, says) in [
            ("", "empty segment"),
            ("/a", "empty segment"),
            ("a/", "empty segment"),
            ("a//b", "empty segment"),
            ("a/***", "mixes `**`"),
            ("a/b**", "mixes `**`"),
            ("{hosts}", "unknown placeholder `{hosts}`"),
            ("{host:-}", "unknown placeholder `{host:-}`"),
            ("{}", "unknown placeholder"),
            ("a/{host", "not closed"),
            ("a}", "holds `}`"),
            ("a b", "holds ` `"),
            ("a\n", "holds `\\n`"),
            ("ä", "holds `ä`"),
            ("a/../b", "starts like `..`"),
            ("_x", "starts like `_x`"),
            ("a/[bc]", "holds `[`"),
        ] {
            let error = Pattern::parse(text).unwrap_err();
            assert!(error.message.contains(says), "{text:?}: {}", error.message);
        }
        assert!(Pattern::parse(&"a".repeat(513)).is_err());
    }

    #[test]
    fn rules_are_looked_up_by_the_literal_segments_that_they_start_with() {
        let head = |text: &str| Pattern::parse(text).unwrap().head();
        for (text, prefix, host_follows) in [
            ("prod/**", "prod", false),
            ("prod/db/key", "prod/db/key", false),
            ("{host}/x", "", true),
            ("wireguard/{host}/key", "wireguard", true),
            ("{host:_}/x", "", false),
            ("a/{host}-root", "a", false),
            ("**", "", false),
            ("{service}/x", "", false),
        ] {
            let found = head(text).shortened();
            assert_eq!(found, Head { prefix: prefix.to_owned(), host_follows, behind: None }, "{text}");
        }
        for (text, behind) in [
            ("*/api/**", Some("api")),
            ("a/{service}-x/key", Some("key")),
            ("**/key", None),
            ("{host}/key", None),
            ("a/*/*", None),
        ] {
            assert_eq!(head(text).behind.as_deref(), behind, "{text}");
        }
        let covers = |a: &str, b: &str| head(a).covers(&head(b));
        assert!(covers("**", "a/b") && covers("a/*", "a/b/*") && covers("a/*", "a/{host}"));
        assert!(!covers("a/*", "ab/*") && !covers("{host}/x", "a/b") && !covers("a/{host}", "a/*"));
    }

    proptest! {
        #[test]
        fn a_name_is_a_pattern_that_matches_itself_alone(name in "[a-z][a-z0-9._-]{0,5}(/[a-z0-9]{1,4}){0,3}", other in "[a-z]{1,3}(/[a-z]{1,3}){0,2}") {
            prop_assert!(matches(&name, &name));
            prop_assert_eq!(matches(&name, &other), name == other);
        }

        #[test]
        fn any_text_is_refused_or_matches_without_panic(pattern in "[a*{}hostservice:_/.-]{0,20}", secret in "[a/.-]{1,20}") {
            if let Ok(pattern) = Pattern::parse(&pattern) {
                pattern.matches(&secret, Binding::NONE);
            }
        }
    }
}
