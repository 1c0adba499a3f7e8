//! `seal` and `check`: the least that must be touched, and nothing that needs a key.

use crate::common::KEYS;
use crate::common::TestFleet;
use crate::common::attack;
use crate::common::tool;

#[test]
fn a_seal_with_nothing_to_do_rewrites_no_byte() {
    let fleet = TestFleet::sealed();
    let before = fleet.tree();
    let ran = fleet.run(["seal"]).ok().says(&["every sealed tree is as it should be"]);
    assert_eq!(ran.stdout(), "");
    assert_eq!(fleet.tree().changed_since(&before), [""; 0]);
    // Nor later, nor by another admin.
    fleet.cmd(["seal"]).at("2027-05-01T00:00:00Z").run().ok();
    assert_eq!(fleet.tree().changed_since(&before), [""; 0]);
}

#[test]
fn a_seal_with_nothing_to_do_needs_no_key() {
    let fleet = TestFleet::sealed();
    fleet.cmd(["seal"]).without_keys().run().ok();
}

#[test]
fn one_edit_touches_its_source_its_ledger_and_its_readers_alone() {
    let fleet = TestFleet::sealed().host("nova", &KEYS.nova);
    fleet.run(["seal"]).ok();
    let before = fleet.tree();
    fleet.set("forge/sonarr/api-key", "new").ok();
    assert_eq!(
        fleet.tree().changed_since(&before),
        [
            "sealed/forge/files/forge/sonarr/api-key.age",
            "sealed/forge/manifest.json",
            "sealed/forge/manifest.json.sig",
            "secrets/forge/sonarr/api-key.age",
            "secrets/forge/sonarr/api-key.ledger",
        ]
    );
    fleet.assert_clean();
}

#[test]
fn a_host_that_joins_changes_no_other_hosts_tree() {
    let fleet = TestFleet::sealed();
    let before = fleet.tree();
    let fleet = fleet.host("nova", &KEYS.nova);
    fleet.run(["seal", "--check"]).with_code(1).prints(&["host `nova` has no sealed tree yet"]);
    fleet.run(["seal"]).ok();
    assert_eq!(
        fleet.tree().changed_since(&before),
        [
            "sealed/nova/files/shared/token.age",
            "sealed/nova/host-key.age",
            "sealed/nova/manifest.json",
            "sealed/nova/manifest.json.sig",
            "secretctl.toml",
            "secrets/shared/token.ledger",
        ]
    );
    let log = fleet.run(["log", "shared/token", "--format", "json"]).ok().json();
    assert_eq!(log["lines"][1]["event"], "granted");
    fleet.assert_clean();
}

#[test]
fn a_change_of_policy_touches_only_whom_it_concerns() {
    let fleet = TestFleet::sealed();
    let before = fleet.tree();
    let fleet = fleet.policy("allow(\"{host}/{service}/**\");\nallow(\"shared/**\").hosts(\"forge\");\n");
    fleet
        .run(["seal", "--check"])
        .with_code(1)
        .prints(&["host `luna` still has `shared/token`, which it may no longer read"]);
    fleet.run(["seal"]).ok();
    assert_eq!(
        fleet.tree().changed_since(&before),
        [
            "policies/access.rhai",
            "sealed/luna/files/shared/token.age",
            "sealed/luna/manifest.json",
            "sealed/luna/manifest.json.sig",
            "secrets/shared/token.ledger",
        ]
    );
    let log = fleet.run(["log", "shared/token", "--format", "json"]).ok().json();
    assert_eq!(
        (&log["lines"][1]["event"], &log["lines"][1]["hosts"][0]),
        (&"revoked".into(), &"forge".into())
    );
    fleet.assert_clean();
}

#[test]
fn the_serial_grows_with_every_change_of_a_tree() {
    let fleet = TestFleet::sealed();
    let before = fleet.manifest("forge")["serial"].as_u64().unwrap();
    for (at, value) in ["a", "b", "c"].into_iter().enumerate() {
        fleet.set("shared/token", value).ok();
        assert_eq!(fleet.manifest("forge")["serial"].as_u64().unwrap(), before + at as u64 + 1);
    }
    assert_eq!(fleet.manifest("forge")["sealed_at"], crate::common::NOW);
}

#[test]
fn one_host_can_be_sealed_alone() {
    let fleet = TestFleet::sealed().host("nova", &KEYS.nova);
    fleet.append("policies/access.rhai", "deny(\"shared/**\").hosts(\"luna\");\n");
    fleet.run(["seal", "--host", "nova"]).ok();
    assert_eq!(fleet.granted("nova"), ["shared/token"]);
    assert!(fleet.granted("luna").contains(&"shared/token".to_owned()));
    fleet.run(["check", "--host", "nova"]).ok();
    fleet.run(["check"]).with_code(1).says(&["host `luna` still has `shared/token`"]);
    fleet.run(["seal"]).ok();
    fleet.assert_clean();
}

