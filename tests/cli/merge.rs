//! Two branches become one: without a person where nothing has to be decided, and without loss where something has.

use crate::common::BIN;
use crate::common::KEYS;
use crate::common::TestFleet;
use crate::common::attack;
use crate::common::git;
use crate::common::git::merge;
use crate::common::git::set;

const LEDGER: &str = "secrets/shared/token.ledger";

/// On `feature` one thing was done, on `main` another; `main` is checked out.
fn parted(theirs: impl Fn(&TestFleet), ours: impl Fn(&TestFleet)) -> TestFleet {
    git::parted(TestFleet::sealed().with_driver(), theirs, ours)
}

fn has_lines_of(fleet: &TestFleet, revision: &str) {
    let merged = fleet.text(LEDGER);
    for line in fleet.git(&["show", &format!("{revision}:{LEDGER}")]).lines() {
        assert!(merged.contains(line), "a line of {revision} was lost");
    }
}

/// The conflict is settled as people are told to.
fn settle(fleet: &TestFleet, take: &str) {
    fleet.run(["git-merge", "--take", take, "shared/token"]).ok().says(&["secretctl seal"]);
    fleet.run(["seal"]).ok();
    fleet.git(&["add", "secrets", "sealed"]);
    fleet.git(&["commit", "--quiet", "--no-edit"]);
    fleet.assert_clean();
}

#[test]
fn two_branches_that_touch_different_secrets_of_one_host_merge_without_a_person() {
    let fleet = parted(set("luna/restic/password", "theirs"), |fleet| {
        fleet.set("shared/token", "ours").ok();
        fleet.set("luna/sonarr/new", "of ours").ok();
    });
    merge(&fleet).ok();
    fleet.assert_clean();
    fleet.run(["check", "--history"]).ok();
    for (secret, value) in
        [("luna/restic/password", "theirs"), ("shared/token", "ours"), ("luna/sonarr/new", "of ours")]
    {
        assert_eq!(fleet.show(secret), value);
        assert_eq!(attack::sealed_value(&fleet, "luna", &KEYS.luna, secret), value);
    }
}

#[test]
fn commits_that_are_put_on_others_one_by_one_merge_as_well() {
    let fleet = parted(
        |fleet| {
            fleet.set("luna/restic/password", "theirs").ok();
            fleet.commit("first");
            fleet.set("luna/sonarr/new", "theirs too").ok();
        },
        set("shared/token", "ours"),
    );
    fleet.git(&["switch", "--quiet", "feature"]);
    fleet.git(&["rebase", "--quiet", "main"]);
    fleet.assert_clean();
    fleet.git(&["switch", "--quiet", "main"]);
    fleet.git(&["switch", "--quiet", "--create", "other", "HEAD~1"]);
    fleet.set("forge/sonarr/api-key", "picked").ok();
    fleet.commit("pick me");
    fleet.git(&["switch", "--quiet", "feature"]);
    fleet.git(&["cherry-pick", "other"]);
    fleet.assert_clean();
    assert_eq!(fleet.show("forge/sonarr/api-key"), "picked");
}

#[test]
fn a_new_reader_on_one_branch_and_a_new_value_on_the_other_settle_themselves() {
    let fleet = parted(set("shared/token", "theirs"), |fleet| {
        let key = KEYS.bob.public();
        fleet.run(["host", "add", "nova", "--recipient", &key]).ok();
        fleet.run(["seal"]).ok();
    });
    merge(&fleet).ok();
    has_lines_of(&fleet, "feature");
    has_lines_of(&fleet, "main~1");
    assert_eq!(fleet.show("shared/token"), "theirs");
    let ran = fleet.run(["check"]).with_code(1);
    ran.says(&["host `nova` has an older value of `shared/token`"]);
    fleet.run(["seal"]).ok();
    fleet.assert_clean();
}

