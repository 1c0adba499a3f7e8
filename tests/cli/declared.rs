//! What policies declare besides readers: invariants, editors, dormant hosts, and what values must be.

use crate::common::KEYS;
use crate::common::TestFleet;

const RULES: &str = "allow(\"{host}/{service}/**\");\nallow(\"shared/**\");\n";

fn with(more: &str) -> TestFleet {
    TestFleet::sealed().policy(&format!("{RULES}{more}\n"))
}

#[test]
fn what_must_never_be_allowed_is_found_and_not_sealed() {
    let fleet = with("");
    fleet.append(
        "policies/access.rhai",
        "never(\"shared/*\").hosts(\"luna\").because(\"luna is lent out\");\n",
    );
    fleet.run(["check"]).with_code(1).says(&[
        "error[policy::invariant]",
        "may read `shared/token`",
        "luna is lent out",
        "policies/access.rhai:2:1",
    ]);
    fleet
        .run(["policy", "test"])
        .with_code(1)
        .prints(&["FAIL never(\"shared/*\")", "allowed by allow(\"shared/**\")"]);
    let before = fleet.text("sealed/luna/manifest.json");
    fleet
        .set("shared/token", "newer")
        .with_code(1)
        .says(&["policy::invariant", "the new value stands in its source"]);
    fleet.run(["seal"]).with_code(1).says(&["policy::invariant"]);
    assert_eq!(fleet.text("sealed/luna/manifest.json"), before);

    let fleet = fleet.policy("allow(\"{host}/{service}/**\");\nallow(\"shared/**\").except(\"luna\");\nnever(\"shared/*\").hosts(\"luna\");\n");
    fleet.run(["seal"]).ok();
    fleet.run(["policy", "test"]).ok().prints(&["ok   never(\"shared/*\")"]);
    fleet.assert_clean();
}

#[test]
fn a_dormant_host_keeps_only_what_a_rule_says_it_keeps() {
    let fleet = with("");
    fleet.replace("secretctl.toml", "[hosts.luna]\n", "[hosts.luna]\nstate = \"dormant\"\n");
    fleet.run(["check"]).with_code(1).says(&["sealed::surplus"]);
    let fleet =
        fleet.policy(&format!("{RULES}allow(\"luna/restic/*\").hosts(\"luna\").including_dormant();\n"));
    fleet.run(["seal"]).ok();
    fleet.assert_clean();
    assert_eq!(fleet.granted("luna"), ["luna/restic/password"]);
    let fleet = fleet.policy(RULES);
    fleet.run(["seal"]).ok();
    assert!(!fleet.path("sealed/luna").exists());
    let ran = fleet.run(["policy", "explain", "shared/token", "luna"]).with_code(1);
    ran.prints(&["the host is dormant, and the rule does not say `.including_dormant()`"]);
}

#[test]
fn a_source_is_encrypted_to_its_editors_and_recovery_alone() {
    let fleet = with("");
    let bob = KEYS.bob.public();
    fleet.run(["admin", "add", "bob", "--recipient", &bob, "--signing-key", &bob]).ok();
    fleet.run(["rekey"]).ok();
    fleet.append("policies/access.rhai", "editors(\"shared/**\", \"alice\");\n");
    fleet
        .run(["check"])
        .with_code(1)
        .says(&["the source of `shared/token` is still encrypted to admin `bob`"]);
    fleet.run(["rekey"]).ok();
    fleet.assert_clean();
    fleet.cmd(["show", "shared/token"]).identity(KEYS.bob.private()).run().with_code(4);
    fleet.cmd(["show", "luna/restic/password"]).identity(KEYS.bob.private()).run().ok();
    fleet.cmd(["show", "shared/token"]).identity(KEYS.recovery.private()).run().ok();

    // What only others open is left to them, and the rest is done.
    fleet.replace(
        "policies/access.rhai",
        "editors(\"shared/**\", \"alice\");\n",
        "editors(\"**\", [\"alice\", \"bob\"]);\neditors(\"luna/**\", \"bob\");\n",
    );
    let ran = fleet.cmd(["rekey"]).by(&KEYS.bob).run().with_code(1);
    ran.says(&["error[rekey::left]", "shared/token"]);
    fleet.run(["rekey"]).ok();
    fleet.assert_clean();

    fleet.append("policies/access.rhai", "editors(\"luna/**\", \"alice\");\n");
    fleet.run(["check"]).with_code(1).says(&["error[policy::no_editor]", "luna/restic/password"]);
    fleet.refuses(["set", "luna/restic/password", "--from-file", "-"], 1).says(&["policy::no_editor"]);
}

