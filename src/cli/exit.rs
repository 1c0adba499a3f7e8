//! How a command ends: exit codes and the errors that lead to them.

use std::process::ExitCode;

use crate::diag::CHANGES_EXIT_CODE;
use crate::diag::Class;
use crate::diag::Failure;

/// Any error of any command, with code, help and class.
pub type CommandError = Box<dyn Failure + Send + Sync>;

impl<E: Failure + Send + Sync + 'static> From<E> for CommandError {
    fn from(error: E) -> Self {
        Box::new(error)
    }
}

/// Printing failed: the disk is full, or whoever read it is gone in an unusual way.
#[derive(Debug, thiserror::Error, miette::Diagnostic)]
#[error("cannot print")]
#[diagnostic(code(cli::output), help("check where the output goes"))]
struct OutputError(#[from] std::io::Error);

impl Failure for OutputError {
    fn class(&self) -> Class {
        Class::Environment
    }
}

impl From<std::io::Error> for CommandError {
    fn from(error: std::io::Error) -> Self {
        Box::new(OutputError(error))
    }
}

/// How a command that ran to its end ends: clean, or with findings of a class.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Exit {
    /// Exit code 0.
    Clean,
    /// The exit code of the class.
    Found(Class),
    /// A plan that would change something.
    Changes,
    /// A command could not be started: what shells say then, 126 or 127.
    NotStarted(u8),
}

impl From<Option<Class>> for Exit {
    fn from(worst: Option<Class>) -> Self {
        worst.map_or(Self::Clean, Self::Found)
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        match exit {
            Exit::Clean => Self::SUCCESS,
            Exit::Found(class) => Self::from(class.exit_code()),
            Exit::Changes => Self::from(CHANGES_EXIT_CODE),
            Exit::NotStarted(code) => Self::from(code),
        }
    }
}
