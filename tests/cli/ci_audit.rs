//! What a user copies for CI: the script in a checkout without a key, and example files that fit what is written.

use std::collections::BTreeSet;
use std::path::Path;
use std::path::PathBuf;
use std::process::Command;

use serde_json::Value;

use crate::common::BIN;
use crate::common::PATH;
use crate::common::Ran;
use crate::common::TestFleet;
use crate::common::tool;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn example(name: &str) -> String {
    std::fs::read_to_string(root().join("examples/ci").join(name)).unwrap()
}

/// A checkout of the demo fleet: what is public, and no key.
fn checkout() -> TestFleet {
    let fleet = TestFleet::empty();
    let ran = Command::new("cp")
        .arg("-R")
        .args(["secretctl.toml", "policies", "secrets", "sealed"].map(|part| root().join(part)))
        .arg(fleet.root())
        .status()
        .unwrap();
    assert!(ran.success());
    fleet
}

fn ci_audit(fleet: &TestFleet, at: &str, args: &[&str], summary: Option<&PathBuf>) -> Ran {
    let mut command = Command::new("bash");
    command.arg(root().join("scripts/ci-audit")).args(args);
    let programs = Path::new(BIN).parent().unwrap().display().to_string();
    let mut cmd = fleet.prepare(command).without_keys().at(at).env("PATH", format!("{programs}:{PATH}"));
    if let Some(summary) = summary {
        cmd = cmd.env("GITHUB_ACTIONS", "true").env("GITHUB_STEP_SUMMARY", summary);
    }
    cmd.run()
}

#[test]
fn the_demo_fleet_is_audited_without_any_key() {
    let fleet = checkout();
    ci_audit(&fleet, "2026-12-01T00:00:00Z", &["--out", "out"], None).ok();
    for file in ["audit.sarif", "audit.xml", "audit.json", "audit.prom", "audit.md"] {
        assert!(!fleet.text(&format!("out/{file}")).is_empty(), "{file}");
    }
    // Half a year later values are due, and the summary is on the page of the run.
    let summary = fleet.path("../summary.md");
    let ran = ci_audit(&fleet, "2027-06-01T00:00:00Z", &["--out", "out"], Some(&summary)).with_code(1);
    ran.prints(&["::error file=secrets/", "title=rotation%3A%3Aoverdue"]);
    assert!(std::fs::read_to_string(&summary).unwrap().contains("### Errors ("));
    // What a person put off fails no more.
    let known = ["audit", "--write-baseline", "known.json"];
    fleet.cmd(known).without_keys().at("2027-06-01T00:00:00Z").run().ok();
    ci_audit(&fleet, "2027-06-01T00:00:00Z", &["--baseline", "known.json"], None).ok();
}

#[test]
fn a_broken_fleet_ends_with_the_code_of_what_broke() {
    let fleet = checkout();
    fleet.flip("sealed/forge/manifest.json");
    let at = "2026-12-01T00:00:00Z";
    ci_audit(&fleet, at, &["--fail-on", "none"], None).with_code(3);
    assert!(fleet.text("ci-audit/audit.sarif").contains("sealed::tampered"));
    // A fleet that does not load leaves no report of an earlier run behind, and says so where people look.
    fleet.append("secretctl.toml", "\nnonsense = 1\n");
    let summary = fleet.path("../summary.md");
    ci_audit(&fleet, at, &[], Some(&summary)).with_code(2).says(&["unknown key `nonsense`"]);
    assert!(!fleet.exists("ci-audit/audit.sarif"));
    assert!(std::fs::read_to_string(&summary).unwrap().contains("did not come to its end"));
}

/// Every word of a text that is a metric of ours, as far as its name tells.
fn metrics(text: &str) -> BTreeSet<String> {
    let words = text.split(|c: char| !(c.is_ascii_alphanumeric() || c == '_'));
    words.filter(|word| word.starts_with("secretctl_")).map(str::to_owned).collect()
}

#[test]
fn alerts_and_dashboard_ask_for_metrics_that_exist() {
    let fleet = TestFleet::sealed();
    fleet.append("policies/access.rhai", "\nrotate(\"shared/**\").every(\"90d\");\n");
    fleet.set("shared/token", "eyJhbGciOiJub25lIn0.eyJleHAiOjE4MDEzNTM2MDB9.x").ok();
    let written = fleet.cmd(["audit", "--format", "prometheus"]).without_keys().run().stdout();
    let written: BTreeSet<String> =
        metrics(&written.lines().filter(|line| !line.starts_with('#')).collect::<Vec<_>>().join("\n"));
    let alerts = example("prometheus-alerts.yml");
    let dashboard: Value = serde_json::from_str(&example("grafana-dashboard.json")).unwrap();
    let mut asked = metrics(&alerts);
    for panel in dashboard["panels"].as_array().unwrap() {
        let expressions =
            panel["targets"].as_array().unwrap().iter().map(|target| target["expr"].as_str().unwrap());
        let here: BTreeSet<String> = expressions.flat_map(metrics).collect();
        assert!(!here.is_empty(), "{}", panel["title"]);
        asked.extend(here);
    }
    assert_eq!(asked.difference(&written).collect::<Vec<_>>(), [""; 0]);
}

#[test]
fn alerts_fire_when_they_should_and_only_then() {
    for args in [
        ["check", "rules", "examples/ci/prometheus-alerts.yml"],
        ["test", "rules", "tests/promtool/alerts.test.yml"],
    ] {
        let ran = Command::new(tool("promtool")).args(args).current_dir(root()).output().unwrap();
        assert!(ran.status.success(), "{}", Ran::from(ran));
    }
}

#[test]
fn every_action_is_pinned_by_its_whole_hash_with_its_version_beside_it() {
    let workflow = example("github.yml");
    let uses: Vec<&str> =
        workflow.lines().filter_map(|line| line.split_once("uses: ").map(|(_, uses)| uses)).collect();
    assert!(uses.len() >= 4, "{uses:?}");
    for action in uses {
        let (pinned, version) =
            action.split_once(" # v").unwrap_or_else(|| panic!("{action} has no version"));
        let hash = pinned.split_once('@').unwrap().1;
        assert!(hash.len() == 40 && hash.chars().all(|c| c.is_ascii_hexdigit()), "{action}");
        assert!(version.split('.').count() == 3, "{action}");
    }
}
