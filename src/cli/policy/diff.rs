//! `secretctl policy diff`

mod markdown;
mod rows;
mod text;

use super::fold::Length;
use crate::cli::context::Environment;
use crate::cli::context::Global;
use crate::cli::exit::CommandError;
use crate::cli::exit::Exit;
use crate::cli::table::count;
use crate::cli::ui::Ui;
use crate::diag::Class;
use crate::ops;
use crate::ops::policy::AccessDiff;
use crate::ops::policy::Range;

/// Show who gains and who loses access between two Git revisions; exits 1 when somebody gains
#[derive(Debug, clap::Args)]
pub(in crate::cli) struct DiffArgs {
    /// The revision to start from, `A..B` for two, or `A...B` for what B has changed since it left A [else HEAD]
    #[arg(value_name = "REV")]
    old: Option<String>,
    /// The revision to compare with [else the working tree]
    #[arg(value_name = "REV")]
    new: Option<String>,
    /// Which changes lead to exit code 1
    #[arg(long, value_enum, value_name = "WHAT", default_value_t)]
    fail_on: FailOn,
    /// Name every secret and host instead of folding long lists
    #[arg(long)]
    full: bool,
    /// How to print it; Markdown is for a pull request
    #[arg(long, value_enum, default_value_t)]
    format: DiffFormat,
}

/// How the difference is printed.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq, clap::ValueEnum)]
enum DiffFormat {
    /// For people.
    #[default]
    Text,
    /// For programs; the schema is versioned.
    Json,
    /// For a pull request.
    Markdown,
}

/// What makes the command fail.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq, clap::ValueEnum)]
enum FailOn {
    /// More access, or longer access.
    #[default]
    Gained,
    /// Less access, or shorter access.
    Lost,
    /// Either.
    Any,
    /// Nothing.
    Never,
}

impl FailOn {
    fn fails(self, diff: &AccessDiff) -> bool {
        match self {
            Self::Gained => diff.has_gains(),
            Self::Lost => diff.has_losses(),
            Self::Any => !diff.is_empty(),
            Self::Never => false,
        }
    }
}

pub(super) fn run(
    args: &DiffArgs,
    env: Environment,
    global: Global,
    ui: &mut Ui,
) -> Result<Exit, CommandError> {
    let settings = env.settings(global, "policy diff");
    let range = Range::of(args.old.as_deref(), args.new.as_deref());
    let diff = ops::policy::diff(&settings, &range)?;
    let length = Length::of(args.full);
    match args.format {
        DiffFormat::Json => ui.json(&diff)?,
        DiffFormat::Text => ui.lines(text::text(&diff, length))?,
        DiffFormat::Markdown => ui.lines(markdown::markdown(&diff, length).lines())?,
    }
    Ok(if args.fail_on.fails(&diff) { Exit::Found(Class::Finding) } else { Exit::Clean })
}

/// The totals in words, without those that are zero.
fn totals(diff: &AccessDiff) -> String {
    let parts = [
        (diff.gained.len(), "gained", "gained"),
        (diff.lost.len(), "lost", "lost"),
        (diff.ends.len(), "end changed", "ends changed"),
        (diff.keys.len(), "owner with other keys", "owners with other keys"),
    ];
    let parts = parts.iter().filter(|(number, ..)| *number > 0);
    parts.map(|(number, one, many)| count(*number, one, many)).collect::<Vec<_>>().join(", ")
}
