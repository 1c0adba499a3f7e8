//! What is reported, and above all what is not.
#![expect(clippy::unwrap_used, reason = "tests")]

use std::path::Path;

use proptest::prelude::*;

use crate::diag::Finding;
use crate::diag::Severity;
use crate::fleet::Fleet;
use crate::fleet::ServiceReach;
use crate::name::SecretName;
use crate::name::ServiceName;
use crate::policy::Policy;
use crate::policy::PolicyFile;
use crate::policy::Query;

const FLEET: &str = r#"
version = 1
[hosts.forge]
system = "x86_64-linux"
tags = ["nas", "media"]
services = ["sonarr", "restic"]
state = "pending"
[hosts.web-1]
system = "x86_64-linux"
tags = ["web"]
services = ["caddy"]
state = "pending"
[hosts.web-2]
system = "aarch64-linux"
tags = ["web", "lab"]
services = ["caddy"]
state = "pending"
"#;

const SECRETS: [&str; 6] = [
    "forge/sonarr/api-key",
    "forge/restic/password",
    "web-1/caddy/token",
    "shared/token",
    "shared/tls/key",
    "prod/db/password",
];

fn fleet() -> Fleet {
    let admin = "[admins.alice]\nrecipients = [\"ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIOtJZ2b/Op7sjSoSz4rq4OvkbKN0U9FUS5a3bbhxhlti\"]\n";
    Fleet::parse(
        &FLEET.replace("[hosts.forge]", &format!("{admin}[hosts.forge]")),
        Path::new("secretctl.toml"),
    )
    .unwrap()
}

fn secrets() -> Vec<SecretName> {
    SECRETS.iter().map(|name| name.parse().unwrap()).collect()
}

fn policy(text: &str) -> Policy {
    let file = PolicyFile { path: "policies/access.rhai".into(), text: text.to_owned() };
    Policy::load(&[file], &fleet()).unwrap()
}

/// Codes in a fleet that leaves services to the hosts that list them.
fn narrow_codes(text: &str) -> String {
    let file = PolicyFile { path: "policies/access.rhai".into(), text: text.to_owned() };
    let fleet = Fleet { services: ServiceReach::Listed, ..fleet() };
    let found = Policy::load(&[file], &fleet).unwrap().lint(&secrets(), now());
    found.iter().map(|finding| finding.code.as_str()).collect::<Vec<_>>().join(", ")
}

fn now() -> jiff::Timestamp {
    "2026-11-20T10:00:00Z".parse().unwrap()
}

fn lint(text: &str) -> Vec<Finding> {
    policy(text).lint(&secrets(), now())
}

/// Codes with the line that each is about.
fn codes(text: &str) -> String {
    let code = |finding: &Finding| {
        let line = finding.place.as_ref().unwrap().line.unwrap();
        format!("{line} {}", finding.code.strip_prefix("lint::").unwrap())
    };
    lint(text).iter().map(code).collect::<Vec<_>>().join(", ")
}

fn help(text: &str) -> String {
    lint(text).first().and_then(|finding| finding.help.clone()).unwrap()
}

#[test]
fn a_policy_in_which_every_rule_matters_is_clean() {
    let text = "allow(\"{host}/{service}/**\");\n\
        allow(\"shared/**\").hosts(tag(\"web\")).services(\"caddy\");\n\
        deny(\"prod/**\").hosts(\"web-*\");\n\
        allow(\"prod/**\").hosts(tag(\"nas\"));\n\
        for h in fleet.hosts { deny(h.name + \"/**\").hosts(any_host().except(h)); }\n\
        allow(\"shared/tls/*\").services(\"system\").until(\"2027-01-31\");\n";
    assert_eq!(codes(text), "");
}

