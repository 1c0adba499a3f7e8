//! `status`: what to do next, in one screen.

use std::process::Command;

use crate::common::KEYS;
use crate::common::TestFleet;
use crate::common::git;
use crate::common::git::set;
use crate::common::tool;

fn status(fleet: &TestFleet, at: &str) -> crate::common::Ran {
    fleet.cmd(["status"]).at(at).without_keys().run()
}

fn tasks(fleet: &TestFleet) -> Vec<String> {
    let ran = fleet.cmd(["status", "--format", "json"]).without_keys().run();
    let groups = ran.json()["groups"].as_array().unwrap().clone();
    groups.iter().map(|group| group["task"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn a_fleet_in_order_has_nothing_to_do() {
    let fleet = TestFleet::sealed();
    let ran = status(&fleet, "2026-11-20T10:00:00Z").ok();
    assert_eq!(ran.stdout(), "3 secrets, 2 hosts sealed for, on 2026-11-20\nnothing to do\n");
}

#[test]
fn each_group_names_the_command_that_settles_it() {
    let fleet = TestFleet::sealed();
    let (bob, key) = (KEYS.bob.public(), KEYS.bob.public_file());
    fleet.run(["--signing-key", key.to_str().unwrap(), "admin", "add", "bob", "--recipient", &bob]).ok();
    fleet.run(["rekey"]).ok();
    fleet.run(["admin", "remove", "bob"]).ok();
    fleet.run(["host", "add", "later"]).ok();
    fleet.write(
        "policies/access.rhai",
        "allow(\"{host}/{service}/**\").until(\"2027-01-10\");\nallow(\"shared/**\").hosts(\"luna\");\n\
         rotate(\"shared/token\").every(\"30d\");\nrotate(\"luna/**\").every(\"50d\");\ngenerate(\"shared/new\", password(24));\n",
    );
    let ran = status(&fleet, "2027-01-05T00:00:00Z").ok();
    insta::assert_snapshot!(ran.stdout(), @r"
    3 secrets, 2 hosts sealed for, on 2027-01-05

    3 sources to rekey: `secretctl rekey`
      forge/sonarr/api-key and 2 more

    1 missing value to generate: `secretctl generate`
      shared/new

    not sealed as policy and sources say: `secretctl seal`
      forge (host) and 2 more

    4 exposures: values in use that somebody knows who may not: `secretctl rotate --exposed`
      forge/sonarr/api-key (admin `bob` knows it: they have left) and 3 more

    1 value overdue: `secretctl rotate --due`
      shared/token (due since 2026-12-20)

    1 value due soon: `secretctl rotate luna/restic/password`
      luna/restic/password (due on 2027-01-09)

    2 grants near the end: `secretctl policy who-can forge/sonarr/api-key`
      forge/sonarr/api-key (host `forge` may read it until 2027-01-10) and 1 more

    1 pending host without sealed copies: `secretctl host set later --ssh ADDRESS`
      later (has no key yet)
    ");
    // What the commands do takes their groups away.
    assert_eq!(tasks(&fleet), ["rekey", "generate", "seal", "exposed", "pending"]);
    for command in ["rekey", "generate", "seal"] {
        fleet.run([command]).ok();
    }
    assert_eq!(tasks(&fleet), ["exposed", "pending"]);
}

#[test]
fn what_is_not_committed_is_told_wherever_one_stands() {
    let fleet = TestFleet::sealed();
    let git = |args: &[&str]| {
        let ran = Command::new(tool("git"))
            .args(["-c", "user.name=a", "-c", "user.email=a@b", "-C", fleet.root().to_str().unwrap()])
            .args(args)
            .output()
            .unwrap();
        assert!(ran.status.success(), "{}", String::from_utf8_lossy(&ran.stderr));
    };
    git(&["init", "--quiet"]);
    git(&["add", "--all"]);
    git(&["commit", "--quiet", "--message", "all"]);
    assert_eq!(tasks(&fleet), [""; 0]);
    fleet.write("notes.txt", "not part of the fleet");
    assert_eq!(tasks(&fleet), [""; 0]);
    fleet.set("shared/token", "another value of it").ok();
    let from = |folder: &std::path::Path| {
        let mut cmd = fleet.cmd(["status", "--fleet", fleet.root().to_str().unwrap()]);
        cmd.command.current_dir(folder);
        cmd.run().ok().stdout()
    };
    let told = from(&fleet.root());
    assert!(told.contains("changes not committed: `git add sealed secrets && git commit`"), "{told}");
    assert!(told.contains("  secrets/shared/token.age"), "{told}");
    assert_eq!(from(&fleet.path("secrets")), told);
    assert_eq!(from(fleet.outside()), told);
}

#[test]
fn tampering_comes_first_and_is_the_one_failure() {
    let fleet = TestFleet::sealed();
    fleet.flip("secrets/shared/token.age");
    let ran = status(&fleet, "2026-11-20T10:00:00Z").with_code(3);
    assert!(
        ran.stdout().contains("cannot be believed; find out why before anything else: `secretctl check`"),
        "{ran}"
    );
    assert_eq!(tasks(&fleet)[0], "tampered");
}

#[test]
fn a_screen_is_enough_however_much_there_is() {
    let fleet = TestFleet::sealed();
    let names: Vec<String> =
        (0..40).map(|n| format!("generate(\"shared/new-{n:02}\", password(24));\n")).collect();
    fleet.append("policies/access.rhai", &format!("\nrotate(\"**\").every(\"30d\");\n{}", names.concat()));
    for name in 0..30 {
        fleet.run(["host", "add", &format!("later-{name}")]).ok();
    }
    let ran = status(&fleet, "2027-02-01T00:00:00Z").ok();
    let text = ran.stdout();
    assert!(text.lines().count() <= 25, "{text}");
    for part in ["40 missing values to generate", "30 pending hosts", "3 values overdue", " more"] {
        assert!(text.contains(part), "{part}\n{text}");
    }
}

#[test]
fn a_merge_that_has_stopped_comes_first_with_what_settles_it_and_nothing_is_committed_before() {
    for driver in [true, false] {
        let fleet = if driver { TestFleet::sealed().with_driver() } else { TestFleet::sealed().in_git() };
        let fleet = git::parted(fleet, set("shared/token", "theirs"), set("shared/token", "ours"));
        git::merge(&fleet).with_code(1);
        let first =
            || status(&fleet, "2026-11-20T10:00:00Z").stdout().lines().nth(2).unwrap_or_default().to_owned();
        let merge = "a merge waits to be settled, and nothing is committed before: ";
        assert_eq!(
            first(),
            format!("{merge}`secretctl git-merge --take ours|theirs shared/token`"),
            "{driver}"
        );
        let told = status(&fleet, "2026-11-20T10:00:00Z").stdout();
        assert!(!told.contains("git commit") && told.contains("(both branches changed it)"), "{told}");
        fleet.run(["git-merge", "--take", "theirs", "shared/token"]).ok();
        assert_eq!(first(), format!("{merge}`secretctl seal`"));
        fleet.run(["seal"]).ok();
        assert_eq!(first(), format!("{merge}`git add sealed secrets`"));
        fleet.git(&["add", "secrets", "sealed"]);
        let told = status(&fleet, "2026-11-20T10:00:00Z").ok().stdout();
        assert!(told.contains("git commit") && !told.contains("merge waits"), "{told}");
    }
}

#[test]
fn attributes_that_keep_git_from_signed_bytes_are_among_what_is_to_be_committed() {
    let fleet = TestFleet::sealed().in_git();
    fleet.append(".gitattributes", "# more\n");
    let told = status(&fleet, "2026-11-20T10:00:00Z").ok().stdout();
    assert!(told.contains("1 change not committed: `git add .gitattributes && git commit`"), "{told}");
}

#[test]
fn a_secret_that_no_host_may_read_and_a_fleet_without_git_are_told() {
    let fleet = TestFleet::sealed();
    fleet.write("policies/access.rhai", "allow(\"{host}/{service}/**\");\n");
    let ran = status(&fleet, "2026-11-20T10:00:00Z");
    ran.says(&[
        "note: no host may read `shared/token`; `secretctl policy lint`",
        "without history `check` cannot see",
    ]);
    let ran = status(&fleet.in_git(), "2026-11-20T10:00:00Z");
    assert!(!ran.stderr().contains("without history"), "{ran}");
}
