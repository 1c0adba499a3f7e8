//! A key that is pasted where one line is asked for: no line of it reaches the shell or its history.

use std::process::Command;
use std::time::Duration;

use crate::common::BIN;
use crate::common::KEYS;
use crate::common::TestFleet;
use crate::common::terminal::Terminal;
use crate::common::tool;

/// How the terminal hands a paste over.
#[derive(Clone, Copy, Debug)]
enum Paste {
    /// As if it had been typed.
    Typed,
    /// Marked at its start and its end, where the program asks for that.
    Marked,
}

/// A shell as people have it, whose every line lands in a history file.
struct Shell<'a> {
    fleet: &'a TestFleet,
    terminal: Terminal,
}

impl<'a> Shell<'a> {
    fn start(fleet: &'a TestFleet, environment: &[(&str, &str)]) -> Self {
        let history = fleet.outside().join("history");
        let script = format!(
            "HISTFILE={} PS1='ready> ' exec {} --norc --noprofile -i",
            history.display(),
            tool("bash").display()
        );
        let terminal = Terminal::run(fleet, environment, &script);
        terminal.shows("ready>");
        // Old shells do not ask for marks, and then every pasted line is run at once.
        terminal.types("bind 'set enable-bracketed-paste off'; set -o history; clear").presses(&["Enter"]);
        Self { fleet, terminal }
    }

    fn runs(&self, command: &str) -> &Self {
        self.terminal.types(command).presses(&["Enter"]);
        self
    }

    fn pastes(&self, text: &str, how: Paste) -> &Self {
        let file = self.fleet.outside().join("clipboard");
        std::fs::write(&file, text).unwrap();
        self.terminal.tmux(&["load-buffer", file.to_str().unwrap()]);
        match how {
            Paste::Typed => self.terminal.tmux(&["paste-buffer"]),
            Paste::Marked => self.terminal.tmux(&["paste-buffer", "-p"]),
        };
        self
    }

    /// The shell is back, and has neither run nor kept a line of `text`.
    fn has_seen_nothing_of(&self, text: &str, what: &str) {
        // What is late comes after the question.
        std::thread::sleep(Duration::from_millis(500));
        self.runs("echo still-\"here\"; history -w");
        self.terminal.shows("still-here");
        let screen = self.terminal.screen();
        let history = std::fs::read_to_string(self.fleet.outside().join("history")).unwrap();
        assert!(history.contains("secretctl"), "nothing is kept at all:\n{history}");
        for line in text.lines().filter(|line| line.len() > 8) {
            assert!(!history.contains(line), "{what}: the history has `{line}`:\n{history}");
            assert!(!screen.contains(line), "{what}: the screen has `{line}`:\n{screen}");
        }
        assert!(!screen.contains("not found"), "{what}:\n{screen}");
    }
}

fn key() -> String {
    std::fs::read_to_string(KEYS.eve.private()).unwrap()
}

#[test]
fn a_key_pasted_as_a_value_is_refused_and_reaches_no_shell() {
    for how in [Paste::Typed, Paste::Marked] {
        let fleet = TestFleet::sealed();
        let shell = Shell::start(&fleet, &[]);
        shell.runs(&format!("{BIN} set shared/pasted"));
        shell.terminal.shows("Value of shared/pasted: ");
        shell
            .pastes(&key(), how)
            .terminal
            .shows("error[set::several_lines]")
            .shows("secretctl edit shared/pasted");
        shell.has_seen_nothing_of(&key(), &format!("{how:?}"));
        assert!(!fleet.exists("secrets/shared/pasted.age"));
    }
}

#[test]
fn a_key_pasted_at_a_question_reaches_no_shell() {
    for how in [Paste::Typed, Paste::Marked] {
        let fleet = TestFleet::sealed();
        fleet.run(["admin", "add", "zoe", "--recipient", &KEYS.locked.public()]).ok();
        fleet.run(["rekey"]).ok();
        let locked = KEYS.locked.private().to_str().unwrap();
        let shell = Shell::start(&fleet, &[("SECRETCTL_IDENTITY", locked)]);
        shell.runs(&format!("{BIN} show shared/token"));
        shell.terminal.shows("Passphrase for");
        shell.pastes(&key(), how).terminal.shows("one line was asked for").shows("stayed locked");
        shell.has_seen_nothing_of(&key(), &format!("passphrase, {how:?}"));
    }
}

#[test]
fn a_paste_before_the_question_or_where_there_is_none_reaches_no_shell() {
    let fleet = TestFleet::sealed();
    let shell = Shell::start(&fleet, &[]);
    // The shell waits for the whole line, and reads nothing of the paste while it runs.
    shell.runs(&format!("sleep 1; {BIN} set shared/pasted"));
    shell.pastes(&key(), Paste::Typed).terminal.shows("error[set::several_lines]");
    // Echoed by the kernel while `sleep` ran, so only the history and what was run count here.
    std::thread::sleep(Duration::from_millis(500));
    shell.runs("echo still-\"here\"; history -w").terminal.shows("still-here");
    let history = std::fs::read_to_string(fleet.outside().join("history")).unwrap();
    assert!(key().lines().all(|line| !history.contains(line)), "{history}");
}

#[test]
fn a_signal_leaves_the_terminal_as_it_was_and_no_input_behind() {
    for signal in ["-TERM", "-INT", "-HUP"] {
        let fleet = TestFleet::sealed();
        let shell = Shell::start(&fleet, &[]);
        let number = fleet.outside().join("process");
        shell.runs(&format!("sh -c 'echo $$ > {}; exec {BIN} set shared/pasted'", number.display()));
        shell.terminal.shows("Value of shared/pasted: ").types("half a value");
        let process = std::fs::read_to_string(&number).unwrap();
        assert!(Command::new("kill").args([signal, process.trim()]).status().unwrap().success());
        shell.has_seen_nothing_of("half a value", signal);
        // What is typed is shown again.
        shell.terminal.types("echoed").shows("echoed");
    }
}

#[test]
fn ctrl_c_ends_a_question_and_backspace_and_ctrl_u_mend_it() {
    let fleet = TestFleet::sealed();
    let terminal = Terminal::run(&fleet, &[], &format!("{BIN} set shared/typed"));
    terminal.shows("Value of shared/typed").types("half").presses(&["C-c"]);
    assert_eq!(terminal.code(), 130, "{}", terminal.screen());
    drop(terminal);
    let terminal = Terminal::run(&fleet, &[], &format!("{BIN} set shared/typed"));
    terminal.shows("Value of shared/typed").types("wrong").presses(&["C-u"]).types("vä").presses(&["BSpace"]);
    terminal.types("alue").presses(&["Left", "Enter"]);
    terminal.shows("The same again").types("value").presses(&["Enter"]);
    assert_eq!(terminal.code(), 0, "{}", terminal.screen());
    assert_eq!(fleet.show("shared/typed"), "value");
}

#[test]
fn a_pasted_line_is_taken_with_the_enter_key() {
    let fleet = TestFleet::sealed();
    let shell = Shell::start(&fleet, &[]);
    shell.runs(&format!("{BIN} set shared/pasted"));
    shell.terminal.shows("Value of shared/pasted: ");
    shell.pastes("pasted-token-value\n", Paste::Marked).terminal.presses(&["Enter"]).shows("The same again");
    shell
        .pastes("pasted-token-value", Paste::Marked)
        .terminal
        .presses(&["Enter"])
        .shows("created shared/pasted");
    shell.has_seen_nothing_of("pasted-token-value", "a line");
    drop(shell);
    assert_eq!(fleet.show("shared/pasted"), "pasted-token-value");
}
