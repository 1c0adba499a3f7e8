//! Promise 11, and whose word counts: the fleet's id, its roots, and fleets that move over to both.

use std::fs;

use crate::common::KEYS;
use crate::common::TestFleet;
use crate::common::attack::signed_line_for;
use crate::common::attack::signed_part;

const ROOTS: &str = "sealed/roots.jsonl";

/// The id in `secretctl.toml`.
fn id(fleet: &TestFleet) -> String {
    let text = fleet.text("secretctl.toml");
    let line = text.lines().find(|line| line.starts_with("fleet = ")).unwrap_or_default();
    line.trim_start_matches("fleet = ").trim_matches('"').to_owned()
}

fn copy(from: &TestFleet, to: &TestFleet, path: &str) {
    fs::copy(from.path(path), to.path(path)).unwrap();
}

/// The last version of the roots, changed by hand and signed by a key of the attacker's choice.
fn forge_root(fleet: &TestFleet, key: &crate::common::KeyPair, change: impl FnOnce(&mut serde_json::Value)) {
    let text = fleet.text(ROOTS);
    let last = text.lines().last().unwrap();
    let mut root: serde_json::Value = serde_json::from_str(&signed_part(last)).unwrap();
    root["number"] = (root["number"].as_u64().unwrap() + 1).into();
    root["previous"] = crate::common::attack::sha256(last.as_bytes()).into();
    change(&mut root);
    fleet.append(ROOTS, &signed_line_for(key, "secretctl-roots", &root.to_string()));
}

/// `[admins.eve]`, written by hand.
fn eve_by_hand(fleet: &TestFleet) {
    let eve = KEYS.eve.public();
    let admin = format!("\n[admins.eve]\nrecipients = [\"{eve}\"]\nsigning-keys = [\"{eve}\"]\n");
    fleet.append("secretctl.toml", &admin);
}

#[test]
fn everything_that_is_signed_names_the_fleet() {
    let fleet = TestFleet::sealed();
    let id = id(&fleet);
    assert_eq!(id.len(), 32);
    assert_ne!(id, self::id(&TestFleet::new()), "two fleets have one id");
    assert_eq!(fleet.manifest("forge")["fleet"], id.as_str());
    for line in fleet.text("secrets/shared/token.ledger").lines() {
        assert!(line.starts_with(&format!("{{\"version\":2,\"fleet\":\"{id}\",")), "{line}");
    }
    assert!(fleet.text(ROOTS).lines().all(|line| line.contains(&id)));
}

#[test]
fn a_source_with_its_ledger_of_another_fleet_of_the_same_admin_is_refused() {
    let (fleet, other) = (TestFleet::sealed(), TestFleet::sealed());
    for path in ["secrets/shared/token.age", "secrets/shared/token.ledger"] {
        copy(&other, &fleet, path);
    }
    fleet.refuses(["show", "shared/token"], 3).says(&["ledger::other_fleet", &id(&other)]);
    fleet.refuses(["check"], 3).says(&["ledger::other_fleet", "secrets/shared/token.ledger"]);
    fleet.refuses(["seal"], 3);
}

#[test]
fn a_ledger_of_the_old_version_is_refused_in_a_fleet_with_an_id() {
    let (fleet, old) = (TestFleet::sealed(), TestFleet::without_id());
    for path in ["secrets/shared/token.age", "secrets/shared/token.ledger"] {
        copy(&old, &fleet, path);
    }
    fleet.refuses(["show", "shared/token"], 3).says(&["ledger::unbound", "secretctl upgrade fleet"]);
    fleet.refuses(["check"], 3).says(&["ledger::unbound"]);
}

#[test]
fn a_sealed_tree_of_another_fleet_of_the_same_admin_is_refused() {
    let (fleet, other) = (TestFleet::sealed(), TestFleet::sealed());
    for path in ["manifest.json", "manifest.json.sig", "host-key.age", "files/shared/token.age"] {
        copy(&other, &fleet, &format!("sealed/forge/{path}"));
    }
    fleet.refuses(["check"], 3).says(&["sealed::tampered", "for another fleet"]);
}

