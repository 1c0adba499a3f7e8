//! `policy lint`: findings with line and help, exit codes, and grants against what hosts ask for.

use std::time::Duration;
use std::time::Instant;

use crate::common::TestFleet;
use crate::common::keys::KEYS;

#[test]
fn a_policy_without_a_flaw_is_clean_and_needs_no_key() {
    let fleet = TestFleet::sealed();
    let ran = fleet.cmd(["policy", "lint", "--strict"]).without_keys().run().ok();
    assert_eq!(ran.stdout(), "linted 2 rules, 3 secrets, 2 hosts: 0 errors, 0 warnings, 0 notes\n");
    assert_eq!(ran.stderr(), "");
}

#[test]
fn findings_name_the_line_and_what_to_do() {
    let fleet = TestFleet::sealed().policy(
        "allow(\"{host}/{service}/**\");\n\
         allow(\"shared/**\").hosts(tag(\"gone\"));\n\
         allow(\"forge/sonar/*\").services(\"sonarr\");\n\
         allow(\"luna/restic/*\").until(\"2026-01-31\");\n",
    );
    let ran = fleet.run(["policy", "lint"]).ok();
    insta::assert_snapshot!(ran.stderr(), @r#"
    warning[lint::unknown_tag]: no host has the tag `gone`
      --> policies/access.rhai:2:1
      help: correct it, or give it to a host in `secretctl.toml`
    warning[lint::unmatched]: `forge/sonar/*` in `allow("forge/sonar/*")` covers no secret that exists
      --> policies/access.rhai:3:1
      help: did you mean `forge/sonarr/*`? it covers `forge/sonarr/api-key`
    warning[lint::ended]: `allow("luna/restic/*")` ended at 2026-01-31T23:59:59Z
      --> policies/access.rhai:4:1
      help: remove it, or give it a later `.until(..)`
    note[lint::unread]: no service of any host may read `shared/token`
      --> secrets/shared/token.age
      help: allow it in `policies/`, or remove it with `secretctl rm shared/token`
    "#);
    assert_eq!(ran.stdout(), "linted 4 rules, 3 secrets, 2 hosts: 0 errors, 3 warnings, 1 note\n");
}

#[test]
fn warnings_end_with_1_if_asked_to_and_errors_always() {
    let fleet = TestFleet::sealed().policy("allow(\"**\");\nallow(\"absent/*\");\n");
    fleet.run(["policy", "lint"]).ok();
    fleet.run(["policy", "lint", "--strict"]).with_code(1);
    let fleet = fleet.policy("allow(\"**\");\ndeny(\"shared/*\").when(|secret, host, service| host.tags);\n");
    let ran = fleet.run(["policy", "lint"]).with_code(1);
    ran.says(&["error[lint::failing_condition]", "`shared/token`", "policies/access.rhai:2:1"]);
    let report = fleet.run(["policy", "lint", "--format", "json"]).with_code(1).json();
    assert_eq!((&report["version"], &report["rules"]), (&1.into(), &2.into()));
    assert_eq!(report["findings"][0]["code"], "lint::failing_condition");
    assert_eq!(report["findings"][0]["place"]["line"], 2);
}

#[test]
fn grants_that_no_request_needs_are_told() {
    let fleet = TestFleet::sealed().policy(
        "allow(\"{host}/{service}/**\");\nallow(\"shared/**\");\nallow(\"luna/**\").hosts(\"luna\").services([\"restic\", \"sonarr\"]);\n",
    );
    let request = |host: &str, secrets: serde_json::Value| {
        let text = serde_json::json!({ "version": 1, "host": host, "sealed": "/nix/store/x",
            "trusted_keys": [KEYS.alice.public()], "identities": ["/k"], "secrets": secrets });
        let file = fleet.outside().join(format!("{host}.json"));
        std::fs::write(&file, text.to_string()).unwrap();
        file.to_str().unwrap().to_owned()
    };
    let forge = request("forge", serde_json::json!([{ "secret": "shared/token", "service": "sonarr" }]));
    let luna = request(
        "luna",
        serde_json::json!([{ "secret": "luna/restic/password", "service": "restic" },
            { "secret": "shared/token", "service": "restic" }]),
    );
    let ran = fleet.run(["policy", "lint", "--request", &forge, "--request", &luna]).ok();
    insta::assert_snapshot!(ran.stderr(), @r#"
    warning[lint::unasked]: `forge` may read `forge/sonarr/api-key`, and its request does not ask for it
      --> policies/access.rhai:1:1
      help: narrow the rule, or ask for it in the configuration of `forge`
    warning[lint::wide]: every service of `forge` may read `shared/token`, and only `sonarr` asks for it
      --> policies/access.rhai:2:1
      help: write `.services(["restic", "sonarr"])`, unless a host without a request needs more
    warning[lint::wide]: every service of `luna` may read `shared/token`, and only `restic` asks for it
      --> policies/access.rhai:2:1
      help: write `.services(["restic", "sonarr"])`, unless a host without a request needs more
    note[lint::idle]: `sonarr` on `luna` may read `luna/restic/password`, and does not ask for it
      --> policies/access.rhai:3:1
      help: `secretctl policy explain luna/restic/password luna sonarr` tells why
    "#);
    // What nobody asked about is not judged.
    let ran = fleet.run(["policy", "lint", "--request", &luna]);
    assert!(!ran.stderr().contains("forge"), "{ran}");
}

#[test]
fn a_request_that_is_none_is_told_with_its_file() {
    let fleet = TestFleet::sealed();
    let ran = fleet.run(["policy", "lint", "--request", "/nowhere"]);
    assert_ne!(ran.code(), 0, "{ran}");
    ran.says(&["/nowhere"]);
    let file = fleet.outside().join("bad.json");
    std::fs::write(&file, "{\"version\": 1, \"host\": \"forge\"}").unwrap();
    fleet
        .run(["policy", "lint", "--request", file.to_str().unwrap()])
        .with_code(2)
        .says(&["request::malformed"]);
}

#[test]
fn three_hundred_rules_a_thousand_secrets_and_a_hundred_hosts_take_seconds() {
    let fleet = TestFleet::new();
    let mut toml = String::new();
    for host in 0..100 {
        toml.push_str(&format!(
            "\n[hosts.host-{host}]\nstate = \"pending\"\ntags = [\"t{}\"]\nservices = [\"caddy\", \"restic\", \"sonarr\"]\n",
            host % 7
        ));
    }
    fleet.append("secretctl.toml", &toml);
    let mut rules = String::from(
        "allow(\"{host}/{service}/**\");\ndeny(\"app-1*/**\").when(|secret, host, service| host.tags.contains(\"lab\"));\n",
    );
    for rule in 0..298 {
        rules.push_str(&format!(
            "allow(\"app-{rule}/**\").hosts(tag(\"t{}\")).services([\"caddy\", \"restic\"]);\n",
            rule % 7
        ));
    }
    let fleet = fleet.policy(&rules);
    for secret in 0..1000 {
        fleet.write(&format!("secrets/app-{}/key-{secret}.age", secret % 298), "x");
    }
    let start = Instant::now();
    let ran = fleet.run(["policy", "lint"]).ok();
    assert!(ran.stdout().starts_with("linted 300 rules, 1000 secrets, 100 hosts: 0 errors"), "{ran}");
    ran.says(&["lint::silent"]);
    assert!(start.elapsed() < Duration::from_secs(30), "{:?}", start.elapsed());
}

#[test]
fn the_key_of_an_authority_that_a_host_may_read_is_told() {
    let rules = "allow(\"**\").hosts(\"forge\").services(\"sonarr\");\n\
         generate(\"tls/ca/key\", x509_key());\n\
         generate(\"tls/ca/cert\", x509_ca(\"tls/ca/key\", \"Example CA\"));\n";
    let fleet = TestFleet::sealed().policy(rules);
    fleet.run(["generate"]).ok();
    let told = |fleet: &TestFleet| fleet.run(["policy", "lint"]).ok().stderr();
    let text = told(&fleet);
    assert!(text.contains("warning[lint::authority_key]: host `forge` may read `tls/ca/key`"), "{text}");
    assert!(!text.contains("may read `tls/ca/cert`"), "{text}");
    let fleet = fleet.policy(&format!("{rules}deny(\"tls/ca/key\");\n"));
    assert!(!told(&fleet).contains("lint::authority_key"));
}
