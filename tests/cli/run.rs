//! A command with secrets: what it gets, what it does not, and what is left when it ends.

use std::fs;
use std::path::Path;
use std::path::PathBuf;
use std::process::Command;

use crate::common::BIN;
use crate::common::KEYS;
use crate::common::TestFleet;
use crate::common::contains;
use crate::common::terminal::Terminal;
use crate::common::tool;
use crate::common::wait_for;

const NEEDLE: &str = "run-needle-51c9";

fn fleet() -> TestFleet {
    TestFleet::new().secret("dev/api-key", NEEDLE).secret("dev/db/password", "two\nlines\n")
}

/// The folders of files are gone soon after the command.
fn assert_wiped(fleet: &TestFleet) {
    wait_for("the files of the command to go", 10, || fleet.plaintext_folders().is_empty().then_some(()));
}

#[test]
fn a_command_gets_values_byte_for_byte_in_variables() {
    let fleet = fleet();
    let script = "printf %s \"$TOKEN|$API_KEY|$DB_PASSWORD\"";
    let ran =
        fleet.run(["run", "--env", "TOKEN=dev/api-key", "--prefix", "dev/", "--", "sh", "-c", script]).ok();
    assert_eq!(ran.stdout(), format!("{NEEDLE}|{NEEDLE}|two\nlines\n"));
    assert_eq!(ran.stderr(), "");
    // Without the dashes, options behind the command are the command's own.
    let ran = fleet.run(["run", "--env", "TOKEN=dev/api-key", "env", "--null", "PATH=x"]).ok();
    assert!(contains(ran.stdout().as_bytes(), format!("TOKEN={NEEDLE}\0").as_bytes()), "{ran}");
}

#[test]
fn input_output_exit_code_and_signal_are_those_of_the_command() {
    let fleet = fleet();
    let run = |script: &str| fleet.cmd(["run", "--env", "TOKEN=dev/api-key", "--", "sh", "-c", script]);
    let ran = run("cat; echo talk >&2; exit 42").stdin("typed").run().with_code(42);
    assert_eq!((ran.stdout().as_str(), ran.stderr().as_str()), ("typed", "talk\n"));
    let ran = run("kill -TERM $$").run();
    assert_eq!(ran.code(), -15, "a shell makes 143 of it: {ran}");
    let ran = fleet.run(["run", "--file", "F=dev/api-key", "--", "sh", "-c", "test -r \"$F\" && exit 7"]);
    assert_eq!(ran.code(), 7, "{ran}");
    assert_wiped(&fleet);
}

#[test]
fn the_command_takes_the_place_of_the_program_so_that_no_signal_has_to_be_handed_on() {
    let fleet = fleet();
    let script = "echo $$ > pid; trap 'echo trapped > trapped; exit 3' USR1; while :; do sleep 0.05; done";
    let mut child = fleet.cmd(["run", "--file", "F=dev/api-key", "--", "sh", "-c", script]).spawn();
    let pid = wait_for("the command", 20, || {
        fs::read_to_string(fleet.path("pid")).ok()?.trim().parse::<u32>().ok()
    });
    assert_eq!(pid, child.id());
    let killed = Command::new("kill").args(["-USR1", &pid.to_string()]).status().unwrap();
    assert!(killed.success());
    assert_eq!(child.wait().unwrap().code(), Some(3));
    assert!(fleet.exists("trapped"));
    assert_wiped(&fleet);
}

#[test]
fn a_file_is_private_in_memory_keeps_the_ending_and_is_gone_after_every_end() {
    let fleet = fleet().secret("dev/kube.yaml", "kind: Config\n");
    let script =
        "stat -c '%a %U' \"$K\" \"$(dirname \"$K\")\"; stat -f -c %T \"$K\"; cat \"$K\"; echo \"$K\"";
    let ran = fleet.run(["run", "--file", "K=dev/kube.yaml", "--", "sh", "-c", script]).ok();
    let lines: Vec<String> = ran.stdout().lines().map(str::to_owned).collect();
    assert!(lines[0].starts_with("600 ") && lines[1].starts_with("700 "), "{ran}");
    assert_eq!(lines[2..4], ["tmpfs", "kind: Config"], "{ran}");
    assert!(lines[4].ends_with("/K.yaml") && Path::new(&lines[4]).starts_with(fleet.memory()), "{ran}");
    assert_wiped(&fleet);
    for signal in ["TERM", "INT", "HUP", "QUIT", "KILL", "SEGV"] {
        let ran = fleet.run([
            "run",
            "--file",
            "K=dev/kube.yaml",
            "--",
            "sh",
            "-c",
            &format!("kill -{signal} $$; sleep 9"),
        ]);
        assert!(ran.code() < 0, "{signal}: {ran}");
        assert_wiped(&fleet);
    }
    fleet.run(["run", "--file", "K=dev/kube.yaml", "--", "/nowhere/program"]).with_code(127);
    assert_wiped(&fleet);
}

