//! Asks at the terminal, even when stdin and stdout are pipes.

use std::collections::BTreeMap;
use std::io::IsTerminal;
use std::io::Write;
use std::sync::Mutex;
use std::sync::PoisonError;

use super::question::Echo;
use super::question::Extent;
use super::question::Question;
use super::question::Unanswered;
use crate::cli::ui::one_line;
use crate::diag::Masking;
use crate::name::SecretName;
use crate::ops::Prompt;
use crate::ops::generate::Answer;
use crate::ops::generate::Asker;
use crate::ops::generate::Question as AskedFor;
use crate::secret::SecretBytes;

/// What became of a paste of several lines.
const SEVERAL_LINES: &str = "one line was asked for and several came; all of them were thrown away";

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
        let answer = answer(&one_line(&format!("{what}: ")), Echo::Hidden)?;
        asked.insert(what.to_owned(), copy(&answer));
        Some(answer)
    }

    fn line(&self, what: &str) -> Option<String> {
        if !std::io::stdin().is_terminal() {
            return None;
        }
        let answer = answer(&one_line(&format!("{what}: ")), Echo::Shown)?;
        Some(String::from_utf8_lossy(answer.expose()).trim_end().to_owned())
    }

    fn tell(&self, message: &str) {
        say(message);
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

/// Why there is no new value.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum NotEntered {
    /// Nobody is there, or the person gave up.
    Nobody,
    /// The two entries differ.
    Differ,
    /// Several lines were pasted.
    SeveralLines,
}

impl From<Unanswered> for NotEntered {
    fn from(why: Unanswered) -> Self {
        match why {
            Unanswered::SeveralLines => Self::SeveralLines,
            Unanswered::Nobody | Unanswered::Stopped => Self::Nobody,
        }
    }
}

/// Asks for a new value twice, hidden.
pub(super) fn new_value(what: &str) -> Result<SecretBytes, NotEntered> {
    let mut question = Question::begin(Echo::Hidden)?;
    let first = question.ask(&format!("{what}: "), Extent::Line)?;
    let second = question.ask(&format!("The same again: {what}: "), Extent::Line)?;
    if first.same(&second) { Ok(first) } else { Err(NotEntered::Differ) }
}

/// Asks for values that only a person knows.
pub(super) struct TerminalAsker;

impl Asker for TerminalAsker {
    fn is_there(&self) -> bool {
        std::io::stdin().is_terminal()
    }

    fn ask(&self, secret: &SecretName, question: &AskedFor) -> Option<SecretBytes> {
        let what = one_line(&format!("{} ({secret})", question.text));
        let answer = match question.answer {
            Answer::Hidden => new_value(&what),
            Answer::Line => one(&format!("{what}: "), Echo::Shown, Extent::Line).map_err(NotEntered::from),
            Answer::Lines => one(&format!("{what}; end with Ctrl-D:\n"), Echo::Shown, Extent::Lines)
                .map_err(NotEntered::from),
        };
        if answer.as_ref().is_err_and(|why| *why == NotEntered::SeveralLines) {
            say(SEVERAL_LINES);
        }
        answer.ok().filter(|answer| !answer.is_empty())
    }
}

/// One question of its own.
fn one(what: &str, echo: Echo, extent: Extent) -> Result<SecretBytes, Unanswered> {
    Question::begin(echo)?.ask(what, extent)
}

/// The answer, or nothing with the reason shown.
fn answer(what: &str, echo: Echo) -> Option<SecretBytes> {
    let answer = one(what, echo, Extent::Line);
    if answer.as_ref().is_err_and(|why| *why == Unanswered::SeveralLines) {
        say(SEVERAL_LINES);
    }
    answer.ok()
}

fn say(message: &str) {
    let _ = writeln!(Masking(std::io::stderr()), "{}", one_line(message));
}