#[test]
fn one_secret_on_both_branches_is_a_conflict_that_names_both_and_neither_value_is_dropped() {
    for (take, value) in [("ours", "ours"), ("theirs", "theirs")] {
        let fleet = parted(
            |fleet| {
                drop(
                    fleet.cmd(["set", "shared/token"]).stdin("theirs").at("2026-11-20T11:00:00Z").run().ok(),
                );
            },
            set("shared/token", "ours"),
        );
        let ran = fleet.git_at("2026-11-20T12:00:00Z", &["merge", "--no-edit", "feature"]).with_code(1);
        ran.says(&[
            "error[merge::secret]: both branches changed `shared/token`",
            "ours has revision 2 (edited by `alice` at 2026-11-20T10:00:00Z)",
            "theirs has revision 2 (edited by `alice` at 2026-11-20T11:00:00Z)",
            "secretctl git-merge --take ours shared/token",
        ]);
        fleet.refuses(["check"], 3).says(&["error[ledger::unmerged]"]);
        fleet.refuses(["seal"], 3);
        fleet.cmd(["git-merge", "--take", take, "shared/token"]).at("2026-11-20T12:00:00Z").run().ok();
        fleet.cmd(["seal"]).at("2026-11-20T12:00:00Z").run().ok();
        fleet.git(&["add", "secrets", "sealed"]);
        fleet.git(&["commit", "--quiet", "--no-edit"]);
        fleet.cmd(["check", "--history"]).at("2026-11-20T12:00:00Z").run().ok();
        assert_eq!(fleet.show("shared/token"), value);
        has_lines_of(&fleet, "feature");
        has_lines_of(&fleet, "main~1");
        let log = fleet.run(["log", "shared/token", "--format", "json"]).ok().json();
        let last = log["lines"].as_array().unwrap().last().unwrap().clone();
        assert_eq!(last["revision"], 3);
        // What was ours before is no new value; whether theirs is, is not known.
        let changed = if take == "ours" { serde_json::json!(false) } else { serde_json::Value::Null };
        assert_eq!(last["value"]["changed"], changed);
        assert_eq!(attack::sealed_value(&fleet, "luna", &KEYS.luna, "shared/token"), value);
    }
}

#[test]
fn a_removal_on_one_branch_and_a_value_on_the_other_are_settled_either_way() {
    for take in ["ours", "theirs"] {
        let fleet = parted(|fleet| drop(fleet.run(["rm", "shared/token"]).ok()), set("shared/token", "ours"));
        merge(&fleet).with_code(1).says(&["theirs has revision 1 (removed by `alice`"]);
        settle(&fleet, take);
        assert_eq!(fleet.exists("secrets/shared/token.age"), take == "ours");
        has_lines_of(&fleet, "feature");
    }
}

#[test]
fn what_is_sealed_after_a_conflict_has_a_serial_above_those_of_both_branches() {
    let theirs = |fleet: &TestFleet| {
        for (value, time) in [("1", "11:00"), ("2", "12:00"), ("3", "13:00")] {
            let at = format!("2026-11-20T{time}:00Z");
            fleet.cmd(["set", "shared/token"]).stdin(value).at(&at).run().ok();
        }
    };
    let fleet = parted(theirs, set("shared/token", "ours"));
    let later = "2026-11-20T14:00:00Z";
    fleet.git_at(later, &["merge", "--no-edit", "feature"]).with_code(1);
    fleet.cmd(["git-merge", "--take", "ours", "shared/token"]).at(later).run().ok();
    fleet.cmd(["seal"]).at(later).run().ok();
    let other = fleet.git(&["show", "feature:sealed/luna/manifest.json"]);
    let other: serde_json::Value = serde_json::from_str(&other).unwrap();
    assert!(fleet.manifest("luna")["serial"].as_u64() > other["serial"].as_u64());
    fleet.git(&["add", "secrets", "sealed"]);
    fleet.git(&["commit", "--quiet", "--no-edit"]);
    fleet.cmd(["check", "--history"]).at(later).run().ok();
}

#[test]
fn one_name_for_two_new_secrets_is_settled() {
    let fleet = parted(set("luna/sonarr/new", "theirs"), set("luna/sonarr/new", "ours"));
    merge(&fleet).with_code(1).says(&["both branches changed `luna/sonarr/new`"]);
    fleet.run(["git-merge", "luna/sonarr/new"]).with_code(1).says(&["error[merge::secret]"]);
    fleet.run(["git-merge", "--take", "theirs", "luna/sonarr/new"]).ok();
    fleet.run(["seal"]).ok();
    fleet.git(&["add", "secrets", "sealed"]);
    fleet.git(&["commit", "--quiet", "--no-edit"]);
    fleet.assert_clean();
    assert_eq!(fleet.show("luna/sonarr/new"), "theirs");
}

