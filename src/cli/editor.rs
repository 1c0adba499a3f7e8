//! The person's editor, with everything off that would keep a copy of what it edits.

use std::io::IsTerminal;
use std::io::Write;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::path::PathBuf;
use std::process::Child;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering;
use std::time::Duration;
use std::time::Instant;

use signal_hook::consts::SIGHUP;
use signal_hook::consts::SIGTERM;

use super::question::Echo;
use super::question::Extent;
use super::question::Question;
use super::question::Unanswered;
use super::signals::Hold;
use crate::diag::Masking;
use crate::ops::Edited;
use crate::ops::Editor;
use crate::ops::KEY_VARIABLE;

/// How often a running editor is looked at.
const POLL: Duration = Duration::from_millis(20);

/// An editor that ends within this time without a change has probably only told another process to open the file.
const AT_ONCE: Duration = Duration::from_millis(500);

/// Editors that are tried when neither `VISUAL` nor `EDITOR` is set.
const FALLBACKS: [&str; 4] = ["nano", "vim", "nvim", "vi"];

/// An editor in this terminal or in a window that it waits for.
pub(super) struct TerminalEditor {
    command: Option<String>,
    search: Vec<PathBuf>,
    stop: Arc<AtomicBool>,
}

impl TerminalEditor {
    /// `command` is `VISUAL` or `EDITOR`, `path` the search path of programs.
    pub(super) fn new(command: Option<String>, path: Option<&std::ffi::OsStr>) -> Self {
        let search = path.map(|path| std::env::split_paths(path).collect()).unwrap_or_default();
        Self { command, search, stop: Arc::default() }
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
        if kind.is_unknown() {
            let _ = writeln!(
                Masking(std::io::stderr()),
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

    /// Says what to do about an editor that does not wait; not for those that are known to.
    fn ask_whether_it_waits(&self) {
        let words = self.words().unwrap_or_default();
        let Some(program) = words.first() else { return };
        let path = self.find(program).unwrap_or_default();
        if Kind::of(&path.canonicalize().unwrap_or(path)) == Kind::Unknown {
            let _ = writeln!(
                Masking(std::io::stderr()),
                "note: `{program}` ended at once and changed nothing; if its window is still open, nothing that is written there is kept: make it wait, such as `EDITOR=\"{program} --wait\"`"
            );
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
        Hold::for_good();
        // Ctrl-C is the editor's business; these two are ours.
        for signal in [SIGHUP, SIGTERM] {
            let _ = signal_hook::flag::register(signal, Arc::clone(&self.stop));
        }
    }

    fn edit(&mut self, file: &Path) -> Edited {
        let (started, before) = (Instant::now(), stamp(file));
        let edited = match self.start(file) {
            Ok(child) => self.wait(child),
            Err(reason) => return Edited::Failed(reason),
        };
        if matches!(edited, Edited::Done) && started.elapsed() < AT_ONCE && stamp(file) == before {
            self.ask_whether_it_waits();
        }
        edited
    }

    fn again(&mut self, message: &str) -> bool {
        let _ = writeln!(std::io::stderr(), "{message}");
        if self.stop.load(Ordering::SeqCst) || !std::io::stdin().is_terminal() {
            return false;
        }
        let mut what = "Edit again? [Y/n] ";
        loop {
            let answer =
                Question::begin(Echo::Shown).and_then(|mut question| question.ask(what, Extent::Line));
            let answer = answer.map(|answer| answer.expose().trim_ascii().to_ascii_lowercase());
            // What was meant for a shell or an editor is no answer.
            match answer.as_deref() {
                Ok(b"" | b"y" | b"yes") => return true,
                Err(Unanswered::Nobody | Unanswered::Stopped) | Ok(b"n" | b"no") => return false,
                Err(Unanswered::SeveralLines) | Ok(_) => what = "Please answer y or n: ",
            }
        }
    }
}

/// What changes when a file is written or replaced.
fn stamp(file: &Path) -> Option<(u64, u64, i64, i64)> {
    let found = std::fs::metadata(file).ok()?;
    Some((found.ino(), found.size(), found.mtime(), found.mtime_nsec()))
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
    /// Opens a window in another process, and waits for it if told so by this option.
    Window(&'static str),
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
            "subl" | "zed" | "zeditor" | "atom" | "gedit" | "mate" => Self::Window("--wait"),
            "kate" => Self::Window("--block"),
            "hx" | "helix" | "kak" | "ed" | "sed" | "mg" => Self::Plain,
            _ => Self::Unknown,
        }
    }

    /// Whether it may keep copies.
    fn is_unknown(self) -> bool {
        matches!(self, Self::Window(_) | Self::Unknown)
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
            Self::Window(wait) => return vec![wait.into()],
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
        assert_eq!(kind("/usr/bin/subl"), Kind::Window("--wait"));
        assert_eq!(kind("/usr/bin/kate"), Kind::Window("--block"));
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
