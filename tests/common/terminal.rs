//! A real terminal, by `tmux`, in which a command runs and keys are typed.

use std::path::PathBuf;
use std::process::Command;
use std::process::Stdio;
use std::sync::atomic::AtomicUsize;
use std::sync::atomic::Ordering;

use super::TestFleet;
use super::tool;
use super::wait_for;

pub(crate) struct Terminal {
    socket: PathBuf,
    done: PathBuf,
}

impl Terminal {
    /// Runs a shell command in the environment of the fleet; `environment` is added to it.
    pub(crate) fn run(fleet: &TestFleet, environment: &[(&str, &str)], script: &str) -> Self {
        // A server that is on its way out would take a new session on the same socket with it.
        static TERMINALS: AtomicUsize = AtomicUsize::new(0);
        let number = TERMINALS.fetch_add(1, Ordering::Relaxed);
        let [socket, done] = ["tty", "done"].map(|name| fleet.outside().join(format!("{name}-{number}")));
        let mut command = Command::new(tool("tmux"));
        command.args([
            "-S",
            socket.to_str().unwrap(),
            "-f",
            "/dev/null",
            "new-session",
            "-d",
            "-x",
            "120",
            "-y",
            "40",
        ]);
        command.arg(format!("{script}\necho $? > {}; exec sleep 60", done.display()));
        let mut cmd = fleet.prepare(command).env("TERM", "xterm-256color").env("LC_ALL", "C.UTF-8");
        for (name, value) in environment {
            cmd = cmd.env(name, value);
        }
        cmd.run().ok();
        Self { socket, done }
    }

    pub(crate) fn tmux(&self, args: &[&str]) -> String {
        let mut command = Command::new(tool("tmux"));
        command.arg("-S").arg(&self.socket).args(args).stderr(Stdio::null());
        String::from_utf8_lossy(&command.output().unwrap().stdout).into_owned()
    }

    /// What stands on the screen, and what scrolled off it.
    pub(crate) fn screen(&self) -> String {
        self.tmux(&["capture-pane", "-p", "-J", "-S", "-200"])
    }

    /// Waits until a text stands on the screen.
    pub(crate) fn shows(&self, text: &str) -> &Self {
        let mut last = String::new();
        let end = std::time::Instant::now() + std::time::Duration::from_secs(30);
        while std::time::Instant::now() < end {
            last = self.screen();
            if last.contains(text) {
                return self;
            }
            std::thread::sleep(std::time::Duration::from_millis(50));
        }
        panic!("the terminal never showed `{text}`, but:\n{last}");
    }

    /// Types text as it is.
    pub(crate) fn types(&self, text: &str) -> &Self {
        self.tmux(&["send-keys", "-l", text]);
        self
    }

    /// Presses keys by the names that tmux has for them.
    pub(crate) fn presses(&self, keys: &[&str]) -> &Self {
        for key in keys {
            self.tmux(&["send-keys", key]);
        }
        self
    }

    /// Waits for the end of the command; gives its exit code.
    pub(crate) fn code(&self) -> i32 {
        let ended = || std::fs::read_to_string(&self.done).ok()?.trim().parse().ok();
        wait_for("the command in the terminal", 60, ended)
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        self.tmux(&["kill-server"]);
    }
}
