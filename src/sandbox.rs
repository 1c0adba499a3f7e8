//! Walls around a program: no network, no other processes, and of the machine only what is shown.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::ffi::OsString;
use std::path::Path;
use std::path::PathBuf;
use std::process::Command;

/// The program that makes the walls.
const BUBBLEWRAP: &str = "bwrap";
/// The program that takes the network alone away.
const UNSHARE: &str = "unshare";
/// What every program needs of a system: others, libraries, and settings that anybody may read. Nothing else is in sight, since
/// a list of what is private would never be whole.
const SYSTEM: [&str; 21] = [
    "/bin",
    "/etc/alternatives",
    "/etc/ca-certificates",
    "/etc/group",
    "/etc/ld.so.cache",
    "/etc/localtime",
    "/etc/nsswitch.conf",
    "/etc/passwd",
    "/etc/pki/ca-trust",
    "/etc/pki/tls/certs",
    "/etc/ssl/certs",
    "/etc/ssl/openssl.cnf",
    "/etc/static",
    "/lib",
    "/lib32",
    "/lib64",
    "/nix/store",
    "/run/current-system",
    "/run/wrappers",
    "/sbin",
    "/usr",
];
/// What bubblewrap makes anew, and how it is told to.
const OWN: [(&str, &str); 3] = [("--dev", "/dev"), ("--proc", "/proc"), ("--tmpfs", "/tmp")];

/// What may be done with a part of the machine.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Access {
    /// It can be read.
    Read,
    /// Whoever runs the program may write it, for a program that keeps something there.
    Write,
}

/// Walls that a program is started in.
#[derive(Clone, Debug)]
pub struct Walls {
    program: PathBuf,
    words: Vec<OsString>,
    /// The options that make each place inside; a folder comes before what lies in it.
    places: BTreeMap<PathBuf, Vec<OsString>>,
    /// What says where a program starts.
    start: Vec<OsString>,
    home: Option<PathBuf>,
}

impl Walls {
    /// Walls behind which there are the programs of the system and nothing else; none without bubblewrap.
    pub fn private(search: &OsStr, home: Option<&Path>) -> Option<Self> {
        let apart = words(["--unshare-all", "--die-with-parent", "--new-session"]);
        let mut walls = Self { home: home.map(real), ..Self::of(find(BUBBLEWRAP, search)?, apart) };
        for (option, place) in OWN {
            walls.places.insert(place.into(), words([option, place]));
        }
        for part in SYSTEM {
            walls.places.insert(part.into(), words(["--ro-bind-try", part, part]));
        }
        Some(walls)
    }

    /// Walls that shut out the network, and leave all files in sight; none without `unshare`.
    pub fn offline(search: &OsStr) -> Option<Self> {
        Some(Self::of(find(UNSHARE, search)?, words(["--user", "--map-current-user", "--net"])))
    }

    fn of(program: PathBuf, words: Vec<OsString>) -> Self {
        Self { program, words, places: BTreeMap::new(), start: Vec::new(), home: None }
    }

    /// Shows a file or folder at a place inside, where nothing can write it.
    pub fn show(&mut self, path: &Path, inside: &Path) {
        self.places.insert(inside.to_owned(), bind("--ro-bind", path, inside));
    }

    /// Lets a file or folder be seen where it lies, if it is there and holds neither the home nor much else: a folder in `/`
    /// is never shown as a whole, but for those of the system.
    pub fn allow(&mut self, path: &Path, access: Access) {
        let holds_much = |path: &Path| path.components().count() < 3 || self.holds_home(path);
        if !path.is_absolute() || !path.exists() || holds_much(path) || holds_much(&real(path)) {
            return;
        }
        match access {
            Access::Write => drop(self.places.insert(path.to_owned(), bind("--bind", path, path))),
            // A link in a folder that is shown would lead to a place outside of the walls.
            Access::Read if self.is_shown(path) => {}
            Access::Read => self.show(path, path),
        }
    }

    /// Whether a folder holds the home of whoever runs the program, or everything.
    pub fn holds_home(&self, folder: &Path) -> bool {
        let home = self.home.as_deref().is_some_and(|home| home.starts_with(folder));
        home || folder.parent().is_none()
    }

    /// Makes an empty folder, which is home and where the program starts.
    pub fn start_in(&mut self, folder: &str) {
        self.start = words(["--dir", folder, "--chdir", folder, "--setenv", "HOME", folder]);
    }

    /// The command that starts a program inside.
    pub fn command(&self, program: &OsStr) -> Command {
        let mut command = Command::new(&self.program);
        command.args(&self.words).args(self.places.values().flatten()).args(&self.start);
        command.arg("--").arg(program);
        command
    }

    fn is_shown(&self, path: &Path) -> bool {
        let made = OWN.map(|(_, place)| Path::new(place));
        let shown = |place: &Path| self.places.contains_key(place) && !made.contains(&place);
        path.ancestors().any(shown)
    }
}

/// Where a program lies, by its name or path.
pub fn find(program: impl AsRef<Path>, search: &OsStr) -> Option<PathBuf> {
    let name = program.as_ref();
    std::env::split_paths(search).map(|folder| folder.join(name)).find(|path| path.is_file())
}

/// Where a path leads.
fn real(path: &Path) -> PathBuf {
    path.canonicalize().unwrap_or_else(|_| path.to_owned())
}

fn bind(option: &str, path: &Path, inside: &Path) -> Vec<OsString> {
    words([OsStr::new(option), path.as_os_str(), inside.as_os_str()])
}

