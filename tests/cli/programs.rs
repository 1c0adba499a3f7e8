//! Programs that make values: what they see, and what becomes of one that misbehaves.

use crate::common::TestFleet;

/// A fleet in which `shared/made` comes from a shell script, and has a value from before.
fn script(script: &str, more: &str) -> TestFleet {
    let fleet = TestFleet::sealed();
    fleet.set("shared/made", "the old value").ok();
    let words = format!("[\"sh\", \"-c\", {script:?}]");
    let rules = format!(
        "allow(\"shared/**\");\nallow(\"{{host}}/**\");\ngenerate(\"shared/made\", command({words}){more});\n"
    );
    fleet.policy(&rules)
}

fn made(text: &str, more: &str) -> String {
    let fleet = script(text, more);
    fleet.run(["rotate", "shared/made", "--yes"]).ok();
    fleet.show("shared/made")
}

fn fails(text: &str, more: &str, says: &[&str]) {
    let fleet = script(text, more);
    let ran = fleet.refuses(["rotate", "shared/made", "--yes"], 4);
    ran.says(&["error[generate::program]", "`sh` (policies/access.rhai:3:1)", "secretctl edit shared/made"])
        .says(says);
    assert_eq!(fleet.show("shared/made"), "the old value");
    assert_eq!(fleet.plaintext_folders(), [""; 0].map(std::path::PathBuf::from));
}

#[test]
fn a_program_that_misbehaves_leaves_the_old_value_and_says_nothing_of_the_new_one() {
    fails("exit 3", "", &["ended with exit status: 3"]);
    fails("true", "", &["printed nothing"]);
    fails("echo PLAINTEXT >&2; echo half; kill -9 $$", "", &["ended with", "10 bytes to stderr"]);
    fails("head -c 2000000 /dev/zero", "", &["printed more than 1048576 bytes"]);
    fails("sleep 60 & sleep 60", ".within(1)", &["was stopped after 1 seconds"]);
    fails("cat >/dev/null; no-such-program", ".from(\"shared/token\")", &["exit status: 127"]);
    let fleet = script("echo x", "");
    fleet.replace("policies/access.rhai", "\"sh\"", "\"no-such-program\"");
    fleet
        .refuses(["rotate", "shared/made", "--yes"], 4)
        .says(&["error[generate::program]", "`no-such-program`"]);
    let fleet = script("echo PLAIN$((1))TEXT >&2; exit 1", "");
    let said = fleet.refuses(["rotate", "shared/made", "--yes"], 4).stderr();
    assert!(!said.contains("PLAIN1TEXT"), "{said}");
}

#[test]
fn what_a_program_prints_is_the_value_even_if_it_chats() {
    assert_eq!(made("printf value; echo chat >&2", ""), "value");
    assert_eq!(made("printf 'two\\nlines\\n'", ""), "two\nlines\n");
}

#[test]
fn a_program_reads_its_inputs_and_nothing_else_of_the_fleet_or_the_person() {
    let inputs = ".from(\"shared/token\").from(\"forge/sonarr/api-key\")";
    assert_eq!(
        made("cat; echo; cat inputs/shared/token; echo; cat inputs/forge/sonarr/api-key", inputs),
        "shared-token-value\nshared-token-value\nforge-sonarr-value"
    );
    let network = "grep -c : /proc/net/dev; ls -A /root /home /run | grep -v '^$\\|:$' || true; env | sort | cut -d= -f1";
    assert_eq!(made(network, ""), "1\nHOME\nLC_ALL\nPATH\nPWD\n");
    assert_eq!(
        made("ls -A /tmp; touch /etc/x /usr/x 2>/dev/null || echo read-only", ""),
        "generate\nread-only\n"
    );
}

#[test]
fn a_program_of_the_fleet_is_found_there_and_cannot_write_to_it() {
    let fleet = script("x", "");
    let text = "#!/bin/sh\necho made; touch \"$0.new\" 2>/dev/null || echo kept\n";
    fleet.write("generators/make", text);
    std::fs::set_permissions(
        fleet.path("generators/make"),
        std::os::unix::fs::PermissionsExt::from_mode(0o755),
    )
    .unwrap();
    fleet.write(
        "policies/access.rhai",
        "allow(\"shared/**\");\ngenerate(\"shared/made\", command([\"generators/make\"]));\n",
    );
    fleet.run(["rotate", "shared/made", "--yes"]).ok();
    assert_eq!(fleet.show("shared/made"), "made\nkept\n");
    assert!(!fleet.exists("generators/make.new"));
}

#[test]
fn without_a_sandbox_no_program_runs_unless_somebody_says_so() {
    let fleet = script("cat inputs/shared/token; touch ../ran", ".from(\"shared/token\")");
    let bin = fleet.outside().join("bin");
    std::fs::create_dir(&bin).unwrap();
    for name in ["sh", "cat", "touch", "setsid"] {
        std::os::unix::fs::symlink(crate::common::tool(name), bin.join(name)).unwrap();
    }
    let cmd = |more: &[&str]| {
        let args = [&["rotate", "shared/made", "--yes"], more].concat();
        fleet.cmd(args).env("PATH", &bin)
    };
    fleet.refuses_cmd(cmd(&[]), 4).says(&["error[generate::no_sandbox]", "--allow-unsandboxed"]);
    cmd(&["--allow-unsandboxed"]).run().ok();
    assert_eq!(fleet.show("shared/made"), "shared-token-value");
    assert_eq!(fleet.leaks(&["shared-token-value"]), [""; 0]);
}
