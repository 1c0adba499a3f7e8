//! Globs within one name or segment, and the host and service that placeholders stand for.

/// One piece of a glob.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) enum Part {
    /// Exactly this text.
    Text(Box<str>),
    /// Any text, the empty one included.
    Star,
    /// The name of the host asked about.
    Host(Spelling),
    /// The name of the service asked about.
    Service,
}

/// How a placeholder spells the host's name.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Spelling {
    /// `{host}`: as the fleet has it.
    Plain,
    /// `{host:_}`: every `-` as `_`.
    Underscores,
}

/// What the placeholders stand for; one that is not bound stands for any text.
#[derive(Clone, Copy, Debug)]
pub(super) struct Binding<'a> {
    /// The host asked about.
    pub(super) host: Option<&'a str>,
    /// The service asked about.
    pub(super) service: Option<&'a str>,
}

impl Binding<'_> {
    /// A binding for globs that hold no placeholder.
    pub(super) const NONE: Self = Binding { host: None, service: None };
}

/// Whether `parts` cover all of `text`.
///
/// Under one binding every part but a star is a fixed text, so returning to the last star alone is enough.
pub(super) fn matches(mut parts: &[Part], text: &str, binding: Binding<'_>) -> bool {
    let mut rest = text;
    let mut retry = None;
    loop {
        match parts.split_first() {
            Some((part, tail)) if part.is_open(binding) => {
                retry = Some((tail, rest));
                parts = tail;
                continue;
            }
            Some((part, tail)) => {
                if let Some(left) = part.strip(rest, binding) {
                    (parts, rest) = (tail, left);
                    continue;
                }
            }
            None if rest.is_empty() => return true,
            None => {}
        }
        let Some((tail, from)) = retry else { return false };
        let mut shorter = from.chars();
        if shorter.next().is_none() {
            return false;
        }
        (parts, rest) = (tail, shorter.as_str());
        retry = Some((tail, rest));
    }
}

impl Part {
    /// Whether the part stands for any text at all.
    fn is_open(&self, binding: Binding<'_>) -> bool {
        match self {
            Self::Text(_) => false,
            Self::Star => true,
            Self::Host(_) => binding.host.is_none(),
            Self::Service => binding.service.is_none(),
        }
    }

    /// What is left of `text` behind this part.
    fn strip<'t>(&self, text: &'t str, binding: Binding<'_>) -> Option<&'t str> {
        match self {
            Self::Text(literal) => text.strip_prefix(&**literal),
            Self::Star => None,
            Self::Host(Spelling::Plain) => text.strip_prefix(binding.host?),
            Self::Host(Spelling::Underscores) => strip_underscored(text, binding.host?),
            Self::Service => text.strip_prefix(binding.service?),
        }
    }
}

/// Strips `host` with every `-` spelled `_`, without building that text.
fn strip_underscored<'t>(text: &'t str, host: &str) -> Option<&'t str> {
    let spelled = host.bytes().map(|byte| if byte == b'-' { b'_' } else { byte });
    let head = text.as_bytes().get(..host.len())?;
    if spelled.eq(head.iter().copied()) { text.get(host.len()..) } else { None }
}

/// A glob over names, `*` being its only sign.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct Glob(Vec<Part>);

impl Glob {
    /// Splits `text` at its stars; several stars in a row are one.
    pub(super) fn new(text: &str) -> Self {
        let mut parts = Vec::new();
        for (nth, literal) in text.split('*').enumerate() {
            if nth > 0 && parts.last() != Some(&Part::Star) {
                parts.push(Part::Star);
            }
            if !literal.is_empty() {
                parts.push(Part::Text(literal.into()));
            }
        }
        Self(parts)
    }

    /// Whether the glob covers all of `text`.
    pub(super) fn matches(&self, text: &str) -> bool {
        matches(&self.0, text, Binding::NONE)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_glob_covers_the_whole_name() {
        for (glob, yes, no) in [
            ("web-*", "web-1", "xweb-1"),
            ("*-db-*", "a-db-db-b", "a-dbb"),
            ("*", "anything", "\u{0}"),
            ("a*b*c", "abbbc", "abb"),
            ("x86_64-*", "x86_64-linux", "aarch64-linux"),
        ] {
            assert!(Glob::new(glob).matches(yes), "{glob} {yes}");
            assert!(no == "\u{0}" || !Glob::new(glob).matches(no), "{glob} {no}");
        }
    }

    #[test]
    fn a_glob_returns_to_its_last_star_only() {
        assert!(Glob::new("*ab*ab").matches("ababab"));
        assert!(!Glob::new("*ab*abc").matches("ababab"));
        assert!(Glob::new("**x").matches("xxx"));
    }
}
