//! Admins who open only what an `editors(..)` rule names them for.

use crate::common::KEYS;
use crate::common::TestFleet;
use crate::common::attack;

/// A sealed fleet with `bob`, who must be named.
fn with_bob() -> TestFleet {
    let fleet = TestFleet::sealed();
    let bob = KEYS.bob.public();
    let ran = fleet.run(["admin", "add", "bob", "--recipient", &bob, "--editor", "named"]).ok();
    ran.says(&["added admin bob; name them in `policies/`, such as `editors(\"NAME/**\", [\"bob\"])`"]);
    fleet
}

/// Whether the key opens the source of a secret, by the real program.
fn opens(fleet: &TestFleet, key: &crate::common::KeyPair, secret: &str) -> bool {
    attack::opened("age", &fleet.path(&format!("secrets/{secret}.age")), key.private()).is_some()
}

#[test]
fn an_admin_who_must_be_named_opens_no_source_old_or_new_until_a_rule_names_them() {
    let fleet = with_bob();
    fleet.assert_clean();
    fleet.run(["rekey"]).ok().says(&["every source has the right recipients"]);
    fleet.set("forge/sonarr/new", "a new value").ok();
    for secret in ["forge/sonarr/new", "shared/token"] {
        assert!(!opens(&fleet, &KEYS.bob, secret) && opens(&fleet, &KEYS.alice, secret), "{secret}");
    }
    let who = fleet.run(["policy", "who-can", "shared/token"]).ok();
    assert!(who.stdout().contains("its source is open to admin `alice`, recovery\n"), "{who}");

    fleet.append(
        "policies/access.rhai",
        "editors(\"shared/token\", [\"alice\", \"bob\"]);\neditors(\"luna/**\", [\"bob\"]);\n",
    );
    fleet.run(["check"]).with_code(1).says(&["the source of `shared/token` is not encrypted to admin `bob`"]);
    fleet.run(["rekey"]).ok();
    fleet.run(["seal"]).ok();
    fleet.assert_clean();
    let who = fleet.run(["policy", "who-can", "shared/token"]).ok();
    assert!(who.stdout().contains("its source is open to admin `alice`, admin `bob`, recovery\n"), "{who}");
    assert!(opens(&fleet, &KEYS.bob, "shared/token") && !opens(&fleet, &KEYS.bob, "forge/sonarr/new"));
    let own = "luna/restic/password";
    assert!(opens(&fleet, &KEYS.bob, own) && opens(&fleet, &KEYS.recovery, own));
    assert!(!opens(&fleet, &KEYS.alice, own));
    let exposed = fleet.run(["audit"]).with_code(1);
    exposed.says(&["admin `alice` knows revision 1 of `luna/restic/password`"]);
}

#[test]
fn which_sources_an_admin_opens_is_listed() {
    let fleet = with_bob();
    let listed = fleet.run(["admin", "list", "--format", "json"]).ok().json();
    assert_eq!(
        (&listed["admins"][0]["editor"], &listed["admins"][1]["editor"]),
        (&"all".into(), &"named".into())
    );
    let listed = fleet.run(["admin", "list"]).ok().stdout();
    let bob = listed.lines().find(|line| line.trim_start().starts_with("bob")).unwrap();
    assert!(bob.contains("  named  "), "{listed}");
    fleet
        .refuses(["admin", "add", "carol", "--recipient", &KEYS.luna.public(), "--editor", "some"], 2)
        .says(&["`some` is neither `all` nor `named`"]);
}

#[test]
fn a_secret_that_no_admin_edits_is_named_and_gets_no_value() {
    let fleet = with_bob();
    fleet.replace("secretctl.toml", "[admins.alice]\n", "[admins.alice]\neditor = \"named\"\n");
    fleet.append("policies/access.rhai", "editors(\"forge/**\", [\"alice\", \"bob\"]);\n");
    let ran = fleet.run(["check"]).with_code(1);
    ran.says(&[
        "error[policy::no_editor]: no active admin is an editor of `shared/token`",
        "name one with `editors(\"shared/token\", [\"NAME\"])`",
    ]);
    let cmd = fleet.cmd(["set", "shared/new"]).stdin("a value");
    fleet.refuses_cmd(cmd, 1).says(&["error[roots::differ]"]);
    fleet.refuses(["admin", "vouch", "--yes"], 1).says(&["error[roots::nobody_vouches]"]);
    fleet.run(["policy", "who-can", "shared/token"]).ok().prints(&["its source is open to recovery"]);
}

#[test]
fn who_need_not_be_named_any_more_opens_more_and_a_diff_says_so() {
    let fleet = with_bob().in_git();
    fleet.replace("secretctl.toml", "editor = \"named\"\n", "");
    let ran = fleet.run(["policy", "diff", "--fail-on", "gained"]).with_code(1);
    ran.prints(&["~ admin bob\n    + ssh-ed25519", "~ admin bob, where named\n    - ssh-ed25519"]);
}
