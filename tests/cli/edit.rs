//! `edit` with scripted editors: where plaintext lives, when it is wiped, and what becomes of the value.

use std::process::Child;
use std::process::Command;

use crate::common::BIN;
use crate::common::Cmd;
use crate::common::Ran;
use crate::common::TestFleet;
use crate::common::terminal::Terminal;
use crate::common::tool;
use crate::common::wait_for;

#[test]
fn an_edit_changes_the_value_and_seals_it_for_every_reader() {
    let fleet = TestFleet::sealed();
    let before = fleet.tree();
    let ran = fleet.edit("forge/sonarr/api-key", "printf edited > \"$1\"").run().ok();
    assert!(ran.stderr().ends_with("changed forge/sonarr/api-key (revision 2); read by forge\n"), "{ran}");
    assert_eq!(fleet.show("forge/sonarr/api-key"), "edited");
    assert_eq!(fleet.tree().changed_since(&before).len(), 5);
    fleet.assert_clean();
    assert!(fleet.plaintext_folders().is_empty());
}

#[test]
fn the_editor_sees_the_old_value_in_a_private_file_in_memory() {
    let fleet = TestFleet::sealed();
    let seen = fleet.outside().join("seen");
    let script = format!(
        "{{ stat -f -c %T \"$1\"; stat -c %a \"$1\"; stat -c %a \"$(dirname \"$1\")\"; dirname \"$(dirname \"$1\")\"; cat \"$1\"; }} > {}",
        seen.display()
    );
    fleet.edit("shared/token", &script).run().ok();
    let memory = fleet.memory().display().to_string();
    assert_eq!(
        std::fs::read_to_string(seen).unwrap(),
        format!("tmpfs\n600\n700\n{memory}\nshared-token-value")
    );
}

#[test]
fn an_unchanged_value_touches_nothing_also_when_the_editor_adds_a_newline() {
    let fleet = TestFleet::sealed();
    let before = fleet.tree();
    for script in ["true", "echo >> \"$1\"", "cp \"$1\" \"$1.new\"; mv \"$1.new\" \"$1\""] {
        let ran = fleet.edit("shared/token", script).run().ok();
        ran.says(&["shared/token is unchanged (revision 1)"]);
        assert_eq!(fleet.tree().changed_since(&before), [""; 0], "{script}");
    }
    assert!(fleet.plaintext_folders().is_empty());
}

#[test]
fn a_new_secret_is_made_by_an_edit_and_the_editors_newline_is_not_part_of_it() {
    let fleet = TestFleet::sealed();
    let ran = fleet.edit("forge/sonarr/new", "echo typed > \"$1\"").run().ok();
    ran.says(&["created forge/sonarr/new (revision 1); read by forge"]);
    assert_eq!(fleet.show("forge/sonarr/new"), "typed");
    fleet.assert_clean();
}

#[test]
fn an_editor_that_replaces_the_file_is_followed() {
    let fleet = TestFleet::sealed();
    fleet.edit("shared/token", "printf replaced > \"$1.tmp\" && mv \"$1.tmp\" \"$1\"").run().ok();
    assert_eq!(fleet.show("shared/token"), "replaced");
    fleet.edit("shared/token", "sed -i s/replaced/by-sed/ \"$1\"").run().ok();
    assert_eq!(fleet.show("shared/token"), "by-sed");
}

#[test]
fn an_editor_that_leaves_a_link_in_place_of_the_file_is_not_followed() {
    let fleet = TestFleet::sealed();
    let other = fleet.outside().join("other");
    std::fs::write(&other, "from elsewhere").unwrap();
    let script = format!("rm \"$1\"; ln -s {} \"$1\"", other.display());
    fleet.refuses_cmd(fleet.edit("shared/token", &script), 4);
    assert_eq!(std::fs::read_to_string(&other).unwrap(), "from elsewhere");
    assert!(fleet.plaintext_folders().is_empty());
}

#[test]
fn an_editor_that_fails_leaves_the_old_value_and_no_plaintext() {
    let fleet = TestFleet::sealed();
    for (script, word) in [
        ("printf new > \"$1\"; exit 3", "exit status: 3"),
        ("printf new > \"$1\"; kill -SEGV $$", "signal: 11"),
        ("printf new > \"$1\"; kill -INT $$", "signal: 2"),
        ("rm \"$1\"", "value"),
    ] {
        let ran = fleet.refuses_cmd(fleet.edit("shared/token", script), 4).says(&[word]);
        assert!(fleet.plaintext_folders().is_empty(), "{script}: {ran}");
    }
    assert_eq!(fleet.show("shared/token"), "shared-token-value");
}

