//! What Git shows of a fleet: plaintext to who has the key, words to everybody else, and never a file.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use crate::common::BIN;
use crate::common::KEYS;
use crate::common::Ran;
use crate::common::TestFleet;
use crate::common::terminal::Terminal;
use crate::common::tool;

const OLD: &str = "old-diff-needle";
const NEW: &str = "new-diff-needle";

/// A secret with two values, each in a commit of its own.
fn changed(fleet: TestFleet) -> TestFleet {
    let fleet = fleet.secret("shared/needle", &format!("same\n{OLD}\n")).with_driver();
    fleet.set("shared/needle", &format!("same\n{NEW}\n")).ok();
    fleet.commit("a new value");
    fleet
}

/// `git` as somebody with other keys.
fn git_by(fleet: &TestFleet, variables: &[(&str, &str)], args: &[&str]) -> Ran {
    let mut cmd = fleet.prepare(std::process::Command::new(tool("git"))).without_keys();
    for (name, value) in variables {
        cmd = cmd.env(name, value);
    }
    cmd.command.args(args);
    cmd.run()
}

#[test]
fn git_shows_what_changed_in_a_value_line_by_line() {
    let fleet = changed(TestFleet::new());
    let shown = fleet.git(&["diff", "HEAD~1", "--", "secrets/shared/needle.age"]);
    let lines: Vec<&str> = shown.lines().skip_while(|line| !line.starts_with("@@")).collect();
    assert_eq!(lines, ["@@ -1,2 +1,2 @@", " same", &format!("-{OLD}"), &format!("+{NEW}")], "{shown}");
    let log = fleet.git(&["log", "-p", "--", "secrets/shared/needle.age"]);
    assert!(log.contains(&format!("+{OLD}")) && log.contains(&format!("+{NEW}")), "{log}");
    // In the work tree as well, where Git hands over the file itself.
    fleet.set("shared/needle", "third").ok();
    let shown = fleet.git(&["diff", "--", "secrets/shared/needle.age"]);
    assert!(shown.contains(&format!("-{NEW}")) && shown.contains("+third"), "{shown}");
}

#[test]
fn ledgers_and_manifests_are_shown_in_words() {
    let fleet = TestFleet::sealed().with_driver();
    fleet.set("shared/token", "another-token-of-33-random-signs").ok();
    fleet.run(["seal"]).ok();
    fleet.commit("a new value");
    let ledger = fleet.git(&["diff", "HEAD~1", "--", "secrets/shared/token.ledger"]);
    assert!(
        ledger.contains(
            "+shared/token revision 2 edited by alice at 2026-11-20T10:00:00Z, a new value; \
                         encrypted to admin `alice`, recovery; sealed for forge, luna"
        ),
        "{ledger}"
    );
    assert!(!ledger.contains("\"sig\""), "{ledger}");
    let manifest = fleet.git(&["diff", "HEAD~1", "--", "sealed/forge/manifest.json"]);
    for part in [
        "-manifest of forge, serial 2,",
        "+manifest of forge, serial 3,",
        "-shared/token revision 1 for every service",
        "+shared/token revision 2 for every service",
        " forge/sonarr/api-key revision 1 for sonarr",
    ] {
        assert!(manifest.contains(part), "{part}:\n{manifest}");
    }
    let sealed = fleet.git(&["diff", "HEAD~1", "--", "sealed/forge/files/shared/token.age"]);
    assert!(
        sealed.contains("age file for X25519") && sealed.contains("none of your keys opens it"),
        "{sealed}"
    );
    assert!(!sealed.contains("another-token"), "{sealed}");
}

#[test]
fn who_has_no_key_sees_what_it_is_and_that_it_changed() {
    let fleet = changed(TestFleet::new());
    for key in [None, Some(KEYS.eve.private())] {
        let variables: Vec<(&str, &str)> =
            key.map(|key| ("SECRETCTL_IDENTITY", key.to_str().unwrap())).into_iter().collect();
        let ran = git_by(&fleet, &variables, &["diff", "HEAD~1", "--", "secrets/shared/needle.age"]).ok();
        let shown = ran.stdout();
        for part in [
            "-source of shared/needle, revision 1",
            "+source of shared/needle, revision 2",
            "+sha256 ",
            " age file for ",
            "X25519",
            "ssh-ed25519 (tag ",
        ] {
            assert!(shown.contains(part), "{part}: {ran}");
        }
        assert!(!shown.contains("needle\n-") && !shown.contains(OLD) && !shown.contains(NEW), "{ran}");
    }
}

#[test]
fn nobody_is_asked_for_a_passphrase_and_is_told_how_to_do_without() {
    let locked = KEYS.locked.public();
    let fleet = TestFleet::new();
    fleet.run(["admin", "add", "lock", "--recipient", &locked]).ok();
    let fleet = changed(fleet);
    let script = format!(
        "git diff HEAD~1 -- secrets/shared | cat; SECRETCTL_IDENTITY={} git diff HEAD~1 -- secrets/shared/needle.age | cat",
        KEYS.locked.private().display()
    );
    let terminal = Terminal::run(&fleet, &[], &script);
    assert_eq!(terminal.code(), 0, "{}", terminal.screen());
    let screen = terminal.screen().replace('\n', " ");
    assert!(screen.contains(NEW) && screen.contains("SECRETCTL_IDENTITY=FILE git"), "{screen}");
    assert!(!screen.contains("assphrase:") && !screen.contains("passphrase of"), "{screen}");
}