#[test]
fn an_admin_for_whom_nobody_vouched_reads_and_signs_nothing() {
    let fleet = TestFleet::sealed();
    eve_by_hand(&fleet);
    fleet.refuses(["check"], 1).says(&["roots::differ", "admin `eve` is new", "secretctl admin vouch"]);
    for args in [vec!["set", "shared/token"], vec!["seal"], vec!["rekey"], vec!["host", "add", "x"]] {
        fleet.refuses(args, 1).says(&["roots::differ"]);
    }
    let by_eve = fleet.cmd(["admin", "vouch", "--yes"]).by(&KEYS.eve);
    fleet.refuses_cmd(by_eve, 4).says(&["signer::not_admin"]);
    fleet.refuses(["admin", "vouch"], 2).says(&["admin `eve` is new", "admin::unconfirmed"]);

    fleet
        .run(["admin", "vouch", "--yes"])
        .ok()
        .says(&["version 3", "bring them in line and deploy: forge, luna"]);
    fleet.run(["rekey"]).ok();
    fleet.assert_clean();
}

#[test]
fn roots_that_no_full_admin_vouched_for_stop_every_command() {
    let fleet = TestFleet::sealed();
    eve_by_hand(&fleet);
    let before = fleet.read(ROOTS);
    let add_eve = |root: &mut serde_json::Value| {
        let mut eve = root["people"]["admins"]["alice"].clone();
        eve["signing_keys"] = serde_json::json!([KEYS.eve.public()]);
        eve["recipients"] = serde_json::json!([KEYS.eve.public()]);
        root["people"]["admins"]["eve"] = eve;
    };
    forge_root(&fleet, &KEYS.eve, add_eve);
    for args in [vec!["check"], vec!["set", "shared/token"], vec!["show", "shared/token"]] {
        fleet.refuses(args, 3).says(&["roots::not_vouched"]);
    }
    fleet.write(ROOTS, before);
    forge_root(&fleet, &KEYS.alice, add_eve);
    fleet.run(["rekey"]).ok();
    fleet.assert_clean();
}

#[test]
fn a_fleet_cannot_be_taken_back_to_the_time_before_its_id() {
    let fleet = TestFleet::sealed();
    let line = format!("fleet = \"{}\"\n", id(&fleet));
    fleet.replace("secretctl.toml", &line, "");
    fleet.refuses(["check"], 3).says(&["roots::no_fleet", line.trim_end()]);
    fleet.remove(ROOTS);
    fleet.refuses(["check"], 3).says(&["ledger::other_fleet"]);
    fleet.refuses(["show", "shared/token"], 3);
    fleet.replace("secretctl.toml", "version = 1\n", &format!("version = 1\n{line}"));
    fleet.refuses(["check"], 3).says(&["roots::missing", "git checkout HEAD -- sealed/roots.jsonl"]);
}

#[test]
fn a_colleague_seals_as_soon_as_an_admin_vouched_for_them() {
    let fleet = TestFleet::sealed();
    let bob = KEYS.bob.public();
    let ran = fleet.run(["admin", "add", "bob", "--recipient", &bob, "--signing-key", &bob]).ok();
    ran.says(&["version 3 of `sealed/roots.jsonl`", "bring them in line and deploy: forge, luna"]);
    fleet.run(["rekey"]).ok();
    fleet.cmd(["set", "shared/token"]).by(&KEYS.bob).stdin("by bob").run().ok();
    fleet.assert_clean();

    let removed = fleet.run(["admin", "remove", "bob"]);
    removed.says(&["version 4 of `sealed/roots.jsonl`", "bring them in line and deploy: forge, luna"]);
    fleet.refuses_cmd(fleet.cmd(["set", "shared/token"]).by(&KEYS.bob).stdin("again"), 4);
    fleet.run(["check"]).says(&["sealed::drift", "last sealed by an admin who left"]);
}

#[test]
fn a_manifest_at_the_end_of_the_numbers_is_refused_and_forgotten() {
    let fleet = TestFleet::sealed().in_git();
    let now = fleet.manifest("forge")["serial"].as_u64().unwrap();
    let serial = |number: u64| format!("\"serial\":{number},");
    fleet.forge_manifest("forge", &KEYS.alice, &serial(now), &serial(u64::MAX));
    fleet.refuses(["check"], 3).says(&["sealed::tampered", "above the largest that counts"]);

    fleet.forge_manifest("forge", &KEYS.alice, &serial(u64::MAX), &serial(1 << 53));
    fleet.commit("poisoned");
    fleet.refuses(["check"], 3).says(&["manifest::serial_jump", "git log -p -- sealed/forge"]);
    fleet.set("shared/token", "another").with_code(3).says(&["store::serial_end", "sealed/forge"]);

    // Once the key that signed it is nobody's, the numbers go on where they were.
    let bob = KEYS.bob.public();
    fleet.run(["admin", "add", "bob", "--recipient", &bob, "--signing-key", &bob]).ok();
    fleet.run(["rekey"]).ok();
    fleet.cmd(["admin", "remove", "alice"]).by(&KEYS.bob).run();
    fleet.cmd(["rekey"]).by(&KEYS.bob).run().ok();
    fleet.cmd(["seal"]).by(&KEYS.bob).run().ok();
    assert_eq!(fleet.manifest("forge")["serial"], now + 1);
}

