//! SARIF 2.1.0, for GitHub code scanning and whoever else reads it.

use std::collections::BTreeMap;
use std::path::Path;

use serde_json::Value;
use serde_json::json;

use super::View;
use super::clean;
use super::told;
use crate::diag::Finding;
use crate::diag::Place;
use crate::diag::Severity;
use crate::diag::catalogue;
use crate::diag::catalogue::Kind;
use crate::ops::audit::identity;

const SCHEMA: &str =
    "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json";

pub(super) fn log(view: &View<'_>) -> Value {
    let codes: BTreeMap<&str, usize> = {
        let mut codes: Vec<&str> = view.report.findings.iter().map(|finding| &*finding.code).collect();
        codes.sort_unstable();
        codes.dedup();
        codes.into_iter().enumerate().map(|(index, code)| (code, index)).collect()
    };
    let rules: Vec<Value> = codes.keys().map(|code| rule(code, view.page)).collect();
    let results: Vec<Value> =
        view.worst_first().map(|finding| result(finding, &codes, &view.folder)).collect();
    json!({
        "$schema": SCHEMA,
        "version": "2.1.0",
        "runs": [{
            "tool": { "driver": {
                "name": "secretctl",
                "version": env!("CARGO_PKG_VERSION"),
                "semanticVersion": env!("CARGO_PKG_VERSION"),
                "rules": rules,
            }},
            "automationDetails": { "id": "secretctl/audit/" },
            "invocations": [{ "executionSuccessful": true, "endTimeUtc": view.report.at.to_string() }],
            "columnKind": "unicodeCodePoints",
            "results": results,
        }],
    })
}

/// What is known about a kind of finding; its whole lesson is in the report, so that no page must be reachable.
fn rule(code: &str, page: Option<&str>) -> Value {
    let Some(Kind { severity, title, lesson, .. }) = catalogue::kind(code) else {
        return json!({ "id": code });
    };
    let sentence = format!("{title}.");
    let text = format!("{} Why it matters: {} What to do: {}", lesson.means, lesson.matters, lesson.action);
    let markdown = format!(
        "{}\n\n**Why it matters.** {}\n\n**What to do.** {}",
        lesson.means, lesson.matters, lesson.action
    );
    let mut rule = json!({
        "id": code,
        "shortDescription": { "text": sentence },
        "fullDescription": { "text": lesson.means },
        "help": { "text": text, "markdown": markdown },
        "defaultConfiguration": { "level": level(*severity) },
        "properties": { "tags": ["security", "secrets"], "security-severity": score(*severity) },
    });
    if let (Some(page), Some(rule)) = (page, rule.as_object_mut()) {
        rule.insert("helpUri".to_owned(), json!(format!("{page}#{}", catalogue::anchor(code))));
    }
    rule
}

fn result(finding: &Finding, codes: &BTreeMap<&str, usize>, folder: &Path) -> Value {
    let (code, about) = identity(finding);
    let help = finding.help.as_ref().map(|help| format!("\n{}", clean(help))).unwrap_or_default();
    let mut result = json!({
        "ruleId": code,
        "ruleIndex": codes.get(&*code),
        "level": level(finding.severity),
        "message": { "text": format!("{}{help}", clean(&told(finding))) },
        "locations": finding.place.as_ref().map(|place| location(place, folder)).into_iter().collect::<Vec<_>>(),
        // What it is about, and not where: a finding stays the same when lines are added above it.
        "partialFingerprints": { "secretctlIdentity/v1": clean(&format!("{code} {}", about.join(" | "))) },
    });
    if let (Some(since), Some(result)) = (finding.known_since, result.as_object_mut()) {
        let justification = format!("known since {}", since.strftime("%Y-%m-%d"));
        let suppression =
            json!([{ "kind": "external", "status": "accepted", "justification": justification }]);
        result.insert("suppressions".to_owned(), suppression);
    }
    result
}

fn location(place: &Place, folder: &Path) -> Value {
    let path = folder.join(&place.file);
    let artifact = if path.is_absolute() {
        json!({ "uri": format!("file://{}", uri(&path)) })
    } else {
        json!({ "uri": uri(&path), "uriBaseId": "%SRCROOT%" })
    };
    let mut physical = json!({ "artifactLocation": artifact });
    if let (Some(line), Some(physical)) = (place.line, physical.as_object_mut()) {
        let mut region = json!({ "startLine": line.max(1) });
        if let (Some(column), Some(region)) = (place.column, region.as_object_mut()) {
            region.insert("startColumn".to_owned(), json!(column.max(1)));
        }
        physical.insert("region".to_owned(), region);
    }
    json!({ "physicalLocation": physical })
}

/// A path as part of a URI: every byte that has a meaning there, or is not ASCII, as `%XX` (RFC 3986).
fn uri(path: &Path) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~/".contains(&byte);
    let bytes = path.as_os_str().as_encoded_bytes().iter();
    bytes
        .map(|&byte| if plain(byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") })
        .collect()
}

fn level(severity: Severity) -> &'static str {
    match severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
        Severity::Note => "note",
    }
}

/// The number that GitHub makes "high", "medium" and "low" of.
fn score(severity: Severity) -> &'static str {
    match severity {
        Severity::Error => "8.0",
        Severity::Warning => "5.0",
        Severity::Note => "1.0",
    }
}
