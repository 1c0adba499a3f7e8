//! Promise 9: on a branch of a stranger, `check` and the like run no program that it names, read nothing outside of it,
//! and print nothing of the machine.

use std::os::unix::fs::PermissionsExt;
use std::os::unix::fs::symlink;
use std::path::PathBuf;
use std::process::Command;

use crate::common::TestFleet;
use crate::common::attack::restore;
use crate::common::tool;

/// Commands that CI runs on a branch, or that somebody runs to look at it.
const READERS: [&[&str]; 9] = [
    &["check"],
    &["check", "--history"],
    &["audit"],
    &["status"],
    &["list"],
    &["log", "shared/token"],
    &["policy", "lint"],
    &["policy", "diff", "HEAD"],
    &["report"],
];

/// A program that leaves a mark when anybody runs it.
struct Trap {
    program: PathBuf,
    mark: PathBuf,
}

impl Trap {
    fn set(fleet: &TestFleet) -> Self {
        let (program, mark) = (fleet.outside().join("trap"), fleet.outside().join("trap-was-run"));
        std::fs::write(&program, format!("#!/bin/sh\ntouch '{}'\ncat\n", mark.display())).unwrap();
        std::fs::set_permissions(&program, PermissionsExt::from_mode(0o755)).unwrap();
        Self { program, mark }
    }

    fn assert_not_run(&self, what: &str) {
        assert!(!self.mark.exists(), "{what} ran a program of the branch");
    }
}

/// The fleet is a folder of a larger repository.
fn in_a_subfolder() -> TestFleet {
    let fleet = TestFleet::sealed();
    outer_git(&fleet, &["init", "--quiet", "--initial-branch=main"]);
    outer_git(&fleet, &["add", "fleet"]);
    outer_git(&fleet, &["commit", "--quiet", "--message", "start"]);
    fleet
}

fn outer_git(fleet: &TestFleet, args: &[&str]) {
    let outside = fleet.outside().to_str().unwrap().to_owned();
    let args: Vec<&str> = ["-C", &outside].into_iter().chain(args.iter().copied()).collect();
    fleet.git(&args);
}

/// The files of a bare repository in the fleet, as a commit can bring them, with settings that name a program.
fn plant_bare(fleet: &TestFleet, trap: &Trap) {
    let program = trap.program.display();
    fleet.write("HEAD", "ref: refs/heads/main\n");
    fleet.write("objects/info/keep", "");
    fleet.write("refs/heads/keep", "");
    fleet.write(
        "config",
        format!(
            "[core]\n\trepositoryformatversion = 0\n\tbare = false\n\tworktree = {}\n\tfsmonitor = {program}\n\
             \tsshCommand = {program}\n\tpager = {program}\n[diff]\n\texternal = {program}\n",
            fleet.root().display()
        ),
    );
}

#[test]
fn a_bare_repository_beside_the_fleet_runs_nothing_and_the_history_is_that_of_the_outer_one() {
    let fleet = in_a_subfolder();
    let trap = Trap::set(&fleet);
    let old = fleet.keep(&["secrets/shared/token.age", "secrets/shared/token.ledger"]);
    fleet.cmd(["set", "shared/token"]).stdin("second").at("2026-11-21T10:00:00Z").run().ok();
    outer_git(&fleet, &["add", "fleet"]);
    outer_git(&fleet, &["commit", "--quiet", "--message", "second"]);
    plant_bare(&fleet, &trap);
    restore(&old);
    for args in READERS {
        fleet.run(args);
        trap.assert_not_run(&args.join(" "));
    }
    let ran = fleet.run(["check"]).with_code(3);
    ran.says(&["error[ledger::rewritten]: the ledger of `shared/token` has lost lines"]);
    fleet.run(["policy", "diff", "HEAD"]).ok();
}

