//! `secretctl policy matrix`

use crate::cli::context::Environment;
use crate::cli::context::Global;
use crate::cli::exit::CommandError;
use crate::cli::exit::Exit;
use crate::cli::table::names;
use crate::cli::table::table;
use crate::cli::ui::Format;
use crate::cli::ui::Ui;
use crate::name::HostName;
use crate::ops;
use crate::ops::policy::Matrix;
use crate::ops::policy::Services;

/// Show which services of which hosts may read each secret
#[derive(Debug, clap::Args)]
pub(in crate::cli) struct MatrixArgs {
    /// Show this host only (can be repeated)
    #[arg(long = "host", value_name = "HOST")]
    hosts: Vec<HostName>,
    /// How to print it
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

pub(super) fn run(
    args: MatrixArgs,
    env: Environment,
    global: Global,
    ui: &mut Ui,
) -> Result<Exit, CommandError> {
    let ws = env.open(global, "policy matrix")?;
    let matrix = ops::policy::matrix(&ws, &args.hosts.into_iter().collect())?;
    match args.format {
        Format::Json => ui.json(&serde_json::json!({ "version": 1, "rows": matrix.rows }))?,
        Format::Text if matrix.rows.is_empty() => {
            ui.say("no rule allows anybody to read a secret that exists");
        }
        Format::Text => ui.line(&rows(&matrix))?,
    }
    Ok(Exit::Clean)
}

fn rows(matrix: &Matrix) -> String {
    let mut last = None;
    let rows = matrix.rows.iter().map(|row| {
        let secret = if last == Some(&row.secret) { String::new() } else { row.secret.to_string() };
        last = Some(&row.secret);
        let services = match &row.grant.services {
            Services::All => "every service".to_owned(),
            Services::Only(services) => names(services),
        };
        let end = row.grant.not_after.map(|end| end.to_string()).unwrap_or_default();
        vec![secret, row.host.to_string(), services, end]
    });
    table(&["secret", "host", "services", "until"], rows)
}
