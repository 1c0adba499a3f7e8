//! Annotations of GitHub Actions: one line each, which the runner reads from the output of a step.

use std::fmt::Write;
use std::path::Path;

use super::View;
use super::clean;
use super::text;
use super::told;
use crate::diag::Finding;
use crate::diag::Severity;

/// Annotations with the worst first, since GitHub shows a handful of each kind, and the sum at the end.
pub(super) fn document(view: &View<'_>) -> String {
    let mut text = String::new();
    for finding in view.worst_first() {
        let _ = writeln!(text, "{}", annotation(finding, &view.folder));
    }
    // A line of ours must never look like a command to the runner, whatever a name holds.
    for known in &view.report.gone {
        let _ = writeln!(text, "::notice title={}::{}", property(&known.code), data(&text::gone(known)));
    }
    let _ = writeln!(text, "{}", text::sum(view));
    text
}

fn annotation(finding: &Finding, folder: &Path) -> String {
    let kind = match finding.severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
        Severity::Note => "notice",
    };
    let mut properties = Vec::new();
    if let Some(place) = &finding.place {
        properties.push(format!("file={}", property(&folder.join(&place.file).to_string_lossy())));
        properties.extend(place.line.map(|line| format!("line={line}")));
        properties.extend(place.column.map(|column| format!("col={column}")));
    }
    properties.push(format!("title={}", property(&finding.code)));
    let help = finding.help.as_ref().map(|help| format!("%0A{}", data(help))).unwrap_or_default();
    format!("::{kind} {}::{}{help}", properties.join(","), data(&told(finding)))
}

/// The text of a command: everything up to the end of the line, where `%0A` stands for a line break of ours.
fn data(text: &str) -> String {
    clean(text).replace('%', "%25")
}

/// A property of a command: it ends at a comma or colon as well.
fn property(text: &str) -> String {
    data(text).replace(':', "%3A").replace(',', "%2C")
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::diag::Class;
    use crate::diag::Place;

    /// What the runner makes of a line: kind, properties and text.
    fn parsed(line: &str) -> (String, Vec<(String, String)>, String) {
        let rest = line.strip_prefix("::").unwrap();
        let (head, text) = rest.split_once("::").unwrap();
        let (kind, properties) = head.split_once(' ').unwrap();
        let unescape = |text: &str| {
            text.replace("%2C", ",")
                .replace("%3A", ":")
                .replace("%0A", "\n")
                .replace("%0D", "\r")
                .replace("%25", "%")
        };
        let pairs = properties.split(',').map(|pair| pair.split_once('=').unwrap());
        (
            kind.to_owned(),
            pairs.map(|(key, value)| (key.to_owned(), unescape(value))).collect(),
            unescape(text),
        )
    }

    proptest! {
        #[test]
        fn the_runner_reads_back_what_was_told_and_no_second_command(message in ".{0,40}", file in "[^\0]{1,20}") {
            let place = Place { file: file.clone().into(), line: Some(3), column: None };
            let finding = Finding::new(Severity::Error, Class::Finding, "a::b", message.clone()).at(place);
            let line = annotation(&finding, Path::new(""));
            prop_assert_eq!(line.lines().count(), 1, "{:?}", line);
            let (kind, properties, text) = parsed(&line);
            prop_assert_eq!(kind, "error");
            prop_assert_eq!(text, clean(&message));
            let wanted = [("file", clean(&file)), ("line", "3".to_owned()), ("title", "a::b".to_owned())];
            prop_assert_eq!(properties, wanted.map(|(key, value)| (key.to_owned(), value)));
        }
    }

    #[test]
    fn places_are_relative_to_the_repository() {
        let finding =
            Finding::new(Severity::Note, Class::Finding, "a::b", "m, n: 100 %").at(Place::line("x", 2));
        let line = annotation(&finding, Path::new("fleets/one"));
        assert_eq!(line, "::notice file=fleets/one/x,line=2,title=a%3A%3Ab::m, n: 100 %25");
    }
}