fn words<const N: usize>(words: [impl AsRef<OsStr>; N]) -> Vec<OsString> {
    words.into_iter().map(|word| word.as_ref().to_owned()).collect()
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    /// Where bubblewrap and the others are looked for.
    const SEARCH: &str = "/usr/local/bin:/usr/bin:/bin";
    /// Folders in which somebody may keep a key: homes, disks that stay, and folders that everybody may write.
    const BASES: [&str; 11] = [
        "/root", "/home", "/persist", "/srv", "/opt", "/mnt", "/var/lib", "/tmp", "/var/tmp", "/dev/shm",
        "/run",
    ];

    /// What a script prints, behind walls or without; none if it fails.
    fn printed(walls: Option<&Walls>, script: &str) -> Option<String> {
        let mut command = walls.map_or_else(|| Command::new("bash"), |walls| walls.command("bash".as_ref()));
        let ran = command.args(["-c", script]).stderr(std::process::Stdio::null()).output().ok()?;
        ran.status.success().then(|| String::from_utf8_lossy(&ran.stdout).into_owned())
    }

    fn private(home: &Path) -> Walls {
        let walls = Walls::private(OsStr::new(SEARCH), Some(home));
        assert!(walls.is_some(), "these tests need bubblewrap");
        walls.unwrap_or_else(|| Walls::of(PathBuf::new(), Vec::new()))
    }

    /// A folder with `id` and `beside/id`, which are keys, and `repository/file`, in each base that whoever runs this may write.
    fn machines() -> Vec<tempfile::TempDir> {
        let folders = BASES.iter().filter_map(|base| tempfile::tempdir_in(base).ok());
        let laid_out = |folder: &tempfile::TempDir| {
            let files = "mkdir repository beside bin; echo key | tee id beside/id; echo file >repository/file; ln -s ../id bin/link";
            let script = format!("cd '{}'; {files}", folder.path().display());
            printed(None, &script).is_some()
        };
        folders.filter(laid_out).collect()
    }

    #[test]
    fn no_walls_let_anybody_be_called() {
        let listener = std::net::TcpListener::bind("127.0.0.1:0");
        let port = listener.as_ref().ok().and_then(|listener| listener.local_addr().ok()).map(|at| at.port());
        let call = format!("exec 3<>/dev/tcp/127.0.0.1/{}", port.unwrap_or_default());
        assert!(printed(None, &call).is_some(), "somebody listens");
        let offline = Walls::offline(OsStr::new(SEARCH));
        for walls in [Some(private(Path::new("/root"))), offline] {
            assert!(walls.is_some() && printed(walls.as_ref(), "true").is_some(), "{walls:?}");
            assert!(printed(walls.as_ref(), &call).is_none(), "{walls:?}");
        }
    }

    #[test]
    fn of_the_machine_only_what_programs_need_is_in_sight() {
        let known = |folder: &str| {
            let parts = SYSTEM.iter().chain(OWN.iter().map(|(_, place)| place));
            let names = parts.filter_map(|part| Path::new(part).strip_prefix(folder).ok()?.iter().next());
            names.map(|name| name.to_string_lossy().into_owned()).collect::<Vec<_>>()
        };
        for folder in ["/", "/etc", "/etc/ssl", "/nix", "/run", "/tmp"] {
            let seen = printed(Some(&private(Path::new("/root"))), &format!("ls -A {folder} || true"));
            let seen = seen.unwrap_or_else(|| "nothing runs".to_owned());
            let more: Vec<&str> =
                seen.lines().filter(|name| !known(folder).contains(&(*name).to_owned())).collect();
            assert_eq!(more, [""; 0], "{folder}");
        }
    }

    #[test]
    fn what_lies_beside_what_is_shown_stays_out_of_sight_wherever_that_is() {
        let machines = machines();
        assert!(machines.len() > 2, "{machines:?}");
        for machine in &machines {
            let folder = machine.path();
            let mut walls = private(folder);
            walls.show(&folder.join("repository"), &folder.join("repository"));
            let run = |script: &str| printed(Some(&walls), &format!("cd {}; {script}", folder.display()));
            assert_eq!(
                run("echo *; cat repository/file").as_deref(),
                Some("repository\nfile\n"),
                "{folder:?}"
            );
            assert!(run("cat id || cat beside/id || touch repository/new").is_none(), "{folder:?}");
        }
    }

    #[test]
    fn what_is_allowed_is_seen_unless_it_holds_the_home_or_much_else() {
        for machine in &machines() {
            let folder = machine.path();
            let mut walls = private(&folder.join("repository"));
            for much in [Path::new("/"), folder.parent().unwrap_or(folder), folder, Path::new("repository")] {
                let holds_home = folder.starts_with(much);
                walls.allow(much, Access::Read);
                assert!(!holds_home || !walls.is_shown(&folder.join("id")), "{much:?}");
            }
            walls.allow(&folder.join("bin"), Access::Read);
            walls.allow(&folder.join("beside"), Access::Write);
            let run = |script: &str| printed(Some(&walls), &format!("cd {}; {script}", folder.display()));
            assert_eq!(run("echo *").as_deref(), Some("beside bin\n"));
            assert!(run("touch beside/new && ! touch bin/new").is_some(), "{folder:?}");
            assert!(run("cat bin/link").is_none(), "{folder:?}");
        }
    }

    #[test]
    fn a_part_of_a_folder_that_can_be_read_may_be_writable() {
        for machine in &machines() {
            let folder = machine.path();
            let mut walls = private(Path::new("/root"));
            walls.allow(&folder.join("beside"), Access::Write);
            walls.show(folder, folder);
            let script = format!("cd {}; touch beside/new && ! touch new", folder.display());
            assert!(printed(Some(&walls), &script).is_some(), "{folder:?}");
        }
    }

    #[test]
    fn without_the_programs_there_are_no_walls() {
        let nowhere = OsStr::new("/nowhere");
        assert!(Walls::private(nowhere, None).is_none() && Walls::offline(nowhere).is_none());
    }
}