#[test]
fn a_move_gives_the_source_the_editors_of_its_new_name() {
    let fleet = with("editors(\"own/**\", \"alice\");");
    let bob = KEYS.bob.public();
    fleet.run(["admin", "add", "bob", "--recipient", &bob, "--signing-key", &bob]).ok();
    fleet.run(["rekey"]).ok();
    fleet.run(["mv", "shared/token", "own/token"]).ok();
    fleet.cmd(["show", "own/token"]).identity(KEYS.bob.private()).run().with_code(4);
    fleet.run(["show", "own/token"]).ok();
    fleet.assert_clean();
}

#[test]
fn an_unfit_value_is_refused_by_name_of_the_check_and_nothing_changes() {
    let fleet = with("validate(\"shared/token\", [length(8), charset(\"a-z-\")]);");
    fleet.set("shared/token", "fits-well").ok();
    let before = fleet.read("secrets/shared/token.age");
    let ran = fleet.set("shared/token", "Hunter2").with_code(1);
    let ran = ran.says(&[
        "error[value::unfit]",
        "`length(8)`: there are fewer than 8 bytes",
        "`charset(\"a-z-\")`",
        "policies/access.rhai:3:1",
    ]);
    assert!(!ran.stderr().contains("Hunter2") && !ran.stderr().contains("unter"), "{ran}");
    assert_eq!(fleet.read("secrets/shared/token.age"), before);
    fleet.assert_clean();
}

#[test]
fn values_that_are_there_already_are_checked_with_an_identity_alone() {
    let fleet = with("validate(\"**\", differs_from(\"shared/token\")).except(\"shared/token\");");
    fleet.set("luna/restic/password", "zz-other-value").ok();
    fleet.run(["check", "--values"]).ok();
    let fleet = fleet.policy(&format!("{RULES}validate(\"luna/**\", [same_as(\"shared/token\"), hex()]);\n"));
    fleet.cmd(["check"]).without_keys().run().ok();
    fleet.cmd(["check", "--values"]).without_keys().run().with_code(4).says(&["identity::none"]);
    let ran = fleet.run(["check", "--values"]).with_code(1);
    let ran = ran.says(&["error[value::unfit]", "`luna/restic/password`", "the two differ", "`hex()`"]);
    assert!(!ran.stderr().contains("zz-other-value"), "{ran}");
}

#[test]
fn a_value_that_hosts_keep_is_not_given_another() {
    let fleet = with("validate(\"shared/token\", install_once());");
    fleet
        .set("shared/token", "second")
        .with_code(1)
        .says(&["error[value::install_once]", "policies/access.rhai:3:1"]);
    fleet.set("shared/token", "shared-token-value").ok().says(&["unchanged"]);
}

#[test]
fn an_optional_value_may_be_empty() {
    let fleet = with("validate(\"shared/token\", [optional(), hex()]);");
    fleet.set("shared/token", "").ok();
    fleet.set("shared/token", "zz").with_code(1).says(&["`hex()`"]);
    fleet.set("luna/restic/password", "").with_code(2);
}

#[test]
fn what_a_host_needs_to_come_up_is_missed_by_check() {
    let fleet = with("validate(\"{host}/restic/password\", first_boot());");
    fleet.run(["check"]).with_code(1).says(&[
        "error[policy::first_boot]",
        "`forge/restic/password` does not exist",
        "secretctl edit forge/restic/password",
    ]);
    fleet.set("forge/restic/password", "x").ok();
    fleet.assert_clean();
}

