//! Data to stdout, talk to stderr; colour only repeats what words say.
//!
//! Every text for people is written line by line, and a line stays one whatever a name in it holds: names of files,
//! reasons of rules and texts of configuration may come from a stranger, and a line of its own is a command to some CI systems.

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

    /// Prints one line of data for people.
    pub fn line(&mut self, text: &str) -> io::Result<()> {
        self.lines([text])
    }

    /// Prints lines of data for people.
    pub fn lines<T: AsRef<str>>(&mut self, lines: impl IntoIterator<Item = T>) -> io::Result<()> {
        let text: String = lines.into_iter().map(|line| format!("{}\n", one_line(line.as_ref()))).collect();
        self.data(text.as_bytes())
    }

    /// Prints data as JSON, indented, with a final newline.
    pub fn json(&mut self, value: &impl Serialize) -> io::Result<()> {
        let text = serde_json::to_string_pretty(value)?;
        self.data(format!("{text}\n").as_bytes())
    }

    /// Says something that is not data, in one line.
    pub fn say(&mut self, text: &str) {
        self.say_after("", &[text.to_owned()]);
    }

    /// Says lines behind a head of our own, which may be coloured.
    fn say_after(&mut self, head: &str, lines: &[String]) {
        let lines: Vec<String> = lines.iter().map(|line| one_line(&redacted(line))).collect();
        let _ = writeln!(self.err, "{head}{}", lines.join("\n"));
    }

    /// Says a finding: severity, code, message, place, help.
    pub fn finding(&mut self, finding: &Finding) {
        let head = self.head(finding.severity, &finding.code);
        let mut lines = vec![format!(": {}", finding.message)];
        lines.extend(finding.place.as_ref().map(|place| format!("  --> {place}")));
        lines.extend(finding.help.as_ref().map(|help| format!("  help: {help}")));
        self.say_after(&head, &lines);
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
        let mut lines = vec![text];
        lines.extend(underlined(diagnostic).into_iter().flatten());
        lines.extend(diagnostic.help().map(|help| format!("  help: {help}")));
        self.say_after(&head, &lines);
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

/// A text as one line, in which signs that a terminal or a CI system would obey, or that turn the order of others, stand
/// as escapes.
///
/// GitHub's runner takes a line that starts with `::`, and `##[` anywhere, for a command.
pub fn one_line(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    for c in text.chars() {
        if c == '\n' || is_obeyed(c) { shown.extend(c.escape_default()) } else { shown.push(c) }
    }
    let shown = shown.replace("##[", "#\\u{23}[");
    match shown.trim_start().strip_prefix("::") {
        Some(rest) => shown.replacen(&format!("::{rest}"), &format!("\\u{{3a}}:{rest}"), 1),
        None => shown,
    }
}

/// The same for a text whose line breaks are our own.
pub fn printable(text: &str) -> String {
    text.split('\n').map(one_line).collect::<Vec<_>>().join("\n")
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
fn underlined(diagnostic: &dyn miette::Diagnostic) -> Option<[String; 4]> {
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
    Some([
        format!("{gutter}--> {place}"),
        format!("{gutter} |"),
        format!("{number} | {line}"),
        format!("{gutter} | {indent}{marks}{remark}"),
    ])
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
            ("one", 0..3, " --> f:1:1\n  |\n1 | one\n  | ^^^ here"),
            ("one\ntwo three\nfour", 8..13, " --> f:2:5\n  |\n2 | two three\n  |     ^^^^^ here"),
            ("one\ntwo", 7..7, " --> f:2:4\n  |\n2 | two\n  |    ^ here"),
            ("one\n  two\n\nx", 6..11, " --> f:2:3\n  |\n2 |   two\n  |   ^^^ here"),
            ("", 0..0, " --> f:1:1\n  |\n1 | \n  | ^ here"),
        ] {
            let shown = underlined(&error(text, span.clone())).map(|lines| lines.join("\n"));
            assert_eq!(shown.as_deref(), Some(wanted), "{text:?} {span:?}");
        }
    }

    #[test]
    fn no_escape_sequence_of_a_repository_reaches_the_terminal() {
        let shown = printable("a\x1b]0;title\x07\u{9b}2K\u{202e}\rb\n\tc ä…");
        assert_eq!(shown, "a\\u{1b}]0;title\\u{7}\\u{9b}2K\\u{202e}\\rb\n\tc ä…");
    }

    /// What the streams got.
    #[derive(Clone, Default)]
    struct Written(Arc<std::sync::Mutex<Vec<u8>>>);

    impl Write for Written {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().map_or(Ok(0), |mut all| all.write(bytes))
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn no_name_becomes_a_command_to_a_ci_system_whichever_way_it_is_printed() {
        let written = Written::default();
        let mut ui = Ui::new(Box::new(written.clone()), Box::new(written.clone()), Colour::Never);
        for name in
            ["a\n::error::x", "::error::x", " \t::error::x", "a\r::error::x", "x ##[error]x", "##[a\n##[b"]
        {
            let finding = Finding::new(Severity::Error, crate::diag::Class::Finding, "a::b", name);
            let finding = finding.at(crate::diag::Place::file(name)).help(name);
            ui.finding(&finding);
            ui.say(name);
            assert!(ui.line(name).and_then(|()| ui.lines([name, name])).is_ok());
            let mut failure = error(name, 0..1);
            (failure.message, failure.label, failure.help) = (name.into(), name.into(), Some(name.into()));
            failure.source_file = miette::NamedSource::new(name, Arc::from("x"));
            ui.failure(&failure);
        }
        let bytes = written.0.lock().map(|all| all.clone()).unwrap_or_default();
        let text = String::from_utf8_lossy(&bytes);
        assert!(text.lines().count() > 60, "{text}");
        for line in text.lines() {
            assert!(
                !line.trim_start().starts_with("::") && !line.contains("##[") && !line.contains('\r'),
                "{line}"
            );
        }
    }
}
