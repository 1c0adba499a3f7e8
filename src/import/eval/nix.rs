//! Runs Nix over what others wrote: behind walls where the machine has them, under Nix's own restrictions everywhere.

use std::ffi::OsStr;
use std::ffi::OsString;
use std::path::Path;
use std::path::PathBuf;
use std::process::Command;
use std::process::Output;
use std::process::Stdio;

use serde_json::Value;

use super::lookup;
use super::lookup::Entry;
use super::program;
use super::quoted;
use crate::sandbox::Access;
use crate::sandbox::Walls;
use crate::sandbox::find;

/// Variables that say where Nix keeps what; it sees no others, and the repository none at all.
pub const NIX_VARIABLES: [&str; 11] = [
    "LOGNAME",
    "NIX_CONFIG",
    "NIX_CONF_DIR",
    "NIX_DAEMON_SOCKET_PATH",
    "NIX_LOG_DIR",
    "NIX_PATH",
    "NIX_REMOTE",
    "NIX_STATE_DIR",
    "NIX_STORE_DIR",
    "NIX_USER_CONF_FILES",
    "USER",
];

/// Nix, and what it is told of whoever runs it.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Nix {
    /// The program, by its name or path.
    pub program: PathBuf,
    /// Where programs are looked for.
    pub search: OsString,
    /// The home of whoever runs it.
    pub home: Option<PathBuf>,
    /// Those of [`NIX_VARIABLES`] that are set.
    pub variables: Vec<(&'static str, OsString)>,
}

/// A proxy that nobody offers.
const NOWHERE: &str = "http://127.0.0.1:1";
/// Where inputs of a flake and pinned sources may have come from: those that are in the store already are not fetched, and
/// behind walls no others can be.
const ORIGINS: &str =
    "https:// http:// ssh:// git+https:// git+ssh:// tarball+https:// github: gitlab: sourcehut:";
/// The store of an ordinary Nix.
const STORE: &str = "/nix/store";
/// Where an ordinary Nix keeps what it knows of its store, and by which its daemon is reached.
const STATE: &str = "/nix/var/nix";
/// The same with a store for whom there is no such folder, in the home.
const OWN_STORE: &str = ".local/share/nix/root";
/// Where the settings of the machine lie, such as the features that its Nix has.
const SETTINGS: &str = "/etc/nix";
/// Those of [`NIX_VARIABLES`] that say where it keeps a store and what belongs to it.
const PLACES: [&str; 4] = ["NIX_DAEMON_SOCKET_PATH", "NIX_REMOTE", "NIX_STATE_DIR", "NIX_STORE_DIR"];
/// Where Nix is at home behind walls.
const FOLDER: &str = "/tmp/secretctl-import";
/// What flakes need beside an ordinary Nix.
const FLAKES: [&str; 2] = ["--extra-experimental-features", "nix-command flakes"];
/// The features of a repository without a flake, whatever the settings say: an older Nix lets `fetchTree` take any file.
const NO_FLAKES: [&str; 3] = ["--option", "experimental-features", "nix-command pipe-operators"];
/// What Git is told, whatever the repository's own settings say: no program of theirs is run.
const GIT: [(&str, &str); 2] = [("core.fsmonitor", "false"), ("core.hooksPath", "/dev/null")];

/// What stands between a repository and whoever imports it, besides Nix itself.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Reach {
    /// No network, and nothing private in sight.
    Nothing,
    /// No network.
    Files,
    /// Nothing more.
    Everything,
}

/// Nix, ready to evaluate.
pub(super) struct Runner<'a> {
    nix: &'a Nix,
    program: PathBuf,
    walls: Option<Walls>,
    reach: Reach,
    /// Why it is not less, where the walls for it could be made.
    obstacle: Option<String>,
    rules: Vec<String>,
}

impl<'a> Runner<'a> {
    /// Copies files to the store, of which nothing is evaluated.
    pub(super) fn copying(nix: &'a Nix) -> Result<Self, String> {
        let mut rules = words(FLAKES);
        rules.push("--impure".to_owned());
        let unwalled = Self::unwalled(nix, rules)?;
        let offline = unwalled.offline();
        Ok(offline.filter(|runner| runner.eval("1").is_ok()).unwrap_or(unwalled))
    }

