//! Patterns that a name suggests, and what each of them covers.

use std::collections::BTreeSet;

/// A pattern as the policy language writes it, in parts.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(super) struct Pattern(Vec<Part>);

#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
enum Part {
    Text(String),
    /// Any text of one segment.
    Star,
    /// Any number of segments.
    Deep,
    Host,
    /// The host with `_` for `-`.
    FlatHost,
    Service,
}

impl Pattern {
    /// One name and nothing else.
    pub(super) fn exact(name: &str) -> Self {
        Self(vec![Part::Text(name.to_owned())])
    }

    /// The pattern in the words of the policy.
    pub(super) fn text(&self) -> String {
        let word = |part: &Part| match part {
            Part::Text(text) => text.clone(),
            Part::Star => "*".to_owned(),
            Part::Deep => "**".to_owned(),
            Part::Host => "{host}".to_owned(),
            Part::FlatHost => "{host:_}".to_owned(),
            Part::Service => "{service}".to_owned(),
        };
        self.0.iter().map(word).collect()
    }

    pub(super) fn binds_host(&self) -> bool {
        self.0.iter().any(|part| matches!(part, Part::Host | Part::FlatHost))
    }

    pub(super) fn binds_service(&self) -> bool {
        self.0.contains(&Part::Service)
    }

    pub(super) fn has_wildcard(&self) -> bool {
        self.0.iter().any(|part| matches!(part, Part::Star | Part::Deep))
    }

    /// Whether it covers a name for this host and service.
    pub(super) fn covers(&self, name: &str, host: &str, service: &str) -> bool {
        covers(&self.0, name, host, service)
    }

    /// Everything that a name suggests which these hosts and services read.
    pub(super) fn suggested(name: &str, host: &str, services: &BTreeSet<&str>) -> BTreeSet<Self> {
        let mut bases: BTreeSet<Vec<String>> = BTreeSet::new();
        let segments: Vec<String> = name.split('/').map(str::to_owned).collect();
        bases.insert(segments.clone());
        let flat = host.replace('-', "_");
        let hosted: Vec<String> = segments.iter().map(|segment| with_host(segment, host, &flat)).collect();
        bases.insert(hosted);
        for base in bases.clone() {
            for service in services {
                let bound = |segment: &String| {
                    if segment == service { "{service}".to_owned() } else { segment.clone() }
                };
                bases.insert(base.iter().map(bound).collect());
            }
        }
        let mut all = BTreeSet::new();
        for base in &bases {
            all.insert(Self::parsed(&base.join("/")));
            for depth in 1..base.len() {
                let folder = base.get(..depth).unwrap_or_default().join("/");
                all.insert(Self::parsed(&format!("{folder}/**")));
                if depth + 1 == base.len() {
                    all.insert(Self::parsed(&format!("{folder}/*")));
                }
            }
            all.extend(within_last(base).iter().map(|text| Self::parsed(text)));
        }
        all
    }

    fn parsed(text: &str) -> Self {
        const WORDS: [(&str, Part); 5] = [
            ("{host:_}", Part::FlatHost),
            ("{host}", Part::Host),
            ("{service}", Part::Service),
            ("**", Part::Deep),
            ("*", Part::Star),
        ];
        let (mut parts, mut literal, mut rest) = (Vec::new(), String::new(), text);
        while let Some(first) = rest.chars().next() {
            if let Some((word, part)) = WORDS.iter().find(|(word, _)| rest.starts_with(word)) {
                if !literal.is_empty() {
                    parts.push(Part::Text(std::mem::take(&mut literal)));
                }
                parts.push(part.clone());
                rest = rest.get(word.len()..).unwrap_or_default();
            } else {
                literal.push(first);
                rest = rest.get(first.len_utf8()..).unwrap_or_default();
            }
        }
        if !literal.is_empty() {
            parts.push(Part::Text(literal));
        }
        Self(parts)
    }
}

