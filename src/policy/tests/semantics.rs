//! How rules combine: silence, denial, failure, order, and grants.

use proptest::prelude::*;

use super::*;
use crate::policy::Objection;

fn objections(decision: &Decision) -> usize {
    match decision {
        Decision::Allow { .. } => 0,
        Decision::Deny { objections, .. } => objections.len(),
    }
}

#[test]
fn no_rule_hands_out_what_is_for_admins_alone() {
    let rules = [
        "allow(\"**\");",
        "allow(\"host-keys/**\");",
        "allow(\"host-keys/{host}/ssh_host_ed25519_key\");",
        "allow(\"{host}/{service}/**\");",
        "allow(\"*/*/*\").when(|s, h, v| true);",
    ];
    let policy = load(&rules.join("\n"));
    for secret in ["host-keys/forge/ssh_host_ed25519_key", "HOST-KEYS/forge/x/y", "host-keys"] {
        for host in fleet().hosts.keys() {
            assert_eq!(granted(&policy, secret, host.as_str()), "none", "{secret} {host}");
            for service in ["system", "caddy"] {
                let decision = decide(&policy, &format!("{secret} {host} {service}"));
                assert_eq!(decision, Decision::Deny { permits: Vec::new(), objections: Vec::new() });
            }
        }
        assert!(policy.matrix(&[secret.parse().unwrap()], now()).rows.is_empty());
    }
    assert_ne!(granted(&policy, "forge/host-keys/x", "forge"), "none");
}

