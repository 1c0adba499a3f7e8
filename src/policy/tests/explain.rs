//! What explanations tell.

use super::*;
use crate::policy::Explanation;

fn explain(policy: &Policy, request: &str) -> Explanation {
    let mut words = request.split(' ');
    let secret = words.next().unwrap().parse().unwrap();
    let host = words.next().unwrap().parse().unwrap();
    let service = words.next().unwrap_or("system").parse().unwrap();
    policy.explain(&Query { secret: &secret, host: &host, service: &service }, now())
}

/// The near misses as `PATTERN: what was missed`.
fn near(policy: &Policy, request: &str) -> Vec<String> {
    let explanation = explain(policy, request);
    let missed = |miss: &crate::policy::NearMiss| {
        let words: Vec<_> = miss.missed.iter().map(ToString::to_string).collect();
        format!("{}: {}", miss.rule.patterns.join(" "), words.join("; "))
    };
    explanation.near.iter().map(missed).collect()
}

#[test]
fn each_missed_condition_is_named() {
    for (rule, missed) in [
        (r#"allow("x/y").hosts(tag("web"))"#, "x/y: it is about other hosts: `tag(\"web\")`"),
        (r#"allow("x/y").services("caddy")"#, "x/y: it is about other services: `\"caddy\"`"),
        (r#"allow("x/y").until("2026-01-31")"#, "x/y: it ended at 2026-01-31T23:59:59Z"),
        (r#"allow("x/y").when(|s, h, v| false)"#, "x/y: its condition said no"),
        (r#"allow("{host}/y")"#, "{host}/y: `{host}` in its pattern stands for another host"),
        (r#"allow("x/{service}")"#, "x/{service}: `{service}` in its pattern stands for another service"),
        (r#"allow("x/z")"#, "x/z: its pattern does not cover the secret"),
    ] {
        assert_eq!(near(&load(rule), "x/y forge"), [missed], "{rule}");
    }
}

#[test]
fn a_rule_that_names_no_hosts_misses_a_host_that_does_not_list_the_service() {
    let rules = r#"allow("x/y").services("caddy")"#;
    let missed = near(&load_with(rules, ServiceReach::Listed), "x/y attic caddy");
    assert_eq!(
        missed,
        ["x/y: it names no hosts, and this one does not list the service in `secretctl.toml`"]
    );
    assert!(explain(&load(rules), "x/y attic caddy").decision.is_allowed());
}

#[test]
fn the_rule_that_missed_least_comes_first() {
    let policy = load(
        r#"
        allow("x").hosts("web-1").services("caddy");
        allow("x*").services("caddy");
        allow("y");
        "#,
    );
    let near = near(&policy, "x forge");
    assert_eq!(near.len(), 2);
    assert!(near.first().unwrap().starts_with("x*:"), "{near:?}");
}

#[test]
fn without_any_matching_pattern_the_closest_one_is_told() {
    let policy = load(r#"allow("web/{host}/cert"); allow("restic/key"); deny("web/forge/certs");"#);
    assert_eq!(
        near(&policy, "web/forge/certs2 forge"),
        ["web/{host}/cert: its pattern does not cover the secret"]
    );
    assert!(near(&Policy::load(&[], &fleet()).unwrap(), "x forge").is_empty());
}

#[test]
fn an_explanation_tells_the_state_of_the_host() {
    let policy = load(r#"allow("x");"#);
    assert_eq!(explain(&policy, "x cellar").host_state, Some(HostState::Dormant));
    assert_eq!(explain(&policy, "x stranger").host_state, None);
    let missed = |host: &str| format!("{:?}", near(&policy, &format!("x {host}")));
    assert!(missed("cellar").contains("the host is dormant"), "{}", missed("cellar"));
    assert!(missed("stolen").contains("the host is revoked"), "{}", missed("stolen"));
}

#[test]
fn an_explanation_is_plain_json() {
    let policy = load(r#"allow("x").because("why"); deny("x").services("caddy");"#);
    let json = serde_json::to_value(explain(&policy, "x forge caddy")).unwrap();
    let at = |pointer: &str| json.pointer(pointer).and_then(|value| value.as_str().map(str::to_owned));
    assert_eq!(at("/decision").as_deref(), Some("deny"));
    assert_eq!(at("/host_state").as_deref(), Some("active"));
    assert_eq!(at("/permits/0/because").as_deref(), Some("why"));
    assert_eq!(at("/objections/0/objection").as_deref(), Some("forbidden"));
    assert_eq!(at("/objections/0/rule/services").as_deref(), Some("\"caddy\""));
    assert_eq!(at("/objections/0/rule/place/file").as_deref(), Some("policies/access.rhai"));
}
