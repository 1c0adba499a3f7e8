//! What is told about denials.

use super::*;
use crate::policy::Denial;
use crate::policy::DenialReason;

/// Each denial as `LINE REASON SERVICES`.
fn denials(text: &str, secret: &str, host: &str) -> Vec<String> {
    let verdict = load(text).verdict(&secret.parse().unwrap(), &host.parse().unwrap(), now());
    verdict.denials.iter().map(in_words).collect()
}

fn in_words(denial: &Denial) -> String {
    let services = match &denial.services {
        Services::All => "all".to_owned(),
        Services::Only(names) => names.iter().map(ServiceName::as_str).collect::<Vec<_>>().join(" "),
    };
    format!("{} {} {services}", denial.rule.place.line.unwrap(), denial.reason)
}

#[test]
fn a_denial_is_told_only_where_an_allow_is_about_the_request() {
    let deny = "deny(\"prod/**\").hosts(tag(\"lab\")).because(\"shared\");\n";
    assert_eq!(denials(&format!("{deny}allow(\"prod/db\");"), "prod/db", "web-2"), ["1 denied all"]);
    assert_eq!(denials(&format!("{deny}allow(\"prod/db\");"), "prod/db", "web-1"), [""; 0]);
    assert_eq!(denials(deny, "prod/db", "web-2"), [""; 0]);
    assert_eq!(denials(&format!("{deny}allow(\"other\");"), "prod/db", "web-2"), [""; 0]);
    let no = format!("{deny}allow(\"prod/db\").when(|s, h, v| false);");
    assert_eq!(denials(&no, "prod/db", "web-2"), [""; 0]);
}

#[test]
fn only_the_services_that_lose_something_are_named() {
    let policy = "deny(\"x\").services(\"caddy\");\nallow(\"x\").services([\"caddy\", \"restic\"]);";
    assert_eq!(denials(policy, "x", "forge"), ["1 denied caddy"]);
    let policy = "deny(\"x\");\nallow(\"x\").services(\"restic\");";
    assert_eq!(denials(policy, "x", "forge"), ["1 denied restic"]);
    let policy = "deny(\"x\").when(|s, h, v| true);\nallow(\"x\");";
    assert_eq!(denials(policy, "x", "web-2"), ["1 denied caddy system"]);
}

#[test]
fn a_rule_that_fails_is_told_with_its_error() {
    let policy = load("allow(\"x\").when(|s, h, v| 42);");
    let verdict = policy.verdict(&"x".parse().unwrap(), &"attic".parse().unwrap(), now());
    let reason = &verdict.denials.first().unwrap().reason;
    let told = |error: &str| error.contains("instead of true or false");
    assert!(matches!(reason, DenialReason::Failed(error) if told(error)), "{reason:?}");
    assert_eq!(verdict.grant, None);
}

#[test]
fn a_grant_whose_time_is_over_is_told_until_another_takes_its_place() {
    let ended = "allow(\"x\").until(\"2026-01-31\");\n";
    assert_eq!(denials(ended, "x", "forge"), ["1 ended all"]);
    assert_eq!(denials(&format!("{ended}allow(\"x\");"), "x", "forge"), [""; 0]);
    assert_eq!(denials("allow(\"x\").until(\"2027-01-31\");", "x", "forge"), [""; 0]);
    assert_eq!(denials(&format!("{ended}deny(\"x\");"), "x", "forge"), ["1 ended all", "2 denied all"]);
    assert_eq!(denials("allow(\"x\").until(\"2026-01-31\").when(|s, h, v| false);", "x", "forge"), [""; 0]);
}
