//! Plaintext of documents: in memory, in the pipe that was asked for, and in the one command that `run` starts.

use std::process::Command;

use crate::cli::documents::admins;
use crate::cli::documents::encrypted;
use crate::common::BIN;
use crate::common::KEYS;
use crate::common::TestFleet;
use crate::common::tool;

const DOCUMENT: &str = "secrets/forge.sops.yaml";
/// What every value, old or new, and every comment begins with.
const NEEDLE: &str = "needle-5d1e";
/// Every call by which bytes or words get out of a process.
const CALLS: &str = "trace=execve,openat,write,writev,pwrite64,pwritev,pwritev2,sendto,sendmsg,sendfile,splice,vmsplice,copy_file_range";

/// A fleet on a disk, whose document has a comment, a block of lines and a value in a list.
fn fleet() -> TestFleet {
    let fleet =
        TestFleet::new_on_disk().host("forge", &KEYS.forge).policy("allow(\"**\").hosts(\"forge\");\n");
    let plain = format!(
        "# {NEEDLE} comment\nsonarr:\n    api-key: {NEEDLE} old\nlines: |\n    {NEEDLE} one\n    {NEEDLE} two\nlist:\n    - {NEEDLE} item\n"
    );
    encrypted(&fleet, DOCUMENT, &plain, &admins());
    fleet.run(["adopt"]).ok();
    fleet.run(["seal"]).ok();
    fleet
}

/// The calls of a command and all of its children in which plaintext stands.
fn telling(fleet: &TestFleet, program: &str, args: &[&str], input: &str) -> Vec<String> {
    let log = fleet.outside().join("calls.log");
    let mut command = Command::new(tool("strace"));
    command.args(["-f", "-qq", "-v", "-y", "-s", "65536", "-e", CALLS, "-o"]).arg(&log);
    command.arg(program).args(args);
    let editor = fleet.editor("grep -q needle-5d \"$1\" && sed -i 's/ old/ new/; s/ item/ other/' \"$1\"");
    let cmd = fleet.prepare(command).env("EDITOR", editor).env("GIT_PAGER", "cat");
    let cmd = cmd.env("GIT_AUTHOR_NAME", "t").env("GIT_AUTHOR_EMAIL", "t@example.org");
    let cmd = cmd.env("GIT_COMMITTER_NAME", "t").env("GIT_COMMITTER_EMAIL", "t@example.org");
    let ran = cmd.stdin(input).run();
    // One that only tells what it would do ends with 1 where there is something to do.
    assert!(ran.code() == 0 || (ran.code() == 1 && args.contains(&"--dry-run")), "{args:?}: {ran}");
    let calls = std::fs::read_to_string(&log).unwrap();
    std::fs::remove_file(&log).unwrap();
    assert!(calls.contains("execve("), "nothing was seen of {args:?}");
    calls.lines().filter(|line| line.contains(NEEDLE)).map(str::to_owned).collect()
}

fn is_in_memory(fleet: &TestFleet, call: &str) -> bool {
    call.contains("write") && call.contains(&format!("<{}/", fleet.memory().display()))
}

fn is_output(call: &str) -> bool {
    call.contains("write(1<pipe:")
}

#[test]
fn changing_a_document_lets_plaintext_out_to_the_editor_in_memory_and_nowhere_else() {
    let fleet = fleet();
    let bob = KEYS.bob.public();
    let new = format!("{NEEDLE} typed");
    for (args, input) in [
        (vec!["edit", "forge"], ""),
        (vec!["edit", "forge/lines"], ""),
        (vec!["set", "forge/sonarr/api-key"], new.as_str()),
        (vec!["set", "forge/sonarr/more"], new.as_str()),
        (vec!["mv", "forge/sonarr/more", "forge/sonarr/other"], ""),
        (vec!["mv", "forge/sonarr/other", "shared/other"], ""),
        (vec!["rm", "forge/lines"], ""),
        (vec!["admin", "add", "bob", "--recipient", &bob], ""),
        (vec!["rekey"], ""),
        (vec!["admin", "remove", "bob"], ""),
        (vec!["rekey"], ""),
        (vec!["adopt"], ""),
        (vec!["seal"], ""),
        (vec!["check"], ""),
    ] {
        for call in telling(&fleet, BIN, &args, input) {
            let edits = args[0] == "edit";
            assert!(edits && is_in_memory(&fleet, &call), "{args:?} let plaintext out:\n{call}");
        }
    }
    assert_eq!(fleet.leaks(&[NEEDLE]), [""; 0]);
    assert!(fleet.plaintext_folders().is_empty());
}

#[test]
fn adopting_what_sops_wrote_and_a_new_document_let_no_plaintext_out() {
    let fleet = fleet();
    encrypted(&fleet, "secrets/luna.sops.env", &format!("# {NEEDLE}\nKEY={NEEDLE} value\n"), &admins());
    assert_eq!(telling(&fleet, BIN, &["adopt"], ""), [""; 0]);
    let path = "secrets/nova.sops.ini";
    let log = telling_new(&fleet, path, &format!("[a]\nkey = {NEEDLE} value\n"));
    assert!(log.iter().all(|call| is_in_memory(&fleet, call)), "{log:?}");
    assert_eq!(fleet.show("nova/a/key"), format!("{NEEDLE} value"));
    assert!(fleet.leaks(&[NEEDLE]).iter().all(|path| path.starts_with("editor-")));
}

