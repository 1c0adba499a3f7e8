//! `secretctl list`

use super::context::Environment;
use super::context::Global;
use super::exit::CommandError;
use super::exit::Exit;
use super::table::names;
use super::table::table;
use super::ui::Format;
use super::ui::Ui;
use crate::ops;

/// List every secret with its revision, the day of its last value, and the hosts that have a copy
#[derive(Debug, clap::Args)]
pub(super) struct ListArgs {
    /// How to print it
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

pub(super) fn run(
    args: &ListArgs,
    env: Environment,
    global: Global,
    ui: &mut Ui,
) -> Result<Exit, CommandError> {
    let ws = env.open(global, "list")?;
    let (listed, broken) = ops::show::list(&ws)?;
    match args.format {
        Format::Json => ui.json(&serde_json::json!({ "version": 1, "secrets": listed }))?,
        Format::Text if listed.is_empty() && !broken.is_empty() => {}
        Format::Text if listed.is_empty() => ui.say("no secrets yet; make one with `secretctl edit NAME`"),
        Format::Text => {
            let rows = listed.iter().map(|secret| {
                let number = secret.revision.map_or("?".to_owned(), |revision| revision.to_string());
                let day = secret.changed.map_or("?".to_owned(), |time| time.strftime("%Y-%m-%d").to_string());
                let hosts = secret.problem.clone().unwrap_or_else(|| names(&secret.hosts));
                vec![secret.secret.to_string(), number, day, hosts]
            });
            ui.lines(table(&["secret", "revision", "changed", "hosts"], rows))?;
        }
    }
    broken.iter().for_each(|finding| ui.finding(finding));
    Ok(broken.iter().map(|finding| finding.class).max().map_or(Exit::Clean, Exit::Found))
}
