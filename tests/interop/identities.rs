//! Identities in every form that people have them.

use std::path::Path;
use std::path::PathBuf;
use std::process::Command;

use crate::common::BIN;
use crate::common::KEYS;
use crate::common::TestFleet;
use crate::common::attack;
use crate::common::keys::PASSPHRASE;
use crate::common::terminal::Terminal;
use crate::common::tool;

fn shows(fleet: &TestFleet, identity: &Path) {
    let ran = fleet.cmd(["show", "shared/token"]).identity(identity).run().ok();
    assert_eq!(ran.stdout(), "shared-token-value", "{}", identity.display());
}

#[test]
fn identities_as_age_keygen_and_ssh_keygen_write_them_are_read() {
    let fleet = TestFleet::sealed();
    fleet.run(["admin", "add", "carol", "--recipient", &KEYS.carol.public()]).ok();
    fleet.run(["rekey"]).ok();
    for key in [&KEYS.alice, &KEYS.carol, &KEYS.recovery] {
        shows(&fleet, key.private());
    }
}

#[test]
fn comments_blank_lines_several_identities_and_carriage_returns_are_fine() {
    let fleet = TestFleet::sealed();
    let text = std::fs::read_to_string(KEYS.recovery.private()).unwrap();
    let other = String::from_utf8(attack::pipe("age-keygen", &[], b"").stdout).unwrap();
    let file = fleet.outside().join("identities");
    for text in [
        format!("# first\n\n{other}\n# second\n{text}"),
        text.replace('\n', "\r\n"),
        text.trim_end().to_owned(),
    ] {
        std::fs::write(&file, text).unwrap();
        shows(&fleet, &file);
    }
}

/// A copy of a private key in another form.
fn converted(fleet: &TestFleet, key: &Path, args: &[&str]) -> PathBuf {
    let copy = fleet.outside().join("converted");
    std::fs::copy(key, &copy).unwrap();
    let mut command = Command::new(tool("ssh-keygen"));
    command.args(["-q", "-p", "-P", ""]).args(args).arg("-f").arg(&copy);
    assert!(command.output().unwrap().status.success());
    copy
}

#[test]
fn an_rsa_key_in_the_old_pem_format_is_read() {
    let fleet = TestFleet::sealed();
    fleet.run(["admin", "add", "carol", "--recipient", &KEYS.carol.public()]).ok();
    fleet.run(["rekey"]).ok();
    shows(&fleet, &converted(&fleet, KEYS.carol.private(), &["-N", "", "-m", "PEM"]));
}

/// Rekeys many secrets in a terminal, with a key under a passphrase that both decrypts and signs.
fn asked(identity: &Path, recipient: &str, signing: bool) {
    let fleet = TestFleet::sealed();
    for number in 0..5 {
        fleet.set(&format!("shared/more-{number}"), "value").ok();
    }
    let args = ["admin", "add", "zoe", "--recipient", recipient];
    let more: &[&str] = if signing { &["--signing-key", recipient] } else { &[] };
    fleet.run(args.iter().chain(more)).ok();
    fleet.run(["rekey"]).ok();
    fleet.run(["admin", "add", "bob", "--recipient", &KEYS.bob.public()]).ok();
    let identity = identity.to_str().unwrap();
    let mut environment = vec![("SECRETCTL_IDENTITY", identity)];
    if signing {
        environment.push(("SECRETCTL_SIGNING_KEY", identity));
    }
    let terminal = Terminal::run(&fleet, &environment, &format!("{BIN} rekey"));
    terminal.shows("Passphrase for").types(PASSPHRASE).presses(&["Enter"]);
    assert_eq!(terminal.code(), 0, "{}", terminal.screen());
    let screen = terminal.screen();
    assert_eq!(screen.matches("Passphrase").count(), 1, "it was asked for more than once:\n{screen}");
    assert!(!screen.contains(PASSPHRASE), "the passphrase was echoed:\n{screen}");
    fleet.assert_clean();
}

