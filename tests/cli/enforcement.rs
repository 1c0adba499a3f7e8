//! Promise 1: a host never receives ciphertext that policy denies it.

use std::path::PathBuf;

use crate::common::KEYS;
use crate::common::KeyPair;
use crate::common::TestFleet;
use crate::common::attack::opened;

/// Every file of a host's tree.
fn sealed_files(fleet: &TestFleet, host: &str) -> Vec<PathBuf> {
    fleet.tree().ciphertexts(&format!("sealed/{host}/")).iter().map(|path| fleet.path(path)).collect()
}

/// What a host can read of a tree: its own key opens the wrapped identity, which opens the files.
fn readable(fleet: &TestFleet, program: &str, tree: &str, key: &KeyPair) -> Vec<String> {
    let mut values = Vec::new();
    let wrapped = fleet.path(&format!("sealed/{tree}/host-key.age"));
    let identity = fleet.outside().join(format!("unwrapped-{tree}-{program}"));
    let mut identities = vec![key.private().to_owned()];
    if let Some(text) = opened(program, &wrapped, key.private()) {
        std::fs::write(&identity, text).unwrap();
        identities.push(identity);
    }
    for file in sealed_files(fleet, tree) {
        let found = identities.iter().find_map(|identity| opened(program, &file, identity));
        values.extend(found.map(|bytes| String::from_utf8(bytes).unwrap()));
    }
    values.retain(|value| !value.contains("AGE-SECRET-KEY"));
    values.sort();
    values
}

#[test]
fn a_hosts_key_opens_its_own_tree_and_nothing_of_another() {
    let fleet = TestFleet::sealed();
    for program in ["age", "rage"] {
        assert_eq!(
            readable(&fleet, program, "forge", &KEYS.forge),
            ["forge-sonarr-value", "shared-token-value"]
        );
        assert_eq!(
            readable(&fleet, program, "luna", &KEYS.luna),
            ["luna-restic-value", "shared-token-value"]
        );
        for (tree, key) in
            [("forge", &KEYS.luna), ("luna", &KEYS.forge), ("forge", &KEYS.alice), ("luna", &KEYS.recovery)]
        {
            assert_eq!(readable(&fleet, program, tree, key), [""; 0], "{tree}");
        }
        for path in fleet.tree().ciphertexts("secrets/") {
            for key in [&KEYS.forge, &KEYS.luna, &KEYS.eve] {
                assert_eq!(opened(program, &fleet.path(&path), key.private()), None, "{path}");
            }
        }
    }
}

#[test]
fn a_sealing_identity_of_one_host_opens_nothing_of_another() {
    let fleet = TestFleet::sealed();
    let identity = fleet.outside().join("forge-identity");
    std::fs::write(
        &identity,
        opened("age", &fleet.path("sealed/forge/host-key.age"), KEYS.forge.private()).unwrap(),
    )
    .unwrap();
    for file in sealed_files(&fleet, "luna") {
        assert_eq!(opened("age", &file, &identity), None, "{}", file.display());
    }
}

#[test]
fn silence_denies() {
    let fleet = TestFleet::new()
        .host("forge", &KEYS.forge)
        .policy("allow(\"other\");\n")
        .secret("forge/sonarr/key", "v");
    fleet.run(["seal"]).ok();
    assert_eq!(fleet.granted("forge"), [""; 0]);
    assert_eq!(sealed_files(&fleet, "forge"), [fleet.path("sealed/forge/host-key.age")]);
    fleet.assert_clean();
}

#[test]
fn without_any_rule_nothing_is_taken_from_hosts_and_check_says_so() {
    let fleet = TestFleet::sealed().policy("");
    fleet.run(["check"]).with_code(1).says(&["error[policy::empty]", "git checkout HEAD -- policies"]);
    fleet.refuses(["seal"], 2).says(&["error[policy::empty]"]);
}

#[test]
fn a_deny_rule_wins_wherever_it_stands_and_takes_the_copy_back() {
    let fleet = TestFleet::sealed();
    for text in [
        "deny(\"shared/**\").hosts(\"luna\");\nallow(\"shared/**\");\n",
        "allow(\"shared/**\");\ndeny(\"shared/**\").hosts(\"luna\");\n",
    ] {
        let fleet = TestFleet::sealed().policy(text);
        fleet.run(["seal"]).ok();
        assert_eq!(fleet.granted("luna"), [""; 0]);
        assert!(!fleet.exists("sealed/luna/files"));
        assert_eq!(fleet.granted("forge"), ["shared/token"]);
        fleet.assert_clean();
    }
    drop(fleet);
}

#[test]
fn a_condition_that_fails_denies() {
    let fleet = TestFleet::sealed().policy(
        "allow(\"shared/**\").when(|secret, host, service| host.nonsense.contains(\"x\"));\n\
         allow(\"{host}/{service}/**\");\n",
    );
    let ran = fleet.run(["seal"]);
    assert!(!fleet.granted("forge").contains(&"shared/token".to_owned()), "{ran}");
    let ran = fleet.run(["policy", "explain", "shared/token", "forge"]).with_code(1);
    ran.prints(&["denied", "for it failed", "policies/access.rhai:1"]);
    let fleet = TestFleet::sealed().policy("allow(\"shared/**\").when(|s, h, v| { loop {} });\n");
    fleet.run(["seal"]);
    assert!(!fleet.granted("forge").contains(&"shared/token".to_owned()));
}

