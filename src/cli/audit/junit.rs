//! The report as `JUnit` XML: one test for each secret, and one for each finding about anything else.

use std::collections::BTreeMap;
use std::io;

use quick_xml::Writer;
use quick_xml::events::BytesDecl;
use quick_xml::events::BytesText;
use quick_xml::events::Event;

use super::View;
use super::clean;
use super::told;
use crate::diag::Finding;
use crate::ops::audit::FailOn;

/// A test: what it is about, and what was found.
struct Case<'a> {
    class: &'static str,
    name: String,
    findings: Vec<&'a Finding>,
}

/// The document, ending with a newline.
pub(super) fn document(view: &View<'_>) -> Vec<u8> {
    let mut writer = Writer::new_with_indent(Vec::new(), b' ', 2);
    // A vector takes whatever is written to it.
    let written = write(&mut writer, view);
    debug_assert!(written.is_ok());
    let mut bytes = writer.into_inner();
    bytes.push(b'\n');
    bytes
}

fn cases<'a>(view: &View<'a>) -> [(&'static str, Vec<Case<'a>>); 2] {
    let of = |secret: String| (secret.clone(), Case { class: "secrets", name: secret, findings: Vec::new() });
    let mut secrets: BTreeMap<String, Case<'_>> =
        view.report.values.iter().map(|value| of(value.secret.to_string())).collect();
    let mut rest = Vec::new();
    for finding in &view.report.findings {
        match finding.about.first().and_then(|secret| secrets.get_mut(secret)) {
            Some(case) => case.findings.push(finding),
            None => {
                let name = format!("{}: {}", finding.code, finding.about.join(", "));
                rest.push(Case { class: "fleet", name, findings: vec![finding] });
            }
        }
    }
    if rest.is_empty() {
        rest.push(Case { class: "fleet", name: "everything else".to_owned(), findings: Vec::new() });
    }
    [("secrets", secrets.into_values().collect()), ("fleet", rest)]
}

impl Case<'_> {
    fn failures(&self, fail_on: FailOn) -> Vec<&Finding> {
        self.findings.iter().copied().filter(|finding| fail_on.fails(finding)).collect()
    }

    /// Everything that was found is known and put off.
    fn is_known(&self) -> bool {
        !self.findings.is_empty() && self.findings.iter().all(|finding| finding.known_since.is_some())
    }
}

fn write(writer: &mut Writer<Vec<u8>>, view: &View<'_>) -> io::Result<()> {
    writer.write_event(Event::Decl(BytesDecl::new("1.0", Some("UTF-8"), None)))?;
    let suites = cases(view);
    let [tests, failures, skipped] = counts(suites.iter().flat_map(|(_, cases)| cases), view.fail_on);
    let time = view.report.at.to_string();
    writer
        .create_element("testsuites")
        .with_attributes([
            ("name", "audit"),
            ("tests", &tests),
            ("failures", &failures),
            ("skipped", &skipped),
        ])
        .write_inner_content(|writer| {
            suites.iter().try_for_each(|(name, cases)| suite(writer, name, cases, &time, view.fail_on))
        })?;
    Ok(())
}

fn counts<'c>(cases: impl Iterator<Item = &'c Case<'c>>, fail_on: FailOn) -> [String; 3] {
    let (mut tests, mut failures, mut skipped) = (0, 0, 0);
    for case in cases {
        let failed = !case.failures(fail_on).is_empty();
        tests += 1;
        failures += usize::from(failed);
        skipped += usize::from(!failed && case.is_known());
    }
    [tests.to_string(), failures.to_string(), skipped.to_string()]
}

fn suite(
    writer: &mut Writer<Vec<u8>>,
    name: &str,
    cases: &[Case<'_>],
    time: &str,
    fail_on: FailOn,
) -> io::Result<()> {
    let [tests, failures, skipped] = counts(cases.iter(), fail_on);
    let attributes = [
        ("name", name),
        ("tests", &tests),
        ("failures", &failures),
        ("errors", "0"),
        ("skipped", &skipped),
        ("timestamp", time.trim_end_matches('Z')),
    ];
    writer
        .create_element("testsuite")
        .with_attributes(attributes)
        .write_inner_content(|writer| cases.iter().try_for_each(|case| write_case(writer, case, fail_on)))?;
    Ok(())
}

fn write_case(writer: &mut Writer<Vec<u8>>, case: &Case<'_>, fail_on: FailOn) -> io::Result<()> {
    let name = shown(&case.name);
    let element =
        writer.create_element("testcase").with_attributes([("classname", case.class), ("name", &name)]);
    if case.findings.is_empty() {
        element.write_empty()?;
        return Ok(());
    }
    let failures = case.failures(fail_on);
    element.write_inner_content(|writer| {
        match failures.first() {
            // One test has one failure in this format; further ones are told in its text.
            Some(first) => {
                let attributes = [("message", shown(&told(first))), ("type", first.code.clone())];
                let attributes = attributes.iter().map(|(key, value)| (*key, value.as_str()));
                let failure = writer.create_element("failure").with_attributes(attributes);
                failure.write_text_content(BytesText::new(&lines(&failures)))?;
            }
            None if case.is_known() => {
                let message = case.findings.first().map(|finding| shown(&told(finding))).unwrap_or_default();
                writer
                    .create_element("skipped")
                    .with_attribute(("message", message.as_str()))
                    .write_empty()?;
            }
            None => {}
        }
        let rest: Vec<&Finding> =
            case.findings.iter().copied().filter(|finding| !fail_on.fails(finding)).collect();
        if !rest.is_empty() {
            writer.create_element("system-out").write_text_content(BytesText::new(&lines(&rest)))?;
        }
        Ok(())
    })?;
    Ok(())
}

fn lines(findings: &[&Finding]) -> String {
    let line = |finding: &&Finding| {
        let mut lines = vec![format!("{}[{}]: {}", finding.severity, finding.code, told(finding))];
        lines.extend(finding.place.as_ref().map(|place| format!("  --> {place}")));
        lines.extend(finding.help.as_ref().map(|help| format!("  help: {help}")));
        lines
    };
    findings.iter().flat_map(line).map(|line| shown(&line)).collect::<Vec<_>>().join("\n")
}

/// A text in one line, without the characters that XML cannot hold at all.
fn shown(text: &str) -> String {
    clean(text).replace(['\u{fffe}', '\u{ffff}'], "\u{fffd}")
}
