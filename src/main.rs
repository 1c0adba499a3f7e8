//! `secretctl`: arguments, environment and clock in, exit code out.

use std::ffi::OsString;
use std::io::IsTerminal;
use std::path::PathBuf;
use std::process::ExitCode;

use jiff::Timestamp;
use secretctl::cli::arguments;
use secretctl::cli::context::Environment;
use secretctl::cli::context::NIX_VARIABLES;
use secretctl::cli::context::PLAIN_VARIABLES;
use secretctl::cli::exit::Exit;
use secretctl::cli::secretctl::Cli;
use secretctl::cli::ui::Colour;
use secretctl::cli::ui::Ui;
use secretctl::diag::Masking;
use secretctl::host::Places;
use secretctl::secret::SecretBytes;

/// Variables of ours that name a file or folder.
const PATH_VARIABLES: [&str; 3] = ["SECRETCTL_FLEET", "SECRETCTL_IDENTITY", "SECRETCTL_SIGNING_KEY"];

fn main() -> ExitCode {
    secretctl::secret::forbid_dumps();
    let colour = if std::io::stderr().is_terminal() && variable("NO_COLOR").is_none() {
        Colour::Always
    } else {
        Colour::Never
    };
    let mut ui = Ui::new(Box::new(std::io::stdout()), Box::new(Masking(std::io::stderr())), colour);
    let cli = match parse(&mut ui) {
        Ok(cli) => cli,
        Err(code) => return code,
    };
    match secretctl::cli::secretctl::run(cli, environment(), &mut ui) {
        Ok(exit) => exit.into(),
        Err(error) => {
            ui.failure(&*error);
            Exit::Found(error.class()).into()
        }
    }
}

fn parse(ui: &mut Ui) -> Result<Cli, ExitCode> {
    for name in PATH_VARIABLES {
        let refused = variable(name).and_then(|value| arguments::variable_is_key(name, &value, ui));
        refused.map_or(Ok(()), Err)?;
    }
    arguments::parse(&std::env::args_os().collect::<Vec<_>>(), ui)
}

/// A variable that is set to something.
#[expect(clippy::disallowed_methods, reason = "the environment enters here")]
fn variable(name: &str) -> Option<OsString> {
    std::env::var_os(name).filter(|value| !value.is_empty())
}

fn environment() -> Environment {
    let path = |name| variable(name).map(PathBuf::from);
    let editor = variable("VISUAL").or_else(|| variable("EDITOR"));
    Environment {
        now: now(),
        current_dir: std::env::current_dir().unwrap_or_default(),
        fleet: path("SECRETCTL_FLEET"),
        identity: path("SECRETCTL_IDENTITY"),
        signing_key: path("SECRETCTL_SIGNING_KEY"),
        git_dir: variable("GIT_DIR"),
        home: path("HOME"),
        config_home: path("XDG_CONFIG_HOME"),
        state_home: path("XDG_STATE_HOME"),
        runtime_dir: path("XDG_RUNTIME_DIR"),
        places: Places::of(variable),
        agent: path("SSH_AUTH_SOCK"),
        sops_key_file: path("SOPS_AGE_KEY_FILE"),
        sops_key: variable("SOPS_AGE_KEY").map(|key| SecretBytes::from(key.into_encoded_bytes())),
        editor: editor.map(|editor| editor.to_string_lossy().into_owned()),
        step_summary: path("GITHUB_STEP_SUMMARY"),
        path: variable("PATH"),
        plain: PLAIN_VARIABLES.into_iter().filter_map(|name| Some((name, variable(name)?))).collect(),
        nix: NIX_VARIABLES.into_iter().filter_map(|name| Some((name, variable(name)?))).collect(),
    }
}

/// The clock in whole seconds. Only a debug build can be told another time, for tests.
#[expect(clippy::disallowed_methods, reason = "the clock enters here")]
fn now() -> Timestamp {
    #[cfg(debug_assertions)]
    if let Some(fixed) = variable("SECRETCTL_TEST_NOW").and_then(|text| text.to_str()?.parse().ok()) {
        return fixed;
    }
    let now = Timestamp::now();
    Timestamp::from_second(now.as_second()).unwrap_or(now)
}
