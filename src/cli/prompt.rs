//! Asks at the terminal, even when stdin and stdout are pipes.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::IsTerminal;
use std::io::Write;
use std::sync::Mutex;
use std::sync::PoisonError;

use rustix::termios::LocalModes;
use rustix::termios::OptionalActions;
use rustix::termios::Termios;
use rustix::termios::tcgetattr;
use rustix::termios::tcsetattr;

use crate::cli::ui;
use crate::name::SecretName;
use crate::ops::Prompt;
use crate::ops::generate::Answer;
use crate::ops::generate::Asker;
use crate::ops::generate::Question;
use crate::secret::SecretBytes;

/// Longest answer to a question of several lines.
const ANSWER_MAX: usize = 1 << 20;

/// Asks on the controlling terminal. A passphrase is asked for once per key, whatever asks for it.
#[derive(Default)]
pub(super) struct TerminalPrompt {
    asked: Mutex<BTreeMap<String, SecretBytes>>,
}

impl Prompt for TerminalPrompt {
    fn passphrase(&self, what: &str) -> Option<SecretBytes> {
        let mut asked = self.asked.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = asked.get(what) {
            return Some(copy(known));
        }
        let answer = hidden(&format!("{what}: "))?;
        asked.insert(what.to_owned(), copy(&answer));
        Some(answer)
    }

    fn line(&self, what: &str) -> Option<String> {
        if !std::io::stdin().is_terminal() {
            return None;
        }
        let _ = write!(std::io::stderr(), "{}: ", ui::one_line(what));
        let mut answer = String::new();
        std::io::stdin().read_line(&mut answer).ok()?;
        Some(answer.trim_end().to_owned())
    }

    fn tell(&self, message: &str) {
        let _ = writeln!(std::io::stderr(), "{}", ui::one_line(message));
    }

    fn confirm(&self, question: &str, yes: &str, no: Option<&str>) -> Option<bool> {
        let answer = self.line(&format!("{question} [{yes}/{}]", no.unwrap_or("no")))?;
        Some(answer.eq_ignore_ascii_case(yes) || answer.eq_ignore_ascii_case("y"))
    }
}

fn copy(secret: &SecretBytes) -> SecretBytes {
    let mut copy = SecretBytes::with_capacity(secret.len());
    copy.extend(secret.expose());
    copy
}

/// Asks for a new value twice, hidden; `None` when nobody is there or the two differ.
pub(super) fn new_value(what: &str) -> Option<SecretBytes> {
    let first = hidden(&format!("{what}: "))?;
    let second = hidden(&format!("The same again: {what}: "))?;
    first.same(&second).then_some(first)
}

/// Asks for values that only a person knows.
pub(super) struct TerminalAsker;

impl Asker for TerminalAsker {
    fn is_there(&self) -> bool {
        std::io::stdin().is_terminal()
    }

    fn ask(&self, secret: &SecretName, question: &Question) -> Option<SecretBytes> {
        let what = ui::one_line(&format!("{} ({secret})", question.text));
        match question.answer {
            Answer::Hidden => new_value(&what),
            Answer::Line => {
                let _ = write!(std::io::stderr(), "{what}: ");
                let mut line = one_line()?;
                line.strip_suffix(b'\n');
                (!line.is_empty()).then_some(line)
            }
            Answer::Lines => {
                let _ = writeln!(std::io::stderr(), "{what}; end with Ctrl-D:");
                let lines = SecretBytes::read_bounded(std::io::stdin(), ANSWER_MAX).ok()?;
                (!lines.is_empty()).then_some(lines)
            }
        }
    }
}

/// A line that is shown. Bytes come one by one, so that what follows is left to the next question.
fn one_line() -> Option<SecretBytes> {
    let mut line = SecretBytes::with_capacity(ANSWER_MAX.min(4096));
    let mut byte = [0];
    while line.len() < ANSWER_MAX && rustix::io::read(std::io::stdin(), &mut byte).ok()? == 1 {
        line.extend(&byte);
        if byte == *b"\n" {
            break;
        }
    }
    Some(line)
}

/// Asks for a line that nobody sees.
fn hidden(question: &str) -> Option<SecretBytes> {
    let _quiet = Quiet::begin();
    let answer = rpassword::prompt_password(ui::one_line(question)).ok()?;
    Some(SecretBytes::from(answer.into_bytes()))
}

/// A terminal that shows nothing of what is typed, until this goes.
///
/// The library shows its question first and turns the echo off then, so that who types (or pastes) at once is seen.
struct Quiet {
    terminal: File,
    before: Termios,
}

impl Quiet {
    fn begin() -> Option<Self> {
        let terminal = File::open("/dev/tty").ok()?;
        let before = tcgetattr(&terminal).ok()?;
        let mut quiet = before.clone();
        quiet.local_modes.remove(LocalModes::ECHO);
        tcsetattr(&terminal, OptionalActions::Now, &quiet).ok()?;
        Some(Self { terminal, before })
    }
}

impl Drop for Quiet {
    fn drop(&mut self) {
        let _ = tcsetattr(&self.terminal, OptionalActions::Now, &self.before);
    }
}
