//! Every finding that `check` and `audit` can make: what it means, why it matters, and what to do.

mod document;
mod fleet;
mod policy;
mod request;
mod store;
mod value;

use std::fmt::Write;

use super::Class;
use super::Severity;

/// One kind of finding. Its code is stable; its severity is the one it has unless `secretctl.toml` says otherwise.
#[derive(Clone, Copy, Debug)]
pub struct Kind {
    /// Stable code, `area::kind`.
    pub code: &'static str,
    /// How much it matters.
    pub severity: Severity,
    /// Which exit code an error of this kind leads to.
    pub class: Class,
    /// What it is, as a heading.
    pub title: &'static str,
    /// The rest; kinds that are told in one breath share it.
    pub lesson: &'static Lesson,
}

impl Kind {
    /// Why this kind is always an error, whatever a fleet says and a baseline knows; none where it may be less.
    pub fn always(&self) -> Option<&'static str> {
        match self.class {
            Class::Finding => None,
            Class::Integrity => Some("it tells of broken integrity"),
            Class::Usage | Class::Environment => Some("it tells that something was not looked at"),
        }
    }
}

/// What a person should know about a kind of finding, in Markdown.
#[derive(Debug)]
pub struct Lesson {
    /// What it says about the fleet.
    pub means: &'static str,
    /// What can happen if nothing is done.
    pub matters: &'static str,
    /// What to do.
    pub action: &'static str,
    /// What it looks like.
    pub example: &'static str,
}

/// The kinds by area, as the page shows them.
const AREAS: [(&str, &[Kind]); 6] = [
    ("Values", value::KINDS),
    ("Sources, ledgers and sealed trees", store::KINDS),
    ("Documents", document::KINDS),
    ("The fleet", fleet::KINDS),
    ("Policy", policy::KINDS),
    ("Requests of hosts", request::KINDS),
];

/// Every kind.
pub fn kinds() -> impl Iterator<Item = &'static Kind> + Clone {
    AREAS.into_iter().flat_map(|(_, kinds)| kinds)
}

/// The kind of a code.
pub fn kind(code: &str) -> Option<&'static Kind> {
    kinds().find(|kind| kind.code == code)
}

/// Name of a code's place on the page of findings.
pub fn anchor(code: &str) -> String {
    code.replace("::", "-").replace('_', "-")
}

const fn found(code: &'static str, severity: Severity, title: &'static str, lesson: &'static Lesson) -> Kind {
    Kind { code, severity, class: Class::Finding, title, lesson }
}

/// Somebody may have tampered with something: always an error, and nothing can lower it.
const fn broken(code: &'static str, title: &'static str, lesson: &'static Lesson) -> Kind {
    Kind { code, severity: Severity::Error, class: Class::Integrity, title, lesson }
}

const fn mistake(code: &'static str, title: &'static str, lesson: &'static Lesson) -> Kind {
    Kind { code, severity: Severity::Error, class: Class::Usage, title, lesson }
}

/// The text of `docs/reference/findings.md`.
pub fn page() -> String {
    let mut text = String::from(
        "# Findings\n\nWhat `secretctl check` and `secretctl audit` can find. Made from the sources by `scripts/docs`; a test keeps it current.\n\n\
         The severity is the one that a finding has by itself: `[audit.severities]` in `secretctl.toml` changes it, except where it says\n\
         *always*: there integrity is broken, or something was not looked at. An error ends with the exit code shown, a warning or note with 0 (see\n\
         [exit codes and baselines](../how-to/ci-audit.md#exit-codes)).\n",
    );
    for (area, kinds) in AREAS {
        let _ = write!(text, "\n## {area}\n");
        for together in kinds.chunk_by(|one, next| std::ptr::eq(one.lesson, next.lesson)) {
            section(&mut text, together);
        }
    }
    text
}

/// Kinds that share a lesson: a heading and a place for each, then the lesson.
fn section(text: &mut String, kinds: &[Kind]) {
    text.push('\n');
    for Kind { code, severity, class, title, .. } in kinds {
        let class = match class {
            Class::Finding => "",
            Class::Integrity => ", always, integrity",
            Class::Usage | Class::Environment => ", always",
        };
        let exit = match severity {
            Severity::Error => format!(", exit code {}", kind(code).map_or(1, |kind| kind.class.exit_code())),
            Severity::Warning | Severity::Note => String::new(),
        };
        let _ = write!(
            text,
            "<a id=\"{}\"></a>\n### `{code}`\n\n{title}. *{severity}{class}{exit}*\n\n",
            anchor(code)
        );
    }
    let Some(Lesson { means, matters, action, example }) = kinds.first().map(|kind| kind.lesson) else {
        return;
    };
    let _ = write!(
        text,
        "{means}\n\n**Why it matters.** {matters}\n\n**What to do.** {action}\n\n```text\n{example}\n```\n"
    );
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn no_code_is_listed_twice_and_no_two_share_a_place_on_the_page() {
        let anchors: BTreeSet<String> = kinds().map(|kind| anchor(kind.code)).collect();
        assert_eq!(anchors.len(), kinds().count());
    }

    #[test]
    fn broken_integrity_is_never_less_than_an_error() {
        let lesser = |kind: &&Kind| kind.class == Class::Integrity && kind.severity != Severity::Error;
        assert_eq!(kinds().find(lesser).map(|kind| kind.code), None);
    }
}