    /// Evaluates a flake whose files are in the store: purely, and from origins that flakes have elsewhere.
    pub(super) fn of_flake(nix: &'a Nix, copy: &Path) -> Result<Self, String> {
        let store = copy.parent().unwrap_or(copy).display();
        let mut rules = words(FLAKES);
        rules.extend(words(["--option", "pure-eval", "true", "--option", "restrict-eval", "true"]));
        rules.extend(words(["--option", "allowed-uris", &format!("{ORIGINS} path:{store}/")]));
        Ok(Self::unwalled(nix, rules)?.best(&[], |runner| runner.knows(copy)))
    }

    /// Evaluates a `default.nix`, which reads its own folder and what `<nixpkgs>` and its like stand for.
    pub(super) fn of_expression(nix: &'a Nix, root: &Path) -> Result<Self, String> {
        let home = nix.home.as_deref().and_then(|home| home.canonicalize().ok());
        if root.parent().is_none() || home.is_some_and(|home| home.starts_with(root)) {
            return Err("it holds the home of whoever imports it, which no evaluation may read".to_owned());
        }
        let copying = Self::copying(nix)?;
        let flake = |name: &str| {
            let found =
                format!("builtins.findFile [ {{ prefix = \"it\"; path = {}; }} ] \"it\"", quoted(name));
            copying.eval(&format!("toString ({found})")).ok()?.as_str().map(PathBuf::from)
        };
        let mut entries = vec![Entry::of("secretctl-import", root)];
        entries.extend(lookup::entries(nix.variable("NIX_PATH"), nix.home.as_deref(), &flake));
        let mut rules = words(NO_FLAKES);
        rules.extend(words(["--impure", "--option", "restrict-eval", "true"]));
        rules.extend(entries.iter().flat_map(|entry| ["-I".to_owned(), entry.word()]));
        let shown: Vec<&Path> = entries.iter().map(Entry::path).collect();
        let mut best = Self::unwalled(nix, rules)?.best(&shown, |runner| runner.eval("1").map(drop));
        let origins = if best.reach == Reach::Everything { "" } else { ORIGINS };
        best.rules.extend(words(["--option", "allowed-uris", origins]));
        Ok(best)
    }

    /// What an expression gives.
    pub(super) fn eval(&self, expression: &str) -> Result<Value, String> {
        let mut command = self.command();
        command
            .args(["eval", "--json", "--offline", "--read-only", "--option", "substituters", ""])
            .args(["--option", "allow-import-from-derivation", "false"])
            .args(["--option", "allow-unsafe-native-code-during-evaluation", "false"])
            .args(["--option", "connect-timeout", "1", "--option", "download-attempts", "1"])
            .args(&self.rules)
            .args(["--expr", expression]);
        let ran = run(command)?;
        serde_json::from_slice(&ran.stdout).map_err(|error| format!("what Nix printed is no JSON: {error}"))
    }

    /// What somebody who imports a stranger's repository should know.
    pub(super) fn weakness(&self) -> Option<String> {
        let told = match self.reach {
            Reach::Nothing => return None,
            Reach::Files => {
                "Nix evaluated the repository without network, but with your files in its sight, from which Nix alone kept the repository"
            }
            Reach::Everything => {
                "Nix evaluated the repository with your files and the network in its sight, from which Nix alone kept the repository"
            }
        };
        let why = match &self.obstacle {
            Some(obstacle) => format!("; behind the walls of bubblewrap it does not run: {obstacle}"),
            None if cfg!(target_os = "linux") => "; install bubblewrap, and it sees neither".to_owned(),
            None => String::new(),
        };
        Some(format!("{told}{why}"))
    }

    fn unwalled(nix: &'a Nix, rules: Vec<String>) -> Result<Self, String> {
        let program = find(&nix.program, &nix.search)
            .and_then(|path| path.canonicalize().ok())
            .ok_or_else(|| format!("there is no program `{}`", nix.program.display()))?;
        Ok(Self { nix, program, walls: None, reach: Reach::Everything, obstacle: None, rules })
    }

    fn behind(&self, walls: Walls, reach: Reach) -> Self {
        let Self { nix, program, rules, .. } = self;
        let (program, rules) = (program.clone(), rules.clone());
        Self { nix, program, walls: Some(walls), reach, obstacle: None, rules }
    }