#[test]
fn silence_denies() {
    let empty = Policy::load(&[], &fleet()).unwrap();
    let silence = Decision::Deny { permits: vec![], objections: vec![] };
    assert_eq!(decide(&empty, "x forge"), silence);
    assert_eq!(decide(&load(r#"allow("y"); deny("z");"#), "x forge"), silence);
}

#[test]
fn a_host_outside_the_fleet_is_denied() {
    let policy = load(r#"allow("**"); allow("**").hosts("*");"#);
    assert!(!allowed(&policy, "x stranger"));
    assert_eq!(granted(&policy, "x", "stranger"), "none");
}

#[test]
fn a_deny_wins_over_every_allow() {
    let policy =
        load(r#"allow("**"); deny("prod/**").hosts(tag("lab")).because("shared"); allow("prod/x");"#);
    assert_eq!(readers(&policy, "prod/x"), "attic forge web-1");
    let Decision::Deny { permits, objections } = decide(&policy, "prod/x web-2") else {
        return assert!(!allowed(&policy, "prod/x web-2"));
    };
    assert_eq!(permits.len(), 2);
    assert!(
        matches!(objections.as_slice(), [Objection::Forbidden { rule }] if rule.because.as_deref() == Some("shared"))
    );
}

#[test]
fn a_failed_condition_denies_in_an_allow_as_in_a_deny() {
    for condition in [
        "|s, h, v| missing(h)",
        "|s, h, v| h.nam == \"x\"",
        "|s, h, v| 42",
        "|s, h, v| ()",
        "|s, h, v| 1 / 0 == 0",
        "|s, h, v| { throw \"no\" }",
        "|s, h, v| { loop {} }",
        "|s, h, v| { let a = [0]; for i in 0..8 { a += a; } a.all(|x| { for i in 0..5000 {} true }) }",
        "|s, h, v| { let t = \"aaaa\"; loop { t += t; } }",
        "|s, h, v| { allow(\"x\"); true }",
        "|s, h, v| h.tags.contains(tag(\"web\"))",
        "|s, h, v| fleet.host(\"stranger\").name == \"x\"",
    ] {
        for effect in ["allow", "deny"] {
            let policy = load(&format!("allow(\"x\"); {effect}(\"x\").when({condition});"));
            let decision = decide(&policy, "x forge");
            assert!(
                matches!(&decision, Decision::Deny { objections, .. } if matches!(objections.as_slice(), [Objection::Failed { .. }])),
                "{effect} {condition}: {decision:?}"
            );
            assert_eq!(granted(&policy, "x", "forge"), "none", "{condition}");
        }
    }
}

#[test]
fn a_failed_condition_counts_even_after_another_said_no() {
    for rule in [
        r#"allow("x").when(|s, h, v| false).when(|s, h, v| 42)"#,
        r#"allow("x").when(|s, h, v| 42).when(|s, h, v| false)"#,
    ] {
        assert_eq!(objections(&decide(&load(&format!("allow(\"x\"); {rule}")), "x forge")), 1, "{rule}");
    }
}

#[test]
fn a_failure_names_the_line_of_the_condition() {
    let policy = load("allow(\"x\").when(|s, h, v|\n  missing(h));");
    let Decision::Deny { objections, .. } = decide(&policy, "x forge") else {
        return assert!(!allowed(&policy, "x forge"));
    };
    let [Objection::Failed { error, .. }] = objections.as_slice() else {
        return assert_eq!(objections.len(), 1);
    };
    assert_eq!(error, "unknown function `missing` (policies/access.rhai:2)");
}

#[test]
fn a_condition_is_asked_only_where_its_rule_would_speak() {
    let policy = load(r#"allow("x"); deny("x").hosts("web-1").services("caddy").when(|s, h, v| 42);"#);
    assert!(allowed(&policy, "x forge caddy"));
    assert!(allowed(&policy, "x web-1 system"));
    assert!(!allowed(&policy, "x web-1 caddy"));
}

#[test]
fn an_ended_rule_is_silent_whatever_it_would_say() {
    let policy = load(
        r#"allow("x"); deny("x").until("2026-01-01"); allow("x").until("2026-01-01").when(|s, h, v| 42);"#,
    );
    assert_eq!(readers(&policy, "x"), "attic forge torii-chan web-1 web-2");
}

#[test]
fn a_dormant_host_gets_nothing_unless_a_rule_includes_it_and_a_revoked_one_never() {
    let policy = load(
        r#"allow("x"); allow("y").including_dormant(); allow("z").hosts("stolen").including_dormant();"#,
    );
    assert!(!readers(&policy, "x").contains("cellar"));
    assert_eq!(readers(&policy, "y"), "attic cellar forge torii-chan web-1 web-2");
    assert_eq!(readers(&policy, "z"), "");
    assert!(!allowed(&load(r#"allow("x").hosts("cellar");"#), "x cellar"));
    let cellar = "cellar".parse().unwrap();
    assert!(!load(r#"allow("y").hosts("cellar");"#).seals_for(&cellar));
}

#[test]
fn a_denial_is_about_hosts_in_every_state() {
    let policy = load(r#"allow("x").including_dormant(); deny("x").hosts(tag("backup"));"#);
    assert_eq!(readers(&policy, "x"), "torii-chan web-1 web-2");
}

fn violations(rules: &str, secret: &str) -> Vec<String> {
    let found = load(rules).violations(&[secret.parse().unwrap()], now());
    found.iter().map(|v| format!("{} {} {}", v.host, v.service, v.at.strftime("%F"))).collect()
}

#[test]
fn an_invariant_decides_nothing_and_finds_what_is_allowed_against_it() {
    assert_eq!(readers(&load(r#"allow("x").hosts("web-*"); never("x");"#), "x"), "web-1 web-2");
    for (rules, wanted) in [
        (r#"allow("x").hosts("web-*"); never("x").hosts(tag("lab"));"#, vec!["web-2 caddy 2026-11-20"]),
        (r#"allow("x").hosts("web-*"); deny("x").hosts("web-2"); never("x").hosts(tag("lab"));"#, vec![]),
        (r#"allow("x").hosts("web-1").services("caddy"); never("x").services("wireguard");"#, vec![]),
        (r#"allow("x").hosts("web-1"); never("x").services("unlisted");"#, vec!["web-1 unlisted 2026-11-20"]),
        (r#"allow("x").hosts("web-1"); never("x").services("no-*");"#, vec!["web-1 no-unlisted 2026-11-20"]),
        (
            r#"allow("x"); never("x").except(any_host().except("forge")).when(|s, h, v| v == "sonarr");"#,
            vec!["forge sonarr 2026-11-20"],
        ),
        (r#"allow("x").hosts("forge"); never("x").when(|s, h, v| 42);"#, vec!["forge caddy 2026-11-20"]),
        (r#"allow("x").hosts("forge"); never("y");"#, vec![]),
    ] {
        assert_eq!(violations(rules, "x"), wanted, "{rules}");
    }
    assert_eq!(
        violations(r#"allow("forge/**").hosts("forge"); never("{host}/{service}/*");"#, "forge/x/y").len(),
        1
    );
}

#[test]
fn an_invariant_looks_ahead_to_the_end_of_a_denial() {
    let rules = r#"allow("x").hosts("forge"); deny("x").until("2027-01-31"); never("x");"#;
    assert_eq!(violations(rules, "x"), ["forge caddy 2027-02-01"]);
}

#[test]
fn a_grant_is_for_all_services_only_if_no_rule_tells_services_apart() {
    for (rules, services) in [
        (r#"allow("x");"#, "all"),
        (r#"allow("x"); allow("x").services("sonarr");"#, "all"),
        (r#"allow("x").services("sonarr");"#, "sonarr"),
        (r#"allow("x").services("*");"#, "caddy restic sonarr system"),
        (r#"allow("x").services("unlisted");"#, "unlisted"),
        (r#"allow("x").when(|s, h, v| v != "caddy");"#, "restic sonarr system"),
        (r#"allow("x"); allow("x").when(|s, h, v| true);"#, "caddy restic sonarr system"),
        (r#"allow("x"); deny("x").services("caddy");"#, "restic sonarr system"),
        (r#"allow("x"); deny("x").services("unlisted");"#, "caddy restic sonarr system"),
        (r#"allow("x"); deny("x").hosts("web-1");"#, "all"),
        (r#"allow("x"); deny("x");"#, "none"),
        (r#"allow("x"); deny("x").until("2026-01-01");"#, "all"),
        (r#"deny("x");"#, "none"),
        (r#"allow("y");"#, "none"),
    ] {
        assert_eq!(granted(&load(rules), "x", "forge"), services, "{rules}");
    }
}

#[test]
fn services_without_hosts_mean_every_host_until_the_fleet_says_listed() {
    for (rules, host, wide, narrow) in [
        (r#"allow("x").services("restic");"#, "web-1", "restic", "none"),
        (r#"allow("x").services("restic");"#, "forge", "restic", "restic"),
        (r#"allow("x").services(["restic", "wireguard"]);"#, "attic", "restic wireguard", "restic"),
        (r#"allow("x").services("system");"#, "web-1", "system", "system"),
        (r#"allow("x").services(["system", "restic"]);"#, "web-1", "restic system", "system"),
        (r#"allow("x").services("*");"#, "web-1", "caddy system wireguard", "caddy system wireguard"),
        (r#"allow("x").services("re*");"#, "web-1", "none", "none"),
        (r#"allow("x").except("attic").services("restic");"#, "web-1", "restic", "none"),
        (r#"allow("x").except("attic").services("restic");"#, "forge", "restic", "restic"),
        // Whoever names hosts means them.
        (r#"allow("x").hosts("web-1").services("restic");"#, "web-1", "restic", "restic"),
        (r#"allow("x").hosts(any_host()).services("restic");"#, "web-1", "restic", "restic"),
        // Without services, every service of every host.
        (r#"allow("x");"#, "web-1", "all", "all"),
        // A denial stays as wide as it was.
        (
            r#"allow("x").hosts("web-1").services("restic"); deny("x").services("restic");"#,
            "web-1",
            "none",
            "none",
        ),
        // A rule about other hosts does not tell services apart here.
        (
            r#"allow("x"); allow("x").services("restic").when(|s, h, v| true);"#,
            "web-1",
            "caddy restic system wireguard",
            "all",
        ),
    ] {
        let read = |reach| granted(&load_with(rules, reach), "x", host);
        assert_eq!(read(ServiceReach::EveryHost), wide, "{rules} {host}");
        assert_eq!(read(ServiceReach::Listed), narrow, "{rules} {host}");
    }
}

#[test]
fn a_dormant_host_is_sealed_for_only_if_a_rule_that_includes_it_is_about_it() {
    let seals = |rules: &str, services| {
        let mut fleet = Fleet { services, ..fleet() };
        let key = "age1s2ux9cmgmwu9swhyqaxtzxu69u7k2zrcavz3f4zrh3ud4p67hd7q33k036".parse().unwrap();
        fleet.hosts.get_mut("cellar").unwrap().recipients = [key].into();
        Policy::load(&[file("policies/access.rhai", rules)], &fleet)
            .unwrap()
            .seals_for(&"cellar".parse().unwrap())
    };
    let (there, elsewhere) = (
        r#"allow("x").services("restic").including_dormant();"#,
        r#"allow("x").services("caddy").including_dormant();"#,
    );
    assert!(seals(there, ServiceReach::Listed) && seals(elsewhere, ServiceReach::EveryHost));
    assert!(!seals(elsewhere, ServiceReach::Listed));
}

#[test]
fn a_narrow_rule_breaks_no_invariant_where_the_service_is_not_listed() {
    let rules = r#"allow("x").services("restic"); never("x").hosts("web-1").services("restic");"#;
    let broken = |reach| load_with(rules, reach).violations(&["x".parse().unwrap()], now()).len();
    assert_eq!((broken(ServiceReach::EveryHost), broken(ServiceReach::Listed)), (1, 0));
}

#[test]
fn a_placeholder_for_the_service_grants_to_that_service_alone() {
    let policy = load(r#"allow("{host}/{service}/**"); deny("forge/{service}/own");"#);
    assert_eq!(granted(&policy, "forge/sonarr/key", "forge"), "sonarr");
    assert_eq!(granted(&policy, "forge/radarr/key", "forge"), "none");
    assert_eq!(granted(&policy, "forge/system/key", "forge"), "system");
    assert_eq!(granted(&policy, "forge/sonarr/own", "forge"), "none");
    assert_eq!(granted(&policy, "forge/sonarr/key", "web-1"), "none");
}

#[test]
fn a_grant_ends_with_the_first_of_its_services() {
    let end = |rules: &str| {
        grant(&load(rules), "x", "forge").unwrap().not_after.map(|end| end.strftime("%F").to_string())
    };
    let (short, long) = (
        r#"allow("x").services("sonarr").until("2027-01-31");"#,
        r#"allow("x").services("restic").until("2027-03-01");"#,
    );
    assert_eq!(end(&format!("{short}{long}")).as_deref(), Some("2027-01-31"));
    assert_eq!(end(&format!("{short}allow(\"x\").services(\"restic\");")).as_deref(), Some("2027-01-31"));
    assert_eq!(end(&format!("{short}allow(\"x\");")), None);
}

#[test]
fn a_matrix_has_one_row_for_each_grant() {
    let policy =
        load(r#"allow("a").hosts(["forge", "web-1"]); allow("b").hosts("forge").services("sonarr");"#);
    let secrets = ["b", "a", "c"].map(|name| name.parse().unwrap());
    let matrix = policy.matrix(&secrets, now());
    let rows: Vec<_> = matrix.rows.iter().map(|row| format!("{} {}", row.secret, row.host)).collect();
    assert_eq!(rows, ["a forge", "a web-1", "b forge"]);
    let json = serde_json::to_value(&matrix).unwrap();
    assert_eq!(json.pointer("/rows/0/services"), Some(&serde_json::json!(["*"])));
    assert_eq!(json.pointer("/rows/2/services"), Some(&serde_json::json!(["sonarr"])));
    assert_eq!(json.pointer("/rows/2/permits/0/place/line"), Some(&serde_json::json!(1)));
}

/// A decision without the places of its rules.
fn spoken(decision: &Decision) -> String {
    let text = serde_json::to_string(decision).unwrap();
    let mut value: serde_json::Value = serde_json::from_str(&text).unwrap();
    let mut said = Vec::new();
    for list in ["permits", "objections"] {
        for item in value.get_mut(list).and_then(serde_json::Value::as_array_mut).into_iter().flatten() {
            let rule = item.get("rule").unwrap_or(item);
            said.push(format!("{} {} {}", list, rule.get("effect").unwrap(), rule.get("patterns").unwrap()));
        }
    }
    said.sort();
    format!("{} {said:?} {:?}", decision.is_allowed(), value.get("not_after"))
}

const RULES: [&str; 9] = [
    r#"allow("a/*").hosts("web-*");"#,
    r#"allow("**").services(["caddy", "x*"]).until("2027-01-31");"#,
    r#"allow("{host}/**");"#,
    r#"allow("a/b").when(|s, h, v| h.tags.contains("web"));"#,
    r#"allow("*/b").until("2027-03-01");"#,
    r#"deny("a/**").hosts(tag("lab"));"#,
    r#"deny("forge/b").services("sonarr");"#,
    r#"deny("*/c").when(|s, h, v| 42);"#,
    r#"deny("forge/*").hosts("web-1").when(|s, h, v| v == "caddy");"#,
];

fn requests() -> Vec<String> {
    let mut all = Vec::new();
    for secret in ["a/b", "a/c", "forge/b", "forge/c", "web-1/b/c"] {
        for host in ["forge", "web-1", "web-2"] {
            for service in ["system", "caddy", "sonarr"] {
                all.push(format!("{secret} {host} {service}"));
            }
        }
    }
    all
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn the_order_of_rules_and_files_changes_nothing(
        rules in Just(RULES.to_vec()).prop_shuffle(),
        cut in 0..RULES.len(),
    ) {
        let straight = load(&RULES.join("\n"));
        let (first, second) = rules.split_at(cut);
        let files = [file("policies/a.rhai", &first.join("\n")), file("policies/b.rhai", &second.join("\n"))];
        let shuffled = Policy::load(&files, &fleet()).unwrap();
        for request in requests() {
            prop_assert_eq!(spoken(&decide(&straight, &request)), spoken(&decide(&shuffled, &request)), "{}", request);
        }
    }

    #[test]
    fn a_further_deny_only_takes_away_and_a_further_sound_allow_only_gives(
        rules in proptest::sample::subsequence(RULES.to_vec(), 0..RULES.len()),
        more in proptest::sample::select(RULES.to_vec()),
    ) {
        let before = load(&rules.join("\n"));
        let after = load(&format!("{}\n{more}", rules.join("\n")));
        for request in requests() {
            let (before, after) = (allowed(&before, &request), allowed(&after, &request));
            prop_assert!(if more.starts_with("deny") { before || !after } else { !before || after }, "{more}: {request}");
        }
    }
}

/// Ways to look at the secret, the host and the service, some of them roundabout.
const LOOKS: [&str; 22] = [
    "|s, h, v| s == \"a/b\"",
    "|s, h, v| h.name == \"web-1\"",
    "|s, h, v| v == \"caddy\"",
    "|s, h, v| `${h.name}/b` == s",
    "|s, h, v| h.services.contains(v)",
    "|s, h, v| [s].contains(\"a/c\")",
    "|s, h, v| #{ x: v }.x == \"sonarr\"",
    "|s, h, v| { let t = s; t == \"forge/b\" }",
    "|s, h, v| { let f = || s; f.call() == \"forge/c\" }",
    "|s, h, v| { let f = |x| x == v; [\"caddy\"].some(f) }",
    "|s, h, v| h.tags.some(|t| s.starts_with(t) || v == t)",
    "|s, h, v| { for c in v { if c == 'y' { return true; } } false }",
    "|s, h, v| { let n = 0; while n < v.len() { n += 4; } n > 6 }",
    "|s, h, v| switch h.name { \"forge\" => v == \"system\", _ => s == \"a/b\" }",
    "|s, h, v| if h.tags.contains(\"web\") { s == \"a/b\" } else { v == \"caddy\" }",
    "|s, h, v| s.len() > 4 && v.len() > 5",
    "|s, h, v| helper(v, s)",
    "|s, h, v| v.same(\"caddy\")",
    "|s, h, v| fleet.host(h.name).state == \"active\" && s != \"a/b\"",
    "|s, h, v| { s += \"x\"; s == \"a/bx\" }",
    "|s, h, v| v[0] == 's'",
    "|s, h, v| { if s == \"a/b\" { throw v } true }",
];

#[test]
fn what_a_condition_remembers_changes_no_answer() {
    for look in LOOKS {
        let rules = format!(
            "fn helper(a, b) {{ a.len() > b.len() }} fn same(a, b) {{ a == b }} allow(\"**\").when({look});"
        );
        let warm = load(&rules);
        for _ in 0..2 {
            for request in requests() {
                let fresh = load(&rules);
                assert_eq!(
                    spoken(&decide(&warm, &request)),
                    spoken(&decide(&fresh, &request)),
                    "{look} {request}"
                );
            }
        }
    }
}
