//! What was there before is missed when it is gone: by Git, and by a checkout that has seen it.

use crate::common::KEYS;
use crate::common::TestFleet;
use crate::common::attack::restore;

const LEDGER: &str = "secrets/shared/token.ledger";
const TOKEN: [&str; 2] = ["secrets/shared/token.age", LEDGER];
const TREES: [&str; 6] = [
    "sealed/forge/manifest.json",
    "sealed/forge/manifest.json.sig",
    "sealed/forge/files/shared/token.age",
    "sealed/luna/manifest.json",
    "sealed/luna/manifest.json.sig",
    "sealed/luna/files/shared/token.age",
];
const LATER: &str = "2026-11-21T10:00:00Z";

/// Two commits, each with a value of `shared/token`; the files of the first are put back, whole.
fn put_back() -> TestFleet {
    let fleet = TestFleet::sealed().in_git();
    let paths: Vec<&str> = TOKEN.into_iter().chain(TREES).collect();
    let old = fleet.keep(&paths);
    fleet.cmd(["set", "shared/token"]).stdin("second").at(LATER).run().ok();
    fleet.commit("second");
    restore(&old);
    fleet
}

/// `check` where nobody has looked before.
fn fresh(fleet: &TestFleet) {
    let _ = std::fs::remove_file(fleet.work("seen.json"));
}

#[test]
fn a_ledger_and_trees_that_are_put_back_as_a_whole_are_missed_by_git_committed_or_not() {
    let fleet = put_back();
    for commit in [false, true] {
        if commit {
            fleet.commit("put back");
        }
        fresh(&fleet);
        let newer = fleet.git(&["rev-parse", "--short=12", if commit { "HEAD~1" } else { "HEAD" }]);
        let ran = fleet.refuses(["check"], 3).says(&[
            "error[ledger::rewritten]: the ledger of `shared/token` has lost lines",
            &format!("commit {newer} had 2"),
            "error[manifest::serial_went_back]: the manifest of host `forge` has serial",
            "the manifest of host `luna` has serial",
        ]);
        assert_eq!(ran.stderr().matches("error[").count(), 3, "{ran}");
    }
    let newer = fleet.git(&["rev-parse", "HEAD~1"]);
    fleet.git(&["checkout", &newer, "--", "secrets", "sealed"]);
    fleet.cmd(["check"]).at(LATER).run().ok();
}

#[test]
fn a_ledger_that_is_gone_with_its_source_is_missed_and_one_that_moved_is_not() {
    let fleet = TestFleet::sealed().in_git();
    fleet.run(["mv", "shared/token", "shared/other"]).ok();
    fleet.commit("moved");
    fleet.run(["rm", "shared/other"]).ok();
    fleet.commit("removed");
    fleet.assert_clean();
    fleet.remove("secrets/shared/other.ledger");
    fleet.commit("traces removed");
    fresh(&fleet);
    fleet.refuses(["check"], 3).says(&["error[ledger::rewritten]", "`shared/other`"]);
}

#[test]
fn a_manifest_that_is_gone_is_missed() {
    let fleet = TestFleet::sealed().in_git();
    std::fs::remove_dir_all(fleet.path("sealed/luna")).unwrap();
    fresh(&fleet);
    let ran = fleet.refuses(["check"], 3);
    ran.says(&["error[manifest::serial_went_back]: the manifest of host `luna` is gone"]);
}

#[test]
fn a_history_that_was_rewritten_is_noticed_by_a_checkout_that_has_seen_more() {
    let fleet = TestFleet::sealed().in_git();
    fleet.cmd(["set", "shared/token"]).stdin("second").at(LATER).run().ok();
    fleet.commit("second");
    fleet.cmd(["check"]).at(LATER).run().ok();
    // Somebody pushed with force, and this checkout follows.
    fleet.git(&["reset", "--quiet", "--hard", "HEAD~1"]);
    let check = || fleet.cmd(["check"]).at(LATER).run();
    for _ in 0..2 {
        check().with_code(3).says(&[
            "error[ledger::behind_last_seen]: the ledger of `shared/token` lacks what was seen here before, up to revision 2",
            "error[manifest::behind_last_seen]: the manifest of host `forge`",
            "secretctl check --accept-past",
        ]);
    }
    // Another branch has a past of its own, and so has another clone.
    fleet.git(&["switch", "--quiet", "--create", "older"]);
    check().ok();
    fleet.git(&["switch", "--quiet", "main"]);
    check().with_code(3);
    fleet.cmd(["check", "--accept-past"]).at(LATER).run().ok();
    check().ok();
    assert!(fleet.git(&["status", "--porcelain"]).is_empty(), "the record is not part of the repository");
}

#[test]
fn a_forged_line_that_was_committed_and_taken_out_again_is_not_missed() {
    let fleet = TestFleet::sealed().in_git();
    let good = fleet.keep(&[LEDGER]);
    fleet.forge_line("shared/token", &KEYS.eve, |line| line["event"] = "rekeyed".into());
    fleet.commit("forged");
    fleet.refuses(["check"], 3).says(&["error[ledger::signature]"]);
    restore(&good);
    fleet.commit("repaired");
    fleet.assert_clean();
}

