//! Every format with texts that nobody would write by accident.

use jiff::Timestamp;
use proptest::prelude::*;
use quick_xml::events::Event;

use super::*;
use crate::diag::Class;
use crate::diag::Place;

/// What XML 1.0 allows in a document.
fn xml_can_hold(c: char) -> bool {
    matches!(c, '\t' | '\n' | '\r' | ' '..='\u{d7ff}' | '\u{e000}'..='\u{fffd}' | '\u{10000}'..)
}

fn report(findings: Vec<Finding>) -> AuditReport {
    AuditReport {
        version: 1,
        at: Timestamp::UNIX_EPOCH,
        secrets: 1,
        hosts: 1,
        values: Vec::new(),
        exposures: Vec::new(),
        findings,
        ignored: 0,
        gone: Vec::new(),
    }
}

fn rendered(report: &AuditReport, format: AuditFormat) -> String {
    let view = View {
        report,
        folder: PathBuf::new(),
        fail_on: FailOn::Error,
        page: None,
        names: Names::Shown,
        html: String::new(),
    };
    String::from_utf8(view.render(format).unwrap()).unwrap()
}

/// Texts with many of the signs that some format gives a meaning to.
fn hostile() -> impl Strategy<Value = String> {
    let sign = prop_oneof![
        Just('"'),
        Just('\''),
        Just('\n'),
        Just('\r'),
        Just('%'),
        Just('<'),
        Just('>'),
        Just('&'),
        Just(']'),
        Just('|'),
        Just('`'),
        Just('\\'),
        Just(':'),
        Just(','),
        Just('\u{1b}'),
        Just('\u{0}'),
        Just('\u{202e}'),
        Just('\u{ffff}'),
        any::<char>(),
    ];
    proptest::collection::vec(sign, 0..12).prop_map(|signs| signs.into_iter().collect())
}

fn finding() -> impl Strategy<Value = Finding> {
    (hostile(), hostile(), hostile(), hostile()).prop_map(|(message, help, file, about)| {
        Finding::new(Severity::Error, Class::Finding, "store::stray", message)
            .at(Place::line(format!("f{}", file.replace('\0', "")), 1))
            .help(help)
            .about([about])
    })
}

proptest! {
    #[test]
    fn no_text_breaks_out_of_any_format(findings in proptest::collection::vec(finding(), 1..4)) {
        let report = report(findings.clone());
        let xml = rendered(&report, AuditFormat::Junit);
        prop_assert!(xml.chars().all(xml_can_hold), "{:?}", xml);
        let mut reader = quick_xml::Reader::from_str(&xml);
        let mut failures = 0;
        loop {
            match reader.read_event().unwrap() {
                Event::Start(element) => {
                    failures += usize::from(element.name().as_ref() == b"failure");
                    prop_assert!(element.attributes().all(|attribute| attribute.unwrap().unescape_value().is_ok()));
                }
                Event::Text(text) => prop_assert!(text.decode().is_ok()),
                Event::Eof => break,
                _ => {}
            }
        }
        prop_assert_eq!(failures, findings.len());
        let log: serde_json::Value = serde_json::from_str(&rendered(&report, AuditFormat::Sarif)).unwrap();
        prop_assert_eq!(log.pointer("/runs/0/results").unwrap().as_array().unwrap().len(), findings.len());
        for uri in log.pointer("/runs/0/results").unwrap().as_array().unwrap() {
            let uri = uri.pointer("/locations/0/physicalLocation/artifactLocation/uri").unwrap().as_str().unwrap();
            prop_assert!(uri.chars().all(|c| c.is_ascii_alphanumeric() || "-._~/%".contains(c)), "{:?}", uri);
        }
        let commands = rendered(&report, AuditFormat::Github);
        prop_assert_eq!(commands.lines().count(), findings.len() + 1, "{:?}", commands);
        let page = rendered(&report, AuditFormat::Markdown);
        let rows: Vec<&str> = page.lines().filter(|line| line.starts_with("| `store")).collect();
        prop_assert_eq!(rows.len(), findings.len(), "{:?}", page);
        prop_assert!(rows.iter().all(|row| row.matches('|').count() == 4), "{:?}", rows);
    }

    #[test]
    fn a_label_reads_back_as_what_it_was(value in hostile()) {
        let escaped = prometheus::escaped(&value);
        prop_assert!(!escaped.contains('\n'));
        let (mut back, mut signs) = (String::new(), escaped.chars());
        while let Some(sign) = signs.next() {
            prop_assert_ne!(sign, '"');
            match sign {
                '\\' => match signs.next() {
                    Some('n') => back.push('\n'),
                    Some(sign) => back.push(sign),
                    None => prop_assert!(false, "{:?}", escaped),
                },
                sign => back.push(sign),
            }
        }
        prop_assert_eq!(back, value);
    }
}
