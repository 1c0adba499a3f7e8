//! The person's editor, with everything off that would keep a copy of what it edits.

use std::io::IsTerminal;
use std::io::Write;
use std::path::Path;
use std::path::PathBuf;
use std::process::Child;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering;
use std::time::Duration;

use signal_hook::consts::SIGHUP;
use signal_hook::consts::SIGINT;
use signal_hook::consts::SIGQUIT;
use signal_hook::consts::SIGTERM;

use crate::ops::Edited;
use crate::ops::Editor;
use crate::ops::KEY_VARIABLE;

/// How often a running editor is looked at.
const POLL: Duration = Duration::from_millis(20);

/// Editors that are tried when neither `VISUAL` nor `EDITOR` is set.
const FALLBACKS: [&str; 4] = ["nano", "vim", "nvim", "vi"];

/// An editor in this terminal or in a window that it waits for.
pub(super) struct TerminalEditor {
    command: Option<String>,
    search: Vec<PathBuf>,
    /// While true, signals end the process as usual; cleared before there is plaintext to wipe.
    unguarded: Arc<AtomicBool>,
    stop: Arc<AtomicBool>,
    /// Ctrl-C, which counts only while we ask something: an editor has its own use for it.
    interrupted: Arc<AtomicBool>,
}

impl TerminalEditor {
    /// `command` is `VISUAL` or `EDITOR`, `path` the search path of programs.
    pub(super) fn new(command: Option<String>, path: Option<&std::ffi::OsStr>) -> Self {
        let search = path.map(|path| std::env::split_paths(path).collect()).unwrap_or_default();
        Self {
            command,
            search,
            unguarded: Arc::new(AtomicBool::new(true)),
            stop: Arc::default(),
            interrupted: Arc::default(),
        }
    }

    fn words(&self) -> Result<Vec<String>, String> {
        let Some(command) = &self.command else {
            let found = FALLBACKS.iter().find(|name| self.find(name).is_some());
            return found
                .map(|name| vec![(*name).to_owned()])
                .ok_or("was not found: `VISUAL` and `EDITOR` are not set".to_owned());
        };
        let words = shell_words::split(command).map_err(|_| format!("`{command}` has an open quote"))?;
        if words.is_empty() { Err("is empty in `VISUAL` or `EDITOR`".to_owned()) } else { Ok(words) }
    }

    fn find(&self, program: &str) -> Option<PathBuf> {
        if program.contains('/') {
            return Some(PathBuf::from(program)).filter(|path| path.is_file());
        }
        self.search.iter().map(|folder| folder.join(program)).find(|path| path.is_file())
    }

    fn start(&self, file: &Path) -> Result<Child, String> {
        let words = self.words()?;
        let (program, given) = words.split_first().ok_or("is empty")?;
        let found = self.find(program).ok_or_else(|| format!("`{program}` was not found"))?;
        let kind = Kind::of(&found.canonicalize().unwrap_or(found));
        if kind == Kind::Unknown {
            let _ = writeln!(
                std::io::stderr(),
                "note: `{program}` is not an editor we know; make sure that it keeps no copies outside `{}`",
                file.parent().unwrap_or(file).display()
            );
        }
        if kind.needs_terminal() && !std::io::stdin().is_terminal() {
            return Err(format!("`{program}` needs a terminal; `secretctl set` reads a value from a pipe"));
        }
        let mut command = Command::new(program);
        command.args(given).args(kind.arguments(file)).arg(file).env_remove(KEY_VARIABLE);
        command.spawn().map_err(|error| format!("`{program}` could not be started: {error}"))
    }

    /// A line from the person; none at the end of input or when a signal came. The line is read aside, since a
    /// read that a signal interrupts is taken up again.
    fn answer(&self) -> Option<String> {
        let (send, receive) = std::sync::mpsc::channel();
        std::thread::spawn(move || {
            let mut line = String::new();
            let read = std::io::stdin().read_line(&mut line);
            let _ = send.send(read.is_ok_and(|length| length > 0).then_some(line));
        });
        loop {
            if self.stop.load(Ordering::SeqCst) || self.interrupted.load(Ordering::SeqCst) {
                return None;
            }
            match receive.recv_timeout(POLL) {
                Ok(answer) => return answer,
                Err(std::sync::mpsc::RecvTimeoutError::Timeout) => {}
                Err(std::sync::mpsc::RecvTimeoutError::Disconnected) => return None,
            }
        }
    }

    fn wait(&self, mut child: Child) -> Edited {
        loop {
            if self.stop.load(Ordering::SeqCst) {
                let _ = child.kill();
                let _ = child.wait();
                return Edited::Interrupted;
            }
            match child.try_wait() {
                Ok(Some(status)) if status.success() => return Edited::Done,
                Ok(Some(status)) => return Edited::Failed(format!("ended with {status}")),
                Ok(None) => std::thread::sleep(POLL),
                Err(error) => return Edited::Failed(format!("could not be waited for: {error}")),
            }
        }
    }
}

