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
use super::quoted;
use crate::sandbox::System;
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
    rules: Vec<String>,
}

impl<'a> Runner<'a> {
    /// Copies files to the store, of which nothing is evaluated.
    pub(super) fn copying(nix: &'a Nix) -> Result<Self, String> {
        let mut rules = words(FLAKES);
        rules.push("--impure".to_owned());
        let unwalled = Self::unwalled(nix, rules)?;
        let offline = Walls::offline(&nix.search).map(|walls| unwalled.behind(walls, Reach::Files));
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
        if home.is_some_and(|home| home.starts_with(root)) {
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
        let mut best = Self::unwalled(nix, rules)?.best(&shown, |runner| runner.eval("1").is_ok());
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
        let ran = self.run(command)?;
        if !ran.status.success() {
            return Err(first_error(&String::from_utf8_lossy(&ran.stderr)));
        }
        serde_json::from_slice(&ran.stdout).map_err(|error| format!("what Nix printed is no JSON: {error}"))
    }

    /// What somebody who imports a stranger's repository should know.
    pub(super) fn weakness(&self) -> Option<&'static str> {
        match self.reach {
            Reach::Nothing => None,
            Reach::Files => Some(
                "Nix evaluated the repository without network, but with your files in its sight, and Nix alone kept the repository from them; install bubblewrap to hide them",
            ),
            Reach::Everything if cfg!(target_os = "linux") => Some(
                "Nix evaluated the repository, and Nix alone kept it from your files and from the network; install bubblewrap, and let it make user namespaces, to shut both out",
            ),
            Reach::Everything => Some(
                "Nix evaluated the repository, and Nix alone kept it from your files and from the network",
            ),
        }
    }

    fn unwalled(nix: &'a Nix, rules: Vec<String>) -> Result<Self, String> {
        let program = find(&nix.program, &nix.search)
            .and_then(|path| path.canonicalize().ok())
            .ok_or_else(|| format!("there is no program `{}`", nix.program.display()))?;
        Ok(Self { nix, program, walls: None, reach: Reach::Everything, rules })
    }

    fn behind(&self, walls: Walls, reach: Reach) -> Self {
        let Self { nix, program, rules, .. } = self;
        Self { nix, program: program.clone(), walls: Some(walls), reach, rules: rules.clone() }
    }

    /// The highest walls that Nix works behind. Nothing that the repository says decides over it.
    fn best(self, shown: &[&Path], works: impl Fn(&Self) -> bool) -> Self {
        // With a daemon Nix writes nothing itself; without one it opens its database to write.
        let private = [System::ReadOnly, System::Writable].into_iter().filter_map(|system| {
            let mut walls = Walls::private(&self.nix.search, system)?;
            if let Some(home) = self.nix.home.as_deref().filter(|home| home.parent().is_some()) {
                walls.hide(home);
            }
            walls.start_in(FOLDER);
            shown.iter().filter(|path| path.exists()).for_each(|path| walls.show(path, path));
            Some(self.behind(walls, Reach::Nothing))
        });
        let offline = Walls::offline(&self.nix.search).map(|walls| self.behind(walls, Reach::Files));
        private.chain(offline).find(|runner| works(runner)).unwrap_or(self)
    }

    /// Whether the store that it sees has a path.
    fn knows(&self, path: &Path) -> bool {
        let mut command = self.command();
        command.args(["path-info", "--offline"]).args(FLAKES).arg(path);
        self.run(command).is_ok_and(|ran| ran.status.success())
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

    fn run(&self, mut command: Command) -> Result<Output, String> {
        command.output().map_err(|error| format!("`{}`: {error}", self.nix.program.display()))
    }
}

impl Nix {
    fn variable(&self, name: &str) -> Option<&OsStr> {
        self.variables.iter().find(|(known, _)| *known == name).map(|(_, value)| value.as_os_str())
    }
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
