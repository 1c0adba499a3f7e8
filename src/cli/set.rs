//! `secretctl set`

use std::io::IsTerminal;
use std::io::Read;
use std::path::PathBuf;

use super::context::Environment;
use super::context::Global;
use super::exit::CommandError;
use super::exit::Exit;
use super::prompt::NotEntered;
use super::prompt::new_value;
use super::question::DropsUnread;
use super::ui::Ui;
use crate::diag::Class;
use crate::diag::Failure;
use crate::name::SecretName;
use crate::ops;
use crate::ops::put::EmptyValue;
use crate::ops::put::Put;
use crate::ops::put::PutReport;
use crate::secret::PLAINTEXT_MAX;
use crate::secret::SecretBytes;

/// Give a secret a value from stdin or a file, never from an argument
#[derive(Debug, clap::Args)]
pub(super) struct SetArgs {
    /// The secret; one that does not exist is made
    secret: SecretName,
    /// Read the value from this file, `-` for stdin; at a terminal it is asked for otherwise
    #[arg(long, value_name = "FILE")]
    from_file: Option<PathBuf>,
    /// Drop one newline at the end of the value
    #[arg(long)]
    trim: bool,
    /// Allow the value to be empty
    #[arg(long)]
    allow_empty: bool,
}

/// Why there is no value.
#[derive(Debug, thiserror::Error, miette::Diagnostic)]
enum ValueError {
    /// The file could not be read.
    #[error("cannot read the value from {file}")]
    #[diagnostic(
        code(set::unreadable),
        help("check the path, or pipe the value in: `… | secretctl set SECRET --from-file -`")
    )]
    Unreadable { file: String, source: std::io::Error },
    /// Nobody typed it.
    #[error("no value was given, or the two entries differ")]
    #[diagnostic(
        code(set::none),
        help("type the same value twice, or pipe it in: `… | secretctl set SECRET --from-file -`")
    )]
    NotTyped,
    /// A text of several lines, such as a key, was pasted.
    #[error("one line was asked for and several came; all of them were thrown away")]
    #[diagnostic(
        code(set::several_lines),
        help(
            "for more than one line use `secretctl edit {secret}`, or `secretctl set {secret} --from-file FILE`"
        )
    )]
    SeveralLines { secret: SecretName },
}

impl Failure for ValueError {
    fn class(&self) -> Class {
        match self {
            Self::Unreadable { .. } => Class::Environment,
            Self::NotTyped | Self::SeveralLines { .. } => Class::Usage,
        }
    }
}

pub(super) fn run(
    args: &SetArgs,
    env: Environment,
    global: Global,
    ui: &mut Ui,
) -> Result<Exit, CommandError> {
    // A value may have been pasted before it was asked for, or after this failed.
    let _unread = is_asked_for(args).then(DropsUnread::new);
    let ws = env.open(global, &format!("set {}", args.secret))?;
    let mut value = read(args)?;
    if args.trim {
        value.strip_suffix(b'\n');
    } else if is_one_line_with_newline(&value) {
        ui.say("note: the value ends with a newline, which is kept; `--trim` drops it");
    }
    let empty = if args.allow_empty { EmptyValue::Allow } else { EmptyValue::Refuse };
    let report = ops::put::set(&ws, &args.secret, &value, empty)?;
    Ok(tell(&report, ui))
}

fn read(args: &SetArgs) -> Result<SecretBytes, ValueError> {
    let bounded = |file: String, reader: Box<dyn Read>| {
        SecretBytes::read_bounded(reader, PLAINTEXT_MAX)
            .map_err(|source| ValueError::Unreadable { file, source })
    };
    match &args.from_file {
        Some(path) if path.as_os_str() != "-" => {
            // What names no file may be the value itself.
            let file = if path.exists() {
                format!("`{}`", path.display())
            } else {
                "the file of `--from-file`".to_owned()
            };
            match std::fs::File::open(path) {
                Ok(opened) => bounded(file, Box::new(opened)),
                Err(source) => Err(ValueError::Unreadable { file, source }),
            }
        }
        None if is_asked_for(args) => {
            new_value(&format!("Value of {}", args.secret)).map_err(|why| match why {
                NotEntered::SeveralLines => ValueError::SeveralLines { secret: args.secret.clone() },
                NotEntered::Nobody | NotEntered::Differ => ValueError::NotTyped,
            })
        }
        _ => bounded("standard input".to_owned(), Box::new(std::io::stdin())),
    }
}

fn is_asked_for(args: &SetArgs) -> bool {
    args.from_file.is_none() && std::io::stdin().is_terminal()
}

fn is_one_line_with_newline(value: &SecretBytes) -> bool {
    value.expose().iter().position(|byte| *byte == b'\n').is_some_and(|at| at + 1 == value.len())
}

/// Says what became of a value, and what is left to do.
pub(super) fn tell(report: &PutReport, ui: &mut Ui) -> Exit {
    let secret = &report.secret;
    let hosts: Vec<&str> = report.hosts.iter().map(AsRef::as_ref).collect();
    let for_admins = secret.is_for_admins();
    let readers = if for_admins {
        "it is for admins alone".to_owned()
    } else if hosts.is_empty() {
        "no host may read it yet".to_owned()
    } else {
        format!("read by {}", hosts.join(", "))
    };
    if report.weak {
        ui.say(&format!("warning: the value of {secret} is short or common enough to be found by trying"));
    }
    match report.outcome {
        Put::Unchanged => ui.say(&format!("{secret} is unchanged (revision {})", report.revision)),
        Put::Created => ui.say(&format!("created {secret} (revision {}); {readers}", report.revision)),
        Put::Changed => ui.say(&format!("changed {secret} (revision {}); {readers}", report.revision)),
    }
    if hosts.is_empty() && !for_admins && report.outcome != Put::Unchanged {
        ui.say(&format!(
            "help: `secretctl policy explain {secret} HOST SERVICE` tells which rule comes nearest"
        ));
    }
    match &report.unsealed {
        None => Exit::Clean,
        Some(finding) => {
            ui.finding(finding);
            ui.say("the new value stands in its source; run `secretctl seal` when that is repaired");
            Exit::Found(finding.class)
        }
    }
}
