//! Runs the program of a `command(..)`: without network, in mounts of its own, for a limited time.

use std::ffi::OsString;
use std::io;
use std::io::Read;
use std::io::Write;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::path::PathBuf;
use std::process::Child;
use std::process::Command;
use std::process::ExitStatus;
use std::process::Stdio;
use std::sync::mpsc;
use std::thread;
use std::time::Duration;
use std::time::Instant;

use rustix::process::Pid;
use rustix::process::Signal;
use rustix::process::kill_process_group;

use super::GenerateError;
use super::Recipe;
use crate::fsx::PrivateDir;
use crate::name::SecretName;
use crate::ops::error::OpsError;
use crate::ops::workspace::Workspace;
use crate::sandbox::Access;
use crate::sandbox::Walls;
use crate::sandbox::find;
use crate::secret::SecretBytes;
use crate::value::Inputs;
use crate::value::Program;

/// Where the program starts inside it.
const FOLDER: &str = "/tmp/generate";
/// Name of the folder with the inputs.
const INPUTS: &str = "inputs";
/// How long a program may take.
const PATIENCE: Duration = Duration::from_secs(60);
/// How often a running program is looked at.
const POLL: Duration = Duration::from_millis(10);
/// Largest value that a program may print.
const OUTPUT_MAX: usize = 1 << 20;
/// How programs are run.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Sandboxing {
    /// Where programs are looked for.
    pub search: OsString,
    /// The home of whoever runs them, of which they see the folders with programs alone.
    pub home: Option<PathBuf>,
    /// Whether they may run without a sandbox.
    pub danger_unsandboxed: bool,
}

/// What one run gave, besides the value.
struct Ran {
    status: ExitStatus,
    printed: SecretBytes,
    complained: usize,
}

/// Runs the program and takes what it prints. Neither inputs nor value are ever arguments or variables.
pub(super) fn run(
    ws: &Workspace,
    secret: &SecretName,
    recipe: &Recipe,
    program: &Program,
    inputs: &Inputs<'_>,
    sandboxing: &Sandboxing,
) -> Result<SecretBytes, OpsError> {
    let name = program.words.first().map_or("", String::as_str);
    let failed = |reason: String| failed(secret, recipe, name, reason);
    let folder = PrivateDir::create(&ws.settings.memory_places)?;
    for (at, name) in recipe.inputs.iter().enumerate() {
        let Some(value) = inputs.get(name) else { continue };
        folder.write(&at.to_string(), value)?;
    }
    let mut command = command(ws, secret, recipe, program, (sandboxing, folder.path()))?;
    let first = recipe.inputs.first().and_then(|name| inputs.get(name)).copied();
    let patience = program.within.map_or(PATIENCE, Duration::from_secs);
    let ran = watch(&mut command, first, patience).map_err(|error| failed(error.to_string()))?;
    let wrote = match ran.complained {
        0 => String::new(),
        bytes => format!("; it wrote {bytes} bytes to stderr, which may hold plaintext and are not shown"),
    };
    if !ran.status.success() {
        return Err(failed(format!("ended with {}{wrote}", ran.status)).into());
    }
    if ran.printed.is_empty() {
        return Err(failed(format!("printed nothing{wrote}")).into());
    }
    if !wrote.is_empty() {
        ws.settings.prompt.tell(&format!("note: the program for `{secret}` succeeded{wrote}"));
    }
    Ok(ran.printed)
}

fn failed(secret: &SecretName, recipe: &Recipe, program: &str, reason: String) -> GenerateError {
    let (secret, place) = (secret.clone(), recipe.place.to_string());
    GenerateError::Program { secret, program: program.to_owned(), place, reason }
}

fn command(
    ws: &Workspace,
    secret: &SecretName,
    recipe: &Recipe,
    program: &Program,
    (sandboxing, files): (&Sandboxing, &Path),
) -> Result<Command, OpsError> {
    let (name, arguments) = program.words.split_first().map_or(("", &[][..]), |(n, a)| (n.as_str(), a));
    let program = Found::of(ws, name, sandboxing).map_err(|reason| failed(secret, recipe, name, reason))?;
    let mut command = if sandboxing.danger_unsandboxed {
        lay_out(recipe, files)?;
        let mut command = Command::new(&program.path);
        command.current_dir(files);
        command
    } else {
        let none = || GenerateError::NoSandbox { secret: secret.clone() };
        let mut walls = Walls::private(&sandboxing.search, sandboxing.home.as_deref()).ok_or_else(none)?;
        program.furnish(&mut walls, sandboxing).map_err(|reason| failed(secret, recipe, name, reason))?;
        for (at, name) in recipe.inputs.iter().enumerate() {
            walls.show(&files.join(at.to_string()), &Path::new(FOLDER).join(INPUTS).join(name.as_str()));
        }
        walls.start_in(FOLDER);
        walls.command(program.path.as_os_str())
    };
    command.args(arguments).env_clear().env("PATH", &sandboxing.search).env("LC_ALL", "C.UTF-8");
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).process_group(0);
    Ok(command)
}

