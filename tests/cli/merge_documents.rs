//! Two branches of a document: ledgers, ciphertext and sealed trees go together after the merge.

use crate::cli::documents::admins;
use crate::cli::documents::encrypted;
use crate::common::KEYS;
use crate::common::TestFleet;
use crate::common::attack;
use crate::common::git;
use crate::common::git::merge;
use crate::common::git::set;

const DOCUMENT: &str = "secrets/forge.sops.yaml";

/// A document with three values that `forge` reads; on `feature` one thing was done, on `main` another.
fn parted(theirs: impl Fn(&TestFleet), ours: impl Fn(&TestFleet)) -> TestFleet {
    let fleet = TestFleet::new()
        .host_with("forge", &KEYS.forge, &["sonarr", "restic"])
        .policy("allow(\"{host}/{service}/**\");\n");
    let plain = "# all of it\nsonarr:\n    a: a0\n    b: b0\nrestic:\n    c: c0\n";
    encrypted(&fleet, DOCUMENT, plain, &admins());
    fleet.run(["adopt"]).ok();
    fleet.run(["seal"]).ok();
    git::parted(fleet.with_driver(), theirs, ours)
}

/// Every value is vouched for, and is what the host gets.
fn holds(fleet: &TestFleet, values: &[(&str, &str)]) {
    fleet.assert_clean();
    for (secret, value) in values {
        assert_eq!(fleet.show(secret), *value);
        assert_eq!(attack::sealed_value(fleet, "forge", &KEYS.forge, secret), *value);
    }
}

#[test]
fn different_keys_merge_without_a_person_and_every_ledger_still_vouches_for_its_value() {
    let fleet = parted(set("forge/sonarr/a", "theirs"), |fleet| {
        fleet.set("forge/restic/c", "ours").ok();
        fleet.set("forge/restic/new", "of ours").ok();
    });
    merge(&fleet).ok();
    holds(
        &fleet,
        &[
            ("forge/sonarr/a", "theirs"),
            ("forge/sonarr/b", "b0"),
            ("forge/restic/c", "ours"),
            ("forge/restic/new", "of ours"),
        ],
    );
    fleet.run(["check", "--history"]).ok();
    assert!(fleet.run(["show", "forge"]).ok().stdout().starts_with("# all of it\n"));
}

#[test]
fn a_key_that_one_branch_made_and_one_that_the_other_removed_merge_too() {
    let fleet = parted(
        |fleet| drop(fleet.set("forge/sonarr/new", "of theirs").ok()),
        |fleet| drop(fleet.run(["rm", "forge/sonarr/b"]).ok()),
    );
    merge(&fleet).ok();
    holds(&fleet, &[("forge/sonarr/a", "a0"), ("forge/sonarr/new", "of theirs")]);
    assert!(!fleet.run(["list"]).ok().stdout().contains("forge/sonarr/b"));
}

#[test]
fn one_key_on_both_branches_is_settled_by_the_side_that_a_person_takes() {
    for (take, value) in [("theirs", "of theirs"), ("ours", "of ours")] {
        let fleet = parted(
            |fleet| {
                fleet.set("forge/sonarr/a", "of theirs").ok();
                fleet.set("forge/restic/c", "only theirs").ok();
            },
            set("forge/sonarr/a", "of ours"),
        );
        let ran = merge(&fleet);
        assert_ne!(ran.code(), 0, "{ran}");
        fleet.run(["git-merge", "--take", take, "forge/sonarr/a"]).ok();
        fleet.run(["seal"]).ok();
        fleet.git(&["add", "secrets", "sealed"]);
        fleet.git(&["commit", "--quiet", "--no-edit"]);
        holds(&fleet, &[("forge/sonarr/a", value), ("forge/restic/c", "only theirs")]);
    }
}

#[test]
fn a_value_of_one_branch_is_taken_over_under_the_new_data_key_of_the_other() {
    let fleet = parted(set("forge/sonarr/a", "theirs"), |fleet| {
        let bob = KEYS.bob.public();
        fleet.run(["admin", "add", "bob", "--recipient", &bob, "--signing-key", &bob]).ok();
        fleet.run(["rekey"]).ok();
        fleet.run(["admin", "remove", "bob"]).ok();
        fleet.run(["rekey"]).ok();
    });
    let ran = merge(&fleet);
    assert_ne!(ran.code(), 0, "{ran}");
    fleet.run(["git-merge", "--take", "theirs", "forge/sonarr/a"]).ok();
    fleet.run(["seal"]).ok();
    fleet.git(&["add", "secrets", "sealed"]);
    fleet.git(&["commit", "--quiet", "--no-edit"]);
    holds(&fleet, &[("forge/sonarr/a", "theirs"), ("forge/sonarr/b", "b0"), ("forge/restic/c", "c0")]);
}
