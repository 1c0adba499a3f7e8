//! Wipes the files of a command when it ends, however it ends.
//!
//! We become the command, so that signals, the terminal and the exit code are its own; somebody else has to wipe
//! then. That is this program once more: in a session of its own, where no key pressed reaches it, and a child of
//! nobody, so that a command that waits for all of its children does not wait for this one.

use std::fs::File;
use std::io;
use std::io::Read;
use std::io::Write;
use std::os::fd::AsFd;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::path::PathBuf;
use std::process::Command;
use std::process::Stdio;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use rustix::process::Pid;

use super::RunError;
use crate::fsx::PrivateDir;
use crate::ops::error::OpsError;

/// The subcommand that this module starts.
const COMMAND: &str = "run-guard";

/// Which of the two processes this is.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Stage {
    /// Starts the one that stays, and goes.
    Detach,
    /// Waits and wipes.
    Watch,
}

/// Starts the guard of a folder that is still empty, and returns when it watches this process.
pub(super) fn start(folder: &PrivateDir) -> io::Result<()> {
    let own = std::process::id().to_string();
    let mut command = again()?;
    command.args([COMMAND, "--detach", &own]).arg(folder.path());
    command.stdin(folder.alive()?).stdout(Stdio::piped()).stderr(Stdio::null());
    let mut child = command.spawn()?;
    let watching = child.stdout.take().map(|mut stdout| stdout.read_exact(&mut [0])).transpose();
    child.wait()?;
    watching.map(drop)
}

/// This program, with nothing of our environment: keys may stand in it.
fn again() -> io::Result<Command> {
    let program =
        if cfg!(target_os = "linux") { PathBuf::from("/proc/self/exe") } else { std::env::current_exe()? };
    let mut command = Command::new(program);
    command.arg0("secretctl").env_clear().current_dir("/");
    Ok(command)
}

/// Watches `process` and wipes `folder` when it is gone. Standard input is the file that keeps the folder alive.
pub fn guard(stage: Stage, process: u32, folder: &Path) -> Result<(), OpsError> {
    let failed = |source: io::Error| OpsError::from(RunError::Guard { source });
    if stage == Stage::Detach {
        let mut command = again().map_err(failed)?;
        command.args([COMMAND, &process.to_string()]).arg(folder);
        return command.spawn().map(drop).map_err(failed);
    }
    let alive = io::stdin().as_fd().try_clone_to_owned().map_err(failed)?;
    let folder = PrivateDir::adopt(folder, File::from(alive)).map_err(failed)?;
    // When a whole session is told to end, the command ends first.
    for signal in [signal_hook::consts::SIGHUP, signal_hook::consts::SIGINT, signal_hook::consts::SIGTERM] {
        signal_hook::flag::register(signal, Arc::new(AtomicBool::new(false))).map_err(failed)?;
    }
    let _ = rustix::process::setsid();
    let process = i32::try_from(process).ok().and_then(Pid::from_raw);
    let process = process.ok_or_else(|| failed(io::ErrorKind::InvalidInput.into()))?;
    wait(process, || {
        let mut out = io::stdout();
        out.write_all(b"\n")?;
        out.flush()
    })
    .map_err(failed)?;
    drop(folder);
    Ok(())
}

/// Calls `ready` once the process is watched, and waits for its end.
#[cfg(target_os = "linux")]
fn wait(process: Pid, ready: impl FnOnce() -> io::Result<()>) -> io::Result<()> {
    use rustix::event::PollFd;
    use rustix::event::PollFlags;
    let process = rustix::process::pidfd_open(process, rustix::process::PidfdFlags::empty())?;
    ready()?;
    loop {
        match rustix::event::poll(&mut [PollFd::new(&process, PollFlags::IN)], None) {
            Err(rustix::io::Errno::INTR) => {}
            other => return Ok(other.map(drop)?),
        }
    }
}

/// The same where a process has no descriptor: asks for it now and then.
#[cfg(not(target_os = "linux"))]
fn wait(process: Pid, ready: impl FnOnce() -> io::Result<()>) -> io::Result<()> {
    ready()?;
    while rustix::process::test_kill_process(process).is_ok() {
        std::thread::sleep(std::time::Duration::from_millis(100));
    }
    Ok(())
}