#[test]
fn a_rule_that_seals_to_hosts_which_do_not_list_its_service_is_told_in_the_wide_reading() {
    let text = "allow(\"shared/token\").services(\"caddy\");";
    let found = lint(text);
    let [finding] = found.as_slice() else { return assert_eq!(found.len(), 1) };
    assert_eq!(finding.code, "lint::service_not_there");
    assert_eq!(
        finding.message,
        "`allow(\"shared/token\")` allows `caddy` on 1 host that does not list it, `forge` for one"
    );
    assert_eq!(narrow_codes(text), "");
    for quiet in [
        "allow(\"shared/token\").services(\"caddy\").hosts(any_host());",
        "allow(\"shared/token\").services(\"caddy\").hosts(\"web-*\");",
        "allow(\"shared/token\").services(\"*\");",
        "allow(\"shared/token\").services(\"system\");",
    ] {
        assert_eq!(codes(quiet), "", "{quiet}");
    }
}

#[test]
fn a_narrow_rule_is_redundant_only_beside_one_that_is_about_its_hosts_too() {
    let wide = "allow(\"shared/token\").services(\"caddy\");\n";
    let named = "allow(\"shared/token\").services(\"caddy\").hosts(\"web-1\");";
    assert!(codes(&format!("{wide}{named}")).contains("2 redundant"));
    assert_eq!(narrow_codes(&format!("{wide}{named}")), "");
    let general = "allow(\"shared/**\").services([\"caddy\", \"restic\"]);";
    assert_eq!(narrow_codes(&format!("{wide}{general}")), "lint::redundant");
}

#[test]
fn a_pattern_without_a_secret_is_told_with_the_one_that_was_meant() {
    assert_eq!(codes("allow(\"forge/sonar/**\");"), "1 unmatched");
    assert!(help("allow(\"forge/sonar/**\");").contains("did you mean `forge/sonarr/**`?"));
    assert!(help("allow([\"shared/**\", \"forge/restic/pasword\"]);").contains("`forge/restic/password`"));
    assert_eq!(codes("allow([\"shared/**\", \"absent/**\"]);"), "1 unmatched");
    let guard = lint("deny(\"**/*-offline\");");
    assert_eq!(guard.first().map(|finding| finding.severity), Some(Severity::Note));
    let slip = lint("deny(\"prd/**\");");
    assert_eq!(slip.first().map(|finding| finding.severity), Some(Severity::Warning));
}

#[test]
fn a_rule_that_would_hand_out_host_keys_is_an_error_and_one_that_guards_them_is_not() {
    let found = lint("allow(\"host-keys/{host}/*\");");
    let told = found.iter().map(|finding| (finding.code.as_str(), finding.severity)).collect::<Vec<_>>();
    assert_eq!(told, [("lint::host_keys", Severity::Error)]);
    assert_eq!(codes("deny(\"host-keys/**\");"), "1 unmatched");
}

#[test]
fn a_rule_whose_secrets_belong_to_other_hosts_is_about_no_request() {
    assert_eq!(codes("allow(\"{host}/sonarr/**\").hosts(tag(\"web\"));"), "1 no_request");
    assert_eq!(
        codes("allow(\"{host}/{service}/api-key\").services(\"restic\").hosts(\"forge\");"),
        "1 no_request"
    );
}

#[test]
fn a_line_in_a_loop_is_told_only_if_none_of_its_rules_matters() {
    assert_eq!(codes("for h in fleet.hosts { allow(h.name + \"/**\").hosts(h); }"), "");
    assert_eq!(codes("for h in fleet.hosts { allow(h.name + \"-x/**\").hosts(h); }"), "1 unmatched");
}

#[test]
fn a_rule_of_the_past_is_told_and_nothing_else_about_it() {
    let text = "allow(\"shared/**\").hosts(tag(\"nax\")).until(\"2026-11-19\");";
    assert_eq!(codes(text), "1 ended");
    assert_eq!(codes("allow(\"shared/**\").until(\"2026-11-20\");"), "");
}

