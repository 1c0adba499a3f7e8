//! The formats of `audit`, each held against its schema or the program that reads it.

use std::collections::BTreeSet;
use std::path::Path;
use std::process::Command;
use std::process::Stdio;

use serde_json::Value;

use crate::common::KEYS;
use crate::common::Ran;
use crate::common::TestFleet;
use crate::common::tool;

const AT: &str = "2027-02-20";
/// A file name with everything that some format gives a meaning to.
const HOSTILE: &str = "no\"te's %0A%25\n::error file=x,line=1::<b>&amp;]]> ünï|x\u{202e}";

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn schema(path: &str) -> jsonschema::Validator {
    let mut schema: Value = serde_json::from_slice(&std::fs::read(root().join(path)).unwrap()).unwrap();
    // The pattern of languages in the official schema of SARIF is no regular expression; nothing here has a language.
    for object in ["run", "toolComponent"] {
        if let Some(language) = schema.pointer_mut(&format!("/definitions/{object}/properties/language")) {
            language.as_object_mut().unwrap().remove("pattern");
        }
    }
    jsonschema::options().offline().should_validate_formats(true).build(&schema).unwrap()
}

fn assert_valid(schema: &jsonschema::Validator, document: &Value) {
    let errors: Vec<String> =
        schema.iter_errors(document).map(|error| format!("{}: {error}", error.instance_path())).collect();
    assert_eq!(errors, [""; 0], "{document:#}");
}

fn audit(fleet: &TestFleet, args: &[&str]) -> Ran {
    fleet.cmd(["audit", "--at", AT].iter().chain(args)).without_keys().run()
}

/// A fleet in which everything is the matter: overdue, weak, ended, exposed, denied, drifted, and a hostile file name.
fn troubled() -> TestFleet {
    let fleet = TestFleet::sealed();
    let bob = KEYS.bob.public();
    let key = KEYS.bob.public_file();
    fleet.run(["--signing-key", key.to_str().unwrap(), "admin", "add", "bob", "--recipient", &bob]).ok();
    fleet.run(["rekey"]).ok();
    fleet.set("forge/sonarr/api-key", "hunter2").ok();
    fleet.set("luna/restic/password", "eyJhbGciOiJub25lIn0.eyJleHAiOjE4MDEzNTM2MDB9.x").ok();
    fleet.append(
        "policies/access.rhai",
        "\nrotate(\"shared/token\").every(\"90d\").owner(`o\"w%n<e>\\r,ü`).runbook(\"https://wiki.example.org/<token>?a=1&b=%20\");\n\
         deny(\"shared/**\").hosts(\"luna\");\n",
    );
    fleet.run(["admin", "remove", "bob"]).ok();
    fleet.run(["rekey"]).ok();
    fleet.write(&format!("secrets/{HOSTILE}"), "x");
    fleet
}

#[test]
fn json_is_as_its_schema_says() {
    let schema = schema("docs/reference/audit.schema.json");
    let fleet = troubled();
    let report = audit(&fleet, &["--format", "json"]).with_code(1).json();
    assert_valid(&schema, &report);
    let codes: BTreeSet<&str> =
        report["findings"].as_array().unwrap().iter().map(|f| f["code"].as_str().unwrap()).collect();
    for code in [
        "exposure::admin",
        "exposure::host",
        "rotation::overdue",
        "value::expired",
        "value::weak",
        "sealed::drift",
    ] {
        assert!(codes.contains(code), "{code} is not in {codes:?}");
    }
    fleet.run(["audit", "--at", AT, "--write-baseline", "../known.json"]).ok();
    fleet.remove(&format!("secrets/{HOSTILE}"));
    let report = audit(&fleet, &["--format", "json", "--baseline", "../known.json"]).ok().json();
    assert_valid(&schema, &report);
    assert_eq!(report["gone"][0]["code"], "store::stray");
    // The schema is no rubber stamp.
    let mut wrong = report.clone();
    wrong["values"][0]["state"] = "late".into();
    assert!(!schema.is_valid(&wrong));
    let mut wrong = report;
    wrong["surprise"] = 1.into();
    assert!(!schema.is_valid(&wrong));
}