#[test]
fn an_editor_that_is_not_there_is_named() {
    let fleet = TestFleet::sealed();
    let with = |editor: &str| fleet.cmd(["edit", "shared/token"]).env("EDITOR", editor);
    fleet
        .refuses_cmd(with("no-such-editor"), 4)
        .says(&["error[edit::editor]", "`no-such-editor` was not found"]);
    fleet.refuses_cmd(with("vim 'open"), 4).says(&["open quote"]);
    let nothing = fleet.cmd(["edit", "shared/token"]).env("PATH", "/nowhere");
    fleet.refuses_cmd(nothing, 4).says(&["`VISUAL` and `EDITOR` are not set", "help: "]);
    assert!(fleet.plaintext_folders().is_empty());
}

#[test]
fn visual_comes_before_editor_and_arguments_are_passed_on() {
    let fleet = TestFleet::sealed();
    let editor = fleet.editor("printf '%s' \"$1\" > \"$2\"");
    fleet
        .cmd(["edit", "shared/token"])
        .env("VISUAL", format!("{editor} 'two words'"))
        .env("EDITOR", "false")
        .run()
        .ok();
    assert_eq!(fleet.show("shared/token"), "two words");
}

#[test]
fn an_empty_value_is_not_stored() {
    let fleet = TestFleet::sealed();
    fleet
        .refuses_cmd(fleet.edit("shared/token", ": > \"$1\""), 4)
        .says(&["would be empty", "error[edit::given_up]"]);
    assert!(fleet.plaintext_folders().is_empty());
}

#[test]
fn without_a_place_in_memory_nothing_is_decrypted_and_the_way_out_is_named() {
    let fleet = TestFleet::sealed_on_disk();
    let disk = fleet.outside().join("disk");
    std::fs::create_dir(&disk).unwrap();
    let mut command = Command::new(tool("unshare"));
    let script = "mount --bind \"$1\" /dev/shm && exec \"$2\" edit shared/token";
    command.args(["-m", "sh", "-c", script, "sh"]).arg(&disk).arg(BIN);
    let editor = fleet.editor("echo must not run; printf leaked > \"$1\"");
    let ran =
        fleet.refuses_cmd(fleet.prepare(command).env("XDG_RUNTIME_DIR", &disk).env("EDITOR", editor), 4);
    ran.says(&[
        "error[edit::no_memory]",
        "(not in memory)",
        "`/dev/shm` (not in memory)",
        "secretctl set SECRET --from-file -",
    ]);
    assert_eq!(std::fs::read_dir(&disk).unwrap().count(), 0, "something was written to the disk");
}

#[test]
fn a_runtime_folder_on_a_disk_is_passed_over_for_one_in_memory() {
    let fleet = TestFleet::sealed_on_disk();
    let disk = fleet.outside().join("disk");
    std::fs::create_dir(&disk).unwrap();
    let script = format!("dirname \"$(dirname \"$1\")\" > {}/where", fleet.outside().display());
    fleet.edit("shared/token", &script).env("XDG_RUNTIME_DIR", &disk).run().ok();
    assert_eq!(std::fs::read_to_string(fleet.outside().join("where")).unwrap(), "/dev/shm\n");
}

#[test]
fn a_change_by_somebody_else_during_an_edit_is_not_lost() {
    let fleet = TestFleet::sealed();
    let script = format!("printf theirs | {BIN} set shared/token; printf mine > \"$1\"");
    let ran = fleet.edit("shared/token", &script).run().with_code(4);
    ran.says(&["`shared/token` was given another value while you were editing"]);
    assert_eq!(fleet.show("shared/token"), "theirs");
    assert!(fleet.plaintext_folders().is_empty());
    fleet.assert_clean();
}

#[test]
fn a_secret_that_somebody_else_made_removed_or_moved_during_an_edit_is_not_overwritten() {
    let fleet = TestFleet::sealed();
    let script = format!("printf theirs | {BIN} set shared/fresh; printf mine > \"$1\"");
    fleet.edit("shared/fresh", &script).run().with_code(4);
    assert_eq!(fleet.show("shared/fresh"), "theirs");
    for command in ["rm shared/token", "mv shared/token shared/elsewhere"] {
        let fleet = TestFleet::sealed();
        let ran = fleet.edit("shared/token", &format!("{BIN} {command}; printf mine > \"$1\"")).run();
        assert_ne!(ran.code(), 0, "an edit brought back what `{command}` took away:\n{ran}");
        assert!(!fleet.exists("secrets/shared/token.age"));
        assert!(fleet.plaintext_folders().is_empty());
    }
}

