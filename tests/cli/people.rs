//! `init`, `host`, `admin`, `rekey`, `completions`, and finding the fleet.

use crate::common::KEYS;
use crate::common::TestFleet;
use crate::common::attack;

#[test]
fn init_makes_a_fleet_that_check_accepts_and_says_what_comes_next() {
    let fleet = TestFleet::empty();
    let alice = KEYS.alice.public();
    let ran = fleet.run(["init", "--admin", "alice", "--recipient", &alice, "--signing-key", &alice]).ok();
    insta::assert_snapshot!(ran.stderr(), @r#"
    wrote sealed/roots.jsonl
    wrote policies/access.rhai
    wrote .gitattributes
    wrote secretctl.toml
    next: `secretctl host add HOST --recipient "ssh-ed25519 AAAA…" --service SERVICE`, then `secretctl edit HOST/SERVICE/NAME`
    in Git: `secretctl git-setup`, once in each clone, lets branches merge
    "#);
    assert_eq!(ran.stdout(), "");
    fleet.run(["check"]).ok().says(&["warning[fleet::no_recovery]"]);
}

#[test]
fn init_takes_a_public_key_file_to_sign_with() {
    let fleet = TestFleet::empty();
    let file = KEYS.alice.public_file();
    let file = file.to_str().unwrap();
    fleet.run(["init", "--admin", "alice", "--recipient", &KEYS.alice.public(), "--signing-key", file]).ok();
    assert!(fleet.text("secretctl.toml").contains(&KEYS.alice.public()));
}

#[test]
fn init_refuses_a_folder_that_is_a_fleet_and_a_private_key_as_recipient() {
    let fleet = TestFleet::new();
    let alice = KEYS.alice.public();
    let args = ["init", "--admin", "bob", "--recipient", &alice, "--signing-key", &alice];
    fleet.refuses(args, 2).says(&["error[init::exists]", "help: "]);
    let secret = std::fs::read_to_string(KEYS.recovery.private()).unwrap();
    let secret = secret.lines().find(|line| line.starts_with("AGE-SECRET-KEY-")).unwrap().to_owned();
    let ran = fleet.refuses(["host", "add", "x", "--recipient", &secret], 2);
    ran.says(&["error[cli::private_key]"]);
}

#[test]
fn a_private_key_that_was_pasted_by_mistake_is_not_printed_again() {
    let fleet = TestFleet::new();
    let secret = std::fs::read_to_string(KEYS.recovery.private()).unwrap();
    let secret = secret.lines().find(|line| line.starts_with("AGE-SECRET-KEY-")).unwrap().to_owned();
    let ran = fleet.refuses(["host", "add", "x", "--recipient", &secret], 2);
    assert!(!ran.stderr().contains(&secret[20..]), "the private key was printed:\n{ran}");
    fleet.replace("secretctl.toml", &KEYS.alice.public(), &secret);
    let ran = fleet.refuses(["list"], 2).says(&["this is a private key"]);
    assert!(!ran.stderr().contains(&secret[20..]), "the private key was printed:\n{ran}");
}

#[test]
fn init_keeps_a_policy_that_is_there() {
    let fleet = TestFleet::empty().policy("allow(\"x\");\n");
    let alice = KEYS.alice.public();
    let ran = fleet.run(["init", "--admin", "alice", "--recipient", &alice, "--signing-key", &alice]).ok();
    ran.says(&["kept policies/access.rhai, which was there"]);
    assert_eq!(fleet.text("policies/access.rhai"), "allow(\"x\");\n");
}

#[test]
fn the_fleet_is_found_from_a_folder_below_by_option_and_by_variable() {
    let fleet = TestFleet::sealed();
    let names = |ran: crate::common::Ran| ran.ok().json()["secrets"].as_array().unwrap().len();
    let root = fleet.root();
    let root = root.to_str().unwrap();
    let mut below = fleet.cmd(["list", "--format", "json"]);
    below.command.current_dir(fleet.path("secrets/forge"));
    assert_eq!(names(below.run()), 3);
    let mut option = fleet.cmd(["--fleet", root, "list", "--format", "json"]);
    option.command.current_dir("/");
    assert_eq!(names(option.run()), 3);
    let mut variable = fleet.cmd(["list", "--format", "json"]).env("SECRETCTL_FLEET", root);
    variable.command.current_dir("/");
    assert_eq!(names(variable.run()), 3);
    let mut nowhere = fleet.cmd(["list"]);
    nowhere.command.current_dir(fleet.home());
    nowhere.run().with_code(2).says(&["error[fleet::not_found]", "`secretctl init`", "--fleet DIR"]);
}

#[test]
fn a_host_is_added_listed_and_keeps_the_comments_of_the_file() {
    let fleet = TestFleet::new();
    fleet.append("secretctl.toml", "\n# our machines\n");
    let forge = KEYS.forge.public();
    let args = ["host", "add", "forge", "--recipient", &forge, "--system", "x86_64-linux", "--tag", "nas"];
    let ran = fleet.run(args.iter().chain(&["--tag", "media", "--service", "sonarr"])).ok();
    assert_eq!(ran.stderr(), "added host forge; run `secretctl seal` to make its sealed tree\n");
    fleet
        .run(["host", "add", "later"])
        .ok()
        .says(&["it is pending until `secretctl host set later` gives it a key"]);
    assert!(fleet.text("secretctl.toml").contains("# our machines"));
    insta::assert_snapshot!(fleet.run(["host", "list"]).ok().stdout(), @r"
    HOST   STATE    SYSTEM        TAGS       SERVICES
    forge  active   x86_64-linux  media nas  sonarr
    later  pending  -             -          -
    ");
    let listed = fleet.run(["host", "list", "--format", "json"]).ok().json();
    assert_eq!(listed["hosts"][0]["recipients"][0], forge);
    assert_eq!(listed["hosts"][1]["state"], "pending");
}

#[test]
fn a_host_that_exists_or_has_no_name_or_key_of_ours_is_refused() {
    let fleet = TestFleet::new().host("forge", &KEYS.forge);
    fleet.refuses(["host", "add", "forge"], 2).says(&["error[fleet::host_exists]", "host set forge"]);
    fleet.refuses(["host", "add", "../forge"], 2).says(&["`../forge` is not a host name"]);
    fleet
        .refuses(["host", "add", "x", "--recipient", "age1qqqq"], 2)
        .says(&["is not a recipient", "mistyped"]);
    fleet.refuses(["host", "add", "x", "--recipient", "ecdsa-sha2-nistp256 AAAA"], 2).says(&["ecdsa"]);
    fleet.refuses(["host", "add", "x", "--system", "linux"], 2).says(&["MACHINE-OS"]);
}

#[test]
fn admins_are_added_listed_and_removed_and_rekey_follows() {
    let fleet = TestFleet::sealed();
    let source = fleet.path("secrets/shared/token.age");
    let bob = KEYS.bob.public();
    let ran = fleet.run(["admin", "add", "bob", "--recipient", &bob, "--signing-key", &bob]).ok();
    ran.says(&["added admin bob; run `secretctl rekey` to encrypt the sources to them\n"]);
    assert_eq!(attack::opened("age", &source, KEYS.bob.private()), None);
    fleet.run(["rekey", "--check"]).with_code(1).prints(&["shared/token"]).says(&["run `secretctl rekey`"]);
    fleet.run(["check"]).with_code(1).says(&["error[store::recipients]", "is not encrypted to admin `bob`"]);
    let ran = fleet.run(["rekey"]).ok();
    assert_eq!(ran.stdout(), "forge/sonarr/api-key\nluna/restic/password\nshared/token\n");
    fleet.assert_clean();
    assert_eq!(attack::opened("age", &source, KEYS.bob.private()).unwrap(), b"shared-token-value");
    assert_eq!(fleet.cmd(["show", "shared/token"]).by(&KEYS.bob).run().ok().stdout(), "shared-token-value");

    let ran = fleet.run(["admin", "remove", "bob"]).ok();
    ran.says(&["run `secretctl rekey`", "note: admin `bob` knows 3 values that are in use"]);
    fleet.run(["check"]).with_code(1).says(&["is still encrypted to admin `bob`"]);
    fleet.run(["rekey"]).ok();
    fleet.assert_clean();
    assert_eq!(attack::opened("age", &source, KEYS.bob.private()), None);
    let listed = fleet.run(["admin", "list", "--format", "json"]).ok().json();
    assert_eq!(listed["admins"][1]["removed"], crate::common::NOW);
    fleet.run(["admin", "list"]).ok().prints(&["removed 2026-11-20T10:00:00Z"]);
}

#[test]
fn rekey_leaves_values_revisions_and_sealed_trees_alone() {
    let fleet = TestFleet::sealed();
    let bob = KEYS.bob.public();
    fleet.run(["admin", "add", "bob", "--recipient", &bob]).ok();
    let before = fleet.tree();
    fleet.run(["rekey"]).ok();
    let changed = fleet.tree().changed_since(&before);
    assert!(changed.iter().all(|path| path.starts_with("secrets/")), "{changed:?}");
    let log = fleet.run(["log", "shared/token", "--format", "json"]).ok().json();
    let last = log["lines"].as_array().unwrap().last().unwrap().clone();
    assert_eq!((last["event"].as_str(), last["revision"].as_u64()), (Some("rekeyed"), Some(1)));
    let before = fleet.tree();
    fleet.run(["rekey"]).ok().says(&["every source has the right recipients"]);
    assert_eq!(fleet.tree().changed_since(&before), [""; 0]);
}

#[test]
fn rekey_check_needs_no_key_and_gives_json() {
    let fleet = TestFleet::sealed();
    let report = fleet.cmd(["rekey", "--check", "--format", "json"]).without_keys().run().ok().json();
    assert_eq!(report["secrets"].as_array().unwrap().len(), 0);
}

#[test]
fn the_last_admin_an_unknown_and_a_second_of_the_same_name_are_refused() {
    let fleet = TestFleet::new();
    fleet.refuses(["admin", "remove", "alice"], 2).says(&["error[fleet::last_admin]", "admin add"]);
    fleet.refuses(["admin", "remove", "zoe"], 2).says(&["error[fleet::unknown_admin]", "admin list"]);
    let bob = KEYS.bob.public();
    fleet.refuses(["admin", "add", "alice", "--recipient", &bob], 2).says(&["error[fleet::admin_exists]"]);
}

#[test]
fn a_removed_admin_can_neither_sign_nor_be_signed_for() {
    let fleet = TestFleet::sealed();
    let bob = KEYS.bob.public();
    fleet.run(["admin", "add", "bob", "--recipient", &bob, "--signing-key", &bob]).ok();
    fleet.run(["rekey"]).ok();
    fleet.cmd(["set", "shared/token"]).by(&KEYS.bob).stdin("by bob").run().ok();
    fleet.run(["admin", "remove", "bob"]).ok();
    let cmd = fleet.cmd(["set", "shared/token"]).by(&KEYS.bob).stdin("by bob again");
    fleet.refuses_cmd(cmd, 4).says(&["error[signer::not_admin]"]);
    // The lines from before stay valid; what bob signed for hosts does not.
    fleet.run(["log", "shared/token"]).ok().prints(&["bob"]);
    fleet.run(["check"]).with_code(1).says(&["was last sealed by an admin who left"]);
    fleet.run(["rekey"]).ok();
    fleet.run(["seal"]).ok();
    fleet.assert_clean();
}

#[test]
fn completions_are_printed_for_every_shell() {
    let fleet = TestFleet::empty();
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let ran = fleet.run(["completions", shell]).ok().prints(&["secretctl", "rekey"]);
        assert_eq!(ran.stderr(), "");
    }
    fleet.run(["completions", "tcsh"]).with_code(2).says(&["tcsh"]);
}

#[test]
fn a_command_line_that_does_not_parse_ends_with_usage() {
    let fleet = TestFleet::new();
    fleet.run(["sela"]).with_code(2).says(&["sela", "seal"]);
    fleet.run(["seal", "--hots", "x"]).with_code(2).says(&["--hots", "--host"]);
    fleet.run(["set", "a", "value-in-argument"]).with_code(2).says(&["secretctl set"]);
    fleet.run(["--version"]).ok().prints(&["secretctl "]);
}

#[test]
fn every_line_of_a_recipient_argument_counts() {
    let keys = format!("# bo's keys\n{} bo@home\n\n{}\n", KEYS.bob.public(), KEYS.carol.public());
    let both = |fleet: &TestFleet| {
        let text = fleet.text("secretctl.toml");
        assert!(text.contains(&KEYS.bob.public()) && text.contains(&KEYS.carol.public()), "{text}");
    };
    let fleet = TestFleet::new();
    fleet.run(["admin", "add", "bo", "--recipient", &keys]).ok();
    both(&fleet);
    let fleet = TestFleet::new();
    fleet.run(["host", "add", "forge", "--recipient", &keys]).ok();
    both(&fleet);
    fleet.run(["host", "set", "forge", "--recipient", &KEYS.eve.public()]).ok();
    fleet.run(["host", "set", "forge", "--recipient", &keys]).ok();
    both(&fleet);
    let fleet = TestFleet::empty();
    let args = ["init", ".", "--admin", "bo", "--recipient", &keys, "--signing-key", &KEYS.bob.public()];
    fleet.cmd(args).by(&KEYS.bob).run().ok();
    both(&fleet);
}

#[test]
fn no_line_of_a_key_is_dropped_in_silence() {
    let fleet = TestFleet::new();
    let with_other = format!("{}\necdsa-sha2-nistp256 AAAA", KEYS.bob.public());
    fleet
        .refuses(["admin", "add", "bo", "--recipient", &with_other], 2)
        .says(&["line 2", "ecdsa-sha2-nistp256"]);
    let two = format!("{}\n{}", KEYS.bob.public(), KEYS.eve.public());
    let bo = KEYS.bob.public();
    let add = ["admin", "add", "bo", "--recipient", &bo, "--signing-key"];
    fleet.refuses(add.iter().copied().chain([two.as_str()]), 2).says(&["line break", "one line"]);
    let file = fleet.outside().join("two.pub");
    std::fs::write(&file, &two).unwrap();
    fleet.refuses(add.iter().copied().chain([file.to_str().unwrap()]), 2).says(&["line break"]);
    fleet.append("secretctl.toml", &format!("\n[hosts.forge]\nrecipients = [\"\"\"{two}\"\"\"]\n"));
    fleet.refuses(["check"], 2).says(&["line break; a recipient is one line"]);
}