#[test]
fn sarif_is_as_its_standard_says_whatever_names_hold() {
    let schema = schema("tests/schemas/sarif/sarif-schema-2.1.0.json");
    let fleet = troubled();
    fleet.append("secretctl.toml", "\n[audit]\nfindings-page = \"https://git.example.org/findings.md\"\n");
    fleet.run(["audit", "--at", AT, "--write-baseline", "../known.json"]).ok();
    for args in [&["--format", "sarif"][..], &["--format", "sarif", "--baseline", "../known.json"]] {
        let log: Value = serde_json::from_str(&audit(&fleet, args).stdout()).unwrap();
        assert_valid(&schema, &log);
        let run = &log["runs"][0];
        let rules = run["tool"]["driver"]["rules"].as_array().unwrap();
        let results = run["results"].as_array().unwrap();
        let mut fingerprints = BTreeSet::new();
        for result in results {
            let rule = &rules[usize::try_from(result["ruleIndex"].as_u64().unwrap()).unwrap()];
            assert_eq!(rule["id"], result["ruleId"]);
            let anchor = rule["id"].as_str().unwrap().replace("::", "-").replace('_', "-");
            assert_eq!(rule["helpUri"], format!("https://git.example.org/findings.md#{anchor}"));
            fingerprints.insert(result["partialFingerprints"]["secretctlIdentity/v1"].as_str().unwrap());
        }
        assert_eq!(fingerprints.len(), results.len(), "two findings have one fingerprint");
        let stray = results.iter().find(|result| result["ruleId"] == "store::stray").unwrap();
        let uri = stray["locations"][0]["physicalLocation"]["artifactLocation"]["uri"].as_str().unwrap();
        assert!(uri.starts_with("secrets/no%22te%27s%20%250A%2525%0A%3A%3Aerror"), "{uri}");
        assert_eq!(stray["suppressions"].is_array(), args.len() > 2);
    }
    let mut wrong: Value = serde_json::from_str(&audit(&fleet, &["--format", "sarif"]).stdout()).unwrap();
    wrong["runs"][0]["results"][0]["level"] = "fatal".into();
    assert!(!schema.is_valid(&wrong));
}

/// The attributes of every element of a document, by name of the element; fails where it is no XML.
fn elements(xml: &str) -> Vec<(String, Vec<(String, String)>)> {
    use quick_xml::events::Event;
    let mut reader = quick_xml::Reader::from_str(xml);
    let mut found = Vec::new();
    loop {
        match reader.read_event().unwrap() {
            Event::Start(element) | Event::Empty(element) => {
                let name = String::from_utf8(element.name().as_ref().to_vec()).unwrap();
                let attributes = element.attributes().map(|attribute| {
                    let attribute = attribute.unwrap();
                    let key = String::from_utf8(attribute.key.as_ref().to_vec()).unwrap();
                    (key, attribute.unescape_value().unwrap().into_owned())
                });
                found.push((name, attributes.collect()));
            }
            Event::Eof => return found,
            _ => {}
        }
    }
}

fn attribute<'a>(element: &'a (String, Vec<(String, String)>), key: &str) -> &'a str {
    &element.1.iter().find(|(name, _)| name == key).unwrap_or_else(|| panic!("{element:?} has no {key}")).1
}

#[test]
fn junit_counts_what_it_holds_and_skips_what_is_known() {
    let fleet = troubled();
    let count = |found: &[(String, Vec<(String, String)>)], name: &str| {
        found.iter().filter(|(element, _)| element == name).count().to_string()
    };
    let before = elements(&audit(&fleet, &["--format", "junit"]).with_code(1).stdout());
    assert_eq!(attribute(&before[0], "tests"), count(&before, "testcase"));
    assert_eq!(attribute(&before[0], "failures"), count(&before, "failure"));
    assert_ne!(count(&before, "failure"), "0");
    let stray = before
        .iter()
        .find(|e| e.0 == "testcase" && attribute(e, "name").starts_with("store::stray"))
        .unwrap();
    assert!(attribute(stray, "name").contains("<b>&amp;]]> ünï|x\\u{202e}"), "{stray:?}");
    fleet.run(["audit", "--at", AT, "--write-baseline", "../known.json"]).ok();
    let after = elements(&audit(&fleet, &["--format", "junit", "--baseline", "../known.json"]).ok().stdout());
    assert_eq!(count(&after, "failure"), "0");
    assert_eq!(attribute(&after[0], "skipped"), count(&after, "skipped"));
    assert_eq!(count(&after, "testcase"), count(&before, "testcase"));
}

fn promtool(args: &[&str], input: &str) {
    use std::io::Write;
    let mut child = Command::new(tool("promtool"))
        .args(args)
        .current_dir(root())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
    let ran = Ran::from(child.wait_with_output().unwrap());
    assert_eq!((ran.code(), ran.stderr().as_str()), (0, ""), "{ran}\n{input}");
}