#[test]
fn a_plugin_is_not_started_for_each_file() {
    let fleet = changed(TestFleet::new());
    let folder = fleet.outside().join("plugins");
    std::fs::create_dir(&folder).unwrap();
    let plugin = folder.join("age-plugin-quux");
    std::fs::write(&plugin, format!("#!/bin/sh\ntouch {}/asked\nexit 1\n", folder.display())).unwrap();
    std::fs::set_permissions(&plugin, std::fs::Permissions::from_mode(0o755)).unwrap();
    let path = format!("{}:{}", folder.display(), crate::common::PATH);
    let real = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/plugins/age-plugin-quux");
    let keys = std::process::Command::new(real).arg("--keys").output().unwrap().stdout;
    let identity = fleet.outside().join("plugin-identity");
    std::fs::write(&identity, String::from_utf8(keys).unwrap().trim().split_once('\n').unwrap().1).unwrap();
    let variables = [("PATH", path.as_str()), ("SECRETCTL_IDENTITY", identity.to_str().unwrap())];
    let ran = git_by(&fleet, &variables, &["diff", "HEAD~1", "--", "secrets/shared/needle.age"]).ok();
    assert!(ran.stdout().contains("a passphrase or a touch"), "{ran}");
    assert!(!folder.join("asked").exists());
}

#[test]
fn nothing_is_opened_where_git_would_keep_the_output() {
    let fleet = changed(TestFleet::new());
    let diff = ["diff", "HEAD~1", "--", "secrets/shared/needle.age"];
    for setting in [
        "diff.secretctl.cachetextconv=true",
        "diff.secretctl.cachetextconv",
        "diff.secretctl.cacheTextConv=yes",
    ] {
        let ran = fleet.try_git(&[&["-c", setting], &diff[..]].concat());
        assert_ne!(ran.code(), 0, "{setting}: {ran}");
        assert!(ran.stderr().contains("git::cached_plaintext") && !ran.stdout().contains(NEW), "{ran}");
    }
    // A driver that somebody has named otherwise.
    let own = ["-c", "diff.mine.cachetextconv=1", "-c", &format!("diff.mine.textconv={BIN} git-diff")];
    let ran = fleet.try_git(&[&own[..], &diff[..]].concat());
    assert!(ran.stderr().contains("diff.mine.cachetextconv"), "{ran}");
    let off = ["-c", "diff.secretctl.cachetextconv=false", "-c", "diff.other.cachetextconv=true"];
    assert!(fleet.try_git(&[&off[..], &diff[..]].concat()).ok().stdout().contains(NEW));
    // Nor is such a clone set up.
    fleet.git(&["config", "diff.secretctl.cachetextconv", "true"]);
    fleet
        .run(["git-setup"])
        .with_code(1)
        .says(&["git::cached_plaintext", "--unset diff.secretctl.cachetextconv"]);
    assert_eq!(fleet.git(&["for-each-ref", "refs/notes"]), "");
}

#[test]
fn git_keeps_no_plaintext_and_the_setup_never_tells_it_to() {
    let fleet = changed(TestFleet::sealed_on_disk());
    assert!(!std::fs::read_to_string(fleet.path(".git/config")).unwrap().to_lowercase().contains("cache"));
    let log = fleet.outside().join("calls.log");
    let mut command = std::process::Command::new(tool("strace"));
    command.args(["-f", "-qq", "-y", "-s", "65536", "-o"]).arg(&log);
    command.args(["-e", "trace=write,writev,pwrite64,openat", "git", "log", "-p"]);
    assert!(fleet.prepare(command).run().ok().stdout().contains(NEW));
    let calls = std::fs::read_to_string(&log).unwrap();
    std::fs::remove_file(&log).unwrap();
    let told: Vec<&str> = calls.lines().filter(|line| line.contains(NEW)).collect();
    assert!(!told.is_empty());
    for line in told {
        assert!(line.contains("<pipe:[") && line.contains("write"), "plaintext went elsewhere:\n{line}");
    }
    assert_eq!(fleet.leaks(&[OLD, NEW]), [""; 0]);
}

#[test]
fn what_is_nothing_of_ours_is_shown_as_it_is_and_nothing_is_obeyed_by_a_terminal() {
    let fleet = TestFleet::new();
    fleet.write("secrets/plain.sops.yaml", "a: 1\n");
    assert_eq!(fleet.run(["git-diff", "secrets/plain.sops.yaml"]).ok().stdout(), "a: 1\n");
    fleet.write("odd.ledger", "<<<<<<< ours\nx\u{1b}[2J\n");
    assert_eq!(fleet.run(["git-diff", "odd.ledger"]).ok().stdout(), "<<<<<<< ours\nx\\u{1b}[2J\n");
    fleet.set("shared/escape", "\u{1b}]0;title\u{7}x").ok();
    assert_eq!(fleet.run(["git-diff", "secrets/shared/escape.age"]).ok().stdout(), "\\u{1b}]0;title\\u{7}x");
    fleet.write("empty.age", "");
    assert_eq!(fleet.run(["git-diff", "empty.age"]).ok().stdout(), "");
    fleet.run(["git-diff", "nothing.age"]).with_code(4).says(&["fs::failed"]);
}

#[test]
fn a_fleet_that_is_broken_can_be_looked_at_all_the_same() {
    let fleet = changed(TestFleet::new());
    fleet.write("policies/access.rhai", "allow(\n");
    fleet.append("secretctl.toml", "nonsense = [\n");
    let shown = fleet.git(&["diff", "HEAD~1", "--", "secrets/shared/needle.age"]);
    assert!(shown.contains(NEW), "{shown}");
}