#[test]
fn files_stay_while_the_command_runs_although_others_clean_up() {
    let fleet = fleet();
    let script = "echo \"$F\" > path; while ! test -e go; do sleep 0.05; done; cat \"$F\" > seen";
    let mut child = fleet.cmd(["run", "--file", "F=dev/api-key", "--", "sh", "-c", script]).spawn();
    wait_for("the command", 20, || fleet.exists("path").then_some(()));
    fleet.run(["run", "--file", "F=dev/api-key", "--", "true"]).ok();
    fleet.edit("dev/api-key", "true").run().ok();
    fleet.write("go", "");
    assert!(child.wait().unwrap().success());
    assert_eq!(fleet.text("seen"), NEEDLE);
    assert_wiped(&fleet);
}

#[test]
fn a_command_that_waits_for_all_of_its_children_does_not_wait_for_ours() {
    let fleet = fleet();
    let script = "import os\ntry:\n    os.waitpid(-1, 0)\nexcept ChildProcessError:\n    print('childless')";
    let python = tool("python3").display().to_string();
    let ran = fleet.run(["run", "--file", "F=dev/api-key", "--", &python, "-c", script]).ok();
    assert_eq!(ran.stdout(), "childless\n");
}

#[test]
fn what_cannot_be_handed_over_means_that_nothing_starts() {
    let fleet = fleet()
        .secret("clash/a-b", "1")
        .secret("clash/a_b", "2")
        .secret("danger/ld/preload", "/tmp/x.so")
        .secret("digit/7z", "x")
        .secret("large/one", &"x".repeat(128 << 10));
    fleet.cmd(["set", "bytes/nul"]).stdin(b"a\0b").run().ok();
    fleet.cmd(["set", "bytes/latin"]).stdin(b"caf\xe9").run().ok();
    for (args, code, said) in [
        (["--env", "A=dev/nothing"], 2, &["store::unknown_secret", "dev/nothing"][..]),
        (["--prefix", "nothing"], 2, &["run::nothing_below", "`nothing/`"]),
        (["--prefix", "clash"], 2, &["run::clash", "`A_B`", "`clash/a-b`", "`clash/a_b`"]),
        (["--prefix", "danger"], 2, &["run::trusted_variable", "`LD_PRELOAD`", "danger/ld/preload"]),
        (["--prefix", "digit"], 2, &["run::no_variable", "`digit/7z`"]),
        (["--env", "A=large/one"], 1, &["run::not_text", "128 KiB", "--file A=large/one"]),
        (["--env", "A=bytes/nul"], 1, &["run::not_text", "NUL", "--file A=bytes/nul"]),
        (["--prefix", "bytes"], 1, &["run::not_text", "UTF-8", "--file LATIN=bytes/latin"]),
        (["--env", "1A=dev/api-key"], 2, &["no digit first"]),
        (["--env", "A"], 2, &["NAME=SECRET"]),
    ] {
        let ran = fleet.run(["run", "--env", "FINE=dev/api-key", args[0], args[1], "--", "touch", "started"]);
        ran.with_code(code).says(said);
        assert!(!fleet.exists("started"), "{args:?}");
    }
    fleet.run(["run", "--", "touch", "started"]).with_code(2);
    let ran =
        fleet.cmd(["run", "--file", "A=dev/api-key", "--env", "B=dev/db/password", "--", "touch", "started"]);
    ran.identity(KEYS.eve.private()).run().with_code(4).says(&["dev/"]);
    assert!(!fleet.exists("started") && fleet.plaintext_folders().is_empty());
    let ran = fleet.run(["run", "--file", "A=bytes/nul", "--", "sh", "-c", "od -An -c \"$A\""]).ok();
    assert!(ran.stdout().contains("\\0"), "{ran}");
}

