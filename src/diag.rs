//! Findings: code, severity, message, help and the place they are about.

#[cfg(feature = "admin")]
pub mod catalogue;
mod mask;

use std::fmt;
use std::ops::Range;
use std::path::PathBuf;
use std::sync::Arc;

use jiff::Timestamp;
use serde::Serialize;

pub use mask::Masking;
pub use mask::first_private_key;
pub use mask::masked;

/// What kind of failure an error is, which decides the exit code.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Class {
    /// Something was found or denied: exit 1.
    Finding,
    /// The command line, a configuration or a request is wrong: exit 2.
    Usage,
    /// No identity, no permission, I/O: exit 4.
    Environment,
    /// A signature, digest or chain does not hold: exit 3.
    Integrity,
}

impl Class {
    /// The process exit code of this class.
    pub fn exit_code(self) -> u8 {
        match self {
            Self::Finding => 1,
            Self::Usage => 2,
            Self::Integrity => 3,
            Self::Environment => 4,
        }
    }
}

impl fmt::Display for Class {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Finding => "finding",
            Self::Usage => "usage",
            Self::Integrity => "integrity",
            Self::Environment => "environment",
        })
    }
}

/// How a plan ends that would change something and fail nowhere.
pub const CHANGES_EXIT_CODE: u8 = 5;

/// An error that knows its class; `code` and `help` come with [`miette::Diagnostic`].
pub trait Failure: miette::Diagnostic {
    /// The class, and through it the exit code.
    fn class(&self) -> Class;
}

/// Whether a terminal would obey a sign, or turn the order of others, instead of showing it.
pub fn is_obeyed(c: char) -> bool {
    (c.is_control() && !matches!(c, '\n' | '\t'))
        || matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// A mistake in a text that a person wrote, with the span to underline.
#[derive(Clone, Debug, thiserror::Error)]
#[error("{message}")]
pub struct SourceError {
    /// Stable code.
    pub code: &'static str,
    /// What is wrong: lower case, one line, no full stop.
    pub message: String,
    /// Short remark at the underlined place.
    pub label: String,
    /// What to edit or run next.
    pub help: Option<String>,
    /// The file and its text.
    pub source_file: miette::NamedSource<Arc<str>>,
    /// Bytes of the text to underline.
    pub span: Range<usize>,
}

/// A file for [`SourceError`], whose lines can be shown: a private key in it is blanked.
pub fn shown_source(name: impl AsRef<str>, text: &str, language: &str) -> miette::NamedSource<Arc<str>> {
    miette::NamedSource::new(name, Arc::from(mask::blanked(text))).with_language(language)
}

impl SourceError {
    /// The place of the first underlined character.
    pub fn place(&self) -> Place {
        let text = self.source_file.inner();
        let before = text.get(..self.span.start.min(text.len())).unwrap_or_default();
        let line = before.matches('\n').count() + 1;
        let column = before.rsplit('\n').next().unwrap_or_default().chars().count() + 1;
        Place { file: PathBuf::from(self.source_file.name()), line: Some(line), column: Some(column) }
    }
}

impl miette::Diagnostic for SourceError {
    fn code<'a>(&'a self) -> Option<Box<dyn fmt::Display + 'a>> {
        Some(Box::new(self.code))
    }

    fn help<'a>(&'a self) -> Option<Box<dyn fmt::Display + 'a>> {
        self.help.as_ref().map(|help| Box::new(help) as Box<dyn fmt::Display>)
    }

    fn source_code(&self) -> Option<&dyn miette::SourceCode> {
        Some(&self.source_file)
    }

    fn labels(&self) -> Option<Box<dyn Iterator<Item = miette::LabeledSpan> + '_>> {
        let label = (!self.label.is_empty()).then(|| self.label.clone());
        let span = miette::LabeledSpan::new(label, self.span.start, self.span.len());
        Some(Box::new(std::iter::once(span)))
    }
}

impl Failure for SourceError {
    fn class(&self) -> Class {
        Class::Usage
    }
}

/// How much a finding matters.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// Worth knowing; changes no exit code.
    Note,
    /// Should be looked at; changes no exit code.
    Warning,
    /// Must be repaired; the command exits with a failure.
    Error,
}

