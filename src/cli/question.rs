//! One question at the terminal: a paste is taken as a whole, and what nobody read is thrown away.
//!
//! A terminal hands over a pasted text line by line. Whoever reads one line and ends leaves the others to the shell, which
//! runs them and keeps them in its history. So keys are read one by one here, a paste is recognized, and every end of
//! the question, also by a signal, drops what is left.

use std::fs::File;
use std::fs::OpenOptions;
use std::io::Write;
use std::os::fd::AsFd;
use std::time::Duration;

use rustix::event::PollFd;
use rustix::event::PollFlags;
use rustix::event::Timespec;
use rustix::event::poll;
use rustix::io::Errno;
use rustix::termios::InputModes;
use rustix::termios::LocalModes;
use rustix::termios::OptionalActions;
use rustix::termios::QueueSelector;
use rustix::termios::SpecialCodeIndex;
use rustix::termios::Termios;
use rustix::termios::tcflush;
use rustix::termios::tcgetattr;
use rustix::termios::tcsetattr;
use signal_hook::consts::SIGINT;
use signal_hook::consts::SIGQUIT;
use zeroize::Zeroizing;

use super::signals::Hold;
use crate::diag::masked;
use crate::secret::SecretBytes;

/// Longest answer.
const ANSWER_MAX: usize = 1 << 20;

/// Bytes that are read at once.
const CHUNK: usize = 4096;

/// How often a signal is looked for while nobody types.
const POLL: Duration = Duration::from_millis(50);

/// Keys that follow a line within this time were not typed: they are the rest of a paste.
const TYPED: Duration = Duration::from_millis(80);

/// A paste has ended when nothing came for this time.
const QUIET: Duration = Duration::from_millis(250);

/// Asks the terminal to mark where a paste starts and ends, and the marks.
const MARK_PASTES: &[u8] = b"\x1b[?2004h";
const STOP_MARKING: &[u8] = b"\x1b[?2004l";
const PASTE_STARTS: &[u8] = b"[200~";
const PASTE_ENDS: &[u8] = b"\x1b[201~";

/// Whether the answer is shown while it is typed.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Echo {
    Shown,
    Hidden,
}

/// How much is asked for.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Extent {
    /// Up to the end of a line.
    Line,
    /// Up to Ctrl-D.
    Lines,
}

/// Why there is no answer.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Unanswered {
    /// There is no terminal, or its input ended.
    Nobody,
    /// Several lines came where one was asked for.
    SeveralLines,
    /// Ctrl-C or a signal.
    Stopped,
}

/// A terminal that is being asked. When it goes, the terminal is as it was and its input is empty.
pub(super) struct Question {
    terminal: File,
    before: Termios,
    echo: Echo,
    /// Bytes that were read and not used yet, the next one last.
    unread: Zeroizing<Vec<u8>>,
    // INVARIANT: the last field, since dropping it may end the process.
    _hold: Hold,
}

impl Question {
    /// Takes over the terminal of this process; none where there is none.
    pub(super) fn begin(echo: Echo) -> Result<Self, Unanswered> {
        let terminal = OpenOptions::new().read(true).write(true).open("/dev/tty");
        let terminal = terminal.map_err(|_| Unanswered::Nobody)?;
        let before = tcgetattr(&terminal).map_err(|_| Unanswered::Nobody)?;
        let hold = Hold::begin();
        let mut keys = before.clone();
        keys.local_modes
            .remove(LocalModes::ICANON | LocalModes::ECHO | LocalModes::ISIG | LocalModes::IEXTEN);
        keys.input_modes.insert(InputModes::ICRNL);
        keys.special_codes[SpecialCodeIndex::VMIN] = 1;
        keys.special_codes[SpecialCodeIndex::VTIME] = 0;
        let unread = Zeroizing::new(Vec::with_capacity(CHUNK));
        let question = Self { terminal, before, echo, unread, _hold: hold };
        tcsetattr(&question.terminal, OptionalActions::Now, &keys).map_err(|_| Unanswered::Nobody)?;
        question.write(MARK_PASTES);
        Ok(question)
    }

    /// Asks, and gives what was answered, without the end of the line.
    pub(super) fn ask(&mut self, what: &str, extent: Extent) -> Result<SecretBytes, Unanswered> {
        self.write(masked(what).as_bytes());
        let answer = self.read(extent);
        if answer.is_err() || extent == Extent::Line {
            self.write(b"\n");
        }
        if answer.as_ref().is_err_and(|why| *why == Unanswered::SeveralLines) {
            self.drain(QUIET);
        }
        answer
    }

    fn read(&mut self, extent: Extent) -> Result<SecretBytes, Unanswered> {
        let mut answer = SecretBytes::with_capacity(4096);
        loop {
            match self.key()?.ok_or(Unanswered::Nobody)? {
                b'\n' if extent == Extent::Line => return self.single(answer),
                b'\n' => self.add(&mut answer, b"\n"),
                0x1b => {
                    if self.escape()? {
                        self.paste(&mut answer, extent)?;
                    }
                }
                // Ctrl-D
                0x04 if extent == Extent::Line && answer.is_empty() => return Err(Unanswered::Nobody),
                0x04 => return Ok(answer),
                0x03 => return Err(stopped(SIGINT)),
                0x1c => return Err(stopped(SIGQUIT)),
                // Backspace and Ctrl-U
                0x08 | 0x7f => self.erase(&mut answer),
                0x15 => {
                    while !answer.is_empty() && !answer.expose().ends_with(b"\n") {
                        self.erase(&mut answer);
                    }
                }
                key if key < 0x20 && key != b'\t' => {}
                key => self.add(&mut answer, &[key]),
            }
        }
    }