#[test]
fn a_command_that_cannot_start_ends_as_in_a_shell() {
    let fleet = fleet();
    let run = |program: &str| fleet.run(["run", "--env", "A=dev/api-key", "--", program]);
    run("no-such-program").with_code(127).says(&["run::not_started", "`no-such-program`", "PATH"]);
    fleet.write("plain", "text");
    run("./plain").with_code(126).says(&["run::not_started", "may be run"]);
}

#[test]
fn private_keys_of_ours_are_not_handed_on_and_a_pristine_environment_has_little_else() {
    let fleet = fleet();
    let key = fs::read_to_string(KEYS.recovery.private()).unwrap();
    let line = key.lines().find(|line| line.starts_with("AGE-SECRET-KEY-")).unwrap().to_owned();
    let run = |args: &[&str]| {
        let cmd = fleet.cmd([&["run", "--env", "A=dev/api-key"], args, &["--", "env"]].concat());
        cmd.without_env("SECRETCTL_IDENTITY")
            .env("SOPS_AGE_KEY", &line)
            .env("CI_TOKEN", "of-the-caller")
            .run()
            .ok()
    };
    // The recovery key reads what is made from now on.
    fleet.set("dev/api-key", NEEDLE).ok();
    let usual = run(&[]).stdout();
    assert!(usual.contains(&format!("A={NEEDLE}\n")) && usual.contains("CI_TOKEN=of-the-caller"), "{usual}");
    assert!(!usual.contains("AGE-SECRET-KEY-") && !usual.contains("SOPS_AGE_KEY"), "{usual}");
    let pristine = run(&["--pristine"]).stdout();
    assert!(pristine.contains("PATH=") && pristine.contains(&format!("A={NEEDLE}\n")), "{pristine}");
    assert!(!pristine.contains("of-the-caller") && !pristine.contains("SECRETCTL"), "{pristine}");
}

#[test]
fn values_stand_in_no_argument_of_ours_nor_in_any_file_off_memory() {
    let fleet = TestFleet::sealed_on_disk().secret("shared/needle", NEEDLE);
    let log = fleet.outside().join("calls.log");
    let mut command = Command::new(tool("strace"));
    command.args(["-f", "-qq", "-y", "-s", "65536", "-o"]).arg(&log);
    // Arguments of every program in full; of environments only how many variables there are.
    command.args(["-e", "trace=execve,openat,write,writev,pwrite64,sendto,sendmsg", BIN, "run"]);
    command.args(["--env", "V=shared/needle", "--file", "F=shared/needle", "--", "true"]);
    fleet.prepare(command).run().ok();
    let calls = fs::read_to_string(&log).unwrap();
    fs::remove_file(&log).unwrap();
    assert!(calls.contains("run-guard"), "the trace saw no guard:\n{calls}");
    let memory = fleet.memory().display().to_string();
    let mut in_memory = 0;
    for line in calls.lines().filter(|line| line.contains(NEEDLE)) {
        assert!(line.contains("write") && line.contains(&memory), "plaintext went out:\n{line}");
        in_memory += 1;
    }
    assert!(in_memory > 0, "the trace saw no file being written");
    assert_wiped(&fleet);
    assert_eq!(fleet.leaks(&[NEEDLE]), [""; 0]);
}

#[test]
fn an_admin_without_a_signing_key_gets_what_its_editors_allow_and_nothing_else() {
    let fleet = fleet().secret("ci/token", NEEDLE);
    let bob = KEYS.bob.public();
    fleet.append("secretctl.toml", &format!("\n[admins.ci]\nrecipients = [\"{bob}\"]\n"));
    fleet.vouch();
    fleet.write("policies/editors.rhai", "editors(\"**\", [\"alice\"]).except(\"ci/**\");\n");
    fleet.run(["rekey"]).ok();
    let key = fs::read_to_string(KEYS.bob.private()).unwrap();
    let run = |prefix: &str| {
        let cmd = fleet.cmd(["run", "--prefix", prefix, "--", "sh", "-c", "printf %s \"$TOKEN\""]);
        cmd.without_keys().env("SOPS_AGE_KEY", &key).run()
    };
    assert_eq!(run("ci").ok().stdout(), NEEDLE);
    run("dev").with_code(4);
}

