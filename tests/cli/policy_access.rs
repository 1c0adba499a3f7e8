//! `policy who-can` and `policy access`: who reads what, and what is needed, granted and sealed.

use crate::common::KEYS;
use crate::common::TestFleet;

/// Writes the request of a host for secrets, each with its service, and gives the path.
fn request(fleet: &TestFleet, host: &str, wanted: &[(&str, &str)]) -> String {
    let entry = |(secret, service): &(&str, &str)| serde_json::json!({ "secret": secret, "as": secret, "service": service });
    let entries: Vec<_> = wanted.iter().map(entry).collect();
    let request = serde_json::json!({ "version": 1, "host": host, "sealed": "/nix/store/x",
        "trusted_keys": [KEYS.alice.public()], "identities": ["/etc/ssh/ssh_host_ed25519_key"],
        "secrets": entries, "templates": [] });
    let file = fleet.outside().join(format!("{host}.json"));
    std::fs::write(&file, request.to_string()).unwrap();
    file.display().to_string()
}

#[test]
fn the_readers_of_a_secret_are_shown_with_their_rules() {
    let fleet = TestFleet::sealed();
    fleet.write(
        "policies/access.rhai",
        "allow(\"shared/token\").hosts(\"forge\").services(\"sonarr\").until(\"2027-01-31\").because(\"it\\nasks\");\n\
         allow(\"shared/**\").hosts(\"luna\");\n",
    );
    let ran = fleet.cmd(["policy", "who-can", "shared/token"]).without_keys().run().ok();
    insta::assert_snapshot!(ran.stdout(), @r#"
    HOST   SERVICES       UNTIL                 THROUGH
    forge  sonarr         2027-01-31T23:59:59Z  policies/access.rhai:1
    luna   every service                        policies/access.rhai:2

    policies/access.rhai:1  allow("shared/token")
      because it asks
    policies/access.rhai:2  allow("shared/**")
    its source is open to admin `alice`, recovery
    "#);
    let json = fleet.run(["policy", "who-can", "shared/token", "--format", "json"]).ok().json();
    assert_eq!(json["readers"][0]["services"], serde_json::json!(["sonarr"]));
    assert_eq!(json["readers"][1]["rules"][0]["place"]["line"], 2);
    assert_eq!(json["source"], serde_json::json!({ "admins": ["alice"], "recovery": 1 }));
}

#[test]
fn what_a_host_or_service_may_read_is_shown_by_secret() {
    let fleet = TestFleet::sealed();
    let ran = fleet.cmd(["policy", "who-can", "--host", "luna"]).without_keys().run().ok();
    insta::assert_snapshot!(ran.stdout(), @r#"
    SECRET                SERVICES       UNTIL  THROUGH
    luna/restic/password  restic                policies/access.rhai:1
    shared/token          every service         policies/access.rhai:2

    policies/access.rhai:1  allow("{host}/{service}/**")
    policies/access.rhai:2  allow("shared/**")
    "#);
    let ran = fleet.run(["policy", "who-can", "--host", "luna", "--service", "sonarr"]).ok();
    assert!(!ran.stdout().contains("restic"), "{ran}");
    let ran = fleet.run(["policy", "who-can", "--host", "luna", "--service", "nginx"]).ok();
    ran.says(&["does not list the service `nginx`", "restic sonarr"]).prints(&["shared/token"]);
    fleet.run(["policy", "who-can", "--host", "lna"]).with_code(2).says(&["did you mean `luna`?"]);
}

#[test]
fn nobody_is_told_as_exit_1_and_a_misspelt_name_with_the_nearest() {
    let fleet = TestFleet::sealed();
    let ran = fleet.run(["policy", "who-can", "sharde/token"]).with_code(1);
    ran.prints(&["no host may read `sharde/token`", "its source is open to admin `alice`"])
        .says(&["note: ", "did you mean `shared/token`?"]);
    fleet.run(["policy", "who-can", "shared/tokn"]).ok().says(&["did you mean `shared/token`?"]);
    let json = fleet.run(["policy", "who-can", "nope/x", "--format", "json"]).with_code(1).json();
    assert_eq!(json["readers"], serde_json::json!([]));
    assert!(json["missing"].is_string(), "{json}");
}

#[test]
fn who_can_needs_one_question() {
    let fleet = TestFleet::sealed();
    for args in
        [vec![], vec!["shared/token", "--host", "luna"], vec!["--service", "x"], vec!["a", "--service", "x"]]
    {
        fleet.run(["policy", "who-can"].into_iter().chain(args)).with_code(2);
    }
}

#[test]
fn a_host_that_is_not_active_reads_nothing() {
    let fleet = TestFleet::sealed();
    fleet.replace("secretctl.toml", "[hosts.luna]\n", "[hosts.luna]\nstate = \"pending\"\n");
    let ran = fleet.run(["policy", "who-can", "shared/token"]).ok();
    assert!(!ran.stdout().contains("luna"), "{ran}");
    ran.says(&["`luna`", "pending"]);
    fleet.run(["policy", "who-can", "--host", "luna"]).with_code(1).prints(&["`luna` may read nothing"]);
}

#[test]
fn access_counts_what_is_needed_granted_and_sealed() {
    let fleet = TestFleet::sealed();
    let luna =
        request(&fleet, "luna", &[("luna/restic/password", "restic"), ("forge/sonarr/api-key", "sonarr")]);
    fleet.write(
        "policies/access.rhai",
        "allow(\"{host}/{service}/**\");\nallow(\"shared/**\").hosts(\"luna\");\n",
    );
    fleet.set("luna/restic/more", "x").ok();
    fleet.write("policies/access.rhai", "allow(\"{host}/{service}/**\");\nallow(\"shared/**\").hosts(\"luna\");\nallow(\"forge/sonarr/api-key\").hosts(any_host()).services(\"unknown\");\n");
    let ran = fleet.cmd(["policy", "access", "--request", &luna]).without_keys().run().ok();
    insta::assert_snapshot!(ran.stdout(), @r"
    HOST   NEEDED  GRANTED  SEALED  SURPLUS  MISSING  DRIFT  UNSEALED
    forge  -       1        2       -        -        1      1
    luna   2       4        3       2        1        0      1

    surplus: granted, and the request does not ask for it
      luna  shared/token      every service
      luna  luna/restic/more  restic

    missing: asked for, and not granted or not there
      luna  forge/sonarr/api-key  sonarr

    drift: sealed, and not granted any more; `secretctl seal` takes it away
      forge  shared/token  every service

    unsealed: granted, and not sealed yet; `secretctl seal` brings it
      forge  forge/sonarr/api-key  unknown
      luna   forge/sonarr/api-key  unknown
    ");
    let json = fleet.run(["policy", "access", "--request", &luna, "--format", "json"]).ok().json();
    assert_eq!(json["hosts"]["luna"]["needed"], 2);
    assert!(json["hosts"]["forge"]["needed"].is_null(), "a host without a request has no number");
    assert_eq!(json["missing"][0]["secret"], "forge/sonarr/api-key");
    assert!(json["surplus"].as_array().unwrap().iter().all(|pair| pair["host"] == "luna"), "{json}");
}

#[test]
fn budgets_fail_only_when_they_are_exceeded() {
    let fleet = TestFleet::sealed();
    let luna = request(&fleet, "luna", &[("luna/restic/password", "restic")]);
    let access = |args: &[&str]| fleet.run(["policy", "access", "--request", &luna].iter().chain(args));
    access(&[]).ok();
    access(&["--max-surplus", "1", "--max-granted", "4"]).ok();
    access(&["--max-surplus", "0"])
        .with_code(1)
        .says(&["error[access::surplus]: 1 surplus pair, and the budget is 0"]);
    access(&["--max-granted", "3"]).with_code(1).says(&["error[access::granted]: 4 granted pairs"]);
    let both = access(&["--max-surplus", "0", "--max-granted", "0", "--format", "json"]).with_code(1);
    assert_eq!(both.json()["surplus"][0]["secret"], "shared/token");
    // A budget for what nobody has told would always hold.
    fleet.run(["policy", "access", "--max-surplus", "0"]).with_code(2).says(&["--request"]);
}

#[test]
fn a_manifest_that_is_not_to_be_believed_is_not_counted() {
    let fleet = TestFleet::sealed();
    let manifest = fleet.text("sealed/luna/manifest.json");
    fleet.write("sealed/luna/manifest.json", manifest.replacen("\"serial\":", "\"serial\":9", 1));
    let ran = fleet.run(["policy", "access", "--format", "json"]).ok();
    assert!(ran.json()["hosts"]["luna"]["sealed"].is_null(), "{ran}");
    ran.says(&["manifest of `luna` is refused"]);
}

#[test]
fn what_lies_sealed_for_a_host_that_left_is_drift() {
    let fleet = TestFleet::sealed();
    fleet.replace("secretctl.toml", "[hosts.luna]\n", "[hosts.luna]\nstate = \"dormant\"\n");
    let json = fleet.run(["policy", "access", "--format", "json"]).ok().json();
    assert_eq!(json["hosts"]["luna"]["granted"], 0);
    assert_eq!(json["drift"].as_array().unwrap().len(), 2);
    assert_eq!(json["unsealed"], serde_json::json!([]));
}

#[test]
fn a_request_that_cannot_be_used_is_named() {
    let fleet = TestFleet::sealed();
    let path = fleet.outside().join("broken.json");
    std::fs::write(&path, "{").unwrap();
    let ran = fleet.run(["policy", "access", "--request", path.to_str().unwrap()]).with_code(2);
    ran.says(&["error[access::request]", "broken.json", "error[request::malformed]"]);
    fleet.run(["policy", "access", "--request", "/nowhere"]).with_code(4).says(&["`/nowhere`"]);
    let stranger = request(&fleet, "sando", &[]);
    fleet.run(["policy", "access", "--request", &stranger]).with_code(2).says(&["`sando`"]);
}