#[test]
fn an_unknown_host_is_answered_with_the_nearest_name() {
    let fleet = TestFleet::sealed();
    for args in [
        vec!["seal", "--host", "forg"],
        vec!["seal", "--check", "--host", "forg"],
        vec!["check", "--host", "forg"],
        vec!["policy", "matrix", "--host", "forg"],
        vec!["policy", "explain", "shared/token", "forg"],
    ] {
        fleet.refuses(args, 2).says(&["error[fleet::unknown_host]", "did you mean `forge`?"]);
    }
}

#[test]
fn seal_check_and_check_need_no_key_and_write_nothing_even_on_a_read_only_disk() {
    let fleet = TestFleet::sealed();
    fleet.append("policies/access.rhai", "deny(\"shared/**\").hosts(\"luna\");\n");
    let before = fleet.whole_tree();
    fleet.cmd(["seal", "--check"]).without_keys().run().with_code(1);
    fleet.cmd(["check"]).without_keys().run().with_code(1);
    fleet.cmd(["rekey", "--check"]).without_keys().run().ok();
    assert_eq!(fleet.whole_tree().changed_since(&before), [""; 0]);
    let script = r#"mount --bind "$1" "$1" && mount -o remount,bind,ro "$1" && cd "$1" || exit 99
        "$2" check; echo "check $?"; "$2" seal --check; echo "seal $?""#;
    let mut command = std::process::Command::new(tool("unshare"));
    command.args(["-m", "sh", "-c", script, "sh"]).arg(fleet.root()).arg(crate::common::BIN);
    fleet.prepare(command).without_keys().run().ok().prints(&["check 1\n", "seal 1\n"]);
}

#[test]
fn json_reports_parse_and_have_a_version() {
    let fleet = TestFleet::sealed();
    let report = fleet.run(["check", "--format", "json"]).ok().json();
    assert_eq!((report["secrets"].as_u64(), report["hosts"].as_u64()), (Some(3), Some(2)));
    assert_eq!(report["findings"], serde_json::json!([]));
    let report = fleet.run(["seal", "--format", "json"]).ok().json();
    assert_eq!(report["copies"], 0);
    fleet.flip("sealed/forge/files/shared/token.age");
    let ran = fleet.run(["check", "--format", "json"]).with_code(3);
    assert_eq!(ran.stderr(), "");
    let report = ran.json();
    assert_eq!(report["findings"][0]["code"], "sealed::tampered");
    assert_eq!(report["findings"][0]["severity"], "error");
    let report = fleet.run(["seal", "--check", "--format", "json"]).with_code(3).json();
    assert_eq!(report["held"]["forge"][0], "has a damaged copy of `shared/token`");
    let report = fleet.run(["seal", "--repair", "--format", "json"]).ok().json();
    assert_eq!(report["copies"], 1);
}