#[test]
fn selectors_that_select_nothing_are_told_with_the_nearest_name() {
    assert_eq!(codes("allow(\"shared/**\").hosts([\"forge\", tag(\"medja\")]);"), "1 unknown_tag");
    assert!(help("allow(\"shared/**\").hosts(tag(\"medja\"));").contains("`media`"));
    assert_eq!(codes("allow(\"shared/**\").hosts(any_host().except(tag(\"gpu\")));"), "1 unknown_tag");
    assert_eq!(codes("allow(\"shared/**\").hosts(system(\"riscv64-*\"));"), "1 unknown_system");
    assert_eq!(codes("allow(\"shared/**\").hosts(\"db-*\");"), "1 unmatched_glob");
    assert_eq!(codes("allow(\"shared/**\").hosts(tag(\"lab\").except(tag(\"web\")));"), "1 no_host");
    assert_eq!(codes("allow(\"shared/**\").hosts([]);"), "1 no_host");
}

#[test]
fn services_that_no_host_lists_are_told_and_system_is_always_known() {
    assert_eq!(
        codes("allow(\"shared/**\").services([\"cady\", \"system\"]);"),
        "1 service_not_there, 1 unknown_service"
    );
    assert_eq!(
        narrow_codes("allow(\"shared/**\").services([\"cady\", \"system\"]);"),
        "lint::unknown_service"
    );
    let found = lint("allow(\"shared/**\").services(\"cady\");");
    let helps = |finding: &Finding| finding.help.as_ref().is_some_and(|help| help.contains("`caddy`"));
    assert!(found.iter().any(|finding| finding.code == "lint::unknown_service" && helps(finding)));
    assert_eq!(codes("allow(\"shared/**\").services(\"restic-*\");"), "1 unknown_service");
    assert_eq!(codes("allow(\"shared/**\").hosts(\"web-1\").services(\"restic\");"), "1 unknown_service");
    assert_eq!(codes("allow(\"shared/**\").hosts(\"web-1\").services([\"sys*\", \"cad*\"]);"), "");
}

#[test]
fn an_allow_that_always_loses_is_told_with_the_rule_that_wins() {
    let text = "allow(\"prod/**\").hosts(\"web-1\");\ndeny(\"prod/**\").hosts(tag(\"web\"));\nallow(\"prod/db/*\").hosts([\"web-1\", \"forge\"]);";
    assert_eq!(codes(text), "1 shadowed");
    assert!(lint(text).first().unwrap().message.contains("policies/access.rhai:2:1"));
}

#[test]
fn a_condition_that_fails_is_an_error_with_a_request_and_one_that_is_never_true_a_warning() {
    let text = "deny(\"prod/**\").when(|secret, host, service| host.tags[5] == \"x\");";
    let findings = lint(text);
    let failing = findings.first().unwrap();
    assert_eq!((failing.severity, failing.code.as_str()), (Severity::Error, "lint::failing_condition"));
    assert!(failing.message.contains("`prod/db/password` for `restic` on `forge`"), "{}", failing.message);
    assert_eq!(
        codes("allow(\"prod/**\").when(|secret, host, service| host.tags.contains(\"gpu\"));"),
        "1 silent"
    );
    assert_eq!(codes("allow(\"prod/**\").when(|secret, host, service| host.tags.contains(\"lab\"));"), "");
}

#[test]
fn a_rule_that_another_one_says_as_well_is_told_once() {
    let told = |text: &str| codes(text);
    assert_eq!(told("allow(\"shared/**\");\nallow(\"shared/tls/*\").hosts(\"forge\");"), "2 redundant");
    assert_eq!(told("allow(\"shared/*\");\nallow(\"shared/*\");"), "2 redundant");
    assert_eq!(
        told("allow(\"shared/*\").hosts(\"forge\");\nallow(\"shared/*\").hosts([\"web-1\", \"forge\"]);"),
        "1 redundant"
    );
    assert_eq!(
        told("deny(\"shared/**\").hosts(\"web-*\");\ndeny(\"shared/token\").hosts(\"web-1\");"),
        "2 redundant"
    );
}