/// Every process of this machine whose arguments name `text`.
fn processes_with(text: &str) -> Vec<PathBuf> {
    let folders = fs::read_dir("/proc").unwrap().flatten().map(|entry| entry.path());
    let named = |folder: &PathBuf| {
        fs::read(folder.join("cmdline")).is_ok_and(|line| contains(&line, text.as_bytes()))
    };
    folders.filter(named).collect()
}

#[test]
fn the_guard_has_neither_values_nor_keys_in_its_arguments_or_environment_and_cannot_be_dumped() {
    let fleet = fleet();
    let script = "touch started; while ! test -e go; do sleep 0.05; done";
    let cmd =
        fleet.cmd(["run", "--env", "V=dev/api-key", "--file", "F=dev/api-key", "--", "sh", "-c", script]);
    let mut child = cmd.env("SOPS_AGE_KEY", "AGE-SECRET-KEY-1NOTHING").spawn();
    wait_for("the command", 20, || fleet.exists("started").then_some(()));
    let folder = fleet.plaintext_folders().remove(0);
    let guards = processes_with(folder.to_str().unwrap());
    assert_eq!(guards.len(), 1, "{guards:?}");
    let read = |file: &str| String::from_utf8_lossy(&fs::read(guards[0].join(file)).unwrap()).into_owned();
    assert!(!read("cmdline").contains(NEEDLE), "{}", read("cmdline"));
    assert_eq!(read("environ"), "");
    assert!(read("limits").lines().any(|line| line.starts_with("Max core file size        0  ")));
    // A session of its own, and nobody's child: keys pressed at the terminal do not reach it.
    let stat = read("stat");
    let fields: Vec<&str> = stat.rsplit(") ").next().unwrap().split(' ').collect();
    let pid = guards[0].file_name().unwrap().to_str().unwrap();
    assert_eq!(fields[3], pid, "its session: {stat}");
    assert_ne!(fields[1], child.id().to_string(), "its parent: {stat}");
    fleet.write("go", "");
    assert!(child.wait().unwrap().success());
    assert_wiped(&fleet);
    let folder = folder.to_str().unwrap();
    wait_for("the guard to end", 10, || processes_with(folder).is_empty().then_some(()));
}

#[test]
fn in_a_terminal_ctrl_c_and_ctrl_z_reach_the_command_alone() {
    let fleet = fleet();
    let script = format!(
        "{BIN} run --file F=dev/api-key -- sh -c 'tty; trap \"echo caught; exit 5\" INT; echo ready; \
         while :; do sleep 0.1; done'"
    );
    let terminal = Terminal::run(&fleet, &[], &script);
    terminal.shows("ready").shows("/dev/pts/").presses(&["C-c"]).shows("caught");
    assert_eq!(terminal.code(), 5, "{}", terminal.screen());
    drop(terminal);
    assert_wiped(&fleet);

    let script = format!(
        "set -m; {BIN} run --file F=dev/api-key -- sh -c 'echo ready; exec sleep 600' || echo stopped $?; jobs; kill -CONT %1; kill %1; wait %1"
    );
    let terminal = Terminal::run(&fleet, &[], &script);
    terminal.shows("ready");
    assert_eq!(fleet.plaintext_folders().len(), 1);
    terminal.presses(&["C-z"]).shows("stopped");
    assert_eq!(terminal.code(), 143, "{}", terminal.screen());
    drop(terminal);
    assert_wiped(&fleet);
}

#[test]
fn without_memory_files_are_refused_with_the_way_out_and_variables_work() {
    let fleet = TestFleet::sealed_on_disk().secret("dev/api-key", NEEDLE);
    // A mount namespace in which nothing but the disk is left.
    let script = format!(
        "mount --bind /usr /dev/shm && XDG_RUNTIME_DIR=/usr exec {BIN} run --env A=dev/api-key \"$@\""
    );
    let run = |args: &[&str]| {
        let mut command = Command::new(tool("unshare"));
        command.args(["-m", "sh", "-c", &script, "sh"]).args(args);
        fleet.prepare(command).run()
    };
    run(&["--file", "F=dev/api-key", "--", "true"]).with_code(4).says(&["run::no_memory", "`--env`"]);
    run(&["--", "true"]).ok();
}