#[test]
fn a_failing_test_of_the_policy_fails_check() {
    let fleet = with("");
    fleet.write(
        "policies/tests/access.rhai",
        "test(\"luna has no token\", || { expect_denied(\"shared/token\", \"luna\"); });\n",
    );
    fleet.run(["check"]).with_code(1).says(&[
        "error[policy::test]",
        "luna has no token",
        "policies/tests/access.rhai:1:",
    ]);
    let ran = fleet.run(["policy", "test"]).with_code(1);
    insta::assert_snapshot!(ran.stdout(), @r#"
    policies/tests/access.rhai
      FAIL luna has no token (1 expectation)
           policies/tests/access.rhai:1:32: expected every service of `luna` to be denied `shared/token`
           allowed: `restic` on `luna` may read `shared/token`
             allowed by allow("shared/**") at policies/access.rhai:2:1
    no test makes these rules speak
      policies/access.rhai:1:1 allow("{host}/{service}/**")
    1 test with 1 expectation, 1 failed; 0 invariants, 0 broken; 1 of 2 rules exercised (50 %)
    "#);
    let junit = fleet.run(["policy", "test", "--format", "junit"]).with_code(1);
    junit.prints(&[
        "<testsuites name=\"policy\" tests=\"1\" failures=\"1\">",
        "<failure message=\"expected every service of `luna`",
    ]);
    let json = fleet.run(["policy", "test", "--format", "json"]).with_code(1).json();
    assert_eq!(json["cases"][0]["failures"][0]["explanation"]["decision"], "allow");
}

#[test]
fn a_test_that_is_wrong_is_told_with_its_line() {
    for (text, says) in [
        (
            "\nexpect_denied(\"x\", \"forg\");",
            "policies/tests/access.rhai:2:1: the fleet has no host `forg`; did you mean `forge`?",
        ),
        ("expect_denied(\"x\", []);", "the array is empty"),
        ("test(\"a\", || { test(\"b\", || {}); });", "a test stands inside another"),
        ("test(\"a\", || { let x = 1 / 0; });", "policies/tests/access.rhai:1:"),
        ("allow(\"x\");", "`allow` cannot be used here"),
        ("expect_allowed(\"shared/token\", \"luna\").because(\"wrong\");", "no rule speaks because `wrong`"),
        ("let n = 0;\nloop { n += 1; }", "policies/tests/access.rhai:2:"),
        ("fleet.with_host(\"x\", #{ tag: 1 });", "a host has no `tag`; did you mean `tags`?"),
        ("fleet.without_host(\"forge\").expect_denied(\"x\", \"forge\");", "the fleet has no host `forge`"),
    ] {
        let fleet = with("");
        fleet.write("policies/tests/access.rhai", text);
        fleet.run(["policy", "test"]).with_code(1).prints(&[says]);
    }
}

#[test]
fn coverage_can_be_asked_for() {
    let fleet = with("");
    fleet.write("policies/tests/access.rhai", "expect_allowed(\"shared/token\", \"luna\");");
    fleet.run(["policy", "test"]).ok().prints(&[
        "no test makes these rules speak",
        "policies/access.rhai:1:1",
        "(50 %)",
    ]);
    fleet.run(["policy", "test", "--min-coverage", "50"]).ok();
    fleet.run(["policy", "test", "--min-coverage", "51"]).with_code(1).says(&["50 %"]);
}

#[test]
fn definitions_for_editors_are_printed_and_checked() {
    let fleet = with("");
    let definitions = fleet.run(["policy", "definitions"]).ok();
    let definitions = definitions.prints(&["module static;", "fn allow(", "const fleet: fleet;"]);
    let file = fleet.outside().join("secretctl.d.rhai");
    std::fs::write(&file, definitions.stdout()).unwrap();
    let file = file.to_str().unwrap();
    fleet.run(["policy", "definitions", "--check", file]).ok();
    std::fs::write(file, "old").unwrap();
    fleet.run(["policy", "definitions", "--check", file]).with_code(1).says(&["policy::definitions", file]);
}

#[test]
fn missing_values_are_made_for_every_host_and_none_is_replaced() {
    let fleet = with(
        "generate(\"wireguard/{host}/key\", wireguard_key());\ngenerate(\"own/*\", password(24));\nallow(\"wireguard/{host}/*\");",
    );
    let planned = fleet.run(["generate", "--dry-run"]).ok();
    insta::assert_snapshot!(planned.stdout(), @r"
    wireguard/forge/key  wireguard_key()  policies/access.rhai:3:1
    wireguard/luna/key  wireguard_key()  policies/access.rhai:3:1
    ");
    assert!(!fleet.exists("secrets/wireguard/forge/key.age"));
    fleet.run(["generate"]).ok().says(&["created wireguard/forge/key (revision 1); read by forge"]);
    let before = fleet.show("wireguard/forge/key");
    assert_eq!(before.len(), 44);
    fleet.run(["generate"]).ok().says(&["nothing is missing"]);
    fleet.run(["generate", "own/password", "wireguard/forge/key"]).ok().says(&["created own/password"]);
    assert_eq!((fleet.show("own/password").len(), fleet.show("wireguard/forge/key")), (24, before));
    fleet.run(["generate", "shared/other"]).with_code(2).says(&["error[generate::none]"]);
    fleet.assert_clean();

    fleet.append(
        "policies/access.rhai",
        "generate(\"**\", random_hex(32));\nvalidate(\"own/**\", length(99));\n",
    );
    fleet
        .run(["generate", "own/more"])
        .with_code(2)
        .says(&["error[generate::two]", "policies/access.rhai:4:1"]);
    fleet.run(["generate", "shared/more"]).ok();
    fleet.append("policies/access.rhai", "generate(\"\", age_key());\n");
    fleet.run(["generate"]).with_code(2).says(&["policy::pattern"]);
}

#[test]
fn a_made_value_is_held_against_the_policy_like_any_other() {
    let fleet = with("generate(\"own/x\", password(24));\nvalidate(\"own/**\", length(99));");
    fleet.run(["generate"]).with_code(1).says(&["error[value::unfit]", "`length(99)`"]);
    assert!(!fleet.exists("secrets/own/x.age"));
}