#[test]
fn a_person_who_adds_the_conflict_as_it_is_has_not_settled_it() {
    let fleet = parted(set("shared/token", "theirs"), set("shared/token", "ours"));
    merge(&fleet).with_code(1);
    fleet.commit("as it is");
    fleet.run(["check"]).with_code(3).says(&["error[ledger::unmerged]"]);
    fleet.run(["git-merge", "--take", "ours", "shared/token"]).with_code(2).says(&["error[merge::nothing]"]);
    // Nor has one who takes a whole side and forgets the other.
    fleet.git(&["checkout", "main~1", "--", "secrets"]);
    fleet.commit("ours alone");
    let ran = fleet.run(["check"]).with_code(3);
    ran.says(&["error[ledger::rewritten]: the ledger of `shared/token` has lost lines"]);
    fleet.run(["git-merge", "--other", "feature", "--take", "ours", "shared/token"]).ok();
    fleet.run(["seal"]).ok();
    fleet.assert_clean();
    assert_eq!(fleet.show("shared/token"), "ours");
}

#[test]
fn a_manifest_that_no_admin_signed_is_never_signed_again_by_the_one_who_merges() {
    let fleet = parted(
        |fleet| fleet.forge_manifest("luna", &KEYS.eve, "\"services\":[\"restic\"]", "\"services\":[\"*\"]"),
        set("shared/token", "ours"),
    );
    let ran = merge(&fleet).with_code(1);
    ran.says(&["error[merge::sealed]: the manifests of host `luna` cannot be joined"]);
    let path = "sealed/luna/manifest.json";
    assert_eq!(fleet.text(path).trim(), fleet.git(&["show", &format!("HEAD:{path}")]));
}

#[test]
fn an_older_manifest_that_a_branch_put_back_is_not_merged() {
    let fleet = TestFleet::sealed().with_driver();
    let paths = ["sealed/luna/manifest.json", "sealed/luna/manifest.json.sig"];
    let old = fleet.keep(&paths);
    fleet.set("luna/restic/password", "newer").ok();
    fleet.commit("newer");
    fleet.git(&["switch", "--quiet", "--create", "feature"]);
    attack::restore(&old);
    fleet.commit("put back");
    fleet.git(&["switch", "--quiet", "main"]);
    fleet.set("shared/token", "ours").ok();
    fleet.commit("ours");
    merge(&fleet).with_code(1).says(&["one branch put it back to what ours had before"]);
}

#[test]
fn a_manifest_that_was_ours_before_takes_no_revocation_back() {
    let fleet = TestFleet::sealed().with_driver();
    let start = fleet.git(&["rev-parse", "HEAD"]);
    let paths = ["manifest.json", "manifest.json.sig", "files/luna/sonarr/new.age"];
    let paths = paths.map(|path| format!("sealed/luna/{path}"));
    fleet.set("luna/sonarr/new", "granted").ok();
    fleet.commit("granted");
    let granted = fleet.keep(&paths.each_ref().map(String::as_str));
    fleet.append("policies/access.rhai", "deny(\"luna/sonarr/new\");\n");
    fleet.run(["seal"]).ok();
    fleet.commit("revoked");
    assert!(!fleet.granted("luna").contains(&"luna/sonarr/new".to_owned()));
    fleet.git(&["switch", "--quiet", "--create", "feature", &start]);
    attack::restore(&granted);
    fleet.commit("as it was in between");
    fleet.git(&["switch", "--quiet", "main"]);
    merge(&fleet).with_code(1).says(&["one branch put it back to what ours had before"]);
    assert!(!fleet.granted("luna").contains(&"luna/sonarr/new".to_owned()));
}

#[test]
fn branches_that_merged_each_other_before_merge_again() {
    let fleet = parted(set("luna/restic/password", "theirs"), set("shared/token", "ours"));
    let (main, feature) = (fleet.git(&["rev-parse", "main"]), fleet.git(&["rev-parse", "feature"]));
    fleet.git(&["merge", "--no-edit", &feature]);
    fleet.set("forge/sonarr/api-key", "later on main").ok();
    fleet.commit("main goes on");
    fleet.git(&["switch", "--quiet", "feature"]);
    fleet.git_at("2026-11-20T10:05:00Z", &["merge", "--no-edit", &main]).ok();
    fleet.set("luna/sonarr/new", "later on feature").ok();
    fleet.commit("feature goes on");
    fleet.git(&["switch", "--quiet", "main"]);
    merge(&fleet).ok();
    fleet.assert_clean();
    for (secret, value) in [
        ("luna/restic/password", "theirs"),
        ("shared/token", "ours"),
        ("luna/sonarr/new", "later on feature"),
    ] {
        assert_eq!(attack::sealed_value(&fleet, "luna", &KEYS.luna, secret), value);
    }
}

fn merge_without_keys(fleet: &TestFleet) {
    let mut cmd = fleet.prepare(std::process::Command::new("git")).without_keys();
    for who in ["AUTHOR", "COMMITTER"] {
        cmd = cmd.env(&format!("GIT_{who}_NAME"), "test").env(&format!("GIT_{who}_EMAIL"), "t@example.org");
    }
    cmd.command.args(["merge", "--no-edit", "feature"]);
    cmd.run().with_code(1).says(&["no signing key was found"]);
}

