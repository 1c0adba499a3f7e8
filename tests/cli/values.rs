//! `set`, `show`, `list`, `log`, `rm`, `mv`.

use crate::common::KEYS;
use crate::common::TestFleet;
use crate::common::attack;

#[test]
fn a_value_is_set_from_stdin_and_from_a_file_and_shown_byte_for_byte() {
    let fleet = TestFleet::new().host("forge", &KEYS.forge);
    let bytes: Vec<u8> = (0..=255).cycle().take(70_000).collect();
    for args in [vec!["set", "forge/a/bin"], vec!["set", "forge/a/dash", "--from-file", "-"]] {
        let ran = fleet.cmd(&args).stdin(&bytes).run().ok();
        assert_eq!(ran.stdout(), "");
    }
    let file = fleet.outside().join("value");
    std::fs::write(&file, &bytes).unwrap();
    fleet.run(["set", "forge/a/file", "--from-file", file.to_str().unwrap()]).ok();
    for name in ["forge/a/bin", "forge/a/dash", "forge/a/file"] {
        let source = fleet.path(&format!("secrets/{name}.age"));
        assert_eq!(attack::opened("age", &source, KEYS.alice.private()).unwrap(), bytes);
    }
    fleet.set("forge/a/text", "no newline at the end").ok();
    assert_eq!(fleet.show("forge/a/text"), "no newline at the end");
    fleet.run(["seal"]).ok();
    fleet.assert_clean();
}