/// A segment with the host's name in it as a placeholder: all of it, or what stands before `_`, `-` or `.`.
fn with_host(segment: &str, host: &str, flat: &str) -> String {
    for (spelling, placeholder) in [(host, "{host}"), (flat, "{host:_}")] {
        if segment == spelling {
            return placeholder.to_owned();
        }
        if let Some(rest) = segment.strip_prefix(spelling)
            && rest.starts_with(['_', '-', '.'])
        {
            return format!("{placeholder}{rest}");
        }
        if let Some(rest) = segment.strip_suffix(spelling)
            && rest.ends_with(['_', '-', '.'])
        {
            return format!("{rest}{placeholder}");
        }
    }
    segment.to_owned()
}

/// `*` for the start or the end of the last segment, at each of its words.
fn within_last(base: &[String]) -> Vec<String> {
    let Some((last, folders)) = base.split_last() else { return Vec::new() };
    let folder: String = folders.iter().map(|folder| format!("{folder}/")).collect();
    let (head, body) = match last.split_once('}') {
        Some((head, body)) => (format!("{head}}}"), body),
        None => (String::new(), last.as_str()),
    };
    let mut all = Vec::new();
    for (at, sign) in body.char_indices().filter(|(_, sign)| matches!(sign, '_' | '-' | '.')) {
        let (start, end) = (body.get(..=at).unwrap_or_default(), body.get(at..).unwrap_or_default());
        all.push(format!("{folder}{head}{start}*"));
        if head.is_empty() {
            all.push(format!("{folder}*{end}"));
        } else {
            all.push(format!("{folder}{head}{sign}*{end}"));
        }
    }
    all
}

fn covers(parts: &[Part], name: &str, host: &str, service: &str) -> bool {
    let Some((first, rest)) = parts.split_first() else { return name.is_empty() };
    let literal = |text: &str| name.strip_prefix(text).is_some_and(|name| covers(rest, name, host, service));
    match first {
        // `a/**` covers `a` too.
        Part::Text(text) if rest == [Part::Deep] && text.strip_suffix('/') == Some(name) => true,
        Part::Text(text) => literal(text),
        Part::Host => literal(host),
        Part::FlatHost => literal(&host.replace('-', "_")),
        Part::Service => literal(service),
        Part::Deep => rest.is_empty(),
        Part::Star => {
            let ends = name.char_indices().map(|(at, _)| at).chain([name.len()]);
            let whole =
                rest.is_empty() || matches!(rest.first(), Some(Part::Text(text)) if text.starts_with('/'));
            // A segment that is nothing but `*` is not empty.
            let least = usize::from(whole && name.is_empty());
            ends.take_while(|at| !name.get(..*at).unwrap_or_default().contains('/'))
                .filter(|at| *at >= least)
                .any(|at| covers(rest, name.get(at..).unwrap_or_default(), host, service))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_cover_what_the_language_says() {
        for (pattern, name, host, service, covered) in [
            ("a/**", "a", "h", "s", true),
            ("a/**", "a/b/c", "h", "s", true),
            ("a/**", "ab", "h", "s", false),
            ("a/*", "a/b", "h", "s", true),
            ("a/*", "a/b/c", "h", "s", false),
            ("{host:_}_*_hash", "torii_chan_root_hash", "torii-chan", "s", true),
            ("{host:_}_*_hash", "torii_chan_root_hash", "torii", "s", true),
            ("{host:_}_*_hash", "torii_chan_root_hash", "chan", "s", false),
            ("{host}/{service}/*", "h/s/k", "h", "s", true),
            ("{host}/{service}/*", "h/t/k", "h", "s", false),
            ("*_b", "a_b", "h", "s", true),
        ] {
            assert_eq!(
                Pattern::parsed(pattern).covers(name, host, service),
                covered,
                "{pattern} {name} {host}"
            );
            assert_eq!(Pattern::parsed(pattern).text(), pattern);
        }
    }
}