/// The calls of our own process alone while a document is made: the editor here has the text in its words.
fn telling_new(fleet: &TestFleet, path: &str, text: &str) -> Vec<String> {
    let log = fleet.outside().join("calls.log");
    let mut command = Command::new(tool("strace"));
    command.args(["-qq", "-y", "-s", "65536", "-e", CALLS, "-o"]).arg(&log).args([BIN, "edit", path]);
    let editor = fleet.editor(&format!("printf '{text}' > \"$1\""));
    fleet.prepare(command).env("EDITOR", editor).run().ok();
    let calls = std::fs::read_to_string(&log).unwrap();
    std::fs::remove_file(&log).unwrap();
    calls.lines().filter(|line| line.contains(NEEDLE)).map(str::to_owned).collect()
}

#[test]
fn showing_a_document_writes_to_the_pipe_that_was_asked_for_alone() {
    let fleet = fleet().in_git();
    fleet.run(["git-setup", "--program", BIN]).ok();
    fleet.commit("attributes");
    fleet.cmd(["set", "forge/sonarr/api-key"]).stdin(format!("{NEEDLE} third")).run().ok();
    let git = tool("git").display().to_string();
    for (program, args) in [
        (BIN, &["show", "forge"][..]),
        (BIN, &["show", "forge/lines"][..]),
        (BIN, &["git-diff", DOCUMENT][..]),
        (&git, &["--paginate", "diff", "--", DOCUMENT][..]),
        (&git, &["log", "-p", "--", DOCUMENT][..]),
    ] {
        let calls = telling(&fleet, program, args, "");
        assert!(!calls.is_empty(), "{args:?} showed nothing");
        for call in calls {
            assert!(is_output(&call), "{args:?} let plaintext out:\n{call}");
        }
    }
    assert_eq!(fleet.leaks(&[NEEDLE]), [""; 0]);
}

#[test]
fn a_merge_of_documents_lets_no_plaintext_out_also_where_it_stops() {
    let fleet = fleet().with_driver();
    fleet.git(&["switch", "--quiet", "--create", "feature"]);
    fleet.cmd(["set", "forge/sonarr/api-key"]).stdin(format!("{NEEDLE} theirs")).run().ok();
    fleet.commit("theirs");
    fleet.git(&["switch", "--quiet", "main"]);
    fleet.cmd(["set", "forge/lines"]).stdin(format!("{NEEDLE} ours")).run().ok();
    fleet.commit("ours");
    let git = tool("git").display().to_string();
    assert_eq!(telling(&fleet, &git, &["merge", "--no-edit", "feature"], ""), [""; 0]);
    assert_eq!(fleet.show("forge/sonarr/api-key"), format!("{NEEDLE} theirs"));
    assert_eq!(fleet.show("forge/lines"), format!("{NEEDLE} ours"));
    fleet.git(&["switch", "--quiet", "--create", "second"]);
    fleet.cmd(["set", "forge/lines"]).stdin(format!("{NEEDLE} second")).run().ok();
    fleet.commit("second");
    fleet.git(&["switch", "--quiet", "main"]);
    fleet.cmd(["set", "forge/lines"]).stdin(format!("{NEEDLE} first")).run().ok();
    fleet.commit("first");
    let script = format!("! {git} merge --no-edit second");
    assert_eq!(telling(&fleet, "/bin/sh", &["-c", &script], ""), [""; 0]);
    assert_eq!(fleet.leaks(&[NEEDLE]), [""; 0]);
}

#[test]
fn run_hands_values_of_a_document_to_its_command_and_to_no_other_process() {
    let fleet = fleet();
    let args = ["run", "--prefix", "forge/sonarr", "--", "/bin/sh", "-c", "exit 0"];
    for call in telling(&fleet, BIN, &args, "") {
        assert!(call.contains("execve(\"/bin/sh\", [\"/bin/sh\", \"-c\", \"exit 0\"]"), "{call}");
    }
    let args = ["run", "--file", "F=forge/lines", "--", "/bin/sh", "-c", "test -r \"$F\""];
    for call in telling(&fleet, BIN, &args, "") {
        assert!(is_in_memory(&fleet, &call), "{call}");
    }
    assert_eq!(fleet.leaks(&[NEEDLE]), [""; 0]);
}

#[test]
fn looking_at_what_an_import_would_do_lets_no_plaintext_out() {
    let fleet = TestFleet::new_on_disk();
    fleet.write(".sops.yaml", format!("creation_rules:\n  - age: {}\n", admins().join(",")));
    encrypted(&fleet, "hosts/forge.yaml", &format!("key: {NEEDLE} value\n"), &admins());
    let args = ["import", "--from", "sops-nix", "--files-alone", "--dry-run"];
    assert_eq!(telling(&fleet, BIN, &args, ""), [""; 0]);
    fleet.write("../folder/plain.env", format!("KEY={NEEDLE}\n"));
    fleet.write("../folder/plain.json", format!("{{\"key\": \"{NEEDLE}\"}}\n"));
    let args = ["import", "../folder", "--from", "folder", "--files-alone", "--dry-run"];
    assert_eq!(telling(&fleet, BIN, &args, ""), [""; 0]);
}

#[test]
fn a_private_key_in_the_environment_is_handed_to_no_program() {
    let fleet = fleet();
    let log = fleet.outside().join("environment");
    let seen = format!("env > {}", log.display());
    let editor = fleet.editor(&seen);
    fleet.cmd(["edit", "forge"]).env("EDITOR", editor).env("SOPS_AGE_KEY", "# NEEDLE\n").run();
    let text = std::fs::read_to_string(&log).unwrap();
    assert!(text.contains("PATH=") && !text.contains("SOPS_AGE_KEY"), "{text}");
}
