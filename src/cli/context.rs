//! The options that every admin command has, and the environment they fall back to.

use std::ffi::OsString;
use std::path::PathBuf;
use std::sync::Arc;

use jiff::Timestamp;

use crate::cli::exit::CommandError;
use crate::ops::Settings;
use crate::ops::SignerSource;
use crate::ops::Workspace;
use crate::ops::activate::Places;
pub use crate::ops::import::NIX_VARIABLES;
use crate::secret::SecretBytes;

use super::prompt::TerminalPrompt;

/// Options of every command.
#[expect(clippy::doc_markdown, reason = "clap prints these lines as they are")]
#[derive(Clone, Debug, Default, clap::Args)]
pub struct Global {
    /// The fleet repository [else SECRETCTL_FLEET, or the nearest folder above with a secretctl.toml]
    #[arg(long, global = true, value_name = "DIR")]
    pub fleet: Option<PathBuf>,
    /// Decrypt with this age identity file or ssh private key alone [else SECRETCTL_IDENTITY, or the usual places]
    #[arg(long, global = true, value_name = "FILE")]
    pub identity: Option<PathBuf>,
    /// Sign with this ed25519 key: a private key, or a public one whose private half an ssh-agent holds
    /// [else SECRETCTL_SIGNING_KEY, the agent, or ~/.ssh/id_ed25519]
    #[arg(long, global = true, value_name = "FILE")]
    pub signing_key: Option<PathBuf>,
}

/// Variables that every program may see: who and where one is, the terminal and the language.
pub const PLAIN_VARIABLES: [&str; 13] = [
    "HOME",
    "LANG",
    "LC_ALL",
    "LC_CTYPE",
    "LOGNAME",
    "NO_COLOR",
    "PATH",
    "SHELL",
    "TERM",
    "TMPDIR",
    "TZ",
    "USER",
    "XDG_RUNTIME_DIR",
];

/// The environment, read once in `main`.
#[derive(Debug, Default)]
pub struct Environment {
    /// The time, in whole seconds.
    pub now: Timestamp,
    /// The current folder.
    pub current_dir: PathBuf,
    /// `SECRETCTL_FLEET`.
    pub fleet: Option<PathBuf>,
    /// `GIT_DIR`.
    pub git_dir: Option<OsString>,
    /// `SECRETCTL_IDENTITY`.
    pub identity: Option<PathBuf>,
    /// `SECRETCTL_SIGNING_KEY`.
    pub signing_key: Option<PathBuf>,
    /// `HOME`.
    pub home: Option<PathBuf>,
    /// `XDG_CONFIG_HOME`.
    pub config_home: Option<PathBuf>,
    /// `XDG_STATE_HOME`.
    pub state_home: Option<PathBuf>,
    /// `XDG_RUNTIME_DIR`.
    pub runtime_dir: Option<PathBuf>,
    /// What `%t`, `%h` and `%S` stand for in a request.
    pub places: Places,
    /// `SSH_AUTH_SOCK`.
    pub agent: Option<PathBuf>,
    /// `SOPS_AGE_KEY_FILE`.
    pub sops_key_file: Option<PathBuf>,
    /// `SOPS_AGE_KEY`.
    pub sops_key: Option<SecretBytes>,
    /// `VISUAL`, else `EDITOR`.
    pub editor: Option<String>,
    /// `GITHUB_STEP_SUMMARY`.
    pub step_summary: Option<PathBuf>,
    /// `PATH`.
    pub path: Option<OsString>,
    /// Those of [`PLAIN_VARIABLES`] that are set.
    pub plain: Vec<(&'static str, OsString)>,
    /// Those of [`NIX_VARIABLES`] that are set.
    pub nix: Vec<(&'static str, OsString)>,
}

impl Environment {
    fn config(&self) -> Option<PathBuf> {
        self.config_home.clone().or_else(|| self.home.as_ref().map(|home| home.join(".config")))
    }

    /// Identity files in the order of the reference page: our own, those of SOPS, those of ssh.
    fn identity_files(&self) -> Vec<PathBuf> {
        let config = self.config();
        let in_config = |path: &str| config.as_ref().map(|config| config.join(path));
        let in_home = |path: &str| self.home.as_ref().map(|home| home.join(path));
        let sops_default = if cfg!(target_os = "macos") {
            in_home("Library/Application Support/sops/age/keys.txt")
        } else {
            in_config("sops/age/keys.txt")
        };
        let files = [
            in_config("secretctl/identity"),
            self.sops_key_file.clone(),
            sops_default,
            in_home(".ssh/id_ed25519"),
            in_home(".ssh/id_rsa"),
        ];
        files.into_iter().flatten().collect()
    }

    /// What the use cases need to know, for one command.
    pub fn settings(self, global: Global, command: &str) -> Settings {
        let default = self.home.as_ref().map(|home| home.join(".ssh/id_ed25519"));
        let places = [self.runtime_dir.clone(), Some(PathBuf::from("/dev/shm"))];
        Settings {
            identity_files: self.identity_files(),
            fleet: global.fleet.or(self.fleet),
            state_home: self.state_home.or_else(|| self.home.map(|home| home.join(".local/state"))),
            repository_named_in: self.git_dir.is_some().then(|| self.current_dir.clone()),
            current_dir: self.current_dir,
            now: self.now,
            prompt: Arc::new(TerminalPrompt::default()),
            signer: SignerSource {
                file: global.signing_key.or(self.signing_key),
                agent: self.agent,
                default,
            },
            identity: global.identity.or(self.identity),
            identity_text: self.sops_key.map(|text| (PathBuf::from("SOPS_AGE_KEY"), text)),
            memory_places: places.into_iter().flatten().collect(),
            command: format!("secretctl {command}"),
        }
    }

    /// Opens the fleet for one command.
    pub fn open(self, global: Global, command: &str) -> Result<Workspace, CommandError> {
        Ok(Workspace::open(self.settings(global, command))?)
    }
}
