//! `policy explain`, and policies that are wrong.

use std::time::Duration;
use std::time::Instant;

use crate::common::TestFleet;

#[test]
fn explain_names_the_rule_that_allowed_with_file_and_line() {
    let fleet = TestFleet::sealed();
    let ran =
        fleet.cmd(["policy", "explain", "forge/sonarr/api-key", "forge", "sonarr"]).without_keys().run();
    insta::assert_snapshot!(ran.ok().stdout(), @r#"
    allowed: `sonarr` on `forge` may read `forge/sonarr/api-key`
      allowed by allow("{host}/{service}/**") at policies/access.rhai:1:1
    "#);
}

#[test]
fn explain_of_a_denial_ends_with_1_and_names_the_nearest_rule() {
    let fleet = TestFleet::sealed();
    let ran = fleet.run(["policy", "explain", "forge/sonarr/api-key", "luna", "sonarr"]).with_code(1);
    ran.prints(&[
        "denied: `sonarr` on `luna` may not read `forge/sonarr/api-key`",
        "no rule allows it",
        "policies/access.rhai:1",
    ]);
    let ran =
        fleet.run(["policy", "explain", "forge/sonarr/api-key", "luna", "--format", "json"]).with_code(1);
    assert_eq!(ran.json()["explanation"]["host"], "luna");
}

/// Every command that reads policy refuses it, quickly, at its line, and changes nothing.
fn refused(text: &str, parts: &[&str]) {
    let fleet = TestFleet::sealed().policy(text);
    for args in [vec!["seal"], vec!["check"], vec!["set", "shared/token"], vec!["policy", "matrix"]] {
        let start = Instant::now();
        fleet.refuses(args, 2).says(parts);
        assert!(start.elapsed() < Duration::from_secs(20), "{text}");
    }
}

#[test]
fn a_policy_with_a_mistake_is_refused_with_file_line_and_underlined_span() {
    refused("allow(\"a\");\nallow(\"b\"\n", &["error[policy::syntax]", "policies/access.rhai:", " | ", "^"]);
    refused(
        "allow(\"a\");\nalow(\"b\");\n",
        &["error[policy::unknown_function]", "policies/access.rhai:2:1", "`allow`"],
    );
    refused("\nallow(\"../x\");\n", &["error[policy::pattern]", "policies/access.rhai:2:"]);
    refused("allow(\"a\").hosts(\"forg\");\n", &["policies/access.rhai:1:", "did you mean `forge`?"]);
}

#[test]
fn a_policy_that_never_ends_is_stopped_at_its_line() {
    refused("let n = 0;\nloop { n += 1; }\n", &["error[policy::limit]", "policies/access.rhai:2"]);
    refused("fn f(n) { f(n + 1) }\nf(0);\n", &["error[policy::limit]", "policies/access.rhai:"]);
}

#[test]
fn a_policy_that_takes_memory_without_end_is_stopped_at_its_line() {
    refused("let s = \"x\";\nloop { s += s; }\n", &["error[policy::limit]", "policies/access.rhai:2"]);
    refused("let a = [];\nloop { a.push(a); }\n", &["error[policy::limit]", "policies/access.rhai:2"]);
    refused("let a = [0];\nloop { a += a; }\n", &["error[policy::limit]", "policies/access.rhai:2"]);
}

#[test]
fn a_policy_reaches_neither_files_nor_clock_nor_other_folders() {
    for text in [
        "open(\"/etc/passwd\");",
        "eval(\"1\");",
        "timestamp();",
        "import \"../secrets/x\" as x;",
        "print(\"x\");",
    ] {
        let fleet = TestFleet::sealed().policy(text);
        fleet.refuses(["check"], 2).says(&["policies/access.rhai:1:"]);
    }
}

#[test]
fn the_order_of_rules_changes_no_byte() {
    let fleet = TestFleet::sealed();
    let fleet = fleet.policy("deny(\"x/**\");\nallow(\"shared/**\");\nallow(\"{host}/{service}/**\");\n");
    fleet.run(["seal", "--check"]).ok();
}

#[test]
fn a_service_that_the_host_does_not_have_is_pointed_out() {
    let fleet = TestFleet::sealed();
    let ran = fleet.run(["policy", "explain", "forge/sonarr/api-key", "forge", "sonar"]);
    assert!(matches!(ran.code(), 1 | 2), "{ran}");
    assert!(!ran.stdout().starts_with("allowed"), "{ran}");
    let said = format!("{}{}", ran.stdout(), ran.stderr());
    assert!(said.contains("`sonarr`"), "the service that was meant is not named:\n{ran}");
    fleet
        .run(["policy", "explain", "shared/token", "forge", "x.service"])
        .with_code(2)
        .says(&["without `.service`"]);
}
