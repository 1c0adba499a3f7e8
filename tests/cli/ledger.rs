//! Promise 7: the signed life of a secret. Every way to rewrite it is found.

use crate::common::KEYS;
use crate::common::TestFleet;
use crate::common::attack;

const LEDGER: &str = "secrets/shared/token.ledger";

/// Three lines, each of another time.
fn fleet() -> TestFleet {
    let fleet = TestFleet::sealed();
    fleet.cmd(["set", "shared/token"]).stdin("second").at("2026-12-01T00:00:00Z").run().ok();
    fleet.cmd(["set", "shared/token"]).stdin("third").at("2026-12-02T00:00:00Z").run().ok();
    assert_eq!(fleet.text(LEDGER).lines().count(), 3);
    fleet
}

/// Nothing is built upon the ledger as it is now.
fn refused(fleet: &TestFleet, code: &str, parts: &[&str]) {
    let head = format!("error[{code}]");
    for args in [
        vec!["check"],
        vec!["show", "shared/token"],
        vec!["log", "shared/token"],
        vec!["set", "shared/token"],
        vec!["edit", "shared/token"],
        vec!["rm", "shared/token"],
        vec!["mv", "shared/token", "shared/b"],
        vec!["seal"],
        vec!["rekey"],
    ] {
        let ran = fleet.refuses(args, 3).says(&[&head, LEDGER, "help: "]).says(parts);
        assert_eq!(ran.stdout().matches("third").count(), 0);
    }
}

fn lines(fleet: &TestFleet) -> Vec<String> {
    fleet.text(LEDGER).lines().map(|line| format!("{line}\n")).collect()
}

#[test]
fn a_dropped_first_or_middle_line_is_found() {
    let fleet = fleet();
    let all = lines(&fleet);
    fleet.write(LEDGER, [&all[0], &all[2]].map(String::as_str).concat());
    refused(&fleet, "ledger::chain", &["line 2"]);
    fleet.write(LEDGER, all[1..].concat());
    refused(&fleet, "ledger::chain", &["earlier lines are missing"]);
}

#[test]
fn a_dropped_last_line_no_longer_vouches_for_the_source() {
    let fleet = fleet();
    fleet.write(LEDGER, lines(&fleet)[..2].concat());
    fleet.refuses(["show", "shared/token"], 3).says(&["store::source_changed"]);
    fleet.refuses(["check"], 3);
}

#[test]
fn lines_in_another_order_are_found() {
    let fleet = fleet();
    let all = lines(&fleet);
    fleet.write(LEDGER, [&all[0], &all[2], &all[1]].map(String::as_str).concat());
    refused(&fleet, "ledger::chain", &[]);
}

#[test]
fn a_line_that_is_there_twice_is_found() {
    let fleet = fleet();
    let last = lines(&fleet).pop().unwrap();
    fleet.append(LEDGER, &last);
    refused(&fleet, "ledger::chain", &["line 4"]);
}

#[test]
fn a_line_that_is_cut_off_is_found() {
    let fleet = fleet();
    let text = fleet.text(LEDGER);
    fleet.write(LEDGER, &text[..text.len() - 40]);
    refused(&fleet, "ledger::malformed", &["line 3", "cut off"]);
    fleet.write(LEDGER, text.trim_end());
    refused(&fleet, "ledger::malformed", &["line 3", "cut off"]);
}

#[test]
fn a_line_that_was_edited_is_found() {
    let fleet = fleet();
    fleet.replace(LEDGER, "2026-12-01T00:00:00Z", "2026-12-01T00:00:01Z");
    refused(&fleet, "ledger::signature", &["line 2"]);
}

#[test]
fn a_line_of_an_unknown_key_is_found_and_the_key_named() {
    let fleet = fleet();
    fleet.forge_line("shared/token", &KEYS.eve, |line| line["event"] = "rekeyed".into());
    refused(&fleet, "ledger::signature", &["line 4", "SHA256:"]);
}

#[test]
fn a_line_that_claims_another_author_is_found() {
    let fleet = TestFleet::sealed();
    let bob = KEYS.bob.public();
    fleet.run(["admin", "add", "bob", "--recipient", &bob, "--signing-key", &bob]).ok();
    fleet.forge_line("shared/token", &KEYS.bob, |line| line["event"] = "rekeyed".into());
    refused(&fleet, "ledger::author", &["says `alice`, but the key is that of `bob`"]);
}

