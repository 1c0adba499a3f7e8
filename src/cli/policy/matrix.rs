//! `secretctl policy matrix`

mod csv;
mod html;
mod text;

use crate::cli::context::Environment;
use crate::cli::context::Global;
use crate::cli::exit::CommandError;
use crate::cli::exit::Exit;
use crate::cli::ui::Ui;
use crate::name::HostName;
use crate::name::ServiceName;
use crate::ops;
use crate::ops::policy::Filter;
use crate::ops::policy::SecretPattern;

/// Show which services of which hosts may read each secret
#[derive(Debug, clap::Args)]
pub(in crate::cli) struct MatrixArgs {
    /// Show this host only (can be repeated)
    #[arg(long = "host", value_name = "HOST")]
    hosts: Vec<HostName>,
    /// Show secrets that this pattern covers, as in a rule: `forge/**` (can be repeated)
    #[arg(long = "secret", value_name = "GLOB")]
    secrets: Vec<SecretPattern>,
    /// Show what this service may read (can be repeated)
    #[arg(long = "service", value_name = "SERVICE")]
    services: Vec<ServiceName>,
    /// Show every host and service, even if lines get longer than the terminal is wide
    #[arg(long)]
    full: bool,
    /// How to print it
    #[arg(long, value_enum, default_value_t)]
    format: MatrixFormat,
}

/// How the table is printed.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq, clap::ValueEnum)]
enum MatrixFormat {
    /// For people at a terminal.
    #[default]
    Text,
    /// For programs; the schema is versioned.
    Json,
    /// For spreadsheets: one line for each secret, host and service.
    Csv,
    /// For a browser: one page that needs no network.
    Html,
}

pub(super) fn run(
    args: MatrixArgs,
    env: Environment,
    global: Global,
    ui: &mut Ui,
) -> Result<Exit, CommandError> {
    let ws = env.open(global, "policy matrix")?;
    let filter = Filter {
        hosts: args.hosts.into_iter().collect(),
        secrets: args.secrets,
        services: args.services.into_iter().collect(),
    };
    let view = ops::policy::matrix(&ws, &filter)?;
    match args.format {
        MatrixFormat::Json => ui.json(&serde_json::json!({ "version": 1, "rows": view.rows }))?,
        MatrixFormat::Csv => ui.data(&csv::lines(&ws, &view)?)?,
        MatrixFormat::Html => ui.data(html::page(&ws, &view)?.as_bytes())?,
        MatrixFormat::Text if view.rows.is_empty() => {
            ui.say(text::nothing(&filter));
        }
        MatrixFormat::Text => ui.lines(text::table(&view, text::width(args.full)))?,
    }
    Ok(Exit::Clean)
}