#[test]
fn an_edit_of_another_secret_meanwhile_disturbs_nobody() {
    let fleet = TestFleet::sealed();
    let script = format!("printf other | {BIN} set forge/sonarr/api-key; printf mine > \"$1\"");
    fleet.edit("shared/token", &script).run().ok();
    assert_eq!(fleet.show("shared/token"), "mine");
    assert_eq!(fleet.show("forge/sonarr/api-key"), "other");
    fleet.assert_clean();
}

/// Starts an edit whose editor has written something and sleeps.
fn sleeping_edit(fleet: &TestFleet) -> Child {
    let ready = fleet.outside().join("ready");
    let _ = std::fs::remove_file(&ready);
    let script =
        format!("printf half-typed > \"$1\"; cp \"$1\" \"$1~\"; : > {}; exec sleep 30", ready.display());
    let child = fleet.edit("shared/token", &script).spawn();
    wait_for("the editor", 20, || ready.exists().then_some(()));
    assert_eq!(fleet.plaintext_folders().len(), 1);
    child
}

fn signalled(child: &Child, signal: &str) {
    let id = child.id().to_string();
    assert!(Command::new("kill").args([signal, &id]).status().unwrap().success());
}

#[test]
fn a_signal_during_an_edit_wipes_the_plaintext_and_keeps_the_old_value() {
    for signal in ["-TERM", "-HUP"] {
        let fleet = TestFleet::sealed();
        let before = fleet.tree();
        let child = sleeping_edit(&fleet);
        signalled(&child, signal);
        let ran = Ran::from(child.wait_with_output().unwrap());
        assert_eq!(ran.code(), 4, "{signal}: {ran}");
        ran.says(&["error[edit::interrupted]", "the plaintext was wiped"]);
        assert!(fleet.plaintext_folders().is_empty(), "{signal}");
        assert_eq!(fleet.tree().changed_since(&before), [""; 0]);
    }
}

#[test]
fn ctrl_c_and_ctrl_backslash_in_the_terminal_wipe_the_plaintext() {
    for key in ["C-c", "C-\\"] {
        let fleet = TestFleet::sealed();
        let editor = fleet.editor("printf half > \"$1\"; echo editor-is-up; exec sleep 30");
        let terminal = Terminal::run(&fleet, &[("EDITOR", &editor)], &format!("{BIN} edit shared/token"));
        terminal.shows("editor-is-up").presses(&[key]);
        assert_eq!(terminal.code(), 4, "{key}:\n{}", terminal.screen());
        assert!(fleet.plaintext_folders().is_empty(), "{key}");
        assert_eq!(fleet.show("shared/token"), "shared-token-value");
    }
}

#[test]
fn a_terminal_that_is_closed_wipes_the_plaintext() {
    let fleet = TestFleet::sealed();
    let editor = fleet.editor("printf half > \"$1\"; echo editor-is-up; exec sleep 30");
    let terminal = Terminal::run(&fleet, &[("EDITOR", &editor)], &format!("{BIN} edit shared/token"));
    terminal.shows("editor-is-up");
    drop(terminal);
    wait_for("the plaintext to be wiped", 20, || fleet.plaintext_folders().is_empty().then_some(()));
}

#[test]
fn what_a_killed_edit_left_in_memory_goes_with_the_next_one() {
    let fleet = TestFleet::sealed();
    let mut child = sleeping_edit(&fleet);
    signalled(&child, "-KILL");
    child.wait().unwrap();
    assert_eq!(fleet.plaintext_folders().len(), 1, "nothing can be wiped after SIGKILL");
    fleet.edit("shared/token", "true").run().ok();
    assert!(fleet.plaintext_folders().is_empty());
    assert_eq!(fleet.show("shared/token"), "shared-token-value");
}

#[test]
fn two_edits_at_once_do_not_wipe_each_others_plaintext() {
    let fleet = TestFleet::sealed();
    let script = format!(
        "EDITOR={} {BIN} edit forge/sonarr/api-key >/dev/null 2>&1; cat \"$1\" > {}; printf outer > \"$1\"",
        fleet.editor("printf inner > \"$1\""),
        fleet.outside().join("seen").display()
    );
    fleet.edit("shared/token", &script).run().ok();
    assert_eq!(std::fs::read_to_string(fleet.outside().join("seen")).unwrap(), "shared-token-value");
    assert_eq!(
        (fleet.show("shared/token"), fleet.show("forge/sonarr/api-key")),
        ("outer".into(), "inner".into())
    );
}