#[test]
fn what_is_redundant_by_accident_only_is_not_told() {
    for text in [
        // Today every host with the one tag has the other one.
        "allow(\"shared/**\").hosts(tag(\"web\"));\nallow(\"shared/**\").hosts(tag(\"lab\"));",
        "allow(\"shared/**\").hosts(tag(\"nas\"));\nallow(\"shared/**\").hosts(\"forge\");",
        // Today there is one secret, which both cover.
        "allow(\"prod/*/password\");\nallow(\"prod/db/*\");",
        "allow(\"shared/**\").until(\"2027-01-31\");\nallow(\"shared/**\").hosts(\"forge\");",
        "allow(\"shared/**\").when(|s, h, v| true);\nallow(\"shared/token\");",
        "allow(\"shared/**\").services(\"caddy\");\nallow(\"shared/**\").hosts(\"forge\");",
    ] {
        assert!(!codes(text).contains("redundant"), "{text}: {}", codes(text));
    }
}

/// Who may read what, and until when, without the rules that say so.
fn decided(text: &str) -> String {
    let matrix = policy(text).matrix(&secrets(), "2026-11-20T10:00:00Z".parse().unwrap());
    let rows = matrix.rows.into_iter().map(|row| {
        format!("{} {} {:?} {:?}\n", row.secret, row.host, row.grant.services, row.grant.not_after)
    });
    rows.collect()
}

/// Every request of a service that its host lists, if it is allowed.
fn allowed(text: &str) -> Vec<String> {
    let (policy, fleet, now) = (policy(text), fleet(), "2026-11-20T10:00:00Z".parse().unwrap());
    let mut allowed = Vec::new();
    for secret in &secrets() {
        for (host, facts) in &fleet.hosts {
            for service in facts.services.iter().chain([&ServiceName::system()]) {
                if policy.decide(&Query { secret, host, service }, now).is_allowed() {
                    allowed.push(format!("{secret} {host} {service}"));
                }
            }
        }
    }
    allowed
}

fn rule() -> impl Strategy<Value = String> {
    let effect = prop::sample::select(vec!["allow", "allow", "allow", "deny"]);
    let pattern = prop::sample::select(vec![
        "**",
        "shared/**",
        "shared/*",
        "shared/token",
        "{host}/**",
        "{host}/{service}/*",
        "*/sonarr/*",
        "forge/**",
    ]);
    let hosts = prop::sample::select(vec![
        "",
        ".hosts(\"forge\")",
        ".hosts(\"web-*\")",
        ".hosts(tag(\"web\"))",
        ".hosts([\"web-1\", \"forge\"])",
        ".hosts(any_host().except(\"forge\"))",
    ]);
    let services = prop::sample::select(vec![
        "",
        ".services(\"caddy\")",
        ".services([\"caddy\", \"restic\"])",
        ".services(\"*\")",
        ".services(\"unlisted\")",
        ".services([\"r*\", \"unlisted\"])",
    ]);
    let until = prop::sample::select(vec!["", "", ".until(\"2027-01-31\")", ".until(\"2028-01-31\")"]);
    (effect, pattern, hosts, services, until).prop_map(|(effect, pattern, hosts, services, until)| {
        format!("{effect}(\"{pattern}\"){hosts}{services}{until};\n")
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(500))]
    #[test]
    fn without_a_redundant_rule_nothing_changes(rules in prop::collection::vec(rule(), 2..5)) {
        for finding in lint(&rules.concat()) {
            let Some(line) = finding.place.and_then(|place| place.line) else { continue };
            let mut fewer = rules.clone();
            fewer.remove(line - 1);
            if finding.code == "lint::redundant" {
                prop_assert_eq!(decided(&rules.concat()), decided(&fewer.concat()), "without line {}", line);
            }
        }
    }

    #[test]
    fn without_a_shadowed_or_unmatched_rule_no_existing_request_changes(rules in prop::collection::vec(rule(), 2..5)) {
        for finding in lint(&rules.concat()) {
            let Some(line) = finding.place.and_then(|place| place.line) else { continue };
            let mut fewer = rules.clone();
            fewer.remove(line - 1);
            if matches!(finding.code.as_str(), "lint::shadowed" | "lint::unmatched" | "lint::no_request" | "lint::no_host") {
                prop_assert_eq!(allowed(&rules.concat()), allowed(&fewer.concat()), "without line {}", line);
            }
        }
    }
}