impl Editor for TerminalEditor {
    fn guard(&mut self) {
        self.unguarded.store(false, Ordering::SeqCst);
        for signal in [SIGINT, SIGQUIT, SIGHUP, SIGTERM] {
            let _ = signal_hook::flag::register_conditional_default(signal, Arc::clone(&self.unguarded));
        }
        let _ = signal_hook::flag::register(SIGINT, Arc::clone(&self.interrupted));
        // Ctrl-C is the editor's business; these two are ours.
        for signal in [SIGHUP, SIGTERM] {
            let _ = signal_hook::flag::register(signal, Arc::clone(&self.stop));
        }
    }

    fn edit(&mut self, file: &Path) -> Edited {
        match self.start(file) {
            Ok(child) => self.wait(child),
            Err(reason) => Edited::Failed(reason),
        }
    }

    fn again(&mut self, message: &str) -> bool {
        let _ = writeln!(std::io::stderr(), "{message}");
        if self.stop.load(Ordering::SeqCst) || !std::io::stdin().is_terminal() {
            return false;
        }
        let _ = write!(std::io::stderr(), "Edit again? [Y/n] ");
        self.interrupted.store(false, Ordering::SeqCst);
        loop {
            // What was meant for a shell or an editor is no answer.
            match self.answer().map(|answer| answer.trim().to_ascii_lowercase()).as_deref() {
                Some("" | "y" | "yes") => return true,
                None | Some("n" | "no") => return false,
                Some(_) => drop(write!(std::io::stderr(), "Please answer y or n: ")),
            }
        }
    }
}

/// Editors whose side files we know how to turn off.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Kind {
    Vim,
    Nano,
    Emacs,
    Micro,
    Code,
    /// Keeps nothing: helix, kakoune, ed and stream editors.
    Plain,
    Unknown,
}

impl Kind {
    /// Tells an editor by the file name of the program that would really run.
    fn of(program: &Path) -> Self {
        let name = program.file_name().unwrap_or_default().to_string_lossy().to_ascii_lowercase();
        let stem = name.split(['.', '-']).next().unwrap_or_default();
        match stem {
            "vim" | "nvim" | "vi" | "gvim" | "rvim" | "view" | "vimx" => Self::Vim,
            "nano" | "rnano" => Self::Nano,
            "emacs" => Self::Emacs,
            "micro" => Self::Micro,
            "code" | "codium" | "vscodium" => Self::Code,
            "hx" | "helix" | "kak" | "ed" | "sed" | "mg" => Self::Plain,
            _ => Self::Unknown,
        }
    }

    /// Whether it would take control of a terminal.
    fn needs_terminal(self) -> bool {
        matches!(self, Self::Vim | Self::Nano | Self::Emacs | Self::Micro)
    }

    /// Arguments before the file; the folder of `file` is private and in memory.
    fn arguments(self, file: &Path) -> Vec<String> {
        let folder = file.parent().unwrap_or(file).display().to_string();
        let words: &[&str] = match self {
            // `--cmd` comes before the person's configuration and `-c` after it, so that neither undoes the other.
            Self::Vim => &[
                "-n",
                "-i",
                "NONE",
                "--cmd",
                "set noswapfile nobackup nowritebackup noundofile nomodeline",
                "--cmd",
                "autocmd BufNewFile,BufReadPre * setlocal noswapfile noundofile",
                "-c",
                "set noswapfile nobackup nowritebackup noundofile viminfo=",
            ],
            // Its configuration can turn on backups in another folder and a history of searches.
            Self::Nano => &["--ignorercfiles"],
            Self::Emacs => &[
                "--eval",
                "(setq make-backup-files nil backup-inhibited t auto-save-default nil auto-save-list-file-prefix nil create-lockfiles nil save-place-mode nil savehist-mode nil)",
            ],
            Self::Micro => {
                &["-backup", "false", "-savehistory", "false", "-saveundo", "false", "-savecursor", "false"]
            }
            // Its local history and hot exit keep copies below the user folder, so that one goes into memory.
            Self::Code => {
                return vec![
                    "--wait".into(),
                    "--new-window".into(),
                    "--disable-extensions".into(),
                    format!("--user-data-dir={folder}/code"),
                ];
            }
            Self::Plain | Self::Unknown => &[],
        };
        words.iter().map(|word| (*word).to_owned()).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn editors_are_told_by_the_program_that_really_runs() {
        let kind = |path: &str| Kind::of(Path::new(path));
        assert_eq!(kind("/usr/bin/vim.basic"), Kind::Vim);
        assert_eq!(kind("/usr/bin/vim.tiny"), Kind::Vim);
        assert_eq!(kind("/nix/store/x/bin/nvim"), Kind::Vim);
        assert_eq!(kind("/usr/bin/emacs-gtk"), Kind::Emacs);
        assert_eq!(kind("/usr/bin/code-insiders"), Kind::Code);
        assert_eq!(kind("/bin/cat"), Kind::Unknown);
    }

    #[test]
    fn a_command_with_arguments_is_split_like_a_shell_does() {
        let editor = TerminalEditor::new(Some("code --wait 'a b'".to_owned()), None);
        assert_eq!(editor.words(), Ok(vec!["code".to_owned(), "--wait".to_owned(), "a b".to_owned()]));
        for broken in ["", "  ", "vim 'open"] {
            assert!(TerminalEditor::new(Some(broken.to_owned()), None).words().is_err(), "{broken:?}");
        }
    }
}