#[test]
fn a_deny_rule_whose_condition_fails_denies() {
    let fleet = TestFleet::sealed().policy(
        "allow(\"shared/**\");\ndeny(\"shared/**\").when(|secret, host, service| host.nonsense == 1);\n",
    );
    fleet.run(["seal"]);
    assert_eq!(fleet.granted("forge"), [""; 0]);
}

#[test]
fn a_grant_that_has_ended_is_taken_back() {
    let fleet = TestFleet::sealed().policy("allow(\"shared/**\").until(\"2026-12-31\");\n");
    fleet.run(["seal"]).ok();
    let end = fleet.manifest("forge")["secrets"][0]["not_after"].as_str().unwrap().to_owned();
    assert!(end.starts_with("2026-12-31") || end.starts_with("2027-01-01"), "{end}");
    fleet.cmd(["seal", "--check"]).at("2026-12-30T00:00:00Z").run().ok();
    fleet.cmd(["seal"]).at("2027-01-02T00:00:00Z").run().ok();
    assert_eq!(fleet.granted("forge"), [""; 0]);
}

#[test]
fn a_host_that_is_not_active_gets_nothing_and_loses_its_tree() {
    for state in ["dormant", "revoked", "pending"] {
        let fleet = TestFleet::sealed();
        fleet.replace("secretctl.toml", "[hosts.luna]\n", &format!("[hosts.luna]\nstate = \"{state}\"\n"));
        fleet.run(["check"]).with_code(1).says(&["`sealed/luna` belongs to a host that is", state]);
        fleet.run(["seal", "--check"]).with_code(1).prints(&["sealed/luna belongs to no active host"]);
        fleet.run(["seal"]).ok();
        assert!(!fleet.exists("sealed/luna"), "{state}");
        let ran = fleet.run(["check"]).ok();
        let reminded = ran.stderr().contains("warning[fleet::pending]");
        assert_eq!(reminded, state == "pending", "{ran}");
        fleet.set("shared/token", "later").ok();
        assert!(!fleet.exists("sealed/luna"), "{state}");
        let log = fleet.run(["log", "shared/token", "--format", "json"]).ok().json();
        assert_eq!(log["lines"].as_array().unwrap().last().unwrap()["hosts"], serde_json::json!(["forge"]));
        fleet.run(["check"]).ok();
    }
}

#[test]
fn a_host_that_left_the_fleet_loses_its_tree() {
    let fleet = TestFleet::sealed();
    let text = fleet.text("secretctl.toml");
    let start = text.find("[hosts.luna]").unwrap();
    let rest = text[start + 1..].find("\n[").map_or(text.len(), |at| start + 1 + at);
    fleet.write("secretctl.toml", format!("{}{}", &text[..start], &text[rest..]));
    fleet.run(["check"]).with_code(1).says(&["a host that is unknown"]);
    fleet.run(["seal"]).ok();
    assert!(!fleet.exists("sealed/luna"));
    fleet.assert_clean();
}

/// A host written into the fleet file by hand, past what `host add` would say.
fn with_host(name: &str, key: &KeyPair) -> TestFleet {
    let fleet = TestFleet::sealed();
    fleet.append("secretctl.toml", &format!("\n[hosts.{name}]\nrecipients = [\"{}\"]\n", key.public()));
    fleet.run(["seal"]).ok();
    fleet
}

#[test]
fn two_hosts_with_one_key_are_refused_and_found_since_policy_cannot_keep_them_apart() {
    let fleet = TestFleet::sealed();
    let ran = fleet.refuses(["host", "add", "twin", "--recipient", &KEYS.forge.public()], 2);
    ran.says(&["error[fleet::shared_recipient]", "host `forge`"]);
    let ran = with_host("twin", &KEYS.forge).run(["check"]).with_code(1);
    ran.says(&[
        "error[fleet::shared_recipient]",
        "host `forge` and host `twin` share the key",
        "secretctl.toml",
    ]);
}

#[test]
fn a_host_whose_key_is_that_of_recovery_or_an_admin_is_found() {
    let fleet = with_host("vault", &KEYS.recovery);
    fleet.run(["check"]).with_code(1).says(&["error[fleet::shared_recipient]", "host `vault`", "recovery"]);
    let fleet = with_host("laptop", &KEYS.alice);
    fleet.run(["check"]).with_code(1).says(&["host `laptop` and admin `alice` share the key"]);
}

#[test]
fn an_attacker_in_the_fleet_file_is_reported_before_anything_is_encrypted_to_him() {
    let fleet = TestFleet::sealed();
    let both = format!("{}\", \"{}", KEYS.alice.public(), KEYS.eve.public());
    fleet.replace("secretctl.toml", &KEYS.alice.public(), &both);
    let ran = fleet.run(["check"]).with_code(1);
    ran.says(&["error[store::recipients]", "is not encrypted to admin `alice`"]);
    assert_eq!(opened("age", &fleet.path("secrets/shared/token.age"), KEYS.eve.private()), None);
}