#[test]
fn what_set_says_names_the_revision_and_the_readers() {
    let fleet = TestFleet::new().host_with("forge", &KEYS.forge, &["sonarr"]);
    insta::assert_snapshot!(fleet.set("forge/sonarr/key", "fW7xqLr2Zk90TbMd").ok().stderr(),
        @"created forge/sonarr/key (revision 1); read by forge");
    insta::assert_snapshot!(fleet.set("forge/sonarr/key", "Jp3vYs8uHc51NgQe").ok().stderr(),
        @"changed forge/sonarr/key (revision 2); read by forge");
    insta::assert_snapshot!(fleet.set("forge/sonarr/key", "Jp3vYs8uHc51NgQe").ok().stderr(),
        @"forge/sonarr/key is unchanged (revision 2)");
    insta::assert_snapshot!(fleet.set("nobody/x", "Rt6bXw4mKa72ViZo").ok().stderr(), @r"
    created nobody/x (revision 1); no host may read it yet
    help: `secretctl policy explain nobody/x HOST SERVICE` tells which rule comes nearest
    ");
    fleet
        .set("forge/sonarr/key", "3\n")
        .ok()
        .says(&["the value ends with a newline, which is kept; `--trim`"]);
    assert_eq!(fleet.show("forge/sonarr/key"), "3\n");
    fleet.cmd(["set", "forge/sonarr/key", "--trim"]).stdin("4\n").run().ok();
    assert_eq!(fleet.show("forge/sonarr/key"), "4");
}

#[test]
fn an_empty_value_is_refused_unless_it_is_meant() {
    let fleet = TestFleet::new();
    let cmd = fleet.cmd(["set", "a"]).stdin("");
    fleet.refuses_cmd(cmd, 2).says(&["error[set::empty]", "--allow-empty"]);
    fleet.cmd(["set", "a", "--allow-empty"]).stdin("").run().ok();
    assert_eq!(fleet.show("a"), "");
}

#[test]
fn a_value_can_be_set_and_sealed_by_somebody_who_can_decrypt_nothing() {
    let fleet = TestFleet::sealed();
    let cmd = fleet.cmd(["set", "shared/token"]).without_env("SECRETCTL_IDENTITY").stdin("from a robot");
    cmd.run().ok();
    assert_eq!(fleet.show("shared/token"), "from a robot");
    fleet.assert_clean();
}

#[test]
fn names_that_would_leave_the_store_do_not_exist() {
    let fleet = TestFleet::sealed();
    for name in ["../x", "/etc/x", "a/../../x", "a//b", "", ".hidden", "a/.b", "a b", "a.age/b", "secrets\\x"]
    {
        for command in ["set", "show", "rm", "edit", "log"] {
            fleet.refuses([command, "--", name], 2).says(&["secret name"]);
        }
        fleet.refuses(["mv", "--", "shared/token", name], 2).says(&["secret name"]);
    }
    assert!(!fleet.outside().join("x.age").exists());
}

#[test]
fn the_longest_name_there_is_works_from_set_to_rm() {
    let fleet = TestFleet::new().policy("allow(\"**\");").host("forge", &KEYS.forge);
    let long = format!("{}/{}", "d".repeat(100), "n".repeat(150));
    fleet.set(&long, "value").ok();
    assert_eq!(fleet.show(&long), "value");
    fleet.assert_clean();
    fleet.run(["rm", &long]).ok();
    fleet.assert_clean();
}

#[test]
fn a_name_that_no_file_system_takes_is_refused_before_anything_is_written() {
    for length in [248, 249, 251, 252, 255] {
        let fleet = TestFleet::new().policy("allow(\"**\");").host("forge", &KEYS.forge);
        fleet.run(["seal"]).ok();
        let name = "n".repeat(length);
        if fleet.set(&name, "value").code() == 0 {
            assert_eq!(fleet.show(&name), "value");
        }
        // Whatever was said, the next command must not stumble over it.
        fleet.run(["seal"]).ok();
        fleet.assert_clean();
    }
}

#[test]
fn show_prints_nothing_but_the_value() {
    let fleet = TestFleet::sealed();
    let ran = fleet.run(["show", "forge/sonarr/api-key"]).ok();
    assert_eq!((ran.stdout().as_str(), ran.stderr().as_str()), ("forge-sonarr-value", ""));
}

#[test]
fn an_unknown_secret_is_answered_with_the_nearest_name() {
    let fleet = TestFleet::sealed();
    let wrong = "forge/sonar/api-key";
    for command in ["show", "rm", "log"] {
        let ran = fleet.refuses([command, wrong], 2);
        ran.says(&[
            "error[store::unknown_secret]: there is no secret `forge/sonar/api-key`",
            "did you mean `forge/sonarr/api-key`?",
        ]);
    }
    fleet.refuses(["mv", wrong, "forge/sonarr/new"], 2).says(&["store::unknown_secret"]);
}

#[test]
fn list_shows_revision_day_and_hosts_and_needs_no_key() {
    let fleet = TestFleet::sealed();
    let ran = fleet.cmd(["list"]).without_keys().run().ok();
    insta::assert_snapshot!(ran.stdout(), @r"
    SECRET                REVISION  CHANGED     HOSTS
    forge/sonarr/api-key  1         2026-11-20  forge
    luna/restic/password  1         2026-11-20  luna
    shared/token          1         2026-11-20  forge luna
    ");
    let listed = fleet.cmd(["list", "--format", "json"]).without_keys().run().ok().json();
    assert_eq!(listed["secrets"][2]["hosts"], serde_json::json!(["forge", "luna"]));
    let empty = TestFleet::new().run(["list"]).ok();
    assert_eq!(empty.stdout(), "");
    empty.says(&["no secrets yet"]);
}

#[test]
fn the_log_tells_the_life_of_a_secret_through_edits_moves_and_removal() {
    let fleet = TestFleet::sealed();
    fleet.cmd(["set", "shared/token"]).stdin("2").at("2026-12-01T00:00:00Z").run().ok();
    fleet.cmd(["mv", "shared/token", "shared/new"]).at("2026-12-02T00:00:00Z").run().ok();
    fleet.cmd(["rm", "shared/new"]).at("2026-12-03T00:00:00Z").run().ok();
    insta::assert_snapshot!(fleet.cmd(["log", "shared/new"]).without_keys().run().ok().stdout(), @r"
    TIME                  EVENT    REVISION  AUTHOR  HOSTS
    2026-11-20T10:00:00Z  created  1         alice   forge luna
    2026-12-01T00:00:00Z  edited   2         alice   forge luna
    2026-12-02T00:00:00Z  moved    2         alice   forge luna
    2026-12-03T00:00:00Z  removed  2         alice   -
    ");
    let log = fleet.run(["log", "shared/new", "--format", "json"]).ok().json();
    assert_eq!(log["lines"][1]["event"], "edited");
    assert!(!log["lines"][1]["source_sha256"].as_str().unwrap().is_empty());
}

#[test]
fn rm_takes_the_source_and_every_sealed_copy_and_says_who_knew_it() {
    let fleet = TestFleet::sealed();
    let ran = fleet.run(["rm", "shared/token"]).ok();
    assert_eq!(
        ran.stderr(),
        "removed shared/token; sealed trees of forge, luna follow\n\
         note: those hosts knew its last value; revoke it where it is still accepted\n"
    );
    assert!(!fleet.exists("secrets/shared/token.age") && fleet.exists("secrets/shared/token.ledger"));
    assert_eq!(fleet.granted("forge"), ["forge/sonarr/api-key"]);
    assert!(!fleet.exists("sealed/forge/files/shared"), "an empty folder was left");
    fleet.assert_clean();
    fleet.refuses(["rm", "shared/token"], 2);
}

#[test]
fn a_removed_secret_can_be_made_again_and_its_history_goes_on() {
    let fleet = TestFleet::sealed();
    fleet.run(["rm", "shared/token"]).ok();
    fleet.set("shared/token", "again").ok().says(&["created shared/token (revision 2)"]);
    assert_eq!(fleet.show("shared/token"), "again");
    fleet.assert_clean();
}

#[test]
fn mv_keeps_value_revision_and_history_and_copies_follow_the_new_name() {
    let fleet = TestFleet::sealed();
    fleet.set("forge/sonarr/api-key", "second").ok();
    let ran = fleet.run(["mv", "forge/sonarr/api-key", "luna/sonarr/api-key"]).ok();
    ran.says(&["moved forge/sonarr/api-key to luna/sonarr/api-key; sealed trees of forge, luna follow"]);
    assert_eq!(fleet.show("luna/sonarr/api-key"), "second");
    assert_eq!(fleet.granted("forge"), ["shared/token"]);
    assert!(fleet.granted("luna").contains(&"luna/sonarr/api-key".to_owned()));
    assert!(!fleet.exists("secrets/forge"), "an empty folder was left");
    fleet.assert_clean();
    fleet.refuses(["show", "forge/sonarr/api-key"], 2);
}

#[test]
fn mv_onto_a_secret_that_exists_is_refused() {
    let fleet = TestFleet::sealed();
    let ran = fleet.refuses(["mv", "forge/sonarr/api-key", "shared/token"], 2);
    ran.says(&["error[store::exists]"]);
}

#[test]
fn mv_onto_a_name_whose_history_ended_says_so() {
    let fleet = TestFleet::sealed();
    fleet.run(["rm", "shared/token"]).ok();
    let ran = fleet.refuses(["mv", "forge/sonarr/api-key", "shared/token"], 2);
    // There is nothing left that `rm` could remove.
    assert!(!ran.stderr().contains("remove it first with `secretctl rm"), "{ran}");
}

#[test]
fn names_that_differ_in_case_only_are_refused_before_and_found_after() {
    let fleet = TestFleet::sealed();
    for name in ["Shared/token", "shared/TOKEN"] {
        fleet.refuses(["set", name], 2).says(&["error[store::case]", "`shared/token`"]);
        fleet.refuses(["mv", "forge/sonarr/api-key", name], 2).says(&["error[store::case]"]);
    }
    fleet.write("secrets/shared/Token.age", "x");
    for args in [vec!["list"], vec!["check"], vec!["seal"], vec!["rekey"]] {
        let ran = fleet.refuses(args, 2);
        ran.says(&["store::two_sources", "secrets/shared/Token.age", "secrets/shared/token.age"]);
    }
}

#[test]
fn an_unchanged_set_touches_nothing() {
    let fleet = TestFleet::sealed();
    let before = fleet.tree();
    fleet.set("shared/token", "shared-token-value").ok();
    assert_eq!(fleet.tree().changed_since(&before), [""; 0]);
}

#[test]
fn a_closed_pipe_is_no_error() {
    let fleet = TestFleet::sealed();
    let script = format!("{} list --format json | true; exit ${{PIPESTATUS[0]}}", crate::common::BIN);
    let mut command = std::process::Command::new("bash");
    command.args(["-c", &script]);
    let ran = fleet.prepare(command).run().ok();
    assert_eq!(ran.stderr(), "");
}

#[test]
fn an_output_that_cannot_be_written_is_an_error() {
    let fleet = TestFleet::sealed();
    for command in ["show shared/token", "list --format json", "check", "completions bash"] {
        let mut shell = std::process::Command::new("sh");
        shell.args(["-c", &format!("{} {command} > /dev/full", crate::common::BIN)]);
        let ran = fleet.prepare(shell).run();
        assert_eq!(ran.code(), 4, "{command}: {ran}");
        ran.says(&["error[cli::output]: cannot print", "No space left on device"]);
    }
}

#[test]
fn set_warns_of_a_value_that_could_be_found_by_trying_and_stores_it() {
    let fleet = TestFleet::new().host_with("forge", &KEYS.forge, &["sonarr"]);
    let weak = "found by trying";
    fleet.set("forge/sonarr/key", "hunter2").ok().says(&[weak, "created forge/sonarr/key"]);
    let ran = fleet.set("forge/sonarr/key", "hunter2").ok();
    assert!(!ran.stderr().contains(weak), "{ran}");
    let ran = fleet.set("forge/sonarr/key", "fW7xqLr2Zk90TbMd-Jp3vYs8uHc51NgQe").ok();
    assert!(!ran.stderr().contains(weak), "{ran}");
}