#[test]
fn settings_that_a_clone_takes_from_its_branch_name_programs_in_vain() {
    let fleet = TestFleet::sealed().in_git();
    let trap = Trap::set(&fleet);
    let program = trap.program.display();
    // Many clones include a file of the branch, to share aliases.
    fleet.git(&["config", "include.path", "../.gitconfig"]);
    fleet.write(
        ".gitconfig",
        format!(
            "[core]\n\tfsmonitor = {program}\n\tsshCommand = {program}\n\thooksPath = {}\n\
             [filter \"a=b\"]\n\tclean = {program}\n\tsmudge = {program}\n\trequired = true\n\
             [filter \"c\"]\n\tprocess = {program}\n\
             [diff]\n\texternal = {program}\n[diff \"x\"]\n\ttextconv = {program}\n\tcommand = {program}\n\
             [gpg]\n\tprogram = {program}\n[log]\n\tshowSignature = true\n",
            fleet.outside().display()
        ),
    );
    fleet.write(".gitattributes", "* filter=a=b diff=x\npolicies/** filter=c\n");
    // Files that Git must look into, since neither time nor size says that they are the same.
    for file in ["secretctl.toml", "policies/access.rhai", "secrets/shared/token.ledger"] {
        let text = fleet.read(file);
        fleet.remove(file);
        fleet.write(file, text);
    }
    let again = || Command::new(tool("touch")).arg(fleet.path("secretctl.toml")).status().unwrap();
    for args in READERS {
        again();
        fleet.run(args);
        trap.assert_not_run(&args.join(" "));
    }
}

#[test]
fn a_clone_without_all_contents_fetches_nothing_and_says_that_the_comparison_is_incomplete() {
    let fleet = TestFleet::sealed().in_git();
    fleet.cmd(["set", "shared/token"]).stdin("second").at("2026-11-21T10:00:00Z").run().ok();
    fleet.commit("second");
    fleet.git(&["config", "uploadpack.allowFilter", "true"]);
    let trap = Trap::set(&fleet);
    for (filter, name) in [("blob:none", "blobless"), ("tree:0", "treeless")] {
        let clone = fleet.outside().join(name);
        let (from, to) = (format!("file://{}", fleet.root().display()), clone.to_str().unwrap());
        fleet.git(&["clone", "--quiet", "--filter", filter, &from, to]);
        // What is missing would come from there.
        let upload = trap.program.to_str().unwrap();
        fleet.git(&["-C", to, "config", "remote.origin.uploadpack", upload]);
        let ran = fleet.cmd(["--fleet", to, "check"]).at("2026-11-21T10:00:00Z").run().ok();
        trap.assert_not_run(name);
        ran.says(&["warning[git::partial]", "incomplete"]);
    }
}

#[test]
fn a_repository_that_git_cannot_use_is_named_and_never_taken_for_none() {
    let fleet = in_a_subfolder();
    fleet.write(".git", "gitdir: /nowhere/worktrees/gone\n");
    fleet.run(["check"]).says(&["error[git::broken]", "fleet/.git`"]);
    fleet.remove(".git");
    // An empty folder is passed by, as Git does.
    std::fs::create_dir(fleet.path(".git")).unwrap();
    fleet.run(["check", "--history"]).ok();
    let ran = fleet.cmd(["check"]).env("PATH", "/nowhere").run();
    ran.says(&["warning[git::missing]"]);
}

#[test]
fn the_repository_that_a_hook_names_is_the_one() {
    let fleet = TestFleet::sealed().in_git();
    let git_dir = fleet.outside().join("elsewhere.git");
    std::fs::rename(fleet.path(".git"), &git_dir).unwrap();
    fleet.run(["policy", "diff", "HEAD"]).with_code(2).says(&["error[git::no_repository]"]);
    let named = fleet.cmd(["policy", "diff", "HEAD"]).env("GIT_DIR", &git_dir);
    named.env("GIT_WORK_TREE", fleet.root()).run().ok();
}