#[test]
fn a_fleet_of_version_0_1_moves_over_in_one_change() {
    let fleet = TestFleet::without_id();
    assert!(fleet.text("secrets/shared/token.ledger").starts_with("{\"version\":1,\"event\""));
    fleet.run(["rm", "luna/restic/password"]).ok();
    fleet.refuses(["upgrade", "fleet"], 2).says(&["upgrade::unconfirmed", "--dry-run"]);
    let plan = fleet.refuses(["upgrade", "fleet", "--dry-run"], 0);
    assert_eq!(plan.stdout(), "ledgers: 3\nmanifests: 2\n");
    let before = fleet.text("secrets/shared/token.ledger");

    fleet.run(["upgrade", "fleet", "--yes"]).ok().says(&[&id(&fleet), "deploy every host"]);
    fleet.run(["seal"]).ok();
    fleet.assert_clean();
    assert!(fleet.text("secrets/shared/token.ledger").starts_with(&before), "old lines changed");
    assert_eq!(fleet.show("shared/token"), "shared-token-value");
    fleet.run(["upgrade", "fleet", "--yes"]).ok().says(&["the fleet has its id"]);

    // Lines of the old version count up to the bound one, and no further.
    let path = "secrets/shared/token.ledger";
    let bound = fleet.read(path);
    fleet.forge_line("shared/token", &KEYS.alice, |line| {
        line["version"] = 1.into();
        line.as_object_mut().unwrap().remove("fleet");
    });
    fleet.refuses(["check"], 3).says(&["ledger::unbound"]);
    fleet.write(path, bound);

    fleet.set("luna/restic/password", "made again").ok();
    fleet.set("shared/token", "another").ok();
    fleet.assert_clean();
}

#[test]
fn a_line_that_is_dated_before_the_one_it_follows_is_told() {
    let fleet = TestFleet::sealed();
    fleet.forge_line("shared/token", &KEYS.alice, |line| {
        line["event"] = "rekeyed".into();
        line["time"] = "2026-11-19T10:00:00Z".into();
    });
    fleet.run(["check"]).ok().says(&["warning[ledger::backdated]", "by `alice`, says 2026-11-19T10:00:00Z"]);
}

#[test]
fn what_a_host_lost_is_listed_until_the_value_is_rotated() {
    let fleet = TestFleet::sealed();
    assert_eq!(fleet.manifest("luna")["revoked"], serde_json::json!([]));
    let fleet = fleet.policy("allow(\"{host}/{service}/**\");\nallow(\"shared/**\").hosts(\"forge\");\n");
    fleet.run(["seal"]).ok();
    let revoked = fleet.manifest("luna")["revoked"].clone();
    assert_eq!(
        (&revoked[0]["name"], &revoked[0]["services"]),
        (&"shared/token".into(), &serde_json::json!(["*"]))
    );
    assert_eq!(fleet.manifest("forge")["revoked"], serde_json::json!([]));
    fleet.assert_clean();

    fleet.set("luna/restic/password", "a change of something else").ok();
    assert_eq!(fleet.manifest("luna")["revoked"], revoked, "forgotten by a seal of another secret");
    fleet.set("shared/token", "rotated").ok();
    fleet.run(["seal"]).ok();
    assert_eq!(fleet.manifest("luna")["revoked"], serde_json::json!([]));
    fleet.assert_clean();
}

#[test]
fn what_a_service_lost_is_listed_with_the_service() {
    let fleet = TestFleet::sealed().policy(
        "allow(\"{host}/{service}/**\");\nallow(\"shared/**\").services([\"sonarr\", \"restic\"]);\n",
    );
    fleet.set("shared/token", "for both").ok();
    fleet.run(["seal"]).ok();
    let fleet = fleet.policy("allow(\"{host}/{service}/**\");\nallow(\"shared/**\").services(\"sonarr\");\n");
    fleet.run(["seal"]).ok();
    let revoked = fleet.manifest("luna")["revoked"].clone();
    assert_eq!(revoked[0]["services"], serde_json::json!(["restic"]));
    fleet.assert_clean();
}
