//! What stands in front of the argument parser, so that no private key or value is printed that was passed by mistake.

use std::error::Error;
use std::ffi::OsStr;
use std::ffi::OsString;
use std::io::Write;
use std::process::ExitCode;

use clap::error::ContextKind;
use clap::error::ContextValue;
use clap::error::ErrorKind;

use super::exit::Exit;
use super::ui::Ui;
use crate::diag::Class;
use crate::diag::Failure;
use crate::diag::first_private_key;
use crate::diag::masked;
use crate::name::NameError;

/// Subcommands that take a value from a person, who may have put it among the arguments.
const TAKE_A_VALUE: [&str; 2] = ["edit", "set"];

/// What to do about a secret on a command line, which every shell keeps.
const HISTORY: &str =
    "it is in the history of your shell now: delete it there, and replace it if others can read that file";

/// Why the arguments are not even parsed.
#[derive(Debug, thiserror::Error, miette::Diagnostic)]
enum ArgumentError {
    /// A private key where something else belongs.
    #[error("{place} holds a private key itself, which is not shown here")]
    #[diagnostic(code(cli::private_key), help("{help}"))]
    PrivateKey { place: String, help: String },
    /// Something that may be a value where a name or nothing belongs.
    #[error("`{command}` takes only the name of a secret as argument, and never its value")]
    #[diagnostic(
        code(cli::value),
        help(
            "{suggestion}pipe the value in: `printf %s … | secretctl set NAME`, or leave the pipe out to be asked for it; if a value was among the arguments, {HISTORY}"
        )
    )]
    Value { command: String, suggestion: String },
    /// A name that breaks its rule, and may be a value.
    #[error("`{command}` was given a secret name that is not valid: {rule}")]
    #[diagnostic(
        code(cli::secret_name),
        help("the argument is the name of a secret, never its value; if it was a value, {HISTORY}")
    )]
    Name { command: String, rule: &'static str },
}

impl Failure for ArgumentError {
    fn class(&self) -> Class {
        Class::Usage
    }
}

/// Parses the arguments of the program; an error has been shown without what must not be printed.
pub fn parse<P: clap::Parser>(arguments: &[OsString], ui: &mut Ui) -> Result<P, ExitCode> {
    if let Some(error) = private_key_among(arguments) {
        return Err(refused(&error, ui));
    }
    P::try_parse_from(arguments).map_err(|error| match value_among::<P>(arguments, &error) {
        Some(error) => refused(&error, ui),
        None => shown(&error),
    })
}

/// Whether a variable of the environment that names a file holds a private key instead; that has been shown.
pub fn variable_is_key(name: &str, value: &OsStr, ui: &mut Ui) -> Option<ExitCode> {
    first_private_key(&value.to_string_lossy())?;
    let help = format!("name the file that holds the key: `{name}=FILE`");
    Some(refused(&ArgumentError::PrivateKey { place: format!("`{name}`"), help }, ui))
}

fn refused(error: &ArgumentError, ui: &mut Ui) -> ExitCode {
    ui.failure(error);
    Exit::Found(error.class()).into()
}

/// The first argument with a private key, also one that the shell split into words; none after `--`, where the
/// arguments of another program stand.
fn private_key_among(arguments: &[OsString]) -> Option<ArgumentError> {
    let words: Vec<_> = arguments.iter().skip(1).map(|word| word.to_string_lossy()).collect();
    let ours: Vec<&str> = words.iter().map(AsRef::as_ref).take_while(|word| *word != "--").collect();
    let mut at = first_private_key(&ours.join(" "))?;
    let mut key = 0;
    while let Some(word) = ours.get(key).filter(|word| word.len() < at) {
        at -= word.len() + 1;
        key += 1;
    }
    let begin = ours.iter().take(key + 1).rposition(|word| word.contains("-----BEGIN")).unwrap_or(key);
    let is_option = |word: &&str| word.starts_with("--") && !word.starts_with("-----");
    let option = ours.get(begin).filter(|word| is_option(word)).and_then(|word| word.split_once('='));
    let option = option.map(|(name, _)| name);
    let before =
        || begin.checked_sub(1).and_then(|before| ours.get(before).copied()).filter(|word| is_option(word));
    let (place, help) = match option.or_else(before) {
        Some("--recipient") => (
            "`--recipient`".to_owned(),
            "it takes the PUBLIC half: `--recipient \"$(cat id_ed25519.pub)\"`, or for an age identity `--recipient \"$(age-keygen -y FILE)\"`"
                .to_owned(),
        ),
        Some(option) => {
            (format!("`{option}`"), format!("name the file that holds the key, or its public half: `{option} FILE`"))
        }
        None => (
            "an argument".to_owned(),
            "a key that is to be stored comes from its file: `secretctl set NAME --from-file FILE`".to_owned(),
        ),
    };
    Some(ArgumentError::PrivateKey {
        place,
        help: format!("{help}; if the key was typed or pasted here, {HISTORY}"),
    })
}

/// The error in other words where the parser's own would quote what may be a value.
fn value_among<P: clap::Parser>(arguments: &[OsString], error: &clap::Error) -> Option<ArgumentError> {
    let quotes = [ErrorKind::UnknownArgument, ErrorKind::TooManyValues, ErrorKind::ValueValidation];
    if !quotes.contains(&error.kind()) {
        return None;
    }
    let given = P::command().ignore_errors(true).try_get_matches_from(arguments).ok()?;
    let command = given.subcommand_name().filter(|name| TAKE_A_VALUE.contains(name))?;
    let command = format!("secretctl {command}");
    if let Some(error) = error.source().and_then(|source| source.downcast_ref::<NameError>()) {
        return Some(ArgumentError::Name { command, rule: error.rule() });
    }
    let suggestion = match error.get(ContextKind::SuggestedArg) {
        Some(ContextValue::String(option)) => format!("the option is spelled `{option}`; "),
        _ => String::new(),
    };
    Some(ArgumentError::Value { command, suggestion })
}

/// Help goes to stdout; a mistake to stderr, without the private key that may be part of it.
fn shown(error: &clap::Error) -> ExitCode {
    let text = error.render().to_string();
    let masked = masked(&text);
    if masked == text {
        let _ = error.print();
    } else {
        let _ = std::io::stderr().write_all(masked.as_bytes());
    }
    ExitCode::from(u8::try_from(error.exit_code()).unwrap_or(2))
}
