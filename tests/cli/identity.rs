//! Keys that are missing, wrong, locked or of the wrong kind, and where they are looked for.

use std::os::unix::fs::PermissionsExt;

use crate::common::Cmd;
use crate::common::KEYS;
use crate::common::TestFleet;

fn show(fleet: &TestFleet) -> Cmd {
    fleet.cmd(["show", "shared/token"])
}

#[test]
fn a_wrong_identity_is_told_which_recipients_the_file_has_and_what_was_tried() {
    let fleet = TestFleet::sealed();
    let ran = fleet.refuses_cmd(show(&fleet).identity(KEYS.eve.private()), 4);
    let eve = KEYS.eve.public();
    let tried = format!("tried {eve} from {}", KEYS.eve.private().display());
    ran.says(&[
        "error[store::decrypt]",
        "X25519",
        "ssh-ed25519 (tag ",
        &tried,
        &KEYS.alice.public(),
        &KEYS.recovery.public(),
        "--identity FILE",
    ]);
}

#[test]
fn identities_that_cannot_be_used_are_named_with_the_reason() {
    let fleet = TestFleet::sealed();
    let file = |name: &str, text: &str| {
        let path = fleet.outside().join(name);
        std::fs::write(&path, text).unwrap();
        path
    };
    for (path, parts) in [
        ("/nowhere".into(), ["error[identity::unreadable]", "`/nowhere`"]),
        (fleet.home(), ["error[identity::unreadable]", "directory"]),
        (KEYS.alice.public_file(), ["error[identity::public]", "without `.pub`"]),
        (KEYS.recovery.public_file(), ["error[identity::public]", "public key"]),
        (file("empty", ""), ["error[identity::malformed]", "it is empty"]),
        (
            file("text", "# a comment\nhunter2\n"),
            ["error[identity::malformed]", "line 2 is not an age identity"],
        ),
    ] {
        let ran = fleet.refuses_cmd(show(&fleet).identity(path), 4).says(&parts);
        assert!(!ran.stderr().contains("hunter2"), "{ran}");
    }
}

#[test]
fn an_identity_of_another_user_is_refused_as_unreadable() {
    let fleet = TestFleet::sealed();
    let path = fleet.home().join("identity");
    std::fs::copy(KEYS.alice.private(), &path).unwrap();
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o000)).unwrap();
    for folder in [fleet.outside(), fleet.memory()] {
        std::fs::set_permissions(folder, std::fs::Permissions::from_mode(0o755)).unwrap();
    }
    let mut command = std::process::Command::new(crate::common::tool("setpriv"));
    // A copy of the program, since nobody may enter the folder it was built in.
    let program = fleet.outside().join("secretctl");
    std::fs::copy(crate::common::BIN, &program).unwrap();
    command
        .args(["--reuid", "65534", "--regid", "65534", "--clear-groups"])
        .arg(program)
        .args(["show", "shared/token"]);
    let ran = fleet.refuses_cmd(fleet.prepare(command).identity(path), 4);
    ran.says(&["error[identity::unreadable]", "Permission denied", "readable by this user"]);
}

#[test]
fn a_locked_identity_without_a_terminal_says_so() {
    let fleet = TestFleet::sealed();
    let locked = KEYS.locked.public();
    fleet.run(["admin", "add", "zoe", "--recipient", &locked]).ok();
    fleet.run(["rekey"]).ok();
    let ran = fleet.refuses_cmd(show(&fleet).identity(KEYS.locked.private()), 4);
    ran.says(&["stayed locked", &locked, "run it at a terminal"]);
}

#[test]
fn a_locked_signing_key_without_a_terminal_says_so_before_anything_changes() {
    let fleet = TestFleet::sealed();
    let locked = KEYS.locked.public();
    fleet.run(["admin", "add", "zoe", "--recipient", &locked, "--signing-key", &locked]).ok();
    let cmd =
        fleet.cmd(["set", "shared/token"]).env("SECRETCTL_SIGNING_KEY", KEYS.locked.private()).stdin("v");
    fleet.refuses_cmd(cmd, 4).says(&["error[signer::locked]", "ssh-add"]);
}

#[test]
fn without_any_identity_every_place_that_was_looked_at_is_named() {
    let fleet = TestFleet::sealed();
    let ran = fleet.refuses_cmd(show(&fleet).without_keys(), 4);
    ran.says(&[
        "error[identity::none]",
        "secretctl/identity",
        "sops/age/keys.txt",
        ".ssh/id_ed25519",
        ".ssh/id_rsa",
        "--identity FILE",
    ]);
}

#[test]
fn an_identity_is_found_in_every_place_that_people_have() {
    let fleet = TestFleet::sealed();
    let recovery = std::fs::read_to_string(KEYS.recovery.private()).unwrap();
    let ssh = std::fs::read_to_string(KEYS.alice.private()).unwrap();
    for (path, text) in [
        (".config/secretctl/identity", &recovery),
        (".config/sops/age/keys.txt", &recovery),
        (".ssh/id_ed25519", &ssh),
    ] {
        let path = fleet.home().join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, text).unwrap();
        assert_eq!(
            show(&fleet).without_keys().run().ok().stdout(),
            "shared-token-value",
            "{}",
            path.display()
        );
        std::fs::remove_file(path).unwrap();
    }
    let by = |name: &str, value: &str| show(&fleet).without_keys().env(name, value).run().ok().stdout();
    assert_eq!(by("SOPS_AGE_KEY", &recovery), "shared-token-value");
    assert_eq!(by("SOPS_AGE_KEY_FILE", KEYS.recovery.private().to_str().unwrap()), "shared-token-value");
    let option = fleet.cmd(["show", "shared/token", "--identity", KEYS.recovery.private().to_str().unwrap()]);
    assert_eq!(option.without_keys().run().ok().stdout(), "shared-token-value");
}

