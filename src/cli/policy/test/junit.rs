//! The report of tests as `JUnit` XML: a suite for each file, and one for the invariants.

use std::io;

use quick_xml::Writer;
use quick_xml::events::BytesDecl;
use quick_xml::events::BytesText;
use quick_xml::events::Event;

use super::explain;
use super::said;
use crate::cli::ui::one_line;
use crate::cli::ui::printable;
use crate::ops::policy::TestReport;

/// One test with what failed in it.
struct Entry {
    name: String,
    class: String,
    failures: Vec<(String, String)>,
}

/// The document, ending with a newline.
pub(super) fn document(report: &TestReport) -> Vec<u8> {
    let mut writer = Writer::new_with_indent(Vec::new(), b' ', 2);
    // A vector takes whatever is written to it.
    let written = write(&mut writer, &suites(report));
    debug_assert!(written.is_ok());
    let mut bytes = writer.into_inner();
    bytes.push(b'\n');
    bytes
}

fn suites(report: &TestReport) -> Vec<(String, Vec<Entry>)> {
    let mut suites: Vec<(String, Vec<Entry>)> = Vec::new();
    for case in &report.suite.cases {
        let file = case.file.display().to_string();
        let failure = |failure: &crate::ops::policy::CaseFailure| {
            let mut lines = vec![failure.place.to_string()];
            lines.extend(failure.explanation.iter().flat_map(|explanation| explain::lines(explanation)));
            (failure.message.clone(), lines.join("\n"))
        };
        let entry = Entry {
            name: case.name.clone().unwrap_or_else(|| "outside of any test".to_owned()),
            class: file.clone(),
            failures: case.failures.iter().map(failure).collect(),
        };
        match suites.last_mut().filter(|(name, _)| *name == file) {
            Some((_, entries)) => entries.push(entry),
            None => suites.push((file, vec![entry])),
        }
    }
    let invariant = |rule: &crate::ops::policy::RuleRef| Entry {
        name: said(rule),
        class: rule.place.to_string(),
        failures: report
            .violations
            .iter()
            .filter(|violation| violation.invariant == *rule)
            .map(|violation| (violation.to_string(), violation.help()))
            .collect(),
    };
    if !report.invariants.is_empty() {
        suites.push(("invariants".to_owned(), report.invariants.iter().map(invariant).collect()));
    }
    suites
}

fn write(writer: &mut Writer<Vec<u8>>, suites: &[(String, Vec<Entry>)]) -> io::Result<()> {
    writer.write_event(Event::Decl(BytesDecl::new("1.0", Some("UTF-8"), None)))?;
    let all = || suites.iter().flat_map(|(_, entries)| entries);
    let [tests, failures] = counts(all());
    writer
        .create_element("testsuites")
        .with_attributes([("name", "policy"), ("tests", &tests), ("failures", &failures)])
        .write_inner_content(|writer| {
            suites.iter().try_for_each(|(name, entries)| write_suite(writer, name, entries))
        })?;
    Ok(())
}

fn counts<'e>(entries: impl Iterator<Item = &'e Entry>) -> [String; 2] {
    let (mut tests, mut failures) = (0, 0);
    for entry in entries {
        tests += 1;
        failures += usize::from(!entry.failures.is_empty());
    }
    [tests.to_string(), failures.to_string()]
}

fn write_suite(writer: &mut Writer<Vec<u8>>, name: &str, entries: &[Entry]) -> io::Result<()> {
    let [tests, failures] = counts(entries.iter());
    writer
        .create_element("testsuite")
        .with_attributes([("name", &*one_line(name)), ("tests", &tests), ("failures", &failures)])
        .write_inner_content(|writer| entries.iter().try_for_each(|entry| write_case(writer, entry)))?;
    Ok(())
}

fn write_case(writer: &mut Writer<Vec<u8>>, entry: &Entry) -> io::Result<()> {
    let (name, class) = (one_line(&entry.name), one_line(&entry.class));
    let case = writer
        .create_element("testcase")
        .with_attributes([("classname", class.as_str()), ("name", name.as_str())]);
    if entry.failures.is_empty() {
        case.write_empty()?;
        return Ok(());
    }
    // One test has one failure in this format; further ones are told in its text.
    let message = entry.failures.first().map(|(message, _)| one_line(message)).unwrap_or_default();
    let text: Vec<String> = entry
        .failures
        .iter()
        .map(|(message, lines)| printable(&format!("{}\n{lines}", one_line(message))))
        .collect();
    case.write_inner_content(|writer| {
        let failure = writer.create_element("failure").with_attribute(("message", message.as_str()));
        failure.write_text_content(BytesText::new(&text.join("\n\n")))?;
        Ok(())
    })?;
    Ok(())
}