#[test]
fn an_edit_whose_sealing_fails_keeps_the_new_source_and_seal_completes_it() {
    let fleet = TestFleet::sealed();
    // Nothing can be put where the sealed copy belongs.
    fleet.remove("sealed/luna/files/shared/token.age");
    std::fs::create_dir_all(fleet.path("sealed/luna/files/shared/token.age/in-the-way")).unwrap();
    let ran = fleet.edit("shared/token", "printf new > \"$1\"").run();
    assert_ne!(ran.code(), 0, "{ran}");
    ran.says(&["run `secretctl seal`"]);
    std::fs::remove_dir_all(fleet.path("sealed/luna/files/shared/token.age")).unwrap();
    fleet.run(["seal"]).ok();
    assert_eq!(fleet.show("shared/token"), "new");
    fleet.assert_clean();
}

/// An editor that leaves the file empty at first and types something the second time.
fn second_thoughts(fleet: &TestFleet) -> String {
    let first = fleet.outside().join("first").display().to_string();
    fleet.editor(&format!("if [ -e {first} ]; then printf typed > \"$1\"; else : > {first}; : > \"$1\"; fi"))
}

#[test]
fn an_empty_value_returns_to_the_editor_when_the_person_wants_that() {
    let fleet = TestFleet::sealed();
    let editor = second_thoughts(&fleet);
    let terminal = Terminal::run(&fleet, &[("EDITOR", &editor)], &format!("{BIN} edit shared/token"));
    terminal.shows("would be empty").shows("Edit again? [Y/n]").presses(&["Enter"]);
    assert_eq!(terminal.code(), 0, "{}", terminal.screen());
    assert_eq!(fleet.show("shared/token"), "typed");
}

#[test]
fn a_signal_while_a_question_is_asked_wipes_the_plaintext_too() {
    for signal in ["-TERM", "-HUP", "-INT"] {
        let fleet = TestFleet::sealed();
        let editor = fleet.editor("printf half > \"$1~\"; : > \"$1\"");
        let number = fleet.outside().join("process");
        let script = format!("echo $$ > {}; exec {BIN} edit shared/token", number.display());
        let terminal = Terminal::run(&fleet, &[("EDITOR", &editor)], &format!("sh -c '{script}'"));
        terminal.shows("Edit again? [Y/n]");
        let process = std::fs::read_to_string(number).unwrap();
        assert!(Command::new("kill").args([signal, process.trim()]).status().unwrap().success());
        let wiped = (0..100).any(|_| {
            std::thread::sleep(std::time::Duration::from_millis(50));
            fleet.plaintext_folders().is_empty()
        });
        terminal.types("n").presses(&["Enter"]);
        assert!(wiped, "{signal} was ignored, and the plaintext stayed");
        assert_eq!(fleet.show("shared/token"), "shared-token-value");
    }
}

/// Runs a command with core dumps allowed, as a developer's machine has it.
fn with_core_dumps(fleet: &TestFleet, script: &str) -> Cmd {
    let mut command = Command::new(tool("bash"));
    command.args(["-c", &format!("ulimit -c unlimited 2>/dev/null || ulimit -c $(ulimit -Hc); {script}")]);
    fleet.prepare(command)
}

#[test]
fn neither_we_nor_the_editor_may_dump_core() {
    let fleet = TestFleet::sealed();
    let seen = fleet.outside().join("limits");
    let editor = fleet.editor(&format!(
        "{{ ulimit -Sc; ulimit -Hc; grep -i 'core file' /proc/$PPID/limits; }} > {}",
        seen.display()
    ));
    with_core_dumps(&fleet, &format!("{BIN} edit shared/token")).env("EDITOR", editor).run().ok();
    let text = std::fs::read_to_string(seen).unwrap();
    let limits: Vec<&str> = text.split_ascii_whitespace().collect();
    assert_eq!(limits, ["0", "0", "Max", "core", "file", "size", "0", "0", "bytes"], "{text}");
}

#[test]
fn an_editor_that_returns_at_once_is_asked_about() {
    let fleet = TestFleet::sealed();
    let ran = fleet.edit("shared/token", "(sleep 1; printf late > \"$1\") >/dev/null 2>&1 &").run().ok();
    ran.says(&["ended at once and changed nothing", "--wait\"`", "is unchanged"]);
    let ran = fleet.edit("shared/token", "printf new > \"$1\"").run().ok();
    assert!(!ran.stderr().contains("at once"), "{ran}");
    let ran = fleet.edit("shared/token", "sleep 1").run().ok();
    assert!(!ran.stderr().contains("at once"), "{ran}");
}
