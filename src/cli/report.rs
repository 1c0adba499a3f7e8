//! `secretctl report`

mod access;
mod content;
mod order;

use std::path::PathBuf;

use jiff::Timestamp;

use super::audit::args::instant;
use super::context::Environment;
use super::context::Global;
use super::exit::CommandError;
use super::exit::Exit;
use super::page::Parts;
use super::page::filled;
use super::ui::Ui;
use crate::ops;
use crate::ops::Workspace;
use crate::ops::report::Mask;

const PAGE: &str = include_str!("report/page.html");
const STYLE: &str = concat!(include_str!("report/page.css"), include_str!("report/print.css"));
/// One script in several files; each uses only what those before it declare.
const SCRIPT: &str = concat!(
    include_str!("report/base.js"),
    include_str!("report/access.js"),
    include_str!("report/grid.js"),
    include_str!("report/lists.js"),
    include_str!("report/life.js"),
    include_str!("report/start.js")
);

/// Write one HTML page that needs no network: access, rotation, exposure, rules and the life of each secret
#[derive(Debug, clap::Args)]
pub(super) struct ReportArgs {
    /// Write the page to this file instead of printing it
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// The day or time to report for, such as 2027-01-31: what will be due then
    #[arg(long, value_name = "DATE", value_parser = instant)]
    at: Option<Timestamp>,
    /// Show short identifiers instead of the names of secrets, hosts, services and people, and no texts
    #[arg(long)]
    hash_names: bool,
    /// Make the identifiers with this secret file, so that two reports can be compared [else no two agree]
    #[arg(long, value_name = "FILE", requires = "hash_names")]
    salt_file: Option<PathBuf>,
}

pub(super) fn run(
    args: &ReportArgs,
    env: Environment,
    global: Global,
    ui: &mut Ui,
) -> Result<Exit, CommandError> {
    let mask = match &args.salt_file {
        Some(file) => Mask::with_salt(file)?,
        None if args.hash_names => Mask::random(),
        None => Mask::Plain,
    };
    let env = Environment { now: args.at.unwrap_or(env.now), ..env };
    let ws = env.open(global, "report")?;
    let page = page(&ws, &mask)?;
    match &args.out {
        Some(file) => {
            ops::report::save(file, &page)?;
            ui.say(&format!("wrote {} ({} KiB)", file.display(), page.len().div_ceil(1024)));
        }
        None => ui.data(page.as_bytes())?,
    }
    Ok(Exit::Clean)
}

/// The whole page.
pub(super) fn page(ws: &Workspace, mask: &Mask) -> Result<String, CommandError> {
    let mut report = ops::report::report(ws)?;
    if mask.hides() {
        order::hide(&mut report, mask);
    }
    let content =
        serde_json::to_string(&content::content(ws, &report, mask)).map_err(std::io::Error::from)?;
    Ok(filled(&Parts { template: PAGE, style: STYLE, script: SCRIPT, content: &content }))
}