/// A program, and the fleet that it belongs to: a name is looked up by whoever runs it, a path begins in the fleet.
struct Found {
    path: PathBuf,
    fleet: Option<PathBuf>,
}

impl Found {
    fn of(ws: &Workspace, name: &str, sandboxing: &Sandboxing) -> Result<Self, String> {
        if name.contains('/') {
            let root = ws.layout.root().canonicalize().unwrap_or_else(|_| ws.layout.root().to_owned());
            let path = root.join(name);
            let fleet = path.starts_with(&root).then_some(root);
            return if path.is_file() { Ok(Self { path, fleet }) } else { Err("is not there".to_owned()) };
        }
        let path = find(name, &sandboxing.search).ok_or("is in no folder of the search path")?;
        Ok(Self { path, fleet: None })
    }

    /// Lets it see itself, what else is in the search path, and the fleet if it belongs to it.
    fn furnish(&self, walls: &mut Walls, sandboxing: &Sandboxing) -> Result<(), String> {
        for folder in std::env::split_paths(&sandboxing.search) {
            walls.allow(&folder, Access::Read);
        }
        let Some(fleet) = &self.fleet else {
            walls.allow(&self.path, Access::Read);
            // Where a link of the search path leads.
            self.path.canonicalize().iter().for_each(|path| walls.allow(path, Access::Read));
            return Ok(());
        };
        if walls.holds_home(fleet) {
            return Err("belongs to a fleet that holds your home, which no program may see".to_owned());
        }
        walls.show(fleet, fleet);
        Ok(())
    }
}

/// The same inputs by their names, for a program without walls.
fn lay_out(recipe: &Recipe, files: &Path) -> Result<(), OpsError> {
    for (at, name) in recipe.inputs.iter().enumerate() {
        let link = files.join(INPUTS).join(name.as_str());
        let failed = crate::fsx::FsError::on("lay out an input as", &link);
        let parent = link.parent().unwrap_or(files);
        std::fs::create_dir_all(parent).map_err(&failed)?;
        std::os::unix::fs::symlink(files.join(at.to_string()), &link).map_err(&failed)?;
    }
    Ok(())
}

/// Starts the program, feeds it, and waits until it ends or its time is over.
fn watch(command: &mut Command, input: Option<&SecretBytes>, patience: Duration) -> io::Result<Ran> {
    let mut child = command
        .spawn()
        .map_err(|error| io::Error::new(error.kind(), format!("could not be started: {error}")))?;
    let result = thread::scope(|scope| {
        let (stdin, out, err) = (child.stdin.take(), child.stdout.take(), child.stderr.take());
        // A program need not read what it is given.
        scope.spawn(move || {
            stdin.map(|mut stdin| stdin.write_all(input.map_or(&[][..], SecretBytes::expose)))
        });
        let (send, printed) = mpsc::channel();
        scope.spawn(move || {
            let read =
                out.map_or(Ok(SecretBytes::default()), |out| SecretBytes::read_bounded(out, OUTPUT_MAX));
            let _ = send.send(read);
        });
        let complained = scope.spawn(move || err.map_or(0, count));
        let ran = wait(&mut child, &printed, patience);
        // What it started holds the pipes open, and whoever reads them waits.
        end_group(&child);
        let (status, printed) = ran?;
        Ok(Ran { status, printed, complained: complained.join().unwrap_or_default() })
    });
    let _ = child.wait();
    result
}

/// The status and the output. Output that is too long ends the wait before there is any status.
fn wait(
    child: &mut Child,
    printed: &mpsc::Receiver<io::Result<SecretBytes>>,
    patience: Duration,
) -> io::Result<(ExitStatus, SecretBytes)> {
    let end = Instant::now() + patience;
    let (mut status, mut output) = (None, None);
    while Instant::now() < end {
        if output.is_none() {
            output = printed.recv_timeout(POLL).ok().transpose().map_err(too_much)?;
        } else {
            thread::sleep(POLL);
        }
        if status.is_none() {
            status = child.try_wait()?;
        }
        if let (Some(status), Some(_)) = (status, &output) {
            return Ok((status, output.unwrap_or_default()));
        }
    }
    Err(io::Error::other(format!("was stopped after {} seconds", patience.as_secs())))
}

fn too_much(error: io::Error) -> io::Error {
    if error.kind() != io::ErrorKind::FileTooLarge {
        return error;
    }
    io::Error::other(format!("printed more than {OUTPUT_MAX} bytes"))
}

fn end_group(child: &Child) {
    if let Some(pid) = i32::try_from(child.id()).ok().and_then(Pid::from_raw) {
        let _ = kill_process_group(pid, Signal::KILL);
    }
}

fn count(mut from: impl Read) -> usize {
    let mut chunk = zeroize::Zeroizing::new([0; 4096]);
    let mut bytes = 0;
    while let Ok(read) = from.read(chunk.as_mut_slice()) {
        if read == 0 {
            break;
        }
        bytes += read;
    }
    bytes
}
