//! Data to stdout, talk to stderr; colour only repeats what words say.

use std::io;
use std::io::Write;

use serde::Serialize;

use crate::diag::Failure;
use crate::diag::Finding;
use crate::diag::Severity;
use crate::diag::is_obeyed;

/// How data is printed.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq, clap::ValueEnum)]
pub enum Format {
    /// For people.
    #[default]
    Text,
    /// For programs; the schema is versioned.
    Json,
}

/// Whether escape sequences may be written.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Colour {
    /// Plain text.
    Never,
    /// A terminal that wants colour.
    Always,
}

/// The two streams of a command.
pub struct Ui {
    out: Box<dyn Write>,
    err: Box<dyn Write>,
    colour: Colour,
}

impl Ui {
    /// Writes data to `out` and talk to `err`; `colour` is for the latter.
    pub fn new(out: Box<dyn Write>, err: Box<dyn Write>, colour: Colour) -> Self {
        Self { out, err, colour }
    }

    /// Prints data; a reader that went away (a closed pipe) is no error.
    pub fn data(&mut self, bytes: &[u8]) -> io::Result<()> {
        match self.out.write_all(bytes).and_then(|()| self.out.flush()) {
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
            other => other,
        }
    }

    /// Prints a line of data for people.
    pub fn line(&mut self, text: &str) -> io::Result<()> {
        self.data(format!("{}\n", printable(text)).as_bytes())
    }

    /// Prints data as JSON, indented, with a final newline.
    pub fn json(&mut self, value: &impl Serialize) -> io::Result<()> {
        let text = serde_json::to_string_pretty(value)?;
        self.data(format!("{text}\n").as_bytes())
    }

    /// Says something that is not data.
    pub fn say(&mut self, text: &str) {
        self.say_after("", text);
    }

    /// Says something behind a head of our own, which may be coloured.
    fn say_after(&mut self, head: &str, text: &str) {
        let _ = writeln!(self.err, "{head}{}", printable(&redacted(text)));
    }

    /// Says a finding: severity, code, message, place, help.
    pub fn finding(&mut self, finding: &Finding) {
        let head = self.head(finding.severity, &finding.code);
        let mut text = format!(": {}", finding.message);
        if let Some(place) = &finding.place {
            text.push_str(&format!("\n  --> {place}"));
        }
        if let Some(help) = &finding.help {
            text.push_str(&format!("\n  help: {help}"));
        }
        self.say_after(&head, &text);
    }

    /// Says an error with its causes, the places it underlines, and its help.
    pub fn failure(&mut self, failure: &dyn Failure) {
        self.diagnostic(failure);
    }

    fn diagnostic(&mut self, diagnostic: &dyn miette::Diagnostic) {
        let code = diagnostic.code().map(|code| code.to_string()).unwrap_or_default();
        let head = self.head(Severity::Error, &code);
        let mut text = format!(": {diagnostic}");
        let mut cause = diagnostic.source();
        while let Some(error) = cause {
            text.push_str(&format!(": {error}"));
            cause = error.source();
        }
        if let Some(snippet) = underlined(diagnostic) {
            text.push_str(&snippet);
        }
        if let Some(help) = diagnostic.help() {
            text.push_str(&format!("\n  help: {help}"));
        }
        self.say_after(&head, &text);
        for related in diagnostic.related().into_iter().flatten() {
            self.diagnostic(related);
        }
    }

    fn head(&self, severity: Severity, code: &str) -> String {
        let (on, off) = match (self.colour, severity) {
            (Colour::Never, _) => ("", ""),
            (Colour::Always, Severity::Error) => ("\x1b[1;31m", "\x1b[0m"),
            (Colour::Always, Severity::Warning) => ("\x1b[1;33m", "\x1b[0m"),
            (Colour::Always, Severity::Note) => ("\x1b[1;36m", "\x1b[0m"),
        };
        if code.is_empty() { format!("{on}{severity}{off}") } else { format!("{on}{severity}{off}[{code}]") }
    }
}

/// A text in which signs that a terminal would obey, or that turn the order of others, stand as escapes.
///
/// File names, configuration and rules come with a repository, perhaps from somebody else.
pub fn printable(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    for c in text.chars() {
        if is_obeyed(c) { shown.extend(c.escape_default()) } else { shown.push(c) }
    }
    shown
}

/// A text without the age identities that somebody may have put where a public key belongs.
pub fn redacted(text: &str) -> String {
    const START: &str = "AGE-SECRET-KEY-";
    let mut parts = text.split(START);
    let mut kept = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        kept.push_str(START);
        kept.push('…');
        kept.push_str(part.trim_start_matches(|c: char| c.is_ascii_alphanumeric()));
    }
    kept
}

/// The first labelled line of the source, underlined, with its file, line and column.
fn underlined(diagnostic: &dyn miette::Diagnostic) -> Option<String> {
    let source = diagnostic.source_code()?;
    let label = diagnostic.labels()?.next()?;
    // With a line around it the contents start at the start of a line; without, in the middle of ours.
    let contents = source.read_span(label.inner(), 1, 1).ok()?;
    let text = String::from_utf8_lossy(contents.data());
    let before = text.get(..label.offset().saturating_sub(contents.span().offset()))?;
    let line = text.lines().nth(before.matches('\n').count()).unwrap_or_default();
    let number = (contents.line() + before.matches('\n').count() + 1).to_string();
    let indent: String =
        before.rsplit('\n').next()?.chars().map(|c| if c == '\t' { '\t' } else { ' ' }).collect();
    let rest = line.chars().count().saturating_sub(indent.chars().count());
    let marks = "^".repeat(label.len().min(rest).max(1));
    let gutter = " ".repeat(number.len());
    let place = format!("{}:{number}:{}", contents.name().unwrap_or("input"), indent.chars().count() + 1);
    let remark = label.label().map(|remark| format!(" {remark}")).unwrap_or_default();
    Some(format!("\n{gutter}--> {place}\n{gutter} |\n{number} | {line}\n{gutter} | {indent}{marks}{remark}"))
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::diag::SourceError;

    fn error(text: &str, span: std::ops::Range<usize>) -> SourceError {
        SourceError {
            code: "a::b",
            message: "m".to_owned(),
            label: "here".to_owned(),
            help: None,
            source_file: miette::NamedSource::new("f", Arc::from(text)),
            span,
        }
    }

    #[test]
    fn the_whole_line_is_shown_and_just_the_span_underlined() {
        for (text, span, wanted) in [
            ("one", 0..3, "\n --> f:1:1\n  |\n1 | one\n  | ^^^ here"),
            ("one\ntwo three\nfour", 8..13, "\n --> f:2:5\n  |\n2 | two three\n  |     ^^^^^ here"),
            ("one\ntwo", 7..7, "\n --> f:2:4\n  |\n2 | two\n  |    ^ here"),
            ("one\n  two\n\nx", 6..11, "\n --> f:2:3\n  |\n2 |   two\n  |   ^^^ here"),
            ("", 0..0, "\n --> f:1:1\n  |\n1 | \n  | ^ here"),
        ] {
            assert_eq!(underlined(&error(text, span.clone())).as_deref(), Some(wanted), "{text:?} {span:?}");
        }
    }

    #[test]
    fn no_escape_sequence_of_a_repository_reaches_the_terminal() {
        let shown = printable("a\x1b]0;title\x07\u{9b}2K\u{202e}\rb\n\tc ä…");
        assert_eq!(shown, "a\\u{1b}]0;title\\u{7}\\u{9b}2K\\u{202e}\\rb\n\tc ä…");
    }
}
