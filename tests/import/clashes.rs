//! What an import refuses before it writes anything, and what it completes.

use super::repository::Repository;
use crate::common::KEYS;
use crate::common::TestFleet;
use crate::common::tool;

fn with_one(path: &str) -> Repository {
    let repository = Repository::new();
    repository.age(path, "a value", &[&KEYS.alice.public()]);
    repository
}

#[test]
fn a_folder_without_anything_of_the_tool_is_refused() {
    Repository::new()
        .init("agenix", &[])
        .with_code(2)
        .says(&["import::nothing", "secretctl import --from TOOL DIR"]);
}

#[test]
fn files_that_the_other_tool_still_reads_are_replaced_only_when_told_to() {
    let repository = with_one("secrets/token.age");
    let (root, alice, nix) = (
        repository.path("").display().to_string(),
        KEYS.alice.public(),
        tool("nix-current").display().to_string(),
    );
    let args = |more: &'static [&'static str]| {
        let own = [
            "init",
            &root,
            "--admin",
            "alice",
            "--recipient",
            &alice,
            "--signing-key",
            &alice,
            "--from",
            "agenix",
            "--nix",
            &nix,
        ];
        repository.fleet.cmd(own.iter().copied().chain(more.iter().copied()).collect::<Vec<_>>())
    };
    let before = std::fs::read(repository.path("secrets/token.age")).unwrap();
    args(&[]).run().with_code(2).says(&["import::in_place", "such as `secrets/token.age`", "--replace"]);
    assert_eq!(std::fs::read(repository.path("secrets/token.age")).unwrap(), before);
    assert!(!repository.path("secretctl.toml").exists());
    args(&["--replace"]).run().ok();
    assert_ne!(std::fs::read(repository.path("secrets/token.age")).unwrap(), before);
    assert!(repository.path("secrets/token.ledger").exists());
}

#[test]
fn a_name_that_the_fleet_has_already_is_refused_and_nothing_is_touched() {
    let repository = with_one("token.age");
    let fleet = TestFleet::new().secret("token", "another");
    let root = repository.path("").display().to_string();
    fleet
        .refuses(["import", &root, "--from", "folder"], 2)
        .says(&["import::secret_clash", "secretctl mv token NAME"]);
}

#[test]
fn rules_that_grant_more_than_is_needed_are_named() {
    let repository = with_one("shared/token.age");
    let fleet = TestFleet::new().host("forge", &KEYS.forge).policy("allow(\"shared/**\");\n");
    let root = repository.path("").display().to_string();
    let ran = fleet.refuses(["import", &root, "--from", "folder"], 2);
    ran.says(&["import::not_exact", "forge would have access that it does not need to `shared/token`"]);
}

#[test]
fn an_import_into_a_fleet_leaves_what_is_there_and_can_be_run_again() {
    let repository = with_one("token.age");
    let fleet = TestFleet::sealed();
    fleet.write("secretctl.toml", format!("# ours\n{}", fleet.text("secretctl.toml")));
    let (before, toml) = (fleet.tree(), fleet.text("secretctl.toml"));
    let root = repository.path("").display().to_string();
    fleet.run(["import", &root, "--from", "folder"]).ok().prints(&["1 become sources"]);
    assert_eq!(fleet.text("secretctl.toml"), toml);
    let changed = fleet.tree().changed_since(&before);
    assert_eq!(changed, ["policies/imported-folder.rhai", "secrets/token.age", "secrets/token.ledger"]);
    let after = fleet.tree();
    fleet.run(["import", &root, "--from", "folder"]).ok().prints(&["values     1: 1 were there"]);
    assert_eq!(fleet.tree().changed_since(&after), [""; 0]);
}

#[test]
fn a_key_that_is_somebody_elses_cannot_be_a_hosts() {
    let repository = with_one("token.age");
    let host = format!("forge={}", KEYS.alice.public());
    repository.init("agenix", &["--host", &host]).with_code(2).says(&["import::key_clash", "admin `alice`"]);
}

#[test]
fn what_belongs_to_an_import_is_refused_where_nothing_is_imported() {
    let repository = Repository::new();
    let alice = KEYS.alice.public();
    let init = ["init", ".", "--admin", "alice", "--recipient", &alice, "--signing-key", &alice];
    for more in
        [&["--dry-run"][..], &["--replace"], &["--host", "forge="], &["--format", "json"], &["--files-alone"]]
    {
        let ran = repository.fleet.run(init.iter().chain(more)).with_code(2);
        ran.says(&["--from <TOOL>"]);
        assert_eq!(repository.fleet.tree().paths(), [""; 0]);
    }
    repository.fleet.run(init).ok();
}