impl fmt::Display for Severity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Note => "note",
            Self::Warning => "warning",
            Self::Error => "error",
        })
    }
}

/// A file, and the line and column in it where those are known (both from 1).
#[derive(Clone, Debug, Default, Eq, Ord, PartialEq, PartialOrd, Serialize)]
pub struct Place {
    /// The file, relative to the fleet where it lies inside.
    pub file: PathBuf,
    /// Line from 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub line: Option<usize>,
    /// Column in characters from 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub column: Option<usize>,
}

impl Place {
    /// A whole file.
    pub fn file(file: impl Into<PathBuf>) -> Self {
        Self { file: file.into(), line: None, column: None }
    }

    /// One line of a file.
    pub fn line(file: impl Into<PathBuf>, line: usize) -> Self {
        Self { file: file.into(), line: Some(line), column: None }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.file.display())?;
        if let Some(line) = self.line {
            write!(f, ":{line}")?;
            if let Some(column) = self.column {
                write!(f, ":{column}")?;
            }
        }
        Ok(())
    }
}

/// One thing that a check found. `code` is stable, `area::kind`, and listed in `docs/reference/codes.md`.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd, Serialize)]
pub struct Finding {
    /// How much it matters.
    pub severity: Severity,
    /// Stable code.
    pub code: String,
    /// What was found: lower case, one line, no full stop.
    pub message: String,
    /// Where.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub place: Option<Place>,
    /// What to run or edit next.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub help: Option<String>,
    /// The things it is about, by name: with the code they tell it from every other, whatever its wording.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub about: Vec<String>,
    /// Since when a baseline knows it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub known_since: Option<Timestamp>,
    /// Which exit code an error of this kind leads to.
    #[serde(skip)]
    pub class: Class,
}

impl Finding {
    /// A finding without place or help.
    pub fn new(severity: Severity, class: Class, code: &str, message: impl Into<String>) -> Self {
        Self {
            severity,
            code: code.to_owned(),
            message: masked(&message.into()).into_owned(),
            place: None,
            help: None,
            about: Vec::new(),
            known_since: None,
            class,
        }
    }

    /// An error as a finding: its code, message with causes, and help.
    pub fn from_failure(failure: &impl Failure) -> Self {
        let code = failure.code().map(|c| c.to_string()).unwrap_or_default();
        let mut message = failure.to_string();
        let mut source = failure.source();
        while let Some(cause) = source {
            message = format!("{message}: {cause}");
            source = cause.source();
        }
        let help = failure.help().map(|help| masked(&help.to_string()).into_owned());
        Self { help, ..Self::new(Severity::Error, failure.class(), &code, message) }
    }

    /// The same finding with its place.
    #[must_use]
    pub fn at(self, place: Place) -> Self {
        Self { place: Some(place), ..self }
    }

    /// The same finding with the next step.
    #[must_use]
    pub fn help(self, help: impl Into<String>) -> Self {
        Self { help: Some(masked(&help.into()).into_owned()), ..self }
    }

    /// The same finding with the names of what it is about, the secret or host first.
    #[must_use]
    pub fn about<T: ToString>(self, things: impl IntoIterator<Item = T>) -> Self {
        Self { about: things.into_iter().map(|thing| thing.to_string()).collect(), ..self }
    }
}

/// The class of the worst error among `findings`, if there is an error at all.
pub fn worst(findings: &[Finding]) -> Option<Class> {
    findings.iter().filter(|f| f.severity == Severity::Error).map(|f| f.class).max()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn broken_integrity_outranks_every_other_class() {
        let finding = |severity, class| Finding::new(severity, class, "a::b", "m");
        let mixed = [
            finding(Severity::Error, Class::Finding),
            finding(Severity::Error, Class::Integrity),
            finding(Severity::Error, Class::Environment),
        ];
        assert_eq!(worst(&mixed).map(Class::exit_code), Some(3));
    }

    #[test]
    fn warnings_alone_leave_the_exit_code_clean() {
        let warning = Finding::new(Severity::Warning, Class::Integrity, "a::b", "m");
        assert_eq!(worst(&[warning]), None);
    }
}
