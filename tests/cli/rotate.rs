//! `rotate`: new values for what is due, stale or named, and for everything that is made from them.

use crate::common::TestFleet;
use crate::common::terminal::Terminal;

const RULES: &str = "allow(\"{host}/{service}/**\");\nallow(\"shared/**\");\n";

fn with(more: &str) -> TestFleet {
    let fleet = TestFleet::sealed().policy(&format!("{RULES}{more}\n"));
    fleet.run(["generate"]).ok();
    fleet
}

#[test]
fn what_is_made_from_a_value_follows_it_in_order_after_the_plan() {
    let fleet = TestFleet::sealed().policy(&format!(
        "{RULES}generate(\"shared/password\", password(24));\n\
         generate(\"forge/sonarr/hash\", sha512_crypt(\"shared/password\"));\n\
         generate(\"{{host}}/sonarr/a-line\", command([\"sha256sum\"]).from(\"{{host}}/sonarr/hash\")).except(\"luna/**\");"
    ));
    fleet.run(["generate"]).ok();
    fleet.assert_clean();
    let names = ["shared/password", "forge/sonarr/hash", "forge/sonarr/a-line"];
    let before = names.map(|name| fleet.show(name));
    let planned = fleet.refuses(["rotate", "shared/password", "--dry-run"], 0);
    insta::assert_snapshot!(planned.stdout(), @r#"
    shared/password: asked for; password(24) (policies/access.rhai:3:1)
      then forge/sonarr/hash
      seen by forge: every service
      seen by luna: every service
    forge/sonarr/hash: made from `shared/password`; sha512_crypt("shared/password") (policies/access.rhai:4:1)
      then forge/sonarr/a-line
      seen by forge: sonarr.service
    forge/sonarr/a-line: made from `forge/sonarr/hash`; command(["sha256sum"]).from("forge/sonarr/hash") (policies/access.rhai:5:1)
      seen by forge: sonarr.service
    "#);
    fleet.refuses(["rotate", "shared/password"], 2).says(&["error[rotate::unconfirmed]", "--yes"]);
    fleet.refuses(["rotate"], 2).says(&["error[rotate::which]"]);
    fleet.refuses(["rotate", "no/such", "--yes"], 2).says(&["error[rotate::none]", "`no/such`"]);
    let report = fleet.run(["rotate", "shared/password", "--yes", "--format", "json"]).ok().json();
    assert_eq!(report["done"].as_array().unwrap().len(), 3);
    assert_eq!(report["steps"][1]["why"], "follows");
    for (name, before) in names.iter().zip(&before) {
        assert_ne!(fleet.show(name), *before, "{name}");
        assert!(fleet.text(&format!("secrets/{name}.ledger")).contains("\"event\":\"rotated\""));
    }
    fleet.assert_clean();
    fleet.run(["rotate", "--stale", "--yes"]).ok().says(&["nothing is to be rotated"]);
}

#[test]
fn a_value_whose_input_was_changed_by_hand_is_stale_until_it_is_made_anew() {
    let fleet = with(
        "generate(\"shared/password\", password(24));\ngenerate(\"shared/hash\", sha512_crypt(\"shared/password\"));",
    );
    fleet.set("shared/password", "a password of somebody").ok();
    fleet
        .run(["rotate", "--stale", "--dry-run"])
        .ok()
        .prints(&["shared/hash: stale: `shared/password` has another value now"]);
    // The same bytes under other recipients are the same value.
    fleet.run(["rotate", "--stale", "--yes"]).ok();
    fleet.run(["rekey"]).ok();
    fleet.run(["rotate", "--stale", "--yes"]).ok().says(&["nothing is to be rotated"]);
    fleet.replace("policies/access.rhai", "sha512_crypt(", "yescrypt(");
    fleet
        .run(["rotate", "--stale", "--yes"])
        .ok()
        .says(&["it was made by `sha512_crypt(", "changed shared/hash"]);
    assert!(fleet.show("shared/hash").starts_with("$y$"));
}

#[test]
fn what_is_due_is_rotated_and_the_rest_left_to_a_person() {
    let fleet = with(
        "rotate(\"**\").every(\"90d\").owner(\"alice\").runbook(\"https://wiki.example.org/r\");\n\
         generate(\"shared/made\", password(24));\nvalidate(\"luna/restic/password\", install_once());",
    );
    fleet.run(["rotate", "--due", "--yes"]).ok().says(&["nothing is to be rotated"]);
    let late = "2027-02-18T10:00:00Z";
    let ran = fleet.cmd(["rotate", "--due", "--yes"]).at(late).run().with_code(1);
    ran.says(&[
        "shared/made: due since 2027-02-18T10:00:00Z",
        "changed shared/made (revision 2)",
        "by hand, since no generator makes it: `secretctl edit shared/token`",
        "by hand, since hosts keep the first value that they got (`install_once()`): `secretctl edit luna/restic/password`",
        "owner alice",
        "how https://wiki.example.org/r",
    ]);
    let left = fleet.cmd(["rotate", "--due", "shared/*", "--dry-run", "--format", "json"]).at(late).run();
    let left = left.with_code(1).json();
    assert_eq!(
        (left["steps"].as_array().unwrap().len(), left["by_hand"][0]["command"].as_str()),
        (0, Some("secretctl edit shared/token"))
    );
    // A value that is saved again as it is stays as old as it was, and a clock in the past makes nothing due.
    fleet.cmd(["set", "shared/token"]).at(late).stdin("shared-token-value").run().ok();
    fleet.cmd(["rotate", "--due", "shared/token", "--dry-run"]).at(late).run().with_code(1);
    fleet.cmd(["rotate", "--due", "--dry-run"]).at("2020-01-01T00:00:00Z").run().ok();
}

#[test]
fn a_circle_is_told_by_its_names_and_only_where_it_matters() {
    let fleet = with("");
    for name in ["a", "b", "c"] {
        fleet.set(name, "a value of somebody").ok();
    }
    fleet.append(
        "policies/access.rhai",
        "generate(\"a\", yescrypt(\"b\"));\ngenerate(\"b\", yescrypt(\"c\"));\ngenerate(\"c\", yescrypt(\"a\"));\n\
         generate(\"shared/token\", password(24));\ngenerate(\"d\", yescrypt(\"missing\"));\n",
    );
    fleet
        .refuses(["rotate", "b", "--yes"], 2)
        .says(&["error[generate::circle]", "`a` from `b` from `c` from `a`"]);
    fleet.run(["rotate", "shared/token", "--yes"]).ok();
    fleet.refuses(["generate", "d"], 2).says(&["error[generate::no_input]", "`d` is made from `missing`"]);
}

#[test]
fn a_person_at_a_terminal_is_asked_before_anything_changes_and_for_what_only_they_know() {
    let fleet = with(
        "generate(\"shared/token\", prompt(\"Token of the provider\"));\ngenerate(\"shared/made\", uuid());",
    );
    let before = fleet.show("shared/made");
    fleet.refuses(["rotate", "shared/token", "--yes"], 1).says(&["a person is asked for it"]);
    let terminal = Terminal::run(&fleet, &[], &format!("{} rotate 'shared/*'", crate::common::BIN));
    terminal.shows("make 2 new values? [yes/no]").types("no\n");
    assert_eq!(terminal.code(), 1);
    assert_eq!(fleet.show("shared/made"), before);
    let terminal = Terminal::run(&fleet, &[], &format!("{} rotate 'shared/*'", crate::common::BIN));
    terminal.shows("make 2 new values? [yes/no]").types("yes\n");
    terminal.shows("Token of the provider (shared/token): ").types("typed-by-alice\n");
    terminal.shows("The same again").types("typed-by-alice\n");
    assert_eq!(terminal.code(), 0);
    assert!(!terminal.screen().contains("typed-by-alice"));
    assert_eq!(fleet.show("shared/token"), "typed-by-alice");
    assert_ne!(fleet.show("shared/made"), before);
}

#[test]
fn the_value_before_stays_with_its_readers_until_its_time_is_over() {
    let fleet = with(
        "rotate(\"forge/sonarr/api-key\").keep_previous(\"24h\");\ngenerate(\"forge/sonarr/api-key\", password(24));",
    );
    fleet
        .run(["rotate", "forge/**", "--yes"])
        .ok()
        .says(&["stays as forge/sonarr/api-key.previous until 2026-11-21T10:00:00Z"]);
    assert_eq!(fleet.show("forge/sonarr/api-key.previous"), "forge-sonarr-value");
    fleet.assert_clean();
    let manifest = fleet.manifest("forge");
    let entries = manifest["secrets"].as_array().unwrap();
    let entry = entries.iter().find(|entry| entry["name"] == "forge/sonarr/api-key.previous").unwrap();
    assert_eq!(
        (&entry["not_after"], &entry["services"][0]),
        (&"2026-11-21T10:00:00Z".into(), &"sonarr".into())
    );
    assert!(!fleet.granted("luna").contains(&"forge/sonarr/api-key.previous".to_owned()));
    // By hand as well, and whatever the pattern: what is kept is never rotated itself.
    let second = fleet.show("forge/sonarr/api-key");
    fleet.cmd(["set", "forge/sonarr/api-key"]).at("2026-11-20T20:00:00Z").stdin("by hand").run().ok();
    assert_eq!(fleet.show("forge/sonarr/api-key.previous"), second);
    fleet.cmd(["seal"]).at("2026-11-21T19:00:00Z").run().ok();
    assert!(fleet.granted("forge").contains(&"forge/sonarr/api-key.previous".to_owned()));
    let said = fleet.cmd(["audit"]).at("2026-11-21T20:00:01Z").run();
    assert!(!format!("{said}").contains("exposure::"), "{said}");
    fleet.cmd(["seal"]).at("2026-11-21T20:00:01Z").run().ok();
    assert!(!fleet.granted("forge").contains(&"forge/sonarr/api-key.previous".to_owned()));
    assert!(!fleet.exists("secrets/forge/sonarr/api-key.previous.age"));
    fleet.cmd(["check"]).at("2026-11-21T20:00:01Z").run().ok();
}

#[test]
fn nothing_is_rotated_whose_value_before_could_not_be_kept() {
    let fleet = with("generate(\"shared/token\", password(24));");
    fleet.set("shared/token.previous", "of somebody").ok();
    fleet.append("policies/access.rhai", "rotate(\"shared/token\").keep_previous(\"1d\");\n");
    fleet
        .refuses(["rotate", "shared/token", "--yes"], 2)
        .says(&["error[rotate::companion]", "shared/token.previous"]);
    fleet.run(["mv", "shared/token.previous", "shared/older"]).ok();
    let blind = fleet.cmd(["rotate", "shared/token", "--yes"]).without_env("SECRETCTL_IDENTITY");
    fleet.refuses_cmd(blind, 4).says(&["identity::none"]);
    fleet.run(["rotate", "shared/token", "--yes"]).ok();
    assert_eq!(fleet.show("shared/token.previous"), "shared-token-value");
}

#[test]
fn a_public_half_is_known_before_its_private_half_is_used() {
    let fleet = with(
        "rotate(\"{host}/sonarr/wg\").every(\"30d\").announce(\"2d\");\ngenerate(\"{host}/sonarr/wg\", wireguard_key());\nallow(\"**\").hosts(\"luna\");",
    );
    fleet.run(["seal"]).ok();
    let (key, public) = (fleet.show("forge/sonarr/wg"), fleet.text("public/forge/sonarr/wg.pub"));
    let day = |day: u32| format!("2026-12-{day:02}T10:00:00Z");
    let due = |at: &str| fleet.cmd(["rotate", "--due", "forge/**", "--yes"]).at(at).run().ok();
    due(&day(20)).says(&["announced forge/sonarr/wg.next", "from 2026-12-22T10:00:00Z on"]);
    assert_eq!(
        (fleet.show("forge/sonarr/wg"), fleet.text("public/forge/sonarr/wg.pub")),
        (key.clone(), public)
    );
    let next = fleet.text("public/forge/sonarr/wg.next.pub");
    fleet.cmd(["check"]).at(&day(20)).run().ok();
    // No host gets the key before, whatever the rules say.
    for host in ["forge", "luna"] {
        assert!(!fleet.granted(host).iter().any(|name| name.contains("wg.next")), "{host}");
    }
    due(&day(21)).says(&["announced, and used by a `rotate` from 2026-12-22T10:00:00Z on"]);
    assert_eq!(fleet.show("forge/sonarr/wg"), key);
    due(&day(22))
        .says(&["with the value that was announced as forge/sonarr/wg.next", "changed forge/sonarr/wg"]);
    assert_ne!(fleet.show("forge/sonarr/wg"), key);
    assert_eq!(fleet.text("public/forge/sonarr/wg.pub"), next);
    assert!(!fleet.exists("public/forge/sonarr/wg.next.pub"));
    assert!(!fleet.exists("secrets/forge/sonarr/wg.next.age"));
    fleet.cmd(["check"]).at(&day(22)).run().ok();
    due(&day(23)).says(&["nothing is to be rotated"]);
    fleet.cmd(["rotate", "forge/sonarr/wg", "--at-once", "--yes"]).at(&day(23)).run().ok().says(&["changed"]);
    assert_ne!(fleet.text("public/forge/sonarr/wg.pub"), next);
    // Whoever knows a key may know the one that was announced as well: both are given up.
    fleet.cmd(["rotate", "forge/sonarr/wg", "--yes"]).at(&day(24)).run().ok().says(&["announced"]);
    let announced = fleet.text("public/forge/sonarr/wg.next.pub");
    fleet.cmd(["rotate", "forge/sonarr/wg", "--at-once", "--yes"]).at(&day(24)).run().ok();
    assert_ne!(fleet.text("public/forge/sonarr/wg.pub"), announced);
    assert!(!fleet.exists("public/forge/sonarr/wg.next.pub"));
    fleet.cmd(["check"]).at(&day(24)).run().ok();
}

#[test]
fn public_halves_go_with_their_values() {
    let fleet = with("generate([\"shared/wg\", \"shared/other\"], wireguard_key());");
    let public = fleet.text("public/shared/wg.pub");
    fleet.run(["rm", "shared/other"]).ok();
    assert!(!fleet.exists("public/shared/other.pub"));
    fleet.run(["mv", "shared/wg", "shared/moved"]).ok();
    assert_eq!(fleet.text("public/shared/moved.pub"), public);
    assert!(!fleet.exists("public/shared/wg.pub"));
    fleet.run(["generate", "shared/wg"]).ok();
    // A value that somebody sets has its own public half, or none.
    let key = "uBSDNuJM9Cd0JLGBdDUSdxlNKRyF1ceRWyUhPWwl7XY=";
    fleet.set("shared/wg", key).ok();
    let computed = crate::common::attack::pipe("wg", &["pubkey"], key.as_bytes()).stdout;
    assert_eq!(fleet.read("public/shared/wg.pub"), computed);
    // Whoever swaps it would be trusted in its place.
    let written = fleet.read("public/shared/wg.pub");
    fleet.write("public/shared/wg.pub", &public);
    fleet.run(["check"]).with_code(3).says(&["error[public::changed]", "public/shared/wg.pub"]);
    fleet.remove("public/shared/wg.pub");
    fleet.run(["check"]).with_code(1).says(&["error[public::missing]", "`shared/wg`"]);
    fleet.write("public/shared/wg.pub", written);
    fleet.assert_clean();
    fleet.set("shared/wg", "no key at all").ok();
    assert!(!fleet.exists("public/shared/wg.pub"));
    fleet.assert_clean();
}

#[test]
fn what_a_leaver_knows_is_replaced_at_once_and_the_rest_is_left_to_a_person() {
    let fleet = with(
        "generate(\"shared/token\", password(24));\ngenerate(\"shared/wg\", wireguard_key());\nrotate(\"shared/wg\").announce(\"2d\");\nrotate(\"**\").every(\"1y\");",
    );
    fleet.run(["rotate", "--exposed", "--yes"]).ok().says(&["nothing is to be rotated"]);
    fleet.run(["host", "remove", "luna"]).ok();
    fleet.run(["seal"]).ok();
    fleet.run(["audit"]).with_code(1);
    fleet.run(["rotate", "--exposed", "--yes"]).with_code(1).says(&[
        "shared/token: known to host `luna`",
        "changed shared/token",
        "changed shared/wg",
        "luna/restic/password: known to host `luna`; by hand, since no generator makes it: `secretctl edit luna/restic/password`",
    ]);
    fleet.run(["rm", "luna/restic/password"]).ok();
    fleet.run(["rotate", "--exposed", "--yes"]).ok().says(&["nothing is to be rotated"]);
    fleet.run(["audit"]).ok();
}

#[test]
fn the_same_bytes_from_other_inputs_are_no_longer_stale_and_no_younger() {
    let fleet = with(
        "rotate(\"shared/same\").every(\"30d\").keep_previous(\"1d\");\n\
         generate(\"shared/same\", command([\"echo\", \"always the same\"]).from(\"shared/token\"));",
    );
    fleet.set("shared/token", "another token").ok();
    fleet.run(["rotate", "--stale", "--yes"]).ok().says(&["shared/same: stale"]);
    fleet.run(["rotate", "--stale", "--yes"]).ok().says(&["nothing is to be rotated"]);
    assert!(fleet.text("secrets/shared/same.ledger").contains("\"changed\":false"));
    assert!(!fleet.exists("secrets/shared/same.previous.age"));
    fleet
        .cmd(["rotate", "--due", "--dry-run"])
        .at("2026-12-21T10:00:00Z")
        .run()
        .ok()
        .prints(&["shared/same: due"]);
}

#[test]
fn what_a_person_is_asked_for_does_not_keep_the_rest_from_being_made() {
    let fleet = TestFleet::sealed().policy(&format!(
        "{RULES}generate(\"shared/asked\", prompt(\"Token\"));\n\
         generate(\"shared/hash\", yescrypt(\"shared/asked\"));\ngenerate(\"shared/id\", uuid());"
    ));
    fleet.run(["generate"]).with_code(1).says(&[
        "created shared/id",
        "error[generate::waits]: `shared/asked`",
        "error[generate::waits]: `shared/hash`",
        "policies/access.rhai:3:1",
    ]);
    let terminal = Terminal::run(&fleet, &[], &format!("{} generate", crate::common::BIN));
    terminal.shows("Token (shared/asked)").types("typed-by-alice\n");
    terminal.shows("The same again").types("typed-by-alice\n");
    assert_eq!(terminal.code(), 0);
    assert!(fleet.show("shared/hash").starts_with("$y$"));
}

#[test]
fn lines_and_several_lines_are_asked_for_in_plain_sight() {
    let fleet = with("");
    fleet.append(
        "policies/access.rhai",
        "generate(\"shared/a-user\", prompt_line(\"User\"));\ngenerate(\"shared/b-text\", prompt_lines(\"Text\"));\n",
    );
    let terminal = Terminal::run(&fleet, &[], &format!("{} generate", crate::common::BIN));
    terminal.shows("User (shared/a-user)").types("alice\n");
    terminal.shows("Text (shared/b-text)").types("one\ntwo\n").presses(&["C-d"]);
    assert_eq!(terminal.code(), 0);
    assert_eq!(
        (fleet.show("shared/a-user"), fleet.show("shared/b-text")),
        ("alice".into(), "one\ntwo\n".into())
    );
}
