//! `denied.json`: what an evaluation can say about a denial without running the policy.

use serde_json::json;

use crate::common::KEYS;
use crate::common::TestFleet;

const POLICY: &str = "\
allow(\"prod/**\");
deny(\"prod/**\").hosts(\"luna\").because(\"lab machines are shared\");
allow(\"ci/key\").hosts(\"luna\").until(\"2026-12-31\");
allow(\"quiet\").hosts(\"forge\");
";

/// Two hosts, one of which policy denies something.
fn fleet() -> TestFleet {
    let fleet = TestFleet::new().host("forge", &KEYS.forge).host("luna", &KEYS.luna).policy(POLICY);
    for name in ["prod/db", "ci/key", "quiet"] {
        fleet.set(name, "value").ok();
    }
    fleet.run(["seal"]).ok();
    fleet.assert_clean();
    fleet
}

fn denied(fleet: &TestFleet, host: &str) -> serde_json::Value {
    let text = fleet.text(&format!("sealed/{host}/denied.json"));
    let whole: serde_json::Value = serde_json::from_str(&text).unwrap();
    assert_eq!((&whole["version"], &whole["host"]), (&json!(1), &json!(host)));
    whole["denied"].clone()
}

#[test]
fn a_denial_is_recorded_with_its_rule_and_silence_is_not() {
    let fleet = fleet();
    let db = json!({
        "secret": "prod/db", "reason": "denied", "rule": "policies/access.rhai:2:1",
        "because": "lab machines are shared", "services": null, "detail": null,
    });
    assert_eq!(denied(&fleet, "luna"), json!([db]));
    // `quiet` is denied to luna by silence alone, and nothing is denied to forge.
    assert!(!fleet.exists("sealed/forge/denied.json"));
    assert_eq!(fleet.text("sealed/luna/denied.json").lines().count(), 3);
}

#[test]
fn a_new_secret_that_is_denied_is_recorded_at_once() {
    let fleet = fleet();
    let before = fleet.tree();
    fleet.set("prod/api", "value").ok();
    fleet.assert_clean();
    assert_eq!(denied(&fleet, "luna").as_array().unwrap().len(), 2);
    assert_eq!(
        fleet.tree().changed_since(&before),
        [
            "sealed/forge/files/prod/api.age",
            "sealed/forge/manifest.json",
            "sealed/forge/manifest.json.sig",
            "sealed/luna/denied.json",
            "secrets/prod/api.age",
            "secrets/prod/api.ledger",
        ]
    );
    fleet.run(["mv", "prod/api", "other"]).ok();
    fleet.assert_clean();
    fleet.run(["mv", "other", "prod/web"]).ok();
    fleet.assert_clean();
    fleet.run(["rm", "prod/web"]).ok();
    fleet.assert_clean();
    fleet.run(["rm", "prod/db"]).ok();
    fleet.assert_clean();
    assert!(!fleet.exists("sealed/luna/denied.json"));
}

#[test]
fn a_secret_that_nobody_may_read_is_recorded_without_a_seal() {
    let fleet = fleet();
    fleet.append("policies/access.rhai", "allow(\"gone\");\ndeny(\"gone\").because(\"not any more\");\n");
    fleet.set("gone", "value").ok();
    fleet.assert_clean();
    assert_eq!(denied(&fleet, "forge")[0]["because"], "not any more");
    fleet.run(["rm", "gone"]).ok();
    fleet.assert_clean();
    assert!(!fleet.exists("sealed/forge/denied.json"));
}

#[test]
fn the_first_tree_of_a_host_comes_with_every_denial() {
    let fleet = fleet().host("nova", &KEYS.nova);
    fleet.append(
        "policies/access.rhai",
        "deny(\"prod/db\").hosts(\"nova\");\nallow(\"own\").hosts(\"nova\");\n",
    );
    fleet.set("own", "value").ok();
    assert_eq!(denied(&fleet, "nova")[0]["secret"], "prod/db");
    fleet.assert_clean();
}

#[test]
fn other_reasons_are_drift_that_a_seal_mends_without_a_key_or_a_new_serial() {
    let fleet = fleet();
    let serial = fleet.manifest("luna")["serial"].clone();
    fleet.replace("policies/access.rhai", "lab machines are shared", "it is a lab machine");
    let finding = ["sealed::reasons", "`sealed/luna/denied.json`", "run `secretctl seal`"];
    fleet.run(["check"]).with_code(1).says(&finding);
    fleet.run(["check", "--host", "forge"]).ok();
    let differs = ["host `luna` has a `denied.json` that does not say what policy denies now"];
    fleet.run(["seal", "--check"]).with_code(1).prints(&differs);
    let before = fleet.tree();
    fleet.cmd(["seal"]).without_keys().run().ok().says(&["noted what policy denies 1 host"]);
    assert_eq!(fleet.tree().changed_since(&before), ["sealed/luna/denied.json"]);
    assert_eq!(fleet.manifest("luna")["serial"], serial);
    assert_eq!(denied(&fleet, "luna")[0]["because"], "it is a lab machine");
    fleet.assert_clean();
}

#[test]
fn a_file_that_was_lost_or_damaged_is_made_again() {
    let fleet = fleet();
    let right = fleet.text("sealed/luna/denied.json");
    for wrong in ["", "{}", "not json", "{\"version\":9,\"host\":\"luna\",\"denied\":[]}"] {
        fleet.write("sealed/luna/denied.json", wrong);
        fleet.run(["check"]).with_code(1).says(&["sealed::reasons"]);
        // One secret alone can't be brought up to date in it, so all of it is made again.
        fleet.set("quiet", &format!("another {wrong}")).ok();
        assert_eq!(fleet.text("sealed/luna/denied.json"), right);
    }
    fleet.remove("sealed/luna/denied.json");
    fleet.run(["seal"]).ok();
    assert_eq!(fleet.text("sealed/luna/denied.json"), right);
    // One that has nothing to say goes.
    fleet.write("sealed/forge/denied.json", "{}");
    fleet.run(["seal"]).ok();
    assert!(!fleet.exists("sealed/forge/denied.json"));
    fleet.assert_clean();
}

#[test]
fn a_grant_that_has_ended_says_when() {
    let fleet = fleet();
    assert_eq!(fleet.granted("luna"), ["ci/key"]);
    let late = "2027-01-01T00:00:00Z";
    let said = fleet.cmd(["check"]).at(late).run().with_code(1).stderr();
    assert!(
        said.contains("sealed::drift") && !said.contains("sealed::reasons"),
        "one finding is enough:\n{said}"
    );
    fleet.cmd(["seal"]).at(late).run().ok();
    assert_eq!(fleet.granted("luna"), [""; 0]);
    let ended = &denied(&fleet, "luna")[0];
    assert_eq!((&ended["secret"], &ended["reason"]), (&json!("ci/key"), &json!("ended")));
    assert_eq!(ended["detail"], "it ended at 2026-12-31T23:59:59Z");
}
