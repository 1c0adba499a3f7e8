//! Walls around a program: no network, no other processes, and nothing private of the machine in sight.

use std::ffi::OsStr;
use std::ffi::OsString;
use std::path::Path;
use std::path::PathBuf;
use std::process::Command;

/// The program that makes the walls.
const BUBBLEWRAP: &str = "bwrap";
/// The program that takes the network alone away.
const UNSHARE: &str = "unshare";
/// Folders that hold what is none of a program's business: an empty one stands in their place.
const HIDDEN: [&str; 8] = ["/home", "/root", "/run", "/tmp", "/var/tmp", "/var/lib", "/etc/ssh", "/mnt"];
/// What NixOS has its programs in, below a folder that is hidden.
const SHOWN: [&str; 2] = ["/run/current-system", "/run/wrappers"];

/// Whether what is left in sight of the system can be written.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum System {
    /// Nothing can.
    ReadOnly,
    /// What whoever runs the program may write, for a program that keeps something there.
    Writable,
}

/// Walls that a program is started in.
#[derive(Clone, Debug)]
pub struct Walls {
    program: PathBuf,
    words: Vec<OsString>,
}

impl Walls {
    /// Walls that shut out the network, other processes and the folders with private things; none without bubblewrap.
    pub fn private(search: &OsStr, system: System) -> Option<Self> {
        let mut walls = Self { program: find(BUBBLEWRAP, search)?, words: Vec::new() };
        let root = match system {
            System::ReadOnly => "--ro-bind",
            System::Writable => "--bind",
        };
        walls.add(["--unshare-all", "--die-with-parent", "--new-session"]);
        walls.add([root, "/", "/", "--dev", "/dev", "--proc", "/proc"]);
        for hidden in HIDDEN {
            walls.hide(Path::new(hidden));
        }
        for shown in SHOWN {
            walls.add(["--ro-bind-try", shown, shown]);
        }
        Some(walls)
    }

    /// Walls that shut out the network, and leave all files in sight; none without `unshare`.
    pub fn offline(search: &OsStr) -> Option<Self> {
        let mut walls = Self { program: find(UNSHARE, search)?, words: Vec::new() };
        walls.add(["--user", "--map-current-user", "--net"]);
        Some(walls)
    }

    /// Puts an empty folder in the place of another, if that is there.
    pub fn hide(&mut self, folder: &Path) {
        if folder.is_dir() {
            self.add([OsStr::new("--tmpfs"), folder.as_os_str()]);
        }
    }

    /// Shows a file or folder at a place inside, where nothing can write it.
    pub fn show(&mut self, path: &Path, inside: &Path) {
        self.add([OsStr::new("--ro-bind"), path.as_os_str(), inside.as_os_str()]);
    }

    /// Makes an empty folder, which is home and where the program starts.
    pub fn start_in(&mut self, folder: &str) {
        self.add(["--dir", folder, "--chdir", folder, "--setenv", "HOME", folder]);
    }

    /// The command that starts a program inside.
    pub fn command(&self, program: &OsStr) -> Command {
        let mut command = Command::new(&self.program);
        command.args(&self.words).arg("--").arg(program);
        command
    }

    fn add<const N: usize>(&mut self, words: [impl AsRef<OsStr>; N]) {
        self.words.extend(words.into_iter().map(|word| word.as_ref().to_owned()));
    }
}

/// Where a program lies, by its name or path.
pub fn find(program: impl AsRef<Path>, search: &OsStr) -> Option<PathBuf> {
    let name = program.as_ref();
    std::env::split_paths(search).map(|folder| folder.join(name)).find(|path| path.is_file())
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    /// Where bubblewrap and the others are looked for.
    const SEARCH: &str = "/usr/local/bin:/usr/bin:/bin";

    /// Whether a script succeeds, behind walls or without.
    fn runs(walls: Option<&Walls>, script: &str) -> bool {
        let mut command = walls.map_or_else(|| Command::new("bash"), |walls| walls.command("bash".as_ref()));
        let ran = command.args(["-c", script]).stderr(std::process::Stdio::null()).status();
        ran.is_ok_and(|status| status.success())
    }

    fn walls() -> Vec<Walls> {
        let search = OsStr::new(SEARCH);
        let all = [
            Walls::private(search, System::ReadOnly),
            Walls::private(search, System::Writable),
            Walls::offline(search),
        ];
        let all: Vec<Walls> = all.into_iter().flatten().collect();
        assert_eq!(all.len(), 3, "these tests need bubblewrap and `unshare`");
        all
    }

    #[test]
    fn no_walls_let_anybody_be_called() {
        let listener = std::net::TcpListener::bind("127.0.0.1:0");
        let port = listener.as_ref().ok().and_then(|listener| listener.local_addr().ok()).map(|at| at.port());
        let call = format!("exec 3<>/dev/tcp/127.0.0.1/{}", port.unwrap_or_default());
        assert!(runs(None, &call), "somebody listens");
        for walls in walls() {
            assert!(runs(Some(&walls), "true"), "{walls:?}");
            assert!(!runs(Some(&walls), &call), "{walls:?}");
        }
    }

    #[test]
    fn private_folders_are_empty_but_for_what_is_shown() {
        let folder = tempfile::tempdir_in("/tmp");
        let folder = folder.as_ref().map_or(Path::new("/nowhere"), tempfile::TempDir::path);
        let script = format!("test -d {}", folder.display());
        assert!(runs(None, &script));
        for system in [System::ReadOnly, System::Writable] {
            let mut private = Walls::private(OsStr::new(SEARCH), system);
            assert!(!runs(private.as_ref(), &script));
            if let Some(walls) = &mut private {
                walls.show(folder, folder);
            }
            assert!(runs(private.as_ref(), &script));
            assert!(!runs(private.as_ref(), &format!("touch {}/new", folder.display())));
        }
    }

    #[test]
    fn without_the_programs_there_are_no_walls() {
        let nowhere = OsStr::new("/nowhere");
        assert!(Walls::private(nowhere, System::ReadOnly).is_none() && Walls::offline(nowhere).is_none());
    }
}