#[test]
fn data_goes_to_stdout_and_talk_to_stderr() {
    let fleet = TestFleet::sealed();
    let ran = fleet.run(["check"]).ok();
    assert_eq!(ran.stdout(), "checked 3 secrets, 2 hosts: 0 errors, 0 warnings\n");
    fleet.append("policies/access.rhai", "deny(\"shared/**\").hosts(\"luna\");\n");
    let ran =
        fleet.run(["check"]).with_code(1).prints(&["checked 3 secrets, 2 hosts: 2 errors, 0 warnings\n"]);
    insta::assert_snapshot!(ran.stderr(), @r"
    error[ledger::readers]: the ledger of `shared/token` does not say yet that it is read by forge
      --> secrets/shared/token.ledger
      help: run `secretctl seal`
    error[sealed::drift]: host `luna` still has `shared/token`, which it may no longer read
      --> sealed/luna
      help: run `secretctl seal`
    ");
    assert!(!ran.stderr().contains('\x1b'));
}

#[test]
fn a_host_with_a_new_key_gets_a_new_sealing_identity_and_no_other_host_does() {
    let fleet = TestFleet::sealed();
    let (old, before) = (fleet.manifest("forge")["sealing_recipient"].clone(), fleet.tree());
    fleet.replace("secretctl.toml", &KEYS.forge.public(), &KEYS.nova.public());
    fleet.run(["check"]).with_code(1).says(&["host `forge` is sealed to other host keys"]);
    fleet.run(["seal"]).ok();
    fleet.assert_clean();
    assert_ne!(fleet.manifest("forge")["sealing_recipient"], old);
    assert!(
        fleet
            .tree()
            .changed_since(&before)
            .iter()
            .all(|p| p.starts_with("sealed/forge/") || p == "secretctl.toml")
    );
    let wrapped = fleet.path("sealed/forge/host-key.age");
    assert!(attack::opened("age", &wrapped, KEYS.nova.private()).is_some());
    assert!(attack::opened("age", &wrapped, KEYS.forge.private()).is_none());
}

#[test]
fn set_says_when_a_readers_tree_was_left_behind() {
    let fleet = TestFleet::sealed();
    fleet.replace("secretctl.toml", &KEYS.forge.public(), &KEYS.nova.public());
    let ran = fleet.set("shared/token", "new");
    let left = fleet.run(["check"]).code() != 0;
    assert!(!left || ran.stderr().contains("secretctl seal"), "forge still has the old value:\n{ran}");
}

#[test]
fn who_cannot_sign_learns_it_before_anything_changes() {
    let fleet = TestFleet::sealed();
    let without = |args: &[&str]| fleet.cmd(args).without_env("SECRETCTL_SIGNING_KEY").stdin("v");
    for args in [
        vec!["set", "shared/token"],
        vec!["rm", "shared/token"],
        vec!["mv", "shared/token", "shared/b"],
        vec!["edit", "shared/token"],
    ] {
        let ran = fleet.refuses_cmd(without(&args), 4);
        ran.says(&["error[signer::none]", "--signing-key FILE"]);
    }
    let fleet = fleet.host("nova", &KEYS.nova);
    let ran = fleet.refuses_cmd(fleet.cmd(["seal"]).without_env("SECRETCTL_SIGNING_KEY"), 4);
    ran.says(&["error[signer::none]"]);
    let eve = fleet.cmd(["seal"]).env("SECRETCTL_SIGNING_KEY", KEYS.eve.private());
    fleet.refuses_cmd(eve, 4).says(&["error[signer::not_admin]", "SHA256:"]);
    let rsa = fleet.cmd(["seal"]).env("SECRETCTL_SIGNING_KEY", KEYS.carol.private());
    fleet.refuses_cmd(rsa, 4).says(&["error[signer::not_ed25519]"]);
    let missing = fleet.cmd(["seal"]).env("SECRETCTL_SIGNING_KEY", "/nowhere");
    fleet.refuses_cmd(missing, 4).says(&["error[signer::unreadable]", "`/nowhere`"]);
}

/// A host's request for one secret, as its configuration renders it.
fn request(secret: &str, service: &str) -> String {
    let entry = serde_json::json!({ "secret": secret, "as": secret, "service": service });
    serde_json::json!({ "version": 1, "host": "forge", "sealed": "/nix/store/x", "trusted_keys": [KEYS.alice.public()],
        "identities": ["/etc/ssh/ssh_host_ed25519_key"], "secrets": [entry], "templates": [] })
    .to_string()
}

#[test]
fn check_finds_what_a_request_asks_for_and_policy_or_store_does_not_give() {
    let fleet = TestFleet::sealed();
    let file = fleet.outside().join("request.json");
    let check = |text: &str| {
        std::fs::write(&file, text).unwrap();
        fleet.cmd(["check", "--request", file.to_str().unwrap()]).without_keys().run()
    };
    check(&request("forge/sonarr/api-key", "sonarr")).with_code(0);
    let ran = check(&request("luna/restic/password", "restic"));
    assert_eq!(ran.code(), 1, "a secret that forge may not read was asked for:\n{ran}");
    ran.says(&["luna/restic/password"]);
    let ran = check(&request("forge/sonarr/gone", "sonarr"));
    assert_eq!(ran.code(), 1, "a secret that does not exist was asked for:\n{ran}");
    ran.says(&["forge/sonarr/gone"]);
    assert_eq!(check("{").code(), 2, "something that is no request was accepted");
    let ran = fleet.run(["check", "--request", "/nowhere"]);
    assert_ne!(ran.code(), 0, "a request that is not there was accepted:\n{ran}");
}

#[test]
fn services_that_lose_a_secret_are_told_with_what_they_know() {
    let fleet = TestFleet::new()
        .host_with("forge", &KEYS.forge, &["grafana", "sonarr"])
        .policy("allow(\"shared/token\").services([\"grafana\", \"sonarr\"]);\n");
    fleet.set("shared/token", "value").ok();
    fleet.write("policies/access.rhai", "allow(\"shared/token\").services(\"grafana\");\n");
    fleet.run(["seal"]).ok().prints(&[
        "host `forge` is granted `shared/token` on other terms; `sonarr` may not read it any more, and knew its value",
    ]);
    fleet.write("policies/access.rhai", "allow(\"shared/token\");\n");
    let ran = fleet.run(["seal"]).ok();
    assert!(!ran.stdout().contains("may not read it any more"), "{ran}");
    fleet.write("policies/access.rhai", "allow(\"shared/token\").services(\"sonarr\");\n");
    fleet.run(["seal"]).ok().prints(&["on other terms; its other services may not read it any more"]);
    fleet.assert_clean();
}