    /// The line, if it was not the first of several.
    fn single(&mut self, answer: SecretBytes) -> Result<SecretBytes, Unanswered> {
        let more = !self.unread.is_empty() || self.is_ready(TYPED);
        if more { Err(Unanswered::SeveralLines) } else { Ok(answer) }
    }

    /// Reads the rest of an escape sequence; whether it announces a paste.
    fn escape(&mut self) -> Result<bool, Unanswered> {
        let mut sequence = Vec::new();
        while sequence.len() < 16 && (!self.unread.is_empty() || self.is_ready(POLL)) {
            let Some(key) = self.key()? else { break };
            sequence.push(key);
            let introduced = sequence.len() == 1 && matches!(key, b'[' | b'O');
            if !introduced && (0x40..=0x7e).contains(&key) {
                break;
            }
        }
        Ok(sequence == PASTE_STARTS)
    }

    /// Takes a pasted text up to its end. A line break at its end is no answer yet: that is the Enter key.
    fn paste(&mut self, answer: &mut SecretBytes, extent: Extent) -> Result<(), Unanswered> {
        let mut pasted = SecretBytes::with_capacity(CHUNK);
        while !pasted.expose().ends_with(PASTE_ENDS) {
            match self.key()?.ok_or(Unanswered::Nobody)? {
                0x03 => return Err(stopped(SIGINT)),
                key => pasted.extend(&[key]),
            }
            if pasted.len() > ANSWER_MAX {
                return Err(Unanswered::SeveralLines);
            }
        }
        pasted.truncate(pasted.len() - PASTE_ENDS.len());
        if extent == Extent::Line {
            let last = pasted.expose().iter().rposition(|byte| *byte != b'\n');
            pasted.truncate(last.map_or(0, |last| last + 1));
            if pasted.expose().contains(&b'\n') {
                return Err(Unanswered::SeveralLines);
            }
        }
        self.add(answer, pasted.expose());
        Ok(())
    }

    fn add(&self, answer: &mut SecretBytes, more: &[u8]) {
        if answer.len() + more.len() > ANSWER_MAX {
            return;
        }
        answer.extend(more);
        if self.echo == Echo::Shown {
            let shown = more.iter().filter(|byte| **byte == b'\n' || (**byte >= 0x20 && **byte != 0x7f));
            self.write(&shown.copied().collect::<Vec<u8>>());
        }
    }

    /// Removes the last character.
    fn erase(&self, answer: &mut SecretBytes) {
        let bytes = answer.expose();
        let is_start = |byte: &u8| byte & 0xc0 != 0x80;
        let Some(start) = bytes.iter().rposition(is_start).filter(|at| bytes.get(*at) != Some(&b'\n')) else {
            return;
        };
        answer.truncate(start);
        if self.echo == Echo::Shown {
            self.write(b"\x08 \x08");
        }
    }

    /// The next byte; none at the end of the input.
    fn key(&mut self) -> Result<Option<u8>, Unanswered> {
        while self.unread.is_empty() {
            if Hold::came() {
                return Err(Unanswered::Stopped);
            }
            if !self.is_ready(POLL) {
                continue;
            }
            let mut chunk = Zeroizing::new([0; CHUNK]);
            match rustix::io::read(&self.terminal, &mut *chunk) {
                Ok(0) => return Ok(None),
                Ok(length) => self.unread.extend(chunk.iter().take(length).rev()),
                Err(Errno::INTR | Errno::AGAIN) => {}
                Err(_) => return Ok(None),
            }
        }
        Ok(self.unread.pop())
    }

    fn is_ready(&self, wait: Duration) -> bool {
        let wait = Timespec { tv_sec: 0, tv_nsec: wait.subsec_nanos().into() };
        let mut fds = [PollFd::new(&self.terminal, PollFlags::IN)];
        matches!(poll(&mut fds, Some(&wait)), Ok(ready) if ready > 0)
    }

    /// Throws away what was typed or pasted, until nothing came for a while.
    fn drain(&mut self, quiet: Duration) {
        self.unread.clear();
        let mut chunk = Zeroizing::new([0; CHUNK]);
        while self.is_ready(quiet) {
            if !rustix::io::read(&self.terminal, &mut *chunk).is_ok_and(|length| length > 0) {
                break;
            }
        }
    }

    fn write(&self, bytes: &[u8]) {
        let _ = (&self.terminal).write_all(bytes);
    }
}

impl Drop for Question {
    fn drop(&mut self) {
        self.write(STOP_MARKING);
        self.drain(Duration::ZERO);
        let _ = tcflush(&self.terminal, QueueSelector::IFlush);
        let _ = tcsetattr(&self.terminal, OptionalActions::Flush, &self.before);
    }
}

fn stopped(signal: i32) -> Unanswered {
    Hold::note(signal);
    Unanswered::Stopped
}

/// Throws away what waits at the terminal, when it goes: a paste that came before or after its question.
pub(super) struct DropsUnread(Option<File>);

impl DropsUnread {
    pub(super) fn new() -> Self {
        Self(File::open("/dev/tty").ok())
    }
}

impl Drop for DropsUnread {
    fn drop(&mut self) {
        if let Some(terminal) = &self.0 {
            let _ = tcflush(terminal.as_fd(), QueueSelector::IFlush);
        }
    }
}
