//! Why a policy could not be loaded, said in the words of the person who wrote it.

use std::collections::BTreeMap;
use std::sync::Arc;

use rhai::EvalAltResult;
use rhai::Position;

use super::place;
use super::reword;
use crate::diag::Class;
use crate::diag::Failure;
use crate::diag::SourceError;
use crate::diag::shown_source;

/// The texts of all policy files by their path inside the fleet.
pub(super) type Sources = BTreeMap<String, Arc<str>>;

/// Why a policy could not be loaded; each variant holds the place in the file.
#[derive(Debug, thiserror::Error, miette::Diagnostic)]
#[non_exhaustive]
pub enum PolicyError {
    /// The text is not a program, or uses what policies do not have.
    #[error(transparent)]
    #[diagnostic(transparent)]
    Syntax(Box<SourceError>),
    /// A function, variable, property, host or file is named that does not exist.
    #[error(transparent)]
    #[diagnostic(transparent)]
    Unknown(Box<SourceError>),
    /// A function was given something that it does not take.
    #[error(transparent)]
    #[diagnostic(transparent)]
    Argument(Box<SourceError>),
    /// The policy takes more time or memory than a policy may.
    #[error(transparent)]
    #[diagnostic(transparent)]
    Limit(Box<SourceError>),
    /// The policy stopped by itself: it threw, divided by zero, or mixed types.
    #[error(transparent)]
    #[diagnostic(transparent)]
    Script(Box<SourceError>),
}

impl PolicyError {
    /// The mistake with its file and span.
    pub fn source_error(&self) -> &SourceError {
        match self {
            Self::Syntax(error)
            | Self::Unknown(error)
            | Self::Argument(error)
            | Self::Limit(error)
            | Self::Script(error) => error,
        }
    }
}

impl Failure for PolicyError {
    fn class(&self) -> Class {
        Class::Usage
    }
}

/// The stable codes of this module.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Code {
    Syntax,
    UnknownFunction,
    UnknownVariable,
    UnknownProperty,
    UnknownHost,
    UnknownImport,
    Pattern,
    Selector,
    Date,
    Period,
    UnknownAdmin,
    Argument,
    Limit,
    Script,
}

impl Code {
    /// The code as findings show it.
    pub(super) fn text(self) -> &'static str {
        match self {
            Self::Syntax => "policy::syntax",
            Self::UnknownFunction => "policy::unknown_function",
            Self::UnknownVariable => "policy::unknown_variable",
            Self::UnknownProperty => "policy::unknown_property",
            Self::UnknownHost => "policy::unknown_host",
            Self::UnknownImport => "policy::unknown_import",
            Self::Pattern => "policy::pattern",
            Self::Selector => "policy::selector",
            Self::Date => "policy::date",
            Self::Period => "policy::period",
            Self::UnknownAdmin => "policy::unknown_admin",
            Self::Argument => "policy::argument",
            Self::Limit => "policy::limit",
            Self::Script => "policy::script",
        }
    }

    fn variant(self) -> fn(Box<SourceError>) -> PolicyError {
        match self {
            Self::Syntax => PolicyError::Syntax,
            Self::UnknownFunction
            | Self::UnknownVariable
            | Self::UnknownProperty
            | Self::UnknownHost
            | Self::UnknownAdmin
            | Self::UnknownImport => PolicyError::Unknown,
            Self::Pattern | Self::Selector | Self::Date | Self::Period | Self::Argument => {
                PolicyError::Argument
            }
            Self::Limit => PolicyError::Limit,
            Self::Script => PolicyError::Script,
        }
    }
}

/// A mistake before its place is known; native functions throw it through the engine.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct Fault {
    pub(super) code: Code,
    pub(super) message: String,
    pub(super) label: String,
    pub(super) help: Option<String>,
}

impl Fault {
    /// A mistake without remark or help.
    pub(super) fn new(code: Code, message: impl Into<String>) -> Self {
        Self { code, message: message.into(), label: "here".to_owned(), help: None }
    }

    /// The same mistake with the next step.
    pub(super) fn help(self, help: impl Into<String>) -> Self {
        Self { help: Some(help.into()), ..self }
    }

    /// The mistake as the engine carries it; without a position it is that of the call.
    #[expect(clippy::unnecessary_box_returns, reason = "the engine carries its errors in boxes")]
    pub(super) fn thrown_at(self, position: Position) -> Box<EvalAltResult> {
        Box::new(EvalAltResult::ErrorRuntime(rhai::Dynamic::from(self), position))
    }

    /// The mistake at its place.
    pub(super) fn at(self, sources: &Sources, file: &str, position: Position) -> PolicyError {
        let text = sources.get(file).cloned().unwrap_or_else(|| Arc::from(""));
        let span = place::span(&text, position);
        let error = SourceError {
            code: self.code.text(),
            message: self.message,
            label: self.label,
            help: self.help,
            source_file: shown_source(file, &text, "rhai"),
            span,
        };
        self.code.variant()(Box::new(error))
    }
}

impl From<Fault> for Box<EvalAltResult> {
    fn from(fault: Fault) -> Self {
        fault.thrown_at(Position::NONE)
    }
}

/// An engine's error in our words, at the innermost place that is known.
pub(super) fn translate(error: &EvalAltResult, file: &str, sources: &Sources) -> PolicyError {
    let (error, file, position) = innermost(error, file, Position::NONE);
    reword::reword(error).at(sources, file, position)
}

/// The same error as one line, for the conditions of rules.
pub(super) fn one_line(error: &EvalAltResult, file: &str) -> String {
    let (error, file, position) = innermost(error, file, Position::NONE);
    let message = reword::reword(error).message;
    match position.line() {
        Some(line) => format!("{message} ({file}:{line})"),
        None => message,
    }
}

fn innermost<'e>(
    error: &'e EvalAltResult,
    file: &'e str,
    outer: Position,
) -> (&'e EvalAltResult, &'e str, Position) {
    let position = error.position().or_else(outer);
    match error {
        EvalAltResult::ErrorInFunctionCall(_, source, inner, _)
        | EvalAltResult::ErrorInModule(source, inner, _) => {
            innermost(inner, if source.is_empty() { file } else { source }, position)
        }
        _ => (error, file, position),
    }
}