#[test]
fn the_passphrase_of_an_ssh_key_that_decrypts_and_signs_many_secrets_is_asked_for_once() {
    asked(KEYS.locked.private(), &KEYS.locked.public(), true);
}

#[test]
fn the_passphrase_of_an_ssh_key_that_decrypts_is_asked_for_once() {
    asked(KEYS.locked.private(), &KEYS.locked.public(), false);
}

#[test]
fn a_wrong_passphrase_is_an_error_and_changes_nothing() {
    let fleet = TestFleet::sealed();
    fleet.run(["admin", "add", "zoe", "--recipient", &KEYS.locked.public()]).ok();
    fleet.run(["rekey"]).ok();
    let before = fleet.tree();
    let identity = KEYS.locked.private().to_str().unwrap();
    let terminal =
        Terminal::run(&fleet, &[("SECRETCTL_IDENTITY", identity)], &format!("{BIN} show shared/token"));
    terminal.shows("Passphrase for").types("wrong").presses(&["Enter"]);
    terminal.shows("2 of 3").types("wrong").presses(&["Enter"]);
    terminal.shows("3 of 3").types("wrong").presses(&["Enter"]);
    assert_eq!(terminal.code(), 4, "{}", terminal.screen());
    let screen = terminal.screen();
    assert!(
        screen.contains("its passphrase was wrong") && !screen.contains("shared-token-value"),
        "{screen}"
    );
    assert_eq!(fleet.tree().changed_since(&before), [""; 0]);
}

#[test]
fn an_identity_file_that_age_encrypted_with_a_passphrase_is_read_and_asked_for_once() {
    let folder = TestFleet::empty();
    let file = folder.outside().join("identity.age");
    let script =
        format!("{} -p -o {} {}", tool("age").display(), file.display(), KEYS.recovery.private().display());
    let terminal = Terminal::run(&folder, &[], &script);
    terminal.shows("Enter passphrase").types(PASSPHRASE).presses(&["Enter"]);
    terminal.shows("Confirm passphrase").types(PASSPHRASE).presses(&["Enter"]);
    assert_eq!(terminal.code(), 0, "{}", terminal.screen());
    drop(terminal);
    let fleet = TestFleet::sealed();
    fleet.run(["admin", "add", "bob", "--recipient", &KEYS.bob.public()]).ok();
    let identity = file.to_str().unwrap();
    let terminal = Terminal::run(&fleet, &[("SECRETCTL_IDENTITY", identity)], &format!("{BIN} rekey"));
    terminal.shows("Passphrase for").types(PASSPHRASE).presses(&["Enter"]);
    assert_eq!(terminal.code(), 0, "{}", terminal.screen());
    assert_eq!(terminal.screen().matches("Passphrase").count(), 1, "{}", terminal.screen());
    fleet.assert_clean();
}

#[test]
fn a_value_is_asked_for_twice_at_a_terminal_and_never_echoed() {
    let fleet = TestFleet::sealed();
    let terminal = Terminal::run(&fleet, &[], &format!("{BIN} set shared/typed"));
    terminal.shows("Value of shared/typed").types("typed-needle").presses(&["Enter"]);
    terminal.shows("The same again").types("typed-needle").presses(&["Enter"]);
    assert_eq!(terminal.code(), 0, "{}", terminal.screen());
    assert!(!terminal.screen().contains("typed-needle"));
    drop(terminal);
    assert_eq!(fleet.show("shared/typed"), "typed-needle");
    let terminal = Terminal::run(&fleet, &[], &format!("{BIN} set shared/typed"));
    terminal.shows("Value of shared/typed").types("one").presses(&["Enter"]);
    terminal.shows("The same again").types("two").presses(&["Enter"]);
    assert_eq!(terminal.code(), 2, "{}", terminal.screen());
    assert_eq!(fleet.show("shared/typed"), "typed-needle");
}