#[test]
fn a_file_of_somebody_elses_tool_does_not_hide_the_identity_after_it() {
    let fleet = TestFleet::sealed();
    let broken = fleet.home().join(".config/sops/age/keys.txt");
    std::fs::create_dir_all(broken.parent().unwrap()).unwrap();
    std::fs::write(&broken, "something else").unwrap();
    std::fs::create_dir_all(fleet.home().join(".ssh")).unwrap();
    std::fs::copy(KEYS.alice.private(), fleet.home().join(".ssh/id_ed25519")).unwrap();
    assert_eq!(show(&fleet).without_keys().run().ok().stdout(), "shared-token-value");
}

#[test]
fn an_identity_that_was_found_and_cannot_be_used_is_named_when_no_other_is_there() {
    let fleet = TestFleet::sealed();
    let broken = fleet.home().join(".config/secretctl/identity");
    std::fs::create_dir_all(broken.parent().unwrap()).unwrap();
    std::fs::copy(KEYS.alice.public_file(), &broken).unwrap();
    let ran = fleet.refuses_cmd(show(&fleet).without_keys(), 4);
    assert!(
        ran.stderr().contains("public key"),
        "why the file that is there was not used is not said:\n{ran}"
    );
}

#[test]
fn the_default_signing_key_is_the_ssh_key_of_the_home() {
    let fleet = TestFleet::sealed();
    std::fs::create_dir_all(fleet.home().join(".ssh")).unwrap();
    std::fs::copy(KEYS.alice.private(), fleet.home().join(".ssh/id_ed25519")).unwrap();
    fleet.cmd(["set", "shared/token"]).without_keys().stdin("by default").run().ok();
    fleet.assert_clean();
}

/// A post-quantum identity in form only: no program reads this one.
const POST_QUANTUM: &str = "AGE-SECRET-KEY-PQ-1QQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQ";

#[test]
fn lines_that_are_not_understood_do_not_hide_the_identity_beside_them() {
    let fleet = TestFleet::sealed();
    let good = std::fs::read_to_string(KEYS.recovery.private()).unwrap();
    let file = fleet.outside().join("mixed");
    for other in [POST_QUANTUM, "AGE-PLUGIN-NOWHERE-1QQSRTYXZ", "hunter2", KEYS.recovery.public().as_str()] {
        for text in [format!("{other}\n{good}"), format!("{good}{other}\n")] {
            std::fs::write(&file, text).unwrap();
            assert_eq!(show(&fleet).identity(&file).run().ok().stdout(), "shared-token-value", "{other}");
        }
    }
}

#[test]
fn a_line_that_is_not_understood_is_named_by_number_where_no_other_fits() {
    let fleet = TestFleet::sealed();
    let file = fleet.outside().join("mixed");
    let other = std::process::Command::new(crate::common::tool("age-keygen")).output().unwrap().stdout;
    let other = String::from_utf8(other).unwrap();
    let lines = other.lines().count() + 1;
    std::fs::write(&file, format!("{other}{POST_QUANTUM}\nhunter2\n")).unwrap();
    let ran = fleet.refuses_cmd(show(&fleet).identity(&file), 4).says(&[
        "error[store::decrypt]",
        &format!("line {lines} of `{}` (a post-quantum age identity, which needs", file.display()),
        &format!("line {} of `{}` (not an age identity)", lines + 1, file.display()),
    ]);
    assert!(!ran.stderr().contains("hunter2") && !ran.stderr().contains("QQQQQQQQQQ"), "{ran}");
    std::fs::write(&file, format!("{POST_QUANTUM}\n")).unwrap();
    let ran = fleet.refuses_cmd(show(&fleet).identity(&file), 4);
    ran.says(&["error[identity::malformed]", "line 1 is a post-quantum age identity", "age-plugin-pq"]);
}

#[test]
fn an_ssh_key_opens_what_is_encrypted_to_its_ssh_to_age_form() {
    // A throw-away key; its recipient was computed from the public half alone.
    let key = include_str!("../vectors/ssh-to-age/id_ed25519");
    let recipient = include_str!("../vectors/ssh-to-age/recipient").trim();
    let fleet = TestFleet::sealed();
    let file = fleet.outside().join("converted");
    std::fs::write(&file, key).unwrap();
    fleet.run(["admin", "add", "bob", "--recipient", recipient]).ok();
    fleet.run(["rekey"]).ok();
    assert_eq!(show(&fleet).identity(&file).run().ok().stdout(), "shared-token-value");
    fleet.refuses_cmd(show(&fleet).identity(KEYS.eve.private()), 4);
}