#[test]
fn a_ledger_that_could_not_be_signed_while_merging_is_settled_without_a_choice() {
    let fleet = parted(set("shared/token", "theirs"), |fleet| {
        let key = KEYS.bob.public();
        fleet.run(["host", "add", "nova", "--recipient", &key]).ok();
        fleet.run(["seal"]).ok();
    });
    merge_without_keys(&fleet);
    fleet.run(["git-merge", "shared/token"]).ok().prints(&["shared/token: revision 2"]);
    fleet.run(["seal"]).ok();
    fleet.git(&["add", "secrets", "sealed"]);
    fleet.git(&["commit", "--quiet", "--no-edit"]);
    fleet.assert_clean();
    assert_eq!(attack::sealed_value(&fleet, "nova", &KEYS.bob, "shared/token"), "theirs");
}

#[test]
fn a_conflict_in_a_rebase_is_settled_by_the_same_commands() {
    let fleet = parted(set("shared/token", "theirs"), set("shared/token", "ours"));
    fleet.git(&["switch", "--quiet", "feature"]);
    fleet.try_git(&["rebase", "main"]).with_code(1).says(&["error[merge::secret]"]);
    fleet.run(["git-merge", "--take", "theirs", "shared/token"]).ok();
    fleet.run(["seal"]).ok();
    fleet.git(&["add", "secrets", "sealed"]);
    fleet.git(&["-c", "core.editor=true", "rebase", "--continue"]);
    fleet.assert_clean();
    assert_eq!(fleet.show("shared/token"), "theirs");
    has_lines_of(&fleet, "ORIG_HEAD");
}

#[test]
fn without_a_key_to_sign_with_the_merge_stops_and_is_settled_later() {
    let fleet = parted(set("luna/restic/password", "theirs"), set("shared/token", "ours"));
    merge_without_keys(&fleet);
    fleet.run(["seal"]).ok();
    fleet.git(&["add", "secrets", "sealed"]);
    fleet.git(&["commit", "--quiet", "--no-edit"]);
    fleet.assert_clean();
    assert_eq!(fleet.show("luna/restic/password"), "theirs");
}

#[test]
fn a_clone_without_the_driver_keeps_signed_files_whole() {
    let fleet = parted(set("luna/restic/password", "theirs"), set("shared/token", "ours"));
    fleet.git(&["config", "--unset", "merge.secretctl.driver"]);
    fleet.remove(".git/info/attributes");
    merge(&fleet).with_code(1);
    assert!(!fleet.text("sealed/luna/manifest.json").contains("<<<<"));
    fleet.run(["seal"]).ok();
    fleet.git(&["add", "sealed"]);
    fleet.git(&["commit", "--quiet", "--no-edit"]);
    fleet.assert_clean();
}

#[test]
fn the_setup_says_what_it_did_and_does_it_once_also_for_a_fleet_in_a_folder() {
    let fleet = TestFleet::sealed();
    fleet.run(["git-setup"]).with_code(2).says(&["error[git::no_repository]"]);
    let top = fleet.outside().to_owned();
    let mut init = fleet.prepare(std::process::Command::new("git"));
    init.command.args(["init", "--quiet", "--initial-branch=main"]).current_dir(&top);
    init.run().ok();
    fleet.append(".gitattributes", "*.md text");
    fleet.commit("start");
    let ran = fleet.run(["git-setup", "--program", BIN]).ok();
    ran.says(&["info/attributes", "merge.secretctl.driver"]);
    fleet.run(["git-setup", "--program", BIN]).ok().says(&["everything was set already"]);
    let attributes = std::fs::read_to_string(top.join(".git/info/attributes")).unwrap();
    assert_eq!(
        attributes,
        "/fleet/secrets/** diff=secretctl merge=secretctl\n/fleet/sealed/** diff=secretctl merge=secretctl\n\
         /fleet/**/*.age diff=secretctl\n/fleet/**/*.sops.* diff=secretctl merge=secretctl\n"
    );
    fleet.git(&["switch", "--quiet", "--create", "feature"]);
    fleet.set("luna/restic/password", "theirs").ok();
    fleet.commit("theirs");
    fleet.git(&["switch", "--quiet", "main"]);
    fleet.set("shared/token", "ours").ok();
    fleet.commit("ours");
    merge(&fleet).ok();
    fleet.assert_clean();
}