    /// The highest walls that Nix works behind. Nothing that the repository says decides over it.
    fn best(self, shown: &[&Path], works: impl Fn(&Self) -> Result<(), String>) -> Self {
        let mut obstacle = None;
        // With a daemon Nix writes nothing itself; without one it opens its database to write.
        for access in [Access::Read, Access::Write] {
            let Some(runner) = self.private(shown, access) else { break };
            match works(&runner) {
                Ok(()) => return runner,
                Err(reason) => obstacle = Some(reason),
            }
        }
        let offline = self.offline().filter(|runner| works(runner).is_ok());
        Self { obstacle, ..offline.unwrap_or(self) }
    }

    /// Behind walls that show Nix, its store and the repository.
    fn private(&self, shown: &[&Path], access: Access) -> Option<Self> {
        let home = self.nix.home.as_deref();
        let mut walls = Walls::private(&self.nix.search, home)?;
        for part in program::parts(&self.program) {
            walls.allow(&part, if program::is_store(&part) { access } else { Access::Read });
        }
        let own = home.map(|home| home.join(OWN_STORE));
        let told = PLACES.iter().filter_map(|name| self.nix.variable(name)).map(PathBuf::from);
        for place in told.chain(own).chain([STATE.into(), STORE.into()]) {
            walls.allow(&place, access);
        }
        let settings = Path::new(self.nix.variable("NIX_CONF_DIR").unwrap_or(OsStr::new(SETTINGS)));
        walls.allow(&settings.join("nix.conf"), Access::Read);
        shown.iter().filter(|path| path.exists()).for_each(|path| walls.show(path, path));
        walls.start_in(FOLDER);
        Some(self.behind(walls, Reach::Nothing))
    }

    fn offline(&self) -> Option<Self> {
        Walls::offline(&self.nix.search).map(|walls| self.behind(walls, Reach::Files))
    }

    /// Whether the store that it sees has a path.
    fn knows(&self, path: &Path) -> Result<(), String> {
        let mut command = self.command();
        command.args(["path-info", "--offline"]).args(FLAKES).arg(path);
        run(command).map(drop)
    }

    fn command(&self) -> Command {
        let mut command = match &self.walls {
            Some(walls) => walls.command(self.program.as_os_str()),
            None => Command::new(&self.program),
        };
        command.env_clear().env("PATH", &self.nix.search).env("LC_ALL", "C.UTF-8");
        command.envs(self.nix.home.iter().map(|home| ("HOME", home)));
        let lookup = OsStr::new("NIX_PATH");
        command.envs(self.nix.variables.iter().filter(|(name, _)| OsStr::new(name) != lookup).cloned());
        for name in ["http_proxy", "https_proxy", "all_proxy", "HTTPS_PROXY", "ALL_PROXY"] {
            command.env(name, NOWHERE);
        }
        command.env("GIT_ALLOW_PROTOCOL", "file").env("GIT_CONFIG_COUNT", GIT.len().to_string());
        for (at, (key, value)) in GIT.into_iter().enumerate() {
            command.env(format!("GIT_CONFIG_KEY_{at}"), key).env(format!("GIT_CONFIG_VALUE_{at}"), value);
        }
        command.stdin(Stdio::null());
        command
    }
}

impl Nix {
    fn variable(&self, name: &str) -> Option<&OsStr> {
        self.variables.iter().find(|(known, _)| *known == name).map(|(_, value)| value.as_os_str())
    }
}

/// What a program printed, or why it failed.
fn run(mut command: Command) -> Result<Output, String> {
    let ran = command.output().map_err(|error| {
        let program = Path::new(command.get_program());
        format!("`{}` could not be started: {error}", program.display())
    })?;
    if !ran.status.success() {
        return Err(first_error(&String::from_utf8_lossy(&ran.stderr)));
    }
    Ok(ran)
}

fn words<const N: usize>(words: [&str; N]) -> Vec<String> {
    words.map(str::to_owned).into()
}

/// The last line that says what is wrong; Nix puts the trace before it.
fn first_error(said: &str) -> String {
    let mut lines = said.lines().rev().map(str::trim).filter(|line| line.contains("error:"));
    let line = lines.next().unwrap_or_else(|| said.lines().last().unwrap_or("it said nothing"));
    let line = line.trim_start_matches("error:").trim();
    let line = line.replace(" (use '--impure' to override)", "").replace(" (use --impure to override)", "");
    line.chars().take(300).collect()
}