#[test]
fn a_line_signed_for_another_purpose_is_found() {
    let fleet = fleet();
    let all = lines(&fleet);
    let signed = attack::signed_part(all[2].trim_end());
    let armored = attack::signature(&KEYS.alice, "secretctl-manifest", signed.as_bytes());
    let base64: String = armored.lines().filter(|line| !line.starts_with("-----")).collect();
    let line = format!("{},\"sig\":\"{base64}\"}}\n", signed.strip_suffix('}').unwrap());
    fleet.write(LEDGER, [all[0].as_str(), &all[1], &line].concat());
    refused(&fleet, "ledger::signature", &["line 3"]);
}

#[test]
fn a_line_that_does_not_follow_is_found_even_if_an_admin_signed_it() {
    type Change = fn(&mut serde_json::Value);
    let changes: [(&str, Change); 5] = [
        ("two revisions with one number", |line| {
            line["event"] = "rotated".into();
            line["revision"] = 3.into();
        }),
        ("revision", |line| line["revision"] = 1.into()),
        ("previous", |line| line["previous"] = serde_json::Value::String("0".repeat(64))),
        ("created", |line| line["event"] = "created".into()),
        ("another secret", |line| line["secret"] = "forge/sonarr/api-key".into()),
    ];
    for (what, change) in changes {
        let fleet = fleet();
        fleet.forge_line("shared/token", &KEYS.alice, change);
        let ran = fleet.refuses(["check"], 3);
        assert!(ran.stderr().contains("error[ledger::chain]"), "{what}:\n{ran}");
        fleet.refuses(["show", "shared/token"], 3);
    }
}

#[test]
fn a_line_of_a_newer_version_or_with_more_in_it_is_refused_with_help() {
    let fleet = fleet();
    fleet.forge_line("shared/token", &KEYS.alice, |line| line["version"] = 3.into());
    refused(&fleet, "ledger::version", &["line 4", "update secretctl"]);
    let fleet = self::fleet();
    fleet.forge_line("shared/token", &KEYS.alice, |line| line["more"] = 1.into());
    refused(&fleet, "ledger::malformed", &["line 4"]);
}

#[test]
fn a_line_that_a_removed_admin_signed_afterwards_is_found_also_when_it_is_backdated() {
    for time in ["2026-12-24T00:00:00Z", "2026-11-20T10:00:00Z"] {
        let fleet = TestFleet::sealed();
        let bob = KEYS.bob.public();
        fleet.run(["admin", "add", "bob", "--recipient", &bob, "--signing-key", &bob]).ok();
        fleet.cmd(["rekey"]).at("2026-12-01T00:00:00Z").run().ok();
        fleet.cmd(["admin", "remove", "bob"]).at("2026-12-10T00:00:00Z").run().ok();
        fleet.cmd(["rekey"]).at("2026-12-11T00:00:00Z").run().ok();
        fleet.cmd(["check"]).at("2026-12-12T00:00:00Z").run().ok();
        // Bob can still push: his own value, encrypted to the admins, and a line of his that vouches for it.
        let planted =
            attack::encrypted("age", &[KEYS.alice.public(), KEYS.recovery.public()], b"value of bob");
        let digest = attack::sha256(&planted);
        fleet.write("secrets/shared/token.age", planted);
        fleet.forge_line("shared/token", &KEYS.bob, |line| {
            line["event"] = "edited".into();
            line["revision"] = 2.into();
            line["author"] = "bob".into();
            line["time"] = time.into();
            line["source_sha256"] = digest.into();
        });
        let ran = fleet.run(["check"]);
        assert_eq!(ran.code(), 3, "a line of {time} was believed:\n{ran}");
        let ran = fleet.run(["show", "shared/token"]);
        assert_eq!((ran.code(), ran.stdout()), (3, String::new()), "{ran}");
    }
}

#[test]
fn one_broken_ledger_does_not_hide_the_others() {
    let fleet = fleet();
    fleet.replace(LEDGER, "2026-12-01T00:00:00Z", "2026-12-01T00:00:01Z");
    assert_eq!(fleet.show("forge/sonarr/api-key"), "forge-sonarr-value");
    fleet.set("forge/sonarr/api-key", "still works").ok();
    let list = fleet.run(["list", "--format", "json"]).ok().json();
    assert_eq!(list["secrets"][2]["problem"], "ledger::signature");
    assert_eq!(list["secrets"][0]["problem"], serde_json::Value::Null);
}