#[test]
fn no_link_in_a_branch_prints_what_it_leads_to() {
    let secret = "PRIVATE-OF-THE-MACHINE";
    for linked in ["secretctl.toml", "policies/access.rhai", "policies", "secrets/shared/token.ledger"] {
        let fleet = TestFleet::sealed().in_git();
        let folder = fleet.outside().join("private");
        std::fs::create_dir(&folder).unwrap();
        std::fs::write(folder.join("env.rhai"), format!("TOKEN={secret}\n")).unwrap();
        let path = fleet.path(linked);
        let target = if path.is_dir() {
            std::fs::remove_dir_all(&path).unwrap();
            folder
        } else {
            std::fs::remove_file(&path).unwrap();
            folder.join("env.rhai")
        };
        symlink(&target, &path).unwrap();
        for args in READERS {
            let ran = fleet.run(args);
            assert!(!ran.to_string().contains(secret), "{linked}: {ran}");
        }
        let ran = fleet.run(["check"]);
        assert!(ran.code() != 0 && ran.stderr().contains(" link"), "{linked}: {ran}");
    }
}

#[test]
fn the_environment_is_not_printed_by_a_link_to_it() {
    let fleet = TestFleet::sealed();
    fleet.remove("secretctl.toml");
    symlink("/proc/self/environ", fleet.path("secretctl.toml")).unwrap();
    for args in READERS {
        let ran = fleet.cmd(args).env("TOKEN_OF_CI", "PRIVATE-OF-THE-MACHINE").run();
        assert!(!ran.to_string().contains("PRIVATE-OF-THE-MACHINE"), "{ran}");
    }
}

#[test]
fn a_pipe_in_a_branch_is_not_waited_for() {
    for path in ["secretctl.toml", "policies/access.rhai", "sealed/forge/manifest.json"] {
        let fleet = TestFleet::sealed();
        fleet.remove(path);
        assert!(Command::new(tool("mkfifo")).arg(fleet.path(path)).status().unwrap().success());
        let mut command = Command::new(tool("timeout"));
        command.args(["20", crate::common::BIN, "check"]);
        let ran = fleet.prepare(command).run();
        assert!(ran.code() != 124 && ran.stderr().contains("not a regular file"), "{path}: {ran}");
    }
}

#[test]
fn a_baseline_in_the_fleet_that_is_a_link_is_not_read() {
    let fleet = TestFleet::sealed();
    let private = fleet.outside().join("private.json");
    std::fs::write(&private, "{\"version\": \"PRIVATE-OF-THE-MACHINE\"}").unwrap();
    symlink(&private, fleet.path("audit-baseline.json")).unwrap();
    for path in ["audit-baseline.json", "policies/../audit-baseline.json"] {
        let ran = fleet.run(["audit", "--baseline", path]);
        assert!(ran.code() == 4 && !ran.to_string().contains("PRIVATE"), "{ran}");
    }
}

#[test]
fn no_name_in_a_branch_becomes_a_command_to_the_runner_of_ci() {
    let command = "::error title=from the branch::x";
    let fleet = TestFleet::sealed().in_git();
    fleet.write(&format!("secrets/a\n{command}"), "");
    fleet.write(command, "");
    let because = format!("fine\\n{command}\\r{command}");
    fleet.write(
        "policies/access.rhai",
        format!("allow(\"shared/**\").because(\"{because}\");\nnever(\"a/**\").because(\"{because}\");\n"),
    );
    let more: [&[&str]; 8] = [
        &["policy", "explain", "shared/token", "forge"],
        &["policy", "who-can", "shared/token"],
        &["policy", "matrix"],
        &["policy", "matrix", "--format", "csv"],
        &["policy", "test"],
        &["policy", "test", "--format", "junit"],
        &["policy", "diff", "HEAD", "--format", "markdown"],
        &["audit", "--format", "junit"],
    ];
    assert_no_command(&fleet, &READERS);
    assert_no_command(&fleet, &more);
    fleet.append("secretctl.toml", &format!("\n\"a\\n{command}\" = \"b\\n{command}\"\n"));
    assert_no_command(&fleet, &READERS);
}

/// GitHub's runner takes a line that starts like this for a command.
fn assert_no_command(fleet: &TestFleet, commands: &[&[&str]]) {
    for args in commands {
        let ran = fleet.run(*args);
        for line in ran.stdout().split(['\n', '\r']).chain(ran.stderr().split(['\n', '\r'])) {
            assert!(!line.trim_start().starts_with("::") && !line.contains("##["), "{args:?}: {line}\n{ran}");
        }
    }
}