#[test]
fn a_host_that_comes_back_may_start_its_numbers_anew() {
    let fleet = TestFleet::sealed().in_git();
    fleet.run(["host", "set", "luna", "--state", "dormant"]).ok();
    fleet.run(["seal"]).ok();
    fleet.commit("asleep");
    fleet.run(["host", "set", "luna", "--state", "active"]).ok();
    fleet.cmd(["seal"]).at(LATER).run().ok();
    fleet.commit("awake");
    fleet.cmd(["check", "--history"]).at(LATER).run().ok();
}

#[test]
fn a_line_from_the_future_is_told_with_its_place_and_fails_nothing() {
    let fleet = TestFleet::sealed();
    fleet.cmd(["set", "shared/token"]).stdin("x").at("2026-11-20T10:10:00Z").run().ok();
    fleet.assert_clean();
    fleet.cmd(["set", "shared/token"]).stdin("y").at("2026-11-20T10:10:01Z").run().ok();
    let ran = fleet.run(["check"]).ok();
    ran.says(&[
        "warning[ledger::future]: line 3 of the ledger of `shared/token`, by `alice`, says 2026-11-20T10:10:01Z",
        "secrets/shared/token.ledger:3",
    ]);
}

#[test]
fn a_clone_of_the_latest_commits_says_that_it_cannot_see_more() {
    let fleet = put_back();
    fleet.commit("put back");
    let clone = fleet.outside().join("shallow");
    let from = format!("file://{}", fleet.root().display());
    fleet.git(&["clone", "--quiet", "--depth", "1", &from, clone.to_str().unwrap()]);
    let check = |folder: &std::path::Path| fleet.run(["--fleet", folder.to_str().unwrap(), "check"]);
    check(&clone).ok().says(&["warning[git::shallow]", "incomplete", "fetch-depth: 0"]);
    let whole = fleet.outside().join("whole");
    fleet.git(&["clone", "--quiet", &from, whole.to_str().unwrap()]);
    check(&whole).with_code(3).says(&["error[ledger::rewritten]"]);
}

#[test]
fn without_a_repository_there_is_nothing_to_compare_with_unless_it_is_asked_for() {
    let fleet = TestFleet::sealed();
    fleet.run(["check"]).ok();
    fleet.run(["check", "--history"]).with_code(2).says(&["error[git::no_repository]"]);
    let ran = fleet.cmd(["check"]).env("PATH", "/nowhere").run();
    ran.ok();
    fleet.git(&["init", "--quiet"]);
    fleet.assert_clean();
}

#[test]
fn an_ordinary_day_of_changes_that_are_taken_back_is_no_broken_integrity() {
    let fleet = TestFleet::sealed().in_git();
    let check = || fleet.cmd(["check"]).at(LATER).run();
    check().ok();
    fleet.cmd(["set", "shared/token"]).stdin("second thoughts").at(LATER).run().ok();
    check().ok();
    fleet.git(&["checkout", "--quiet", "."]);
    check().ok();
}

#[test]
fn with_a_remote_a_commit_counts_as_seen_once_others_have_it() {
    let fleet = TestFleet::sealed().in_git();
    let remote = fleet.outside().join("remote.git");
    let remote = remote.to_str().unwrap();
    fleet.git(&["init", "--quiet", "--bare", "--initial-branch=main", remote]);
    fleet.git(&["remote", "add", "origin", remote]);
    fleet.git(&["push", "--quiet", "--set-upstream", "origin", "main"]);
    let check = || fleet.cmd(["check"]).at(LATER).run();
    let second = || {
        fleet.cmd(["set", "shared/token"]).stdin("second").at(LATER).run().ok();
        fleet.commit("second");
        check().ok();
    };
    second();
    fleet.git(&["reset", "--quiet", "--hard", "HEAD~1"]);
    check().ok();
    second();
    fleet.git(&["push", "--quiet"]);
    check().ok();
    // Somebody pushes with force, and this checkout follows.
    fleet.git(&["push", "--quiet", "--force", "origin", "HEAD~1:main"]);
    fleet.git(&["reset", "--quiet", "--hard", "origin/main"]);
    for _ in 0..2 {
        check().with_code(3).says(&[
            "error[ledger::behind_last_seen]: the ledger of `shared/token`",
            "error[manifest::behind_last_seen]: the manifest of host `forge`",
        ]);
    }
    fleet.cmd(["check", "--accept-past"]).at(LATER).run().ok();
    check().ok();
}

#[test]
fn a_record_that_a_branch_commits_blinds_nobody() {
    let fleet = TestFleet::sealed().in_git();
    fleet.cmd(["set", "shared/token"]).stdin("second").at(LATER).run().ok();
    fleet.commit("second");
    fleet.cmd(["check"]).at(LATER).run().ok();
    fleet.git(&["reset", "--quiet", "--hard", "HEAD~1"]);
    for version in [1, 2] {
        fleet.write(".secretctl/seen.json", format!("{{\"version\":{version},\"branches\":{{}}}}\n"));
        fleet.commit("blinded");
        fleet.cmd(["check"]).at(LATER).run().with_code(3).says(&["error[ledger::behind_last_seen]"]);
    }
}

#[test]
fn each_work_tree_has_a_lock_and_a_memory_of_its_own() {
    let fleet = TestFleet::sealed().in_git();
    let other = fleet.outside().join("other");
    fleet.git(&["worktree", "add", "--quiet", "-b", "side", other.to_str().unwrap()]);
    let ran =
        fleet.cmd(["--fleet", other.to_str().unwrap(), "set", "shared/token"]).stdin("second").run().ok();
    assert!(fleet.path(".git/worktrees/other/secretctl/lock").exists(), "{ran}");
}
