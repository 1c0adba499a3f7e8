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

#[test]
fn a_program_sees_what_lies_in_the_search_path_and_no_key_beside_it() {
    let fleet = script("tool", "");
    let home = fleet.home();
    let bin = home.join("bin");
    std::fs::create_dir_all(&bin).unwrap();
    std::fs::create_dir_all(home.join(".ssh")).unwrap();
    // A link of the search path leads to where the program is.
    let text =
        "#!/bin/sh\ncd \"$(dirname \"$0\")/..\"; ls -A | xargs; cat id .ssh/id 2>/dev/null || echo unseen\n";
    fleet.write("../home/apart/tool", text);
    for key in ["id", ".ssh/id"] {
        std::fs::write(home.join(key), "private key").unwrap();
    }
    let tool = home.join("apart/tool");
    std::fs::set_permissions(&tool, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    std::os::unix::fs::symlink(&tool, bin.join("linked")).unwrap();
    std::fs::copy(&tool, bin.join("tool")).unwrap();
    let path = format!("{}:{}:{}", home.display(), bin.display(), crate::common::PATH);
    fleet.cmd(["rotate", "shared/made", "--yes"]).env("PATH", &path).run().ok();
    assert_eq!(fleet.show("shared/made"), "bin\nunseen\n");
    fleet.replace("policies/access.rhai", "\"sh\", \"-c\"", "\"linked\", \"-c\"");
    fleet.cmd(["rotate", "shared/made", "--yes"]).env("PATH", &path).run().ok();
    assert_eq!(fleet.show("shared/made"), "apart bin\nunseen\n");
}

#[test]
fn a_fleet_that_holds_the_home_is_shown_to_no_program() {
    let fleet = TestFleet::sealed();
    fleet.write("home/.ssh/id", "private key");
    fleet.write("generators/make", "#!/bin/sh\necho made; cat home/.ssh/id\n");
    std::fs::set_permissions(
        fleet.path("generators/make"),
        std::os::unix::fs::PermissionsExt::from_mode(0o755),
    )
    .unwrap();
    let fleet =
        fleet.policy("allow(\"shared/**\");\ngenerate(\"shared/made\", command([\"generators/make\"]));\n");
    let cmd = fleet.cmd(["generate", "shared/made"]).env("HOME", fleet.path("home"));
    fleet.refuses_cmd(cmd, 4).says(&["error[generate::program]", "a fleet that holds your home"]);
}

#[test]
fn one_program_that_fails_stops_none_that_does_not_need_it() {
    let broken = "command([\"no-such-program\"])";
    let fleet = TestFleet::sealed().policy(&format!(
        "allow(\"shared/**\");\nallow(\"{{host}}/{{service}}/**\");\n\
         generate(\"shared/broken\", {broken});\n\
         generate(\"shared/from-broken\", sha512_crypt(\"shared/broken\"));\n\
         generate([\"shared/one\", \"shared/two\"], password(24));\n\
         generate(\"shared/three\", command([\"sha256sum\"]).from(\"shared/one\"));\n\
         generate(\"shared/short\", password(16));\nvalidate(\"shared/short\", length(20, 99));\n"
    ));
    let ran = fleet.run(["generate"]).with_code(4);
    ran.says(&[
        "error[generate::program]: `shared/broken` was not made: `no-such-program` (policies/access.rhai:3:1)",
        "is in no folder of the search path",
        "error[generate::held]: `shared/from-broken` goes together with `shared/broken`, which was not made",
        "created shared/one",
        "created shared/two",
        "created shared/three",
        "`shared/short`",
    ]);
    for name in ["broken", "from-broken", "short"] {
        assert!(!fleet.exists(&format!("secrets/shared/{name}.age")), "{name}");
    }
    fleet.assert_clean();
}

#[test]
fn a_value_stays_with_what_is_made_from_it_where_that_cannot_follow() {
    let rules = |follow: &str| {
        format!(
            "allow(\"shared/**\");\nallow(\"{{host}}/{{service}}/**\");\n\
             generate([\"shared/password\", \"shared/other\"], password(24));\n\
             generate(\"shared/line\", command([{follow}]).from(\"shared/password\"));\n\
             generate(\"shared/hash\", sha512_crypt(\"shared/password\"));\n"
        )
    };
    let fleet = TestFleet::sealed().policy(&rules("\"sha256sum\""));
    fleet.run(["generate"]).ok();
    let fleet = fleet.policy(&rules("\"false\""));
    let names = ["shared/password", "shared/line", "shared/hash", "shared/other"];
    let before = names.map(|name| fleet.show(name));
    let args = ["rotate", "shared/password", "shared/other", "--yes", "--format", "json"];
    let ran = fleet.run(args).with_code(4).says(&["`shared/line` was not made: `false`"]);
    let report = ran.json();
    assert_eq!(report["done"].as_array().unwrap().len(), 1, "{report}");
    let failed = report["failed"].as_array().unwrap();
    let mut codes: Vec<&str> = failed.iter().map(|finding| finding["code"].as_str().unwrap()).collect();
    codes.sort_unstable();
    assert_eq!(codes, ["generate::held", "generate::held", "generate::program"], "{report}");
    for (name, before) in names.iter().zip(&before) {
        assert_eq!(fleet.show(name) == *before, *name != "shared/other", "{name}");
    }
    fleet.assert_clean();
    fleet.run(["rotate", "--stale", "--dry-run"]).with_code(0);
}
