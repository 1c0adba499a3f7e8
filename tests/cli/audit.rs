//! `audit`: what is due, exposed, expired and weak, told without any key.

use crate::common::KEYS;
use crate::common::TestFleet;

/// The fleet, audited at a time, by somebody who holds no key.
fn audit(fleet: &TestFleet, at: &str) -> crate::common::Ran {
    fleet.cmd(["audit", "--at", at]).without_keys().run()
}

/// Codes of the errors of an audit in JSON, with the secrets that its exposures are about.
fn told(fleet: &TestFleet, at: &str) -> (Vec<String>, Vec<String>) {
    let report = fleet.cmd(["audit", "--at", at, "--format", "json"]).without_keys().run().json();
    let list = |of: &str, key: &str| {
        let entries = report[of].as_array().unwrap().iter();
        entries.map(|entry| entry[key].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    (list("findings", "code"), list("exposures", "secret"))
}

fn with_bob() -> TestFleet {
    let fleet = TestFleet::sealed();
    let bob = KEYS.bob.public();
    let key = KEYS.bob.public_file();
    fleet.run(["--signing-key", key.to_str().unwrap(), "admin", "add", "bob", "--recipient", &bob]).ok();
    fleet.run(["rekey"]).ok();
    fleet
}

#[test]
fn a_value_is_due_after_its_period_and_told_before() {
    let fleet = TestFleet::sealed();
    fleet.append(
        "policies/access.rhai",
        "\nrotate(\"shared/token\").every(\"90d\").owner(\"alice\").runbook(\"https://wiki.example.org/token\");\n",
    );
    fleet.run(["seal"]).ok();
    audit(&fleet, "2026-12-01").ok();
    audit(&fleet, "2027-02-15").ok().says(&[
        "warning[rotation::soon]: revision 1 of `shared/token` is due on 2027-02-18",
        "`secretctl edit shared/token` as https://wiki.example.org/token says; ask alice",
    ]);
    audit(&fleet, "2027-02-19").with_code(1).says(&[
        "error[rotation::overdue]: revision 1 of `shared/token` is due since 2027-02-18",
        "--> secrets/shared/token.ledger:1",
    ]);
    // A new value begins the period anew; the same bytes once more do not.
    fleet.cmd(["set", "shared/token"]).at("2027-02-19T00:00:00Z").stdin("shared-token-value").run().ok();
    audit(&fleet, "2027-02-19").with_code(1);
    fleet.cmd(["set", "shared/token"]).at("2027-02-19T00:00:00Z").stdin("another-token-value").run().ok();
    audit(&fleet, "2027-02-20").ok();
    fleet.cmd(["rekey"]).at("2027-05-01T00:00:00Z").run().ok();
    audit(&fleet, "2027-05-21").with_code(1).says(&["due since 2027-05-20"]);
}

#[test]
fn what_an_admin_knew_stays_an_error_until_each_value_is_new() {
    let fleet = with_bob();
    audit(&fleet, "2026-11-20").ok();
    fleet.run(["admin", "remove", "bob"]).ok().says(&[
        "admin `bob` knows 3 values that are in use: forge/sonarr/api-key, luna/restic/password, shared/token",
        "`secretctl rotate --exposed` replaces them; `secretctl audit` fails until that is done",
    ]);
    fleet.run(["rekey"]).ok();
    fleet.run(["seal"]).ok();
    // Everything is encrypted to the right people now, and the values are known all the same.
    fleet.run(["check"]).ok();
    audit(&fleet, "2026-11-20").with_code(1).says(&[
        "error[exposure::admin]: admin `bob` knows revision 1 of `shared/token`, which is in use: they have left",
        "help: give it a new value: `secretctl edit shared/token`",
    ]);
    assert_eq!(
        told(&fleet, "2026-11-20").1,
        ["forge/sonarr/api-key", "luna/restic/password", "shared/token"]
    );
    fleet.set("shared/token", "a new value that bob never saw").ok();
    assert_eq!(told(&fleet, "2026-11-20").1, ["forge/sonarr/api-key", "luna/restic/password"]);
    fleet.set("forge/sonarr/api-key", "a second value that bob never saw").ok();
    fleet.set("luna/restic/password", "a third value that bob never saw").ok();
    audit(&fleet, "2026-11-20").ok();
}

#[test]
fn the_same_value_once_more_is_no_way_out_of_an_exposure() {
    let fleet = with_bob();
    fleet.run(["admin", "remove", "bob"]).ok();
    fleet.run(["rekey"]).ok();
    fleet.set("shared/token", "shared-token-value").ok();
    assert!(told(&fleet, "2026-11-20").1.contains(&"shared/token".to_owned()));
    // Without an identity nobody can look, and the audit says so.
    fleet.cmd(["set", "shared/token"]).identity("/dev/null").stdin("shared-token-value").run().ok();
    audit(&fleet, "2026-11-20")
        .says(&["note[rotation::unproven]: nobody looked whether revision 2 of `shared/token`"]);
}

#[test]
fn a_host_that_lost_a_secret_or_left_is_an_exposure() {
    let fleet = TestFleet::sealed();
    fleet.write(
        "policies/access.rhai",
        "allow(\"{host}/{service}/**\");\nallow(\"shared/**\").hosts(\"lu*\");\n",
    );
    fleet.run(["seal"]).ok();
    audit(&fleet, "2026-11-20").with_code(1).says(&[
        "error[exposure::host]: host `forge` knows revision 1 of `shared/token`, which is in use: policy does not grant it any more",
    ]);
    fleet.run(["host", "remove", "luna"]).ok().says(&[
        "removed host luna; run `secretctl seal`",
        "host `luna` knows 2 values that are in use: luna/restic/password, shared/token",
    ]);
    fleet.run(["seal"]).ok();
    let (_, secrets) = told(&fleet, "2026-11-20");
    assert_eq!(secrets, ["luna/restic/password", "shared/token", "shared/token"]);
}

/// `forge` is called `anvil` from now on.
fn renamed(fleet: &TestFleet) {
    fleet.replace("secretctl.toml", "[hosts.forge]", "[hosts.anvil]");
}

#[test]
fn a_host_that_was_renamed_is_no_exposure_of_what_it_may_still_read() {
    let fleet = TestFleet::sealed().in_git();
    renamed(&fleet);
    let secrets = || told(&fleet, "2026-11-20").1;
    // Its own folder is not open to the new name, so what it knows of that is an exposure.
    assert_eq!(secrets(), ["forge/sonarr/api-key"]);
    let ran = fleet.run(["seal"]).ok();
    let ran = ran.says(&["note: host `anvil` has the keys of `forge`, so it was renamed"]);
    let ran = ran.says(&["note: forge knew the value of `forge/sonarr/api-key`; give it a new one"]);
    assert!(!ran.stderr().contains("forge knew the value of `shared/token`"), "{ran}");
    assert_eq!(secrets(), ["forge/sonarr/api-key"]);
    fleet.commit("renamed");
    assert_eq!(secrets(), ["forge/sonarr/api-key"]);
    audit(&fleet, "2026-11-20").says(&["note[exposure::renamed]: host `anvil` has the keys of `forge`"]);
}

#[test]
fn a_host_with_another_key_is_no_other_name_of_one_that_is_gone() {
    let fleet = TestFleet::sealed().in_git();
    renamed(&fleet);
    fleet.replace("secretctl.toml", &KEYS.forge.public(), &KEYS.nova.public());
    fleet.run(["seal"]).ok().says(&["forge knew the value of `shared/token`"]);
    fleet.commit("replaced");
    assert_eq!(told(&fleet, "2026-11-20").1, ["forge/sonarr/api-key", "shared/token"]);
}

#[test]
fn a_machine_that_shared_its_key_with_another_is_not_renamed_when_it_leaves() {
    let fleet = TestFleet::sealed();
    let both = format!("[hosts.anvil]\nrecipients = [\"{}\"]\n", KEYS.forge.public());
    fleet.append("secretctl.toml", &both);
    fleet.run(["seal"]).ok();
    let fleet = fleet.in_git();
    fleet.run(["host", "remove", "forge"]).ok();
    let ran = fleet.run(["seal"]).ok();
    let ran = ran.says(&["forge knew the value of `shared/token`"]);
    assert!(!ran.stderr().contains("renamed"), "{ran}");
    fleet.commit("left");
    assert_eq!(told(&fleet, "2026-11-20").1, ["forge/sonarr/api-key", "shared/token"]);
}

#[test]
fn without_a_history_that_shows_its_keys_a_host_that_is_gone_stays_an_exposure() {
    let fleet = TestFleet::sealed();
    renamed(&fleet);
    fleet.run(["seal"]).ok();
    assert_eq!(told(&fleet, "2026-11-20").1, ["forge/sonarr/api-key", "shared/token"]);
}

#[test]
fn a_host_that_is_switched_off_knows_what_it_may_know() {
    let fleet = TestFleet::sealed();
    fleet.run(["host", "set", "luna", "--state", "dormant"]).ok();
    fleet.run(["seal"]).ok();
    assert_eq!(told(&fleet, "2026-11-20").1, [""; 0]);
    fleet.run(["host", "set", "luna", "--state", "revoked"]).ok().says(&["host `luna` knows 2 values"]);
    assert_eq!(told(&fleet, "2026-11-20").1, ["luna/restic/password", "shared/token"]);
}

#[test]
fn a_key_in_other_hands_exposes_what_the_host_could_read_until_then() {
    let fleet = TestFleet::sealed();
    let key = KEYS.nova.public();
    fleet.run(["host", "set", "luna", "--recipient", &key]).ok().says(&["--compromised"]);
    fleet.run(["seal"]).ok();
    audit(&fleet, "2026-11-20").ok();
    let at = "2026-11-20T12:00:00Z";
    fleet
        .cmd(["host", "set", "luna", "--compromised"])
        .at(at)
        .run()
        .ok()
        .says(&["host `luna` knows 2 values"]);
    assert_eq!(told(&fleet, at).1, ["luna/restic/password", "shared/token"]);
    // A value from after that was never known to anybody else.
    for name in ["luna/restic/password", "shared/token"] {
        fleet.cmd(["set", name]).at("2026-11-20T13:00:00Z").stdin("made after that").run().ok();
    }
    audit(&fleet, "2026-11-21").ok();
}

#[test]
fn a_grant_that_ended_is_an_exposure_from_that_moment() {
    let fleet = TestFleet::sealed();
    fleet.write(
        "policies/access.rhai",
        "allow(\"{host}/{service}/**\");\nallow(\"shared/**\").until(\"2027-01-31\");\n",
    );
    fleet.run(["seal"]).ok();
    audit(&fleet, "2027-01-30").ok();
    let (codes, secrets) = told(&fleet, "2027-02-01");
    assert_eq!(secrets, ["shared/token", "shared/token"]);
    assert!(codes.contains(&"exposure::host".to_owned()));
}

#[test]
fn a_key_that_an_admin_retired_exposes_nothing_until_they_leave() {
    let fleet = with_bob();
    let (old, new) = (KEYS.bob.public(), KEYS.carol.public());
    fleet.replace(
        "secretctl.toml",
        &format!("[admins.bob]\nrecipients = [\"{old}\"]"),
        &format!("[admins.bob]\nrecipients = [\"{new}\"]"),
    );
    fleet.vouch();
    fleet.run(["rekey"]).ok();
    let (codes, _) = told(&fleet, "2026-11-20");
    assert_eq!(codes.iter().filter(|code| *code == "exposure::key").count(), 3, "{codes:?}");
    fleet.replace(
        "secretctl.toml",
        "[admins.bob]\n",
        &format!("[admins.bob]\nretired-recipients = [\"{old}\"]\n"),
    );
    audit(&fleet, "2026-11-20").ok();
    fleet.run(["admin", "remove", "bob"]).ok();
    fleet.run(["rekey"]).ok();
    let (codes, secrets) = told(&fleet, "2026-11-20");
    assert_eq!(secrets.len(), 3);
    assert!(codes.contains(&"exposure::admin".to_owned()));
}

#[test]
fn a_weak_value_and_one_that_ends_are_told_without_a_word_of_the_value() {
    let fleet = TestFleet::sealed();
    fleet.set("shared/token", "hunter2").ok();
    audit(&fleet, "2026-11-20").ok().says(&["warning[value::weak]: the value of `shared/token`"]);
    // A token that ends on 2027-01-31, as RFC 7519 writes it; nobody checks its signature.
    fleet.set("shared/token", "eyJhbGciOiJub25lIn0.eyJleHAiOjE4MDEzNTM2MDB9.x").ok();
    audit(&fleet, "2026-11-20").ok();
    audit(&fleet, "2027-01-15").ok().says(&["warning[value::expires_soon]", "2027-01-31"]);
    audit(&fleet, "2027-02-01").with_code(1).says(&["error[value::expired]"]);
    assert_eq!(fleet.leaks(&["hunter2", "eyJleHAi"]), [""; 0]);
}

#[test]
fn the_same_value_twice_is_found_where_an_identity_is_at_hand() {
    let fleet = TestFleet::sealed();
    fleet.set("forge/sonarr/api-key", "shared-token-value").ok();
    fleet.run(["audit"]).ok();
    fleet
        .run(["audit", "--duplicates"])
        .ok()
        .says(&["warning[value::duplicate]: `forge/sonarr/api-key`, `shared/token` have the same value"]);
    fleet.cmd(["audit", "--duplicates"]).without_keys().run().with_code(4);
}

#[test]
fn an_old_key_could_open_what_git_remembers() {
    let fleet = with_bob();
    fleet.run(["admin", "remove", "bob"]).ok();
    fleet.run(["rekey"]).ok();
    fleet.set("shared/token", "a new value that bob never saw").ok();
    fleet.run(["rm", "forge/sonarr/api-key"]).ok();
    let ran = fleet.cmd(["audit", "--history", &KEYS.bob.public()]).without_keys().run().with_code(1);
    assert!(
        ran.stdout().contains("admin `bob` could open 3 secrets, and 1 of the values are in use"),
        "{ran}"
    );
    let ran = fleet.cmd(["audit", "--history", "luna", "--format", "json"]).without_keys().run();
    let report = ran.json();
    let secrets: Vec<&str> =
        report["secrets"].as_array().unwrap().iter().map(|old| old["secret"].as_str().unwrap()).collect();
    assert_eq!(secrets, ["luna/restic/password", "shared/token"]);
}

#[test]
fn drift_and_tampering_are_in_the_audit_with_their_exit_codes() {
    let fleet = TestFleet::sealed();
    fleet.append("policies/access.rhai", "\ndeny(\"shared/**\").hosts(\"forge\");\n");
    audit(&fleet, "2026-11-20").with_code(1).says(&["error[sealed::drift]"]);
    fleet.flip("sealed/luna/files/shared/token.age");
    audit(&fleet, "2026-11-20").with_code(3).says(&["error[sealed::tampered]"]);
}
