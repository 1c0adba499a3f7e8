//! `secretctl run`

use std::ffi::OsStr;
use std::ffi::OsString;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::process::CommandExt;
use std::process::Command;
use std::str::FromStr;

use super::context::Environment;
use super::context::Global;
use super::exit::CommandError;
use super::exit::Exit;
use super::ui::Ui;
use crate::diag::Class;
use crate::diag::Failure;
use crate::name::SecretName;
use crate::ops;
use crate::ops::KEY_VARIABLE;
use crate::ops::run::Outfit;
use crate::ops::run::VariableName;
use crate::ops::run::Wishes;

/// Run a command with secrets in its environment or in files in memory
#[derive(Debug, clap::Args)]
#[command(group(clap::ArgGroup::new("wishes").required(true).multiple(true).args(["env", "prefix", "file"])))]
pub(super) struct RunArgs {
    /// Hand a value over in a variable (can be repeated)
    #[arg(long, value_name = "NAME=SECRET", value_parser = assignment)]
    env: Vec<(VariableName, SecretName)>,
    /// Hand over every secret below this one, in variables named after the rest: `sonarr/api-key` in `SONARR_API_KEY` (can be repeated)
    #[arg(long, value_name = "PREFIX", value_parser = prefix)]
    prefix: Vec<SecretName>,
    /// Hand over the path of a private file in memory with the value, gone when the command has ended (can be repeated)
    #[arg(long, value_name = "NAME=SECRET", value_parser = assignment)]
    file: Vec<(VariableName, SecretName)>,
    /// Give the command nothing else of this environment but home, user, path, terminal and language
    #[arg(long)]
    pristine: bool,
    /// The command with its arguments
    #[arg(required = true, trailing_var_arg = true, allow_hyphen_values = true, value_name = "COMMAND")]
    command: Vec<OsString>,
}

fn assignment(text: &str) -> Result<(VariableName, SecretName), String> {
    let (variable, secret) = text.split_once('=').ok_or("it is NAME=SECRET")?;
    let variable = variable.parse().map_err(|error: <VariableName as FromStr>::Err| error.to_string())?;
    Ok((variable, name(secret)?))
}

fn prefix(text: &str) -> Result<SecretName, String> {
    name(text.strip_suffix('/').unwrap_or(text))
}

fn name(text: &str) -> Result<SecretName, String> {
    text.parse().map_err(|error: <SecretName as FromStr>::Err| error.to_string())
}

/// The command did not start.
#[derive(Debug, thiserror::Error, miette::Diagnostic)]
#[error("`{program}` could not be started")]
#[diagnostic(code(run::not_started), help("{help}"))]
struct NotStarted {
    program: String,
    help: &'static str,
    source: io::Error,
}

impl Failure for NotStarted {
    fn class(&self) -> Class {
        Class::Environment
    }
}

/// Becomes the command: signals, terminal, exit code and process number are its own.
pub(super) fn run(
    args: &RunArgs,
    mut env: Environment,
    global: Global,
    ui: &mut Ui,
) -> Result<Exit, CommandError> {
    let plain = args.pristine.then(|| std::mem::take(&mut env.plain));
    let ws = env.open(global, "run")?;
    let wishes =
        Wishes { variables: args.env.clone(), prefixes: args.prefix.clone(), files: args.file.clone() };
    let outfit = ops::run::outfit(&ws, &wishes)?;
    // Keys that were unlocked are wiped before another program runs in this process.
    drop(ws);
    let Some((program, arguments)) = args.command.split_first() else { return Ok(Exit::Clean) };
    let source = command(program, arguments, plain, &outfit).exec();
    Ok(not_started(program, source, ui))
}

fn command(
    program: &OsStr,
    arguments: &[OsString],
    plain: Option<Vec<(&'static str, OsString)>>,
    outfit: &Outfit,
) -> Command {
    let mut command = Command::new(program);
    command.args(arguments);
    if let Some(plain) = plain {
        command.env_clear().envs(plain);
    }
    // A command gets what it was given and nothing more.
    command.env_remove(KEY_VARIABLE);
    for (name, value) in &outfit.variables {
        command.env(name.as_str(), OsStr::from_bytes(value.expose()));
    }
    for (name, path) in &outfit.files {
        command.env(name.as_str(), path);
    }
    command
}

/// Ends as shells do: 127 where there is no such program, else 126.
fn not_started(program: &OsStr, source: io::Error, ui: &mut Ui) -> Exit {
    let (code, help) = match source.kind() {
        io::ErrorKind::NotFound => (127, "check its name, the interpreter of a script, and `PATH`"),
        io::ErrorKind::ArgumentListTooLong => {
            (126, "variables and arguments are too long together; hand large values over as files: `--file`")
        }
        _ => (126, "check that it is a program and may be run by this user"),
    };
    let program = program.to_string_lossy().into_owned();
    ui.failure(&NotStarted { program, help, source });
    Exit::NotStarted(code)
}