#[test]
fn promtool_takes_the_metrics_and_without_names_no_secret_is_among_them() {
    let fleet = troubled();
    let metrics = audit(&fleet, &["--format", "prometheus"]).with_code(1).stdout();
    promtool(&["check", "metrics"], &metrics);
    for line in [
        "secretctl_audit_failed 1",
        "secretctl_audit_integrity_broken 0",
        "secretctl_secrets 3",
        "secretctl_values{state=\"overdue\"} 1",
        "secretctl_value_exposures{secret=\"shared/token\"} 2",
        "secretctl_value_weak{secret=\"forge/sonarr/api-key\"} 1",
        "secretctl_value_expires_timestamp_seconds{secret=\"luna/restic/password\"} 1801353600",
        "secretctl_value_age_seconds{secret=\"shared/token\"} 7912800",
    ] {
        assert!(metrics.lines().any(|found| found == line), "{line}\n{metrics}");
    }
    assert!(
        metrics.contains("secretctl_value_due_timestamp_seconds{secret=\"shared/token\",owner=\"o\\\"w%n<e>"),
        "{metrics}"
    );
    let few = audit(&fleet, &["--format", "prometheus", "--without-names"]).with_code(1).stdout();
    promtool(&["check", "metrics"], &few);
    assert!(!few.contains("shared/token") && few.contains("secretctl_findings{severity=\"error\"}"), "{few}");
}

#[test]
fn github_gets_one_command_for_each_finding_and_a_summary_behind_that_of_others() {
    let fleet = troubled();
    fleet.write("../summary.md", "# Before\n");
    let path = fleet.path("../summary.md");
    let findings = audit(&fleet, &["--format", "json"]).json()["findings"].as_array().unwrap().len();
    fleet.git(&["init", "--quiet", fleet.outside().to_str().unwrap()]);
    let cmd = fleet.cmd(["audit", "--at", AT, "--format", "github"]).without_keys();
    let told = cmd.env("GITHUB_STEP_SUMMARY", &path).run().with_code(1).stdout();
    let commands: Vec<&str> = told.lines().filter(|line| line.starts_with("::")).collect();
    assert_eq!(commands.len(), findings, "{told}");
    assert_eq!(told.lines().count(), findings + 1, "{told}");
    assert!(commands[0].starts_with("::error file=fleet/"), "paths are those of the repository: {told}");
    let summary = String::from_utf8(std::fs::read(&path).unwrap()).unwrap();
    assert!(summary.starts_with("# Before\n## Audit of secrets\n"), "{summary}");
    assert!(summary.contains("### Errors (") && summary.contains("`exposure::admin`"), "{summary}");
    assert!(!summary.contains("<b>") && !summary.contains("<e>"), "{summary}");
}

#[test]
fn one_run_leaves_every_format_in_files() {
    let fleet = TestFleet::sealed();
    let formats = ["text", "json", "sarif", "junit", "prometheus", "github", "markdown"];
    let outputs: Vec<String> = formats.iter().map(|format| format!("{format}=../out.{format}")).collect();
    let mut args = Vec::new();
    for output in &outputs {
        args.extend(["--output", output]);
    }
    audit(&fleet, &args).ok();
    for format in formats {
        let file = String::from_utf8(fleet.read(&format!("../out.{format}"))).unwrap();
        if format != "text" {
            assert_eq!(file, audit(&fleet, &["--format", format]).stdout(), "{format}");
        }
        assert!(
            file.contains("no_rule") || file.contains("no::rule") || format == "junit",
            "{format}: {file}"
        );
    }
    audit(&fleet, &["--output", "sarif=../nowhere/x"]).with_code(4);
    audit(&fleet, &["--output", "xml=x"]).with_code(2).says(&["known here: text, json, sarif"]);
}

#[test]
fn the_fleet_says_what_matters_and_cannot_hide_broken_integrity() {
    let fleet = TestFleet::sealed();
    fleet.set("shared/token", "hunter2").ok();
    audit(&fleet, &[]).ok();
    audit(&fleet, &["--fail-on", "warning"]).with_code(1);
    fleet.append(
        "secretctl.toml",
        "\n[audit.severities]\n\"value::weak\" = \"error\"\n\"rotation::no_rule\" = \"ignore\"\n\"sealed::drift\" = \"warning\"\n",
    );
    let ran = audit(&fleet, &[]).with_code(1).says(&["error[value::weak]"]);
    assert!(!ran.stderr().contains("no_rule") && ran.stdout().contains(", 1 ignored"), "{ran}");
    audit(&fleet, &["--fail-on", "none"]).ok();
    fleet.append("policies/access.rhai", "\ndeny(\"shared/**\").hosts(\"forge\");\n");
    fleet.cmd(["check"]).without_keys().run().says(&["warning[sealed::drift]"]);
    fleet.flip("sealed/luna/files/shared/token.age");
    audit(&fleet, &["--fail-on", "none"]).with_code(3).says(&["error[sealed::tampered]"]);
    fleet.append("secretctl.toml", "\"sealed::tampered\" = \"note\"\n");
    audit(&fleet, &[]).with_code(2).says(&["`sealed::tampered` can't be less than an error"]);
}

