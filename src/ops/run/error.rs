//! Why a command was not started.

use std::io;

use super::VariableName;
use crate::diag::Class;
use crate::diag::Failure;
use crate::name::SecretName;

/// Why a command was not started.
#[derive(Debug, thiserror::Error, miette::Diagnostic)]
#[non_exhaustive]
pub enum RunError {
    /// One variable would get two values.
    #[error("variable `{variable}` would hold both `{first}` and `{second}`")]
    #[diagnostic(
        code(run::clash),
        help("nothing was started; name the secrets one by one: `--env NAME={first} --env OTHER={second}`")
    )]
    Clash {
        /// The variable.
        variable: VariableName,
        /// One secret.
        first: SecretName,
        /// The other.
        second: SecretName,
    },
    /// A prefix without secrets.
    #[error("there is no secret below `{prefix}/`")]
    #[diagnostic(
        code(run::nothing_below),
        help(
            "nothing was started; `secretctl list` shows all names, and `--env NAME={prefix}` hands one over"
        )
    )]
    NothingBelow {
        /// The prefix.
        prefix: SecretName,
    },
    /// The rest of a name makes no variable.
    #[error("`{rest}`, the rest of `{secret}`, makes no name of a variable: it starts with a digit")]
    #[diagnostic(
        code(run::no_variable),
        help("nothing was started; name the secrets one by one: `--env NAME={secret}`")
    )]
    NoVariable {
        /// The secret.
        secret: SecretName,
        /// Its name without the prefix.
        rest: String,
    },
    /// A name from the repository would decide what runs here.
    #[error("`{secret}` would set `{variable}`, which decides how programs are found and run")]
    #[diagnostic(
        code(run::trusted_variable),
        help(
            "nothing was started; if that is what you want, say it: `--env {variable}={secret}`, and name the others one by one or move it: `secretctl mv`"
        )
    )]
    Trusted {
        /// The variable.
        variable: VariableName,
        /// The secret.
        secret: SecretName,
    },
    /// A value that no variable can hold.
    #[error("the value of `{secret}` fits no variable: {reason}")]
    #[diagnostic(
        code(run::not_text),
        help("nothing was started; hand it over as a file: `--file {variable}={secret}`")
    )]
    NotText {
        /// The secret.
        secret: SecretName,
        /// The variable.
        variable: VariableName,
        /// Why.
        reason: &'static str,
    },
    /// No place for files.
    #[error("there is no memory-backed folder for files of a command; looked at {looked}")]
    #[diagnostic(
        code(run::no_memory),
        help(
            "nothing was started; mount a tmpfs and name it in `XDG_RUNTIME_DIR`, or hand the value over in a variable: `--env`"
        )
    )]
    NoMemory {
        /// Each place and what it is instead.
        looked: String,
    },
    /// Nobody would wipe the files.
    #[error("cannot watch for the end of the command, so its files would stay")]
    #[diagnostic(
        code(run::guard),
        help("nothing was started; hand the values over in variables: `--env` instead of `--file`")
    )]
    Guard {
        /// Why.
        source: io::Error,
    },
}

impl Failure for RunError {
    fn class(&self) -> Class {
        match self {
            Self::NoMemory { .. } | Self::Guard { .. } => Class::Environment,
            Self::NotText { .. } => Class::Finding,
            _ => Class::Usage,
        }
    }
}