#[test]
fn what_a_baseline_knows_fails_no_more_and_what_is_new_does() {
    let fleet = TestFleet::sealed();
    fleet.append("policies/access.rhai", "\nrotate(\"shared/token\").every(\"30d\");\n");
    fleet.run(["seal"]).ok();
    let write = ["audit", "--at", "2027-01-10", "--write-baseline", "known.json"];
    fleet.cmd(write).without_keys().run().ok().says(&["wrote 1 known finding to known.json"]);
    let known = ["--baseline", "known.json"];
    audit(&fleet, &[]).with_code(1);
    audit(&fleet, &known).ok().says(&["note[rotation::overdue]", "(known since 2027-01-10)"]);
    // Once more keeps the day.
    audit(&fleet, &["--write-baseline", "known.json"]).ok();
    assert!(fleet.text("known.json").contains("2027-01-10T00:00:00Z"));
    // Another secret is news.
    fleet.append("policies/access.rhai", "\nrotate(\"forge/**\").every(\"30d\");\n");
    audit(&fleet, &known)
        .with_code(1)
        .says(&["error[rotation::overdue]: revision 1 of `forge/sonarr/api-key`"]);
    // So is another value of the same one; the old finding is gone.
    fleet.set("shared/token", "another-token-value").ok();
    audit(&fleet, &known).with_code(1).says(&[
        "revision 2 of `shared/token` is due",
        "gone: rotation::overdue of shared/token, revision 1, known since 2027-01-10",
    ]);
}

#[test]
fn a_baseline_hides_no_tampering_and_is_read_strictly() {
    let fleet = TestFleet::sealed();
    fleet.flip("sealed/luna/files/shared/token.age");
    audit(&fleet, &["--write-baseline", "known.json"]).with_code(3);
    assert!(!fleet.text("known.json").contains("tampered"));
    let entry = |version: u32, code: &str| {
        format!(
            "{{\"version\":{version},\"known\":[{{\"code\":\"{code}\",\"about\":[],\"since\":\"2026-11-20T00:00:00Z\"}}]}}"
        )
    };
    for (text, says) in [
        (entry(1, "sealed::tampered"), "baseline::always"),
        (entry(2, "value::weak"), "baseline::version"),
        (entry(1, "value::weak").replace("about", "abuot"), "baseline::malformed"),
        ("[".to_owned(), "baseline::malformed"),
    ] {
        fleet.write("known.json", text);
        audit(&fleet, &["--baseline", "known.json"]).with_code(2).says(&[says]);
    }
    audit(&fleet, &["--baseline", "nowhere.json"]).with_code(4);
}

#[test]
fn every_finding_has_the_severity_that_its_page_tells() {
    let fleet = troubled();
    fleet.flip("sealed/forge/files/shared/token.age");
    fleet.write("secrets/shared/other.age", "nobody vouches for it");
    let report = audit(&fleet, &["--format", "json"]).with_code(3).json();
    let findings = report["findings"].as_array().unwrap();
    assert!(findings.len() > 8, "{report:#}");
    for finding in findings {
        let kind = secretctl::diag::catalogue::kind(finding["code"].as_str().unwrap());
        assert_eq!(finding["severity"], kind.unwrap().severity.to_string(), "{finding}");
        assert!(finding["about"].is_array(), "a baseline would know it by its wording: {finding}");
    }
}

#[test]
fn what_was_not_looked_at_cannot_be_put_off() {
    let fleet = TestFleet::sealed();
    fleet.write("secrets/Shared/token.age", "x");
    let args = ["--fail-on", "none", "--write-baseline", "known.json"];
    audit(&fleet, &args).with_code(2).says(&["error[store::two_sources]"]);
    assert!(!fleet.text("known.json").contains("two_sources"));
}

#[test]
fn html_is_the_page_of_the_report() {
    let fleet = TestFleet::sealed();
    let file = fleet.path("audit.html");
    let output = format!("html={}", file.display());
    let ran = fleet.cmd(["audit", "--format", "html", "--output", &output]).without_keys().run().ok();
    let written = std::fs::read_to_string(file).unwrap();
    assert!(written.starts_with("<!doctype html>") && written.contains("shared/token"), "{written}");
    assert_eq!(ran.stdout().len(), written.len());
}
